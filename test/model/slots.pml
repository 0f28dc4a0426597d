/*
 * slots.pml: the slot table on the disk through power cuts (aegis/dev/slot_op.c, slot_table.c).
 *
 * The table has two copies. A change is written over the older one, a part at a time, in any order, and flushed; only then does it hold, and
 * the extent's new owner may write there. The disk keeps what it likes of what has not been flushed. After a cut the valid copy with the
 * highest sequence is taken. Write errors leave the old table in force.
 * Claims:   after a cut there is a table, and it is the one that held or the one being written; nobody owns an extent in which somebody
 *           wrote who owned it later.
 * Holds: CHANGES=3
 * Fails: CHANGES=1 NO_FLUSH
 * Fails: CHANGES=2 ONE_COPY
 * Fails: CHANGES=1 NO_DRAIN
 * Fails: CHANGES=2 NO_CHECKSUM
 */
#define PARTS 2             /* of a copy that the disk writes at once */

typedef copy { byte part[PARTS] };      /* the sequence that each was written for: all the same, or the checksum does not match */
copy cached[2], disk[2];

byte holds = 1;             /* the sequence of the table in memory */
byte newest = 1;            /* the highest that was ever begun */
bool half;                  /* which copy it is */
byte data_by;               /* the table under which the extent was last written, on the disk */
bool cut, stale_write;
byte writes_allowed = 1;    /* requests are checked against the table with this sequence */

/* Any part of the cache may have reached the disk by now. */
active proctype device()
{
    do
    :: cut -> break
    :: atomic { !cut && cached[0].part[0] != disk[0].part[0] -> disk[0].part[0] = cached[0].part[0] }
    :: atomic { !cut && cached[0].part[1] != disk[0].part[1] -> disk[0].part[1] = cached[0].part[1] }
    :: atomic { !cut && cached[1].part[0] != disk[1].part[0] -> disk[1].part[0] = cached[1].part[0] }
    :: atomic { !cut && cached[1].part[1] != disk[1].part[1] -> disk[1].part[1] = cached[1].part[1] }
    od
}

inline flush()
{
    (cut || (cached[0].part[0] == disk[0].part[0] && cached[0].part[1] == disk[0].part[1] &&
             cached[1].part[0] == disk[1].part[0] && cached[1].part[1] == disk[1].part[1]))
}

bool in_flight;             /* a write by the owner of before, submitted and not at the disk */
byte in_flight_by;

/* The owner under the table in force writes to the extent. */
active proctype owner()
{
    do
    :: cut -> break
    :: atomic { !cut && !in_flight && writes_allowed != 0 -> in_flight = true; in_flight_by = writes_allowed }
    :: atomic { !cut && in_flight -> stale_write = stale_write || in_flight_by < holds; data_by = in_flight_by; in_flight = false }
    od
}

active proctype kernel()
{
    byte changes;
    bool to;

    atomic { cached[0].part[0] = 1; cached[0].part[1] = 1; disk[0].part[0] = 1; disk[0].part[1] = 1 }
    do
    :: cut || changes == CHANGES -> break
    :: else ->
        writes_allowed = 0;                 /* requests through the slot are refused, those in flight drained */
#ifndef NO_DRAIN
        (cut || !in_flight);
#endif
        newest++;
#ifdef ONE_COPY
        to = half;
#else
        to = !half;
#endif
        cached[to].part[0] = newest;
        cached[to].part[1] = newest;
        if
        :: true ->
#ifndef NO_FLUSH
            flush();
#endif
            if
            :: !cut -> half = to; holds = newest
            :: cut
            fi
        :: true                             /* an error: the old table holds, and the next change goes over the copy */
        fi;
        writes_allowed = holds;
        changes++
    od
}

#ifdef NO_CHECKSUM
#define VALID(i) true
#define SEQUENCE(i) disk[i].part[0]
#else
#define VALID(i) (disk[i].part[0] == disk[i].part[1] && disk[i].part[0] != 0)
#define SEQUENCE(i) disk[i].part[0]
#endif

/* The power goes, at any moment, and comes back. */
active proctype power()
{
    byte found, other;

    atomic {
        cut = true;
        if
        :: VALID(0) && VALID(1) && SEQUENCE(1) > SEQUENCE(0) -> found = disk[1].part[0]; other = disk[1].part[1]
        :: VALID(0) && !(VALID(1) && SEQUENCE(1) > SEQUENCE(0)) -> found = disk[0].part[0]; other = disk[0].part[1]
        :: !VALID(0) && VALID(1) -> found = disk[1].part[0]; other = disk[1].part[1]
        :: !VALID(0) && !VALID(1) && disk[0].part[0] == 0 -> found = 1; other = 1      /* before the first was there */
        :: else
        fi;
        assert(found != 0 && found == other);
        assert(found >= holds && found <= newest);
        assert(!stale_write && data_by <= found)
    }
}
