/* pagerduty_event: Events v2 of PagerDuty: trigger, acknowledge, resolve, and changes. */
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "integrations/receivers/page.h"

static const struct { const char *name; enum page_what what; } actions[] = {
	{ "trigger", PAGE_FIRING }, { "acknowledge", PAGE_ACKED }, { "resolve", PAGE_RESOLVED },
};

enum { ACTIONS = sizeof actions / sizeof *actions };

static bool
wrong_is(const char **wrong, const char *why)
{
	*wrong = why;
	return false;
}

static bool
action_of(struct json_object *event, enum page_what *out)
{
	const char *name = json_string(event, "event_action", "");

	for (size_t i = 0; i < ACTIONS; i++)
		if (!strcmp(actions[i].name, name)) {
			*out = actions[i].what;
			return true;
		}
	return false;
}

static void
describe(struct json_object *event, struct page *page)
{
	static const char *const labels[] = { "source", "component", "group", "class" };
	struct json_object *payload = json_key(event, "payload");
	const char *component = json_string(payload, "component", NULL), *link = json_string(event, "links.0.href", NULL);

	page->name = json_string(payload, "summary", NULL);
	page->object = component ? component : json_string(payload, "source", NULL);
	page->severity = json_string(payload, "severity", NULL);
	page->url = link ? link : json_string(event, "client_url", NULL);
	page->by = json_string(event, "client", NULL);
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		page_label(page, labels[i], json_key(payload, labels[i]));
	page_labels(page, json_key(payload, "custom_details"));
}

/* Something was changed: that is said once. Its links come with words. */
static bool
change(struct json_object *event, struct page *page, const char **wrong)
{
	describe(event, page);
	page->what = PAGE_CHANGE;
	return (page->name && *page->name) || wrong_is(wrong, "'payload.summary' is missing or blank");
}

bool
pagerduty_page(struct arena *arena, const char *rest, struct json_object *event, const char *unnamed, struct page *out, const char **wrong)
{
	*out = (struct page){ .what = PAGE_FIRING };
	if (!json_object_is_type(event, json_type_object))
		return wrong_is(wrong, "Event object is invalid");
	if (strstr(rest, "change"))
		return change(event, out, wrong);
	if (!action_of(event, &out->what))
		return wrong_is(wrong, "'event_action' is missing or is not one of trigger, acknowledge, resolve");
	describe(event, out);
	const char *key = json_string(event, "dedup_key", "");
	if (strlen(key) > PAGE_KEY_MOST)
		return wrong_is(wrong, "'dedup_key' is longer than 255 characters");
	if (!*key && out->what != PAGE_FIRING)
		return wrong_is(wrong, "'dedup_key' is missing or blank");
	if (out->what == PAGE_FIRING && !(out->name && *out->name))
		return wrong_is(wrong, "'payload.summary' is missing or blank");
	out->key = arena_text(arena, *key ? key : unnamed);
	return true;
}
