/* alerts_matcher: what labels must be like: team=db, severity!=info, host=~"db[0-9]+", rack!~b.* */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_MATCHER_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"
#include "bridge/rights/role.h"
#include "integrations/kinds/alerts.h"

struct arena;
struct error;

enum { MATCHERS_MOST = 16 };            /* of one silence, one route */

bool matcher_shaped(const char *word);  /* a name with = or one of its kin behind it */
bool matcher_read(struct arena *, const char *word, struct matcher *, struct error *);         /* false with a sentence */
char *matcher_text(struct arena *, const struct matcher *);    /* rack=b2 */
char *matchers_text(struct arena *, const struct matcher *);   /* all of them, apart by blanks */
/* A label that is not there is "". */
bool matchers_match(struct arena *, const struct matcher *, const struct named *labels);
bool matchers_match_all(struct arena *, const struct matcher *);           /* each of them lets everything pass */
const char *matcher_label(const struct named *labels, const char *name);      /* NULL: it has none */

#endif
