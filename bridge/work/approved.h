/* approved: a request that has all that it waited for: everything is looked at again, and it is carried out, once. */
#ifndef SALLYPORT_WORK_APPROVED_H
#define SALLYPORT_WORK_APPROVED_H

#include <stdint.h>

struct talk;

/* On a task of its own, if everybody still may. */
void approved_run(const struct talk *, int64_t intent);

#endif
