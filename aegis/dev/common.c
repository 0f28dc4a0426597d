/* common.c: what block queues and packet rings have in common. */
#include "core/cap.h"
#include "core/env.h"
#include "dev/shared.h"

aeg_err_t
frames_bind(const aeg_frame_t *frame, uint32_t count, const struct aeg_cap *cap, uint32_t rights)
{
    for (uint32_t i = 0; i < count; i++) {
        aeg_err_t err = frame_bind(frame[i], cap, rights);

        if (err != AEG_OK) {
            frames_unbind(frame, i);
            return err;
        }
    }
    return AEG_OK;
}

void
frames_unbind(const aeg_frame_t *frame, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        frame_unbind(frame[i]);
}

bool
frames_die(const aeg_frame_t *frame, uint32_t count)
{
    bool dies = false;

    for (uint32_t i = 0; i < count; i++)
        dies |= frame_dies(frame[i]);
    return dies;
}

aeg_err_t
notify_check(aeg_id_t env, uint32_t cap)
{
    struct env *e;

    return env_check(env, cap, AEG_RIGHT_WRITE, &e);
}

uint32_t
rights_left(const struct aeg_cap *held, aeg_id_t holder, const struct aeg_cap *revoked, aeg_id_t revoker)
{
    if (held->length < revoked->length || !name_has_prefix(held->name, revoked->name, revoked->length))
        return held->rights;
    return holder == revoker && held->length == revoked->length ? held->rights & revoked->rights : 0;
}

aeg_id_t
caller_env(void)
{
    return this_cpu()->env->id;
}
