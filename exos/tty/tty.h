/*
 * tty.h: terminals: the line discipline that lies between whoever types and read(2), and the files of it.
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

/* TCGETA: as System V had it, the low halves of the same words. */
#define TERMIO_NCC 8
struct termio_k {
    uint16_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[TERMIO_NCC];
};
_Static_assert(sizeof(struct termio_k) == 18, "Linux ABI");

/* TCGETS2: the speeds in numbers, too. */
struct termios2_k {
    struct termios_k t;
    uint32_t ispeed, ospeed;
};
_Static_assert(sizeof(struct termios2_k) == 44, "Linux ABI");

struct winsize_k {
    uint16_t row, col, xpixel, ypixel;
};

#define TTY_INPUT_MAX 16384     /* bytes typed and not read; a power of two */
#define TTY_LINE_MAX 4096       /* bytes of a line, its end among them */
#define TTY_GROWS_MAX 8         /* output processing makes at most so many bytes of one: spaces of a tab */

struct tty;

/* The other side: a screen and keys, or a pty's master. */
struct tty_ops {
    void (*out)(struct tty *tty, const uint8_t *bytes, size_t n);       /* may be called with the lock held */
    size_t (*room)(const struct tty *tty);      /* bytes that out() would take now; NULL: any number */
    /* Input was taken (0), or what packet mode tells has happened (TIOCPKT_*). Lock held. May be NULL. */
    void (*changed)(struct tty *tty, unsigned what);
    void (*closed)(struct tty *tty);            /* the last file of it has gone. May be NULL */
};

/*
 * input[] holds `filled` bytes from `head` on; of them the first `ready` may be read (all of them in raw mode; whole lines in canonical
 * mode, a line end or an EOF mark closing each).
 */
struct tty {
    const struct tty_ops *ops;
    struct lock lock;
    struct termios_k t;
    struct termios_k locked;    /* TIOCSLCKTRMIOS: bits and characters of t that stay as they are */
    uint32_t ispeed, ospeed;    /* as they were set: nothing is faster for it */
    struct winsize_k size;
    uint64_t device;            /* its number */
    uint32_t opens;             /* files of it */
    uint32_t pgid;              /* foreground process group, which may have ended; 0: none */
    uint32_t sid;
    uint32_t head, filled, ready;
    uint32_t column;            /* of the cursor, for tabs and erasure */
    uint32_t line_column;       /* where the line being typed begins */
    bool stopped;               /* output waits: ^S, or tcflow() if held, too */
    bool held;
    bool exclusive;             /* TIOCEXCL */
    bool hung_up;               /* nobody is at the other side any more */
    uint32_t hangups;           /* vhangup(2): files that were opened before the last one are dead (their pos is the count they began with) */
    bool next_literal;          /* ^V */
    uint8_t input[TTY_INPUT_MAX];
    uint8_t mark[TTY_INPUT_MAX / 8];    /* bit: this byte is an EOF or line-end that closes a line */
    struct waitq readers;       /* and writers, and who waits for anything else of it */
};

void tty_init(struct tty *tty, const struct tty_ops *ops, uint64_t device);
/* A byte came in. Gives the signal that it means, or 0; the caller sends it after releasing the lock. Lock held. */
int tty_input(struct tty *tty, uint8_t c);
/* A byte that comes in now has a place, or is part of a line that is too long and lost. */
bool tty_accepts(const struct tty *tty);
/* Takes at most n bytes for a reader; in canonical mode at most a line. *closed: its end, or an end-of-file mark, was among them. Lock held. */
size_t tty_take(struct tty *tty, uint8_t *out, size_t n, bool *closed);
/* Bytes that a read would get now; in canonical mode whole lines. */
size_t tty_readable(const struct tty *tty);
static inline bool
tty_has_input(const struct tty *tty)
{
    return tty->ready > 0;
}
bool tty_canonical(const struct tty *tty);
/* Where the byte i of the input lies. */
static inline uint32_t
tty_slot(const struct tty *tty, uint32_t i)
{
    return (tty->head + i) & (TTY_INPUT_MAX - 1);
}
/* c is what does `which` (VERASE and so on); nothing is done by a zero byte. */
static inline bool
tty_is_key(const struct tty *tty, unsigned which, uint8_t c)
{
    return c == tty->t.cc[which] && c != 0;
}
/* Handles the bytes that edit the line (edit.c). True: c was one. Lock held. */
bool tty_edit(struct tty *tty, uint8_t c);
/* What was typed and not read is lost. Lock held. */
void tty_flush(struct tty *tty);
/* New modes. Lock held. */
void tty_set(struct tty *tty, const struct termios_k *t, bool flush);
/* Output waits, or goes on; `by_call`: tcflow(3), which ^Q does not undo. Lock held. */
void tty_stop(struct tty *tty, bool by_call);
void tty_start(struct tty *tty, bool by_call);

/* ---- output processing (output.c); lock held ---- */
void tty_output(struct tty *tty, const uint8_t *bytes, size_t n);
void tty_out(struct tty *tty, const void *bytes, size_t n);     /* as they are */
/* What was typed is shown, or not, as the modes say. */
void tty_echo(struct tty *tty, uint8_t c);
/* Columns that the echo of c takes at a column. */
uint32_t tty_width(const struct tty *tty, uint8_t c, uint32_t column);
/* A byte that starts a character: the others of a UTF-8 sequence take no column. */
bool tty_starts_character(const struct tty *tty, uint8_t c);

/* ---- files ---- */
/* f, a file of the terminal itself, gets nothing from it any more. */
static inline bool
tty_file_is_dead(const struct tty *tty, const struct file *f)
{
    return tty->hung_up || f->pos != tty->hangups;
}
/* f becomes a file of the terminal. own: it may become the controlling terminal of the caller, unless O_NOCTTY says no. 0, -EBUSY. */
int tty_open(struct tty *tty, struct file *f, bool own) MUST_USE;
/* What ioctl does at either end; master: f is not a file of the terminal but of its other side (ttyioctl.c). */
long tty_ioctl(struct tty *tty, const struct file *f, bool master, unsigned cmd, uint64_t arg);
long tty_put_int(uint64_t arg, uint32_t value);

/* The session's console (console.c). */
extern struct tty console_tty;
void console_init(void);
/* Due work: takes what was typed. Returns DEADLINE_NEVER. */
uint64_t console_poll(void);
/* Output waiting in the library has reached the port. */
void console_drain(void);

#endif
