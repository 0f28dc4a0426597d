/* main.c: what this library does with the machine: it reads commands and uses its memory. */
#include "tiny.h"

_Noreturn void tiny_main(uint32_t console, const char *typed);

static bool
same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Touches every page of the heap's first 16 MiB; says what it found and what that took. */
static void
use_heap(void)
{
    uint64_t before = pager_faults(), pages = (16ull << 20) / PAGE, dirty = 0;

    for (uint64_t i = 0; i < pages; i++) {
        volatile uint64_t *word = (volatile uint64_t *)(HEAP_BASE + i * PAGE);

        dirty += *word != 0 && *word != i + 1;
        *word = i + 1;
    }
    print_number(pages, 10);
    print(" pages, ");
    print_number(pager_faults() - before, 10);
    print(" faults, ");
    print_number(dirty, 10);
    print(" dirty\n");
}

static void
command(const char *line)
{
    if (same(line, "heap")) {
        use_heap();
    } else if (same(line, "free")) {
        print_number(AEG_INFO->frames_free, 10);
        print(" frames are free\n");
    } else if (same(line, "crash")) {
        *(volatile int *)(HEAP_BASE + HEAP_BYTES) = 1;
    } else if (same(line, "off")) {
        over(GOOD);
    } else {
        print("heap, free, crash, off\n");
    }
}

_Noreturn void
tiny_main(uint32_t console, const char *typed)
{
    char line[80];

    pager_init();
    console_init(console, typed);
    print("tiny: a library OS of one pager and one console\n");
    for (;;) {
        print("> ");
        read_line(line, sizeof(line));
        command(line);
    }
}
