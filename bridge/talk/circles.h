/* circles: other gateways, and bridges of other kinds, that tell in a room what we tell there: nothing goes in circles between us.
 *
 * What is told of somebody else begins with their name: "<bob> hello". It is passed over where it repeats what we heard in that room not
 * long ago, or what we said ourselves. Who does that again and again is not told any more when they tell of others; what they say themselves is. */
#ifndef SALLYPORT_TALK_CIRCLES_H
#define SALLYPORT_TALK_CIRCLES_H

#include <stdint.h>

struct circles;
struct message;

struct circles *circles_new(void);
void circles_free(struct circles *);

enum circle {
	CIRCLE_NONE,                    /* it is to be told, and is remembered */
	CIRCLE_PASSED_OVER,
	CIRCLE_NOTICED,                 /* passed over, and from now on so is all that they tell of others: the operators should know */
};
/* What was said in a place of the room, just before it would be told in the others; `now`: mono ms. */
enum circle circles_look(struct circles *, const char *room, const struct message *, int64_t now);

#endif
