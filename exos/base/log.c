/*
 * log.c: lines to the second serial port and to a ring that /dev/kmsg and the panic read.
 */
#include "base/log.h"

#include "aegis/sys.h"
#include "start/session.h"

#define LINE_MAX 400

static struct {
    char bytes[LOG_RING_BYTES];
    uint64_t end;
} ring;

/* The first env has one capability, root at index 0; it logs with that. */
static uint32_t
console_cap(void)
{
    return session.up ? CAP_CONSOLE : 0;
}

void
port_write(uint32_t port, const void *bytes, size_t n, void (*full)(void))
{
    const char *p = bytes;

    while (n > 0) {
        uint64_t done = 0;
        aeg_err_t err = aeg_console_write(console_cap(), port, p, MIN(n, (size_t)AEG_CONSOLE_MAX), &done);

        if (err != AEG_OK && err != AEG_ERR_AGAIN)
            return;
        if (done == 0 && full != NULL)
            full();
        p += done;
        n -= done;
    }
}

void
log_raw(const void *bytes, size_t n)
{
    port_write(AEG_CONSOLE_LOG, bytes, n, NULL);
}

static void
ring_append(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring.bytes[(ring.end + i) % LOG_RING_BYTES] = p[i];
    ring.end += n;
}

void
log_print(const char *format, ...)
{
    char line[LINE_MAX];
    uint64_t us = clock_monotonic_ns() / 1000;
    va_list ap;
    int n = fmt_print(line, sizeof(line), "[%5lu.%06lu] exos: ", us / 1000000, us % 1000000);

    va_start(ap, format);
    n += fmt_vprint(line + n, sizeof(line) - (size_t)n - 1, format, ap);
    va_end(ap);
    n = MIN(n, LINE_MAX - 2);
    line[n++] = '\n';
    ring_append(line, (size_t)n);
    log_raw(line, (size_t)n);
}

uint64_t
log_end(void)
{
    return ring.end;
}

size_t
log_read(uint64_t *pos, void *buf, size_t n)
{
    char *out = buf;
    size_t done = 0;

    if (ring.end > LOG_RING_BYTES && *pos < ring.end - LOG_RING_BYTES)
        *pos = ring.end - LOG_RING_BYTES;
    for (; done < n && *pos < ring.end; done++, ++*pos)
        out[done] = ring.bytes[*pos % LOG_RING_BYTES];
    return done;
}
