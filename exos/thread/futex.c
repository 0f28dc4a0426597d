/*
 * futex.c: threads that sleep at a word of the program's, and what a thread that ends leaves at such words.
 *
 * Holds:    sleepers by a hash of the word's name: (address space, address) for memory of one process, in queues of its struct mm; (what the
 *           page belongs to, offset) for memory that is mapped shared. What a sleeper waits for lies in its struct thread.
 * Rules:    nothing runs between the look at the word and the sleep: the library is not pre-empted, and the look does not sleep any more
 *           once the word is there.
 * Not here: locks with owners (pifutex.c); the simplest wake and wait, which go straight from the call's gate (futex.asm).
 */
#include "thread/futex.h"

#include "base/uaccess.h"
#include "base/uio.h"
#include "fs/file.h"
#include "proc/proc.h"
#include "vm/vm.h"

#define SHARED_BITS 8
#define HASH 0x9e3779b1u        /* a word's place among those of its process: futex.asm */
#define ROBUST_MAX 2048         /* entries of a list that are looked at: as Linux */
#define ROBUST_WAITERS 0x80000000u
#define ROBUST_OWNER_DIED 0x40000000u
#define ROBUST_TID 0x3fffffffu

static struct waitq shared_words[1 << SHARED_BITS];
uint64_t futex_top;             /* futex.asm: where words of programs end that may go the short ways */

void
futex_init(bool short_ways)
{
    for (unsigned i = 0; i < ARRAY_SIZE(shared_words); i++)
        waitq_init(&shared_words[i]);
    futex_top = short_ways ? USER_TOP : 0;
}

static inline struct waitq *
own_queue(struct mm *mm, uva_t va)
{
    return &mm->futexes[(uint32_t)va * HASH >> (32 - MM_FUTEX_BITS)];
}

static inline struct waitq *
queue_of(const struct futex_key *k)
{
    struct mm *mm = proc_current()->mm;

    return k->object == mm ? own_queue(mm, k->at) : &shared_words[((uint64_t)k->object + k->at) * 0x9e3779b97f4a7c15ull >> (64 - SHARED_BITS)];
}

static inline bool
same(const struct futex_key *a, const struct futex_key *b)
{
    return a->object == b->object && a->at == b->at;
}

int
futex_key(struct futex_key *key, uva_t va, bool shared)
{
    struct mm *mm = proc_current()->mm;
    const struct region *r;

    if (!user_ok(va, sizeof(uint32_t)))
        return -EFAULT;
    *key = (struct futex_key){ mm, va };
    if (!shared)
        return 0;
    r = region_find(&mm->map, va);
    if (r == NULL)
        return -EFAULT;
    if ((r->flags & REGION_SHARED) && r->file != NULL)
        *key = (struct futex_key){ r->file->inode != NULL ? (const void *)r->file->inode : r->file, r->offset + (va - r->start) };
    return 0;
}

int
futex_wait(uva_t va, bool shared, uint32_t value, uint32_t bits, uint64_t deadline_ns)
{
    struct thread *self = thread_self();
    uint32_t now;
    int err = futex_key(&self->futex.key, va, shared);

    if (err != 0)
        return err;
    if (!user_load32(&now, va))
        return -EFAULT;
    if (now != value)
        return -EAGAIN;
    self->futex.bits = bits;
    return wait_sleep(queue_of(&self->futex.key), NULL, deadline_ns, WAIT_INTR);
}

static struct thread *
sleeper_at(struct list *link)
{
    return container_of(link, struct thread, sleep.watch.link);
}

static inline long
wake(struct waitq *wq, const struct futex_key *key, uint32_t most, uint32_t bits)
{
    uint32_t n = 0;

    list_for_safe(pos, next, &wq->waiters) {
        struct thread *t = sleeper_at(pos);

        if (!same(&t->futex.key, key) || !(t->futex.bits & bits))
            continue;
        thread_rouse(t, 0);
        if (++n == most)
            break;
    }
    return n;
}

long
futex_wake(const struct futex_key *key, uint32_t most, uint32_t bits)
{
    return most == 0 ? 0 : wake(queue_of(key), key, most, bits);
}

/* Most waits and wakes are of a word of the process' own, without a time: the few steps that these need. */
long
futex_wait_own(uva_t va, uint32_t value)
{
    struct thread *self = thread_self();
    struct mm *mm = self->proc->mm;
    uint32_t now;

    if (!user_ok(va, sizeof(now)))
        return -EFAULT;
    if (!uaccess_load32(&now, va))
        return futex_wait(va, false, value, FUTEX_ALL_BITS, DEADLINE_NEVER);
    if (now != value)
        return -EAGAIN;
    self->futex = (struct futex_sleep){ { mm, va }, FUTEX_ALL_BITS };
    return wait_here(own_queue(mm, va));
}

