/* network: one connection of a presence: the wire, the login and libircclient, put together. */
#ifndef SALLYPORT_PROTOCOLS_IRC_NETWORK_H
#define SALLYPORT_PROTOCOLS_IRC_NETWORK_H

#include <stdbool.h>

struct presence;

void network_begin(struct presence *);                  /* connects; presence->down says when it is over */
void network_work(void *presence, int events);          /* goes on with the computing of a login; from the loop */
void network_end(struct presence *, bool goodbye);      /* lets go of it; from a task, never from inside its callbacks */

#endif
