/*
 * boot.c: from the loader's description of the machine to ours.
 *
 * Holds:    boot_info: the command line, usable RAM, modules on page boundaries, wherever they came from.
 * Not here: what the formats look like (multiboot2.c, pvh.c, cpio.c), the frame table (core/frame.c).
 */
#include "arch/x86_64/loader.h"
#include "arch/x86_64/machine.h"
#include "core/log.h"
#include "core/panic.h"

#define LOW_MEMORY 0x100000u    /* the firmware's, not given out */
#define BOOT_MAPPED (1ull << 32)        /* what the boot page tables reach */
#define LOADER_TAGS_MAX 65536u

extern uint8_t image_begin[], image_end[];
void arch_entry(uint32_t magic, uint32_t info_pa);

struct boot_info boot_info;
struct cpu cpus[CPU_MAX];
bool boot_graphics;

static uint32_t loader_magic, loader_info_pa;
static struct loader_info loaded;
static struct regions usable;

/* First C code: per-CPU state, since locks and panics use it; then the kernel proper, which begins with arch_boot(). */
void
arch_entry(uint32_t magic, uint32_t info_pa)
{
    loader_magic = magic;
    loader_info_pa = info_pa;
    cpus[0].self = &cpus[0];
    wrmsr(MSR_GS_BASE, (uint64_t)&cpus[0]);
    aegis_main();
}

bool
boot_option(const char *name, const char **value)
{
    size_t n = strlen(name);

    for (const char *p = boot_info.cmdline; *p;) {
        while (*p == ' ')
            p++;
        if (strncmp(p, name, n) == 0 && (p[n] == 0 || p[n] == ' ' || p[n] == '=')) {
            if (value != NULL)
                *value = p + n + (p[n] == '=');
            return true;
        }
        while (*p && *p != ' ')
            p++;
    }
    return false;
}

static const void *
reachable(paddr_t pa)
{
    if (pa >= BOOT_MAPPED)
        panic("the loader left data above 4 GiB, at %lx", pa);
    return direct_map(pa);
}

static void
read_loader(void)
{
    const void *p = reachable(loader_info_pa);
    bool ok = loader_magic == MULTIBOOT2_MAGIC ? multiboot2_read(p, LOADER_TAGS_MAX, &loaded) : pvh_read(p, reachable, &loaded);

    if (!ok)
        panic("the loader's boot information is malformed");
    if (loaded.ram.count == 0)
        panic("the loader gave no memory map");
}

static void
read_cmdline(void)
{
    char extra[sizeof(boot_info.cmdline)];

    memcpy(boot_info.cmdline, loaded.cmdline, sizeof(boot_info.cmdline));
    if (fwcfg_read("opt/exos/cmdline", extra, sizeof(extra)) > 0)
        text_append(boot_info.cmdline, sizeof(boot_info.cmdline), extra, sizeof(extra));
    log_set_verbose(boot_option("verbose", NULL));
}

static void
add_module(const char *name, paddr_t base, uint64_t bytes)
{
    struct boot_module *m;

    if (boot_info.module_count == AEG_MODULE_MAX) {
        klog("boot: more than %u modules, %s left out", AEG_MODULE_MAX, name);
        return;
    }
    m = &boot_info.module[boot_info.module_count++];
    module_name(m->name, sizeof(m->name), name, sizeof(m->name));
    m->base = base;
    m->bytes = bytes;
}

/* A module that is a cpio archive stands for its members. */
static void
read_modules(void)
{
    if (loaded.modules_lost > 0)
        klog("boot: %u modules too many, left out", loaded.modules_lost);
    for (uint32_t i = 0; i < loaded.module_count; i++) {
        const struct boot_module *m = &loaded.module[i];
        const void *data = reachable(m->base);
        struct cpio_member member;
        size_t at = 0;

        if (!cpio_is_archive(data, m->bytes)) {
            add_module(m->name, m->base, m->bytes);
            continue;
        }
        while (cpio_next(data, m->bytes, &at, &member))
            if (member.bytes > 0)
                add_module(member.name, m->base + member.offset, member.bytes);
    }
}

