/*
 * first.c: the one program that the kernel itself loads: the library image, as the holder of root.
 *
 * It is given a space with its ELF segments at their addresses, a stack, a UENV, the root capability (index 0) and every slice of CPU 0.
 * What becomes of the machine is its decision.
 */
#include "core/first.h"
#include "core/account.h"
#include "core/env.h"
#include "core/frame.h"
#include "core/pt.h"

/* ELF-64 (System V gABI, chapter 4 and 5): what the loader of one trusted image needs. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
#define ELF_PT_LOAD 1
#define ELF_PF_X 1
#define ELF_PF_W 2

/* Where the first env finds what it is given. */
#define FIRST_STACK_TOP 0x7e0000100000ull
#define FIRST_STACK_PAGES 16
#define FIRST_UENV 0x7e0000200000ull

static const struct aeg_name root_name;

static aeg_frame_t
root_frame(void)
{
    struct aeg_account_info *root = account_find(info->root_account);
    aeg_frame_t frame = frame_take_zeroed(0, root_name);

    if (!frame || account_take(root, AEG_KIND_FRAME, 1) != AEG_OK)
        panic("no memory for the first env");
    return frame;
}

static void
load_segment(struct space *s, const uint8_t *image, uint64_t image_bytes, const struct elf_segment *seg)
{
    uint64_t bits = (seg->flags & ELF_PF_W ? AEG_PTE_W : 0) | (seg->flags & ELF_PF_X ? 0 : AEG_PTE_NX);
    uint64_t begin = seg->vaddr & ~(FRAME_SIZE - 1ull);

    if (seg->offset > image_bytes || seg->filesz > image_bytes - seg->offset || seg->filesz > seg->memsz ||
        seg->vaddr + seg->memsz > AEG_LIBRARY_TOP)
        panic("exos.img: a segment leaves the file or the user half");
    for (uint64_t va = begin; va < seg->vaddr + seg->memsz; va += FRAME_SIZE) {
        aeg_frame_t frame = root_frame();
        uint64_t from = MAX(va, seg->vaddr), to = MIN(va + FRAME_SIZE, seg->vaddr + seg->filesz);

        if (from < to)
            memcpy((uint8_t *)frame_map(frame) + (from - va), image + seg->offset + (from - seg->vaddr), to - from);
        pt_boot_map(s, va, frame, bits);
    }
}

/* Returns the entry point. */
static uint64_t
load_image(struct space *s)
{
    const struct boot_module *m = NULL;
    const struct elf_header *elf;

    for (uint32_t i = 0; i < boot_info.module_count; i++)
        if (strcmp(boot_info.module[i].name, "exos.img") == 0)
            m = &boot_info.module[i];
    if (!m)
        panic("no boot module named exos.img: there is nothing to run");
    elf = direct_map(m->base);
    if (m->bytes < sizeof(*elf) || memcmp(elf->ident, "\177ELF\2\1", 6) != 0 || elf->phentsize != sizeof(struct elf_segment) ||
        elf->phoff > m->bytes || elf->phnum * sizeof(struct elf_segment) > m->bytes - elf->phoff)
        panic("exos.img is not an ELF-64 file");
    for (uint16_t i = 0; i < elf->phnum; i++) {
        const struct elf_segment *seg = (const struct elf_segment *)((const uint8_t *)elf + elf->phoff) + i;
        if (seg->type == ELF_PT_LOAD && seg->memsz != 0)
            load_segment(s, (const uint8_t *)elf, m->bytes, seg);
    }
    return elf->entry;
}

void
first_env(void)
{
    struct aeg_account_info *root = account_find(info->root_account);
    struct space *s = space_make(root_frame(), root_name, 0);
    struct aeg_env_args args = { .uenv_va = FIRST_UENV, .rsp = FIRST_STACK_TOP - 16 };
    struct env *e;

    args.rip = load_image(s);
    for (unsigned i = 1; i <= FIRST_STACK_PAGES; i++)
        pt_boot_map(s, FIRST_STACK_TOP - i * FRAME_SIZE, root_frame(), AEG_PTE_W | AEG_PTE_NX);
    args.uenv_frame = root_frame();
    args.save_frame = root_frame();
    pt_boot_map(s, FIRST_UENV, args.uenv_frame, AEG_PTE_W | AEG_PTE_NX);
    frame_at(args.uenv_frame)->refs++;
    frame_at(args.save_frame)->refs++;
    s->cap[0] = (struct aeg_cap){ .rights = AEG_RIGHT_ALL };
    e = env_make(s, &args, root_name, 0);
    if (account_take(root, AEG_KIND_SPACE, 1) != AEG_OK || account_take(root, AEG_KIND_ENV, 1) != AEG_OK)
        panic("the root account is empty");
    slice_give_all(e);
}
