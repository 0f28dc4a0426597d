/*
 * info.h: exposed information: one read-only window at PML4 slot 255, the same in every space. No call asks for what can be read here.
 *
 * The header says where each table lies (address, entries, stride), so a reader built for an older version still finds what it knows:
 * fields are only appended.
 */
#ifndef AEGIS_INFO_H
#define AEGIS_INFO_H

#include "aegis/types.h"

#define AEG_INFO_BASE ((uint64_t)AEG_INFO_SLOT << 39)
#define AEG_INFO_MAGIC 0x6f666e4973696765ull
#define AEG_INFO_VERSION 1

enum aeg_frame_type {
    AEG_FRAME_NONE,             /* not memory, or the kernel's own */
    AEG_FRAME_FREE,
    AEG_FRAME_PLAIN,            /* allocated: bound `refs` times */
    AEG_FRAME_NODE,             /* a page-table node */
    AEG_FRAME_ORPHAN,           /* freed while bound: gone at the last reference */
    AEG_FRAME_SAVE,             /* an env's save frame: nobody else may bind it, for the kernel believes what it holds */
};

#define AEG_FRAME_DIRTY 1u      /* flags: not known to hold zeroes */
#define AEG_FRAME_PINNED 2u     /* UENV or save frame: may not become a node */

/* One physical frame. */
struct aeg_frame_info {
    struct aeg_name guard;
    uint32_t refs;              /* free: generation of the account that paid last */
    uint32_t account;           /* index of the account that pays, or paid last */
    uint8_t type;
    uint8_t level;              /* node: 1 = PT ... 4 = PML4 */
    uint8_t flags;
    uint8_t reserved;
    uint32_t live;              /* node: entries present. free: next free frame */
    uint64_t base;              /* node: first va that it covers. plain: the kernel's own */
};
static_assert(sizeof(struct aeg_frame_info) == 40, "ABI");

enum aeg_env_state {
    AEG_ENV_FREE,
    AEG_ENV_READY,
    AEG_ENV_WAITING,            /* for notification bits, or for the reply to a pct_call */
    AEG_ENV_STOPPED,
    AEG_ENV_GATE,               /* in its gate: whoever holds the right may enter it */
};

struct aeg_env_info {
    aeg_id_t id;
    aeg_id_t space;
    struct aeg_name guard;
    uint32_t state;
    uint32_t cpu;               /* where it runs or ran last */
    uint64_t run_tsc;           /* TSC ticks it has had */
    uint64_t faults, bounces;   /* upcalls; foreign system calls are not counted by the kernel: bounces is 0 */
    uint32_t stop_reason;       /* STOPPED: the vector that found no handler */
    uint32_t account;
    uint64_t stop_rip, stop_cr2;
};

struct aeg_slice_info {
    aeg_id_t env;               /* 0: empty */
};

struct aeg_cpu_info {
    uint32_t apic_id;
    uint32_t online;
    aeg_id_t env;               /* running now; 0: idle */
    uint64_t switches, interrupts, upcalls, calls, idle_tsc;
};

struct aeg_account_info {
    aeg_id_t id;
    aeg_id_t parent;
    struct aeg_name guard;
    struct aeg_limits limits;
    uint64_t used[AEG_KINDS];   /* with what its descendants use */
};

/* A boot module: whole frames, guarded by AEG_GUARD_MODULE. */
struct aeg_module_info {
    char name[32];
    aeg_frame_t frame;
    uint64_t bytes;
};
#define AEG_MODULE_MAX 8

/* A disk slot: an extent of a block device, in 512-byte blocks. Places with id 0 are empty. */
struct aeg_slot_info {
    aeg_id_t id;
    struct aeg_name guard;
    uint32_t disk;
    uint32_t flags;             /* AEG_SLOT_* */
    uint64_t first, count;
    uint8_t type_guid[16];      /* GPT partition type, or zero */
    char name[40];              /* "vda", "vda1", "nvme0p1", "ram0"; carved: "vdas7", the same after a reboot */
    aeg_id_t parent;            /* carved: out of which slot; 0 for partitions and whole disks */
    aeg_id_t account;           /* carved since boot: who pays; 0: nobody */
    uint64_t scrubbed;          /* dirty: blocks zeroed so far */
};
#define AEG_SLOT_READ_ONLY 1u
#define AEG_SLOT_WHOLE     2u   /* the disk has no partition table: the slot is all of it */
#define AEG_SLOT_TABLE     4u   /* the partition that holds the disk's slot table: only to be read */
#define AEG_SLOT_CARVED    8u   /* made by slot_carve or slot_split, and kept in the slot table */
#define AEG_SLOT_DIRTY     16u  /* freed, and still holding what was stored under `guard`: not to be bound */

struct aeg_disk_info {
    char driver[16];
    char name[16];
    uint64_t blocks;
    uint64_t reads, writes, flushes, errors;
};

struct aeg_nic_info {
    char driver[16];
    uint8_t mac[6];
    uint16_t mtu;
    uint32_t features;          /* AEG_NIC_* of net.h */
    uint32_t link_up;
    uint64_t rx_frames, rx_bytes, rx_dropped, tx_frames, tx_bytes, tx_refused;
    struct aeg_name guard;
};

struct aeg_filter_info {
    aeg_id_t id;
    aeg_id_t ring;
    struct aeg_name guard;
    uint64_t matched, dropped;
};

struct aeg_table {
    uint64_t address;
    uint32_t count;
    uint32_t stride;
};

struct aeg_info {
    uint64_t magic;
    uint32_t version;
    uint32_t size;              /* of this header */
    char build[32];
    /* monotonic ns since boot = (tsc - tsc_base) * tsc_mult >> 32 (128-bit product); wall clock = wall_ns + monotonic ns */
    uint64_t tsc_base, tsc_mult, tsc_hz;
    uint64_t wall_ns;
    uint64_t slice_ns;
    uint64_t frames_total, frames_free;
    uint64_t xsave_mask;        /* XCR0 */
    uint32_t xsave_size;
    uint32_t cpu_count;
    uint64_t cpu_features;      /* AEG_CPU_* */
    aeg_id_t root_account;
    struct aeg_table frames, envs, accounts, cpus, slices, slots, disks, nics, filters, modules, cmdline;
};
#define AEG_INFO ((const volatile struct aeg_info *)AEG_INFO_BASE)

#define AEG_CPU_FSGSBASE (1u << 0)
#define AEG_CPU_PKU      (1u << 1)
#define AEG_CPU_1GIB     (1u << 2)
#define AEG_CPU_PCID     (1u << 3)
#define AEG_CPU_SMAP     (1u << 4)
#define AEG_CPU_SMEP     (1u << 5)
#define AEG_CPU_UMIP     (1u << 6)

#endif
