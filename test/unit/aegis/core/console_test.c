/* console_test.c: the console and power calls, over ports that are arrays. */
#include <string.h>

#include "world.h"
#include "core/log.h"

static char out[AEG_CONSOLE_MAX], in[AEG_CONSOLE_MAX];
static size_t out_bytes, in_bytes, log_bytes;
static unsigned out_port;
static size_t room;             /* that the device has left */
static bool kernel_first;       /* the kernel's own lines are not all out yet */
void (*console_input_hook)(unsigned port);

size_t
console_put(unsigned port, const char *buf, size_t n)
{
    n = MIN(MIN(n, 16), room);
    assert_true(out_bytes + n <= sizeof(out));
    memcpy(out + out_bytes, buf, n);
    out_bytes += n;
    room -= n;
    out_port = port;
    return n;
}

bool
log_drained(void)
{
    return !kernel_first;
}

void
log_flush(void)
{
    kernel_first = false;
}

size_t
console_in(unsigned port, char *buf, size_t n)
{
    assert_int_equal(port, AEG_CONSOLE_MAIN);
    n = MIN(n, in_bytes);
    memcpy(buf, in, n);
    memmove(in, in + n, in_bytes - n);
    in_bytes -= n;
    return n;
}

size_t
log_read(char *buf, size_t n)
{
    n = MIN(n, log_bytes);
    memset(buf, 'l', n);
    log_bytes -= n;
    return n;
}

static unsigned powered;

noreturn void
arch_power(uint32_t op, uint32_t code)
{
    powered = op + code;
    longjmp(machine.left, 1);
}

/* Root gives alice a capability over a guard of the machine. */
static uint32_t
machine_cap(uint16_t what, uint32_t rights)
{
    uint32_t cap;

    act_as(&root);
    expect(OK, cap_forge, 0, AEG_NAME_MACHINE, rights | AEG_RIGHT_GRANT | AEG_RIGHT_FORGE);
    expect(OK, cap_forge, value, what, rights | AEG_RIGHT_GRANT);
    expect(OK, cap_grant, value, alice.space_id, 0, rights);
    cap = value;
    act_as(&alice);
    return cap;
}

#define READ_WRITE (AEG_RIGHT_READ | AEG_RIGHT_WRITE)

static void
what_is_written_comes_out(void **state)
{
    uint32_t cap = machine_cap(1, READ_WRITE);

    (void)state;
    out_bytes = 0;
    room = 1000;
    memset(fake_user, 'w', 1000);
    expect(OK, console_write, cap, AEG_CONSOLE_LOG, USER_AT(fake_user), 100);
    assert_int_equal(value, 100);
    assert_int_equal(out_bytes, 100);
    assert_int_equal(out_port, AEG_CONSOLE_LOG);
    assert_true(out[0] == 'w' && out[99] == 'w');
    expect(OK, console_write, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), 0);
}

static void
what_there_is_no_room_for_is_for_the_next_call(void **state)
{
    uint32_t cap = machine_cap(1, READ_WRITE);

    (void)state;
    out_bytes = 0;
    room = 200;
    for (unsigned i = 0; i < 1000; i++)
        fake_user[i] = (uint8_t)i;
    expect(AGAIN, console_write, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), 1000);
    assert_int_equal(value, 128);
    expect(AGAIN, console_write, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user + 128), 872);
    assert_int_equal(value, 72);
    expect(AGAIN, console_write, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user + 200), 800);
    assert_int_equal(value, 0);
    assert_memory_equal(out, fake_user, 200);
    room = 1000;
    kernel_first = true;
    expect(AGAIN, console_write, cap, AEG_CONSOLE_LOG, USER_AT(fake_user), 5);
    expect(OK, console_write, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), 5);
    kernel_first = false;
    expect(OK, console_write, cap, AEG_CONSOLE_LOG, USER_AT(fake_user), 5);
}

static void
writing_is_checked(void **state)
{
    uint32_t cap = machine_cap(1, READ_WRITE), reads = machine_cap(1, AEG_RIGHT_READ);

    (void)state;
    out_bytes = 0;
    expect(CAP_INDEX, console_write, 31, AEG_CONSOLE_MAIN, USER_AT(fake_user), 1);
    expect(CAP_DENIED, console_write, 0, AEG_CONSOLE_MAIN, USER_AT(fake_user), 1);
    expect(CAP_DENIED, console_write, reads, AEG_CONSOLE_MAIN, USER_AT(fake_user), 1);
    expect(ARGUMENT, console_write, cap, 2, USER_AT(fake_user), 1);
    expect(VECTOR, console_write, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), AEG_CONSOLE_MAX + 1);
    expect(BAD_ADDRESS, console_write, cap, AEG_CONSOLE_MAIN, WILD, 1);
    assert_int_equal(out_bytes, 0);
    expect(BAD_ADDRESS, console_write, cap, AEG_CONSOLE_MAIN, USER_END - 100, 1000);
    assert_int_equal(out_bytes, 0);
    room = 1000;
    expect(AGAIN, console_write, cap, AEG_CONSOLE_MAIN, USER_END - 200, 1000);
    assert_int_equal(value, 128);       /* looks no further than it writes */
}

