/* topics: what the manual can tell of, read off the tables. */
#include "bridge/cli/topics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/anchor.h"
#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/integration.h"
#include "bridge/protocol.h"
#include "bridge/rights/directory.h"
#include "bridge/rights/elevate.h"
#include "bridge/rights/freeze.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"
#include "bridge/run/hook.h"
#include "bridge/setup.h"
#include "bridge/talk/room.h"
#include "bridge/work/command.h"
#include "bridge/work/lock.h"
#include "bridge/work/own.h"

enum { SECTIONS_MOST = 128, VERBS_MOST = 256 };

static const char *const types[] = {
	[TYPE_TEXT]    = "text",
	[TYPE_LIST]    = "list of texts",
	[TYPE_FLAG]    = "yes or no",
	[TYPE_NUMBER]  = "number",
	[TYPE_SPAN]    = "span of time (90s, 30m, 12h, 7d)",
	[TYPE_URL]     = "http or https address",
	[TYPE_PATTERN] = "pattern",
	[TYPE_PATH]    = "name of a file or folder",
	[TYPE_SECRET]  = "name of a file that holds a secret",
};

const char *
topic_type(const struct setting *setting)
{
	return (size_t)setting->type < sizeof types / sizeof *types ? types[setting->type] : NULL;
}

const char *
topic_option(struct arena *arena, const struct setting *setting)
{
	if (!topic_type(setting))
		return NULL;
	return setting->type == TYPE_SECRET ? arena_printf(arena, "%s_file", setting->name) : setting->name;
}

/* A list's fallback is written a, b in the table. */
static const char *
default_list(struct arena *arena, const char *fallback)
{
	struct text text = text_in(arena, 1000);

	for (const char *at = fallback; *at; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ",");
		text_printf(&text, "%s\"%.*s\"", text.length ? ", " : "", (int)length, at);
		at += length;
	}
	return arena_printf(arena, "default { %s }", text.bytes);
}

const char *
topic_default(struct arena *arena, const struct setting *setting)
{
	if (setting->fallback == CONF_REQUIRED)
		return "required";
	if (!setting->fallback)
		return setting->type == TYPE_FLAG ? "default no" : setting->type == TYPE_NUMBER ? "default 0" : "no default";
	if (setting->type == TYPE_LIST)
		return default_list(arena, setting->fallback);
	bool bare = setting->type == TYPE_FLAG || setting->type == TYPE_NUMBER;
	return arena_printf(arena, bare ? "default %s" : "default \"%s\"", setting->fallback);
}

/* Sections. */

static const char *
head_of(struct arena *arena, const struct shape *shape)
{
	return shape->untitled ? shape->name : arena_printf(arena, "%s \"NAME\"", shape->name);
}

/* The section, and behind it those that may stand in it. */
static void
add_section(struct topics *topics, struct arena *arena, enum topic_group group, const struct shape *shape, const struct section_topic *outer)
{
	struct section_topic *topic = &topics->sections[topics->section_count++];
	const char *head = head_of(arena, shape);

	assert(topics->section_count < SECTIONS_MOST);
	*topic = (struct section_topic){ .group = group, .path = shape->name, .name = shape->name, .about = shape->about, .settings = shape->settings,
		.written = arena_printf(arena, "%s { ... }", head) };
	if (outer) {
		const char *hole = strstr(outer->written, "...");
		topic->path = arena_printf(arena, "%s.%s", outer->path, shape->name);
		topic->written = arena_printf(arena, "%.*s%s%s", (int)(hole - outer->written), outer->written, topic->written, hole + 3);
		topic->depth = outer->depth + 1;
	}
	for (const struct setting *setting = shape->settings; setting->type != TYPE_END; setting++)
		if (setting->type == TYPE_SECTIONS)
			add_section(topics, arena, group, setting->shape, topic);
}

