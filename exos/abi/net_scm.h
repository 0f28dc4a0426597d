/* net_scm.h: control messages of Linux programs: struct cmsghdr (include/linux/socket.h) to what rides along, and back. */
#ifndef EXOS_ABI_NET_SCM_H
#define EXOS_ABI_NET_SCM_H

#include "ipc/scm.h"
#include "net/sock.h"

/*
 * What the caller's control buffer says to socket s: m->scm is NULL when nothing is to ride along; `meta` becomes m->meta when something is
 * said of a datagram. -EINVAL, -EBADF, -EPERM, -EFAULT, -ENOBUFS, -ENOMEM.
 */
int control_in(const struct sock *s, uva_t at, uint64_t len, struct sock_msg *m, struct sock_meta *meta) MUST_USE;
/*
 * Gives the caller what came with m and what s was asked to tell of it, as far as the control buffer's `room` goes (MSG_CTRUNC in
 * m->out_flags if not all of it did), and frees it. The bytes written.
 */
uint64_t control_out(const struct sock *s, struct sock_msg *m, uva_t at, uint64_t room);

/* ---- what is said of datagrams (net_meta.c) ---- */

struct control {
    uva_t at;
    uint64_t room, used;
    bool cut;                   /* something did not fit */
};

/* One message of len bytes of data. False: it could not be had, or not as a whole. */
bool control_put(struct control *c, int32_t level, int32_t type, const void *data, uint64_t len);
/* A message of level SOL_IP or SOL_IPV6. 0, -EINVAL. */
int meta_in(struct sock_meta *meta, const struct sock *s, int32_t level, int32_t type, const void *data, uint64_t len) MUST_USE;
void meta_out(struct control *c, const struct sock *s, const struct sock_meta *meta);

#endif
