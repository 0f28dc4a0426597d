/* stdlib.h, for lwIP's core: it wants atoi, for the number in an interface's name. */
#ifndef EXOS_PORT_STDLIB_H
#define EXOS_PORT_STDLIB_H

int atoi(const char *s);

#endif
