/* http_queue: whose turn it is: so many lines in all, a few of them an origin, origins in turn.
 *
 * One hung service must not hold all lines, and curl slows down under thousands of transfers. */
#ifndef SALLYPORT_RUN_HTTP_QUEUE_H
#define SALLYPORT_RUN_HTTP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/run/http.h"

struct arena;

enum { QUEUE_LINES = 128, QUEUE_LINES_OF_ORIGIN = 8 };

struct origin {
	const char *name;               /* scheme://host:port */
	struct origin *next;            /* in the ring of all */
	struct turn *first, *last;      /* those who wait */
	unsigned running;
	struct http_health health;
};

/* One request, from its asking to its end. It belongs to whoever asks. */
struct turn {
	void *with;                     /* the asker's */
	bool chat;                      /* not counted among QUEUE_LINES */
	int64_t until;                  /* monotonic ms: how long it waits for a line */
	struct origin *origin;          /* from here on the queue's */
	struct turn *before, *after;
	bool running;
};

struct queue {
	struct arena *arena;
	struct origin *last;            /* who was served last; NULL: nobody ever asked */
	unsigned running;
	size_t waiting;
};

void queue_init(struct queue *);
void queue_finish(struct queue *);                      /* everybody has left */
struct origin *queue_origin(struct queue *, const char *name);          /* made where it is new */
struct origin *queue_find(const struct queue *, const char *name);      /* NULL where it is not known */

void queue_join(struct queue *, struct origin *, struct turn *);
struct turn *queue_next(struct queue *);                /* who may start now, counted as running; NULL: nobody */
void queue_leave(struct queue *, struct turn *);        /* waiting or running */
struct turn *queue_late(const struct queue *, int64_t now);     /* somebody who has waited too long; NULL: nobody */

#endif
