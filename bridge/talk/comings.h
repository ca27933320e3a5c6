/* comings: who comes to a place of a room and who goes, told in its other places: quietly, and many in one line.
 *
 * It is said once or not at all: no row is kept of it, and where there is no room for everything it is the first to be left out. */
#ifndef SALLYPORT_TALK_COMINGS_H
#define SALLYPORT_TALK_COMINGS_H

#include <stdbool.h>

struct comings;
struct message;
struct place;
struct talk;

struct comings *comings_open(const struct talk *);      /* which stays where it is */
void comings_close(struct comings *);

/* Whether who comes and goes there is told elsewhere. */
bool comings_wanted(const struct talk *, const struct place *);
/* Somebody came, went or has another name; said before long. `chat`: what the place's protocol is called. */
void comings_take(struct comings *, const struct message *, const char *chat);

#endif
