/*
 * unix.h: what the kinds of UNIX sockets share.
 *
 * Locks: unix_lock (LOCK_RANK_PIPE) around names, states, accept queues and who is connected to whom; never together with a
 *        channel's or a message queue's.
 */
#ifndef EXOS_IPC_UNIX_H
#define EXOS_IPC_UNIX_H

#include "base/list.h"
#include "ipc/channel.h"
#include "ipc/msgq.h"
#include "ipc/scm.h"
#include "net/sock.h"

enum unix_state { UNIX_FRESH, UNIX_LISTENING, UNIX_CONNECTED };

struct inode;

struct unix_sock {
    struct sock base;
    enum unix_state state;
    struct sock_addr name, peer;
    struct inode *node;             /* its name, when that is a path */
    struct list name_link;          /* in the table when bound */
    struct cred cred, peer_cred;    /* of whom made it; of the other end when it connected */
    struct channel *in, *out;       /* streams */
    struct msgq *inbox, *outbox;    /* messages: outbox is the peer's inbox, with a reference */
    struct msgq_poller poller;      /* in outbox */
    bool write_ended;               /* datagrams: shutdown(2) */
    struct list accept_link;
    struct list accept_queue;
    int accept_count, backlog;
};

extern struct lock unix_lock;

static inline struct unix_sock *
unix_of(struct sock *s)
{
    return (struct unix_sock *)s;
}

/* The messages of s are whole; or they are bytes. */
static inline bool
unix_is_stream(const struct unix_sock *s)
{
    return s->base.type == SOCK_STREAM_;
}

/* Fresh, of this type. NULL: no memory. */
struct unix_sock *unix_new(int type) MUST_USE;
void unix_release(struct sock *base);
extern const struct sock_ops unix_connected_ops, unix_dgram_ops;

/* ---- names (unix_name.c) ---- */

/* A name as it is looked for: an abstract one by its bytes, a path by what it leads to. */
struct unix_key {
    struct sock_addr name;
    struct inode *node;             /* referenced */
};

int unix_bind(struct sock *base, const struct sock_addr *a) MUST_USE;
int unix_key_find(const struct sock_addr *a, struct unix_key *key) MUST_USE;
void unix_key_drop(struct unix_key *key);
/* unix_lock is held. NULL: nobody is bound there. */
struct unix_sock *unix_bound(const struct unix_key *key);
void unix_unbind(struct unix_sock *s);

/* ---- connections (unix_conn.c) and datagrams (unix_dgram.c) ---- */

/* Connects two fresh sockets. Nobody else knows b; a is the caller's. False: no memory. */
bool unix_join(struct unix_sock *a, struct unix_sock *b) MUST_USE;
int unix_dgram_join(struct unix_sock *a, struct unix_sock *b) MUST_USE;
/* One message: what is to ride along with it, if anything is, else NULL; *err is -ENOMEM when it cannot. */
struct scm *unix_scm_to_send(struct sock_msg *m, bool want_cred, int *err) MUST_USE;
ssize unix_send_message(struct unix_sock *s, struct msgq *to, struct uio *u, struct sock_msg *m) MUST_USE;
ssize unix_recv_message(struct unix_sock *s, struct uio *u, struct sock_msg *m) MUST_USE;

#endif
