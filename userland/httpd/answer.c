/*
 * answer.c: the header of an answer, and the short pages that say what went wrong.
 */
#include "httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERROR_PAGE_BYTES 512

static const struct {
    int status;
    const char *text;
} texts[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *
status_text(int status)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

void
answer_init(struct answer *a)
{
    a->head_at = a->head_len = a->body_at = a->body_len = 0;
    a->body = NULL;
    a->owned = NULL;
    a->cached = NULL;
    a->file = -1;
    a->file_at = a->file_end = 0;
}

/* Gives back what the answer holds. */
void
answer_clear(struct answer *a)
{
    free(a->owned);
    cache_put(a->cached);
    if (a->file >= 0)
        close(a->file);
    answer_init(a);
}

static char *
put(char *p, const char *text)
{
    size_t len = strlen(text);

    memcpy(p, text, len);
    return p + len;
}

static char *
put_number(char *p, uint64_t n)
{
    char digits[20];
    size_t count = 0;

    do
        digits[count++] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    while (count > 0)
        *p++ = digits[--count];
    return p;
}

/*
 * Status line and header fields. type NULL: no content is described (304). `fields`: further
 * complete lines, at most half of HEAD_BYTES_MAX; the rest of the header is far below the other
 * half.
 */
void
answer_head(struct conn *c, int status, const char *type, uint64_t length, const char *fields)
{
    char *p = c->out.head;

    p = put(p, "HTTP/1.1 ");
    p = put_number(p, (uint64_t)status);
    *p++ = ' ';
    p = put(p, status_text(status));
    p = put(p, "\r\nServer: exos-httpd\r\nDate: ");
    p = put(p, date_now());
    if (type != NULL) {
        p = put(p, "\r\nContent-Type: ");
        p = put(p, type);
        p = put(p, "\r\nContent-Length: ");
        p = put_number(p, length);
    }
    p = put(p, "\r\n");
    if (fields != NULL && strlen(fields) < HEAD_BYTES_MAX / 2)
        p = put(p, fields);
    p = put(p, c->close_after ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n");
    c->out.head_at = 0;
    c->out.head_len = (size_t)(p - c->out.head);
}

/* r NULL: the request could not be read. */
void
answer_error(struct conn *c, const struct request *r, int status, const char *fields)
{
    char *page = malloc(ERROR_PAGE_BYTES);
    int len = 0;

    if (r == NULL)
        c->close_after = true;
    if (page != NULL)
        len = snprintf(page, ERROR_PAGE_BYTES,
            "<!doctype html><meta name=viewport content=\"width=device-width\"><title>%d %s</title>"
            "<body style=\"font:1.1rem system-ui;margin:15vh auto;max-width:30rem;padding:0 "
            "1rem;color-scheme:light dark\">"
            "<h1>%d</h1><p>%s.</p><p><a href=\"/\">Front page</a></p>\n",
            status, status_text(status), status, status_text(status));
    answer_head(c, status, "text/html; charset=utf-8", (uint64_t)len, fields);
    c->out.owned = page;
    c->out.body = page;
    c->out.body_len = r != NULL && r->method == METHOD_HEAD ? 0 : (size_t)len;
}
