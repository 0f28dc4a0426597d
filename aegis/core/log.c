/*
 * log.c: what the kernel says: a ring in memory, the second serial port, and the main one when asked.
 *
 * Holds:    lines with the time since boot in front; the ring is what a privileged library reads. What the second port has no room for goes
 *           out later, from the ring.
 * Locks:    log_lock, rank LOCK_LOG, the last of all: any code may log.
 * Not here: levels and filters. A line is worth printing or it is not written.
 */
#include "core/log.h"

#include "aegis/sys.h"
#include "arch/x86_64/arch.h"
#include "core/lockrank.h"

static struct spinlock log_lock = SPINLOCK(LOCK_LOG);
static char ring[LOG_BYTES];
static uint64_t written, taken, sent;   /* bytes ever: by us, by readers, by the port; the ring holds the last LOG_BYTES written */
static bool verbose;

static void
ring_append(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring[written++ % LOG_BYTES] = text[i];
    if (written - taken > LOG_BYTES)
        taken = written - LOG_BYTES;
    if (written - sent > LOG_BYTES)
        sent = written - LOG_BYTES;
}

/* To the port, as much as it has room for and a line at most. */
static void
drain(void)
{
    for (size_t left = LOG_LINE, n; left > 0 && sent < written; left -= n, sent += n) {
        size_t run = MIN(written - sent, LOG_BYTES - sent % LOG_BYTES);

        n = console_put(AEG_CONSOLE_LOG, &ring[sent % LOG_BYTES], MIN(run, left));
        if (n == 0)
            return;
    }
}

/* Terminals want a carriage return, files of the second port do not. */
static void
main_out(const char *text, size_t n)
{
    console_out(AEG_CONSOLE_MAIN, text, n);
    if (n > 0 && text[n - 1] == '\n')
        console_out(AEG_CONSOLE_MAIN, "\r", 1);
}

static size_t
line_format(char *line, const char *format, va_list ap)
{
    uint64_t us = info->tsc_hz != 0 ? time_ns() / 1000 : 0;
    size_t n;

    n = (size_t)kformat(line, LOG_LINE, "[%3lu.%06lu] ", us / 1000000, us % 1000000);
    n += (size_t)kvformat(line + n, LOG_LINE - n, format, ap);
    if (n >= LOG_LINE - 1)
        n = LOG_LINE - 2;
    if (line[n - 1] != '\n')
        line[n++] = '\n';
    return n;
}

void
klog(const char *format, ...)
{
    char line[LOG_LINE];
    va_list ap;
    size_t n;

    va_start(ap, format);
    n = line_format(line, format, ap);
    va_end(ap);
    spin_lock(&log_lock);
    ring_append(line, n);
    drain();
    if (verbose)
        main_out(line, n);
    spin_unlock(&log_lock);
}

bool
log_drained(void)
{
    bool all;

    spin_lock(&log_lock);
    drain();
    all = sent == written;
    spin_unlock(&log_lock);
    return all;
}

void
log_flush(void)
{
    for (; sent < written; sent++)
        console_out(AEG_CONSOLE_LOG, &ring[sent % LOG_BYTES], 1);
}

void
log_raw(const char *format, ...)
{
    char line[LOG_LINE];
    va_list ap;
    size_t n;

    va_start(ap, format);
    n = (size_t)kvformat(line, sizeof(line), format, ap);
    va_end(ap);
    n = MIN(n, sizeof(line) - 1);
    ring_append(line, n);
    log_flush();
    main_out(line, n);
}

size_t
log_read(char *buf, size_t n)
{
    size_t done = 0;

    spin_lock(&log_lock);
    while (done < n && taken < written)
        buf[done++] = ring[taken++ % LOG_BYTES];
    spin_unlock(&log_lock);
    return done;
}

void
log_set_verbose(bool on)
{
    verbose = on;
}
