/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recognises a loop that waits (see spin.h) by following its instructions from
 * where the vCPU stands. Those that are followed change nothing but registers and
 * flags, and of flags only ZF is used: a vCPU that comes back to where it was,
 * with the same registers and the same ZF, does so until memory changes.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cpu.h"
#include "compat.h"
#include "guest.h"
#include "spin.h"

/* The longest of OVMF's loops has six. */
#define INSTRUCTIONS_MAX 12
/* Of an instruction */
#define BYTES_MAX 15

/* Intel SDM Vol 2A chapter 2, appendix A */
enum {
    OPERAND_SIZE = 0x66,
    REX = 0x40,
    REX_W = 8,
    REX_R = 4,
    REX_B = 1,
    CMP_RM_REG = 0x39,
    CMP_REG_RM = 0x3b,
    JE = 0x74,
    JNE = 0x75,
    CMP_RM8_IMM8 = 0x80,
    CMP_RM_IMM = 0x81,
    CMP_RM_IMM8 = 0x83,
    MOV_REG_RM = 0x8b,
    GROUP_CMP = 7,          /* 80, 81, 83 /7 */
    JMP = 0xeb,
    RM_SIB = 4,
    RM_DISPLACEMENT = 5,    /* if mod is 0 */
    SIB_NO_INDEX = 4,
};

typedef struct Walk {
    EmulatedCpu *cpu;
    bool code64;
    bool zf;
    uint64_t pc;
    uint64_t regs[CPU_NB_REGS];
    uint8_t bytes[BYTES_MAX + 8];
    unsigned at;            /* in bytes */
    uint8_t rex;
} Walk;

static uint64_t linear(const Walk *walk, uint64_t address)
{
    return walk->code64 ? address : (uint32_t)address;
}

static bool fetch(Walk *walk)
{
    size_t left = TARGET_PAGE_SIZE - (walk->pc & ~TARGET_PAGE_MASK);

    memset(walk->bytes, 0, sizeof(walk->bytes));
    walk->at = 0;
    walk->rex = 0;
    return emulated_cpu_peek(walk->cpu, walk->pc, walk->bytes,
                             MIN(left, BYTES_MAX));
}

static int64_t immediate(Walk *walk, unsigned size)
{
    const uint8_t *from = walk->bytes + walk->at;

    walk->at += size;
    return size == 1 ? (int8_t)*from
           : size == 2 ? (int16_t)lduw_le_p(from) : (int32_t)ldl_le_p(from);
}

/* The address of an operand in memory, whose ModRM byte has been read; what is
 * still to come of the instruction is counted for RIP. */
static bool operand(Walk *walk, uint8_t modrm, unsigned to_come, uint64_t *gva)
{
    unsigned mod = modrm >> 6, base = modrm & 7;
    uint8_t sib = 0;

    if (base == RM_SIB) {
        sib = walk->bytes[walk->at++];
        base = sib & 7;
        if ((sib >> 3 & 7) != SIB_NO_INDEX ||
            (!mod && base == RM_DISPLACEMENT)) {
            return false;
        }
    } else if (!mod && base == RM_DISPLACEMENT) {
        *gva = immediate(walk, 4);
        if (walk->code64) {
            *gva += walk->pc + walk->at + to_come;
        }
        *gva = linear(walk, *gva);
        return true;
    }
    *gva = walk->regs[base | (walk->rex & REX_B ? 8 : 0)];
    *gva += mod == 1 ? immediate(walk, 1) : mod == 2 ? immediate(walk, 4) : 0;
    *gva = linear(walk, *gva);
    return true;
}

static unsigned reg_of(const Walk *walk, uint8_t modrm)
{
    return (modrm >> 3 & 7) | (walk->rex & REX_R ? 8 : 0);
}

/* The value of the operand that ModRM says is in memory or a register */
static bool load(Walk *walk, uint8_t modrm, unsigned to_come, unsigned size,
                 uint64_t *value)
{
    uint64_t gva;

    if (modrm >> 6 == 3) {
        *value = walk->regs[(modrm & 7) | (walk->rex & REX_B ? 8 : 0)];
        *value = extract64(*value, 0, size * 8);
        return size > 1;    /* AH and the like are not known */
    }
    *value = 0;
    if (!operand(walk, modrm, to_come, &gva) ||
        !emulated_cpu_peek(walk->cpu, gva, value, size)) {
        return false;
    }
    *value = le64_to_cpu(*value);
    return true;
}

