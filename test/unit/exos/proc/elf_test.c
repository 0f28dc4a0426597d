/*
 * elf_test.c: what the loader accepts, and that what it accepts is harmless however it was made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proc/elf.h"
#include "start/layout.h"

#define SEGMENTS 3

struct file_image {
    struct elf_header h;
    struct elf_segment s[SEGMENTS];
};

static struct file_image
good(void)
{
    struct file_image f = {
        .h = { .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }, .type = ELF_TYPE_EXEC, .machine = ELF_MACHINE_X86_64, .version = 1,
               .entry = 0x401010, .phoff = 64, .ehsize = 64, .phentsize = 56, .phnum = SEGMENTS },
        .s = {
            { .type = PT_LOAD, .flags = PF_R, .offset = 0, .vaddr = 0x400000, .filesz = 0x300, .memsz = 0x300, .align = 4096 },
            { .type = PT_LOAD, .flags = PF_R | PF_X, .offset = 0x1000, .vaddr = 0x401000, .filesz = 0x500, .memsz = 0x500, .align = 4096 },
            { .type = PT_LOAD, .flags = PF_R | PF_W, .offset = 0x1800, .vaddr = 0x402800, .filesz = 0x100, .memsz = 0x9000, .align = 4096 },
        },
    };

    return f;
}

static int
verdict(const struct file_image *f, struct elf_span *span)
{
    int err = elf_check_header(&f->h);

    return err != 0 ? err : elf_check_segments(&f->h, f->s, span);
}

static void
a_good_file_is_accepted_and_measured(void **state)
{
    struct file_image f = good();
    struct elf_span span;

    (void)state;
    assert_int_equal(verdict(&f, &span), 0);
    assert_int_equal(span.low, 0x400000);
    assert_int_equal(span.high, 0x40c000);
    assert_int_equal(span.phdr, 0x400040);
}

#define REFUSED(change) \
    do { \
        struct file_image f = good(); \
        struct elf_span span; \
        change; \
        assert_int_equal(verdict(&f, &span), -ENOEXEC); \
    } while (0)

static void
each_kind_of_bad_file_is_refused(void **state)
{
    (void)state;
    REFUSED(f.h.ident[0] = 0);
    REFUSED(f.h.ident[4] = 1);
    REFUSED(f.h.machine = 3);
    REFUSED(f.h.type = 1);
    REFUSED(f.h.phentsize = 32);
    REFUSED(f.h.phnum = 0);
    REFUSED(f.h.phnum = ELF_SEGMENTS_MAX + 1);
    REFUSED(f.h.phoff = UINT64_MAX - 8);
    REFUSED(f.h.entry = 0x500000);
    REFUSED(f.h.entry = 0x402900);          /* not executable */
    REFUSED(f.s[1].filesz = 0x600);         /* more in the file than in memory */
    REFUSED(f.s[1].offset = 0x1010);        /* not congruent */
    REFUSED(f.s[1].vaddr = 0x400000; f.s[1].offset = 0);    /* overlapping */
    REFUSED(f.s[2].memsz = UINT64_MAX - 0x1000);
    REFUSED(f.s[2].vaddr = 0xffff800000000800);
    REFUSED(f.s[2].vaddr = USER_TOP + 0x800);
    REFUSED(f.s[2].memsz = USER_TOP);
    REFUSED(f.s[0].vaddr = 0);              /* the null page */
    REFUSED(f.s[1].align = 3);
}

static void
what_is_accepted_stays_in_the_program_part(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 200000; round++) {
        struct file_image f = good();
        uint8_t *bytes = (uint8_t *)&f;
        struct elf_span span;

        for (int i = rand() % 4; i >= 0; i--)
            bytes[(unsigned)rand() % sizeof(f)] = (uint8_t)(rand() % 3 == 0 ? 0xff : rand());
        if (f.h.phnum > SEGMENTS || verdict(&f, &span) != 0)
            continue;
        assert_true(span.low < span.high && span.high <= USER_TOP && (span.low & PAGE_MASK) == 0 && (span.high & PAGE_MASK) == 0);
        if (f.h.type == ELF_TYPE_EXEC)
            assert_true(span.low >= USER_BOTTOM);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_accepted_and_measured),
        cmocka_unit_test(each_kind_of_bad_file_is_refused),
        cmocka_unit_test(what_is_accepted_stays_in_the_program_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
