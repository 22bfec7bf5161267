/* SPDX-License-Identifier: GPL-2.0-only */
#include "sept.h"

struct state_row {
	const char *name;
	uint8_t encoding;
	uint8_t api_code;
	uint8_t accessible;
	uint8_t acceptable;
	uint8_t leaf;
};

/* semantics.md 2.4 */
static const struct state_row states[SEPT_STATES] = {
	[SEPT_FREE] = { "FREE", 0x0e, 0, 0, 0, 0 },
	[SEPT_REMOVED] = { "REMOVED", 0x0c, 5, 0, 0, 0 },
	[SEPT_NL_MAPPED] = { "NL_MAPPED", 0x00, 132, 0, 0, 0 },
	[SEPT_NL_BLOCKED] = { "NL_BLOCKED", 0x08, 129, 0, 0, 0 },
	[SEPT_MAPPED] = { "MAPPED", 0x60, 4, 1, 0, 1 },
	[SEPT_BLOCKED] = { "BLOCKED", 0x68, 1, 0, 0, 1 },
	[SEPT_BLOCKEDW] = { "BLOCKEDW", 0x64, 8, 1, 0, 1 },
	[SEPT_PENDING] = { "PENDING", 0x70, 2, 0, 1, 1 },
	[SEPT_PENDING_BLOCKED] = { "PENDING_BLOCKED", 0x78, 3, 0, 0, 1 },
	[SEPT_PENDING_BLOCKEDW] = { "PENDING_BLOCKEDW", 0x74, 16, 0, 0, 1 },
	[SEPT_EXPORTED_BLOCKEDW] = { "EXPORTED_BLOCKEDW", 0x66, 9, 1, 0, 1 },
	[SEPT_EXPORTED_DIRTY] = { "EXPORTED_DIRTY", 0x63, 11, 1, 0, 1 },
	[SEPT_EXPORTED_DIRTY_BLOCKEDW] = { "EXPORTED_DIRTY_BLOCKEDW", 0x67, 12, 1, 0, 1 },
	[SEPT_PENDING_EXPORTED_BLOCKEDW] = { "PENDING_EXPORTED_BLOCKEDW", 0x76, 17, 0, 0, 1 },
	[SEPT_PENDING_EXPORTED_DIRTY] = { "PENDING_EXPORTED_DIRTY", 0x73, 19, 0, 1, 1 },
	[SEPT_PENDING_EXPORTED_DIRTY_BLOCKEDW] = { "PENDING_EXPORTED_DIRTY_BLOCKEDW", 0x77, 20,
						   0, 0, 1 },
};

uint8_t sept_encoding(enum sept_state state)
{
	return states[state].encoding;
}

uint16_t sept_api_code(enum sept_state state)
{
	return states[state].api_code;
}

const char *sept_state_name(enum sept_state state)
{
	return states[state].name;
}

int sept_is_accessible(enum sept_state state)
{
	return states[state].accessible;
}

int sept_is_acceptable(enum sept_state state)
{
	return states[state].acceptable;
}

static struct sept_unit *unit_of(const struct sept *sept, uint64_t gpa)
{
	return &sept->unit[gpa / MODEL_UNIT_SIZE];
}

static struct sept_page *page_of(const struct sept *sept, uint64_t gpa)
{
	return &sept->page[gpa / MODEL_PAGE_SIZE];
}

static int is_table(const struct sept_unit *unit)
{
	return unit->state == SEPT_NL_MAPPED || unit->state == SEPT_NL_BLOCKED;
}

/* An entry of either level */
struct entry {
	uint8_t *state;
	uint8_t *flags;
	uint16_t *epoch;
	uint16_t *accept_counter;	/* 2M only */
};

/* Walks for one of the host's leaves; 0 or the status of the failed walk. */
static uint64_t find_entry(struct sept *sept, uint64_t gpa, unsigned int level,
			   struct entry *entry)
{
	uint64_t size = level == SEPT_2M ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	struct sept_unit *unit;
	struct sept_page *page;

	if (level > SEPT_2M || gpa % size || gpa / MODEL_UNIT_SIZE >= sept->units)
		return TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
	unit = unit_of(sept, gpa);
	if (level == SEPT_2M) {
		*entry = (struct entry){ &unit->state, &unit->flags, &unit->epoch,
					 &unit->accept_counter };
		return TDX_SUCCESS;
	}
	if (unit->state != SEPT_NL_MAPPED)
		return TDX_EPT_WALK_FAILED | TDX_OPERAND_RCX;
	page = page_of(sept, gpa);
	*entry = (struct entry){ &page->state, &page->flags, &page->epoch, 0 };
	return TDX_SUCCESS;
}

