/*
 * plain.c: the least that a part of the library needs around it on the host: the C library's heap, locks and wait queues that only count.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/wait.h"
#include "plain.h"

unsigned plain_wakes, plain_heap_objects;
bool plain_heap_fails;

noreturn void
library_panic(const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "library_panic at %s:%d: ", file, line);
    vfprintf(stderr, format, ap);
    va_end(ap);
    abort();
}

#ifndef PLAIN_OWN_HEAP
void *
heap_alloc(size_t size)
{
    void *p = plain_heap_fails ? NULL : calloc(1, size);

    plain_heap_objects += p != NULL;
    return p;
}

void
heap_free(void *p)
{
    plain_heap_objects -= p != NULL;
    free(p);
}
#endif

void
lock_init(struct lock *l, enum lock_rank rank)
{
    *l = (struct lock){ 0, rank };
}

void
lock_acquire(struct lock *l)
{
    EXO_ASSERT(l->holder == 0);
    l->holder = 1;
}

void
lock_release(struct lock *l)
{
    EXO_ASSERT(l->holder == 1);
    l->holder = 0;
}

void
waitq_init(struct waitq *wq)
{
    list_init(&wq->waiters);
}

void
wake_all(struct waitq *wq)
{
    (void)wq;
    plain_wakes++;
}
