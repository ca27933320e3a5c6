/* lock: what people hold up for a while, by name: !lock prod until=16:00 migrating carts. It is a row, kept in memory, and survives restarts.
 *
 * A target is a pattern, in any case. It holds a command that changes something at a service where it fits the service's name, the value of any of
 * its resolved arguments, or both as SERVICE/VALUE; * fits everything. What stops or only watches, and our own verbs, are never locked. The time that
 * a lock was given passes by the clock that nobody sets, so that one which is set neither ends nor prolongs it; across a restart by the other. */
#ifndef SALLYPORT_WORK_LOCK_H
#define SALLYPORT_WORK_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"

struct arena;
struct ask;
struct card;
struct json_object;
struct lock_row;
struct locks;
struct request;
struct sections;
struct talk;
struct task;

struct lock_settings {                  /* filled by lock_shape */
	struct list release;            /* roles, and "owner"; none: the owner and whoever gives rights */
	int64_t longest;                /* ms; 0: a lock may last until it is released */
};

extern const struct shape lock_shape;
#define LOCK_OWNER "owner"               /* in `release`: who set it */
/* Roles that nobody has heard of are mistakes. */
void lock_settings_check(struct conf *, const struct section *, const struct lock_settings *, const struct sections *roles);

struct locks *locks_open(const struct talk *);
void locks_close(struct locks *);               /* NULL is fine */
bool locks_load(struct task *, struct locks *);         /* what an earlier life left; false with the task's error */
void locks_begin(struct locks *);               /* from now on those whose time has passed are ended and told of */

/* NULL: what is asked is not locked; else who locked it, since when, until when, why: "prod is locked by bob since 14:22 (12 min ago) ..." */
const char *locks_hold(const struct locks *, struct arena *, const struct ask *);
/* Those in force, oldest first: "L3 prod until 16:00 (in 1 h 38 min) by bob: migrating carts". */
size_t locks_count(const struct locks *);
const char *locks_text(const struct locks *, struct arena *, size_t i);
struct json_object *locks_json(const struct locks *, struct arena *);

/* For those who set and end one. */
struct lock {
	char *id, *target, *by, *why;
	char *about;                    /* where it was set and who is told */
	int64_t since, until;           /* wall ms; until 0: it has no end */
	int64_t ends;                   /* mono ms */
	bool ending;                    /* a task is at it */
};

const struct lock *locks_find(const struct locks *, const char *word);         /* by its target, or else its id; NULL: none */
const struct lock *locks_with_id(const struct locks *, const char *id);
const char *lock_said(const struct lock *, struct arena *);    /* as locks_hold() says it */
void locks_add(struct locks *, const struct lock_row *);        /* a row that is kept: it is in force */
/* Ends it: its row goes, and the room where it was set hears of it. `by` NULL: its time has passed. Waits; its last card, or NULL with the task's error. */
struct card *locks_release(struct task *, struct locks *, const struct lock *, const struct request *by);

#endif
