/*
 * json.c: the Trace Event Format: a row for each processor with who had it, a row for each env with its events as instants.
 *
 * Who had the CPU is seen from the events: each names the env that was running.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>

#define PID_CPUS 1              /* the two groups of rows */
#define PID_ENVS 2
#define CPUS 64

static const char *comma = "";

static void
begin(const char *name, char phase, unsigned pid, uint64_t tid, uint64_t ns)
{
    printf("%s\n{\"name\":\"%s\",\"ph\":\"%c\",\"pid\":%u,\"tid\":%" PRIu64 ",\"ts\":%" PRIu64 ".%03" PRIu64, comma, name, phase, pid, tid,
           ns / 1000, ns % 1000);
    comma = ",";
}

static void
title(const char *what, unsigned pid, uint64_t tid, const char *text)
{
    begin(what, 'M', pid, tid, 0);
    printf(",\"args\":{\"name\":\"%s\"}}", text);
}

/* `env` had the CPU from `from` to `to`. */
static void
ran(uint32_t cpu, aeg_id_t env, uint64_t from, uint64_t to)
{
    char text[WORD_BYTES];

    word_text(text, "id env", env);
    begin(env ? text : "idle", 'X', PID_CPUS, cpu, from);
    printf(",\"dur\":%" PRIu64 ".%03" PRIu64 "}", (to - from) / 1000, (to - from) % 1000);
}

static void
argument(const char *how, uint64_t value)
{
    char text[WORD_BYTES];
    const char *name = word_text(text, how, value);

    if (name)
        printf(",\"%s\":\"%s\"", name, text);
}

static void
instant(const struct event *e)
{
    const struct kind *k = kind_of(e->e.kind);

    begin(k->name, 'i', PID_ENVS, AEG_ID_INDEX(e->e.env), event_ns(e));
    printf(",\"s\":\"t\",\"args\":{\"cpu\":%u", e->cpu);
    argument(k->a, e->e.a);
    argument(k->b, e->e.b);
    printf("}}");
}

/* After a switch the CPU is its target's at once, not only from that one's next event on. */
static aeg_id_t
has_cpu_after(const struct event *e)
{
    if (e->e.kind == AEG_TRACE_SWITCH)
        return e->e.a;
    return e->e.kind == AEG_TRACE_IDLE ? 0 : e->e.env;
}

void
write_json(const struct events *all)
{
    aeg_id_t who[CPUS] = { 0 };
    uint64_t since[CPUS] = { 0 }, end = all->count ? event_ns(&all->event[all->count - 1]) : 0;

    printf("{\"displayTimeUnit\":\"ns\",\"otherData\":{\"build\":\"%s\",\"lost\":%" PRIu64 "},\"traceEvents\":[",
           (const char *)(uintptr_t)AEG_INFO->build, all->lost);
    title("process_name", PID_CPUS, 0, "processors");
    title("process_name", PID_ENVS, 0, "envs");
    for (size_t i = 0; i < all->count; i++) {
        const struct event *e = &all->event[i];
        aeg_id_t after = has_cpu_after(e);

        if (since[e->cpu] == 0 || after != who[e->cpu]) {
            if (since[e->cpu] != 0)
                ran(e->cpu, who[e->cpu], since[e->cpu], event_ns(e));
            who[e->cpu] = after;
            since[e->cpu] = event_ns(e);
        }
        instant(e);
    }
    for (uint32_t cpu = 0; cpu < CPUS; cpu++)
        if (since[cpu] != 0)
            ran(cpu, who[cpu], since[cpu], end);
    printf("\n]}\n");
}
