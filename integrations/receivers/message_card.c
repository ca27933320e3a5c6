/* message_card: the MessageCard of Office 365 connectors, as many tools still send it. */
#include <string.h>

#include "bridge/base/json.h"
#include "integrations/receivers/colour.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/teams_message.h"

enum { SECTIONS_MOST = 20, ACTIONS_MOST = 20 };

static void
open_uri(struct draft *draft, struct json_object *action)
{
	for (size_t i = 0; i < json_count(action, "targets"); i++) {
		struct json_object *target = json_object_array_get_idx(json_key(action, "targets"), i);
		if (!strcmp(json_string(target, "os", "default"), "default"))
			draft_link(draft, LINK_BUTTON, json_string(target, "uri", NULL));
	}
}

static void
action(struct draft *draft, struct json_object *one)
{
	const char *type = json_string(one, "@type", "");

	if (!strcmp(type, "OpenUri"))
		open_uri(draft, one);
	else if (!strcmp(type, "ViewAction"))
		draft_link(draft, LINK_BUTTON, json_string(one, "target.0", NULL));
	else
		draft_leave_out(draft, LEFT_BUTTON);
}

static void
actions(struct draft *draft, struct json_object *of)
{
	size_t count = json_count(of, "potentialAction");

	for (size_t i = 0; i < count; i++)
		if (i < ACTIONS_MOST)
			action(draft, json_object_array_get_idx(json_key(of, "potentialAction"), i));
		else
			draft_leave_out(draft, LEFT_BUTTON);
}

static void
say(struct draft *draft, struct json_object *of, const char *const *keys)
{
	for (; *keys; keys++)
		draft_say(draft, json_string(of, *keys, NULL));
}

static void
section(struct draft *draft, struct json_object *one)
{
	static const char *const said[] = { "title", "activityTitle", "activitySubtitle", "activityText", "text", NULL };

	say(draft, one, said);
	for (size_t i = 0; i < json_count(one, "facts"); i++) {
		struct json_object *fact = json_object_array_get_idx(json_key(one, "facts"), i);
		draft_fact(draft, json_string(fact, "name", NULL), json_string(fact, "value", NULL));
	}
	for (size_t i = 0; i < json_count(one, "images"); i++)
		draft_leave_out(draft, LEFT_PICTURE);
	if (json_string(one, "heroImage.image", NULL))
		draft_leave_out(draft, LEFT_PICTURE);
	actions(draft, one);
}

/* The summary is what a notification shows; it is said where nothing else is. */
void
message_card(struct draft *draft, struct json_object *card)
{
	static const char *const said[] = { "title", "text", NULL };
	size_t count = json_count(card, "sections");

	draft_tone(draft, colour_tone(json_string(card, "themeColor", "")));
	say(draft, card, said);
	for (size_t i = 0; i < count; i++)
		if (i < SECTIONS_MOST)
			section(draft, json_object_array_get_idx(json_key(card, "sections"), i));
		else
			draft_leave_out(draft, LEFT_OTHER);
	actions(draft, card);
	if (!draft->said.length)
		draft_say(draft, json_string(card, "summary", NULL));
}
