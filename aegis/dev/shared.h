/*
 * shared.h: reading memory that a library may change at any moment.
 *
 * Indices are read with shared_read, once. Structures are copied with shared_copy, and only the copy is looked at.
 */
#ifndef AEGIS_DEV_SHARED_H
#define AEGIS_DEV_SHARED_H

#include "core/kernel.h"

static inline uint32_t
shared_read(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Publishes what was stored before it. */
static inline void
shared_write(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void
shared_copy(void *dst, const void *src, size_t n)
{
    memcpy(dst, src, n);
    __asm__ volatile("" : : : "memory");    /* the compiler may not look at src again instead of dst */
}

/* References on the frames that a ring or queue lives in: all of them, or none. */
aeg_err_t frames_bind(const aeg_frame_t *frame, uint32_t count, const struct aeg_cap *cap, uint32_t rights) AEG_MUST_USE;
void frames_unbind(const aeg_frame_t *frame, uint32_t count);

/* Is one of them being taken by force? */
bool frames_die(const aeg_frame_t *frame, uint32_t count);

/* The rights that are left to the capability `held` of an object of space `holder`: see dev.h. */
uint32_t rights_left(const struct aeg_cap *held, aeg_id_t holder, const struct aeg_cap *revoked, aeg_id_t revoker);

/* May the caller, by its capability `cap`, have `env` notified? */
aeg_err_t notify_check(aeg_id_t env, uint32_t cap) AEG_MUST_USE;

/* The env that makes this call. */
aeg_id_t caller_env(void);

#endif
