/*
 * file.c: from a request to an answer: which file, which part of it, and what to say when there is
 * none.
 */
#include "httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INDEX_NAME      "index.html"
#define FULL_PATH_BYTES (PATH_BYTES_MAX + 64)

static int
status_of_errno(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP: return 404;
    case EACCES:
    case EPERM: return 403;
    case ENAMETOOLONG: return 414;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    default: return 500;
    }
}

static bool
not_modified(const struct request *r, const struct stat *st)
{
    time_t since;

    return r->if_modified_since.len > 0 && date_parse(r->if_modified_since, &since) &&
           st->st_mtim.tv_sec <= since;
}

/* If-Range: the part is wanted only if the file is still the one that the first part came from. */
static bool
range_wanted(const struct request *r, const struct stat *st)
{
    time_t of;

    if (!r->has_range || r->method != METHOD_GET)
        return false;
    return r->if_range.len == 0 || (date_parse(r->if_range, &of) && of == st->st_mtim.tv_sec);
}

/* The file's bytes from memory, or the open file. Takes over fd (-1: not opened yet). False:
 * *status says why. */
static bool
attach_file(
    struct conn *c, const char *path, const struct stat *st, off_t first, off_t end, int *status)
{
    struct cached *cached = cache_get(path, st);
    int fd = -1;

    if (cached == NULL) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) {
            *status = status_of_errno(errno);
            return false;
        }
        cached = cache_load(path, fd, st);
    }
    if (cached != NULL) {
        c->out.cached = cached;
        c->out.body = cached->data + first;
        c->out.body_len = (size_t)(end - first);
        if (fd >= 0)
            close(fd);
        return true;
    }
    c->out.file = fd;
    c->out.file_at = first;
    c->out.file_end = end;
    return true;
}

/* A range that lies behind the end. */
static int
refuse_range(struct conn *c, const struct request *r, const struct stat *st)
{
    char fields[80];

    snprintf(
        fields, sizeof(fields), "Content-Range: bytes */%llu\r\n", (unsigned long long)st->st_size);
    answer_error(c, r, 416, fields);
    return 416;
}

static size_t
put_modified(char *fields, time_t t)
{
    memcpy(fields, "Last-Modified: ", 15);
    date_format(fields + 15, t);
    memcpy(fields + 15 + HTTP_DATE_BYTES - 1, "\r\n", 3);
    return 15 + HTTP_DATE_BYTES - 1 + 2;
}

static int
answer_file(struct conn *c, const struct request *r, const char *path, const struct stat *st)
{
    uint64_t first = 0, last, size = (uint64_t)st->st_size;
    char fields[256];
    size_t n = put_modified(fields, st->st_mtim.tv_sec);
    int status = 200;
    enum range_result range =
        range_wanted(r, st) ? range_parse(r->range, size, &first, &last) : RANGE_NONE;

    if (not_modified(r, st)) {
        answer_head(c, 304, NULL, 0, fields);
        return 304;
    }
    if (range == RANGE_BAD)
        return refuse_range(c, r, st);
    if (range == RANGE_OK) {
        snprintf(fields + n, sizeof(fields) - n, "Content-Range: bytes %llu-%llu/%llu\r\n",
            (unsigned long long)first, (unsigned long long)last, (unsigned long long)size);
        status = 206;
    } else {
        snprintf(fields + n, sizeof(fields) - n, "Accept-Ranges: bytes\r\n");
        first = 0;
        last = size - 1; /* wraps for an empty file, and last + 1 wraps back */
    }
    if (r->method == METHOD_GET && size > 0 &&
        !attach_file(c, path, st, (off_t)first, (off_t)(last + 1), &status)) {
        answer_error(c, r, status, NULL);
        return status;
    }
    answer_head(c, status, mime_type(path), last + 1 - first, fields);
    return status;
}

/* To the same directory with a / at its end, so that links in its page work. */
static int
answer_redirect(struct conn *c, const struct request *r, const char *url)
{
    char fields[HEAD_BYTES_MAX / 2] = "Location: ";
    size_t n = strlen(fields);

    n += path_encode(fields + n, sizeof(fields) - n - 4, url);
    if (n + 8 >= sizeof(fields)) {
        answer_error(c, r, 414, NULL);
        return 414;
    }
    strcpy(fields + n, "/\r\n");
    answer_error(c, r, 301, fields);
    return 301;
}

static int
answer_listing(struct conn *c, const struct request *r, const char *path, const char *url)
{
    size_t len = 0;
    char *page = listing_make(path, url, &len);
    int status = page == NULL ? status_of_errno(errno) : 200;

    if (page == NULL) {
        answer_error(c, r, status, NULL);
        return status;
    }
    answer_head(c, 200, "text/html; charset=utf-8", len, NULL);
    c->out.owned = page;
    c->out.body = page;
    c->out.body_len = r->method == METHOD_HEAD ? 0 : len;
    return 200;
}

static int
refuse(struct conn *c, const struct request *r, int status)
{
    answer_error(c, r, status, NULL);
    return status;
}

/* The target ended in a /: the index first, because that is what it mostly is. path has room for
 * its name. */
static int
answer_directory(struct conn *c, const struct request *r, char *path, const char *url)
{
    size_t len = strlen(path);
    struct stat st;

    strcpy(path + len, path[len - 1] == '/' ? INDEX_NAME : "/" INDEX_NAME);
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return answer_file(c, r, path, &st);
    path[len] = '\0';
    if (stat(path, &st) < 0)
        return refuse(c, r, status_of_errno(errno));
    return S_ISDIR(st.st_mode) ? answer_listing(c, r, path, url) : refuse(c, r, 404);
}

/* The paths are relative: the server's working directory is its root. */
static int
answer_path(struct conn *c, const struct request *r)
{
    char path[FULL_PATH_BYTES] = ".", *url = path + 1;
    struct stat st;
    bool is_dir = false;
    int status = path_decode(url, PATH_BYTES_MAX, r->target, &is_dir);

    if (status != 0)
        return refuse(c, r, status);
    if (is_dir)
        return answer_directory(c, r, path, url);
    if (stat(path, &st) < 0)
        return refuse(c, r, status_of_errno(errno));
    if (S_ISREG(st.st_mode))
        return answer_file(c, r, path, &st);
    return S_ISDIR(st.st_mode) ? answer_redirect(c, r, url) : refuse(c, r, 403);
}

/* Makes c->out. Sending is the caller's. */
void
answer_request(struct conn *c, const struct request *r)
{
    int status = 405;

    if (!r->keep_alive)
        c->close_after = true;
    if (r->method == METHOD_OTHER)
        answer_error(c, r, status, "Allow: GET, HEAD\r\n");
    else
        status = answer_path(c, r);
    if (options.verbose)
        log_request(c, r, status);
}
