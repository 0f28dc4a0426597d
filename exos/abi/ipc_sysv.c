/*
 * ipc_sysv.c: shmget(2), semget(2), msgget(2) and their kin: Linux's structures, then ipc/sysv_*.c.
 *
 * Layouts: Linux include/uapi/asm-generic/{ipcbuf,shmbuf,sembuf,msgbuf}.h, arch/x86/include/uapi/asm/sembuf.h.
 */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "base/mem.h"
#include "ipc/sysv.h"

#define IPC_RMID 0
#define IPC_SET  1
#define IPC_STAT 2
#define IPC_INFO 3
#define MSG_STAT 11
#define MSG_INFO 12
#define MSG_STAT_ANY 13
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15
#define GETPID 11
#define GETVAL 12
#define GETALL 13
#define GETNCNT 14
#define GETZCNT 15
#define SETVAL 16
#define SETALL 17
#define SEM_STAT 18
#define SEM_INFO 19
#define SEM_STAT_ANY 20
#define SHMALL (SHMMAX >> PAGE_SHIFT)

struct lx_ipc_perm {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, pad;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct lx_ipc_perm) == 48, "Linux ipcbuf.h");

struct lx_shmid_ds {
    struct lx_ipc_perm perm;
    uint64_t size;
    int64_t atime, dtime, ctime;
    int32_t creator, last;
    uint64_t attached, unused[2];
};
_Static_assert(sizeof(struct lx_shmid_ds) == 112, "Linux shmbuf.h");

struct lx_semid_ds {
    struct lx_ipc_perm perm;
    int64_t otime;
    uint64_t unused1;
    int64_t ctime;
    uint64_t unused2, count, unused3[2];
};
_Static_assert(sizeof(struct lx_semid_ds) == 104, "Linux sembuf.h");

struct lx_msqid_ds {
    struct lx_ipc_perm perm;
    int64_t stime, rtime, ctime;
    uint64_t bytes, count, limit;
    int32_t sender, receiver;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct lx_msqid_ds) == 120, "Linux msgbuf.h");

static struct lx_ipc_perm
perm_of(const struct sysv_object *o)
{
    return (struct lx_ipc_perm){ o->key, o->uid, o->gid, o->cuid, o->cgid, o->mode, (uint16_t)o->seq, 0, { 0, 0 } };
}

/* The object that a STAT call names, by id or (indexed) by place; NULL: *err. The lock is held. */
static struct sysv_object *
stat_object(const struct sysv_table *t, int32_t id, bool indexed, bool any, int *err)
{
    struct sysv_object *o = indexed ? id >= 0 ? sysv_at(t, (uint32_t)id) : NULL : sysv_find(t, id);

    *err = o == NULL ? -EINVAL : any ? 0 : sysv_allows(o, SYSV_READ);
    return *err == 0 ? o : NULL;
}

/* ---- shared memory ---- */

LX(shmget)
{
    return shm_get((int32_t)args->a[0], args->a[1], (uint32_t)args->a[2]);
}

LX(shmat)
{
    return shm_attach((int32_t)args->a[0], args->a[1], (uint32_t)args->a[2]);
}

LX(shmdt)
{
    return shm_detach(args->a[0]);
}

static long
shm_stat(int32_t id, uva_t to, bool indexed, bool any)
{
    struct lx_shmid_ds ds;
    struct shm_info info;
    struct sysv_object *o;
    int err;

    lock_acquire(&shm_table.lock);
    o = stat_object(&shm_table, id, indexed, any, &err);
    if (o != NULL)
        shm_look(o, &info);
    lock_release(&shm_table.lock);
    if (err != 0)
        return err;
    ds = (struct lx_shmid_ds){ .perm = perm_of(&info.o), .size = info.size, .atime = info.atime, .dtime = info.dtime, .ctime = info.ctime,
                               .creator = (int32_t)info.creator, .last = (int32_t)info.last, .attached = info.attached };
    return user_copy_out(to, &ds, sizeof(ds)) != 0 ? -EFAULT : indexed ? (long)info.o.id : 0;
}

