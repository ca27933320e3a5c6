/* inbox: the deliveries of webhooks: each that was proven is committed, then answered, then carried out: once, in the order in which they came, one
 * at a time for each instance. What a crash left is carried out in the next life. */
#ifndef SALLYPORT_WORK_INBOX_H
#define SALLYPORT_WORK_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/work/inbox_rows.h"

struct inbox;
struct instance;
struct talk;
struct task;

struct inbox *inbox_open(const struct talk *);
void inbox_begin(struct inbox *);               /* from here on they are carried out, what an earlier life left first; taken they are before */
bool inbox_begun(const struct inbox *);         /* what an earlier life left is known */
void inbox_stop(struct inbox *);                /* begins none any more */
void inbox_close(struct inbox *);               /* after the store */

enum inbox_taken { INBOX_TAKEN, INBOX_KNOWN, INBOX_FULL };
/* Waits for the commit. False with the task's error where the store refuses: nothing was taken. */
bool inbox_take(struct task *, struct inbox *, const struct posted *, enum inbox_taken *);
/* Carries it out once more, as if it had just come, and writes into the audit that `account` wants it. Waits. *found false: there is none of that
 * number, or it has not ended yet. */
bool inbox_replay(struct task *, struct inbox *, int64_t id, const char *account, bool *found);
void inbox_refused(struct inbox *, const char *instance);       /* counts it. NULL: nobody's */

/* Since the start, of each instance that had any. */
struct inbox_count {
	const char *instance;           /* "": of none */
	uint64_t taken, known, refused, dead;
};
size_t inbox_counts(const struct inbox *, const struct inbox_count **each);
size_t inbox_waiting(const struct inbox *);

#endif
