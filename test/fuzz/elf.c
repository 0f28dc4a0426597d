/*
 * elf.c: programs whose headers, interpreters and `#!` lines somebody has made up, opened and mapped by the real loader from a real file
 * system. What it accepts lies in the program's part of a space, and every byte of it is the one that the file's headers promise.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* These are the library's here. */
#undef WNOHANG
#undef WUNTRACED
#undef WEXITED
#undef WCONTINUED
#undef WNOWAIT

#include "choice.h"
#include "fake/exos/calls.h"
#include "fs/fdtable.h"
#include "proc/internal.h"
#include "proc/script.h"
#include "unit/exos/fs/fs_test.h"
#include "vm/vm.h"

#define FILES 3
#define FILE_BYTES 16384
#define SEGMENTS_MAX 6
#define LOWEST 0x10000ull       /* what mmap(2) and the loader leave free at the bottom */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);

static const char *const names[FILES] = { "/run/a", "/run/b", "/run/c" };
static uint8_t image[256 << 10];        /* of an empty disk */
static uint8_t contents[FILES][FILE_BYTES];
static struct mm mm;

/* ---- what an exec does after the loader, which nobody here gets to ---- */

#define UNUSED __attribute__((unused))
#define NOT_REACHED(type, name, ...) type name(__VA_ARGS__) { abort(); }
NOT_REACHED(void, mm_clear, struct mm *m UNUSED)
NOT_REACHED(void, proc_exit, int status UNUSED)
NOT_REACHED(void, ptimers_end, struct proc *p UNUSED)
NOT_REACHED(int, stack_build, struct proc *p UNUSED, const struct arg_pages *a UNUSED, const char *path UNUSED, const struct image *img UNUSED, uint64_t *sp UNUSED)
NOT_REACHED(void, thread_become_first, struct proc *p UNUSED, struct exec *e UNUSED)
NOT_REACHED(void, threads_end_others, struct proc *p UNUSED)
NOT_REACHED(void, vectors_reset, void)
NOT_REACHED(int, vfork_exec, struct proc *p UNUSED, struct exec *e UNUSED)

/* ---- files ---- */

static uint64_t
any_number(uint64_t usual)
{
    static const uint64_t edges[] = {
        0, 1, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000, 1ull << 31, UINT32_MAX, 1ull << 47, USER_TOP, USER_TOP - PAGE_SIZE, STACK_TOP,
        0x7fffffffffffffff, 1ull << 63, UINT64_MAX - PAGE_MASK, UINT64_MAX,
    };

    switch (below(24)) {
    case 0: return edges[below(ARRAY_SIZE(edges))];
    case 1: return choice() >> below(64);
    case 2: return usual + below(2 * PAGE_SIZE) - PAGE_SIZE;
    default: return usual;
    }
}

static void
make_segments(struct elf_segment *s, unsigned n, uint64_t at)
{
    for (unsigned i = 0; i < n; i++, s++) {
        uint64_t offset = below(FILE_BYTES), bytes = below(FILE_BYTES) / (one_in(4) ? 1 : 4);

        at += below(0x3000) + (one_in(4) ? below(1u << 24) : 0);
        at += (offset - at) & PAGE_MASK;
        *s = (struct elf_segment){
            .type = (uint32_t)any_number(one_in(10) ? below(8) : PT_LOAD), .flags = below(8),
            .offset = any_number(offset), .vaddr = any_number(at), .filesz = any_number(bytes),
            .memsz = any_number(bytes + (one_in(3) ? below(0x8000) : 0)), .align = any_number(one_in(4) ? 1ull << below(24) : PAGE_SIZE),
        };
        at += s->memsz;
    }
}

/* The segment that is the name of another file. */
static void
name_interpreter(struct elf_segment *s, uint8_t *file)
{
    const char *name = names[below(FILES)];
    uint32_t at = 1024 + below(64);

    strcpy((char *)file + at, name);
    *s = (struct elf_segment){ .type = PT_INTERP, .offset = any_number(at), .filesz = any_number(strlen(name) + 1) };
}

static void
make_elf(uint8_t *file)
{
    unsigned n = below(SEGMENTS_MAX) + 1;
    uint64_t base = one_in(2) ? 0 : any_number(0x400000);
    struct elf_segment s[SEGMENTS_MAX];
    struct elf_header h;

    make_segments(s, n, base);
    if (one_in(2))
        name_interpreter(&s[below(n)], file);
    h = (struct elf_header){
        .ident = "\177ELF\2\1\1", .type = (uint16_t)any_number(base == 0 ? ELF_TYPE_DYN : ELF_TYPE_EXEC),
        .machine = (uint16_t)any_number(ELF_MACHINE_X86_64), .version = 1,
        .phoff = any_number(sizeof(h)), .ehsize = sizeof(h), .phentsize = (uint16_t)any_number(sizeof(s[0])), .phnum = (uint16_t)any_number(n),
    };
    for (unsigned i = 0; i < n; i++)
        if (s[i].type == PT_LOAD && (s[i].flags & PF_X))
            h.entry = any_number(s[i].vaddr + s[i].memsz / 2);
    memcpy(file, &h, sizeof(h));
    memcpy(file + sizeof(h), s, sizeof(s));
}

