/* seals.h: what a file in memory has been promised never to suffer again (fcntl(2), F_ADD_SEALS). */
#ifndef EXOS_FS_SEALS_H
#define EXOS_FS_SEALS_H

#include "fs/inode.h"

/* Linux include/uapi/linux/fcntl.h */
#define F_SEAL_SEAL         0x01u
#define F_SEAL_SHRINK       0x02u
#define F_SEAL_GROW         0x04u
#define F_SEAL_WRITE        0x08u
#define F_SEAL_FUTURE_WRITE 0x10u
#define F_SEAL_EXEC         0x20u
#define F_SEAL_ALL          0x3fu
#define F_SEAL_NO_WRITES    (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* -EINVAL: no file that can be sealed. -EPERM: not open for writing, or no more seals. -EBUSY: somebody can still store to it. */
int seals_add(struct file *f, uint32_t seals) MUST_USE;
/* The seals, or -EINVAL. */
long seals_get(const struct file *f);

/* May bytes up to `end` be written? */
static inline bool
seals_allow_write(const struct inode *i, uint64_t end)
{
    return !(i->seals & F_SEAL_NO_WRITES) && (!(i->seals & F_SEAL_GROW) || end <= i->data.size);
}

static inline bool
seals_allow_size(const struct inode *i, uint64_t size)
{
    return !(i->seals & (size < i->data.size ? F_SEAL_SHRINK : size > i->data.size ? F_SEAL_GROW : 0));
}

#endif