/* IPC_INFO: the limits; SHM_INFO: what there is. The highest place taken. */
static long
shm_limits(uva_t to, bool used)
{
    uint64_t limits[9] = { SHMMAX, 1, SYSV_OBJECTS_MAX, SYSV_OBJECTS_MAX, SHMALL }, what[6] = { 0 };
    long highest;

    lock_acquire(&shm_table.lock);
    what[0] = shm_table.count;
    what[1] = shm_total_pages(&what[2]);
    highest = sysv_highest(&shm_table);
    lock_release(&shm_table.lock);
    return user_copy_out(to, used ? what : limits, used ? sizeof(what) : sizeof(limits)) != 0 ? -EFAULT : highest;
}

LX(shmctl)
{
    int32_t id = (int32_t)args->a[0];
    uva_t buf = args->a[2];
    struct lx_shmid_ds ds;

    switch ((uint32_t)args->a[1]) {
    case IPC_STAT: return shm_stat(id, buf, false, false);
    case SHM_STAT: return shm_stat(id, buf, true, false);
    case SHM_STAT_ANY: return shm_stat(id, buf, true, true);
    case IPC_INFO: return shm_limits(buf, false);
    case SHM_INFO: return shm_limits(buf, true);
    case IPC_RMID: return shm_remove(id);
    case SHM_LOCK: return shm_lock_pages(id, true);
    case SHM_UNLOCK: return shm_lock_pages(id, false);
    case IPC_SET:
        if (user_copy_in(&ds, buf, sizeof(ds)) != 0)
            return -EFAULT;
        return shm_set(id, ds.perm.uid, ds.perm.gid, ds.perm.mode);
    default: return -EINVAL;
    }
}

/* ---- semaphores ---- */

LX(semget)
{
    return sem_get((int32_t)args->a[0], (int32_t)args->a[1], (uint32_t)args->a[2]);
}

static long
operate(int32_t id, uva_t at, uint64_t count, uint64_t deadline_ns)
{
    struct sem_op *ops;
    long r;

    if (count == 0 || id < 0)
        return -EINVAL;
    if (count > SEMOPM)
        return -E2BIG;
    ops = heap_alloc(count * sizeof(*ops));
    if (ops == NULL)
        return -ENOMEM;
    r = user_copy_in(ops, at, count * sizeof(*ops)) != 0 ? -EFAULT : sem_operate(id, ops, (uint32_t)count, deadline_ns);
    heap_free(ops);
    return r;
}

LX(semop)
{
    return operate((int32_t)args->a[0], args->a[1], (uint32_t)args->a[2], DEADLINE_NEVER);
}

LX(semtimedop)
{
    uint64_t deadline_ns;
    int err = deadline_from_user(args->a[3], 1, &deadline_ns);

    return err != 0 ? err : operate((int32_t)args->a[0], args->a[1], (uint32_t)args->a[2], deadline_ns);
}

static long
sem_stat(int32_t id, uva_t to, bool indexed, bool any)
{
    struct lx_semid_ds ds;
    struct sem_info info;
    struct sysv_object *o;
    int err;

    lock_acquire(&sem_table.lock);
    o = stat_object(&sem_table, id, indexed, any, &err);
    if (o != NULL)
        sem_look(o, &info);
    lock_release(&sem_table.lock);
    if (err != 0)
        return err;
    ds = (struct lx_semid_ds){ .perm = perm_of(&info.o), .otime = info.otime, .ctime = info.ctime, .count = info.count };
    return user_copy_out(to, &ds, sizeof(ds)) != 0 ? -EFAULT : indexed ? (long)info.o.id : 0;
}

