/* nickserv: logging in to services by a message, on networks that have no SASL and only where it is configured (threats I5). The password is said to
 * nobody but whom the server itself just named with the configured user and host. */
#ifndef SALLYPORT_PROTOCOLS_IRC_NICKSERV_H
#define SALLYPORT_PROTOCOLS_IRC_NICKSERV_H

#include <stdbool.h>

struct presence;

void nickserv_begin(struct presence *);         /* asks the server who has that nick; presence_join() follows, or the end */
/* The presence's line, at STAGE_SERVICES. True: it was for us alone. */
bool nickserv_take(struct presence *);
void nickserv_late(struct presence *);          /* `patience` is over, and nobody has said that we are logged in */

#endif