static void clear_counter(const struct entry *entry)
{
	if (entry->accept_counter)
		*entry->accept_counter = 0;
}

uint64_t sept_sept_add(struct sept *sept, uint64_t gpa)
{
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, SEPT_2M, &entry);
	unsigned int i;

	if (status)
		return status;
	if (*entry.state != SEPT_FREE)
		return TDX_EPT_ENTRY_NOT_FREE | TDX_OPERAND_RCX;
	*entry.state = SEPT_NL_MAPPED;
	for (i = 0; *entry.flags && i < MODEL_UNIT_PAGES; i++)
		page_of(sept, gpa)[i].flags |= *entry.flags;
	return TDX_SUCCESS;
}

uint64_t sept_page_add(struct sept *sept, uint64_t gpa)
{
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, SEPT_4K, &entry);

	if (status)
		return status;
	if (sept->running)
		return TDX_OP_STATE_INCORRECT;
	if (*entry.state != SEPT_FREE)
		return TDX_EPT_ENTRY_NOT_FREE | TDX_OPERAND_RCX;
	*entry.state = SEPT_MAPPED;
	*entry.flags |= SEPT_STALE;
	return TDX_SUCCESS;
}

uint64_t sept_page_aug(struct sept *sept, uint64_t gpa, unsigned int level, uint64_t hpa)
{
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, level, &entry);

	if (status)
		return status;
	if (*entry.state != SEPT_FREE && *entry.state != SEPT_REMOVED)
		return TDX_EPT_ENTRY_NOT_FREE | TDX_OPERAND_RCX;
	/* every other host page backs another GPA already */
	if (hpa != gpa)
		return TDX_PAGE_NOT_FREE | TDX_OPERAND_R8;
	*entry.state = SEPT_PENDING;
	return TDX_SUCCESS;
}

static int is_blocked(enum sept_state state)
{
	return state == SEPT_BLOCKED || state == SEPT_PENDING_BLOCKED ||
	       state == SEPT_NL_BLOCKED;
}

uint64_t sept_range_block(struct sept *sept, uint64_t gpa, unsigned int level)
{
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, level, &entry);

	if (status)
		return status;
	switch (*entry.state) {
	case SEPT_NL_MAPPED:
		*entry.state = SEPT_NL_BLOCKED;
		break;
	case SEPT_MAPPED:
	case SEPT_BLOCKEDW:
		*entry.state = SEPT_BLOCKED;
		break;
	case SEPT_PENDING:
	case SEPT_PENDING_BLOCKEDW:
		*entry.state = SEPT_PENDING_BLOCKED;
		break;
	case SEPT_NL_BLOCKED:
	case SEPT_BLOCKED:
	case SEPT_PENDING_BLOCKED:
		return TDX_GPA_RANGE_ALREADY_BLOCKED | TDX_OPERAND_RCX;
	default:
		return TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_RCX;
	}
	*entry.epoch = sept->epoch;
	clear_counter(&entry);
	return TDX_SUCCESS;
}

static enum sept_state unblocked(enum sept_state state)
{
	switch (state) {
	case SEPT_NL_BLOCKED:
		return SEPT_NL_MAPPED;
	case SEPT_BLOCKED:
		return SEPT_MAPPED;
	case SEPT_PENDING_BLOCKED:
		return SEPT_PENDING;
	default:
		return state;
	}
}

/* Since the BLOCK a TRACK has passed: no vCPU has the translation any more. */
static int is_tracked(const struct sept *sept, const struct entry *entry)
{
	return *entry->epoch != sept->epoch;
}

uint64_t sept_range_unblock(struct sept *sept, uint64_t gpa, unsigned int level)
{
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, level, &entry);

	if (status)
		return status;
	if (!is_blocked(*entry.state))
		return TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_RCX;
	if (!is_tracked(sept, &entry))
		return TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_RCX;
	*entry.state = unblocked(*entry.state);
	return TDX_SUCCESS;
}

uint64_t sept_track(struct sept *sept)
{
	sept->epoch++;
	return TDX_SUCCESS;
}

