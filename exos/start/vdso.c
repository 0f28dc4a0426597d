/*
 * vdso.c: the functions that C libraries look for with every process, under Linux' names and version (vdso(7)).
 *
 * Holds:    an ELF object without text of its own, put together here: it is linked at the address where the image holds it, and its
 *           symbols are functions of the image. They run as the program, on its stack: an address that is not the program's is a fault.
 *           Formats: System V ABI, "Dynamic Section", "Hash Table"; the GNU symbol versions of the LSB.
 */
#include "start/vdso.h"

#include "base/base.h"
#include "exos/gate.h"
#include "start/entry.h"
#include "thread/turn.h"

struct timespec_k { int64_t sec, nsec; };
struct timeval_k { int64_t sec, usec; };
struct timezone_k { int32_t west, dst; };

#define CLOCK_REALTIME 0
#define LX_clock_getres 229

int vdso_gettimeofday(struct timeval_k *tv, struct timezone_k *zone);
int64_t vdso_time(int64_t *to);
long vdso_clock_getres(int clock, void *to);
long vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

int
vdso_gettimeofday(struct timeval_k *tv, struct timezone_k *zone)
{
    struct timespec_k now;

    if (tv != NULL) {
        (void)gate_clock_gettime(CLOCK_REALTIME, &now);
        *tv = (struct timeval_k){ now.sec, (int64_t)((uint64_t)now.nsec / 1000) };
    }
    if (zone != NULL)
        *zone = (struct timezone_k){ 0, 0 };
    return 0;
}

int64_t
vdso_time(int64_t *to)
{
    struct timespec_k now;

    (void)gate_clock_gettime(CLOCK_REALTIME, &now);
    if (to != NULL)
        *to = now.sec;
    return now.sec;
}

long
vdso_clock_getres(int clock, void *to)
{
    return EXOS_GATE->syscall(LX_clock_getres, clock, (long)to, 0, 0, 0, 0);
}

long
vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    (void)unused;
    if (cpu != NULL)
        *cpu = cpu_current();
    if (node != NULL)
        *node = 0;
    return 0;
}

/* ---- the object ---- */

enum { ET_DYN = 3, EM_X86_64 = 62, PT_LOAD = 1, PT_DYNAMIC = 2, PF_R = 4, PF_X = 1 };
enum { DT_NULL, DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, DT_STRSZ = 10, DT_SYMENT = 11, DT_SONAME = 14, DT_VERSYM = 0x6ffffff0,
       DT_VERDEF = 0x6ffffffc, DT_VERDEFNUM = 0x6ffffffd };
#define FUNCTION 0x12           /* STB_GLOBAL, STT_FUNC */
#define DEFINED_HERE 1          /* any section but SHN_UNDEF */
#define FUNCTIONS 5
#define VERSION 2               /* index of LINUX_2.6; 1 is the object itself */
#define VERSION_HASH 0x3ae75f6u /* of "LINUX_2.6", System V */
#define SONAME_HASH 0xdeebfa1u  /* of "linux-vdso.so.1" */

struct header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    const void *entry;
    uint64_t phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct header) == 64, "Elf64_Ehdr");

struct segment {
    uint32_t type, flags;
    uint64_t offset;
    const void *vaddr, *paddr;
    uint64_t filesz, memsz, align;
};
_Static_assert(sizeof(struct segment) == 56, "Elf64_Phdr");

struct dynamic {
    uint64_t tag;
    const void *value;
};

struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    const void *value;
    uint64_t size;
};
_Static_assert(sizeof(struct symbol) == 24, "Elf64_Sym");

/* A version and its only name. */
struct version {
    uint16_t version, flags, index, names;
    uint32_t hash, name_offset, next, name, name_next;
    uint32_t pad;
};

struct strings {
    char nothing[1], soname[16], version[10], clock_gettime[21], gettimeofday[20], time[12], clock_getres[20], getcpu[14];
};
#define STRING(field) ((uint32_t)offsetof(struct strings, field))

struct vdso {
    struct header header;
    struct segment segment[2];
    struct dynamic dynamic[10];
    struct symbol symbol[1 + FUNCTIONS];
    uint32_t hash[2 + 1 + 1 + FUNCTIONS];       /* one bucket, one chain */
    uint16_t versym[1 + FUNCTIONS];
    struct version verdef[2];
    struct strings strings;
};

#define NUMBER(n) ((const void *)(uintptr_t)(n))
#define SYMBOL(field, function) { STRING(field), FUNCTION, 0, DEFINED_HERE, (const void *)(function), 0 }

extern const struct vdso vdso;
const struct vdso vdso __attribute__((aligned(PAGE_SIZE))) = {
    .header = {
        .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
        .type = ET_DYN, .machine = EM_X86_64, .version = 1,
        .phoff = offsetof(struct vdso, segment), .ehsize = sizeof(struct header), .phentsize = sizeof(struct segment), .phnum = 2,
    },
    .segment = {
        { PT_LOAD, PF_R | PF_X, 0, &vdso, &vdso, sizeof(struct vdso), sizeof(struct vdso), PAGE_SIZE },
        { PT_DYNAMIC, PF_R, offsetof(struct vdso, dynamic), vdso.dynamic, vdso.dynamic, sizeof(vdso.dynamic), sizeof(vdso.dynamic), 8 },
    },
    .dynamic = {
        { DT_SONAME, NUMBER(STRING(soname)) },
        { DT_HASH, vdso.hash },
        { DT_STRTAB, &vdso.strings },
        { DT_SYMTAB, vdso.symbol },
        { DT_STRSZ, NUMBER(sizeof(struct strings)) },
        { DT_SYMENT, NUMBER(sizeof(struct symbol)) },
        { DT_VERSYM, vdso.versym },
        { DT_VERDEF, vdso.verdef },
        { DT_VERDEFNUM, NUMBER(2) },
        { DT_NULL, NULL },
    },
    .symbol = {
        [1] = SYMBOL(clock_gettime, gate_clock_gettime),
        [2] = SYMBOL(gettimeofday, vdso_gettimeofday),
        [3] = SYMBOL(time, vdso_time),
        [4] = SYMBOL(clock_getres, vdso_clock_getres),
        [5] = SYMBOL(getcpu, vdso_getcpu),
    },
    .hash = { 1, 1 + FUNCTIONS, 1, 0, 2, 3, 4, 5, 0 },
    .versym = { 0, VERSION, VERSION, VERSION, VERSION, VERSION },
    .verdef = {
        { 1, 1, 1, 1, SONAME_HASH, 20, sizeof(struct version), STRING(soname), 0, 0 },
        { 1, 0, VERSION, 1, VERSION_HASH, 20, 0, STRING(version), 0, 0 },
    },
    .strings = { "", "linux-vdso.so.1", "LINUX_2.6", "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time",
                 "__vdso_clock_getres", "__vdso_getcpu" },
};

uint64_t
vdso_address(void)
{
    return (uintptr_t)&vdso;
}
