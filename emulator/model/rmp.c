/* SPDX-License-Identifier: GPL-2.0-only */
#include "rmp.h"

#include <string.h>

#define GPA_MASK (~0xfffull)

static int rmp_covers(const struct rmp_table *rmp, uint64_t spa)
{
	return spa / MODEL_UNIT_SIZE < rmp->units;
}

static struct rmp_entry *rmp_unit(const struct rmp_table *rmp, uint64_t spa)
{
	return &rmp->unit[spa / MODEL_UNIT_SIZE];
}

static struct rmp_entry *rmp_page(const struct rmp_table *rmp, uint64_t spa)
{
	return &rmp->page[spa / MODEL_PAGE_SIZE];
}

/* the entry that decides about spa: of the unit, or of the page */
static struct rmp_entry *rmp_deciding(const struct rmp_table *rmp, uint64_t spa)
{
	struct rmp_entry *unit = rmp_unit(rmp, spa);

	return unit->gpa_flags & RMP_SPLIT ? rmp_page(rmp, spa) : unit;
}

struct rmp_entry rmp_read(const struct rmp_table *rmp, uint64_t spa)
{
	struct rmp_entry entry = { 0 };

	if (!rmp_covers(rmp, spa))
		return entry;
	entry = *rmp_deciding(rmp, spa);
	if (entry.gpa_flags & RMP_SIZE_2M)
		entry.gpa_flags += spa & (MODEL_UNIT_SIZE - 1) & GPA_MASK;
	return entry;
}

static int rmp_owned(const struct rmp_table *rmp, const struct rmp_key *key)
{
	struct rmp_entry entry = rmp_read(rmp, key->spa);

	return entry.gpa_flags & RMP_ASSIGNED &&
	       !(entry.gpa_flags & RMP_IMMUTABLE) && entry.asid == key->asid &&
	       (entry.gpa_flags & GPA_MASK) == (key->gpa & GPA_MASK);
}

static void result_npf(struct rmp_result *result, uint32_t bits)
{
	*result = (struct rmp_result){ .outcome = RMP_NPF, .npf = bits };
}

static void result_code(struct rmp_result *result, enum rmp_code code, int carry)
{
	*result = (struct rmp_result){ .code = code, .carry = carry };
}

/*
 * What PVALIDATE and RMPADJUST have in common: the entry belongs to the caller
 * and has the size asked for. 0: result is set.
 */
static int rmp_operand_ok(struct rmp_table *rmp, const struct rmp_key *key,
			  int size_2m, struct rmp_result *result)
{
	int entry_2m;

	if (!rmp_owned(rmp, key)) {
		result_npf(result, NPF_RMP | NPF_FINAL | NPF_ENC);
		return 0;
	}
	entry_2m = !!(rmp_deciding(rmp, key->spa)->gpa_flags & RMP_SIZE_2M);
	if (!size_2m && (entry_2m || key->nested_2m)) {
		result_npf(result, NPF_RMP | NPF_FINAL | NPF_ENC | NPF_SIZEM);
		return 0;
	}
	if (size_2m && !(entry_2m && key->nested_2m)) {
		result_code(result, RMP_FAIL_SIZE_MISMATCH, 0);
		return 0;
	}
	return 1;
}

void rmp_pvalidate(struct rmp_table *rmp, const struct rmp_key *key,
		   int size_2m, int validate, struct rmp_result *result)
{
	struct rmp_entry *entry;

	if (!rmp_operand_ok(rmp, key, size_2m, result))
		return;
	entry = rmp_deciding(rmp, key->spa);
	if (!!(entry->gpa_flags & RMP_VALIDATED) == !!validate) {
		result_code(result, RMP_SUCCESS, 1);
		return;
	}
	entry->gpa_flags ^= RMP_VALIDATED;
	result_code(result, RMP_SUCCESS, 0);
}

