/* log.h: the kernel log beyond klog(): see log.c. */
#ifndef AEGIS_CORE_LOG_H
#define AEGIS_CORE_LOG_H

#include "core/kernel.h"

#define LOG_BYTES 16384         /* of the ring */
#define LOG_LINE 320            /* longest line; the rest is cut */

/* Takes up to n bytes of the log that no reader has had yet; the oldest are lost when nobody reads. */
size_t log_read(char *buf, size_t n);
/* Sends what the port had no room for. True: nothing is left. */
bool log_drained(void);
/* The same, waiting for room: before the machine goes off. */
void log_flush(void);
/* From now on lines also go to the main console (the command line said `verbose`). */
void log_set_verbose(bool on);
/* A line to both serial ports and the ring, whatever locks are held: panics and NMIs. */
void log_raw(const char *format, ...) PRINTF(1, 2);

#endif
