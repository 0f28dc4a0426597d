exos_unit_test(exos/thread/futex SOURCES exos/thread/futex.c exos/vm/region.c test/fake/exos/plain.c INCLUDES test)
exos_unit_test(exos/thread/pifutex SOURCES exos/thread/pifutex.c INCLUDES test)
