/*
 * ipc.h: pipes, eventfd, UNIX sockets and the three ways to wait for readiness, as the Linux call handlers and other modules see them.
 */
#ifndef EXOS_IPC_IPC_H
#define EXOS_IPC_IPC_H

#include "base/base.h"
#include "fs/file.h"

/* Linux open flags (include/uapi/asm-generic/fcntl.h) that descriptors of this kind carry. */
#define IPC_O_WRONLY   01u
#define IPC_O_RDWR     02u
#define IPC_O_NONBLOCK 04000u
#define IPC_O_DIRECT   040000u
#define IPC_O_CLOEXEC  02000000u

/* Readiness, Linux include/uapi/asm-generic/poll.h; epoll uses the same numbers. */
#define READY_IN     0x001u
#define READY_PRI    0x002u
#define READY_OUT    0x004u
#define READY_ERR    0x008u
#define READY_HUP    0x010u
#define READY_NVAL   0x020u
#define READY_RDNORM 0x040u
#define READY_RDBAND 0x080u
#define READY_WRNORM 0x100u
#define READY_WRBAND 0x200u
#define READY_RDHUP  0x2000u

#define LINUX_SIGPIPE 13
#define PIPE_ATOMIC   4096u         /* PIPE_BUF: a write of at most this many bytes is not torn */

#define FILE_NONBLOCK(f) (((f)->flags & IPC_O_NONBLOCK) != 0)

/* Sends SIGPIPE to the caller and returns -EPIPE. No lock held. */
ssize ipc_broken_pipe(void);

/* Both ends of a new pipe, ends[0] to read. flags: IPC_O_NONBLOCK. 0, -ENOMEM. */
int pipe_create(struct file *ends[2], uint32_t flags) MUST_USE;

#define EVENTFD_SEMAPHORE 1u
/* A counter as a file. 0 when out of memory. */
struct file *eventfd_create(uint64_t initial, bool semaphore, uint32_t flags) MUST_USE;

/* A timer as a file. NULL when out of memory. `realtime`: absolute times are CLOCK_REALTIME's. */
struct file *timerfd_create(bool realtime, uint32_t flags) MUST_USE;
bool file_is_timerfd(const struct file *f);
/* How long until it expires (0: it is not armed) and how often again, in ns. */
void timerfd_get(struct file *f, uint64_t *left_ns, uint64_t *interval_ns);
/* Arms it anew, first_ns from now or at that time; 0 disarms it. */
void timerfd_set(struct file *f, bool absolute, uint64_t first_ns, uint64_t interval_ns);

/* Signals of `set` as a file. NULL when out of memory. */
struct file *signalfd_create(uint64_t set, uint32_t flags) MUST_USE;
/* Another set; false: it is no such file. */
bool signalfd_change(struct file *f, uint64_t set);

/* Installs files[0..n) as new descriptors in fds, all or none; takes over the references either way. */
int ipc_install(struct file **files, int *fds, unsigned n, bool cloexec) MUST_USE;

/* What is ready of `file` now; always-ready when it has no poll op. */
unsigned file_ready(struct file *f);

struct poll_item {
    struct file *file;              /* NULL: ignored */
    uint32_t want;
    uint32_t got;
};
/* Sleeps until an item is ready or the deadline. How many are ready, 0, -EINTR or -ENOMEM. deadline_ns 0: only look. */
long poll_items(struct poll_item *items, unsigned n, uint64_t deadline_ns) MUST_USE;

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3
#define EPOLL_EXCLUSIVE (1u << 28)
#define EPOLL_WAKEUP    (1u << 29)
#define EPOLL_ONESHOT   (1u << 30)
#define EPOLL_ET        (1u << 31)
#define EPOLL_NEST_MAX  5           /* an epoll in an epoll in an epoll ... */

/* Linux struct epoll_event: packed on x86-64. */
struct epoll_event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
_Static_assert(sizeof(struct epoll_event) == 12, "Linux include/uapi/linux/eventpoll.h");

struct file *epoll_create(void) MUST_USE;
extern const struct file_ops epoll_ops;
static inline bool
file_is_epoll(const struct file *f)
{
    return f->ops == &epoll_ops;
}

int epoll_control(struct file *epf, int op, int fd, struct file *f, const struct epoll_event *ev) MUST_USE;
/* Events that are there now, to the program's memory. How many; 0: ask epoll_collect(). */
long epoll_quick(struct file *epf, uva_t out, unsigned max) MUST_USE;
#define EPOLL_TURN_BEGINS UINT32_MAX
/*
 * Up to `max` events into ev. How many, 0 at the deadline, -EINTR. `left` is EPOLL_TURN_BEGINS first, and carries a call that collects in
 * parts: each descriptor is asked once.
 */
long epoll_collect(struct file *epf, struct epoll_event *ev, unsigned max, uint64_t deadline_ns, uint32_t *left) MUST_USE;

#endif
