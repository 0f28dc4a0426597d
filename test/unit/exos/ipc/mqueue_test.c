/* mqueue_test.c: POSIX message queues among cooperative threads: order, waiting, limits, names, and who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"
#include "base/mem.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/rights.h"
#include "ipc/ipc.h"
#include "ipc/mqueue.h"
#include "net/netlink.h"
#include "proc/internal.h"
#include "proc/signal.h"

static struct file *queue;
static unsigned signals, last_signal;
static int results[8];

/* ---- what the queues need of others ---- */

int
proc_signal_info(struct proc *p, int sig, const struct siginfo_brief *info)
{
    (void)p;
    assert_int_equal(info->code, -3);
    signals++;
    last_signal = (unsigned)sig;
    return 0;
}

struct proc *
proc_find(uint32_t pid)
{
    return pid == proc_current()->pid ? proc_current() : NULL;
}

bool
in_group(const struct fs_context *fs, uint32_t gid)
{
    return fs->gid == gid;
}

uint64_t
lock_owner_current(void)
{
    return (uintptr_t)proc_current()->fs;
}

void
netlink_deliver(struct file *f, const void *data, size_t n)
{
    (void)f;
    (void)data;
    (void)n;
}

/* ---- */

static void
in_a_session(void (*fn)(void *arg))
{
    coop_reset();
    proc_current()->rlimit[RLIMIT_MSGQUEUE_K].cur = 819200;
    proc_current()->fs->uid = proc_current()->fs->ruid = 0;
    signals = 0;
    coop_spawn(fn, NULL);
    assert_true(coop_run());
}

static struct file *
open_queue(const char *name, uint32_t flags, int64_t messages)
{
    const struct mq_attr a = { .maxmsg = messages, .msgsize = 8 };
    struct file *f = NULL;

    return mq_open(name, flags, 0600, &a, &f) == 0 ? f : NULL;
}

static int
send(char c, uint32_t prio)
{
    struct mq_message *m = heap_alloc(sizeof(*m) + 1);
    int err;

    m->prio = prio;
    m->len = 1;
    m->data[0] = c;
    err = mq_send(queue, m, DEADLINE_NEVER);
    if (err != 0)
        heap_free(m);
    return err;
}

static int
receive(uint64_t deadline_ns)
{
    int err, c;
    struct mq_message *m = mq_receive(queue, deadline_ns, &err);

    if (m == NULL)
        return err;
    c = m->data[0];
    heap_free(m);
    return c;
}

static void
orders(void *arg)
{
    (void)arg;
    queue = open_queue("q", O_CREAT | O_RDWR | O_NONBLOCK, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(send((char)('a' + i), i % 3), 0);
    assert_int_equal(send('z', 9), -EAGAIN);
    for (const char *want = "cfbeha"; *want != '\0'; want++)
        assert_int_equal(receive(DEADLINE_NEVER), *want);
    file_put(queue);
    assert_int_equal(mq_unlink("q"), 0);        /* with two messages in it */
    assert_int_equal(mq_unlink("q"), -ENOENT);
}

static void
the_most_urgent_come_first_and_what_is_left_goes_with_the_queue(void **state)
{
    unsigned before = coop_heap_objects;

    (void)state;
    in_a_session(orders);
    assert_int_equal(coop_heap_objects, before);
}

static void
sender(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 4; i++)
        results[i] = send((char)('0' + i), 0);
}

static void
receiver(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 4; i++)
        results[4 + i] = receive(DEADLINE_NEVER);
}

static void
waiting(void *arg)
{
    const struct mq_notice n = { .kind = MQ_NOTICE_SIGNAL, .signo = 10 };

    (void)arg;
    queue = open_queue("q", O_CREAT | O_RDWR, 1);
    assert_int_equal(receive(coop_clock_ns + 1000000), -ETIMEDOUT);
    assert_int_equal(mq_notify(queue, &n), 0);
    assert_int_equal(mq_notify(queue, &n), -EBUSY);
    coop_spawn(receiver, NULL);
    coop_spawn(sender, NULL);
}

static void
both_sides_wait_for_each_other_and_nobody_else_is_told(void **state)
{
    (void)state;
    in_a_session(waiting);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i], 0);
        assert_int_equal(results[4 + i], '0' + i);
    }
    assert_int_equal(signals, 0);       /* a receiver was waiting for the first; later ones found it waiting, or the queue not empty */
    file_put(queue);
    assert_int_equal(mq_unlink("q"), 0);
}

static void
told(void *arg)
{
    const struct mq_notice n = { .kind = MQ_NOTICE_SIGNAL, .signo = 12 };

    (void)arg;
    queue = open_queue("q", O_CREAT | O_RDWR, 3);
    assert_int_equal(mq_notify(queue, &n), 0);
    assert_int_equal(send('a', 0), 0);
    assert_int_equal(signals, 1);
    assert_int_equal(last_signal, 12);
    assert_int_equal(send('b', 0), 0);
    assert_int_equal(signals, 1);
    assert_int_equal(receive(0), 'a');
    assert_int_equal(receive(0), 'b');
    assert_int_equal(mq_notify(queue, &n), 0);
    queue->ops->closed(queue, lock_owner_current());
    assert_int_equal(send('c', 0), 0);
    assert_int_equal(signals, 1);
    file_put(queue);
    assert_int_equal(mq_unlink("q"), 0);
}

static void
the_first_message_is_told_of_once_until_a_descriptor_is_closed(void **state)
{
    (void)state;
    in_a_session(told);
}

static void
limits(void *arg)
{
    struct fs_context *fs = proc_current()->fs;
    struct mq_attr a = { .maxmsg = MQ_MESSAGES_USUAL + 1, .msgsize = 8 };
    struct file *f;

    (void)arg;
    assert_int_equal(mq_open("a/b", O_CREAT, 0600, NULL, &f), -EACCES);
    assert_int_equal(mq_open("", O_CREAT, 0600, NULL, &f), -ENOENT);
    assert_int_equal(mq_open("q", O_RDWR, 0600, NULL, &f), -ENOENT);
    assert_int_equal(mq_open("q", O_CREAT | O_RDWR, 0600, &a, &f), 0);
    file_put(f);
    assert_int_equal(mq_open("q", O_CREAT | O_EXCL | O_RDWR, 0600, &a, &f), -EEXIST);
    fs->uid = fs->ruid = 7;
    assert_int_equal(mq_open("q", O_RDONLY, 0600, NULL, &f), -EACCES);
    assert_int_equal(mq_unlink("q"), -EPERM);
    assert_int_equal(mq_open("r", O_CREAT | O_RDWR, 0600, &a, &f), -EINVAL);
    proc_current()->rlimit[RLIMIT_MSGQUEUE_K].cur = 1000;
    assert_int_equal(mq_open("r", O_CREAT | O_RDWR, 0600, NULL, &f), -EMFILE);
    fs->uid = 0;
    assert_int_equal(mq_unlink("q"), 0);
}

static void
names_rights_and_limits_are_held_to(void **state)
{
    (void)state;
    in_a_session(limits);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_urgent_come_first_and_what_is_left_goes_with_the_queue),
        cmocka_unit_test(both_sides_wait_for_each_other_and_nobody_else_is_told),
        cmocka_unit_test(the_first_message_is_told_of_once_until_a_descriptor_is_closed),
        cmocka_unit_test(names_rights_and_limits_are_held_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
