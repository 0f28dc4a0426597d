/*
 * loader.h: what a loader left, read but not yet arranged: the input of boot.c. Pure code, tested on the host.
 */
#ifndef AEGIS_ARCH_LOADER_H
#define AEGIS_ARCH_LOADER_H

#include "arch/x86_64/arch.h"

#define MULTIBOOT2_MAGIC 0x36d76289u
#define PVH_MAGIC 0x336ec578u

/* Sorted, disjoint ranges of physical memory. */
struct regions {
    struct boot_region r[BOOT_REGION_MAX];
    uint32_t count;
    uint64_t lost;              /* bytes that found no place in r[] */
};

/* Everything the loader said, copied out of its memory. */
struct loader_info {
    char cmdline[1024];
    struct regions ram;
    struct boot_module module[AEG_MODULE_MAX];
    uint32_t module_count;
    uint32_t modules_lost;      /* more than AEG_MODULE_MAX */
    paddr_t rsdp;               /* 0: not said */
    uint8_t rsdp_copy[36];      /* Multiboot2 hands over a copy instead */
    uint32_t rsdp_copy_bytes;
    bool graphics;              /* the screen is not in text mode */
};

void regions_add(struct regions *s, paddr_t base, uint64_t bytes);
void regions_remove(struct regions *s, paddr_t base, uint64_t bytes);
/* Shrinks every range to whole frames. */
void regions_align(struct regions *s);
/* Takes `bytes` (whole frames) from the end of the highest range that ends below `limit`; 0 when none is large enough. */
paddr_t regions_carve(struct regions *s, uint64_t bytes, paddr_t limit);

/* `tags`: the boot information, `bytes` of it readable. false: malformed. */
bool multiboot2_read(const void *tags, size_t bytes, struct loader_info *out);

/* How to read physical memory: direct_map, or the test's. */
typedef const void *phys_reader(paddr_t pa);
bool pvh_read(const void *start_info, phys_reader *at, struct loader_info *out);

/* Appends a zero-terminated text of at most max bytes, after a space when dst is not empty; what does not fit is cut. */
void text_append(char *dst, size_t size, const char *text, size_t max);
/* The module's name: the first word of its command line, without directories. */
void module_name(char *dst, size_t size, const char *cmdline, size_t max);

/* A member of a cpio archive in newc format. */
struct cpio_member {
    const char *name;           /* in the archive, zero-terminated */
    size_t offset;              /* of its data */
    size_t bytes;
};
bool cpio_is_archive(const void *archive, size_t bytes);
/* Reads the member at *offset and moves *offset to the next. false: the trailer, the end, or a malformed header. */
bool cpio_next(const void *archive, size_t bytes, size_t *offset, struct cpio_member *m);

/* fwcfg.c: the content of a QEMU fw_cfg file as text, 0 when there is none. */
size_t fwcfg_read(const char *file, char *buf, size_t size);

#endif
