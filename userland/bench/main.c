/*
 * main.c: bench: Linux calls and what they cost, the same on ExOS and on Linux.
 *
 * Holds:    the options, and one process per row.
 * Not here: boots, several machines, reports: scripts/bench.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define RUNS 5
#define TEXT 32

static const char help[] =
    "usage: bench [--only ROW] [--group GROUP] [--runs N] [--scale N] [--raw]\n"
    "       bench --list\n"
    "       bench --time COMMAND...\n"
    "       bench --io read|write|random-read|random-write FILE N\n"
    "       bench --io send|receive|echo ADDRESS PORT N\n"
    "       bench --workers compute|getppid|umask|fault|pipe|pread COUNT N\n"
    "Measures Linux calls and prints a table: operation, ticks of the time-stamp counter (under\n"
    "counted time, scripts/run --icount, they are instructions), nanoseconds, budget.\n"
    "  --only   one row, by name or id, or those whose names contain the word (repeatable)\n"
    "  --group  one group (repeatable)\n"
    "  --runs   of each row (default 5); the table shows medians\n"
    "  --scale  so many times the operations of each run\n"
    "  --raw    one line per run: id, operations, ticks, nanoseconds\n"
    "  --list   the rows, as JSON\n"
    "  --time   run a command and print its status, operations (1), ticks and nanoseconds\n"
    "  --io     the same for N operations: KiB in order, pages here and there, datagrams\n"
    "  --workers  the same for COUNT processes at once, N operations each\n"
    "Status: 0, 1 when a row fails or its budget is not kept, 2 for a bad option.\n";

const struct row rows[] = {
#define ROW(id, group, name, linked, unmodified, operations, what) \
    { #id, #group, name, what, linked, unmodified, operations, row_##id },
#include "rows.def"
#undef ROW
};
const unsigned row_count = sizeof(rows) / sizeof(rows[0]);

static struct {
    bool wanted[sizeof(rows) / sizeof(rows[0])], chosen, raw;
    unsigned runs;
    uint64_t scale;
} option = { .runs = RUNS, .scale = 1 };

/* ---- one row, in the process that the parent made for it ---- */

static int
measure_here(const struct row *r)
{
    static struct meter m;
    enum verdict v;

    m.runs = option.runs;
    m.operations = r->operations * option.scale;
    v = r->measure(&m);
    for (unsigned i = 0; v == MEASURED && i < m.runs; i++)
        printf("%s\t%llu\t%llu\t%llu\n", r->id, (unsigned long long)m.operations, (unsigned long long)m.run[i].ticks,
               (unsigned long long)m.run[i].ns);
    return v;
}

/* ---- the parent's side ---- */

struct result {
    unsigned count;
    double ticks[RUNS_MAX], ns[RUNS_MAX];   /* per operation */
    int status;
};

static pid_t
start(const struct row *r, int out)
{
    char runs[TEXT], scale[TEXT];
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    snprintf(runs, sizeof(runs), "%u", option.runs);
    snprintf(scale, sizeof(scale), "%llu", (unsigned long long)option.scale);
    dup2(out, STDOUT_FILENO);
    execl("/proc/self/exe", "bench", "--runs", runs, "--scale", scale, "--here", r->id, (char *)NULL);
    _exit(FAILED);
}

static void
read_result(FILE *from, const struct row *r, struct result *result)
{
    unsigned long long operations, ticks, ns;

    result->count = 0;
    while (result->count < RUNS_MAX && fscanf(from, "%*s %llu %llu %llu", &operations, &ticks, &ns) == 3) {
        if (option.raw)
            printf("%s\t%llu\t%llu\t%llu\n", r->id, operations, ticks, ns);
        result->ticks[result->count] = (double)ticks / (double)operations;
        result->ns[result->count++] = (double)ns / (double)operations;
    }
}

