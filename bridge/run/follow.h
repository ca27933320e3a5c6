/* follow: rows that are looked at again until they end: builds, tickets, schedules. Never a stack that waits on a human.
 *
 * A row names an instance, a kind and a token; when it is due, a task calls the follower of that kind. What it found is
 * written together with what is said about it, in one transaction. */
#ifndef SALLYPORT_RUN_FOLLOW_H
#define SALLYPORT_RUN_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct db;
struct engine;
struct error;
struct follows;
struct tables;
struct task;

extern const struct tables follow_tables;

/* One row. Times are wall milliseconds; within one life of the gateway the monotonic clock counts what is left. */
struct follow {
	int64_t id;
	const char *instance, *kind, *token;
	const char *about;              /* what the follower keeps, as JSON: who asked, where, which short id */
	const char *seen;               /* what was seen last, as JSON; NULL at first */
	int64_t began, due, until;
	bool overdue;                   /* `until` has passed: say so, and end it */
	bool ended;
};

/* Called on a task of its own when the row is due. It looks, and commits follow_seen() or follow_end() with what it says. Where
 * it does neither (it failed), the row is due again later: 2 s, doubling to 60 s. */
typedef void follow_fn(struct task *, const struct follow *, void *with);

struct follows *follows_open(const struct engine *);
void follows_close(struct follows *);
void follows_kind(struct follows *, const char *kind, follow_fn *, void *with);     /* before follows_begin() */
void follows_begin(struct follows *);                   /* loads the rows; also those of an earlier life */
void follows_stop(struct follows *);                    /* begins no look any more */
/* Rows of a kind (NULL: all) that have not ended; of a kind, what is being loaded counts too: never 0 too early. */
unsigned follows_count(const struct follows *, const char *kind);
void follows_kick(struct follows *);                    /* after a commit that added or moved rows */
void follows_look(struct follows *, int64_t id);        /* now, as a stop was asked for */

/* On the store's thread. */
bool follow_add(struct db *, struct follow *, struct error *);      /* sets id; an existing (instance, kind, token) keeps its row */
bool follow_seen(struct db *, int64_t id, const char *seen, int64_t due, struct error *);
bool follow_end(struct db *, int64_t id, const char *seen, struct error *);
bool follow_find(struct db *, const char *instance, const char *kind, const char *token, struct arena *, struct follow *out);    /* also ended ones */

#endif
