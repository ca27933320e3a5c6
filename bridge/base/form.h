/* form: a form as browsers and curl post it (application/x-www-form-urlencoded), as a JSON object of strings. */
#ifndef SALLYPORT_BASE_FORM_H
#define SALLYPORT_BASE_FORM_H

#include <stddef.h>

struct arena;
struct error;
struct json_object;

/* Of a name that is there twice the first one counts. NULL with a sentence where it is none, holds a NUL, is no UTF-8 or has more than 1,000 fields. */
struct json_object *form_read(struct arena *, const char *body, size_t length, struct error *);

/* A part of a path, its escapes read. NULL where that is no text. */
char *form_unescaped(struct arena *, const char *, size_t length);

#endif
