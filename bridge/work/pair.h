/* pair: accounts that people make their own: a code from the one account is said from the other, and both are proven.
 *
 * Nothing of it is a right that was not there: an account that somebody has stays theirs, whoever says the code becomes nobody else, and for a day
 * a paired account cannot approve. */
#ifndef SALLYPORT_WORK_PAIR_H
#define SALLYPORT_WORK_PAIR_H

#include <stdbool.h>

struct request;

bool pair_run(struct request *);        /* gives a code, or takes one */
bool pair_waits(const struct request *);        /* who asks said a code here, and a yes would answer what they were asked */
bool pair_yes_run(struct request *);
bool unpair_run(struct request *);

#endif
