/*
 * request.c: bytes into a request (RFC 9112), strictly: what could be read in two ways is refused.
 */
#include "httpd.h"

#include <string.h>
#include <strings.h>

#define FIELDS_MAX 100

static bool
is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.len > 0;
}

static bool
slice_is(struct slice s, const char *text)
{
    return s.len == strlen(text) && strncasecmp(s.p, text, s.len) == 0;
}

/* The next line without its end; CR LF or LF alone. False: none is complete. */
static bool
next_line(struct slice *rest, struct slice *line)
{
    const char *lf = memchr(rest->p, '\n', rest->len);

    if (lf == NULL)
        return false;
    line->p = rest->p;
    line->len = (size_t)(lf - rest->p);
    rest->len -= line->len + 1;
    rest->p = lf + 1;
    if (line->len > 0 && lf[-1] == '\r')
        line->len--;
    return true;
}

static void
trim(struct slice *s)
{
    while (s->len > 0 && (s->p[0] == ' ' || s->p[0] == '\t')) {
        s->p++;
        s->len--;
    }
    while (s->len > 0 && (s->p[s->len - 1] == ' ' || s->p[s->len - 1] == '\t'))
        s->len--;
}

/* Is there an empty line? Remembers how far it has looked. */
static bool
head_complete(const char *buf, size_t len, size_t *scanned)
{
    const char *p = buf + *scanned, *end = buf + len;

    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        const char *next = p + 1;

        if (next < end && *next == '\r')
            next++;
        if (next == end)
            break;
        if (*next == '\n')
            return true;
        p++;
    }
    *scanned = p != NULL ? (size_t)(p - buf) : len;
    return false;
}

/* "http://host/path" counts as "/path". */
static bool
target_origin(struct slice *target)
{
    const char *path;

    if (target->len == 0)
        return false;
    if (target->p[0] == '/')
        return true;
    if (target->len < 7 || strncasecmp(target->p, "http://", 7) != 0)
        return false;
    path = memchr(target->p + 7, '/', target->len - 7);
    if (path == NULL || path == target->p + 7)
        return false;
    target->len -= (size_t)(path - target->p);
    target->p = path;
    return true;
}

static int
parse_version(struct request *r, struct slice v, bool *is_1_1)
{
    if (v.len != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' || v.p[5] < '0' ||
        v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
        return 400;
    if (v.p[5] != '1')
        return 505;
    *is_1_1 = v.p[7] != '0';
    r->keep_alive = *is_1_1;
    return 0;
}

static int
parse_request_line(struct request *r, struct slice line, bool *is_1_1)
{
    const char *end = line.p + line.len;
    const char *sp1 = memchr(line.p, ' ', line.len);
    const char *sp2 = sp1 != NULL ? memchr(sp1 + 1, ' ', (size_t)(end - sp1 - 1)) : NULL;
    struct slice version;

    if (sp2 == NULL)
        return 400;
    r->method_name = (struct slice){line.p, (size_t)(sp1 - line.p)};
    r->target = (struct slice){sp1 + 1, (size_t)(sp2 - sp1 - 1)};
    version = (struct slice){sp2 + 1, (size_t)(end - sp2 - 1)};
    if (!is_token(r->method_name))
        return 400;
    for (size_t i = 0; i < r->target.len; i++)
        if ((unsigned char)r->target.p[i] <= ' ' || r->target.p[i] == 127)
            return 400;
    if (!target_origin(&r->target))
        return 400;
    r->method = METHOD_OTHER;
    if (r->method_name.len == 3 && memcmp(r->method_name.p, "GET", 3) == 0)
        r->method = METHOD_GET;
    else if (r->method_name.len == 4 && memcmp(r->method_name.p, "HEAD", 4) == 0)
        r->method = METHOD_HEAD;
    return parse_version(r, version, is_1_1);
}

/* Words of Connection, separated by commas. */
static void
parse_connection(struct request *r, struct slice value)
{
    while (value.len > 0) {
        const char *comma = memchr(value.p, ',', value.len);
        struct slice word = {value.p, comma != NULL ? (size_t)(comma - value.p) : value.len};
        size_t used = word.len + (comma != NULL);

        trim(&word);
        if (slice_is(word, "close"))
            r->keep_alive = false;
        else if (slice_is(word, "keep-alive"))
            r->keep_alive = true;
        value.p += used;
        value.len -= used;
    }
}

static int
parse_length(struct request *r, struct slice value)
{
    uint64_t n = 0;

    if (value.len == 0 || value.len > 18)
        return 400;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return 400;
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (r->has_length && n != r->body_len)
        return 400;
    r->has_length = true;
    r->body_len = n;
    return 0;
}

static int
parse_field(struct request *r, struct slice name, struct slice value, unsigned *hosts)
{
    switch (name.len) {
    case 4: *hosts += slice_is(name, "host"); break;
    case 5:
        if (slice_is(name, "range")) {
            r->has_range = true;
            r->range = value;
        }
        break;
    case 8:
        if (slice_is(name, "if-range"))
            r->if_range = value;
        break;
    case 10:
        if (slice_is(name, "connection"))
            parse_connection(r, value);
        break;
    case 14:
        if (slice_is(name, "content-length"))
            return parse_length(r, value);
        break;
    case 17:
        if (slice_is(name, "if-modified-since"))
            r->if_modified_since = value;
        else if (slice_is(name, "transfer-encoding"))
            return 501;
        break;
    default: break;
    }
    return 0;
}

static int
parse_fields(struct request *r, struct slice rest, unsigned *hosts)
{
    struct slice line;

    for (unsigned n = 0; next_line(&rest, &line) && line.len > 0; n++) {
        const char *colon = memchr(line.p, ':', line.len);
        struct slice name, value;
        int status;

        if (n == FIELDS_MAX)
            return 431;
        if (colon == NULL || memchr(line.p, '\0', line.len) != NULL ||
            memchr(line.p, '\r', line.len) != NULL)
            return 400;
        name = (struct slice){line.p, (size_t)(colon - line.p)};
        value = (struct slice){colon + 1, line.len - name.len - 1};
        trim(&value);
        if (!is_token(name)) /* also a field folded over two lines, and a blank before the colon */
            return 400;
        status = parse_field(r, name, value, hosts);
        if (status != 0)
            return status;
    }
    r->head_len = (size_t)(rest.p - r->method_name.p);
    return 0;
}

/*
 * Reads one request from the start of buf. Gives 0; REQUEST_MORE when its end is not there yet
 * (*scanned: what need not be looked at again); or the status of the answer that the error gets.
 */
int
request_parse(struct request *r, const char *buf, size_t len, size_t *scanned)
{
    struct slice rest = {buf, len}, line;
    unsigned hosts = 0;
    bool is_1_1 = false;
    int status;

    if (!head_complete(buf, len, scanned))
        return REQUEST_MORE;
    memset(r, 0, sizeof(*r));
    if (!next_line(&rest, &line))
        return 400;
    status = parse_request_line(r, line, &is_1_1);
    if (status == 0)
        status = parse_fields(r, rest, &hosts);
    if (status == 0 && (hosts > 1 || (hosts == 0 && is_1_1)))
        status = 400;
    if (status == 0 && r->body_len > BODY_SKIP_MAX)
        status = 413;
    return status;
}