static long
sem_limits(uva_t to, bool used)
{
    /* semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem */
    int32_t info[10] = { SEMMSL * SYSV_OBJECTS_MAX, SYSV_OBJECTS_MAX, SEMMSL * SYSV_OBJECTS_MAX, SEMMSL * SYSV_OBJECTS_MAX, SEMMSL, SEMOPM,
                         SEMOPM, 20, SEMVMX, SEMVMX };
    long highest;

    lock_acquire(&sem_table.lock);
    if (used) {
        info[7] = (int32_t)sem_table.count;
        info[9] = (int32_t)sem_total();
    }
    highest = sysv_highest(&sem_table);
    lock_release(&sem_table.lock);
    return user_copy_out(to, info, sizeof(info)) != 0 ? -EFAULT : highest;
}

/* GETALL and SETALL: all values of a set, to or from user memory. */
static long
all_values(int32_t id, uva_t at, bool set)
{
    uint16_t *values = heap_alloc(SEMMSL * sizeof(*values));
    uint32_t count = set ? 0 : SEMMSL;
    long r;

    if (values == NULL)
        return -ENOMEM;
    r = sem_values(id, values, &count);
    if (r == 0 && (set ? user_copy_in(values, at, count * sizeof(*values)) : user_copy_out(at, values, count * sizeof(*values))) != 0)
        r = -EFAULT;
    for (uint32_t i = 0; set && r == 0 && i < count; i++)
        if (values[i] > SEMVMX)
            r = -ERANGE;
    if (r == 0 && set)
        r = sem_set_values(id, 0, values, count);
    heap_free(values);
    return r;
}

static long
one_value(int32_t id, uint32_t num, int32_t value)
{
    uint16_t v = (uint16_t)value;

    return value < 0 || value > SEMVMX ? -ERANGE : sem_set_values(id, num, &v, 1);
}

LX(semctl)
{
    int32_t id = (int32_t)args->a[0];
    uint32_t num = (uint32_t)args->a[1];
    uint64_t arg = args->a[3];
    struct lx_semid_ds ds;

    switch ((uint32_t)args->a[2]) {
    case IPC_STAT: return sem_stat(id, arg, false, false);
    case SEM_STAT: return sem_stat(id, arg, true, false);
    case SEM_STAT_ANY: return sem_stat(id, arg, true, true);
    case IPC_INFO: return sem_limits(arg, false);
    case SEM_INFO: return sem_limits(arg, true);
    case IPC_RMID: return sem_remove(id);
    case IPC_SET:
        if (user_copy_in(&ds, arg, sizeof(ds)) != 0)
            return -EFAULT;
        return sem_set(id, ds.perm.uid, ds.perm.gid, ds.perm.mode);
    case GETVAL: return sem_query(id, num, SEM_VALUE);
    case GETPID: return sem_query(id, num, SEM_PID);
    case GETNCNT: return sem_query(id, num, SEM_NCNT);
    case GETZCNT: return sem_query(id, num, SEM_ZCNT);
    case GETALL: return all_values(id, arg, false);
    case SETALL: return all_values(id, arg, true);
    case SETVAL: return one_value(id, num, (int32_t)arg);
    default: return -EINVAL;
    }
}

/* ---- message queues ---- */

LX(msgget)
{
    return msg_get((int32_t)args->a[0], (uint32_t)args->a[1]);
}

LX(msgsnd)
{
    uva_t from = args->a[1];
    uint64_t len = args->a[2];
    struct sysv_message *m;
    int64_t type;
    int err;

    if ((int32_t)args->a[0] < 0 || len > MSGMAX)
        return -EINVAL;
    if (user_copy_in(&type, from, sizeof(type)) != 0)
        return -EFAULT;
    if (type < 1)
        return -EINVAL;
    m = heap_alloc(sizeof(*m) + len);
    if (m == NULL)
        return -ENOMEM;
    m->type = type;
    m->len = (uint32_t)len;
    err = user_copy_in(m->data, from + sizeof(type), len) != 0 ? -EFAULT : msg_send((int32_t)args->a[0], m, (uint32_t)args->a[3]);
    if (err != 0)
        heap_free(m);
    return err;
}

