/*
 * trace.c: the last events of each CPU, readable by everyone in the exposed window.
 *
 * Holds:    a ring of events for each CPU that runs envs. Only that CPU writes it; `written` rises after the event is whole.
 * Not here: what events there are (abi/trace.def), and where those of the shortest paths are recorded (arch/x86_64/trace.asm).
 */
#include "core/trace.h"
#include "arch/x86_64/arch.h"
#include "core/env.h"

#define EVENTS 1024             /* of each CPU, unless trace-events= says otherwise */
#define EVENTS_MIN 16
#define EVENTS_MAX 65536

static struct aeg_trace_info *traces;
static struct aeg_trace_event *events[CPU_MAX];

/* The boot option's number, rounded down to a power of two. */
static uint32_t
events_wanted(void)
{
    const char *text;
    uint32_t n = 0, rounded = EVENTS_MIN;

    if (!boot_option("trace-events", &text))
        return EVENTS;
    for (; *text >= '0' && *text <= '9' && n < EVENTS_MAX; text++)
        n = n * 10 + (uint32_t)(*text - '0');
    while (rounded * 2 <= MIN(n, EVENTS_MAX))
        rounded *= 2;
    return rounded;
}

void
trace_init(void)
{
    uint32_t count = events_wanted();
    uint64_t bytes = count * sizeof(**events);
    bool frequent = boot_option("ktrace", NULL);

    traces = frame_map(frame_boot_alloc(1));
    static_assert(CPU_MAX * sizeof(*traces) <= FRAME_SIZE, "one page");
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        events[i] = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
        traces[i] = (struct aeg_trace_info){ .events = { info_expose(events[i], bytes), count, sizeof(**events) }, .frequent = frequent };
    }
    info->traces = (struct aeg_table){ info_expose(traces, FRAME_SIZE), info->cpu_count, sizeof(*traces) };
    if (frequent)
        arch_trace_frequent();
}

void
trace(enum aeg_trace_kind kind, uint64_t a, uint64_t b)
{
    uint64_t tsc = arch_tsc();
    const struct cpu *cpu = this_cpu();
    struct aeg_trace_info *t = &traces[cpu->index];
    struct aeg_trace_event *e = &events[cpu->index][t->written & (t->events.count - 1)];

    e->tsc = tsc;
    e->kind = kind;
    e->env = cpu->env ? cpu->env->id : 0;
    e->a = a;
    e->b = b;
    __atomic_store_n(&t->written, t->written + 1, __ATOMIC_RELEASE);
}
