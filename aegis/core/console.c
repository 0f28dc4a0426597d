/*
 * console.c: the console calls, and the power call beside them.
 *
 * Holds:    who is told when input comes. The log port reads as the kernel's log: each byte once, the oldest lost when nobody reads.
 * Locks:    console_lock, rank LOCK_CONSOLE; user memory is copied outside it, in pieces.
 * Not here: devices (arch/x86_64/console.c), line discipline (the library's).
 */
#include "aegis/sys.h"
#include "arch/x86_64/arch.h"
#include "core/env.h"
#include "core/lockrank.h"
#include "core/log.h"

#define PIECE_BYTES 512
#define WRITE_STEP 128          /* bytes of one console_write: a screen that scrolls at each takes its time */

static struct spinlock console_lock = SPINLOCK(LOCK_CONSOLE);
static aeg_id_t bound_env;      /* 0: nobody */
static uint64_t bound_bits;

static aeg_err_t
console_check(const struct sys_args *args, uint32_t rights)
{
    static const struct aeg_name guard = { AEG_GUARD_CONSOLE_HI, 0 };
    aeg_err_t err = cap_check((uint32_t)args->a[0] & 0xffff, guard, rights);

    if (err != AEG_OK)
        return err;
    if (args->a[1] != AEG_CONSOLE_MAIN && args->a[1] != AEG_CONSOLE_LOG)
        return AEG_ERR_ARGUMENT;
    return AEG_OK;
}

/* To a port, as much as it has room for. What the kernel has still to say to the log comes first. */
static size_t
give(unsigned port, const char *buf, size_t n)
{
    size_t done = 0, took;

    if (port == AEG_CONSOLE_LOG && !log_drained())
        return 0;
    spin_lock(&console_lock);
    do
        done += took = console_put(port, buf + done, n - done);
    while (took > 0 && done < n);
    spin_unlock(&console_lock);
    return done;
}

/* a: capability, port, buffer, bytes. value: bytes written. The rest is for the next call. */
aeg_err_t
sys_console_write(struct sys_args *args)
{
    char piece[WRITE_STEP];
    aeg_err_t err = console_check(args, AEG_RIGHT_WRITE);
    size_t n;

    if (err != AEG_OK)
        return err;
    if (args->a[3] > AEG_CONSOLE_MAX)
        return AEG_ERR_VECTOR;
    n = MIN(args->a[3], WRITE_STEP);
    if (!copy_in(piece, (struct uaddr){ args->a[2] }, n))
        return AEG_ERR_BAD_ADDRESS;
    args->value = give((unsigned)args->a[1], piece, n);
    return args->value == args->a[3] ? AEG_OK : AEG_ERR_AGAIN;
}

static size_t
take(unsigned port, char *buf, size_t n)
{
    size_t got;

    if (port == AEG_CONSOLE_LOG)
        return log_read(buf, n);
    spin_lock(&console_lock);
    got = console_in(port, buf, n);
    spin_unlock(&console_lock);
    return got;
}

/* a: capability, port, buffer, bytes. value: bytes read. The buffer is tried first, so that a bad one loses no input. */
aeg_err_t
sys_console_read(struct sys_args *args)
{
    char piece[PIECE_BYTES] = { 0 };
    aeg_err_t err = console_check(args, AEG_RIGHT_READ);

    if (err != AEG_OK)
        return err;
    if (args->a[3] > AEG_CONSOLE_MAX)
        return AEG_ERR_VECTOR;
    while (args->value < args->a[3]) {
        size_t n = MIN(args->a[3] - args->value, PIECE_BYTES), got;
        struct uaddr to = { args->a[2] + args->value };

        memset(piece, 0, n);
        if (!copy_out(to, piece, n))
            return AEG_ERR_BAD_ADDRESS;
        got = take((unsigned)args->a[1], piece, n);
        if (got > 0 && !copy_out(to, piece, got))
            return AEG_ERR_BAD_ADDRESS;
        args->value += got;
        if (got < n)
            break;
    }
    return AEG_OK;
}

static void
input_arrived(unsigned port)
{
    (void)port;
    if (bound_env != 0)
        env_notify(bound_env, bound_bits);
}

/*
 * a: capabilities (console | env << 16), port, env, bits. From now on input notifies this env and no other; env 0: nobody. What came before
 * does not: read once after binding. Only the main port has input.
 */
aeg_err_t
sys_console_bind(struct sys_args *args)
{
    aeg_err_t err = console_check(args, AEG_RIGHT_READ);
    struct env *env;

    if (err != AEG_OK)
        return err;
    if (args->a[1] != AEG_CONSOLE_MAIN)
        return AEG_ERR_ARGUMENT;
    if (args->a[2] != 0) {
        err = env_check(args->a[2], (uint32_t)(args->a[0] >> 16) & 0xffff, AEG_RIGHT_WRITE, &env);
        if (err != AEG_OK)
            return err;
    }
    bound_env = args->a[2];
    bound_bits = args->a[3];
    console_input_hook = input_arrived;
    return AEG_OK;
}

/* a: capability, AEG_POWER_*, code. Comes back only with an error. */
aeg_err_t
sys_power(struct sys_args *args)
{
    static const struct aeg_name guard = { AEG_GUARD_POWER_HI, 0 };
    aeg_err_t err = cap_check((uint32_t)args->a[0], guard, AEG_RIGHT_CONTROL);

    if (err != AEG_OK)
        return err;
    if (args->a[1] > AEG_POWER_DEBUG_EXIT)
        return AEG_ERR_ARGUMENT;
    klog("power: op %lu, code %lx", args->a[1], args->a[2]);
    log_flush();
    arch_power((uint32_t)args->a[1], (uint32_t)args->a[2]);
}
