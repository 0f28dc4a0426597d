/*
 * linux-exit.c: ends QEMU from inside the Linux peer.
 *
 * Holds: one write to isa-debug-exit's port, which Debian's cloud kernel offers no file for.
 */
#include <stdlib.h>
#include <sys/io.h>

#define DEBUG_EXIT_PORT 0xf4

int
main(int argc, char **argv)
{
    if (argc != 2 || ioperm(DEBUG_EXIT_PORT, 1, 1) != 0)
        return 1;
    outb((unsigned char)strtoul(argv[1], NULL, 0), DEBUG_EXIT_PORT);
    return 1;
}
