/* flood: lines that wait until the server lets us say more: a few at once, then one every so often. What people we do not know asked for
 * goes behind all else, and only while one more line could leave at once (threats L2). Pure: the caller has the clock. */
#ifndef SALLYPORT_PROTOCOLS_IRC_FLOOD_H
#define SALLYPORT_PROTOCOLS_IRC_FLOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct written;

enum {
	FLOOD_MOST = 256,               /* lines that wait; who has more waits with them */
	FLOOD_SPARE_MOST = 32,          /* of those that wait for spare room, where there is a limit; then the oldest are dropped */
};

struct flood_queue {
	struct flood_line *first, *last;
	size_t count;
};

struct flood {
	int64_t burst, rate;            /* lines at once; ms for each further one, 0: no limit */
	int64_t paid;                   /* mono ms: until then, lines already sent are paid for */
	struct flood_queue lines;
	struct flood_queue spare;
};

void flood_begin(struct flood *, int64_t burst, int64_t rate);
/* For a server that found us too fast `times` times: half of it each time, and no burst beyond what that leaves. */
void flood_slow(int64_t *burst, int64_t *rate, unsigned times);
void flood_end(struct flood *);
bool flood_room(const struct flood *, size_t lines);
enum flood_how {
	FLOOD_PACED,                    /* when the server allows it */
	FLOOD_PROOF,                    /* a PING behind what was said: it never waits, and counts half */
	FLOOD_ALONG,                    /* together with the line before it; what it costs, the next one waits */
	FLOOD_GOES_ON,                  /* of those for spare room: it is of the same answer as the line before it */
};
void flood_put(struct flood *, const struct written *, enum flood_how);
void flood_put_first(struct flood *, const struct written *);
void flood_put_spare(struct flood *, const struct written *, bool goes_on);
bool flood_spare_shorten(struct flood *);       /* drops the oldest answers that are too many; true: there were some */
bool flood_along(const struct flood *);         /* the next line belongs to the one that has just left */
/* The next line that may leave now; false with *wait: ms until one may, -1 where none waits. */
bool flood_take(struct flood *, int64_t now, struct written *, int64_t *wait);

#endif
