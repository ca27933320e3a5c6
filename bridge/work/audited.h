/* audited: !audit, what the audit says, for those whom a rule lets ask. */
#ifndef SALLYPORT_WORK_AUDITED_H
#define SALLYPORT_WORK_AUDITED_H

#include <stdbool.h>

struct request;

bool audited_run(struct request *);

#endif
