/* alertmanager: the Alertmanager of Prometheus, 0.22 and later: its webhooks (version 4), its groups and silences over API v2.
 *
 * A webhook knows a group by its key, the API by the labels that it is grouped by: both are kept. A silence that is changed may get another id;
 * the one that is answered counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/json.h"
#include "bridge/base/json_walk.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/integration.h"
#include "bridge/run/http.h"
#include "bridge/run/task.h"
#include "integrations/kinds/alerts.h"

enum {
	ALERTS_MOST = 20000,            /* of one group */
	GROUPS_MOST = 20000,
	LABELS_MOST = 60,
	SILENCES_MOST = 1000,
	ANSWER_MOST = 64 << 20,         /* bytes of all groups */
	GATHERS = 120 * 1000,           /* ms that it may take to tell of a new group: group_wait, and one try more */
};

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

/* -- Talking to it ------------------------------------------------------------------------------------------------------- */

static struct http_service
service_of(const struct alertmanager *manager)
{
	return (struct http_service){ .name = "Alertmanager", .url = manager->url, .user = manager->user,
		.secret = manager->token, .ca_file = manager->ca_file };
}

/* What it says no with: a string, or text. */
static bool
refused(struct task *task, const struct http_request *request, const struct http_response *answer)
{
	const char *why = json_part_text(task->arena, json_part_of(answer->body, answer->length));

	if (answer->status == 401 || answer->status == 403 || answer->status >= 500 || !answer->length)
		return http_refused(task, request, answer);
	why = why ? why : answer->body;
	return task_fail(task, "Alertmanager refused that: %s", text_cut(task->arena, text_clean(task->arena, why, strlen(why)), 200));
}

static bool
get(struct task *task, const void *conf, const char *url, struct json_part *out)
{
	struct http_service service = service_of(conf);
	struct http_request request = { .service = &service, .url = url, .most = ANSWER_MOST };
	struct http_response answer;

	if (!http_send(task, &request, &answer))
		return false;
	if (answer.status != 200)
		return refused(task, &request, &answer);
	*out = json_part_of(answer.body, answer.length);
	return (out->at && *out->at == '[') || task_fail(task, "Alertmanager answered with what cannot be read: is %s its address?", service.url);
}

static const char *
api(struct task *task, const void *conf, const char *what, const char *part)
{
	return url_make(task->arena, url_of(conf), "api", "v2", what, part, NULL);
}

/* -- Times --------------------------------------------------------------------------------------------------------------- */

/* 2016-08-01T13:27:08.008+03:00; 0 where it is none, or the year 1. */
static int64_t
time_of(const char *text)
{
	struct tm tm = { 0 };
	int offset_hours = 0, offset_minutes = 0, used = 0, millis = 0;

	if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 || tm.tm_year < 1971)
		return 0;
	const char *rest = text + used;
	if (*rest == '.') {
		int scale = 100;
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
			millis += scale * (*rest - '0');
	}
	if ((*rest == '+' || *rest == '-') && sscanf(rest + 1, "%2d:%2d", &offset_hours, &offset_minutes) != 2)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	int64_t seconds = timegm(&tm) - (*rest == '-' ? -1 : 1) * (offset_hours * 3600 + offset_minutes * 60);
	return seconds * 1000 + millis;
}

static const char *
time_text(struct task *task, int64_t wall)
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return task_text(task, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall % 1000));
}

/* -- Alerts -------------------------------------------------------------------------------------------------------------- */

static struct named *
labels_of(struct arena *arena, struct json_object *object)
{
	struct named *out = arena_take(arena, (LABELS_MOST + 1) * sizeof *out);
	size_t count = 0;

	if (!json_object_is_type(object, json_type_object))
		return out;
	json_object_object_foreach(object, name, value)
		if (count < LABELS_MOST && json_object_is_type(value, json_type_string))
			out[count++] = (struct named){ name, json_object_get_string(value) };
	return out;
}

static const char *
first_of(struct json_object *object, const char *const *names)
{
	for (; *names; names++) {
		const char *value = json_string(json_key(object, *names), "", NULL);
		if (value && *value)
			return value;
	}
	return NULL;
}

static const char *const summaries[] = { "summary", "message", "description", "title", NULL };
static const char *const runbooks[] = { "runbook_url", "runbook", "runbookGood", NULL };
static const char *const pages[] = { "dashboard_url", "dashboard", "link", NULL };

