/*
 * main.c: aegis-top: what the kernel shows, live.
 *
 * It makes no call to ask: everything is read from the exposed window (aegis/info.h).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

#define MS_PER_S 1000
#define DELAY_MAX_S 3600
#define ONCE_NS 200000000       /* how long --once looks, to have rates */

static const char help[] =
    "usage: aegis-top [--once] [-d SECONDS] [-n COUNT]\n"
    "Shows the kernel's tables live: processors, accounts, frames by owner, envs, spaces, slices,\n"
    "disk slots, block queues, packet rings, filters, disks, network interfaces. It only reads the\n"
    "exposed window and makes no call to ask.\n"
    "  --once      look for a fifth of a second, print everything, and end\n"
    "  -d SECONDS  between two pictures (default 1)\n"
    "  -n COUNT    end after so many pictures\n"
    "Keys: q ends, arrows or j and k move by a line, space and b by a page, g to the top.\n"
    "Guards are names: 1.3.1 is a path, ~5 a component that the kernel gave.\n";

static struct options {
    int once;
    int delay_ms;
    unsigned long pictures;             /* 0: without end */
} options = { .delay_ms = MS_PER_S };

static struct sample samples[2];
static volatile sig_atomic_t ended;

static void
end(int signal)
{
    (void)signal;
    ended = 1;
}

static int
set_delay(const char *text)
{
    char *rest;
    double s = text ? strtod(text, &rest) : 0;

    options.delay_ms = (int)(s * MS_PER_S);
    return s > 0 && s <= DELAY_MAX_S && *rest == '\0' && options.delay_ms > 0;
}

static int
set_pictures(const char *text)
{
    char *rest;

    options.pictures = text ? strtoul(text, &rest, 10) : 0;
    return options.pictures != 0 && *rest == '\0';
}

/* 0: go on, else the status to end with, plus one. */
static int
parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0) {
            options.once = 1;
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 1;
        } else if ((strcmp(argv[i], "-d") == 0 && set_delay(argv[i + 1])) || (strcmp(argv[i], "-n") == 0 && set_pictures(argv[i + 1]))) {
            i++;
        } else {
            fprintf(stderr, "aegis-top: %s is not an option, or its value is none\n%s", argv[i], help);
            return 3;
        }
    }
    return 0;
}

static int
once(void)
{
    struct timespec pause = { .tv_nsec = ONCE_NS };

    if (!sample_take(&samples[0]) || nanosleep(&pause, NULL) != 0 || !sample_take(&samples[1]))
        return 1;
    show_all(&samples[1], &samples[0]);
    for (unsigned i = 0; i < line_count(); i++)
        puts(line_at(i));
    return 0;
}

/* The first line to show after a key. */
static unsigned
moved(unsigned first, int key)
{
    unsigned page = screen_rows() - 1;

    switch (key) {
    case 'j': case KEY_DOWN: return first + 1;
    case 'k': case KEY_UP: return first ? first - 1 : 0;
    case ' ': return first + page;
    case 'b': return first > page ? first - page : 0;
    case 'g': return 0;
    default: return first;
    }
}

static int
live(void)
{
    unsigned first = 0;

    if (!sample_take(&samples[0]))
        return 1;
    for (unsigned long n = 0; !ended; n++) {
        const struct sample *now = &samples[(n + 1) % 2];
        int key;

        if (!sample_take(&samples[(n + 1) % 2]))
            return 1;
        show_all(now, &samples[n % 2]);
        screen_show(&first);
        if (n + 1 == options.pictures)
            break;
        key = screen_key(options.delay_ms);
        while (key != 0 && key != 'q' && !ended) {      /* moving is not waiting for the next picture */
            first = moved(first, key);
            screen_show(&first);
            key = screen_key(options.delay_ms);
        }
        if (key == 'q')
            break;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    int status = parse(argc, argv);

    if (status != 0)
        return status - 1;
    if (AEG_INFO->magic != AEG_INFO_MAGIC || AEG_INFO->version < AEG_INFO_VERSION) {
        fprintf(stderr, "aegis-top: the kernel shows version %u, this program needs %u\n", AEG_INFO->version, AEG_INFO_VERSION);
        return 1;
    }
    if (options.once)
        return once();
    if (!screen_open()) {
        fprintf(stderr, "aegis-top: not a terminal: use --once\n");
        return 1;
    }
    signal(SIGINT, end);
    signal(SIGTERM, end);
    status = live();
    screen_close();
    return status;
}
