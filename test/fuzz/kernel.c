/*
 * kernel.c: the kernel core under libFuzzer: an input is a sequence of calls by two sessions (test/unit/aegis/core/calls.c), with the walker
 * after some of them, and the census at the end.
 *
 * The first CHOICES of each call are the input's, two bytes each; vectors are filled by numbers that follow from those.
 */
#include <stdlib.h>

#include "calls.h"
#include "choice.h"

#define CHOICES 24
#define WALK_EVERY 512
#define CALLS_MIN 1500          /* of an input; when it has no more to say, they follow from what it said */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t calls_made;

uint64_t
calls_choice(void)
{
    return choice();
}

static void
told(void)
{
    print_message("calls made: %lu\n", (unsigned long)calls_made);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    world_boot(NULL);
    atexit(told);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct calls c;

    world_make(NULL);
    choices_begin(data, size);
    calls_begin(&c);
    for (unsigned i = 1; i <= CALLS_MIN || choices_left(); i++) {
        choices.allowed = CHOICES;
        calls_one(&c);
        calls_made++;
        if (i % WALK_EVERY == 0)
            walk();
    }
    calls_end();
    world_end(NULL);
    return 0;
}
