/*
 * shared.c: memory that processes share without a file: MAP_SHARED | MAP_ANONYMOUS.
 *
 * Holds:    pages of the cache that have no disk to go to; they live as long as a mapping in any process.
 */
#include "base/mem.h"
#include "fs/cache.h"
#include "fs/file.h"
#include "vm/shared.h"
#include "vm/vm.h"

int
shared_memory_pin(struct file *f, uint64_t index, void **page)
{
    struct cache_space *s = f->priv;
    struct page *p;
    int err = cache_get_zeroed(s, index, &p);

    if (err != 0)
        return err;
    cache_dirty(p, 0, PAGE_SIZE);       /* what is dirty and has no disk is never given up */
    *page = p->data;
    return 0;
}

void
shared_memory_unpin(struct file *f, uint64_t index, void *page)
{
    cache_unpin_data(f->priv, index, page);
}

void
shared_memory_pin_again(struct file *f, uint64_t index, void *page)
{
    cache_pin_data(f->priv, index, page);
}

static void
shared_release(struct file *f)
{
    cache_truncate(f->priv, 0, UINT64_MAX);
    heap_free(f->priv);
}

const struct file_ops shared_memory_ops = {
    .name = "shared memory",
    .pin_page = shared_memory_pin,
    .unpin_page = shared_memory_unpin,
    .pin_again = shared_memory_pin_again,
    .release = shared_release,
};

struct file *
shared_memory_create(void)
{
    struct cache_space *s = heap_alloc(sizeof(*s));
    struct file *f = s != NULL ? file_create(&shared_memory_ops, O_RDWR, s) : NULL;

    if (f == NULL)
        heap_free(s);
    else
        cache_space_init(s, NULL, NULL, PAGE_SHIFT);
    return f;
}
