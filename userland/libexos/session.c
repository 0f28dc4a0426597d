/*
 * session.c: another library OS in a session of its own: principal, account, space, image, env, slices.
 *
 * Holds:    nothing. While it makes a session it has that one's capability, and a page of address space (in a PML4 slot where nothing is)
 *           through which it fills frames.
 * Not here: what the session does.
 */
#include <elf.h>
#include <errno.h>
#include <exos/session.h>
#include <string.h>

#include <aegis/info.h>
#include <aegis/sys.h>
#include <aegis/uenv.h>

/* Places in the capability table of every process (exos/start/session.h). */
#define CAP_SELF 0
#define CAP_CONSOLE 1
#define CAP_CPU 3
#define CAP_FORGE 7

#define CPU 0
#define FIRST_SLOT 64                   /* PML4 slots that a program may use are far more */
#define LAST_SLOT 128
#define LEVELS 3                        /* of nodes below the PML4 */
#define PAGE ((uint64_t)AEG_FRAME_SIZE)
#define RW (AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX)

struct maker {
    struct exos_session *s;
    uint32_t cap;                       /* the new principal */
    aeg_id_t self_space, self_account;
    uint64_t window;                    /* va of the page that frames are filled through */
    aeg_frame_t node[LEVELS + 1];       /* above it, by level */
    aeg_err_t err;                      /* the first error: nothing more is done */
};

static int
good(struct maker *m, aeg_err_t err)
{
    if (m->err == AEG_OK)
        m->err = err;
    return m->err == AEG_OK;
}

/* ---- frames and nodes ---- */

/* The session pays; `guard` is whose it is at first. */
static aeg_frame_t
take(struct maker *m, uint32_t guard)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    if (m->err == AEG_OK)
        good(m, aeg_frame_alloc(m->s->account, m->cap, guard, 1, &frame, &done));
    return frame & ~AEG_FRAME_ZERO;
}

static uint64_t
base_of(uint64_t va, unsigned level)
{
    return va & ~((1ull << (12 + 9 * level)) - 1);
}

static const volatile struct aeg_env_info *
own_env(void)
{
    uint64_t gs;

    __asm__ volatile("rdgsbase %0" : "=r"(gs));
    return aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(((const struct aeg_uenv *)(uintptr_t)gs)->env_id));
}

aeg_id_t
exos_session_account(void)
{
    return ((const volatile struct aeg_account_info *)aeg_info_entry(&AEG_INFO->accounts, own_env()->account))->id;
}

static void
window_open(struct maker *m)
{
    unsigned slot = FIRST_SLOT;

    while (slot < LAST_SLOT && (*(volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)slot << 39, 4) & AEG_PTE_P))
        slot++;
    m->window = (uint64_t)slot << 39;
    for (unsigned level = LEVELS; level >= 1; level--) {
        aeg_frame_t frame = take(m, CAP_SELF);

        if (m->err == AEG_OK && good(m, aeg_pt_attach(m->self_space, AEG_CAPS(CAP_SELF, CAP_SELF), m->window, level | AEG_ATTACH_WRITE, frame)))
            m->node[level] = frame;
    }
}

static void
window_close(struct maker *m)
{
    for (unsigned level = 1; level <= LEVELS; level++) {
        aeg_frame_t frame;
        uint64_t done;

        if (m->node[level] != 0 && aeg_pt_detach(m->self_space, AEG_CAPS(CAP_SELF, CAP_SELF), m->window, level, &frame) == AEG_OK)
            (void)!aeg_frame_free(CAP_SELF, &frame, 1, &done);
    }
}

/* A frame of ours before our eyes; 0 takes it away again. */
static void *
look_at(struct maker *m, aeg_frame_t frame)
{
    struct aeg_pte_op op = { m->window, frame ? frame << AEG_FRAME_SHIFT | RW : 0 };
    uint64_t done;

    good(m, aeg_pte_set(m->self_space, AEG_CAPS(CAP_SELF, CAP_SELF), &op, 1, &done));
    return (void *)(uintptr_t)m->window;
}

/* A frame filled with `n` bytes at `offset`, the rest cleared; ours while we write it, then the session's. */
static aeg_frame_t
filled(struct maker *m, const void *from, size_t offset, size_t n)
{
    aeg_frame_t frame = take(m, CAP_SELF);
    uint64_t done;
    char *page;

    if (m->err != AEG_OK)
        return 0;
    page = look_at(m, frame);
    if (m->err == AEG_OK) {
        memset(page, 0, PAGE);
        if (n != 0)
            memcpy(page + offset, from, n);
        look_at(m, 0);
        good(m, aeg_frame_guard(CAP_SELF, m->cap, &frame, 1, &done));
    }
    return frame;
}