/* An alert as a webhook or the API has it; the API's has its status as an object. */
static void
read_alert(struct arena *arena, struct json_object *one, struct alert *out)
{
	struct json_object *labels = json_key(one, "labels"), *annotations = json_key(one, "annotations");
	const char *status = json_string(one, "status", NULL), *state = json_string(one, "status.state", "");

	*out = (struct alert){ .id = json_string(one, "fingerprint", NULL), .labels = labels_of(arena, labels), .text = first_of(annotations, summaries),
		.severity = alerts_severity(json_string(json_key(labels, "severity"), "", NULL)), .over = status && !strcmp(status, "resolved"),
		.held = !strcmp(state, "suppressed"), .silence = json_string(one, "status.silencedBy.0", NULL),
		.since = time_of(json_string(one, "startsAt", NULL)), .ended = time_of(json_string(one, "endsAt", NULL)) };
	if (!out->id)
		out->id = arena_text(arena, json_object_to_json_string_ext(labels, JSON_C_TO_STRING_PLAIN));
}

static const char *
value_of(const struct named *labels, const char *name)
{
	for (; labels && labels->name; labels++)
		if (!strcmp(labels->name, name))
			return labels->value;
	return NULL;
}

/* The labels that all of them have alike. */
static const struct named *
common(struct arena *arena, const struct alert *alerts, size_t count)
{
	struct named *out = arena_take(arena, (LABELS_MOST + 1) * sizeof *out);
	size_t kept = 0;

	for (const struct named *label = count ? alerts[0].labels : NULL; label && label->name; label++) {
		size_t same = 1;
		while (same < count && value_of(alerts[same].labels, label->name) && !strcmp(value_of(alerts[same].labels, label->name), label->value))
			same++;
		if (same == count)
			out[kept++] = *label;
	}
	return out;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* What the API and a webhook both know of a group: its receiver where we look at one alone, and what it is grouped by, in one order. */
static const char *
also_of(struct arena *arena, struct json_object *grouped)
{
	struct named *labels = labels_of(arena, grouped);
	struct text text = text_in(arena, 4000);
	size_t count = 0;

	while (labels[count].name)
		count++;
	qsort(labels, count, sizeof *labels, by_name);
	text_add(&text, "labels");
	for (size_t i = 0; i < count; i++)
		text_printf(&text, "\n%s=%s", labels[i].name, labels[i].value);
	return text.bytes;
}

/* A page for people: what its rule or its writer says, else where it was computed. */
static const char *
page_of(struct json_object *one)
{
	const char *page = first_of(json_key(one, "annotations"), pages), *generator = json_string(one, "generatorURL", NULL);

	return page ? page : generator && *generator ? generator : NULL;
}

static void
name_group(struct alert_group *group, struct json_object *grouped)
{
	const char *name = value_of(group->labels, "alertname");

	if (!name)
		name = json_string(json_key(grouped, "alertname"), "", NULL);
	group->name = name ? name : group->count ? "several alerts" : "an alert";
}

/* -- Webhooks ------------------------------------------------------------------------------------------------------------ */

/* Its key is a string since version 4; the number of version 3 is too large to be kept as one. */
static const char *
key_of(struct arena *arena, struct json_object *body)
{
	const char *key = json_string(body, "groupKey", NULL);

	if (key && *key)
		return key;
	return json_object_is_type(json_key(body, "groupLabels"), json_type_object) ? also_of(arena, json_key(body, "groupLabels")) : NULL;
}

static void
read_webhook(struct arena *arena, struct json_object *body, struct alert_group *out)
{
	struct json_object *all = json_key(body, "alerts"), *grouped = json_key(body, "groupLabels"), *notes = json_key(body, "commonAnnotations");
	size_t count = json_count(body, "alerts");
	struct alert *alerts = arena_take(arena, (count + 1) * sizeof *alerts);

	*out = (struct alert_group){ .key = key_of(arena, body), .also = also_of(arena, grouped), .alerts = alerts, .count = count,
		.omitted = (size_t)json_integer(body, "truncatedAlerts", 0), .over = !strcmp(json_string(body, "status", ""), "resolved"),
		.text = first_of(notes, summaries), .runbook = first_of(notes, runbooks) };
	for (size_t i = 0; i < count; i++)
		read_alert(arena, json_object_array_get_idx(all, i), &alerts[i]);
	out->labels = json_object_is_type(json_key(body, "commonLabels"), json_type_object) ? labels_of(arena, json_key(body, "commonLabels"))
		: common(arena, alerts, count);
	out->url = count ? page_of(json_object_array_get_idx(all, 0)) : NULL;
	name_group(out, grouped);
}

/* Whether it is what Alertmanager sends by itself: its body may be a template of somebody's. */
static bool
is_ours(struct json_object *body)
{
	return json_object_is_type(body, json_type_object) && json_object_is_type(json_key(body, "alerts"), json_type_array)
	    && json_string(body, "status", NULL) && json_string(body, "receiver", NULL);
}

static bool
run_webhook(struct task *task, const struct received *received)
{
	struct json_object *body = received_json(task->arena, received, &task->error);
	struct alert_group group;

	if (!body)
		return received_refuse(task, received, "it is no JSON: %s", task_text(task, "%s", task->error.text));
	if (!is_ours(body))
		return received_refuse(task, received, "it is not what Alertmanager sends by itself: take `payload` out of its webhook_config, or send it to a hook of your own");
	read_webhook(task->arena, body, &group);
	if (!group.key || group.count > ALERTS_MOST)
		return received_refuse(task, received, "it names no group, or more alerts than %d", ALERTS_MOST);
	return alerts_received(task, received, &group, 1);
}

static const struct sender_way ways[] = { { .by = SENDER_TOKEN, .header = "Authorization", .prefix = "Bearer " }, { .by = SENDER_BASIC }, { .by = SENDER_PATH }, { 0 } };

static const struct webhook webhook = {
	.ways = ways, .settings = offsetof(struct alertmanager, alerts.webhook), .optional = true, .run = run_webhook,
};

/* -- What it knows now --------------------------------------------------------------------------------------------------- */

static struct alert *
read_alerts(struct arena *arena, struct json_part all, size_t *count, const char **url)
{
	struct json_part key, one;
	struct alert *alerts = arena_take(arena, sizeof *alerts);
	size_t size = 1;

	*count = 0;
	for (struct json_walk walk = json_walk(all); *count < ALERTS_MOST && json_walk_next(&walk, &key, &one);) {
		struct json_object *alert = json_read(arena, one.at, one.length, NULL);
		if (!alert)
			continue;
		if (*count == size) {
			struct alert *larger = arena_take(arena, 2 * size * sizeof *larger);
			memcpy(larger, alerts, size * sizeof *larger);
			alerts = larger;
			size *= 2;
		}
		read_alert(arena, alert, &alerts[(*count)++]);
		*url = *url ? *url : page_of(alert);
	}
	return alerts;
}

/* Whether its webhook may still be on its way. */
static bool
is_fresh(const struct alertmanager *manager, const struct alert *alerts, size_t count)
{
	int64_t newest = 0;

	for (size_t i = 0; i < count; i++)
		newest = alerts[i].since > newest ? alerts[i].since : newest;
	return manager->alerts.webhook.sender.hook && clock_wall() - newest < GATHERS;
}

static bool
read_group(struct task *task, const struct alertmanager *manager, struct json_part part, struct alert_group *out)
{
	struct arena *arena = task->arena;
	struct json_part grouped = json_part_key(part, "labels");
	struct json_object *labels = grouped.at ? json_read(arena, grouped.at, grouped.length, NULL) : NULL;
	const char *url = NULL;
	size_t count;
	struct alert *alerts = read_alerts(arena, json_part_key(part, "alerts"), &count, &url);

	if (!count || !labels)
		return false;
	*out = (struct alert_group){ .key = also_of(arena, labels), .alerts = alerts, .count = count, .labels = common(arena, alerts, count), .url = url,
		.fresh = is_fresh(manager, alerts, count) };
	out->also = out->key;
	name_group(out, labels);
	return true;
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct alert_group *)a)->key, ((const struct alert_group *)b)->key);
}

