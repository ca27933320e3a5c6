/* resume: a request from its row; what an earlier life left open is settled. */
#ifndef SALLYPORT_WORK_RESUME_H
#define SALLYPORT_WORK_RESUME_H

#include <stdbool.h>

struct intent;
struct request;
struct request_private;
struct talk;
struct task;

/* The request that a row was made of, on a task that holds the talk. A command that is there no more looks like one that cannot be carried
 * out: its run is NULL. False where its place cannot be read. */
bool resume_request(struct task *, const struct talk *, const struct intent *, struct request *, struct request_private *);
/* After a start: what was sent is unknown, and looked for; what is unknown is looked for again. */
void resume_intent(const struct talk *, const struct intent *);

#endif
