/*
 * fsgsbase.c: the bases of FS and GS on a CPU without FSGSBASE (QEMU's default one, and those before 2012).
 *
 * Holds:    the kernel's own uses become calls that go by the MSRs; a program's raise #UD and are done here, so that a library needs to
 *           know only one way.
 * Not here: any cost on a CPU that has them.
 */
#include "arch/x86_64/fsgsbase.h"
#include "arch/x86_64/machine.h"

#define MSR_FS_BASE        0xc0000100u
#define MSR_USER_GS_BASE   0xc0000102u      /* IA32_KERNEL_GS_BASE: swapgs has put the user's there */

#define OPCODE_CALL        0xe8
#define CALL_BYTES         5

#define PREFIX_F3          0xf3
#define REX                0x40
#define REX_MASK           0xf0
#define REX_W              0x08
#define REX_B              0x01
#define MODRM_REGISTER     0xc0
#define REG_RSP            4

struct base_site {
    uint8_t *at, *by_msr;
};
extern const struct base_site base_sites_begin[], base_sites_end[];

struct base_op {
    bool is_write, is_gs, is_wide;
    unsigned reg, length_bytes;
};

void
fsgsbase_replace(void)
{
    for (const struct base_site *s = base_sites_begin; s < base_sites_end; s++) {
        int32_t distance = (int32_t)(s->by_msr - (s->at + CALL_BYTES));

        s->at[0] = OPCODE_CALL;
        memcpy(s->at + 1, &distance, sizeof(distance));
    }
    invalid_opcode_emulated();
}

/* F3 [REX] 0F AE /0 rdfsbase, /1 rdgsbase, /2 wrfsbase, /3 wrgsbase, with a register (Intel SDM vol. 2). */
static bool
decode(struct base_op *op, uint64_t rip)
{
    uint8_t code[CALL_BYTES];
    uint8_t rex = 0, *tail = code + 1;

    if (!copy_in(code, (struct uaddr){ rip }, 4) || code[0] != PREFIX_F3)
        return false;
    if ((code[1] & REX_MASK) == REX) {
        rex = code[1];
        tail++;
        if (!copy_in(code + 4, (struct uaddr){ rip + 4 }, 1))
            return false;
    }
    if (tail[0] != 0x0f || tail[1] != 0xae || (tail[2] & MODRM_REGISTER) != MODRM_REGISTER || (tail[2] >> 3 & 7) > 3)
        return false;
    op->is_gs = tail[2] >> 3 & 1;
    op->is_write = tail[2] >> 4 & 1;
    op->is_wide = rex & REX_W;
    op->reg = (tail[2] & 7) | (rex & REX_B ? 8 : 0);
    op->length_bytes = (unsigned)(tail + 3 - code);
    return true;
}

/* The registers lie in the frame in the order of their numbers, downwards, but rsp, which the hardware has pushed. */
static uint64_t *
operand(struct trap_frame *f, unsigned reg)
{
    uint64_t *r15 = (uint64_t *)f;

    if (reg == REG_RSP)
        return &f->rsp;
    return r15 + (reg < REG_RSP ? 14 - reg : 15 - reg);
}

bool
fsgsbase_emulate(struct trap_frame *f)
{
    struct base_op op;
    uint64_t value, mask;
    uint32_t msr;

    if (!decode(&op, f->rip))
        return false;
    msr = op.is_gs ? MSR_USER_GS_BASE : MSR_FS_BASE;
    mask = op.is_wide ? ~(uint64_t)0 : UINT32_MAX;
    if (!op.is_write) {
        *operand(f, op.reg) = rdmsr(msr) & mask;
    } else {
        value = *operand(f, op.reg) & mask;
        if ((uint64_t)((int64_t)(value << 16) >> 16) != value)
            return false;                   /* not canonical */
        wrmsr(msr, value);
    }
    f->rip += op.length_bytes;
    return true;
}
