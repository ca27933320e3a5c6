/* waiting: what waits for a yes: how long still, which message asked, and what is shown of it. */
#ifndef SALLYPORT_WORK_WAITING_H
#define SALLYPORT_WORK_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/work/approval_rows.h"
#include "bridge/work/intent.h"

struct arena;
struct card;
struct place;
struct talk;
struct task;

/* As far as the loop must know: until when, and which message asked. `over` ends what has waited too long, or was withdrawn;
 * it is called from the loop, and again after a while where that could not be done. */
struct approvals;
struct approvals *approvals_open(const struct talk *, void (*over)(const struct talk *, int64_t intent));
void approvals_close(struct approvals *);
bool approvals_load(struct task *, const struct talk *);       /* what an earlier life left; false with the task's error */
size_t approvals_count(const struct approvals *);
/* It waits, until another time or for something else than before. */
void waiting_note(const struct talk *, const struct approval_row *, const char *replies);
void waiting_forget(struct approvals *, int64_t intent);
/* Remembers that a message, by its label, was taken back: a yes that is still on its way is none. */
void waiting_taken_back(struct approvals *, const char *message);
bool waiting_was_taken_back(const struct approvals *, const char *message);
/* The message that asked was taken back, and so is all that it asked for: nobody may decide upon it any more. */
void waiting_withdraw(struct approvals *, const struct place *, const char *message);
bool waiting_withdrawn(const struct approvals *, int64_t intent);

/* One, with all that is known of it. */
struct waiting {
	struct approval_row row;
	struct intent intent;
	struct vote votes[VOTES_MOST];
	size_t vote_count;
};
/* They wait; false without an error where there is none: by its id or code while it waits, or by its number. */
bool waiting_find(struct task *, const char *word, struct waiting *);
bool waiting_of(struct task *, int64_t intent, struct waiting *);
/* What a task that works on one of them is given. */
struct waiting_job {
	const struct talk *talk;
	int64_t intent;
};
/* False: too much is going on. */
bool waiting_task(const struct talk *, const char *name, int64_t intent, void (*run)(struct task *, void *job));

void waiting_hash(const struct intent *, const struct approval_row *, unsigned char out[APPROVAL_HASH]);        /* what an approval binds */

/* Its card in a state, with what is needed where it still is; how it ended, to who asked; one line of a list. */
struct card *waiting_card(struct arena *, const struct waiting *, const char *state);
struct card *waiting_last_card(struct arena *, const struct waiting *, const char *state, const char *why);
const char *waiting_line(struct arena *, const struct waiting *);
const char *waiting_votes(struct arena *, const struct waiting *);      /* "bob (hq, reaction) and dana"; "" */

#endif
