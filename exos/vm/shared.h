/* shared.h: memory that only mappings reach: files whose priv is a cache space without a disk. */
#ifndef EXOS_VM_SHARED_H
#define EXOS_VM_SHARED_H

#include "base/base.h"

struct file;

int shared_memory_pin(struct file *f, uint64_t index, void **page);
void shared_memory_unpin(struct file *f, uint64_t index, void *page);
void shared_memory_pin_again(struct file *f, uint64_t index, void *page);

#endif
