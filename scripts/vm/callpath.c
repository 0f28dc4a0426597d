/*
 * callpath.c: a QEMU plugin that counts executed instructions by call path.
 *
 * Holds:    a tree of frames. A block that ends in a call is followed by a frame of the callee; whoever continues at a frame's return
 *           address ends it and those above it, by whatever means it got there (a library that answers a system call returns by a jump).
 *           Entering the kernel makes a frame that ends where the program goes on: behind a `syscall`, or within the block that faulted.
 *           One stack is kept, for one thread of control after another: rows of several processes show where they are, not always under whom.
 *           Counting begins where a row does, at its mark. At the end "node ID PARENT ADDRESS" lines and "count NODE ADDRESS
 *           INSTRUCTIONS" lines go to the file that out= names.
 * Source:   QEMU's qemu-plugin.h, version 1 of the interface, which Debian does not package; what is used of it is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define NODES (1u << 18)        /* different call paths */
#define COUNTS (1u << 20)       /* blocks by call path */
#define DEPTH 96                /* frames; deeper ones are their caller's */
#define NO_REGISTERS 0

typedef uint64_t plugin_id;
struct block;
struct instruction;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*fn)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct block *b, void (*fn)(unsigned, void *), int flags, void *arg);
void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *i, void (*fn)(unsigned, void *), int flags, void *arg);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*fn)(plugin_id, void *), void *arg);
size_t qemu_plugin_tb_n_insns(const struct block *b);
struct instruction *qemu_plugin_tb_get_insn(const struct block *b, size_t n);
const void *qemu_plugin_insn_data(const struct instruction *i);
size_t qemu_plugin_insn_size(const struct instruction *i);
uint64_t qemu_plugin_insn_vaddr(const struct instruction *i);
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

EXPORT int qemu_plugin_version = 1;

/* A translated block: [start, end), its instructions, and whether its last one calls. */
struct piece {
    uint64_t start, end;
    uint32_t instructions;
    int calls;
};

static struct node {
    uint32_t parent;
    uint64_t entry;             /* where the frame began */
} node[NODES];                  /* 0: none; 1: the root */
static struct {
    uint32_t node;
    uint64_t address, instructions;
} count[COUNTS];
static struct {
    uint32_t node;
    uint64_t from, to;          /* it ends when execution goes on in [from, to] */
} stack[DEPTH];
static unsigned depth;
static const struct piece *last;
static const char *out_path;
static int counting;            /* a row has begun: it has executed `0f 1f 80` with the number 0xbeef0003 */

static uint64_t
mix(uint64_t a, uint64_t b)
{
    return (a * 0x9e3779b97f4a7c15u ^ b) * 0xc2b2ae3d27d4eb4fu >> 20;
}

static void
full(const char *what)
{
    fprintf(stderr, "callpath: too many %s\n", what);
    abort();
}

static uint32_t
child(uint32_t parent, uint64_t entry)
{
    uint32_t n = (uint32_t)(mix(parent, entry) % NODES);

    for (unsigned tried = 0; tried < NODES; tried++, n = (n + 1) % NODES) {
        if (n <= 1)
            continue;
        if (node[n].parent == 0)
            node[n] = (struct node){ parent, entry };
        if (node[n].parent == parent && node[n].entry == entry)
            return n;
    }
    full("call paths");
    return 0;
}

static void
add(uint32_t where, const struct piece *p)
{
    uint64_t n = mix(where, p->start) % COUNTS;

    for (unsigned tried = 0; tried < COUNTS; tried++, n = (n + 1) % COUNTS) {
        if (count[n].node == 0) {
            count[n].node = where;
            count[n].address = p->start;
        }
        if (count[n].node == where && count[n].address == p->start) {
            count[n].instructions += p->instructions;
            return;
        }
    }
    full("blocks");
}

static uint32_t
top(void)
{
    return depth ? stack[depth - 1].node : 1;
}

static void
push(uint64_t entry, uint64_t from, uint64_t to)
{
    uint32_t n = child(top(), entry);

    if (depth == DEPTH)
        return;
    stack[depth].node = n;
    stack[depth].from = from;
    stack[depth++].to = to;
}

/* Ends the frames that are over when execution goes on at the address; 0 if there is none. */
static int
pop_to(uint64_t address)
{
    for (unsigned n = depth; n-- > 0;) {
        if (address >= stack[n].from && address <= stack[n].to) {
            depth = n;
            return 1;
        }
    }
    return 0;
}

static void
executed(unsigned cpu, void *arg)
{
    const struct piece *now = arg, *was = last;
    int entered = was && now->start >> 63 && !(was->start >> 63);

    (void)cpu;
    if (!counting)
        return;
    last = now;
    if (entered)
        push(now->start, was->start, was->end);
    else if (was && now->start != was->end && !pop_to(now->start) && was->calls)
        push(now->start, was->end, was->end);
    add(top(), now);
}

static void
begin(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    counting = 1;
}

static int
is_mark(const struct instruction *i)
{
    static const uint8_t mark[] = { 0x0f, 0x1f, 0x80, 0x03, 0x00, 0xef, 0xbe };

    return qemu_plugin_insn_size(i) == sizeof(mark) && memcmp(qemu_plugin_insn_data(i), mark, sizeof(mark)) == 0;
}

/* E8 and FF /2, with a prefix or none. */
static int
is_call(const struct instruction *i)
{
    const uint8_t *code = qemu_plugin_insn_data(i);
    size_t size = qemu_plugin_insn_size(i), at = 0;

    while (at + 1 < size && (code[at] == 0x3e || code[at] == 0xf2 || (code[at] & 0xf0) == 0x40))
        at++;
    return code[at] == 0xe8 || (code[at] == 0xff && at + 1 < size && (code[at + 1] >> 3 & 7) == 2);
}

static void
translated(plugin_id id, struct block *b)
{
    size_t n = qemu_plugin_tb_n_insns(b);
    struct instruction *end = qemu_plugin_tb_get_insn(b, n - 1);
    struct piece *p = malloc(sizeof(*p));

    (void)id;
    if (p == NULL)
        full("translations");
    *p = (struct piece){ qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(b, 0)), qemu_plugin_insn_vaddr(end) + qemu_plugin_insn_size(end),
                         (uint32_t)n, is_call(end) };
    qemu_plugin_register_vcpu_tb_exec_cb(b, executed, NO_REGISTERS, p);
    for (size_t i = 0; i < n && !counting; i++)
        if (is_mark(qemu_plugin_tb_get_insn(b, i)))
            qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(b, i), begin, NO_REGISTERS, NULL);
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
    for (unsigned n = 2; n < NODES; n++)
        if (node[n].parent != 0)
            fprintf(out, "node %u %u %" PRIx64 "\n", n, node[n].parent, node[n].entry);
    for (unsigned n = 0; n < COUNTS; n++)
        if (count[n].node != 0)
            fprintf(out, "count %u %" PRIx64 " %" PRIu64 "\n", count[n].node, count[n].address, count[n].instructions);
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
