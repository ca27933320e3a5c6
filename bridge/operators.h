/* operators: the gateway's own troubles, told where `operators = yes` stands. */
#ifndef SALLYPORT_OPERATORS_H
#define SALLYPORT_OPERATORS_H

struct bridge;
struct card;

/* Kept until it is said, in every place of those rooms; nobody's phone rings. From the loop or a task. */
void operators_tell(struct bridge *, const struct card *);

#endif
