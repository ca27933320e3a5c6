/* world: what rules are checked against: the services, verbs, rooms and links of a configuration. */
#ifndef SALLYPORT_WORLD_H
#define SALLYPORT_WORLD_H

#include "bridge/rights/rule.h"

struct setup;

struct rights_world world_of(struct setup *);  /* which it borrows; its links, services, rooms and directory must have been read */

#endif
