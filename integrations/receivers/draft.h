/* draft: what a foreign message says, part by part, until it is a card. Every format ends in these few calls, so all of them look alike:
 *
 *     [backup] nightly backup took 3 h 12 min. Host: nas1. Size: 1.4 TB. 1 button left out https://...
 *
 * What finds no room is cut or counted, never dropped in silence. All of it is at most three lines of IRC. */
#ifndef SALLYPORT_RECEIVERS_DRAFT_H
#define SALLYPORT_RECEIVERS_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/text.h"
#include "bridge/talk/card.h"

struct arena;
struct dialect;

/* What a chat of ours cannot show. */
enum left_out { LEFT_BUTTON, LEFT_FACT, LEFT_INPUT, LEFT_LINE, LEFT_LINK, LEFT_PICTURE, LEFT_OTHER, LEFT_KINDS };

/* Of several links the one that the message is about is shown: the higher one, and of equal ones the first. */
enum link_rank { LINK_NONE, LINK_WORDS, LINK_BUTTON, LINK_TITLE };

enum { DRAFT_FACTS = 16, DRAFT_QUOTES = 2 };

struct draft {
	struct arena *arena;
	const struct dialect *dialect;  /* how the sender marks its words up; NULL: not at all */
	enum tone tone;
	struct text said;
	struct { const char *name, *value; } facts[DRAFT_FACTS];
	size_t fact_count;
	const char *quotes[DRAFT_QUOTES];
	size_t quote_count;
	const char *url;
	enum link_rank rank;
	unsigned left[LEFT_KINDS];
	size_t read;                    /* bytes of marked up words so far, and how deep in one another they are now: both have a bound */
	unsigned depth;
};

struct draft draft_new(struct arena *, const struct dialect *);

/* NULL and what is empty add nothing anywhere below. */
void draft_say(struct draft *, const char *text);                       /* in the sender's markup; what was said already is not said again */
void draft_say_plain(struct draft *, const char *text);
void draft_fact(struct draft *, const char *name, const char *value);   /* both in the sender's markup */
void draft_link(struct draft *, enum link_rank, const char *url);
void draft_quote(struct draft *, const char *lines, size_t length);     /* text in a fixed width: its last lines */
void draft_leave_out(struct draft *, enum left_out);
void draft_tone(struct draft *, enum tone);                             /* the worst of several counts */
bool draft_empty(const struct draft *);                                 /* nothing that can be said */

/* "1 button, 2 pictures left out", or NULL. */
const char *draft_left_out(const struct draft *);
/* `source`: the name that our configuration gives the sender. */
struct card *draft_card(const struct draft *, const char *source);

/* Adds a sentence behind others: with a full stop before it where the one before it ends without any sign. */
void draft_join(struct text *, const char *sentence);

#endif
