/*
 * session.h: starting another library OS in a session of its own, beside this one.
 *
 * A session is a fresh principal, an account carved out of ours, and what that account pays for. The new one is not dominated by our
 * principal, nor ours by it: neither can reach what is the other's. We keep one right over it: its account is part of ours, and we can end
 * it. For linked programs alone (exos-cc): everything here is calls of Aegis.
 *
 * The image begins as the first env of the machine does (docs/tiny.md): its ELF segments at their addresses, EXOS_SESSION_STACK_BYTES of
 * stack below EXOS_SESSION_STACK_TOP, its UENV at EXOS_SESSION_UENV with GS base there. Capability 0 is its principal, with all rights, 1
 * the console, if it was given. edi: the index of the console's capability. rsi: the address of `text`, or 0.
 */
#ifndef EXOS_SESSION_H
#define EXOS_SESSION_H

#include <stddef.h>

#include <aegis/types.h>

#define EXOS_SESSION_STACK_TOP 0x7e0000100000ull
#define EXOS_SESSION_STACK_BYTES 0x10000ull
#define EXOS_SESSION_UENV 0x7e0000200000ull
#define EXOS_SESSION_TEXT_MAX 2048

struct exos_session_args {
    const void *image;                  /* an ELF-64 executable at fixed addresses */
    size_t image_bytes;
    struct aeg_limits limits;           /* of its account */
    unsigned positions;                 /* of CPU 0's slice vector, spread evenly; they are our session's until it ends */
    unsigned console_rights;            /* AEG_RIGHT_WRITE to print, AEG_RIGHT_READ to take our input away; 0: no console */
    const char *text;                   /* for it to read; NULL: none */
};

/* What names a session. */
struct exos_session {
    aeg_id_t account, space, env;
};

enum exos_session_state { EXOS_SESSION_RUNS, EXOS_SESSION_STOPPED, EXOS_SESSION_GONE };

/* Starts it. 0, or -1 with errno: ENOEXEC no such image, E2BIG text too long, EINVAL positions, ENOMEM account or memory, EPERM rights. */
int exos_session_start(struct exos_session *s, const struct exos_session_args *args);
/*
 * What has become of it, from the exposed window. STOPPED: its env met a fault without a handler; *status is that fault's address, which
 * is how a library says that it is done (0: well).
 */
enum exos_session_state exos_session_look(const struct exos_session *s, unsigned long *status);
/* Ends it, whatever it does: all that it had is our account's again, its positions our session's. 0, or -1: there is no such account. */
int exos_session_end(aeg_id_t account);

/* Ours. The sessions that we have made are the accounts with this parent (AEG_INFO->accounts). */
aeg_id_t exos_session_account(void);

#endif
