/*
 * vm.h: the address space of a process: regions, and what they do when touched.
 */
#ifndef EXOS_VM_VM_H
#define EXOS_VM_VM_H

#include "aegis/types.h"
#include "base/base.h"
#include "base/frames.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/wait.h"
#include "start/layout.h"
#include "vm/region.h"

struct file;
struct thread;

/* A part of a program's memory that has a pager (vm/pager.asm). */
struct pager_now {
    uint64_t start, bytes;      /* 0: there is none */
    uint64_t handler, arg;
    uint64_t access;            /* 16 bits of an entry for each PROT_* up to 3, from the lowest; 0: it is not allowed */
};
extern const struct pager_now pager_nobody;

/* What a process segment holds at a fixed address. Nothing in the session points here. */
struct mm_local {
    uint64_t space;             /* Aegis space id */
    struct mm *mm;              /* NULL: housekeeper */
    uint64_t last_pt;           /* va >> 21 of a page table known to be there, or UINT64_MAX */
    uint64_t scratch_used;      /* bit n: scratch page n is in use */
    const struct pager_now *pager;      /* whose faults are answered without a look at the regions */
};
_Static_assert(__builtin_offsetof(struct mm_local, mm) == 8 && __builtin_offsetof(struct mm_local, pager) == 32, "entry.inc");
#define MM ((struct mm_local *)MM_LOCAL_VA)
#define XSAVE_OFFSET 1024       /* of the XSAVE area in the page of struct mm_local */
#define MM_VECTORS ((void *)(MM_LOCAL_VA + XSAVE_OFFSET))

#define MM_NODES_CHUNK 30
#define NODE_SPARE 8ull         /* it does not hang there: a large entry may stand in its place */
struct mm_nodes {
    struct mm_nodes *next;
    uint32_t count;
    struct mm_node {
        uint64_t frame, place;      /* place: the first address that it covers | its level | NODE_SPARE */
    } node[MM_NODES_CHUNK];
};

#define MM_FUTEX_BITS 6
struct mm {
    struct list link;           /* of all, for files that shrink. This and the next: thread/futex.asm */
    struct waitq futexes[1 << MM_FUTEX_BITS];       /* threads that sleep at words of its own, by thread/futex.h */
    uint64_t space;             /* whose it is. This and all that follows begins as 0 */
    struct region_map map;
    struct mm_nodes *nodes;     /* page-table nodes that the library supplied for the program's part */
    uint64_t spares;            /* of them: with NODE_SPARE */
    uint64_t large;             /* entries of 2 MiB, each with its spare */
    uint64_t brk_start, brk;
    uint64_t stack_limit;       /* lowest address that the stack may grow to */
    uint64_t stack_top;
    uint64_t resident, shared;  /* pages */
    uint64_t data_limit, space_limit, stack_bytes;      /* RLIMIT_DATA, RLIMIT_AS, RLIMIT_STACK */
    uint64_t lock_limit;        /* RLIMIT_MEMLOCK */
    bool lock_future;           /* MCL_FUTURE */
    uint64_t arg_start, arg_end, env_start, env_end;
    struct pagers *pagers;      /* pager.c; NULL: there never were any */
};

struct mm *mm_create(void) MUST_USE;
/*
 * The file's pages from `first` to `last` are no longer what private mappings may show: in every space the entries go, those of pages that
 * were written there too if `copies`. (Shared mappings are the cache's to take away.)
 */
struct inode;
void mm_forget_pages(const struct inode *i, uint64_t first, uint64_t last, bool copies);
/* Some space has the file mapped shared such that stores to it are or can be allowed. */
bool mm_may_store(const struct inode *i);
/* Unmaps everything of the running space's program part and frees its frames. Only in that space. */
void mm_clear(struct mm *mm);
/* The same for a space whose env is lost, from another. */
void mm_clear_remote(struct mm *mm, uint64_t space);
/* Makes `to`, whose space runs nothing yet, a copy of the running space's program part: private memory is shared until one side writes.
   0, -ENOMEM: what was done is then to be cleared with mm_clear_remote(). */
int mm_fork(struct mm *to, uint64_t to_space) MUST_USE;
/* A file of zeros that only mappings reach: MAP_SHARED without a file. NULL: no memory. */
struct file *shared_memory_create(void) MUST_USE;
extern const struct file_ops shared_memory_ops;
/* Nothing is mapped any more: as mm_create() made it, but for the page-table nodes that hang in the space. False: too many to keep. */
bool mm_recycle(struct mm *mm);
/* A page-table node of that level hangs where it covers va. */
bool mm_has_node(const struct mm *mm, uint64_t va, unsigned level);
/* After the space is gone: page-table nodes and the struct itself. */
void mm_destroy(struct mm *mm);

#define FAULT_WRITE 2u          /* bits of the hardware error code */
#define FAULT_EXEC  16u
#define FAULT_BY_PAGER (1ull << 32)     /* and what no hardware says: a pager wants the page that it denies */
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define NO_MEMORY_SIG 9         /* SIGKILL */

