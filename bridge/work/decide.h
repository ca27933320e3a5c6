/* decide: whether a request may be carried out: by which rule, what it needs beyond that, and what holds everything up. */
#ifndef SALLYPORT_WORK_DECIDE_H
#define SALLYPORT_WORK_DECIDE_H

#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"

struct request;

struct ask decide_question(const struct request *);     /* as the rights are asked: with its arguments as they are now */
bool decide_may(const struct request *, struct decision *);
void decide_needs(const struct request *, struct needs *);      /* now: a freeze may need more than is needed else */
/* Why what was asked for cannot be carried out upon the approvals that were needed then (needs_policy()); NULL: it can. */
const char *decide_changed(const struct request *, const char *then);
/* What holds up everything that changes something, though it is allowed: a pause, a lock, a freeze. */
struct hold {
	const char *name;               /* "paused", "locked", "frozen" */
	const char *why;                /* a sentence without its full stop; NULL: nothing does */
	const char *more;               /* the verb that tells more, or ends it: "resume ends it" */
};
/* Whom a freeze lets pass: that goes into the decision's rule, for the audit. */
struct hold decide_held(const struct request *, struct decision *);

/* What stands beside the rule that allows it: ", needs 1 deployer, no lock, no freeze until Fri 16:00 (in 4 days)"; "" where nothing does. */
const char *decide_beside(const struct request *);

#endif
