/* url: addresses put together part by part, by one encoder (threats X2). */
#ifndef SALLYPORT_BASE_URL_H
#define SALLYPORT_BASE_URL_H

#include <stdbool.h>

struct arena;

/* One path segment, percent-encoded but for A-Z a-z 0-9 - . _ ~. NULL for "", "." and "..", and where it holds a
 * control character. */
char *url_part(struct arena *, const char *);
/* base/part/part: each part encoded; the list ends with NULL. NULL where a part was refused. */
char *url_make(struct arena *, const char *base, ...) __attribute__((sentinel));
/* Adds ?name=value or &name=value, encoded. */
char *url_query(struct arena *, const char *url, const char *name, const char *value);
/* name=value&...: a form from pairs, ended by NULL. NULL where it would have more than 1 MiB. */
char *url_form(struct arena *, const char *const *pairs);
/* scheme://host:port in lower case, the port always there. NULL where it is no http or https address, or carries a user. */
char *url_origin(struct arena *, const char *url);
bool url_same_origin(const char *a, const char *b);
bool url_loopback(const char *url);                   /* its host is 127.x, ::1 or localhost */

#endif
