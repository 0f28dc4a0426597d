/* coop.c: a session on the host. See coop.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "fake/exos/coop.h"

#include "base/lock.h"
#include "base/mem.h"
#include "base/uio.h"
#include "fs/fdtable.h"
#include "fs/sigio.h"
#include "fs/sockname.h"
#include "ipc/ipc.h"
#include "net/sock.h"

#define STACK_SIZE (256 * 1024)

enum state { FREE, READY, SLEEPING };

struct coop_thread {
    enum state state;
    ucontext_t context;
    char *stack;
    void (*fn)(void *);
    void *arg;
    uint64_t deadline;
    bool woken;
};

/* A sleeper in a wait queue looks like a watch without a function. */
struct node {
    struct wait_watch watch;
    struct coop_thread *thread;
};

uint64_t (*coop_due_work)(void);
uint64_t coop_clock_ns = 1000000000;
unsigned coop_heap_objects, coop_pages, coop_files;
uint64_t coop_signals;
int coop_alloc_budget = -1;
bool coop_interrupt;

static struct coop_thread threads[COOP_THREADS_MAX];
static struct coop_thread *running;
static ucontext_t scheduler;
static struct lock *held[8];
static unsigned held_count;
static struct fdtable table;
static struct fs_context context = { .fds = &table };
static struct proc the_proc = { .pid = 1, .fs = &context };

void
library_panic(const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "library panic at %s:%d: ", file, line);
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    abort();
}

void
log_print(const char *format, ...)
{
    va_list ap;

    if (getenv("COOP_LOG") == NULL)
        return;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    va_end(ap);
}

uint64_t
clock_monotonic_ns(void)
{
    return coop_clock_ns += 50;
}

uint64_t
clock_realtime_ns(void)
{
    return coop_clock_ns;
}

static uint64_t random_state = 88172645463325252ull;

void
coop_seed(uint64_t seed)
{
    random_state = seed;
}

uint64_t
random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void
random_fill(void *buf, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = (uint8_t)random_u64();
}

/* ---- locks ---- */

void
lock_init(struct lock *l, enum lock_rank rank)
{
    *l = (struct lock)LOCK_INIT((uint32_t)rank);
}

void
lock_acquire(struct lock *l)
{
    EXO_ASSERT(l->holder == 0);
    EXO_ASSERT(held_count == 0 || held[held_count - 1]->rank < l->rank);
    l->holder = 1;
    held[held_count++] = l;
}

void
lock_release(struct lock *l)
{
    EXO_ASSERT(held_count > 0 && held[held_count - 1] == l);
    l->holder = 0;
    held_count--;
}

/* ---- memory ---- */

static bool
may_alloc(void)
{
    return coop_alloc_budget < 0 || coop_alloc_budget-- > 0;
}

void *
heap_alloc(size_t size)
{
    EXO_ASSERT(size <= 65536);
    if (!may_alloc())
        return NULL;
    coop_heap_objects++;
    return calloc(1, size != 0 ? size : 1);
}

void
heap_free(void *p)
{
    if (p == NULL)
        return;
    coop_heap_objects--;
    free(p);
}

void *
page_alloc(void)
{
    void *p;

    if (!may_alloc())
        return NULL;
    p = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(p, 0xa5, PAGE_SIZE);
    coop_pages++;
    return p;
}

void
page_free(void *p)
{
    EXO_ASSERT(((uintptr_t)p & PAGE_MASK) == 0);
    coop_pages--;
    free(p);
}

uint64_t
page_frame(const void *p)
{
    return (uintptr_t)p >> PAGE_SHIFT;
}

/* ---- user memory: the host's own, the first page faults ---- */

static bool
faults(uint64_t at)
{
    EXO_ASSERT(held_count == 0);
    return at < PAGE_SIZE;
}

int
user_copy_in(void *dst, uva_t src, size_t n)
{
    if (n > 0 && faults(src))
        return -EFAULT;
    memcpy(dst, (const void *)src, n);
    return 0;
}

int
user_copy_out(uva_t dst, const void *src, size_t n)
{
    if (n > 0 && faults(dst))
        return -EFAULT;
    memcpy((void *)dst, src, n);
    return 0;
}

void
uio_init_user(struct uio *u, uva_t base, size_t len)
{
    *u = (struct uio){ .iov_count = 1, .left = len, .inline_vec = { base, len } };
    u->iov = &u->inline_vec;
}

void
uio_init_kernel(struct uio *u, void *base, size_t len)
{
    uio_init_user(u, (uintptr_t)base, len);
    u->kernel = true;
}

