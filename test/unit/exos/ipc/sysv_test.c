/* sysv_test.c: System V semaphores and message queues among cooperative threads: waiting, waking, undoing, ids and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"
#include "fs/file.h"
#include "base/mem.h"
#include "ipc/sysv.h"

static int32_t id;
static int result;

static long
operate(uint16_t num, int16_t op, int16_t flags)
{
    struct sem_op one = { num, op, flags };

    return sem_operate(id, &one, 1, DEADLINE_NEVER);
}

static void
in_a_session(void (*fn)(void *arg))
{
    coop_reset();
    list_init(&proc_current()->sem_undos);
    coop_spawn(fn, NULL);
    assert_true(coop_run());
}

/* ---- ids ---- */

static void
ids_and_keys(void *arg)
{
    int32_t first;

    (void)arg;
    first = (int32_t)sem_get(7, 2, IPC_CREAT | 0600);
    assert_true(first >= 0);
    assert_int_equal(sem_get(7, 1, 0), first);
    assert_int_equal(sem_get(7, 3, 0), -EINVAL);
    assert_int_equal(sem_get(7, 1, IPC_CREAT | IPC_EXCL), -EEXIST);
    assert_int_equal(sem_get(8, 1, 0), -ENOENT);
    assert_int_equal(sem_get(IPC_PRIVATE, 0, 0600), -EINVAL);
    assert_int_equal(sem_get(IPC_PRIVATE, SEMMSL + 1, 0600), -EINVAL);
    assert_int_equal(sem_remove(first), 0);
    assert_int_equal(sem_remove(first), -EINVAL);
    id = (int32_t)sem_get(7, 2, IPC_CREAT | 0600);
    assert_int_not_equal(id, first);
    assert_int_equal(sem_remove(id), 0);
}

static void
an_id_is_never_the_next_ones(void **state)
{
    (void)state;
    in_a_session(ids_and_keys);
}

static void
fill_the_table(void *arg)
{
    static int32_t ids[SYSV_OBJECTS_MAX];

    (void)arg;
    for (unsigned i = 0; i < SYSV_OBJECTS_MAX; i++) {
        ids[i] = (int32_t)msg_get(IPC_PRIVATE, 0600);
        assert_true(ids[i] >= 0);
    }
    assert_int_equal(msg_get(IPC_PRIVATE, 0600), -ENOSPC);
    for (unsigned i = 0; i < SYSV_OBJECTS_MAX; i++)
        assert_int_equal(msg_remove(ids[i]), 0);
}

static void
a_full_table_says_so(void **state)
{
    (void)state;
    in_a_session(fill_the_table);
}

/* ---- semaphores ---- */

static void
takes_two(void *arg)
{
    (void)arg;
    result = (int)operate(0, -2, 0);
}

static void
gives_one_by_one(void *arg)
{
    (void)arg;
    id = (int32_t)sem_get(IPC_PRIVATE, 2, 0600);
    result = 1;
    coop_spawn(takes_two, NULL);
    coop_yield();
    assert_int_equal(sem_query(id, 0, SEM_NCNT), 1);
    assert_int_equal(operate(0, 1, 0), 0);
    coop_yield();
    assert_int_equal(result, 1);
    assert_int_equal(operate(0, 1, 0), 0);
    coop_yield();
    assert_int_equal(result, 0);
    assert_int_equal(sem_query(id, 0, SEM_VALUE), 0);
    assert_int_equal(sem_query(id, 0, SEM_NCNT), 0);
    coop_spawn(takes_two, NULL);
    coop_yield();
    assert_int_equal(sem_remove(id), 0);
    coop_yield();
    assert_int_equal(result, -EIDRM);
}

static void
who_waits_is_woken_by_enough_or_by_removal(void **state)
{
    (void)state;
    in_a_session(gives_one_by_one);
}

