/* alertmanager: the Alertmanager of Prometheus, 0.22 and later: its webhooks (version 4), its groups and silences over API v2. */
#include <stddef.h>

#include "bridge/base/conf.h"
#include "bridge/base/url.h"
#include "bridge/integration.h"
#include "bridge/run/http.h"
#include "bridge/run/task.h"
#include "integrations/alertmanager_api.h"
#include "integrations/alertmanager_body.h"
#include "integrations/kinds/alerts.h"

struct alertmanager {
	const char *name, *url, *user, *ca_file, *receiver;
	struct where where;
	const struct secret *token;
	bool insecure;
	struct alerts_options alerts;
};

static const struct setting settings[] = {
	SETTING(alertmanager, name,     TYPE_TITLE,  NULL, "How it is typed: NAME silence A7."),
	SETTING(alertmanager, where,    TYPE_WHERE,  NULL, NULL),
	ALERTS_SETTINGS(alertmanager),
	WEBHOOK_USER_SETTING(alertmanager, alerts.webhook),
	SETTING(alertmanager, ca_file,  TYPE_PATH,   NULL, "Whose certificates are believed; the system's where none is named."),
	SETTING(alertmanager, insecure, TYPE_FLAG,   "no", "Whether the token may travel in clear."),
	SETTING(alertmanager, receiver, TYPE_TEXT,   NULL, "Its receiver that sends to us: only the groups of that one are looked at."),
	SETTING(alertmanager, token,    TYPE_SECRET, NULL, "A bearer token; with user, the password."),
	SETTING(alertmanager, url,      TYPE_URL,    CONF_REQUIRED, "Where it is, as a browser reaches it."),
	SETTING(alertmanager, user,     TYPE_TEXT,   NULL, "Who we are to the proxy before it."),
	{ 0 }
};

static void
check(struct conf *conf, const struct section *section, void *filled)
{
	const struct alertmanager *manager = filled;

	if (manager->user && !manager->token)
		conf_mistake(conf, manager->where, section, "user needs token_file, with the password.");
}

static const char *
url_of(const void *conf)
{
	return ((const struct alertmanager *)conf)->url;
}

/* -- Webhooks ------------------------------------------------------------------------------------------------------------ */

static bool
run_webhook(struct task *task, const struct received *received)
{
	struct json_object *body = received_json(task->arena, received, &task->error);
	struct alert_group group;

	if (!body)
		return received_refuse(task, received, "it is no JSON: %s", task_text(task, "%s", task->error.text));
	if (!body_is_webhook(body))
		return received_refuse(task, received, "it is not what Alertmanager sends by itself: take `payload` out of its webhook_config, or send it to a hook of your own");
	body_webhook(task->arena, body, &group);
	if (!group.key || group.count > BODY_ALERTS_MOST)
		return received_refuse(task, received, "it names no group, or more alerts than %d", BODY_ALERTS_MOST);
	return alerts_received(task, received, &group, 1);
}

static const struct sender_way ways[] = { { .by = SENDER_TOKEN, .header = "Authorization", .prefix = "Bearer " }, { .by = SENDER_BASIC }, { .by = SENDER_PATH }, { 0 } };

static const struct webhook webhook = {
	.ways = ways, .settings = offsetof(struct alertmanager, alerts.webhook), .optional = true, .run = run_webhook,
};

/* -- Its API ------------------------------------------------------------------------------------------------------------- */

static struct alertmanager_api
api_of(struct task *task, const void *conf)
{
	const struct alertmanager *manager = conf;

	return (struct alertmanager_api){ .service = { .name = "Alertmanager", .url = manager->url, .user = manager->user, .secret = manager->token,
		.ca_file = manager->ca_file }, .url = url_make(task->arena, manager->url, "api", "v2", NULL), .receiver = manager->receiver,
		.hears = manager->alerts.webhook.sender.hook };
}

static bool
groups(struct task *task, const void *conf, struct alert_group **out, size_t *count)
{
	struct alertmanager_api api = api_of(task, conf);

	return alertmanager_groups(task, &api, out, count);
}

static bool
silence(struct task *task, const void *conf, struct silence *inout)
{
	struct alertmanager_api api = api_of(task, conf);

	return alertmanager_silence(task, &api, inout);
}

static bool
unsilence(struct task *task, const void *conf, const struct silence *silence)
{
	struct alertmanager_api api = api_of(task, conf);

	return alertmanager_unsilence(task, &api, silence);
}

static bool
silences(struct task *task, const void *conf, struct silence **out, size_t *count)
{
	struct alertmanager_api api = api_of(task, conf);

	return alertmanager_silences(task, &api, out, count);
}

static const struct alerts alerts = {
	.groups = groups, .silence = silence, .unsilence = unsilence, .silences = silences, .shown = "Alertmanager",
	.options = offsetof(struct alertmanager, alerts),
};

const struct integration integration_alertmanager = {
	.name = "alertmanager", .about = "The Alertmanager of Prometheus.", .conf_size = sizeof(struct alertmanager), .settings = settings,
	.check = check, .url = url_of, .alerts = &alerts, .webhook = &webhook,
};
