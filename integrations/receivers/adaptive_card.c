/* adaptive_card: an Adaptive Card, as far as it says something; inputs and submits are counted and left out. */
#include <stdbool.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "integrations/receivers/colour.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/teams_message.h"

enum { ELEMENTS_MOST = 200, INLINE_MOST = 2048 };

/* What an element holds is named differently in each; all of it is read alike. */
struct kind {
	const char *type;
	void (*read)(struct draft *, struct json_object *);
	const char *inside;             /* the key of its list of elements; NULL: none */
};

static void element(struct draft *, struct json_object *);
static void action(struct draft *, struct json_object *);

static void
each(struct draft *draft, struct json_object *of, const char *key, void (*read)(struct draft *, struct json_object *))
{
	size_t count = json_count(of, key);

	for (size_t i = 0; i < count; i++)
		if (i < ELEMENTS_MOST)
			read(draft, json_object_array_get_idx(json_key(of, key), i));
		else
			draft_leave_out(draft, LEFT_OTHER);
}

/* -- What says something ---------------------------------------------------------------------------------------------- */

static void
text_block(struct draft *draft, struct json_object *block)
{
	draft_tone(draft, colour_tone(json_string(block, "color", "")));
	draft_say(draft, json_string(block, "text", NULL));
}

static void
rich_text(struct draft *draft, struct json_object *block)
{
	struct text out = text_in(draft->arena, INLINE_MOST);

	for (size_t i = 0; i < json_count(block, "inlines"); i++) {
		struct json_object *run = json_object_array_get_idx(json_key(block, "inlines"), i);
		bool words = json_object_is_type(run, json_type_string);
		text_add(&out, words ? json_object_get_string(run) : json_string(run, "text", NULL));
	}
	if (out.length)
		draft_say_plain(draft, out.bytes);
}

static void
fact_set(struct draft *draft, struct json_object *set)
{
	for (size_t i = 0; i < json_count(set, "facts"); i++) {
		struct json_object *fact = json_object_array_get_idx(json_key(set, "facts"), i);
		draft_fact(draft, json_string(fact, "title", NULL), json_string(fact, "value", NULL));
	}
}

static const char *
only_text(struct json_object *cell)
{
	return json_count(cell, "items") == 1 ? json_string(cell, "items.0.text", NULL) : NULL;
}

/* A row of two texts is a name and its value. */
static void
row(struct draft *draft, struct json_object *one)
{
	const char *name = only_text(json_at(one, "cells.0")), *value = only_text(json_at(one, "cells.1"));

	if (json_count(one, "cells") == 2 && name && value)
		draft_fact(draft, name, value);
	else
		each(draft, one, "cells", element);
}

static void
table(struct draft *draft, struct json_object *one)
{
	each(draft, one, "rows", row);
}

/* -- What does not ---------------------------------------------------------------------------------------------------- */

static void
picture(struct draft *draft, struct json_object *one)
{
	(void)one;
	draft_leave_out(draft, LEFT_PICTURE);
}

static void
media(struct draft *draft, struct json_object *one)
{
	draft_say_plain(draft, json_string(one, "altText", NULL));
	draft_leave_out(draft, LEFT_OTHER);
}

static void
action_set(struct draft *draft, struct json_object *set)
{
	each(draft, set, "actions", action);
}

static const struct kind kinds[] = {
	{ "ActionSet", action_set, NULL },
	{ "AdaptiveCard", action_set, "body" },
	{ "Badge", text_block, NULL },
	{ "Carousel", NULL, "pages" },
	{ "CarouselPage", NULL, "items" },
	{ "CodeBlock", media, NULL },
	{ "Column", NULL, "items" },
	{ "ColumnSet", NULL, "columns" },
	{ "Container", NULL, "items" },
	{ "FactSet", fact_set, NULL },
	{ "Image", picture, NULL },
	{ "ImageSet", NULL, "images" },
	{ "Media", media, NULL },
	{ "RichTextBlock", rich_text, NULL },
	{ "Table", table, NULL },
	{ "TableCell", NULL, "items" },
	{ "TextBlock", text_block, NULL },
	{ 0 }
};

static void
unknown(struct draft *draft, struct json_object *one, const char *type)
{
	struct json_object *fallback = json_key(one, "fallback");

	if (!strncmp(type, "Input.", 6))
		draft_leave_out(draft, LEFT_INPUT);
	else if (json_object_is_type(fallback, json_type_object))
		element(draft, fallback);
	else if (strcmp(json_string(one, "fallback", ""), "drop"))
		draft_leave_out(draft, LEFT_OTHER);
}

static bool
hidden(struct json_object *one)
{
	struct json_object *visible = json_key(one, "isVisible");

	return json_object_is_type(visible, json_type_boolean) && !json_object_get_boolean(visible);
}

/* A column may go without its type. */
static const char *
type_of(struct json_object *one)
{
	return json_string(one, "type", json_key(one, "items") ? "Container" : "");
}

/* As deep as JSON may be, and no deeper. */
static void
element(struct draft *draft, struct json_object *one)
{
	const char *type = type_of(one);
	size_t i = 0;

	if (hidden(one))
		return;
	while (kinds[i].type && strcmp(kinds[i].type, type))
		i++;
	if (!kinds[i].type) {
		unknown(draft, one, type);
		return;
	}
	if (kinds[i].inside)
		each(draft, one, kinds[i].inside, element);
	if (kinds[i].read)
		kinds[i].read(draft, one);
	if (json_key(one, "selectAction"))
		draft_link(draft, LINK_WORDS, json_string(one, "selectAction.url", NULL));
}

static void
action(struct draft *draft, struct json_object *one)
{
	if (!strcmp(json_string(one, "type", ""), "Action.OpenUrl"))
		draft_link(draft, LINK_BUTTON, json_string(one, "url", NULL));
	else
		draft_leave_out(draft, LEFT_BUTTON);
}

void
adaptive_card(struct draft *draft, struct json_object *card)
{
	each(draft, card, "body", element);
	each(draft, card, "actions", action);
	if (!draft->said.length) {
		draft_say(draft, json_string(card, "fallbackText", NULL));
		draft_say(draft, json_string(card, "speak", NULL));
	}
}
