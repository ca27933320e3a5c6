/* alerts_arrive: what a service told of its groups is laid over what we know, and told. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ARRIVE_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ARRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/alerts.h"

struct telling;

/* Clean groups. `asked` 0: they came by themselves, and tell only of themselves. Else the service was asked then and told all there is: what is
 * not among them is over, and what was heard since is newer. */
bool arrive_groups(struct telling *, struct alert_group *const *groups, size_t count, int64_t asked);

#endif
