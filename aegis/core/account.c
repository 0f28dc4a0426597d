/*
 * account.c: who pays for what.
 *
 * Holds:    a tree of accounts; each has a guarantee and a limit per kind of resource, carved out of its parent's guarantee and limit.
 *           What a descendant uses, its ancestors use too. An account is *committed* to what it uses and to what is promised below it; it
 *           *holds* that, or its guarantee if that is more. What the children hold beyond what they use is `promised` in their parent.
 *           committed <= limit always: nobody's use eats into what another has been guaranteed, and the guarantees of the children of
 *           one account never sum to more than its own.
 * Locks:    account_lock, rank 45.
 * Not here: what to give up under pressure. That is the library's business.
 */
#include "core/account.h"
#include "core/cap.h"
#include "core/env.h"
#include "core/lockrank.h"
#include "dev/limits.h"

/*
 * What the kernel's pools hold: the root account's limits. Frames, slots and places for filters are counted when they are found; a queue or
 * ring fits in either pool.
 */
static const uint64_t pools[AEG_KINDS] = {
    [AEG_KIND_SPACE] = SPACE_MAX,
    [AEG_KIND_ENV] = ENV_MAX,
    [AEG_KIND_QUEUE] = MIN(BLOCKQ_MAX, RING_MAX),
    [AEG_KIND_ACCOUNT] = ACCOUNT_MAX - 1,
};

static struct aeg_account_info *table;
static uint32_t generation[ACCOUNT_MAX];
static struct spinlock account_lock = SPINLOCK(LOCK_ACCOUNT);

void
account_init(void)
{
    uint64_t bytes = ACCOUNT_MAX * sizeof(*table);

    table = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    info->accounts = (struct aeg_table){ info_expose(table, bytes), ACCOUNT_MAX, sizeof(*table) };
    generation[0] = 1;
    table[0].id = AEG_ID(0, 1);
    info->root_account = table[0].id;
    for (unsigned k = 0; k < AEG_KINDS; k++)
        account_pool(k, pools[k], 0);
}

void
account_pool(enum aeg_kind kind, uint64_t count, uint64_t used)
{
    table[0].limits.limit[kind] += count;
    table[0].limits.guarantee[kind] += count;
    table[0].used[kind] += used;
}

struct aeg_account_info *
account_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < ACCOUNT_MAX && id != 0 && table[index].id == id ? &table[index] : NULL;
}

struct aeg_account_info *
account_at(uint32_t index)
{
    AEG_ASSERT(index < ACCOUNT_MAX);
    return &table[index];
}

/* The next on the way to the root, NULL behind it. A parent does not end before its children; no way is longer than ACCOUNT_MAX. */
static inline struct aeg_account_info *
account_up(const struct aeg_account_info *account)
{
    return account->parent ? &table[AEG_ID_INDEX(account->parent)] : NULL;
}

static inline uint64_t
committed(const struct aeg_account_info *a, enum aeg_kind kind)
{
    return a->used[kind] + a->promised[kind];
}

static inline uint64_t
held(const struct aeg_account_info *a, enum aeg_kind kind, uint64_t commitment)
{
    return MAX(a->limits.guarantee[kind], commitment);
}

/* The account uses so much more, and is committed to so much more (modulo 2^64: less); its ancestors follow. */
static void
account_change(struct aeg_account_info *a, enum aeg_kind kind, uint64_t used, uint64_t commitment)
{
    for (; a; a = account_up(a)) {
        uint64_t before = held(a, kind, committed(a, kind));

        a->used[kind] += used;
        a->promised[kind] += commitment - used;
        commitment = held(a, kind, committed(a, kind)) - before;
    }
}

/* The root's limit is what there is; the others' are theirs. */
static aeg_err_t
take_check(const struct aeg_account_info *a, enum aeg_kind kind, uint64_t more)
{
    for (; a && more > 0; a = account_up(a)) {
        uint64_t before = committed(a, kind), limit = a->limits.limit[kind];

        if (before > limit || more > limit - before)
            return a->parent ? AEG_ERR_LIMIT : AEG_ERR_NOMEM;
        more = held(a, kind, before + more) - held(a, kind, before);
    }
    return AEG_OK;
}

