/* more: the rest of an answer that was cut off. */
#ifndef SALLYPORT_WORK_MORE_H
#define SALLYPORT_WORK_MORE_H

#include <stdbool.h>

struct card;
struct mores;
struct request;

struct mores *mores_new(void);
void mores_free(struct mores *);

/* An answer that may not fit: remembered for a while, for who asked (their account, where it is proven) and for the place. What was said
 * in a room anybody there may go on with; in private nobody else, whatever they call themselves. `card` is copied. */
void more_keep(const struct request *, const struct card *);

bool more_run(struct request *);

#endif
