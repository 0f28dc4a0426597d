/*
 * objects.c: System V shared memory, semaphores and message queues: the same points hold on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define KEY 0x4711

union argument {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

struct text {
    long type;
    char data[8192];
};

static int point;

static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, what);
    fflush(stdout);
}

static int
fails(long result, int error)
{
    return result == -1 && errno == error;
}

static int
ended_with(pid_t child, int want)
{
    int status = 0;

    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == want;
}

static void
pause_ms(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

/* The line of a file of /proc/sysvipc whose second number is id. */
static const char *
line_of(const char *kind, int id)
{
    static char line[512];
    char name[64];
    int got;
    FILE *f;

    snprintf(name, sizeof(name), "/proc/sysvipc/%s", kind);
    f = fopen(name, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "%*d %d", &got) == 1 && got == id) {
            fclose(f);
            return line;
        }
    if (f)
        fclose(f);
    return "";
}

/* ---- shared memory ---- */

static long
attached(int id)
{
    struct shmid_ds ds;

    return shmctl(id, IPC_STAT, &ds) == 0 ? (long)ds.shm_nattch : -1;
}

static void
memory_ids(void)
{
    int id = shmget(KEY, 3 * PAGE, IPC_CREAT | 0640), private1 = shmget(IPC_PRIVATE, PAGE, 0600), private2 = shmget(IPC_PRIVATE, PAGE, 0600);
    struct shmid_ds ds;

    ok(id >= 0 && private1 >= 0 && private2 >= 0 && private1 != private2, "segments are made");
    ok(shmget(KEY, 0, 0) == id && shmget(KEY, 3 * PAGE, IPC_CREAT | 0600) == id, "a key leads to its segment");
    ok(fails(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL), EEXIST), "which exists");
    ok(fails(shmget(KEY, 4 * PAGE, 0), EINVAL), "and is not larger");
    ok(fails(shmget(KEY + 1, PAGE, 0), ENOENT), "another does not");
    ok(fails(shmget(IPC_PRIVATE, 0, 0600), EINVAL) && fails(shmget(IPC_PRIVATE, -1ul, 0600), EINVAL), "sizes that cannot be are EINVAL");
    ok(shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_segsz == 3 * PAGE && (ds.shm_perm.mode & 0777) == 0640 && ds.shm_nattch == 0 &&
       ds.shm_cpid == getpid() && ds.shm_ctime != 0 && ds.shm_perm.__key == KEY, "IPC_STAT says what it is");
    ds.shm_perm.mode = 0600;
    ok(shmctl(id, IPC_SET, &ds) == 0 && shmctl(id, IPC_STAT, &ds) == 0 && (ds.shm_perm.mode & 0777) == 0600, "IPC_SET changes the mode");
    ok(shmctl(private1, IPC_RMID, NULL) == 0 && fails(shmctl(private1, IPC_STAT, &ds), EINVAL), "a removed id is none");
    ok(shmget(IPC_PRIVATE, PAGE, 0600) != private1, "nor the next one's");
    shmctl(private2, IPC_RMID, NULL);
    ok(strstr(line_of("shm", id), "12288") != NULL, "/proc/sysvipc/shm has it");
    shmctl(id, IPC_RMID, NULL);
}

