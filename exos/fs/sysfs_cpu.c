/*
 * sysfs_cpu.c: /sys/devices/system: processors, their caches and places, and the one node of memory.
 *
 * Holds:    a key is a processor; above it, one of its caches.
 */
#include "base/cpu.h"
#include "base/mem.h"
#include "fs/sysfs.h"
#include "thread/turn.h"

#define KEY_CACHE_SHIFT 16
#define KIB_PER_PAGE (PAGE_SIZE / 1024)

/* ---- which there are ---- */

static unsigned
cpu_of(uint64_t key)
{
    return key & 0xffff;
}

static bool
next_cpu(uint64_t of, uint64_t *at, uint64_t *key)
{
    (void)of;
    *key = (*at)++;
    return *key < cpu_count();
}

static void
cpu_name(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "cpu%u", cpu_of(key));
}

static bool
next_cache(uint64_t of, uint64_t *at, uint64_t *key)
{
    struct cpu_cache c;

    *key = *at << KEY_CACHE_SHIFT | of;
    return cpu_cache((unsigned)(*at)++, &c);
}

static void
cache_name(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "index%lu", key >> KEY_CACHE_SHIFT);
}

static const struct gen_set cpus = { .next = next_cpu, .name = cpu_name };
static const struct gen_set caches = { .next = next_cache, .name = cache_name };

/* ---- sets of processors ---- */

static uint64_t
all_cpus(void)
{
    return (1ul << cpu_count()) - 1;
}

/* As "0-3,5". */
static int
put_list(struct text_buf *t, uint64_t set)
{
    const char *comma = "";

    for (unsigned n = 0; set >> n != 0; n++) {
        unsigned last = n;

        if (!(set >> n & 1))
            continue;
        while (set >> (last + 1) & 1)
            last++;
        text_print(t, n == last ? "%s%u" : "%s%u-%u", comma, n, last);
        comma = ",";
        n = last;
    }
    text_print(t, "\n");
    return 0;
}

static int
put_mask(struct text_buf *t, uint64_t set)
{
    static_assert(SESSION_CPUS_MAX <= 32, "a mask is one group of digits");
    text_print(t, "%0*lx\n", (int)((cpu_count() + 3) / 4), set);
    return 0;
}

static int
put_number(struct text_buf *t, uint64_t value)
{
    text_print(t, "%lu\n", value);
    return 0;
}

static struct cpu_place
place(const struct text_buf *t)
{
    struct cpu_place p;

    cpu_place(cpu_of(t->key), &p);
    return p;
}

static int show_all(struct text_buf *t) { return put_list(t, all_cpus()); }
static int show_all_mask(struct text_buf *t) { return put_mask(t, all_cpus()); }
static int show_kernel_max(struct text_buf *t) { return put_number(t, SESSION_CPUS_MAX - 1); }
static int show_package(struct text_buf *t) { return put_number(t, place(t).package); }
static int show_core(struct text_buf *t) { return put_number(t, place(t).core); }
static int show_threads(struct text_buf *t) { return put_mask(t, place(t).threads); }
static int show_threads_list(struct text_buf *t) { return put_list(t, place(t).threads); }
static int show_cores(struct text_buf *t) { return put_mask(t, place(t).cores); }
static int show_cores_list(struct text_buf *t) { return put_list(t, place(t).cores); }

static int
show_smt(struct text_buf *t)
{
    bool active = false;
    struct cpu_place p;

    for (unsigned n = 0; n < cpu_count(); n++) {
        cpu_place(n, &p);
        active |= (p.threads & (p.threads - 1)) != 0;
    }
    return put_number(t, active);
}

/* ---- caches ---- */

static struct cpu_cache
cache(const struct text_buf *t)
{
    struct cpu_cache c = { .type = "" };

    (void)!cpu_cache((unsigned)(t->key >> KEY_CACHE_SHIFT), &c);
    return c;
}

static int
show_type(struct text_buf *t)
{
    text_print(t, "%s\n", cache(t).type);
    return 0;
}

static int
show_size(struct text_buf *t)
{
    text_print(t, "%luK\n", cache(t).bytes / 1024);
    return 0;
}

static uint64_t
sharers(const struct text_buf *t)
{
    return cpu_neighbours(cpu_of(t->key), cache(t).share_bits);
}

static int show_level(struct text_buf *t) { return put_number(t, cache(t).level); }
static int show_line(struct text_buf *t) { return put_number(t, cache(t).line_bytes); }
static int show_ways(struct text_buf *t) { return put_number(t, cache(t).ways); }
static int show_sets(struct text_buf *t) { return put_number(t, cache(t).sets); }
static int show_sharers(struct text_buf *t) { return put_mask(t, sharers(t)); }
static int show_sharers_list(struct text_buf *t) { return put_list(t, sharers(t)); }

