/* Fuzzes the reader of the configuration: it never crashes, every mistake is one clean line, and what it read without
 * a mistake is read again from what we write of it. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/conf_tree.h"
#include "bridge/base/text.h"

/* A place where no file is: neither secrets nor included files are found beside it. */
#define NAME "/nonexistent/fuzz.conf"

struct inner {
	const char *name;
	struct where where;
	const char *about;
	struct sections parts;
};

struct outer {
	const char *text, *url, *folder;
	struct list list;
	bool flag, insecure;
	int64_t number, span;
	const struct pattern *pattern;
	const struct secret *token;
	struct sections parts;
};

static const struct shape inner_shape;

static const struct setting inner_settings[] = {
	SETTING(inner, name,  TYPE_TITLE, NULL, "A title."),
	SETTING(inner, where, TYPE_WHERE, NULL, NULL),
	SETTING(inner, about, TYPE_TEXT,  NULL, "A text."),
	{ "parts", TYPE_SECTIONS, offsetof(struct inner, parts), NULL, "Itself.", &inner_shape },
	{ 0 }
};

static const struct shape inner_shape = { "part", sizeof(struct inner), inner_settings, "An inner section.", false };

static const struct setting outer_settings[] = {
	SETTING(outer, flag,     TYPE_FLAG,    "no",          "A flag."),
	SETTING(outer, folder,   TYPE_PATH,    "here",        "A path."),
	SETTING(outer, insecure, TYPE_FLAG,    NULL,          "Whether plain http will do."),
	SETTING(outer, list,     TYPE_LIST,    "a, b",        "A list."),
	SETTING(outer, number,   TYPE_NUMBER,  "7",           "A number."),
	SETTING(outer, pattern,  TYPE_PATTERN, NULL,          "A pattern."),
	SETTING(outer, span,     TYPE_SPAN,    "30m",         "A span."),
	SETTING(outer, text,     TYPE_TEXT,    CONF_REQUIRED, "A text."),
	SETTING(outer, token,    TYPE_SECRET,  NULL,          "A token."),
	SETTING(outer, url,      TYPE_URL,     NULL,          "An address."),
	{ "parts", TYPE_SECTIONS, offsetof(struct outer, parts), NULL, "Inner sections.", &inner_shape },
	{ 0 }
};

static const struct shape outer_shape = { "outer", sizeof(struct outer), outer_settings, "A section of everything.", true };

static void
check_mistakes(const struct conf *conf)
{
	assert(conf_mistakes(conf) <= CONF_MISTAKES_MOST);
	for (size_t i = 0; i < conf_mistakes(conf); i++) {
		const char *mistake = conf_mistake_at(conf, i);
		assert(!strncmp(mistake, "fuzz.conf:", 10));
		assert(text_utf8(mistake, strlen(mistake)) && !strpbrk(mistake, "\n\r\t\x1b"));
	}
}

static void
check_filled(const struct outer *outer)
{
	assert(outer->text && outer->folder && outer->number >= 0 && outer->span >= 0);
	for (size_t i = 0; i < outer->list.count; i++)
		assert(outer->list.each[i] && outer->list.where[i].line > 0);
	for (size_t i = 0; i < outer->parts.count; i++)
		assert(((const struct inner *)outer->parts.each[i])->name);
}

static void
fill_each(struct conf *conf, struct section *section)
{
	struct outer outer = { 0 };

	conf_fill(conf, section, &outer_shape, &outer);
	check_filled(&outer);
}

/* The tree as text. */

static void
write_value(struct text *text, const struct value *value)
{
	if (value->quoting == QUOTED_NOT) {
		text_add(text, value->text);
		return;
	}
	text_add(text, "\"");
	for (const char *c = value->text; *c; c++) {
		if (*c == '\n' || *c == '\t' || *c == '"' || *c == '\\')
			text_add(text, "\\");
		text_add_bytes(text, *c == '\n' ? "n" : *c == '\t' ? "t" : c, 1);
	}
	text_add(text, "\"");
}

static void
write_option(struct text *text, const struct option *option)
{
	text_printf(text, "%s = %s", option->name, option->list ? "{ " : "");
	for (const struct value *value = option->first; value; value = value->next) {
		write_value(text, value);
		text_add(text, value->next ? ", " : "");
	}
	text_add(text, option->list ? " }\n" : "\n");
}

/* Options first, then sections: their order among each other means nothing. */
static void
write_section(struct text *text, const struct section *section, unsigned depth)
{
	assert(depth <= 8);
	for (const struct option *option = section->options; option; option = option->next) {
		assert(!option->next || option->next->order > option->order);
		write_option(text, option);
	}
	for (const struct section *inner = section->inner; inner; inner = inner->next) {
		struct value title = { .text = inner->title, .quoting = QUOTED_DOUBLE };
		assert(inner->parent == section && inner->ended >= inner->order);
		text_printf(text, "%s ", inner->kind);
		if (inner->title)
			write_value(text, &title);
		text_add(text, " {\n");
		write_section(text, inner, depth + 1);
		text_add(text, "}\n");
	}
}

static struct text
written(struct conf *conf)
{
	struct text text = text_in(conf->arena, 16 * 1024 * 1024);

	write_section(&text, &conf->root, 0);
	return text;
}

static void
check_written(struct conf *conf)
{
	struct text first = written(conf);
	if (conf_mistakes(conf) || first.length > 1024 * 1024)
		return;
	struct conf *again = conf_read_text(NAME, first.bytes, first.length);
	assert(conf_mistakes(again) == 0);
	struct text second = written(again);
	assert(first.length == second.length && !memcmp(first.bytes, second.bytes, first.length));
	conf_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = conf_read_text(NAME, (const char *)data, size);

	check_written(conf);
	fill_each(conf, conf_root(conf));
	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, NULL));)
		fill_each(conf, at);
	check_mistakes(conf);
	conf_free(conf);
	return 0;
}

#ifdef REPLAY
/* Replays files: each must pass. */
int
main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return EXIT_FAILURE;
		}
		size_t size = fread(data, 1, sizeof data, file);
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
	}
	return EXIT_SUCCESS;
}
#endif
