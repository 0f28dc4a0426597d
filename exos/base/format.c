/*
 * format.c: printf-style text for the log and for /proc, without a C library.
 *
 * Holds: d i u x X o p c s %, with l ll z h, width, 0 and -, precision for strings. A result that does not fit is cut, terminated, and
 *        its full length returned.
 */
#include "base/base.h"

struct sink {
    char *buf;
    size_t size;
    size_t len;
};

struct spec {
    bool left, zero;
    int width, precision;
    int longs;
};

static void
put(struct sink *s, char c)
{
    if (s->len + 1 < s->size)
        s->buf[s->len] = c;
    s->len++;
}

static void
pad(struct sink *s, char c, int n)
{
    for (; n > 0; n--)
        put(s, c);
}

static void
put_text(struct sink *s, const struct spec *f, const char *text)
{
    size_t len = f->precision >= 0 ? strnlen(text, (size_t)f->precision) : strlen(text);
    int fill = f->width - (int)len;

    if (!f->left)
        pad(s, ' ', fill);
    for (size_t i = 0; i < len; i++)
        put(s, text[i]);
    if (f->left)
        pad(s, ' ', fill);
}

static void
put_number(struct sink *s, const struct spec *f, uint64_t v, unsigned base, bool negative, const char *digits)
{
    char text[24];
    int len = 0, fill;

    do {
        text[len++] = digits[v % base];
        v /= base;
    } while (v != 0);
    fill = f->width - len - negative;
    if (!f->left && !f->zero)
        pad(s, ' ', fill);
    if (negative)
        put(s, '-');
    if (!f->left && f->zero)
        pad(s, '0', fill);
    while (len > 0)
        put(s, text[--len]);
    if (f->left)
        pad(s, ' ', fill);
}

static const char *
parse_spec(const char *p, struct spec *f, va_list *ap)
{
    *f = (struct spec){ .precision = -1 };
    for (;; p++) {
        if (*p == '-')
            f->left = true;
        else if (*p == '0')
            f->zero = true;
        else
            break;
    }
    if (*p == '*') {
        f->width = va_arg(*ap, int);
        p++;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        f->width = f->width * 10 + (*p - '0');
    if (*p == '.') {
        f->precision = 0;
        if (*++p == '*') {
            f->precision = va_arg(*ap, int);
            p++;
        }
        for (; *p >= '0' && *p <= '9'; p++)
            f->precision = f->precision * 10 + (*p - '0');
    }
    for (; *p == 'l' || *p == 'z' || *p == 'h'; p++)
        f->longs += *p != 'h';
    return p;
}

static void
put_signed(struct sink *s, const struct spec *f, int64_t v)
{
    put_number(s, f, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0, "0123456789");
}

static void
put_argument(struct sink *s, const struct spec *f, char kind, va_list *ap)
{
    const char *lower = "0123456789abcdef", *text;
    uint64_t v;

    switch (kind) {
    case 'd':
    case 'i':
        put_signed(s, f, f->longs ? va_arg(*ap, int64_t) : va_arg(*ap, int));
        return;
    case 'c':
        put(s, (char)va_arg(*ap, int));
        return;
    case 's':
        text = va_arg(*ap, const char *);
        put_text(s, f, text != NULL ? text : "(null)");
        return;
    case 'p':
        put(s, '0');
        put(s, 'x');
        put_number(s, f, (uint64_t)va_arg(*ap, void *), 16, false, lower);
        return;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        v = f->longs ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned);
        put_number(s, f, v, kind == 'u' ? 10 : kind == 'o' ? 8 : 16, false, kind == 'X' ? "0123456789ABCDEF" : lower);
        return;
    default:
        put(s, '%');
        put(s, kind);
    }
}

int
fmt_vprint(char *buf, size_t size, const char *format, va_list ap)
{
    struct sink s = { buf, size, 0 };
    struct spec f;
    va_list args;

    va_copy(args, ap);
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            put(&s, *p);
            continue;
        }
        p = parse_spec(p + 1, &f, &args);
        if (*p == '\0')
            break;
        if (*p == '%')
            put(&s, '%');
        else
            put_argument(&s, &f, *p, &args);
    }
    va_end(args);
    if (size > 0)
        buf[MIN(s.len, size - 1)] = '\0';
    return (int)s.len;
}

int
fmt_print(char *buf, size_t size, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = fmt_vprint(buf, size, format, ap);
    va_end(ap);
    return n;
}
