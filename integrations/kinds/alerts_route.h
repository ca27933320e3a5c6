/* alerts_route: which rooms hear of an alert: by its labels and how bad it is. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ROUTE_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "integrations/kinds/alerts.h"

struct arena;
struct rooms;

struct alert_route {                    /* filled by alert_route_shape */
	const char *name;
	struct where where;
	struct list match, rooms;
};

/* What is matched: the labels, with severity and alertname laid over them as we know them. */
const struct named *route_labels(struct arena *, const struct alert_group *);
/* Names of rooms, ended by NULL: those of every route that fits, else the usual ones. */
const char *const *route_rooms(struct arena *, const struct alerts_options *, const struct list *usual, const struct alert_group *);

#endif