static size_t
make_script(char *file)
{
    static const char *const lines[] = {
        "#!%s\n", "#! %s  arg ment \n", "#!\t%s", "#!%s\t-x", "#!%s/..", "#!", "#! \n%s", "#!%300s\n", "#!%3000s", "%s",
    };

    return (size_t)sprintf(file, lines[below(ARRAY_SIZE(lines))], names[below(FILES)]);
}

static void
make_file(unsigned which)
{
    uint8_t *file = contents[which];
    size_t size = FILE_BYTES;
    long fd;

    for (size_t i = 0; i < FILE_BYTES; i++)
        file[i] = (uint8_t)(i * 31 + i / 251 + which);
    if (one_in(5))
        size = make_script((char *)file);
    else
        make_elf(file);
    for (unsigned n = one_in(3) ? below(4) : 0; n > 0; n--)
        file[below(512)] = (uint8_t)choice();
    if (one_in(8))
        size = below((uint32_t)size);
    memset(file + size, 0, FILE_BYTES - size);
    fd = CALL(open, names[which], O_CREAT | O_TRUNC | O_WRONLY, 0755);
    assert(fd >= 0 && CALL(write, fd, file, size) == (long)size);
    CALL(fchmod, fd, one_in(50) ? 0644 : 0755);
    CALL(close, fd);
}

/* ---- what came of it ---- */

static void
check_regions(void)
{
    const struct region_map *m = &mm.map;

    for (uint32_t i = 0; i < m->count; i++) {
        const struct region *r = m->at[i];

        assert(r->start < r->end && (r->start & PAGE_MASK) == 0 && (r->end & PAGE_MASK) == 0 && (r->offset & PAGE_MASK) == 0);
        assert(r->start >= LOWEST && r->end <= STACK_TOP - STACK_BYTES_MAX && (i == 0 || m->at[i - 1]->end <= r->start));
        assert(r->file_bytes <= r->end - r->start && (r->file != NULL || r->file_bytes == 0));
    }
}

/* What of the file, from the region's point of view, is at va: an offset, or -1: a zero. */
static uint64_t
found_at(uint64_t va)
{
    const struct region *r = region_find(&mm.map, va);

    assert(r != NULL);
    return va - r->start < r->file_bytes ? r->offset + (va - r->start) : UINT64_MAX;
}

static void
check_segments(const struct elf_file *e, uint64_t bias)
{
    for (unsigned i = 0; i < e->h.phnum; i++) {
        const struct elf_segment *s = &e->s[i];
        uint64_t at = s->vaddr + bias;

        if (s->type != PT_LOAD || s->memsz == 0)
            continue;
        if (s->filesz > 0) {
            assert(region_find(&mm.map, at)->file == e->file);
            assert(found_at(at) == s->offset && found_at(at + s->filesz - 1) == s->offset + s->filesz - 1);
        }
        if (s->memsz > s->filesz)
            assert(found_at(at + s->filesz) == UINT64_MAX && found_at(at + s->memsz - 1) == UINT64_MAX);
    }
}

static void
check_start(uint64_t at)
{
    const struct region *r = region_find(&mm.map, at);

    assert(r != NULL && (r->prot & PROT_EXEC));
}

static void
run(const char *path)
{
    struct exec *e = exec_new();
    struct image img;

    snprintf(e->path, sizeof(e->path), "%s", path);
    exec_name(e);
    e->args.argc = 1;
    assert(args_add(&e->args, path) == 0);
    region_map_init(&mm.map);
    host_alloc_fail = one_in(8) ? (int)(host_allocs + below(40)) : -1;
    if (exec_find(e) == 0 && exec_open(e) == 0 && elf_load(e, &img) == 0) {
        check_segments(&e->program, img.program_entry - e->program.h.entry);
        check_start(img.program_entry);
        check_start(img.entry);
        if (e->loader.file != NULL)
            check_segments(&e->loader, img.base);
        assert(e->args.argc >= 1 && args_next(&e->args, 0) <= e->args.bytes);
    }
    host_alloc_fail = -1;
    check_regions();
    region_map_free(&mm.map);
    exec_free(e);
}

static void
story(const uint8_t *data, size_t size)
{
    static uint8_t disk[sizeof(image)];

    choices_begin(data, size);
    memcpy(disk, image, sizeof(disk));
    host_open_memory(disk, sizeof(disk));
    assert(mount_opened() == 0);
    for (unsigned i = 0; i < FILES; i++)
        make_file(i);
    for (unsigned i = 0; i < FILES; i++)
        run(names[i]);
    assert(unmount_image() == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    FILE *f;
    void *at;

    (void)argc;
    (void)argv;
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    at = mmap((void *)MM_LOCAL_VA, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert(at == (void *)MM_LOCAL_VA);
    MM->mm = &mm;
    host_quiet = true;
    test_start("elf");
    assert(host_run("mkdir %s/src/run", test_dir) == 0);
    make_image("-t ext2 -b 1024", "256k");
    f = fopen(test_image, "rb");
    assert(f != NULL && fread(image, 1, sizeof(image), f) == sizeof(image));
    fclose(f);
    test_end();
    story(NULL, 0);             /* what is made once is there */
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned objects = objects_held();

    story(data, size);
    assert(objects_held() == objects);
    return 0;
}
