/*
 * logdev.c: /dev/kmsg, the session's log, and /dev/control, raw bytes to the machine's log port for whoever runs the machine.
 */
#include "base/log.h"
#include "base/uio.h"
#include "fs/devfs.h"
#include "tty/logdev.h"

#define PIECE 256
#define S_IFCHR 0020000u

static ssize
kmsg_read(struct file *f, struct uio *u, uint64_t *pos)
{
    char piece[PIECE];
    ssize total = 0;

    (void)f;
    while (u->left > 0) {
        size_t n = log_read(pos, piece, MIN(u->left, sizeof(piece)));
        ssize moved = n > 0 ? uio_out(u, piece, n) : 0;

        if (moved <= 0)
            return total > 0 ? total : moved;
        total += moved;
    }
    return total;
}

static ssize
text_write(struct uio *u, bool raw)
{
    char piece[PIECE + 1];
    ssize total = 0;

    while (u->left > 0) {
        ssize n = uio_in(u, piece, MIN(u->left, (uint64_t)PIECE));

        if (n <= 0)
            return total > 0 ? total : n;
        total += n;
        if (raw) {
            log_raw(piece, (size_t)n);
            continue;
        }
        while (n > 0 && piece[n - 1] == '\n')
            n--;
        piece[n] = '\0';
        log_print("%s", piece);
    }
    return total;
}

static ssize
kmsg_write(struct file *f, struct uio *u, uint64_t *pos)
{
    (void)f, (void)pos;
    return text_write(u, false);
}

static ssize
control_write(struct file *f, struct uio *u, uint64_t *pos)
{
    (void)f, (void)pos;
    return text_write(u, true);
}

static const struct file_ops kmsg_ops = { .name = "kmsg", .read = kmsg_read, .write = kmsg_write };
static const struct file_ops control_ops = { .name = "control", .write = control_write };

void
logdev_init(void)
{
    if (devfs_register("kmsg", S_IFCHR | 0600, (unsigned)DEV_NUMBER(1, 11), &kmsg_ops) != 0 ||
        devfs_register("control", S_IFCHR | 0600, (unsigned)DEV_NUMBER(10, 200), &control_ops) != 0)
        log_print("the log has no place in /dev");
}
