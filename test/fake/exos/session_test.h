/* session_test.h: tests whose body runs as a thread of a session on the host (coop.h), and leaves nothing behind. */
#ifndef FAKE_EXOS_SESSION_TEST_H
#define FAKE_EXOS_SESSION_TEST_H

#include <cmocka.h>

#include "fake/exos/coop.h"

/* Runs one test body as a thread of the session and demands that nothing is left behind. */
static inline void
in_session(void (*body)(void *))
{
    coop_reset();
    coop_spawn(body, NULL);
    assert_true(coop_run());
    coop_reset();
    assert_int_equal(coop_heap_objects, 0);
    assert_int_equal(coop_pages, 0);
    assert_int_equal(coop_files, 0);
}

#define SESSION_TEST(name) \
    static void name##_body(void *arg); \
    static void name(void **state) { (void)state; in_session(name##_body); } \
    static void name##_body(void *arg __attribute__((unused)))

#endif
