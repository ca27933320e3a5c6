/* lock_verb: the verbs of locks: lock, unlock, locks. */
#ifndef SALLYPORT_WORK_LOCK_VERB_H
#define SALLYPORT_WORK_LOCK_VERB_H

#include <stdbool.h>

struct request;

bool lock_resolve(struct request *);
bool lock_run(struct request *);
bool lock_settle(struct request *);
bool lock_list(struct request *);
bool unlock_resolve(struct request *);
bool unlock_run(struct request *);
bool unlock_settle(struct request *);

#endif
