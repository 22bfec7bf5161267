/* SPDX-License-Identifier: GPL-2.0-only */
#include "ghcb.h"

#include <string.h>

#define IOIO_IN (1u << 0)
#define IOIO_STRING (1u << 2)
#define IOIO_REP (1u << 3)

static uint64_t get64(const uint8_t *page, unsigned int offset)
{
	uint64_t value;

	memcpy(&value, page + offset, sizeof(value));
	return value;
}

static void set64(uint8_t *page, unsigned int offset, uint64_t value)
{
	memcpy(page + offset, &value, sizeof(value));
}

/* one bit of the bitmap stands for eight bytes of the page */
static int valid(const uint8_t *bitmap, unsigned int offset)
{
	return bitmap[offset / 64] >> offset / 8 % 8 & 1;
}

static void set_valid(uint8_t *page, unsigned int offset)
{
	page[GHCB_VALID_BITMAP + offset / 64] |= 1u << offset / 8 % 8;
}

static enum ghcb_error parse_ioio(struct ghcb_request *request, const uint8_t *bitmap)
{
	uint32_t info = request->info1;
	unsigned int size = info >> 4 & 7;

	request->ioio.port = info >> 16;
	request->ioio.in = !!(info & IOIO_IN);
	request->ioio.string = !!(info & IOIO_STRING);
	request->ioio.rep = !!(info & IOIO_REP);
	request->ioio.size = size;
	if (request->ioio.string && !valid(bitmap, GHCB_SCRATCH))
		return GHCB_ERROR_MISSING_INPUT;
	if (!request->ioio.string && !request->ioio.in && !valid(bitmap, GHCB_RAX))
		return GHCB_ERROR_MISSING_INPUT;
	if (size != 1 && size != 2 && size != 4)
		return GHCB_ERROR_INVALID_INPUT;
	request->ioio.count = request->ioio.string ? (uint32_t)request->info2 : 1;
	return GHCB_OK;
}

static int all_valid(const uint8_t *bitmap, const uint16_t *offset, unsigned int count)
{
	while (count--)
		if (!valid(bitmap, offset[count]))
			return 0;
	return 1;
}

#define NEEDS(...)                                                             \
	(all_valid(bitmap, (const uint16_t[]){ __VA_ARGS__ },                  \
		   sizeof((const uint16_t[]){ __VA_ARGS__ }) / 2) ?            \
		 GHCB_OK : GHCB_ERROR_MISSING_INPUT)

static enum ghcb_error parse_guest_request(const struct ghcb_request *request)
{
	if ((request->info1 | request->info2) & 0xfff || request->info1 == request->info2)
		return GHCB_ERROR_INVALID_INPUT;
	return GHCB_OK;
}

/* The inputs that each exit needs, as KVM's sev_es_validate_vmgexit() asks for them */
static enum ghcb_error check_inputs(struct ghcb_request *request, const uint8_t *bitmap)
{
	switch (request->exit) {
	case GHCB_EXIT_READ_DR7:
	case GHCB_EXIT_RDTSC:
	case GHCB_EXIT_RDTSCP:
	case GHCB_EXIT_INVD:
	case GHCB_EXIT_WBINVD:
	case GHCB_EXIT_HLT:
	case GHCB_EXIT_NMI_COMPLETE:
	case GHCB_EXIT_AP_RESET_HOLD:
	case GHCB_EXIT_AP_JUMP_TABLE:
	case GHCB_EXIT_RUN_VMPL:
	case GHCB_EXIT_HV_FEATURES:
	case GHCB_EXIT_TERMINATE:
	case GHCB_EXIT_UNSUPPORTED:
		return GHCB_OK;
	case GHCB_EXIT_WRITE_DR7:
		return NEEDS(GHCB_RAX);
	case GHCB_EXIT_RDPMC:
		return NEEDS(GHCB_RCX);
	case GHCB_EXIT_CPUID:
		if (NEEDS(GHCB_RAX, GHCB_RCX) != GHCB_OK)
			return GHCB_ERROR_MISSING_INPUT;
		return request->rax == 0xd ? NEEDS(GHCB_XCR0) : GHCB_OK;
	case GHCB_EXIT_IOIO:
		return parse_ioio(request, bitmap);
	case GHCB_EXIT_MSR:
		return request->info1 ? NEEDS(GHCB_RCX, GHCB_RAX, GHCB_RDX) :
					NEEDS(GHCB_RCX);
	case GHCB_EXIT_VMMCALL:
		return NEEDS(GHCB_RAX, GHCB_CPL);
	case GHCB_EXIT_MONITOR:
		return NEEDS(GHCB_RAX, GHCB_RCX, GHCB_RDX);
	case GHCB_EXIT_MWAIT:
		return NEEDS(GHCB_RAX, GHCB_RCX);
	case GHCB_EXIT_MMIO_READ:
	case GHCB_EXIT_MMIO_WRITE:
	case GHCB_EXIT_PSC:
		return NEEDS(GHCB_SCRATCH);
	case GHCB_EXIT_GUEST_REQUEST:
	case GHCB_EXIT_EXT_GUEST_REQUEST:
		return parse_guest_request(request);
	case GHCB_EXIT_AP_CREATION:
		/* request 2 destroys the vCPU and needs no SEV features in RAX */
		return (uint32_t)request->info1 == 2 ? GHCB_OK : NEEDS(GHCB_RAX);
	default:
		return GHCB_ERROR_INVALID_EVENT;
	}
}

