/*
 * uring.c: io_uring's no-op, by the rings themselves.
 *
 * Source: io_uring(7), io_uring_setup(2), io_uring_enter(2).
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define ENTRIES 32

static struct {
    int fd;
    uint32_t *sq_tail, *sq_array, *cq_head, *cq_tail;
    uint32_t sq_mask, cq_mask;
    struct io_uring_sqe *sqe;
    struct io_uring_cqe *cqe;
} ring;

static void *
map(uint64_t length, uint64_t offset)
{
    return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, (off_t)offset);
}

static enum verdict
ring_open(void)
{
    struct io_uring_params p;
    char *sq, *cq;

    memset(&p, 0, sizeof(p));
    ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
    if (ring.fd < 0)
        return errno == ENOSYS ? ABSENT : FAILED;
    sq = map(p.sq_off.array + p.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    cq = map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    ring.sqe = map(p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    if (sq == MAP_FAILED || cq == MAP_FAILED || ring.sqe == MAP_FAILED)
        return FAILED;
    ring.sq_tail = (uint32_t *)(sq + p.sq_off.tail);
    ring.sq_array = (uint32_t *)(sq + p.sq_off.array);
    ring.sq_mask = *(uint32_t *)(sq + p.sq_off.ring_mask);
    ring.cq_head = (uint32_t *)(cq + p.cq_off.head);
    ring.cq_tail = (uint32_t *)(cq + p.cq_off.tail);
    ring.cq_mask = *(uint32_t *)(cq + p.cq_off.ring_mask);
    ring.cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
    return MEASURED;
}

/* Submits `count` no-ops by one call and takes their completions. */
static bool
batch(unsigned count)
{
    uint32_t tail = *ring.sq_tail, head = *ring.cq_head;
    bool good = true;

    for (unsigned i = 0; i < count; i++, tail++) {
        struct io_uring_sqe *e = &ring.sqe[tail & ring.sq_mask];

        memset(e, 0, sizeof(*e));
        e->opcode = IORING_OP_NOP;
        e->user_data = tail;
        ring.sq_array[tail & ring.sq_mask] = tail & ring.sq_mask;
    }
    __atomic_store_n(ring.sq_tail, tail, __ATOMIC_RELEASE);
    good &= syscall(SYS_io_uring_enter, ring.fd, count, count, IORING_ENTER_GETEVENTS, NULL, 0) == (long)count;
    for (; head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE); head++)
        good &= ring.cqe[head & ring.cq_mask].res == 0;
    __atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
    return good && head == tail;
}

static bool
no_ops(void *arg, uint64_t n)
{
    unsigned size = *(unsigned *)arg;

    for (uint64_t i = 0; i < n; i += size)
        if (!batch(size))
            return false;
    return true;
}

static enum verdict
uring_row(struct meter *m, unsigned size)
{
    enum verdict v = ring_open();

    return v == MEASURED ? meter_run(m, no_ops, &size) : v;
}

enum verdict
row_uring_1(struct meter *m)
{
    return uring_row(m, 1);
}

enum verdict
row_uring_32(struct meter *m)
{
    return uring_row(m, ENTRIES);
}
