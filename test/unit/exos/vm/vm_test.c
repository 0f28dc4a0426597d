/*
 * vm_test.c: mappings, protection, moving, advice, locking and faults, on page tables that are the host's (fake/exos/paging.h), beside a
 * model that knows what each page is and holds. What the model says may be done is then really done, by a load or a store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/paging.h"
#include "fake/exos/plain.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "thread/turn.h"

#define ROUNDS 4000
#define FILE_PAGES 700
#define FILE_WORD(index) (0x1000000ul + (index))    /* what a page of the file begins with */
#define ARENA_END (ARENA_VA + ARENA_PAGES * PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)

/* madvise(2) */
#define DONTNEED 4
#define HUGEPAGE 14
#define NOHUGEPAGE 15
#define POPULATE_WRITE 23
/* mremap(2) */
#define MAYMOVE_FIXED 3u

static struct known {
    bool mapped, locked;
    uint8_t prot;
    uint64_t base, value;       /* the first word: of a page that was never stored to, and now */
} model[ARENA_PAGES];
static struct mm mm;
static struct file file;
static uint64_t file_frame[FILE_PAGES];
static unsigned pins[FILE_PAGES], frames_before;

/* ---- what vm/ wants of others ---- */

static int
pin_page(struct file *f, uint64_t index, void **page)
{
    (void)f;
    if (index >= FILE_PAGES)
        return -ENXIO;
    pins[index]++;
    *page = paging_memory(file_frame[index]);
    return 0;
}

static void
unpin_page(struct file *f, uint64_t index, void *page)
{
    (void)f;
    assert_true(index < FILE_PAGES && pins[index] > 0);
    assert_ptr_equal(page, paging_memory(file_frame[index]));
    pins[index]--;
}

static void
pin_again(struct file *f, uint64_t index, void *page)
{
    (void)f;
    (void)page;
    pins[index]++;
}

static const struct file_ops ops = { .name = "a file", .pin_page = pin_page, .unpin_page = unpin_page, .pin_again = pin_again };

void
file_end(struct file *f)
{
    (void)f;
    fail();
}

int
user_copy_in(void *dst, uva_t src, size_t n)
{
    memcpy(dst, (const void *)src, n);
    return 0;
}

uint64_t
vectors_bytes(void)
{
    return 832;
}

void
sched_point(void)
{
}

struct file *
shared_memory_create(void)
{
    return NULL;
}

int
vfs_fallocate(struct inode *i, unsigned mode, uint64_t off, uint64_t len)
{
    (void)i, (void)mode, (void)off, (void)len;
    return -EINVAL;
}

int
vfs_fsync(struct file *f, bool data_only)
{
    (void)f, (void)data_only;
    return 0;
}

void
cache_prefetch(struct cache_space *s, uint64_t index, uint32_t count)
{
    (void)s, (void)index, (void)count;
}

struct page *
cache_find(struct cache_space *s, uint64_t index)
{
    (void)s, (void)index;
    return NULL;
}

void
page_destroy(struct page *p)
{
    (void)p;
}

int
user_copy_out(uva_t dst, const void *src, size_t n)
{
    memcpy((void *)dst, src, n);
    return 0;
}

/* ---- the model ---- */

static uint64_t
va_of(unsigned page)
{
    return ARENA_VA + page * PAGE_SIZE;
}

static unsigned
below(unsigned n)
{
    return (unsigned)rand() % n;
}

/* Does the program's access succeed, after a fault if need be? It then really happens. */
static bool
access(unsigned page, bool store, uint64_t *word)
{
    volatile uint64_t *at = (volatile uint64_t *)(va_of(page));
    uint64_t need = AEG_PTE_P | AEG_PTE_U | (store ? AEG_PTE_W : 0);
    struct vm_bad bad;

    for (unsigned faults = 0; (paging_entry(page) & need) != need; faults++) {
        assert_true(faults < 2);            /* a look, then a store */
        if (vm_fault(va_of(page) + below(PAGE_SIZE), store ? FAULT_WRITE : 0, &bad) != 0)
            return false;
    }
    if (store)
        at[0] = at[511] = *word;
    *word = at[0];
    assert_true(*word >= FILE_WORD(0) || at[511] == *word);
    return true;
}

static void
check_page(unsigned page)
{
    const struct region *r = region_find(&mm.map, va_of(page));
    const struct known *p = &model[page];
    uint64_t entry = paging_entry(page), word;

    assert_int_equal(r != NULL, p->mapped);
    if (r == NULL) {
        assert_int_equal(entry & AEG_PTE_P, 0);
        assert_false(access(page, below(2), &word));
        return;
    }
    assert_int_equal(r->prot, p->prot);
    assert_int_equal((r->flags & REGION_LOCKED) != 0, p->locked);
    if (entry & AEG_PTE_P) {
        assert_int_equal((entry & AEG_PTE_U) != 0, p->prot != 0);
        assert_true(!(entry & AEG_PTE_W) || (p->prot & PROT_WRITE));
        assert_int_equal((entry & AEG_PTE_NX) == 0, (p->prot & PROT_EXEC) != 0);
    }
    if (below(8) != 0)
        return;
    assert_int_equal(access(page, false, &word), p->prot != 0);
    if (p->prot != 0)
        assert_int_equal(word, p->value);
    if (!(p->prot & PROT_WRITE))
        assert_false(access(page, true, &word));
}