LX(msgrcv)
{
    uint32_t flags = (uint32_t)args->a[4];
    int64_t type = (int64_t)args->a[3];
    uint64_t size = args->a[2], len;
    struct sysv_message *m;
    long r;
    int err;

    if ((int32_t)args->a[0] < 0 || (int64_t)size < 0)
        return -EINVAL;
    if ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)))
        return -EINVAL;
    if (type == INT64_MIN)
        type = -INT64_MAX;
    m = msg_receive((int32_t)args->a[0], size, type, flags, &err);
    if (m == NULL)
        return err;
    len = MIN(size, (uint64_t)m->len);
    r = user_copy_out(args->a[1], &m->type, sizeof(m->type)) != 0 ||
        user_copy_out(args->a[1] + sizeof(m->type), m->data, len) != 0 ? -EFAULT : (long)len;
    heap_free(m);
    return r;
}

static long
msg_stat(int32_t id, uva_t to, bool indexed, bool any)
{
    struct lx_msqid_ds ds;
    struct msg_info info;
    struct sysv_object *o;
    int err;

    lock_acquire(&msg_table.lock);
    o = stat_object(&msg_table, id, indexed, any, &err);
    if (o != NULL)
        msg_look(o, &info);
    lock_release(&msg_table.lock);
    if (err != 0)
        return err;
    ds = (struct lx_msqid_ds){ .perm = perm_of(&info.o), .stime = info.stime, .rtime = info.rtime, .ctime = info.ctime, .bytes = info.bytes,
                               .count = info.count, .limit = info.limit, .sender = (int32_t)info.sender, .receiver = (int32_t)info.receiver };
    return user_copy_out(to, &ds, sizeof(ds)) != 0 ? -EFAULT : indexed ? (long)info.o.id : 0;
}

static long
msg_limits(uva_t to, bool used)
{
    /* msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql, msgseg */
    int32_t info[8] = { SYSV_OBJECTS_MAX * MSGMNB / 1024, MSGMNB, MSGMAX, MSGMNB, SYSV_OBJECTS_MAX, 16, MSGMNB, 0xffff };
    uint64_t bytes = 0, count = 0;
    long highest;

    lock_acquire(&msg_table.lock);
    for (uint32_t i = 0; i < msg_table.room; i++) {
        struct msg_info q;

        if (msg_table.slot[i] == NULL)
            continue;
        msg_look(msg_table.slot[i], &q);
        bytes += q.bytes;
        count += q.count;
    }
    if (used) {
        info[0] = (int32_t)msg_table.count;
        info[1] = (int32_t)count;
        info[6] = (int32_t)bytes;
    }
    highest = sysv_highest(&msg_table);
    lock_release(&msg_table.lock);
    return user_copy_out(to, info, sizeof(info)) != 0 ? -EFAULT : highest;
}

LX(msgctl)
{
    int32_t id = (int32_t)args->a[0];
    uva_t buf = args->a[2];
    struct lx_msqid_ds ds;

    switch ((uint32_t)args->a[1]) {
    case IPC_STAT: return msg_stat(id, buf, false, false);
    case MSG_STAT: return msg_stat(id, buf, true, false);
    case MSG_STAT_ANY: return msg_stat(id, buf, true, true);
    case IPC_INFO: return msg_limits(buf, false);
    case MSG_INFO: return msg_limits(buf, true);
    case IPC_RMID: return msg_remove(id);
    case IPC_SET:
        if (user_copy_in(&ds, buf, sizeof(ds)) != 0)
            return -EFAULT;
        return msg_set(id, ds.perm.uid, ds.perm.gid, ds.perm.mode, ds.limit);
    default: return -EINVAL;
    }
}
