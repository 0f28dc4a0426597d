/*
 * main.c: stride: a scheduler that is an ordinary program. It shares the CPU time that it gets among envs of its own by tickets, with directed
 * yields and nothing else, and says how well that went.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aegis/info.h"
#include "stride.h"

#define SLICES_DEFAULT 300
#define SLICES_MAX 1000000
#define WITHIN_DEFAULT 2
#define TICKETS_MAX 1000

static const char help[] =
    "usage: stride [--slices N] [--within PERCENT] [TICKETS[:EARLY]...]\n"
    "Shares the CPU among programs that compute without end, in proportion to their tickets\n"
    "(default: 3 2 1), and prints what each one got. The scheduler is this program: it runs at\n"
    "the end of each slice and yields to whoever is least far on (stride scheduling).\n"
    "  --slices   end after so many slices' worth of time (default 300)\n"
    "  --within   how far a share may be off, in percent of it (default 2)\n"
    "  EARLY      this one gives up the CPU after EARLY percent of a slice; it pays for what it\n"
    "             used, so it gets its share by more turns\n"
    "Status: 0 when every share is within, 1 when one is not, 2 for a bad option.\n";

static struct share shares[CLIENTS_MAX];
static unsigned early[CLIENTS_MAX], count;
static unsigned long slices = SLICES_DEFAULT, within = WITHIN_DEFAULT;

_Noreturn static void
bad(const char *what, const char *arg)
{
    fprintf(stderr, "stride: %s: %s (see stride --help)\n", what, arg);
    exit(2);
}

static unsigned long
number(const char *text, char **end, unsigned long least, unsigned long most, const char *what)
{
    unsigned long n = strtoul(text, end, 10);

    if (*end == text || text[0] == '-' || n < least || n > most)
        bad(what, text);
    return n;
}

static unsigned long
whole_number(const char *text, unsigned long least, unsigned long most, const char *what)
{
    char *end;
    unsigned long n = number(text, &end, least, most, what);

    if (*end != '\0')
        bad(what, text);
    return n;
}

static void
client_option(const char *text)
{
    char *end;

    if (count == CLIENTS_MAX)
        bad("too many shares", text);
    shares[count].tickets = (uint32_t)number(text, &end, 1, TICKETS_MAX, "not a number of tickets");
    early[count] = *end == ':' ? (unsigned)whole_number(end + 1, 1, 99, "not a percentage of a slice") : 0;
    if (*end != '\0' && *end != ':')
        bad("not a number of tickets", text);
    count++;
}

static void
options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            exit(0);
        } else if (strcmp(argv[i], "--slices") == 0 && i + 1 < argc) {
            slices = whole_number(argv[++i], 1, SLICES_MAX, "not a number of slices");
        } else if (strcmp(argv[i], "--within") == 0 && i + 1 < argc) {
            within = whole_number(argv[++i], 0, 100, "not a percentage");
        } else if (argv[i][0] == '-') {
            bad("unknown option", argv[i]);
        } else {
            client_option(argv[i]);
        }
    }
    if (count == 0)
        for (const char *const *t = (const char *const[]){ "3", "2", "1", NULL }; *t != NULL; t++)
            client_option(*t);
}

/* How many ticks a slice has: AEG_INFO says it in ns. */
static uint64_t
slice_ticks(void)
{
    return (uint64_t)((unsigned __int128)AEG_INFO->slice_ns * AEG_INFO->tsc_hz / 1000000000);
}

/* Schedules until all together have had `ticks`. False: a client can no longer run. */
static int
schedule(uint64_t ticks)
{
    for (uint64_t used = 0; used < ticks;) {
        unsigned i = share_pick(shares, count);
        uint64_t had = client_run(i);

        if (had == UINT64_MAX) {
            fprintf(stderr, "stride: client %u has stopped\n", i + 1);
            return 0;
        }
        share_charge(&shares[i], had);
        used += had;
        (void)sched_yield();        /* the session's other programs are due, too */
    }
    return 1;
}

/* Prints the table; true: all shares are within. */
static int
report(void)
{
    uint64_t used = 0, tickets = 0;
    unsigned worst = 0;

    for (unsigned i = 0; i < count; i++)
        used += shares[i].used, tickets += shares[i].tickets;
    printf("client  tickets   turns        work    wanted       got    off by\n");
    for (unsigned i = 0; i < count; i++) {
        unsigned off = share_error(shares, count, i);

        printf("%6u %8u %7llu %11llu %8.3f%% %8.3f%% %8.2f%%\n", i + 1, shares[i].tickets, (unsigned long long)shares[i].turns,
               (unsigned long long)client_work(i), 100.0 * shares[i].tickets / (double)tickets,
               100.0 * (double)shares[i].used / (double)used, off / 100.0);
        worst = off > worst ? off : worst;
    }
    printf("%s %lu%%: the worst share is off by %u.%02u%%\n", worst <= within * 100 ? "within" : "not within", within, worst / 100, worst % 100);
    return worst <= within * 100;
}

int
main(int argc, char **argv)
{
    int good = 1;

    options(argc, argv);
    for (unsigned i = 0; i < count; i++) {
        unsigned error = client_make(i, slice_ticks() * early[i] / 100);

        if (error != 0) {
            fprintf(stderr, "stride: client %u cannot be made: kernel error %u\n", i + 1, error);
            clients_end();
            return 1;
        }
    }
    good = schedule(slices * slice_ticks());
    clients_end();
    return good && report() ? 0 : 1;
}