/* While the TD may run, a leaf is blocked and tracked before it is taken apart. */
static uint64_t check_quiet(const struct sept *sept, const struct entry *entry)
{
	if (!sept->running)
		return TDX_SUCCESS;
	if (!is_blocked(*entry->state))
		return TDX_GPA_RANGE_NOT_BLOCKED | TDX_OPERAND_RCX;
	if (!is_tracked(sept, entry))
		return TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_RCX;
	return TDX_SUCCESS;
}

uint64_t sept_page_remove(struct sept *sept, uint64_t gpa, unsigned int level)
{
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, level, &entry);

	if (status)
		return status;
	switch (*entry.state) {
	case SEPT_MAPPED:
	case SEPT_BLOCKED:
	case SEPT_BLOCKEDW:
	case SEPT_PENDING:
	case SEPT_PENDING_BLOCKED:
	case SEPT_PENDING_BLOCKEDW:
		break;
	default:
		return TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_RCX;
	}
	status = check_quiet(sept, &entry);
	if (status)
		return status;
	*entry.state = SEPT_FREE;
	clear_counter(&entry);
	return TDX_SUCCESS;
}

uint64_t sept_page_demote(struct sept *sept, uint64_t gpa)
{
	struct sept_page *page;
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, SEPT_2M, &entry);
	unsigned int i;

	if (status)
		return status;
	switch (*entry.state) {
	case SEPT_MAPPED:
	case SEPT_BLOCKED:
	case SEPT_PENDING:
	case SEPT_PENDING_BLOCKED:
		break;
	default:
		return TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_RCX;
	}
	status = check_quiet(sept, &entry);
	if (status)
		return status;
	/* the children are accepted or pending as it was, and not blocked */
	page = page_of(sept, gpa);
	for (i = 0; i < MODEL_UNIT_PAGES; i++) {
		page[i].state = unblocked(*entry.state);
		page[i].flags |= *entry.flags;
	}
	*entry.state = SEPT_NL_MAPPED;
	clear_counter(&entry);
	return TDX_SUCCESS;
}

uint64_t sept_page_promote(struct sept *sept, uint64_t gpa)
{
	struct sept_page *page;
	struct entry entry;
	uint64_t status = find_entry(sept, gpa, SEPT_2M, &entry);
	enum sept_state state;
	unsigned int i;

	if (status)
		return status;
	if (!is_table(unit_of(sept, gpa)))
		return TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_RCX;
	page = page_of(sept, gpa);
	state = page[0].state;
	if (state != SEPT_MAPPED && state != SEPT_PENDING)
		return TDX_EPT_INVALID_PROMOTE_CONDITIONS | TDX_OPERAND_RCX;
	for (i = 1; i < MODEL_UNIT_PAGES; i++)
		if (page[i].state != state)
			return TDX_EPT_INVALID_PROMOTE_CONDITIONS | TDX_OPERAND_RCX;
	for (i = 0; i < MODEL_UNIT_PAGES; i++) {
		*entry.flags |= page[i].flags;
		page[i].state = SEPT_FREE;
	}
	*entry.state = state;
	return TDX_SUCCESS;
}

void sept_set_state(struct sept *sept, uint64_t gpa, unsigned int level, enum sept_state state)
{
	struct entry entry;

	if (!find_entry(sept, gpa, level, &entry))
		*entry.state = state;
}

/* --- guest's side --------------------------------------------------------- */

static uint64_t accept_exit_info(unsigned int requested, unsigned int level,
				 enum sept_state state)
{
	uint64_t info = requested | level << 3 | (unsigned int)states[state].api_code << 6 |
			(unsigned int)states[state].leaf << 14;

	return info << 32 | TDX_EEQ_ACCEPT;
}

