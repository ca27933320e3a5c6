/* teams_message: a message as Microsoft Teams takes it: a MessageCard of the old connectors, or Adaptive Cards, alone or in the envelope of a workflow. */
#ifndef SALLYPORT_RECEIVERS_TEAMS_MESSAGE_H
#define SALLYPORT_RECEIVERS_TEAMS_MESSAGE_H

#include <stdbool.h>

struct draft;
struct json_object;

/* `*workflow`: it came as workflows send, which expect another answer. False with the sender's own sentence for what is wrong. */
bool teams_message(struct draft *, struct json_object *message, bool *workflow, const char **wrong);

/* Its parts. */
void message_card(struct draft *, struct json_object *card);
void adaptive_card(struct draft *, struct json_object *card);

#endif