void rmp_rmpadjust(struct rmp_table *rmp, const struct rmp_key *key,
		   unsigned int vmpl, int size_2m, uint64_t attributes,
		   struct rmp_result *result)
{
	unsigned int target = attributes & 0xff;
	uint8_t perms = attributes >> 8 & 0xff;
	int vmsa = attributes >> 16 & 1;
	struct rmp_entry *entry;

	if (!rmp_operand_ok(rmp, key, size_2m, result))
		return;
	entry = rmp_deciding(rmp, key->spa);
	if (!(entry->gpa_flags & RMP_VALIDATED)) {
		*result = (struct rmp_result){ .outcome = RMP_NOT_VALIDATED };
		return;
	}
	if (target <= vmpl || perms & ~entry->perms[vmpl] || (vmsa && vmpl)) {
		result_code(result, RMP_FAIL_PERMISSION, 0);
		return;
	}
	entry->perms[target] = perms;
	if (!vmpl) {
		entry->gpa_flags &= ~(uint64_t)RMP_VMSA;
		entry->gpa_flags |= vmsa ? RMP_VMSA : 0;
	}
	result_code(result, RMP_SUCCESS, 0);
}

static uint8_t perms_needed(const struct access *access)
{
	switch (access->kind) {
	case ACCESS_WRITE:
		return RMP_PERM_WRITE;
	case ACCESS_FETCH:
		return access->user ? RMP_PERM_USER_EXECUTE :
				      RMP_PERM_SUPERVISOR_EXECUTE;
	default:
		return RMP_PERM_READ;
	}
}

static void shared_access(const struct rmp_table *rmp, const struct rmp_key *key,
			  const struct access *access, struct rmp_result *result)
{
	int owned = rmp_read(rmp, key->spa).gpa_flags & RMP_ASSIGNED;

	result_code(result, RMP_SUCCESS, 0);
	if (owned && access->kind == ACCESS_WRITE)
		result_npf(result, NPF_RMP | NPF_FINAL);
	else if (owned)
		result->outcome = RMP_CIPHERTEXT;
}

void rmp_access(const struct rmp_table *rmp, const struct rmp_key *key,
		const struct access *access, struct rmp_result *result)
{
	int implicit = access->kind == ACCESS_FETCH || access->kind == ACCESS_WALK;
	uint32_t bits = NPF_RMP | NPF_ENC |
			(access->kind == ACCESS_WALK ? NPF_PAGE_TABLE : NPF_FINAL);
	uint8_t perms = perms_needed(access);
	struct rmp_entry entry;

	/* fetches and page walks use private rules whatever the C-bit says */
	if (!access->private && !implicit) {
		shared_access(rmp, key, access, result);
		return;
	}
	if (!rmp_owned(rmp, key)) {
		result_npf(result, bits);
		return;
	}
	entry = rmp_read(rmp, key->spa);
	if (key->nested_2m && !(entry.gpa_flags & RMP_SIZE_2M))
		result_npf(result, bits | NPF_SIZEM);
	else if (!(entry.gpa_flags & RMP_VALIDATED))
		*result = (struct rmp_result){ .outcome = RMP_NOT_VALIDATED };
	else if (perms & ~entry.perms[access->vmpl % VMPL_LEVELS])
		result_npf(result, (bits & ~(uint32_t)NPF_RMP) | NPF_VMPL);
	else
		result_code(result, RMP_SUCCESS, 0);
}

static int any_page_assigned(const struct rmp_table *rmp, uint64_t spa)
{
	const struct rmp_entry *page = rmp_page(rmp, spa);
	unsigned int i;

	for (i = 0; i < MODEL_UNIT_PAGES; i++)
		if (page[i].gpa_flags & RMP_ASSIGNED)
			return 1;
	return 0;
}

static int same_state(const struct rmp_entry *entry, const struct rmp_state *state)
{
	uint64_t flags = entry->gpa_flags & ~(uint64_t)(RMP_VALIDATED | RMP_VMSA);

	return entry->asid == state->asid &&
	       flags == (state->gpa | (state->assigned ? RMP_ASSIGNED : 0) |
			 (state->immutable ? RMP_IMMUTABLE : 0) |
			 (state->size_2m ? RMP_SIZE_2M : 0));
}

