/* sockname.h: the names of UNIX sockets in the file system (unix(7), "Pathname sockets"). */
#ifndef EXOS_FS_SOCKNAME_H
#define EXOS_FS_SOCKNAME_H

#include "base/base.h"

struct inode;

/* Makes a socket node at path; *out is it, with a reference. -EADDRINUSE: the name exists; or what mknod would say. */
int socket_node_make(const char *path, struct inode **out) MUST_USE;
/* The socket node at path, which the caller may write to, with a reference. -ECONNREFUSED: something else is there. */
int socket_node_find(const char *path, struct inode **out) MUST_USE;
void socket_node_put(struct inode *i);

#endif
