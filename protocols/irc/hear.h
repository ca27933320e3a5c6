/* hear: what is said on IRC, as a message: who said it, proven by the server, and where. Pure. */
#ifndef SALLYPORT_PROTOCOLS_IRC_HEAR_H
#define SALLYPORT_PROTOCOLS_IRC_HEAR_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct channels;
struct irc_line;
struct message;
struct speaker;

enum { HEARD_LATE = 5 * 60 * 1000 };    /* ms: what is older is only played back */

struct hear {
	const char *link;
	const char *nick;               /* ours */
	const char *unproven;           /* why nobody can be proven here; NULL: the server puts it on every message */
	const struct channels *channels;
	int64_t now;                    /* wall ms */
};

enum heard {
	HEARD,
	HEARD_BOT,                      /* says itself that it is one */
	HEARD_ELSEWHERE,                /* a channel that is not ours, or only a part of one */
	HEARD_NOBODY,                   /* a server, a name that nobody can have, or nothing that they did */
	HEARD_OURSELVES,
	HEARD_OLD,                      /* said more than 5 minutes ago, by the server's clock */
	HEARD_PLAYED_BACK,              /* in a batch: chathistory */
};

/* A PRIVMSG. Only for HEARD `out` is filled; it goes with the arena. */
enum heard hear(struct arena *, const struct hear *, const struct irc_line *, const char *origin, const char *target, const char *text,
	struct message *out);

/* Says who it is: `account` as the server wrote it. False, and nothing is proven, where it is none. */
bool hear_account(struct arena *, const char *link, const char *account, const char *proof, struct speaker *);

#endif
