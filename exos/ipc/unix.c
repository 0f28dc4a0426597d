/*
 * unix.c: UNIX sockets as the other families' sockets: making them, their options, their end.
 *
 * Not here: names (unix_name.c), streams and sequenced packets (unix_conn.c), datagrams (unix_dgram.c).
 */
#include "ipc/unix.h"

#include "base/mem.h"

struct unix_sock *
unix_new(int type)
{
    struct unix_sock *s = heap_alloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    sock_init(&s->base, type == SOCK_DGRAM_ ? &unix_dgram_ops : &unix_connected_ops, AF_UNIX_, type, 0);
    s->name.len = s->peer.len = sizeof(uint16_t);
    s->name.family = s->peer.family = AF_UNIX_;
    s->cred = cred_current();
    s->poller.wq = &s->base.wq;
    list_init(&s->poller.link);
    list_init(&s->name_link);
    list_init(&s->accept_link);
    list_init(&s->accept_queue);
    if (type != SOCK_DGRAM_ || (s->inbox = msgq_create(&s->base.wq, s->base.rcvbuf)) != NULL)
        return s;
    heap_free(s);
    return NULL;
}

static bool
type_known(int type)
{
    return type == SOCK_STREAM_ || type == SOCK_DGRAM_ || type == SOCK_SEQPACKET_;
}

int
unix_sock_create(int type, struct sock **out)
{
    struct unix_sock *s;

    if (!type_known(type))
        return -ESOCKTNOSUPPORT;
    s = unix_new(type);
    if (s == NULL)
        return -ENOMEM;
    *out = &s->base;
    return 0;
}

int
unix_sock_pair(int type, struct sock *out[2])
{
    struct unix_sock *a, *b;

    if (!type_known(type))
        return -ESOCKTNOSUPPORT;
    a = unix_new(type);
    b = unix_new(type);
    if (a != NULL && b != NULL && (type == SOCK_DGRAM_ ? unix_dgram_join(a, b) == 0 : unix_join(a, b))) {
        out[0] = &a->base;
        out[1] = &b->base;
        return 0;
    }
    if (a != NULL)
        unix_release(&a->base);
    if (b != NULL)
        unix_release(&b->base);
    return -ENOMEM;
}

static void
streams_end(struct unix_sock *s)
{
    struct channel_mark *m;

    if (s->in != NULL) {
        channel_end_reading(s->in);
        while ((m = channel_orphan_mark(s->in)) != NULL)
            scm_free(scm_of(m));
        channel_drop_reader(s->in);
    }
    if (s->out != NULL)
        channel_drop_writer(s->out);
}

static void
queues_end(struct unix_sock *s)
{
    if (s->inbox != NULL)
        msgq_drop_reader(s->inbox);
    if (s->outbox == NULL)
        return;
    msgq_unwatch(s->outbox, &s->poller);
    if (s->base.type != SOCK_DGRAM_)
        msgq_end_writing(s->outbox);
    msgq_put(s->outbox);
}

void
unix_release(struct sock *base)
{
    struct unix_sock *s = unix_of(base);

    unix_unbind(s);
    while (s->accept_count > 0) {
        struct unix_sock *child;

        lock_acquire(&unix_lock);
        child = container_of(s->accept_queue.next, struct unix_sock, accept_link);
        list_remove(&child->accept_link);
        s->accept_count--;
        lock_release(&unix_lock);
        unix_release(&child->base);
    }
    streams_end(s);
    queues_end(s);
    heap_free(s);
}
