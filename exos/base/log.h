/* log.h: the session's log as others read it. */
#ifndef EXOS_LOG_H
#define EXOS_LOG_H

#include "base/base.h"

#define LOG_RING_BYTES 32768    /* a power of two */

/* Bytes to a port of the machine's console, all of them. `full` is called each time when it has no room; NULL: that is waited for. */
void port_write(uint32_t port, const void *bytes, size_t n, void (*full)(void));
/* Bytes to the second serial port as they are (and nowhere else). */
void log_raw(const void *bytes, size_t n);
/* Copies what lies at *pos of the endless stream of log bytes, and moves *pos on; what is too old is skipped. Bytes copied. */
size_t log_read(uint64_t *pos, void *buf, size_t n);
uint64_t log_end(void);

#endif