aeg_err_t
account_take(struct aeg_account_info *account, enum aeg_kind kind, uint64_t count)
{
    aeg_err_t err;

    spin_lock(&account_lock);
    err = take_check(account, kind, count);
    if (err == AEG_OK)
        account_change(account, kind, count, count);
    spin_unlock(&account_lock);
    return err;
}

void
account_give(struct aeg_account_info *account, enum aeg_kind kind, uint64_t count)
{
    spin_lock(&account_lock);
    AEG_ASSERT(account->used[kind] >= count);
    account_change(account, kind, -count, -count);
    spin_unlock(&account_lock);
}

aeg_id_t
account_hand_up(aeg_id_t id, enum aeg_kind kind, uint64_t count)
{
    struct aeg_account_info *account = account_find(id);

    spin_lock(&account_lock);
    account_change(account, kind, -count, -count);
    account_change(account_up(account), kind, count, count);
    spin_unlock(&account_lock);
    return account->parent;
}

void
account_close(struct aeg_account_info *account)
{
    spin_lock(&account_lock);
    for (unsigned k = 0; k < AEG_KINDS; k++) {
        account_change(account_up(account), k, 0, committed(account, k) - held(account, k, committed(account, k)));
        account->limits.guarantee[k] = account->limits.limit[k] = 0;
    }
    spin_unlock(&account_lock);
}

void
account_remove(struct aeg_account_info *account)
{
    for (unsigned k = 0; k < AEG_KINDS; k++)
        AEG_ASSERT(account->used[k] == 0 && account->promised[k] == 0);
    account_give(account_up(account), AEG_KIND_ACCOUNT, 1);
    memset(account, 0, sizeof(*account));
}

aeg_err_t
account_charge(aeg_id_t id, uint32_t cap, enum aeg_kind kind, uint64_t count)
{
    struct aeg_account_info *account = account_find(id);
    aeg_err_t err;

    if (!account)
        return AEG_ERR_ACCOUNT;
    err = cap_check(cap, account->guard, AEG_RIGHT_WRITE);
    return err != AEG_OK ? err : account_take(account, kind, count);
}

void
account_uncharge(aeg_id_t id, enum aeg_kind kind, uint64_t count)
{
    struct aeg_account_info *account = account_find(id);

    if (account)
        account_give(account, kind, count);
}

/* A parent carves out of its own share what it is not committed to yet. */
static bool
limits_fit(const struct aeg_account_info *parent, const struct aeg_limits *want)
{
    for (unsigned k = 0; k < AEG_KINDS; k++) {
        uint64_t taken = committed(parent, k), share = parent->limits.guarantee[k];

        if (want->limit[k] > parent->limits.limit[k] || want->guarantee[k] > want->limit[k])
            return false;
        if (want->guarantee[k] != 0 && (taken > share || want->guarantee[k] > share - taken))
            return false;
    }
    return true;
}

static struct aeg_account_info *
account_free_place(void)
{
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++)
        if (table[i].id == 0 && generation[i] != UINT32_MAX)    /* an id is never given out twice */
            return &table[i];
    return NULL;
}

aeg_err_t
sys_account_create(struct sys_args *args)
{
    struct aeg_account_info *parent = account_find(args->a[0]), *account;
    struct aeg_limits limits;
    struct aeg_cap guard;
    aeg_err_t err;

    if (!parent)
        return AEG_ERR_ACCOUNT;
    err = cap_check(args->a[1], parent->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_OK)
        err = cap_copy(args->a[2], &guard);
    if (err != AEG_OK)
        return err;
    if (!copy_in(&limits, (struct uaddr){ args->a[3] }, sizeof(limits)))
        return AEG_ERR_BAD_ADDRESS;
    account = account_free_place();
    if (!account)
        return AEG_ERR_NOMEM;
    err = account_take(parent, AEG_KIND_ACCOUNT, 1);
    if (err != AEG_OK)
        return err;
    if (!limits_fit(parent, &limits)) {
        account_give(parent, AEG_KIND_ACCOUNT, 1);
        return AEG_ERR_LIMIT;
    }
    for (unsigned k = 0; k < AEG_KINDS; k++)
        account_change(parent, k, 0, limits.guarantee[k]);
    uint32_t index = account - table;
    memset(account, 0, sizeof(*account));
    account->limits = limits;
    account->parent = parent->id;
    account->guard = guard.name;
    account->id = args->value = AEG_ID(index, ++generation[index]);
    return AEG_OK;
}
