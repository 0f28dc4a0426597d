/*
 * service.c: the lines of inittab as running programs.
 *
 * Holds: an entry has a pid, or a time when it starts next, or neither and is done with.
 */
#include "init.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exos/spawn.h>

static bool
comes_back(const struct entry *e)
{
    return e->action == ACTION_RESPAWN || e->action == ACTION_CONSOLE;
}

/* When the entry starts next: at once after a decent life, later and later when it keeps dying
 * young. */
static void
schedule(struct entry *e, bool young)
{
    if (!comes_back(e)) {
        e->due_ms = 0;
        return;
    }
    if (!young)
        e->backoff_ms = 0;
    else if (e->backoff_ms == 0)
        e->backoff_ms = BACKOFF_FIRST_MS;
    else if (e->backoff_ms < BACKOFF_LAST_MS / 2)
        e->backoff_ms *= 2;
    else
        e->backoff_ms = BACKOFF_LAST_MS;
    e->due_ms = now_ms() + e->backoff_ms + 1;
    if (e->backoff_ms > 0)
        say("%s: next try in %u.%u s", e->id, e->backoff_ms / 1000, e->backoff_ms % 1000 / 100);
}

static void
start(struct entry *e)
{
    unsigned flags = EXOS_SPAWN_NEWPGRP | (e->action == ACTION_CONSOLE ? EXOS_SPAWN_FOREGROUND : 0);
    pid_t pid = command_spawn(e->command, flags);

    e->due_ms = 0;
    e->started_ms = now_ms();
    if (pid < 0) {
        schedule(e, true);
        return;
    }
    e->pid = pid;
    if (e->action == ACTION_WAIT) {
        waitpid(pid, NULL, 0);
        e->pid = 0;
    }
}

/* Starts everything, in the order of the lines; the console's entries only when asked. */
void
services_start(struct inittab *tab, bool with_console)
{
    for (size_t i = 0; i < tab->count; i++)
        if (with_console || tab->entries[i].action != ACTION_CONSOLE)
            start(&tab->entries[i]);
}

static enum request
console_request(const struct entry *e, int status)
{
    if (e->action != ACTION_CONSOLE || !WIFEXITED(status))
        return REQUEST_NONE;
    if (WEXITSTATUS(status) == STATUS_POWEROFF)
        return REQUEST_POWEROFF;
    return WEXITSTATUS(status) == STATUS_REBOOT ? REQUEST_REBOOT : REQUEST_NONE;
}

static void
report_death(const struct entry *e, int status)
{
    if (WIFSIGNALED(status))
        say("%s: killed by signal %d (%s)", e->id, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (e->action == ACTION_RESPAWN)
        say("%s: ended with status %d", e->id, WEXITSTATUS(status));
}

/* Takes note of an ended child; orphans that nobody knows count for nothing. Gives what the child
 * asked for by its status. */
enum request
services_reap(struct inittab *tab, pid_t pid, int status)
{
    for (size_t i = 0; i < tab->count; i++) {
        struct entry *e = &tab->entries[i];
        enum request wish;

        if (e->pid != pid)
            continue;
        e->pid = 0;
        wish = console_request(e, status);
        if (wish != REQUEST_NONE)
            return wish;
        report_death(e, status);
        schedule(e, now_ms() - e->started_ms < QUICK_DEATH_MS &&
                        (e->action == ACTION_RESPAWN || status != 0));
        break;
    }
    return REQUEST_NONE;
}

/* Starts what has become due. True while something still waits for its time. */
bool
services_start_due(struct inittab *tab)
{
    uint64_t now = now_ms();
    bool waiting = false;

    for (size_t i = 0; i < tab->count; i++) {
        struct entry *e = &tab->entries[i];

        if (e->due_ms != 0 && e->due_ms <= now)
            start(e);
        waiting |= e->due_ms != 0;
    }
    return waiting;
}
