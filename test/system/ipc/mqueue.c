/*
 * mqueue.c: POSIX message queues: every line is the same on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAME "/exos.test"

static void
say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
    fflush(stdout);
}

static void
nap(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static struct timespec
in_ms(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}

static mqd_t
small(int flags, long messages, long bytes)
{
    struct mq_attr a = { .mq_maxmsg = messages, .mq_msgsize = bytes };

    return mq_open(NAME, flags, 0640, &a);
}

static void
names(void)
{
    char longest[300];
    mqd_t q;

    memset(longest, 'n', sizeof(longest));
    longest[0] = '/';
    longest[256] = '\0';
    say("unlink of nothing", mq_unlink("/exos.nothing"));
    say("open of nothing", mq_open("/exos.nothing", O_RDWR));
    say("a path", syscall(SYS_mq_open, "a/b", O_RDWR | O_CREAT, 0600, NULL));
    say("no name", syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL));
    say("a dot", syscall(SYS_mq_open, ".", O_RDWR | O_CREAT, 0600, NULL));
    q = mq_open(longest, O_RDWR | O_CREAT, 0600, NULL);
    say("the longest name", q < 0 ? -1 : 0);
    mq_close(q);
    say("and its end", mq_unlink(longest));
    longest[256] = 'n';
    longest[257] = '\0';
    say("a longer name", mq_open(longest, O_RDWR | O_CREAT, 0600, NULL));
    say("no messages", small(O_RDWR | O_CREAT, 0, 10));
    say("no bytes", small(O_RDWR | O_CREAT, 10, 0));
    say("too many messages", small(O_RDWR | O_CREAT, 100000, 10));
    q = small(O_RDWR | O_CREAT | O_EXCL, 3, 16);
    say("made", q < 0 ? -1 : 0);
    say("closed on exec", fcntl(q, F_GETFD));
    say("made again", small(O_RDWR | O_CREAT | O_EXCL, 3, 16));
    say("closed", mq_close(q));
    say("closed twice", mq_close(q));
}

static void
attributes(mqd_t q)
{
    struct mq_attr a = { .mq_flags = O_NONBLOCK }, old;

    mq_getattr(q, &old);
    printf("attributes %ld %ld %ld %ld\n", old.mq_flags, old.mq_maxmsg, old.mq_msgsize, old.mq_curmsgs);
    say("nonblock", mq_setattr(q, &a, NULL));
    mq_getattr(q, &old);
    printf("flags %d\n", old.mq_flags == O_NONBLOCK);
    a.mq_flags = O_APPEND;
    say("a strange flag", syscall(SYS_mq_getsetattr, q, &a, NULL));
    say("of no queue", mq_getattr(0, &a));
}

static void
order(mqd_t q)
{
    char text[17];
    unsigned prio;

    say("a", mq_send(q, "a", 1, 1));
    say("b", mq_send(q, "b", 1, 9));
    say("c", mq_send(q, "c", 1, 9));
    say("full", mq_send(q, "d", 1, 0));
    say("too long", mq_send(q, "12345678901234567", 17, 0));
    say("too urgent", mq_send(q, "x", 1, 32768));
    say("little room", mq_receive(q, text, 15, &prio));
    for (int i = 0; i < 4; i++) {
        ssize_t n = mq_receive(q, text, 16, &prio);

        say("received", n);
        if (n >= 0)
            printf("%.*s of priority %u\n", (int)n, text, prio);
    }
    say("empty message", mq_send(q, "", 0, 5));
    say("and back", mq_receive(q, text, 16, NULL));
    say("a bad address", mq_send(q, (char *)16, 8, 0));
}

static void
times(mqd_t q)
{
    struct timespec t = in_ms(30), wrong = { 0, 1000000000 };
    char text[16];

    say("in vain", mq_timedreceive(q, text, 16, NULL, &t));
    t = in_ms(-1000);
    say("too late", mq_timedreceive(q, text, 16, NULL, &t));
    say("a wrong time", mq_timedreceive(q, text, 16, NULL, &wrong));
    say("too late, but it fits", mq_timedsend(q, "a", 1, 0, &t));
    say("and is there", mq_timedreceive(q, text, 16, NULL, &t));
}

static void
ways(void)
{
    mqd_t r = mq_open(NAME, O_RDONLY), w = mq_open(NAME, O_WRONLY | O_NONBLOCK);
    struct pollfd p[2] = { { r, POLLIN | POLLOUT, 0 }, { w, POLLIN | POLLOUT, 0 } };
    char text[16];

    say("only to be read", mq_send(r, "a", 1, 0));
    say("only to be written", mq_receive(w, text, 16, NULL));
    poll(p, 2, 0);
    printf("empty: %x\n", p[0].revents);
    for (int i = 0; i < 3; i++)
        mq_send(w, "a", 1, 0);
    poll(p, 2, 0);
    printf("full: %x\n", p[1].revents);
    mq_receive(r, text, 16, NULL);
    poll(p, 2, 0);
    printf("between: %x\n", p[1].revents);
    mq_receive(r, text, 16, NULL);
    mq_receive(r, text, 16, NULL);
    mq_close(r);
    mq_close(w);
}

static void
two_processes(mqd_t q)
{
    char text[16];
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        for (int i = 0; i < 200; i++) {
            snprintf(text, sizeof(text), "%d", i);
            if (mq_send(q, text, strlen(text) + 1, 0) != 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 200; i++)
        if (mq_receive(q, text, 16, NULL) < 2 || atoi(text) != i)
            say("lost", i);
    waitpid(pid, &status, 0);
    say("two hundred", status);
}

static volatile sig_atomic_t noticed, value, code;

static void
on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    noticed++;
    value = info->si_value.sival_int;
    code = info->si_code;
}

static void
on_thread(union sigval v)
{
    noticed += v.sival_int;
}

/* What the queue says of itself when it is read: another process reads it, since closing any descriptor unregisters its own. */
static void
print_status(void)
{
    char text[100] = "";
    mqd_t q = mq_open(NAME, O_RDONLY);
    ssize_t n = read(q, text, 7);
    char *pid;

    n += read(q, text + 7, sizeof(text) - 8);
    pid = strstr(text, "NOTIFY_PID:");
    printf("%zd bytes: %.*s%s\n", n, pid != NULL ? (int)(pid - text) : 0, text,
           pid == NULL ? "" : atoi(pid + 11) == getppid() ? "to the other" : atoi(pid + 11) == 0 ? "to nobody" : "to somebody");
    say("no more", read(q, text, 7));
    fflush(stdout);
    _exit(0);
}

