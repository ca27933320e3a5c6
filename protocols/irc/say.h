/* say: a card as lines of IRC: how wide, how coloured, whom it may ring. Pure. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SAY_H
#define SALLYPORT_PROTOCOLS_IRC_SAY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct card;
struct channel;
struct channels;
struct mirrored;
struct written;

enum { SAID_LABEL_MOST = 56 };          /* bytes of a delivery's id that can be a label */

struct say {
	const char *target;             /* a channel, or a nick */
	size_t lines;                   /* the most of one card; 0: ten */
	size_t prefix;                  /* bytes that the server puts before a line of ours */
	size_t most;                    /* bytes of a line that it allows; 0: LINE_MOST */
	size_t whole_bytes, whole_lines;        /* of one message of many lines; no bytes: there are none here, no lines: any number */
	bool colour;
	bool message;                   /* answers are PRIVMSG */
	bool again;                     /* "(resent)" at the end */
	const char *nick;               /* ours */
	const struct channels *channels;        /* NULL: in private */
	const struct channel *channel;
};

struct said {
	size_t count, size;
	bool whole;                     /* all of it is one message of many lines */
	struct said_line {
		const char *command;    /* PRIVMSG or NOTICE */
		const char *text;
		bool joined;            /* in a whole: goes on where the line before it ended */
		bool answered;          /* for the caller: the server has said what became of it */
	} *each;
};

/* What ends the last line of what is said again. */
extern const char say_resent[];

struct said say_card(struct arena *, const struct say *, const struct card *);
/* What somebody said elsewhere: as they said it, with their name before each line. */
struct said say_talk(struct arena *, const struct say *, const struct mirrored *);

size_t say_room(const struct say *);    /* bytes of a line that are left for words */

/* Which bytes of the text begin the name of somebody who is here (we are not meant, nor are the names in `meant`, which ends by NULL, or is NULL): each is
 * to be defused. */
const bool *say_names(struct arena *, const struct say *, const char *text, const char *const *meant);
char *say_without_pings(struct arena *, const struct say *, const char *line);

/* What stands around the words when they leave. */
struct envelope {
	const char *target;
	const char *label;              /* ID: the fourth line carries ID.3, a whole carries ID.0; NULL: none */
	const char *batch;              /* the reference of a whole */
	size_t prefix, most;            /* as in struct say */
};
size_t said_lines(const struct said *);        /* on the wire: a whole has one line more before it and one behind it */
/* The i-th of them. False where it would not be exactly that line. */
bool said_write(struct written *, const struct envelope *, const struct said *, size_t i);

#endif
