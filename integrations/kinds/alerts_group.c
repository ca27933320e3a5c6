/* alerts_group: what a service told of a group, made clean and small, and what becomes of our row by it. */
#include "integrations/kinds/alerts_group.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "integrations/kinds/alerts_matcher.h"

enum {
	KEY_MOST = 500, ID_MOST = 200, NAME_MOST = 120, TEXT_MOST = 300, URL_MOST = 1000, VALUE_MOST = 200,
	LABELS_MOST = 40, OMITTED_MOST = 1000000,
	KEPT_MOST = 50,                 /* alerts of a group that are kept one by one */
};

/* -- Clean and small ----------------------------------------------------------------------------------------------------- */

static const char *
clean(struct arena *arena, const char *text, size_t most)
{
	if (!text)
		return NULL;
	/* What is cut is cleaned no further than it is shown. */
	const char *all = text_clean(arena, text, strnlen(text, 8 * most));
	return *all ? text_cut(arena, all, most) : NULL;
}

static const char *
word(struct arena *arena, const char *text, size_t most)
{
	const char *all = text ? text_clean(arena, text, strnlen(text, 2 * most)) : NULL;

	return all && *all ? arena_slice(arena, all, text_fit(all, strlen(all), most)) : NULL;
}

const char *
group_key(struct arena *arena, const char *key)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char *hex = arena_take(arena, 65);

	if (strlen(key) <= KEY_MOST && text_utf8(key, strlen(key)))
		return arena_text(arena, key);
	EVP_Digest(key, strlen(key), hash, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", hash[i]);
	return hex;
}

static const struct named *
clean_labels(struct arena *arena, const struct named *labels)
{
	struct named *out = arena_take(arena, (LABELS_MOST + 1) * sizeof *out);
	size_t count = 0;

	for (; labels && labels->name && count < LABELS_MOST; labels++) {
		const char *name = word(arena, labels->name, NAME_MOST), *value = word(arena, labels->value, VALUE_MOST);
		if (name)
			out[count++] = (struct named){ name, value ? value : "" };
	}
	return out;
}

/* Where it is: what most people know a thing by, and what of it. */
static const char *
object_of(struct arena *arena, const struct named *labels)
{
	static const char *const hosts[] = { "instance", "host", "hostname", "node", "pod", "container", "service", "namespace", "cluster", "job" };
	static const char *const parts[] = { "mountpoint", "device", "interface", "ifName" };
	const char *host = NULL, *part = NULL;

	for (size_t i = 0; !host && i < sizeof hosts / sizeof *hosts; i++)
		host = matcher_label(labels, hosts[i]);
	for (size_t i = 0; !part && i < sizeof parts / sizeof *parts; i++)
		part = matcher_label(labels, parts[i]);
	return host && part ? arena_printf(arena, "%s:%s", host, part) : host ? host : part;
}

static struct alert *
clean_alerts(struct arena *arena, const struct alert_group *group)
{
	struct alert *out = arena_take(arena, (group->count + 1) * sizeof *out);

	for (size_t i = 0; i < group->count; i++) {
		bool kept = i < KEPT_MOST;
		out[i] = group->alerts[i];
		out[i].id = out[i].id ? word(arena, out[i].id, ID_MOST) : NULL;
		out[i].labels = kept ? clean_labels(arena, out[i].labels) : NULL;
		out[i].text = kept ? clean(arena, out[i].text, TEXT_MOST) : NULL;
		out[i].silence = word(arena, out[i].silence, ID_MOST);
	}
	return out;
}

static void
sum_up(struct alert_group *group)
{
	enum severity worst = SEVERITY_NONE;

	for (size_t i = 0; i < group->count; i++) {
		const struct alert *alert = &group->alerts[i];
		if (!alert->over && alert->severity > worst)
			worst = alert->severity;
		if (alert->since && !alert->over && (!group->since || alert->since < group->since))
			group->since = alert->since;
		if (!group->text && alert->text && !alert->over)
			group->text = alert->text;
	}
	for (size_t i = 0; i < group->count && worst == SEVERITY_NONE; i++)
		worst = group->alerts[i].severity;
	group->severity = group->severity ? group->severity : worst;
}