static void
read_sections(struct topics *topics, struct arena *arena)
{
	const struct shape *const people[] = { &room_shape, &person_shape, &directory_shape, &role_shape, &approval_shape, &confirm_shape, &elevate_shape, &freeze_shape, &lock_shape,
		&alias_shape };

	topics->sections = arena_take(arena, SECTIONS_MOST * sizeof *topics->sections);
	add_section(topics, arena, TOPIC_GATEWAY, &gateway_shape, NULL);
	topics->sections[0].written = "NAME = VALUE, in no section";
	add_section(topics, arena, TOPIC_GATEWAY, &anchor_shape, NULL);
	add_section(topics, arena, TOPIC_GATEWAY, &hook_shape, NULL);
	add_section(topics, arena, TOPIC_GATEWAY, &seal_shape, NULL);
	for (size_t i = 0; protocols[i]; i++) {
		const struct protocol *protocol = protocols[i];
		const struct shape shape = { protocol->name, protocol->conf_size, protocol->settings, protocol->about, protocol->single };
		add_section(topics, arena, TOPIC_LINK, &shape, NULL);
	}
	for (size_t i = 0; i < sizeof people / sizeof *people; i++)
		add_section(topics, arena, TOPIC_PEOPLE, people[i], NULL);
	for (size_t i = 0; integrations[i]; i++) {
		const struct integration *integration = integrations[i];
		const struct shape shape = { integration->name, integration->conf_size, integration->settings, integration->about, false };
		add_section(topics, arena, TOPIC_SERVICE, &shape, NULL);
	}
}

/* Verbs. */

static struct verb_topic *
verb_of(struct topics *topics, const struct command *command)
{
	for (size_t i = 0; i < topics->verb_count; i++)
		if (topics->verbs[i].command == command)
			return &topics->verbs[i];
	return NULL;
}

/* The verbs of one set; those that another integration has too become one. */
static void
add_verbs(struct topics *topics, struct arena *arena, const struct command_set *set, const char *service)
{
	for (const struct command *command = set->commands; command->verb; command++) {
		struct verb_topic *topic = verb_of(topics, command);
		if (topic) {
			topic->services = arena_printf(arena, "%s, %s", topic->services, service);
			continue;
		}
		topics->verbs[topics->verb_count++] = (struct verb_topic){ set->kind, service, command };
		assert(topics->verb_count < VERBS_MOST);
	}
}

static void
read_verbs(struct topics *topics, struct arena *arena)
{
	const struct command_set ours = { "gateway", own_commands, NULL };

	topics->verbs = arena_take(arena, VERBS_MOST * sizeof *topics->verbs);
	add_verbs(topics, arena, &ours, "");
	for (size_t i = 0; integrations[i]; i++)
		for (const struct command_set *set = setup_sets(arena, integrations[i]); set->kind; set++)
			add_verbs(topics, arena, set, integrations[i]->name);
}

const struct topics *
topics_read(struct arena *arena)
{
	struct topics *topics = arena_take(arena, sizeof *topics);

	read_sections(topics, arena);
	read_verbs(topics, arena);
	return topics;
}

/* Names. */

static int
by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Sorts, and keeps each once. */
static void
tidy(const char **names, size_t count)
{
	size_t kept = 0;

	qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(names[kept - 1], names[i]))
			names[kept++] = names[i];
	names[kept] = NULL;
}

const char *const *
topics_names(struct arena *arena, const struct topics *topics)
{
	size_t most = 2 * topics->verb_count + 1, count = 0;

	for (size_t i = 0; i < topics->section_count; i++, most += 2)
		for (const struct setting *setting = topics->sections[i].settings; setting->type != TYPE_END; setting++)
			most += 2;
	const char **names = arena_take(arena, most * sizeof *names);
	for (size_t i = 0; i < topics->verb_count; i++) {
		names[count++] = topics->verbs[i].kind;
		names[count++] = topics->verbs[i].command->verb;
	}
	for (size_t i = 0; i < topics->section_count; i++) {
		const struct section_topic *section = &topics->sections[i];
		names[count++] = section->path;
		names[count++] = section->name;
		for (const struct setting *setting = section->settings; setting->type != TYPE_END; setting++) {
			const char *option = topic_option(arena, setting);
			if (!option)
				continue;
			names[count++] = option;
			names[count++] = arena_printf(arena, "%s.%s", section->path, option);
		}
	}
	tidy(names, count);
	return names;
}
