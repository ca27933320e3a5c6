/* dial: from a host's name to a connected descriptor. Names are looked up on a thread of their own: a silent name server stops nobody. */
#ifndef SALLYPORT_PROTOCOLS_IRC_DIAL_H
#define SALLYPORT_PROTOCOLS_IRC_DIAL_H

struct dial;
struct engine;

/* Called once, from the loop: the descriptor, which is then the caller's; or -1 and why, as a sentence. It may dial_free(). */
typedef void dial_fn(void *with, int fd, const char *why);

struct dial *dial_start(const struct engine *, const char *host, int port, dial_fn *, void *with);
void dial_free(struct dial *);          /* ends it, too; NULL is fine */

#endif
