/*
 * housekeeper.c: the env without a program: brings the session up, starts pid 1, and then does what nobody else can: idle, write back, take
 * dead processes apart, end it all in order.
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/block.h"
#include "base/block_setup.h"
#include "base/frames.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/revoke.h"
#include "exos/api.h"
#include "fs/devfs.h"
#include "ipc/sysv.h"
#include "net/net.h"
#include "net/nic.h"
#include "abi/dispatch.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "start/housekeeper.h"
#include "start/modfile.h"
#include "start/keys.h"
#include "start/session.h"
#include "thread/futex.h"
#include "thread/turn.h"
#include "tty/logdev.h"
#include "tty/pty.h"
#include "tty/tty.h"

#define INIT_PATH "/sbin/init"
#define NAME_MAX_K 32
#define DISKS_TRIED_MAX 32
#define GOING_DOWN_NS (2 * NSEC_PER_SEC)    /* what processes get to end in */

static struct waitq kick = { .waiters = { &kick.waiters, &kick.waiters } };
static struct {
    bool wanted;
    uint32_t op, code;
} power;

void
housekeeper_kick(void)
{
    wake_all(&kick);
}

void
housekeeper_power(uint32_t op, uint32_t code)
{
    if (power.wanted)
        return;
    power.op = op;
    power.code = code;
    power.wanted = true;
    housekeeper_kick();
}

bool
session_going_down(void)
{
    return power.wanted;
}

/* ---- the end ---- */

static bool
kill_one(struct proc *p, uint64_t arg)
{
    (void)arg;
    return proc_signal(p, SIGKILL) == 0;
}

static bool
count_one(struct proc *p, uint64_t arg)
{
    (void)p, (void)arg;
    return true;
}

static void
end_processes(void)
{
    uint64_t deadline = clock_monotonic_ns() + GOING_DOWN_NS;
    unsigned left;

    proc_each(kill_one, 0);
    while ((left = proc_each(count_one, 0)) > 0 && wait_sleep(&kick, NULL, deadline, 0) == 0)
        reap_zombies();
    reap_zombies();
    if (left > 0)
        log_print("%u processes did not end in time", left);
}

static noreturn void
machine_off(uint32_t op, uint32_t code)
{
    static const uint32_t ops[] = { AEG_POWER_OFF, AEG_POWER_RESET, AEG_POWER_DEBUG_EXIT };

    console_drain();
    (void)aeg_power(CAP_POWER, op < ARRAY_SIZE(ops) ? ops[op] : AEG_POWER_OFF, code);
    EXO_PANIC("the machine cannot be turned off");
}

static noreturn void
go_down(void)
{
    end_processes();
    if (fs_unmount_all() != 0)
        log_print("a file system could not be written back in full");
    log_print("going down");
    machine_off(power.op, power.code);
}

/* ---- bring-up ---- */

static void
start_blocks(void)
{
    struct block_setup setup = {
        .account = session.account,
        .cap = CAP_SELF,
        .env = session.housekeeper,
        .bits = NOTIFY_BLOCK,
        .slot_caps = { CAP_DISK },
        .slot_cap_count = 1,
    };

    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++) {
        setup.pages[i] = page_alloc();
        if (setup.pages[i] == NULL)
            EXO_PANIC("no memory for the block queue");
        memset(setup.pages[i], 0, PAGE_SIZE);
    }
    if (block_init(&setup) != 0)
        log_print("no disk can be used");
    due_register(NOTIFY_BLOCK, block_poll);
}

static void
start_net(void)
{
    const volatile struct aeg_table *t = &AEG_INFO->nics;
    struct nic *nic = NULL;

    if (t->count > 0) {
        const volatile struct aeg_nic_info *n = (const volatile struct aeg_nic_info *)t->address;
        struct ring_env env = {
            .account = session.account, .cap = CAP_SELF, .env_cap = CAP_SELF, .nic_cap = CAP_NIC, .env = session.housekeeper,
            .bits = NOTIFY_NET, .mtu = n->mtu, .features = n->features,
        };

        for (unsigned i = 0; i < sizeof(env.mac); i++)
            env.mac[i] = n->mac[i];
        nic = ring_open(&env);
    }
    net_init(cmdline_text(), nic);
    net_proc_init();
    due_register(NOTIFY_NET, net_housekeep);
}

