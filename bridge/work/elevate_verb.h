/* elevate_verb: the verbs of roles that are taken for a while. What elevate needs is an approval like any other (rights/elevate.h). */
#ifndef SALLYPORT_WORK_ELEVATE_VERB_H
#define SALLYPORT_WORK_ELEVATE_VERB_H

#include <stdbool.h>

struct request;

bool elevate_resolve(struct request *);
bool elevate_run(struct request *);
bool elevate_settle(struct request *);
bool elevate_list(struct request *);
bool unelevate_run(struct request *);
bool reviewed_run(struct request *);

#endif
