/* sys.h: the kernel's calls, answered by the test that includes this in place of aegis/sys.h. */
#ifndef AEGIS_SYS_H
#define AEGIS_SYS_H

#include "aegis/types.h"

enum aeg_sys {
#define AEG_SYSCALL(number, name, argc, needs) AEG_SYS_##name = (number),
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

aeg_err_t aeg_call(enum aeg_sys nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t *value);

#endif
