/* living: things that go on after their command has ended: said in the rooms that asked, kept in step with their follow row. */
#ifndef SALLYPORT_WORK_LIVING_H
#define SALLYPORT_WORK_LIVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/talk/message.h"

struct arena;
struct card;
struct follow;
struct talk;
struct task;

/* What a follow row keeps in `about`, and who reads it back. */
struct living {
	const char *label;              /* B31; NULL: the row watches and is no thing itself */
	const char *room;               /* NULL: only the place */
	struct place place;             /* where it was asked */
	const char *shown, *account;    /* whom to address */
	const char *replies;            /* the message that asked */
	const char *approved;           /* by whom; NULL: it needed nobody */
	int64_t asked;                  /* wall ms */
};

const char *living_json(struct arena *, const struct living *);
bool living_read(struct arena *, const char *json, struct living *);

/* Commits what a look found: the row's `seen` and next time (next_ms < 0: it has ended), and the card (NULL: nothing to say) to every place of its
 * room, and into its label. Waits. False with the task's error. */
bool living_seen(struct task *, const struct talk *, const struct follow *, const struct living *,
	const char *seen, int64_t next_ms, struct card *);

/* Ends a row that somebody does not want any more. `*was`: there was one. Waits; false with the task's error. */
bool living_end(struct task *, const char *instance, const char *kind, const char *token, bool *was);

#endif
