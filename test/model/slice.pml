/*
 * slice.pml: the end of a slice against the library's critical section (aegis/core/upcall.c, slice.c, exos/start/entry.asm).
 *
 * An interrupt comes between any two instructions. It makes the program call the library's handler, if depth and crit are both zero, and else
 * leaves a pending bit. The library raises crit on its way in, and looks at the bit after it has lowered it on its way out.
 * Claims:   the program never runs on with a slice end unanswered; no upcall comes while another's registers have nowhere else to be.
 * Holds: ENDS=3 CALLS=2
 * Fails: ENDS=1 CALLS=1 LOOKS_FIRST
 * Fails: ENDS=2 CALLS=1 DEPTH_FIRST
 * Fails: ENDS=1 CALLS=1 NOT_LOOKED
 */
byte crit, depth, answered, ends;
bool pending;
bool upcall;                /* the next instruction is the handler's first */
bool frame_used;            /* the registers of what was interrupted are still in the UENV or on the handler's way to the library stack */
bool ended;

/* One instruction of whoever is not interrupted: the program and the library's way in and out. */
#define STEP !upcall &&

active proctype interrupt()
{
    do
    :: ends < ENDS ->
        atomic {
            ends++;
            if
            :: depth == 0 && crit == 0 ->
                assert(!frame_used);
                depth = 1; frame_used = true; upcall = true
            :: else -> pending = true
            fi
        }
    :: ended -> break
    od
}

/* slice_main(): it yields, and the slice that it comes back with is another. */
inline answer()
{
    atomic { pending = false; answered = ends }
}

/* What every way out ends with. `skip_` is how the instructions are reached: while interrupted, nothing else runs. */
inline way_out()
{
    do
    :: true ->
#ifdef LOOKS_FIRST
        if
        :: pending -> answer(); skip
        :: else -> crit--; break
        fi
#else
        crit--;
#ifdef NOT_LOOKED
        break
#else
        if
        :: pending && !upcall -> crit++; answer()
        :: !pending && !upcall -> break
        :: upcall -> handle()           /* between the two: slice_entry knows this place (resume_open) */
        fi
#endif
#endif
    od
}

/* slice_entry: registers to the library stack, critical, then no frame in use. */
inline handle()
{
    upcall = false;
#ifdef DEPTH_FIRST          /* another upcall finds room before the section is critical */
    depth = 0;
    if
    :: upcall -> assert(false)
    :: !upcall -> crit++
    fi;
#else
    crit++;
    depth = 0;
#endif
    frame_used = false;
    answer()
}

active proctype env()
{
    byte calls;

    do
    :: upcall -> handle(); way_out()
    :: atomic { STEP calls < CALLS -> crit++ }      /* the bounce does it, with interrupts off */
        skip;                           /* the call */
        way_out();
        calls++
    :: atomic { STEP calls < CALLS -> assert(!pending) }        /* an instruction of the program */
    :: STEP calls == CALLS && ends == ENDS -> break
    od;
    assert(!pending);
    ended = true
}
