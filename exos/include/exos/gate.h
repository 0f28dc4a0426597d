/*
 * gate.h: the gate table, the frozen way into the library image.
 *
 * It lies at the very start of exos.img, which is mapped read-execute at the same address in every space. Entries are only ever
 * appended. A linked program calls `syscall` with the Linux number and up to six arguments, as a C function; it returns what the
 * Linux kernel would: >= 0, or -errno.
 */
#ifndef EXOS_GATE_H
#define EXOS_GATE_H

#include <stdint.h>

#define EXOS_IMAGE_BASE 0x7d7fc0000000ull   /* last GiB of PML4 slot 250: text is within 2 GiB of the session segment */
#define EXOS_GATE_MAGIC 0x31656761672d7865ull

struct exos_gate {
    uint64_t magic;
    uint64_t build_id;
    long (*syscall)(long n, long a, long b, long c, long d, long e, long f);
    /* A clone-style start, a vfork return and a signal return each need a register state of their own. */
    void (*sigreturn)(void);
    /* The call of that name: 0 or -errno. A bad address may be a fault instead. */
    long (*clock_gettime)(int clock, void *timespec);
    int (*getpid)(void);
    /* EXOS_SYS_PAGES. */
    long (*pages)(const void *vector, uint64_t n);
    uint64_t reserved[9];
};

#define EXOS_GATE ((const struct exos_gate *)EXOS_IMAGE_BASE)

#endif
