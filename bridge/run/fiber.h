/* fiber: a function on its own small stack; the only stack switching in the program.
 *
 * 128 KiB with a guard below, pooled. A sigaltstack handler names the fiber whose stack overflowed and exits 70.
 * Annotated for AddressSanitizer and valgrind. */
#ifndef SALLYPORT_RUN_FIBER_H
#define SALLYPORT_RUN_FIBER_H

#include <stdbool.h>

struct fiber;
struct fibers;          /* the pool of those that have ended */

struct fibers *fibers_open(void);
void fibers_close(struct fibers *);                     /* every fiber has ended */

/* A fiber that will call run(with) when first entered; `name` is borrowed, for the overflow message.
 * NULL where no stack could be had. */
struct fiber *fiber_new(struct fibers *, const char *name, void (*run)(void *), void *with);
bool fiber_enter(struct fiber *);                       /* runs it until it leaves or ends; false once it has ended (and is gone) */
void fiber_leave(struct fiber *);                       /* from inside: back to whoever entered it */

#endif
