/* say: a card as lines of IRC: how wide, how coloured, whom it may ring. Pure. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SAY_H
#define SALLYPORT_PROTOCOLS_IRC_SAY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct card;
struct channel;
struct channels;

struct say {
	const char *target;             /* a channel, or a nick */
	size_t lines;                   /* the most of one card; 0: ten */
	size_t prefix;                  /* bytes that the server puts before a line of ours */
	bool colour;
	bool message;                   /* answers are PRIVMSG */
	bool again;                     /* "(resent)" at the end */
	const char *nick;               /* ours */
	const struct channels *channels;        /* NULL: in private */
	const struct channel *channel;
};

struct said {
	size_t count, size;
	struct said_line {
		const char *command;    /* PRIVMSG or NOTICE */
		const char *text;
	} *each;
};

struct said say_card(struct arena *, const struct say *, const struct card *);

#endif
