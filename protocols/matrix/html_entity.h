/* html_entity: the characters that HTML writes as &name; or &#number;. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_HTML_ENTITY_H
#define SALLYPORT_PROTOCOLS_MATRIX_HTML_ENTITY_H

#include <stddef.h>

struct arena;

/* Names that people meet, and every number that is a character; all else stays as it is written. It may come to control characters: clean it. */
char *html_decode(struct arena *, const char *, size_t length);

#endif
