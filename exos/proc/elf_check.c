/*
 * elf_check.c: is this ELF file one that can be loaded without harm?
 *
 * Strict: segments in order, none overlapping, all within the program's part, entry inside one of them.
 */
#include "proc/elf.h"
#include "start/layout.h"

#define ALIGN_MAX (1ull << 30)

int
elf_check_header(const struct elf_header *h)
{
    if (memcmp(h->ident, "\177ELF\2\1\1", 7) != 0 || h->machine != ELF_MACHINE_X86_64 || h->version != 1)
        return -ENOEXEC;
    if (h->type != ELF_TYPE_EXEC && h->type != ELF_TYPE_DYN)
        return -ENOEXEC;
    if (h->phentsize != sizeof(struct elf_segment) || h->phnum == 0 || h->phnum > ELF_SEGMENTS_MAX)
        return -ENOEXEC;
    if (h->phoff < sizeof(*h) || h->phoff > INT64_MAX - ELF_SEGMENTS_MAX * sizeof(struct elf_segment))
        return -ENOEXEC;
    return 0;
}

static int
check_load(const struct elf_segment *s, uint64_t from, bool fixed)
{
    if (s->filesz > s->memsz || s->offset > INT64_MAX - s->filesz || s->vaddr > USER_TOP || s->memsz > USER_TOP - s->vaddr)
        return -ENOEXEC;
    if (((s->vaddr ^ s->offset) & PAGE_MASK) != 0 || PAGE_DOWN(s->vaddr) < from)
        return -ENOEXEC;
    if (s->align > ALIGN_MAX || (s->align & (s->align - 1)) != 0)
        return -ENOEXEC;
    return fixed && PAGE_DOWN(s->vaddr) < USER_BOTTOM ? -ENOEXEC : 0;
}

/* Where in memory the program headers are, if this segment loads them. */
static uint64_t
headers_in(const struct elf_header *h, const struct elf_segment *s)
{
    uint64_t bytes = h->phnum * sizeof(*s);

    if (h->phoff < s->offset || h->phoff - s->offset > s->filesz || s->filesz - (h->phoff - s->offset) < bytes)
        return 0;
    return s->vaddr + (h->phoff - s->offset);
}

int
elf_check_segments(const struct elf_header *h, const struct elf_segment *s, struct elf_span *span)
{
    struct elf_span found = { .low = UINT64_MAX, .align = PAGE_SIZE };
    bool entry_inside = false;

    for (unsigned i = 0; i < h->phnum; i++, s++) {
        if (s->type != PT_LOAD || s->memsz == 0)
            continue;
        if (check_load(s, found.high, h->type == ELF_TYPE_EXEC) != 0)
            return -ENOEXEC;
        found.low = MIN(found.low, PAGE_DOWN(s->vaddr));
        found.high = PAGE_UP(s->vaddr + s->memsz);
        found.align = MAX(found.align, s->align);
        entry_inside |= h->entry >= s->vaddr && h->entry - s->vaddr < s->memsz && (s->flags & PF_X);
        if (found.phdr == 0)
            found.phdr = headers_in(h, s);
    }
    if (found.low == UINT64_MAX || !entry_inside || found.high > USER_TOP)
        return -ENOEXEC;
    *span = found;
    return 0;
}
