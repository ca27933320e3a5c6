/* manual: what the configuration may hold and what can be typed, printed from the tables. */
#include "bridge/cli/manual.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/cli/manual_mdoc.h"
#include "bridge/cli/topics.h"
#include "bridge/work/command.h"

enum { WIDTH = 79, NAME_WIDTH = 18, OUT_MOST = 1 << 20, ASKED_MOST = 60 };

/* One telling. */
struct manual {
	struct arena *arena;
	const struct topics *topics;
	struct text *out;
};

/* Words in lines of WIDTH. The first line begins where `first` has brought it; the others are indented. */
static void
wrap(struct text *out, size_t indent, const char *first, const char *words)
{
	size_t column = text_columns(first);

	text_add(out, first);
	for (; column < indent; column++)
		text_add(out, " ");
	bool begun = false;
	while (*(words += strspn(words, " "))) {
		size_t length = strcspn(words, " ");
		const char *word = arena_slice(out->arena, words, length);
		size_t columns = text_columns(word);
		if (begun && column + 1 + columns > WIDTH) {
			text_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			begun = false;
		}
		text_printf(out, "%s%s", begun ? " " : "", word);
		column += columns + (begun ? 1 : 0);
		begun = true;
		words += length;
	}
	text_add(out, "\n");
}

/* An option: its name, what it holds, and its sentence. */
static void
tell_option(const struct manual *manual, const struct setting *setting, const char *name)
{
	const char *first = arena_printf(manual->arena, "  %s ", name);

	if (text_columns(first) > NAME_WIDTH) {
		text_printf(manual->out, "  %s\n", name);
		first = "";
	}
	wrap(manual->out, NAME_WIDTH, first, arena_printf(manual->arena, "%s; %s", topic_type(setting), topic_default(manual->arena, setting)));
	wrap(manual->out, NAME_WIDTH, "", setting->about);
}

static void
tell_section(const struct manual *manual, const struct section_topic *section)
{
	text_printf(manual->out, "%s%s\n", manual->out->length ? "\n" : "", section->written);
	wrap(manual->out, 2, "", section->about);
	for (const struct setting *setting = section->settings; setting->type != TYPE_END; setting++) {
		const char *option = topic_option(manual->arena, setting);
		if (option)
			tell_option(manual, setting, option);
		else if (setting->type == TYPE_SECTIONS)
			wrap(manual->out, NAME_WIDTH, arena_printf(manual->arena, "  %s ", setting->name),
				arena_printf(manual->arena, "sections, any number: %s", setting->about));
	}
}

/* The section, and those that stand in it. */
static void
tell_whole(const struct manual *manual, size_t i)
{
	const struct section_topic *sections = manual->topics->sections;
	unsigned depth = sections[i].depth;

	do
		tell_section(manual, &sections[i]);
	while (++i < manual->topics->section_count && sections[i].depth > depth);
}

/* Who may use it, and by which rule. */
static const char *
who_may(const struct manual *manual, const struct verb_topic *topic)
{
	const char *verb = topic->command->verb;
	bool changes = topic->command->care == CARE_CHANGE;

	if (!*topic->services && !changes)
		return arena_printf(manual->arena, "Every person may; so may others, with strangers = { \"%s\" }.", verb);
	if (!*topic->services)
		return arena_printf(manual->arena, "It changes something. The rule that allows it: may = { \"gateway.%s\" }", verb);
	if (changes)
		return arena_printf(manual->arena, "It changes something. A rule that allows it: may = { \"SERVICE.%s\" }", verb);
	return arena_printf(manual->arena, "A rule that allows it: look = { \"SERVICE\" }, or may = { \"SERVICE.%s\" }", verb);
}

static void
tell_verb(const struct manual *manual, const struct verb_topic *topic)
{
	const struct command *command = topic->command;
	struct text *out = manual->out;
	char *about = arena_text(manual->arena, command->about);

	*about = (char)toupper((unsigned char)*about);
	text_printf(out, "%s!%s%s%s%s\n", out->length ? "\n" : "", command->verb, *command->usage ? " " : "", command->usage,
		command->care == CARE_CHANGE ? " [--dry-run]" : "");
	wrap(out, 2, "", arena_printf(manual->arena, "%s.", about));
	wrap(out, 2, "", arena_printf(manual->arena, "Example: !%s", command->example));
	if (*topic->services)
		wrap(out, 2, "", arena_printf(manual->arena, "Services that have it: %s.", topic->services));
	wrap(out, 2, "", who_may(manual, topic));
}

/* Everything in short. */

