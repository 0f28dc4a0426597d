/* main.c: exos-abi: which Linux calls there are, what is missing of them, and which were made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_PATH "/proc/exos/calls"
#define LINE_BYTES 512
#define FIELDS 5

static const char help[] =
    "usage: exos-abi [--done | --partial | --absent] [--used] [--summary] [NAME...]\n"
    "Prints the table of Linux calls: number, name, state, calls made since boot, what is missing.\n"
    "  --done, --partial, --absent   only calls in this state\n"
    "  --used                        only calls that a program has made\n"
    "  --summary                     how many there are of each state, and no table\n"
    "  NAME                          only these calls\n"
    "Status: 0; 1 when the table cannot be read or nothing in it matches; 2 for a bad option.\n";

struct wish {
    const char *state;
    int used, summary;
    char **names;
    int name_count;
};

struct call {
    const char *field[FIELDS];      /* number, name, state, count, missing */
};

static int
split(char *line, struct call *c)
{
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        c->field[i] = strsep(&line, "\t");
        if (!c->field[i])
            return 0;
    }
    return 1;
}

static int
wanted(const struct wish *w, const struct call *c)
{
    if (w->state && strcmp(w->state, c->field[2]) != 0)
        return 0;
    if (w->used && strcmp(c->field[3], "0") == 0)
        return 0;
    for (int i = 0; i < w->name_count; i++)
        if (strcmp(w->names[i], c->field[1]) == 0)
            return 1;
    return w->name_count == 0;
}

static int
print_calls(FILE *f, const struct wish *w)
{
    unsigned done = 0, partial = 0, absent = 0;
    char line[LINE_BYTES];
    struct call c;

    while (fgets(line, sizeof(line), f)) {
        if (!split(line, &c) || !wanted(w, &c))
            continue;
        if (!w->summary)
            printf("%3s  %-24s %-8s %10s  %s\n", c.field[0], c.field[1], c.field[2], c.field[3], c.field[4]);
        done += c.field[2][0] == 'd';
        partial += c.field[2][0] == 'p';
        absent += c.field[2][0] == 'a';
    }
    if (w->summary)
        printf("%u done, %u partial, %u absent\n", done, partial, absent);
    return done + partial + absent == 0;
}

static int
parse(int argc, char **argv, struct wish *w)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--done") == 0 || strcmp(argv[i], "--partial") == 0 || strcmp(argv[i], "--absent") == 0) {
            w->state = argv[i] + 2;
        } else if (strcmp(argv[i], "--used") == 0) {
            w->used = 1;
        } else if (strcmp(argv[i], "--summary") == 0) {
            w->summary = 1;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "exos-abi: unknown option '%s' (see --help)\n", argv[i]);
            return 0;
        } else {
            w->names = argv + i;
            w->name_count = argc - i;
            break;
        }
    }
    return 1;
}

int
main(int argc, char **argv)
{
    struct wish w = { .state = NULL };
    FILE *f;
    int status;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (!parse(argc, argv, &w))
        return 2;
    f = fopen(CALLS_PATH, "r");
    if (!f) {
        fprintf(stderr, "exos-abi: %s: %s (is this ExOS?)\n", CALLS_PATH, strerror(errno));
        return 1;
    }
    status = print_calls(f, &w);
    fclose(f);
    return status;
}
