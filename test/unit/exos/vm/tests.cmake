exos_unit_test(exos/vm/region SOURCES exos/vm/region.c test/fake/exos/plain.c INCLUDES test)
