/* actor.h: envs of a test on several CPUs: each with its own stack, UENV and a few words; all share the image. See actor.c. */
#ifndef TEST_SMP_ACTOR_H
#define TEST_SMP_ACTOR_H

#include <stdbool.h>

#include "aegis/info.h"
#include "aegis/sys.h"
#include "aegis/uenv.h"

#define PAGE 4096
#define ROOT 0              /* the first capability, and that of every space here */
#define ACTORS 24
#define REGION 0x8000000000ull      /* PML4 slot 1: what the spaces do not share; 2 MiB of it have a node */
#define REGION_PAGES 512
#define NAME 7              /* below it lie the names of what is taken away */

struct actor {
    struct aeg_uenv uenv __attribute__((aligned(PAGE)));
    uint8_t stack[3 * PAGE], handler_stack[PAGE];
    aeg_id_t env, space, account;
    uint64_t number;
    volatile uint64_t cap;      /* by which it binds its frames */
    uint64_t seed;
    struct actor *other;
    volatile uint64_t done, errors, refused;
    volatile uint64_t line;     /* of the last error */
};
extern struct actor actors[ACTORS];

/* A space below `account` with the image in it, its own region, and root's capability; 0: it could not be made. */
aeg_id_t space_new(aeg_id_t account);
/* An account for an actor and what it makes. */
aeg_id_t account_new(void);
/* Fills an actor in and makes its env, which has no CPU yet. */
bool actor_make(struct actor *a, unsigned number, aeg_id_t account, aeg_id_t space, void (*run)(struct actor *a));
bool actor_on(const struct actor *a, uint32_t cpu, uint32_t position);
bool actor_end(struct actor *a);
/* The end of an account, all steps of it. */
bool account_over(aeg_id_t account);

/* One entry of another page table, by the root capability for both. */
aeg_err_t entry_set(aeg_id_t space, uint64_t va, uint64_t pte);
aeg_frame_t frame_new(aeg_id_t account);
bool frame_end(aeg_frame_t frame);
uint64_t random_next(uint64_t *seed);

/* A store or load by the running actor that may fault: false, and nothing else, if it does. */
bool poke(volatile uint64_t *p, uint64_t v);
bool peek(const volatile uint64_t *p, uint64_t *v);

/* stress.c: everything at once, without end. */
void stress(struct actor *a);

#define BITS_RW (AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX)

#endif
