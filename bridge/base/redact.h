/* redact: the second line of defence: takes every secret that was loaded out of what we are about to show.
 *
 * It finds each secret as it is, line by line, URL-encoded, escaped as in JSON, in base64 (alone, and as user:secret) and
 * in hex, also where the text was cut in the midst of it; and besides the user and password of any URL and what follows
 * an Authorization header. The set of secrets is shared by the whole process, as the log is: it is the log's memory. */
#ifndef SALLYPORT_BASE_REDACT_H
#define SALLYPORT_BASE_REDACT_H

#include <stddef.h>

struct arena;

void redact_add(const char *secret, size_t length);        /* shorter than 6 bytes is not looked for */
void redact_add_basic(const char *user, const char *secret, size_t length);  /* its form in HTTP Basic */
void redact_forget(void);                                  /* clears all of them, at the end */
char *redact_text(struct arena *, const char *);           /* a copy with [redacted] in place of each */

#endif
