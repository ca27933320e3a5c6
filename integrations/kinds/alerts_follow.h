/* alerts_follow: the row by which an instance is looked at again and again. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_FOLLOW_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_FOLLOW_H

#include <stdbool.h>

struct instance;
struct talk;
struct task;

#define ALERTS_FOLLOWS "alerts"

/* Looks now, on the caller's task: what was just asked for shows at once. False with the task's error. */
bool alerts_look(struct task *, const struct talk *, const struct instance *);

#endif
