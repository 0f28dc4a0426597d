/*
 * kernel.c: the kernel core under libFuzzer: an input is a sequence of calls by two sessions (test/unit/aegis/core/calls.c), with the walker
 * after some of them, and the census at the end.
 *
 * The first CHOICES of each call are the input's, two bytes each; vectors are filled by numbers that follow from those.
 */
#include <stdlib.h>

#include "calls.h"

#define CHOICES 24
#define WALK_EVERY 512
#define CALLS_MIN 1500          /* of an input; when it has no more to say, they follow from what it said */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *at, *end;
    unsigned choices;           /* that the call in hand may still take from it */
    uint64_t state;
} input;
static uint64_t calls_made;

uint64_t
calls_choice(void)
{
    if (input.choices > 0 && input.end - input.at >= 2) {
        input.choices--;
        input.state = (input.state ^ (input.at[0] | input.at[1] << 8)) * 0x9e3779b97f4a7c15ull;
        input.at += 2;
        return (uint64_t)(input.at[-2] | input.at[-1] << 8) * 0x9e3779b97f4a7c15ull;
    }
    input.state ^= input.state >> 12;
    input.state ^= input.state << 25;
    input.state ^= input.state >> 27;
    return input.state * 0x2545f4914f6cdd1dull;
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
    calls_begin(&c);
    input.at = data;
    input.end = data + size;
    input.state = 1;
    for (unsigned i = 1; i <= CALLS_MIN || input.end - input.at >= 2; i++) {
        input.choices = CHOICES;
        calls_one(&c);
        calls_made++;
        if (i % WALK_EVERY == 0)
            walk();
    }
    calls_end();
    world_end(NULL);
    return 0;
}
