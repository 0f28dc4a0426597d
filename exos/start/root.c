/*
 * root.c: the first env. It holds the root capability, makes one session with only what that needs, and then sleeps: it stays as the manager
 * that could make another, and to say so when the session's own housekeeper has been stopped and can say nothing any more.
 *
 * Runs in the boot space, with copies of the image's .data and .bss of its own. Frames for the session are written through a window of one
 * page. Nothing here returns an error: without a session there is no system, so every failure stops the machine with its reason.
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "proc/elf.h"
#include "start/entry.h"
#include "start/keys.h"
#include "start/layout.h"
#include "start/session.h"
#include "vm/vm.h"

#define ROOT_CAP 0
#define ROOT_POSITION (AEG_SLICE_POSITIONS - 2)         /* stays root's, for the day when the session is stopped */
#define WINDOW_VA (PROCESS_BASE + 0x10000000ull)
#define UENV_ALIAS (SESSION_BASE + 0x20000000ull)       /* the housekeeper's UENV as the session sees it */
#define DATA_PAGES_MAX 4096
#define FRAMES_KEPT 64          /* of root's account: for another session's first steps */
#define REGS_ROOM 256
#define ROOT_CAPS AEG_CAPS(ROOT_CAP, ROOT_CAP)
#define RW (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX)

extern char image_begin[], image_end[], data_begin[], data_end[];

static struct {
    uint32_t cap;               /* index of the session's principal in root's table */
    aeg_id_t account, space, env;
    uint64_t data_frame[DATA_PAGES_MAX];
    struct aeg_module_info module;
} root;

static struct thread housekeeper_thread;

struct thread *
housekeeper(void)
{
    return &housekeeper_thread;
}

static void
must(aeg_err_t err, const char *what)
{
    if (err != AEG_OK)
        EXO_PANIC("cannot make a session: %s: kernel error %u", what, err);
}

/* ---- memory ---- */

static uint64_t
take_frame(aeg_id_t account, uint32_t cap)
{
    uint64_t frame = 0, done = 0;

    must(aeg_frame_alloc(account, cap, cap, 1, &frame, &done), "a frame");
    return frame;
}

static void
set_one(aeg_id_t space, uint64_t va, uint64_t pte, const char *what)
{
    struct aeg_pte_op op = { va, pte };
    uint64_t done;

    must(aeg_pte_set(space, ROOT_CAPS, &op, 1, &done), what);
}

static aeg_id_t
own_space(void)
{
    const volatile struct aeg_table *t = &AEG_INFO->envs;

    return ((const volatile struct aeg_env_info *)t->address)[0].space;
}

static void *
window(uint64_t frame, bool write)
{
    set_one(own_space(), WINDOW_VA, (frame & ~AEG_FRAME_ZERO) << PAGE_SHIFT | (write ? RW : RW & ~AEG_PTE_W), "the window");
    return (void *)WINDOW_VA;
}

static void
window_open(void)
{
    uint64_t frame = take_frame(AEG_INFO->root_account, ROOT_CAP) & ~AEG_FRAME_ZERO;

    must(aeg_pt_attach(own_space(), ROOT_CAPS, WINDOW_VA, 1 | AEG_ATTACH_WRITE, frame), "a page table for the window");
}

/* A frame of the session's, cleared. */
static uint64_t
session_frame(void)
{
    uint64_t frame = take_frame(root.account, root.cap);

    if (!(frame & AEG_FRAME_ZERO))
        memset(window(frame, true), 0, PAGE_SIZE);
    return frame & ~AEG_FRAME_ZERO;
}

static uint64_t
add_node(uint64_t va, unsigned level, unsigned rights)
{
    uint64_t frame = take_frame(root.account, root.cap) & ~AEG_FRAME_ZERO;

    must(aeg_pt_attach(root.space, ROOT_CAPS, va & ~((1ull << (12 + 9 * level)) - 1), level | rights, frame), "a page-table node");
    return frame;
}

/* ---- the image ---- */

static void
find_module(void)
{
    const volatile struct aeg_table *t = &AEG_INFO->modules;

    for (uint32_t i = 0; i < t->count; i++) {
        const struct aeg_module_info *m = (const struct aeg_module_info *)aeg_info_entry(t, i);

        if (strcmp(m->name, "exos.img") == 0) {
            root.module = *m;
            return;
        }
    }
    EXO_PANIC("no boot module is named exos.img");
}

