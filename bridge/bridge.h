/* bridge: the running gateway: opens everything in order, closes it in reverse; what is heard comes in here. */
#ifndef SALLYPORT_BRIDGE_H
#define SALLYPORT_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/links.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/talk/talk.h"

struct anchor;
struct clock_watch;
struct frozen;
struct hook;
struct inbox;
struct manager;
struct metrics;
struct seal;
struct setup;
struct spool;
struct watch;

/* Read it in this folder only. */
struct bridge {
	struct setup *setup;                    /* what is in force */
	struct engine engine;
	struct talk talk;
	struct links links;
	struct hook *hook;
	struct metrics *metrics;
	struct spool *spool;
	struct inbox *inbox;                    /* the deliveries of webhooks */
	struct anchor *anchor;                  /* signs the audit */
	struct clock_watch *clocks;
	struct frozen *frozen;
	unsigned files;                         /* of links of ours that are being fetched or sent */
	struct manager *manager;
	struct seal *seal;                      /* a new configuration does not change it */
	char *state;                            /* the folder; a new configuration does not move it */
	int64_t began;                          /* wall ms */
	char refused[400];                      /* the first mistake of a newer configuration that was not taken; "" */
	int64_t refused_at;                     /* wall ms */
	struct watch *signals[3], *drain;
	int64_t drain_until;                    /* mono ms */
	int64_t tell_dropped_from;              /* mono ms: before it the operators are not told again that something was dropped */
	bool begun, reload_wanted, stopping, cancelled;
};

/* Before the configuration is read: SIGHUP, which would end us, waits until bridge_run() can take it. */
void bridge_prepare(void);
/* Serves until SIGTERM or SIGINT; SIGHUP reads the configuration anew. Frees the setup. `ready` (may be NULL) is called once from the loop
 * when the links have been started. The exit code: 0; 65 where the store is damaged or newer, 69 where a gateway runs on this state
 * already, 71 where the system refuses. */
int bridge_run(struct setup *, void (*ready)(void *), void *with);
/* From now on this configuration is in force, and freed when its last reader has ended. */
void bridge_point_to(struct bridge *, struct setup *);

/* The tables of the store, in the order in which they are made; ended by NULL. */
struct tables;
extern const struct tables *const bridge_tables[];

#endif