long
futex_wake_own(uva_t va, uint32_t most)
{
    struct mm *mm = thread_self()->proc->mm;
    struct futex_key key = { mm, va };

    return user_ok(va, sizeof(uint32_t)) ? wake(own_queue(mm, va), &key, most, FUTEX_ALL_BITS) : -EFAULT;
}

long
futex_requeue(const struct futex_key *from, uint32_t most, const struct futex_key *to, uint32_t move)
{
    struct waitq *wq = queue_of(from), *target = queue_of(to);
    long woken = futex_wake(from, most, FUTEX_ALL_BITS);
    uint32_t moved = 0;

    if (same(from, to))
        return woken;
    list_for_safe(pos, next, &wq->waiters) {
        struct thread *t = sleeper_at(pos);

        if (moved == move)
            break;
        if (!same(&t->futex.key, from))
            continue;
        list_remove(pos);
        list_push_tail(&target->waiters, pos);
        t->futex.key = *to;
        moved++;
    }
    return woken + moved;
}

/* ---- FUTEX_WAKE_OP: operation, comparison and their arguments in one word (futex(2)) ---- */

static uint32_t
argument(uint32_t bits)
{
    return (uint32_t)((int32_t)(bits << 20) >> 20);
}

int
futex_change(uva_t va, uint32_t operation, uint32_t *old)
{
    enum { SET, ADD, OR, ANDN, XOR, ARGUMENT_IS_SHIFT = 8 };
    uint32_t arg = argument(operation >> 12), new;
    int err;

    if (operation >> 28 & ARGUMENT_IS_SHIFT)
        arg = 1u << (arg & 31);
    do {
        if (!user_load32(old, va))
            return -EFAULT;
        switch (operation >> 28 & 7) {
        case SET: new = arg; break;
        case ADD: new = *old + arg; break;
        case OR: new = *old | arg; break;
        case ANDN: new = *old & ~arg; break;
        case XOR: new = *old ^ arg; break;
        default: return -ENOSYS;
        }
        err = futex_store(va, *old, new);
    } while (err == -EAGAIN);
    return err;
}

bool
futex_compare(uint32_t operation, uint32_t old)
{
    enum { EQ, NE, LT, LE, GT, GE };
    int32_t a = (int32_t)old, b = (int32_t)argument(operation);

    switch (operation >> 24 & 15) {
    case EQ: return a == b;
    case NE: return a != b;
    case LT: return a < b;
    case LE: return a <= b;
    case GT: return a > b;
    default: return a >= b;
    }
}

/* ---- the end of a thread ---- */

static void
wake_at(uva_t va)
{
    struct futex_key key;

    if (futex_key(&key, va, true) == 0)
        (void)futex_wake(&key, 1, FUTEX_ALL_BITS);
}

/* A lock that the thread may hold. False: its list cannot be trusted. */
static bool
owner_died(const struct thread *t, uva_t va, bool pending)
{
    uint32_t value;
    int err = 0;

    do {
        if ((va & 3) != 0 || !user_load32(&value, va))
            return false;
        if ((value & ROBUST_TID) == t->tid)
            err = futex_store(va, value, (value & ROBUST_WAITERS) | ROBUST_OWNER_DIED);
    } while (err == -EAGAIN);
    if (err != 0)
        return false;
    if ((value & ROBUST_TID) == t->tid) {
        if (value & ROBUST_WAITERS)
            wake_at(va);        /* nobody, if it is one of pifutex.c's */
    } else if (pending && value == 0) {
        wake_at(va);            /* it had let go of the lock, but not told who waits */
    }
    return true;
}

/* get_robust_list(2): a circular list through the locks, the distance from links to words, and the lock that is being taken or left. */
static NOINLINE void
robust_release(const struct thread *t)
{
    struct { uint64_t first, offset, pending; } head;
    uint64_t entry, next;

    if (user_copy_in(&head, t->robust_list, sizeof(head)) != 0)
        return;
    entry = head.first & ~1ull;
    for (unsigned i = 0; i < ROBUST_MAX && entry != t->robust_list; i++, entry = next & ~1ull) {
        if (user_copy_in(&next, entry, sizeof(next)) != 0)
            return;
        if (entry != (head.pending & ~1ull) && !owner_died(t, entry + head.offset, false))
            return;
    }
    if (head.pending != 0)
        (void)owner_died(t, (head.pending & ~1ull) + head.offset, true);
}

void
futex_farewell(struct thread *t)
{
    const struct proc *p = t->proc;

    if (t->robust_list != 0)
        robust_release(t);
    if (t->clear_tid != 0 && (p->thread_count > 1 || p->vfork != NULL) && user_store32(t->clear_tid, 0))
        wake_at(t->clear_tid);
    t->robust_list = t->clear_tid = 0;
    pifutex_owner_ends();
}
