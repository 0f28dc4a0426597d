/*
 * inotify.c: queues of what happened to watched files, and who reads them.
 *
 * Holds:    a queue's last place is for the word that events were lost. Limits are a user's, the effective one of who made the queue.
 * Locks:    icache_lock around watches and the list of queues; a queue's own lock, inside it, around events.
 */
#include "fs/inotify.h"

#include "base/mem.h"
#include "fs/notify.h"
#include "fs/procfs.h"
#include "ipc/ipc.h"

#define FIONREAD 0x541bu
#define NAME_UNIT 16u                   /* names are padded to a multiple of it */

/* Linux uapi/linux/inotify.h */
struct inotify_head {
    int32_t wd;
    uint32_t mask, cookie, len;
};
_Static_assert(sizeof(struct inotify_head) == NAME_UNIT, "Linux ABI");

struct event {
    struct list link;
    struct inotify_head head;
    size_t name_len;
    char name[];
};

struct queue {
    struct lock lock;
    struct waitq wq;
    struct list events;
    uint32_t count, bytes;
    struct event *overflow;             /* the word that events were lost, while it is not in the queue */
    struct list watches;
    struct list link;                   /* in queues */
    uint32_t uid, watch_count;
    int32_t last_wd;
};

struct watch {
    struct notify_watch notify;
    struct queue *queue;
    struct list link;                   /* in queue->watches */
    int32_t wd;
};

static struct list queues = { &queues, &queues };
static uint32_t max_queued_events = 16384, max_user_instances = 128, max_user_watches = 8192;

/* ---- events ---- */

static uint32_t
event_size(const struct event *e)
{
    return sizeof(e->head) + e->head.len;
}

static struct event *
event_new(int32_t wd, const struct notify_event *what)
{
    size_t len = what->name != NULL ? what->len : 0;
    struct event *e = heap_alloc(sizeof(*e) + len);

    if (e == NULL)
        return NULL;
    e->head.wd = wd;
    e->head.mask = what->mask;
    e->head.cookie = what->cookie;
    e->head.len = what->name != NULL ? (uint32_t)(len + NAME_UNIT) & ~(NAME_UNIT - 1) : 0;
    e->name_len = len;
    if (len > 0)
        memcpy(e->name, what->name, len);
    return e;
}

/* Would it say again what the last event in the queue says? */
static bool
repeats(const struct queue *q, int32_t wd, const struct notify_event *what)
{
    const struct event *e = container_of(q->events.prev, struct event, link);
    size_t len = what->name != NULL ? what->len : 0;

    return !list_empty(&q->events) && e->head.wd == wd && e->head.mask == what->mask && !(what->mask & IN_IGNORED) &&
           e->name_len == len && (len == 0 || memcmp(e->name, what->name, len) == 0);
}

static void
put_last(struct queue *q, struct event *e)
{
    list_push_tail(&q->events, &e->link);
    q->count++;
    q->bytes += event_size(e);
    wake_all(&q->wq);
}

static void
post(struct queue *q, int32_t wd, const struct notify_event *what)
{
    struct event *e;

    lock_acquire(&q->lock);
    if (!repeats(q, wd, what)) {
        e = q->count < max_queued_events ? event_new(wd, what) : NULL;
        if (e == NULL) {
            e = q->overflow;
            q->overflow = NULL;
        }
        if (e != NULL)
            put_last(q, e);
    }
    lock_release(&q->lock);
}

/* ---- watches. icache_lock held ---- */

static void
watch_told(struct notify_watch *n, const struct notify_event *e)
{
    struct watch *w = container_of(n, struct watch, notify);

    post(w->queue, w->wd, e);
    if (!(e->mask & IN_IGNORED))
        return;
    notify_unwatch(n);                  /* whoever tells puts the inode */
    list_remove(&w->link);
    w->queue->watch_count--;
    heap_free(w);
}

static struct watch *
find_wd(const struct queue *q, int32_t wd)
{
    list_for(l, &q->watches) {
        struct watch *w = container_of(l, struct watch, link);

        if (w->wd == wd)
            return w;
    }
    return NULL;
}

static struct watch *
find_on(const struct queue *q, const struct inode *i)
{
    for (struct notify_watch *n = i->watches; n != NULL; n = n->next) {
        if (n->tell == watch_told && container_of(n, struct watch, notify)->queue == q)
            return container_of(n, struct watch, notify);
    }
    return NULL;
}

