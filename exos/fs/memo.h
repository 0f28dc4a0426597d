/* memo.h: whole paths that were walked lately (memo.c). icache_lock is held by the callers of memo_keep. */
#ifndef EXOS_FS_MEMO_H
#define EXOS_FS_MEMO_H

#include "fs/inode.h"

#define PATH_KEY_WORDS 16

/* A path of at most 127 bytes, padded with zeros in its last word. */
struct path_key { uint64_t hash, last, word[PATH_KEY_WORDS]; };

void memo_init(void);
/* The path at that address, the library's or the program's, up to its NUL. False: too long, or (a program's) not there. */
bool path_key_make(uint64_t path, struct path_key *k) MUST_USE;
/* The first len bytes of a path in the library's memory. False: too long. */
bool path_key_part(const char *path, size_t len, struct path_key *k) MUST_USE;
/* Where the path leads from `start` (NULL: it is absolute), referenced; NULL: not known. */
struct inode *memo_recall(const struct path_key *k, const struct inode *start, const struct fs_context *fs);
void memo_keep(const struct path_key *k, const struct inode *start, const struct fs_context *fs, struct inode *i);

#endif
