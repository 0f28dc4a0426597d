/*
 * census.h: what the exposed window says is in use, for guest tests: frames, envs, spaces and whatever else an account is charged.
 *
 * Also the guest's side of TAP.
 */
#ifndef TEST_CENSUS_H
#define TEST_CENSUS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <aegis/info.h>
#include <aegis/sys.h>
#include <aegis/uenv.h>

#define CAP_SESSION 0               /* the session's own principal (exos/start/session.h) */
#define CAP_CPU 3
#define CAP_FORGE 7
#define CAP_FIRST_FREE 8

/* The session takes pages for itself in batches (exos/base/page.c). One batch, once in a program, is nobody's leak. */
#define SESSION_BATCH 16
static int census_session_grew;

struct census {
    uint64_t frames_free;
    uint64_t envs;
    uint64_t used[AEG_KINDS];       /* of our account */
};

static inline struct aeg_uenv *
census_uenv(void)
{
    uint64_t gs;

    __asm__ volatile("rdgsbase %0" : "=r"(gs));
    return (struct aeg_uenv *)(uintptr_t)gs;
}

static inline const volatile struct aeg_env_info *
census_env(uint64_t index)
{
    return aeg_info_entry(&AEG_INFO->envs, index);
}

static inline const volatile struct aeg_env_info *
census_self(void)
{
    return census_env(AEG_ID_INDEX(census_uenv()->env_id));
}

static inline const volatile struct aeg_account_info *
census_account(void)
{
    return aeg_info_entry(&AEG_INFO->accounts, census_self()->account);
}

static inline const volatile struct aeg_frame_info *
census_frame(uint64_t frame)
{
    return aeg_info_entry(&AEG_INFO->frames, frame);
}

static inline struct census
census_take(void)
{
    struct census c = { .frames_free = AEG_INFO->frames_free };

    for (uint32_t i = 0; i < AEG_INFO->envs.count; i++)
        c.envs += census_env(i)->id != 0;
    for (unsigned k = 0; k < AEG_KINDS; k++)
        c.used[k] = census_account()->used[k];
    return c;
}

static unsigned tap_points;

static inline void
tap(int good, const char *format, ...)
{
    va_list ap;

    printf("%s %u - ", good ? "ok" : "not ok", ++tap_points);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* A point that holds when nothing has come or gone since `before`. */
static inline void
tap_census(const char *name, const struct census *before)
{
    struct census now = census_take(), grown = *before;
    int same = memcmp(before, &now, sizeof(now)) == 0;

    if (!same && !census_session_grew) {
        grown.frames_free -= SESSION_BATCH;
        grown.used[AEG_KIND_FRAME] += SESSION_BATCH;
        same = census_session_grew = memcmp(&grown, &now, sizeof(now)) == 0;
    }

    tap(same, "%s", name);
    if (!same)
        printf("# free frames %llu then %llu, envs %llu then %llu, charged %llu/%llu/%llu then %llu/%llu/%llu\n",
               (unsigned long long)before->frames_free, (unsigned long long)now.frames_free, (unsigned long long)before->envs,
               (unsigned long long)now.envs, (unsigned long long)before->used[0], (unsigned long long)before->used[1],
               (unsigned long long)before->used[2], (unsigned long long)now.used[0], (unsigned long long)now.used[1],
               (unsigned long long)now.used[2]);
}

#endif
