/* vote: the verbs that decide upon what somebody asked for: approve, deny, yes; and what waits for them. */
#ifndef SALLYPORT_WORK_VOTE_H
#define SALLYPORT_WORK_VOTE_H

#include <stdbool.h>

struct request;

bool approve_run(struct request *);
bool deny_run(struct request *);
bool yes_run(struct request *);
bool approvals_run(struct request *);

#endif
