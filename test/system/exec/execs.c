/*
 * execs.c: a process becomes another program: what it keeps, what it loses, and each way in which it cannot.
 *
 * The program execs itself, with a word that says what to look at; the verdict is its exit status, 0 is good.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/bin/execs"
#define BAD 99
#define LONG_STRING (200 * 1024)
#define BIG_STRING (100 * 1024)
#define BIG_COUNT 15
#define SCRIPT_CHAIN 7

extern char **environ;
static int points;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

/* Status of a child that runs fn and does not come back from it well. */
static int
child(void (*fn)(void *), void *arg)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        fn(arg);
        _exit(BAD);
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void
exec_self(void *word)
{
    char *argv[] = { SELF, word, NULL }, *envp[] = { "WORD=kept", "OTHER=", NULL };

    execve(SELF, argv, envp);
}

/* ---- the program that was exec'd ---- */

static int
see_arguments(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[0], SELF) == 0 && getenv("WORD") != NULL && strcmp(getenv("WORD"), "kept") == 0 && environ[2] == NULL &&
                   getauxval(AT_PAGESZ) == 4096 && strcmp((char *)getauxval(AT_EXECFN), SELF) == 0 && getauxval(AT_RANDOM) != 0
               ? 0 : 1;
}

static int
see_descriptors(void)
{
    return fcntl(10, F_GETFD) == 0 && fcntl(11, F_GETFD) == -1 && errno == EBADF ? 0 : 1;
}

static int
see_signals(void)
{
    struct sigaction usr1, usr2;
    stack_t alt;
    sigset_t mask;

    sigaction(SIGUSR1, NULL, &usr1);
    sigaction(SIGUSR2, NULL, &usr2);
    sigaltstack(NULL, &alt);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    return usr1.sa_handler == SIG_DFL && usr2.sa_handler == SIG_IGN && (alt.ss_flags & SS_DISABLE) && sigismember(&mask, SIGTERM) ? 0 : 1;
}

static int
see_memory(void)
{
    uint16_t control;
    uint32_t mxcsr;
    char vec;

    __asm__ volatile("fnstcw %0" : "=m"(control));
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mincore((void *)0x10000000, 4096, (unsigned char *)&vec) == -1 && errno == ENOMEM && control == 0x37f && mxcsr == 0x1f80 ? 0 : 1;
}

static int
see_big(int argc, char **argv)
{
    size_t bytes = 0;

    for (int i = 2; i < argc; i++)
        bytes += strlen(argv[i]);
    return argc == 2 + BIG_COUNT && bytes == (size_t)BIG_COUNT * BIG_STRING ? 0 : 1;
}

static int
seen(int argc, char **argv)
{
    if (strcmp(argv[1], "arguments") == 0)
        return see_arguments(argc, argv);
    if (strcmp(argv[1], "descriptors") == 0)
        return see_descriptors();
    if (strcmp(argv[1], "signals") == 0)
        return see_signals();
    if (strcmp(argv[1], "memory") == 0)
        return see_memory();
    if (strcmp(argv[1], "big") == 0)
        return see_big(argc, argv);
    if (strcmp(argv[1], "pid") == 0)
        return getpid() == atoi(getenv("PID")) ? 0 : 1;
    if (strcmp(argv[1], "-x y") == 0)           /* as a script's interpreter */
        return argc == 4 && strcmp(argv[2], "/tmp/script") == 0 && strcmp(argv[3], "own") == 0 ? 0 : 1;
    return BAD;
}

/* ---- what is kept ---- */

static void
handler(int sig)
{
    (void)sig;
}

static void
with_descriptors(void *word)
{
    int fd = open("/etc/passwd", O_RDONLY);

    dup2(fd, 10);
    dup3(fd, 11, O_CLOEXEC);
    exec_self(word);
}

static void
with_signals(void *word)
{
    static char stack[65536];
    stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
    sigset_t mask;

    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigaltstack(&alt, NULL);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    exec_self(word);
}

static void
with_memory(void *word)
{
    uint16_t control = 0x27f;
    uint32_t mxcsr = 0x1f00;

    if (mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return;
    *(char *)0x10000000 = 1;
    __asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(control), "m"(mxcsr));
    exec_self(word);
}

static void
with_pid(void *word)
{
    char pid[32], *argv[] = { SELF, word, NULL }, *envp[] = { pid, NULL };

    snprintf(pid, sizeof(pid), "PID=%d", getpid());
    execve(SELF, argv, envp);
}

static void
with_big(void *word)
{
    static char text[BIG_STRING + 1];
    char *argv[BIG_COUNT + 3] = { SELF, word };

    memset(text, 'x', BIG_STRING);
    for (int i = 0; i < BIG_COUNT; i++)
        argv[2 + i] = text;
    execv(SELF, argv);
}

static void
kept(void)
{
    tap(child(exec_self, "arguments") == 0, "arguments, environment and auxiliary vector arrive");
    tap(child(with_pid, "pid") == 0, "the pid stays");
    tap(child(with_descriptors, "descriptors") == 0, "descriptors stay, but for those marked close-on-exec");
    tap(child(with_signals, "signals") == 0, "handlers and alternate stack go; what is ignored or blocked stays so");
    tap(child(with_memory, "memory") == 0, "memory and vector registers are fresh");
    tap(child(with_big, "big") == 0, "a megabyte and a half of arguments arrives");
}

/* ---- what cannot be ---- */

