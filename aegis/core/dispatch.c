/*
 * dispatch.c: the table of calls, made from syscalls.def.
 */
#include "core/kernel.h"

#define AEG_SYSCALL(number, name, argc, needs) aeg_err_t sys_##name(struct sys_args *args);
#include "aegis/syscalls.def"
#undef AEG_SYSCALL

extern sys_handler *const sys_table[];
extern const uint64_t sys_table_count;

/* The numbers have no holes: entry.asm indexes without looking for one. */
sys_handler *const sys_table[] = {
#define AEG_SYSCALL(number, name, argc, needs) [number] = sys_##name,
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};
const uint64_t sys_table_count = ARRAY_SIZE(sys_table);

/* Where entry.asm goes with each: most calls go the same way, a short one may have an entry of its own that knows the registers. */
typedef void sys_entry_point(void);
sys_entry_point own_call_all, yield_entry, pct_call_entry, pct_reply_wait_entry;
#define SHORT_yield , yield_entry
#define SHORT_pct_call , pct_call_entry
#define SHORT_pct_reply_wait , pct_reply_wait_entry
#define SECOND(first, second, ...) second
#define SECOND_OF(...) SECOND(__VA_ARGS__)
extern sys_entry_point *const sys_entry[];
sys_entry_point *const sys_entry[] = {
#define AEG_SYSCALL(number, name, argc, needs) [number] = SECOND_OF(SHORT_##name, own_call_all, own_call_all),
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

enum {
#define AEG_SYSCALL(number, name, argc, needs) ROW_##name,
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};
#define AEG_SYSCALL(number, name, argc, needs) static_assert(number == ROW_##name, "syscalls.def: " #name " leaves a hole");
#include "aegis/syscalls.def"
#undef AEG_SYSCALL

aeg_err_t
sys_null(struct sys_args *args)
{
    (void)args;
    return AEG_OK;
}
