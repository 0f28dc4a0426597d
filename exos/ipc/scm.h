/*
 * scm.h: what rides along with a message of a UNIX socket: open files and who sent it (unix(7), "Ancillary messages").
 */
#ifndef EXOS_IPC_SCM_H
#define EXOS_IPC_SCM_H

#include "fs/file.h"
#include "ipc/channel.h"

#define SCM_FILES_MAX 253u      /* Linux include/net/scm.h */

/* Linux struct ucred. */
struct cred {
    int32_t pid;
    uint32_t uid, gid;
};

struct scm {
    struct channel_mark mark;   /* in a stream: the byte it came with */
    struct cred cred;
    uint32_t count;
    struct file *file[];        /* each with a reference */
};

/* With room for `count` files and the caller's own names in cred. NULL: no memory. */
struct scm *scm_new(uint32_t count) MUST_USE;
/* Gives the references up. NULL is nothing. No lock held. */
void scm_free(struct scm *s);
struct cred cred_current(void);

static inline struct scm *
scm_of(struct channel_mark *m)
{
    return (struct scm *)m;
}

#endif
