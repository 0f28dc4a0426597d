/*
 * listing.c: the page for a directory without an index.
 */
#include "httpd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 4096

struct page {
    char *p;
    size_t len;
    bool full;
};

struct names {
    char *v[NAMES_MAX];
    size_t n;
};

static void
put(struct page *page, const char *text)
{
    size_t len = strlen(text);

    if (len > LISTING_BYTES_MAX - page->len) {
        page->full = true;
        return;
    }
    memcpy(page->p + page->len, text, len);
    page->len += len;
}

static void
put_html(struct page *page, const char *text)
{
    for (; *text != '\0'; text++) {
        const char one[2] = {*text, '\0'};

        switch (*text) {
        case '&': put(page, "&amp;"); break;
        case '<': put(page, "&lt;"); break;
        case '>': put(page, "&gt;"); break;
        case '"': put(page, "&quot;"); break;
        default: put(page, one);
        }
    }
}

static void
put_name(struct page *page, const char *name)
{
    char href[3 * 256 + 8];

    path_encode(href, sizeof(href), name);
    put(page, "<li><a href=\"./");
    put_html(page, href);
    put(page, "\">");
    put_html(page, name);
    put(page, "</a>\n");
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names with a / behind directories. False: no memory. */
static bool
read_names(DIR *d, struct names *names)
{
    struct dirent *e;

    while (names->n < NAMES_MAX && (e = readdir(d)) != NULL) {
        struct stat st;
        size_t len = strlen(e->d_name);
        char *name;

        if (e->d_name[0] == '.')
            continue;
        name = malloc(len + 2);
        if (name == NULL)
            return false;
        strcpy(name, e->d_name);
        if (fstatat(dirfd(d), name, &st, 0) == 0 && S_ISDIR(st.st_mode))
            strcpy(name + len, "/");
        names->v[names->n++] = name;
    }
    qsort(names->v, names->n, sizeof(names->v[0]), by_text);
    return true;
}

static void
write_page(struct page *page, const char *url, const struct names *names)
{
    put(page, "<!doctype html><meta charset=utf-8><meta name=viewport "
              "content=\"width=device-width\"><title>");
    put_html(page, url);
    put(page, "</title><body style=\"font:1.05rem/1.6 system-ui;margin:2rem "
              "auto;max-width:44rem;padding:0 1rem;"
              "color-scheme:light dark\"><h1 style=\"font-size:1.4rem\">");
    put_html(page, url);
    put(page, "</h1><ul style=\"list-style:none;padding:0\">\n");
    if (strcmp(url, "/") != 0)
        put(page, "<li><a href=\"../\">../</a>\n");
    for (size_t i = 0; i < names->n && !page->full; i++)
        put_name(page, names->v[i]);
    put(page, "</ul>\n");
    if (page->full || names->n == NAMES_MAX)
        fprintf(stderr, "httpd: the listing of %s is too long and was cut\n", url);
}

/* The page in memory of its own; NULL and errno. Hidden files stay hidden. */
char *
listing_make(const char *dir, const char *url, size_t *len)
{
    static struct names names;
    struct page page = {.p = malloc(LISTING_BYTES_MAX)};
    DIR *d = opendir(dir);
    int err = errno;
    bool ok = d != NULL && page.p != NULL && read_names(d, &names);

    if (ok)
        write_page(&page, url, &names);
    else if (d != NULL)
        err = ENOMEM;
    while (names.n > 0)
        free(names.v[--names.n]);
    if (d != NULL)
        closedir(d);
    if (!ok) {
        free(page.p);
        errno = err;
        return NULL;
    }
    *len = page.len;
    return realloc(page.p, page.len);
}
