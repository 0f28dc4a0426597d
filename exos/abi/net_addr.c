/* net_addr.c: socket descriptors and addresses of Linux programs. */
#include "abi/net_addr.h"

int
socket_get(int fd, struct file **f, struct sock **s)
{
    *f = fd_get(fd);
    if (*f == NULL)
        return -EBADF;
    *s = sock_of(*f);
    if (*s != NULL)
        return 0;
    file_put(*f);
    return -ENOTSOCK;
}

int
addr_in(struct sock_addr *a, uva_t from, uint64_t len)
{
    if ((int32_t)len < 0 || (uint32_t)len > SOCKADDR_MAX)
        return -EINVAL;
    a->family = 0;
    a->len = (uint32_t)len;
    if (a->len > 0 && user_copy_in(a->raw, from, a->len) != 0)
        return -EFAULT;
    return a->len < sizeof(a->family) ? -EINVAL : 0;
}

int
addr_out(const struct sock_addr *a, uva_t to, uva_t len_at)
{
    int32_t room, len = (int32_t)a->len;

    if (to == 0)
        return 0;
    if (user_copy_in(&room, len_at, sizeof(room)) != 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    if (user_copy_out(to, a->raw, (size_t)MIN(room, len)) != 0)
        return -EFAULT;
    return user_copy_out(len_at, &len, sizeof(len));
}
