/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Headers and names of QEMU that differ from version to version: those of the
 * newest one that carries the emulator. hooks/VERSION/ has the patches.
 */
#ifndef ACCEPTLAB_COMPAT_H
#define ACCEPTLAB_COMPAT_H

#include "cpu.h"
#include "qemu/main-loop.h"
#include "qemu/seqlock.h"
#include "qemu/timer.h"
#include "exec/cputlb.h"
#include "exec/tb-flush.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "system/confidential-guest-support.h"
#include "system/cpu-timers.h"
#include "system/cpu-timers-internal.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"
#include "tcg/insn-start-words.h"

#define compute_flags(env) cpu_cc_compute_all(env)
#define give_way(env) helper_pause(env)
#define icount_decr_of(cs) ((cs)->neg.icount_decr)

#endif
