/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Malicious host actions (acts): detail of EVENT_ATTACK. Never renumbered.
 *
 * The event stands for all that the act does to the pages in its range (only a
 * SPLIT that it needs comes before it, as an event of its own). A replay takes
 * from it: REMAP, REASSIGN and REMOVE_AUG leave the page assigned and not
 * accepted; KEEP leaves it accepted, though the guest had released it;
 * UNASSIGN and REMOVE leave it to the host; REMAP_BACK gives back the state
 * before REMAP; ALIAS and BLOCK make it unusable until it is converted.
 */
#ifndef ACCEPTLAB_ATTACK_H
#define ACCEPTLAB_ATTACK_H

enum attack {
	ATTACK_REMAP = 1,	/* SNP: another system page, not validated, backs the GPA */
	ATTACK_REMAP_BACK = 2,	/* SNP: the first system page is back, still validated */
	ATTACK_ALIAS = 3,	/* SNP: the system page of another GPA backs the GPA */
	ATTACK_REASSIGN = 4,	/* SNP: RMPUPDATE to the host and back to the guest */
	ATTACK_UNASSIGN = 5,	/* SNP: RMPUPDATE to the host, and left there */
	ATTACK_REMOVE_AUG = 6,	/* TDX: PAGE.REMOVE, then PAGE.AUG */
	ATTACK_REMOVE = 7,	/* TDX: PAGE.REMOVE, and left so */
	ATTACK_BLOCK = 8,	/* TDX: RANGE.BLOCK, and left so */
	ATTACK_BUSY = 9,	/* TDX: the next accepts find the entry locked */
	ATTACK_RETRY = 10,	/* TDX: the next MapGPA calls end in RETRY with no progress */
	ATTACK_PSC_ERROR = 11,	/* SNP: the next page state changes fail */
	ATTACK_PSC_REWIND = 12,	/* SNP: the next PSC gives cur_entry back smaller */
	ATTACK_KEEP = 13,	/* a private page stays while it is shared (TDX) or unplugged, and is there again */
	ATTACK_IGNORE_UNPLUG = 14,	/* memory that the guest gave up stays plugged */
};

#endif
