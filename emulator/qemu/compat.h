/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the versions of QEMU that carry the emulator. All other
 * files are written for the newest of them; hooks/VERSION/ has the patches.
 */
#ifndef ACCEPTLAB_COMPAT_H
#define ACCEPTLAB_COMPAT_H

#include "cpu.h"
#include "qemu/main-loop.h"
#include "qemu/seqlock.h"
#include "qemu/timer.h"

#if QEMU_VERSION_MAJOR >= 10

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

#else

#include "exec/confidential-guest-support.h"
#include "qapi/qmp/qdict.h"
#include "qapi/qmp/qjson.h"
#include "qapi/qmp/qlist.h"
#include "sysemu/cpu-timers.h"
#include "sysemu/reset.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "../../../softmmu/timers-state.h"

#define cpu_env(cs) ((CPUX86State *)(cs)->env_ptr)
#define compute_flags(env) cpu_cc_compute_all(env, (env)->cc_op)
#define give_way(env) do_pause(env)
#define icount_decr_of(cs) (cpu_neg(cs)->icount_decr)
#define bql_lock() qemu_mutex_lock_iothread()
#define bql_unlock() qemu_mutex_unlock_iothread()
#define bql_locked() qemu_mutex_iothread_locked()

#endif

#endif
