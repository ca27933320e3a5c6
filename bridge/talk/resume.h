/* resume: a request from its row: what an earlier life left open is settled. */
#ifndef SALLYPORT_TALK_RESUME_H
#define SALLYPORT_TALK_RESUME_H

#include <stdbool.h>

struct intent;
struct talk;

/* After a start: settles what an earlier life left open. `unknown`: that was said already. */
void resume_intent(const struct talk *, const struct intent *, bool unknown);

#endif
