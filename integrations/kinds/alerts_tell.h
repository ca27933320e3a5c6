/* alerts_tell: how a change of a group is told: which rooms hear of it, where it is an edit only, and where it waits. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_TELL_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_TELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/alerts_rows.h"

struct arena;
struct card;
struct db;
struct error;
struct instance;
struct talk;
struct voices;
struct work;

struct room_now {
	const char *name;
	bool quiet;                     /* only what is critical is told there, from `since` until `until` */
	int64_t since, until;
};

/* What a transaction needs to tell anything. The first part is made on the loop, into the work's arena; `options` belongs to the configuration, which
 * the task that waits for the work holds. */
struct telling {
	const char *instance, *prefix;
	const struct alerts_options *options;
	struct list usual;              /* rooms that hear of it where no route says otherwise */
	const struct voices *voices;
	struct room_now *rooms;
	size_t room_count;
	int64_t now;

	struct db *db;
	struct arena *arena;
	struct error *error;
	bool storm;
	const char *but;                /* a room that hears of it otherwise; NULL: none */
};

const struct alerts *alerts_of(const struct instance *);       /* NULL: it is no such service */
const struct alerts_options *alerts_options_of(const struct instance *);
void telling_make(struct telling *, struct arena *, const struct talk *, const struct instance *);
void telling_begin(struct telling *, struct db *, struct arena *, struct error *);     /* in the transaction */

/* Writes the row and tells what has changed: of a new one, or where its state did or it got worse, a line in each chat; of all else, edits.
 * What has changed stands in the thread, too. */
bool tell_group(struct telling *, struct alert_row *);
bool tell_note(struct telling *, const struct alert_row *, const char *note);     /* in the threads under its messages */
bool tell_all(struct telling *, const struct card *, const char *label);       /* to every room of the instance; label NULL: none */
bool tell_room(struct telling *, const char *room, const struct card *, const char *label);
bool row_told_in(struct arena *, const struct alert_row *, const char *room);
void row_tell_in(struct arena *, struct alert_row *, const char *room);        /* from now on it hears of it */
const char *const *telling_rooms(struct telling *);    /* all that any route or the instance names, ended by NULL */

#endif
