/*
 * call_turn.c: with whom each call is in the kernel, where several CPUs run envs.
 *
 * Not here: what that means (turn.c), where the calls are (dispatch.c).
 */
#include "core/turn.h"

#define SECOND(first, second, ...) second
#define SECOND_OF(...) SECOND(__VA_ARGS__)

/* Calls that lock what they touch, and calls that give the CPU away; all others are alone in the kernel (turn.c). */
#define TURN_OF_cap_list , turn_beside
#define TURN_OF_frame_alloc , turn_beside
#define TURN_OF_frame_free , turn_beside
#define TURN_OF_pte_set , turn_beside
#define TURN_OF_blockq_submit , turn_beside
#define TURN_OF_ring_kick , turn_beside
#define TURN_OF_notify , turn_sched
#define TURN_OF_yield , turn_sched
#define TURN_OF_wait , turn_sched
#define TURN_OF_pct_call , turn_sched
#define TURN_OF_pct_send , turn_sched
#define TURN_OF_pct_reply , turn_sched
#define TURN_OF_pct_reply_wait , turn_sched
static void (*const turn_of[])(struct cpu *cpu) = {
#define AEG_SYSCALL(number, name, argc, needs) [number] = SECOND_OF(TURN_OF_##name, turn_alone, turn_alone),
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

void
call_begin(uint32_t number)
{
    struct cpu *cpu = this_cpu();

    turn_of[number](cpu);
    if (!cpu->env)
        turn_upgrade(cpu);
}

void
call_end(void)
{
    turn_end(this_cpu());
}
