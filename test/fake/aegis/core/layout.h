/* layout.h of host tests: physical memory is an array of the test program. See machine.h. */
#ifndef AEGIS_CORE_LAYOUT_H
#define AEGIS_CORE_LAYOUT_H

#include <stdint.h>

extern uint8_t fake_ram[];

#define DIRECT_BASE ((uint64_t)(uintptr_t)fake_ram)
#define DEVICE_BASE 0xffffc00000000000ull
#define KERNEL_BASE 0ull

#endif