/* Binds it in the session's space; nodes come when the kernel says that there are none. */
static void
map(struct maker *m, uint64_t va, aeg_frame_t frame, uint64_t bits)
{
    struct aeg_pte_op op = { va, frame << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | bits };
    uint64_t caps = AEG_CAPS(m->cap, m->cap), done;
    aeg_err_t err;

    if (m->err != AEG_OK)
        return;
    err = aeg_pte_set(m->s->space, caps, &op, 1, &done);
    if (err != AEG_ERR_NO_NODE) {
        good(m, err);
        return;
    }
    for (unsigned level = LEVELS; level >= 1; level--) {
        aeg_frame_t node = take(m, m->cap);

        if (m->err != AEG_OK)
            return;
        err = aeg_pt_attach(m->s->space, caps, base_of(va, level), level | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, node);
        if (err == AEG_ERR_NODE_TAKEN)
            (void)!aeg_frame_free(m->cap, &node, 1, &done);     /* there is one */
        else
            good(m, err);
    }
    good(m, aeg_pte_set(m->s->space, caps, &op, 1, &done));
}

/* ---- what it consists of ---- */

/* The segments of an image that can be trusted no further than its bytes: NULL when they contradict themselves. */
static const Elf64_Phdr *
segments(const struct exos_session_args *args, unsigned *count)
{
    const Elf64_Ehdr *h = args->image;
    const Elf64_Phdr *p;

    if (args->image_bytes < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
        h->e_machine != EM_X86_64 || h->e_type != ET_EXEC || h->e_phentsize != sizeof(*p) || h->e_phoff % 8 != 0 ||
        h->e_phoff > args->image_bytes || h->e_phnum * sizeof(*p) > args->image_bytes - h->e_phoff)
        return NULL;
    p = (const Elf64_Phdr *)(const void *)((const char *)args->image + h->e_phoff);
    *count = h->e_phnum;
    for (unsigned i = 0; i < *count; i++)
        if (p[i].p_type == PT_LOAD && (p[i].p_offset > args->image_bytes || p[i].p_filesz > args->image_bytes - p[i].p_offset ||
                                       p[i].p_filesz > p[i].p_memsz || p[i].p_vaddr >= AEG_LIBRARY_TOP ||
                                       p[i].p_memsz > AEG_LIBRARY_TOP - p[i].p_vaddr))
            return NULL;
    return p;
}

static void
load_segment(struct maker *m, const char *image, const Elf64_Phdr *p)
{
    uint64_t bits = (p->p_flags & PF_W ? AEG_PTE_W : 0) | (p->p_flags & PF_X ? 0 : AEG_PTE_NX), end = p->p_vaddr + p->p_memsz;

    for (uint64_t va = p->p_vaddr & ~(PAGE - 1); va < end && m->err == AEG_OK; va += PAGE) {
        uint64_t from = va > p->p_vaddr ? va : p->p_vaddr, data_end = p->p_vaddr + p->p_filesz;
        uint64_t to = va + PAGE < data_end ? va + PAGE : data_end;
        size_t n = from < to ? to - from : 0;

        map(m, va, filled(m, n ? image + p->p_offset + (from - p->p_vaddr) : NULL, from - va, n), bits);
    }
}

/* The stack, with the text in its highest page. */
static uint64_t
make_stack(struct maker *m, const char *text)
{
    size_t n = text ? strlen(text) + 1 : 0;
    uint64_t top = EXOS_SESSION_STACK_TOP, rsp = (top - n) & ~15ull;

    for (uint64_t va = top - EXOS_SESSION_STACK_BYTES; va < top; va += PAGE)
        map(m, va, va + PAGE == top ? filled(m, text, PAGE - n, n) : filled(m, NULL, 0, 0), AEG_PTE_W | AEG_PTE_NX);
    return rsp - 16;
}

static void
make_env(struct maker *m, const struct exos_session_args *args, uint64_t console)
{
    struct aeg_env_args a = { .uenv_va = EXOS_SESSION_UENV, .arg = { console } };

    a.rip = ((const Elf64_Ehdr *)args->image)->e_entry;
    a.rsp = make_stack(m, args->text);
    if (args->text)
        a.arg[1] = EXOS_SESSION_STACK_TOP - (strlen(args->text) + 1);
    a.uenv_frame = filled(m, NULL, 0, 0);
    map(m, EXOS_SESSION_UENV, a.uenv_frame, AEG_PTE_W | AEG_PTE_NX);
    a.save_frame = filled(m, NULL, 0, 0);
    if (m->err == AEG_OK)
        good(m, aeg_env_create(m->s->account, m->cap, m->cap, m->s->space, &a, &m->s->env));
}

