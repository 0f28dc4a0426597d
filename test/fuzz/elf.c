/* elf.c: what the loader accepts of headers, under libFuzzer: it stays in the program's part of a space, however they were made. */
#include <assert.h>
#include <string.h>

#include "proc/elf.h"
#include "start/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_accepted(const struct elf_header *h, const struct elf_segment *s, const struct elf_span *span)
{
    uint64_t end = 0;

    assert(span->low < span->high && span->high <= USER_TOP && (span->low & PAGE_MASK) == 0 && (span->high & PAGE_MASK) == 0);
    assert(h->type != ELF_TYPE_EXEC || span->low >= USER_BOTTOM);
    for (unsigned i = 0; i < h->phnum; i++) {
        if (s[i].type != PT_LOAD || s[i].memsz == 0)
            continue;
        assert(s[i].filesz <= s[i].memsz && s[i].vaddr >= end && s[i].vaddr + s[i].memsz <= span->high && s[i].vaddr >= span->low);
        end = s[i].vaddr + s[i].memsz;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_segment s[ELF_SEGMENTS_MAX];
    struct elf_header h;
    struct elf_span span;

    if (size < sizeof(h))
        return 0;
    memcpy(&h, data, sizeof(h));
    memcpy(h.ident, "\177ELF\2\1\1", 7);
    memset(s, 0, sizeof(s));
    memcpy(s, data + sizeof(h), size - sizeof(h) < sizeof(s) ? size - sizeof(h) : sizeof(s));
    if (elf_check_header(&h) == 0 && elf_check_segments(&h, s, &span) == 0)
        check_accepted(&h, s, &span);
    return 0;
}