static ssize
uio_move(struct uio *u, char *lib, size_t n, bool out)
{
    size_t done = 0;

    n = MIN(n, u->left);
    while (done < n) {
        struct uio_vec *v = &u->iov[u->index];
        size_t chunk = MIN(n - done, v->len - u->offset);
        char *user = (char *)v->base + u->offset;

        if (chunk > 0 && faults((uintptr_t)user))
            return done > 0 ? (ssize)done : -EFAULT;
        if (out)
            memcpy(user, lib + done, chunk);
        else
            memcpy(lib + done, user, chunk);
        done += chunk;
        u->offset += chunk;
        u->left -= chunk;
        if (u->offset == v->len) {
            u->index++;
            u->offset = 0;
        }
    }
    return (ssize)done;
}

ssize
uio_out(struct uio *u, const void *src, size_t n)
{
    return uio_move(u, (char *)(uintptr_t)src, n, true);
}

ssize
uio_in(struct uio *u, void *dst, size_t n)
{
    return uio_move(u, dst, n, false);
}

/* ---- threads, sleeping, waking ---- */

static void
thread_main(void)
{
    running->fn(running->arg);
    running->state = FREE;
    swapcontext(&running->context, &scheduler);
}

void
coop_spawn(void (*fn)(void *), void *arg)
{
    struct coop_thread *t = threads;

    while (t->state != FREE)
        t++;
    EXO_ASSERT(t < threads + COOP_THREADS_MAX);
    if (t->stack == NULL)
        t->stack = malloc(STACK_SIZE);
    t->fn = fn;
    t->arg = arg;
    t->state = READY;
    getcontext(&t->context);
    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&t->context, thread_main, 0);
}

static void
to_scheduler(void)
{
    EXO_ASSERT(running != NULL && held_count == 0);
    swapcontext(&running->context, &scheduler);
}

void
coop_yield(void)
{
    to_scheduler();
}

void
sched_point(void)
{
    coop_yield();
}

/* Wakes those whose time has come; gives the next deadline, 0 when somebody is ready. */
static uint64_t
next_deadline(bool *alive)
{
    uint64_t next = coop_due_work != NULL ? coop_due_work() : DEADLINE_NEVER;

    *alive = false;
    for (struct coop_thread *t = threads; t < threads + COOP_THREADS_MAX; t++) {
        *alive |= t->state != FREE;
        if (t->state == SLEEPING && (t->deadline <= coop_clock_ns || coop_interrupt))
            t->state = READY;
        if (t->state == READY)
            next = 0;
        else if (t->state == SLEEPING)
            next = MIN(next, t->deadline);
    }
    return next;
}

bool
coop_run(void)
{
    bool alive;

    for (;;) {
        uint64_t next = next_deadline(&alive);

        if (!alive)
            return true;
        if (next == DEADLINE_NEVER)
            return false;
        if (next > coop_clock_ns)
            coop_clock_ns = next;
        for (struct coop_thread *t = threads; t < threads + COOP_THREADS_MAX; t++) {
            if (t->state != READY)
                continue;
            running = t;
            swapcontext(&scheduler, &t->context);
            running = NULL;
        }
    }
}

void
waitq_init(struct waitq *wq)
{
    list_init(&wq->waiters);
}

int
wait_sleep(struct waitq *wq, struct lock *l, uint64_t deadline_ns, unsigned flags)
{
    struct node n = { .thread = running };

    if ((flags & WAIT_INTR) && coop_interrupt)
        return -EINTR;
    list_push_tail(&wq->waiters, &n.watch.link);
    running->state = SLEEPING;
    running->woken = false;
    running->deadline = deadline_ns;
    if (l != NULL)
        lock_release(l);
    to_scheduler();
    list_remove(&n.watch.link);
    if (l != NULL)
        lock_acquire(l);
    if (running->woken)
        return 0;
    return (flags & WAIT_INTR) && coop_interrupt ? -EINTR : -ETIMEDOUT;
}

long
wait_here(struct waitq *wq)
{
    return wait_sleep(wq, NULL, DEADLINE_NEVER, WAIT_INTR);
}

void
coop_sleep_ns(uint64_t ns)
{
    struct waitq wq;

    waitq_init(&wq);
    if (wait_sleep(&wq, NULL, coop_clock_ns + ns, 0) == 0)
        EXO_PANIC("woken by nobody");
}

void
wake_all(struct waitq *wq)
{
    list_for_safe(l, next, &wq->waiters) {
        struct wait_watch *w = container_of(l, struct wait_watch, link);
        struct coop_thread *t;

        if (w->fn != NULL) {
            w->fn(w);
            continue;
        }
        t = container_of(w, struct node, watch)->thread;
        t->woken = true;
        t->state = READY;
    }
}

