/*
 * elf.c: an ELF file becomes regions of the running space; its pages come when they are touched.
 */
#include "proc/elf.h"

#include "proc/internal.h"
#include "vm/vm.h"

#define PIE_BASE 0x555555554000ull
#define MMAP_TOP (STACK_TOP - STACK_BYTES_MAX - (1ull << 20))

static uint32_t
protection(const struct elf_segment *s)
{
    return (s->flags & PF_R ? PROT_READ : 0) | (s->flags & PF_W ? PROT_WRITE : 0) | (s->flags & PF_X ? PROT_EXEC : 0);
}

static int
map_segment(struct file *f, const struct elf_segment *s, uint64_t bias)
{
    uint64_t start = PAGE_DOWN(s->vaddr + bias);
    struct region_map *map = &MM->mm->map;
    uint32_t next = region_index(map, start);
    struct region r = {
        .start = start,
        .end = PAGE_UP(s->vaddr + bias + s->memsz),
        .prot = protection(s),
        .file = s->filesz != 0 ? f : NULL,
        .offset = PAGE_DOWN(s->offset),
        .file_bytes = s->filesz != 0 ? s->vaddr + bias + s->filesz - start : 0,
    };

    if (next < map->count && map->at[next]->start < r.end)
        return -ENOEXEC;        /* an interpreter that wants the program's place */
    return region_add(map, &r) != NULL ? 0 : -ENOMEM;
}

/* Where a position-independent file goes: the program at its usual place, an interpreter below the stack. */
static uint64_t
choose_bias(const struct elf_span *span, bool interpreter)
{
    uint64_t len = span->high - span->low, at;

    if (!interpreter)
        return ((PIE_BASE + span->align - 1) & ~(span->align - 1)) - (span->low & ~(span->align - 1));
    at = region_gap(&MM->mm->map, len + span->align, USER_BOTTOM, MMAP_TOP);
    return at == 0 ? 0 : ((at + span->align - 1) & ~(span->align - 1)) - (span->low & ~(span->align - 1));
}

int
elf_open(struct elf_file *e)
{
    int err = file_read_exact(e->file, &e->h, sizeof(e->h), 0);

    if (err == 0)
        err = elf_check_header(&e->h);
    if (err == 0)
        err = file_read_exact(e->file, e->s, e->h.phnum * sizeof(e->s[0]), e->h.phoff);
    if (err == 0)
        err = elf_check_segments(&e->h, e->s, &e->span);
    return err == -EINVAL ? -ENOEXEC : err;
}

int
elf_interpreter(const struct elf_file *e, char *name)
{
    name[0] = '\0';
    for (unsigned i = 0; i < e->h.phnum; i++) {
        const struct elf_segment *s = &e->s[i];

        if (s->type != PT_INTERP)
            continue;
        if (s->filesz < 2 || s->filesz > INTERP_MAX || file_read_exact(e->file, name, s->filesz, s->offset) != 0 ||
            name[s->filesz - 1] != '\0')
            return -ENOEXEC;
        return 0;
    }
    return 0;
}

/* Maps the segments; *bias: how far from where the file says. */
static int
load_one(const struct elf_file *e, bool loader, uint64_t *bias)
{
    int err = 0;

    *bias = e->h.type == ELF_TYPE_DYN ? choose_bias(&e->span, loader) : 0;
    if (*bias + e->span.low < USER_BOTTOM || *bias + e->span.high > MMAP_TOP || *bias + e->span.high < e->span.high)
        return -ENOMEM;
    for (unsigned i = 0; i < e->h.phnum && err == 0; i++)
        if (e->s[i].type == PT_LOAD && e->s[i].memsz != 0)
            err = map_segment(e->file, &e->s[i], *bias);
    return err;
}

int
elf_load(const struct exec *x, struct image *out)
{
    const struct elf_file *e = &x->program;
    uint64_t bias;
    int err = load_one(e, false, &bias);

    *out = (struct image){
        .entry = e->h.entry + bias,
        .program_entry = e->h.entry + bias,
        .phdr = e->span.phdr != 0 ? e->span.phdr + bias : 0,
        .phent = sizeof(e->s[0]),
        .phnum = e->h.phnum,
    };
    MM->mm->brk_start = MM->mm->brk = e->span.high + bias;
    if (err == 0 && x->loader.file != NULL) {
        err = load_one(&x->loader, true, &out->base);
        out->entry = x->loader.h.entry + out->base;
    }
    return err;
}