struct alert_group *
group_clean(struct arena *arena, const struct alert_group *told)
{
	struct alert_group *group = arena_copy(arena, told, sizeof *told);

	group->key = group_key(arena, told->key);
	group->also = told->also ? group_key(arena, told->also) : NULL;
	group->labels = clean_labels(arena, told->labels);
	group->name = word(arena, told->name, NAME_MOST);
	group->name = group->name ? group->name : "an alert";
	group->object = word(arena, told->object ? told->object : object_of(arena, group->labels), NAME_MOST);
	group->text = clean(arena, told->text, TEXT_MOST);
	group->url = told->url ? word(arena, told->url, URL_MOST) : NULL;
	group->runbook = told->runbook ? word(arena, told->runbook, URL_MOST) : NULL;
	group->ack.by = word(arena, told->ack.by, NAME_MOST);
	group->ack.why = clean(arena, told->ack.why, TEXT_MOST);
	group->alerts = clean_alerts(arena, group);
	sum_up(group);
	return group;
}

bool
group_over(const struct alert_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!group->alerts[i].over)
			return false;
	return group->count || group->over;
}

/* -- Rows ---------------------------------------------------------------------------------------------------------------- */

static const char *
labels_json(struct arena *arena, const struct named *labels)
{
	struct json_object *object = json_new_object(arena);

	for (; labels && labels->name; labels++)
		json_set(object, labels->name, labels->value);
	return arena_text(arena, json_write(object));
}

const struct named *
group_labels(struct arena *arena, const char *json)
{
	struct json_object *object = json_read(arena, json, strlen(json), NULL);
	struct named *out = arena_take(arena, (LABELS_MOST + 1) * sizeof *out);
	size_t count = 0;

	if (!object)
		return out;
	json_object_object_foreach(object, name, value)
		if (count < LABELS_MOST && json_object_is_type(value, json_type_string))
			out[count++] = (struct named){ name, json_object_get_string(value) };
	return out;
}

/* What is said of one alert among others: the labels that not all of them have. */
static const char *
own_words(struct arena *arena, const struct alert *alert, const struct alert_group *group)
{
	const char *object = object_of(arena, alert->labels);
	struct text text = text_in(arena, NAME_MOST);

	if (object)
		return object;
	for (const struct named *label = alert->labels; label && label->name; label++)
		if (!matcher_label(group->labels, label->name))
			text_printf(&text, "%s%s=%s", text.length ? " " : "", label->name, label->value);
	return text.bytes;
}

static struct json_object *
alert_json(struct arena *arena, const struct alert *alert, const struct alert_group *group)
{
	struct json_object *one = json_new_object(arena);

	json_set(one, "id", alert->id);
	json_set(one, "at", own_words(arena, alert, group));
	json_set(one, "text", alert->text);
	json_set(one, "silence", alert->silence);
	json_set_integer(one, "severity", alert->severity);
	json_set_integer(one, "since", alert->since);
	json_set_flag(one, "held", alert->held);
	return one;
}

static bool
is_told(const struct alert_group *group, const char *id)
{
	for (size_t i = 0; id && i < group->count; i++)
		if (group->alerts[i].id && !strcmp(group->alerts[i].id, id))
			return true;
	return false;
}

/* A webhook does not tell of what is silenced: that goes on to fire until the service is asked. */
static void
keep_held(struct alert_row *row, struct json_object *before, const struct alert_group *group, struct json_object *kept)
{
	for (size_t i = 0; i < json_count(before, ""); i++) {
		struct json_object *one = json_object_array_get_idx(before, i);
		if (!json_true(one, "held") || is_told(group, json_string(one, "id", NULL)))
			continue;
		row->firing++;
		row->held++;
		if (json_count(kept, "") < KEPT_MOST)
			json_object_array_add(kept, json_object_get(one));
	}
}

static void
merge_alerts(struct arena *arena, struct alert_row *row, const struct alert_group *group, bool whole)
{
	struct json_object *before = row->alerts ? json_read(arena, row->alerts, strlen(row->alerts), NULL) : NULL, *kept = json_new_array(arena);

	row->firing = row->held = 0;
	row->silence = NULL;
	for (size_t i = 0; i < group->count; i++) {
		const struct alert *alert = &group->alerts[i];
		if (alert->over)
			continue;
		row->firing++;
		row->held += alert->held;
		row->silence = row->silence ? row->silence : alert->silence;
		if (json_count(kept, "") < KEPT_MOST)
			json_object_array_add(kept, json_object_get(alert_json(arena, alert, group)));
	}
	if (!group->count && !group->over)
		row->firing = 1;
	if (!whole)
		keep_held(row, before, group, kept);
	row->alerts = arena_text(arena, json_write(kept));
}

