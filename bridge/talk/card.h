/* card: what we answer: facts, never formatted text. Each protocol draws it its own way.
 *
 *     ID STATE: headline, fact, fact. Name: fact (who) link          and below it lines, each whole
 *
 * State first, then what, then detail, link last: so it can be scanned, spoken and found again. */
#ifndef SALLYPORT_TALK_CARD_H
#define SALLYPORT_TALK_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WAITING };

struct fact {
	const char *name;               /* NULL: the value says it all */
	const char *value;
	bool words;                     /* the value is words that are typed, with blanks between: "look: status log" */
};

/* Read its fields; write them with the functions below, but for those marked *. */
struct card {
	struct arena *arena;
	enum tone tone;                 /* a colour repeats a word and never replaces it */
	const char *id;                 /* * B31; NULL: not a living thing */
	const char *state;              /* * queued running passed ...; NULL: none */
	const char *headline;           /* "" where the state says it all */
	struct fact *facts;
	size_t fact_count;
	const char **lines;             /* of ours; each is shown whole */
	size_t line_count;
	const char **quotes;            /* of others (logs): never first on a line, in a fixed width */
	size_t quote_count;
	const char *next;               /* * what may be typed about it now: "!log B32 the error, !retry B32" */
	const char *url;
	const char *by;                 /* * who asked: shown as (alice) */
	const char *to;                 /* * whom it addresses, as shown; NULL: nobody */
	const char *whom;               /* * their account, where it is proven; for chats that name people by it */
	bool ring;                      /* * may make their phone ring */
	bool progress;                  /* * the state is the one already said: only for chats that edit */
	bool closed;                    /* * the thing has ended: this is its last card */
	bool seen;                      /* * it is said by an edit of another message, so who asked gets a sign that it was heard; not stored */
	const char *offers, *unoffers;  /* * signs to put on its message, to be pressed; signs to take away from it; apart by blanks; not stored */
	size_t skip;                    /* * lines that were shown before */
	size_t most;                    /* * lines at once, in place of the chat's own limit; 0: that one */
	const char *more;               /* * what to type for the rest: "!more"; NULL: it cannot be had. */
	const char *file;               /* * all of it as a file of that name, for chats that take files; NULL: as words. None of these four is stored. */
};

/* Text of others passes text_clean() in here, so callers need not care. */
struct card *card_new(struct arena *, enum tone, const char *headline, ...) __attribute__((format(printf, 3, 4)));
void card_state(struct card *, const char *id, const char *state);  /* both may be NULL */
void card_fact(struct card *, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void card_words(struct card *, const char *name, const char *words);    /* a fact of words that are typed; its name goes on with the headline */
void card_line(struct card *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void card_quote(struct card *, const char *text, size_t length, size_t most);      /* its last `most` lines that are not empty */
void card_url(struct card *, const char *url);          /* http and https only; anything else is left out */
struct card *card_copy(struct arena *, const struct card *);
struct card *card_redacted(struct arena *, const struct card *);    /* a copy without anything that looks like a secret: all that is said passes here */

const char *card_json(struct arena *, const struct card *);
struct card *card_read(struct arena *, const char *json, struct error *);      /* NULL where it is none */

/* As lines of plain text, for IRC and the console: one line while it fits `most` bytes, else the headline, then the rest. A word
 * that alone is longer than a line is cut. At most `lines` of them (2 or more); the last then says how many were left out.
 * What a line goes on with begins with the id, or else a bar: the words of others never begin one. `most` is 80 or more. The lines
 * go with the arena. */
struct lines {
	size_t count;
	char **each;
};
struct lines card_lines(struct arena *, const struct card *, size_t most, size_t lines);
/* How many lines of it are shown, drawn as wide as chats draw (CARD_WIDTH), and whether some are left. */
enum { CARD_WIDTH = 400 };
size_t card_shown(const struct card *, size_t lines, bool *left);

#endif
