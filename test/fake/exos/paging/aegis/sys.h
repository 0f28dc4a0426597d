/* sys.h: the calls of the kernel that concern page tables, answered by paging.c. */
#ifndef AEGIS_SYS_H
#define AEGIS_SYS_H

#include "aegis/types.h"

#define AEG_CAPS(space_cap, frame_cap) ((uint64_t)(space_cap) | (uint64_t)(frame_cap) << 16)

aeg_err_t aeg_pte_set(aeg_id_t space, uint64_t caps, struct aeg_pte_op *ops, uint64_t count, uint64_t *done);
aeg_err_t aeg_pte_clear(aeg_id_t space, uint64_t caps, uint64_t va, uint64_t pages, uint64_t keep, aeg_frame_t *frames,
                        struct aeg_pte_cleared *out);
aeg_err_t aeg_pt_attach(aeg_id_t space, uint64_t caps, uint64_t va, uint32_t level_flags, aeg_frame_t frame);
aeg_err_t aeg_pt_detach(aeg_id_t space, uint64_t caps, uint64_t va, uint32_t level, aeg_frame_t *frame);

#endif
