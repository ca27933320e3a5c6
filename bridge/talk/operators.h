/* operators: the gateway's own troubles, told where `operators = yes` stands. */
#ifndef SALLYPORT_TALK_OPERATORS_H
#define SALLYPORT_TALK_OPERATORS_H

struct card;
struct talk;

/* Kept until it is said, in every place of those rooms; nobody's phone rings. `but`: a link whose places hear nothing of it, because it is what
 * is wrong; NULL: none. From the loop or a task. */
void operators_tell(const struct talk *, const struct card *, const char *but);

#endif
