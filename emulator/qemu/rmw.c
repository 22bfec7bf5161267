/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Knows the instructions with a memory operand that they read and write (SDM
 * Vol 2D appendix A: opcode map). Each of them has no other operand in
 * memory, so that every data access of theirs is to that one. Used only
 * where an access was refused, never for an access that succeeds.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "rmw.h"

static bool is_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
    case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
    case 0x40 ... 0x4f:     /* REX */
        return true;
    default:
        return false;
    }
}

/* reg: of the ModRM byte, the operation within a group of opcodes */
static bool one_byte_opcode_modifies(uint8_t opcode, unsigned reg)
{
    switch (opcode) {
    case 0x00 ... 0x37:                         /* ADD OR ADC SBB AND SUB XOR */
        return (opcode & 7) < 2;
    case 0x80: case 0x81: case 0x83:            /* the same with immediates */
        return reg != 7;                        /* CMP */
    case 0x86: case 0x87:                       /* XCHG */
    case 0xc0: case 0xc1: case 0xd0 ... 0xd3:   /* shifts and rotations */
        return true;
    case 0xf6: case 0xf7:                       /* NOT NEG */
        return reg == 2 || reg == 3;
    case 0xfe: case 0xff:                       /* INC DEC */
        return reg < 2;
    default:
        return false;
    }
}

static bool two_byte_opcode_modifies(uint8_t opcode, unsigned reg)
{
    switch (opcode) {
    case 0xa4: case 0xa5: case 0xac: case 0xad: /* SHLD SHRD */
    case 0xab: case 0xb3: case 0xbb:            /* BTS BTR BTC */
    case 0xb0: case 0xb1:                       /* CMPXCHG */
    case 0xc0: case 0xc1:                       /* XADD */
        return true;
    case 0xba:                                  /* BTS BTR BTC */
        return reg >= 5;
    case 0xc7:                                  /* CMPXCHG8B CMPXCHG16B */
        return reg == 1;
    default:
        return false;
    }
}

static bool instruction_modifies(const uint8_t *insn, size_t size)
{
    size_t at = 0;

    while (at < size && is_prefix(insn[at])) {
        at++;
    }
    if (at + 1 < size && insn[at] != 0x0f) {
        return one_byte_opcode_modifies(insn[at], insn[at + 1] >> 3 & 7);
    }
    return at + 2 < size &&
           two_byte_opcode_modifies(insn[at + 1], insn[at + 2] >> 3 & 7);
}

/* It may go on in the next page. */
size_t guest_instruction(EmulatedCpu *cpu, uintptr_t retaddr, uint8_t *insn)
{
    CPUX86State *env = cpu_env(cpu->cs);
    vaddr rip = env->segs[R_CS].base + emulated_cpu_rip(cpu, retaddr);
    size_t here = MIN(INSN_MAX, TARGET_PAGE_SIZE - (rip & ~TARGET_PAGE_MASK));

    if (!emulated_cpu_peek(cpu, rip, insn, here)) {
        return 0;
    }
    if (here < INSN_MAX && emulated_cpu_peek(cpu, rip + here, insn + here,
                                             INSN_MAX - here)) {
        return INSN_MAX;
    }
    return here;
}

bool guest_access_modifies(EmulatedCpu *cpu, const GuestAccess *access)
{
    uint8_t insn[INSN_MAX];

    /* Outside of a translated block an exception is being delivered. */
    if (access->kind != ACCESS_READ || access->probe || !access->retaddr) {
        return false;
    }
    return instruction_modifies(insn, guest_instruction(cpu, access->retaddr,
                                                        insn));
}
