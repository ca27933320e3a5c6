/* styled: what a person said with its formatting, in no chat's own notation. Each chat reads its own into it and writes it out of it.
 *
 * A row of spans that never nest. Blocks are text: lists are "- item" or "1. item" on lines of their own, quotes begin "> ", and what was
 * set as it is (pre) is code with line ends in it. */
#ifndef SALLYPORT_TALK_STYLED_H
#define SALLYPORT_TALK_STYLED_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/text.h"

struct arena;
struct error;

enum style { STYLE_BOLD = 1, STYLE_ITALIC = 2, STYLE_UNDERLINE = 4, STYLE_STRIKE = 8, STYLE_CODE = 16, STYLE_ALL = 31 };

enum {
	STYLED_TEXT_MOST = 64 * 1024,   /* bytes of all its words; what is more goes, and "..." stands there */
	STYLED_SPANS_MOST = 500,        /* what comes then keeps its words and loses its formatting */
	STYLED_URL_MOST = 2048,
	STYLED_ACCOUNT_MOST = 255,
};

struct span {
	unsigned style;
	const char *text;               /* never empty; no control characters but \n */
	const char *url;                /* http, https or mailto; NULL: no link */
	const char *account;            /* whom it mentions: @alice:corp.example; NULL: nobody */
};

/* Read its fields; write them with the functions below. Neighbours always differ. */
struct styled {
	struct arena *arena;
	bool emote;                     /* /me: it goes on where the name ended */
	bool cut;                       /* there was more than there was room for */
	struct span *spans;
	size_t count, size, bytes;
	struct text last;               /* the last span's, which may still grow */
};

struct styled *styled_new(struct arena *, bool emote);
/* Words of others: cleaned here. Of `how` the text does not count; an address that is none of ours is left out. */
void styled_add(struct styled *, const struct span *how, const char *text, size_t length);
void styled_add_linked(struct styled *, unsigned style, const char *text, size_t length);      /* web addresses in it become links */
void styled_add_name(struct styled *, unsigned style, const char *name);       /* defused */
void styled_append(struct styled *, const struct styled *);

struct styled *styled_redacted(struct arena *, const struct styled *);         /* a copy without anything that looks like a secret */
char *styled_words(struct arena *, const struct styled *);      /* the text of its spans */
/* The same with the address of each link in brackets behind it, where the words are not that address. */
char *styled_plain(struct arena *, const struct styled *);
/* The address to be told behind the i-th span; NULL: it is no link, goes on in the next one, or its words are its address. */
const char *styled_unsaid(const struct styled *, size_t i);
/* At most that many bytes of words, cut at one, with "..." where something is gone. */
struct styled *styled_cut(struct arena *, const struct styled *, size_t most);

const char *styled_json(struct arena *, const struct styled *);
struct styled *styled_read(struct arena *, const char *json, struct error *);  /* NULL where it is none */

/* A word joiner behind its first letter: nobody who is called so is pinged by it. */
char *styled_defuse(struct arena *, const char *name);
/* The same for each name that begins where `marks` says so: a flag for each byte of the text, or of styled_words(). */
char *styled_defuse_marked(struct arena *, const char *text, const bool *marks);
struct styled *styled_defused(struct arena *, const struct styled *, const bool *marks);

#endif
