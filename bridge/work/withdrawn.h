/* withdrawn: a yes that is taken back while more of them are needed counts no more; a request that is taken back too late is recorded so. */
#ifndef SALLYPORT_WORK_WITHDRAWN_H
#define SALLYPORT_WORK_WITHDRAWN_H

struct message;
struct talk;

/* A message or a sign was taken back. */
void withdrawn_take(const struct talk *, const struct message *);

#endif