static void
tell_verbs(const struct manual *manual)
{
	const char *kind = NULL;

	for (size_t i = 0; i < manual->topics->verb_count; i++) {
		const struct verb_topic *topic = &manual->topics->verbs[i];
		if (kind && !strcmp(kind, topic->kind))
			continue;
		kind = topic->kind;
		struct text verbs = text_in(manual->arena, 2000);
		for (size_t other = i; other < manual->topics->verb_count && !strcmp(manual->topics->verbs[other].kind, kind); other++)
			text_printf(&verbs, "%s%s", verbs.length ? " " : "", manual->topics->verbs[other].command->verb);
		wrap(manual->out, NAME_WIDTH, arena_printf(manual->arena, "  %s ", kind), verbs.bytes);
		if (*topic->services)
			wrap(manual->out, NAME_WIDTH, "", arena_printf(manual->arena, "(services: %s)", topic->services));
	}
}

static void
tell_all(const struct manual *manual)
{
	static const char *const groups[TOPIC_GROUPS] = {
		[TOPIC_GATEWAY] = NULL, [TOPIC_LINK] = "Chat networks", [TOPIC_PEOPLE] = "Rooms and people", [TOPIC_SERVICE] = "Services",
	};
	enum topic_group group = TOPIC_GATEWAY;

	text_add(manual->out, "What a configuration may hold:\n\n");
	for (size_t i = 0; i < manual->topics->section_count; i++) {
		const struct section_topic *section = &manual->topics->sections[i];
		if (section->group != group)
			text_printf(manual->out, "\n%s\n", groups[section->group]);
		group = section->group;
		wrap(manual->out, NAME_WIDTH, arena_printf(manual->arena, "  %s ", section->path), section->about);
	}
	text_add(manual->out, "\nWhat can be typed in a room, behind the prefix (!)\n");
	tell_verbs(manual);
	text_add(manual->out, "\nsallyport manual NAME tells all of a section (irc), an option (port, irc.port)\n"
		"or a command (build). More: sallyport.conf(5), sallyport-commands(7)\n");
}

/* One name. */

static bool
is_section(const struct section_topic *section, const char *name)
{
	return !strcasecmp(section->path, name) || !strcasecmp(section->name, name);
}

/* The options of that name: port, irc.port; job.timeout too. */
static bool
tell_options(const struct manual *manual, const struct section_topic *section, const char *name)
{
	const char *dot = strrchr(name, '.'), *wanted = dot ? dot + 1 : name;
	bool told = false;

	if (dot && !is_section(section, arena_slice(manual->arena, name, (size_t)(dot - name))))
		return false;
	for (const struct setting *setting = section->settings; setting->type != TYPE_END; setting++) {
		const char *option = topic_option(manual->arena, setting);
		if (!option || (strcasecmp(option, wanted) && strcasecmp(setting->name, wanted)))
			continue;
		text_printf(manual->out, "%s%s\n", manual->out->length ? "\n" : "", section->written);
		tell_option(manual, setting, option);
		told = true;
	}
	return told;
}

static int
tell_one(const struct manual *manual, const char *name)
{
	const struct topics *topics = manual->topics;
	bool told = false;

	for (size_t i = 0; i < topics->section_count; i++)
		if (is_section(&topics->sections[i], name)) {
			tell_whole(manual, i);
			told = true;
		}
	for (size_t i = 0; i < topics->section_count; i++)
		told = tell_options(manual, &topics->sections[i], name) || told;
	for (size_t i = 0; i < topics->verb_count; i++)
		if (!strcasecmp(topics->verbs[i].command->verb, name) || !strcasecmp(topics->verbs[i].kind, name)) {
			tell_verb(manual, &topics->verbs[i]);
			told = true;
		}
	if (told)
		return EX_OK;
	const char *shown = text_cut(manual->arena, text_clean(manual->arena, name, strlen(name)), ASKED_MOST);
	const char *near = text_nearest(shown, topics_names(manual->arena, topics));
	wrap(manual->out, 0, "", arena_printf(manual->arena, "There is no section, option or command called %s%s%s%s sallyport manual shows what there is.",
		shown, near ? "; did you mean " : "", near ? near : "", near ? "?" : "."));
	return EX_USAGE;
}

int
manual_tell(struct arena *arena, const char *const *words, struct text *out)
{
	const struct manual manual = { arena, topics_read(arena), out };
	const char *word = words[0];

	if (word && words[1]) {
		text_add(out, "One name at a time: sallyport manual NAME.\n");
		return EX_USAGE;
	}
	if (!word)
		tell_all(&manual);
	else if (!strcmp(word, "--options"))
		mdoc_options(arena, manual.topics, out);
	else if (!strcmp(word, "--verbs"))
		mdoc_verbs(arena, manual.topics, out);
	else if (!strcmp(word, "--names"))
		for (const char *const *name = topics_names(arena, manual.topics); *name; name++)
			text_printf(out, "%s\n", *name);
	else
		return tell_one(&manual, *word == '!' ? word + 1 : word);
	return EX_OK;
}

int
manual_main(const char *const *words)
{
	struct arena *arena = arena_new();
	struct text out = text_in(arena, OUT_MOST);
	int code = manual_tell(arena, words, &out);

	fputs(out.bytes, code == EX_OK ? stdout : stderr);
	arena_free(arena);
	return code;
}
