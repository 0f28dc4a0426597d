/* beside.c: other library OSes beside us: what they may do, what they cannot, and that nothing is left of them. Prints TAP. */
#include <errno.h>
#include <exos/session.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../census/census.h"

#define MS 1000000ull
#define LOOK_NS (160 * MS)       /* half a round of the vector */
#define WORDS (1u << 20)                /* 8 MiB that are watched */
#define POSITIONS 16
#define IN_HAND 64                      /* frames that ExOS may keep for itself */

static uint64_t *watched;

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t
checksum(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < WORDS; i++)
        sum = sum * 31 + watched[i];
    return sum;
}

/* How much gets done while we look, and the longest time in which nothing was. */
static uint64_t
work(uint64_t *gap_ns)
{
    uint64_t begin = now_ns(), before = begin, count = 0;

    *gap_ns = 0;
    while (before - begin < LOOK_NS) {
        uint64_t now = now_ns();

        if (now - before > *gap_ns)
            *gap_ns = now - before;
        before = now;
        count++;
    }
    return count;
}

static int
load(const char *path, struct exos_session_args *args)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    char *image;

    if (fd < 0 || fstat(fd, &st) != 0)
        return 0;
    image = malloc((size_t)st.st_size);
    args->image = image;
    args->image_bytes = (size_t)st.st_size;
    for (size_t at = 0; at < args->image_bytes;) {
        ssize_t n = read(fd, image + at, args->image_bytes - at);
        if (n <= 0)
            return 0;
        at += (size_t)n;
    }
    close(fd);
    return 1;
}

static struct exos_session_args
asked(const char *path, uint64_t frames, const char *text)
{
    struct exos_session_args args = { .positions = POSITIONS, .console_rights = AEG_RIGHT_WRITE, .text = text };

    args.limits.limit[AEG_KIND_FRAME] = frames;
    args.limits.guarantee[AEG_KIND_FRAME] = frames / 2;
    args.limits.limit[AEG_KIND_SPACE] = args.limits.limit[AEG_KIND_ENV] = 1;
    if (!load(path, &args)) {
        tap(0, "%s can be read", path);
        exit(1);
    }
    return args;
}

/* Things that bear another session's name, accounts that are carved out of ours, and positions that are not our home's. */
static unsigned
others(void)
{
    aeg_id_t home = ((const volatile struct aeg_slice_info *)aeg_info_entry(&AEG_INFO->slices, 0))->env;
    unsigned n = 0;

    for (uint64_t i = 0; i < AEG_INFO->frames.count; i++)
        n += census_frame(i)->type > AEG_FRAME_FREE && census_frame(i)->guard.hi >> 48 == AEG_NAME_SESSION;
    for (uint32_t i = 0; i < AEG_INFO->envs.count; i++)
        n += census_env(i)->id != 0 && census_env(i)->guard.hi >> 48 == AEG_NAME_SESSION;
    for (uint32_t i = 0; i < AEG_INFO->spaces.count; i++) {
        const volatile struct aeg_space_info *s = aeg_info_entry(&AEG_INFO->spaces, i);
        n += s->id != 0 && s->guard.hi >> 48 == AEG_NAME_SESSION;
    }
    for (uint32_t i = 0; i < AEG_INFO->accounts.count; i++) {
        const volatile struct aeg_account_info *a = aeg_info_entry(&AEG_INFO->accounts, i);
        n += a->id != 0 && a->parent == exos_session_account();
    }
    for (uint32_t i = 0; i < AEG_SLICE_POSITIONS - 2; i++)     /* the last but one is root's */
        n += ((const volatile struct aeg_slice_info *)aeg_info_entry(&AEG_INFO->slices, i))->env != home;
    return n;
}

/* Nothing is left of other sessions, and what our account pays is what it was; ExOS itself has some frames in hand, more or fewer. */
static void
tap_gone(const char *name, const struct census *before)
{
    struct census now = census_take();
    int64_t frames = (int64_t)(now.used[AEG_KIND_FRAME] - before->used[AEG_KIND_FRAME]);
    int same = now.envs == before->envs && now.frames_free + now.used[AEG_KIND_FRAME] == before->frames_free + before->used[AEG_KIND_FRAME];

    for (unsigned k = AEG_KIND_FRAME + 1; k < AEG_KINDS; k++)
        same &= now.used[k] == before->used[k];
    tap(same && others() == 0 && frames >= -IN_HAND && frames <= IN_HAND, "%s (%u left, %lld frames)", name, others(), (long long)frames);
}

static enum exos_session_state
outcome(const struct exos_session *s, unsigned long *status)
{
    struct timespec pause = { .tv_nsec = 10 * MS };
    uint64_t end = now_ns() + 5000 * MS;

    while (exos_session_look(s, status) == EXOS_SESSION_RUNS && now_ns() < end)
        nanosleep(&pause, NULL);
    return exos_session_look(s, status);
}

static void
tiny_comes_and_goes(void)
{
    struct exos_session_args args = asked("/boot/tiny.img", 5000, "heap\nheap\n");
    struct census before = census_take();
    struct exos_session s;
    unsigned long status = 99;

    tap(exos_session_start(&s, &args) == 0, "a session starts");
    tap(outcome(&s, &status) == EXOS_SESSION_STOPPED && status == 0, "it is done, and well");
    tap(exos_session_end(s.account) == 0, "it ends");
    tap(exos_session_look(&s, &status) == EXOS_SESSION_GONE, "and is gone");
    tap(exos_session_end(s.account) != 0 && errno == ESRCH, "once");
    tap_gone("nothing is left of it", &before);
    free((void *)(uintptr_t)args.image);
}

