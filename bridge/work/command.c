/* command: how a line is read: its words, whom it is meant for, aliases, and which word is which argument. */
#include "bridge/work/command.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"

enum {
	WORDS_MOST = 64,
	PARAMS = sizeof ((struct command *)0)->params / sizeof(struct param),
	LINE_MOST = 16 * 1024,          /* of an alias filled in */
	SHOWN_MOST = 40,                /* of a word that a sentence repeats */
};

static const char DRY_RUN[] = "--dry-run";

static const struct setting alias_settings[] = {
	SETTING(alias, name,  TYPE_TITLE, NULL,          "The word that is typed."),
	SETTING(alias, where, TYPE_WHERE, NULL,          NULL),
	SETTING(alias, in,    TYPE_LIST,  NULL,          "The rooms that have it; none: every room, and in private."),
	SETTING(alias, is,    TYPE_TEXT,  CONF_REQUIRED, "What it stands for: $1 to $9 are the words behind it, $* all of them."),
	{ 0 }
};

const struct shape alias_shape = { "alias", sizeof(struct alias), alias_settings, "A short word for a command. It gives nobody a right.", false };

/* Words. */

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static bool
is_quote(char byte)
{
	return byte == '"' || byte == '\'';
}

static const char *
skip_blanks(const char *at)
{
	while (is_blank(*at))
		at++;
	return at;
}

/* A word of theirs, as we repeat it. */
static const char *
shown(struct arena *arena, const char *word, size_t length)
{
	return text_cut(arena, text_clean(arena, word, length), SHOWN_MOST);
}

static bool
never_closed(struct arena *arena, const char *behind, struct error *error)
{
	const char *word = skip_blanks(behind);
	size_t length = strcspn(word, " \t");

	return error_set(error, "the quote that opens %s%s is never closed", length ? "before " : "at the end", shown(arena, word, length));
}

/* Reads one word from *at on, without its quotes. */
static bool
read_word(struct arena *arena, const char **at, const char **word, struct error *error)
{
	char *out = arena_take(arena, strlen(*at) + 1);
	const char *from = *at;
	bool may_open = true, valued = false;
	size_t length = 0;

	while (*from && !is_blank(*from)) {
		if (may_open && is_quote(*from)) {
			const char *close = strchr(from + 1, *from);
			if (!close)
				return never_closed(arena, from + 1, error);
			memcpy(out + length, from + 1, (size_t)(close - from - 1));
			length += (size_t)(close - from - 1);
			from = close + 1;
			may_open = false;
			continue;
		}
		may_open = *from == '=' && !valued;
		valued = valued || *from == '=';
		out[length++] = *from++;
	}
	*word = out;
	*at = from;
	return true;
}

bool
words_read(struct arena *arena, const char *line, struct words *words, struct error *error)
{
	char *plain = text_plain(arena, line);

	plain[strcspn(plain, "\n")] = '\0';
	const char *at = skip_blanks(plain);
	*words = (struct words){ .line = at };
	words->each = arena_take(arena, WORDS_MOST * sizeof *words->each);
	words->at = arena_take(arena, WORDS_MOST * sizeof *words->at);
	for (; *at; at = skip_blanks(at)) {
		if (words->count == WORDS_MOST)
			return error_set(error, "that is more than %d words; say it in fewer", WORDS_MOST);
		words->at[words->count] = at;
		if (!read_word(arena, &at, &words->each[words->count], error))
			return false;
		words->count++;
	}
	return true;
}

/* For whom. */

/* What follows `name` and a : or , */
static const char *
behind_name(const char *text, const char *name)
{
	size_t length = strlen(name);

	if (!length || strncasecmp(text, name, length) || !text[length] || !strchr(":,", text[length]))
		return NULL;
	return skip_blanks(text + length + 1);
}

/* What follows the prefix, where a word does: "!" alone and "! that is nice" are talk. */
static const char *
behind_prefix(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (!length || strncmp(text, prefix, length) || !isalnum((unsigned char)text[length]))
		return NULL;
	return text + length;
}

const char *
command_addressed(const char *text, const char *prefix, const char *name, bool direct)
{
	const char *line = skip_blanks(text), *named = behind_name(line, name);

	if (named)
		line = named;
	const char *prefixed = behind_prefix(line, prefix);
	if (prefixed)
		return prefixed;
	return (named || direct) && *line ? line : NULL;
}

/* Aliases. */

static bool
is_option(const struct words *words, size_t i)
{
	return !strncmp(words->at[i], "--", 2);
}

/* The word behind the alias that $n stands for; options are not counted. 0: there is none. */
static size_t
nth_word(const struct words *words, size_t n)
{
	for (size_t i = 1; i < words->count; i++)
		if (!is_option(words, i) && !--n)
			return i;
	return 0;
}

