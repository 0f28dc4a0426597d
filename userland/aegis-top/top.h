/* top.h: the parts of aegis-top: samples of the window, lines of text, the sections that make lines of samples. */
#ifndef AEGIS_TOP_H
#define AEGIS_TOP_H

#include <stdint.h>

#include "aegis/info.h"

/* ---- sample.c: what the window showed at one time ---- */

/* One table, copied: entries as this program knows them, however long the kernel's are. */
struct copy {
    char *entries;
    uint32_t count;
};

struct sample {
    uint64_t ns;                        /* monotonic, when it was taken */
    struct copy cpus, accounts, spaces, envs, slices, slots, queues, rings, filters, disks, nics;
};

/* false: there is no memory. What `s` held is given up or used again. */
int sample_take(struct sample *s);

#define ENTRY(sample, table, type, i) ((const struct type *)(const void *)(sample)->table.entries + (i))

/* ---- text.c: lines, and the words that stand in several sections ---- */

void text_begin(void);
/* A line; without a newline. */
__attribute__((format(printf, 1, 2))) void line(const char *format, ...);
/* A heading, after an empty line. */
void heading(const char *text);
unsigned line_count(void);
const char *line_at(unsigned i);

/* A name as dotted components: 1.3.1, or ~5 for one that the kernel gave; "root" is the empty one. Lasts for NAME_TEXTS further calls. */
const char *name_text(struct aeg_name name);
const char *id_text(aeg_id_t id);
/* A count or "-" for the highest, which means none. */
const char *limit_text(uint64_t n);
/* 4096 -> "4.0K" */
const char *bytes_text(uint64_t n);

/* ---- show.c: the sections; `before` is the sample to take rates from ---- */

void show_all(const struct sample *now, const struct sample *before);
/* frames.c */
void show_frames(void);

/* ---- screen.c: the terminal ---- */

int screen_open(void);
void screen_close(void);
/* Shows as much of the text as fits, from line `first` on; corrects `first` when it is behind the end. */
void screen_show(unsigned *first);
unsigned screen_rows(void);
/* A key within `ms`, or 0. */
int screen_key(int ms);
#define KEY_UP 256
#define KEY_DOWN 257

#endif