/* A large entry lies in one region. How many there are. */
static unsigned
count_large(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ARENA_PAGES; i += 512) {
        const struct region *r = region_find(&mm.map, va_of(i));

        if (pt_span_empty(va_of(i)) != SPAN_LARGE)
            continue;
        assert_true(r != NULL && r->end >= va_of(i + 512));
        n++;
    }
    return n;
}

/* Every frame and every pin belongs to an entry, and the space says how many there are. */
static void
check_counts(void)
{
    unsigned own = 0, pinned = 0, pins_left = 0, nodes = 0;

    for (unsigned i = 0; i < ARENA_PAGES; i++) {
        uint64_t entry = paging_entry(i);

        own += (entry & AEG_PTE_P) && !(entry & PTE_PINNED);
        pinned += (entry & AEG_PTE_P) && (entry & PTE_PINNED);
    }
    for (unsigned i = 0; i < FILE_PAGES; i++)
        pins_left += pins[i];
    for (const struct mm_nodes *n = mm.nodes; n != NULL; n = n->next)
        nodes += n->count;
    assert_int_equal(mm.resident, own);
    assert_int_equal(mm.shared, pinned);
    assert_int_equal(pins_left, pinned);
    assert_int_equal(mm.large, count_large());
    assert_int_equal(paging_frames_taken(), frames_before + own + nodes);
}

static void
check(void)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < ARENA_PAGES; i++) {
        check_page(i);
        pages += model[i].mapped;
    }
    assert_int_equal(mm.map.pages, pages);
    check_counts();
}

/* ---- what is done ---- */

static void
any_range(unsigned *from, unsigned *to)
{
    unsigned block = below(ARENA_BLOCKS) * 512, part = below(512);

    switch (below(5)) {
    case 0: *from = block, *to = block + 512; break;
    case 1: *from = block, *to = block + part + 1; break;
    case 2: *from = block + part, *to = block + 512; break;
    case 3: *from = block + part, *to = *from + 1; break;
    default: *from = below(ARENA_PAGES), *to = *from + 1 + below(ARENA_PAGES - *from);
    }
}

static void
map(unsigned from, unsigned to)
{
    bool of_file = below(3) == 0 && to - from <= FILE_PAGES;
    unsigned index = of_file ? below(FILE_PAGES - (to - from) + 1) : 0, prot = below(8);
    uint32_t flags = MAP_PRIVATE | MAP_FIXED | (of_file ? 0 : MAP_ANONYMOUS);

    if (below(2))
        prot |= RW;
    assert_true(vm_mmap(va_of(from), (to - from) * PAGE_SIZE, prot, flags, of_file ? &file : NULL, index * PAGE_SIZE) == (long)va_of(from));
    for (unsigned i = from; i < to; i++) {
        model[i] = (struct known){ .mapped = true, .prot = (uint8_t)prot };
        if (of_file)
            model[i].base = model[i].value = FILE_WORD(index + i - from);
    }
    if (!of_file)
        assert_int_equal(vm_madvise(va_of(from), (to - from) * PAGE_SIZE, HUGEPAGE), 0);
}

static void
unmap(unsigned from, unsigned to)
{
    assert_int_equal(vm_munmap(va_of(from), (to - from) * PAGE_SIZE), 0);
    memset(&model[from], 0, (to - from) * sizeof(model[0]));
}

static bool
all_mapped(unsigned from, unsigned to)
{
    while (from < to && model[from].mapped)
        from++;
    return from == to;
}

static void
protect(unsigned from, unsigned to)
{
    uint32_t prot = below(8);
    long err = vm_mprotect(va_of(from), (to - from) * PAGE_SIZE, prot);

    assert_int_equal(err, all_mapped(from, to) ? 0 : -ENOMEM);
    for (unsigned i = from; err == 0 && i < to; i++)
        model[i].prot = (uint8_t)prot;
}

static void
stores(unsigned from, unsigned to)
{
    unsigned step = 1 + below(60);

    paging_starve = below(20) == 0;
    for (unsigned i = from; i < to; i += step) {
        uint64_t word = 1 + below(100000);

        if (access(i, true, &word))
            model[i].value = word;
        else
            assert_true(paging_starve || !model[i].mapped || !(model[i].prot & PROT_WRITE));
        assert_true(model[i].prot & PROT_WRITE || model[i].value != word);
    }
    paging_starve = false;
}

