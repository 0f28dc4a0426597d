/* wild.c: a store into the library's memory: `wild WHERE`, in hexadecimal. Reads are allowed, and say so. */
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    volatile unsigned long *at = (volatile unsigned long *)strtoul(argc > 1 ? argv[1] : "0", NULL, 16);
    unsigned long was = *at;

    printf("read\n");
    fflush(stdout);
    *at = was ^ 0x5a5a5a5a;
    *at = was;
    printf("written\n");
    return 0;
}
