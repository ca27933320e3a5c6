/* alertmanager_api: the API v2 of an Alertmanager. */
#include "integrations/alertmanager_api.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/json_walk.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/run/task.h"
#include "integrations/alertmanager_body.h"
#include "integrations/kinds/alerts.h"

enum {
	GROUPS_MOST = 20000,
	SILENCES_MOST = 1000,
	ANSWER_MOST = 64 << 20,         /* bytes of all groups */
	GATHERS = 120 * 1000,           /* ms that it may take to tell of a new group: group_wait, and one try more */
};

/* -- Talking to it ------------------------------------------------------------------------------------------------------- */

bool
alertmanager_refused(struct task *task, const struct http_request *request, const struct http_response *answer)
{
	struct json_part all = json_part_of(answer->body, answer->length);
	const char *message = json_part_text(task->arena, json_part_key(all, "message")), *why = json_part_text(task->arena, all);

	/* Who says why somebody may not do it is listened to. */
	if (answer->status == 401 || (answer->status == 403 && !message) || answer->status >= 500 || !answer->length)
		return http_refused(task, request, answer);
	why = message ? message : why ? why : answer->body;
	return task_fail(task, "%s refused that: %s", request->service->name, text_cut(task->arena, text_clean(task->arena, why, strlen(why)), 200));
}

static bool
get(struct task *task, struct alertmanager_api *api, const char *url, struct json_part *out)
{
	struct http_request request = { .service = &api->service, .url = url, .headers = api->headers, .most = ANSWER_MOST };
	struct http_response answer;

	if (!http_send(task, &request, &answer))
		return false;
	api->absent = answer.status == 404;
	if (answer.status != 200)
		return alertmanager_refused(task, &request, &answer);
	*out = json_part_of(answer.body, answer.length);
	return (out->at && *out->at == '[')
	    || task_fail(task, "%s answered with what cannot be read: is %s its address?", api->service.name, api->service.url);
}

/* -- What it knows now --------------------------------------------------------------------------------------------------- */

static struct alert *
read_alerts(struct arena *arena, const struct alertmanager_api *api, struct json_part all, size_t *count, const char **url)
{
	struct json_part key, one;
	struct alert *alerts = arena_take(arena, sizeof *alerts);
	size_t size = 1;

	*count = 0;
	for (struct json_walk walk = json_walk(all); *count < BODY_ALERTS_MOST && json_walk_next(&walk, &key, &one);) {
		struct json_object *alert = json_read(arena, one.at, one.length, NULL);
		if (!alert)
			continue;
		if (*count == size) {
			struct alert *larger = arena_take(arena, 2 * size * sizeof *larger);
			memcpy(larger, alerts, size * sizeof *larger);
			alerts = larger;
			size *= 2;
		}
		body_alert(arena, alert, &alerts[(*count)++]);
		*url = *url ? *url : api->page ? api->page(arena, api->conf, alert) : body_page(alert);
	}
	return alerts;
}

/* Whether its webhook may still be on its way. */
static bool
is_fresh(const struct alertmanager_api *api, const struct alert *alerts, size_t count)
{
	int64_t newest = 0;

	for (size_t i = 0; i < count; i++)
		newest = alerts[i].since > newest ? alerts[i].since : newest;
	return api->hears && clock_wall() - newest < GATHERS;
}