static void
print_all(void)
{
    pid_t pid = fork();

    if (pid == 0)
        print_status();
    waitpid(pid, NULL, 0);
}

static void
signals(mqd_t q)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77 };
    char text[16];
    int status;
    pid_t pid;

    sigaction(SIGUSR1, &sa, NULL);
    print_all();
    say("register", mq_notify(q, &e));
    print_all();
    say("twice", mq_notify(q, &e));
    pid = fork();
    if (pid == 0)
        _exit(mq_notify(q, &e) != 0 && errno == EBUSY && mq_send(q, "a", 1, 0) == 0 ? 0 : 1);
    waitpid(pid, &status, 0);
    nap(20);
    printf("status %d noticed %d value %d code %d\n", status, noticed, value, code);
    mq_send(q, "b", 1, 0);
    printf("noticed %d\n", noticed);
    say("register with messages there", mq_notify(q, &e));
    print_all();
    mq_receive(q, text, 16, NULL);
    mq_receive(q, text, 16, NULL);
    say("unregister", mq_notify(q, NULL));
    mq_send(q, "c", 1, 0);
    mq_receive(q, text, 16, NULL);
    printf("noticed %d\n", noticed);
    e.sigev_notify = 9;
    say("a wrong kind", syscall(SYS_mq_notify, q, &e));
    e.sigev_notify = SIGEV_NONE;
    say("nothing", mq_notify(q, &e));
    print_all();
    e.sigev_notify = SIGEV_SIGNAL;
    say("but taken", mq_notify(q, &e));
    mq_close(mq_open(NAME, O_RDWR));
    say("until any is closed", mq_notify(q, &e));
    mq_notify(q, NULL);
}

static void
threads(mqd_t q)
{
    struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 100 };
    char text[16];

    noticed = 0;
    say("a thread", mq_notify(q, &e));
    mq_send(q, "t", 1, 0);
    for (int i = 0; i < 100 && noticed == 0; i++)
        nap(10);
    printf("noticed %d\n", noticed);
    mq_receive(q, text, 16, NULL);
}

static void
users(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        setgid(100);
        setuid(1000);
        say("another's", mq_open(NAME, O_RDONLY));
        say("another's end", mq_unlink(NAME));
        say("many", small(O_RDWR | O_CREAT, 11, 10));
        errno = 0;
        syscall(SYS_mq_open, "exos.own", O_RDWR | O_CREAT, 0600, &(struct mq_attr){ .mq_maxmsg = 11, .mq_msgsize = 10 });
        printf("over the limit: %s\n", strerror(errno));
        for (int i = 0; i < 12; i++) {
            char name[16];

            snprintf(name, sizeof(name), "/exos.%d", i);
            if (mq_open(name, O_RDWR | O_CREAT, 0600, NULL) < 0) {
                printf("the %dth queue: %s\n", i, strerror(errno));
                break;
            }
        }
        for (int i = 0; i < 12; i++) {
            char name[16];

            snprintf(name, sizeof(name), "/exos.%d", i);
            mq_unlink(name);
        }
        exit(0);
    }
    waitpid(pid, NULL, 0);
}

int
main(void)
{
    mqd_t q;

    mq_unlink(NAME);
    names();
    q = mq_open(NAME, O_RDWR);
    attributes(q);
    order(q);
    mq_close(q);
    q = mq_open(NAME, O_RDWR);
    times(q);
    ways();
    two_processes(q);
    signals(q);
    threads(q);
    users();
    say("unlinked", mq_unlink(NAME));
    say("still there", mq_send(q, "z", 1, 0));
    say("but not by name", mq_open(NAME, O_RDWR));
    return 0;
}
