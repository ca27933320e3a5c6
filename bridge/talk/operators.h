/* operators: the gateway's own troubles, told where `operators = yes` stands. */
#ifndef SALLYPORT_TALK_OPERATORS_H
#define SALLYPORT_TALK_OPERATORS_H

struct card;
struct room;
struct talk;

/* Kept until it is said, in every place of those rooms; nobody's phone rings. `but`: a link whose places hear nothing of it, because it is what
 * is wrong; NULL: none. From the loop or a task. */
void operators_tell(const struct talk *, const struct card *, const char *but);

/* The same in one room, whosever it is. */
void operators_tell_room(const struct talk *, const struct room *, const struct card *);

#endif
