/*
 * shootdown.pml: turns and mail (aegis/core/turn.c, mail.c, tlb.c).
 *
 * Each CPU runs a program, enters the kernel beside others or alone, and may there replace the one entry that all share. A waiting CPU
 * serves its mail, and dozes after looking once more. A program may be at any instruction of its own.
 * Claims:   whoever is alone is so; when a turn that replaced the entry has ended, no TLB holds the old frame; nobody waits for ever.
 * Holds: CPUS=2 CALLS=1
 * Holds: CPUS=2 CALLS=2
 * Holds: CPUS=3 CALLS=1 ROLES
 * Fails: CPUS=2 CALLS=1 NO_MAIL
 * Fails: CPUS=2 CALLS=1 NOT_SERVED
 * Fails: CPUS=3 CALLS=1 ROLES ANY_DOZER
 */
#define NONE 0
#define BESIDE 1
#define ALONE 2
#define NOBODY 255

byte turn[CPUS];
byte alone = NOBODY;
bool dozes[CPUS], turn_waits[CPUS];
bool irq[CPUS];             /* an interrupt that has not been taken */
byte mail[CPUS];            /* a bit for each writer */
byte unanswered[CPUS];      /* of the letter of each */
bool runs[CPUS];            /* cpu.space: it may load entries */
byte pte = 1;               /* which frame it names */
byte tlb[CPUS];             /* 0: nothing */
byte next_frame = 2;
bool gone[2 + CPUS * CALLS];    /* frames that somebody else may have by now */
byte inside;                /* beside others */
bool inside_alone;

#define ME (1 << me)

/* mail_open() */
inline serve()
{
    if
    :: mail[me] != 0 ->
        atomic { letters = mail[me]; mail[me] = 0 }
        w = 0;
        do
        :: w < CPUS ->
            if
            :: letters & (1 << w) ->
                tlb[me] = 0;
                atomic { unanswered[w]--; last = (unanswered[w] == 0) }
                if
                :: last && dozes[w] -> irq[w] = true        /* wait_over() */
                :: else
                fi
            :: else
            fi;
            w++
        :: else -> break
        od;
        w = 0; letters = 0; last = false
    :: else
    fi
}

#ifdef NOT_SERVED           /* the interrupt of the mail has been taken, and the mail not */
#define SERVE_AFTER_DOZE
#else
#define SERVE_AFTER_DOZE serve()
#endif

/* WAIT_WHILE(): any number of turns, then a doze. `kind` says for what. */
#define WAIT_WHILE(condition, for_turn) \
    do \
    :: !(condition) -> break \
    :: condition -> \
        serve(); \
        if \
        :: skip                         /* some more turns of the loop */ \
        :: atomic { dozes[me] = true; turn_waits[me] = for_turn } \
            if \
            :: (condition) && mail[me] == 0 -> irq[me]; irq[me] = false     /* arch_doze() */ \
            :: else \
            fi; \
            atomic { dozes[me] = false; turn_waits[me] = false } \
            SERVE_AFTER_DOZE \
        fi \
    od

inline beside_end()
{
    turn[me] = NONE;
    who = alone;
    if
    :: who != NOBODY && dozes[who] -> irq[who] = true
    :: else
    fi;
    who = 0
}

#ifdef ANY_DOZER            /* wakes one that waits for something else, and nobody who waits for a turn */
#define WAKES(cpu) dozes[cpu]
#else
#define WAKES(cpu) turn_waits[cpu]
#endif

inline wake_next()
{
    i = 1;
    do
    :: i < CPUS ->
        if
        :: WAKES((me + i) % CPUS) -> irq[(me + i) % CPUS] = true; break
        :: else -> i++
        fi
    :: else -> break
    od;
    i = 0
}
inline turn_beside()
{
    waited = false;
    do
    :: true ->
        turn[me] = BESIDE;
        if
        :: alone == NOBODY -> break
        :: else
        fi;
        beside_end();
        WAIT_WHILE(alone != NOBODY, true);
        waited = true
    od;
    if
    :: waited -> wake_next()
    :: else
    fi;
    waited = false
}

inline turn_alone()
{
    do
    :: atomic { alone == NOBODY -> alone = me }; break
    :: else -> WAIT_WHILE(alone != NOBODY, true)
    od;
    i = 0;
    do
    :: i < CPUS -> WAIT_WHILE(turn[i] != NONE, false); i++
    :: else -> break
    od;
    i = 0;
    turn[me] = ALONE
}

/* tlb_settle() and mail_flush(): those who run the space hear of it, before anybody else can have the frame. */
inline settle()
{
    i = 0;
    do
    :: i < CPUS ->
        if
        :: i != me && runs[i] -> to = to | (1 << i); unanswered[me]++
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < CPUS ->
        if
        :: to & (1 << i) -> mail[i] = mail[i] | ME; irq[i] = true
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0; to = 0;
    WAIT_WHILE(unanswered[me] != 0, false)
}

inline replace()
{
    atomic { old = pte; pte = next_frame; next_frame++ }
    tlb[me] = 0;            /* invlpg here */
#ifndef NO_MAIL
    settle();
#endif
    gone[old] = true;
    old = 0
}

/* An access of the program: it loads the entry, if the TLB has none, and uses it later. */
inline access()
{
    if
    :: tlb[me] == 0 -> tlb[me] = pte
    :: else
    fi;
    assert(!gone[tlb[me]])
}

#ifdef ROLES
/* Three CPUs are many states: what each does is fixed. CPU 0 is alone once, CPU 1 replaces the entry, CPU 2, in another space, calls. */
#define MAY_ALONE (me == 0)
#define MAY_BESIDE (me != 0)
#define MAY_REPLACE (me == 1)
#define MAY_ACCESS (me == 0)
#define RUNS_SPACE (me != 2)
#else
#define MAY_ALONE true
#define MAY_BESIDE true
#define MAY_REPLACE true
#define MAY_ACCESS true
#define RUNS_SPACE true
#endif

proctype cpu(byte me)
{
    byte letters, w, i, to, who, old, calls;
    bool last, waited, looked;

    runs[me] = RUNS_SPACE;
    do
    :: irq[me] -> irq[me] = false; serve()          /* in the program: interrupts are open */
    :: MAY_ACCESS && !looked && calls < CALLS -> access(); looked = true
    :: MAY_BESIDE && calls < CALLS ->
        turn_beside();
        inside++;
        assert(!inside_alone);
        if
        :: MAY_REPLACE -> replace()
        :: true
        fi;
        inside--;
        beside_end();
        calls++; looked = false
    :: MAY_ALONE && calls < CALLS ->
        turn_alone();
        assert(inside == 0 && !inside_alone);
        inside_alone = true;
        if
        :: MAY_REPLACE -> replace()
        :: true
        fi;
        inside_alone = false;
        turn[me] = NONE;
        alone = NOBODY;
        wake_next();
        calls++; looked = false
    :: calls >= CALLS && tlb[me] != 0 -> access(); tlb[me] = 0
    :: calls >= CALLS && !irq[me] && tlb[me] == 0 -> end: irq[me]
    od
}

init
{
    byte n;
    atomic {
        do
        :: n < CPUS -> run cpu(n); n++
        :: else -> break
        od
    }
}
