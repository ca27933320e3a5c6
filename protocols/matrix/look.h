/* look: what is missing in the rooms of a link, looked at as a device of its own while a gateway may be running: sallyport check --online. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_LOOK_H
#define SALLYPORT_PROTOCOLS_MATRIX_LOOK_H

#include <stdbool.h>

struct link;
struct looking;
struct task;

/* For struct protocol. */
bool look_at(struct task *, struct link *, const struct looking *);

#endif
