/*
 * walker.c: counts everything again from the page tables, spaces and envs, and compares with what the kernel keeps.
 *
 * Holds after every call: a frame's refs are the entries, spaces and envs that name it; a node's live count is its present entries and
 * every entry above a leaf names a node of the next level at its own address; no leaf names a node, a free frame or a save area; the free
 * list is doubly linked and as long as frames_free says; an account's use is what is charged to it and to those below it; a call has both
 * its ends.
 */
#include <string.h>

#include "world.h"

static uint32_t refs[FAKE_RAM_BYTES / FRAME_SIZE];
static uint8_t pinned[FAKE_RAM_BYTES / FRAME_SIZE];

static aeg_frame_t
entry_frame(uint64_t entry)
{
    return (entry & AEG_PTE_ADDR) >> FRAME_SHIFT;
}

static void
walk_leaf(uint64_t entry, unsigned level)
{
    aeg_frame_t first = entry_frame(entry);

    assert_int_equal(entry & ~(AEG_PTE_USER_BITS | (level >= 2 ? AEG_PTE_PS : 0)), 0);
    for (aeg_frame_t f = first; f < first + (1u << 9 * (level - 1)); f++) {
        assert_true(f < frame_count);
        assert_true(frame_at(f)->type == AEG_FRAME_PLAIN || frame_at(f)->type == AEG_FRAME_ORPHAN);
        refs[f]++;
    }
}

static void
walk_node(aeg_frame_t node)
{
    const struct aeg_frame_info *f = frame_at(node);
    const uint64_t *table = frame_map(node);
    uint32_t live = 0;

    assert_in_range(f->level, 1, 4);
    for (unsigned i = 0; i < (f->level == 4 ? AEG_WINDOW_SLOT : PT_ENTRIES); i++) {
        uint64_t entry = table[i];
        if (!(entry & AEG_PTE_P)) {
            assert_int_equal(entry & AEG_PTE_ADDR, 0);
            continue;
        }
        live++;
        if (f->level == 1 || (entry & AEG_PTE_PS)) {
            assert_true(f->level <= 3);
            walk_leaf(entry, f->level);
            continue;
        }
        const struct aeg_frame_info *child = frame_at(entry_frame(entry));
        assert_true(entry_frame(entry) < frame_count);
        assert_int_equal(child->type, AEG_FRAME_NODE);
        assert_int_equal(child->level, f->level - 1);
        assert_int_equal(child->base, f->base + ((uint64_t)i << (3 + 9 * f->level)));
        refs[entry_frame(entry)]++;
    }
    assert_int_equal(live, f->live);
    if (f->level == 4) {
        assert_int_equal(entry_frame(table[AEG_WINDOW_SLOT]), node);
        assert_int_equal(table[AEG_WINDOW_SLOT] & (AEG_PTE_W | AEG_PTE_NX), AEG_PTE_NX);
        assert_int_equal(table[AEG_INFO_SLOT] & (AEG_PTE_W | AEG_PTE_NX), AEG_PTE_NX);
        assert_memory_equal(table + 256, kernel_pml4 + 256, 256 * 8);
    }
}

static void
walk_free_list(void)
{
    uint64_t count = 0, heads = 0;
    aeg_frame_t head = 0;

    for (aeg_frame_t f = 1; f < frame_count; f++) {
        if (frame_at(f)->type != AEG_FRAME_FREE)
            continue;
        count++;
        if (frame_at(f)->base == 0) {
            heads++;
            head = f;
        }
    }
    assert_int_equal(count, info->frames_free);
    assert_int_equal(heads, count ? 1 : 0);
    for (aeg_frame_t f = head, previous = 0; f; previous = f, f = frame_at(f)->live) {
        assert_int_equal(frame_at(f)->type, AEG_FRAME_FREE);
        assert_int_equal(frame_at(f)->base, previous);
        count--;
    }
    assert_int_equal(count, 0);
}