static void
memory_attached(void)
{
    int id = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
    char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
    pid_t child;

    ok(p != (void *)-1 && q != (void *)-1 && p != q && attached(id) == 2, "it is attached twice");
    p[2 * PAGE] = 7;
    ok(q[2 * PAGE] == 7 && p[PAGE] == 0, "and is the same memory, zeros at first");
    ok(fails(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES), "read-only stays so");
    child = fork();
    if (child == 0) {
        p[0] = attached(id) == 4 ? 9 : 8;
        _exit(shmdt(p) == 0 && attached(id) == 3 ? 3 : 4);
    }
    ok(ended_with(child, 3) && p[0] == 9 && attached(id) == 2, "a child has it, too, until it ends");
    ok(fails((long)shmat(id, p, 0), EINVAL), "not where something is mapped");
    ok(shmat(id, p, SHM_REMAP) == p && attached(id) == 2 && p[0] == 9, "but with SHM_REMAP");
    ok(fails((long)shmat(id, p + 1, 0), EINVAL) && fails((long)shmat(-1, NULL, 0), EINVAL), "bad addresses and ids are EINVAL");
    ok(shmdt(q) == 0 && fails(shmdt(q), EINVAL) && fails(shmdt(p + PAGE), EINVAL) && attached(id) == 1, "shmdt wants the address of an attachment");
    ok(shmat(id, q + 5, SHM_RND) == q && shmdt(q) == 0, "SHM_RND rounds down");
    munmap(p + PAGE, PAGE);
    ok(shmctl(id, IPC_RMID, NULL) == 0 && attached(id) == 2 && p[2 * PAGE] == 7, "removed, it lives while it is attached, in two pieces");
    q = shmat(id, NULL, 0);
    ok(q != (void *)-1 && q[2 * PAGE] == 7, "and may be attached by its id");
    ok(shmdt(p) == 0 && attached(id) == 1 && shmdt(q) == 0 && attached(id) == -1, "the last detachment ends it");
    id = shmget(KEY, PAGE, IPC_CREAT | 0600);
    child = fork();
    if (child == 0) {
        p = shmat(id, NULL, 0);
        p[0] = 5;
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    p = shmat(id, NULL, 0);
    ok(p[0] == 5 && attached(id) == 1, "what a killed process wrote stays, its attachment does not");
    shmctl(id, IPC_RMID, NULL);
    ok(fails(shmget(KEY, PAGE, 0), ENOENT) && shmget(KEY, PAGE, IPC_CREAT | 0600) != id, "the key of a removed segment is free");
    shmctl(shmget(KEY, PAGE, 0), IPC_RMID, NULL);
    shmdt(p);
}

/* ---- semaphores ---- */

static int
operate(int id, int num, int op, int flags)
{
    return semop(id, &(struct sembuf){ (unsigned short)num, (short)op, (short)flags }, 1);
}

static int
value(int id, int num)
{
    return semctl(id, num, GETVAL);
}

static void
semaphores(void)
{
    int id = semget(KEY, 3, IPC_CREAT | 0600);
    struct sembuf two[] = { { 0, -1, IPC_NOWAIT }, { 1, -1, IPC_NOWAIT } };
    unsigned short all[3] = { 4, 5, 6 };
    struct semid_ds ds;
    union argument arg = { .val = 2 };

    ok(id >= 0 && semget(KEY, 2, 0) == id && fails(semget(KEY, 4, 0), EINVAL), "a set is made and found");
    ok(fails(semget(KEY + 1, 1, 0), ENOENT) && fails(semget(IPC_PRIVATE, 0, 0600), EINVAL), "or not");
    ok(value(id, 0) == 0 && semctl(id, 0, SETVAL, arg) == 0 && value(id, 0) == 2, "SETVAL");
    ok(operate(id, 0, -1, 0) == 0 && operate(id, 0, 3, 0) == 0 && value(id, 0) == 4, "down and up");
    ok(fails(semop(id, two, 2), EAGAIN) && value(id, 0) == 4, "all operations of a call, or none");
    ok(fails(operate(id, 3, 1, 0), EFBIG) && fails(operate(id, 0, 32767, 0), ERANGE), "a number or a value that is too large");
    arg.array = all;
    ok(semctl(id, 0, SETALL, arg) == 0 && value(id, 2) == 6, "SETALL");
    memset(all, 0, sizeof(all));
    ok(semctl(id, 0, GETALL, arg) == 0 && all[0] == 4 && all[1] == 5 && all[2] == 6, "GETALL");
    ok(semctl(id, 0, GETPID) == getpid(), "GETPID");
    arg.buf = &ds;
    ok(semctl(id, 0, IPC_STAT, arg) == 0 && ds.sem_nsems == 3 && (ds.sem_perm.mode & 0777) == 0600 && ds.sem_otime != 0, "IPC_STAT");
    ok(strlen(line_of("sem", id)) > 0, "/proc/sysvipc/sem has it");
    ok(fails(semop(id, two, 0), EINVAL) && fails(semop(id, two, 100000), E2BIG) && fails(semop(-1, two, 1), EINVAL), "bad arguments");
    semctl(id, 0, IPC_RMID);
    ok(fails(operate(id, 0, 1, 0), EINVAL), "removed, it is none");
}

static void
semaphores_wait(void)
{
    int id = semget(IPC_PRIVATE, 2, 0600);
    struct sembuf down = { 0, -1, 0 };
    struct timespec begin, end;
    pid_t child = fork();

    if (child == 0)
        _exit(operate(id, 0, -2, 0) == 0 && operate(id, 1, 1, 0) == 0 ? 3 : 4);
    pause_ms(20);
    ok(semctl(id, 0, GETNCNT) == 1 && semctl(id, 0, GETZCNT) == 0, "who waits is counted");
    operate(id, 0, 1, 0);
    pause_ms(5);
    operate(id, 0, 1, 0);
    ok(operate(id, 1, -1, 0) == 0 && ended_with(child, 3) && value(id, 0) == 0, "and wakes when there is enough");
    operate(id, 0, 1, 0);
    child = fork();
    if (child == 0)
        _exit(operate(id, 0, 0, 0) == 0 ? 3 : 4);
    pause_ms(10);
    ok(semctl(id, 0, GETZCNT) == 1 && operate(id, 0, -1, 0) == 0 && ended_with(child, 3), "or nothing left");
    operate(id, 0, 1, 0);
    child = fork();
    if (child == 0)
        _exit(operate(id, 0, 0, 0) == 0 ? 3 : 4);
    pause_ms(10);
    semctl(id, 0, SETVAL, (union argument){ .val = 0 });
    semctl(id, 0, SETVAL, (union argument){ .val = 7 });
    ok(ended_with(child, 3) && value(id, 0) == 7, "be it for a moment");
    semctl(id, 0, SETVAL, (union argument){ .val = 0 });
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ok(fails(semtimedop(id, &down, 1, &(struct timespec){ 0, 30000000 }), EAGAIN), "a wait has its time");
    clock_gettime(CLOCK_MONOTONIC, &end);
    ok((end.tv_sec - begin.tv_sec) * 1000000000L + end.tv_nsec - begin.tv_nsec >= 30000000, "and takes it");
    child = fork();
    if (child == 0)
        _exit(fails(operate(id, 0, -1, 0), EIDRM) ? 3 : 4);
    pause_ms(20);
    semctl(id, 0, IPC_RMID);
    ok(ended_with(child, 3), "removal wakes with EIDRM");
    id = semget(IPC_PRIVATE, 1, 0600);
    child = fork();
    if (child == 0)
        _exit(operate(id, 0, -1, 0) == 0 ? 3 : 4);
    pause_ms(20);
    operate(id, 0, 1, 0);
    semctl(id, 0, IPC_RMID);
    ok(ended_with(child, 3), "not who had got what it waited for");
}

static void
nothing(int sig)
{
    (void)sig;
}

static void
semaphores_undo(void)
{
    int id = semget(IPC_PRIVATE, 2, 0600), i;
    struct sigaction sa = { .sa_handler = nothing };
    pid_t child;

    operate(id, 0, 5, 0);
    child = fork();
    if (child == 0) {
        operate(id, 0, -2, SEM_UNDO);
        operate(id, 1, 3, SEM_UNDO);
        operate(id, 0, -1, 0);
        _exit(value(id, 0) == 2 && value(id, 1) == 3 ? 3 : 4);
    }
    ok(ended_with(child, 3) && value(id, 0) == 4 && value(id, 1) == 0, "SEM_UNDO undoes when a process ends");
    for (i = 0; i < 20; i++) {
        child = fork();
        if (child == 0) {
            for (;;) {
                operate(id, 0, -1, SEM_UNDO);
                operate(id, 0, 1, SEM_UNDO);
            }
        }
        pause_ms(1 + i % 3);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (value(id, 0) != 4)
            break;
    }
    ok(i == 20, "killed holders hold nothing");
    child = fork();
    if (child == 0) {
        operate(id, 0, -1, SEM_UNDO);
        semctl(id, 0, SETVAL, (union argument){ .val = 9 });
        _exit(0);
    }
    waitpid(child, NULL, 0);
    ok(value(id, 0) == 9, "SETVAL forgets what was to be undone");
    sigaction(SIGUSR1, &sa, NULL);
    child = fork();
    if (child == 0)
        _exit(fails(operate(id, 1, -1, 0), EINTR) ? 3 : 4);
    pause_ms(20);
    kill(child, SIGUSR1);
    ok(ended_with(child, 3) && semctl(id, 1, GETNCNT) == 0, "a signal ends a wait, and nobody waits any more");
    child = fork();
    if (child == 0)
        operate(id, 1, -1, SEM_UNDO);
    pause_ms(20);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ok(semctl(id, 1, GETNCNT) == 0 && value(id, 1) == 0, "nor does one that was killed");
    semctl(id, 0, IPC_RMID);
}

/* ---- messages ---- */

static int
sent(int id, long type, const char *text, int flags)
{
    struct text m = { .type = type };

    strcpy(m.data, text);
    return msgsnd(id, &m, strlen(text), flags);
}

static const char *
received(int id, long type, int flags)
{
    static struct text m;
    ssize_t n = msgrcv(id, &m, sizeof(m.data) - 1, type, flags);

    if (n < 0)
        return "";
    m.data[n] = '\0';
    return m.data;
}

static void
messages(void)
{
    int id = msgget(KEY, IPC_CREAT | 0600);
    struct msqid_ds ds;
    struct text m;

    ok(id >= 0 && msgget(KEY, 0) == id && fails(msgget(KEY, IPC_CREAT | IPC_EXCL), EEXIST) && fails(msgget(KEY + 1, 0), ENOENT), "a queue is made");
    ok(sent(id, 3, "three", 0) == 0 && sent(id, 1, "one", 0) == 0 && sent(id, 2, "two", 0) == 0 && sent(id, 1, "uno", 0) == 0, "messages are sent");
    ok(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 4 && ds.__msg_cbytes == 14 && ds.msg_lspid == getpid() && ds.msg_qbytes > 0, "IPC_STAT counts them");
    ok(strlen(line_of("msg", id)) > 0, "/proc/sysvipc/msg has it");
    ok(strcmp(received(id, 1, 0), "one") == 0, "the first of a type");
    ok(strcmp(received(id, -2, 0), "uno") == 0 && strcmp(received(id, -2, 0), "two") == 0, "the lowest types first");
    ok(strcmp(received(id, -2, IPC_NOWAIT), "") == 0 && errno == ENOMSG, "and no other");
    ok(sent(id, 4, "four", 0) == 0 && strcmp(received(id, 3, MSG_EXCEPT), "four") == 0, "any but one type");
    ok(fails(msgrcv(id, &m, 2, 0, 0), E2BIG) && msgrcv(id, &m, 2, 0, MSG_NOERROR) == 2 && m.type == 3 && !memcmp(m.data, "th", 2), "too long, or cut");
    ok(strcmp(received(id, 0, IPC_NOWAIT), "") == 0 && errno == ENOMSG, "then it is empty");
    ok(fails(sent(id, 0, "x", 0), EINVAL) && fails(sent(-1, 1, "x", 0), EINVAL) && fails(msgsnd(id, &m, 8193, 0), EINVAL), "bad arguments");
    ok(msgsnd(id, &m, 0, 0) == 0 && (m.type = 0, msgrcv(id, &m, 0, 0, 0) == 0) && m.type == 3, "an empty message has a type");
    msgctl(id, IPC_RMID, NULL);
    ok(fails(sent(id, 1, "x", 0), EINVAL), "removed, it is none");
}

static void
messages_wait(void)
{
    int id = msgget(IPC_PRIVATE, 0600), n = 0, total = 0;
    struct text m = { .type = 1 };
    pid_t child;

    while (msgsnd(id, &m, 1000, IPC_NOWAIT) == 0)
        n++;
    ok(errno == EAGAIN && n == 16, "a queue gets full");
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 100; i++)
            if (msgsnd(id, &m, 1000, 0) != 0)
                _exit(4);
        m.type = 7;
        _exit(msgsnd(id, &m, 1, 0) == 0 ? 3 : 4);
    }
    pause_ms(10);
    do {
        n = (int)msgrcv(id, &m, sizeof(m.data), 0, 0);
        total++;
    } while (n >= 0 && m.type != 7);
    ok(total == 117 && ended_with(child, 3), "who sends waits for room, who receives for messages");
    child = fork();
    if (child == 0)
        _exit(fails(msgrcv(id, &m, 10, 0, 0), EIDRM) ? 3 : 4);
    pause_ms(20);
    msgctl(id, IPC_RMID, NULL);
    ok(ended_with(child, 3), "removal wakes with EIDRM");
    id = semget(IPC_PRIVATE, 1, 0600);
    child = fork();
    if (child == 0)
        _exit(operate(id, 0, -1, 0) == 0 ? 3 : 4);
    pause_ms(20);
    operate(id, 0, 1, 0);
    semctl(id, 0, IPC_RMID);
    ok(ended_with(child, 3), "not who had got what it waited for");
}

