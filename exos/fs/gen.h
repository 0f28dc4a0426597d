/*
 * gen.h: trees of files whose text is made when they are read: what /proc and /sys have in common.
 *
 * A tree is tables of rows, and a row is a path in it. A component "#" stands for one object each that the row's next set has: the processes,
 * the descriptors of one. Directories are there because rows lie in them.
 */
#ifndef EXOS_FS_GEN_H
#define EXOS_FS_GEN_H

#include "fs/inode.h"
#include "fs/text.h"

#define GEN_NAME_MAX 24         /* of an object, NUL included */
#define GEN_SETS 3              /* in a path */
#define GEN_TABLES 24           /* of rows, in a tree */
#define GEN_ROWS 1024
#define GEN_DEPTH 8             /* components of a path */
#define GEN_KEY_BITS 50

/* The text of a number that a macro stands for. */
#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n "\n"

/* Objects of a kind. A key says which one, and of what it is one: no other object that the tree names has it. */
struct gen_set {
    /* The first one at or after *at, which it moves past it. `of`: the key of what the directory is about. False: none is left. */
    bool (*next)(uint64_t of, uint64_t *at, uint64_t *key);
    void (*name)(uint64_t key, char name[GEN_NAME_MAX]);
    bool (*find)(uint64_t of, const char *name, size_t len, uint64_t *key);     /* NULL: by looking through all */
    void *(*object)(uint64_t key);                      /* NULL: it has gone. Without: none ever goes, and rows get none */
    int gone;                                           /* what whoever reads hears of one that has */
    void (*own)(uint64_t key, struct inode *i);         /* says whose the files about it are. NULL: the superuser's */
};

struct gen_row {
    const char *name;
    const struct gen_set *sets[GEN_SETS];
    /* What a file says: one of these. 0 or -errno; they may sleep. `object` is of the last of the sets. */
    int (*show)(struct text_buf *t);
    int (*show_of)(struct text_buf *t, void *object);
    const char *text;
    /* What is written to it, which they may change. Neither: it cannot be written. */
    int (*store)(char *text, size_t len);
    int (*store_of)(void *object, char *text, size_t len);
    /* It is a symbolic link. `key` is what the row is about. */
    ssize (*link)(uint64_t key, char *buf, size_t size);
    uint32_t mode;              /* type and permissions, where they are not as usual. A directory: it is there without rows in it */
};

struct gen_tree {
    struct fs_ops ops;
    uint64_t magic;             /* statfs(2) */
    uint64_t file_size;         /* what stat says of a file */
    uint32_t dir_mode;
    struct { const struct gen_row *rows; unsigned count; } table[GEN_TABLES];
    unsigned tables, rows;
};

void gen_statfs(struct mount *m, struct fs_stat *out);
/* Adds rows; they stay the caller's, for ever. */
void gen_add(struct gen_tree *t, const struct gen_row *rows, unsigned count);
/* The tree once more. -ENOMEM. */
int gen_mount(struct gen_tree *t, struct mount **out) MUST_USE;
/* The row that an inode is of, and of how many of its components; NULL: it is of no such tree. */
const struct gen_row *gen_row_of(const struct inode *i, unsigned *depth, uint64_t *key);
/* A decimal number without needless zeroes. */
bool gen_number(const char *s, size_t len, uint32_t *out);

/* genfile.c */
extern const struct file_ops gen_file_ops;

#endif
