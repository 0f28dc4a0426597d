/*
 * sysv.h: System V shared memory, semaphores and message queues: objects with keys and ids that outlive their processes.
 *
 * Locks: each kind has one lock (LOCK_RANK_PIPE), over its table and all that hangs there; never held while user memory is touched.
 */
#ifndef EXOS_IPC_SYSV_H
#define EXOS_IPC_SYSV_H

#include "base/base.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/wait.h"

struct proc;
struct file;

/* Linux include/uapi/linux/ipc.h */
#define IPC_PRIVATE 0
#define IPC_CREAT  01000u
#define IPC_EXCL   02000u
#define IPC_NOWAIT 04000u

#define SYSV_INDEX_BITS 15
#define SYSV_OBJECTS_MAX 4096   /* of one kind */
#define SYSV_READ  0444u
#define SYSV_WRITE 0222u

/* What every object begins with. `refs`: the table's and those of calls that sleep. */
struct sysv_object {
    int32_t key;
    uint32_t id;                /* seq << SYSV_INDEX_BITS | place in the table */
    uint32_t seq;
    uint32_t uid, gid, cuid, cgid;
    uint32_t mode;
    uint32_t refs;
    bool removed;
};

struct sysv_table {
    struct lock lock;
    struct sysv_object **slot;
    uint32_t room, count, next_seq;
    void (*end)(struct sysv_object *o);     /* the last reference has gone: it is in no table. The lock is held */
};
#define SYSV_TABLE(end_fn) { .lock = LOCK_INIT(LOCK_RANK_PIPE), .end = (end_fn) }

/* There is a place for one more, and it stays until the lock is released: 0, -ENOMEM, -ENOSPC. The lock is held, and released meanwhile. */
int sysv_reserve(struct sysv_table *t) MUST_USE;
/* Takes the object, whose key and mode are set, over. Its id. */
long sysv_insert(struct sysv_table *t, struct sysv_object *o);
/* NULL: there is none, or it is removed. */
struct sysv_object *sysv_find(const struct sysv_table *t, int32_t id);
struct sysv_object *sysv_find_key(const struct sysv_table *t, int32_t key);
struct sysv_object *sysv_at(const struct sysv_table *t, uint32_t index);
/* The highest place that is taken; 0 when none is. */
uint32_t sysv_highest(const struct sysv_table *t);
/* Out of the table: nobody finds it by id or key. */
void sysv_remove(struct sysv_table *t, struct sysv_object *o);
void sysv_put(struct sysv_table *t, struct sysv_object *o);
/* May the caller do this (SYSV_READ, SYSV_WRITE, or bits of a flag word)? 0, -EACCES. */
int sysv_allows(const struct sysv_object *o, uint32_t flags) MUST_USE;
/* May the caller change or remove it? 0, -EPERM. */
int sysv_owned(const struct sysv_object *o) MUST_USE;
/* What shmget, semget and msgget have in common: *found, or NULL when a new one is to be made. 0, -ENOENT, -EEXIST, -EACCES. Lock held. */
int sysv_get(const struct sysv_table *t, int32_t key, uint32_t flags, struct sysv_object **found) MUST_USE;
/* Sets owner, creator, key and mode of a new object. */
void sysv_init(struct sysv_object *o, int32_t key, uint32_t flags);
int64_t sysv_now(void);         /* seconds */

/* ---- shared memory (sysv_shm.c) ---- */

#define SHMMAX (UINT64_MAX - (1ul << 24))
#define SHM_DEST 01000u         /* in mode: gone with the last that has it attached */
#define SHM_LOCKED 02000u
#define SHM_RDONLY 010000u
#define SHM_RND    020000u
#define SHM_REMAP  040000u
#define SHM_EXEC   0100000u

struct shm_info {               /* a look at one */
    struct sysv_object o;
    uint64_t size, resident, attached;
    int64_t atime, dtime, ctime;
    uint32_t creator, last;     /* pids */
};
extern struct sysv_table shm_table;
long shm_get(int32_t key, uint64_t size, uint32_t flags);
long shm_attach(int32_t id, uint64_t addr, uint32_t flags);
long shm_detach(uint64_t addr);
int shm_look(struct sysv_object *o, struct shm_info *out);      /* lock held */
int shm_remove(int32_t id);
int shm_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode);
int shm_lock_pages(int32_t id, bool lock);
uint64_t shm_total_pages(uint64_t *resident);                   /* of all; lock held */
/* What /proc calls the memory behind a mapping; false: it is none of these. */
bool shm_name(const struct file *f, char *buf, size_t size);

/* ---- semaphores (sysv_sem.c) ---- */

#define SEMMSL 4096
#define SEMOPM 500
#define SEMVMX 32767
#define SEM_UNDO 010000

struct sem_op { uint16_t num; int16_t op; int16_t flags; };     /* Linux struct sembuf */
struct sem_info {
    struct sysv_object o;
    uint32_t count;
    int64_t otime, ctime;
};
extern struct sysv_table sem_table;
long sem_get(int32_t key, int32_t count, uint32_t flags);
long sem_operate(int32_t id, const struct sem_op *ops, uint32_t count, uint64_t deadline_ns);
void sem_look(const struct sysv_object *o, struct sem_info *out);       /* lock held */
int sem_remove(int32_t id);
int sem_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode);
enum sem_what { SEM_VALUE, SEM_PID, SEM_NCNT, SEM_ZCNT };
long sem_query(int32_t id, uint32_t num, enum sem_what what);
/* All values: how many there are in *count (0 on entry: only that). */
int sem_values(int32_t id, uint16_t *values, uint32_t *count);
int sem_set_values(int32_t id, uint32_t num, const uint16_t *values, uint32_t count);  /* count 0: all */
uint32_t sem_total(void);       /* semaphores of all sets; lock held */
/* The process ends: what it is to undo. */
void sem_exit(struct proc *p);

/* ---- message queues (sysv_msg.c) ---- */

#define MSGMAX 8192
#define MSGMNB 16384
#define MSG_NOERROR 010000u
#define MSG_EXCEPT  020000u
#define MSG_COPY    040000u

struct sysv_message {
    struct list link;
    int64_t type;
    uint32_t len;
    char data[];
};
struct msg_info {
    struct sysv_object o;
    uint64_t bytes, count, limit;
    int64_t stime, rtime, ctime;
    uint32_t sender, receiver;
};
extern struct sysv_table msg_table;
long msg_get(int32_t key, uint32_t flags);
/* Takes m over on success. */
int msg_send(int32_t id, struct sysv_message *m, uint32_t flags);
/* The message, which is the caller's then; with MSG_COPY a copy. NULL: *err. */
struct sysv_message *msg_receive(int32_t id, uint64_t size, int64_t type, uint32_t flags, int *err);
void msg_look(const struct sysv_object *o, struct msg_info *out);       /* lock held */
int msg_remove(int32_t id);
int msg_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode, uint64_t limit);

/* /proc/sysvipc and the limits in /proc/sys/kernel. */
void sysv_proc_init(void);

#endif
