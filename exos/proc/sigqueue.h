/*
 * sigqueue.h: signals that are pending, for a thread or for a process: a bit for each number, and what came with each of them.
 */
#ifndef EXOS_PROC_SIGQUEUE_H
#define EXOS_PROC_SIGQUEUE_H

#include "base/base.h"

#define SIG_MAX 64
#define SIG_REALTIME 32         /* the first number that is queued as often as it is sent */
#define SIG_BIT(n) (1ull << ((n) - 1))

/* What a handler is told: the part of siginfo_t that is used (Linux uapi/asm-generic/siginfo.h). */
struct siginfo_brief {
    int32_t signo, err, code, pad;      /* signo: set when it is sent */
    union {
        struct {
            uint32_t pid, uid;
            union { int32_t status; uint64_t value; };
            uint64_t utime, stime;
        };
        struct { int32_t timer_id, overrun; };
        uint64_t addr;
        uint64_t word[4];
    };
};
_Static_assert(sizeof(struct siginfo_brief) == 48, "Linux ABI; proc/sigframe.asm");

/* word: the first of those behind the pad. (Word by word: compilers clear such a struct by a string instruction first.) */
static inline struct siginfo_brief
siginfo_of(int sig, int code, uint64_t word)
{
    struct siginfo_brief info;

    info.signo = sig;
    info.err = 0;
    info.code = code;
    info.pad = 0;
    info.word[0] = word;
    info.word[1] = info.word[2] = info.word[3] = 0;
    return info;
}

struct sig_entry;

/* Zeros are an empty one. May be moved as it is. */
struct sig_queue {
    uint64_t set;               /* bit n - 1: signal n is pending */
    struct siginfo_brief lone;  /* the oldest, when its signo is not 0: where one alone is pending, nothing is allocated */
    struct sig_entry *first, *last;     /* all others */
};

/* How many are pending in all queues: most often so few that nobody has to look whose they are. */
extern uint32_t sigqueue_total;

static inline void
sigqueue_count(uint32_t *count, uint32_t change)
{
    *count += change;
    sigqueue_total += change;
}
#define ONE_LESS UINT32_MAX

/* What the two below do where more than one is pending. */
int sigqueue_add_more(struct sig_queue *q, int sig, const struct siginfo_brief *info, uint32_t *count, uint64_t most) MUST_USE;
void sigqueue_remove_more(struct sig_queue *q, int sig, struct siginfo_brief *info, uint32_t *count);
/* The first number to be taken of a set that is not empty: faults before all others. */
int signal_first(uint64_t set);

/* Adds one. A signal below SIG_REALTIME that is pending already is not added again. `count` is what the process has pending, `most` the limit
   for what programs queue. 0; -EAGAIN: a real-time signal that is not added, since there is no room for what came with it. */
static inline int
sigqueue_add(struct sig_queue *q, int sig, const struct siginfo_brief *info, uint32_t *count, uint64_t most)
{
    if (q->set != 0 || *count >= most)
        return sigqueue_add_more(q, sig, info, count, most);
    q->set = SIG_BIT(sig);
    q->lone = *info;
    q->lone.signo = sig;
    sigqueue_count(count, 1);
    return 0;
}

/* Takes out the oldest of that number, which is pending. info NULL: nobody wants to know. */
static inline void
sigqueue_remove(struct sig_queue *q, int sig, struct siginfo_brief *info, uint32_t *count)
{
    if (q->lone.signo != sig || q->first != NULL) {
        sigqueue_remove_more(q, sig, info, count);
        return;
    }
    if (info != NULL)
        *info = q->lone;
    q->set &= ~SIG_BIT(sig);
    q->lone.signo = 0;
    sigqueue_count(count, ONE_LESS);
}

/* Drops all whose number is in `set`. */
void sigqueue_drop(struct sig_queue *q, uint64_t set, uint32_t *count);

#endif
