/*
 * uaccess.h: the only instructions that touch program memory.
 *
 * Each may fault; the exception table says where it then goes on, and uenv_local.fault_va where it stopped. A fault is never served
 * here: the caller has no lock, calls vm_fault() and tries again.
 */
#ifndef EXOS_UACCESS_H
#define EXOS_UACCESS_H

#include "base/base.h"
#include "start/layout.h"

struct ex_entry {
    int32_t at, fixup;          /* relative to the entry's own address */
};
/* For code in assembly that touches it in many places (proc/sigframe.asm): any instruction from `begin` on, below `end`. */
struct ex_range {
    int32_t begin, end, fixup;
};

#define EX_TABLE(at, fixup) ".pushsection .ex_table,\"a\"\n\t.long " at " - ., " fixup " - . + 4\n\t.popsection\n\t"

/* Copies n bytes, at least one side being the program's; bytes that were left when it faulted, 0: all done. */
static inline size_t
uaccess_copy(void *dst, const void *src, size_t n)
{
    size_t words = n >> 3, rest = n & 7;

    __asm__ volatile("1: rep movsq\n\t"
                     "mov %[rest], %%rcx\n\t"
                     "2: rep movsb\n\t"
                     "mov %%rcx, %[rest]\n\t"
                     "jmp 4f\n"
                     "3: lea (%[rest], %%rcx, 8), %[rest]\n\t"
                     "jmp 4f\n"
                     "5: mov %%rcx, %[rest]\n"
                     "4:\n\t"
                     EX_TABLE("1b", "3b") EX_TABLE("2b", "5b")
                     : "+D"(dst), "+S"(src), "+c"(words), [rest] "+r"(rest) : : "memory", "cc");
    return rest;
}

static inline size_t
uaccess_zero(void *dst, size_t n)
{
    size_t words = n >> 3, rest = n & 7;

    __asm__ volatile("1: rep stosq\n\t"
                     "mov %[rest], %%rcx\n\t"
                     "2: rep stosb\n\t"
                     "mov %%rcx, %[rest]\n\t"
                     "jmp 4f\n"
                     "3: lea (%[rest], %%rcx, 8), %[rest]\n\t"
                     "jmp 4f\n"
                     "5: mov %%rcx, %[rest]\n"
                     "4:\n\t"
                     EX_TABLE("1b", "3b") EX_TABLE("2b", "5b")
                     : "+D"(dst), "+c"(words), [rest] "+r"(rest) : "a"(0) : "memory", "cc");
    return rest;
}

/* Eight bytes of the program's. False: it faulted. */
static inline bool
uaccess_load64(uint64_t *value, uint64_t at)
{
    __asm__ goto("1: mov (%1), %0\n\t" EX_TABLE("1b", "%l[faulted]") : "=r"(*value) : "r"(at) : "memory" : faulted);
    return true;
faulted:
    return false;
}

static inline bool
uaccess_load32(uint32_t *value, uint64_t at)
{
    __asm__ goto("1: mov (%1), %0\n\t" EX_TABLE("1b", "%l[faulted]") : "=r"(*value) : "r"(at) : "memory" : faulted);
    return true;
faulted:
    return false;
}

/* The same, stored. */
static inline bool
uaccess_store64(uint64_t at, uint64_t value)
{
    __asm__ goto("1: mov %0, %1\n\t" EX_TABLE("1b", "%l[faulted]") : : "r"(value), "m"(*(word_t *)at) : "memory" : faulted);
    return true;
faulted:
    return false;
}

static inline bool
uaccess_store32(uint64_t at, uint32_t value)
{
    __asm__ volatile goto("1: movl %1, (%0)\n\t" EX_TABLE("1b", "%l[faulted]") : : "r"(at), "r"(value) : "memory" : faulted);
    return true;
faulted:
    return false;
}

/* The word at `at` becomes `new` if it is *old; else *old is what it is. False: it faulted. */
static inline bool
uaccess_change32(uint64_t at, uint32_t *old, uint32_t new)
{
    uint32_t found = *old;

    __asm__ volatile goto("1: lock cmpxchgl %[new], (%[at])\n\t" EX_TABLE("1b", "%l[faulted]")
                          : "+a"(found) : [at] "r"(at), [new] "r"(new) : "memory", "cc" : faulted);
    *old = found;
    return true;
faulted:
    return false;
}

/* Pages of the program's that were just mapped. Words left. */
static inline size_t
uaccess_zero_pages(void *at, size_t pages)
{
    size_t words = pages * 4096 / 8;

    __asm__ volatile("1: rep stosq\n2:\n\t" EX_TABLE("1b", "2b") : "+D"(at), "+c"(words) : "a"(0) : "memory");
    return words;
}

/* The same in the shortest way, when only all or nothing counts. False: it faulted. */
static inline bool
uaccess_moved(void *dst, const void *src, size_t n)
{
    size_t rest = n & 7, count = n >> 3;

    __asm__ volatile goto("1: rep movsq\n\t"
                 "mov %[rest], %%rcx\n\t"
                 "2: rep movsb\n\t"
                 EX_TABLE("1b", "%l[faulted]") EX_TABLE("2b", "%l[faulted]")
                 : "+D"(dst), "+S"(src), "+c"(count) : [rest] "r"(rest) : "memory" : faulted);
    return true;
faulted:
    return false;
}

/* Up to a page at va lies where programs' memory may be. */
static inline bool
user_page_ok(uint64_t va)
{
    return va <= USER_TOP - PAGE_SIZE;
}

static inline bool
user_ok(uint64_t va, uint64_t n)
{
    return n <= USER_TOP && va <= USER_TOP - n;
}

/* After a faulting routine: serves the fault. 0: try again. */
int user_fault_in(void) MUST_USE;

/* For futexes: nothing else runs between the load and what the caller does next without sleeping. False: not readable. */
bool user_load32(uint32_t *value, uva_t at) MUST_USE;
/* False: not writable. */
bool user_store32(uva_t at, uint32_t value) MUST_USE;

#endif
