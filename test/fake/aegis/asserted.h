/*
 * asserted.h: which error of which call a host test asserts, written down for scripts/testing/every_error.py.
 *
 * An assertion about a call's result is an assert_int_equal whose first argument makes the call, through world.h or dev/kernel.h.
 */
#ifndef FAKE_ASSERTED_H
#define FAKE_ASSERTED_H

#include "core/kernel.h"

extern unsigned asserted_calls;         /* made so far */
/* A call has been made, and this is what it returned. */
void asserted_call(sys_handler *handler, aeg_err_t err);
/* The result of the last call was asserted to be this. */
void asserted_result(uint64_t err);

#undef assert_int_equal
#define assert_int_equal(a, b) \
    do { \
        unsigned calls_before_ = asserted_calls; \
        LargestIntegralType got_ = cast_to_largest_integral_type(a), wanted_ = cast_to_largest_integral_type(b); \
        _assert_int_equal(got_, wanted_, __FILE__, __LINE__); \
        if (asserted_calls != calls_before_) \
            asserted_result(wanted_); \
    } while (0)

#endif
