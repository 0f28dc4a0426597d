/*
 * notify.pml: waiting and notifying across CPUs (aegis/core/env.c, turn.c, slice.c), with the loop that a library waits in.
 *
 * One env waits on its CPU for what others count up on theirs. Who waits goes to sleep under env_lock after looking at its bits; its CPU then
 * looks, alone, whether there is anybody to run, and else halts. Who notifies does so beside others, and wakes a CPU that he saw idle.
 * Claims:   everything that was announced is found; the CPU does not halt for ever while its env is ready.
 * Holds: NOTIFIERS=2 NEWS=2
 * Fails: NOTIFIERS=1 NEWS=1 NOT_LOOKED
 * Fails: NOTIFIERS=1 NEWS=1 NO_WAKE
 * Fails: NOTIFIERS=2 NEWS=1 CLEARED_LATE
 * Fails: NOTIFIERS=1 NEWS=1 IDLE_BESIDE
 */
#define ALL (NOTIFIERS * NEWS)

byte news, found;
bool notified;              /* the bit in uenv.notify */
bool env_lock;
mtype = { RUNNING, WAITING, READY };
mtype state = RUNNING;
byte beside;                /* how many are in the kernel so */
bool alone;
bool idle, irq;

inline lock() { atomic { !env_lock -> env_lock = true } }
inline unlock() { env_lock = false }

#ifdef IDLE_BESIDE          /* the decision to halt excludes nobody */
#define TURN_ALONE skip
#define TURN_OVER skip
#else
#define TURN_ALONE atomic { !alone && beside == 0 -> alone = true }
#define TURN_OVER alone = false
#endif

/* The CPU of the env, which waits: alone, it finds its env ready, or halts until an interrupt. */
inline run_or_idle()
{
    do
    :: true ->
        TURN_ALONE;
        if
        :: state == READY -> idle = false; state = RUNNING; TURN_OVER; break
        :: else -> idle = true
        fi;
        TURN_OVER;
        irq; irq = false
    od
}
inline wait()
{
    lock();
    if
#ifndef NOT_LOOKED          /* the bits came before the lock was taken */
    :: notified -> unlock()
    :: else ->
#else
    :: true ->
#endif
        state = WAITING;
        unlock();
        run_or_idle()
    fi
}

active proctype waiter()
{
    byte seen;

    do
    :: found == ALL -> break
    :: else ->
#ifndef CLEARED_LATE        /* what came after the look is forgotten */
        notified = false;
#endif
        atomic { seen = news - found; found = news }
        if
        :: seen == 0 ->
#ifdef CLEARED_LATE
            notified = false;
#endif
            wait()
        :: else
        fi
    od
}

active [NOTIFIERS] proctype notifier()
{
    byte n;
    bool wakes;

    do
    :: n == NEWS -> break
    :: else ->
        news++;
        atomic { !alone -> beside++ }
        lock();
        notified = true;
        if
        :: state == WAITING -> state = READY; wakes = idle
        :: else
        fi;
        unlock();
        beside--;
        if
#ifndef NO_WAKE
        :: wakes -> irq = true; wakes = false
#endif
        :: else
        fi;
        n++
    od
}