static uint64_t
whole_frames(uint64_t bytes)
{
    return (bytes + FRAME_SIZE - 1) & ~(uint64_t)(FRAME_SIZE - 1);
}

/* RAM less what is in use: low memory, the image, the modules. */
static void
find_usable(void)
{
    usable = loaded.ram;
    regions_align(&usable);
    regions_remove(&usable, 0, LOW_MEMORY);
    regions_remove(&usable, (uint64_t)image_begin - KERNEL_BASE, whole_frames((uint64_t)(image_end - image_begin)));
    for (uint32_t i = 0; i < boot_info.module_count; i++)
        regions_remove(&usable, boot_info.module[i].base, boot_info.module[i].bytes);
    regions_align(&usable);
}

/* Modules become whole frames that hold nothing else: those off a page boundary are copied to free memory, then all tails are cleared. */
static void
align_modules(void)
{
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        struct boot_module *m = &boot_info.module[i];
        paddr_t to;

        if (m->base % FRAME_SIZE == 0)
            continue;
        to = regions_carve(&usable, whole_frames(m->bytes), BOOT_MAPPED);
        if (to == 0)
            panic("no memory to move module %s (%lu bytes) to a page boundary", m->name, m->bytes);
        memcpy(direct_map(to), direct_map(m->base), m->bytes);
        m->base = to;
    }
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        struct boot_module *m = &boot_info.module[i];

        memset((uint8_t *)direct_map(m->base) + m->bytes, 0, whole_frames(m->bytes) - m->bytes);
    }
}

static void
publish(void)
{
    const struct boot_region *top = &loaded.ram.r[loaded.ram.count - 1];

    if (loaded.ram.lost + usable.lost > 0)
        klog("boot: %lu bytes of scattered memory left out", loaded.ram.lost + usable.lost);
    boot_info.memory_top = (top->base + top->bytes) & ~(paddr_t)(FRAME_SIZE - 1);
    memcpy(boot_info.ram, loaded.ram.r, sizeof(boot_info.ram));
    boot_info.ram_count = loaded.ram.count;
    memcpy(boot_info.usable, usable.r, sizeof(boot_info.usable));
    boot_info.usable_count = usable.count;
    boot_info.rsdp = loaded.rsdp;
    memcpy(boot_info.rsdp_copy, loaded.rsdp_copy, sizeof(boot_info.rsdp_copy));
    boot_info.rsdp_copy_bytes = loaded.rsdp_copy_bytes;
    boot_graphics = loaded.graphics;
}

/* One frame that the boot page tables reach, before there is a frame table. */
paddr_t
boot_take_frame(void)
{
    paddr_t pa = regions_carve(&usable, FRAME_SIZE, BOOT_MAPPED);

    if (pa == 0)
        panic("no memory for the kernel's page tables");
    memcpy(boot_info.usable, usable.r, sizeof(boot_info.usable));
    boot_info.usable_count = usable.count;
    return pa;
}

static void
read_machine(void)
{
    read_loader();
    regions_remove(&loaded.ram, DIRECT_MAX, UINT64_MAX - DIRECT_MAX);
    read_cmdline();
    read_modules();
    find_usable();
    align_modules();
    find_usable();
    publish();
}

void
arch_boot(void)
{
    serial_init();              /* so that whatever goes wrong below can be said */
    segments_init(&cpus[0]);    /* and caught */
    read_machine();             /* boot_info */
    epitaph_clear();            /* nobody has died yet */
    cpu_init();                 /* features, control and system-call registers */
    paging_init();              /* the final page tables */
    vga_init();
    klog("aegis: %s, %lu MiB up to %lx, %u modules", loader_magic == MULTIBOOT2_MAGIC ? "Multiboot2" : "PVH",
         boot_info.memory_top >> 20, boot_info.memory_top, boot_info.module_count);
    klog("command line: %s", boot_info.cmdline);
}
