/* revoke.h: frames are asked back. See revoke.c. */
#ifndef EXOS_BASE_REVOKE_H
#define EXOS_BASE_REVOKE_H

/* From now on the session answers. Once, by the housekeeper. */
void revoke_init(void);
/* What the session holds in hand for what comes next, clean cache pages apart, goes back to Aegis. No lock is held. */
void spare_return(void);

#endif