/* The segment of the image that starts at va. */
static struct elf_segment
image_segment(uint64_t va)
{
    const uint8_t *page = window(root.module.frame, false);
    const struct elf_header *h = (const struct elf_header *)page;

    for (uint16_t i = 0; i < h->phnum; i++) {
        struct elf_segment s = ((const struct elf_segment *)(page + h->phoff))[i];

        if (s.type == PT_LOAD && s.vaddr == va && (s.offset & PAGE_MASK) == 0)
            return s;
    }
    EXO_PANIC("exos.img has no page-aligned segment at %lx", va);
}

/* The image's first page, in a frame of root's: its gate table, with the entries that know of several CPUs or of protection keys. */
static uint64_t
other_gates(uint64_t frame, bool many)
{
    static uint8_t copy[PAGE_SIZE];

    memcpy(copy, window(frame, false), PAGE_SIZE);
    if (many)
        gate_table_many((struct exos_gate *)copy);
    else
        gate_table_keyed((struct exos_gate *)copy);
    frame = take_frame(AEG_INFO->root_account, ROOT_CAP) & ~AEG_FRAME_ZERO;
    memcpy(window(frame, true), copy, PAGE_SIZE);
    return frame;
}

static uint64_t
image_frame(const struct session *s, const struct elf_segment *text, uint64_t at)
{
    uint64_t frame = root.module.frame + (text->offset + at) / PAGE_SIZE;

    return at == 0 && (s->cpus > 1 || pkru_closed != 0) ? other_gates(frame, s->cpus > 1) : frame;
}

/* Text and constants are the boot module's own frames, or root's: nobody in the session has a capability to write them. */
static void
map_image(struct session *s)
{
    struct elf_segment text = image_segment(IMAGE_BASE);

    s->image_node = add_node(IMAGE_SLOT_BASE, 3, AEG_ATTACH_EXEC);
    add_node(IMAGE_BASE, 2, AEG_ATTACH_WRITE | AEG_ATTACH_EXEC);
    add_node(IMAGE_BASE, 1, AEG_ATTACH_WRITE | AEG_ATTACH_EXEC);
    for (uint64_t at = 0; at < text.filesz; at += PAGE_SIZE)
        set_one(root.space, IMAGE_BASE + at, image_frame(s, &text, at) << PAGE_SHIFT | AEG_PTE_P | AEG_PTE_U, "the image");
}

/* One page of .data or .bss as it was linked. */
static uint64_t
data_page(const struct elf_segment *data, uint64_t at)
{
    static uint8_t copy[PAGE_SIZE];
    uint64_t n = at < data->filesz ? MIN(data->filesz - at, PAGE_SIZE) : 0, frame = session_frame();

    if (n == 0)
        return frame;
    memcpy(copy, window(root.module.frame + (data->offset + at) / PAGE_SIZE, false), n);
    memcpy(window(frame, true), copy, n);
    return frame;
}

static void
map_session(struct session *s)
{
    struct elf_segment data = image_segment(SESSION_BASE);
    uint64_t pages = PAGE_UP(data.memsz) / PAGE_SIZE;

    EXO_ASSERT(pages <= DATA_PAGES_MAX);
    s->session_node = add_node(SESSION_BASE, 3, AEG_ATTACH_WRITE);
    add_node(SESSION_BASE, 2, AEG_ATTACH_WRITE);
    for (uint64_t i = 0; i < pages; i++) {
        if (i % 512 == 0)
            add_node(SESSION_BASE + i * PAGE_SIZE, 1, AEG_ATTACH_WRITE);
        root.data_frame[i] = data_page(&data, i * PAGE_SIZE);
        set_one(root.space, SESSION_BASE + i * PAGE_SIZE, root.data_frame[i] << PAGE_SHIFT | RW | keys_pte(), "the session segment");
    }
    s->data_pages = pages;
}

