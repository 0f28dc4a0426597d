/*
 * keys.c: whether a protection key guards the library's memory.
 *
 * Accident, not malice: a program can execute `wrpkru` itself. What it cannot do any more is to spoil the session by a stray store.
 * UENV and handler stack stay open, for that is where the way in puts its first registers.
 */
#include "start/keys.h"

#include "aegis/info.h"
#include "start/session.h"

#define PKRU_NO_WRITE(key) (2u << 2 * (key))
#define OPTION_MAX 8

uint32_t pkru_closed;

/* QEMU's translator flushes its TLB at each `wrpkru`: there the cure costs more than the disease (CPUID 0x40000000). */
static bool
translated(void)
{
    uint32_t a = 0x40000000, b, c, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return b == 0x54474354 && c == 0x43544743 && d == 0x47435447;      /* "TCGTCGTCGTCG" */
}

void
keys_init(void)
{
    bool there = (AEG_INFO->cpu_features & AEG_CPU_PKU) != 0, wanted = there && !translated();
    char option[OPTION_MAX];

    if (cmdline_value("pku", option, sizeof(option))) {
        if (strcmp(option, "on") == 0)
            wanted = there;
        else if (strcmp(option, "off") == 0)
            wanted = false;
        else if (strcmp(option, "auto") != 0)
            log_print("pku=%s: say on, off or auto", option);
        if (strcmp(option, "on") == 0 && !there)
            log_print("pku=on: this processor has no protection keys");
    }
    pkru_closed = wanted ? PKRU_NO_WRITE(KEYS_LIBRARY) : 0;
}
