/* own: the verbs that are ours and no service's. A rule names them gateway.VERB. */
#ifndef SALLYPORT_TALK_OWN_H
#define SALLYPORT_TALK_OWN_H

#include "bridge/talk/command.h"

extern const struct command own_commands[];            /* ended by { 0 } */

#endif
