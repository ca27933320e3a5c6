/* alerts_storm: many alerts at once, which are told as one line with a count. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_STORM_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_STORM_H

#include <stdbool.h>
#include <stdint.h>

struct alert_row;
struct arena;
struct db;
struct error;
struct tables;
struct telling;

extern const struct tables alert_storm_tables;

/* So many alerts and groups are new. Begins a storm where they are too many: what is not said yet of them is not said any more. */
bool storm_count(struct telling *, int64_t alerts, int64_t groups);
/* While there is one: whether this one, which is new, is worth a name. */
bool storm_names(struct telling *, const struct alert_row *);
bool storm_begun(struct telling *);     /* behind the groups: says so where one has just begun */
bool storm_look(struct telling *);      /* from time to time: draws it again, or ends it */

#endif
