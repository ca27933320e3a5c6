/* freeze: times in which some commands are not carried out: weekly, on dates, by a calendar. Pure, but for the calendar's file. */
#ifndef SALLYPORT_RIGHTS_FREEZE_H
#define SALLYPORT_RIGHTS_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/role.h"

struct approval;
struct calendar;
struct needs;

struct freeze {                         /* filled by freeze_shape */
	const char *name;
	struct where where;
	struct list what;               /* rules: the option `for` */
	struct list weekly, dates;
	const char *calendar;           /* a file; NULL: none */
	struct list except;             /* roles */
	const char *approval;           /* those of `except` need this one; NULL: none */
	struct list in;                 /* rooms; none: every room */

	const struct approval *needs;   /* what the setup made of `approval` */
};

extern const struct shape freeze_shape;

struct freezes;

/* Compiles; mistakes go to conf, with whose arena it goes, but for the calendars: freezes_free(). */
struct freezes *freezes_compile(struct conf *, const struct sections *freezes, const struct sections *roles, const struct sections *approvals,
	const struct rights_world *);
void freezes_free(struct freezes *);            /* NULL is fine */
size_t freezes_count(const struct freezes *);

struct freeze_hold {
	const struct freeze *freeze;
	const char *rule;               /* that means the command, as it is written */
	int64_t from, until;            /* wall ms */
	const char *role;               /* of the person, by which it does not hold them, or only until it is approved; NULL: it holds them */
};

/* Whether what is asked is frozen at that time. One that holds the person goes before one that lets them pass by a role, and of those one
 * that wants an approval. What is asked in private is
 * asked in every room. `person` NULL: nobody. */
bool freeze_holds(const struct freezes *, const struct ask *, const struct person *, int64_t wall, struct freeze_hold *out);
/* What those need whom it lets pass with an approval only: added to what is needed anyway. Of every freeze that holds then. */
void freezes_needs(const struct freezes *, const struct ask *, const struct person *, int64_t wall, struct needs *);
/* The freeze of it that begins next; false where none does within sight. */
bool freeze_next(const struct freezes *, const struct ask *, const struct person *, int64_t wall, struct freeze_hold *out);
/* The one at that place of the list: when it holds, or holds next. False: never again. */
bool freeze_at(const struct freezes *, size_t i, int64_t wall, struct freeze_hold *out);
const struct freeze *freeze_of(const struct freezes *, size_t i);

/* Warns of what can never hold any more: dates that have passed, a calendar without anything ahead. */
void freezes_past(const struct freezes *, int64_t wall, struct conf *);
/* Reads calendars that have changed; `lost` hears once of each that is of no use any more, while what it said before holds. */
void freezes_look(const struct freezes *, void (*lost)(const struct freeze *, const char *sentence, void *with), void *with);

#endif
