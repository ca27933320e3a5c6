/* files_route: GET /f/CODE: a file of one chat for whoever was given its link in another. */
#ifndef SALLYPORT_FILES_ROUTE_H
#define SALLYPORT_FILES_ROUTE_H

#include "bridge/run/hook.h"

enum { FILES_AT_ONCE = 4 };             /* fetched or sent; each may take FILES_MOST bytes of memory */

extern const struct hook_route files_route;     /* `with` is a struct bridge */

#endif
