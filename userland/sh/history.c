/*
 * history.c: the lines typed before, the newest HISTORY_MAX of them.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>

static char *lines[HISTORY_MAX];
static size_t count; /* ever added */

/* Empty lines, and one that repeats the line before, are not worth coming back to. */
void
history_add(const char *line)
{
    const char *last = history_get(1);

    if (line[strspn(line, " \t")] == '\0' || (last != NULL && strcmp(line, last) == 0))
        return;
    free(lines[count % HISTORY_MAX]);
    lines[count++ % HISTORY_MAX] = xstrndup(line, strlen(line));
}

/* back 1 is the newest. NULL: there is none so old. */
const char *
history_get(size_t back)
{
    if (back == 0 || back > count || back > HISTORY_MAX)
        return NULL;
    return lines[(count - back) % HISTORY_MAX];
}
