/*
 * arith.c: $((...)): integers, variables, the operators of C by precedence, and = += -= *= /= %=.
 */
#include "sh.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arith {
    const char *p;
    const char *error;
    int depth;
    bool skip; /* this side of && || ?: does not count: no assignment, no division error */
};

static long
expression(struct arith *a);
static long
assignment(struct arith *a);

struct binary {
    const char *text;
    int level; /* higher binds tighter */
};

/* Longer ones first. */
static const struct binary binaries[] = {
    {"||", 1},
    {"&&", 2},
    {"==", 6},
    {"!=", 6},
    {"<<", 8},
    {">>", 8},
    {"<=", 7},
    {">=", 7},
    {"|", 3},
    {"^", 4},
    {"&", 5},
    {"<", 7},
    {">", 7},
    {"+", 9},
    {"-", 9},
    {"*", 10},
    {"/", 10},
    {"%", 10},
};

static void
blanks(struct arith *a)
{
    a->p += strspn(a->p, " \t\n\r");
}

static bool
accept(struct arith *a, const char *text)
{
    blanks(a);
    if (strncmp(a->p, text, strlen(text)) != 0)
        return false;
    a->p += strlen(text);
    return true;
}

static long
wrong(struct arith *a, const char *what)
{
    if (a->error == NULL)
        a->error = what;
    return 0;
}

static long
variable(const char *name, size_t len)
{
    const char *value = var_get(name, len);

    return value != NULL ? strtol(value, NULL, 0) : 0;
}

static long
primary(struct arith *a)
{
    size_t len;
    long v;
    char *end;

    blanks(a);
    if (accept(a, "(")) {
        v = expression(a);
        return accept(a, ")") ? v : wrong(a, ") is missing");
    }
    len = name_length(a->p, a->p + strlen(a->p));
    if (len > 0) {
        a->p += len;
        return variable(a->p - len, len);
    }
    v = strtol(a->p, &end, 0);
    if (end == a->p || *a->p == '+' || *a->p == '-')
        return wrong(a, "a number or a variable is missing");
    a->p = end;
    return v;
}

static long
unary(struct arith *a)
{
    long v = 0;

    if (++a->depth > NEST_MAX)
        return wrong(a, "nested too deep");
    blanks(a);
    if (accept(a, "!"))
        v = !unary(a);
    else if (accept(a, "~"))
        v = ~unary(a);
    else if (accept(a, "-"))
        v = (long)-(unsigned long)unary(a);
    else if (accept(a, "+"))
        v = unary(a);
    else
        v = primary(a);
    a->depth--;
    return v;
}

static long
divide(struct arith *a, long l, long r, bool remainder)
{
    if (r == 0)
        return a->skip ? 0 : wrong(a, "division by zero");
    if (r == -1)
        return remainder ? 0 : (long)-(unsigned long)l;
    return remainder ? l % r : l / r;
}

static long
apply(struct arith *a, const char *op, long l, long r)
{
    unsigned long ul = (unsigned long)l, ur = (unsigned long)r;

    switch (op[0]) {
    case '|': return op[1] == '|' ? l || r : l | r;
    case '&': return op[1] == '&' ? l && r : l & r;
    case '^': return l ^ r;
    case '=': return l == r;
    case '!': return l != r;
    case '<': return op[1] == '<' ? (long)(ul << (ur & 63)) : op[1] == '=' ? l <= r : l < r;
    case '>': return op[1] == '>' ? l >> (ur & 63) : op[1] == '=' ? l >= r : l > r;
    case '+': return (long)(ul + ur);
    case '-': return (long)(ul - ur);
    case '*': return (long)(ul * ur);
    default: return divide(a, l, r, op[0] == '%');
    }
}

static const struct binary *
next_binary(struct arith *a, int level)
{
    blanks(a);
    for (size_t i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++) {
        const struct binary *b = &binaries[i];

        if (strncmp(a->p, b->text, strlen(b->text)) == 0)
            return b->level >= level ? b : NULL;
    }
    return NULL;
}

static long
binary(struct arith *a, int level)
{
    long l = unary(a);
    const struct binary *b;

    while (a->error == NULL && (b = next_binary(a, level)) != NULL) {
        bool skip = a->skip;
        long r;

        a->p += strlen(b->text);
        a->skip |= (b->level == 1 && l) || (b->level == 2 && !l);
        r = binary(a, b->level + 1);
        a->skip = skip;
        l = apply(a, b->text, l, r);
    }
    return l;
}

static long
ternary(struct arith *a)
{
    long condition = binary(a, 1), yes, no;
    bool skip = a->skip;

    if (!accept(a, "?"))
        return condition;
    a->skip = skip || !condition;
    yes = expression(a);
    a->skip = skip || condition;
    if (!accept(a, ":"))
        return wrong(a, ": is missing");
    no = assignment(a);
    a->skip = skip;
    return condition ? yes : no;
}

/* The length of an assignment operator, 0 where there is none. */
static size_t
assignment_operator(const char *p)
{
    if (p[0] == '=' && p[1] != '=')
        return 1;
    if (p[0] != '\0' && strchr("+-*/%&|^", p[0]) != NULL && p[1] == '=')
        return 2;
    return 0;
}

static long
assignment(struct arith *a)
{
    const char *name, *op;
    size_t name_len, op_len;
    long v;

    blanks(a);
    name = a->p;
    name_len = name_length(name, name + strlen(name));
    op = name + name_len + strspn(name + name_len, " \t\n");
    op_len = name_len > 0 ? assignment_operator(op) : 0;
    if (op_len == 0)
        return ternary(a);
    a->p = op + op_len;
    v = assignment(a);
    if (op_len == 2)
        v = apply(a, (const char[]){op[0], '\0'}, variable(name, name_len), v);
    if (!a->skip && a->error == NULL) {
        char buf[24];

        snprintf(buf, sizeof(buf), "%ld", v);
        var_set(name, name_len, buf);
    }
    return v;
}

static long
expression(struct arith *a)
{
    long v;

    if (++a->depth > NEST_MAX)
        return wrong(a, "nested too deep");
    do
        v = assignment(a);
    while (a->error == NULL && accept(a, ","));
    a->depth--;
    return v;
}

/* False after a message. An empty expression is 0. */
bool
arith_eval(const char *text, long *value)
{
    struct arith a = {.p = text};

    blanks(&a);
    *value = 0;
    if (*a.p == '\0')
        return true;
    *value = expression(&a);
    blanks(&a);
    if (a.error == NULL && *a.p != '\0')
        a.error = "it should end here";
    if (a.error != NULL)
        complain("$((%s)): %s (at `%.20s')", text, a.error, a.p);
    return a.error == NULL;
}
