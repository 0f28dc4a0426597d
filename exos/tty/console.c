/*
 * console.c: the session's console: Aegis' main console port behind a line discipline, as /dev/console.
 */
#include "aegis/sys.h"
#include "base/log.h"
#include "fs/devfs.h"
#include "proc/proc.h"
#include "start/session.h"
#include "thread/thread.h"
#include "tty/job.h"
#include "tty/termbits.h"
#include "tty/tty.h"

#define READ_PIECE 256
#define S_IFCHR 0020000u

struct tty console_tty;

static void
port_out(struct tty *tty, const uint8_t *bytes, size_t n)
{
    (void)tty;
    port_write(AEG_CONSOLE_MAIN, bytes, n, sched_pause);
}

static const struct tty_ops port_ops = { .out = port_out };

uint64_t
console_poll(void)
{
    uint8_t bytes[READ_PIECE];
    uint64_t n = 0;

    if (aeg_console_read(CAP_CONSOLE, AEG_CONSOLE_MAIN, bytes, sizeof(bytes), &n) != AEG_OK)
        return DEADLINE_NEVER;
    for (uint64_t i = 0; i < n; i++) {
        int sig;

        lock_acquire(&console_tty.lock);
        sig = tty_input(&console_tty, bytes[i]);
        lock_release(&console_tty.lock);
        if (sig != 0)
            tty_signal(&console_tty, sig);
    }
    return n == sizeof(bytes) ? 0 : DEADLINE_NEVER;
}

void
console_drain(void)
{
    /* Aegis writes while the call lasts: nothing waits here. */
}

static int
console_open(struct file *f)
{
    return tty_open(&console_tty, f, false);
}

/* /dev/tty: whatever terminal the caller's session has. */
static int
own_open(struct file *f)
{
    const struct proc *p = proc_current();

    if (p == NULL || p->ctty == NULL)
        return -ENXIO;
    return tty_open(p->ctty, f, false);
}

static const struct file_ops console_ops = { .name = "console", .open = console_open };
static const struct file_ops own_ops = { .name = "own terminal", .open = own_open };

void
console_init(void)
{
    tty_init(&console_tty, &port_ops, DEV_NUMBER(5, 1));
    console_tty.t.iflag |= IUTF8;
    console_tty.t.cflag |= HUPCL;
    console_tty.size = (struct winsize_k){ .row = 25, .col = 80 };
    if (devfs_register("console", S_IFCHR | 0620, (unsigned)console_tty.device, &console_ops) != 0 ||
        devfs_register("tty", S_IFCHR | 0666, (unsigned)DEV_NUMBER(5, 0), &own_ops) != 0)
        log_print("the console has no place in /dev");
    if (aeg_console_bind(AEG_CAPS(CAP_CONSOLE, CAP_SELF), AEG_CONSOLE_MAIN, session.housekeeper, NOTIFY_CONSOLE) != AEG_OK)
        log_print("the console cannot be read");
    due_register(NOTIFY_CONSOLE, console_poll);
}
