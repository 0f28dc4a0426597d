/*
 * drive.c: a person at a terminal: starts programs on a pseudo-terminal, types at them, and looks at what they show.
 *
 * usage: drive SCRIPT... A line of one is one of
 *   run COMMAND             starts it with /bin/sh -c on a new terminal of 24 lines and 80 columns
 *   size LINES COLUMNS      the terminal gets another size
 *   type TEXT               is typed; \r \n \t \e \\ and \xHH as in C
 *   see NAME: PATTERN       a point: what was shown since the last one matches (extended regular expression, `.` any byte)
 *   wait MS                 does nothing for a while
 *   end NAME: STATUS        a point: it ends with this exit status, or by signal STATUS - 128
 *   hangup NAME: STATUS     the same after the master is closed
 *   file NAME: PATH TEXT    a point: the file holds this text
 * Control sequences and characters are left out of what is looked at, but for line ends and tabs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 15000
#define SEEN_MAX 65536
#define LINE_MAX_LEN 1024

static int points, failures;
static int master = -1;
static pid_t child;
static char seen[SEEN_MAX];
static size_t seen_len;
static enum { TEXT, ESCAPE, SEQUENCE, TITLE } state;

static long
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
point(int good, const char *name)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, name);
    if (!good) {
        size_t from = seen_len > 600 ? seen_len - 600 : 0;

        failures++;
        printf("# saw: ");
        for (size_t i = from; i < seen_len; i++)
            printf(seen[i] == '\n' ? "\n#      " : seen[i] < ' ' ? "\\x%02x" : "%c", seen[i]);
        printf("\n");
    }
    fflush(stdout);
}

/* ---- what is shown ---- */

static void
keep(char c)
{
    switch (state) {
    case ESCAPE:
        state = c == '[' ? SEQUENCE : c == ']' ? TITLE : c == '(' || c == ')' || c == '#' ? ESCAPE : TEXT;
        return;
    case SEQUENCE:
        state = c >= '@' && c <= '~' ? TEXT : SEQUENCE;
        return;
    case TITLE:
        state = c == 7 || c == '\\' ? TEXT : TITLE;
        return;
    default:
        break;
    }
    if (c == 27)
        state = ESCAPE;
    else if (((unsigned char)c >= ' ' || c == '\n' || c == '\t') && seen_len < SEEN_MAX - 1)
        seen[seen_len++] = c;
    seen[seen_len] = '\0';
}

/* False: nothing came in time, or there is nobody any more. */
static int
look(long ms)
{
    struct pollfd p = { .fd = master, .events = POLLIN };
    char bytes[4096];
    ssize_t n;

    if (poll(&p, 1, (int)(ms > 0 ? ms : 0)) <= 0)
        return 0;
    n = read(master, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < n; i++)
        keep(bytes[i]);
    return n > 0;
}

static int
expect(const char *pattern)
{
    long deadline = now_ms() + PATIENCE_MS;
    regmatch_t match;
    regex_t re;
    int found;

    if (regcomp(&re, pattern, REG_EXTENDED) != 0) {
        printf("# not a pattern: %s\n", pattern);
        return 0;
    }
    while ((found = regexec(&re, seen, 1, &match, 0) == 0) == 0 && look(deadline - now_ms()))
        ;
    regfree(&re);
    if (found) {
        seen_len -= (size_t)match.rm_eo;
        memmove(seen, seen + match.rm_eo, seen_len + 1);
    }
    return found;
}

/* ---- what is done ---- */

static void
run(const char *command)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };

    if (master >= 0)
        close(master);
    seen_len = 0;
    seen[0] = '\0';
    state = TEXT;
    child = forkpty(&master, NULL, NULL, &size);
    if (child < 0) {
        perror("drive: no terminal");
        exit(1);
    }
    if (child == 0) {
        setenv("TERM", "linux", 1);
        setenv("PS1", "$ ", 1);
        unsetenv("LINES");
        unsetenv("COLUMNS");
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    fcntl(master, F_SETFD, FD_CLOEXEC);
}

