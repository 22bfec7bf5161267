/* SPDX-License-Identifier: GPL-2.0-only */
/* What the versions of the TDX module can do (semantics.md 2.9). */
#ifndef ACCEPTLAB_TDX_MODULE_H
#define ACCEPTLAB_TDX_MODULE_H

#include "tdx.h"

struct tdx_module {
	uint64_t features0;	/* TDX_FEATURES0 */
	uint64_t config_flags;	/* CONFIG_FLAGS that it knows */
	uint64_t td_ctls;	/* bits of TD_CTLS that a guest may write */
};

/* The module that runs the TD */
const struct tdx_module *tdx_module(const struct tdx_vm *vm);
/* 1 if it is a module of ours, and knows all of the configuration's flags */
int tdx_module_allows(const struct tdx_config *config);

#endif
