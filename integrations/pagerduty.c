/* pagerduty: what tools send to PagerDuty (Events API v2), and what PagerDuty tells others of its incidents, as alerts of ours. */
#include "bridge/base/json.h"
#include "bridge/integration.h"
#include "bridge/run/task.h"
#include "integrations/kinds/alerts.h"
#include "integrations/paging.h"
#include "integrations/receivers/page.h"

struct pagerduty {
	struct alerts_options alerts;
};

static const struct setting settings[] = {
	ALERTS_SETTINGS(pagerduty),
	{ 0 }
};

static size_t
understood(struct arena *arena, const struct received *received, struct page *pages, const char **wrong)
{
	struct json_object *body = received_json(arena, received, NULL);
	size_t incidents = body ? pagerduty_incidents(arena, body, pages, PAGES_MOST) : 0;

	*wrong = "Event object is invalid";
	if (incidents || !body)
		return incidents;
	return pagerduty_page(arena, received->rest, body, page_unnamed(arena, received->body, received->length), pages, wrong);
}

/* {"status":"success","message":"Event processed","dedup_key":"..."} */
static const char *
taken(struct arena *arena, const struct page *page)
{
	struct json_object *answer = json_new_object(arena);

	json_set(answer, "status", "success");
	json_set(answer, "message", page->what == PAGE_CHANGE ? "Change event processed" : "Event processed");
	json_set(answer, "dedup_key", page->key);
	return json_write(answer);
}

static const char *
refused(struct arena *arena, const char *wrong)
{
	struct json_object *answer = json_new_object(arena), *errors = json_new_array(arena);

	json_set(answer, "status", "invalid event");
	json_set(answer, "message", "Event object is invalid");
	json_push(errors, wrong);
	json_put(answer, "errors", errors);
	return json_write(answer);
}

static bool
hear(struct arena *arena, const struct received *received, struct webhook_answer *answer)
{
	struct page *pages = arena_take(arena, PAGES_MOST * sizeof *pages);
	const char *wrong;
	bool good = understood(arena, received, pages, &wrong) > 0;

	*answer = (struct webhook_answer){ good ? 202 : 400, "application/json", good ? taken(arena, pages) : refused(arena, wrong) };
	return good;
}

static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	struct page *pages = arena_take(task->arena, PAGES_MOST * sizeof *pages);
	const char *wrong;
	size_t found = understood(task->arena, received, pages, &wrong);

	if (!found)
		return received_refuse(task, received, "This is no event for PagerDuty: %s.", wrong);
	*count = paging_shown(task, received, pages, found, out, most);
	return true;
}

static bool
run(struct task *task, const struct received *received)
{
	struct page *pages = arena_take(task->arena, PAGES_MOST * sizeof *pages);
	const char *wrong;
	size_t found = understood(task->arena, received, pages, &wrong);

	if (!found)
		return received_refuse(task, received, "This is no event for PagerDuty: %s.", wrong);
	return paging_done(task, received, pages, found);
}

/* Its key stands in the event; PagerDuty itself signs; a relay that can do neither has the end of the address. */
static const struct sender_way ways[] = {
	{ .by = SENDER_FIELD, .field = "routing_key" }, { .by = SENDER_MAC, .header = "X-PagerDuty-Signature", .prefix = "v1=" }, { .by = SENDER_PATH }, { 0 }
};

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct pagerduty, alerts.webhook), .hear = hear, .look = look, .run = run };

/* Nobody can be asked: who sends events keeps no list of them. So what is acknowledged in chat is ours, and stays ours. */
static const struct alerts alerts = { .shown = "its sender", .options = offsetof(struct pagerduty, alerts) };

const struct integration integration_pagerduty = {
	.name = "pagerduty",
	.about = "What tools send to PagerDuty: Events API v2.",
	.conf_size = sizeof(struct pagerduty),
	.settings = settings,
	.alerts = &alerts,
	.webhook = &webhook,
};
