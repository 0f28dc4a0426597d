/*
 * mqueue.c: POSIX message queues: names, messages by priority, and who is told of the first one.
 *
 * Holds:    a queue lives as long as its name or a file of it. Messages lie in the order in which they will be taken.
 * Locks:    mq_lock (LOCK_RANK_PIPE) around all queues.
 * Bounds:   those of mqueue.h; RLIMIT_MSGQUEUE bytes for each user.
 */
#include "ipc/mqueue.h"

#include "base/mem.h"
#include "fs/inode.h"
#include "fs/rights.h"
#include "ipc/ipc.h"
#include "net/netlink.h"
#include "proc/internal.h"
#include "proc/signal.h"

#define MESSAGE_COST 96u        /* that Linux charges for each possible message beside its bytes */
#define SI_MESGQ (-3)
#define COOKIE_WOKEN 1          /* the last byte of a cookie: why it comes */
#define COOKIE_REMOVED 2

struct mqueue {
    struct list link;
    char name[MQ_NAME_MAX + 1];
    bool named;
    uint32_t files;
    uint32_t uid, gid, mode;
    uint32_t payer;             /* the user whose RLIMIT_MSGQUEUE it counts for */
    int64_t maxmsg, msgsize, count;
    struct list messages;
    uint32_t receivers;         /* asleep until one comes */
    struct waitq wq;            /* both sides, and pollers */
    uint64_t listener;         /* who is to be told: the owner of descriptors that asked for it; 0: nobody */
    uint32_t listener_pid;
    struct mq_notice notice;
};

static struct lock mq_lock = LOCK_INIT(LOCK_RANK_PIPE);
static struct list queues = { &queues, &queues };

static struct mqueue *
queue_of(const struct file *f)
{
    return f->priv;
}

/* ---- who is told ---- */

/* No lock is held; n is the caller's. */
static void
cookie_send(struct mq_notice *n, uint8_t why)
{
    n->cookie[MQ_COOKIE_BYTES - 1] = why;
    netlink_deliver(n->socket, n->cookie, sizeof(n->cookie));
    file_put(n->socket);
}

static void
tell(struct mq_notice *n, uint32_t pid)
{
    struct siginfo_brief info = { .code = SI_MESGQ, .pid = proc_current()->pid, .uid = proc_current()->fs->ruid, .value = n->value };
    struct proc *p = proc_find(pid);

    if (n->kind == MQ_NOTICE_SOCKET)
        cookie_send(n, COOKIE_WOKEN);
    else if (n->kind == MQ_NOTICE_SIGNAL && n->signo != 0 && p != NULL)
        (void)proc_signal_info(p, n->signo, &info);
}

/* The lock is held. What was asked for goes to *n; it is asked for once. */
static void
notice_take(struct mqueue *q, struct mq_notice *n, uint32_t *pid)
{
    *n = q->notice;
    *pid = q->listener_pid;
    q->listener = 0;
    q->notice = (struct mq_notice){ .kind = MQ_NOTICE_NONE };
}

/* What `owner` has asked for is not wanted any more. */
static void
notice_cancel(struct mqueue *q, uint64_t owner)
{
    struct mq_notice n = { .kind = MQ_NOTICE_NONE };
    uint32_t pid;

    lock_acquire(&mq_lock);
    if (q->listener == owner)
        notice_take(q, &n, &pid);
    lock_release(&mq_lock);
    if (n.kind == MQ_NOTICE_SOCKET)
        cookie_send(&n, COOKIE_REMOVED);
}

int
mq_notify(struct file *f, const struct mq_notice *n)
{
    struct mqueue *q = queue_of(f);
    uint64_t owner = lock_owner_current();
    int err = 0;

    if (n == NULL) {
        notice_cancel(q, owner);
        return 0;
    }
    lock_acquire(&mq_lock);
    if (q->listener != 0) {
        err = -EBUSY;
    } else {
        q->listener = owner;
        q->listener_pid = proc_current()->pid;
        q->notice = *n;
    }
    lock_release(&mq_lock);
    return err;
}

/* ---- names ---- */

/* The lock is held. */
static struct mqueue *
find(const char *name)
{
    list_for(l, &queues) {
        struct mqueue *q = container_of(l, struct mqueue, link);

        if (q->named && strcmp(q->name, name) == 0)
            return q;
    }
    return NULL;
}

static int
name_check(const char *name)
{
    if (name[0] == '\0')
        return -ENOENT;
    if (strlen(name) > MQ_NAME_MAX)
        return -ENAMETOOLONG;
    return strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EACCES : 0;
}

