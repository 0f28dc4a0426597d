/*
 * keymap.c: the US layout.
 *
 * Holds:    letters, digits, signs, shift, caps lock, control, alt as an escape prefix; arrows and the like as xterm sends them.
 * Source:   IBM PS/2 Technical Reference, scan code set 1.
 */
#include "arch/x86_64/keymap.h"

#define RELEASE 0x80

enum {
    KEY_CTRL = 0x1d,
    KEY_SHIFT_LEFT = 0x2a,
    KEY_SHIFT_RIGHT = 0x36,
    KEY_ALT = 0x38,
    KEY_CAPS = 0x3a,
    KEY_F1 = 0x3b,
    KEY_F10 = 0x44,
    KEY_F11 = 0x57,
    KEY_F12 = 0x58,
};

static const char plain[] =
    "\0\033" "1234567890-=\177\t" "qwertyuiop[]\r\0" "asdfghjkl;'`\0\\" "zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033" "!@#$%^&*()_+\177\t" "QWERTYUIOP{}\r\0" "ASDFGHJKL:\"~\0|" "ZXCVBNM<>?\0*\0 ";

/* Keypad without num lock, and the grey keys (which come after 0xe0): from 0x47. */
static const char *const cursor_keys[] = {
    "\033[H", "\033[A", "\033[5~", "-", "\033[D", "\033[E", "\033[C", "+", "\033[F", "\033[B", "\033[6~", "\033[2~", "\033[3~",
};
#define CURSOR_FIRST 0x47

static const char *const function_keys[] = {
    "\033OP", "\033OQ", "\033OR", "\033OS", "\033[15~", "\033[17~", "\033[18~", "\033[19~", "\033[20~", "\033[21~",
};

static size_t
send(char *out, const char *text)
{
    size_t n = 0;

    while (n < KEYMAP_BYTES && text[n]) {
        out[n] = text[n];
        n++;
    }
    return n;
}

/* True when the key only changes what others mean. */
static bool
modifier(struct keymap *k, uint8_t key, bool down)
{
    switch (key) {
    case KEY_CTRL: *(k->extended ? &k->ctrl_right : &k->ctrl_left) = down; return true;
    case KEY_SHIFT_LEFT: case KEY_SHIFT_RIGHT:
        if (!k->extended)       /* 0xe0 0x2a surrounds grey keys and means nothing */
            *(key == KEY_SHIFT_LEFT ? &k->shift_left : &k->shift_right) = down;
        return true;
    case KEY_ALT: k->alt = down; return true;
    case KEY_CAPS: k->caps ^= down; return true;
    default: return false;
    }
}

static size_t
character(const struct keymap *k, uint8_t key, char *out)
{
    bool shift = k->shift_left || k->shift_right;
    char c = plain[key];
    size_t n = 0;

    if (c >= 'a' && c <= 'z')
        shift ^= k->caps;
    if (shift)
        c = shifted[key];
    if (k->ctrl_left || k->ctrl_right) {
        if (c == ' ' || (c >= '@' && c <= '~'))
            c &= 0x1f;
        else if (c == '/')
            c = 0x1f;
        if (plain[key] == ' ' || plain[key] == '2')
            c = 0;
        else if (c == 0)
            return 0;
    } else if (c == 0) {
        return 0;
    }
    if (k->alt)
        out[n++] = 0x1b;
    out[n++] = c;
    return n;
}

static size_t
press(const struct keymap *k, uint8_t key, char *out)
{
    if (k->extended && key == 0x1c)
        return send(out, "\r");
    if (k->extended && key == 0x35)
        return send(out, "/");
    if (key >= CURSOR_FIRST && key < CURSOR_FIRST + sizeof(cursor_keys) / sizeof(cursor_keys[0]))
        return send(out, cursor_keys[key - CURSOR_FIRST]);
    if (k->extended)
        return 0;
    if (key >= KEY_F1 && key <= KEY_F10)
        return send(out, function_keys[key - KEY_F1]);
    if (key == KEY_F11 || key == KEY_F12)
        return send(out, key == KEY_F11 ? "\033[23~" : "\033[24~");
    return key < sizeof(plain) - 1 ? character(k, key, out) : 0;
}

size_t
keymap_translate(struct keymap *k, uint8_t code, char out[KEYMAP_BYTES])
{
    uint8_t key = code & (uint8_t)~RELEASE;
    bool down = !(code & RELEASE);
    size_t n = 0;

    if (k->skip > 0) {
        k->skip--;
        return 0;
    }
    if (code == 0xe0 || code == 0xe1) {
        k->extended = code == 0xe0;
        k->skip = code == 0xe1 ? 2 : 0;     /* pause: e1 1d 45, and the same as release */
        return 0;
    }
    if (!modifier(k, key, down) && down)
        n = press(k, key, out);
    k->extended = false;
    return n;
}
