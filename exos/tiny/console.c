/*
 * console.c: lines out and lines in.
 *
 * Holds:    what has come in and is not a whole line yet.
 * Not here: editing, signals, more than one reader.
 */
#include "tiny.h"

#define INPUT_BIT 1u

static uint32_t console;                /* the capability */
static const char *given;               /* instead of what is typed; NULL: nothing is */
static char pending[256];
static unsigned pending_count;

void
print(const char *text)
{
    uint64_t n = 0, done;

    while (text[n] != '\0')
        n++;
    for (; aeg_console_write(console, AEG_CONSOLE_MAIN, text, n, &done) == AEG_ERR_AGAIN; text += done)
        n -= done;
}

void
print_number(uint64_t n, unsigned base)
{
    char buf[24], *p = buf + sizeof(buf) - 1;

    *p = '\0';
    do {
        *--p = "0123456789abcdef"[n % base];
        n /= base;
    } while (n != 0);
    if (base == 16)
        print("0x");
    print(p);
}

/* example: console_bind */
/* From now on input sets a bit in our UENV, and aeg_wait() can sleep until it does. */
void
console_init(uint32_t cap, const char *typed)
{
    console = cap;
    given = typed;
    if (given == NULL && aeg_console_bind(AEG_CAPS(console, SELF), AEG_CONSOLE_MAIN, UENV->env_id, INPUT_BIT) != AEG_OK)
        over(BAD);
}

/* The bit goes before we look: what comes after the look sets it again. */
static void
wait_for_input(void)
{
    uint64_t done, bits;

    for (;;) {
        __atomic_and_fetch(&UENV->notify, ~(uint64_t)INPUT_BIT, __ATOMIC_SEQ_CST);
        if (aeg_console_read(console, AEG_CONSOLE_MAIN, pending + pending_count, sizeof(pending) - pending_count, &done) != AEG_OK)
            over(BAD);
        pending_count += done;
        if (done != 0)
            return;
        (void)!aeg_wait(INPUT_BIT, AEG_WAIT_FOREVER, 0, 0, &bits);
    }
}
/* end */

static void
fill(void)
{
    if (given == NULL) {
        wait_for_input();
        return;
    }
    if (*given == '\0')
        over(GOOD);
    while (*given != '\0' && pending_count < sizeof(pending))
        pending[pending_count++] = *given++;
}

/* The end of the first line of `pending`, or where a full buffer is cut; pending_count when there is none yet. */
static unsigned
line_end(void)
{
    for (unsigned i = 0; i < pending_count; i++)
        if (pending[i] == '\n' || pending[i] == '\r')
            return i;
    return pending_count == sizeof(pending) ? pending_count - 1 : pending_count;
}

void
read_line(char *line, unsigned size)
{
    unsigned end, n;

    while ((end = line_end()) == pending_count)
        fill();
    n = end < size ? end : size - 1;
    for (unsigned i = 0; i < n; i++)
        line[i] = pending[i];
    line[n] = '\0';
    pending_count -= end + 1;
    for (unsigned i = 0; i < pending_count; i++)
        pending[i] = pending[end + 1 + i];
}
