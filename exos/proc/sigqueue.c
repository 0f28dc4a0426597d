/*
 * sigqueue.c: signals that are pending, in the order in which they came.
 *
 * Holds:    an entry on the heap for what came with a signal, where more than one is pending. A bit without an entry is a signal of which nobody
 *           knows any more where it came from.
 * Rules:    the library is not pre-empted, so queues need no lock.
 */
#include "proc/sigqueue.h"

#include "base/mem.h"
#include "proc/signal.h"

struct sig_entry {
    struct sig_entry *next;
    struct siginfo_brief info;
};

uint32_t sigqueue_total;

int
signal_first(uint64_t set)
{
    if (set & SIG_FAULTS)
        set &= SIG_FAULTS;
    return __builtin_ctzll(set) + 1;
}

/* ---- in ---- */

/* What kill(2) sends is pending even where nobody can remember who sent it. */
static int
without_entry(struct sig_queue *q, int sig, const struct siginfo_brief *info)
{
    if (sig >= SIG_REALTIME && info->code != SI_USER)
        return -EAGAIN;
    q->set |= SIG_BIT(sig);
    return 0;
}

static void
append(struct sig_queue *q, struct sig_entry *e)
{
    if (q->first == NULL)
        q->first = e;
    else
        q->last->next = e;
    q->last = e;
}

int
sigqueue_add_more(struct sig_queue *q, int sig, const struct siginfo_brief *info, uint32_t *count, uint64_t most)
{
    struct sig_entry *e;

    if (sig < SIG_REALTIME && (q->set & SIG_BIT(sig)))
        return 0;
    if (*count >= most && (sig >= SIG_REALTIME || info->code < 0))
        return without_entry(q, sig, info);
    if (q->lone.signo == 0 && q->first == NULL) {
        q->lone = *info;
        q->lone.signo = sig;
    } else {
        e = heap_alloc(sizeof(*e));
        if (e == NULL)
            return without_entry(q, sig, info);
        e->info = *info;
        e->info.signo = sig;
        append(q, e);
    }
    q->set |= SIG_BIT(sig);
    sigqueue_count(count, 1);
    return 0;
}

/* ---- out ---- */

/* Takes the entry behind `before` (NULL: the first) out of the queue. */
static void
unlink_entry(struct sig_queue *q, struct sig_entry *before, struct sig_entry *e, uint32_t *count)
{
    sigqueue_count(count, ONE_LESS);
    if (before != NULL)
        before->next = e->next;
    else
        q->first = e->next;
    if (q->last == e)
        q->last = before;
    heap_free(e);
}

static bool
another(const struct sig_queue *q, int sig)
{
    for (const struct sig_entry *e = q->first; e != NULL; e = e->next)
        if (e->info.signo == sig)
            return true;
    return false;
}

/* The oldest with that number; false: nothing is known of it. */
static bool
remove_oldest(struct sig_queue *q, int sig, struct siginfo_brief *info, uint32_t *count)
{
    struct sig_entry *before = NULL;

    if (q->lone.signo == sig) {
        *info = q->lone;
        q->lone.signo = 0;
        sigqueue_count(count, ONE_LESS);
        return true;
    }
    for (struct sig_entry *e = q->first; e != NULL; before = e, e = e->next)
        if (e->info.signo == sig) {
            *info = e->info;
            unlink_entry(q, before, e, count);
            return true;
        }
    return false;
}

void
sigqueue_remove_more(struct sig_queue *q, int sig, struct siginfo_brief *info, uint32_t *count)
{
    struct siginfo_brief found = { .signo = sig, .code = SI_USER };

    (void)remove_oldest(q, sig, &found, count);
    if (info != NULL)
        *info = found;
    if (sig < SIG_REALTIME || !another(q, sig))
        q->set &= ~SIG_BIT(sig);
}

void
sigqueue_drop(struct sig_queue *q, uint64_t set, uint32_t *count)
{
    struct sig_entry *before = NULL;

    q->set &= ~set;
    if (q->lone.signo != 0 && (SIG_BIT(q->lone.signo) & set)) {
        q->lone.signo = 0;
        sigqueue_count(count, ONE_LESS);
    }
    for (struct sig_entry *e = q->first, *next; e != NULL; e = next) {
        next = e->next;
        if (SIG_BIT(e->info.signo) & set)
            unlink_entry(q, before, e, count);
        else
            before = e;
    }
}
