/* revoke.h: frames are asked back. See revoke.c. */
#ifndef AEGIS_CORE_REVOKE_H
#define AEGIS_CORE_REVOKE_H

#include "core/account.h"

/* When free frames that nobody was promised fall below this, they are asked back; set when memory is known. */
extern uint64_t revoke_low;
extern bool revoke_out;         /* somebody has been asked */
void revoke_init(void);

/*
 * An allocation for `by` was made, and `missing` frames of it were not to be had for want of any. Asks the account that is furthest over
 * its guarantee for some, or, when that has let its deadline pass, takes a step of taking them. True: that is under way; try again.
 */
bool revoke_pressure(const struct aeg_account_info *by, uint64_t missing);

/* Frames that an account may still take: those of its guarantee while it owes some, else as many as it likes. */
uint64_t revoke_allowance(const struct aeg_account_info *account);

/* The repossession vector of the account at an index; 0: none. */
aeg_frame_t revoke_vector(uint32_t account);

/* The account is no more. */
void revoke_forget(uint32_t account);

/* Frames that an account at an index uses itself, not by those below it; dying ones no longer count. */
uint64_t revoke_own_use(uint32_t account);
/* What is left to the account itself of its guarantee, after its children's. */
uint64_t revoke_own_guarantee(uint32_t account);

/* ---- repossess.c: by force ---- */

/* From now on repossess_step takes what the account at an index uses beyond `keep` frames. */
void repossess_begin(uint32_t account, uint64_t keep);
/* True: all that can be taken has been. Spaces go only while frames are short: `pressed`. */
bool repossess_step(bool pressed);
/*
 * An account is about to end, maybe the one in question: then nobody goes on. A step of what cannot be left; true: nothing.
 */
bool repossess_settle(void);
/* Leaf entries have been moved from one node to another, in a space that the account at an index pays for. */
void repossess_moved(uint32_t account);
/* For revoke.c to record: a frame was taken, a space destroyed. */
void revoke_lost_frame(aeg_frame_t frame);
void revoke_lost_space(void);

#endif
