/* fields: any JSON or form as a message. */
#include "integrations/receivers/fields.h"

#include <json-c/json_pointer.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "integrations/receivers/draft.h"

/* What bodies usually call it. The first that is there is meant. */
static const char *const titles[] = { "title", "subject", "summary", "headline", "message", "text", "msg", "name", "event", NULL };
static const char *const texts[] = { "message", "text", "msg", "description", "body", "content", NULL };
static const char *const urls[] = { "url", "link", "html_url", "web_url", "href", NULL };
static const char *const states[] = { "state", "status", "result", NULL };

/* Words for a state, and the one of ours that means the same; NULL: it says how bad something is, and no state. */
static const struct { const char *word; enum tone tone; const char *state; } known[] = {
	{ "alert", TONE_BAD, "firing" }, { "alerting", TONE_BAD, "firing" }, { "cancelled", TONE_PLAIN, "stopped" }, { "closed", TONE_GOOD, "closed" },
	{ "completed", TONE_GOOD, "passed" }, { "critical", TONE_BAD, NULL }, { "danger", TONE_BAD, NULL }, { "done", TONE_GOOD, "done" }, { "down", TONE_BAD, "firing" },
	{ "emergency", TONE_BAD, NULL }, { "error", TONE_BAD, "failed" }, { "fail", TONE_BAD, "failed" }, { "failed", TONE_BAD, "failed" },
	{ "failure", TONE_BAD, "failed" }, { "fatal", TONE_BAD, NULL }, { "firing", TONE_BAD, "firing" }, { "good", TONE_GOOD, NULL }, { "ok", TONE_GOOD, "passed" },
	{ "open", TONE_PLAIN, "open" }, { "passed", TONE_GOOD, "passed" }, { "pending", TONE_WAITING, "queued" }, { "queued", TONE_WAITING, "queued" },
	{ "recovered", TONE_GOOD, "resolved" }, { "resolved", TONE_GOOD, "resolved" }, { "running", TONE_WAITING, "running" }, { "started", TONE_WAITING, "running" },
	{ "stopped", TONE_PLAIN, "stopped" }, { "success", TONE_GOOD, "passed" }, { "succeeded", TONE_GOOD, "passed" }, { "triggered", TONE_BAD, "firing" },
	{ "up", TONE_GOOD, "resolved" }, { "warn", TONE_WAITING, NULL }, { "warning", TONE_WAITING, NULL },
};

enum { WORDS = sizeof known / sizeof *known };

static const char *
words_of(struct json_object *value)
{
	enum json_type type = json_object_get_type(value);
	const char *text = type == json_type_null || type == json_type_object || type == json_type_array ? NULL : json_object_get_string(value);

	return text && *text ? text : NULL;
}

const char *
fields_at(struct json_object *body, const char *path)
{
	struct json_object *found = NULL;

	if (!path || !*path || !json_object_is_type(body, json_type_object))
		return NULL;
	if (*path != '/')
		return words_of(json_at(body, path));
	return json_pointer_get(body, path, &found) == 0 ? words_of(found) : NULL;
}

static const char *
first(struct json_object *body, const char *const *names, const char **name)
{
	for (*name = NULL; *names; names++) {
		const char *words = words_of(json_key(body, *names));
		if (words) {
			*name = *names;
			return words;
		}
	}
	return NULL;
}

static const char *
state_of(struct json_object *body, const struct fields *fields)
{
	const char *name;

	return fields->state ? fields_at(body, fields->state) : first(body, states, &name);
}

static void
set_tone(struct draft *draft, const char *word)
{
	for (size_t i = 0; word && i < WORDS; i++)
		if (!strcasecmp(known[i].word, word))
			draft_tone(draft, known[i].tone);
}

const char *
fields_state(struct json_object *body, const struct fields *fields)
{
	const char *word = state_of(body, fields);

	for (size_t i = 0; word && i < WORDS; i++)
		if (!strcasecmp(known[i].word, word))
			return known[i].state;
	return NULL;
}

/* -- As configured ---------------------------------------------------------------------------------------------------- */

static void
say_each(struct draft *draft, struct json_object *body, const struct list *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		draft_say(draft, fields_at(body, paths->each[i]));
}

static void
fact(struct draft *draft, struct json_object *body, const char *written)
{
	const char *equals = strchr(written, '='), *path = equals ? equals + 1 : written;
	const char *value = fields_at(body, path);
	const char *last = strrchr(path, *path == '/' ? '/' : '.');

	if (value && equals)
		draft_fact(draft, arena_slice(draft->arena, written, (size_t)(equals - written)), value);
	else if (value)
		draft_fact(draft, last ? last + 1 : path, value);
}

/* -- As it comes ------------------------------------------------------------------------------------------------------ */

/* What was not said yet, one level deep: what is deeper is for the configuration to name. */
static void
rest(struct draft *draft, struct json_object *body, const char *const *said, size_t count)
{
	json_object_object_foreach(body, key, value) {
		bool told = false;
		for (size_t i = 0; i < count; i++)
			told = told || (said[i] && !strcmp(said[i], key));
		if (!told && words_of(value))
			draft_fact(draft, key, words_of(value));
	}
}

static void
as_it_comes(struct draft *draft, struct json_object *body, const struct fields *fields)
{
	const char *said[5] = { 0 };
	const char *title = first(body, titles, &said[0]), *text = first(body, texts, &said[1]), *url = first(body, urls, &said[2]);

	draft_say(draft, title);
	draft_say(draft, text);
	if (!fields->url)
		draft_link(draft, LINK_TITLE, url);
	/* A thing with an id has them as its own. */
	said[3] = fields->id;
	if (fields->id && fields_state(body, fields))
		first(body, states, &said[4]);
	rest(draft, body, said, sizeof said / sizeof *said);
}

bool
fields_message(struct draft *draft, struct json_object *body, const struct fields *fields)
{
	if (!json_object_is_type(body, json_type_object))
		return false;
	draft_link(draft, LINK_TITLE, fields_at(body, fields->url));
	set_tone(draft, fields_at(body, fields->severity));
	set_tone(draft, state_of(body, fields));
	if (!fields->title.count && !fields->text.count && !fields->facts.count) {
		as_it_comes(draft, body, fields);
		return !draft_empty(draft);
	}
	say_each(draft, body, &fields->title);
	say_each(draft, body, &fields->text);
	for (size_t i = 0; i < fields->facts.count; i++)
		fact(draft, body, fields->facts.each[i]);
	return !draft_empty(draft);
}