enum ghcb_error ghcb_parse(const void *page, struct ghcb_request *request)
{
	/* the guest's other vCPUs may write the page: look at it once */
	uint8_t copy[GHCB_SHARED_BUFFER], bitmap[16];
	uint16_t version;
	uint32_t usage;
	uint64_t code;

	memcpy(copy, page, sizeof(copy));
	memcpy(&version, (const uint8_t *)page + GHCB_PROTOCOL_VERSION, sizeof(version));
	memcpy(&usage, (const uint8_t *)page + GHCB_USAGE, sizeof(usage));
	memcpy(bitmap, copy + GHCB_VALID_BITMAP, sizeof(bitmap));
	memset(request, 0, sizeof(*request));
	request->scratch_offset = GHCB_NO_SCRATCH;
	if (usage)
		return GHCB_ERROR_USAGE;
	if (!valid(bitmap, GHCB_EXIT_CODE) || !valid(bitmap, GHCB_EXIT_INFO_1) ||
	    !valid(bitmap, GHCB_EXIT_INFO_2))
		return GHCB_ERROR_MISSING_INPUT;
	/* KVM takes 0 (a page where no request set it yet); a newer one it can't know */
	if (version > GHCB_VERSION_MAX)
		return GHCB_ERROR_INVALID_INPUT;
	code = get64(copy, GHCB_EXIT_CODE);
	if (code >> 32)
		return GHCB_ERROR_INVALID_EVENT;
	request->exit = code;
	request->info1 = get64(copy, GHCB_EXIT_INFO_1);
	request->info2 = get64(copy, GHCB_EXIT_INFO_2);
	request->scratch = valid(bitmap, GHCB_SCRATCH) ? get64(copy, GHCB_SCRATCH) : 0;
	request->rax = valid(bitmap, GHCB_RAX) ? get64(copy, GHCB_RAX) : 0;
	request->rbx = valid(bitmap, GHCB_RBX) ? get64(copy, GHCB_RBX) : 0;
	request->rcx = valid(bitmap, GHCB_RCX) ? get64(copy, GHCB_RCX) : 0;
	request->rdx = valid(bitmap, GHCB_RDX) ? get64(copy, GHCB_RDX) : 0;
	request->xcr0 = valid(bitmap, GHCB_XCR0) ? get64(copy, GHCB_XCR0) : 0;
	request->cpl = valid(bitmap, GHCB_CPL) ? copy[GHCB_CPL] : 0;
	return check_inputs(request, bitmap);
}

uint64_t ghcb_scratch_bytes(const struct ghcb_request *request)
{
	switch (request->exit) {
	case GHCB_EXIT_MMIO_READ:
	case GHCB_EXIT_MMIO_WRITE:
		return request->info2;
	case GHCB_EXIT_IOIO:
		return request->ioio.string ?
			       (uint64_t)request->ioio.count * request->ioio.size : 0;
	default:
		return 0;
	}
}

static void answer_field(uint8_t *page, unsigned int offset, uint64_t value)
{
	set64(page, offset, value);
	set_valid(page, offset);
}

void ghcb_answer_begin(void *page)
{
	memset((uint8_t *)page + GHCB_VALID_BITMAP, 0, 16);
	answer_field(page, GHCB_EXIT_INFO_1, 0);
	answer_field(page, GHCB_EXIT_INFO_2, 0);
}

void ghcb_answer_rax(void *page, uint64_t value)
{
	answer_field(page, GHCB_RAX, value);
}

void ghcb_answer_rbx(void *page, uint64_t value)
{
	answer_field(page, GHCB_RBX, value);
}

void ghcb_answer_rcx(void *page, uint64_t value)
{
	answer_field(page, GHCB_RCX, value);
}

void ghcb_answer_rdx(void *page, uint64_t value)
{
	answer_field(page, GHCB_RDX, value);
}

void ghcb_answer_info1(void *page, uint64_t value)
{
	answer_field(page, GHCB_EXIT_INFO_1, value);
}

void ghcb_answer_info2(void *page, uint64_t value)
{
	answer_field(page, GHCB_EXIT_INFO_2, value);
}

void ghcb_answer_error(void *page, enum ghcb_error error)
{
	ghcb_answer_begin(page);
	ghcb_answer_info1(page, GHCB_INFO1_BAD_INPUT);
	ghcb_answer_info2(page, error);
}

void ghcb_answer_exception(void *page, unsigned int vector, int has_error_code,
			   uint32_t error_code)
{
	/* EVENTINJ format: vector, type 3 (exception), error-code valid, valid */
	uint64_t inject = vector | 3u << 8 | (has_error_code ? 1u << 11 : 0) | 1u << 31;

	ghcb_answer_begin(page);
	ghcb_answer_info1(page, 1);
	ghcb_answer_info2(page, inject | (uint64_t)error_code << 32);
}
