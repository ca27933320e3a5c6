/* teams_message: a message as Microsoft Teams takes it: which of its forms it is. */
#include "integrations/receivers/teams_message.h"

#include <string.h>

#include "bridge/base/json.h"
#include "integrations/receivers/draft.h"

enum { ATTACHMENTS_MOST = 20 };

static const char adaptive[] = "application/vnd.microsoft.card.adaptive", connector[] = "application/vnd.microsoft.teams.card.o365connector";

/* The cards of bots (hero, thumbnail): a title, a text, buttons. */
static void
simple_card(struct draft *draft, struct json_object *card)
{
	draft_say(draft, json_string(card, "title", NULL));
	draft_say(draft, json_string(card, "subtitle", NULL));
	draft_say(draft, json_string(card, "text", NULL));
	for (size_t i = 0; i < json_count(card, "images"); i++)
		draft_leave_out(draft, LEFT_PICTURE);
	for (size_t i = 0; i < json_count(card, "buttons"); i++) {
		struct json_object *button = json_object_array_get_idx(json_key(card, "buttons"), i);
		if (!strcmp(json_string(button, "type", ""), "openUrl"))
			draft_link(draft, LINK_BUTTON, json_string(button, "value", NULL));
		else
			draft_leave_out(draft, LEFT_BUTTON);
	}
}

static void
attachment(struct draft *draft, struct json_object *one)
{
	const char *type = json_string(one, "contentType", adaptive);
	struct json_object *content = json_key(one, "content");

	if (!strcmp(type, adaptive))
		adaptive_card(draft, content);
	else if (!strcmp(type, connector))
		message_card(draft, content);
	else if (!strncmp(type, "application/vnd.microsoft.card.", 31))
		simple_card(draft, content);
	else
		draft_leave_out(draft, strncmp(type, "image/", 6) ? LEFT_OTHER : LEFT_PICTURE);
}

/* {"type": "message", "attachments": [...]} */
static void
envelope(struct draft *draft, struct json_object *message)
{
	size_t count = json_count(message, "attachments");

	draft_say(draft, json_string(message, "text", NULL));
	for (size_t i = 0; i < count; i++)
		if (i < ATTACHMENTS_MOST)
			attachment(draft, json_object_array_get_idx(json_key(message, "attachments"), i));
		else
			draft_leave_out(draft, LEFT_OTHER);
	if (draft_empty(draft))
		draft_say(draft, json_string(message, "summary", NULL));
}

bool
teams_message(struct draft *draft, struct json_object *message, bool *workflow, const char **wrong)
{
	bool card = !strcmp(json_string(message, "type", ""), "AdaptiveCard");

	*workflow = card || json_count(message, "attachments") > 0;
	*wrong = "Bad payload received by generic incoming webhook.";
	if (!json_object_is_type(message, json_type_object))
		return false;
	if (card)
		adaptive_card(draft, message);
	else if (*workflow)
		envelope(draft, message);
	else
		message_card(draft, message);
	*wrong = "Summary or Text is required.";
	return !draft_empty(draft);
}