/* Groups of other receivers with the same labels are the same to us. */
static size_t
once_each(struct alert_group *groups, size_t count)
{
	size_t kept = 0;

	qsort(groups, count, sizeof *groups, by_key);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(groups[kept - 1].key, groups[i].key))
			groups[kept++] = groups[i];
	return kept;
}

static bool
groups(struct task *task, const void *conf, struct alert_group **out, size_t *count)
{
	const struct alertmanager *manager = conf;
	const char *url = url_make(task->arena, manager->url, "api", "v2", "alerts", "groups", NULL);
	struct json_part all, key, one;

	if (manager->receiver)
		url = url_query(task->arena, url, "receiver", task_text(task, "^(?:%s)$", manager->receiver));
	if (!get(task, conf, url, &all))
		return false;
	*out = arena_take(task->arena, (GROUPS_MOST + 1) * sizeof **out);
	*count = 0;
	struct json_walk walk = json_walk(all);
	while (*count < GROUPS_MOST && json_walk_next(&walk, &key, &one))
		*count += read_group(task, manager, one, &(*out)[*count]);
	*count = once_each(*out, *count);
	return !walk.broken || task_fail(task, "Alertmanager's answer breaks off");
}

/* -- Silences ------------------------------------------------------------------------------------------------------------ */

/* Where ours is called something in chat, that stands in its comment: older ones keep no notes beside it. */
static const char LABEL_BEGINS[] = " [chat: ";

static const char *
comment_of(struct task *task, const struct silence *silence)
{
	return silence->label ? task_text(task, "%s%s%s]", silence->why ? silence->why : "", LABEL_BEGINS, silence->label) : silence->why;
}

