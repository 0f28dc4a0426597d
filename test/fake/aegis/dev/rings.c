/* rings.c: see rings.h. */
#include "test/fake/aegis/dev/rings.h"

static bool ring_held;
static struct aeg_nic_info nic_info[NICS];
static struct nic nic[NICS];

bool
ring_hold(aeg_id_t id, struct ring_identity *out)
{
    uint32_t i = AEG_ID_INDEX(id);

    if (AEG_ID_GENERATION(id) != 1 || i >= RINGS)
        return false;
    ring_held = true;
    *out = (struct ring_identity){ RING_IS_BOBS(i) ? NAME_BOB : NAME_ALICE, ACCOUNT, i == 4 };
    return true;
}

void
ring_release(void)
{
    assert_true(ring_held);
    ring_held = false;
}

struct nic *
nic_at(uint64_t index)
{
    nic[index].info = &nic_info[index];
    nic_info[index].guard.hi = AEG_GUARD_NIC_HI(index);
    return &nic[index];
}

const uint32_t ring_cap[RINGS] = { CAP_ALICE, CAP_ALICE, CAP_BOB, CAP_BOB, CAP_ALICE };

int
make(void **state)
{
    static bool made;

    (void)state;
    fake_reset();
    if (!made) {
        info->frames.count = MEMORY_FRAMES;
        info->nics.count = NICS;
        filter_init();
    }
    made = true;
    return 0;
}

void
release(uint32_t ring)
{
    while (!filter_release_ring(RING(ring)))
        continue;
}

void
release_all(void)
{
    for (uint32_t i = 0; i < RINGS; i++)
        release(i);
}

int
unmake(void **state)
{
    uint8_t packet[64] = { 0 };
    struct filter_hit hit[RING_MAX];

    (void)state;
    release_all();
    assert_int_equal(fake.used[AEG_KIND_FILTER], 0);
    assert_int_equal(filter_match(0, packet, sizeof(packet), hit), 0);
    return 0;
}

aeg_err_t
bind_as(uint32_t ring, uint32_t nic_cap, const struct aeg_filter *f, aeg_id_t *id)
{
    aeg_err_t err = fake_call(sys_filter_bind, RING(ring), ring_cap[ring], nic_cap, (uint64_t)(uintptr_t)f, 0, id);

    assert_false(ring_held);
    return err;
}
