/*
 * test.c: the builtin test, also called [.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct test {
    char **at;
    char **end;
    const char *error; /* a sentence, or NULL */
    int depth;
};

static bool
test_or(struct test *t);

static bool
fail(struct test *t, const char *why)
{
    if (t->error == NULL)
        t->error = why;
    return false;
}

static long
integer(struct test *t, const char *s)
{
    char *end;
    long n = strtol(s, &end, 10);

    end += strspn(end, " \t");
    if (*s == '\0' || *end != '\0')
        fail(t, "an operand is not a number");
    return n;
}

static bool
file_kind(char op, mode_t mode)
{
    switch (op) {
    case 'f': return S_ISREG(mode);
    case 'd': return S_ISDIR(mode);
    case 'b': return S_ISBLK(mode);
    case 'c': return S_ISCHR(mode);
    case 'p': return S_ISFIFO(mode);
    case 'S': return S_ISSOCK(mode);
    case 'u': return (mode & S_ISUID) != 0;
    case 'g': return (mode & S_ISGID) != 0;
    default: return true; /* -e */
    }
}

static bool
unary(char op, const char *arg)
{
    struct stat st;

    switch (op) {
    case 'n': return *arg != '\0';
    case 'z': return *arg == '\0';
    case 't':
        return strlen(arg) == 1 && *arg >= '0' && *arg <= '9' && isatty(sh.view->fd[*arg - '0']);
    case 'h':
    case 'L': return lstat(arg, &st) == 0 && S_ISLNK(st.st_mode);
    case 'r': return access(arg, R_OK) == 0;
    case 'w': return access(arg, W_OK) == 0;
    case 'x': return access(arg, X_OK) == 0;
    case 's': return stat(arg, &st) == 0 && st.st_size > 0;
    default: return stat(arg, &st) == 0 && file_kind(op, st.st_mode);
    }
}

static bool
is_unary(const char *s)
{
    return s[0] == '-' && s[1] != '\0' && s[2] == '\0' &&
           strchr("nzthLrwxsefdbcpSug", s[1]) != NULL;
}

static bool
newer(const char *a, const char *b)
{
    struct stat sa, sb;

    if (stat(a, &sa) < 0)
        return false;
    if (stat(b, &sb) < 0)
        return true;
    if (sa.st_mtim.tv_sec != sb.st_mtim.tv_sec)
        return sa.st_mtim.tv_sec > sb.st_mtim.tv_sec;
    return sa.st_mtim.tv_nsec > sb.st_mtim.tv_nsec;
}

static bool
same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

enum binary_op {
    B_EQ,
    B_NE,
    B_LT,
    B_GT,
    B_IEQ,
    B_INE,
    B_ILT,
    B_ILE,
    B_IGT,
    B_IGE,
    B_NT,
    B_OT,
    B_EF,
    B_NONE
};

static enum binary_op
binary_op(const char *s)
{
    static const struct {
        const char *text;
        enum binary_op op;
    } ops[] = {
        {"=", B_EQ},
        {"==", B_EQ},
        {"!=", B_NE},
        {"<", B_LT},
        {">", B_GT},
        {"-eq", B_IEQ},
        {"-ne", B_INE},
        {"-lt", B_ILT},
        {"-le", B_ILE},
        {"-gt", B_IGT},
        {"-ge", B_IGE},
        {"-nt", B_NT},
        {"-ot", B_OT},
        {"-ef", B_EF},
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (strcmp(s, ops[i].text) == 0)
            return ops[i].op;
    return B_NONE;
}

static bool
compare_integers(struct test *t, enum binary_op op, const char *a, const char *b)
{
    long l = integer(t, a), r = integer(t, b);

    switch (op) {
    case B_IEQ: return l == r;
    case B_INE: return l != r;
    case B_ILT: return l < r;
    case B_ILE: return l <= r;
    case B_IGT: return l > r;
    default: return l >= r;
    }
}

static bool
compare(struct test *t, enum binary_op op, const char *a, const char *b)
{
    switch (op) {
    case B_EQ: return strcmp(a, b) == 0;
    case B_NE: return strcmp(a, b) != 0;
    case B_LT: return strcmp(a, b) < 0;
    case B_GT: return strcmp(a, b) > 0;
    case B_NT: return newer(a, b);
    case B_OT: return newer(b, a);
    case B_EF: return same_file(a, b);
    default: return compare_integers(t, op, a, b);
    }
}

static bool
test_primary(struct test *t)
{
    long left = t->end - t->at;
    enum binary_op op = left >= 3 ? binary_op(t->at[1]) : B_NONE;
    bool v;

    if (left <= 0)
        return fail(t, "an operand is missing");
    if (op != B_NONE) {
        t->at += 3;
        return compare(t, op, t->at[-3], t->at[-1]);
    }
    if (strcmp(t->at[0], "(") == 0 && left > 1) {
        t->at++;
        v = test_or(t);
        if (t->at == t->end || strcmp(*t->at++, ")") != 0)
            return fail(t, ") is missing");
        return v;
    }
    if (is_unary(t->at[0]) && left > 1) {
        t->at += 2;
        return unary(t->at[-2][1], t->at[-1]);
    }
    return *(*t->at++) != '\0';
}

static bool
test_not(struct test *t)
{
    bool negate = false, v;

    if (++t->depth > NEST_MAX)
        return fail(t, "nested too deep");
    while (t->end - t->at >= 2 && strcmp(*t->at, "!") == 0 &&
           (t->end - t->at < 3 || binary_op(t->at[1]) == B_NONE)) {
        negate = !negate;
        t->at++;
    }
    v = test_primary(t);
    t->depth--;
    return v != negate;
}

static bool
accept(struct test *t, const char *word)
{
    if (t->error != NULL || t->at == t->end || strcmp(*t->at, word) != 0)
        return false;
    t->at++;
    return true;
}

static bool
test_and(struct test *t)
{
    bool v = test_not(t);

    while (accept(t, "-a")) {
        bool right = test_not(t);

        v = v && right;
    }
    return v;
}

static bool
test_or(struct test *t)
{
    bool v = test_and(t);

    while (accept(t, "-o")) {
        bool right = test_and(t);

        v = v || right;
    }
    return v;
}

int
builtin_test(int argc, char **argv)
{
    struct test t = {.at = argv + 1, .end = argv + argc};
    bool v;

    if (strcmp(argv[0], "[") == 0) {
        if (argc < 2 || strcmp(argv[argc - 1], "]") != 0) {
            complain("[: ] is missing");
            return STATUS_USAGE;
        }
        t.end--;
    }
    if (t.at == t.end)
        return 1;
    v = test_or(&t);
    if (t.error == NULL && t.at != t.end)
        fail(&t, "there are words left over");
    if (t.error != NULL) {
        complain("%s: %s", argv[0], t.error);
        return STATUS_USAGE;
    }
    return v ? 0 : 1;
}
