/* logdev.h: the log as devices. */
#ifndef EXOS_TTY_LOGDEV_H
#define EXOS_TTY_LOGDEV_H

void logdev_init(void);

#endif
