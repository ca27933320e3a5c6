/* incoming: any program that can post JSON or a form: what of it is said stands in the configuration. */
#include <string.h>

#include "bridge/base/json.h"
#include "bridge/integration.h"
#include "bridge/run/task.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/fields.h"

struct incoming {
	struct webhook_settings webhook;
	struct fields fields;
};

#define PATH_SETTING(field, type, about) { #field, (type), offsetof(struct incoming, fields) + offsetof(struct fields, field), NULL, (about), NULL }

static const struct setting settings[] = {
	PATH_SETTING(facts, TYPE_LIST, "Paths of what is said as facts, as in Host=job.host."),
	WEBHOOK_SETTINGS(incoming, webhook),
	WEBHOOK_HEADER_SETTINGS(incoming, webhook),
	WEBHOOK_USER_SETTING(incoming, webhook),
	PATH_SETTING(id, TYPE_TEXT, "The path of what names the thing it is about: the next one with the same id updates the same message."),
	PATH_SETTING(severity, TYPE_TEXT, "The path of how bad it is."),
	PATH_SETTING(state, TYPE_TEXT, "The path of the state of that thing."),
	PATH_SETTING(text, TYPE_LIST, "Paths of what is said behind the title."),
	PATH_SETTING(title, TYPE_LIST, "Paths of what is said first: job.name, or a JSON pointer, /job/name. Where no path is named: the names that are usual."),
	PATH_SETTING(url, TYPE_TEXT, "The path of the link."),
	{ 0 }
};

static bool
understood(struct arena *arena, const struct received *received, struct draft *draft, struct json_object **body)
{
	const struct incoming *incoming = received_conf(received);

	*draft = draft_new(arena, NULL);
	*body = received_json(arena, received, NULL);
	return *body && fields_message(draft, *body, &incoming->fields);
}

static bool
hear(struct arena *arena, const struct received *received, struct webhook_answer *answer)
{
	struct draft draft;
	struct json_object *body;
	bool good = understood(arena, received, &draft, &body);

	*answer = (struct webhook_answer){ good ? 202 : 400, "text/plain",
		good ? "taken" : body ? "There is nothing in it that could be said." : "It is neither JSON nor a form." };
	return good;
}

/* With an id it is a living thing: one message, edited. */
static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	const struct incoming *incoming = received_conf(received);
	struct draft draft;
	struct json_object *body;

	(void)most;
	if (!understood(task->arena, received, &draft, &body))
		return received_refuse(task, received, "There is nothing in it that could be said.");
	struct card *card = draft_card(&draft, received->instance->name);
	const char *id = fields_at(body, incoming->fields.id);
	if (id)
		card_state(card, NULL, fields_state(body, &incoming->fields));
	out[0] = (struct told){ .card = card, .letter = id ? 'N' : 0, .subject = id };
	*count = 1;
	return true;
}

static const struct sender_way ways[] = {
	{ .by = SENDER_TOKEN, .header = "Authorization", .prefix = "Bearer " }, { .by = SENDER_TOKEN, .header = "X-Token" }, { .by = SENDER_BASIC },
	{ .by = SENDER_MAC, .prefix = "sha256=" }, { .by = SENDER_MAC }, { .by = SENDER_PATH }, { 0 }
};

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct incoming, webhook), .once = true, .hear = hear, .look = look };

const struct integration integration_incoming = {
	.name = "incoming",
	.about = "Any program that can post JSON or a form.",
	.conf_size = sizeof(struct incoming),
	.settings = settings,
	.webhook = &webhook,
};
