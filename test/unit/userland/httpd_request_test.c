/*
 * httpd_request_test.c: bytes become a request, or the right refusal; no path leaves the root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "httpd.h"

#define HOST "Host: x\r\n"

static struct request r;

static int
parse(const char *text)
{
    size_t scanned = 0;

    return request_parse(&r, text, strlen(text), &scanned);
}

static void
a_plain_request_is_read(void **state)
{
    const char *text = "GET /a?b HTTP/1.1\r\n" HOST "Range: bytes=1-2\r\n\r\nGET";

    (void)state;
    assert_int_equal(parse(text), 0);
    assert_int_equal(r.method, METHOD_GET);
    assert_true(r.keep_alive);
    assert_true(r.has_range);
    assert_int_equal(r.head_len, strlen(text) - 3);
    assert_memory_equal(r.target.p, "/a?b", r.target.len);
    assert_memory_equal(r.range.p, "bytes=1-2", r.range.len);
    assert_int_equal(parse("HEAD http://h/p HTTP/1.0\nconnection: Keep-Alive\n\n"), 0);
    assert_int_equal(r.method, METHOD_HEAD);
    assert_true(r.keep_alive);
    assert_memory_equal(r.target.p, "/p", r.target.len);
}

static void
connection_says_what_happens_next(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "Connection: te, close\r\n\r\n"), 0);
    assert_false(r.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), 0);
    assert_false(r.keep_alive);
}

static void
a_request_may_come_byte_by_byte(void **state)
{
    const char *text = "GET / HTTP/1.1\r\n" HOST "\r\n";
    size_t scanned = 0, len = strlen(text);

    (void)state;
    for (size_t i = 0; i < len; i++)
        assert_int_equal(request_parse(&r, text, i, &scanned), REQUEST_MORE);
    assert_int_equal(request_parse(&r, text, len, &scanned), 0);
}

static void
what_can_be_read_in_two_ways_is_refused(void **state)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n", /* no host */
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET /a b HTTP/1.1\r\n" HOST "\r\n",
        "GET x HTTP/1.1\r\n" HOST "\r\n",
        "G(T / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/x.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]), 400);
}

static void
each_refusal_has_its_status(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/2.0\r\n" HOST "\r\n"), 505);
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 501);
    assert_int_equal(parse("PUT / HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\n"), 413);
    assert_int_equal(parse("PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"), 0);
    assert_int_equal(r.method, METHOD_OTHER);
    assert_int_equal(r.body_len, 5);
}

static void
decode(const char *target, int status, const char *path, bool is_dir)
{
    char out[64];
    bool dir = false;

    assert_int_equal(
        path_decode(out, sizeof(out), (struct slice){target, strlen(target)}, &dir), status);
    if (status != 0)
        return;
    assert_string_equal(out, path);
    assert_int_equal(dir, is_dir);
}

static void
no_path_leaves_the_root(void **state)
{
    (void)state;
    decode("/", 0, "/", true);
    decode("/a/b", 0, "/a/b", false);
    decode("/a//b/./c/", 0, "/a/b/c", true);
    decode("/a/../b?x=/../..", 0, "/b", false);
    decode("/a/..", 0, "/", true);
    decode("/%61%2Fb%20c", 0, "/a/b c", false);
    decode("/a/%2e%2e/%2e%2e/b", 400, NULL, false);
    decode("/..", 400, NULL, false);
    decode("/a/../../b", 400, NULL, false);
    decode("/..%2f..%2fb", 400, NULL, false);
    decode("/%2", 400, NULL, false);
    decode("/%00", 400, NULL, false);
    decode("/...", 0, "/...", false);
    decode("/0123456789012345678901234567890123456789012345678901234567890123456789", 414, NULL,
        false);
}

static void
random_targets_stay_below_the_root(void **state)
{
    static const char alphabet[] = "/.%2eEfFa";

    (void)state;
    srand(1);
    for (int i = 0; i < 200000; i++) {
        char target[20] = "/", out[64];
        size_t len = 1 + (size_t)rand() % (sizeof(target) - 1);
        bool dir;

        for (size_t j = 1; j < len; j++)
            target[j] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
        if (path_decode(out, sizeof(out), (struct slice){target, len}, &dir) != 0)
            continue;
        assert_int_equal(out[0], '/');
        assert_null(strstr(out, "//"));
        assert_null(strstr(out, "/../"));
        assert_false(strlen(out) >= 3 && strcmp(out + strlen(out) - 3, "/..") == 0);
    }
}

static void
encoding_is_undone_by_decoding(void **state)
{
    char url[128], back[64];
    bool dir;
    const char *path = "/a b%?#\"<&\xc3\xa4";
    size_t n = path_encode(url, sizeof(url), path);

    (void)state;
    assert_int_equal(path_decode(back, sizeof(back), (struct slice){url, n}, &dir), 0);
    assert_string_equal(back, path);
}

static void
range(const char *text, enum range_result result, uint64_t first, uint64_t last)
{
    uint64_t f = 0, l = 0;

    assert_int_equal(range_parse((struct slice){text, strlen(text)}, 100, &f, &l), result);
    if (result == RANGE_OK) {
        assert_int_equal(f, first);
        assert_int_equal(l, last);
    }
}

static void
ranges_lie_within_the_file(void **state)
{
    (void)state;
    range("bytes=0-9", RANGE_OK, 0, 9);
    range("bytes=90-", RANGE_OK, 90, 99);
    range("bytes=-5", RANGE_OK, 95, 99);
    range("bytes=-500", RANGE_OK, 0, 99);
    range("bytes=50-500", RANGE_OK, 50, 99);
    range("bytes=100-", RANGE_BAD, 0, 0);
    range("bytes=-0", RANGE_BAD, 0, 0);
    range("bytes=5-4", RANGE_NONE, 0, 0);
    range("bytes=0-1,3-4", RANGE_NONE, 0, 0);
    range("bytes=-", RANGE_NONE, 0, 0);
    range("bytes=99999999999999999999-", RANGE_NONE, 0, 0);
    range("lines=1-2", RANGE_NONE, 0, 0);
}

static void
dates_are_read_as_they_are_written(void **state)
{
    char text[HTTP_DATE_BYTES];
    time_t t;

    (void)state;
    date_format(text, 784111777);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    for (time_t i = 0; i < 5000000000; i += 86399 * 31) {
        date_format(text, i);
        assert_true(date_parse((struct slice){text, strlen(text)}, &t));
        assert_int_equal(t, i);
    }
    assert_false(date_parse((struct slice){"Sunday, 06-Nov-94 08:49:37 GM", 29}, &t));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_read),
        cmocka_unit_test(connection_says_what_happens_next),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(each_refusal_has_its_status),
        cmocka_unit_test(no_path_leaves_the_root),
        cmocka_unit_test(random_targets_stay_below_the_root),
        cmocka_unit_test(encoding_is_undone_by_decoding),
        cmocka_unit_test(ranges_lie_within_the_file),
        cmocka_unit_test(dates_are_read_as_they_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
