/* sync: what the homeserver has to tell since it was asked last (client-server API, "Syncing"): rooms as they are now, and what was said. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_SYNC_H
#define SALLYPORT_PROTOCOLS_MATRIX_SYNC_H

#include <stdbool.h>

struct homeserver;
struct task;

/* What was kept of an earlier life, and the filters, which the homeserver keeps. */
bool sync_prepare(struct task *, struct homeserver *);
/* One question, which the homeserver may take its time to answer, and all that follows from the answer. What was said is heard and the cursor
 * committed, or neither. Of an account that was never here before nothing is heard the first time. False with the task's error. *answered is
 * false where the question was given up because at->renewed: it may be asked again as it was. */
bool sync_turn(struct task *, struct homeserver *, bool *answered);

#endif
