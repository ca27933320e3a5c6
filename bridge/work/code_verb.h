/* code_verb: what people do about one-time codes: !code in private, and for administrators !code enrol and !code reset. */
#ifndef SALLYPORT_WORK_CODE_VERB_H
#define SALLYPORT_WORK_CODE_VERB_H

#include <stdbool.h>

struct request;

bool code_run(struct request *);                /* status, begin, or the digits that were said with it */

bool code_admin_resolve(struct request *);
bool code_admin_run(struct request *);
bool code_admin_settle(struct request *);

#endif
