/*
 * info.c: the exposed window: kernel tables that every space may read at PML4 slot 255.
 *
 * Holds:    one page-table subtree, shared by all spaces, read-only and never executable. It only grows, at boot.
 */
#include "core/info.h"
#include "arch/x86_64/arch.h"
#include "core/frame.h"

/* The PDPT of slot 255: pt.c hangs it into every PML4. */
extern uint64_t *info_pdpt;

/* All of its page is exposed, so nothing else lies there. */
static union {
    struct aeg_info info;
    uint8_t page[FRAME_SIZE];
} header __attribute__((aligned(FRAME_SIZE)));
struct aeg_info *const info = &header.info;

extern struct cpu cpus[CPU_MAX];
static uint64_t next_va = AEG_INFO_BASE;
static struct aeg_module_info *modules;

#define BITS_NODE (AEG_PTE_P | AEG_PTE_U | AEG_PTE_A | AEG_PTE_NX)
#define KERNEL_IMAGE_PA(p) ((uint64_t)(p) - KERNEL_BASE)

static uint64_t *
table_at(uint64_t *entry)
{
    if (!*entry)
        *entry = frame_boot_alloc(1) << FRAME_SHIFT | BITS_NODE;
    return direct_map(*entry & AEG_PTE_ADDR);
}

static void
expose_page(uint64_t va, paddr_t pa)
{
    uint64_t *pd = table_at(&info_pdpt[va >> 30 & 511]);
    uint64_t *pt = table_at(&pd[va >> 21 & 511]);

    pt[va >> 12 & 511] = pa | BITS_NODE;
}

static uint64_t
expose(paddr_t pa, uint64_t bytes)
{
    uint64_t va = next_va;

    for (uint64_t done = 0; done < bytes; done += FRAME_SIZE)
        expose_page(va + done, pa + done);
    next_va += (bytes + FRAME_SIZE - 1) & ~(uint64_t)(FRAME_SIZE - 1);
    return va;
}

uint64_t
info_expose(const void *kva, uint64_t bytes)
{
    return expose(direct_unmap(kva), bytes);
}

void
info_init(void)
{
    info_pdpt = frame_map(frame_boot_alloc(1));
    expose(KERNEL_IMAGE_PA(&header), FRAME_SIZE);
    static_assert(sizeof(header) == FRAME_SIZE, "one page");
    info->magic = AEG_INFO_MAGIC;
    info->version = AEG_INFO_VERSION;
    info->size = sizeof(*info);
    info->cpu_count = 1;       /* until the others have come up */
    memcpy(info->build, "aegis 0.1", 10);
    info->frames = (struct aeg_table){ info_expose(frame_table, frame_count * sizeof(*frame_table)), frame_count, sizeof(*frame_table) };
}

static void
expose_modules(void)
{
    modules = frame_map(frame_boot_alloc(1));
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        memcpy(modules[i].name, boot_info.module[i].name, sizeof(modules[i].name));
        modules[i].frame = boot_info.module[i].base >> FRAME_SHIFT;
        modules[i].bytes = boot_info.module[i].bytes;
    }
    info->modules = (struct aeg_table){ info_expose(modules, FRAME_SIZE), boot_info.module_count, sizeof(*modules) };
}

void
info_seal(void)
{
    uint64_t cmdline_bytes = strlen(boot_info.cmdline) + 1;
    char *cmdline = frame_map(frame_boot_alloc(1));
    struct aeg_cpu_info *cpu_info = frame_map(frame_boot_alloc(1));

    memcpy(cmdline, boot_info.cmdline, cmdline_bytes);
    info->cmdline = (struct aeg_table){ info_expose(cmdline, FRAME_SIZE), cmdline_bytes, 1 };
    info->cpus = (struct aeg_table){ info_expose(cpu_info, FRAME_SIZE), info->cpu_count, sizeof(*cpu_info) };
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        cpus[i].info = &cpu_info[i];
        cpu_info[i].apic_id = cpus[i].apic_id;
        cpu_info[i].online = 1;
        cpu_info[i].idle_tsc = cpus[i].idle ? -arch_tsc() : 0;      /* interrupt_from_idle adds the end */
    }
    expose_modules();
}
