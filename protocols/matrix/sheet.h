/* sheet: formatted_body and body, written side by side: what is in one is in the other, but for tags there and signs here. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_SHEET_H
#define SALLYPORT_PROTOCOLS_MATRIX_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/text.h"

struct sheet {
	struct text html, body;
	size_t size;                    /* of both, as JSON */
	bool marked;                    /* html says more than body */
};

struct sheet sheet_new(struct arena *);

/* Text of whomever: cleaned, on one line, and encoded. NULL adds nothing. */
void sheet_words(struct sheet *, const char *);
/* The same; what is to be typed, which begins with the prefix, is code. */
void sheet_sentence(struct sheet *, const char *, const char *prefix);
/* Words with blanks between, each of them code. */
void sheet_typed_words(struct sheet *, const char *);
void sheet_line_end(struct sheet *);                             /* in both: of a block of code */
void sheet_tag(struct sheet *, const char *tag);                 /* in html alone */
void sheet_sign(struct sheet *, const char *sign);               /* in body alone */
void sheet_strong(struct sheet *, const char *);
/* A page of the web: its host in html, the address in body. Nothing where it is no address of the web. */
void sheet_link(struct sheet *, const char *url);
/* A user, by the name they are shown with; `user` NULL or none: the name alone. */
void sheet_user(struct sheet *, const char *name, const char *user);

#endif