static void
forget(unsigned from, unsigned to)
{
    long expected = all_mapped(from, to) ? 0 : -ENOMEM;

    for (unsigned i = from; i < to && expected != -EINVAL; i++) {
        if (model[i].locked)
            expected = -EINVAL;
        else
            model[i].value = model[i].base;
    }
    assert_int_equal(vm_madvise(va_of(from), (to - from) * PAGE_SIZE, DONTNEED), expected);
}

static void
lock(unsigned from, unsigned to)
{
    bool on = below(3) == 0, all = all_mapped(from, to);
    uint64_t addr = va_of(from) + below(PAGE_SIZE), len = va_of(to) - addr;

    assert_int_equal(on ? vm_mlock(addr, len, false, true) : vm_munlock(addr, len), all ? 0 : -ENOMEM);
    for (unsigned i = from; all && i < to; i++)
        model[i].locked = on;
}

static void
move(unsigned from, unsigned to)
{
    unsigned n = to - from, dest = below(ARENA_PAGES - n + 1);
    const struct region *r = region_find(&mm.map, va_of(from));
    struct known moved[ARENA_PAGES];
    bool one_region = r != NULL && r->end >= va_of(to);
    long at;

    if (below(2))
        dest = dest / 512 * 512 + from % 512;
    if (dest + n > ARENA_PAGES || (dest < to && from < dest + n))
        return;
    at = vm_mremap(va_of(from), n * PAGE_SIZE, n * PAGE_SIZE, MAYMOVE_FIXED, va_of(dest));
    assert_true(at == (one_region ? (long)va_of(dest) : -EFAULT));
    if (!one_region)
        return;
    memcpy(moved, &model[from], n * sizeof(model[0]));
    memset(&model[from], 0, n * sizeof(model[0]));
    memcpy(&model[dest], moved, n * sizeof(model[0]));
}

static void
resident(unsigned from, unsigned to)
{
    uint8_t in[ARENA_PAGES];

    assert_int_equal(vm_mincore(va_of(from), (to - from) * PAGE_SIZE, (uva_t)in), all_mapped(from, to) ? 0 : -ENOMEM);
    for (unsigned i = from; all_mapped(from, to) && i < to; i++)
        assert_int_equal(in[i - from], paging_entry(i) & AEG_PTE_P);
}

static void
populate(unsigned from, unsigned to)
{
    bool may = all_mapped(from, to);

    for (unsigned i = from; i < to; i++)
        may &= model[i].mapped && (model[i].prot & PROT_WRITE);
    if (vm_madvise(va_of(from), (to - from) * PAGE_SIZE, POPULATE_WRITE) == 0)
        assert_true(may);
    else
        assert_false(may);
    for (unsigned i = from; may && i < to; i++)
        assert_true(paging_entry(i) & AEG_PTE_W);
}

static void
one(void)
{
    unsigned from, to;

    any_range(&from, &to);
    cpus_many = below(2);
    switch (below(13)) {
    case 0: case 1: map(from, to); break;
    case 2: unmap(from, to); break;
    case 3: case 4: stores(from, to); break;
    case 5: case 6: protect(from, to); break;
    case 7: forget(from, to); break;
    case 8: lock(from, to); break;
    case 9: (void)vm_madvise(va_of(from), (to - from) * PAGE_SIZE, below(3) ? HUGEPAGE : NOHUGEPAGE); break;
    case 10: move(from, to); break;
    case 11: resident(from, to); break;
    default: populate(from, to);
    }
}

/* ---- tests ---- */

static int
begin(void **state)
{
    (void)state;
    paging_reset();
    memset(model, 0, sizeof(model));
    memset(pins, 0, sizeof(pins));
    mm = (struct mm){ .space = 1, .space_limit = UINT64_MAX, .data_limit = UINT64_MAX, .stack_bytes = 1 << 20, .lock_limit = UINT64_MAX,
                      .stack_limit = ARENA_END + STACK_GUARD_GAP, .stack_top = ARENA_END + 2 * STACK_GUARD_GAP };
    region_map_init(&mm.map);
    *MM = (struct mm_local){ .space = 1, .mm = &mm, .last_pt = UINT64_MAX, .pager = &pager_nobody };
    file = (struct file){ .ops = &ops, .refs = 1, .flags = O_RDONLY };
    for (unsigned i = 0; i < FILE_PAGES; i++) {
        file_frame[i] = paging_frame();
        *(uint64_t *)paging_memory(file_frame[i]) = FILE_WORD(i);
    }
    frames_before = paging_frames_taken();
    return 0;
}

