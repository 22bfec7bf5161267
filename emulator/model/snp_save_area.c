/* SPDX-License-Identifier: GPL-2.0-only */
/* Save areas (VMSA) of secondary vCPUs; semantics.md 1.4.6 */
#include "snp.h"

#include "snp_vm.h"

int snp_vm_is_vmsa(const struct snp_vm *vm, uint64_t gpa)
{
	return snp_vm_page_state(vm, gpa) == PAGE_ACCEPTED &&
	       snp_vm_rmp_entry(vm, gpa).gpa_flags & RMP_VMSA;
}

int snp_vm_start_vcpu(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa)
{
	if (vcpu >= vm->config.vcpus || gpa % MODEL_PAGE_SIZE || !snp_vm_is_vmsa(vm, gpa))
		return -1;
	vm->save_area[vcpu] = gpa + 1;
	host_mem_lost_access(&vm->host.mem, gpa, MODEL_PAGE_SIZE);
	return 0;
}

void snp_vm_destroy_vcpu(struct snp_vm *vm, unsigned int vcpu)
{
	vm->save_area[vcpu] = 0;
}

int snp_save_area_in_use(const struct snp_vm *vm, uint64_t gpa)
{
	const struct model_ops *ops = &vm->host.mem.ops;
	unsigned int vcpu;

	if (!(snp_vm_rmp_entry(vm, gpa).gpa_flags & RMP_VMSA))
		return 0;
	for (vcpu = 0; vcpu < vm->config.vcpus; vcpu++)
		if (vm->save_area[vcpu] == (gpa & PAGE_MASK) + 1)
			return !ops->halted || !ops->halted(ops->opaque, vcpu);
	return 0;
}
