exos_unit_test(exos/base/block SOURCES exos/base/block.c test/fake/exos/coop.c
    INCLUDES test/fake/exos/info test/fake/exos/kernel test)
