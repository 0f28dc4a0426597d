/*
 * main.c: the three things a new env of ours can be, and the boot command line.
 */
#include "aegis/info.h"
#include "base/base.h"
#include "proc/internal.h"
#include "start/entry.h"
#include "start/session.h"
#include "thread/turn.h"

struct session session;

noreturn void
start_main(uint64_t kind, void *arg)
{
    switch (kind) {
    case START_ROOT:
        root_main();
    case START_HOUSEKEEPER:
        housekeeper_main();
    case START_HOME:
        turn_enter();
        sched_home();
    case START_WORKER:
        housekeeper_life();
    default:
        process_start(arg);
    }
}

const char *
cmdline_text(void)
{
    return (const char *)AEG_INFO->cmdline.address;
}

/* The next word from *at on: its length, 0 at the end. `exec=` takes the rest of the line and so ends it. */
static size_t
word_next(const char **at)
{
    const char *p = *at;
    size_t n = 0;

    while (*p == ' ' || *p == '\t' || *p == '\n')
        p++;
    *at = p;
    if (strncmp(p, "exec=", 5) == 0)
        return 0;
    while (p[n] != '\0' && p[n] != ' ' && p[n] != '\t' && p[n] != '\n')
        n++;
    return n;
}

bool
cmdline_value(const char *key, char *buf, size_t size)
{
    size_t len = strlen(key), n;

    for (const char *p = cmdline_text(); (n = word_next(&p)) > 0; p += n) {
        if (n <= len || strncmp(p, key, len) != 0 || p[len] != '=')
            continue;
        fmt_print(buf, size, "%.*s", (int)(n - len - 1), p + len + 1);
        return true;
    }
    return false;
}

bool
cmdline_word(const char *word)
{
    size_t n;

    for (const char *p = cmdline_text(); (n = word_next(&p)) > 0; p += n)
        if (n == strlen(word) && strncmp(p, word, n) == 0)
            return true;
    return false;
}
