/* slack_blocks: Block Kit, as far as it says something: header, section, fields, context, actions, image, rich text, table. */
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"
#include "integrations/receivers/slack_message.h"

enum { BLOCKS_MOST = 50, RICH_MOST = 2048, RICH_DEPTH = 6 };

struct kind {
	const char *type;
	void (*read)(struct draft *, struct json_object *);
};

static void
read_as(struct draft *draft, struct json_object *object, const struct kind *kinds)
{
	const char *type = json_string(object, "type", "");

	while (kinds->type && strcmp(kinds->type, type))
		kinds++;
	if (kinds->read)
		kinds->read(draft, object);
}

static void
each(struct draft *draft, struct json_object *list, void (*read)(struct draft *, struct json_object *))
{
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
		if (i < BLOCKS_MOST)
			read(draft, json_object_array_get_idx(list, i));
		else
			draft_leave_out(draft, LEFT_OTHER);
}

/* -- Texts ------------------------------------------------------------------------------------------------------------ */

/* plain_text says what it says: no markup in it. */
static void
say_text(struct draft *draft, struct json_object *text)
{
	const char *words = json_string(text, "text", NULL);

	if (!strcmp(json_string(text, "type", ""), "plain_text"))
		draft_say_plain(draft, words);
	else
		draft_say(draft, words);
}

/* "*Average Rating*\n1.0": a name, and below it its value. */
static void
field(struct draft *draft, struct json_object *text)
{
	const char *words = json_string(text, "text", NULL), *end = words ? strchr(words, '\n') : NULL;

	if (end && end > words + 1)
		draft_fact(draft, arena_slice(draft->arena, words, (size_t)(end - words)), end + 1);
	else if (words && !strncmp(words, "*", 1) && strstr(words + 1, ":*"))
		draft_fact(draft, arena_slice(draft->arena, words + 1, (size_t)(strstr(words + 1, ":*") - words - 1)), strstr(words + 1, ":*") + 2);
	else
		draft_fact(draft, NULL, words);
}

/* -- Elements: what stands in a block ---------------------------------------------------------------------------------- */

static void
button(struct draft *draft, struct json_object *element)
{
	const char *url = json_string(element, "url", NULL);

	if (url)
		draft_link(draft, LINK_BUTTON, url);
	else
		draft_leave_out(draft, LEFT_BUTTON);
}

static void
picture(struct draft *draft, struct json_object *element)
{
	(void)element;
	draft_leave_out(draft, LEFT_PICTURE);
}

static void
input(struct draft *draft, struct json_object *element)
{
	if (element && !json_object_is_type(element, json_type_null))
		draft_leave_out(draft, LEFT_INPUT);
}

static const struct kind elements[] = {
	{ "button", button }, { "workflow_button", button }, { "image", picture }, { "mrkdwn", say_text }, { "plain_text", say_text },
	{ NULL, input },        /* menus, dates, fields to fill in */
};

static void
element(struct draft *draft, struct json_object *object)
{
	read_as(draft, object, elements);
}

/* -- Rich text -------------------------------------------------------------------------------------------------------- */

static void rich(struct draft *, struct json_object *, struct text *, unsigned depth);

static void
rich_elements(struct draft *draft, struct json_object *object, struct text *out, unsigned depth)
{
	size_t count = json_count(object, "elements");

	for (size_t i = 0; i < count && depth < RICH_DEPTH && !out->cut; i++)
		rich(draft, json_object_array_get_idx(json_key(object, "elements"), i), out, depth + 1);
}

static void
rich_link(struct draft *draft, struct json_object *object, struct text *out)
{
	const char *url = json_string(object, "url", NULL), *words = json_string(object, "text", NULL);

	text_add(out, words ? words : url);
	if (words)
		draft_link(draft, LINK_WORDS, url);
}

static void
rich_quote(struct draft *draft, struct json_object *object, unsigned depth)
{
	struct text code = text_in(draft->arena, RICH_MOST);

	rich_elements(draft, object, &code, depth);
	if (code.length)
		draft_quote(draft, code.bytes, code.length);
}

