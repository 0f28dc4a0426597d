/*
 * slice.c: the CPU as a vector of time slices.
 *
 * Holds:    each CPU has AEG_SLICE_POSITIONS positions, run round robin; a position names its home env. A directed yield hands the
 *           CPU to another env on the home's behalf; the kernel remembers it as the home's runner.
 * Locks:    none: whoever takes a CPU from one env to another is alone in the kernel (turn.c).
 * Not here: how an env gets the CPU (slice_run.c) and loses it (slice_end.c); which process deserves it. That is the library's business.
 */
#include "core/slice.h"
#include "core/frame.h"
#include "core/turn.h"
#include "dev/dev.h"

#define SLICE_NS 5000000ull     /* 5 ms */
#define GRACE_NS 1000000ull     /* what a library gets after slice end to save what it wants */

static struct env *home_of[CPU_MAX][AEG_SLICE_POSITIONS];
/* From each position, how far it is to the next one of another home; to be found again when a position has changed. */
static struct {
    bool known;
    uint8_t steps[AEG_SLICE_POSITIONS];
} runs[CPU_MAX];
static struct aeg_slice_info *slice_info;
static uint64_t slice_ticks;
uint64_t slice_grace_ticks;

void
slice_init(void)
{
    uint64_t bytes = sizeof(*slice_info) * CPU_MAX * AEG_SLICE_POSITIONS;

    slice_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
    info->slices = (struct aeg_table){ info_expose(slice_info, bytes), info->cpu_count * AEG_SLICE_POSITIONS, sizeof(*slice_info) };
    info->slice_ns = SLICE_NS;
    info->grace_ns = GRACE_NS;
    slice_ticks = ns_to_tsc(SLICE_NS) - ns_to_tsc(0);
    slice_grace_ticks = ns_to_tsc(GRACE_NS) - ns_to_tsc(0);
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        cpus[i].uenv = (struct aeg_uenv *)slice_idle_uenv;
        cpus[i].time_of = &cpus[i].nobody_tsc;
    }
}

static void
position_set(uint32_t cpu, uint32_t position, struct env *e)
{
    cpus[cpu].homes += (uint32_t)(e != NULL) - (uint32_t)(home_of[cpu][position] != NULL);
    home_of[cpu][position] = e;
    runs[cpu].known = false;
    slice_info[cpu * AEG_SLICE_POSITIONS + position].env = e ? e->id : 0;
}

void
slice_give_all(struct env *e)
{
    for (uint32_t p = 0; p < AEG_SLICE_POSITIONS; p++)
        position_set(0, p, e);
}

aeg_err_t
sys_slice_set(struct sys_args *args)
{
    uint64_t cpu = args->a[0], position = args->a[1];
    uint32_t cpu_cap = args->a[3] & 0xffff, env_cap = args->a[3] >> 16;
    struct env *e = NULL;
    aeg_err_t err;

    if (cpu >= info->cpu_count || position >= AEG_SLICE_POSITIONS)
        return AEG_ERR_CPU;
    err = cap_check(cpu_cap, (struct aeg_name){ AEG_GUARD_CPU_HI(cpu), 0 }, AEG_RIGHT_WRITE);
    if (err == AEG_OK && args->a[2] != 0)
        err = env_check(args->a[2], env_cap, AEG_RIGHT_WRITE, &e);
    if (err != AEG_OK)
        return err;
    position_set(cpu, position, e);
    if (e && cpus[cpu].idle)
        turn_wakes(&cpus[cpu]);
    return AEG_OK;
}

void
slice_forget(struct env *e)
{
    for (uint32_t c = 0; c < info->cpu_count; c++) {
        for (uint32_t p = 0; p < AEG_SLICE_POSITIONS; p++)
            if (home_of[c][p] == e)
                position_set(c, p, NULL);
        if (cpus[c].home == e)
            cpus[c].home = NULL;
    }
}

bool
slice_in_grace(void)
{
    return this_cpu()->in_grace;
}

void
slice_begin(struct cpu *cpu)
{
    dev_slice_begin();
    cpu->slice_end_tsc = arch_tsc() + slice_ticks;
    cpu->in_grace = false;
}

/* ---- whose turn it is ---- */

/* Who has the slice that would be e's on behalf of `home`: an env with a penalty loses it to the home, or to the next position (NULL). */
static struct env *
penalty_pay(struct env *home, struct env *e)
{
    if (e->info->penalty == 0)
        return e;
    e->info->penalty--;
    if (e == home || home->state != AEG_ENV_READY || env_elsewhere(home) || home->info->penalty != 0)
        return NULL;
    home->runner = 0;
    return home;
}

struct env *
slice_home_pick(struct env *home)
{
    struct env *runner;

    if (!home)
        return NULL;
    runner = env_find(home->runner);
    runner = runner ? pct_last(runner) : NULL;
    if (runner && runner->state == AEG_ENV_READY)
        return env_elsewhere(runner) ? NULL : runner;
    home->runner = 0;
    home = pct_last(home);
    return home->state == AEG_ENV_READY && !env_elsewhere(home) ? home : NULL;
}

/* Twice around, from the back: a run of positions may reach over the end. */
static const uint8_t *
runs_of(uint32_t cpu)
{
    uint8_t *steps = runs[cpu].steps;

    for (uint32_t i = 2 * AEG_SLICE_POSITIONS; !runs[cpu].known && i-- > 0;) {
        uint32_t p = i % AEG_SLICE_POSITIONS, next = (p + 1) % AEG_SLICE_POSITIONS;

        steps[p] = home_of[cpu][p] != home_of[cpu][next] ? 1 : (uint8_t)MIN(steps[next] + 1, AEG_SLICE_POSITIONS);
    }
    runs[cpu].known = true;
    return steps;
}

/* A home that has nobody is passed by with all of its run. */
struct env *
slice_advance(struct cpu *cpu)
{
    const uint8_t *steps = runs_of(cpu->index);

    for (uint32_t i = 1, step; i <= 2 * AEG_SLICE_POSITIONS; i += step) {
        uint32_t p = (cpu->position + i) % AEG_SLICE_POSITIONS;
        struct env *home = home_of[cpu->index][p], *e = slice_home_pick(home);

        step = e ? 1 : steps[p];
        if (e && i <= AEG_SLICE_POSITIONS)
            e = penalty_pay(home, e);
        if (e) {
            cpu->position = p;
            cpu->home = home;
            return e;
        }
    }
    return NULL;
}

bool
slice_others_wait(const struct cpu *cpu)
{
    struct env *meant = slice_home_pick(cpu->home);
    const uint8_t *steps = runs_of(cpu->index);

    if (meant && meant != cpu->env)
        return true;
    for (uint32_t p = 0; p < AEG_SLICE_POSITIONS; p += steps[p]) {
        struct env *home = home_of[cpu->index][p];
        if (home && home != cpu->home && slice_home_pick(home))
            return true;
    }
    return false;
}
