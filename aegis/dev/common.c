/* common.c: what block queues and packet rings have in common. */
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

aeg_err_t
notify_check(aeg_id_t env, uint32_t cap)
{
    struct env *e;

    return env_check(env, cap, AEG_RIGHT_WRITE, &e);
}
