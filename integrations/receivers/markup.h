/* markup: a sender's markup as plain words that a person reads. Each dialect says what is special in it; what they share is here:
 * signs in pairs around words, code, blocks of fixed width, entities, lines. */
#ifndef SALLYPORT_RECEIVERS_MARKUP_H
#define SALLYPORT_RECEIVERS_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

struct draft;
struct text;

struct dialect {
	const char *signs;                              /* that stand in pairs around words and say only how they look */
	bool languages;                                 /* a word behind ``` names one, and is not part of the block */
	const char *(*lead)(const char *line);          /* behind what only marks a line: "# ", "> "; NULL: the line says nothing */
	/* Writes what begins at `at` and is special there; the bytes that it took, 0 where it is nothing special. Links go to the draft. */
	size_t (*special)(struct draft *, const char *at, const char *end, struct text *out);
};

extern const struct dialect mrkdwn;                     /* of Slack */
extern const struct dialect markdown;                   /* of Teams and Mattermost, with the HTML that connectors let pass */

/* One line; blocks of fixed width go to the draft. */
char *markup_plain(struct draft *, const struct dialect *, const char *text);

/* For dialects: words that may be marked up themselves. */
void markup_words(struct draft *, const char *at, const char *end, struct text *out);

#endif
