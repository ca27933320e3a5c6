/* alerts_group: what a service told of a group, made clean and small, and what becomes of our row by it. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_GROUP_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/alerts_rows.h"

struct arena;

/* A copy in which all text is clean and bounded, with the worst severity, an object, the earliest time. */
struct alert_group *group_clean(struct arena *, const struct alert_group *);
const char *group_key(struct arena *, const char *key);         /* as it is kept: hashed where it is long */
bool group_over(const struct alert_group *);

/* Lays what was told over the row. `whole`: what is not told does not fire; else what is known to be held goes on to be. */
void group_merge(struct arena *, struct alert_row *, const struct alert_group *, bool whole, int64_t now);
enum alert_state group_state(const struct alert_row *, int64_t now);
const char *group_drawn(struct arena *, const struct alert_row *);      /* all that is drawn of it but for times, in short */

/* What a driver gets of a row that is asked about. */
struct alert_group *group_of_row(struct arena *, const struct alert_row *);
const struct named *group_labels(struct arena *, const char *json);
/* One line an alert: "db2: 93% full"; at most `most`. */
size_t group_lines(struct arena *, const struct alert_row *, const char **out, size_t most);

#endif
