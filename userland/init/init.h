/*
 * init.h: what the files of init share.
 */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INITTAB_PATH "/etc/inittab"
#define CMDLINE_PATH "/proc/cmdline"
#define CONSOLE_PATH "/dev/console"
#define CONTROL_PATH "/dev/control"
#define SHELL_PATH   "/bin/sh"
#define MOTD_PATH    "/etc/motd"

#define ENTRY_MAX     32 /* lines of inittab that start something */
#define ENTRY_ID_MAX  16
#define COMMAND_MAX   512
#define ARG_MAX_WORDS 32 /* words of a command that init splits itself */
#define CMDLINE_MAX   4096

#define BACKOFF_FIRST_MS 500 /* delay after the first quick death; doubles */
#define BACKOFF_LAST_MS  60000
#define QUICK_DEATH_MS   2000 /* a program that lived less long died quickly */
#define TERM_GRACE_MS    3000 /* from SIGTERM to SIGKILL */
#define KILL_GRACE_MS    1000 /* from SIGKILL to giving up */
#define POLL_MS          20

#define STATUS_POWEROFF                                                                            \
    200 /* a console program that ends so asks for the machine to be turned off */
#define STATUS_REBOOT 201

enum request {
    REQUEST_NONE,
    REQUEST_POWEROFF,
    REQUEST_REBOOT,
};

enum action {
    ACTION_ONCE,    /* start, never again */
    ACTION_WAIT,    /* start, wait for the end, then go on with the next line */
    ACTION_RESPAWN, /* start, and again whenever it ends */
    ACTION_CONSOLE, /* respawn in the console's foreground; its status may ask for power off */
};

/* One line of inittab. pid is 0 while it does not run; due_ms is when it may start next, 0 for
 * never. */
struct entry {
    char id[ENTRY_ID_MAX];
    char command[COMMAND_MAX];
    enum action action;
    pid_t pid;
    uint64_t started_ms;
    uint64_t due_ms;
    unsigned backoff_ms;
};

struct inittab {
    struct entry entries[ENTRY_MAX];
    size_t count;
};

struct cmdline {
    char text[CMDLINE_MAX];
    const char *exec; /* the command of exec=, to the end of the line; NULL: none */
    bool services;    /* start what inittab says in exec mode too */
};

void
cmdline_parse(struct cmdline *c);
void
cmdline_read(struct cmdline *c);
size_t
inittab_parse(struct inittab *tab, char *text);
size_t
inittab_read(struct inittab *tab);

void
console_open(void);
void
console_raw(void);
void
console_drain(void);

pid_t
command_spawn(const char *command, unsigned flags);
pid_t
shell_spawn(const char *command, unsigned flags);

void
services_start(struct inittab *tab, bool with_console);
enum request
services_reap(struct inittab *tab, pid_t pid, int status);
bool
services_start_due(struct inittab *tab);

extern volatile enum request signal_request;
void
requests_catch(void);
_Noreturn void
shutdown_now(enum request what);
_Noreturn void
shutdown_with_status(int status);

uint64_t
now_ms(void);
void
sleep_ms(unsigned ms);
void
say(const char *format, ...) __attribute__((format(printf, 1, 2)));
ssize_t
file_read(const char *path, char *buf, size_t size);

#endif
