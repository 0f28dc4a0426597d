/* fs_host.c: see fs_host.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/exos/fs_host.h"

#include "base/lock.h"
#include "base/frames.h"
#include "base/mem.h"
#include "base/revoke.h"
#include "base/uio.h"
#include "fs/file.h"

#define QUEUE_MAX 256

struct blkdev host_dev = { .name = "vda", .number = BLK_MAJOR << 8 };
struct proc host_proc = {
    .pid = 1, .name = "test", .thread = { .tid = 1, .proc = &host_proc, .proc_link = { &host_proc.threads, &host_proc.threads } },
    .threads = { &host_proc.thread.proc_link, &host_proc.thread.proc_link }, .thread_count = 1,
};
uint64_t host_clock_ns = 1000 * NSEC_PER_SEC;
uint64_t host_mem_pages = 16384;
unsigned host_heap_objects, host_pages, host_unmapped;
uint64_t host_reads, host_writes, host_fail_sector = UINT64_MAX;
void (*host_record)(uint64_t sector, uint32_t bytes, const void *data);
bool host_quiet;
char host_last_log[256];

static FILE *image;
static struct blk_io *queue[QUEUE_MAX];
static unsigned queued;
static struct lock *held[8];
static unsigned held_count;
static uint64_t random_state = 88172645463325252ull;

/* ---- panic, log, text ---- */

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

    va_start(ap, format);
    vsnprintf(host_last_log, sizeof(host_last_log), format, ap);
    va_end(ap);
    if (!host_quiet)
        printf("# log: %s\n", host_last_log);
}

int
fmt_vprint(char *buf, size_t size, const char *format, va_list ap)
{
    return vsnprintf(buf, size, format, ap);
}

int
fmt_print(char *buf, size_t size, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(buf, size, format, ap);
    va_end(ap);
    return n;
}

/* ---- memory ---- */

int host_alloc_fail = -1;
bool host_alloc_fail_all;
unsigned host_allocs;

static bool
memory_given(void)
{
    int number = (int)host_allocs++;

    return host_alloc_fail < 0 || (host_alloc_fail_all ? number < host_alloc_fail : number != host_alloc_fail);
}

void *
heap_alloc(size_t size)
{
    if (size > 65536 || !memory_given())
        return NULL;
    host_heap_objects++;
    return calloc(1, size);
}

void
heap_free(void *p)
{
    if (p != NULL)
        host_heap_objects--;
    free(p);
}

void
heap_stats(struct heap_stats *out)
{
    *out = (struct heap_stats){ .objects = host_heap_objects };
}

bool
heap_class_stats(unsigned index, struct heap_class_stats *out)
{
    (void)index;
    (void)out;
    return false;
}

uint64_t
session_nodes(void)
{
    return 0;
}

void
spare_return(void)
{
}

void *
page_alloc(void)
{
    void *page;

    if (host_pages >= host_mem_pages || !memory_given())
        return NULL;
    page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(page, 0xa5, PAGE_SIZE);
    host_pages++;
    return page;
}

void
page_free(void *page)
{
    host_pages--;
    free(page);
}

uint64_t
page_frame(const void *page)
{
    return (uintptr_t)page >> PAGE_SHIFT;
}

void *
session_alloc(size_t bytes)
{
    return calloc(1, bytes);            /* kept for ever, by pointers in globals */
}

uint64_t
mem_free_pages(void)
{
    return host_mem_pages - host_pages;
}

uint64_t
mem_total_pages(void)
{
    return host_mem_pages;
}

/* ---- locks and waiting ---- */

void
lock_init(struct lock *l, enum lock_rank rank)
{
    *l = (struct lock)LOCK_INIT(rank);
}

void
lock_acquire(struct lock *l)
{
    EXO_ASSERT(l->holder == 0);
    EXO_ASSERT(held_count == 0 || held[held_count - 1]->rank < l->rank);
    l->holder = 1;
    held[held_count++] = l;
}

bool
lock_try(struct lock *l)
{
    if (l->holder == 0)
        lock_acquire(l);
    return l->holder != 0;
}

void
lock_release(struct lock *l)
{
    EXO_ASSERT(held_count > 0 && held[held_count - 1] == l && l->holder == 1);
    l->holder = 0;
    held_count--;
}

void
waitq_init(struct waitq *wq)
{
    list_init(&wq->waiters);
}

void
wake_one(struct waitq *wq)
{
    (void)wq;
}

