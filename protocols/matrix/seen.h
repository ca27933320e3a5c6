/* seen: the newest events that were heard, so that a server that tells one twice is heard once. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_SEEN_H
#define SALLYPORT_PROTOCOLS_MATRIX_SEEN_H

#include <stdbool.h>

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *);
bool seen_has(const struct seen *, const char *event);
void seen_add(struct seen *, const char *event);        /* the oldest of 4096 is forgotten */

#endif
