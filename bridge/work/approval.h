/* approval: a request that waits for a yes, of who asked or of others. It ends in approval_end.h, or in approved.h.
 *
 * What is approved is the stored request; nothing of it is read again. It is a row: it survives restarts. */
#ifndef SALLYPORT_WORK_APPROVAL_H
#define SALLYPORT_WORK_APPROVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/work/waiting.h"

struct arena;
struct card;
struct decision;
struct needs;
struct request;
struct saying;
struct talk;
struct task;

/* Keeps the request until what it needs is there, and says so in its room; on the request's task. */
void approval_hold(struct request *, const struct decision *, const struct needs *);
/* What it waited for is there, said by who asked (`what` for the audit): on to what it needs next, or to work. False with the task's error. */
bool approval_advance(struct request *, struct waiting *, const char *what);
/* A right one-time code was given: all of that person's requests that waited for one go on. Their ids; "" where there was none. */
const char *approval_code_given(struct request *);
/* A card of it to every place of its room. */
struct saying *approval_saying(struct arena *, const struct talk *, const struct waiting *, const struct card *);

#endif
