/* opsgenie_request: the alert API of Opsgenie, as far as it tells of an alert: create, acknowledge, close, add a note. */
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/form.h"
#include "bridge/base/json.h"
#include "integrations/receivers/page.h"

static const char alerts[] = "v2/alerts";

static const struct { const char *name; enum page_what what; } actions[] = {
	{ "acknowledge", PAGE_ACKED }, { "close", PAGE_RESOLVED }, { "notes", PAGE_NOTE }, { "unacknowledge", PAGE_UNACKED },
	{ "message", PAGE_FIRING }, { "description", PAGE_FIRING },
};

enum { ACTIONS = sizeof actions / sizeof *actions };

static bool
wrong_is(const char **wrong, const char *why)
{
	*wrong = why;
	return false;
}

/* "v2/alerts/ALIAS/close" */
static bool
path(struct arena *arena, const char *rest, struct page *page)
{
	const char *alias = rest + strlen(alerts) + 1, *slash = strchr(alias, '/');

	if (!slash || slash == alias || slash - alias > 3 * PAGE_KEY_MOST)
		return false;
	page->key = form_unescaped(arena, alias, (size_t)(slash - alias));
	for (size_t i = 0; page->key && i < ACTIONS; i++)
		if (!strcmp(actions[i].name, slash + 1)) {
			page->what = actions[i].what;
			return strlen(page->key) <= PAGE_KEY_MOST;
		}
	return false;
}

static void
describe(struct json_object *request, struct page *page)
{
	static const char *const labels[] = { "entity", "source", "priority" };

	page->name = json_string(request, "message", NULL);
	page->object = json_string(request, "entity", NULL);
	page->text = json_string(request, "description", NULL);
	page->severity = json_string(request, "priority", NULL);
	page->by = json_string(request, "user", NULL);
	page->note = json_string(request, "note", NULL);
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		page_label(page, labels[i], json_key(request, labels[i]));
	page_labels(page, json_key(request, "details"));
}

static const char *
source_url(struct json_object *request)
{
	const char *source = json_string(request, "source", "");

	return !strncmp(source, "https://", 8) || !strncmp(source, "http://", 7) ? source : NULL;
}

static bool
create(struct arena *arena, struct json_object *request, const char *unnamed, struct page *out, const char **wrong)
{
	const char *alias = json_string(request, "alias", "");

	if (!out->name || !*out->name)
		return wrong_is(wrong, "Message can not be empty.");
	if (strlen(alias) > PAGE_KEY_MOST)
		return wrong_is(wrong, "Alias can not be longer than 512 characters.");
	out->key = arena_text(arena, *alias ? alias : unnamed);
	out->severity = out->severity ? out->severity : "P3";
	return true;
}

bool
opsgenie_page(struct arena *arena, const char *rest, struct json_object *request, const char *unnamed, struct page *out, const char **wrong)
{
	*out = (struct page){ .what = PAGE_FIRING };
	if (!json_object_is_type(request, json_type_object))
		return wrong_is(wrong, "Request body is not processable. Please check the errors.");
	describe(request, out);
	out->url = source_url(request);
	if (!*rest || !strcmp(rest, alerts))
		return create(arena, request, unnamed, out, wrong);
	if (strncmp(rest, alerts, strlen(alerts)) || rest[strlen(alerts)] != '/' || !path(arena, rest, out))
		return wrong_is(wrong, "There is no such action here: alerts are created, acknowledged, closed and given notes.");
	if (out->what == PAGE_NOTE && !(out->note && *out->note))
		return wrong_is(wrong, "Note can not be empty.");
	return true;
}
