/* account.h: who pays. See account.c. */
#ifndef AEGIS_CORE_ACCOUNT_H
#define AEGIS_CORE_ACCOUNT_H

#include "core/kernel.h"

#define ACCOUNT_MAX 64

void account_init(void);

/* The account behind an id, or NULL (stale, out of range). */
struct aeg_account_info *account_find(aeg_id_t id);
/* The account at an index that an object carries; objects never outlive their account's index. */
struct aeg_account_info *account_at(uint32_t index);

/* Without a capability check: for what the kernel charges on behalf of a caller that was checked already. */
aeg_err_t account_take(struct aeg_account_info *account, enum aeg_kind kind, uint64_t count) AEG_MUST_USE;
void account_give(struct aeg_account_info *account, enum aeg_kind kind, uint64_t count);

/* An account that ends: nothing is to be had from it any more; then, when nothing is charged to it, it is no more. */
void account_close(struct aeg_account_info *account);
void account_remove(struct aeg_account_info *account);

#endif
