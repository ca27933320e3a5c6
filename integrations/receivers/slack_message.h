/* slack_message: a message as Slack's incoming webhooks take it: text, attachments, blocks. Mattermost takes nearly the same. */
#ifndef SALLYPORT_RECEIVERS_SLACK_MESSAGE_H
#define SALLYPORT_RECEIVERS_SLACK_MESSAGE_H

#include <stdbool.h>

struct draft;
struct json_object;

/* False with the sender's own word for what is wrong: "no_text". The draft's dialect reads its words. */
bool slack_message(struct draft *, struct json_object *message, const char **wrong);

/* Its attachments alone; for slack_message(), and for others that have them. */
void slack_attachments(struct draft *, struct json_object *list);
/* Block Kit. */
void slack_blocks(struct draft *, struct json_object *list);

#endif