static void
operates(void *arg)
{
    struct sem_op both[] = { { 0, -1, (int16_t)IPC_NOWAIT }, { 1, -1, (int16_t)IPC_NOWAIT } };
    struct sem_op undone[] = { { 0, -2, SEM_UNDO }, { 1, 4, SEM_UNDO } };
    uint16_t values[] = { 5, 0 };

    (void)arg;
    id = (int32_t)sem_get(IPC_PRIVATE, 2, 0600);
    assert_int_equal(sem_set_values(id, 0, values, 2), 0);
    assert_int_equal(sem_operate(id, both, 2, DEADLINE_NEVER), -EAGAIN);
    assert_int_equal(sem_query(id, 0, SEM_VALUE), 5);
    assert_int_equal(operate(2, 1, 0), -EFBIG);
    assert_int_equal(operate(0, SEMVMX, 0), -ERANGE);
    assert_int_equal(sem_operate(id, undone, 2, DEADLINE_NEVER), 0);
    assert_int_equal(sem_query(id, 0, SEM_VALUE), 3);
    sem_exit(proc_current());
    assert_int_equal(sem_query(id, 0, SEM_VALUE), 5);
    assert_int_equal(sem_query(id, 1, SEM_VALUE), 0);
    assert_int_equal(operate(0, -1, SEM_UNDO), 0);
    assert_int_equal(sem_set_values(id, 0, values, 1), 0);     /* forgets it */
    sem_exit(proc_current());
    assert_int_equal(sem_query(id, 0, SEM_VALUE), 5);
    assert_int_equal(operate(0, -1, SEM_UNDO), 0);
    assert_int_equal(sem_remove(id), 0);                       /* with its undo */
    assert_true(list_empty(&proc_current()->sem_undos));
}

static void
operations_are_done_all_or_none_and_undone_at_the_end(void **state)
{
    (void)state;
    in_a_session(operates);
}

/* ---- messages ---- */

static struct sysv_message *
message(int64_t type, uint32_t len)
{
    struct sysv_message *m = heap_alloc(sizeof(*m) + len);

    m->type = type;
    m->len = len;
    return m;
}

static int64_t
type_received(int64_t want, uint32_t flags)
{
    int err;
    struct sysv_message *m = msg_receive(id, MSGMAX, want, flags | IPC_NOWAIT, &err);
    int64_t type = m != NULL ? m->type : err;

    heap_free(m);
    return type;
}

static void
chooses(void *arg)
{
    struct sysv_message *m;
    int err;

    (void)arg;
    id = (int32_t)msg_get(IPC_PRIVATE, 0600);
    for (int64_t type = 5; type >= 1; type--)
        assert_int_equal(msg_send(id, message(type, 10), 0), 0);
    assert_int_equal(type_received(1, MSG_COPY), 4);            /* the second, which stays */
    assert_int_equal(type_received(-3, 0), 1);
    assert_int_equal(type_received(5, MSG_EXCEPT), 4);
    assert_int_equal(type_received(0, 0), 5);
    assert_int_equal(type_received(3, 0), 3);
    assert_int_equal(type_received(-1, 0), -ENOMSG);
    assert_null(msg_receive(id, 9, 0, 0, &err));
    assert_int_equal(err, -E2BIG);
    m = msg_receive(id, 9, 0, MSG_NOERROR, &err);
    assert_non_null(m);
    heap_free(m);
    assert_int_equal(msg_send(id, message(1, 10), 0), 0);
    assert_int_equal(msg_remove(id), 0);                        /* with what is in it */
}

static void
messages_are_chosen_by_type(void **state)
{
    (void)state;
    in_a_session(chooses);
}

static void
sends_one_more(void *arg)
{
    struct sysv_message *m = message(9, MSGMAX);

    (void)arg;
    result = msg_send(id, m, 0);
    if (result != 0)
        heap_free(m);
}

static void
fills(void *arg)
{
    struct sysv_message *m = message(1, 1);

    (void)arg;
    id = (int32_t)msg_get(IPC_PRIVATE, 0600);
    assert_int_equal(msg_send(id, message(1, MSGMAX), 0), 0);
    assert_int_equal(msg_send(id, message(2, MSGMAX), 0), 0);
    assert_int_equal(msg_send(id, m, IPC_NOWAIT), -EAGAIN);
    heap_free(m);
    result = 1;
    coop_spawn(sends_one_more, NULL);
    coop_yield();
    assert_int_equal(result, 1);
    assert_int_equal(type_received(0, 0), 1);
    coop_yield();
    assert_int_equal(result, 0);
    coop_spawn(sends_one_more, NULL);
    coop_yield();
    assert_int_equal(msg_remove(id), 0);
    coop_yield();
    assert_int_equal(result, -EIDRM);
}

static void
a_full_queue_makes_senders_wait(void **state)
{
    (void)state;
    in_a_session(fills);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_never_the_next_ones),
        cmocka_unit_test(a_full_table_says_so),
        cmocka_unit_test(who_waits_is_woken_by_enough_or_by_removal),
        cmocka_unit_test(operations_are_done_all_or_none_and_undone_at_the_end),
        cmocka_unit_test(messages_are_chosen_by_type),
        cmocka_unit_test(a_full_queue_makes_senders_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