/* Stores into the session's copy of a static variable. */
static void
poke(const void *variable, const void *value, size_t n)
{
    uint64_t at = (uint64_t)variable - SESSION_BASE;
    const uint8_t *from = value;

    while (n > 0) {
        size_t part = MIN(n, PAGE_SIZE - (at & PAGE_MASK));

        memcpy((uint8_t *)window(root.data_frame[at / PAGE_SIZE], true) + (at & PAGE_MASK), from, part);
        at += part;
        from += part;
        n -= part;
    }
}

/* ---- the housekeeper's own ---- */

static uint64_t
map_process_page(uint64_t va)
{
    uint64_t frame = session_frame();

    set_one(root.space, va, frame << PAGE_SHIFT | RW, "the process segment");
    return frame;
}

static uint64_t
map_process(struct session *s)
{
    uint64_t uenv, mm;

    add_node(PROCESS_BASE, 3, AEG_ATTACH_WRITE);
    add_node(PROCESS_BASE, 2, AEG_ATTACH_WRITE);
    add_node(PROCESS_BASE, 1, AEG_ATTACH_WRITE);
    for (uint64_t at = 0; at < LIB_STACK_BYTES; at += PAGE_SIZE)
        map_process_page(LIB_STACK_TOP - LIB_STACK_BYTES + at);
    map_process_page(HANDLER_STACK_TOP - PAGE_SIZE);
    mm = map_process_page(MM_LOCAL_VA);
    *(struct mm_local *)window(mm, true) = (struct mm_local){ .space = root.space, .last_pt = UINT64_MAX, .pager = &pager_nobody };
    uenv = map_process_page(UENV_VA);
    uenv_prepare(window(uenv, true), 0, &housekeeper_thread, 0);
    add_node(UENV_ALIAS, 1, AEG_ATTACH_WRITE);
    set_one(root.space, UENV_ALIAS, uenv << PAGE_SHIFT | RW, "the housekeeper's UENV");
    s->housekeeper_uenv = (struct aeg_uenv *)UENV_ALIAS;
    s->housekeeper_space = root.space;
    return uenv;
}

static void
make_housekeeper(struct session *s, uint64_t uenv)
{
    struct aeg_env_args args = {
        .uenv_frame = uenv,
        .save_frame = session_frame(),
        .uenv_va = UENV_VA,
        .rip = (uint64_t)_start,
        .rsp = LIB_STACK_TOP - REGS_ROOM,
        .arg = { START_HOUSEKEEPER, 0 },
    };

    must(aeg_env_create(root.account, root.cap, root.cap, root.space, &args, &root.env), "the housekeeper's env");
    s->housekeeper = root.env;
}

/* ---- capabilities ---- */

/* What the session gets besides its own principal: machine guards and a place to forge names, as paths below root. */
static const struct {
    uint16_t path[3];
    uint32_t rights;
} grants[CAP_COUNT] = {
    [CAP_CONSOLE] = { { AEG_NAME_MACHINE, 1 }, AEG_RIGHT_READ | AEG_RIGHT_WRITE | AEG_RIGHT_GRANT },
    [CAP_POWER] = { { AEG_NAME_MACHINE, 2 }, AEG_RIGHT_CONTROL | AEG_RIGHT_GRANT },
    [CAP_CPU] = { { AEG_NAME_MACHINE, 6 }, AEG_RIGHT_WRITE | AEG_RIGHT_GRANT },
    [CAP_NIC] = { { AEG_NAME_MACHINE, 3, 1 }, AEG_RIGHT_READ | AEG_RIGHT_WRITE | AEG_RIGHT_CONTROL | AEG_RIGHT_GRANT },
    [CAP_DISK] = { { AEG_NAME_MACHINE, 4 }, AEG_RIGHT_READ | AEG_RIGHT_WRITE | AEG_RIGHT_CONTROL | AEG_RIGHT_GRANT },
    [CAP_FORGE] = { { AEG_NAME_SESSION }, AEG_RIGHT_FORGE | AEG_RIGHT_GRANT },
    [CAP_MODULE] = { { AEG_NAME_MACHINE, 5 }, AEG_RIGHT_READ | AEG_RIGHT_GRANT },
};

static uint32_t
forge_path(const uint16_t *path)
{
    uint64_t at = ROOT_CAP, next;

    for (unsigned i = 0; i < ARRAY_SIZE(grants[0].path) && path[i] != 0; i++) {
        must(aeg_cap_forge((uint32_t)at, path[i], AEG_RIGHT_ALL, &next), "a capability");
        if (at != ROOT_CAP)
            must(aeg_cap_drop((uint32_t)at), "dropping a capability");
        at = next;
    }
    return (uint32_t)at;
}

