/* health_route: GET /healthz: whether the gateway does what it is for, for whoever watches it. */
#ifndef SALLYPORT_HEALTH_ROUTE_H
#define SALLYPORT_HEALTH_ROUTE_H

#include <stdbool.h>

#include "bridge/run/hook.h"

struct bridge;

extern const struct hook_route health_route;    /* `with` is a struct bridge */

/* Whether who asks may know: the configuration lets that address ask, and it is not somebody behind a proxy that we do not know. */
bool health_may_ask(const struct bridge *, const struct arrival *);

#endif
