/* opsgenie: what tools send to the alert API of Opsgenie, as alerts of ours. */
#include <string.h>

#include "bridge/base/json.h"
#include "bridge/integration.h"
#include "bridge/run/task.h"
#include "integrations/kinds/alerts.h"
#include "integrations/paging.h"
#include "integrations/receivers/page.h"

struct opsgenie {
	struct alerts_options alerts;
};

static const struct setting settings[] = {
	ALERTS_SETTINGS(opsgenie),
	{ 0 }
};

static bool
understood(struct arena *arena, const struct received *received, struct page *page, const char **wrong)
{
	struct json_object *body = received->length ? received_json(arena, received, NULL) : json_new_object(arena);

	*wrong = "Request body is not processable. Please check the errors.";
	return body && opsgenie_page(arena, received->rest, body, page_unnamed(arena, received->body, received->length), page, wrong);
}

/* 43a29c5c-3dbf-4fa4-9c26-f4f71023e120: one request has one, however often it comes. */
static const char *
request_id(struct arena *arena, const struct received *received)
{
	const char *hex = page_unnamed(arena, received->body, received->length);

	return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static const char *
reply(struct arena *arena, const struct received *received, const char *key, const char *text)
{
	struct json_object *answer = json_new_object(arena);

	json_set(answer, key, text);
	json_object_object_add(answer, "took", json_object_new_double_s(0.001, "0.001"));
	json_set(answer, "requestId", request_id(arena, received));
	return json_write(answer);
}

static bool
hear(struct arena *arena, const struct received *received, struct webhook_answer *answer)
{
	struct page page;
	const char *wrong;
	bool good = understood(arena, received, &page, &wrong);

	*answer = (struct webhook_answer){ good ? 202 : 422, "application/json",
		reply(arena, received, good ? "result" : "message", good ? "Request will be processed" : wrong) };
	return good;
}

static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	struct page page;
	const char *wrong;

	if (!understood(task->arena, received, &page, &wrong))
		return received_refuse(task, received, "This is no request for Opsgenie: %s", wrong);
	*count = paging_shown(task, received, &page, 1, out, most);
	return true;
}

static bool
run(struct task *task, const struct received *received)
{
	struct page page;
	const char *wrong;

	if (!understood(task->arena, received, &page, &wrong))
		return received_refuse(task, received, "This is no request for Opsgenie: %s", wrong);
	return paging_done(task, received, &page, 1);
}

static const struct sender_way ways[] = { { .by = SENDER_TOKEN, .header = "Authorization", .prefix = "GenieKey " }, { 0 } };

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct opsgenie, alerts.webhook), .hear = hear, .look = look, .run = run };

static const struct alerts alerts = { .shown = "its sender", .options = offsetof(struct opsgenie, alerts) };

const struct integration integration_opsgenie = {
	.name = "opsgenie",
	.about = "What tools send to the alert API of Opsgenie.",
	.conf_size = sizeof(struct opsgenie),
	.settings = settings,
	.alerts = &alerts,
	.webhook = &webhook,
};