struct vm_bad {                 /* why a fault could not be served */
    int sig, code;              /* SIGSEGV or SIGBUS; SEGV_MAPERR ... NO_MEMORY_SIG: out of memory */
};
/* Makes `va` accessible as `error` asks. 0, or -EFAULT with *bad set. May sleep. */
int vm_fault(uint64_t va, uint64_t error, struct vm_bad *bad) MUST_USE;

/* Linux semantics; all in the running space. Addresses or -errno. */
long vm_mmap(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *f, uint64_t offset);
/* A mapping of memory that has no other access than this, as mmap would make it with MAP_SHARED; without PROT_WRITE, for good. */
long vm_map_memory(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *memory);
long vm_munmap(uint64_t addr, uint64_t len);
long vm_mprotect(uint64_t addr, uint64_t len, uint32_t prot);
long vm_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uint64_t new_addr);
long vm_brk(uint64_t addr);
long vm_madvise(uint64_t addr, uint64_t len, int advice);
long vm_mlock(uint64_t addr, uint64_t len, bool now, bool privileged);
long vm_munlock(uint64_t addr, uint64_t len);
long vm_mlockall(bool current, bool future, bool now, bool privileged);
long vm_munlockall(void);
long vm_msync(uint64_t addr, uint64_t len, bool wait, bool invalidate);
long vm_mincore(uint64_t addr, uint64_t len, uva_t vec);

/* Page tables of the running space (pagetable.c). */
#define TABLE_SPAN (1ull << 21)     /* what one page table covers */
/* Hangs a node of its own into a space, noted in mm. 0, -ENOMEM. */
int mm_node_add(struct mm *mm, uint64_t space, uint64_t va, unsigned level) MUST_USE;
/* The empty page table for va, which hangs in the space or not, becomes a spare; there is one afterwards, or -ENOMEM. */
int mm_node_spare(struct mm *mm, uint64_t space, uint64_t va) MUST_USE;
/* The spare page table for va hangs in the place of the large entry there, and says the same. */
void mm_node_hang(struct mm *mm, uint64_t space, uint64_t va);
/* 0: a page table covers va; SPAN_LARGE: an entry of 2 MiB does. Else how many bytes from va rounded down to that have none. */
#define SPAN_LARGE 1ull
uint64_t pt_span_empty(uint64_t va);
bool pt_vacant(uint64_t va);                        /* nothing is in the 2 MiB around va */
int pt_make_upper(uint64_t va) MUST_USE;            /* all nodes for va but the page table are there: 0, -ENOMEM */
uint32_t pt_live(uint64_t va);                      /* entries that are present in the table that covers va */
uint64_t pt_look(uint64_t va);                      /* for pt_entry() */
int pt_make(uint64_t va) MUST_USE;                  /* for pt_ensure() */
bool pt_present(uint64_t va);

/* A page table covers va, which no large entry does: 0, -ENOMEM. */
static inline int MUST_USE
pt_ensure(uint64_t va)
{
    return MM->last_pt == va >> 21 ? 0 : pt_make(va);
}

/* 0 when no table covers va; with AEG_PTE_PS the large entry that does. */
static inline uint64_t
pt_entry(uint64_t va)
{
    return MM->last_pt == va >> 21 ? *(const volatile uint64_t *)aeg_window_entry(va, 1) : pt_look(va);
}

/* Replaces one entry; the old one in *old. A refusal by the kernel is a library bug. */
void pt_set(uint64_t va, uint64_t pte, uint64_t *old);
void pt_clear_in(uint64_t space, uint64_t va);     /* takes an entry that is there out of any space */
/* Takes entries that one table covers out of it, but for those with a bit of `keep`; frames: as aeg_pte_clear() says. */
struct aeg_pte_cleared;
void pt_clear(uint64_t va, uint64_t pages, uint64_t keep, uint64_t *frames, struct aeg_pte_cleared *c);
/*
 * Changes every non-zero entry of [start, end), in batches: change() gives the new entry; NULL: none. done() then gets the old ones. Large
 * entries that lie within are large()'s; NULL, and those that reach beyond: they are split.
 */
struct aeg_pte_op;
struct pt_walk {
    uint64_t (*change)(struct pt_walk *w, uint64_t va, uint64_t old);
    void (*done)(struct pt_walk *w, const struct aeg_pte_op *old, uint32_t count);  /* may be NULL */
    void (*large)(struct pt_walk *w, uint64_t va);
    struct region *region;
    uint64_t arg;
};
void pt_walk(uint64_t start, uint64_t end, struct pt_walk *w);

/* Does the file know where its pages are mapped, and take them away? Such entries are not copied or moved: the next touch makes them. */
bool region_tracked(const struct region *r);

/* Software bits of entries. */
#define PTE_PINNED (1ull << 9)      /* a file's cached page, mapped read-only and pinned */
#define PTE_NONE   (1ull << 10)     /* present without U: PROT_NONE keeps the frame. With U, of a pager's page: less is allowed than by its region */
#define PTE_COW    (1ull << 11)     /* other spaces may hold the frame too: to be looked at before it is written */

/* A page of this space's own for looking into a frame. */
void *scratch_map(uint64_t frame, bool write) MUST_USE;
void scratch_unmap(void *p);
void frame_clear(uint64_t frame);                   /* by such a page */

#endif
