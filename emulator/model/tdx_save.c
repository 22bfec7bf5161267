/* SPDX-License-Identifier: GPL-2.0-only */
#include "save.h"

#include "tdx_vm.h"

static int same_config(const struct model_stream *stream, const struct tdx_config *config)
{
	return save_same(stream, config->attributes) || save_same(stream, config->config_flags) ||
	       save_same(stream, config->map_gpa_chunk) || save_same(stream, config->gpaw) ||
	       save_same(stream, config->vcpus) || save_same(stream, config->busy_limit) ||
	       save_same(stream, config->module) || save_same(stream, config->shared_access);
}

static int transfer_sept(const struct model_stream *stream, struct sept *sept)
{
	return save_same(stream, sept->running) || SAVE_FIELD(stream, sept->epoch) ||
	       save_table(stream, sept->unit, sept->units * sizeof(*sept->unit)) ||
	       save_table(stream, sept->page,
			  sept->units * MODEL_UNIT_PAGES * sizeof(*sept->page));
}

/* What the guest may change of the TD's metadata */
static int transfer_controls(const struct model_stream *stream, struct tdx_vm *vm)
{
	return SAVE_FIELD(stream, vm->td_ctls) || SAVE_FIELD(stream, vm->notify_enables) ||
	       SAVE_FIELD(stream, vm->topology_configured);
}

/* What a malicious host did, and has yet to do */
static int transfer_attacks(const struct model_stream *stream, struct tdx_vm *vm)
{
	return SAVE_FIELD(stream, vm->host.kept) || SAVE_FIELD(stream, vm->host.keeps) ||
	       SAVE_FIELD(stream, vm->busy) || SAVE_FIELD(stream, vm->retries);
}

int tdx_vm_transfer(struct tdx_vm *vm, const struct model_stream *stream)
{
	if (same_config(stream, &vm->config) ||
	    save_host_mem(stream, &vm->host.mem, vm->host.sept.units) ||
	    transfer_sept(stream, &vm->host.sept) || transfer_controls(stream, vm) ||
	    transfer_attacks(stream, vm) || SAVE_FIELD(stream, vm->accepted) ||
	    save_bytes(stream, vm->vcpu, vm->config.vcpus * sizeof(*vm->vcpu)))
		return -1;
	return 0;
}