void
wake_one(struct waitq *wq)
{
    wake_all(wq);
}

void
wait_watch_add(struct waitq *wq, struct wait_watch *w)
{
    list_push_tail(&wq->waiters, &w->link);
}

void
wait_watch_remove(struct wait_watch *w)
{
    list_remove(&w->link);
}

/* ---- processes and descriptors ---- */

struct proc *
proc_current(void)
{
    return &the_proc;
}

struct fs_context *
fs_housekeeper(void)
{
    return &context;
}

/* Nobody here takes signals. */
void
proc_attend(struct proc *p)
{
    (void)p;
}

int
proc_signal(struct proc *p, int sig)
{
    (void)p;
    EXO_ASSERT(held_count == 0);
    coop_signals |= 1ull << sig;
    return 0;
}

struct lock file_watchers_lock = LOCK_INIT(LOCK_RANK_FDTABLE);

/* Files here have no owners. */
int
sigio_set_owner_id(struct file *f, int32_t id)
{
    (void)f;
    (void)id;
    return 0;
}

int32_t
sigio_owner_id(struct file *f)
{
    (void)f;
    return 0;
}

struct file *
file_create(const struct file_ops *ops, uint32_t flags, void *priv)
{
    struct file *f = may_alloc() ? calloc(1, sizeof(*f)) : NULL;

    if (f == NULL)
        return NULL;
    f->ops = ops;
    f->flags = flags;
    f->priv = priv;
    f->refs = 1;
    coop_files++;
    return f;
}

void
file_end(struct file *f)
{
    while (f->watchers != NULL)
        f->watchers->gone(f);
    if (f->ops->release != NULL)
        f->ops->release(f);
    coop_files--;
    free(f);
}

ssize
file_read_user(struct file *f, uva_t to, size_t n)
{
    struct uio u;
    ssize got = -EBADF;

    file_get(f);
    uio_init_user(&u, to, n);
    if (file_may_read(f))
        got = f->ops->read(f, &u, &f->pos);
    file_put(f);
    return got;
}

ssize
file_write_user(struct file *f, uva_t from, size_t n)
{
    struct uio u;
    ssize put = -EBADF;

    file_get(f);
    uio_init_user(&u, from, n);
    if (file_may_write(f))
        put = f->ops->write(f, &u, &f->pos);
    file_put(f);
    return put;
}

int
fd_install(struct file *f, int min, bool cloexec)
{
    (void)cloexec;
    for (int fd = min; fd < FD_BLOCK; fd++) {
        if (table.first.files[fd] == NULL) {
            table.first.files[fd] = f;
            return fd;
        }
    }
    return -EMFILE;
}

struct file *
fd_get(int fd)
{
    struct file *f = fd >= 0 && fd < FD_BLOCK ? table.first.files[fd] : NULL;

    if (f != NULL)
        f->refs++;
    return f;
}

int
fd_close(int fd)
{
    struct file *f = fd >= 0 && fd < FD_BLOCK ? table.first.files[fd] : NULL;

    if (f == NULL)
        return -EBADF;
    table.first.files[fd] = NULL;
    file_put(f);
    return 0;
}

void
coop_close_all(void)
{
    for (int fd = 0; fd < FD_BLOCK; fd++) {
        if (table.first.files[fd] != NULL)
            (void)fd_close(fd);
    }
}

/* ---- names of sockets ---- */

#define NODES_MAX 8

static struct node_name {
    char path[UNIX_PATH_MAX];
} node_name[NODES_MAX];

static struct node_name *
find_node(const char *path)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (strcmp(node_name[i].path, path) == 0)
            return &node_name[i];
    return NULL;
}

int
socket_node_make(const char *path, struct inode **out)
{
    struct node_name *free_one = find_node("");

    if (find_node(path) != NULL)
        return -EADDRINUSE;
    if (free_one == NULL)
        return -ENOSPC;
    strcpy(free_one->path, path);
    *out = (struct inode *)free_one;
    return 0;
}

int
socket_node_find(const char *path, struct inode **out)
{
    *out = (struct inode *)find_node(path);
    return *out != NULL ? 0 : -ENOENT;
}

void
socket_node_put(struct inode *i)
{
    (void)i;
}

void
coop_reset(void)
{
    coop_close_all();
    for (unsigned i = 0; i < COOP_THREADS_MAX; i++) {
        threads[i].state = FREE;
        free(threads[i].stack);
        threads[i].stack = NULL;
    }
    coop_signals = 0;
    coop_alloc_budget = -1;
    coop_interrupt = false;
    memset(node_name, 0, sizeof(node_name));
}
