/* sysv_sem.h: sets of System V semaphores: between sysv_sem.c (made, asked, removed) and sysv_semop.c (operated on). */
#ifndef EXOS_IPC_SYSV_SEM_H
#define EXOS_IPC_SYSV_SEM_H

#include "ipc/sysv.h"

struct sem {
    uint16_t value;
    uint32_t pid;               /* that operated on it last */
};

struct semset {
    struct sysv_object o;
    struct waitq changed;
    struct list pending;        /* struct pending.link */
    struct list undos;          /* struct sem_undo.set_link */
    int64_t otime, ctime;
    uint32_t count;
    struct sem sem[];
};

static inline struct semset *
semset_of(const struct sysv_object *o)
{
    return container_of((struct sysv_object *)o, struct semset, o);
}

/* ---- sysv_semop.c; sem_table's lock is held ---- */

/* Values have changed: who waits for that goes on. */
void semset_changed(struct semset *s);
/* How many operations wait for a semaphore to be zero, or to be more. */
long semset_waiting(const struct semset *s, uint32_t num, bool zero);
/* Whoever was to undo something with semaphores first..last - 1 is not any more: their values were set. */
void semset_forget_undo(struct semset *s, uint32_t first, uint32_t last);
/* Nobody is to undo anything any more. */
void semset_drop_undos(struct semset *s);

#endif
