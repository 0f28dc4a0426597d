exos_unit_test(exos/thread/futex SOURCES exos/thread/futex.c exos/vm/region.c test/fake/exos/plain.c INCLUDES test)
