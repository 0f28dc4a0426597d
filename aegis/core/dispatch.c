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
