/*
 * world.h: what the tests of the kernel core stand on: a booted fake machine with two sessions that do not trust each other, calls made
 * as either of them, and a walker that checks every invariant of the tables (walker.c).
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "aegis/sys.h"
#include "core/account.h"
#include "core/env.h"
#include "core/frame.h"
#include "core/pt.h"
#include "core/revoke.h"
#include "machine.h"
#include "asserted.h"

/* One session: an account, a space, an env in it. Capability 0 of the space is its own principal, all rights. */
struct actor {
    uint16_t component;         /* its name is this one component */
    aeg_id_t account, space_id, env_id;
    struct space *space;
    struct env *env;
    aeg_frame_t pml4, uenv, save;
};
extern struct actor alice, bob, root;

#define ACTOR_FRAMES 1400       /* what alice's and bob's accounts may have */
#define WILD 0xdead0000ull      /* a pointer to nothing */
#define SWITCHED 1000           /* the call did not return: another env has the CPU (cpus[0].env), or none */

int world_boot(void **state);           /* group set-up */
int world_make(void **state);           /* set-up of each test: alice and bob; alice runs */
int world_end(void **state);            /* tear-down of each test: the walker, then everything goes and the census must agree */

void act_as(const struct actor *who);
/* As an interrupt begins: alone in the kernel, where there are several CPUs. */
void world_turn(void);

/* From now on, the machine being without translations: no PCIDs, PCIDs, or those and INVPCID. */
enum world_tlb { TLB_PLAIN, TLB_TAGGED, TLB_TAGGED_SINGLE };
void world_tlb(enum world_tlb kind);

/* call(frame_free, 0, vector, 3): the error of a call by whoever runs; what it returned beside it is in `value`. */
extern uint64_t value;
int call_args(enum aeg_sys nr, const uint64_t *args);
#define call(name, ...) call_args(AEG_SYS_##name, (uint64_t[6]){ __VA_ARGS__ })
#define expect(error, name, ...) assert_int_equal(call(name, __VA_ARGS__), AEG_ERR_##error)

/* User memory of the test: word i of the arena, and its user address. */
#define USER_WORDS ((uint64_t *)(void *)fake_user)
#define USER_AT(p) ((uint64_t)(uintptr_t)(p))
#define USER_END (USER_AT(fake_user) + FAKE_USER_BYTES)

/* A capability as the running space has it. */
const struct aeg_cap *cap_at(uint32_t index);
/* Frames allocated by the running actor, guarded by its capability 0. */
aeg_frame_t new_frame(const struct actor *who);
/* Nodes down to a PT for va in who's own space; returns the PT's frame. */
aeg_frame_t new_path(const struct actor *who, uint64_t va);
/* One entry of who's own space, by pte_set with capabilities 0: the error, and the old entry in `value`. */
int set_pte(const struct actor *who, uint64_t va, uint64_t pte);
/* The entry itself; 0 when there is no node. */
uint64_t get_pte(const struct actor *who, uint64_t va, unsigned level);
static inline uint64_t
pte_of(aeg_frame_t frame, uint64_t bits)
{
    return frame << FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | bits;
}
/* Root gives `to` a capability over `owner`'s name; returns its index. */
uint32_t lend(const struct actor *owner, const struct actor *to, uint32_t rights);
/* Destroys a space, however many steps it takes; returns the steps. */
unsigned destroy_space(aeg_id_t id, uint32_t cap);
/* Ends an account, however many steps it takes; returns the error. */
int end_account(aeg_id_t id, uint32_t cap);
/* Another env in who's space, paid and owned by who. */
struct env *new_env(const struct actor *who);
struct env *env_table(void);            /* place 0 */

/* walker.c: fails the test when a table contradicts another. */
void walk(void);

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_end)

#endif