static void
what_has_come_in_is_read_once(void **state)
{
    uint32_t cap = machine_cap(1, READ_WRITE);

    (void)state;
    memcpy(in, "abcdef", in_bytes = 6);
    log_bytes = 3;
    expect(OK, console_read, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), 4);
    assert_int_equal(value, 4);
    assert_memory_equal(fake_user, "abcd", 4);
    expect(OK, console_read, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), 4);
    assert_int_equal(value, 2);
    expect(OK, console_read, cap, AEG_CONSOLE_LOG, USER_AT(fake_user), 4);
    assert_int_equal(value, 3);
    expect(OK, console_read, cap, AEG_CONSOLE_LOG, USER_AT(fake_user), 4);
    assert_int_equal(value, 0);
}

static void
reading_is_checked_and_loses_nothing(void **state)
{
    uint32_t cap = machine_cap(1, READ_WRITE), writes = machine_cap(1, AEG_RIGHT_WRITE);

    (void)state;
    memcpy(in, "abcdef", in_bytes = 6);
    expect(CAP_INDEX, console_read, 31, AEG_CONSOLE_MAIN, USER_AT(fake_user), 1);
    expect(CAP_DENIED, console_read, writes, AEG_CONSOLE_MAIN, USER_AT(fake_user), 1);
    expect(ARGUMENT, console_read, cap, 2, USER_AT(fake_user), 1);
    expect(VECTOR, console_read, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), AEG_CONSOLE_MAX + 1);
    expect(BAD_ADDRESS, console_read, cap, AEG_CONSOLE_MAIN, WILD, 6);
    machine.read_only_from = 3;
    expect(BAD_ADDRESS, console_read, cap, AEG_CONSOLE_MAIN, USER_AT(fake_user), 6);
    assert_int_equal(in_bytes, 6);
}

static void
input_notifies_the_env_that_is_bound(void **state)
{
    uint32_t cap = machine_cap(1, READ_WRITE), writes = machine_cap(1, AEG_RIGHT_WRITE);

    (void)state;
    expect(CAP_INDEX, console_bind, AEG_CAPS(31, 0), AEG_CONSOLE_MAIN, alice.env_id, 8);
    expect(CAP_INDEX, console_bind, AEG_CAPS(cap, 31), AEG_CONSOLE_MAIN, alice.env_id, 8);
    expect(CAP_DENIED, console_bind, AEG_CAPS(writes, 0), AEG_CONSOLE_MAIN, alice.env_id, 8);
    expect(CAP_DENIED, console_bind, AEG_CAPS(cap, 0), AEG_CONSOLE_MAIN, bob.env_id, 8);
    expect(ARGUMENT, console_bind, AEG_CAPS(cap, 0), AEG_CONSOLE_LOG, alice.env_id, 8);
    expect(ENV, console_bind, AEG_CAPS(cap, 0), AEG_CONSOLE_MAIN, alice.env_id + (1ull << 32), 8);
    expect(OK, console_bind, AEG_CAPS(cap, 0), AEG_CONSOLE_MAIN, alice.env_id, 8);
    console_input_hook(AEG_CONSOLE_MAIN);
    assert_int_equal(alice.env->uenv->notify, 8);
    alice.env->uenv->notify = 0;
    expect(OK, console_bind, cap, AEG_CONSOLE_MAIN, 0, 0);
    console_input_hook(AEG_CONSOLE_MAIN);
    assert_int_equal(alice.env->uenv->notify, 0);
}

static void
power_is_for_who_controls_it(void **state)
{
    uint32_t cap = machine_cap(2, AEG_RIGHT_CONTROL), reads = machine_cap(2, AEG_RIGHT_READ);

    (void)state;
    powered = 0;
    expect(CAP_INDEX, power, 31, AEG_POWER_OFF, 0);
    expect(CAP_DENIED, power, 0, AEG_POWER_OFF, 0);
    expect(CAP_DENIED, power, reads, AEG_POWER_OFF, 0);
    expect(ARGUMENT, power, cap, AEG_POWER_DEBUG_EXIT + 1, 0);
    assert_int_equal(powered, 0);
    assert_int_equal(call(power, cap, AEG_POWER_DEBUG_EXIT, 40), SWITCHED);
    assert_int_equal(powered, AEG_POWER_DEBUG_EXIT + 40);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_comes_out),
        TEST(what_there_is_no_room_for_is_for_the_next_call),
        TEST(writing_is_checked),
        TEST(what_has_come_in_is_read_once),
        TEST(reading_is_checked_and_loses_nothing),
        TEST(input_notifies_the_env_that_is_bound),
        TEST(power_is_for_who_controls_it),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
