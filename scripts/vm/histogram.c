/*
 * histogram.c: a QEMU plugin that counts how often the instruction at each address was executed.
 *
 * Holds:    one counter per virtual address; kernel, library and one program never share one. A `rep` counts once per round, as
 *           counted time does. At the end "address count" lines go to the file that out= names.
 * Source:   QEMU's qemu-plugin.h, version 1 of the interface, which Debian does not package; what is used of it is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define SLOTS (1u << 21)        /* addresses; a boot and a benchmark execute under a tenth of it */
#define INLINE_ADD_U64 0

typedef uint64_t plugin_id;
struct block;
struct instruction;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*fn)(plugin_id, struct block *));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*fn)(plugin_id, void *), void *arg);
void qemu_plugin_register_vcpu_insn_exec_inline(struct instruction *i, int operation, void *counter, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct block *b);
struct instruction *qemu_plugin_tb_get_insn(const struct block *b, size_t n);
uint64_t qemu_plugin_insn_vaddr(const struct instruction *i);
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

EXPORT int qemu_plugin_version = 1;

static struct {
    uint64_t address, count;
} slot[SLOTS];
static const char *out_path;

static uint64_t *
counter(uint64_t address)
{
    uint64_t n = (address * 0x9e3779b97f4a7c15u) >> 43;

    for (uint64_t tried = 0; tried < SLOTS; tried++, n = (n + 1) % SLOTS) {
        if (slot[n].address == 0)
            slot[n].address = address;
        if (slot[n].address == address)
            return &slot[n].count;
    }
    fprintf(stderr, "histogram: more than %u addresses\n", SLOTS);
    abort();
}

static void
translated(plugin_id id, struct block *b)
{
    (void)id;
    for (size_t n = 0; n < qemu_plugin_tb_n_insns(b); n++) {
        struct instruction *i = qemu_plugin_tb_get_insn(b, n);

        qemu_plugin_register_vcpu_insn_exec_inline(i, INLINE_ADD_U64, counter(qemu_plugin_insn_vaddr(i)), 1);
    }
}

static void
ended(plugin_id id, void *arg)
{
    FILE *out = fopen(out_path, "w");

    (void)id;
    (void)arg;
    if (out == NULL) {
        perror(out_path);
        return;
    }
    for (size_t n = 0; n < SLOTS; n++)
        if (slot[n].count != 0)
            fprintf(out, "%" PRIx64 " %" PRIu64 "\n", slot[n].address, slot[n].count);
    fclose(out);
}

int
qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int n = 0; n < argc; n++)
        if (strncmp(argv[n], "out=", 4) == 0)
            out_path = argv[n] + 4;
    if (out_path == NULL)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