/* ---- memory ---- */

static int
show_node_memory(struct text_buf *t)
{
    struct cache_stats c;
    uint64_t total = mem_total_pages(), free = mem_free_pages();

    cache_stats(&c);
    text_print(t, "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\nNode 0 MemUsed:        %8lu kB\n", total * KIB_PER_PAGE,
               free * KIB_PER_PAGE, (total - MIN(free, total)) * KIB_PER_PAGE);
    text_print(t, "Node 0 FilePages:      %8lu kB\nNode 0 Dirty:          %8lu kB\nNode 0 Writeback:      %8lu kB\n", (uint64_t)c.pages * KIB_PER_PAGE,
               (uint64_t)c.dirty * KIB_PER_PAGE, (uint64_t)c.writing * KIB_PER_PAGE);
    return 0;
}

static ssize
link_cpu(uint64_t key, char *buf, size_t size)
{
    return fmt_print(buf, size, "../../cpu/cpu%u", cpu_of(key));
}

static ssize
link_node(uint64_t key, char *buf, size_t size)
{
    (void)key;
    return fmt_print(buf, size, "../../node/node0");
}

#define SYSTEM "devices/system/"
#define TOPOLOGY(name, fn) { SYSTEM "cpu/#/topology/" name, { &cpus }, .show = (fn) }
#define CACHE(name, fn) { SYSTEM "cpu/#/cache/#/" name, { &cpus, &caches }, .show = (fn) }

static const struct gen_row rows[] = {
    { SYSTEM "cpu/possible", .show = show_all },
    { SYSTEM "cpu/present", .show = show_all },
    { SYSTEM "cpu/online", .show = show_all },
    { SYSTEM "cpu/offline", .text = "\n" },
    { SYSTEM "cpu/isolated", .text = "\n" },
    { SYSTEM "cpu/kernel_max", .show = show_kernel_max },
    { SYSTEM "cpu/smt/active", .show = show_smt },
    { SYSTEM "cpu/smt/control", .text = "notsupported\n" },
    TOPOLOGY("physical_package_id", show_package),
    TOPOLOGY("core_id", show_core),
    { SYSTEM "cpu/#/topology/die_id", { &cpus }, .text = "0\n" },
    TOPOLOGY("thread_siblings", show_threads),
    TOPOLOGY("thread_siblings_list", show_threads_list),
    TOPOLOGY("core_cpus", show_threads),
    TOPOLOGY("core_cpus_list", show_threads_list),
    TOPOLOGY("core_siblings", show_cores),
    TOPOLOGY("core_siblings_list", show_cores_list),
    TOPOLOGY("package_cpus", show_cores),
    TOPOLOGY("package_cpus_list", show_cores_list),
    TOPOLOGY("die_cpus", show_cores),
    TOPOLOGY("die_cpus_list", show_cores_list),
    CACHE("level", show_level),
    CACHE("type", show_type),
    CACHE("size", show_size),
    CACHE("coherency_line_size", show_line),
    CACHE("ways_of_associativity", show_ways),
    CACHE("number_of_sets", show_sets),
    CACHE("shared_cpu_map", show_sharers),
    CACHE("shared_cpu_list", show_sharers_list),
    { SYSTEM "cpu/#/cache/#/physical_line_partition", { &cpus, &caches }, .text = "1\n" },
    { SYSTEM "cpu/#/node0", { &cpus }, .link = link_node },
    { SYSTEM "clocksource/clocksource0/available_clocksource", .text = "tsc \n" },
    { SYSTEM "clocksource/clocksource0/current_clocksource", .text = "tsc\n" },
    { SYSTEM "node/possible", .text = "0\n" },
    { SYSTEM "node/online", .text = "0\n" },
    { SYSTEM "node/has_cpu", .text = "0\n" },
    { SYSTEM "node/has_memory", .text = "0\n" },
    { SYSTEM "node/has_normal_memory", .text = "0\n" },
    { SYSTEM "node/node0/cpulist", .show = show_all },
    { SYSTEM "node/node0/cpumap", .show = show_all_mask },
    { SYSTEM "node/node0/distance", .text = "10\n" },
    { SYSTEM "node/node0/meminfo", .show = show_node_memory },
    { SYSTEM "node/node0/#", { &cpus }, .link = link_cpu },
};

void
sysfs_add_cpus(void)
{
    gen_add(&sysfs, rows, ARRAY_SIZE(rows));
}
