/* delivery: saying something on IRC, and the proof that it was said.
 *
 * What has a row in the outbox is said only when the server says so. Best with a label on every line, which its answer carries again
 * (labeled-response): it names exactly what was said, or refused. Without labels it is the echo of our own words (echo-message), or the
 * PONG to a PING behind them, whichever is first; that PING is also sent where a server forgets to answer a label. */
#ifndef SALLYPORT_PROTOCOLS_IRC_DELIVERY_H
#define SALLYPORT_PROTOCOLS_IRC_DELIVERY_H

#include <stdbool.h>

struct delivered;
struct delivery;
struct link;
struct presence;
struct task;

/* Waits until the server has it (txn NULL: until its lines are in the queue). False with the task's error where it was not said. */
bool delivery_say(struct task *, struct link *, const struct delivery *, struct delivered *);

/* The line just heard (presence->line), as far as it answers our words. True: it was that, or our own echo, and nobody else's. */
bool delivery_answered(struct presence *);
void delivery_ponged(struct presence *, const char *token);
/* Words for `target` (NULL: a message of many lines) were not taken, and it was not said which: the oldest that wait for their proof.
 * False where none do. */
bool delivery_refused(struct presence *, const char *target, const char *why);

#endif
