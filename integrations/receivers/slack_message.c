/* slack_message: a message as Slack's incoming webhooks take it: text and attachments. */
#include "integrations/receivers/slack_message.h"

#include <string.h>

#include "bridge/base/json.h"
#include "integrations/receivers/colour.h"
#include "integrations/receivers/draft.h"

enum { ATTACHMENTS_MOST = 20 };

/* A number says as much as a string. */
static const char *
value(struct json_object *object, const char *key)
{
	struct json_object *found = json_key(object, key);
	enum json_type type = json_object_get_type(found);

	if (type == json_type_object || type == json_type_array || type == json_type_null)
		return NULL;
	return json_object_get_string(found);
}

static void
fields(struct draft *draft, struct json_object *attachment)
{
	for (size_t i = 0; i < json_count(attachment, "fields"); i++) {
		struct json_object *field = json_object_array_get_idx(json_key(attachment, "fields"), i);
		draft_fact(draft, value(field, "title"), value(field, "value"));
	}
}

static void
actions(struct draft *draft, struct json_object *attachment)
{
	for (size_t i = 0; i < json_count(attachment, "actions"); i++) {
		struct json_object *action = json_object_array_get_idx(json_key(attachment, "actions"), i);
		const char *url = json_string(action, "url", NULL);
		if (url)
			draft_link(draft, LINK_BUTTON, url);
		else
			draft_leave_out(draft, !strcmp(json_string(action, "type", "button"), "button") ? LEFT_BUTTON : LEFT_INPUT);
	}
}

static void
attachment(struct draft *draft, struct json_object *one)
{
	static const char *const said[] = { "pretext", "author_name", "title", "text" };
	size_t before = draft->said.length, facts = draft->fact_count;

	draft_tone(draft, colour_tone(json_string(one, "color", "")));
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		draft_say(draft, value(one, said[i]));
	draft_link(draft, LINK_TITLE, json_string(one, "title_link", NULL));
	slack_blocks(draft, json_key(one, "blocks"));
	fields(draft, one);
	actions(draft, one);
	if (json_string(one, "image_url", NULL))
		draft_leave_out(draft, LEFT_PICTURE);
	if (draft->said.length == before && draft->fact_count == facts)
		draft_say(draft, value(one, "fallback"));
}

void
slack_attachments(struct draft *draft, struct json_object *list)
{
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
		if (i < ATTACHMENTS_MOST)
			attachment(draft, json_object_array_get_idx(list, i));
		else
			draft_leave_out(draft, LEFT_OTHER);
}

/* Where there are blocks, text is only what a notification shows. */
bool
slack_message(struct draft *draft, struct json_object *message, const char **wrong)
{
	*wrong = "invalid_payload";
	if (!json_object_is_type(message, json_type_object))
		return false;
	slack_blocks(draft, json_key(message, "blocks"));
	if (!draft->said.length)
		draft_say(draft, value(message, "text"));
	slack_attachments(draft, json_key(message, "attachments"));
	*wrong = "no_text";
	return !draft_empty(draft);
}