/* Its own principal first, then the console. */
static uint64_t
grant(struct maker *m, uint32_t console_rights)
{
    uint64_t index = 0;

    if (m->err == AEG_OK)
        good(m, aeg_cap_grant(m->cap, m->s->space, m->cap, AEG_RIGHT_ALL, &index));
    if (m->err == AEG_OK && console_rights != 0)
        good(m, aeg_cap_grant(CAP_CONSOLE, m->s->space, m->cap, console_rights, &index));
    return index;
}

/* ---- slices ---- */

static aeg_id_t
home_of(unsigned position)
{
    return ((const volatile struct aeg_slice_info *)aeg_info_entry(&AEG_INFO->slices, CPU * AEG_SLICE_POSITIONS + position))->env;
}

/* Evenly over the vector, but never position 0: that one stays, and says whose the others are. */
static void
take_positions(struct maker *m, unsigned count)
{
    aeg_id_t ours = home_of(0);

    for (unsigned i = 0; i < count && m->err == AEG_OK; i++) {
        unsigned p = AEG_SLICE_POSITIONS - 1 - i * AEG_SLICE_POSITIONS / count;

        while (p != 0 && home_of(p) != ours)
            p--;
        good(m, p == 0 ? AEG_ERR_CPU : aeg_slice_set(CPU, p, m->s->env, AEG_CAPS(CAP_CPU, m->cap)));
    }
}

static void
give_back_positions(void)
{
    for (unsigned p = 1; p < AEG_SLICE_POSITIONS; p++)
        if (home_of(p) == 0)
            (void)!aeg_slice_set(CPU, p, home_of(0), AEG_CAPS(CAP_CPU, CAP_SELF));
}

/* ---- the calls ---- */

static int
errno_of(aeg_err_t err)
{
    switch (err) {
    case AEG_ERR_CAP_DENIED: case AEG_ERR_CAP_INDEX: case AEG_ERR_RIGHTS: return EPERM;
    case AEG_ERR_CPU: return EINVAL;
    default: return ENOMEM;
    }
}

static void
make(struct maker *m, const struct exos_session_args *args, const Elf64_Phdr *p, unsigned count)
{
    aeg_frame_t pml4;

    if (!good(m, aeg_account_create(m->self_account, CAP_SELF, m->cap, &args->limits, &m->s->account)))
        return;
    window_open(m);
    pml4 = take(m, m->cap);
    if (m->err == AEG_OK)
        good(m, aeg_space_create(m->s->account, m->cap, m->cap, pml4, &m->s->space));
    for (unsigned i = 0; i < count && m->err == AEG_OK; i++)
        if (p[i].p_type == PT_LOAD && p[i].p_memsz != 0)
            load_segment(m, args->image, &p[i]);
    make_env(m, args, grant(m, args->console_rights));
    window_close(m);
    take_positions(m, args->positions);     /* last: from here on it runs */
    if (m->err != AEG_OK)
        exos_session_end(m->s->account);
}

int
exos_session_start(struct exos_session *s, const struct exos_session_args *args)
{
    struct maker m = { .s = s };
    unsigned count = 0;
    const Elf64_Phdr *p = segments(args, &count);
    uint64_t cap;

    *s = (struct exos_session){ 0 };
    errno = p == NULL ? ENOEXEC : args->text && strlen(args->text) >= EXOS_SESSION_TEXT_MAX ? E2BIG :
            args->positions == 0 || args->positions >= AEG_SLICE_POSITIONS ? EINVAL : 0;
    if (errno != 0)
        return -1;
    m.self_space = own_env()->space;
    m.self_account = exos_session_account();
    if (!good(&m, aeg_cap_forge(CAP_FORGE, 0, AEG_RIGHT_ALL, &cap))) {
        errno = errno_of(m.err);
        return -1;
    }
    m.cap = (uint32_t)cap;
    make(&m, args, p, count);
    (void)!aeg_cap_drop(m.cap);             /* from now on it is nobody's but its own */
    if (m.err == AEG_OK)
        return 0;
    errno = errno_of(m.err);
    return -1;
}

enum exos_session_state
exos_session_look(const struct exos_session *s, unsigned long *status)
{
    const volatile struct aeg_env_info *env = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(s->env));

    if (s->env == 0 || env->id != s->env)
        return EXOS_SESSION_GONE;
    if (env->state != AEG_ENV_STOPPED)
        return EXOS_SESSION_RUNS;
    *status = env->stop_cr2;
    return EXOS_SESSION_STOPPED;
}

int
exos_session_end(aeg_id_t account)
{
    aeg_err_t err;

    do
        err = aeg_account_end(account, CAP_SELF);
    while (err == AEG_ERR_AGAIN);
    give_back_positions();
    if (err == AEG_OK)
        return 0;
    errno = err == AEG_ERR_ACCOUNT ? ESRCH : EPERM;
    return -1;
}
