/* text.c: the lines to be shown, and the spelling of names, ids and sizes. */
#include "top.h"

#include <stdarg.h>
#include <stdio.h>

#define LINES 4096
#define LINE_BYTES 160
#define NAME_TEXTS 8            /* words that one line may hold */
#define NAME_BYTES 64

static char lines[LINES][LINE_BYTES];
static unsigned used;
static char words[NAME_TEXTS][NAME_BYTES];
static unsigned word;

void
text_begin(void)
{
    used = 0;
}

void
line(const char *format, ...)
{
    va_list ap;

    if (used == LINES)
        return;
    va_start(ap, format);
    vsnprintf(lines[used++], LINE_BYTES, format, ap);
    va_end(ap);
}

void
heading(const char *text)
{
    line("%s", "");
    line("%s", text);
}

unsigned
line_count(void)
{
    return used;
}

const char *
line_at(unsigned i)
{
    return lines[i];
}

static char *
next_word(void)
{
    return words[word++ % NAME_TEXTS];
}

const char *
name_text(struct aeg_name name)
{
    char *w = next_word();
    int n = 0;

    for (unsigned i = 0; i < AEG_NAME_COMPONENTS; i++) {
        unsigned c = (i < 4 ? name.hi : name.lo) >> (48 - 16 * (i % 4)) & 0xffff;

        if (c == 0)
            break;
        n += snprintf(w + n, NAME_BYTES - (size_t)n, "%s%s%x", i ? "." : "", c & AEG_COMPONENT_FRESH ? "~" : "", c & ~AEG_COMPONENT_FRESH);
    }
    if (n == 0)
        snprintf(w, NAME_BYTES, "root");
    return w;
}

const char *
id_text(aeg_id_t id)
{
    char *w = next_word();

    if (id == 0)
        snprintf(w, NAME_BYTES, "-");
    else
        snprintf(w, NAME_BYTES, "%u:%u", AEG_ID_INDEX(id), AEG_ID_GENERATION(id));
    return w;
}

const char *
limit_text(uint64_t n)
{
    char *w = next_word();

    if (n >= UINT32_MAX)
        snprintf(w, NAME_BYTES, "-");
    else
        snprintf(w, NAME_BYTES, "%llu", (unsigned long long)n);
    return w;
}

const char *
bytes_text(uint64_t n)
{
    static const char units[] = "BKMGTP";
    unsigned u = 0;
    char *w = next_word();
    uint64_t tenths = n * 10;

    while (tenths >= 10240 && units[u + 1] != '\0') {
        tenths /= 1024;
        u++;
    }
    if (u == 0)
        snprintf(w, NAME_BYTES, "%llu", (unsigned long long)n);
    else
        snprintf(w, NAME_BYTES, "%llu.%llu%c", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10), units[u]);
    return w;
}
