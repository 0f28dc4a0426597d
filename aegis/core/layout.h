/* layout.h: address map of the kernel half. Host tests put their own in front (test/fake/aegis/core/layout.h). */
#ifndef AEGIS_CORE_LAYOUT_H
#define AEGIS_CORE_LAYOUT_H

#define DIRECT_BASE 0xffff800000000000ull       /* all physical memory, writable, never executable */
#define DEVICE_BASE 0xffffc00000000000ull       /* memory-mapped devices, uncached */
#define KERNEL_BASE 0xffffffff80000000ull       /* the image, linked at KERNEL_BASE + 1 MiB, loaded at 1 MiB */

#endif
