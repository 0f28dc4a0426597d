/* net_addr.h: socket descriptors and addresses of Linux programs, for the net_*.c handlers. */
#ifndef EXOS_ABI_NET_ADDR_H
#define EXOS_ABI_NET_ADDR_H

#include "net/sock.h"

/* The socket behind fd, with a reference on *f that the caller puts. 0, -EBADF or -ENOTSOCK. */
int socket_get(int fd, struct file **f, struct sock **s) MUST_USE;

/* An address of len bytes from the program. 0, -EINVAL or -EFAULT. */
int addr_in(struct sock_addr *a, uva_t from, uint64_t len) MUST_USE;

/* An address to the program: as much as its buffer holds, and how long it really is in *len_at. to == 0: nothing. */
int addr_out(const struct sock_addr *a, uva_t to, uva_t len_at) MUST_USE;

#endif
