/* reactions: what the server says, as libircclient tells it, and what it means for our presence. */
#ifndef SALLYPORT_PROTOCOLS_IRC_REACTIONS_H
#define SALLYPORT_PROTOCOLS_IRC_REACTIONS_H

#include <stddef.h>

struct irc_line;
struct presence;

/* Called from inside the library: it only notes what presence_act() then does. */
void reactions_take(struct presence *, const char *name, const char *origin, const char *const *params, size_t count);

/* A PRIVMSG that the library does not see: a message of many lines. */
void reactions_hear(struct presence *, const struct irc_line *);

#endif
