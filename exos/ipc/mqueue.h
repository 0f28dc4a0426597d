/*
 * mqueue.h: POSIX message queues (mq_overview(7)), for the call handlers and /proc.
 */
#ifndef EXOS_IPC_MQUEUE_H
#define EXOS_IPC_MQUEUE_H

#include "base/base.h"
#include "base/list.h"
#include "fs/file.h"

#define MQ_NAME_MAX 255u
#define MQ_PRIO_MAX 32768u
#define MQ_MESSAGES_MAX 8192    /* in one queue, whoever makes it: what an insertion may pass */
#define MQ_BYTES_MAX 65000      /* of one message: what fits a heap object */
#define MQ_COOKIE_BYTES 32u

/* Of whoever is not the superuser, and of who does not say: /proc/sys/fs/mqueue. */
#define MQ_QUEUES_USUAL   256
#define MQ_MESSAGES_USUAL 10
#define MQ_BYTES_USUAL    8192

/* Linux struct mq_attr. */
struct mq_attr {
    int64_t flags, maxmsg, msgsize, curmsgs, reserved[4];
};
_Static_assert(sizeof(struct mq_attr) == 64, "Linux include/uapi/linux/mqueue.h");

struct mq_message {
    struct list link;
    uint32_t prio, len;
    char data[];
};

/* What the arrival of a message at an empty queue does. */
enum mq_notice_kind { MQ_NOTICE_NONE, MQ_NOTICE_SIGNAL, MQ_NOTICE_SOCKET };
struct mq_notice {
    enum mq_notice_kind kind;
    int32_t signo;
    uint64_t value;
    struct file *socket;        /* a netlink socket, with a reference, that the cookie is sent to */
    uint8_t cookie[MQ_COOKIE_BYTES];
};

/* As open(2), with flags of it; attr NULL: as the limits say. *out, or -errno. */
int mq_open(const char *name, uint32_t flags, uint32_t mode, const struct mq_attr *attr, struct file **out) MUST_USE;
int mq_unlink(const char *name) MUST_USE;
bool file_is_mq(const struct file *f);
void mq_look(const struct file *f, struct mq_attr *out);
/* Takes m over if it answers 0; -EAGAIN, -ETIMEDOUT, -EINTR. */
int mq_send(struct file *f, struct mq_message *m, uint64_t deadline_ns) MUST_USE;
/* The oldest of the highest priority, which is the caller's then; NULL: *err. */
struct mq_message *mq_receive(struct file *f, uint64_t deadline_ns, int *err) MUST_USE;
/* n NULL: nothing is to happen any more. Its socket's reference is taken over if it answers 0; -EBUSY. */
int mq_notify(struct file *f, const struct mq_notice *n) MUST_USE;

#endif
