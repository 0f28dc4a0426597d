/* first.h: the first env. See first.c. */
#ifndef AEGIS_CORE_FIRST_H
#define AEGIS_CORE_FIRST_H

/* Makes the space and env of the boot module exos.img, with the root capability, and gives it all of CPU 0. Panics when it cannot. */
void first_env(void);

#endif
