/* vectors.h: the vector registers of a program. See vectors.c. */
#ifndef EXOS_THREAD_VECTORS_H
#define EXOS_THREAD_VECTORS_H

/* To and from an area of AEG_INFO->xsave_size bytes, 64-byte aligned. */
void vectors_save(void *area);
void vectors_restore(const void *area);
/* What a program finds in them at its first instruction. */
void vectors_reset(void);

#endif