static bool
try_root(const char *name)
{
    int err = fs_mount_root(name);

    if (err == 0)
        log_print("root file system on %s", name);
    return err == 0;
}

/* `root=NAME`, else the first disk that holds a file system, RAM disks last. */
static bool
mount_root(void)
{
    char name[NAME_MAX_K];

    if (cmdline_value("root", name, sizeof(name)))
        return try_root(name);
    for (int ram = 0; ram < 2; ram++) {
        for (unsigned i = 0; i < DISKS_TRIED_MAX; i++) {
            const struct blkdev *d = blkdev_at(i);

            if (d != NULL && (strncmp(d->name, "ram", 3) == 0) == (ram != 0) && try_root(d->name))
                return true;
        }
    }
    return false;
}

static void
tell(const char *text)
{
    log_print("%s", text + strlen("exos: "));
    port_write(AEG_CONSOLE_MAIN, text, strlen(text), NULL);
    port_write(AEG_CONSOLE_MAIN, "\r\n", 2, NULL);
}

static noreturn void
no_root(void)
{
    tell("exos: no disk holds a root file system that can be mounted.");
    tell("exos: attach one made by `mke2fs -t ext4 -O ^has_journal,^metadata_csum -d TREE`, or name it with root=NAME.");
    machine_off(EXOS_POWER_DEBUG_EXIT, NO_ROOT_CODE);
}

static long
spawn_init(const char *path, struct file *file)
{
    static const char *const strings[] = { "HOME=/", "TERM=linux" };
    struct spawn_request rq = { .exec = exec_new() };
    int err;

    if (rq.exec == NULL)
        return -ENOMEM;
    rq.exec->program.file = file;
    fmt_print(rq.exec->path, sizeof(rq.exec->path), "%s", path);
    exec_name(rq.exec);
    rq.exec->args.argc = 1;
    rq.exec->args.envc = ARRAY_SIZE(strings);
    err = args_add(&rq.exec->args, path);
    for (unsigned i = 0; i < ARRAY_SIZE(strings) && err == 0; i++)
        err = args_add(&rq.exec->args, strings[i]);
    if (err == 0)
        return proc_spawn(NULL, &rq);
    exec_free(rq.exec);
    return err;
}

static void
start_init(void)
{
    char path[NAME_MAX_K * 4];
    long pid;

    if (!cmdline_value("init", path, sizeof(path)))
        fmt_print(path, sizeof(path), "%s", INIT_PATH);
    pid = spawn_init(path, NULL);
    if (pid < 0) {
        struct file *module = modfile_open("init");

        log_print("%s cannot be started (error %ld): trying the boot module `init`", path, -pid);
        if (module != NULL)
            pid = spawn_init("init", module);
    }
    if (pid == 1)
        return;
    tell("exos: no first program: neither /sbin/init of the root file system nor the boot module `init` can be started.");
    machine_off(EXOS_POWER_DEBUG_EXIT, INIT_ENDED_CODE);
}

noreturn void
housekeeper_life(void)
{
    for (;;) {
        uint64_t next;

        reap_zombies();
        if (power.wanted)
            go_down();
        next = MIN(fs_housekeep(), kills_enforce());
        sched_yield_now();
        if (!zombies_waiting() && !power.wanted && wait_sleep(&kick, NULL, next, 0) != 0)
            continue;
    }
}

static void
start_root(void)
{
    if (!mount_root())
        no_root();
}

/* The way up. On a machine that is kept from running each may last many slices, whose ends are answered in between. */
static void (*const steps[])(void) = {
    fs_init, sysv_proc_init, lx_files_init, lx_names_init, console_init, logdev_init, revoke_init, start_blocks, start_root, devpts_init, start_net, start_init, cpus_start,
};

noreturn void
housekeeper_main(void)
{
    static struct thread *holder;
    bool traced;

    thread_init(housekeeper(), NULL, session.housekeeper, session.housekeeper_uenv, &holder);
    sched_init(housekeeper());
    keys_init();
    sigframe_init();
    cpus_choose();
    mem_init();
    traced = cmdline_word("strace");
    futex_init(!traced && AEG_INFO->xsave_mask != 0);
    log_print("session up: %lu MiB of memory, %u CPU", mem_total_pages() >> 8, session.cpus);
    lx_trace(traced);
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        steps[i]();
        sched_pause();
    }
    if (cpus_many)
        sched_home();
    housekeeper_life();
}
