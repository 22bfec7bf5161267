/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_module.h"

#include "tdx_vm.h"

/* TDX_FEATURES0 (TDXM6 tdx_api_defs.h): what bears on memory and on #VE */
#define FEATURE_PENDING_EPT_VIOLATION_V2 (1ull << 16)
#define FEATURE_NO_RBP_MOD (1ull << 18)
#define FEATURE_TOPOLOGY_ENUM (1ull << 20)
#define FEATURE_CPUID2_VIRT (1ull << 29)

#define FEATURES_1_5 (FEATURE_PENDING_EPT_VIOLATION_V2 | FEATURE_NO_RBP_MOD | \
		      FEATURE_TOPOLOGY_ENUM | FEATURE_CPUID2_VIRT)
#define FLAGS_1_5 (TDX_CONFIG_GPAW | TDX_CONFIG_FLEXIBLE_PENDING_VE | TDX_CONFIG_NO_RBP_MOD)
#define CTLS_1_5 (TDX_TD_CTLS_PENDING_VE_DISABLE | TDX_TD_CTLS_ENUM_TOPOLOGY | \
		  TDX_TD_CTLS_VIRT_CPUID2)

static const struct tdx_module modules[TDX_MODULES] = {
	[TDX_MODULE_1_5] = { FEATURES_1_5, FLAGS_1_5, CTLS_1_5 },
	/* the feature bits of what is new in it are in no public text */
	[TDX_MODULE_2_0] = { FEATURES_1_5, FLAGS_1_5 | TDX_CONFIG_PAGE_RELEASE,
			     CTLS_1_5 | TDX_TD_CTLS_REDUCE_VE },
};

const struct tdx_module *tdx_module(const struct tdx_vm *vm)
{
	return &modules[vm->config.module];
}

int tdx_module_allows(const struct tdx_config *config)
{
	return config->module < TDX_MODULES &&
	       !(config->config_flags & ~modules[config->module].config_flags);
}
