/*
 * modfile.c: a boot module as a file, for a first program that needs no root file system.
 */
#include "start/modfile.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/mem.h"
#include "fs/file.h"
#include "start/session.h"
#include "vm/vm.h"

#define MODULE_PAGES_MAX 4096

struct module_copy {
    uint64_t bytes, pages;
    void **page;
};

static ssize
module_read(struct file *f, struct uio *u, uint64_t *pos)
{
    const struct module_copy *m = f->priv;
    ssize total = 0;

    while (u->left > 0 && *pos < m->bytes) {
        uint64_t off = *pos & PAGE_MASK, n = MIN(MIN(PAGE_SIZE - off, m->bytes - *pos), u->left);
        ssize moved = uio_out(u, (char *)m->page[*pos / PAGE_SIZE] + off, n);

        if (moved < 0)
            return total > 0 ? total : moved;
        *pos += (uint64_t)moved;
        total += moved;
    }
    return total;
}

static int
module_pin(struct file *f, uint64_t index, void **page)
{
    const struct module_copy *m = f->priv;

    if (index >= m->pages)
        return -ENXIO;
    *page = m->page[index];
    return 0;
}

static void
module_unpin(struct file *f, uint64_t index, void *page)
{
    (void)f, (void)index, (void)page;
}

static void
module_release(struct file *f)
{
    struct module_copy *m = f->priv;

    for (uint64_t i = 0; i < m->pages; i++)
        if (m->page[i] != NULL)
            page_free(m->page[i]);
    heap_free(m->page);
    heap_free(m);
}

static const struct file_ops module_ops = {
    .name = "module",
    .read = module_read,
    .pin_page = module_pin,
    .unpin_page = module_unpin,
    .pin_again = module_unpin,
    .release = module_release,
};

static const struct aeg_module_info *
find(const char *name)
{
    const volatile struct aeg_table *t = &AEG_INFO->modules;

    for (uint32_t i = 0; i < t->count; i++) {
        const struct aeg_module_info *m = (const struct aeg_module_info *)aeg_info_entry(t, i);

        if (strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

static int
copy_pages(struct module_copy *m, uint64_t frame)
{
    for (uint64_t i = 0; i < m->pages; i++) {
        uint64_t n = MIN(m->bytes - i * PAGE_SIZE, PAGE_SIZE);
        struct aeg_pte_op op = { SCRATCH_VA + (SCRATCH_PAGES - 1) * PAGE_SIZE, (frame + i) << PAGE_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX };
        uint64_t va = op.va, done;

        m->page[i] = page_alloc();
        if (m->page[i] == NULL || aeg_pte_set(MM->space, AEG_CAPS(CAP_SELF, CAP_MODULE), &op, 1, &done) != AEG_OK)
            return -ENOMEM;
        memcpy(m->page[i], (const void *)va, n);
        memset((char *)m->page[i] + n, 0, PAGE_SIZE - n);
        op = (struct aeg_pte_op){ va, 0 };
        if (aeg_pte_set(MM->space, AEG_CAPS(CAP_SELF, CAP_SELF), &op, 1, &done) != AEG_OK)
            return -ENOMEM;
    }
    return 0;
}

struct file *
modfile_open(const char *name)
{
    const struct aeg_module_info *info = find(name);
    struct module_copy *m;
    struct file *f;

    if (info == NULL || info->bytes > MODULE_PAGES_MAX * PAGE_SIZE || (m = heap_alloc(sizeof(*m))) == NULL)
        return NULL;
    m->bytes = info->bytes;
    m->pages = PAGE_UP(info->bytes) / PAGE_SIZE;
    m->page = heap_alloc(m->pages * sizeof(m->page[0]));
    f = file_create(&module_ops, 0, m);
    if (f == NULL || m->page == NULL || copy_pages(m, info->frame) != 0) {
        log_print("no memory for boot module %s", name);
        return NULL;
    }
    return f;
}
