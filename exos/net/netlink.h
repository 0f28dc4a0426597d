/*
 * netlink.h: netlink sockets (netlink(7)), of which NETLINK_ROUTE answers.
 */
#ifndef EXOS_NET_NETLINK_H
#define EXOS_NET_NETLINK_H

#include "net/sock.h"

int netlink_sock_create(int type, int protocol, struct sock **out) MUST_USE;
bool file_is_netlink(const struct file *f);
/* Bytes for whoever reads the socket. They are lost when there is no room. */
void netlink_deliver(struct file *f, const void *data, size_t n);

/* ---- the route family's messages (netlink_route.c) ---- */

/* Linux include/uapi/linux/netlink.h */
struct nl_header {
    uint32_t len;
    uint16_t type, flags;
    uint32_t seq, pid;
};
_Static_assert(sizeof(struct nl_header) == 16, "Linux include/uapi/linux/netlink.h");

#define NLMSG_ERROR    2
#define NLMSG_DONE     3
#define NLMSG_MIN_TYPE 16       /* below: not for a family */
#define NLM_F_REQUEST 1u
#define NLM_F_MULTI   2u
#define NLM_F_ACK     4u
#define NLM_F_DUMP    0x300u

struct nl_attribute {
    uint16_t len, type;
};
struct nl_ack {
    int32_t error;
    struct nl_header request;
};

/* An answer as it grows. */
#define NL_REPLY_MAX 4096u
struct nl_reply {
    const struct nl_header *request;
    uint32_t id;                /* whom it is for */
    uint32_t len;
    bool full;                  /* something did not fit */
    struct nl_header *last;     /* the message begun last */
    char data[NL_REPLY_MAX] __attribute__((aligned(8)));
};

static inline bool
nl_is_dump(const struct nl_header *h)
{
    return (h->flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* Begins a message of that type with a fixed part of n bytes, zeroed; NULL: full. */
void *nl_begin(struct nl_reply *r, uint16_t type, size_t n);
/* One attribute of the message begun last. */
void nl_put(struct nl_reply *r, uint16_t type, const void *data, size_t n);
/* Answers a request, whose body lies behind its header, h->len bytes with it. 0; -errno is what the error message says. */
int nl_route(struct nl_reply *r, const struct nl_header *h);

#endif
