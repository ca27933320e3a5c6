/* manual_mdoc: the option and verb lists of the manual pages. */
#include "bridge/cli/manual_mdoc.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/cli/topics.h"
#include "bridge/work/command.h"

/* The one encoder: a line of words. A backslash is \e, and what begins a line or a word of a macro is never taken for a request or a macro. */
static const char *
roff(struct arena *arena, const char *line)
{
	struct text text = text_in(arena, 4000);

	if (*line == '.' || *line == '\'')
		text_add(&text, "\\&");
	for (; *line; line++)
		if (*line == '\\')
			text_add(&text, "\\e");
		else
			text_add_bytes(&text, line, 1);
	return text.bytes;
}

/* The same behind a macro: each word is plain text. */
static const char *
roff_words(struct arena *arena, const char *words)
{
	struct text text = text_in(arena, 4000);

	while (*(words += strspn(words, " "))) {
		size_t length = strcspn(words, " ");
		text_printf(&text, "%s\\&%s", text.length ? " " : "", roff(arena, arena_slice(arena, words, length)));
		words += length;
	}
	return text.bytes;
}

/* Each sentence on a line of its own, as mdoc wants it. */
static void
sentences(struct arena *arena, struct text *out, const char *text)
{
	const char *end;

	while ((end = strstr(text, ". "))) {
		text_printf(out, "%s\n", roff(arena, arena_slice(arena, text, (size_t)(end - text) + 1)));
		text = end + 2;
	}
	text_printf(out, "%s\n", roff(arena, text));
}

static const char *
capital(struct arena *arena, const char *word)
{
	char *copy = arena_text(arena, word);

	*copy = (char)toupper((unsigned char)*copy);
	return copy;
}

static void
section(struct arena *arena, const struct section_topic *topic, struct text *out)
{
	text_printf(out, ".Ss %s\n", roff_words(arena, topic->path));
	text_printf(out, ".D1 %s\n.Pp\n", roff_words(arena, topic->written));
	sentences(arena, out, topic->about);
	text_add(out, ".Bl -tag -width Ds\n");
	for (const struct setting *setting = topic->settings; setting->type != TYPE_END; setting++) {
		const char *option = topic_option(arena, setting);
		if (!option && setting->type != TYPE_SECTIONS)
			continue;
		text_printf(out, ".It Ic %s\n", roff_words(arena, option ? option : setting->name));
		if (option)
			text_printf(out, "%s; %s.\n", roff(arena, capital(arena, topic_type(setting))), roff(arena, topic_default(arena, setting)));
		else
			text_add(out, "Sections, any number.\n");
		sentences(arena, out, setting->about);
	}
	text_add(out, ".El\n");
}

void
mdoc_options(struct arena *arena, const struct topics *topics, struct text *out)
{
	for (size_t i = 0; i < topics->section_count; i++)
		section(arena, &topics->sections[i], out);
}

static void
verb(struct arena *arena, const struct verb_topic *topic, struct text *out)
{
	const struct command *command = topic->command;

	text_printf(out, ".It Ic %s", roff_words(arena, command->verb));
	if (*command->usage)
		text_printf(out, " No %s", roff_words(arena, command->usage));
	text_printf(out, "\n%s.\n", roff(arena, capital(arena, command->about)));
	if (command->care == CARE_CHANGE)
		text_add(out, "It changes something.\n");
	text_printf(out, "For example:\n.Ql %s\n", roff_words(arena, command->example));
}

void
mdoc_verbs(struct arena *arena, const struct topics *topics, struct text *out)
{
	const char *kind = NULL;

	for (size_t i = 0; i < topics->verb_count; i++) {
		const struct verb_topic *topic = &topics->verbs[i];
		if (!kind || strcmp(kind, topic->kind)) {
			text_printf(out, "%s.Ss Of %s\n", kind ? ".El\n" : "", *topic->services ? roff_words(arena, topic->kind) : "the gateway itself");
			if (*topic->services)
				text_printf(out, "Services with these verbs: %s.\n", roff(arena, topic->services));
			text_add(out, ".Bl -tag -width Ds\n");
		}
		kind = topic->kind;
		verb(arena, topic, out);
	}
	text_add(out, kind ? ".El\n" : "");
}
