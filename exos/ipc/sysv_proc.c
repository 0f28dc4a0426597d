/*
 * sysv_proc.c: /proc/sysvipc, and the limits of System V objects in /proc/sys/kernel, as Linux writes them (ipc/shm.c, sem.c, msg.c, util.c).
 */
#include "fs/procfs.h"
#include "ipc/sysv.h"

/* The next object from *index on, which moves past it; NULL: no more. Between two nothing is held: a text that grows may sleep. */
static bool
next_object(struct sysv_table *t, uint32_t *index, void (*look)(struct sysv_object *o, void *out), void *out)
{
    bool found = false;

    lock_acquire(&t->lock);
    while (!found && *index < t->room) {
        struct sysv_object *o = sysv_at(t, (*index)++);

        found = o != NULL;
        if (found)
            look(o, out);
    }
    lock_release(&t->lock);
    return found;
}

static void
look_shm(struct sysv_object *o, void *out)
{
    shm_look(o, out);
}

static void
look_sem(struct sysv_object *o, void *out)
{
    sem_look(o, out);
}

static void
look_msg(struct sysv_object *o, void *out)
{
    msg_look(o, out);
}

static int
show_shm(struct text_buf *t)
{
    struct shm_info i;

    text_print(t, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
                  "                   rss                  swap\n");
    for (uint32_t n = 0; !t->full && next_object(&shm_table, &n, look_shm, &i);)
        text_print(t, "%10d %10u  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n", i.o.key, i.o.id, i.o.mode, i.size,
                   i.creator, i.last, i.attached, i.o.uid, i.o.gid, i.o.cuid, i.o.cgid, (uint64_t)i.atime, (uint64_t)i.dtime,
                   (uint64_t)i.ctime, i.resident * PAGE_SIZE, 0ul);
    return 0;
}

static int
show_sem(struct text_buf *t)
{
    struct sem_info i;

    text_print(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
    for (uint32_t n = 0; !t->full && next_object(&sem_table, &n, look_sem, &i);)
        text_print(t, "%10d %10u  %4o %10u %5u %5u %5u %5u %10lu %10lu\n", i.o.key, i.o.id, i.o.mode, i.count, i.o.uid, i.o.gid, i.o.cuid,
                   i.o.cgid, (uint64_t)i.otime, (uint64_t)i.ctime);
    return 0;
}

static int
show_msg(struct text_buf *t)
{
    struct msg_info i;

    text_print(t, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n");
    for (uint32_t n = 0; !t->full && next_object(&msg_table, &n, look_msg, &i);)
        text_print(t, "%10d %10u  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n", i.o.key, i.o.id, i.o.mode, i.bytes, i.count,
                   i.sender, i.receiver, i.o.uid, i.o.gid, i.o.cuid, i.o.cgid, (uint64_t)i.stime, (uint64_t)i.rtime, (uint64_t)i.ctime);
    return 0;
}

static int
show_limits_sem(struct text_buf *t)
{
    text_print(t, "%u\t%u\t%u\t%u\n", SEMMSL, SEMMSL * SYSV_OBJECTS_MAX, SEMOPM, SYSV_OBJECTS_MAX);
    return 0;
}

static int
show_shmmax(struct text_buf *t)
{
    text_print(t, "%lu\n", SHMMAX);
    return 0;
}

static int
show_shmall(struct text_buf *t)
{
    text_print(t, "%lu\n", SHMMAX >> PAGE_SHIFT);
    return 0;
}

static int
show_objects_max(struct text_buf *t)
{
    text_print(t, "%u\n", SYSV_OBJECTS_MAX);
    return 0;
}

static int
show_msgmax(struct text_buf *t)
{
    text_print(t, "%u\n", MSGMAX);
    return 0;
}

static int
show_msgmnb(struct text_buf *t)
{
    text_print(t, "%u\n", MSGMNB);
    return 0;
}

void
sysv_proc_init(void)
{
    static const struct gen_row rows[] = {
        { "sysvipc/msg", .show = show_msg },
        { "sysvipc/sem", .show = show_sem },
        { "sysvipc/shm", .show = show_shm },
        { "sys/kernel/sem", .show = show_limits_sem },
        { "sys/kernel/shmmax", .show = show_shmmax },
        { "sys/kernel/shmall", .show = show_shmall },
        { "sys/kernel/shmmni", .show = show_objects_max },
        { "sys/kernel/msgmni", .show = show_objects_max },
        { "sys/kernel/msgmax", .show = show_msgmax },
        { "sys/kernel/msgmnb", .show = show_msgmnb },
    };

    gen_add(&procfs, rows, ARRAY_SIZE(rows));
}
