/* perform: a command that was written down is carried out, at most once, and its outcome written together with what is said of it.
 *
 * Where nobody knows whether it happened, that is said, and the service is looked at; it is never asked twice. */
#ifndef SALLYPORT_WORK_PERFORM_H
#define SALLYPORT_WORK_PERFORM_H

#include <stdint.h>

struct request;

/* On the request's task. The row of `intent` says sent. */
void perform(struct request *, int64_t intent);
/* It was sent in an earlier life: says that nobody knows, and looks what became of it. */
void perform_unknown(struct request *, int64_t intent, const char *reason);
/* That was said already: looks again. */
void perform_settle(struct request *, int64_t intent);

#endif
