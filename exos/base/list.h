/* list.h: a circular doubly linked list, head and nodes of one type. An empty head and an unlinked node point at themselves. */
#ifndef EXOS_LIST_H
#define EXOS_LIST_H

#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void
list_push_tail(struct list *head, struct list *n)
{
    n->next = head;
    n->prev = head->prev;
    head->prev->next = n;
    head->prev = n;
}

static inline void
list_push_head(struct list *head, struct list *n)
{
    list_push_tail(head->next, n);
}

/* The node's own links are as they were. */
static inline void
list_unlink(struct list *n)
{
    struct list *next = n->next, *prev = n->prev;

    next->prev = prev;
    prev->next = next;
}

static inline void
list_remove(struct list *n)
{
    list_unlink(n);
    list_init(n);
}

#define list_for(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_safe(pos, tmp, head) \
    for (struct list *pos = (head)->next, *tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)

#endif
