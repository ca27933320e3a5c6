/* backoff: which server of a network is tried next, and after how long. Pure: the caller has the clock and the chance. */
#ifndef SALLYPORT_PROTOCOLS_IRC_BACKOFF_H
#define SALLYPORT_PROTOCOLS_IRC_BACKOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BACKOFF_MOST = 5 * 60 * 1000,           /* ms between two rounds */
	BACKOFF_BANNED = 15 * 60 * 1000,        /* where every server of the round has banned us */
	BACKOFF_STAYED = 30,                    /* times the first pause on the network, and a lost connection is a new story: a minute of two seconds */
};

struct backoff {
	size_t servers;                 /* of the network, 1 or more */
	size_t at;                      /* the one whose turn it is */
	size_t failed, bans;            /* in this round */
	int64_t first, pause;           /* ms: after the first round; after this one */
	bool banned;                    /* the last round was nothing but bans */
};

void backoff_begin(struct backoff *, size_t servers, int64_t first);
void backoff_keep(struct backoff *, size_t servers, int64_t first);     /* the same, but only where the settings are others now */
/* A connection is over, after `stayed` ms on the network (0: never let in). Now it is the next server's turn, after how many ms: none
 * while the round is not over. `chance`, any number: a quarter more or less, so that not all of a network's clients come back at once. */
int64_t backoff_next(struct backoff *, bool banned, int64_t stayed, uint32_t chance);

#endif
