/* teams: what tools send to webhooks of Microsoft Teams, old connectors and workflows, said in rooms of ours. */
#include <string.h>

#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/integration.h"
#include "bridge/run/task.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"
#include "integrations/receivers/teams_message.h"

struct teams {
	struct webhook_settings webhook;
};

static const struct setting settings[] = {
	WEBHOOK_SETTINGS(teams, webhook),
	{ 0 }
};

/* Some senders of workflows post words as they are. */
static bool
plain_words(const struct received *received, struct draft *draft)
{
	if (strcmp(received->type, "text/plain") || !text_utf8(received->body, received->length))
		return false;
	draft_say(draft, received->body);
	return !draft_empty(draft);
}

static bool
understood(struct arena *arena, const struct received *received, struct draft *draft, bool *workflow, const char **wrong)
{
	struct json_object *body = received_json(arena, received, NULL);

	*draft = draft_new(arena, &markdown);
	*workflow = false;
	*wrong = "Bad payload received by generic incoming webhook.";
	if (!json_object_is_type(body, json_type_object))
		return *workflow = plain_words(received, draft);
	return teams_message(draft, body, workflow, wrong);
}

/* A connector said 1, a workflow says only that it took it. */
static bool
hear(struct arena *arena, const struct received *received, struct webhook_answer *answer)
{
	struct draft draft;
	const char *wrong;
	bool workflow, good = understood(arena, received, &draft, &workflow, &wrong);

	*answer = (struct webhook_answer){ good ? 200 : 400, "text/plain", good ? "1" : wrong };
	if (good && workflow)
		*answer = (struct webhook_answer){ 202, "text/plain", "" };
	return good;
}

static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	struct draft draft;
	const char *wrong;
	bool workflow;

	(void)most;
	if (!understood(task->arena, received, &draft, &workflow, &wrong))
		return received_refuse(task, received, "This is no message for Teams: %s", wrong);
	out[0] = (struct told){ .card = draft_card(&draft, received->instance->name) };
	*count = 1;
	return true;
}

static const struct sender_way ways[] = { { .by = SENDER_PATH }, { 0 } };

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct teams, webhook), .once = true, .hear = hear, .look = look };

const struct integration integration_teams = {
	.name = "teams",
	.about = "What tools send to webhooks of Microsoft Teams.",
	.conf_size = sizeof(struct teams),
	.settings = settings,
	.webhook = &webhook,
};
