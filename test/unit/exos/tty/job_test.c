/*
 * job_test.c: whose a terminal is, and who is told what when that changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/plain.h"
#include "fs/file.h"
#include "proc/group.h"
#include "tty/job.h"

enum { SHELL, JOB, OTHER, PROCS };

static struct proc procs[PROCS];
static struct fs_context contexts[PROCS];
static struct sigaction_k actions[PROCS][SIG_MAX];
static struct tty tty;
static int self;
static bool orphaned;
static uint64_t sent[PROCS];    /* bit n - 1: signal n */

struct proc *
proc_current(void)
{
    return &procs[self];
}

struct proc *
proc_find(uint32_t pid)
{
    for (int i = 0; i < PROCS; i++)
        if (procs[i].pid == pid)
            return &procs[i];
    return NULL;
}

unsigned
proc_each(bool (*fn)(struct proc *p, uint64_t arg), uint64_t arg)
{
    unsigned n = 0;

    for (int i = 0; i < PROCS; i++)
        n += fn(&procs[i], arg);
    return n;
}

int
proc_signal(struct proc *p, int sig)
{
    sent[p - procs] |= SIG_BIT(sig);
    return 0;
}

int
proc_signal_group(uint32_t pgid, int sig)
{
    int err = -ESRCH;

    for (int i = 0; i < PROCS; i++)
        if (procs[i].pgid == pgid)
            err = proc_signal(&procs[i], sig);
    return err;
}

bool
group_in_session(uint32_t pgid, uint32_t sid)
{
    for (int i = 0; i < PROCS; i++)
        if (pgid != 0 && procs[i].pgid == pgid && procs[i].sid == sid)
            return true;
    return false;
}

bool
group_lives(uint32_t pgid)
{
    for (int i = 0; i < PROCS; i++)
        if (pgid != 0 && procs[i].pgid == pgid)
            return true;
    return false;
}

bool
group_orphaned(uint32_t pgid, uint32_t sid)
{
    (void)pgid, (void)sid;
    return orphaned;
}

bool
signal_ignored(const struct proc *p, int sig)
{
    return p->actions[sig - 1].handler == SIG_IGN;
}

/* A shell with the terminal and a job of its session in the background; another session. */
static int
fresh(void **state)
{
    static const uint32_t ids[PROCS][3] = { { 10, 10, 10 }, { 11, 11, 10 }, { 20, 20, 20 } };

    (void)state;
    memset(procs, 0, sizeof(procs));
    memset(actions, 0, sizeof(actions));
    memset(sent, 0, sizeof(sent));
    memset(&tty, 0, sizeof(tty));
    waitq_init(&tty.readers);
    for (int i = 0; i < PROCS; i++) {
        procs[i].pid = ids[i][0];
        procs[i].pgid = ids[i][1];
        procs[i].sid = ids[i][2];
        procs[i].fs = &contexts[i];
        procs[i].actions = actions[i];
        contexts[i].uid = 0;
    }
    orphaned = false;
    tty_give(&tty, &procs[SHELL]);
    procs[JOB].ctty = &tty;
    self = SHELL;
    return 0;
}

static void
the_foreground_may_do_as_it_likes(void **state)
{
    (void)state;
    assert_int_equal(tty_background(&tty, SIGTTIN), 0);
    self = OTHER;
    assert_int_equal(tty_background(&tty, SIGTTIN), 0);
    assert_int_equal(sent[SHELL] | sent[JOB] | sent[OTHER], 0);
}

static void
the_background_is_stopped(void **state)
{
    (void)state;
    self = JOB;
    assert_int_equal(tty_background(&tty, SIGTTIN), -EINTR);
    assert_int_equal(sent[JOB], SIG_BIT(SIGTTIN));
    assert_int_equal(sent[SHELL], 0);
}

static void
stopping_whom_nobody_lets_go_on_is_an_error(void **state)
{
    (void)state;
    self = JOB;
    orphaned = true;
    assert_int_equal(tty_background(&tty, SIGTTIN), -EIO);
    assert_int_equal(tty_set_group(&tty, 11), -ENOTTY);
    orphaned = false;
    actions[JOB][SIGTTIN - 1].handler = SIG_IGN;
    assert_int_equal(tty_background(&tty, SIGTTIN), -EIO);
    procs[JOB].thread.sig.blocked = SIG_BIT(SIGTTOU);
    assert_int_equal(tty_background(&tty, SIGTTOU), 0);
    assert_int_equal(sent[JOB], 0);
}

static void
a_foreground_that_has_ended_still_has_the_terminal(void **state)
{
    (void)state;
    tty.pgid = 99;
    assert_int_equal(tty_background(&tty, SIGTTIN), -EINTR);
    procs[OTHER].pgid = 99;     /* its number has become another's */
    tty_signal(&tty, SIGINT);
    assert_int_equal(sent[OTHER], 0);
}