static int
exec_error(const char *path, char **argv)
{
    char *plain[] = { "x", NULL };

    execv(path, argv != NULL ? argv : plain);
    return errno;
}

static void
file_of(const char *path, const char *text, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, mode) != 0)
        exit(BAD);
    close(fd);
}

static void
refusals(void)
{
    static char longer[5000];
    char *bad_vector = (char *)8, *argv[] = { "x", (char *)8, NULL };
    int fd;

    file_of("/tmp/plain", "just text\n", 10, 0755);
    file_of("/tmp/no-x", "#!/bin/sh\n", 10, 0644);
    file_of("/tmp/cut", "\177ELF\2\1\1", 7, 0755);
    file_of("/tmp/lost", "#!/no/such/interpreter\n", 23, 0755);
    file_of("/tmp/bare", "#!\n", 3, 0755);
    memset(longer, 'n', sizeof(longer) - 1);
    tap(exec_error("/no/such/program", NULL) == ENOENT, "ENOENT: no such file");
    tap(exec_error("/etc/passwd/x", NULL) == ENOTDIR, "ENOTDIR: a file on the way");
    tap(exec_error("/tmp", NULL) == EACCES, "EACCES: a directory");
    tap(exec_error("/tmp/no-x", NULL) == EACCES, "EACCES: not executable");
    tap(exec_error("/tmp/plain", NULL) == ENOEXEC, "ENOEXEC: no format that is known");
    tap(exec_error("/tmp/cut", NULL) == ENOEXEC, "ENOEXEC: an ELF file without the rest");
    tap(exec_error("/tmp/bare", NULL) == ENOEXEC, "ENOEXEC: a script that names no interpreter");
    tap(exec_error("/tmp/lost", NULL) == ENOENT, "ENOENT: a script whose interpreter is missing");
    tap(exec_error(longer, NULL) == ENAMETOOLONG, "ENAMETOOLONG: a path too long");
    tap(exec_error((char *)8, NULL) == EFAULT, "EFAULT: a bad path");
    tap(exec_error(SELF, &bad_vector + 0) == EFAULT, "EFAULT: a bad argument");
    tap(exec_error(SELF, argv) == EFAULT, "EFAULT: a bad second argument");
    fd = open("/tmp/plain", O_WRONLY);
    tap(exec_error("/tmp/plain", NULL) == ETXTBSY, "ETXTBSY: somebody is writing it");
    close(fd);
}

static void
too_much(void)
{
    char *text = malloc(LONG_STRING + 1), *one[] = { "x", text, NULL }, **many = calloc(100, sizeof(*many));
    struct rlimit limit;

    memset(text, 'x', LONG_STRING);
    text[LONG_STRING] = '\0';
    tap(exec_error(SELF, one) == E2BIG, "E2BIG: one string too long");
    text[BIG_STRING] = '\0';
    for (int i = 0; i < 99; i++)
        many[i] = text;
    tap(exec_error(SELF, many) == E2BIG, "E2BIG: all strings together");
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_STACK, &limit);
    many[6] = NULL;
    tap(exec_error(SELF, many) == E2BIG, "E2BIG: a quarter of the stack limit");
    free(text);
    free(many);
}

/* ---- scripts ---- */

static void
run_script(void *path)
{
    char *argv[] = { "not seen", "own", NULL };

    execv(path, argv);
}

static void
scripts(void)
{
    static const char text[] = "#! " SELF " \t-x y \nrest\n", shell[] = "#!/bin/sh";
    char line[64], path[32];

    file_of("/tmp/script", text, sizeof(text) - 1, 0755);
    tap(child(run_script, "/tmp/script") == 0, "a script's interpreter gets one argument, the script, and its arguments");
    file_of("/tmp/empty", shell, sizeof(shell) - 1, 0755);
    tap(child(run_script, "/tmp/empty") == 0, "a script may be its first line, without an end");
    for (int i = 0; i < SCRIPT_CHAIN; i++) {
        snprintf(path, sizeof(path), "/tmp/chain%d", i);
        snprintf(line, sizeof(line), "#!/tmp/chain%d\n", i + 1);
        file_of(path, line, strlen(line), 0755);
    }
    file_of("/tmp/chain7", "#!/bin/true\n", 12, 0755);
    tap(exec_error("/tmp/chain0", NULL) == ELOOP, "ELOOP: interpreters of interpreters");
    tap(child(run_script, "/tmp/chain4") == 0, "a few of them are allowed");
}

static void
run_descriptor(void *arg)
{
    char *argv[] = { SELF, "arguments", NULL }, *envp[] = { "WORD=kept", "OTHER=", NULL };
    int fd = open(SELF, O_RDONLY | O_CLOEXEC);

    (void)arg;
    syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
}

static void
run_below(void *arg)
{
    char *argv[] = { "true", NULL };
    int dir = open("/bin", O_RDONLY | O_DIRECTORY);

    (void)arg;
    syscall(SYS_execveat, dir, "true", argv, environ, 0);
}

static void
descriptor_exec(void)
{
    char *argv[] = { "x", NULL };

    tap(WEXITSTATUS(child(run_descriptor, NULL)) == 1, "a file is exec'd by descriptor, under another name");
    tap(child(run_below, NULL) == 0, "and by a path below a directory");
    tap(syscall(SYS_execveat, -1, "true", argv, environ, 0) == -1 && errno == EBADF, "EBADF: no such directory");
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        return seen(argc, argv);
    printf("1..29\n");
    kept();
    refusals();
    scripts();
    descriptor_exec();
    too_much();
    return 0;
}
