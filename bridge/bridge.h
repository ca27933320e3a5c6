/* bridge: the running gateway: opens everything in order, closes it in reverse; what is heard comes in here. */
#ifndef SALLYPORT_BRIDGE_H
#define SALLYPORT_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/talk/talk.h"

struct error;
struct setup;
struct watch;

/* Read it in bridge.c and report.c only. */
struct bridge {
	const struct setup *setup;
	struct engine engine;
	struct talk talk;
	struct link *links;
	size_t link_count;
	int64_t began;                          /* wall ms */
	struct watch *signals[2], *drain;
	int64_t drain_until;                    /* mono ms */
	bool stopping, cancelled;
};

/* Serves until SIGTERM or SIGINT. `ready` (may be NULL) is called once from the loop when the links have been started.
 * The exit code: 0; 65 where the store is damaged or newer, 69 where a gateway runs on this state already, 71 where the system refuses. */
int bridge_run(const struct setup *, void (*ready)(void *), void *with);

/* The tables of the store, in the order in which they are made; ended by NULL. */
struct tables;
extern const struct tables *const bridge_tables[];

#endif
