/*
 * memo.c: whole paths that were walked lately: what stat and open of the same files over and over come down to.
 *
 * Holds:    a memo is good while nothing that its walk relied on has changed: names_epoch counts every name that goes or leads elsewhere,
 *           every inode that ends, every mount, every change of owner or mode, as far as a directory or an inode that a path is known
 *           to lead to is concerned; fs->view says who asks and from which root. Only walks through cached names, without symbolic
 *           links and "..", are kept. Inodes are borrowed.
 * Locks:    icache_lock.
 */
#include "fs/memo.h"

#include "base/mem.h"
#include "base/uaccess.h"

#define MEMOS_MIN 64
#define MEMOS_MAX 1024
#define PAGES_PER_MEMO 64               /* of all memory */

static struct memo {
    uint64_t epoch;                     /* 0: empty */
    uint64_t view;
    const struct inode *start;
    struct inode *inode;
    uint64_t word[PATH_KEY_WORDS];      /* as in struct path_key; the last that counts has the path's NUL */
} *memos;
static unsigned index_shift;            /* the slot is in the top bits of the hash */

uint64_t names_epoch = 1;

void
memo_init(void)
{
    uint64_t count = MEMOS_MIN;

    while (count < MEMOS_MAX && count * PAGES_PER_MEMO < mem_total_pages())
        count *= 2;
    index_shift = 64 - (unsigned)__builtin_ctzll(count);
    memos = session_alloc(count * sizeof(memos[0]));
    if (memos == NULL)
        EXO_PANIC("no memory for paths");
}

static inline uint64_t
mix(uint64_t h, uint64_t word)
{
    return ((h << 5 | h >> 59) ^ word) * 0x9e3779b97f4a7c15ull;
}

static inline bool
make_key(uint64_t path, struct path_key *k)
{
    uint64_t h = 0, w, end, *word = k->word;

    for (;;) {
        if (!uaccess_load64(&w, path))
            return false;
        end = word_zeros(w);
        if (end != 0)
            break;
        *word++ = w;
        h = mix(h, w);
        path += 8;
        if (word == k->word + PATH_KEY_WORDS)
            return false;
    }
    w &= (end ^ (end - 1)) >> 8;
    *word = w;
    k->last = (uint64_t)(word - k->word);
    k->hash = mix(h, w);
    return true;
}

bool
path_key_make(uint64_t path, struct path_key *k)
{
    return make_key(path, k);
}

bool
path_key_part(const char *path, size_t len, struct path_key *k)
{
    uint64_t h = 0, words = len / 8;

    if (words >= PATH_KEY_WORDS)
        return false;
    k->last = words;
    k->word[words] = 0;
    for (uint64_t n = 0; n < words; n++) {
        k->word[n] = *(const word_t *)(path + n * 8);
        h = mix(h, k->word[n]);
    }
    for (size_t n = len & ~7ul; n < len; n++)
        k->word[words] |= (uint64_t)(uint8_t)path[n] << (n % 8 * 8);
    k->hash = mix(h, k->word[words]);
    return true;
}

static inline struct memo *
slot_of(const struct path_key *k)
{
    return &memos[k->hash >> index_shift];
}

static inline bool
fits(const struct memo *m, const struct path_key *k, const struct inode *start, const struct fs_context *fs)
{
    if (m->epoch != names_epoch || m->view != fs->view || m->start != start)
        return false;
    for (uint64_t n = k->last;; n--) {
        if (m->word[n] != k->word[n])
            return false;
        if (n == 0)
            return true;
    }
}

static inline struct inode *
recall(const struct path_key *k, const struct inode *start, const struct fs_context *fs)
{
    const struct memo *m = slot_of(k);
    struct inode *i = NULL;

    if (!lock_try(&icache_lock))
        return NULL;
    if (fits(m, k, start, fs)) {
        i = m->inode;
        inode_get(i);
    }
    lock_release(&icache_lock);
    return i;
}

struct inode *
memo_recall(const struct path_key *k, const struct inode *start, const struct fs_context *fs)
{
    return recall(k, start, fs);
}

struct inode *
path_recall_user(uva_t path)
{
    const struct fs_context *fs = fs_caller();
    struct path_key key;

    if (!user_ok(path, sizeof(key.word)) || !make_key(path, &key))
        return NULL;
    return recall(&key, (key.word[0] & 0xff) == '/' ? NULL : fs->cwd, fs);
}

void
memo_keep(const struct path_key *k, const struct inode *start, const struct fs_context *fs, struct inode *i)
{
    struct memo *m = slot_of(k);

    m->epoch = names_epoch;
    m->view = fs->view;
    m->start = start;
    m->inode = i;
    i->remembered = true;
    for (uint64_t n = 0; n <= k->last; n++)
        m->word[n] = k->word[n];
}