static void
read_comment(struct task *task, const char *comment, struct silence *out)
{
	const char *at = comment ? strstr(comment, LABEL_BEGINS) : NULL, *end = at ? strchr(at, ']') : NULL;

	out->why = end ? arena_slice(task->arena, comment, (size_t)(at - comment)) : comment;
	out->label = end ? arena_slice(task->arena, at + sizeof LABEL_BEGINS - 1, (size_t)(end - at) - sizeof LABEL_BEGINS + 1) : NULL;
}

static struct json_object *
matchers_json(struct task *task, const struct matcher *matchers)
{
	struct json_object *all = json_new_array(task->arena);

	for (; matchers->name; matchers++) {
		struct json_object *one = json_new_object(task->arena);
		json_set(one, "name", matchers->name);
		json_set(one, "value", matchers->value);
		json_set_flag(one, "isRegex", matchers->regex);
		json_set_flag(one, "isEqual", !matchers->negative);
		json_object_array_add(all, json_object_get(one));
	}
	return all;
}

static bool
silence(struct task *task, const void *conf, struct silence *inout)
{
	struct http_service service = service_of(conf);
	struct json_object *body = json_new_object(task->arena);

	json_set(body, "id", inout->id);
	json_put(body, "matchers", matchers_json(task, inout->matchers));
	json_set(body, "startsAt", time_text(task, inout->starts));
	json_set(body, "endsAt", time_text(task, inout->ends));
	json_set(body, "createdBy", inout->by);
	json_set(body, "comment", comment_of(task, inout));
	struct http_request request = { .service = &service, .method = "POST", .url = api(task, conf, "silences", NULL), .body = json_write(body) };
	struct http_response answer;
	if (!http_send(task, &request, &answer))
		return false;
	if (answer.status == 404)
		return task_fail(task, "Alertmanager knows that silence no more; it may have ended");
	if (answer.status != 200)
		return refused(task, &request, &answer);
	const char *id = json_string(json_read(task->arena, answer.body, answer.length, NULL), "silenceID", NULL);
	inout->id = id;
	return id || task_fail(task, "Alertmanager took the silence and did not say which it is; look there");
}

static bool
unsilence(struct task *task, const void *conf, const struct silence *silence)
{
	struct http_service service = service_of(conf);
	struct http_request request = { .service = &service, .method = "DELETE", .url = api(task, conf, "silence", silence->id) };
	struct http_response answer;

	if (!http_send(task, &request, &answer))
		return false;
	/* One that has ended, or that nobody knows any more, is what was asked for. */
	return answer.status == 200 || answer.status == 404 || refused(task, &request, &answer);
}

static void
read_matchers(struct task *task, struct json_object *all, struct silence *out)
{
	size_t count = json_count(all, "");
	struct matcher *matchers = arena_take(task->arena, (count + 1) * sizeof *matchers);

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(all, i), *equal = json_key(one, "isEqual");
		matchers[i] = (struct matcher){ json_string(one, "name", "?"), json_string(one, "value", ""),
			json_object_is_type(equal, json_type_boolean) && !json_object_get_boolean(equal), json_true(one, "isRegex") };
	}
	out->matchers = matchers;
}

static bool
silences(struct task *task, const void *conf, struct silence **out, size_t *count)
{
	struct json_part all, key, one;

	if (!get(task, conf, api(task, conf, "silences", NULL), &all))
		return false;
	*out = arena_take(task->arena, SILENCES_MOST * sizeof **out);
	*count = 0;
	for (struct json_walk walk = json_walk(all); *count < SILENCES_MOST && json_walk_next(&walk, &key, &one);) {
		struct json_object *object = json_read(task->arena, one.at, one.length, NULL);
		const char *id = json_string(object, "id", NULL);
		if (!id || !strcmp(json_string(object, "status.state", ""), "expired"))
			continue;
		struct silence *silence = &(*out)[(*count)++];
		*silence = (struct silence){ .id = id, .starts = time_of(json_string(object, "startsAt", NULL)), .ends = time_of(json_string(object, "endsAt", NULL)),
			.by = json_string(object, "createdBy", NULL) };
		read_comment(task, json_string(object, "comment", NULL), silence);
		read_matchers(task, json_key(object, "matchers"), silence);
	}
	return true;
}

static const struct alerts alerts = {
	.groups = groups, .silence = silence, .unsilence = unsilence, .silences = silences, .shown = "Alertmanager",
	.options = offsetof(struct alertmanager, alerts),
};

const struct integration integration_alertmanager = {
	.name = "alertmanager", .about = "The Alertmanager of Prometheus.", .conf_size = sizeof(struct alertmanager), .settings = settings,
	.check = check, .url = url_of, .alerts = &alerts, .webhook = &webhook,
};