static void
count_of(uint32_t uid, uint32_t *instances, uint32_t *watches)
{
    *instances = *watches = 0;
    list_for(l, &queues) {
        const struct queue *q = container_of(l, struct queue, link);

        *instances += q->uid == uid;
        *watches += q->uid == uid ? q->watch_count : 0;
    }
}

static int
add_new(struct queue *q, struct inode *i, uint32_t mask, struct watch **spare)
{
    struct watch *w = *spare;
    uint32_t instances, watches;

    count_of(q->uid, &instances, &watches);
    if (watches >= max_user_watches || q->last_wd == INT32_MAX)
        return -ENOSPC;
    if (w == NULL)
        return -ENOMEM;
    *spare = NULL;
    w->queue = q;
    w->wd = ++q->last_wd;
    w->notify.mask = mask;
    w->notify.tell = watch_told;
    list_push_tail(&q->watches, &w->link);
    q->watch_count++;
    notify_watch(&w->notify, i);
    return w->wd;
}

static int
change(struct watch *w, uint32_t mask, uint32_t how)
{
    if (how & IN_MASK_CREATE)
        return -EEXIST;
    w->notify.mask = mask | (how & IN_MASK_ADD ? w->notify.mask : 0);
    return w->wd;
}

long
inotify_add(struct file *f, struct inode *i, uint32_t mask)
{
    const uint32_t kept = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT;
    struct watch *spare = heap_alloc(sizeof(*spare)), *w;
    struct queue *q = f->priv;
    long wd;

    lock_acquire(&icache_lock);
    w = find_on(q, i);
    wd = w != NULL ? change(w, mask & kept, mask) : add_new(q, i, mask & kept, &spare);
    lock_release(&icache_lock);
    heap_free(spare);
    return wd;
}

int
inotify_remove(struct file *f, int32_t wd)
{
    struct queue *q = f->priv;
    struct inode *i = NULL;
    struct watch *w;

    lock_acquire(&icache_lock);
    w = find_wd(q, wd);
    if (w != NULL) {
        i = w->notify.inode;
        watch_told(&w->notify, &(struct notify_event){ .mask = IN_IGNORED });
    }
    lock_release(&icache_lock);
    if (i == NULL)
        return -EINVAL;
    inode_put_quiet(i);
    return 0;
}

/* ---- the file ---- */

/* The first event, out of the queue, if `room` bytes hold it. -EAGAIN, -EINVAL. The queue's lock is held. */
static int
take_first(struct queue *q, uint64_t room, struct event **out)
{
    struct event *e = container_of(q->events.next, struct event, link);

    if (list_empty(&q->events))
        return -EAGAIN;
    if (event_size(e) > room)
        return -EINVAL;
    list_remove(&e->link);
    q->count--;
    q->bytes -= event_size(e);
    *out = e;
    return 0;
}

static ssize
give(struct queue *q, struct uio *u, struct event *e)
{
    char text[NAME_LEN_MAX + 1 + NAME_UNIT] = { 0 };
    uint32_t len = e->head.len;
    ssize n = uio_out(u, &e->head, sizeof(e->head));

    memcpy(text, e->name, e->name_len);
    if (n == (ssize)sizeof(e->head) && len > 0)
        n = uio_out(u, text, len) == (ssize)len ? n + (ssize)len : -EFAULT;
    if (e->head.mask & IN_Q_OVERFLOW)
        q->overflow = e;
    else
        heap_free(e);
    return n;
}

static ssize
inotify_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct queue *q = f->priv;
    ssize total = 0, n = 0;
    struct event *e;

    (void)pos;
    lock_acquire(&q->lock);
    for (;;) {
        n = take_first(q, u->left, &e);
        if (n == 0) {
            lock_release(&q->lock);
            n = give(q, u, e);
            lock_acquire(&q->lock);
            if (n < 0)
                break;
            total += n;
        } else if (n == -EINVAL || total > 0 || FILE_NONBLOCK(f)) {
            break;
        } else {
            n = wait_sleep(&q->wq, &q->lock, DEADLINE_NEVER, WAIT_INTR);
            if (n != 0)
                break;
        }
    }
    lock_release(&q->lock);
    return n == -EFAULT || total == 0 ? n : total;
}

