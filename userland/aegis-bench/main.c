/*
 * main.c: aegis-bench: what the kernel's paths cost, in instructions, beside what they may cost.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "rows.h"

#define UNMODIFIED ", unmodified"   /* ends the name of a row that the static Linux program measures */

static const char help[] =
    "usage: aegis-bench [--kernel [--json]] [--only ROW]\n"
    "Measures the kernel's own paths and prints a table: what, instructions, and the budget where\n"
    "one is set; then the Linux calls, as `bench` (linked) and `bench.linux` (unmodified) do.\n"
    "  --kernel   the kernel's paths only\n"
    "  --json     one object, rows as an array\n"
    "  --only     one row of the Linux calls; 'ROW, unmodified': by a trap\n"
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

/* Goes on as the program that measures this row. */
static int
only(char *row)
{
    char *end = strstr(row, UNMODIFIED);
    const char *program = end ? "bench.linux" : "bench";

    if (end)
        *end = '\0';
    execlp(program, program, "--only", row, (char *)NULL);
    perror(program);
    return 2;
}

/* All rows of the Linux calls; 1 when one is over its budget. */
static int
run_suite(const char *program)
{
    int status = 0;
    pid_t pid;

    printf("\n%s:\n", program);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        execlp(program, program, (char *)NULL);
        _exit(1);
    }
    return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static int
kernel_status(int json)
{
    int status = 0;

    kernel_rows();
    if (json)
        print_json();
    else
        print_table();
    for (unsigned i = 0; i < row_count; i++)
        status |= over(&rows[i]);
    return status;
}

int
main(int argc, char **argv)
{
    int json = 0, kernel_only = 0, status;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = 1;
        } else if (strcmp(argv[i], "--kernel") == 0) {
            kernel_only = 1;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            return only(argv[i + 1]);
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        } else {
            fprintf(stderr, "aegis-bench: unknown option %s\n%s", argv[i], help);
            return 2;
        }
    }
    status = kernel_status(json);
    if (!kernel_only && !json)
        status |= run_suite("bench") | run_suite("bench.linux");
    return status;
}
