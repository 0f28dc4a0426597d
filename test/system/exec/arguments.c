/*
 * arguments.c: prints its arguments, one a line; its status is their number.
 */
#include <stdio.h>

int
main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        puts(argv[i]);
    return argc;
}