static bool compare(Walk *walk, uint8_t opcode, unsigned size)
{
    uint8_t modrm = walk->bytes[walk->at++];
    bool with_reg = opcode == CMP_RM_REG || opcode == CMP_REG_RM;
    unsigned imm = with_reg ? 0 : opcode == CMP_RM_IMM ? MIN(size, 4) : 1;
    uint64_t with, value;

    if ((!with_reg && (modrm >> 3 & 7) != GROUP_CMP) ||
        !load(walk, modrm, imm, size, &value)) {
        return false;
    }
    with = with_reg ? walk->regs[reg_of(walk, modrm)] : immediate(walk, imm);
    walk->zf = extract64(with, 0, size * 8) == value;
    return true;
}

static bool move(Walk *walk, unsigned size)
{
    uint8_t modrm = walk->bytes[walk->at++];

    return size >= 4 &&
           load(walk, modrm, 0, size, &walk->regs[reg_of(walk, modrm)]);
}

/* Reads prefixes and the opcode. */
static uint8_t opcode_of(Walk *walk, unsigned *size)
{
    uint8_t opcode = walk->bytes[walk->at++];

    *size = 4;
    if (opcode == OPERAND_SIZE) {
        *size = 2;
        opcode = walk->bytes[walk->at++];
    }
    if (walk->code64 && (opcode & 0xf0) == REX) {
        walk->rex = opcode;
        *size = opcode & REX_W ? 8 : *size;
        opcode = walk->bytes[walk->at++];
    }
    return opcode;
}

static bool step(Walk *walk)
{
    unsigned size;
    uint8_t opcode;
    int64_t jump = 0;

    if (!fetch(walk)) {
        return false;
    }
    opcode = opcode_of(walk, &size);
    switch (opcode) {
    case JE:
    case JNE:
        jump = immediate(walk, 1);
        jump = walk->zf == (opcode == JE) ? jump : 0;
        break;
    case JMP:
        jump = immediate(walk, 1);
        break;
    case CMP_RM8_IMM8:
        size = 1;
        /* fall through */
    case CMP_RM_IMM:
    case CMP_RM_IMM8:
    case CMP_RM_REG:
    case CMP_REG_RM:
        if (!compare(walk, opcode, size)) {
            return false;
        }
        break;
    case MOV_REG_RM:
        if (!move(walk, size)) {
            return false;
        }
        break;
    default:
        return false;
    }
    if ((walk->pc & ~TARGET_PAGE_MASK) + walk->at > TARGET_PAGE_SIZE) {
        return false;       /* not all of it has been fetched */
    }
    walk->pc = linear(walk, walk->pc + walk->at + jump);
    return true;
}

/* Whether all segments that code and operands are in begin at 0 */
static bool is_flat(const CPUX86State *env)
{
    return (env->hflags & HF_CS64_MASK) ||
           ((env->hflags & HF_CS32_MASK) && (env->cr[0] & CR0_PE_MASK) &&
            !(env->eflags & VM_MASK) && !env->segs[R_CS].base &&
            !env->segs[R_DS].base && !env->segs[R_SS].base);
}

static bool may_wait(CPUState *cs)
{
    CPUX86State *env = cpu_env(cs);

    return (int64_t)env->eip >= 0 && !(env->eflags & (IF_MASK | TF_MASK)) &&
           !(env->hflags & HF_CPL_MASK) && is_flat(env) && !cs->halted &&
           !(cs->interrupt_request & ~CPU_INTERRUPT_HARD) &&
           !cs->singlestep_enabled;
}

bool spin_waits(CPUState *cs)
{
    CPUX86State *env = cpu_env(cs);
    Walk walk = { .cpu = env->confidential };
    bool zf;
    int i;

    if (!may_wait(cs)) {
        return false;
    }
    walk.code64 = env->hflags & HF_CS64_MASK;
    walk.pc = env->eip;
    memcpy(walk.regs, env->regs, sizeof(walk.regs));
    walk.zf = zf = compute_flags(env) & CC_Z;
    for (i = 0; i < INSTRUCTIONS_MAX; i++) {
        if (!step(&walk)) {
            return false;
        }
        if (walk.pc == env->eip && walk.zf == zf &&
            !memcmp(walk.regs, env->regs, sizeof(walk.regs))) {
            return true;
        }
    }
    return false;
}
