/* trace.h: the parts of aegis-trace: events out of the window, in order, and two ways to write them. */
#ifndef AEGIS_TRACE_TOOL_H
#define AEGIS_TRACE_TOOL_H

#include <stddef.h>
#include <stdint.h>

#include "aegis/info.h"

struct event {
    struct aeg_trace_event e;
    uint32_t cpu;
};

/* ---- collect.c ---- */

struct events {
    struct event *event;
    size_t count, room;
    uint64_t lost;              /* overwritten before they were read */
};

/* What the rings hold: the past. false: no memory. */
int collect_past(struct events *all);
/* What happens from now on, for so long. */
int collect_for(struct events *all, uint64_t ns);
/* By time, and only the last `last` of them. */
void collect_sort(struct events *all, size_t last);

/* ---- names.c: trace.def ---- */

struct kind {
    const char *name, *a, *b, *when;    /* a, b: how it is spelled, a space, its name */
};
const struct kind *kind_of(uint32_t kind);
const char *call_name(uint64_t number);
#define WORD_BYTES 48
/* A word as trace.def says that it is spelled, in buf; returns its name. NULL: there is none. */
const char *word_text(char *buf, const char *how, uint64_t value);
uint64_t event_ns(const struct event *e);       /* since boot */

/* ---- text.c, json.c ---- */

void write_text(const struct events *all);
/* The Trace Event Format of Chrome's about:tracing and of Perfetto. */
void write_json(const struct events *all);

#endif
