/* text.c: a line for each event: time since boot, time since the line before, processor, env, what. */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>

static void
print_word(const char *how, uint64_t value)
{
    char text[WORD_BYTES];
    const char *name = word_text(text, how, value);

    if (name)
        printf(" %s=%s", name, text);
}

void
write_text(const struct events *all)
{
    uint64_t before = all->count ? event_ns(&all->event[0]) : 0;

    printf("%16s %12s cpu %-9s event\n", "seconds", "+us", "env");
    for (size_t i = 0; i < all->count; i++) {
        const struct event *e = &all->event[i];
        const struct kind *k = kind_of(e->e.kind);
        char env[WORD_BYTES];
        uint64_t ns = event_ns(e), more = ns - before;

        word_text(env, "id env", e->e.env);
        printf("%6" PRIu64 ".%09" PRIu64 " %8" PRIu64 ".%03" PRIu64 " %3u %-9s %-10s", ns / 1000000000, ns % 1000000000,
               more / 1000, more % 1000, e->cpu, e->e.env ? env : "-", k->name);
        print_word(k->a, e->e.a);
        print_word(k->b, e->e.b);
        putchar('\n');
        before = ns;
    }
    if (all->lost)
        printf("lost: %" PRIu64 " events were overwritten before they were read\n", all->lost);
}
