/* approval_end: a request that waited for a yes and is carried out never: too late, taken back, refused. */
#ifndef SALLYPORT_WORK_APPROVAL_END_H
#define SALLYPORT_WORK_APPROVAL_END_H

#include <stdbool.h>
#include <stdint.h>

struct audit_entry;
struct card;
struct message;
struct talk;
struct task;
struct waiting;

/* `state` refused, expired or revoked; `audit` says who or what ended it, `card` what the room hears. *ended false: it waited no more.
 * Waits; false with the task's error. */
bool approval_end(struct task *, const struct talk *, const struct waiting *, const char *state, const char *outcome, const struct audit_entry *audit,
	struct card *, bool *ended);
/* Nobody said so, but it happened. Waits; what goes wrong is logged. */
void approval_end_by_itself(struct task *, const struct talk *, const struct waiting *, const char *state, const char *why);
void approval_over(const struct talk *, int64_t intent);        /* it has waited too long, or was withdrawn */
/* The message that asked was taken back: so is what it asked for. */
void approval_taken_back(const struct talk *, const struct message *);

#endif
