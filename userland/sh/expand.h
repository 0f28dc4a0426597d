/*
 * expand.h: what expand.c and dollar.c share.
 *
 * The field under construction holds pattern text: a character that must not act as a pattern
 * character has a backslash before it.
 */
#ifndef SH_EXPAND_H
#define SH_EXPAND_H

#include "sh.h"

enum expand_mode {
    EXPAND_FIELDS,  /* split and match file names */
    EXPAND_STRING,  /* one string, as in an assignment */
    EXPAND_PATTERN, /* one string, pattern characters kept apart from quoted ones */
};

struct expander {
    enum expand_mode mode;
    struct str field;
    bool has_field; /* there is a field, even if it is empty */
    bool has_glob;
    bool after_blank; /* a blank of IFS ended the last field: another separator right behind it
                         makes no empty one */
    bool failed;
    int depth;
    int in_word; /* > 0: within ${name-word}, where what is written is split too */
    struct list *out;
};

void
expand_text(struct expander *x, const char *p, const char *end, bool quoted);
void
expand_literal(struct expander *x, char c, bool quoted);
void
expand_value(struct expander *x, const char *value, size_t len, bool quoted);
void
expand_field_end(struct expander *x);
const char *
expand_dollar(struct expander *x, const char *p, const char *end, bool quoted);
const char *
expand_backtick(struct expander *x, const char *p, const char *end, bool quoted);

#endif