static int
allows(const struct mqueue *q, uint32_t flags)
{
    static const uint8_t want[] = { [O_RDONLY] = 4, [O_WRONLY] = 2, [O_RDWR] = 6 };
    const struct fs_context *fs = proc_current()->fs;
    uint32_t have = q->mode >> (fs->uid == q->uid ? 6 : in_group(fs, q->gid) ? 3 : 0);

    if ((flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    return fs->uid == 0 || (want[flags & O_ACCMODE] & ~have) == 0 ? 0 : -EACCES;
}

/* ---- making ---- */

static uint64_t
cost(const struct mqueue *q)
{
    return (uint64_t)q->maxmsg * ((uint64_t)q->msgsize + MESSAGE_COST);
}

/* The lock is held. May the user have this one beside all others? */
static int
within_limits(const struct mqueue *new)
{
    uint64_t bytes = cost(new);
    uint32_t names = 0;

    list_for(l, &queues) {
        const struct mqueue *q = container_of(l, struct mqueue, link);

        bytes += q->payer == new->payer ? cost(q) : 0;
        names += q->named;
    }
    if (names >= MQ_QUEUES_USUAL && proc_current()->fs->uid != 0)
        return -ENOSPC;
    return bytes > proc_current()->rlimit[RLIMIT_MSGQUEUE_K].cur ? -EMFILE : 0;
}

static int
set_size(struct mqueue *q, const struct mq_attr *attr)
{
    bool root = proc_current()->fs->uid == 0;

    q->maxmsg = attr != NULL ? attr->maxmsg : MQ_MESSAGES_USUAL;
    q->msgsize = attr != NULL ? attr->msgsize : MQ_BYTES_USUAL;
    if (q->maxmsg <= 0 || q->maxmsg > (root ? MQ_MESSAGES_MAX : MQ_MESSAGES_USUAL))
        return -EINVAL;
    return q->msgsize <= 0 || q->msgsize > (root ? MQ_BYTES_MAX : MQ_BYTES_USUAL) ? -EINVAL : 0;
}

static struct mqueue *
queue_new(const char *name, uint32_t mode)
{
    const struct fs_context *fs = proc_current()->fs;
    struct mqueue *q = heap_alloc(sizeof(*q));

    if (q == NULL)
        return NULL;
    fmt_print(q->name, sizeof(q->name), "%s", name);
    q->uid = fs->uid;
    q->gid = fs->gid;
    q->payer = fs->ruid;
    q->mode = mode & 0777 & ~fs->umask;
    list_init(&q->messages);
    waitq_init(&q->wq);
    return q;
}

/* The lock is held. The queue of that name, one more file of it counted: it was there, or `new` is that from now on. */
static int
choose(const char *name, uint32_t flags, struct mqueue *new, const struct mq_attr *attr, struct mqueue **out)
{
    int err;

    *out = find(name);
    if (*out != NULL) {
        err = (flags & O_CREAT) && (flags & O_EXCL) ? -EEXIST : allows(*out, flags);
    } else if (new == NULL) {
        err = -ENOENT;
    } else {
        err = set_size(new, attr);
        if (err == 0)
            err = within_limits(new);
        if (err == 0) {
            new->named = true;
            list_push_tail(&queues, &new->link);
            *out = new;
        }
    }
    if (err == 0)
        (*out)->files++;
    return err;
}

/* The lock is held. True: nothing holds it any more, and it is out of the list. */
static bool
is_over(struct mqueue *q)
{
    if (q->named || q->files > 0)
        return false;
    list_remove(&q->link);
    return true;
}

static void
queue_free(struct mqueue *q)
{
    list_for_safe(l, next, &q->messages)
        heap_free(container_of(l, struct mq_message, link));
    heap_free(q);
}

static void
file_gone(struct mqueue *q)
{
    bool over;

    lock_acquire(&mq_lock);
    q->files--;
    over = is_over(q);
    lock_release(&mq_lock);
    if (over)
        queue_free(q);
}

int
mq_unlink(const char *name)
{
    const struct fs_context *fs = proc_current()->fs;
    struct mqueue *q;
    int err = name_check(name);
    bool over = false;

    if (err != 0)
        return err;
    lock_acquire(&mq_lock);
    q = find(name);
    if (q == NULL) {
        err = -ENOENT;
    } else if (fs->uid != 0 && fs->uid != q->uid) {
        err = -EPERM;           /* they are in a directory of root's with the sticky bit */
    } else {
        q->named = false;
        over = is_over(q);
    }
    lock_release(&mq_lock);
    if (over)
        queue_free(q);
    return err;
}

/* ---- messages ---- */

/* Behind those that are at least as urgent. */
static void
insert(struct mqueue *q, struct mq_message *m)
{
    struct list *at = q->messages.prev;

    while (at != &q->messages && container_of(at, struct mq_message, link)->prio < m->prio)
        at = at->prev;
    list_push_head(at, &m->link);
    q->count++;
}

static int
wait_in(struct mqueue *q, const struct file *f, uint64_t deadline_ns)
{
    return f->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&q->wq, &mq_lock, deadline_ns, WAIT_INTR);
}

int
mq_send(struct file *f, struct mq_message *m, uint64_t deadline_ns)
{
    struct mq_notice n = { .kind = MQ_NOTICE_NONE };
    struct mqueue *q = queue_of(f);
    uint32_t pid = 0;
    int err = 0;

    lock_acquire(&mq_lock);
    while (err == 0 && q->count >= q->maxmsg)
        err = wait_in(q, f, deadline_ns);
    if (err == 0) {
        if (q->count == 0 && q->receivers == 0 && q->listener != 0)
            notice_take(q, &n, &pid);
        insert(q, m);
        wake_all(&q->wq);
    }
    lock_release(&mq_lock);
    if (err == 0)
        tell(&n, pid);
    return err;
}

struct mq_message *
mq_receive(struct file *f, uint64_t deadline_ns, int *err)
{
    struct mqueue *q = queue_of(f);
    struct mq_message *m = NULL;

    *err = 0;
    lock_acquire(&mq_lock);
    while (*err == 0 && q->count == 0) {
        q->receivers++;
        *err = wait_in(q, f, deadline_ns);
        q->receivers--;
    }
    if (*err == 0) {
        m = container_of(q->messages.next, struct mq_message, link);
        list_remove(&m->link);
        q->count--;
        wake_all(&q->wq);
    }
    lock_release(&mq_lock);
    return m;
}

void
mq_look(const struct file *f, struct mq_attr *out)
{
    const struct mqueue *q = queue_of(f);

    *out = (struct mq_attr){ f->flags & O_NONBLOCK, q->maxmsg, q->msgsize, q->count, { 0 } };
}

/* ---- files ---- */

#define STATUS_MAX 80

/* What is in it and who is to be told, as mq_overview(7) has it. */
static int
status(const struct mqueue *q, char *text)
{
    static const int as_sigev[] = { [MQ_NOTICE_SIGNAL] = 0, [MQ_NOTICE_NONE] = 1, [MQ_NOTICE_SOCKET] = 2 };
    bool asked = q->listener != 0, signal = asked && q->notice.kind == MQ_NOTICE_SIGNAL;
    uint64_t bytes = 0;

    list_for(l, &q->messages)
        bytes += container_of(l, struct mq_message, link)->len;
    return fmt_print(text, STATUS_MAX, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n", bytes,
                     asked ? as_sigev[q->notice.kind] : 0, signal ? q->notice.signo : 0, asked ? q->listener_pid : 0);
}

static ssize
mq_read(struct file *f, struct uio *u, uint64_t *pos)
{
    char text[STATUS_MAX];
    uint64_t len;
    ssize got;

    lock_acquire(&mq_lock);
    len = (uint64_t)status(queue_of(f), text);
    lock_release(&mq_lock);
    got = *pos < len ? uio_out(u, text + *pos, len - *pos) : 0;
    if (got > 0)
        *pos += (uint64_t)got;
    return got;
}

static unsigned
mq_poll(struct file *f)
{
    const struct mqueue *q = queue_of(f);

    return (q->count > 0 ? READY_IN | READY_RDNORM : 0) | (q->count < q->maxmsg ? READY_OUT | READY_WRNORM : 0);
}

static struct waitq *
mq_poll_queue(struct file *f)
{
    return &queue_of(f)->wq;
}

static void
mq_closed(struct file *f, uint64_t owner)
{
    notice_cancel(queue_of(f), owner);
}

static void
mq_release(struct file *f)
{
    file_gone(queue_of(f));
}

static const struct file_ops mq_ops = {
    .name = "mqueue",
    .read = mq_read,
    .poll = mq_poll,
    .poll_queue = mq_poll_queue,
    .closed = mq_closed,
    .release = mq_release,
};

bool
file_is_mq(const struct file *f)
{
    return f->ops == &mq_ops;
}

int
mq_open(const char *name, uint32_t flags, uint32_t mode, const struct mq_attr *attr, struct file **out)
{
    struct mqueue *new = NULL, *q = NULL;
    int err = name_check(name);

    if (err != 0)
        return err;
    if ((flags & O_CREAT) && (new = queue_new(name, mode)) == NULL)
        return -ENOMEM;
    lock_acquire(&mq_lock);
    err = choose(name, flags, new, attr, &q);
    lock_release(&mq_lock);
    if (q != new)
        heap_free(new);
    if (err != 0)
        return err;
    *out = file_create(&mq_ops, flags & (O_ACCMODE | O_NONBLOCK), q);
    if (*out != NULL)
        return 0;
    file_gone(q);
    return -ENOMEM;
}