/* Leaves: what each shows of itself. */
static const struct { const char *type, *sign, *key; } leaves[] = {
	{ "text", "", "text" }, { "user", "@", "user_id" }, { "usergroup", "@", "usergroup_id" }, { "broadcast", "@", "range" },
	{ "channel", "#", "channel_id" }, { "emoji", ":", "name" }, { "date", "", "fallback" }, { "color", "", "value" }, { 0 }
};

/* A paragraph, or an item of a list, is a sentence of its own. */
static void
rich_paragraph(struct draft *draft, struct json_object *object, struct text *out, unsigned depth)
{
	struct text words = text_in(draft->arena, RICH_MOST);

	rich_elements(draft, object, &words, depth);
	if (words.length)
		draft_join(out, words.bytes);
}

static void
rich(struct draft *draft, struct json_object *object, struct text *out, unsigned depth)
{
	const char *type = json_string(object, "type", "");

	for (size_t i = 0; leaves[i].type; i++)
		if (!strcmp(leaves[i].type, type)) {
			text_printf(out, "%s%s%s", leaves[i].sign, json_string(object, leaves[i].key, ""), *leaves[i].sign == ':' ? ":" : "");
			return;
		}
	if (!strcmp(type, "link"))
		rich_link(draft, object, out);
	else if (!strcmp(type, "rich_text_preformatted"))
		rich_quote(draft, object, depth);
	else
		rich_paragraph(draft, object, out, depth);
}

static void
rich_text(struct draft *draft, struct json_object *block)
{
	struct text out = text_in(draft->arena, RICH_MOST);

	rich_elements(draft, block, &out, 0);
	if (out.length)
		draft_say_plain(draft, out.bytes);
}

/* -- Blocks ----------------------------------------------------------------------------------------------------------- */

static void
section(struct draft *draft, struct json_object *block)
{
	say_text(draft, json_key(block, "text"));
	each(draft, json_key(block, "fields"), field);
	if (json_key(block, "accessory"))
		element(draft, json_key(block, "accessory"));
}

static void
elements_of(struct draft *draft, struct json_object *block)
{
	each(draft, json_key(block, "elements"), element);
}

/* A picture is not shown, but what it is called. */
static void
image(struct draft *draft, struct json_object *block)
{
	const char *title = json_string(block, "title.text", NULL);

	draft_say_plain(draft, title ? title : json_string(block, "alt_text", NULL));
	draft_leave_out(draft, LEFT_PICTURE);
}

static void
video(struct draft *draft, struct json_object *block)
{
	draft_say_plain(draft, json_string(block, "title.text", NULL));
	draft_link(draft, LINK_TITLE, json_string(block, "title_url", NULL));
	draft_leave_out(draft, LEFT_OTHER);
}

static void
markdown_text(struct draft *draft, struct json_object *block)
{
	const char *text = json_string(block, "text", NULL);

	if (text)
		draft_say_plain(draft, markup_plain(draft, &markdown, text));
}

static void
divider(struct draft *draft, struct json_object *block)
{
	(void)draft;
	(void)block;
}

static void
other(struct draft *draft, struct json_object *block)
{
	(void)block;
	draft_leave_out(draft, LEFT_OTHER);
}

static void
header(struct draft *draft, struct json_object *block)
{
	say_text(draft, json_key(block, "text"));
}

static const struct kind blocks[] = {
	{ "actions", elements_of }, { "context", elements_of }, { "divider", divider }, { "header", header }, { "image", image }, { "input", input },
	{ "markdown", markdown_text }, { "rich_text", rich_text }, { "section", section }, { "video", video }, { NULL, other },
};

static void
block(struct draft *draft, struct json_object *object)
{
	read_as(draft, object, blocks);
}

void
slack_blocks(struct draft *draft, struct json_object *list)
{
	each(draft, list, block);
}
