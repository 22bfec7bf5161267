/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a saved machine has of the emulation: a row of bytes to which each file
 * adds its own state. One function of a file saves and loads, so that a field is
 * loaded if and only if it is saved.
 */
#ifndef ACCEPTLAB_STATE_H
#define ACCEPTLAB_STATE_H

#include "qapi/error.h"
#include "model/save.h"

struct EmulatedGuest;

typedef struct StateStream {
    GByteArray *bytes;
    size_t at;              /* where the next are loaded from */
    bool loads;
    char *refused;          /* why, or NULL */
} StateStream;

bool state_loads(const StateStream *stream);

/* Saves size bytes at data, or loads them there: zeros where there are no more. */
void state_bytes(StateStream *stream, void *data, size_t size);

#define STATE_FIELD(stream, field) state_bytes(stream, &(field), sizeof(field))

/* A text, NULL included. Where it is loaded the caller frees it. */
void state_text(StateStream *stream, char **text);

/* What is loaded cannot go on here, or the guest cannot be saved: the machine
 * does not run. Only the first reason counts. */
void G_GNUC_PRINTF(2, 3) state_refuse(StateStream *stream, const char *why, ...);

bool state_refused(const StateStream *stream);

/* The same row of bytes, for a model; a model that refuses is reported by the caller. */
struct model_stream state_for_model(StateStream *stream);

/* ---- the parts ------------------------------------------------------------ */

void events_state(struct EmulatedGuest *guest, StateStream *stream);
void attacks_state(struct EmulatedGuest *guest, StateStream *stream);
void counts_state(StateStream *stream);
void halt_state(struct EmulatedGuest *guest, StateStream *stream);
void panic_state(struct EmulatedGuest *guest, StateStream *stream);
void probes_state(struct EmulatedGuest *guest, StateStream *stream);
void table_watch_state(struct EmulatedGuest *guest, StateStream *stream);

#endif
