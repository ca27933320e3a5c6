/* own: the verbs that are ours and no service's. A rule names them gateway.VERB. */
#ifndef SALLYPORT_WORK_OWN_H
#define SALLYPORT_WORK_OWN_H

#include "bridge/work/command.h"

extern const struct command own_commands[];            /* ended by { 0 } */
/* The row that the words mean: of a verb that has two, by the word behind it. NULL: no verb of ours. */
const struct command *own_find(const struct words *);

#endif
