/*
 * types.h: the words of the Aegis ABI: errors, ids, names and rights.
 *
 * Everything under aegis/include/aegis/ is the interface; shapes are frozen by static_assert where they are declared.
 */
#ifndef AEGIS_TYPES_H
#define AEGIS_TYPES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define AEG_MUST_USE __attribute__((warn_unused_result))

typedef enum {
#define AEG_ERROR(number, name, sentence) AEG_ERR_##name = number,
#include "aegis/errors.def"
#undef AEG_ERROR
} aeg_err_t;
#define AEG_OK AEG_ERR_OK

/* An object's index in its table (low 32 bits) and generation (high 32, never 0): an id is never reused, and 0 is no object. */
typedef uint64_t aeg_id_t;
#define AEG_ID_INDEX(id) ((uint32_t)(id))
#define AEG_ID_GENERATION(id) ((uint32_t)((id) >> 32))
#define AEG_ID(index, generation) ((aeg_id_t)(generation) << 32 | (uint32_t)(index))

/* The number of a 4 KiB physical frame. */
typedef uint64_t aeg_frame_t;
#define AEG_FRAME_SHIFT 12
#define AEG_FRAME_SIZE 4096

/*
 * A principal name: eight 16-bit components, first in the top bits of hi; 0 is padding. Components with the top bit set are the
 * kernel's to give (fresh); the others may be chosen.
 */
struct aeg_name {
    uint64_t hi, lo;
};
#define AEG_NAME_COMPONENTS 8
#define AEG_COMPONENT_FRESH 0x8000u
#define AEG_NAME2(a, b) ((uint64_t)(a) << 48 | (uint64_t)(b) << 32)
#define AEG_NAME3(a, b, c) (AEG_NAME2(a, b) | (uint64_t)(c) << 16)

/* Guards that the kernel gives to machine resources at boot. Root dominates them; it hands out capabilities for what a session needs. */
#define AEG_NAME_MACHINE 0x0001u
/* Not a guard: below it root's sessions forge the fresh names of others. A convention between libraries; the kernel knows nothing of it. */
#define AEG_NAME_SESSION 0x0002u
#define AEG_GUARD_CONSOLE_HI AEG_NAME2(AEG_NAME_MACHINE, 1)
#define AEG_GUARD_POWER_HI AEG_NAME2(AEG_NAME_MACHINE, 2)
#define AEG_GUARD_NIC_HI(n) AEG_NAME3(AEG_NAME_MACHINE, 3, (n) + 1)
#define AEG_GUARD_DISK_HI(n) AEG_NAME3(AEG_NAME_MACHINE, 4, (n) + 1)     /* slots of disk n, and below it one component a slot */
#define AEG_GUARD_MODULE_HI AEG_NAME2(AEG_NAME_MACHINE, 5)               /* frames of the boot modules */
#define AEG_GUARD_CPU_HI(n) AEG_NAME3(AEG_NAME_MACHINE, 6, (n) + 1)      /* slice positions of CPU n */

#define AEG_RIGHT_READ    0x01u
#define AEG_RIGHT_WRITE   0x02u
#define AEG_RIGHT_FORGE   0x04u
#define AEG_RIGHT_GRANT   0x08u
#define AEG_RIGHT_CONTROL 0x10u
#define AEG_RIGHT_ALL     0x1fu

/* A capability as cap_list shows it. length is in components: 0 dominates everything. */
struct aeg_cap {
    struct aeg_name name;
    uint32_t length;
    uint32_t rights;
};
#define AEG_CAP_MAX 32          /* capabilities of one space */

/* Kinds of resource that an account counts. */
enum aeg_kind { AEG_KIND_FRAME, AEG_KIND_SPACE, AEG_KIND_ENV, AEG_KIND_QUEUE, AEG_KIND_FILTER, AEG_KIND_SLOT, AEG_KIND_ACCOUNT, AEG_KINDS };

struct aeg_limits {
    uint64_t guarantee[AEG_KINDS];
    uint64_t limit[AEG_KINDS];
};

#define AEG_VECTOR_MAX 512      /* entries of one vectored call */

/* A kernel entry in a vector of pte_set. pte: what to store; after the call the kernel leaves there what stood before, with A and D. */
struct aeg_pte_op {
    uint64_t va;
    uint64_t pte;
};
static_assert(sizeof(struct aeg_pte_op) == 16, "ABI");

/*
 * A page-table entry as the hardware defines it (Intel SDM vol. 3A, 4.5), less what the library may not choose. P = 0: address bits must
 * be 0 and the software bits are kept. A present entry without U keeps its frame and faults on every user access.
 */