/* All of it goes, and nothing is left but page tables. */
static int
end(void **state)
{
    struct mm_nodes *next;

    (void)state;
    unmap(0, ARENA_PAGES);
    check_counts();
    assert_int_equal(mm.resident, 0);
    region_map_free(&mm.map);
    for (struct mm_nodes *n = mm.nodes; n != NULL; n = next) {
        next = n->next;
        heap_free(n);
    }
    assert_int_equal(file.refs, 1);
    assert_int_equal(plain_heap_objects, 0);
    return 0;
}

static void
each_page_is_what_was_made_of_it(void **state)
{
    (void)state;
    paging_large = paging_split = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        one();
        check();
    }
    print_message("%u large entries, %u split\n", paging_large, paging_split);
    assert_true(paging_large > 50 && paging_split > 20);
}

static void
map_rw(unsigned from, unsigned to, bool huge)
{
    assert_true(vm_mmap(va_of(from), (to - from) * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0) > 0);
    if (huge)
        assert_int_equal(vm_madvise(va_of(from), (to - from) * PAGE_SIZE, HUGEPAGE), 0);
}

static void
a_large_entry_is_made_only_where_it_was_asked_for_and_fits(void **state)
{
    uint64_t word = 1;

    (void)state;
    map_rw(0, 512, false);
    map_rw(513, 1024, true);
    map_rw(1024, 1536, true);
    for (unsigned i = 0; i < 20; i++) {     /* now and then there is no block */
        assert_true(access(0, true, &word) && access(600, true, &word));
        assert_true(pt_span_empty(va_of(0)) == 0 && pt_span_empty(va_of(600)) == 0);
        assert_true(access(1500, true, &word));
        if (mm.large == 1)
            break;
        assert_int_equal(vm_madvise(va_of(1024), 512 * PAGE_SIZE, DONTNEED), 0);
    }
    assert_int_equal(mm.large, 1);
    assert_int_equal(mm.resident, 514);
}

static void
a_large_entry_is_split_without_memory(void **state)
{
    uint64_t word = 7;

    (void)state;
    map_rw(0, 512, true);
    while (mm.large == 0) {
        assert_int_equal(vm_madvise(va_of(0), 512 * PAGE_SIZE, DONTNEED), 0);
        assert_true(access(5, true, &word));
    }
    paging_starve = true;
    assert_int_equal(vm_munmap(va_of(100), PAGE_SIZE), 0);
    assert_int_equal(mm.large, 0);
    assert_int_equal(mm.resident, 511);
    assert_true(access(5, false, &word) && word == 7);
    assert_false(access(100, false, &word));
}

static void
no_memory_is_an_end_of_its_own(void **state)
{
    struct vm_bad bad;

    (void)state;
    map_rw(0, 4, false);
    paging_starve = true;
    assert_int_equal(vm_fault(va_of(1), FAULT_WRITE, &bad), -EFAULT);
    assert_int_equal(bad.sig, NO_MEMORY_SIG);
    paging_starve = false;
    assert_int_equal(vm_fault(va_of(9), 0, &bad), -EFAULT);
    assert_int_equal(bad.sig, 11);
}

static void
what_is_behind_the_end_of_a_file_is_a_bus_error(void **state)
{
    struct vm_bad bad;

    (void)state;
    assert_true(vm_mmap(va_of(0), 2 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, &file, (FILE_PAGES - 1) * PAGE_SIZE) > 0);
    assert_int_equal(vm_fault(va_of(0), FAULT_WRITE, &bad), 0);
    assert_int_equal(vm_fault(va_of(1), 0, &bad), -EFAULT);
    assert_int_equal(bad.sig, 7);
}

static void
the_limit_of_locked_memory_is_kept(void **state)
{
    (void)state;
    map_rw(0, 10, false);
    mm.lock_limit = 4 * PAGE_SIZE;
    assert_int_equal(vm_mlock(va_of(0), 4 * PAGE_SIZE, true, false), 0);
    assert_int_equal(mm.resident, 4);
    assert_int_equal(vm_mlock(va_of(5), 1, true, false), -ENOMEM);
    assert_int_equal(vm_mlock(va_of(5), 1, true, true), 0);
    assert_int_equal(mm.resident, 5);
    mm.lock_limit = 0;
    assert_int_equal(vm_mlock(va_of(6), 1, true, false), -EPERM);
    assert_int_equal(vm_munlockall(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_page_is_what_was_made_of_it, begin, end),
        cmocka_unit_test_setup_teardown(a_large_entry_is_made_only_where_it_was_asked_for_and_fits, begin, end),
        cmocka_unit_test_setup_teardown(a_large_entry_is_split_without_memory, begin, end),
        cmocka_unit_test_setup_teardown(no_memory_is_an_end_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(what_is_behind_the_end_of_a_file_is_a_bus_error, begin, end),
        cmocka_unit_test_setup_teardown(the_limit_of_locked_memory_is_kept, begin, end),
    };

    paging_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