/* Writes a word so that it is read as it was meant. What holds both kinds of quotes loses the double ones. */
static void
add_word(struct text *line, const char *word)
{
	bool needed = !*word || strpbrk(word, " \t\"'") || !strncmp(word, "--", 2);
	char quote = strchr(word, '"') && !strchr(word, '\'') ? '\'' : '"';

	if (line->length)
		text_add(line, " ");
	if (!needed) {
		text_add(line, word);
		return;
	}
	text_add_bytes(line, &quote, 1);
	for (; *word; word++)
		if (*word != quote)
			text_add_bytes(line, word, 1);
	text_add_bytes(line, &quote, 1);
}

/* One word of the alias with its $1 to $9 filled in; *most is the highest of them so far. */
static const char *
fill_in(struct arena *arena, const char *word, const struct words *words, size_t *most)
{
	struct text text = text_in(arena, LINE_MOST);

	for (; *word; word++) {
		if (*word != '$' || word[1] < '1' || word[1] > '9') {
			text_add_bytes(&text, word, 1);
			continue;
		}
		size_t n = (size_t)(*++word - '0'), i = nth_word(words, n);
		text_add(&text, i ? words->each[i] : "");
		*most = n > *most ? n : *most;
	}
	return text.bytes;
}

/* A value that needs quotes gets them behind its =, so that KEY=VALUE stays what it is. */
static void
add_filled(struct text *line, const char *word)
{
	const char *equals = strchr(word, '=');

	if (!equals || !strpbrk(equals, " \t\"'") || strcspn(word, " \t\"'") < (size_t)(equals - word)) {
		add_word(line, word);
		return;
	}
	struct text value = text_in(line->arena, LINE_MOST);
	add_word(&value, equals + 1);
	if (line->length)
		text_add(line, " ");
	text_add_bytes(line, word, (size_t)(equals - word) + 1);
	text_add(line, value.bytes);
}

/* What no $ took: words beyond the highest, and options, as they were written. */
static void
add_rest(struct text *line, const struct words *words, size_t taken)
{
	for (size_t i = 1; i < words->count; i++) {
		const char *end = i + 1 < words->count ? words->at[i + 1] : words->at[i] + strlen(words->at[i]);
		if (!is_option(words, i) && taken) {
			taken--;
			continue;
		}
		if (line->length && line->bytes[line->length - 1] != ' ')
			text_add(line, " ");
		text_add_bytes(line, words->at[i], (size_t)(end - words->at[i]));
	}
}

char *
alias_expand(struct arena *arena, const struct alias *alias, const struct words *words)
{
	struct words is;
	struct text line = text_in(arena, LINE_MOST);
	size_t taken = 0;

	if (!words->count || strcasecmp(words->each[0], alias->name) || !words_read(arena, alias->is, &is, NULL))
		return NULL;
	bool all = false;
	for (size_t i = 0; i < is.count; i++)
		if (!strcmp(is.each[i], "$*")) {
			all = true;
			if (words->count > 1)
				text_printf(&line, " %s", words->at[1]);
		} else
			add_filled(&line, fill_in(arena, is.each[i], words, &taken));
	if (!all)
		add_rest(&line, words, taken);
	return line.bytes;
}

/* Commands. */

bool
command_held(const struct command *command)
{
	return command->care == CARE_CHANGE && !command->always && !command->calms;
}

bool
command_strangers(const struct command *command)
{
	return command->care == CARE_LOOK && !command->certain && !command->guarded;
}

bool
command_needs_rule(const struct command *command)
{
	return command->care == CARE_CHANGE || command->guarded;
}

const struct command *
command_find(const struct command *commands, const char *verb)
{
	for (; commands->verb; commands++)
		if (!strcasecmp(commands->verb, verb))
			return commands;
	return NULL;
}

/* Arguments. */

struct binding {
	struct arena *arena;
	const struct command *command;
	const struct words *words;
	struct named *out;
	size_t *count;
	bool given[PARAMS];
	struct error *error;
};

/* Every mistake ends with how it is meant. */
static bool
wrong(const struct binding *binding, const char *sentence)
{
	const struct command *command = binding->command;

	return error_set(binding->error, "%s. It is %s%s%s, as in: %s", sentence, command->verb, *command->usage ? " " : "", command->usage, command->example);
}

static bool
add(struct binding *binding, const char *name, const char *value)
{
	for (size_t i = 0; i < *binding->count; i++)
		if (!strcasecmp(binding->out[i].name, name))
			return wrong(binding, arena_printf(binding->arena, "%s is there twice", shown(binding->arena, name, strlen(name))));
	binding->out[(*binding->count)++] = (struct named){ name, value };
	return true;
}

/* The next param that a word without a name is for, or NULL. */
static const struct param *
next_param(const struct binding *binding)
{
	for (size_t i = 0; i < PARAMS && binding->command->params[i].name; i++)
		if (!binding->given[i])
			return &binding->command->params[i];
	return NULL;
}

