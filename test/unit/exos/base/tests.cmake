exos_unit_test(exos/base/block SOURCES exos/base/block.c test/fake/exos/coop.c
    INCLUDES test/fake/exos/info test/fake/exos/kernel test)
exos_unit_test(exos/base/format SOURCES exos/base/format.c)
exos_unit_test(exos/base/heap SOURCES exos/base/heap.c test/fake/exos/plain.c INCLUDES test DEFINES PLAIN_OWN_HEAP=1
    OPTIONS -fno-sanitize=alignment)
