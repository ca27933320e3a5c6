/* join: which channels are asked for next, on one line, with their keys and within what the server allows. Pure. */
#ifndef SALLYPORT_PROTOCOLS_IRC_JOIN_H
#define SALLYPORT_PROTOCOLS_IRC_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/irc/line.h"

struct channel;
struct channels;
struct error;
struct irc;
struct support;

/* A channel that is due, but that the server would not let us into whatever we say, and why; NULL: none. */
struct channel *join_hopeless(const struct channels *, const struct support *, int64_t now, struct error *why);
/* The next JOIN; false where nothing is due. Its channels count as asked for. There may be keys in it: wipe it. */
bool join_write(struct written *, struct channels *, const struct irc *, const struct support *, int64_t now);

#endif
