/* choice.c: see choice.h. */
#include "choice.h"

struct choices choices;

void
choices_begin(const uint8_t *data, size_t size)
{
    choices = (struct choices){ .at = data, .end = data + size, .allowed = UINT32_MAX, .state = 1 };
}

uint64_t
choice(void)
{
    const uint64_t spread = 0x9e3779b97f4a7c15ull;

    if (choices.allowed > 0 && choices_left()) {
        uint64_t said = choices.at[0] | (uint64_t)choices.at[1] << 8;

        choices.allowed--;
        choices.at += 2;
        choices.state = (choices.state ^ said) * spread;
        return said * spread;
    }
    choices.state ^= choices.state >> 12;       /* xorshift64* (Marsaglia 2003; Vigna 2016) */
    choices.state ^= choices.state << 25;
    choices.state ^= choices.state >> 27;
    return choices.state * 0x2545f4914f6cdd1dull;
}
