/* names.c: what trace.def calls events and their words. */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KINDS 64
#define CALLS 256

static const struct kind kinds[KINDS] = {
#define AEG_TRACE_EVENT(number, name, a, b, when) [number] = { #name, a, b, when },
#include "aegis/trace.def"
#undef AEG_TRACE_EVENT
};

static const char *const calls[CALLS] = {
#define AEG_SYSCALL(number, name, argc, needs) [number] = #name,
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

const struct kind *
kind_of(uint32_t kind)
{
    static const struct kind unknown = { "?", "hex a", "hex b", "a kernel newer than this program" };

    return kind < KINDS && kinds[kind].name ? &kinds[kind] : &unknown;
}

const char *
call_name(uint64_t number)
{
    return number < CALLS && calls[number] ? calls[number] : "?";
}

const char *
word_text(char *buf, const char *how, uint64_t value)
{
    const char *name = strchr(how, ' ');

    if (name == NULL)
        return NULL;
    name++;
    if (strncmp(how, "id ", 3) == 0)
        snprintf(buf, WORD_BYTES, "%u:%u", AEG_ID_INDEX(value), AEG_ID_GENERATION(value));
    else if (strncmp(how, "count ", 6) == 0)
        snprintf(buf, WORD_BYTES, "%" PRIu64, value);
    else if (strncmp(how, "call ", 5) == 0)
        snprintf(buf, WORD_BYTES, "%s", call_name(value));
    else
        snprintf(buf, WORD_BYTES, "0x%" PRIx64, value);
    return name;
}

uint64_t
event_ns(const struct event *e)
{
    return (uint64_t)((unsigned __int128)(e->e.tsc - AEG_INFO->tsc_base) * AEG_INFO->tsc_mult >> 32);
}
