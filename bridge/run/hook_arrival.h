/* hook_arrival: a request as it came: copied out of the library, and refused where two readers could read it in two ways. */
#ifndef SALLYPORT_RUN_HOOK_ARRIVAL_H
#define SALLYPORT_RUN_HOOK_ARRIVAL_H

#include <microhttpd.h>
#include <stdbool.h>

#include "bridge/run/hook.h"

/* Copies method and headers; the rest of the arrival is the caller's. False where a line is not as HTTP/1.1 has them: ended by LF alone, folded,
 * with a NUL in it. The pointers are those that the library gave to its access handler. */
bool arrival_read(struct arrival *, struct arena *, struct MHD_Connection *, const char *method, const char *version);
bool arrival_brings(const struct arrival *);            /* it says that a body follows */
/* Its headers, its path and the body that they announce: 0, or the status that refuses them. */
unsigned arrival_fault(const struct arrival *, struct MHD_Connection *, const char *path, const char *version, const struct hook_settings *);

#endif
