/* links: the accounts on chat servers that the configuration names: begun, kept up, renewed and ended with it. */
#ifndef SALLYPORT_LINKS_H
#define SALLYPORT_LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct bridge;
struct delivered;
struct delivery;
struct link;
struct place;
struct setup;
struct task;

struct links {
	struct bridge *bridge;
	struct link **each;             /* those of the configuration; who is leaving is not among them */
	size_t count;
	struct link *all;               /* and those that leave: they end, and a delivery may still be on its way back from them */
};

void links_open(struct links *, struct bridge *);       /* those of bridge->setup; none is begun yet */
void links_begin(struct links *);
/* bridge->setup and bridge->talk.snapshot are new; `before` is what was in force. A link stays up where nothing that matters to its
 * connection has changed. Returns how many begin anew. */
size_t links_renew(struct links *, const struct setup *before);
void links_close(struct links *);                       /* all tasks have ended */

/* Through the link of that name, which stays where it is meanwhile, whatever the configuration says by then. */
bool links_deliver(struct task *, const struct links *, const struct delivery *, struct delivered *);
bool links_gone(struct task *, const struct links *, const struct place *, const char *account);        /* the protocol's gone() */
struct link *links_find(const struct links *, const char *name);       /* NULL: none is called so */

#endif
