/*
 * timer.c: one-shot timers of the session, in order of their deadlines.
 *
 * Run as due work by whoever blocks or ends a slice; the housekeeper sleeps no longer than to the first one.
 */
#include "base/base.h"
#include "thread/thread.h"

static struct list timers = { &timers, &timers };
uint64_t timer_first_ns = DEADLINE_NEVER, due_first_ns;
struct turn_news turn_news;

static void
first_changed(void)
{
    timer_first_ns = list_empty(&timers) ? DEADLINE_NEVER : container_of(timers.next, struct timer, link)->deadline_ns;
}

void
timer_start(struct timer *t, uint64_t deadline_ns, void (*fn)(struct timer *t))
{
    struct list *at = timers.prev;

    timer_stop(t);
    t->deadline_ns = deadline_ns;
    t->fn = fn;
    t->armed = true;
    while (at != &timers && container_of(at, struct timer, link)->deadline_ns > deadline_ns)
        at = at->prev;
    list_push_head(at, &t->link);
    first_changed();
    if (deadline_ns < due_first_ns) {
        due_first_ns = deadline_ns;
        turn_news.work = 1;
    }
}

void
timer_stop(struct timer *t)
{
    if (!t->armed)
        return;
    t->armed = false;
    list_remove(&t->link);
    first_changed();
}

void
timers_run(uint64_t now_ns)
{
    while (timer_first_ns <= now_ns) {
        struct timer *t = container_of(timers.next, struct timer, link);

        timer_stop(t);
        t->fn(t);
    }
}
