/*
 * sock.h: sockets as files: what every family offers, under the numbers of Linux (include/uapi/linux/socket.h, in.h, tcp.h).
 */
#ifndef EXOS_NET_SOCK_H
#define EXOS_NET_SOCK_H

#include "base/base.h"
#include "base/uio.h"
#include "base/wait.h"
#include "fs/file.h"
#include "net/net.h"
#include "ipc/ipc.h"

#define AF_UNSPEC_   0
#define AF_UNIX_     1
#define AF_INET_     2
#define AF_INET6_    10
#define AF_NETLINK_  16

#define SOCK_STREAM_    1
#define SOCK_DGRAM_     2
#define SOCK_RAW_       3
#define SOCK_SEQPACKET_ 5
#define SOCK_TYPE_MASK  0xfu
#define SOCK_NONBLOCK_  IPC_O_NONBLOCK
#define SOCK_CLOEXEC_   IPC_O_CLOEXEC

#define MSG_OOB_          0x01u
#define MSG_PEEK_         0x02u
#define MSG_CTRUNC_       0x08u
#define MSG_TRUNC_        0x20u
#define MSG_DONTWAIT_     0x40u
#define MSG_WAITALL_      0x100u
#define MSG_NOSIGNAL_     0x4000u
#define MSG_MORE_         0x8000u
#define MSG_WAITFORONE_   0x10000u
#define MSG_CMSG_CLOEXEC_ 0x40000000u

#define SHUT_RD_   0
#define SHUT_WR_   1
#define SHUT_RDWR_ 2

/* Linux struct sockaddr_in. */
struct sockaddr_inet {
    uint16_t family;
    uint16_t port;              /* network order */
    uint32_t address;           /* network order */
    uint8_t zero[8];
};
_Static_assert(sizeof(struct sockaddr_inet) == 16, "Linux include/uapi/linux/in.h");

/* Linux struct sockaddr_in6. */
struct sockaddr_inet6 {
    uint16_t family;
    uint16_t port;              /* network order */
    uint32_t flow;
    uint8_t address[16];
    uint32_t scope;
};
_Static_assert(sizeof(struct sockaddr_inet6) == 28, "Linux include/uapi/linux/in6.h");

#define UNIX_PATH_MAX 108
struct sockaddr_local {
    uint16_t family;
    char path[UNIX_PATH_MAX];
};
_Static_assert(sizeof(struct sockaddr_local) == 110, "Linux include/uapi/linux/un.h");

#define SOCKADDR_MAX 128        /* Linux struct sockaddr_storage */
struct sock_addr {
    uint32_t len;               /* bytes that count */
    union {
        uint16_t family;
        struct sockaddr_inet in;
        struct sockaddr_inet6 in6;
        struct sockaddr_local un;
        uint8_t raw[SOCKADDR_MAX];
    };
};

/* What a datagram says beside its data and its sender; or what is to be said by one to send (time and interface do not count then). */
struct sock_meta {
    bool has_address, has_ttl, has_tos;     /* received: all or none */
    uint8_t ttl, tos;
    uint32_t address;           /* IPv4, network order: where it went to, or is to come from */
    uint32_t interface;
    uint64_t time_ns;           /* CLOCK_REALTIME */
};

/* One message to send or to receive, apart from its data. */
struct sock_msg {
    uint32_t flags;             /* MSG_*, with MSG_DONTWAIT set for a file in non-blocking mode */
    uint32_t out_flags;         /* received: MSG_TRUNC, MSG_CTRUNC */
    bool has_name;              /* to send: `name` is the destination */
    struct sock_meta *meta;     /* NULL: nobody asks for it, or says any */
    struct scm *scm;            /* rides along. To send: taken over by sock_send, whatever it answers. Received: the caller's, */
    bool take_scm;              /* if it said so */
    struct sock_addr name;      /* received: where it came from, len 0 when the family does not say */
};

struct sock;
struct scm;
struct cred;

