# The kernel core on the fake machine: each test is the whole core with two sessions on it (world.h).
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
set(random_sources test/unit/aegis/core/calls.c)
foreach(core_test account revoke cap clear copy env frame guard large pct pt pte random slice space tlb trace)
    exos_unit_test(aegis/core/${core_test} SOURCES ${core_sources} ${${core_test}_sources} INCLUDES test/fake/aegis test/unit/aegis/core)
endforeach()
# The same on two CPUs, of which the other runs whom a test lets it run: every call takes its turn (turn.c).
foreach(core_test account revoke cap clear copy env frame guard large many pct pt pte random slice space)
    exos_unit_test(aegis/core/${core_test} VARIANT many SOURCES ${core_sources} ${${core_test}_sources} INCLUDES test/fake/aegis test/unit/aegis/core
        DEFINES WORLD_CPUS=2)
endforeach()
exos_unit_test(aegis/core/console SOURCES aegis/core/console.c ${core_sources} INCLUDES test/fake/aegis test/unit/aegis/core)
exos_unit_test(aegis/core/format SOURCES aegis/core/format.c)
