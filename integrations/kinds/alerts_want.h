/* alerts_want: what a room does not want to see, as rows of the store. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_WANT_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_WANT_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/rights/role.h"

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables alert_want_tables;

enum { WANTS_MOST = 50 };               /* of one room */

/* `what`: matchers as they are typed; "" is everything. `*was`: there was one. */
bool want_off(struct db *, const char *instance, const char *room, const char *what, const char *by, bool *was, struct error *);
bool want_on(struct db *, const char *instance, const char *room, const char *what, bool *was, struct error *);
/* Whether the room wants to hear of what has these labels. */
bool want_hear(struct db *, struct arena *, const char *instance, const char *room, const struct named *labels);
/* "severity=info (bob)", apart by commas; "" for none. */
const char *want_text(struct db *, struct arena *, const char *instance, const char *room);

#endif