static void
grant(uint32_t cap, unsigned place, uint32_t rights)
{
    uint64_t index;

    must(aeg_cap_grant(cap, root.space, root.cap, rights, &index), "granting a capability");
    EXO_ASSERT(index == place);
}

static void
grant_all(struct session *s)
{
    grant(root.cap, CAP_SELF, AEG_RIGHT_ALL);
    s->cap_rights[CAP_SELF] = AEG_RIGHT_ALL;
    for (unsigned i = CAP_SELF + 1; i < CAP_COUNT; i++) {
        uint32_t cap = forge_path(grants[i].path);

        grant(cap, i, grants[i].rights);
        must(aeg_cap_drop(cap), "dropping a capability");
        s->cap_rights[i] = grants[i].rights;
    }
}

/* Nearly everything of root's account, half of it guaranteed: there is one session, and out of its part it makes others. */
static void
make_account(void)
{
    const volatile struct aeg_account_info *own = aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(AEG_INFO->root_account));
    struct aeg_limits limits = { .guarantee = { 0 } };

    for (unsigned k = 0; k < AEG_KINDS; k++) {
        uint64_t left = own->limits.limit[k] - own->used[k], keep = k == AEG_KIND_FRAME ? FRAMES_KEPT : 1;

        limits.limit[k] = left > keep ? left - keep : 0;
        limits.guarantee[k] = k == AEG_KIND_ACCOUNT ? 0 : limits.limit[k] / 2;      /* never asked back; the rest may be */
    }
    must(aeg_account_create(AEG_INFO->root_account, ROOT_CAP, root.cap, &limits, &root.account), "its account");
}

/* The housekeeper has no room for another fault: nothing in the session can be relied upon, not even to report that. */
static void
session_watch(void)
{
    const volatile struct aeg_env_info *e = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(root.env));

    if (e->id == root.env && e->state == AEG_ENV_STOPPED)
        EXO_PANIC("the session's housekeeper was stopped: vector %u at rip %lx, address %lx; the session's memory is spoilt", e->stop_reason,
                  e->stop_rip, e->stop_cr2);
}

/* All CPUs, unless `cpus=one` is among the boot words. */
static uint32_t
cpus_wanted(void)
{
    uint32_t count = AEG_INFO->cpu_count;

    return cmdline_word("cpus=one") ? 1 : MIN(count, SESSION_CPUS_MAX);
}

noreturn void
root_main(void)
{
    struct aeg_uenv *uenv = (struct aeg_uenv *)BOOT_UENV_VA;
    struct session s = { .up = true, .cpus = cpus_wanted() };
    uint64_t cap, bits, frame;

    uenv->crit = 1;
    EXO_ASSERT(AEG_INFO->magic == AEG_INFO_MAGIC);
    keys_init();
    must(aeg_cap_forge(ROOT_CAP, 0, AEG_RIGHT_ALL, &cap), "its principal");
    root.cap = (uint32_t)cap;
    window_open();
    find_module();
    make_account();
    frame = take_frame(root.account, root.cap) & ~AEG_FRAME_ZERO;
    must(aeg_space_create(root.account, root.cap, root.cap, frame, &root.space), "its first space");
    map_image(&s);
    map_session(&s);
    frame = map_process(&s);
    s.account = root.account;
    make_housekeeper(&s, frame);
    grant_all(&s);
    poke(&session, &s, sizeof(s));
    for (uint32_t i = 0; i < AEG_SLICE_POSITIONS; i++)
        if (i != ROOT_POSITION)
            must(aeg_slice_set(0, i, root.env, ROOT_CAPS), "its slices");
    log_print("root: a session with %lu pages of data is ready", s.data_pages);
    for (;;) {
        if (aeg_wait(AEG_NOTIFY_STOPPED, AEG_WAIT_FOREVER, 0, 0, &bits) != AEG_OK)
            continue;
        __atomic_fetch_and(&uenv->notify, ~bits, __ATOMIC_RELAXED);
        session_watch();
    }
}
