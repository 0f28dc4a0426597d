/*
 * main.c: aegis-bench: what the paths of kernel and library cost, in instructions, beside what they may cost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rows.h"

static const char help[] =
    "usage: aegis-bench [--json] [--kernel] [--only ROW] [--samples N]\n"
    "Measures kernel paths and Linux calls, linked and by a trap, and prints a table: what,\n"
    "instructions, and the budget where one is set.\n"
    "  --json     one object, rows as an array\n"
    "  --kernel   the kernel's own paths only\n"
    "  --only     one row of the Linux calls\n"
    "  --samples  how many times each operation is done (default 101)\n"
    "Figures are instructions only under counted time (scripts/run --direct --icount\n"
    "--exec aegis-bench); elsewhere they are ticks of the time-stamp counter.\n"
    "Status: 0 when every row with a budget keeps it, 1 when one does not, 2 for a bad option.\n";

static int
over(const struct row *r)
{
    return r->missing || (r->budget != 0 && r->instructions > r->budget);
}

static void
print_table(void)
{
    printf("%-40s %12s %10s\n", "operation", "instructions", "at most");
    for (unsigned i = 0; i < row_count; i++) {
        const struct row *r = &rows[i];
        char got[24], want[24] = "-";

        if (r->missing)
            snprintf(got, sizeof(got), "failed");
        else
            snprintf(got, sizeof(got), "%llu", (unsigned long long)r->instructions);
        if (r->budget)
            snprintf(want, sizeof(want), "%llu", (unsigned long long)r->budget);
        printf("%-40s %12s %10s%s\n", r->name, got, want, over(r) ? "  over" : "");
    }
}

static void
print_json(void)
{
    printf("{\"unit\": \"tsc ticks\", \"rows\": [");
    for (unsigned i = 0; i < row_count; i++) {
        const struct row *r = &rows[i];

        printf("%s\n  {\"name\": \"%s\", \"ticks\": ", i ? "," : "", r->name);
        if (r->missing)
            printf("null");
        else
            printf("%llu", (unsigned long long)r->instructions);
        if (r->budget)
            printf(", \"budget\": %llu", (unsigned long long)r->budget);
        printf("}");
    }
    printf("\n]}\n");
}

/* The value of the option at *i, which moves past it; NULL when there is none. */
static const char *
value(int argc, char **argv, int *i)
{
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static int
set_samples(const char *text)
{
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;

    sample_count = (unsigned)n;
    return n >= 1 && n <= SAMPLES_MAX;
}

int
main(int argc, char **argv)
{
    int json = 0, kernel_only = 0, status = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = 1;
        } else if (strcmp(argv[i], "--kernel") == 0) {
            kernel_only = 1;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            row_wanted = value(argc, argv, &i);
        } else if (strcmp(argv[i], "--samples") == 0 && set_samples(value(argc, argv, &i))) {
            continue;
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        } else {
            fprintf(stderr, "aegis-bench: unknown option %s\n%s", argv[i], help);
            return 2;
        }
    }
    if (row_wanted == NULL)
        kernel_rows();
    if (!kernel_only) {
        linux_rows();
        more_rows();
        process_rows();
        thread_rows();
    }
    if (json)
        print_json();
    else
        print_table();
    for (unsigned i = 0; i < row_count; i++)
        status |= over(&rows[i]);
    return status;
}
