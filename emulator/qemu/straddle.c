/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Computes where the memory operand of an instruction begins (SDM Vol 2A
 * chapter 2: ModRM, SIB, displacement). Used only where an access was refused
 * at the first byte of a page. An operand relative to RIP, an instruction with
 * a VEX or EVEX prefix, and code that is not 64-bit are not understood.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "rmw.h"
#include "straddle.h"

#define OPERAND_MAX 64      /* bytes of the largest operand, a ZMM register */

typedef struct Operand {
    const uint8_t *insn;
    size_t size;
    size_t at;              /* of the ModRM byte */
    uint8_t rex;
    uint64_t base;          /* of the segment */
} Operand;

/* Skip prefixes and opcode; false for what is not understood. */
static bool find_modrm(Operand *op, const CPUX86State *env)
{
    for (; op->at < op->size; op->at++) {
        switch (op->insn[op->at]) {
        case 0x64:
            op->base = env->segs[R_FS].base;
            continue;
        case 0x65:
            op->base = env->segs[R_GS].base;
            continue;
        case 0x26: case 0x2e: case 0x36: case 0x3e:
        case 0x66: case 0xf0: case 0xf2: case 0xf3:
            continue;
        case 0x40 ... 0x4f:
            op->rex = op->insn[op->at];
            continue;
        case 0x67: case 0x62: case 0xc4: case 0xc5:
            return false;
        case 0x0f:
            op->at++;
            if (op->at < op->size && (op->insn[op->at] == 0x38 ||
                                      op->insn[op->at] == 0x3a)) {
                op->at++;
            }
        }
        op->at++;           /* the opcode itself */
        return op->at < op->size;
    }
    return false;
}

static bool displacement(const Operand *op, size_t at, unsigned mod,
                         int64_t *value)
{
    if (mod == 0) {
        *value = 0;
        return true;
    }
    if (at + (mod == 1 ? 1 : 4) > op->size) {
        return false;
    }
    *value = mod == 1 ? (int8_t)op->insn[at] : (int32_t)ldl_le_p(op->insn + at);
    return true;
}

/* Linear address of the operand; false where there is none in memory. */
static bool operand_address(const Operand *op, const CPUX86State *env,
                            uint64_t *address)
{
    uint8_t modrm = op->insn[op->at];
    unsigned mod = modrm >> 6, base = modrm & 7;
    size_t at = op->at + 1;
    uint64_t sum = op->base;
    int64_t disp;

    if (mod == 3 || (mod == 0 && base == 5)) {
        return false;
    }
    if (base == 4) {
        uint8_t sib = op->insn[at];
        unsigned index = (sib >> 3 & 7) | (op->rex & 2) << 2;

        if (at++ >= op->size) {
            return false;
        }
        base = sib & 7;
        if (index != 4) {
            sum += env->regs[index] << (sib >> 6);
        }
        if (base == 5 && mod == 0) {
            if (!displacement(op, at, 2, &disp)) {
                return false;
            }
            *address = sum + disp;
            return true;
        }
    }
    if (!displacement(op, at, mod, &disp)) {
        return false;
    }
    *address = sum + env->regs[base | (op->rex & 1) << 3] + disp;
    return true;
}

unsigned guest_access_bytes_before(EmulatedCpu *cpu, const GuestAccess *access)
{
    CPUX86State *env = cpu_env(cpu->cs);
    uint8_t insn[INSN_MAX];
    Operand op = { .insn = insn };
    uint64_t begin;

    if ((access->kind != ACCESS_READ && access->kind != ACCESS_WRITE) ||
        access->gva & ~TARGET_PAGE_MASK || !access->retaddr ||
        !(env->hflags & HF_CS64_MASK)) {
        return 0;
    }
    op.size = guest_instruction(cpu, access->retaddr, insn);
    if (!find_modrm(&op, env) || !operand_address(&op, env, &begin) ||
        begin >= access->gva || access->gva - begin >= OPERAND_MAX) {
        return 0;
    }
    return access->gva - begin;
}
