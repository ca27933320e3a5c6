/* slack: what tools send to incoming webhooks of Slack, said in rooms of ours: only the address in the tool changes. */
#include "bridge/base/json.h"
#include "bridge/integration.h"
#include "bridge/run/task.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"
#include "integrations/receivers/slack_message.h"

struct slack {
	struct webhook_settings webhook;
};

static const struct setting settings[] = {
	WEBHOOK_SETTINGS(slack, webhook),
	{ 0 }
};

static bool
understood(struct arena *arena, const struct received *received, struct draft *draft, const char **wrong)
{
	struct json_object *body = received_json(arena, received, NULL);

	*draft = draft_new(arena, &mrkdwn);
	*wrong = "invalid_payload";
	return body && slack_message(draft, body, wrong);
}

static bool
hear(struct arena *arena, const struct received *received, struct webhook_answer *answer)
{
	struct draft draft;
	const char *wrong;
	bool good = understood(arena, received, &draft, &wrong);

	*answer = (struct webhook_answer){ good ? 200 : 400, "text/plain", good ? "ok" : wrong };
	return good;
}

static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	struct draft draft;
	const char *wrong;

	(void)most;
	if (!understood(task->arena, received, &draft, &wrong))
		return received_refuse(task, received, "This is no message for Slack: %s.", wrong);
	out[0] = (struct told){ .card = draft_card(&draft, received->instance->name) };
	*count = 1;
	return true;
}

/* Its senders know no header: what proves them is the end of the address. */
static const struct sender_way ways[] = { { .by = SENDER_PATH }, { 0 } };

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct slack, webhook), .once = true, .hear = hear, .look = look };

const struct integration integration_slack = {
	.name = "slack",
	.about = "What tools send to Slack's incoming webhooks.",
	.conf_size = sizeof(struct slack),
	.settings = settings,
	.webhook = &webhook,
};
