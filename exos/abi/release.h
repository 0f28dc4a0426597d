/* release.h: what uname and /proc/version say, once. Programs and C libraries compare the number with Linux's. */
#ifndef EXOS_ABI_RELEASE_H
#define EXOS_ABI_RELEASE_H

#define EXOS_RELEASE "6.1.0-exos"

#endif
