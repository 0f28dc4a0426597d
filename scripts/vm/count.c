/*
 * count.c: a QEMU plugin that counts executed instructions, idle time excluded: in all, and between marks.
 *
 * Holds:    one counter each for programs, ExOS (PML4 slot 250) and the kernel's half. Where a mark is executed, `0f 1f 80` with the
 *           number 0xbeefNNNN, a line "mark NNNN NANOSECONDS program exos kernel" goes to the file that out= names. entry=ADDRESS:
 *           the first instruction executed there is mark ffff. count=off: marks and their times alone, at full speed. live=FILE: the
 *           counters are this file, which others may look into while the machine runs.
 * Source:   QEMU's qemu-plugin.h, version 1 of the interface, which Debian does not package; what is used of it is declared here.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define INLINE_ADD_U64 0
#define EXOS_SLOT 250
#define ENTRY_MARK 0xffffu
#define COUNTERS 3                  /* programs, ExOS, kernel */

typedef uint64_t plugin_id;
struct block;
struct instruction;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*fn)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_insn_exec_inline(struct instruction *i, int operation, void *counter, uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *i, void (*fn)(unsigned, void *), int flags, void *arg);
size_t qemu_plugin_tb_n_insns(const struct block *b);
struct instruction *qemu_plugin_tb_get_insn(const struct block *b, size_t n);
const void *qemu_plugin_insn_data(const struct instruction *i);
size_t qemu_plugin_insn_size(const struct instruction *i);
uint64_t qemu_plugin_insn_vaddr(const struct instruction *i);
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

EXPORT int qemu_plugin_version = 1;

static uint64_t own_count[COUNTERS], *count = own_count;
static uint64_t entry;
static int counting = 1, entered;
static FILE *out;

static void
mark(unsigned cpu, void *number)
{
    struct timespec t;

    (void)cpu;
    if ((uintptr_t)number == ENTRY_MARK && entered++)
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    fprintf(out, "mark %04x %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (unsigned)(uintptr_t)number,
            (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, count[0], count[1], count[2]);
    fflush(out);
}

static uint64_t *
counter(uint64_t address)
{
    return &count[address >> 63 ? 2 : address >> 39 == EXOS_SLOT ? 1 : 0];
}

/* The number of the mark that an instruction is, else 0. */
static uintptr_t
mark_number(const struct instruction *i)
{
    const uint8_t *code = qemu_plugin_insn_data(i);

    if (qemu_plugin_insn_size(i) != 7 || code[0] != 0x0f || code[1] != 0x1f || code[2] != 0x80 || code[5] != 0xef || code[6] != 0xbe)
        return 0;
    return (uintptr_t)(code[3] | code[4] << 8);
}

static void
translated(plugin_id id, struct block *b)
{
    (void)id;
    for (size_t n = 0; n < qemu_plugin_tb_n_insns(b); n++) {
        struct instruction *i = qemu_plugin_tb_get_insn(b, n);
        uintptr_t number = mark_number(i);

        if (entry && qemu_plugin_insn_vaddr(i) == entry && !entered)
            number = ENTRY_MARK;
        if (number)
            qemu_plugin_register_vcpu_insn_exec_cb(i, mark, 0, (void *)number);
        if (counting)
            qemu_plugin_register_vcpu_insn_exec_inline(i, INLINE_ADD_U64, counter(qemu_plugin_insn_vaddr(i)), 1);
    }
}

/* The counters in a shared file from now on; NULL: it cannot be made. */
static uint64_t *
live_counters(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    void *at = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, sizeof(own_count)) == 0)
        at = mmap(NULL, sizeof(own_count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return at == MAP_FAILED ? NULL : at;
}

int
qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int n = 0; n < argc; n++) {
        if (strncmp(argv[n], "out=", 4) == 0)
            out = fopen(argv[n] + 4, "w");
        else if (strncmp(argv[n], "entry=", 6) == 0)
            entry = strtoull(argv[n] + 6, NULL, 0);
        else if (strncmp(argv[n], "live=", 5) == 0)
            count = live_counters(argv[n] + 5);
        else if (strcmp(argv[n], "count=off") == 0)
            counting = 0;
    }
    if (out == NULL || count == NULL)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
