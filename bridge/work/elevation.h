/* elevation: a role that somebody took for a while: !elevate sre db1 is down. It is a row, laid over the rights, and listed until it was reviewed.
 *
 * It ends by itself, by the clock that nobody sets; across a restart by the other, and never later than it was given. What is approved by whoever
 * has a role must be theirs for good: a role that was taken for a while says no yes to others. */
#ifndef SALLYPORT_WORK_ELEVATION_H
#define SALLYPORT_WORK_ELEVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct audit_entry;
struct db;
struct elevations;
struct error;
struct overlay;
struct request;
struct tables;
struct talk;
struct task;

extern const struct tables elevation_tables;

struct elevation {
	const char *id;                 /* E3 */
	const char *person, *role, *why;
	const char *approved;           /* by whom; "" by nobody */
	const char *review;             /* the role whose people look at it afterwards; "" none */
	const char *about;              /* where it was asked for: living_json() */
	int64_t since, until;           /* wall ms */
	int64_t ended;                  /* wall ms; 0: it is in force */
	int64_t ends;                   /* mono ms; not of the row */
	bool ending;                    /* a task is at it; not of the row */
};

enum { ELEVATIONS_MOST = 200 };         /* in force, or to be reviewed */

struct elevations *elevations_open(const struct talk *);
void elevations_close(struct elevations *);     /* NULL is fine */
bool elevations_load(struct task *, struct elevations *);      /* what an earlier life left; false with the task's error */
void elevations_begin(struct elevations *);     /* from now on those whose time has passed are ended */
void elevations_overlay(const struct elevations *, struct arena *, struct overlay *);   /* those in force, copied */

size_t elevations_count(const struct elevations *);
const struct elevation *elevations_at(const struct elevations *, size_t i);    /* oldest first */
const struct elevation *elevations_find(const struct elevations *, const char *id);    /* NULL: ended and reviewed, or never there */

/* They wait, and write what they do with the audit's row; false with the task's error, and nothing has changed. */
bool elevations_add(struct task *, struct elevations *, const struct elevation *);
bool elevations_end(struct task *, struct elevations *, const char *id, const char *how, const struct audit_entry *, const struct request *by);
bool elevations_reviewed(struct task *, struct elevations *, const char *id, const char *by, const char *note, const struct audit_entry *);
/* Those of somebody who has left end: how many. Does not wait. */
size_t elevations_revoke(struct elevations *, const char *person);
const char *elevations_orphan(const struct elevations *, bool (*is_person)(const char *name, const void *with), const void *with);     /* in force, of nobody; NULL */

#endif
