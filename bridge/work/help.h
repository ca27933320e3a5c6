/* help: what one may do here, who one is, and how the gateway is. */
#ifndef SALLYPORT_WORK_HELP_H
#define SALLYPORT_WORK_HELP_H

#include <stdbool.h>

struct arena;
struct request;
struct talk;

const char *help_admins(const struct talk *, struct arena *);  /* "bob" or "bob or dana": who gives rights */

/* Handlers of our own verbs. */
bool help_gateway(struct request *);
bool help_ping(struct request *);
bool help_run(struct request *);
bool help_whoami(struct request *);

#endif
