/*
 * multiboot2.c: reads the boot information of a Multiboot2 loader (specification 2.0, 3.4 and 3.6).
 *
 * Not here: what is done with it (boot.c).
 */
#include "arch/x86_64/loader.h"

enum tag_type {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

#define TAG_MAX 256             /* tags of one boot */
#define MMAP_RAM 1
#define FRAMEBUFFER_TEXT 2

struct tag {
    uint32_t type, size;
};

struct tag_module {
    struct tag tag;
    uint32_t start, end;
    char cmdline[];
};

struct tag_mmap {
    struct tag tag;
    uint32_t entry_size, entry_version;
    uint8_t entries[];
};

struct mmap_entry {
    uint64_t base, bytes;
    uint32_t type, reserved;
};

struct tag_framebuffer {
    struct tag tag;
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bpp, type;
};

void
text_append(char *dst, size_t size, const char *text, size_t max)
{
    size_t at = strlen(dst);

    if (at > 0 && max > 0 && text[0] != 0 && at + 1 < size)
        dst[at++] = ' ';
    for (size_t i = 0; i < max && text[i] && at + 1 < size; i++)
        dst[at++] = text[i];
    dst[at] = 0;
}

void
module_name(char *dst, size_t size, const char *cmdline, size_t max)
{
    size_t begin = 0, at = 0;

    for (size_t i = 0; i < max && cmdline[i] && cmdline[i] != ' '; i++)
        if (cmdline[i] == '/')
            begin = i + 1;
    for (size_t i = begin; i < max && cmdline[i] && cmdline[i] != ' ' && at + 1 < size; i++)
        dst[at++] = cmdline[i];
    dst[at] = 0;
}

static void
read_module(const struct tag_module *t, struct loader_info *out)
{
    struct boot_module *m;

    if (t->tag.size < sizeof(*t) || t->end < t->start)
        return;
    if (out->module_count == AEG_MODULE_MAX) {
        out->modules_lost++;
        return;
    }
    m = &out->module[out->module_count++];
    m->base = t->start;
    m->bytes = t->end - t->start;
    module_name(m->name, sizeof(m->name), t->cmdline, t->tag.size - sizeof(*t));
}

static void
read_mmap(const struct tag_mmap *t, struct loader_info *out)
{
    size_t bytes = t->tag.size;

    if (bytes < sizeof(*t) || t->entry_size < sizeof(struct mmap_entry))
        return;
    for (size_t at = sizeof(*t); at + sizeof(struct mmap_entry) <= bytes; at += t->entry_size) {
        struct mmap_entry e;

        memcpy(&e, (const uint8_t *)t + at, sizeof(e));
        if (e.type == MMAP_RAM)
            regions_add(&out->ram, e.base, e.bytes);
    }
}

static void
read_rsdp(const struct tag *t, struct loader_info *out)
{
    out->rsdp_copy_bytes = (uint32_t)MIN(t->size - sizeof(*t), sizeof(out->rsdp_copy));
    memcpy(out->rsdp_copy, t + 1, out->rsdp_copy_bytes);
}

static void
read_tag(const struct tag *t, struct loader_info *out)
{
    switch (t->type) {
    case TAG_CMDLINE:
        text_append(out->cmdline, sizeof(out->cmdline), (const char *)(t + 1), t->size - sizeof(*t));
        break;
    case TAG_MODULE:
        read_module((const struct tag_module *)t, out);
        break;
    case TAG_MMAP:
        read_mmap((const struct tag_mmap *)t, out);
        break;
    case TAG_FRAMEBUFFER:
        out->graphics = t->size >= sizeof(struct tag_framebuffer)
            && ((const struct tag_framebuffer *)t)->type != FRAMEBUFFER_TEXT;
        break;
    case TAG_ACPI_OLD:
        if (out->rsdp_copy_bytes == 0)
            read_rsdp(t, out);
        break;
    case TAG_ACPI_NEW:
        read_rsdp(t, out);
        break;
    default:
        break;
    }
}

bool
multiboot2_read(const void *tags, size_t bytes, struct loader_info *out)
{
    const uint8_t *p = tags;
    size_t total, at = 8;

    if (bytes < 8)
        return false;
    total = MIN(*(const uint32_t *)p, bytes);
    for (unsigned n = 0; n < TAG_MAX && at + sizeof(struct tag) <= total; n++) {
        const struct tag *t = (const struct tag *)(p + at);

        if (t->type == TAG_END)
            return true;
        if (t->size < sizeof(*t) || t->size > total - at)
            return false;
        read_tag(t, out);
        at += (t->size + 7) & ~7ull;
    }
    return false;
}
