/*
 * edit_keys.c: what each key does to the line.
 */
#include "edit.h"

#include <string.h>

#define LIST_WIDTH_MAX 60

static bool
continues(const struct editor *e, size_t i)
{
    return i < e->len && ((unsigned char)e->buf[i] & 0xc0) == 0x80;
}

static void
remove_range(struct editor *e, size_t from, size_t to)
{
    memmove(e->buf + from, e->buf + to, e->len - to + 1);
    e->len -= to - from;
    e->cursor = from;
}

/* What does not fit is not taken. */
void
edit_insert(struct editor *e, const char *text, size_t len)
{
    if (len >= e->size - e->len)
        return;
    memmove(e->buf + e->cursor + len, e->buf + e->cursor, e->len - e->cursor + 1);
    memcpy(e->buf + e->cursor, text, len);
    e->len += len;
    e->cursor += len;
}

static void
move_left(struct editor *e)
{
    if (e->cursor == 0)
        return;
    do
        e->cursor--;
    while (e->cursor > 0 && continues(e, e->cursor));
}

static void
move_right(struct editor *e)
{
    if (e->cursor == e->len)
        return;
    do
        e->cursor++;
    while (continues(e, e->cursor));
}

static void
erase_left(struct editor *e)
{
    size_t to = e->cursor;

    move_left(e);
    remove_range(e, e->cursor, to);
}

static void
erase_right(struct editor *e)
{
    size_t from = e->cursor;

    move_right(e);
    remove_range(e, from, e->cursor);
}

static void
erase_word(struct editor *e)
{
    size_t to = e->cursor, from = to;

    while (from > 0 && e->buf[from - 1] == ' ')
        from--;
    while (from > 0 && e->buf[from - 1] != ' ')
        from--;
    remove_range(e, from, to);
}

static void
show_history(struct editor *e, size_t back)
{
    const char *line = back == 0 ? e->kept : history_get(back);

    if (line == NULL)
        return;
    if (e->back == 0)
        memcpy(e->kept, e->buf, e->len + 1);
    e->back = back;
    e->len = strlen(line) < e->size ? strlen(line) : e->size - 1;
    memcpy(e->buf, line, e->len);
    e->buf[e->len] = '\0';
    e->cursor = e->len;
}

/* How far all names agree. */
static size_t
common_length(const struct list *names)
{
    size_t len = strlen(names->v[0]);

    for (size_t i = 1; i < names->n; i++) {
        size_t n = 0;

        while (n < len && names->v[i][n] == names->v[0][n])
            n++;
        len = n;
    }
    return len;
}

static void
list_names(struct editor *e, const struct list *names)
{
    struct str out = {0};
    size_t width = 0, per_line;

    for (size_t i = 0; i < names->n; i++)
        width = strlen(names->v[i]) > width ? strlen(names->v[i]) : width;
    if (width > LIST_WIDTH_MAX)
        width = LIST_WIDTH_MAX;
    per_line = e->columns / (width + 1) > 0 ? e->columns / (width + 1) : 1;
    for (size_t i = 0; i < names->n; i++) {
        size_t len = strlen(names->v[i]);

        if (i % per_line == 0)
            str_putc(&out, '\n');
        str_put(&out, names->v[i], len);
        for (; len < width + 1 && (i + 1) % per_line != 0; len++)
            str_putc(&out, ' ');
    }
    str_putc(&out, '\n');
    edit_put(out.p, out.len);
    str_free(&out);
    e->shown = 0;
}

/* Replaces the word by the name, with backslashes where the shell needs them. */
static void
put_name(struct editor *e, size_t start, const char *name, size_t len)
{
    remove_range(e, start, e->cursor);
    for (size_t i = 0; i < len; i++) {
        bool last_blank = i + 1 == strlen(name) && name[i] == ' ';

        if (!last_blank && strchr(" \t'\"\\$`*?[;&|<>()#!", name[i]) != NULL)
            edit_insert(e, "\\", 1);
        edit_insert(e, name + i, 1);
    }
}

/* The first Tab adds what is certain, the second one shows the choice. */
void
edit_complete(struct editor *e)
{
    struct completion c;
    size_t before = e->len;

    complete_word(e->buf, e->cursor, &c);
    if (c.names.n > 0)
        put_name(e, c.start, c.names.v[0], common_length(&c.names));
    if (c.names.n > 1 && e->len == before && e->tab_before)
        list_names(e, &c.names);
    completion_free(&c);
}

static void
edit_change(struct editor *e, int key)
{
    char c = (char)key;

    switch (key) {
    case CTRL('A'):
    case KEY_HOME: e->cursor = 0; break;
    case CTRL('E'):
    case KEY_END: e->cursor = e->len; break;
    case CTRL('B'):
    case KEY_LEFT: move_left(e); break;
    case CTRL('F'):
    case KEY_RIGHT: move_right(e); break;
    case CTRL('P'):
    case KEY_UP: show_history(e, e->back + 1); break;
    case CTRL('N'):
    case KEY_DOWN:
        if (e->back > 0)
            show_history(e, e->back - 1);
        break;
    case '\b':
    case 127: erase_left(e); break;
    case KEY_DELETE: erase_right(e); break;
    case CTRL('U'): remove_range(e, 0, e->cursor); break;
    case CTRL('K'): remove_range(e, e->cursor, e->len); break;
    case CTRL('W'): erase_word(e); break;
    case CTRL('L'):
        edit_put("\033[H\033[2J", 7);
        e->shown = 0;
        break;
    case '\t': edit_complete(e); break;
    default:
        if (key >= ' ' && key < 256)
            edit_insert(e, &c, 1);
    }
}

enum edit_result
edit_key(struct editor *e, int key)
{
    if (key == '\r' || key == '\n')
        return EDIT_DONE;
    if (key == CTRL('C'))
        return EDIT_CANCEL;
    if (key == KEY_EOF || (key == CTRL('D') && e->len == 0))
        return EDIT_END;
    e->at_end = e->cursor == e->len && key >= ' ' && key < 256 && key != 127;
    edit_change(e, key == CTRL('D') ? KEY_DELETE : key);
    e->tab_before = key == '\t';
    edit_redraw(e);
    return EDIT_MORE;
}
