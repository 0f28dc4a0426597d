/* memo.h: whole paths that were walked lately (memo.c). icache_lock is held by the callers. */
#ifndef EXOS_FS_MEMO_H
#define EXOS_FS_MEMO_H

#include "fs/inode.h"

#define PATH_KEY_WORDS 8

/* A path of at most 63 bytes, padded with zeros. */
struct path_key { uint32_t hash, words; uint64_t word[PATH_KEY_WORDS]; };

/* False: the path is too long. */
bool path_key_make(const char *path, struct path_key *k) MUST_USE;
/* Where the path leads from `start` (NULL: it is absolute), borrowed; NULL: not known. */
struct inode *memo_find(const struct path_key *k, const struct inode *start, const struct fs_context *fs);
void memo_keep(const struct path_key *k, const struct inode *start, const struct fs_context *fs, struct inode *i);

#endif
