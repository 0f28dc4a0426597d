/*
 * tty.h: the console's line discipline: what lies between the keys and read(2).
 */
#ifndef EXOS_TTY_TTY_H
#define EXOS_TTY_TTY_H

#include "base/base.h"
#include "base/lock.h"
#include "base/wait.h"
#include "fs/file.h"

/* Linux include/uapi/asm-generic/termbits.h */
#define TTY_NCCS 19
struct termios_k {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[TTY_NCCS];
};
_Static_assert(sizeof(struct termios_k) == 36, "Linux ABI");

struct winsize_k {
    uint16_t row, col, xpixel, ypixel;
};

#define TTY_INPUT_MAX 4096      /* bytes typed and not read; a power of two */

/*
 * input[] holds `filled` bytes from `head` on; of them the first `ready` may be read (all of them in raw mode; whole lines in canonical
 * mode, a line end or an EOF mark closing each).
 */
struct tty {
    struct lock lock;
    struct termios_k t;
    struct winsize_k size;
    uint32_t pgid;              /* foreground process group; 0: none */
    uint32_t sid;
    uint32_t head, filled, ready;
    uint32_t column;            /* of the cursor, for tabs and erasure */
    bool stopped;               /* ^S */
    bool hung_up;               /* nobody is at the other side any more */
    bool next_literal;          /* ^V */
    uint8_t input[TTY_INPUT_MAX];
    uint8_t mark[TTY_INPUT_MAX / 8];    /* bit: this byte is an EOF or line-end that closes a line */
    struct waitq readers;
    /* The hardware's side, set by whoever owns the terminal. `out` may be called with the lock held. */
    void (*out)(struct tty *tty, const uint8_t *bytes, size_t n);
    size_t (*room)(const struct tty *tty);      /* bytes that out() would take now; NULL: any number */
};

void tty_init(struct tty *tty);
/* A byte came in. Gives the signal that it means, or 0; the caller sends it after releasing the lock. Lock held. */
int tty_input(struct tty *tty, uint8_t c);
/* Writes n bytes through output processing. Lock held. */
void tty_output(struct tty *tty, const uint8_t *bytes, size_t n);
/* Takes at most n bytes for a reader; in canonical mode at most a line. *eof: an end-of-file mark was consumed. Lock held. */
size_t tty_take(struct tty *tty, uint8_t *out, size_t n, bool *eof);
/* Bytes that a read would get now; in canonical mode whole lines. */
size_t tty_readable(const struct tty *tty);
bool tty_has_input(const struct tty *tty);
void tty_set(struct tty *tty, const struct termios_k *t, bool flush);

/* The session's console (console.c). */
extern struct tty console_tty;
void console_init(void);
/* Due work: takes what was typed. Returns DEADLINE_NEVER. */
uint64_t console_poll(void);
/* Output waiting in the library has reached the port. */
void console_drain(void);
/* What a file of a terminal does; its priv is the struct tty (ttyfile.c). */
extern const struct file_ops tty_file_ops;

#endif