static void
measure(const struct row *r, struct result *result)
{
    int ends[2], status = -1;
    FILE *from;
    pid_t pid;

    fflush(stdout);
    result->count = 0;
    result->status = FAILED;
    if (pipe(ends) != 0)
        return;
    pid = start(r, ends[1]);
    close(ends[1]);
    from = fdopen(ends[0], "r");
    if (from) {
        read_result(from, r, result);
        fclose(from);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
        result->status = WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
    if (result->status == MEASURED && result->count != option.runs)
        result->status = FAILED;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *values, unsigned count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[count / 2];
}

static uint64_t
budget(const struct row *r)
{
#ifdef __exos__
    return r->linked;
#else
    return r->unmodified;
#endif
}

/* One line of the table; true when the row is as it should be. */
static bool
show(const struct row *r, struct result *result)
{
    char limit[TEXT] = "-";
    double ticks;

    if (result->status != MEASURED) {
        const char *word = result->status == ABSENT ? "absent" : "failed";

        printf(option.raw ? "%s\t%s\n" : "%-62s %12s\n", option.raw ? r->id : r->name, word);
        return result->status == ABSENT;
    }
    if (option.raw)
        return true;
    ticks = median(result->ticks, result->count);
    if (budget(r))
        snprintf(limit, sizeof(limit), "%llu", (unsigned long long)budget(r));
    printf("%-62s %12.0f %12.1f %10s%s\n", r->name, ticks, median(result->ns, result->count), limit,
           budget(r) && ticks > (double)budget(r) ? "  over" : "");
    return !budget(r) || ticks <= (double)budget(r);
}

static int
measure_all(void)
{
    static struct result result;
    int status = 0;

    if (!option.raw)
        printf("%-62s %12s %12s %10s\n", "operation", "ticks", "ns", "at most");
    for (unsigned i = 0; i < row_count; i++) {
        if (option.chosen && !option.wanted[i])
            continue;
        measure(&rows[i], &result);
        if (!show(&rows[i], &result))
            status = 1;
    }
    return status;
}

/* ---- options ---- */

static void
list(void)
{
    for (unsigned i = 0; i < row_count; i++) {
        const struct row *r = &rows[i];

        printf("%s\n  {\"id\": \"%s\", \"group\": \"%s\", \"name\": \"%s\", \"what\": \"%s\", \"linked\": %llu, \"unmodified\": %llu}",
               i ? "," : "[", r->id, r->group, r->name, r->what, (unsigned long long)r->linked, (unsigned long long)r->unmodified);
    }
    printf("\n]\n");
}

/* How well a word names a row: 2 exactly, 1 in part, 0 not. */
static int
named(const struct row *r, const char *word)
{
    if (!strcmp(word, r->id) || !strcmp(word, r->name))
        return 2;
    return *word && strstr(r->name, word) != NULL;
}

static bool
choose_group(const char *word)
{
    bool found = false;

    option.chosen = true;
    for (unsigned i = 0; i < row_count; i++)
        if (!strcmp(word, rows[i].group))
            found = option.wanted[i] = true;
    return found;
}

/* The row of that name or id, or all that have the word in their names; the first one. */
static const struct row *
choose(const char *word)
{
    const struct row *found = NULL;
    int best = 1;

    option.chosen = true;
    for (unsigned i = 0; i < row_count; i++)
        best = named(&rows[i], word) > best ? 2 : best;
    for (unsigned i = 0; i < row_count; i++) {
        if (named(&rows[i], word) < best)
            continue;
        option.wanted[i] = true;
        found = found ? found : &rows[i];
    }
    return found;
}

static bool
number(const char *text, uint64_t limit, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text && !*end && *out >= 1 && *out <= limit;
}

static int
no_row(const char *option_word, const char *value)
{
    fprintf(stderr, "bench: %s %s: there is none (see bench --list)\n", option_word, value);
    return 2;
}

static int
bad_option(const char *word)
{
    fprintf(stderr, "bench: %s is no option, or its value is wrong\n%s", word, help);
    return 2;
}

int
main(int argc, char **argv)
{
    uint64_t n;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

        if (!strcmp(word, "--help")) {
            fputs(help, stdout);
            return 0;
        } else if (!strcmp(word, "--list")) {
            list();
            return 0;
        } else if (!strcmp(word, "--time") && *value) {
            return timed_command(argv + i + 1);
        } else if (!strcmp(word, "--io")) {
            return timed_io(argc - i - 1, argv + i + 1);
        } else if (!strcmp(word, "--workers")) {
            return workers(argc - i - 1, argv + i + 1);
        } else if (!strcmp(word, "--raw")) {
            option.raw = true;
            continue;
        } else if (!strcmp(word, "--here")) {
            const struct row *r = choose(value);
            return r ? measure_here(r) : 2;
        } else if (!strcmp(word, "--only") || !strcmp(word, "--group")) {
            if (!(word[2] == 'g' ? choose_group(value) : choose(value) != NULL))
                return no_row(word, value);
        } else if (!strcmp(word, "--runs") && number(value, RUNS_MAX, &n)) {
            option.runs = (unsigned)n;
        } else if (!strcmp(word, "--scale") && number(value, 1000000, &n)) {
            option.scale = n;
        } else {
            return bad_option(word);
        }
        i++;
    }
    return measure_all();
}
