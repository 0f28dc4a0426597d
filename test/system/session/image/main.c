/*
 * main.c: a library OS with bad intentions, in the place of tiny's: it tries everything on what is not its own, then takes all it can get,
 * then computes for ever.
 *
 * Whatever it names it finds in the exposed window, as anybody could. It prints how many calls it made and how many
 * went well, and is over when one did.
 */
#include "tiny.h"

#include "aegis/block.h"
#include "aegis/net.h"

#define VICTIM_VA (3ull << 39)          /* an address whose nodes we have: the heap's, one slot on */
#define CAPS AEG_CAPS(SELF, SELF)
#define STRIDE 7                        /* of the frames that are tried */

_Noreturn void tiny_main(uint32_t console, const char *typed);

static struct {
    aeg_id_t env, space, account;
    struct aeg_name guard;
} self;
static uint64_t attempts, successes;
static const char *last_success = "none";

static void
try(const char *what, aeg_err_t err)
{
    attempts++;
    if (err != AEG_OK)
        return;
    successes++;
    last_success = what;
}

static bool
mine(const volatile struct aeg_name *guard)
{
    return guard->hi == self.guard.hi && guard->lo == self.guard.lo;
}

static void
find_self(void)
{
    const volatile struct aeg_env_info *env = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(UENV->env_id));

    self.env = env->id;
    self.space = env->space;
    self.guard = (struct aeg_name){ env->guard.hi, env->guard.lo };
    self.account = ((const volatile struct aeg_account_info *)aeg_info_entry(&AEG_INFO->accounts, env->account))->id;
}

static void
try_frame(aeg_frame_t frame)
{
    struct aeg_pte_op op = { HEAP_BASE + HEAP_BYTES - PAGE, frame << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX };
    struct aeg_pte_op write = { op.va, op.pte | AEG_PTE_W };
    aeg_frame_t named = frame;
    uint64_t done;

    try("reading a frame", aeg_pte_set(self.space, CAPS, &op, 1, &done));
    try("writing a frame", aeg_pte_set(self.space, CAPS, &write, 1, &done));
    try("freeing a frame", aeg_frame_free(SELF, &named, 1, &done));
    try("guarding a frame", aeg_frame_guard(SELF, SELF, &named, 1, &done));
    try("a node out of a frame", aeg_pt_attach(self.space, CAPS, VICTIM_VA, 3 | AEG_ATTACH_WRITE, frame));
}

static void
try_frames(void)
{
    for (uint64_t i = 0; i < AEG_INFO->frames.count; i += STRIDE) {
        const volatile struct aeg_frame_info *f = aeg_info_entry(&AEG_INFO->frames, i);

        if (f->type > AEG_FRAME_FREE && !mine(&f->guard))
            try_frame(i);
    }
}

static void
try_envs(void)
{
    struct aeg_env_args args = { .rip = 0x400000, .rsp = 0x7000 };
    struct aeg_message message = { 0 };
    uint64_t value;

    for (uint32_t i = 0; i < AEG_INFO->envs.count; i++) {
        const volatile struct aeg_env_info *e = aeg_info_entry(&AEG_INFO->envs, i);

        if (e->id == 0 || e->id == self.env)
            continue;
        try("notify", aeg_notify(e->id, SELF, ~0ull));
        try("yield", aeg_yield(e->id, SELF));
        try("env_destroy", aeg_env_destroy(e->id, SELF));
        try("pct_send", aeg_pct_send(e->id, SELF, &message));
        try("env_create", aeg_env_create(self.account, SELF, SELF, e->space, &args, &value));
    }
}

static void
try_spaces(void)
{
    struct aeg_pte_op op = { 0x400000, 0 };
    aeg_frame_t frame = 0;
    uint64_t value;

    for (uint32_t i = 0; i < AEG_INFO->spaces.count; i++) {
        const volatile struct aeg_space_info *s = aeg_info_entry(&AEG_INFO->spaces, i);

        if (s->id == 0 || s->id == self.space)
            continue;
        try("pte_set elsewhere", aeg_pte_set(s->id, CAPS, &op, 1, &value));
        try("pt_detach elsewhere", aeg_pt_detach(s->id, CAPS, 0, 3, &frame));
        try("space_destroy", aeg_space_destroy(s->id, SELF));
        try("cap_grant", aeg_cap_grant(SELF, s->id, SELF, AEG_RIGHT_ALL, &value));
    }
}

