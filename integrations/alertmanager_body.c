/* alertmanager_body: alerts as an Alertmanager writes them, in a webhook and over its API. */
#include "integrations/alertmanager_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "integrations/kinds/alerts.h"

enum { LABELS_MOST = 60 };

int64_t
body_time(const char *text)
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

/* -- Alerts -------------------------------------------------------------------------------------------------------------- */

struct named *
body_labels(struct arena *arena, struct json_object *object)
{
	struct named *out = arena_take(arena, (LABELS_MOST + 1) * sizeof *out);
	size_t count = 0;

	if (!json_object_is_type(object, json_type_object))
		return out;
	json_object_object_foreach(object, name, value)
		if (count < LABELS_MOST && json_object_is_type(value, json_type_string) && strncmp(name, "__", 2))
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

void
body_alert(struct arena *arena, struct json_object *one, struct alert *out)
{
	struct json_object *labels = json_key(one, "labels"), *annotations = json_key(one, "annotations");
	const char *status = json_string(one, "status", NULL), *state = json_string(one, "status.state", "");

	*out = (struct alert){ .id = json_string(one, "fingerprint", NULL), .labels = body_labels(arena, labels), .text = first_of(annotations, summaries),
		.severity = alerts_severity(json_string(json_key(labels, "severity"), "", NULL)), .over = status && !strcmp(status, "resolved"),
		.held = !strcmp(state, "suppressed"), .silence = json_string(one, "status.silencedBy.0", NULL),
		.since = body_time(json_string(one, "startsAt", NULL)), .ended = body_time(json_string(one, "endsAt", NULL)) };
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

const struct named *
body_common(struct arena *arena, const struct alert *alerts, size_t count)
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

const char *
body_also(struct arena *arena, struct json_object *grouped)
{
	struct named *labels = body_labels(arena, grouped);
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

const char *
body_page(struct json_object *one)
{
	const char *page = first_of(json_key(one, "annotations"), pages), *generator = json_string(one, "generatorURL", NULL);

	return page ? page : generator && *generator ? generator : NULL;
}

void
body_name(struct alert_group *group, struct json_object *grouped)
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
	return json_object_is_type(json_key(body, "groupLabels"), json_type_object) ? body_also(arena, json_key(body, "groupLabels")) : NULL;
}

void
body_webhook(struct arena *arena, struct json_object *body, struct alert_group *out)
{
	struct json_object *all = json_key(body, "alerts"), *grouped = json_key(body, "groupLabels"), *notes = json_key(body, "commonAnnotations");
	size_t count = json_count(body, "alerts");
	struct alert *alerts = arena_take(arena, (count + 1) * sizeof *alerts);
	int64_t omitted = json_integer(body, "truncatedAlerts", 0);

	*out = (struct alert_group){ .key = key_of(arena, body), .also = body_also(arena, grouped), .alerts = alerts, .count = count,
		.omitted = omitted > 0 ? (size_t)omitted : 0, .over = !strcmp(json_string(body, "status", ""), "resolved"),
		.text = first_of(notes, summaries), .runbook = first_of(notes, runbooks) };
	for (size_t i = 0; i < count; i++)
		body_alert(arena, json_object_array_get_idx(all, i), &alerts[i]);
	out->labels = json_object_is_type(json_key(body, "commonLabels"), json_type_object) ? body_labels(arena, json_key(body, "commonLabels"))
		: body_common(arena, alerts, count);
	out->url = count ? body_page(json_object_array_get_idx(all, 0)) : NULL;
	body_name(out, grouped);
}

bool
body_is_webhook(struct json_object *body)
{
	return json_object_is_type(body, json_type_object) && json_object_is_type(json_key(body, "alerts"), json_type_array)
	    && json_string(body, "status", NULL) && json_string(body, "receiver", NULL);
}

