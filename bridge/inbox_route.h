/* inbox_route: POST /in/INSTANCE[/REST]: what a service sends to us, once it is proven that it is that service. */
#ifndef SALLYPORT_INBOX_ROUTE_H
#define SALLYPORT_INBOX_ROUTE_H

#include <stdbool.h>

#include "bridge/run/hook.h"

struct bridge;
struct instance;
struct posted;
struct task;
struct webhook_answer;

#define INBOX_TEST "X-Sallyport-Test"           /* a header: it is proven, and nothing is done (sallyport hooks test) */

extern const struct hook_route inbox_route, inbox_put_route, inbox_look_route;   /* `with` is a struct bridge */

/* Whether its service would take that, and what is answered then: webhook->hear(). */
bool inbox_hear(struct task *, const struct bridge *, const struct instance *, const struct posted *, struct webhook_answer *);

#endif
