/*
 * inittab.c: /etc/inittab into a table.
 *
 * A line is `id:action:command`; # starts a comment line, empty lines count for nothing. Actions:
 * once, wait, respawn, console.
 */
#include "init.h"

#include <errno.h>
#include <string.h>

#define INITTAB_BYTES_MAX 16384

static const char *const action_names[] = {
    [ACTION_ONCE] = "once",
    [ACTION_WAIT] = "wait",
    [ACTION_RESPAWN] = "respawn",
    [ACTION_CONSOLE] = "console",
};

static bool
action_parse(const char *name, enum action *action)
{
    for (size_t i = 0; i < sizeof(action_names) / sizeof(action_names[0]); i++) {
        if (strcmp(name, action_names[i]) == 0) {
            *action = (enum action)i;
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with the line. */
static const char *
line_parse(struct entry *e, char *line)
{
    char *action = strchr(line, ':');
    char *command = action != NULL ? strchr(action + 1, ':') : NULL;

    if (command == NULL)
        return "not of the form id:action:command";
    *action++ = '\0';
    *command++ = '\0';
    command += strspn(command, " \t");
    memset(e, 0, sizeof(*e));
    if (strlen(line) >= sizeof(e->id))
        return "the id is too long";
    if (!action_parse(action, &e->action))
        return "the action is none of once, wait, respawn, console";
    if (*command == '\0')
        return "there is no command";
    if (strlen(command) >= sizeof(e->command))
        return "the command is too long";
    strcpy(e->id, line);
    strcpy(e->command, command);
    return NULL;
}

/* Fills the table from text, which it cuts up. Says which lines are wrong and leaves them out;
 * gives how many those are. */
size_t
inittab_parse(struct inittab *tab, char *text)
{
    size_t number = 0, wrong = 0;
    char *next;

    tab->count = 0;
    for (char *line = text; line != NULL; line = next) {
        const char *problem = "there are too many lines";

        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        number++;
        line += strspn(line, " \t\r");
        line[strcspn(line, "\r")] = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        if (tab->count < ENTRY_MAX)
            problem = line_parse(&tab->entries[tab->count], line);
        if (problem == NULL) {
            tab->count++;
            continue;
        }
        say(INITTAB_PATH ", line %zu left out: %s", number, problem);
        wrong++;
    }
    return wrong;
}

/* Without a readable inittab there is still a shell on the console. */
size_t
inittab_read(struct inittab *tab)
{
    static char text[INITTAB_BYTES_MAX];
    char fallback[] = "sh:console:" SHELL_PATH;

    if (file_read(INITTAB_PATH, text, sizeof(text)) >= 0)
        return inittab_parse(tab, text);
    say("cannot read " INITTAB_PATH ": %m; starting " SHELL_PATH " on the console only");
    return inittab_parse(tab, fallback);
}
