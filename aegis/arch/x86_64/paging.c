/*
 * paging.c: the kernel's own page tables.
 *
 * Holds:    the image, each part with its own rights; all RAM at DIRECT_BASE, writable but for the image's text and constants, never
 *           executable; device registers at DEVICE_BASE, uncached. Every kernel PML4 entry that is ever used is set in paging_init.
 * Locks:    none: boot only.
 * Not here: the spaces of libraries (core/pt.c).
 */
#include "arch/x86_64/machine.h"
#include "arch/x86_64/tlb.h"

#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_PWT 8ull
#define PTE_PCD 0x10ull
#define PTE_PS 0x80ull
#define PTE_G 0x100ull
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define SIZE_4K (1ull << 12)
#define SIZE_2M (1ull << 21)
#define SIZE_1G (1ull << 30)
#define SIZE_512G (1ull << 39)

#define POOL_TABLES 12          /* enough for a few GiB of RAM and the usual devices; then frames */
#define DEVICE_MAX (SIZE_512G)

extern uint8_t image_begin[], text_begin[], text_end[], rodata_end[], image_end[];

static uint64_t pml4[512] __attribute__((aligned(4096)));
static uint64_t pool[POOL_TABLES][512] __attribute__((aligned(4096)));
static unsigned pool_used;
static bool use_frames;
static uint64_t device_next = DEVICE_BASE;
static bool has_1g;

uint64_t *kernel_pml4 = (uint64_t *)((char *)pml4 + (DIRECT_BASE - KERNEL_BASE));     /* in the direct map, as all page tables are named */

static paddr_t
image_pa(const void *va)
{
    return (paddr_t)((uint64_t)va - KERNEL_BASE);
}

static paddr_t
table_alloc(void)
{
    paddr_t pa;

    if (pool_used < POOL_TABLES)
        return image_pa(pool[pool_used++]);
    if (use_frames)
        return frame_boot_alloc(1) << FRAME_SHIFT;
    pa = boot_take_frame();
    memset(direct_map(pa), 0, FRAME_SIZE);
    return pa;
}

/* The entry for va in the table of `level` (1 = 4 KiB ... 3 = 1 GiB), with tables above made as needed. */
static uint64_t *
entry_make(uint64_t va, unsigned level)
{
    uint64_t *table = pml4;

    for (unsigned l = 4; l > level; l--) {
        uint64_t *e = &table[va >> (3 + 9 * l) & 511];

        if (*e == 0)
            *e = table_alloc() | PTE_P | PTE_W;
        AEG_ASSERT(!(*e & PTE_PS));
        table = direct_map(*e & PTE_ADDR);
    }
    return &table[va >> (3 + 9 * level) & 511];
}

/* Maps [pa, pa + bytes) at va with the largest pages, up to `largest`, that fit. */
static void
map_range(uint64_t va, paddr_t pa, uint64_t bytes, uint64_t flags, uint64_t largest)
{
    while (bytes > 0) {
        uint64_t size = SIZE_4K;
        unsigned level = 1;

        if (((va | pa) & (SIZE_1G - 1)) == 0 && bytes >= SIZE_1G && largest >= SIZE_1G)
            size = SIZE_1G, level = 3;
        else if (((va | pa) & (SIZE_2M - 1)) == 0 && bytes >= SIZE_2M && largest >= SIZE_2M)
            size = SIZE_2M, level = 2;
        *entry_make(va, level) = pa | flags | PTE_P | PTE_G | (level > 1 ? PTE_PS : 0);
        va += size;
        pa += size;
        bytes -= size;
    }
}

static void
map_image_part(const uint8_t *begin, const uint8_t *end, uint64_t flags)
{
    map_range((uint64_t)begin, image_pa(begin), (uint64_t)(end - begin), flags, SIZE_4K);
}

static void
map_image(void)
{
    map_image_part(text_begin, text_end, 0);
    map_image_part(text_end, rodata_end, PTE_NX);
    map_image_part(rodata_end, image_end, PTE_NX | PTE_W);
    for (const uint8_t **guard = stack_guards; *guard != NULL; guard++)
        *entry_make((uint64_t)*guard, 1) = 0;
}

/* RAM in 2 MiB units, except that the units of the image go page by page, so that text and constants are not writable there either. */
static void
map_direct_range(paddr_t base, paddr_t end)
{
    paddr_t ro_begin = image_pa(text_begin), ro_end = image_pa(rodata_end);
    paddr_t fine_end = (ro_end + SIZE_2M - 1) & ~(SIZE_2M - 1);
    paddr_t part_end;

    base &= ~(SIZE_2M - 1);
    end = MIN((end + SIZE_2M - 1) & ~(SIZE_2M - 1), (paddr_t)DIRECT_MAX);
    while (base < end) {
        uint64_t flags = PTE_NX | PTE_W, largest = has_1g ? SIZE_1G : SIZE_2M;

        part_end = end;
        if (base < fine_end) {
            largest = SIZE_4K;
            part_end = MIN(end, fine_end);
            if (base < ro_begin)
                part_end = MIN(part_end, ro_begin);
            else if (base < ro_end)
                part_end = MIN(part_end, ro_end), flags = PTE_NX;
        }
        map_range(DIRECT_BASE + base, base, part_end - base, flags, largest);
        base = part_end;
    }
}

static void
map_direct(void)
{
    paddr_t done = 0;

    for (uint32_t i = 0; i < boot_info.ram_count; i++) {
        paddr_t base = MAX(boot_info.ram[i].base & ~(SIZE_2M - 1), done);
        paddr_t end = (boot_info.ram[i].base + boot_info.ram[i].bytes + SIZE_2M - 1) & ~(SIZE_2M - 1);

        if (base < end)
            map_direct_range(base, end);
        done = MAX(done, end);
    }
}

void
paging_init(void)
{
    has_1g = cpuid(0x80000001, 0).d >> 26 & 1;
    map_image();
    map_direct();
    (void)entry_make(DEVICE_BASE, 3);
    arch_load_cr3(image_pa(pml4));
}

void
paging_use_frames(void)
{
    use_frames = true;
}

static void *
window_map(paddr_t pa, uint64_t bytes, uint64_t flags)
{
    uint64_t skew = pa & (SIZE_4K - 1);
    uint64_t whole = (bytes + skew + SIZE_4K - 1) & ~(SIZE_4K - 1);
    uint64_t va;

    pa -= skew;
    if (whole >= SIZE_2M && (pa & (SIZE_2M - 1)) == 0)
        device_next = (device_next + SIZE_2M - 1) & ~(SIZE_2M - 1);
    va = device_next;
    if (whole > DEVICE_BASE + DEVICE_MAX - va)
        panic("no room to map %lu bytes of device at %lx", bytes, pa);
    device_next += whole;
    map_range(va, pa, whole, flags | PTE_NX, SIZE_2M);
    return (void *)(va + skew);
}

void *
device_map(paddr_t pa, uint64_t bytes)
{
    return window_map(pa, bytes, PTE_W | PTE_PCD | PTE_PWT);
}

void *
stack_map(uint64_t bytes)
{
    device_next += SIZE_4K;
    return window_map(frame_boot_alloc(bytes >> FRAME_SHIFT) << FRAME_SHIFT, bytes, PTE_W);
}

const void *
firmware_map(paddr_t pa, uint64_t bytes)
{
    return window_map(pa, bytes, 0);
}