/* Everything but assigned pages starts from a clean entry */
static void write_entry(struct rmp_entry *entry, const struct rmp_state *state)
{
	memset(entry, 0, sizeof(*entry));
	if (!state->assigned)
		return;
	entry->gpa_flags = state->gpa | RMP_ASSIGNED |
			   (state->immutable ? RMP_IMMUTABLE : 0) |
			   (state->size_2m ? RMP_SIZE_2M : 0);
	entry->asid = state->asid;
	entry->perms[0] = RMP_PERM_ALL;
}

static enum rmp_code check_overlap(const struct rmp_table *rmp, uint64_t spa,
				   const struct rmp_state *state)
{
	uint64_t unit = rmp_unit(rmp, spa)->gpa_flags;

	if (state->size_2m)
		return unit & RMP_SPLIT && any_page_assigned(rmp, spa) ?
			       RMP_FAIL_OVERLAP : RMP_SUCCESS;
	return unit & RMP_SIZE_2M ? RMP_FAIL_OVERLAP : RMP_SUCCESS;
}

enum rmp_code rmp_update(struct rmp_table *rmp, uint64_t spa,
			 const struct rmp_state *state)
{
	uint64_t align = (state->size_2m ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE) - 1;
	struct rmp_entry *entry;
	enum rmp_code code;

	if (!rmp_covers(rmp, spa) || (spa | state->gpa) & align)
		return RMP_FAIL_INPUT;
	code = check_overlap(rmp, spa, state);
	if (code != RMP_SUCCESS)
		return code;
	entry = state->size_2m ? rmp_unit(rmp, spa) : rmp_deciding(rmp, spa);
	if (entry->gpa_flags & RMP_IMMUTABLE)
		return RMP_FAIL_PERMISSION;
	if (same_state(entry, state))
		return RMP_SUCCESS;
	if (!state->size_2m && !(rmp_unit(rmp, spa)->gpa_flags & RMP_SPLIT)) {
		if (!state->assigned)	/* zeroed entries are unassigned already */
			return RMP_SUCCESS;
		rmp_unit(rmp, spa)->gpa_flags = RMP_SPLIT;
		entry = rmp_page(rmp, spa);
	}
	write_entry(entry, state);
	return RMP_SUCCESS;
}

enum rmp_code rmp_launch(struct rmp_table *rmp, uint64_t spa,
			 const struct rmp_state *state)
{
	enum rmp_code code;

	if (rmp_read(rmp, spa).gpa_flags & RMP_ASSIGNED)
		return RMP_FAIL_INPUT;
	code = rmp_update(rmp, spa, state);
	if (code == RMP_SUCCESS)
		rmp_deciding(rmp, spa)->gpa_flags |= RMP_VALIDATED;
	return code;
}

enum rmp_code rmp_psmash(struct rmp_table *rmp, uint64_t spa)
{
	struct rmp_entry *unit, *page, entry;
	unsigned int i;

	if (!rmp_covers(rmp, spa) || spa % MODEL_UNIT_SIZE)
		return RMP_FAIL_INPUT;
	unit = rmp_unit(rmp, spa);
	if (!(unit->gpa_flags & RMP_SIZE_2M))
		return RMP_FAIL_INPUT;
	if (unit->gpa_flags & RMP_IMMUTABLE)
		return RMP_FAIL_PERMISSION;
	entry = *unit;
	entry.gpa_flags &= ~(uint64_t)RMP_SIZE_2M;
	page = rmp_page(rmp, spa);
	for (i = 0; i < MODEL_UNIT_PAGES; i++) {
		page[i] = entry;
		entry.gpa_flags += MODEL_PAGE_SIZE;
	}
	*unit = (struct rmp_entry){ .gpa_flags = RMP_SPLIT };
	return RMP_SUCCESS;
}
