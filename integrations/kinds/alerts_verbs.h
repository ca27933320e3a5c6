/* alerts_verbs: what the verbs about groups and those about silences share. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_VERBS_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "integrations/kinds/alerts_rows.h"

struct request;

const struct alerts *verbs_driver(const struct request *);
const char *verbs_shown(const struct request *, const char *word);     /* a word of theirs that is repeated, clean and short */
const char *verbs_by(const struct request *);           /* "bob (corp/bob in ops)" */
/* "2h replacing the switch", "for=2h ...": the time taken off its beginning; false: it begins with none. */
bool verbs_take_span(const struct request *, const char **text, int64_t *span);

const char *verbs_span(const struct request *, int64_t span);           /* as it is typed: 2h, 90s */

/* Of alerts_silencing.c. */
bool silence_resolve(struct request *);
bool silence_run(struct request *);
bool silence_settle(struct request *);
bool silences_run(struct request *);
bool unsilence_resolve(struct request *);
bool unsilence_run(struct request *);
bool verbs_settle_again(struct request *);      /* doing it once more does no harm */

#endif
