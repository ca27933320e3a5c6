/* hearing: from what was said to the command that is meant, and to the request that carries it out. */
#ifndef SALLYPORT_WORK_HEARING_H
#define SALLYPORT_WORK_HEARING_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/talk/message.h"

struct talk;

/* Whether it is addressed to us at all, in a place where we take commands. */
bool hearing_ours(const struct talk *, const struct message *);
/* A command of somebody we know, said where we take none: it is refused without a word, and audited (threats M2). */
bool hearing_misplaced(const struct talk *, const struct message *);
/* What a reaction stands for: the verb whose sign it is, of a service of that room, from somebody we know; NULL: nothing. */
const char *hearing_sign(const struct talk *, const struct message *);
/* Whether it may be a command that changes something: it is then kept before it is carried out. Never wrongly false. */
bool hearing_changes(const struct talk *, const struct message *);
/* How well whoever said it must be proven before it is taken. */
enum proof hearing_wants_proof(const struct talk *, const struct message *);
/* Starts the request. Everything is copied. `event`: its row, 0 where it was not kept. */
void hearing_take(const struct talk *, const struct message *, int64_t event);

/* Whether somebody says a one-time code in it, before others: it is not told to more of them, nor kept. */
bool hearing_code(const struct talk *, const struct message *);

#endif