static bool
read_group(struct task *task, const struct alertmanager_api *api, struct json_part part, struct alert_group *out)
{
	struct arena *arena = task->arena;
	struct json_part grouped = json_part_key(part, "labels");
	struct json_object *labels = grouped.at ? json_read(arena, grouped.at, grouped.length, NULL) : NULL;
	const char *url = NULL;
	size_t count;
	struct alert *alerts = read_alerts(arena, api, json_part_key(part, "alerts"), &count, &url);

	if (!count || !labels)
		return false;
	*out = (struct alert_group){ .key = body_also(arena, labels), .alerts = alerts, .count = count, .labels = body_common(arena, alerts, count), .url = url,
		.fresh = is_fresh(api, alerts, count) };
	out->also = out->key;
	body_name(out, labels);
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

bool
alertmanager_groups(struct task *task, struct alertmanager_api *api, struct alert_group **out, size_t *count)
{
	const char *url = url_make(task->arena, api->url, "alerts", "groups", NULL);
	struct json_part all, key, one;

	if (api->receiver)
		url = url_query(task->arena, url, "receiver", task_text(task, "^(?:%s)$", api->receiver));
	if (!get(task, api, url, &all))
		return false;
	*out = arena_take(task->arena, (GROUPS_MOST + 1) * sizeof **out);
	*count = 0;
	struct json_walk walk = json_walk(all);
	while (*count < GROUPS_MOST && json_walk_next(&walk, &key, &one))
		*count += read_group(task, api, one, &(*out)[*count]);
	*count = once_each(*out, *count);
	return !walk.broken || task_fail(task, "%s's answer breaks off", api->service.name);
}

/* -- Silences ------------------------------------------------------------------------------------------------------------ */

static const char *
time_text(struct task *task, int64_t wall)
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return task_text(task, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall % 1000));
}

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

bool
alertmanager_silence(struct task *task, struct alertmanager_api *api, struct silence *inout)
{
	struct json_object *body = json_new_object(task->arena);

	json_set(body, "id", inout->id);
	json_put(body, "matchers", matchers_json(task, inout->matchers));
	json_set(body, "startsAt", time_text(task, inout->starts));
	json_set(body, "endsAt", time_text(task, inout->ends));
	json_set(body, "createdBy", inout->by);
	json_set(body, "comment", comment_of(task, inout));
	struct http_request request = { .service = &api->service, .method = "POST", .url = url_make(task->arena, api->url, "silences", NULL),
		.headers = api->headers, .body = json_write(body) };
	struct http_response answer;
	if (!http_send(task, &request, &answer))
		return false;
	if (answer.status == 404 && inout->id)
		return task_fail(task, "%s knows that silence no more; it may have ended", api->service.name);
	/* Grafana accepts (202) what Alertmanager has done. */
	if (answer.status != 200 && answer.status != 202)
		return alertmanager_refused(task, &request, &answer);
	const char *id = json_string(json_read(task->arena, answer.body, answer.length, NULL), "silenceID", NULL);
	inout->id = id;
	return id || task_fail(task, "%s took the silence and did not say which it is; look there", api->service.name);
}

bool
alertmanager_unsilence(struct task *task, struct alertmanager_api *api, const struct silence *silence)
{
	struct http_request request = { .service = &api->service, .method = "DELETE", .url = url_make(task->arena, api->url, "silence", silence->id, NULL),
		.headers = api->headers };
	struct http_response answer;

	if (!http_send(task, &request, &answer))
		return false;
	/* One that has ended, or that nobody knows any more, is what was asked for. */
	return answer.status == 200 || answer.status == 404 || alertmanager_refused(task, &request, &answer);
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

bool
alertmanager_silences(struct task *task, struct alertmanager_api *api, struct silence **out, size_t *count)
{
	struct json_part all, key, one;

	if (!get(task, api, url_make(task->arena, api->url, "silences", NULL), &all))
		return false;
	*out = arena_take(task->arena, SILENCES_MOST * sizeof **out);
	*count = 0;
	for (struct json_walk walk = json_walk(all); *count < SILENCES_MOST && json_walk_next(&walk, &key, &one);) {
		struct json_object *object = json_read(task->arena, one.at, one.length, NULL);
		const char *id = json_string(object, "id", NULL);
		if (!id || !strcmp(json_string(object, "status.state", ""), "expired"))
			continue;
		struct silence *silence = &(*out)[(*count)++];
		*silence = (struct silence){ .id = id, .starts = body_time(json_string(object, "startsAt", NULL)), .ends = body_time(json_string(object, "endsAt", NULL)),
			.by = json_string(object, "createdBy", NULL) };
		read_comment(task, json_string(object, "comment", NULL), silence);
		read_matchers(task, json_key(object, "matchers"), silence);
	}
	return true;
}
