/* SPDX-License-Identifier: GPL-2.0-only */
/* The lossless event stream and the USDT probes behind it. */
#ifndef ACCEPTLAB_EVENTS_H
#define ACCEPTLAB_EVENTS_H

#include "qapi/error.h"
#include "model/event.h"

typedef struct EventStream EventStream;
struct EmulatedGuest;
struct EmulatedCpu;

/*
 * Sees an event just before it is recorded: kind, addresses and results are
 * set, what guest_event() completes is not. Its own events come before that
 * one. Called with guest->lock held.
 */
typedef void EventObserver(struct EmulatedGuest *guest,
                           const struct acc_event *event);

/*
 * Sees an event that is complete and recorded. cpu NULL, retaddr: as given to
 * guest_event(). Called with guest->lock held.
 */
typedef void EventFollower(struct EmulatedGuest *guest, struct EmulatedCpu *cpu,
                           const struct acc_event *event, uintptr_t retaddr);

/* path NULL: events are off, only counted and observed. */
EventStream *event_stream_open(const char *path, Error **errp);

/* The guest is about to run for the first time. */
void event_stream_begin(EventStream *stream);

/* From now on, for every event, after the observers that are there already. */
void event_stream_observe(EventStream *stream, EventObserver *observer);

/* The one that sees every event after it is recorded, where events are on. */
void event_stream_follow(EventStream *stream, EventFollower *follower);

/*
 * Completes seq, clock, vCPU, stage, rip and caller of the event and passes
 * it on. cpu NULL: an act of the host or of the boot handoff. Caller holds
 * guest->lock.
 */
void guest_event(struct EmulatedGuest *guest, struct EmulatedCpu *cpu,
                 struct acc_event event, uintptr_t retaddr);

/* Instructions executed so far (icount), the calling vCPU's included, else
 * nanoseconds of guest time. */
uint64_t guest_clock(void);

/* Instructions that this vCPU alone has executed; 0 where none are counted. */
uint64_t vcpu_executed(struct EmulatedCpu *cpu);

/* Writes EVENT_END and closes; the stream takes no event after it. Returns
 * how many records come before that one. */
uint64_t event_stream_end(struct EmulatedGuest *guest);

/* The number that the next event will have */
uint64_t event_stream_next(const EventStream *stream);

/* Whether any record is one of those; true without records to look at, for then
 * it is not known. */
bool event_stream_any(EventStream *stream,
                      bool (*is_one)(const void *what,
                                     const struct acc_event *event),
                      const void *what);

/* The records that concern gpa, newest last, at most max. The caller frees the
 * array. */
struct acc_event *event_stream_history(EventStream *stream, uint64_t gpa,
                                       unsigned max, unsigned *found);

#endif
