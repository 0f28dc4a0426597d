/*
 * script.c: `#!` lines. See script.h.
 */
#include "proc/script.h"

static bool
blank(char c)
{
    return c == ' ' || c == '\t';
}

static char *
skip_blanks(char *p)
{
    while (blank(*p))
        p++;
    return p;
}

static char *
word_end(char *p)
{
    while (*p != '\0' && !blank(*p))
        p++;
    return p;
}

int
script_parse(char *line, size_t n, char **interp, char **arg)
{
    char *end, *p;
    bool whole;

    if (n < 2 || line[0] != '#' || line[1] != '!')
        return 0;
    line[n] = '\0';
    end = strchr(line, '\n');
    whole = end != NULL || n < SCRIPT_LINE_MAX;
    if (end == NULL)
        end = line + strlen(line);
    while (end > line + 2 && blank(end[-1]))
        end--;
    *end = '\0';
    *interp = skip_blanks(line + 2);
    p = word_end(*interp);
    if (p == *interp || (!whole && *p == '\0'))
        return -ENOEXEC;
    *arg = NULL;
    if (*p != '\0') {
        *p = '\0';
        p = skip_blanks(p + 1);
        *arg = *p != '\0' ? p : NULL;
    }
    return 1;
}