/* ---- who may ---- */

static void
others(void)
{
    int shm = shmget(IPC_PRIVATE, PAGE, 0640), sem = semget(IPC_PRIVATE, 1, 0604), msg = msgget(IPC_PRIVATE, 0600);
    pid_t child = fork();

    if (child == 0) {
        int bad = setgid(1000) != 0 || setuid(1000) != 0;

        bad |= !fails((long)shmat(shm, NULL, SHM_RDONLY), EACCES) << 1;
        bad |= !fails(shmctl(shm, IPC_RMID, NULL), EPERM) << 2;
        bad |= (value(sem, 0) != 0 || !fails(operate(sem, 0, 1, 0), EACCES)) << 3;
        bad |= !fails(sent(msg, 1, "x", 0), EACCES) << 4;
        bad |= !fails(semctl(sem, 0, IPC_RMID), EPERM) << 5;
        _exit(bad);
    }
    ok(ended_with(child, 0), "modes are heeded");
    shmctl(shm, IPC_RMID, NULL);
    semctl(sem, 0, IPC_RMID);
    msgctl(msg, IPC_RMID, NULL);
}

int
main(void)
{
    memory_ids();
    memory_attached();
    semaphores();
    semaphores_wait();
    semaphores_undo();
    messages();
    messages_wait();
    others();
    printf("1..%d\n", point);
    return 0;
}
