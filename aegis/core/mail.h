/* mail.h: what one CPU wants of another at once, whatever that is doing. See mail.c. */
#ifndef AEGIS_CORE_MAIL_H
#define AEGIS_CORE_MAIL_H

#include "arch/x86_64/arch.h"

#define MAIL_PAGES 16           /* more are flushed as one */

/* The entries for these pages have changed in the space with this id (0: any): 0 pages are all of them. */
struct mail_flush {
    aeg_id_t space;
    uint32_t pages;
    uint64_t va[MAIL_PAGES];
};

/* Every other CPU that runs the space has flushed what it is told when this returns. */
void mail_flush(const struct mail_flush *f);
/* `e`, which is running on another CPU, is running no longer, and nothing there refers to it or its space. Alone only. */
struct env;
void mail_leave(struct env *e);

void mail_open(struct cpu *cpu);
/* Does what others want of this CPU. Everything in the kernel that waits does so again and again. */
static inline void
mail_serve(struct cpu *cpu)
{
    if (cpu->mail)
        mail_open(cpu);
}

/* ---- waiting in the kernel ---- */

/*
 * Waits while the condition holds, which another CPU will end and then say so by wait_over. Mail is served; after some turns the CPU sleeps
 * in between, since whom it waits for may need its processor (a virtual machine has fewer of them than CPUs, maybe).
 */
#define WAIT_SPINS 200
#define WAIT_WHILE(cpu, turns, condition) \
    while (condition) { \
        mail_serve(cpu); \
        if ((turns)++ % WAIT_SPINS != WAIT_SPINS - 1) { \
            __builtin_ia32_pause(); \
            continue; \
        } \
        __atomic_store_n(&(cpu)->dozes, 1, __ATOMIC_SEQ_CST); \
        if ((condition) && !(cpu)->mail) \
            arch_doze(); \
        (cpu)->dozes = 0; \
        mail_serve(cpu);    /* what woke it may have been the interrupt of mail, which does not come again */ \
    }

/* What `other` may be waiting for has been done, by an atomic operation. */
static inline void
wait_over(const struct cpu *other)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (other->dozes)
        ipi_mail(other);
}

#endif
