/* vdso.c: a function of the vDSO, found as a C library of an unmodified program finds it (vdso(7)). */
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#include "bench.h"

/* The object's tables, by their tags. */
static const void *
table(const char *base, const Elf64_Phdr *dynamic, int64_t bias, Elf64_Sxword tag)
{
    for (const Elf64_Dyn *d = (const void *)(base + dynamic->p_offset); d->d_tag != DT_NULL; d++)
        if (d->d_tag == tag)
            return (const void *)(bias + (int64_t)d->d_un.d_ptr);
    return NULL;
}

void *
vdso_function(const char *name)
{
    const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *header = (const void *)base;
    const Elf64_Phdr *segment, *dynamic = NULL;
    const Elf64_Word *hash;
    const Elf64_Sym *symbols;
    const char *strings;
    int64_t bias = 0;

    if (!base)
        return NULL;
    segment = (const void *)(base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD)
            bias = (int64_t)(uintptr_t)base - (int64_t)segment[i].p_vaddr + (int64_t)segment[i].p_offset;
        if (segment[i].p_type == PT_DYNAMIC)
            dynamic = &segment[i];
    }
    hash = table(base, dynamic, bias, DT_HASH);
    symbols = table(base, dynamic, bias, DT_SYMTAB);
    strings = table(base, dynamic, bias, DT_STRTAB);
    for (unsigned i = 0; i < hash[1]; i++)      /* its second word is how many symbols there are */
        if (!strcmp(strings + symbols[i].st_name, name))
            return (void *)(bias + (int64_t)symbols[i].st_value);
    return NULL;
}