#define AEG_PTE_P   (1ull << 0)
#define AEG_PTE_W   (1ull << 1)
#define AEG_PTE_U   (1ull << 2)
#define AEG_PTE_A   (1ull << 5)
#define AEG_PTE_D   (1ull << 6)
#define AEG_PTE_PS  (1ull << 7)     /* with a va that names a 2 MiB or 1 GiB entry: see AEG_PTE_SIZE */
#define AEG_PTE_SW  (7ull << 9)     /* bits 9-11: the library's */
#define AEG_PTE_SW2 (0x7full << 52) /* bits 52-58: the library's */
#define AEG_PTE_PK  (0xfull << 59)  /* protection key */
#define AEG_PTE_NX  (1ull << 63)
#define AEG_PTE_ADDR 0x000ffffffffff000ull
#define AEG_PTE_USER_BITS (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_A | AEG_PTE_D | AEG_PTE_SW | AEG_PTE_SW2 | AEG_PTE_PK | AEG_PTE_NX | AEG_PTE_ADDR)
/* The low bits of aeg_pte_op.va give the size of the entry: 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB. */
#define AEG_VA_SIZE_MASK 3ull

/*
 * A range of pte_copy: `pages` 4 KiB entries from src_va to dst_va. Each present source entry is copied with clear_dst bits removed and
 * set_dst added (rights only shrink: W may be cleared, never set); in the same pass the source entry loses clear_src and gains set_src
 * (software bits). Entries that are not present in the source leave the destination as it is. done: pages dealt with so far.
 */
struct aeg_pte_range {
    uint64_t src_va, dst_va;
    uint64_t pages;
    uint64_t clear_src, set_src;
    uint64_t clear_dst, set_dst;
    uint64_t done;
};

/* What pte_clear has done. The call's value packs the three: `cleared` in the low bits, the others from these on. */
struct aeg_pte_cleared {
    uint32_t cleared;           /* entries that went */
    uint32_t unbound;           /* frames that nothing binds any more: so many are in the list */
    uint32_t kept;              /* entries that stayed for their software bits */
};
#define AEG_CLEAR_UNBOUND_SHIFT 16
#define AEG_CLEAR_KEPT_SHIFT 32

/* Address map (PML4 slots): what the kernel fixes. */
#define AEG_WINDOW_SLOT 254         /* read-only recursive window: the space's own page tables */
#define AEG_INFO_SLOT 255           /* exposed information */
#define AEG_USER_TOP 0x7ffffffff000ull  /* the last page of the user half cannot be mapped */
#define AEG_LIBRARY_TOP ((uint64_t)AEG_WINDOW_SLOT << 39)   /* pte_set and pt_attach go below this */
#define AEG_WINDOW_BASE ((uint64_t)AEG_WINDOW_SLOT << 39)

/* The address in the window of the entry of `level` (1 = 4 KiB leaf ... 4 = PML4) that covers va. */
static inline uint64_t
aeg_window_entry(uint64_t va, unsigned level)
{
    uint64_t addr = va & 0x0000ffffffffffffull;

    for (unsigned i = 0; i < level; i++)
        addr = (addr >> 9 & 0x00007ffffffffff8ull) | AEG_WINDOW_BASE;
    return addr & ~7ull;
}

/* Registers and pages that env_create takes. */
struct aeg_env_args {
    uint64_t uenv_frame;            /* becomes the UENV; pinned */
    uint64_t save_frame;            /* where forced pre-emption saves all registers; pinned, not mappable meanwhile */
    uint64_t uenv_va;               /* user GS base: where the library maps the UENV */
    uint64_t fs_base;
    uint64_t rip, rsp;              /* first instruction and stack */
    uint64_t arg[2];                /* rdi, rsi */
    aeg_id_t controller;            /* the env that is told when this one stops (AEG_NOTIFY_STOPPED); 0: the one that makes it */
};

/* pt_attach. */
#define AEG_ATTACH_WRITE 4u     /* or'ed into level: what lies below may be writable */
#define AEG_ATTACH_EXEC  8u     /* or'ed into level: what lies below may be executable */
#define AEG_ATTACH_SPLIT 16u    /* or'ed into level: the node may take the place of a large page, full of smaller ones */
#define AEG_ATTACH_LEVEL 3u     /* the node's own level: 1 = PT, 2 = PD, 3 = PDPT */

#define AEG_SLICE_POSITIONS 64  /* of each CPU's vector */

#define AEG_CONSOLE_MAIN 0      /* first serial port, VGA text and keyboard */
#define AEG_CONSOLE_LOG  1      /* second serial port: the log */
#define AEG_CONSOLE_MAX 4096    /* bytes of one call */

#define AEG_WAIT_FOREVER UINT64_MAX

/* What a gate is entered with in rsi: is there a caller that waits for the reply? */
#define AEG_GATE_CALL 1
#define AEG_GATE_SEND 2
#define AEG_POWER_OFF 0
#define AEG_POWER_RESET 1
#define AEG_POWER_DEBUG_EXIT 2      /* isa-debug-exit with `code`; falls back to OFF */

/* A frame number as frame_alloc returns it carries this bit when the frame is known to hold zeroes. */
#define AEG_FRAME_ZERO (1ull << 63)

#endif