/* A mark says `plain, and this guard`, for ever: what one meant once it means in every later walk. */
static void
walk_marks(void)
{
    static struct aeg_name guard_of[1 << 18];

    for (aeg_frame_t f = 1; f < frame_count; f++) {
        const struct aeg_frame_info *i = frame_at(f);
        struct aeg_name *guard = &guard_of[i->base & (ARRAY_SIZE(guard_of) - 1)];

        if (i->type != AEG_FRAME_PLAIN) {
            assert_true(i->base < MARK_FIRST);
            continue;
        }
        if (i->base == 0)
            continue;
        assert_in_range(i->base - MARK_FIRST, 0, ARRAY_SIZE(guard_of) - 1);
        if (guard->hi == 0 && guard->lo == 0)
            *guard = i->guard;
        assert_true(guard->hi == i->guard.hi && guard->lo == i->guard.lo);
    }
}

static void
walk_spaces(uint64_t used[][AEG_KINDS])
{
    for (uint32_t i = 0; i < SPACE_MAX; i++) {
        const struct space *s = space_at(i);
        uint32_t envs = 0;

        assert_true(s->info->id == s->id);
        if (s->id == 0)
            continue;
        assert_ptr_equal(space_find(s->id), s);
        assert_true(s->info->guard.hi == s->guard.hi && s->info->guard.lo == s->guard.lo);
        assert_int_equal(s->info->pml4, s->pml4);
        assert_int_equal(s->info->account, s->account);
        assert_int_equal(frame_at(s->pml4)->type, AEG_FRAME_NODE);
        assert_int_equal(frame_at(s->pml4)->level, 4);
        refs[s->pml4]++;
        used[s->account][AEG_KIND_SPACE]++;
        for (uint32_t e = 0; e < ENV_MAX; e++)
            envs += env_table()[e].id != 0 && env_table()[e].space == s;
        assert_int_equal(envs, s->info->envs);
        for (uint32_t c = 0; c < AEG_CAP_MAX; c++) {
            struct aeg_name mask = name_mask(s->cap[c].length);
            if (s->cap[c].rights == 0)
                continue;
            assert_true(s->cap[c].length <= AEG_NAME_COMPONENTS);
            assert_true(s->mask[c].hi == mask.hi && s->mask[c].lo == mask.lo);
            assert_true((s->cap[c].name.hi & ~mask.hi) == 0 && (s->cap[c].name.lo & ~mask.lo) == 0);
        }
    }
}

/* In a call: it waits, for an env that is there and has the call in hand. In the gate: nobody's call. */
static void
walk_gate(const struct env *e)
{
    const struct env *callee = env_find(e->pct_callee);

    if (e->pct_callee) {
        assert_int_equal(e->state, AEG_ENV_WAITING);
        assert_non_null(callee);
        assert_true(callee->pct_caller == e->id);
        assert_in_range(callee->state, AEG_ENV_READY, AEG_ENV_WAITING);
        assert_true(e->result == RESULT_NONE && e->wait_mask == 0);
    }
    if (e->state == AEG_ENV_GATE)
        assert_true(e->pct_caller == 0 && e->result == RESULT_GATE && e->resume_kind == RESUME_CALL);
}

static void
walk_envs(uint64_t used[][AEG_KINDS])
{
    uint64_t saves = 0;

    for (uint32_t i = 0; i < ENV_MAX; i++) {
        const struct env *e = env_table() + i;

        assert_int_equal(e->id, e->info->id);
        assert_int_equal(e->state, e->info->state);
        if (e->id == 0)
            continue;
        assert_ptr_equal(env_find(e->id), e);
        assert_int_equal(e->info->space, e->space->id);
        refs[e->uenv_frame]++;
        refs[e->save_frame]++;
        assert_int_equal(frame_at(e->save_frame)->refs, 1);
        assert_true(frame_at(e->save_frame)->type == AEG_FRAME_SAVE || frame_at(e->save_frame)->type == AEG_FRAME_ORPHAN);
        saves++;
        pinned[e->uenv_frame]++;
        pinned[e->save_frame]++;
        used[e->account][AEG_KIND_ENV]++;
        if (env_asleep(e))
            assert_int_equal(e->uenv->notify & e->wait_mask, 0);
        walk_gate(e);
    }
    for (aeg_frame_t f = 1; f < frame_count; f++)
        saves -= frame_at(f)->type == AEG_FRAME_SAVE;
    assert_in_range(saves, 0, ENV_MAX);     /* the rest are orphans */
}

