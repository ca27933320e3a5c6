/* hook_arrival: a request as it came: copied out of the library, and refused where two readers could read it in two ways. */
#ifndef SALLYPORT_RUN_HOOK_ARRIVAL_H
#define SALLYPORT_RUN_HOOK_ARRIVAL_H

#include <microhttpd.h>
#include <stdbool.h>

#include "bridge/run/hook.h"

/* Copies method and headers; the rest of the arrival is the caller's. */
void arrival_read(struct arrival *, struct arena *, struct MHD_Connection *, const char *method);
bool arrival_brings(const struct arrival *);            /* it says that a body follows */
/* Its headers, its path and the body that they announce: 0, or the status that refuses them. */
unsigned arrival_fault(const struct arrival *, struct MHD_Connection *, const char *path, const char *version, const struct hook_settings *);

#endif
