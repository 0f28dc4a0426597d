/* pty.h: pseudo-terminals. See pty.c and devpts.c. */
#ifndef EXOS_TTY_PTY_H
#define EXOS_TTY_PTY_H

#include "tty/tty.h"

#define PTY_MAX 256             /* pairs of one session */
#define PTY_OUTPUT_MAX 16384    /* bytes shown and not read by the master; a power of two */
#define PTY_DEVICE(n) (136ul << 8 | (n))

struct inode;

/*
 * Lives while `uses` is not zero: one for the master's file, one for each file of the terminal. Its number is its place in the table; it
 * has a name (`node`) as long as the master is open.
 */
struct pty {
    struct tty tty;             /* the slave; its lock guards all of the pair */
    unsigned number;
    uint32_t uses;
    struct inode *node;         /* NULL: it has no name any more */
    bool locked;                /* TIOCSPTLCK */
    bool slave_gone;            /* it was open and is no more */
    bool packet;
    uint8_t news;               /* for packet mode: TIOCPKT_* */
    struct waitq master;
    uint32_t head, filled;      /* of output */
    uint8_t output[PTY_OUTPUT_MAX];
};

/* A new pair, without a name: 0, -ENOSPC, -ENOMEM. */
int pty_create(struct pty **out) MUST_USE;
void pty_put(struct pty *p);
struct pty *pty_at(unsigned number);            /* NULL: there is none */
unsigned pty_count(void);
extern const struct file_ops pty_master_ops;    /* priv is the struct pty */

/* ---- devpts.c ---- */
void devpts_init(void);                         /* /dev/ptmx, and /dev/pts mounted */
void devpts_remove(struct pty *p);              /* its name */
/* TIOCGPTPEER: a descriptor of the slave, or -errno. */
long devpts_open_peer(struct pty *p, uint32_t flags);

#endif
