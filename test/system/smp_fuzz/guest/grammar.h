/*
 * grammar.h: what the arguments of each call of Aegis are, for those who make them up (call.c). One letter an argument:
 *   A account  S space  E env  Q queue, ring, filter or slot       an id: mostly one of the session's own
 *   c capability  C two of them  k component  r rights              mostly its principal
 *   f frame  V address of a page  v of a node's room  a that with the level of a node  l level and flags of a node  b bits of an entry
 *   p pointer to a vector, filled for this call  n its length
 *   K a kind of resource  t deadline  m notification bits  g anything
 */
#ifndef TEST_SMP_FUZZ_GRAMMAR_H
#define TEST_SMP_FUZZ_GRAMMAR_H

static const struct {
    const char *args;
    uint8_t weight;             /* how often it comes */
} grammar[] = {
    [AEG_SYS_null - AEG_SYS_BASE] = { "", 2 },
    [AEG_SYS_cap_forge - AEG_SYS_BASE] = { "ckr", 4 },
    [AEG_SYS_cap_drop - AEG_SYS_BASE] = { "c", 4 },
    [AEG_SYS_cap_grant - AEG_SYS_BASE] = { "cScr", 4 },
    [AEG_SYS_cap_revoke - AEG_SYS_BASE] = { "c", 3 },
    [AEG_SYS_cap_list - AEG_SYS_BASE] = { "pn", 2 },
    [AEG_SYS_account_create - AEG_SYS_BASE] = { "Accp", 4 },
    [AEG_SYS_account_end - AEG_SYS_BASE] = { "Ac", 3 },
    [AEG_SYS_frame_alloc - AEG_SYS_BASE] = { "Accnp", 40 },
    [AEG_SYS_frame_free - AEG_SYS_BASE] = { "cpn", 30 },
    [AEG_SYS_frame_guard - AEG_SYS_BASE] = { "ccpn", 6 },
    [AEG_SYS_space_create - AEG_SYS_BASE] = { "Accf", 8 },
    [AEG_SYS_space_destroy - AEG_SYS_BASE] = { "Sc", 3 },
    [AEG_SYS_pt_attach - AEG_SYS_BASE] = { "SCvlf", 30 },
    [AEG_SYS_pt_detach - AEG_SYS_BASE] = { "SCa", 5 },
    [AEG_SYS_pte_set - AEG_SYS_BASE] = { "SCpn", 70 },
    [AEG_SYS_pte_copy - AEG_SYS_BASE] = { "ScScpn", 30 },
    [AEG_SYS_env_create - AEG_SYS_BASE] = { "AccSp", 10 },
    [AEG_SYS_env_destroy - AEG_SYS_BASE] = { "Ec", 2 },
    [AEG_SYS_yield - AEG_SYS_BASE] = { "Ec", 10 },
    [AEG_SYS_wait - AEG_SYS_BASE] = { "mtEc", 4 },
    [AEG_SYS_notify - AEG_SYS_BASE] = { "Ecm", 10 },
    [AEG_SYS_slice_set - AEG_SYS_BASE] = { "ggEC", 2 },
    [AEG_SYS_console_write - AEG_SYS_BASE] = { "cgpn", 1 },
    [AEG_SYS_console_read - AEG_SYS_BASE] = { "cgpn", 1 },
    [AEG_SYS_console_bind - AEG_SYS_BASE] = { "CgEm", 1 },
    [AEG_SYS_power - AEG_SYS_BASE] = { "cgg", 1 },
    [AEG_SYS_blockq_create - AEG_SYS_BASE] = { "Accp", 6 },
    [AEG_SYS_blockq_bind - AEG_SYS_BASE] = { "QcQcr", 2 },
    [AEG_SYS_blockq_submit - AEG_SYS_BASE] = { "Qc", 3 },
    [AEG_SYS_blockq_destroy - AEG_SYS_BASE] = { "Qc", 2 },
    [AEG_SYS_ring_create - AEG_SYS_BASE] = { "Accp", 10 },
    [AEG_SYS_ring_kick - AEG_SYS_BASE] = { "Qc", 3 },
    [AEG_SYS_ring_destroy - AEG_SYS_BASE] = { "Qc", 2 },
    [AEG_SYS_filter_bind - AEG_SYS_BASE] = { "Qccp", 4 },
    [AEG_SYS_filter_unbind - AEG_SYS_BASE] = { "Qc", 2 },
    [AEG_SYS_gate_open - AEG_SYS_BASE] = { "c", 2 },
    [AEG_SYS_pct_call - AEG_SYS_BASE] = { "Ect", 8 },
    [AEG_SYS_pct_send - AEG_SYS_BASE] = { "Ec", 6 },
    [AEG_SYS_pct_reply - AEG_SYS_BASE] = { "", 10 },
    [AEG_SYS_pct_reply_wait - AEG_SYS_BASE] = { "mt", 4 },
    [AEG_SYS_slot_carve - AEG_SYS_BASE] = { "ACQggm", 1 },
    [AEG_SYS_slot_split - AEG_SYS_BASE] = { "AQCgm", 1 },
    [AEG_SYS_slot_merge - AEG_SYS_BASE] = { "QcQm", 1 },
    [AEG_SYS_slot_free - AEG_SYS_BASE] = { "Qcm", 1 },
    [AEG_SYS_slot_guard - AEG_SYS_BASE] = { "QCm", 1 },
    [AEG_SYS_slot_scrub - AEG_SYS_BASE] = { "Qcm", 1 },
    [AEG_SYS_revoke_bind - AEG_SYS_BASE] = { "ACEf", 2 },
    [AEG_SYS_guard_set - AEG_SYS_BASE] = { "KSC", 4 },
    [AEG_SYS_pte_clear - AEG_SYS_BASE] = { "SCVnbp", 20 },
};

#define AEG_SYSCALL(number, name, argc, needs) + 1
_Static_assert(sizeof(grammar) / sizeof(grammar[0]) == 0
#include "aegis/syscalls.def"
               , "a call has no line");
#undef AEG_SYSCALL

#endif
