# The kernel core on the fake machine: each test is the whole core with two sessions on it (world.h).
set(core_sources
    aegis/core/account.c aegis/core/account_end.c aegis/core/revoke.c aegis/core/repossess.c aegis/core/cap.c aegis/core/env.c aegis/core/first.c aegis/core/frame.c aegis/core/guard.c
    aegis/core/info.c aegis/core/pct.c aegis/core/pt.c aegis/core/pte.c aegis/core/pte_copy.c aegis/core/pte_fast.c aegis/core/pte_large.c aegis/core/pte_many.c
    aegis/core/slice.c aegis/core/space.c
    aegis/core/call_turn.c aegis/core/mail.c aegis/core/spin.c aegis/core/trace.c aegis/core/tlb.c aegis/core/turn.c aegis/core/upcall.c test/fake/aegis/machine.c test/fake/aegis/tlb.c test/fake/aegis/asserted.c test/unit/aegis/core/world.c test/unit/aegis/core/walker.c)
foreach(core_test account revoke cap copy env frame guard large pct pt pte random slice space tlb trace)
    exos_unit_test(aegis/core/${core_test} SOURCES ${core_sources} INCLUDES test/fake/aegis test/unit/aegis/core)
endforeach()
# The same on two CPUs, of which the other runs whom a test lets it run: every call takes its turn (turn.c).
foreach(core_test account revoke cap copy env frame guard large many pct pt pte random slice space)
    exos_unit_test(aegis/core/${core_test} VARIANT many SOURCES ${core_sources} INCLUDES test/fake/aegis test/unit/aegis/core
        DEFINES WORLD_CPUS=2)
endforeach()
exos_unit_test(aegis/core/console SOURCES aegis/core/console.c ${core_sources} INCLUDES test/fake/aegis test/unit/aegis/core)
exos_unit_test(aegis/core/format SOURCES aegis/core/format.c)
