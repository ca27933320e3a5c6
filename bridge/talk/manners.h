/* manners: how often whom is answered: strangers once a minute in a place, nobody more than a few commands at once (threats L1, L2). */
#ifndef SALLYPORT_TALK_MANNERS_H
#define SALLYPORT_TALK_MANNERS_H

#include <stdbool.h>
#include <stdint.h>

struct manners;
struct place;

struct manners *manners_new(void);
void manners_free(struct manners *);

bool manners_stranger(struct manners *, const struct place *, int64_t mono);    /* may a stranger get an answer there now? */
/* Whether one more command of a stranger is audited. The audit is never shortened, so they may not make it as long as they like; how
 * many were left out is in the log, once a minute. */
bool manners_audited(struct manners *, int64_t mono);

/* A command begins for somebody (an account, or a place where nothing is proven): false where too many of theirs are still going on. */
bool manners_begin(struct manners *, const char *who);
void manners_end(struct manners *, const char *who);
bool manners_busy(const struct manners *, const char *who);     /* a command of theirs is still going on; NULL: of anybody */

#endif
