/* SPDX-License-Identifier: GPL-2.0-only */
#include "save.h"

#include "snp_vm.h"

static int same_config(const struct model_stream *stream, const struct snp_config *config)
{
	return save_same(stream, config->asid) || save_same(stream, config->vcpus) ||
	       save_same(stream, config->c_bit) ||
	       save_same(stream, config->psc_entries_per_exit) ||
	       save_same(stream, config->hv_features) ||
	       save_same(stream, config->preferred_ghcb_gpa);
}

/* What a malicious host did, and has yet to do */
static int transfer_attacks(const struct model_stream *stream, struct snp_vm *vm)
{
	struct snp_host *host = &vm->host;

	return SAVE_FIELD(stream, host->spare_used) || SAVE_FIELD(stream, host->remaps) ||
	       host->remaps > SNP_SPARE_PAGES || SAVE_FIELD(stream, host->remap) ||
	       SAVE_FIELD(stream, vm->psc_errors) || SAVE_FIELD(stream, vm->psc_rewinds);
}

int snp_vm_transfer(struct snp_vm *vm, const struct model_stream *stream)
{
	struct rmp_table *rmp = &vm->host.rmp;
	size_t per_vcpu = vm->config.vcpus * sizeof(uint64_t);

	if (same_config(stream, &vm->config) || save_host_mem(stream, &vm->host.mem, rmp->units) ||
	    save_table(stream, rmp->unit, rmp->units * sizeof(*rmp->unit)) ||
	    save_table(stream, rmp->page, rmp->units * MODEL_UNIT_PAGES * sizeof(*rmp->page)) ||
	    transfer_attacks(stream, vm) || SAVE_FIELD(stream, vm->accepted) ||
	    save_bytes(stream, vm->registered, per_vcpu) ||
	    save_bytes(stream, vm->save_area, per_vcpu))
		return -1;
	return 0;
}
