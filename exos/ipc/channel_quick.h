/*
 * channel_quick.h: the short way of messages that fit the first page of a channel, between that page and the program's memory.
 *
 * Paid for by the pipe and socket rows of aegis-bench.
 * Locks: none. The library is not pre-empted and nothing here sleeps; what faults, or finds anything in its way, has changed nothing, and
 *        goes the long way (channel.c).
 */
#ifndef EXOS_IPC_CHANNEL_QUICK_H
#define EXOS_IPC_CHANNEL_QUICK_H

#include "base/uaccess.h"
#include "fs/file.h"
#include "ipc/channel.h"

/* channel_quick_read() of an empty channel: sleeps until it is not, if f may. */
NOINLINE ssize channel_quick_wait(struct channel *c, struct file *f, uva_t to, size_t n);
/* n, once whoever waits there has been woken. */
NOINLINE ssize channel_quick_woken(struct waitq *wq, size_t n);

/* read(2) of f, whose data comes from c. */
static inline ssize
channel_quick_read(struct channel *c, struct file *f, uva_t to, size_t n)
{
    uint64_t head = c->head, tail = c->tail, used = head - tail, part = MIN(n, used);

    if (UNLIKELY(head > c->quick))
        return file_read_user(f, to, n);
    if (used == 0)
        return channel_quick_wait(c, f, to, n);
    if (UNLIKELY(!user_page_ok(to) || !uaccess_moved((void *)to, c->quick_page + tail, part)))
        return file_read_user(f, to, n);
    if (part == used)
        c->head = c->tail = 0;
    else
        c->tail = tail + part;
    return list_empty(&c->write_wq->waiters) ? (ssize)part : channel_quick_woken(c->write_wq, part);
}

/* write(2) to f, whose data goes into c. */
static inline ssize
channel_quick_write(struct channel *c, struct file *f, uva_t from, size_t n)
{
    uint64_t head = c->head;

    if (UNLIKELY(n - 1 >= PAGE_SIZE || head + n > c->quick))    /* nothing, too: nobody may read any more */
        return file_write_user(f, from, n);
    if (UNLIKELY(!user_page_ok(from) || !uaccess_moved(c->quick_page + head, (const void *)from, n)))
        return file_write_user(f, from, n);
    c->head = head + n;
    return list_empty(&c->read_wq->waiters) ? (ssize)n : channel_quick_woken(c->read_wq, n);
}

#endif
