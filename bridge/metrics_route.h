/* metrics_route: GET /metrics: what there is to count, in the text format of Prometheus (0.0.4). */
#ifndef SALLYPORT_METRICS_ROUTE_H
#define SALLYPORT_METRICS_ROUTE_H

#include "bridge/run/hook.h"

struct metrics;

extern const struct hook_route metrics_route;   /* `with` is a struct bridge */

struct metrics *metrics_new(void);              /* what is counted from one look to the next */
void metrics_free(struct metrics *);

#endif
