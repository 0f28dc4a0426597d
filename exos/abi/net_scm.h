/* net_scm.h: control messages of Linux programs: struct cmsghdr (include/linux/socket.h) to what rides along, and back. */
#ifndef EXOS_ABI_NET_SCM_H
#define EXOS_ABI_NET_SCM_H

#include "ipc/scm.h"
#include "net/sock.h"

/* What the caller's control buffer says. *out is NULL when it says nothing. -EINVAL, -EBADF, -EPERM, -EFAULT, -ENOBUFS, -ENOMEM. */
int control_in(uva_t at, uint64_t len, struct scm **out) MUST_USE;
/*
 * Gives the caller what came with m, as far as the control buffer's `room` goes (MSG_CTRUNC in m->out_flags if not all of it did),
 * and frees it. The bytes written.
 */
uint64_t control_out(struct sock_msg *m, uva_t at, uint64_t room, bool want_cred);

#endif