static void
walk_vectors(void)
{
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++) {
        if (revoke_vector(i) == 0)
            continue;
        refs[revoke_vector(i)]++;
        pinned[revoke_vector(i)]++;
    }
}

static void
walk_frames(uint64_t used[][AEG_KINDS])
{
    uint32_t dying[ACCOUNT_MAX] = { 0 };

    for (aeg_frame_t f = 0; f < frame_count; f++) {
        const struct aeg_frame_info *fi = frame_at(f);

        if (fi->type == AEG_FRAME_NONE || fi->type == AEG_FRAME_FREE) {
            assert_int_equal(refs[f], 0);
            continue;
        }
        used[fi->account][AEG_KIND_FRAME]++;
        assert_int_equal(fi->refs, refs[f]);
        assert_true(fi->type != AEG_FRAME_ORPHAN || fi->refs > 0);
        assert_int_equal(pinned[f] != 0, (fi->flags & AEG_FRAME_PINNED) != 0);
        assert_true(pinned[f] <= 1);
        assert_true(!(fi->flags & AEG_FRAME_DYING) || fi->type == AEG_FRAME_ORPHAN);
        dying[fi->account] += (fi->flags & AEG_FRAME_DYING) != 0;
    }
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++)
        assert_int_equal(dying[i], frame_dying[i]);
}

/* What is charged to an account and to those below it. */
static uint64_t
used_below(uint64_t used[][AEG_KINDS], uint32_t account, unsigned kind)
{
    uint64_t sum = used[account][kind];

    for (uint32_t c = 0; account_at(account)->id != 0 && c < ACCOUNT_MAX; c++)
        if (account_at(c)->id != 0 && account_at(c)->parent == account_at(account)->id)
            sum += used_below(used, c, kind);
    return sum;
}

static void
walk_accounts(uint64_t used[][AEG_KINDS])
{
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++) {
        const struct aeg_account_info *a = account_at(i);

        if (a->id != 0 && a->parent != 0) {
            assert_non_null(account_find(a->parent));
            used[AEG_ID_INDEX(a->parent)][AEG_KIND_ACCOUNT]++;
        }
    }
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++) {
        const struct aeg_account_info *a = account_at(i);

        for (unsigned k = 0; k < AEG_KINDS; k++) {
            uint64_t promised = 0, unused = 0;
            for (uint32_t c = 0; c < ACCOUNT_MAX; c++) {
                const struct aeg_account_info *child = account_at(c);
                if (child->id == 0 || child->parent != a->id)
                    continue;
                promised += child->limits.guarantee[k];
                unused += MAX(child->limits.guarantee[k], child->used[k] + child->promised[k]) - child->used[k];
            }
            assert_int_equal(a->used[k], used_below(used, i, k));
            if (a->id == 0)
                continue;
            assert_int_equal(a->promised[k], unused);
            assert_true(a->used[k] + a->promised[k] <= a->limits.limit[k] || a->limits.limit[k] == 0);  /* 0: it may be ending */
            assert_true(promised <= a->limits.guarantee[k]);
        }
    }
}

void
walk(void)
{
    static uint64_t used[ACCOUNT_MAX][AEG_KINDS];

    memset(used, 0, sizeof(used));
    memset(refs, 0, sizeof(refs));
    memset(pinned, 0, sizeof(pinned));
    uint64_t nodes = 0;
    for (aeg_frame_t f = 0; f < frame_count; f++) {
        if (frame_at(f)->type != AEG_FRAME_NODE)
            continue;
        walk_node(f);
        nodes++;
    }
    assert_int_equal(nodes, frame_nodes);
    walk_spaces(used);
    walk_envs(used);
    walk_vectors();
    walk_frames(used);
    walk_accounts(used);
    walk_free_list();
    walk_marks();
}
