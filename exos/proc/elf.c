/*
 * elf.c: an ELF file becomes regions of the running space; its pages come when they are touched.
 */
#include "proc/elf.h"

#include "proc/internal.h"
#include "vm/vm.h"

#define PIE_BASE 0x555555554000ull
#define INTERP_MAX 256
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

static int
read_headers(struct file *f, struct elf_header *h, struct elf_segment *s, struct elf_span *span)
{
    int err = file_read_exact(f, h, sizeof(*h), 0);

    if (err == 0)
        err = elf_check_header(h);
    if (err == 0)
        err = file_read_exact(f, s, h->phnum * sizeof(*s), h->phoff);
    if (err == 0)
        err = elf_check_segments(h, s, span);
    return err == -EINVAL ? -ENOEXEC : err;
}

static int
interpreter_name(struct file *f, const struct elf_header *h, const struct elf_segment *s, char *name)
{
    name[0] = '\0';
    for (unsigned i = 0; i < h->phnum; i++, s++) {
        if (s->type != PT_INTERP)
            continue;
        if (s->filesz < 2 || s->filesz > INTERP_MAX || file_read_exact(f, name, s->filesz, s->offset) != 0 ||
            name[s->filesz - 1] != '\0')
            return -ENOEXEC;
        return 0;
    }
    return 0;
}

static int
load_one(struct file *f, bool interpreter, struct image *img, char *interp)
{
    struct elf_segment s[ELF_SEGMENTS_MAX];
    struct elf_header h;
    struct elf_span span;
    uint64_t bias = 0;
    int err = read_headers(f, &h, s, &span);

    if (err != 0 || (err = interpreter_name(f, &h, s, interp)) != 0)
        return err;
    if (h.type == ELF_TYPE_DYN)
        bias = choose_bias(&span, interpreter);
    if (bias + span.low < USER_BOTTOM || bias + span.high > MMAP_TOP || bias + span.high < span.high)
        return -ENOEXEC;
    for (unsigned i = 0; i < h.phnum && err == 0; i++)
        if (s[i].type == PT_LOAD && s[i].memsz != 0)
            err = map_segment(f, &s[i], bias);
    img->entry = h.entry + bias;
    if (interpreter) {
        img->base = bias;
        return err;
    }
    img->program_entry = img->entry;
    img->phdr = span.phdr != 0 ? span.phdr + bias : 0;
    img->phent = sizeof(s[0]);
    img->phnum = h.phnum;
    img->brk = span.high + bias;
    return err;
}

int
elf_load(struct file *f, struct image *out)
{
    char interp[INTERP_MAX], none[INTERP_MAX];
    int err;

    *out = (struct image){ .base = 0 };
    err = load_one(f, false, out, interp);
    if (err == 0 && interp[0] != '\0') {
        struct file *loader = fs_open_executable(interp, &err);

        if (loader == NULL)
            return err == -ENOENT ? -ENOENT : -ENOEXEC;
        err = load_one(loader, true, out, none);
        file_put(loader);
    }
    MM->mm->brk_start = MM->mm->brk = out->brk;
    MM->mm->data_limit = UINT64_MAX;
    return err;
}
