/*
 * account.c: who pays for what.
 *
 * Holds:    a tree of accounts; each has a guarantee and a limit per kind of resource, carved out of its parent's guarantee and limit.
 *           What a descendant uses, its ancestors use too, and used <= limit always: children never have more than their parent,
 *           however many they are. The guarantees of the children of one account never sum to more than its own.
 * Locks:    account_lock, rank 45.
 * Not here: what to give up under pressure. That is the library's business.
 */
#include "core/account.h"
#include "core/cap.h"
#include "core/lockrank.h"
#include "core/space.h"

static struct aeg_account_info *table;
static uint32_t generation[ACCOUNT_MAX];
static struct spinlock account_lock = SPINLOCK(LOCK_ACCOUNT);

void
account_init(void)
{
    uint64_t bytes = ACCOUNT_MAX * sizeof(*table);

    table = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    info->accounts = (struct aeg_table){ info_expose(table, bytes), ACCOUNT_MAX, sizeof(*table) };
    for (unsigned k = 0; k < AEG_KINDS; k++)
        table[0].limits.limit[k] = table[0].limits.guarantee[k] = UINT64_MAX;
    table[0].limits.limit[AEG_KIND_FRAME] = table[0].limits.guarantee[AEG_KIND_FRAME] = info->frames_free;
    generation[0] = 1;
    table[0].id = AEG_ID(0, 1);
    info->root_account = table[0].id;
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

aeg_err_t
account_take(struct aeg_account_info *account, enum aeg_kind kind, uint64_t count)
{
    struct aeg_account_info *a = account;
    aeg_err_t err = AEG_OK;

    spin_lock(&account_lock);
    while (a && count <= a->limits.limit[kind] - a->used[kind])
        a = account_up(a);
    if (a)
        err = AEG_ERR_LIMIT;
    else
        for (a = account; a; a = account_up(a))
            a->used[kind] += count;
    spin_unlock(&account_lock);
    return err;
}

void
account_give(struct aeg_account_info *account, enum aeg_kind kind, uint64_t count)
{
    spin_lock(&account_lock);
    for (struct aeg_account_info *a = account; a; a = account_up(a)) {
        AEG_ASSERT(a->used[kind] >= count);
        a->used[kind] -= count;
    }
    spin_unlock(&account_lock);
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

/* What a parent can still carve out for its children: its own share less what is used and what they have yet to use of theirs. */
static bool
limits_fit(const struct aeg_account_info *parent, const struct aeg_limits *want)
{
    for (unsigned k = 0; k < AEG_KINDS; k++) {
        if (want->limit[k] > parent->limits.limit[k] || want->guarantee[k] > want->limit[k])
            return false;
        if (want->guarantee[k] == 0)
            continue;
        uint64_t promised = parent->used[k];
        for (uint32_t i = 0; i < ACCOUNT_MAX; i++)
            if (table[i].id != 0 && table[i].parent == parent->id && table[i].limits.guarantee[k] > table[i].used[k])
                promised += MIN(table[i].limits.guarantee[k] - table[i].used[k], UINT64_MAX - promised);
        if (promised > parent->limits.guarantee[k] || want->guarantee[k] > parent->limits.guarantee[k] - promised)
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
    if (!limits_fit(parent, &limits))
        return AEG_ERR_LIMIT;
    account = account_free_place();
    if (!account)
        return AEG_ERR_NOMEM;
    err = account_take(parent, AEG_KIND_ACCOUNT, 1);
    if (err != AEG_OK)
        return err;
    uint32_t index = account - table;
    memset(account, 0, sizeof(*account));
    account->limits = limits;
    account->parent = parent->id;
    account->guard = guard.name;
    account->id = args->value = AEG_ID(index, ++generation[index]);
    return AEG_OK;
}

/* An account ends when nothing is charged to it and no child is left: what it held is then the parent's again. */
aeg_err_t
sys_account_end(struct sys_args *args)
{
    struct aeg_account_info *account = account_find(args->a[0]);
    aeg_err_t err;

    if (!account || account->parent == 0)
        return AEG_ERR_ACCOUNT;
    err = cap_check(args->a[1], account->guard, AEG_RIGHT_CONTROL);
    if (err != AEG_OK)
        return err;
    for (unsigned k = 0; k < AEG_KINDS; k++)
        if (account->used[k] != 0)
            return AEG_ERR_NOT_READY;
    account_give(account_find(account->parent), AEG_KIND_ACCOUNT, 1);
    memset(account, 0, sizeof(*account));
    return AEG_OK;
}
