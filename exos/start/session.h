/*
 * session.h: what the first env hands to the session, and what every member of it holds.
 *
 * All members have the same capabilities at the same places of their tables.
 */
#ifndef EXOS_START_SESSION_H
#define EXOS_START_SESSION_H

#include "aegis/types.h"
#include "aegis/uenv.h"
#include "base/base.h"
#include "base/wait.h"

enum session_cap {
    CAP_SELF,       /* the session's own principal, all rights: guards its frames, spaces, envs, queues, rings; WRITE over its account */
    CAP_CONSOLE,
    CAP_POWER,
    CAP_CPU,        /* slice positions of all CPUs */
    CAP_NIC,        /* network interface 0 */
    CAP_DISK,       /* the slots of all disks */
    CAP_MODULE,     /* frames of the boot modules, READ */
    CAP_FORGE,      /* names of other sessions: FORGE alone, so that they are fresh, and not this one's to dominate */
    CAP_COUNT,
};

/* Notification bits of the housekeeper. Devices that any member serves notify these. */
#define NOTIFY_BLOCK   (1ull << 0)
#define NOTIFY_NET     (1ull << 1)
#define NOTIFY_CONSOLE (1ull << 2)
#define NOTIFY_KICK    (1ull << 3)  /* somebody made work for an idle home, or a thread in its program is to look up */
#define NOTIFY_TURN    (1ull << 4)  /* the library's turn is free (thread/turn.c); not among these: */
#define NOTIFY_DUE     (NOTIFY_BLOCK | NOTIFY_NET | NOTIFY_CONSOLE | AEG_NOTIFY_STOPPED | AEG_NOTIFY_REVOKE)    /* for whoever comes */
#define NOTIFY_ALL     (NOTIFY_DUE | NOTIFY_KICK)

#define CMDLINE_MAX 1024
#define SESSION_CPUS_MAX 16

struct session {
    aeg_id_t account;
    aeg_id_t housekeeper;               /* env */
    struct aeg_uenv *housekeeper_uenv;  /* seen from any member */
    uint64_t image_node, session_node;  /* frames of the two PDPTs that every space attaches */
    uint64_t data_pages;                /* of .data and .bss */
    uint64_t housekeeper_space;
    uint32_t cap_rights[CAP_COUNT];     /* what every member gets of each; 0: the session has none */
    uint32_t cpus;                      /* that run it: 1, or as many as there are */
    bool up;                            /* false in the first env's own copy */
};
extern struct session session;

/* The boot command line, and the value of `key=` in it (up to the next blank) copied to buf; false when it is not there. */
const char *cmdline_text(void);
bool cmdline_value(const char *key, char *buf, size_t size);
bool cmdline_word(const char *word);

#endif
