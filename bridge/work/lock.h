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
struct db;
struct error;
struct json_object;
struct locks;
struct request;
struct sections;
struct tables;
struct talk;
struct task;

extern const struct tables lock_tables;

struct lock_settings {                  /* filled by lock_shape */
	struct list release;            /* roles, and "owner"; none: the owner and whoever gives rights */
	int64_t longest;                /* ms; 0: a lock may last until it is released */
};

extern const struct shape lock_shape;
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

/* On the store's thread. In a backup that is put back: the locks of the state that is laid aside are in force, not those of then. */
struct lock_rows;
bool lock_rows_read(struct db *, struct arena *, struct lock_rows **, struct error *);
bool lock_rows_write(struct db *, const struct lock_rows *, struct error *);

/* Handlers of our own verbs. */
bool lock_resolve(struct request *);
bool lock_run(struct request *);
bool lock_settle(struct request *);
bool lock_list(struct request *);
bool unlock_resolve(struct request *);
bool unlock_run(struct request *);
bool unlock_settle(struct request *);

#endif