static const struct param *
param_named(const struct command *command, const char *name)
{
	for (size_t i = 0; i < PARAMS && command->params[i].name; i++)
		if (!strcasecmp(command->params[i].name, name))
			return &command->params[i];
	return NULL;
}

static bool
give(struct binding *binding, const struct param *param, const char *value)
{
	binding->given[param - binding->command->params] = true;
	return add(binding, param->name, value);
}

/* The length of KEY in KEY=VALUE; 0 where the word is none, or begins with a quote. */
static size_t
key_length(const char *written)
{
	size_t length = 0;

	while (isalnum((unsigned char)written[length]) || (written[length] && strchr("_.-", written[length])))
		length++;
	return length && written[length] == '=' && (isalpha((unsigned char)*written) || *written == '_') ? length : 0;
}

static bool
is_dry_run(const struct words *words, size_t i)
{
	size_t length = strlen(DRY_RUN);

	return !strncmp(words->at[i], DRY_RUN, length) && (!words->at[i][length] || is_blank(words->at[i][length]));
}

static bool
unknown_key(const struct binding *binding, const char *key)
{
	const char *names[PARAMS + 1] = { NULL }, *near;

	for (size_t i = 0; i < PARAMS; i++)
		names[i] = binding->command->params[i].name;
	near = text_nearest(key, names);
	return wrong(binding, arena_printf(binding->arena, "%s takes no %s=%s%s%s", binding->command->verb, shown(binding->arena, key, strlen(key)),
		near ? "; did you mean " : "", near ? near : "", near ? "=" : ""));
}

/* Whether the word is KEY=VALUE, and not the beginning of a text that goes to the end of the line. */
static bool
is_named(const struct binding *binding, size_t i)
{
	const struct param *next = next_param(binding);
	size_t length = key_length(binding->words->at[i]);

	if (!length || binding->command->more || !next || !next->rest)
		return length > 0;
	return param_named(binding->command, arena_slice(binding->arena, binding->words->at[i], length));
}

static bool
bind_named(struct binding *binding, size_t i)
{
	size_t length = key_length(binding->words->at[i]);
	const char *key = arena_slice(binding->arena, binding->words->at[i], length), *value = binding->words->each[i] + length + 1;
	const struct param *param = param_named(binding->command, key);

	if (param)
		return give(binding, param, value);
	return binding->command->more ? add(binding, key, value) : unknown_key(binding, key);
}

/* All that is left of the line, as it was written; in quotes as a whole: without them. A --dry-run at its end is one. */
static bool
bind_rest(struct binding *binding, const struct param *param, size_t i, bool *dry)
{
	const struct words *words = binding->words;
	size_t last = words->count - 1;
	const char *end = words->line + strlen(words->line);

	if (last > i && is_dry_run(words, last)) {
		*dry = true;
		end = words->at[last--];
	}
	while (end > words->at[i] && is_blank(end[-1]))
		end--;
	if (last == i)
		return give(binding, param, words->each[i]);
	return give(binding, param, arena_slice(binding->arena, words->at[i], (size_t)(end - words->at[i])));
}

static bool
unknown_option(const struct binding *binding, const char *word)
{
	return wrong(binding, arena_printf(binding->arena, "there is no option %s%s", shown(binding->arena, word, strlen(word)),
		binding->command->care == CARE_CHANGE ? ", only --dry-run" : ""));
}

/* *ended: the word and all behind it were taken. */
static bool
bind_word(struct binding *binding, size_t i, bool *dry, bool *ended)
{
	const char *word = binding->words->each[i];
	const struct param *next = next_param(binding);

	if (is_dry_run(binding->words, i))
		return *dry = true;
	if (is_named(binding, i))
		return bind_named(binding, i);
	if (next && next->rest) {
		*ended = true;
		return bind_rest(binding, next, i, dry);
	}
	if (is_option(binding->words, i))
		return unknown_option(binding, word);
	if (!next)
		return wrong(binding, arena_printf(binding->arena, "there is no place for %s", shown(binding->arena, word, strlen(word))));
	return give(binding, next, word);
}

static bool
nothing_missing(const struct binding *binding)
{
	for (size_t i = 0; i < PARAMS && binding->command->params[i].name; i++)
		if (binding->command->params[i].required && !binding->given[i])
			return wrong(binding, arena_printf(binding->arena, "%s needs %s", binding->command->verb, binding->command->params[i].name));
	return true;
}

bool
command_bind(struct arena *arena, const struct command *command, const struct words *words, size_t from,
	struct named *out, size_t *count, bool *dry, struct error *error)
{
	struct binding binding = { .arena = arena, .command = command, .words = words, .out = out, .count = count, .error = error };
	bool ended = false;

	*count = 0;
	*dry = false;
	for (size_t i = from; i < words->count && !ended; i++)
		if (!bind_word(&binding, i, dry, &ended))
			return false;
	return nothing_missing(&binding);
}
