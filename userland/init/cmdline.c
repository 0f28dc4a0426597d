/*
 * cmdline.c: what the kernel command line asks of init.
 *
 * Words are separated by blanks. `services` starts the services in exec mode too; `init=` is for
 * the library; the first `exec=` takes the rest of the line as it is, so it stands last. All other
 * words are for others.
 */
#include "init.h"

#include <string.h>

static const char *
word_end(const char *p)
{
    return p + strcspn(p, " \t\n");
}

static bool
word_is(const char *p, const char *word)
{
    return (size_t)(word_end(p) - p) == strlen(word) && strncmp(p, word, strlen(word)) == 0;
}

/* Reads c->text. An empty command counts as none. */
void
cmdline_parse(struct cmdline *c)
{
    size_t len = strlen(c->text);

    while (len > 0 && (c->text[len - 1] == '\n' || c->text[len - 1] == '\0'))
        c->text[--len] = '\0';
    c->exec = NULL;
    c->services = false;
    for (const char *p = c->text; *(p += strspn(p, " \t\n")) != '\0'; p = word_end(p)) {
        if (strncmp(p, "exec=", 5) == 0) {
            c->exec = p[5] != '\0' ? p + 5 : NULL;
            return;
        }
        if (word_is(p, "services"))
            c->services = true;
    }
}

void
cmdline_read(struct cmdline *c)
{
    if (file_read(CMDLINE_PATH, c->text, sizeof(c->text)) < 0) {
        say("cannot read " CMDLINE_PATH ": %m; starting as if it were empty");
        c->text[0] = '\0';
    }
    cmdline_parse(c);
}
