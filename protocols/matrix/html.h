/* html: a message's formatted_body, read and written. What is read is whatever a client sends; what is written is a fixed set of tags around
 * text that base/html.c encodes (threats O3). Pure. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_HTML_H
#define SALLYPORT_PROTOCOLS_MATRIX_HTML_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct styled;

/* Never refuses: unknown tags leave their text, what is hidden (a reply's fallback, scripts, spoilers) is not taken over. */
struct styled *html_read(struct arena *, const char *formatted, size_t length, bool emote);

struct html_message {
	const char *body;               /* the same without tags, a link's address in brackets */
	const char *formatted;          /* NULL: it would say no more than the body */
};
/* `most`: bytes of both together, as an event may hold; what does not fit is cut at a word. */
struct html_message html_write(struct arena *, const struct styled *, size_t most);
/* https://matrix.to/#/@alice:corp.example, which clients show as a person; NULL where it is no user id. */
const char *html_mention(struct arena *, const char *user);

#endif