static int
refused(struct exos_session_args args, int want)
{
    struct exos_session s;

    return exos_session_start(&s, &args) != 0 && errno == want;
}

static void
what_cannot_be_started(void)
{
    struct exos_session_args good = asked("/boot/tiny.img", 5000, ""), bad;
    struct census before = census_take();
    int held = 1;

    for (size_t n = 0; n < 200; n++) {
        bad = good;
        bad.image_bytes = n;
        held &= refused(bad, ENOEXEC);
    }
    bad = good;
    bad.positions = 0;
    held &= refused(bad, EINVAL);
    bad.positions = AEG_SLICE_POSITIONS;
    held &= refused(bad, EINVAL);
    tap(held, "what is no image and no share is refused");
    held = 1;
    for (uint64_t frames = 0; frames < 40; frames += 3) {       /* it dies of want at every step of being made */
        bad = good;
        bad.limits.limit[AEG_KIND_FRAME] = frames;
        bad.limits.guarantee[AEG_KIND_FRAME] = 0;
        held &= frames > 32 || refused(bad, ENOMEM);
    }
    bad = good;
    bad.limits.guarantee[AEG_KIND_FRAME] = bad.limits.limit[AEG_KIND_FRAME] = AEG_INFO->frames_total;
    held &= refused(bad, ENOMEM);
    tap(held, "so is what has too little, or asks for too much");
    for (uint32_t i = 0; i < AEG_INFO->accounts.count; i++) {   /* those that had enough */
        const volatile struct aeg_account_info *a = aeg_info_entry(&AEG_INFO->accounts, i);
        if (a->id != 0 && a->parent == exos_session_account())
            exos_session_end(a->id);
    }
    tap_gone("and nothing is lost by it", &before);
    free((void *)(uintptr_t)good.image);
}

/* What it is to us: everything that names it is refused. */
static void
it_is_not_ours(const struct exos_session *s)
{
    const volatile struct aeg_space_info *space = aeg_info_entry(&AEG_INFO->spaces, AEG_ID_INDEX(s->space));
    struct aeg_pte_op op = { 120ull << 39, space->pml4 << 12 | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX };
    const volatile struct aeg_env_info *env = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(s->env));
    uint64_t done;

    tap(env->guard.hi >> 48 == AEG_NAME_SESSION && census_self()->guard.hi >> 48 != AEG_NAME_SESSION, "its name does not begin as ours");
    tap(aeg_notify(s->env, CAP_SESSION, 1) == AEG_ERR_CAP_DENIED && aeg_env_destroy(s->env, CAP_SESSION) == AEG_ERR_CAP_DENIED &&
            aeg_space_destroy(s->space, CAP_SESSION) == AEG_ERR_CAP_DENIED && aeg_pte_set(s->space, 0, &op, 1, &done) == AEG_ERR_CAP_DENIED,
        "its env and space are not ours to touch");
}

static void
hostile_is_harmless(void)
{
    struct exos_session_args args = asked("/bin/hostile.img", 4000, NULL), tiny = asked("/boot/tiny.img", 5000, "heap\nheap\n");
    struct census before;
    uint64_t sum, alone, beside, after, gap_alone, gap, gap_after;
    const volatile struct aeg_account_info *account;
    struct exos_session s, t;
    struct timespec pause = { .tv_nsec = 10 * MS };
    unsigned long status = 0;
    char *more;

    args.text = "";
    sum = checksum();
    alone = work(&gap_alone);
    before = census_take();
    tap(exos_session_start(&s, &args) == 0, "a hostile one starts");
    it_is_not_ours(&s);
    account = aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(s.account));
    for (unsigned i = 0; i < 500 && account->used[AEG_KIND_FRAME] + 64 < account->limits.limit[AEG_KIND_FRAME]; i++)
        nanosleep(&pause, NULL);        /* it tries, and takes */
    beside = work(&gap);
    tap(exos_session_look(&s, &status) == EXOS_SESSION_RUNS, "nothing that it tried went well (%lu did)", status);
    tap(checksum() == sum, "what is ours is as it was");
    printf("# alone %llu, longest gap %llu us; beside it %llu, %llu us\n", (unsigned long long)alone, (unsigned long long)gap_alone / 1000,
           (unsigned long long)beside, (unsigned long long)gap / 1000);
    tap(beside * 64 >= alone * (64 - POSITIONS) * 92 / 100, "it computes for ever, and we get our share");
    tap(gap <= AEG_INFO->slice_ns + AEG_INFO->grace_ns + MS, "and wait no longer than one of its slices");
    more = malloc(16u << 20);
    memset(more, 1, 16u << 20);
    tap(more[12345678] == 1, "it has all the memory that it can get, and there is more for us");
    free(more);
    tap(exos_session_start(&t, &tiny) == 0 && outcome(&t, &status) == EXOS_SESSION_STOPPED && status == 0, "a third works between the two");
    exos_session_end(t.account);
    tap(exos_session_end(s.account) == 0, "it ends when we say so");
    tap_gone("and nothing is left of either", &before);
    after = work(&gap_after);
    tap(after * 100 >= alone * 97 && gap_after < 2 * MS, "the processor is ours again");
}

int
main(void)
{
    watched = malloc(WORDS * sizeof(*watched));
    for (unsigned i = 0; i < WORDS; i++)
        watched[i] = i * 0x9e3779b97f4a7c15ull;
    tiny_comes_and_goes();
    what_cannot_be_started();
    hostile_is_harmless();
    printf("1..%u\n", tap_points);
    return 0;
}
