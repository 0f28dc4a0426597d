/*
 * edit.h: the line being edited, shared by edit.c (the terminal) and edit_keys.c (what keys do).
 */
#ifndef SH_EDIT_H
#define SH_EDIT_H

#include "sh.h"

struct editor {
    const char *prompt;
    char *buf;
    size_t size; /* of buf, NUL included */
    size_t len;
    size_t cursor;  /* byte offset */
    size_t columns; /* of the terminal */
    size_t shown;   /* columns of the line on screen, prompt included */
    size_t drawn;   /* length of the line when it was last drawn */
    bool at_end;    /* the screen shows exactly the first `drawn` bytes, cursor behind them */
    size_t back;    /* how far in the history; 0: the new line */
    char kept[LINE_MAX_BYTES]; /* the new line, while an older one is shown */
    bool tab_before;           /* the key before was Tab too */
};

enum edit_result { EDIT_MORE, EDIT_DONE, EDIT_END, EDIT_CANCEL };

enum edit_result
edit_key(struct editor *e, int key);
void
edit_insert(struct editor *e, const char *text, size_t len);
void
edit_complete(struct editor *e);
void
edit_redraw(struct editor *e);
void
edit_put(const char *text, size_t len);

/* Keys that are sequences of bytes. */
enum {
    KEY_UP = 256,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_NONE,
    KEY_EOF,
};

#define CTRL(c) ((c)&31)

#endif