static void
the_foreground_is_a_group_of_the_session(void **state)
{
    (void)state;
    assert_int_equal(tty_set_group(&tty, 11), 0);
    assert_int_equal(tty.pgid, 11);
    self = JOB;
    assert_int_equal(tty_set_group(&tty, 20), -EPERM);
    assert_int_equal(tty_set_group(&tty, 77), -ESRCH);
    self = OTHER;
    assert_int_equal(tty_set_group(&tty, 20), -ENOTTY);
    tty_signal(&tty, SIGINT);
    assert_int_equal(sent[JOB], SIG_BIT(SIGINT));
    assert_int_equal(sent[SHELL], 0);
}

static void
only_root_steals_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(tty_acquire(&tty, false, true), 0);
    self = JOB;
    assert_int_equal(tty_acquire(&tty, true, true), -EPERM);
    self = OTHER;
    assert_int_equal(tty_acquire(&tty, false, true), -EPERM);
    contexts[OTHER].uid = 1000;
    assert_int_equal(tty_acquire(&tty, true, true), -EPERM);
    contexts[OTHER].uid = 0;
    assert_int_equal(tty_acquire(&tty, true, true), 0);
    assert_ptr_equal(procs[OTHER].ctty, &tty);
    assert_null(procs[SHELL].ctty);
    assert_null(procs[JOB].ctty);
    assert_int_equal(tty.sid, 20);
}

static void
a_terminal_that_cannot_be_read_is_roots_alone(void **state)
{
    (void)state;
    tty.sid = tty.pgid = 0;
    self = OTHER;
    contexts[OTHER].uid = 1000;
    assert_int_equal(tty_acquire(&tty, false, false), -EPERM);
    assert_int_equal(tty_acquire(&tty, false, true), 0);
}

static void
opening_gives_it_to_a_leader_without_one(void **state)
{
    struct tty second = { .sid = 0 };

    (void)state;
    tty_offer(&second);
    self = JOB;
    procs[JOB].ctty = NULL;
    tty_offer(&second);
    assert_int_equal(second.sid, 0);
    self = OTHER;
    tty_offer(&tty);
    assert_null(procs[OTHER].ctty);
    tty_offer(&second);
    assert_ptr_equal(procs[OTHER].ctty, &second);
}

static void
the_leaders_end_takes_it_from_all(void **state)
{
    (void)state;
    tty.pgid = 11;
    tty_leave(&procs[SHELL], true);
    assert_int_equal(sent[JOB], SIG_BIT(SIGHUP));
    assert_null(procs[JOB].ctty);
    assert_int_equal(tty.sid | tty.pgid, 0);
}

static void
giving_it_up_is_told_with_a_signal_to_go_on(void **state)
{
    (void)state;
    tty_leave(&procs[JOB], false);
    assert_ptr_equal(procs[SHELL].ctty, &tty);
    assert_int_equal(sent[SHELL], 0);
    tty_leave(&procs[SHELL], false);
    assert_int_equal(sent[SHELL], SIG_BIT(SIGHUP) | SIG_BIT(SIGCONT));
}

static void
a_hang_up_is_the_leaders_first_and_the_foregrounds_when_it_ends(void **state)
{
    (void)state;
    tty.pgid = 11;
    tty_hang_up(&tty);
    assert_true(tty.hung_up);
    assert_int_equal(sent[SHELL], SIG_BIT(SIGHUP) | SIG_BIT(SIGCONT));
    assert_int_equal(sent[JOB], 0);
    assert_null(procs[SHELL].ctty);
    assert_null(procs[JOB].ctty);
    tty_leave(&procs[SHELL], true);
    assert_int_equal(sent[JOB], SIG_BIT(SIGHUP) | SIG_BIT(SIGCONT));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_foreground_may_do_as_it_likes, fresh),
        cmocka_unit_test_setup(the_background_is_stopped, fresh),
        cmocka_unit_test_setup(stopping_whom_nobody_lets_go_on_is_an_error, fresh),
        cmocka_unit_test_setup(a_foreground_that_has_ended_still_has_the_terminal, fresh),
        cmocka_unit_test_setup(the_foreground_is_a_group_of_the_session, fresh),
        cmocka_unit_test_setup(only_root_steals_a_terminal, fresh),
        cmocka_unit_test_setup(a_terminal_that_cannot_be_read_is_roots_alone, fresh),
        cmocka_unit_test_setup(opening_gives_it_to_a_leader_without_one, fresh),
        cmocka_unit_test_setup(the_leaders_end_takes_it_from_all, fresh),
        cmocka_unit_test_setup(giving_it_up_is_told_with_a_signal_to_go_on, fresh),
        cmocka_unit_test_setup(a_hang_up_is_the_leaders_first_and_the_foregrounds_when_it_ends, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
