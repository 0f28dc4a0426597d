# The kernel core on the fake machine, with two sessions on it (world.h).
set(core_sources
    aegis/core/account.c aegis/core/account_end.c aegis/core/revoke.c aegis/core/repossess.c aegis/core/cap.c aegis/core/env.c aegis/core/first.c aegis/core/frame.c aegis/core/guard.c
    aegis/core/info.c aegis/core/pct.c aegis/core/pt.c aegis/core/pte.c aegis/core/pte_clear.c aegis/core/pte_copy.c aegis/core/pte_fast.c aegis/core/pte_large.c aegis/core/pte_many.c
    aegis/core/slice.c aegis/core/slice_run.c aegis/core/slice_end.c aegis/core/space.c
    aegis/core/call_turn.c aegis/core/mail.c aegis/core/spin.c aegis/core/trace.c aegis/core/tlb.c aegis/core/turn.c aegis/core/upcall.c test/fake/aegis/machine.c test/fake/aegis/tlb.c test/fake/aegis/asserted.c test/unit/aegis/core/world.c test/unit/aegis/core/walker.c)
