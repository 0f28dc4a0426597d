/*
 * stack.c: the stack as a program finds it at its first instruction (System V ABI, AMD64 supplement, 3.4.1).
 *
 * From high to low: a zero word, the path, environment and argument strings, platform name, random bytes, padding, the auxiliary vector,
 * environment pointers, argument pointers, argc.
 */
#include "base/uio.h"
#include "proc/internal.h"
#include "start/vdso.h"
#include "vm/vm.h"

enum { AT_NULL, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID = 11, AT_EUID, AT_GID, AT_EGID,
       AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2, AT_EXECFN = 31, AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51 };

#define AUX_MAX 24
#define RANDOM_BYTES 16
#define CLOCK_TICKS 100
#define SIGSTACK_MIN 4096

struct builder {
    uint64_t sp;                /* lowest byte used */
    uint64_t strings;           /* where the first argument's string lies */
    uint64_t path, platform, random;
    uint64_t aux[AUX_MAX][2];
    unsigned aux_count;
    int err;
};

static void
push(struct builder *b, const void *data, size_t n)
{
    b->sp -= n;
    if (b->err == 0)
        b->err = user_copy_out(b->sp, data, n);
}

static void
push_strings(struct builder *b, const struct arg_pages *a)
{
    uint64_t at;

    b->sp -= a->bytes;
    b->strings = at = b->sp;
    for (size_t done = 0; done < a->bytes && b->err == 0; done += PAGE_SIZE)
        b->err = user_copy_out(at + done, a->page[done / PAGE_SIZE], MIN(a->bytes - done, PAGE_SIZE));
}

static void
aux(struct builder *b, uint64_t key, uint64_t value)
{
    b->aux[b->aux_count][0] = key;
    b->aux[b->aux_count++][1] = value;
}

static uint64_t
cpu_hwcap(void)
{
    uint32_t a = 1, c = 0, bx, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(bx), "+c"(c), "=d"(d));
    return d;
}

static void
fill_aux(struct builder *b, const struct image *img, const struct fs_context *fs)
{
    aux(b, AT_PHDR, img->phdr);
    aux(b, AT_PHENT, img->phent);
    aux(b, AT_PHNUM, img->phnum);
    aux(b, AT_PAGESZ, PAGE_SIZE);
    aux(b, AT_BASE, img->base);
    aux(b, AT_FLAGS, 0);
    aux(b, AT_ENTRY, img->program_entry);
    aux(b, AT_UID, fs->ruid);
    aux(b, AT_EUID, fs->uid);
    aux(b, AT_GID, fs->rgid);
    aux(b, AT_EGID, fs->gid);
    aux(b, AT_PLATFORM, b->platform);
    aux(b, AT_HWCAP, cpu_hwcap());
    aux(b, AT_CLKTCK, CLOCK_TICKS);
    aux(b, AT_SECURE, fs->uid != fs->ruid || fs->gid != fs->rgid);
    aux(b, AT_RANDOM, b->random);
    aux(b, AT_HWCAP2, 2);       /* FSGSBASE */
    aux(b, AT_EXECFN, b->path);
    aux(b, AT_SYSINFO_EHDR, vdso_address());
    aux(b, AT_MINSIGSTKSZ, SIGSTACK_MIN);
    aux(b, AT_NULL, 0);
}

/* Stores the addresses of `count` consecutive strings from *string on, and a NULL, at `to`. */
static void
put_pointers(struct builder *b, const struct arg_pages *a, uint64_t to, size_t *offset, uint32_t count)
{
    uint64_t zero = 0;

    for (uint32_t i = 0; i < count && b->err == 0; i++, to += sizeof(uint64_t)) {
        uint64_t at = b->strings + *offset;

        b->err = user_copy_out(to, &at, sizeof(at));
        *offset = args_next(a, *offset);
    }
    if (b->err == 0)
        b->err = user_copy_out(to, &zero, sizeof(zero));
}

static int
stack_region(struct mm *mm, uint64_t bytes, uint64_t limit)
{
    struct region r = { .start = STACK_TOP - PAGE_UP(bytes), .end = STACK_TOP, .prot = PROT_READ | PROT_WRITE, .flags = REGION_STACK };

    mm->stack_top = STACK_TOP;
    mm->stack_limit = STACK_TOP - MIN(PAGE_UP(MAX(limit, bytes)), STACK_BYTES_MAX);
    return region_add(&mm->map, &r) != NULL ? 0 : -ENOMEM;
}

int
stack_build(struct proc *p, const struct arg_pages *a, const char *path, const struct image *img, uint64_t *sp)
{
    struct builder b = { .sp = STACK_TOP };
    uint64_t zero = 0, words = 1 + a->argc + 1 + a->envc + 1, argc = a->argc;
    uint8_t random[RANDOM_BYTES];
    size_t offset = 0;

    b.err = stack_region(p->mm, a->bytes + words * 8 + 4 * PAGE_SIZE, MIN(p->rlimit[RLIMIT_STACK_K].cur, STACK_BYTES_MAX));
    random_fill(random, sizeof(random));
    push(&b, &zero, sizeof(zero));
    push(&b, path, strlen(path) + 1);
    b.path = b.sp;
    push_strings(&b, a);
    push(&b, "x86_64", 7);
    b.platform = b.sp;
    b.sp &= ~15ull;
    push(&b, random, sizeof(random));
    b.random = b.sp;
    fill_aux(&b, img, p->fs);
    if (words % 2 != 0)
        b.sp -= 8;
    push(&b, b.aux, b.aux_count * sizeof(b.aux[0]));
    b.sp -= words * 8;
    EXO_ASSERT(b.sp % 16 == 0);
    if (b.err == 0)
        b.err = user_copy_out(b.sp, &argc, sizeof(argc));
    put_pointers(&b, a, b.sp + 8, &offset, a->argc);
    p->mm->arg_start = b.strings;
    p->mm->arg_end = p->mm->env_start = b.strings + offset;
    put_pointers(&b, a, b.sp + 8 * (a->argc + 2ull), &offset, a->envc);
    p->mm->env_end = b.strings + offset;
    *sp = b.sp;
    return b.err == -EFAULT ? -ENOMEM : b.err;
}
