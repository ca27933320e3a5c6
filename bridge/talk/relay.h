/* relay: what is said in one place of a room is told in its others, once, in order, with the name of who said it.
 *
 * What it makes are rows of the outbox, written with the commands and the cursor of the chat. Each is known by the message that it mirrors, so that
 * an edit, an answer or the card of a command finds it. What we said ourselves is never heard, nor is
 * what another one tells of it (circles.h), so nothing goes in circles. */
#ifndef SALLYPORT_TALK_RELAY_H
#define SALLYPORT_TALK_RELAY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct db;
struct error;
struct message;
struct relaying;
struct talk;

/* Whether it is to be told elsewhere. */
bool relay_wants(const struct talk *, const struct message *);
/* On the loop: a copy of all that is needed, in the work's arena. `chat`: what the place's protocol is called; `asks`: it is a command. */
struct relaying *relay_make(const struct talk *, struct arena *, const struct message *, const char *chat, bool asks);
/* On the store's thread. */
bool relay_write(struct db *, struct arena *, const struct relaying *, struct error *);

#endif
