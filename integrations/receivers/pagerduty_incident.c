/* pagerduty_incident: what PagerDuty itself tells others by its webhooks: an incident (version 3), or several (version 1, as old relays still send). */
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "integrations/receivers/page.h"

static const struct { const char *type; enum page_what what; } types[] = {
	{ "incident.trigger", PAGE_FIRING }, { "incident.acknowledge", PAGE_ACKED }, { "incident.resolve", PAGE_RESOLVED }, { "incident.unacknowledge", PAGE_UNACKED },
	{ "incident.reopen", PAGE_FIRING }, { "incident.priority_updated", PAGE_FIRING },
};

enum { TYPES = sizeof types / sizeof *types };

/* Version 3 says incident.triggered, version 1 incident.trigger. */
static bool
what_of(const char *type, enum page_what *out)
{
	for (size_t i = 0; i < TYPES; i++) {
		size_t length = strlen(types[i].type);
		if (!strncmp(type, types[i].type, length) && strlen(type + length) <= 2) {
			*out = types[i].what;
			return true;
		}
	}
	return false;
}

static const char *
either(const char *one, const char *other)
{
	return one && *one ? one : other;
}

static bool
incident(struct arena *arena, struct json_object *one, const char *type, struct page *out)
{
	const char *id = json_string(one, "id", "");

	*out = (struct page){ 0 };
	if (!*id || strlen(id) > PAGE_KEY_MOST || !what_of(type, &out->what))
		return false;
	out->key = arena_text(arena, id);
	out->name = either(json_string(one, "title", NULL), json_string(one, "trigger_summary_data.subject", json_string(one, "trigger_summary_data.description", NULL)));
	out->object = either(json_string(one, "service.summary", NULL), json_string(one, "service.name", NULL));
	out->severity = either(json_string(one, "priority.summary", NULL), json_string(one, "urgency", NULL));
	out->url = json_string(one, "html_url", NULL);
	page_label(out, "service", json_at(one, "service.summary"));
	page_label(out, "service", json_at(one, "service.name"));
	return true;
}

static void
who(struct json_object *one, struct page *page)
{
	const char *user = page->what == PAGE_RESOLVED ? json_string(one, "resolved_by_user.name", NULL) : NULL;

	page->by = either(user, either(json_string(one, "last_status_change_by.name", NULL), json_string(one, "assigned_to_user.name", NULL)));
}

size_t
pagerduty_incidents(struct arena *arena, struct json_object *body, struct page *out, size_t most)
{
	size_t count = 0;
	struct json_object *data = json_at(body, "event.data");

	if (data && incident(arena, data, json_string(body, "event.event_type", ""), &out[0])) {
		out[0].by = json_string(body, "event.agent.summary", NULL);
		return 1;
	}
	for (size_t i = 0; i < json_count(body, "messages") && count < most; i++) {
		struct json_object *message = json_object_array_get_idx(json_key(body, "messages"), i), *one = json_at(message, "data.incident");
		if (one && incident(arena, one, json_string(message, "type", ""), &out[count]))
			who(one, &out[count++]);
	}
	return count;
}