void
wake_all(struct waitq *wq)
{
    (void)wq;
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

bool
wait_interrupted(void)
{
    return false;
}

void
sched_point(void)
{
    EXO_ASSERT(held_count == 0);
}

unsigned host_ios, host_io_fail_ops;
int host_io_fail = -1;
bool host_io_fail_all;

/* The next request of that kind. Does it fail? */
static bool
io_fails(enum blk_op op)
{
    int number;

    if (!(host_io_fail_ops & 1u << op))
        return false;
    number = (int)host_ios++;
    return host_io_fail >= 0 && (host_io_fail_all ? number >= host_io_fail : number == host_io_fail);
}

static void
transfer(struct blk_io *io)
{
    uint64_t end = io->sector + io->bytes / BLK_SECTOR;
    uint32_t left = io->bytes;

    io->status = io_fails(io->op) ? -EIO : 0;
    if (end > io->dev->sector_count || (host_fail_sector >= io->sector && host_fail_sector < end))
        io->status = -EIO;
    EXO_ASSERT(io->bytes % BLK_SECTOR == 0 && io->bytes > 0 && io->bytes <= io->page_count * PAGE_SIZE);
    fseek(image, (long)(io->sector * BLK_SECTOR), SEEK_SET);
    for (uint32_t n = 0; io->status == 0 && n < io->page_count; n++) {
        size_t len = MIN(left, PAGE_SIZE), got;

        got = io->op == BLK_READ ? fread(io->pages[n], 1, len, image) : fwrite(io->pages[n], 1, len, image);
        if (got != len)
            io->status = -EIO;
        if (io->op == BLK_WRITE && host_record != NULL)
            host_record(io->sector + n * (PAGE_SIZE / BLK_SECTOR), (uint32_t)len, io->pages[n]);
        left -= (uint32_t)len;
    }
}

/* One request ends, not always the oldest. */
static void
complete_one(void)
{
    unsigned n = (unsigned)(random_u64() % queued);
    struct blk_io *io = queue[n];

    queue[n] = queue[--queued];
    if (io->op != BLK_FLUSH)
        transfer(io);
    if (io->complete != NULL)
        io->complete(io);
    io->done = true;
}

struct waitq waitq_nobody = { { &waitq_nobody.waiters, &waitq_nobody.waiters } };

int
wait_sleep(struct waitq *wq, struct lock *l, uint64_t deadline_ns, unsigned flags)
{
    (void)wq, (void)flags;
    EXO_ASSERT(held_count == (l != NULL ? 1u : 0u));
    if (queued == 0 && deadline_ns != DEADLINE_NEVER) {
        host_clock_ns = MAX(host_clock_ns, deadline_ns);
        return -ETIMEDOUT;
    }
    if (l != NULL)
        lock_release(l);
    if (queued == 0)
        library_panic(__FILE__, __LINE__, "asleep for ever");
    complete_one();
    if (l != NULL)
        lock_acquire(l);
    return 0;
}

/* ---- block device ---- */

static void
opened(FILE *file, const char *name)
{
    image = file;
    if (image == NULL)
        library_panic(__FILE__, __LINE__, "%s: cannot open", name);
    fseek(image, 0, SEEK_END);
    host_dev.sector_count = (uint64_t)ftell(image) / BLK_SECTOR;
    host_fail_sector = UINT64_MAX;
}

void
host_open(const char *path)
{
    opened(fopen(path, "r+b"), path);
}

void
host_open_memory(void *bytes, size_t size)
{
    opened(fmemopen(bytes, size, "r+b"), "memory");
}

void
host_seed(uint64_t seed)
{
    random_state = seed;
    host_clock_ns = 1000 * NSEC_PER_SEC;
}

void
host_drain(void)
{
    while (queued > 0)
        complete_one();
}

void
host_close(void)
{
    host_drain();
    fclose(image);
    image = NULL;
}

int
host_run(const char *format, ...)
{
    char command[2048];
    va_list ap;

    va_start(ap, format);
    vsnprintf(command, sizeof(command), format, ap);
    va_end(ap);
    fflush(stdout);
    return system(command);
}

struct blkdev *
blkdev_find(const char *name)
{
    return strcmp(name, host_dev.name) == 0 ? &host_dev : NULL;
}

struct blkdev *
blkdev_at(unsigned index)
{
    return index == 0 ? &host_dev : NULL;
}

void
blk_submit(struct blk_io *io)
{
    EXO_ASSERT(held_count == 0);
    if (queued == QUEUE_MAX)
        complete_one();
    io->done = false;
    queue[queued++] = io;
    *(io->op == BLK_READ ? &host_reads : &host_writes) += 1;
}

int
blk_wait(struct blk_io *io)
{
    while (!io->done)
        complete_one();
    return io->status;
}

int
blk_flush(struct blkdev *dev)
{
    (void)dev;
    host_drain();
    if (io_fails(BLK_FLUSH))
        return -EIO;
    fflush(image);
    if (host_record != NULL)
        host_record(0, 0, NULL);
    return 0;
}

/* ---- user memory is our own; address 1 is bad ---- */

int
user_copy_in(void *dst, uva_t src, size_t n)
{
    if (src < PAGE_SIZE)
        return -EFAULT;
    memcpy(dst, (void *)src, n);
    return 0;
}

int
user_copy_out(uva_t dst, const void *src, size_t n)
{
    if (dst < PAGE_SIZE)
        return -EFAULT;
    memcpy((void *)dst, src, n);
    return 0;
}

int
user_zero(uva_t dst, size_t n)
{
    memset((void *)dst, 0, n);
    return 0;
}

ssize
user_string_in(char *dst, uva_t src, size_t size)
{
    size_t n;

    if (src < PAGE_SIZE)
        return -EFAULT;
    n = strnlen((char *)src, size);
    if (n == size)
        return -ENAMETOOLONG;
    memcpy(dst, (void *)src, n + 1);
    return (ssize)n;
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
move(struct uio *u, void *buf, const void *src, size_t n)
{
    ssize total = 0;

    EXO_ASSERT(held_count == 0);
    n = MIN(n, u->left);
    while (n > 0) {
        struct uio_vec *v = &u->iov[u->index];
        size_t part = MIN(n, v->len - u->offset);

        if (part == 0) {
            u->index++;
            u->offset = 0;
            continue;
        }
        if (v->base < PAGE_SIZE)
            return total > 0 ? total : -EFAULT;
        if (buf != NULL)
            memcpy((char *)buf + total, (char *)v->base + u->offset, part);
        else if (src != NULL)
            memcpy((char *)v->base + u->offset, (const char *)src + total, part);
        else
            memset((char *)v->base + u->offset, 0, part);
        u->offset += part;
        u->left -= part;
        n -= part;
        total += (ssize)part;
    }
    return total;
}

ssize
uio_out(struct uio *u, const void *src, size_t n)
{
    return move(u, NULL, src, n);
}

ssize
uio_in(struct uio *u, void *dst, size_t n)
{
    return move(u, dst, NULL, n);
}

ssize
uio_out_zero(struct uio *u, size_t n)
{
    return move(u, NULL, NULL, n);
}

/* ---- page tables: only how many entries were taken out ---- */

struct inode;
void mm_forget_pages(const struct inode *i, uint64_t first, uint64_t last, bool copies);
void
mm_forget_pages(const struct inode *i, uint64_t first, uint64_t last, bool copies)
{
    (void)i, (void)first, (void)last, (void)copies;     /* there are no spaces */
}

bool host_may_store;
bool mm_may_store(const struct inode *i);
bool
mm_may_store(const struct inode *i)
{
    (void)i;
    return host_may_store;
}

bool shm_name(const struct file *f, char *buf, size_t size);
bool
shm_name(const struct file *f, char *buf, size_t size)
{
    (void)f, (void)buf, (void)size;
    return false;
}

void pt_clear_in(uint64_t space, uint64_t va);
void
pt_clear_in(uint64_t space, uint64_t va)
{
    (void)space, (void)va;
    host_unmapped++;
}

/* ---- clocks, chance, processes ---- */

uint64_t
clock_monotonic_ns(void)
{
    return host_clock_ns;
}

unsigned
cpu_count(void)
{
    return 1;
}

uint64_t
clock_realtime_ns(void)
{
    host_clock_ns += 1000;
    return 1700000000 * NSEC_PER_SEC + host_clock_ns;
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
struct thread *
thread_self(void)
{
    return &host_proc.thread;
}


struct proc *
proc_current(void)
{
    return host_proc.fs != NULL ? &host_proc : NULL;
}

struct proc *
proc_find(uint32_t pid)
{
    return pid == host_proc.pid ? &host_proc : NULL;
}

struct thread *
thread_find(uint32_t tid)
{
    return tid == host_proc.pid ? &host_proc.thread : NULL;
}

unsigned
proc_each(bool (*fn)(struct proc *p, uint64_t arg), uint64_t arg)
{
    return fn(&host_proc, arg);
}

struct siginfo_brief host_signal_info;

int
proc_signal_info(struct proc *p, int sig, const struct siginfo_brief *info)
{
    (void)p;
    host_signalled = sig;
    host_signal_info = *info;
    return 0;
}

int
thread_signal_info(struct thread *t, int sig, const struct siginfo_brief *info)
{
    return proc_signal_info(t->proc, sig, info);
}

uint64_t
proc_cpu_ns(const struct proc *p)
{
    return p->cpu_ns;
}

const char *cmdline_text(void);
const char *
cmdline_text(void)
{
    return "host";
}

unsigned
proc_places(void)
{
    return 1;
}

struct proc *
proc_at(unsigned index)
{
    return index == 0 ? &host_proc : NULL;
}

void
proc_mem_usage(const struct proc *p, struct mem_usage *out)
{
    (void)p;
    *out = (struct mem_usage){ 100, 50, 10 };
}

/* Named pipes are another test's. */
int
fifo_open(struct inode *node, struct file *f)
{
    (void)node;
    (void)f;
    return -ENXIO;
}

int host_signalled;

int
proc_signal(struct proc *p, int sig)
{
    (void)p;
    host_signalled = sig;
    return 0;
}
