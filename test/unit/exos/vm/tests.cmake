exos_unit_test(exos/vm/region SOURCES exos/vm/region.c test/fake/exos/plain.c INCLUDES test)
exos_unit_test(exos/vm/vm SOURCES test/fake/exos/plain.c test/fake/exos/paging.c exos/vm/region.c exos/vm/map.c exos/vm/remap.c exos/vm/protect.c
    exos/vm/advise.c exos/vm/lock.c exos/vm/fault.c exos/vm/large.c exos/vm/pagetable.c exos/vm/pager.c
    INCLUDES test/fake/exos/paging test/fake/exos/info test/fake/exos/user test)
