/*
 * revoke.pml: frames are asked back, and then taken (aegis/core/revoke.c, repossess.c).
 *
 * One account has all frames, more than it is promised; the other wants some. The first is asked for them, by a deadline;
 * it may give them, give some, use them again, or not hear of it; after the deadline each attempt of who wants them is a step that takes one.
 * Claims:   nobody gets below his guarantee by force; no frame has two owners; who is asked gets no more meanwhile than he is promised.
 * Holds: FRAMES=5 GUARANTEE=2 WANTS=2
 * Holds: FRAMES=5 GUARANTEE=4 WANTS=2
 * Fails: FRAMES=5 GUARANTEE=4 WANTS=2 NO_KEEP
 * Fails: FRAMES=5 GUARANTEE=2 WANTS=2 NO_ALLOWANCE
 */
byte free_frames, holder = FRAMES, asker;
bool out, by_force, late;   /* a request is out; frames are taken; its deadline has passed */
byte keep;
byte tries;
bool wants = true;

#define SUM (free_frames + holder + asker)

/* The library that holds too much. It gives what it likes when it likes, and takes frames as allowed. */
active proctype library()
{
    do
    :: !wants -> break
    :: atomic { wants && out && holder > 0 -> holder--; free_frames++ }
    :: atomic { wants && !out && free_frames > 0 -> free_frames--; holder++ }
#ifndef NO_ALLOWANCE        /* while it is asked it gets no more than it is promised */
    :: atomic { wants && out && free_frames > 0 && holder < GUARANTEE -> free_frames--; holder++ }
#else
    :: atomic { wants && out && free_frames > 0 -> free_frames--; holder++; assert(holder <= GUARANTEE) }
#endif
    :: wants && out && !late -> late = true         /* time passes */
    od
}

/* Allocations that press. Each is alone in the kernel. */
active proctype wanting()
{
    do
    :: asker == WANTS -> wants = false; break
    :: else ->
        atomic {
            tries = (tries < 20 -> tries + 1 : tries);
            if
            :: free_frames > 0 -> free_frames--; asker++
            :: else ->
                if
                :: !out && holder > GUARANTEE ->
                    out = true; late = false; by_force = false;
                    keep = (holder - (WANTS - asker) > GUARANTEE -> holder - (WANTS - asker) : GUARANTEE)
                :: out && (late || by_force) ->
                    by_force = true;
                    if
#ifdef NO_KEEP
                    :: holder > 0 -> holder--; free_frames++; assert(holder >= GUARANTEE)
#else
                    :: holder > keep -> holder--; free_frames++; assert(holder >= GUARANTEE)
#endif
                    :: holder <= keep -> out = false; by_force = false
                    fi
                :: else
                fi
            fi;
            assert(SUM == FRAMES)
        }
    od
}

active proctype judge()
{
    !wants;
    assert(asker == WANTS)
}