/* Of what is over only that is told again: its words are old. */
static void
merge_words(struct arena *arena, struct alert_row *row, const struct alert_group *group)
{
	if ((group_over(group) || group->brief) && row->name)
		return;
	row->name = group->name;
	row->object = group->object;
	row->labels = labels_json(arena, group->labels);
	/* A look may know no words where a webhook had some. */
	row->text = group->text ? group->text : row->text;
	row->url = group->url ? group->url : row->url;
	row->runbook = group->runbook ? group->runbook : row->runbook;
	row->severity = group->severity;
}

/* What was done here since the service was asked is newer, and ours says who it was in chat. */
static void
merge_ack(struct alert_row *row, const struct alert_group *group, int64_t asked)
{
	bool ours = row->ack.by && row->ack_ours;

	if (!group->ack_known || row->ack.at >= asked || (ours && !group->ack.by) || (row->ack.by && group->ack.by))
		return;
	row->ack = group->ack;
	row->ack_ours = false;
}

void
group_merge(struct arena *arena, struct alert_row *row, const struct alert_group *group, bool whole, int64_t now)
{
	row->also = group->also ? group->also : row->also;
	merge_words(arena, row, group);
	merge_alerts(arena, row, group, whole);
	merge_ack(row, group, now);
	row->omitted = group->omitted < OMITTED_MOST ? (int64_t)group->omitted : OMITTED_MOST;
	row->since = row->since ? row->since : group->since ? group->since : now;
	row->heard = now;
	if (!row->firing) {
		row->ended = row->ended ? row->ended : now;
		row->omitted = 0;
	} else
		row->ended = 0;
}

enum alert_state
group_state(const struct alert_row *row, int64_t now)
{
	if (!row->firing)
		return ALERT_RESOLVED;
	if (row->held >= row->firing)
		return ALERT_SILENCED;
	return row->ack.by && (!row->ack.until || row->ack.until > now) ? ALERT_ACKED : ALERT_FIRING;
}

const char *
group_drawn(struct arena *arena, const struct alert_row *row)
{
	const struct alert_ack none = { 0 }, *ack = row->state == ALERT_ACKED ? &row->ack : &none;

	return arena_printf(arena, "%d|%d|%lld|%lld|%lld|%s|%s|%s|%s|%s|%s|%lld|%s|%lld", row->state, row->severity, (long long)row->firing, (long long)row->held,
		(long long)row->omitted, row->name, row->object ? row->object : "", row->text ? row->text : "", row->url ? row->url : "",
		ack->by ? ack->by : "", ack->why ? ack->why : "", (long long)ack->until, row->silence ? row->silence : "", (long long)row->since);
}

/* -- Back ---------------------------------------------------------------------------------------------------------------- */

struct alert_group *
group_of_row(struct arena *arena, const struct alert_row *row)
{
	struct alert_group *group = arena_take(arena, sizeof *group);
	struct json_object *all = json_read(arena, row->alerts, strlen(row->alerts), NULL);
	size_t count = json_count(all, "");
	struct alert *alerts = arena_take(arena, (count + 1) * sizeof *alerts);

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(all, i);
		alerts[i] = (struct alert){ .id = json_string(one, "id", NULL), .text = json_string(one, "text", NULL),
			.severity = (enum severity)json_integer(one, "severity", 0), .since = json_integer(one, "since", 0), .held = json_true(one, "held"),
			.silence = json_string(one, "silence", NULL) };
	}
	*group = (struct alert_group){ .key = row->key, .also = row->also, .name = row->name, .object = row->object, .severity = row->severity,
		.labels = group_labels(arena, row->labels), .alerts = alerts, .count = count, .ack = row->ack, .text = row->text, .url = row->url,
		.runbook = row->runbook, .since = row->since, .over = row->state == ALERT_RESOLVED };
	return group;
}

size_t
group_lines(struct arena *arena, const struct alert_row *row, const char **out, size_t most)
{
	struct json_object *all = json_read(arena, row->alerts, strlen(row->alerts), NULL);
	size_t count = 0;

	for (size_t i = 0; i < json_count(all, "") && count < most; i++) {
		struct json_object *one = json_object_array_get_idx(all, i);
		const char *at = json_string(one, "at", ""), *text = json_string(one, "text", "");
		out[count++] = arena_printf(arena, "%s%s%s%s", at, *at && *text ? ": " : "", text, json_true(one, "held") ? " (silenced)" : "");
	}
	return count;
}
