/* SPDX-License-Identifier: GPL-2.0-only */
/* What the emulator knows of a kernel's functions. */
#ifndef ACCEPTLAB_SYMBOLS_H
#define ACCEPTLAB_SYMBOLS_H

#include "qapi/error.h"

/* Link addresses, [start, end) each */
typedef struct CodeRanges {
    struct {
        uint64_t start;
        uint64_t end;
    } *range;
    unsigned count;
} CodeRanges;

typedef struct KernelSymbols {
    CodeRanges text;    /* the kernel's code; none: not known */
    CodeRanges skip;    /* functions that carry an acceptance out for others */
    CodeRanges exits;   /* functions that leave the guest, whatever for */
    /* Of the first kernel, and of a second one that it starts */
    uint64_t panic[2];  /* panic(); 0: not known */
    uint64_t oops[2];   /* oops_enter(); 0: not known */
} KernelSymbols;

/*
 * Reads the file: `text START END` for each part of the kernel's text, `skip
 * START END` for each function that only carries out an acceptance and is not
 * its cause, `exit START END` for each that exits to the host or the module for
 * any purpose, `panic START END`, `oops START END`, and `second-panic` and
 * `second-oops` of a second kernel. On error leaves errp with file, line and
 * what is wrong.
 */
bool symbols_read(KernelSymbols *symbols, const char *path, Error **errp);

bool code_ranges_have(const CodeRanges *ranges, uint64_t address);

#endif
