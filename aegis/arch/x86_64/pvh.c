/*
 * pvh.c: reads struct hvm_start_info, which a PVH loader (`qemu -kernel`) leaves.
 * Source: Xen, public/arch-x86/hvm/start_info.h.
 */
#include "arch/x86_64/loader.h"

#define MEMMAP_MAX 256          /* entries that are read */
#define CMDLINE_MAX 4096
#define MEMMAP_RAM 1

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp;
    uint64_t memmap;            /* version 1 and later */
    uint32_t memmap_count, reserved;
};

struct start_module {
    uint64_t base, bytes, cmdline, reserved;
};

struct start_memory {
    uint64_t base, bytes;
    uint32_t type, reserved;
};

static void
read_modules(const struct start_info *s, phys_reader *at, struct loader_info *out)
{
    const struct start_module *list = at(s->modules);

    for (uint32_t i = 0; i < s->module_count; i++) {
        struct boot_module *m;

        if (out->module_count == AEG_MODULE_MAX) {
            out->modules_lost = s->module_count - i;
            return;
        }
        m = &out->module[out->module_count++];
        m->base = list[i].base;
        m->bytes = list[i].bytes;
        if (list[i].cmdline != 0)
            module_name(m->name, sizeof(m->name), at(list[i].cmdline), CMDLINE_MAX);
    }
}

bool
pvh_read(const void *start_info, phys_reader *at, struct loader_info *out)
{
    const struct start_info *s = start_info;
    const struct start_memory *map;

    if (s->magic != PVH_MAGIC || s->version < 1 || s->memmap_count > MEMMAP_MAX)
        return false;
    map = at(s->memmap);
    for (uint32_t i = 0; i < s->memmap_count; i++)
        if (map[i].type == MEMMAP_RAM)
            regions_add(&out->ram, map[i].base, map[i].bytes);
    if (s->cmdline != 0)
        text_append(out->cmdline, sizeof(out->cmdline), at(s->cmdline), CMDLINE_MAX);
    if (s->module_count != 0)
        read_modules(s, at, out);
    out->rsdp = s->rsdp;
    return true;
}
