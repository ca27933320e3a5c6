/* decide: whether a request may be carried out: by which rule, what it needs beyond that, and what holds everything up. */
#ifndef SALLYPORT_TALK_DECIDE_H
#define SALLYPORT_TALK_DECIDE_H

#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"

struct request;

struct ask decide_question(const struct request *);     /* as the rights are asked: with its arguments as they are now */
bool decide_may(const struct request *, struct decision *);
void decide_needs(const struct request *, struct needs *);
const char *decide_held(const struct request *);        /* why nothing may change now, though it is allowed: a pause; NULL: it may */

#endif
