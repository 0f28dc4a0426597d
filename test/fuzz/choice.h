/*
 * choice.h: an input of a fuzzer as a row of choices, two bytes each. When it has no more to say, they follow from what it said, so that
 * every input is a whole story.
 */
#ifndef TEST_FUZZ_CHOICE_H
#define TEST_FUZZ_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choices {
    const uint8_t *at, *end;
    unsigned allowed;           /* that may still be taken from the input; the others follow from those */
    uint64_t state;
};
extern struct choices choices;

void choices_begin(const uint8_t *data, size_t size);
/* 64 bits; the upper 32 are the good ones. */
uint64_t choice(void);

static inline bool
choices_left(void)
{
    return choices.end - choices.at >= 2;
}

static inline uint32_t
below(uint32_t n)
{
    return (uint32_t)((choice() >> 32) % n);
}

static inline bool
one_in(uint32_t n)
{
    return below(n) == 0;
}

#endif
