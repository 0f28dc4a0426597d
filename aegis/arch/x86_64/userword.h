/*
 * userword.h: single words of user memory, for the paths that cannot afford a copy. Host tests have their own (test/fake/aegis).
 *
 * Between user_begin and user_end user memory may be touched, by these two alone: a fault in one goes on at its label (trap.c looks it up).
 * The caller has checked that the address is in the user half. Each access reads or writes the word once.
 */
#ifndef AEGIS_USERWORD_H
#define AEGIS_USERWORD_H

#include <stdint.h>

/* Three bytes that become a no-op on a CPU without SMAP (smap.inc). */
#define SMAP_SITE(instruction) \
    __asm__ volatile("1: " instruction "\n\t.pushsection .smap_sites, \"a\"\n\t.quad 1b\n\t.popsection" : : : "memory", "cc")

static inline void
user_begin(void)
{
    SMAP_SITE("stac");
}

static inline void
user_end(void)
{
    SMAP_SITE("clac");
}

typedef uint64_t user_word_t __attribute__((aligned(1), may_alias));

#define USER_FIXUP "\n\t.pushsection .extable, \"a\"\n\t.quad 1b, %l[fault]\n\t.popsection"

/* Reads the word at user address `at` into `to`, or goes to the label `fault`. */
#define USER_GET(to, at) \
    __asm__ goto("1: movq %[word], %[value]" USER_FIXUP : [value] "=r"(to) : [word] "m"(*(user_word_t *)(at)) : : fault)

/* Writes `from` there, or goes to the label `fault`. */
#define USER_PUT(at, from) \
    __asm__ goto("1: movq %[value], %[word]" USER_FIXUP : [word] "=m"(*(user_word_t *)(at)) : [value] "r"(from) : : fault)

#endif