static size_t
unescape(char *out, const char *in)
{
    static const char names[] = "r\rn\nt\te\033\\\\";
    size_t n = 0;

    for (; *in != '\0'; in++) {
        const char *name;

        if (*in != '\\') {
            out[n++] = *in;
        } else if (*++in == 'x') {
            char hex[3] = { in[1], in[2], '\0' };
            out[n++] = (char)strtoul(hex, NULL, 16);
            in += 2;
        } else {
            name = strchr(names, *in);
            out[n++] = name != NULL ? name[1] : *in;
        }
    }
    out[n] = '\0';
    return n;
}

static void
type(const char *text)
{
    char bytes[LINE_MAX_LEN];
    size_t n = unescape(bytes, text);

    if (write(master, bytes, n) != (ssize_t)n)
        printf("# not all of it could be typed: %s\n", text);
}

static void
resize(const char *text)
{
    struct winsize size = { 0 };

    sscanf(text, "%hu %hu", &size.ws_row, &size.ws_col);
    if (ioctl(master, TIOCSWINSZ, &size) != 0)
        perror("# size");
}

/* Reads on meanwhile, so that nobody waits for room. */
static void
end(const char *name, int want)
{
    long deadline = now_ms() + PATIENCE_MS;
    int status = 0, got;
    pid_t pid;

    while ((pid = waitpid(child, &status, WNOHANG)) == 0 && now_ms() < deadline)
        if (master < 0 || !look(20))
            poll(NULL, 0, 20);
    while (master >= 0 && look(20))
        ;
    if (pid == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    got = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (got != want)
        printf("# status %d\n", got);
    point(pid == child && got == want, name);
}

static void
hang_up(const char *name, int want)
{
    close(master);
    master = -1;
    end(name, want);
}

static void
file(const char *name, char *text)
{
    char *want = strchr(text, ' '), bytes[LINE_MAX_LEN], got[LINE_MAX_LEN];
    size_t n, len;
    FILE *f;

    *want++ = '\0';
    n = unescape(bytes, want);
    f = fopen(text, "r");
    len = f != NULL ? fread(got, 1, sizeof(got), f) : 0;
    if (f != NULL)
        fclose(f);
    point(len == n && memcmp(bytes, got, n) == 0, name);
}

static void
pause_ms(long ms)
{
    for (long until = now_ms() + ms; now_ms() < until;)
        if (!look(until - now_ms()))
            poll(NULL, 0, (int)(until - now_ms() > 0 ? until - now_ms() : 0));
}

/* ---- the script ---- */

static void
named(const char *verb, char *rest)
{
    char *text = strstr(rest, ": ");

    if (text == NULL) {
        printf("# a name is missing: %s %s\n", verb, rest);
        failures++;
        return;
    }
    *text = '\0';
    text += 2;
    if (strcmp(verb, "see") == 0)
        point(expect(text), rest);
    else if (strcmp(verb, "end") == 0)
        end(rest, atoi(text));
    else if (strcmp(verb, "hangup") == 0)
        hang_up(rest, atoi(text));
    else
        file(rest, text);
}

static void
step(char *line)
{
    static const char *const plain[] = { "see", "end", "hangup", "file" };
    char *rest = strchr(line, ' ');

    if (line[0] == '\0' || line[0] == '#' || rest == NULL)
        return;
    *rest++ = '\0';
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcmp(line, plain[i]) == 0) {
            named(line, rest);
            return;
        }
    }
    if (strcmp(line, "run") == 0)
        run(rest);
    else if (strcmp(line, "type") == 0)
        type(rest);
    else if (strcmp(line, "size") == 0)
        resize(rest);
    else if (strcmp(line, "wait") == 0)
        pause_ms(atol(rest));
    else {
        printf("# what is `%s`?\n", line);
        failures++;
    }
}

static int
play(const char *path)
{
    char line[LINE_MAX_LEN];
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        step(line);
    }
    fclose(f);
    return 1;
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!play(argv[i])) {
            fprintf(stderr, "drive: cannot read %s\n", argv[i]);
            return 2;
        }
    }
    return failures != 0;
}
