/*
 * wild.c: a program that stores all over the session's own memory, as a wild pointer could. Arguments: a word in so many is spoilt, and what
 * is stored there. Then it makes calls until something comes of it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SESSION (251ul << 39)
#define WORDS (64 * 512)        /* the first pages: the library's variables */
#define CALLS 2000

int
main(int argc, char **argv)
{
    volatile uint64_t *session = (volatile uint64_t *)SESSION;
    unsigned step = argc > 1 ? (unsigned)atoi(argv[1]) : 1;

    for (unsigned i = 0; i < WORDS; i += step)
        session[i] = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
    for (unsigned i = 0; i < CALLS; i++)
        usleep(1000);
    puts("nothing came of it");
    return 0;
}
