/*
 * strace.c: Linux calls in the log, as strace(1) writes them.
 *
 * Not here: the letters of each call's arguments (strace.def), the names of numbers (strace_names.c).
 */
#include "abi/strace.h"

#include "abi/dispatch.h"
#include "abi/strace_names.h"
#include "base/log.h"
#include "base/uio.h"
#include "proc/proc.h"

#define TEXT_BYTES   320u       /* of a line; the log has no more */
#define STRING_BYTES 48u        /* of a string argument that are shown */
#define VECTOR_MAX   6u         /* strings of an array that are shown */
#define ERRNO_MAX    4095

enum {
#define LX_NAME(number, name) NUMBER_##name = number,
#include "abi/names.def"
#undef LX_NAME
};

static const char *const kinds_of[LX_NUMBERS] = {
#define LX_STRACE(name, kinds) [NUMBER_##name] = kinds,
#include "abi/strace.def"
#undef LX_STRACE
};

struct line {
    char text[TEXT_BYTES];
    int len;
};

/* What does not fit is left out. */
static void PRINTF(2, 3)
put(struct line *l, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    l->len += fmt_vprint(l->text + l->len, sizeof(l->text) - (size_t)l->len, format, ap);
    va_end(ap);
    l->len = MIN(l->len, (int)sizeof(l->text) - 1);
}

static void
put_quoted(struct line *l, const char *s, size_t n, bool more)
{
    put(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '\n' || c == '\t' || c == '\r')
            put(l, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c == '"' || c == '\\')
            put(l, "\\%c", c);
        else if (c < ' ' || c > '~')
            put(l, "\\%o", c);
        else
            put(l, "%c", c);
    }
    put(l, more ? "\"..." : "\"");
}

static void
put_bytes(struct line *l, uva_t at, uint64_t n)
{
    char bytes[STRING_BYTES];
    size_t shown = (size_t)MIN(n, (uint64_t)STRING_BYTES);

    if (user_copy_in(bytes, at, shown) != 0)
        put(l, "0x%lx", at);
    else
        put_quoted(l, bytes, shown, n > shown);
}

static void
put_string(struct line *l, uva_t at)
{
    char s[STRING_BYTES + 1];
    ssize n = at == 0 ? -EFAULT : user_string_in(s, at, sizeof(s));

    if (at == 0)
        put(l, "NULL");
    else if (n == -EFAULT)
        put(l, "0x%lx", at);
    else
        put_quoted(l, s, n < 0 ? STRING_BYTES : (size_t)n, n < 0);
}

static void
put_vector(struct line *l, uva_t at)
{
    uint64_t string = 0;

    put(l, "[");
    for (unsigned i = 0; user_copy_in(&string, at + i * sizeof(string), sizeof(string)) == 0 && string != 0; i++) {
        if (i > 0)
            put(l, ", ");
        if (i == VECTOR_MAX) {
            put(l, "...");
            break;
        }
        put_string(l, string);
    }
    put(l, "]");
}

/* The names of the bits that have one, then what is left of the value. */
static void
put_flags(struct line *l, const struct strace_name *names, uint64_t value)
{
    bool any = false;

    for (; names->name != NULL; names++) {
        if (names->value == 0 ? value == 0 : (value & names->value) == names->value) {
            put(l, any ? "|%s" : "%s", names->name);
            value &= ~names->value;
            any = true;
        }
    }
    if (value != 0 || !any)
        put(l, any ? "|0x%lx" : "0x%lx", value);
}

/* The name of the value, or the number. */
static void
put_name(struct line *l, const struct strace_name *names, uint64_t value)
{
    for (; names->name != NULL; names++) {
        if (names->value == value) {
            put(l, "%s", names->name);
            return;
        }
    }
    put(l, "%ld", value);
}

/* Access mode, then flags. */
static void
put_open_flags(struct line *l, uint64_t value)
{
    static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

    put(l, "%s", access[value & 3]);
    if ((value & ~3ul) != 0) {
        put(l, "|");
        put_flags(l, strace_open, value & ~3ul);
    }
}

static void
put_argument(struct line *l, char kind, const struct lx_args *a, unsigned i, bool made, long ret)
{
    uint64_t v = a->a[i];

    switch (kind) {
    case 'd': put(l, "%d", (int)v); break;
    case 'f': put(l, "%d", (int)v); break;
    case 'a': put(l, (int)v == -100 ? "AT_FDCWD" : "%d", (int)v); break;
    case 'u': put(l, "%lu", v); break;
    case 'o': put(l, (unsigned)v == 0 ? "0" : "0%o", (unsigned)v); break;
    case 's': put_string(l, v); break;
    case 'v': put_vector(l, v); break;
    case 'b': put_bytes(l, v, a->a[i + 1]); break;
    case 'B': made && ret >= 0 ? put_bytes(l, v, (uint64_t)ret) : put(l, "0x%lx", v); break;
    case 'O': put_open_flags(l, v); break;
    case 'P': put_flags(l, strace_prot, v); break;
    case 'M': put_flags(l, strace_map, v); break;
    case 'K': put_flags(l, strace_clone, v & ~0xfful); break;
    case 'W': put_name(l, strace_whence, v); break;
    case 'S': put_name(l, strace_signal, (uint32_t)v); break;
    case 'C': put_name(l, strace_clock, (uint32_t)v); break;
    case 'A': put_name(l, strace_family, (uint32_t)v); break;
    case 'T': put_flags(l, strace_type, (uint32_t)v); break;
    case 'p': put(l, v == 0 ? "NULL" : "0x%lx", v); break;
    default: put(l, "0x%lx", v); break;
    }
}

bool
strace_ahead(uint64_t n)
{
    return n == NUMBER_exit || n == NUMBER_exit_group || n == NUMBER_rt_sigreturn || n == NUMBER_execve;
}

static void
put_result(struct line *l, uint64_t n, long ret)
{
    const char *name = ret < 0 && ret >= -ERRNO_MAX ? strace_errno((int)-ret) : NULL;

    if (name != NULL)
        put(l, " = -1 %s", name);
    else if (n == NUMBER_mmap || n == NUMBER_brk || n == NUMBER_mremap)
        put(l, " = 0x%lx", ret);
    else
        put(l, " = %ld", ret);
}

void
strace_line(uint64_t n, const struct lx_args *a, bool made, long ret)
{
    const char *kinds = n < LX_NUMBERS && kinds_of[n] != NULL ? kinds_of[n] : "xxxxxx";
    const struct proc *p = proc_current();
    struct line l = { .len = 0 };

    put(&l, "[%u] %s(", p != NULL ? p->pid : 0, lx_name(n));
    for (unsigned i = 0; kinds[i] != '\0'; i++) {
        if (i > 0)
            put(&l, ", ");
        put_argument(&l, kinds[i], a, i, made, ret);
    }
    put(&l, ")");
    if (made)
        put_result(&l, n, ret);
    else
        put(&l, " = ?");
    log_print("strace: %s", l.text);
}
