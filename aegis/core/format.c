/*
 * format.c: printf's formatting, the part that a kernel needs.
 *
 * Holds:    conversions d i u x X p c s and %; lengths l, ll, z; width, or * for it; flags 0 and -; precision of strings (%.8s).
 * Not here: floating point, positional arguments, %n.
 */
#include "core/kernel.h"

struct out {
    char *buf;
    size_t size;                /* with the terminating zero */
    size_t len;                 /* what was wanted, which may be more */
};

struct spec {
    bool left, zero, upper;
    int width, precision;       /* precision -1: none */
    int longs;                  /* 0 int, 1 long and longer */
};

static void
put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void
put_padded(struct out *o, const struct spec *s, const char *sign, const char *text, size_t len)
{
    int pad = s->width - (int)len - (sign ? (int)strlen(sign) : 0);

    if (!s->left && !s->zero)
        for (; pad > 0; pad--)
            put(o, ' ');
    for (; sign && *sign; sign++)
        put(o, *sign);
    if (!s->left)
        for (; pad > 0; pad--)
            put(o, '0');
    for (size_t i = 0; i < len; i++)
        put(o, text[i]);
    for (; pad > 0; pad--)
        put(o, ' ');
}

static void
put_number(struct out *o, const struct spec *s, const char *sign, uint64_t v, unsigned base)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        unsigned digit = v % base;

        digits[--at] = (char)(digit < 10 ? '0' + digit : (s->upper ? 'A' : 'a') + digit - 10);
        v /= base;
    } while (v != 0);
    put_padded(o, s, sign, digits + at, sizeof(digits) - at);
}

static void
put_string(struct out *o, struct spec *s, const char *text)
{
    size_t len = 0;

    if (text == NULL)
        text = "(null)";
    while ((s->precision < 0 || len < (size_t)s->precision) && text[len])
        len++;
    s->zero = false;
    put_padded(o, s, NULL, text, len);
}

static int
parse_number(const char **f, va_list *ap)
{
    int n = 0;

    if (**f == '*') {
        (*f)++;
        return va_arg(*ap, int);
    }
    while (**f >= '0' && **f <= '9')
        n = n * 10 + *(*f)++ - '0';
    return n;
}

static struct spec
parse_spec(const char **f, va_list *ap)
{
    struct spec s = { .precision = -1 };

    for (; **f == '-' || **f == '0'; (*f)++) {
        s.left |= **f == '-';
        s.zero |= **f == '0';
    }
    s.width = parse_number(f, ap);
    if (**f == '.') {
        (*f)++;
        s.precision = parse_number(f, ap);
    }
    for (; **f == 'l' || **f == 'z'; (*f)++)
        s.longs = 1;
    if (s.left)
        s.zero = false;
    return s;
}

static void
convert(struct out *o, struct spec *s, char conversion, va_list *ap)
{
    int64_t i;

    switch (conversion) {
    case 'd': case 'i':
        i = s->longs ? va_arg(*ap, int64_t) : va_arg(*ap, int);
        put_number(o, s, i < 0 ? "-" : NULL, i < 0 ? 0 - (uint64_t)i : (uint64_t)i, 10);
        break;
    case 'u':
        put_number(o, s, NULL, s->longs ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned), 10);
        break;
    case 'X':
        s->upper = true;
        /* fallthrough */
    case 'x':
        put_number(o, s, NULL, s->longs ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned), 16);
        break;
    case 'p':
        put_number(o, s, "0x", (uint64_t)va_arg(*ap, void *), 16);
        break;
    case 'c': {
        char c = (char)va_arg(*ap, int);

        s->zero = false;
        put_padded(o, s, NULL, &c, 1);
        break;
    }
    case 's':
        put_string(o, s, va_arg(*ap, const char *));
        break;
    default:
        put(o, '%');
        put(o, conversion);
    }
}

/*
 * Formats into buf, always terminated when size > 0. Gives the length that the whole text has, as snprintf does: at least `size` means that
 * it was cut.
 */
int
kvformat(char *buf, size_t size, const char *format, va_list ap)
{
    struct out o = { buf, size, 0 };
    va_list args;

    va_copy(args, ap);
    for (const char *f = format; *f; f++) {
        struct spec s;

        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f++;
        s = parse_spec(&f, &args);
        if (*f == 0)
            break;
        if (*f == '%')
            put(&o, '%');
        else
            convert(&o, &s, *f, &args);
    }
    va_end(args);
    if (size > 0)
        buf[MIN(o.len, size - 1)] = 0;
    return (int)o.len;
}

int
kformat(char *buf, size_t size, const char *format, ...)
{
    va_list ap;
    int len;

    va_start(ap, format);
    len = kvformat(buf, size, format, ap);
    va_end(ap);
    return len;
}
