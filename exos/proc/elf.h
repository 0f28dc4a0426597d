/*
 * elf.h: what of ELF-64 (System V gABI, chapters 4 and 5) a loader needs, and the checks that need no file.
 */
#ifndef EXOS_PROC_ELF_H
#define EXOS_PROC_ELF_H

#include "base/base.h"

#define ELF_TYPE_EXEC 2
#define ELF_TYPE_DYN 3
#define ELF_MACHINE_X86_64 62
#define ELF_SEGMENTS_MAX 64
#define INTERP_MAX 256          /* bytes of an interpreter's name */
#define PT_LOAD 1
#define PT_INTERP 3
#define PT_PHDR 6
#define PF_X 1u
#define PF_W 2u
#define PF_R 4u

struct file;

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "gABI");

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_segment) == 56, "gABI");

/* The span of the loadable segments, and their coarsest alignment. */
struct elf_span {
    uint64_t low, high, align;
    uint64_t phdr;              /* address of the program headers in memory, 0: not loaded */
};

/* An ELF file whose headers have been read and found good. */
struct elf_file {
    struct file *file;          /* one reference */
    struct elf_header h;
    struct elf_segment s[ELF_SEGMENTS_MAX];
    struct elf_span span;
};

/* 0, or -ENOEXEC. */
int elf_check_header(const struct elf_header *h) MUST_USE;
/* Checks the segments of a header that passed; base is added later for ET_DYN. */
int elf_check_segments(const struct elf_header *h, const struct elf_segment *s, struct elf_span *span) MUST_USE;

#endif
