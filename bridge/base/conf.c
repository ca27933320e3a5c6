/* conf: the configuration that was read: its sections, and all that is wrong with it. */
#include "bridge/base/conf.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf_tree.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"

#define MISTAKE_LENGTH 1200
#define TITLE_LENGTH 60

const char CONF_REQUIRED[] = "required";

struct conf *
conf_new(const char *path)
{
	struct arena *arena = arena_new();
	struct conf *conf = arena_take(arena, sizeof *conf);
	const char *slash = strrchr(path, '/');

	conf->arena = arena;
	conf->folder = arena_slice(arena, path, slash ? (size_t)(slash + 1 - path) : 0);
	conf->root.where = (struct where){ arena_text(arena, path), 1, 1 };
	conf->root.options_end = &conf->root.options;
	conf->root.inner_end = &conf->root.inner;
	conf->mistakes = arena_take(arena, (CONF_MISTAKES_MOST + CONF_WARNINGS_MOST) * sizeof *conf->mistakes);
	return conf;
}

void
conf_free(struct conf *conf)
{
	if (conf)
		arena_free(conf->arena);
}

struct arena *
conf_arena(struct conf *conf)
{
	return conf->arena;
}

char *
conf_beside(struct conf *conf, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (*name == '/' || !slash)
		return arena_text(conf->arena, name);
	return arena_printf(conf->arena, "%.*s%s", (int)(slash + 1 - file), file, name);
}

bool
list_has(const struct list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->each[i], word))
			return true;
	return false;
}

/* Sections. */

struct section *
conf_root(struct conf *conf)
{
	return &conf->root;
}

struct section *
conf_next(const struct section *of, const struct section *after, const char *kind)
{
	struct section *at = after ? after->next : of->inner;

	while (at && kind && strcmp(at->kind, kind))
		at = at->next;
	return at;
}

const char *
section_kind(const struct section *section)
{
	return section->kind;
}

const char *
section_title(const struct section *section)
{
	return section->title;
}

struct where
section_where(const struct section *section)
{
	return section->where;
}

char *
conf_section_name(struct conf *conf, const struct section *section)
{
	if (!section->title)
		return arena_text(conf->arena, section->kind);
	return arena_printf(conf->arena, "%s \"%s\"", section->kind, text_cut(conf->arena, section->title, TITLE_LENGTH));
}

/* Mistakes and warnings. They are found in any order (a file is read, then its sections are filled) and kept in that of the files. */

/* runner "local", job "hello": the way from the outside to the section. */
static void
add_way(struct text *text, struct conf *conf, const struct section *section)
{
	if (!section || !section->kind)
		return;
	add_way(text, conf, section->parent);
	if (section->parent && section->parent->kind)
		text_add(text, ", ");
	text_add(text, conf_section_name(conf, section));
}

/* Seen from the first file: people named that one, and know where it is. */
static const char *
shown_file(const struct conf *conf, const char *file)
{
	size_t length = strlen(conf->folder);

	return strncmp(file, conf->folder, length) ? file : file + length;
}

static size_t
file_number(const struct conf *conf, const char *file)
{
	for (size_t i = 0; i < conf->file_count; i++)
		if (!strcmp(conf->files[i], file))
			return i;
	return conf->file_count;
}

static bool
comes_before(const struct mistake *a, const struct mistake *b)
{
	if (a->file != b->file)
		return a->file < b->file;
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static size_t
kept(const struct conf *conf)
{
	return conf->mistake_count + conf->warning_count;
}

/* A section may be filled twice, for a look and for good: what is wrong with it is told once. */
static bool
is_known(const struct conf *conf, const struct mistake *mistake)
{
	for (size_t i = 0; i < kept(conf); i++)
		if (conf->mistakes[i].line == mistake->line && !strcmp(conf->mistakes[i].text, mistake->text))
			return true;
	return false;
}

static void
keep(struct conf *conf, struct mistake mistake)
{
	size_t at = kept(conf);

	if (is_known(conf, &mistake))
		return;
	while (at > 0 && comes_before(&mistake, &conf->mistakes[at - 1])) {
		conf->mistakes[at] = conf->mistakes[at - 1];
		at--;
	}
	conf->mistakes[at] = mistake;
	*(mistake.warning ? &conf->warning_count : &conf->mistake_count) += 1;
}

static void
keep_last_word(struct conf *conf)
{
	keep(conf, (struct mistake){ SIZE_MAX, 0, 0,
		arena_printf(conf->arena, "%s: there are more mistakes than these %d; mend these first.",
			shown_file(conf, conf->root.where.file), CONF_MISTAKES_MOST - 1), NULL });
}

static char *
told(struct conf *conf, struct where where, const char *word, const struct section *section, const char *sentence)
{
	struct text text = text_in(conf->arena, MISTAKE_LENGTH);

	text_add(&text, shown_file(conf, where.file));
	if (where.line > 0)
		text_printf(&text, ":%d", where.line);
	text_printf(&text, ": %s", word);
	add_way(&text, conf, section);
	if (section && section->kind)
		text_add(&text, ": ");
	text_add(&text, sentence);
	return text_clean(conf->arena, text.bytes, text.length);
}

static void
tell(struct conf *conf, bool warning, struct where where, const struct section *section, const char *format, va_list list)
{
	struct error sentence;

	where.file = where.file ? where.file : conf->root.where.file;
	error_vset(&sentence, format, list);
	keep(conf, (struct mistake){ file_number(conf, where.file), where.line, where.column, told(conf, where, "", section, sentence.text),
		warning ? told(conf, where, "warning: ", section, sentence.text) : NULL });
}

void
conf_vmistake(struct conf *conf, struct where where, const struct section *section, const char *format, va_list list)
{
	conf->told++;
	if (conf->mistake_count == CONF_MISTAKES_MOST)
		return;
	if (conf->mistake_count == CONF_MISTAKES_MOST - 1) {
		keep_last_word(conf);
		conf->full = true;
		return;
	}
	tell(conf, false, where, section, format, list);
}

void
conf_mistake(struct conf *conf, struct where where, const struct section *section, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	conf_vmistake(conf, where, section, format, list);
	va_end(list);
}

void
conf_warning(struct conf *conf, struct where where, const struct section *section, const char *format, ...)
{
	va_list list;

	if (conf->warning_count == CONF_WARNINGS_MOST)
		return;
	va_start(list, format);
	tell(conf, true, where, section, format, list);
	va_end(list);
}

size_t
conf_mistakes(const struct conf *conf)
{
	return conf->mistake_count;
}

size_t
conf_warnings(const struct conf *conf)
{
	return conf->warning_count;
}

static const char *
text_at(const struct conf *conf, size_t i, bool warning)
{
	for (size_t at = 0; at < kept(conf); at++)
		if (!conf->mistakes[at].warning != warning && !i--)
			return conf->mistakes[at].text;
	return NULL;
}

const char *
conf_mistake_at(const struct conf *conf, size_t i)
{
	return text_at(conf, i, false);
}

const char *
conf_warning_at(const struct conf *conf, size_t i)
{
	return text_at(conf, i, true);
}

const char *
conf_told_at(const struct conf *conf, size_t i)
{
	const struct mistake *one = i < kept(conf) ? &conf->mistakes[i] : NULL;

	return one && one->warning ? one->warning : one ? one->text : NULL;
}