enum sept_accept sept_accept(const struct sept *sept, uint64_t gpa, unsigned int level,
			     int locked, uint64_t *status, uint64_t *exit_info)
{
	unsigned int at;
	enum sept_state state = sept_walk(sept, gpa, &at);

	/* the walk for a 2M page stops at the 2M entry, even if that is a table */
	if (level == SEPT_2M && at == SEPT_4K) {
		at = SEPT_2M;
		state = unit_of(sept, gpa)->state;
	}
	if (at > level) {
		if (sept_is_accessible(state)) {
			*status = TDX_PAGE_ALREADY_ACCEPTED | at;
			return SEPT_ACCEPT_STATUS;
		}
		*exit_info = accept_exit_info(level, at, state);
		return SEPT_ACCEPT_EXIT;
	}
	if (locked) {
		*status = TDX_OPERAND_BUSY | TDX_OPERAND_RCX;
		return SEPT_ACCEPT_STATUS;
	}
	if (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED) {
		*status = TDX_PAGE_SIZE_MISMATCH | at;
		return SEPT_ACCEPT_STATUS;
	}
	if (sept_is_accessible(state)) {
		*status = TDX_PAGE_ALREADY_ACCEPTED | at;
		return SEPT_ACCEPT_STATUS;
	}
	if (!sept_is_acceptable(state)) {
		*exit_info = accept_exit_info(level, at, state);
		return SEPT_ACCEPT_EXIT;
	}
	return SEPT_ACCEPT_ZERO;
}

uint64_t sept_accept_next(const struct sept *sept, uint64_t gpa, unsigned int level)
{
	if (level == SEPT_4K)
		return gpa;
	return gpa + unit_of(sept, gpa)->accept_counter * MODEL_PAGE_SIZE;
}

static enum sept_state accepted(enum sept_state state)
{
	return state == SEPT_PENDING ? SEPT_MAPPED : SEPT_EXPORTED_DIRTY;
}

int sept_accept_page_done(struct sept *sept, uint64_t gpa, unsigned int level)
{
	struct sept_unit *unit = unit_of(sept, gpa);
	struct sept_page *page = page_of(sept, gpa);

	if (level == SEPT_4K) {
		page->state = accepted(page->state);
		page->flags |= SEPT_STALE;
		return 1;
	}
	if (++unit->accept_counter < MODEL_UNIT_PAGES)
		return 0;
	unit->accept_counter = 0;
	unit->state = accepted(unit->state);
	unit->flags |= SEPT_STALE;
	return 1;
}

uint64_t sept_release(struct sept *sept, uint64_t gpa, unsigned int level, int locked,
		      unsigned int *mapped, int *pending)
{
	enum sept_state state = sept_walk(sept, gpa, mapped);

	*pending = sept_is_acceptable(state);
	if (*mapped > level && !states[state].leaf)
		return TDX_EPT_ENTRY_FREE | TDX_OPERAND_RCX;
	if (*mapped > level)
		return TDX_PAGE_SIZE_MISMATCH | *mapped;
	if (locked)
		return TDX_OPERAND_BUSY | TDX_OPERAND_RCX;
	if (*mapped < level)
		return TDX_PAGE_SIZE_MISMATCH | *mapped;
	if (state == SEPT_FREE || state == SEPT_REMOVED)
		return TDX_EPT_ENTRY_FREE | TDX_OPERAND_RCX;
	if (state != SEPT_MAPPED)
		return TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_RCX;
	if (level == SEPT_2M)
		unit_of(sept, gpa)->state = SEPT_PENDING;
	else
		page_of(sept, gpa)->state = SEPT_PENDING;
	return TDX_SUCCESS;
}

enum sept_state sept_walk(const struct sept *sept, uint64_t gpa, unsigned int *level)
{
	const struct sept_unit *unit = unit_of(sept, gpa);

	*level = SEPT_2M;
	if (unit->state != SEPT_NL_MAPPED)
		return unit->state;
	*level = SEPT_4K;
	return page_of(sept, gpa)->state;
}

enum sept_outcome sept_access(const struct sept *sept, uint64_t gpa, enum access_kind kind,
			      int pending_ve_disable, uint64_t *exit_info)
{
	unsigned int level;
	enum sept_state state = sept_walk(sept, gpa, &level);

	*exit_info = TDX_EEQ_NONE;
	switch (state) {
	case SEPT_MAPPED:
	case SEPT_EXPORTED_DIRTY:
		return SEPT_ALLOWED;
	case SEPT_BLOCKEDW:
	case SEPT_EXPORTED_BLOCKEDW:
	case SEPT_EXPORTED_DIRTY_BLOCKEDW:
		return kind == ACCESS_WRITE ? SEPT_EXIT : SEPT_ALLOWED;
	case SEPT_PENDING:
	case SEPT_PENDING_EXPORTED_DIRTY:
		if (!pending_ve_disable)
			return SEPT_VE;
		*exit_info = TDX_EEQ_PENDING;
		return SEPT_EXIT;
	default:
		return SEPT_EXIT;
	}
}