/* NULL entries answer -EOPNOTSUPP. */
struct sock_ops {
    int (*bind)(struct sock *s, const struct sock_addr *a);
    int (*connect)(struct sock *s, const struct sock_addr *a, bool nonblock);
    int (*listen)(struct sock *s, int backlog);
    int (*accept)(struct sock *s, bool nonblock, struct sock **child);
    ssize (*send)(struct sock *s, struct uio *u, struct sock_msg *m);
    ssize (*recv)(struct sock *s, struct uio *u, struct sock_msg *m);
    /* read(2) and write(2) of a program, as file_ops has them; f is the file of s. NULL: by recv and send. */
    ssize (*read_quick)(struct sock *s, struct file *f, uva_t to, size_t n);
    ssize (*write_quick)(struct sock *s, struct file *f, uva_t from, size_t n);
    /* sendto(2) without flags, to an address of the program's. -EAGAIN: not this way. NULL: never. */
    ssize (*send_quick)(struct sock *s, uva_t from, size_t n, uva_t address, uint64_t address_len);
    int (*shutdown)(struct sock *s, int how);
    int (*name)(struct sock *s, struct sock_addr *out, bool peer);
    /* Options beyond SOL_SOCKET's common ones. -ENOPROTOOPT when unknown. */
    int (*set_option)(struct sock *s, int level, int name, int value);
    int (*get_option)(struct sock *s, int level, int name, int *value);
    /* A struct tcp_info into out; how many bytes it has. */
    size_t (*info)(struct sock *s, void *out);
    unsigned (*poll)(struct sock *s);
    uint32_t (*readable_bytes)(struct sock *s);
    uint32_t (*unsent_bytes)(struct sock *s);   /* not taken by the other end yet. NULL: 0 */
    int (*peer_cred)(struct sock *s, struct cred *out);
    void (*option_changed)(struct sock *s);     /* one of the common fields below */
    void (*release)(struct sock *s);            /* frees s */
};

#define SOCK_BUFFER_MIN     2048u

/* Bits of sock.want: what recvmsg is to tell of each datagram; and what else keeps datagrams from the shortest way. */
#define SOCK_WANT_TIME    1u    /* in microseconds */
#define SOCK_WANT_TIME_NS 2u
#define SOCK_WANT_ADDRESS 4u    /* IP_PKTINFO, IPV6_RECVPKTINFO */
#define SOCK_WANT_TTL     8u    /* IP_RECVTTL, IPV6_RECVHOPLIMIT */
#define SOCK_WANT_TOS     16u   /* IP_RECVTOS, IPV6_RECVTCLASS */
#define SOCK_SHARES_PORT  32u   /* SO_REUSEPORT */
#define SOCK_IS_LITE      64u   /* UDP-Lite */

#define SOCK_KEPT 8u

struct sock {
    const struct sock_ops *ops;
    uint16_t family, type, protocol;
    int error;                  /* SO_ERROR: reported once */
    struct waitq wq;
    uint64_t rcv_timeout_ns, snd_timeout_ns;    /* 0: none */
    uint32_t rcvbuf, sndbuf, rcvlowat;
    int32_t kept[SOCK_KEPT];    /* options that change nothing (sockopt.c) */
    uint32_t want;
    bool reuse_addr, keepalive, broadcast, linger_on, passcred;
    bool recv_errors;           /* IP_RECVERR: remembered */
    bool only_v6;               /* IPV6_V6ONLY */
    bool any_v6;                /* bound to any address, with that */
    uint32_t linger_s;
};

void sock_init(struct sock *s, const struct sock_ops *ops, int family, int type, int protocol);
/* A file around s, which it then owns. NULL: no memory, s untouched. */
struct file *sock_file(struct sock *s, uint32_t flags) MUST_USE;
extern const struct file_ops sock_file_ops;
/* The socket behind a file, or NULL. */
static inline struct sock *
sock_of(struct file *f)
{
    return f->ops == &sock_file_ops ? f->priv : NULL;
}
/* The pending error, negated, which is then no longer pending. */
int sock_take_error(struct sock *s);
uint64_t sock_deadline(uint64_t timeout_ns);

/* socket(2) for each family and type. 0 and *out, or -errno. */
int sock_create(int family, int type, int protocol, struct sock **out) MUST_USE;
int tcp_sock_create(int family, struct sock **out) MUST_USE;
int dgram_sock_create(int family, int type, int protocol, struct sock **out) MUST_USE;
int unix_sock_create(int type, struct sock **out) MUST_USE;
int unix_sock_pair(int type, struct sock *out[2]) MUST_USE;

/* send(2) and recv(2) on a file, with SIGPIPE where it is due. */
ssize sock_send(struct file *f, struct uio *u, struct sock_msg *m) MUST_USE;
ssize sock_recv(struct file *f, struct uio *u, struct sock_msg *m) MUST_USE;

static inline void
sock_want(struct sock *s, uint32_t what, bool on)
{
    s->want = on ? s->want | what : s->want & ~what;
}

/* Options, by number. `value` is an int; the ones with a structure have calls of their own below. */
int sock_set_int(struct sock *s, int level, int name, int value) MUST_USE;
int sock_get_int(struct sock *s, int level, int name, int *value) MUST_USE;

/* The SIOCGIF* questions of ifconfig. -ENOTTY when it is none of them. */
long sock_interface_ioctl(unsigned cmd, uint64_t arg) MUST_USE;

#endif
