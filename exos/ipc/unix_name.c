/*
 * unix_name.c: names of UNIX sockets: abstract ones and nodes in the file system.
 *
 * Holds:    the table of bound sockets. A name lasts as long as its socket is open; the node in the file system outlives it.
 * Locks:    unix_lock.
 */
#include "base/mem.h"
#include "fs/sockname.h"
#include "ipc/unix.h"

#define NAME_HEAD ((uint32_t)sizeof(uint16_t))      /* the family, before the path */
#define AUTOBIND_DIGITS 5u                          /* Linux net/unix/af_unix.c */
#define AUTOBIND_NAMES  (1u << (4 * AUTOBIND_DIGITS))

struct lock unix_lock = LOCK_INIT(LOCK_RANK_PIPE);
static struct list names = { &names, &names };
static uint32_t next_auto;

/* A path ends at its NUL, which counts; an abstract name (first byte 0) at its length. */
static int
normalise(const struct sock_addr *in, struct sock_addr *out)
{
    if (in->len <= NAME_HEAD || in->len > sizeof(in->un))
        return -EINVAL;
    if (in->family != AF_UNIX_)
        return -EAFNOSUPPORT;
    memset(out, 0, sizeof(*out));
    memcpy(out->raw, in->raw, in->len);
    out->len = in->un.path[0] == '\0' ? in->len : NAME_HEAD + (uint32_t)strnlen(in->un.path, in->len - NAME_HEAD) + 1;
    return 0;
}

static bool
is_path(const struct sock_addr *name)
{
    return name->un.path[0] != '\0';
}

struct unix_sock *
unix_bound(const struct unix_key *key)
{
    list_for(l, &names) {
        struct unix_sock *s = container_of(l, struct unix_sock, name_link);

        if (key->node != NULL ? s->node == key->node
                              : s->node == NULL && s->name.len == key->name.len && memcmp(s->name.raw, key->name.raw, s->name.len) == 0)
            return s;
    }
    return NULL;
}

int
unix_key_find(const struct sock_addr *a, struct unix_key *key)
{
    int err = normalise(a, &key->name);

    key->node = NULL;
    return err != 0 || !is_path(&key->name) ? err : socket_node_find(key->name.un.path, &key->node);
}

void
unix_key_drop(struct unix_key *key)
{
    if (key->node != NULL)
        socket_node_put(key->node);
}

/* The name enters the table with the node's reference, unless s has one already or another has this one. */
static int
enter(struct unix_sock *s, const struct unix_key *key)
{
    int err = 0;

    lock_acquire(&unix_lock);
    if (!list_empty(&s->name_link)) {
        err = -EINVAL;
    } else if (unix_bound(key) != NULL) {
        err = -EADDRINUSE;
    } else {
        s->name = key->name;
        s->node = key->node;
        list_push_tail(&names, &s->name_link);
    }
    lock_release(&unix_lock);
    return err;
}

/* An abstract name that nobody has. */
static int
bind_anywhere(struct unix_sock *s)
{
    struct unix_key key = { .name = { .len = NAME_HEAD + 1 + AUTOBIND_DIGITS, .family = AF_UNIX_ } };
    int err = -EADDRINUSE;

    for (uint32_t tries = 0; tries < AUTOBIND_NAMES && err == -EADDRINUSE; tries++) {
        uint32_t n = next_auto++ % AUTOBIND_NAMES;

        for (unsigned i = 0; i < AUTOBIND_DIGITS; i++)
            key.name.un.path[1 + i] = "0123456789abcdef"[n >> 4 * (AUTOBIND_DIGITS - 1 - i) & 0xf];
        err = enter(s, &key);
    }
    return err == -EADDRINUSE ? -ENOSPC : err;
}

int
unix_bind(struct sock *base, const struct sock_addr *a)
{
    struct unix_sock *s = unix_of(base);
    struct unix_key key = { .node = NULL };
    int err;

    if (!list_empty(&s->name_link))
        return -EINVAL;
    if (a->len == NAME_HEAD && a->family == AF_UNIX_)
        return bind_anywhere(s);
    err = normalise(a, &key.name);
    if (err == 0 && is_path(&key.name))
        err = socket_node_make(key.name.un.path, &key.node);
    if (err == 0)
        err = enter(s, &key);
    if (err != 0)
        unix_key_drop(&key);
    return err;
}

void
unix_unbind(struct unix_sock *s)
{
    lock_acquire(&unix_lock);
    if (!list_empty(&s->name_link))
        list_remove(&s->name_link);
    lock_release(&unix_lock);
    if (s->node != NULL)
        socket_node_put(s->node);
    s->node = NULL;
}
