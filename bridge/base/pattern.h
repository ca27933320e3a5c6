/* pattern: regular expressions from the configuration (PCRE2), with limits on what a match may cost. */
#ifndef SALLYPORT_BASE_PATTERN_H
#define SALLYPORT_BASE_PATTERN_H

#include <stdbool.h>

struct arena;
struct error;
struct pattern;

/* Always matched against the whole text. NULL where it is none; the error says where. Goes with the arena. */
const struct pattern *pattern_compile(struct arena *, const char *expression, struct error *);
const char *pattern_text(const struct pattern *);           /* as it was written */
bool pattern_matches(const struct pattern *, const char *text);     /* false too where it would cost too much */

#endif
