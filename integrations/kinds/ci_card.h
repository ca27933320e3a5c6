/* ci_card: how a build is said, in every room and for every service. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_CI_CARD_H
#define SALLYPORT_INTEGRATIONS_KINDS_CI_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/ci.h"

struct arena;
struct card;
struct ci_log;

const char *ci_state(enum build_state);                 /* "queued", "running" ... */
bool ci_is_over(enum build_state);
char *ci_name(struct arena *, const struct build *);    /* "web #412"; "hello" where it has no number */
char *ci_roughly(struct arena *, int64_t ms);           /* "12 s", "4 min", "3 h", "2 days" */

/* Queued or running. `parameters` NULL: not said again. `detail`: with step, share and link, for those who see it change. */
struct card *ci_card_going(struct arena *, const struct build *, const char *parameters, const char *by, bool detail);
/* Passed, failed, stopped or unknown: what became of it, and the link. */
struct card *ci_card_over(struct arena *, const struct build *);
/* The last lines of a log, and what may be typed next. */
void ci_card_log_lines(struct card *, const struct ci_log *, size_t most, const char *next);
/* The same as one sentence without an id: "web #418 failed: step test, after 2 min 14 s". */
char *ci_sentence(struct arena *, const struct build *);

#endif
