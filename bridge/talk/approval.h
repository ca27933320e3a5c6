/* approval: a request that waits for a yes, of who asked or of others: asked, expired, taken back, and at last carried out, once.
 *
 * What is approved is the stored request; nothing of it is read again. It is a row: it survives restarts. */
#ifndef SALLYPORT_TALK_APPROVAL_H
#define SALLYPORT_TALK_APPROVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/talk/approval_rows.h"
#include "bridge/talk/intent.h"

struct arena;
struct audit_entry;
struct card;
struct decision;
struct message;
struct needs;
struct request;
struct talk;
struct task;

/* What waits, as far as the loop must know: until when, and which message asked. */
struct approvals;
struct approvals *approvals_new(void);
void approvals_free(struct approvals *);
bool approvals_load(struct task *, const struct talk *);       /* what an earlier life left; false with the task's error */
size_t approvals_count(const struct approvals *);

/* Keeps the request until what it needs is there, and says so in its room; on the request's task. */
void approval_hold(struct request *, const struct decision *, const struct needs *);
/* All that was needed is there: carries it out on a task of its own, if everybody still may. */
void approval_run(const struct talk *, int64_t intent);
/* The message that asked was taken back: so is what it asked for. */
void approval_taken_back(const struct talk *, const struct message *);

/* For the verbs that decide. One that waits, with all that is known of it. */
struct waiting {
	struct approval_row row;
	struct intent intent;
	struct vote votes[VOTES_MOST];
	size_t vote_count;
};
/* Waits; false without an error where nothing of that id or code does. */
bool waiting_find(struct task *, const char *word, struct waiting *);
/* Its card in a state, with what is needed where it still is. */
struct card *waiting_card(struct arena *, const struct waiting *, const char *state);
struct card *waiting_last_card(struct arena *, const struct waiting *, const char *state, const char *why);       /* how it ended, to who asked */
const char *waiting_line(struct arena *, const struct waiting *);      /* one of a list */
/* It is carried out never: `state` refused, expired or revoked; `audit` says who or what ended it, `card` what the room hears. *ended false: it
 * waited no more. Waits; false with the task's error. */
bool waiting_end(struct task *, const struct talk *, const struct waiting *, const char *state, const char *outcome, const struct audit_entry *audit,
	struct card *, bool *ended);
/* It waits for something else, or until another time, from now on. */
void approvals_note(const struct talk *, const struct approval_row *, const char *replies);

void approval_code_hash(const char *code, unsigned char out[APPROVAL_HASH]);    /* of what people typed: in any case, with or without - */
void approval_hash(const struct intent *, const struct approval_row *, unsigned char out[APPROVAL_HASH]);

#endif
