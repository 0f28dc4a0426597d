/*
 * short.c: a target of this directory without libFuzzer: FUZZ_ROUNDS inputs by chance, the same ones each time. FUZZ_SEED in the environment
 * picks others, FUZZ_ROUNDS as many as one likes; a file as argument is the only input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LENGTH_MAX 2048
#define INPUT_LIMIT_S 60        /* longer is a hang */

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

static uint64_t
chance(void)
{
    state ^= state >> 12;       /* xorshift64* (Marsaglia 2003; Vigna 2016) */
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull >> 32;
}

static uint64_t
number(const char *name, uint64_t usual)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : usual;
}

static void
no_input_by_chance_breaks_it(void **unused)
{
    uint8_t input[LENGTH_MAX];

    (void)unused;
    state = number("FUZZ_SEED", 1) * 0x9e3779b97f4a7c15ull | 1;
    for (uint64_t left = number("FUZZ_ROUNDS", FUZZ_ROUNDS); left > 0; left--) {
        size_t size = chance() % 4 == 0 ? chance() % 64 : chance() % sizeof(input);

        for (size_t i = 0; i < size; i++)
            input[i] = (uint8_t)chance();
        alarm(INPUT_LIMIT_S);
        LLVMFuzzerTestOneInput(input, size);
    }
    alarm(0);
}

static int
one_file(const char *name)
{
    static uint8_t input[1 << 20];
    FILE *f = fopen(name, "rb");

    if (f == NULL) {
        perror(name);
        return 1;
    }
    LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof(input), f));
    fclose(f);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_input_by_chance_breaks_it) };

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    if (argc > 1)
        return one_file(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