static long
inotify_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    const struct queue *q = f->priv;
    int32_t bytes = (int32_t)q->bytes;

    return cmd == FIONREAD ? user_copy_out(arg, &bytes, sizeof(bytes)) : -ENOTTY;
}

static unsigned
inotify_poll(struct file *f)
{
    const struct queue *q = f->priv;

    return list_empty(&q->events) ? 0 : READY_IN | READY_RDNORM;
}

static struct waitq *
inotify_poll_queue(struct file *f)
{
    return &((struct queue *)f->priv)->wq;
}

static void
inotify_release(struct file *f)
{
    struct queue *q = f->priv;

    lock_acquire(&icache_lock);
    while (!list_empty(&q->watches)) {
        struct watch *w = container_of(q->watches.next, struct watch, link);
        struct inode *i = w->notify.inode;

        notify_unwatch(&w->notify);
        list_remove(&w->link);
        lock_release(&icache_lock);
        heap_free(w);
        inode_put_quiet(i);
        lock_acquire(&icache_lock);
    }
    list_remove(&q->link);
    lock_release(&icache_lock);
    list_for_safe(l, tmp, &q->events)
        heap_free(container_of(l, struct event, link));
    heap_free(q->overflow);
    heap_free(q);
}

static const struct file_ops inotify_ops = {
    .name = "inotify",
    .read = inotify_read,
    .ioctl = inotify_ioctl,
    .poll = inotify_poll,
    .poll_queue = inotify_poll_queue,
    .signals = true,
    .release = inotify_release,
};

bool
file_is_inotify(const struct file *f)
{
    return f->ops == &inotify_ops;
}

static struct queue *
queue_new(void)
{
    struct queue *q = heap_alloc(sizeof(*q));
    struct event *overflow = event_new(-1, &(struct notify_event){ .mask = IN_Q_OVERFLOW });

    if (q == NULL || overflow == NULL) {
        heap_free(q);
        heap_free(overflow);
        return NULL;
    }
    lock_init(&q->lock, LOCK_RANK_PIPE);
    waitq_init(&q->wq);
    list_init(&q->events);
    list_init(&q->watches);
    q->overflow = overflow;
    q->uid = fs_current()->uid;
    return q;
}

int
inotify_open(uint32_t flags, struct file **out)
{
    struct queue *q = queue_new();
    struct file *f = q != NULL ? file_create(&inotify_ops, flags & O_NONBLOCK, q) : NULL;
    uint32_t instances, watches;
    bool allowed;

    if (f == NULL) {
        if (q != NULL)
            heap_free(q->overflow);
        heap_free(q);
        return -ENOMEM;
    }
    lock_acquire(&icache_lock);
    count_of(q->uid, &instances, &watches);
    allowed = instances < max_user_instances;
    list_push_tail(&queues, &q->link);
    lock_release(&icache_lock);
    if (!allowed) {
        file_put(f);
        return -EMFILE;
    }
    *out = f;
    return 0;
}

/* ---- limits ---- */

static int
set_limit(const char *text, size_t len, uint32_t *limit)
{
    uint64_t v = 0;
    size_t n = 0;

    for (; n < len && text[n] >= '0' && text[n] <= '9' && v <= INT32_MAX; n++)
        v = v * 10 + (uint64_t)(text[n] - '0');
    if (n == 0 || (n < len && text[n] != '\n') || v > INT32_MAX)
        return -EINVAL;
    *limit = (uint32_t)v;
    return 0;
}

#define LIMIT(name) \
    static int show_##name(struct text_buf *t) { text_print(t, "%u\n", max_##name); return 0; } \
    static int store_##name(char *text, size_t len) { return set_limit(text, len, &max_##name); }
LIMIT(queued_events)
LIMIT(user_instances)
LIMIT(user_watches)
#undef LIMIT

void
inotify_register_settings(void)
{
    static const struct gen_row rows[] = {
        { "sys/fs/inotify/max_queued_events", .show = show_queued_events, .store = store_queued_events },
        { "sys/fs/inotify/max_user_instances", .show = show_user_instances, .store = store_user_instances },
        { "sys/fs/inotify/max_user_watches", .show = show_user_watches, .store = store_user_watches },
    };

    gen_add(&procfs, rows, ARRAY_SIZE(rows));
}
