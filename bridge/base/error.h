/* error: one sentence to the person who must act: what happened, to what, what to do. */
#ifndef SALLYPORT_BASE_ERROR_H
#define SALLYPORT_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

struct error {
	char text[512];
};

/* Writes the sentence, cut on a UTF-8 boundary if it is too long. Always false, so that a caller can
 * `return error_set(...)`. A NULL error is allowed: the sentence is then dropped. */
bool error_set(struct error *, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool error_vset(struct error *, const char *format, va_list) __attribute__((format(printf, 2, 0)));

#endif
