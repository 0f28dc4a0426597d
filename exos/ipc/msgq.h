/*
 * msgq.h: a queue of messages: the inbox of a UNIX datagram socket, one direction of a sequenced-packet connection.
 *
 * Locks: msgq.lock (LOCK_RANK_PIPE), never held while user memory is touched or a message is freed.
 */
#ifndef EXOS_IPC_MSGQ_H
#define EXOS_IPC_MSGQ_H

#include "base/lock.h"
#include "base/uio.h"
#include "base/wait.h"
#include "ipc/scm.h"
#include "net/sock.h"

#define MESSAGE_MAX 65000u      /* bytes of one: what fits a heap object */

struct message {
    struct list link;
    struct scm *scm;
    struct sock_addr from;      /* len 0: the sender has no name */
    uint32_t len;
    char data[];
};

struct msgq {
    struct lock lock;
    uint32_t refs;              /* atomic: sockets that read or write it, and calls in flight */
    uint32_t limit;             /* bytes; one message always fits an empty queue */
    uint32_t bytes;
    bool reader_gone, writer_gone;
    bool want_cred;             /* the reader wants to know who sends */
    struct waitq *read_wq;      /* the reader's own; NULL once it is gone */
    struct waitq room;          /* senders that found it full */
    struct list messages;
    struct list pollers;        /* struct msgq_poller: who is told when there is room again */
};

struct msgq_poller {
    struct list link;
    struct waitq *wq;
};

struct msgq_how {
    bool nonblock, peek;
    uint64_t deadline_ns;
};

/* With one reference. NULL: no memory. */
struct msgq *msgq_create(struct waitq *read_wq, uint32_t limit) MUST_USE;
void msgq_get(struct msgq *q);
void msgq_put(struct msgq *q);
/* The data of u as a message. NULL: *err is -EMSGSIZE, -ENOMEM, -EFAULT. */
struct message *message_new(struct uio *u, int *err) MUST_USE;
void message_free(struct message *m);
/* Takes the message over on success: 0, -EPIPE (a side was shut down), -ECONNREFUSED (the reader's socket is gone), -EAGAIN, -EINTR. */
int msgq_send(struct msgq *q, struct message *m, const struct msgq_how *how) MUST_USE;
/* The oldest message, which is the caller's then, or a look at it under peek (*scm stays). Bytes copied, *len the message's. */
ssize msgq_recv(struct msgq *q, struct uio *u, struct sock_msg *out, const struct msgq_how *how, uint32_t *len) MUST_USE;
/* No more will be read (what is queued is dropped), or written. */
void msgq_end_reading(struct msgq *q);
void msgq_end_writing(struct msgq *q);
/* The reader's socket goes, and with it its reference. */
void msgq_drop_reader(struct msgq *q);
/* Bytes of the oldest message, 0 without one. */
uint32_t msgq_next_length(struct msgq *q);
void msgq_watch(struct msgq *q, struct msgq_poller *p);
void msgq_unwatch(struct msgq *q, struct msgq_poller *p);

static inline bool
msgq_has_room(const struct msgq *q)
{
    return q->bytes < q->limit;
}

#endif
