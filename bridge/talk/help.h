/* help: our own verbs: what one may do here, who one is, and why not. */
#ifndef SALLYPORT_TALK_HELP_H
#define SALLYPORT_TALK_HELP_H

#include "bridge/talk/command.h"

struct arena;
struct talk;

extern const struct command help_commands[];

const char *help_admins(const struct talk *, struct arena *);  /* "bob" or "bob or dana": who gives rights */

#endif
