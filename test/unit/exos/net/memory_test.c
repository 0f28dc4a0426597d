/* memory_test.c: the checksum against its definition, and slabs that give back what they took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "net/slab.h"

#include "lwip/arch.h"

/* RFC 1071, word by word. */
static uint16_t
reference(const uint8_t *p, int len)
{
    uint32_t sum = 0;

    for (int i = 0; i < len; i++)
        sum += (uint32_t)p[i] << (i % 2 * 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void
the_checksum_is_the_sum_of_words_at_any_place_and_length(void **state)
{
    uint8_t buf[1600];

    (void)state;
    random_fill(buf, sizeof(buf));
    for (int at = 0; at < 9; at++) {
        for (int len = 0; len < 1500; len += 1 + len / 40)
            assert_int_equal(net_chksum(buf + at, len), reference(buf + at, len));
    }
    memset(buf, 0xff, sizeof(buf));
    assert_int_equal(net_chksum(buf, 1500), 0xffff);
    memset(buf, 0, sizeof(buf));
    assert_int_equal(net_chksum(buf, 1500), 0);
}

static void
a_slab_stops_at_its_limit_and_gives_its_pages_back(void **state)
{
    static struct slab_cache c = SLAB_CACHE_INIT(100, 1000);
    void *o[1000];

    (void)state;
    slab_cache_init(&c);
    for (unsigned i = 0; i < 1000; i++) {
        o[i] = slab_alloc(&c);
        assert_non_null(o[i]);
        assert_int_equal((uintptr_t)o[i] % 16, 0);
        memset(o[i], (int)i, 100);
    }
    assert_null(slab_alloc(&c));
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(((uint8_t *)o[i])[99], (uint8_t)i);
    for (unsigned i = 0; i < 1000; i++)
        slab_free(o[i * 7 % 1000]);
    assert_int_equal(c.used, 0);
    assert_int_equal(coop_pages, SLAB_SPARE_PAGES);
    coop_alloc_budget = 0;
    for (unsigned i = 0; i < (4096 - 64) / 112; i++)
        assert_non_null(o[i] = slab_alloc(&c));
    assert_null(slab_alloc(&c));
    coop_alloc_budget = -1;
    for (unsigned i = 0; i < (4096 - 64) / 112; i++)
        slab_free(o[i]);
}

static void
memory_of_any_size_comes_and_goes(void **state)
{
    void *p[60];

    (void)state;
    for (size_t i = 0; i < 60; i++) {
        size_t n = 1 + i * 1110;

        p[i] = net_mem_alloc(n);
        assert_non_null(p[i]);
        memset(p[i], 0x5a, n);
    }
    assert_null(net_mem_alloc(70000));
    assert_null(net_mem_calloc(1000, 1000));
    for (size_t i = 0; i < 60; i++)
        net_mem_free(p[i]);
    assert_int_equal(coop_heap_objects, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_the_sum_of_words_at_any_place_and_length),
        cmocka_unit_test(a_slab_stops_at_its_limit_and_gives_its_pages_back),
        cmocka_unit_test(memory_of_any_size_comes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
