/* mattermost: what tools send to incoming webhooks of Mattermost: as for Slack, but with Markdown, and with additions of its own. */
#include "bridge/base/json.h"
#include "bridge/integration.h"
#include "bridge/run/task.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"
#include "integrations/receivers/slack_message.h"

struct mattermost {
	struct webhook_settings webhook;
};

static const struct setting settings[] = {
	WEBHOOK_SETTINGS(mattermost, webhook),
	{ 0 }
};

/* Attachments may also stand in props, and props.card is what a person sees beside the message. Names and pictures are of the sender's
 * choice, so nothing is made of them. */
static bool
understood(struct arena *arena, const struct received *received, struct draft *draft)
{
	struct json_object *body = received_json(arena, received, NULL);
	const char *wrong;

	*draft = draft_new(arena, &markdown);
	if (!json_object_is_type(body, json_type_object))
		return false;
	slack_message(draft, body, &wrong);
	slack_attachments(draft, json_at(body, "props.attachments"));
	draft_say(draft, json_string(body, "props.card", NULL));
	return !draft_empty(draft);
}

static const char refusal[] = "{\"id\":\"web.incoming_webhook.text.app_error\",\"message\":\"No text specified.\",\"detailed_error\":\"\",\"status_code\":400}";

static bool
hear(struct arena *arena, const struct received *received, struct webhook_answer *answer)
{
	struct draft draft;
	bool good = understood(arena, received, &draft);

	*answer = good ? (struct webhook_answer){ 200, "text/plain", "ok" } : (struct webhook_answer){ 400, "application/json", refusal };
	return good;
}

static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	struct draft draft;

	(void)most;
	if (!understood(task->arena, received, &draft))
		return received_refuse(task, received, "This is no message for Mattermost: it has no text.");
	out[0] = (struct told){ .card = draft_card(&draft, received->instance->name) };
	*count = 1;
	return true;
}

static const struct sender_way ways[] = { { .by = SENDER_PATH }, { 0 } };

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct mattermost, webhook), .once = true, .hear = hear, .look = look };

const struct integration integration_mattermost = {
	.name = "mattermost",
	.about = "What tools send to Mattermost's incoming webhooks.",
	.conf_size = sizeof(struct mattermost),
	.settings = settings,
	.webhook = &webhook,
};
