/*
 * main.c: aegis-trace: the kernel's last events, or those of the next seconds, as text or for a trace viewer.
 *
 * It makes no call to ask: the events lie in the exposed window (aegis/info.h, trace.def).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define NS_PER_S 1e9
#define DURATION_MAX_S 3600

static const char help[] =
    "usage: aegis-trace [--json] [--last N] [--duration SECONDS]\n"
    "Prints the kernel's events: switches, interrupts, upcalls, waits and notifications, disk requests,\n"
    "packets, envs and spaces that come and go. Without --duration: what each processor's ring holds.\n"
    "  --json              in the Trace Event Format, for chrome://tracing or ui.perfetto.dev\n"
    "  --last N            only the last N events\n"
    "  --duration SECONDS  what happens from now on, for so long\n"
    "  --kinds             say what events there are, and end\n"
    "Boot with `ktrace` to have calls, foreign system calls and page faults among them, and with\n"
    "`trace-events=N` for longer rings.\n";

static struct options {
    int json, kinds;
    size_t last;
    double duration_s;
} options = { .last = SIZE_MAX };

static int
set_last(const char *text)
{
    char *rest;

    options.last = text ? strtoul(text, &rest, 10) : 0;
    return options.last != 0 && *rest == '\0';
}

static int
set_duration(const char *text)
{
    char *rest;

    options.duration_s = text ? strtod(text, &rest) : 0;
    return options.duration_s > 0 && options.duration_s <= DURATION_MAX_S && *rest == '\0';
}

/* 0: go on, else the status to end with, plus one. */
static int
parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options.json = 1;
        } else if (strcmp(argv[i], "--kinds") == 0) {
            options.kinds = 1;
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 1;
        } else if ((strcmp(argv[i], "--last") == 0 && set_last(argv[i + 1])) ||
                   (strcmp(argv[i], "--duration") == 0 && set_duration(argv[i + 1]))) {
            i++;
        } else {
            fprintf(stderr, "aegis-trace: %s is not an option, or its value is none\n%s", argv[i], help);
            return 3;
        }
    }
    return 0;
}

static int
print_kinds(void)
{
#define AEG_TRACE_EVENT(number, name, a, b, when) printf("%-10s  %s\n", #name, when);
#include "aegis/trace.def"
#undef AEG_TRACE_EVENT
    return 0;
}

int
main(int argc, char **argv)
{
    struct events all = { 0 };
    int status = parse(argc, argv), good;

    if (status != 0)
        return status - 1;
    if (options.kinds)
        return print_kinds();
    if (AEG_INFO->magic != AEG_INFO_MAGIC || AEG_INFO->size < offsetof(struct aeg_info, traces) + sizeof(struct aeg_table)) {
        fprintf(stderr, "aegis-trace: this kernel shows no trace\n");
        return 1;
    }
    good = options.duration_s > 0 ? collect_for(&all, (uint64_t)(options.duration_s * NS_PER_S)) : collect_past(&all);
    if (!good) {
        fprintf(stderr, "aegis-trace: no memory for so many events\n");
        return 1;
    }
    collect_sort(&all, options.last);
    if (options.json)
        write_json(&all);
    else
        write_text(&all);
    return fflush(stdout) == 0 ? 0 : 1;
}