static void
try_accounts(void)
{
    struct aeg_limits none = { .limit = { 0 } };
    aeg_frame_t frame = 0;
    uint64_t value;

    for (uint32_t i = 0; i < AEG_INFO->accounts.count; i++) {
        const volatile struct aeg_account_info *a = aeg_info_entry(&AEG_INFO->accounts, i);

        if (a->id == 0 || a->id == self.account)
            continue;
        try("frame_alloc on another's account", aeg_frame_alloc(a->id, SELF, SELF, 1, &frame, &value));
        try("account_create", aeg_account_create(a->id, SELF, SELF, &none, &value));
        try("account_end", aeg_account_end(a->id, SELF));
    }
}

static void
try_devices(void)
{
    struct aeg_ring_args ring = { .env = self.env };
    char text[16];
    uint64_t value;

    for (uint32_t p = 0; p < AEG_INFO->slices.count; p++)
        try("slice_set", aeg_slice_set(p / AEG_SLICE_POSITIONS, p % AEG_SLICE_POSITIONS, self.env, CAPS));
    for (uint32_t i = 0; i < AEG_INFO->slots.count; i++)
        try("slot_guard", aeg_slot_guard(((const volatile struct aeg_slot_info *)aeg_info_entry(&AEG_INFO->slots, i))->id, CAPS, 0, &value));
    for (uint32_t i = 0; i < AEG_INFO->queues.count; i++)
        try("blockq_destroy", aeg_blockq_destroy(((const volatile struct aeg_queue_info *)aeg_info_entry(&AEG_INFO->queues, i))->id, SELF));
    for (uint32_t i = 0; i < AEG_INFO->rings.count; i++)
        try("ring_destroy", aeg_ring_destroy(((const volatile struct aeg_ring_info *)aeg_info_entry(&AEG_INFO->rings, i))->id, SELF));
    try("ring_create", aeg_ring_create(self.account, SELF, SELF, &ring, &value));
    try("console_read", aeg_console_read(1, AEG_CONSOLE_MAIN, text, sizeof(text), &value));
    try("console_bind", aeg_console_bind(AEG_CAPS(1, SELF), AEG_CONSOLE_MAIN, self.env, 1));
    try("the log", aeg_console_read(SELF, AEG_CONSOLE_LOG, text, sizeof(text), &value));
    try("power", aeg_power(SELF, AEG_POWER_OFF, 0));
}

/* What its limits let it have is its own; past them there is nothing. Returns the frames. */
static uint64_t
take_all(void)
{
    aeg_frame_t frames[64];
    uint64_t done, all = 0, value;
    aeg_err_t err;

    do {
        for (unsigned i = 0; i < 64; i++)
            frames[i] = 0;
        err = aeg_frame_alloc(self.account, SELF, SELF, 64, frames, &done);
        all += done;
    } while (err == AEG_OK || err == AEG_ERR_AGAIN);
    for (unsigned i = 0; i < 64; i++) {
        try("a space beyond the limit", aeg_space_create(self.account, SELF, SELF, frames[0] & ~AEG_FRAME_ZERO, &value));
        try("an account beyond the limit", aeg_account_create(self.account, SELF, SELF, &(struct aeg_limits){ .limit = { 0 } }, &value));
    }
    return all;
}

/* In one write, since others print, too. */
static void
report(uint64_t taken)
{
    char line[160], *p = line;

    for (const char *t = "# hostile: attempts, successes, frames taken:"; *t != '\0'; t++)
        *p++ = *t;
    for (unsigned n = 0; n < 3; n++) {
        uint64_t value = n == 0 ? attempts : n == 1 ? successes : taken, unit = 1;

        *p++ = ' ';
        while (value / unit >= 10)
            unit *= 10;
        for (; unit != 0; unit /= 10)
            *p++ = (char)('0' + value / unit % 10);
    }
    *p++ = ' ';
    for (const char *t = last_success; *t != '\0'; t++)
        *p++ = *t;
    *p++ = '\n';
    *p = '\0';
    print(line);
}

_Noreturn void
tiny_main(uint32_t console, const char *typed)
{
    pager_init();
    console_init(console, typed);
    find_self();
    *(volatile char *)(HEAP_BASE + HEAP_BYTES - PAGE) = 1;
    try_frames();
    try_envs();
    try_spaces();
    try_accounts();
    try_devices();
    report(take_all());
    if (successes != 0)
        over(successes);
    for (;;)
        __asm__ volatile("pause");
}
