/* conf_fill: fills a struct from a section by a table of settings, and says what is wrong with what was written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/conf_tree.h"
#include "bridge/base/error.h"
#include "bridge/base/pattern.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"

#define SHOWN_LENGTH 80                 /* of a value in a sentence */
#define NAMES_MOST 128                  /* of options among which a wrong one is looked for */

/* One setting on its way from the section to the struct. */
struct filling {
	struct conf *conf;
	const struct section *section;
	const struct setting *setting;
	const char *name;               /* of the option: token_file for the setting token */
};

typedef void fill_fn(const struct filling *, void *field);
typedef bool take_fn(const struct filling *, const struct value *, void *field);

static fill_fn fill_title, fill_where, fill_one, fill_list, fill_sections;
static take_fn take_text, take_flag, take_number, take_span, take_url, take_pattern, take_path, take_secret;

static const struct {
	fill_fn *fill;
	take_fn *take;
	const char *is, *example;       /* as sentences name it, and how it is written */
} types[] = {
	[TYPE_TITLE]    = { fill_title,    NULL,         NULL,                                     NULL },
	[TYPE_WHERE]    = { fill_where,    NULL,         NULL,                                     NULL },
	[TYPE_TEXT]     = { fill_one,      take_text,    "a text",                                 "\"...\"" },
	[TYPE_LIST]     = { fill_list,     take_text,    "a list",                                 "{ \"...\", \"...\" }" },
	[TYPE_FLAG]     = { fill_one,      take_flag,    "yes or no",                              "yes" },
	[TYPE_NUMBER]   = { fill_one,      take_number,  "a number, 0 or more",                    "10" },
	[TYPE_SPAN]     = { fill_one,      take_span,    "a span of time (90s, 30m, 12h, 7d)",     "\"30m\"" },
	[TYPE_URL]      = { fill_one,      take_url,     "an http or https address",               "\"https://...\"" },
	[TYPE_PATTERN]  = { fill_one,      take_pattern, "a pattern",                              "'...'" },
	[TYPE_PATH]     = { fill_one,      take_path,    "the name of a file or folder",           "\"...\"" },
	[TYPE_SECRET]   = { fill_one,      take_secret,  "the name of a file that holds a secret", "\"...\"" },
	[TYPE_SECTIONS] = { fill_sections, NULL,         NULL,                                     NULL },
};

static const char *
option_name(struct conf *conf, const struct setting *setting)
{
	return setting->type == TYPE_SECRET ? arena_printf(conf->arena, "%s_file", setting->name) : setting->name;
}

/* An option is what is written NAME = VALUE. */
static bool
is_option(const struct setting *setting)
{
	return types[setting->type].is != NULL;
}

static const struct option *
find_option(const struct section *section, const char *name)
{
	const struct option *at = section->options;

	while (at && strcmp(at->name, name))
		at = at->next;
	return at;
}

/* What was written, in quotes as it should have been. */
static const char *
quoted(struct conf *conf, const char *text)
{
	char quote = strpbrk(text, "\\\"") ? '\'' : '"';

	return arena_printf(conf->arena, "%c%s%c", quote, text_cut(conf->arena, text, SHOWN_LENGTH), quote);
}

static const char *
folder_of(struct conf *conf, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		return ".";
	return slash == file ? "/" : arena_slice(conf->arena, file, (size_t)(slash - file));
}

/* Values, one function a type: false where the value is of another. */

/* Text stands in quotes. A file's name is not repeated: what stands there may be the secret. */
static bool
is_quoted(const struct filling *filling, const struct value *value)
{
	const char *name = filling->name, *is = types[filling->setting->type].is;
	bool list = filling->setting->type == TYPE_LIST, secret = filling->setting->type == TYPE_SECRET;

	if (value->quoting == QUOTED_NOT) {
		conf_mistake(filling->conf, value->where, filling->section, "%s is %s; write %s = %s%s%s.", name, is, name, list ? "{ " : "",
			secret ? "\"...\"" : quoted(filling->conf, value->text), list ? " }" : "");
		return false;
	}
	if (value->strange && filling->setting->type != TYPE_PATTERN) {
		conf_mistake(filling->conf, value->where, filling->section,
			"%s has a backslash in double quotes where only \\\" \\\\ \\n \\t have a meaning; use 'single quotes', which keep it.", name);
		return false;
	}
	return true;
}

/* Yes, no and numbers stand without quotes. */
static bool
is_bare(const struct filling *filling, const struct value *value, bool fits)
{
	const char *name = filling->name, *is = types[filling->setting->type].is;

	if (fits && value->quoting == QUOTED_NOT)
		return true;
	if (fits)
		conf_mistake(filling->conf, value->where, filling->section, "%s is %s; write %s = %s, without quotes.", name, is, name, value->text);
	else
		conf_mistake(filling->conf, value->where, filling->section, "%s is %s, not %s.", name, is,
			*value->text ? text_cut(filling->conf->arena, value->text, SHOWN_LENGTH) : "nothing");
	return false;
}

static bool
take_text(const struct filling *filling, const struct value *value, void *field)
{
	if (!is_quoted(filling, value))
		return false;
	*(const char **)field = value->text;
	return true;
}

static bool
take_flag(const struct filling *filling, const struct value *value, void *field)
{
	bool yes = !strcmp(value->text, "yes") || !strcmp(value->text, "true");

	if (!is_bare(filling, value, yes || !strcmp(value->text, "no") || !strcmp(value->text, "false")))
		return false;
	*(bool *)field = yes;
	return true;
}

static bool
take_number(const struct filling *filling, const struct value *value, void *field)
{
	size_t digits = strspn(value->text, "0123456789");

	if (!is_bare(filling, value, digits && !value->text[digits]))
		return false;
	errno = 0;
	long long number = strtoll(value->text, NULL, 10);
	if (errno) {
		conf_mistake(filling->conf, value->where, filling->section, "%s is larger than any number here can be.", filling->name);
		return false;
	}
	*(int64_t *)field = number;
	return true;
}

static bool
take_span(const struct filling *filling, const struct value *value, void *field)
{
	int64_t span;

	if (!clock_parse_span(value->text, &span)) {
		conf_mistake(filling->conf, value->where, filling->section, "%s is %s, not %s; write %s = \"30m\".", filling->name,
			types[TYPE_SPAN].is, quoted(filling->conf, value->text), filling->name);
		return false;
	}
	if (!is_quoted(filling, value))
		return false;
	*(int64_t *)field = span;
	return true;
}

/* https://user:password@host */
static bool
has_user(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

/* What is no address is not repeated: there may be a password in it. */
static bool
take_url(const struct filling *filling, const struct value *value, void *field)
{
	struct arena *arena = filling->conf->arena;
	size_t length = strlen(value->text);

	if (has_user(value->text)) {
		conf_mistake(filling->conf, value->where, filling->section, "%s carries a user or a password; take all up to the @ out of it.", filling->name);
		return false;
	}
	if (!url_origin(arena, value->text) || strpbrk(value->text, " \t\n")) {
		conf_mistake(filling->conf, value->where, filling->section, "%s is %s; write %s = %s.", filling->name, types[TYPE_URL].is,
			filling->name, types[TYPE_URL].example);
		return false;
	}
	if (!is_quoted(filling, value))
		return false;
	while (length && value->text[length - 1] == '/')
		length--;
	*(const char **)field = arena_slice(arena, value->text, length);
	return true;
}

static bool
take_pattern(const struct filling *filling, const struct value *value, void *field)
{
	const struct pattern *pattern;
	struct error error;

	if (!is_quoted(filling, value))
		return false;
	if (value->escaped) {
		conf_mistake(filling->conf, value->where, filling->section, "%s \"%s\" stands in double quotes, which eat backslashes; use 'single quotes'.",
			filling->name, text_cut(filling->conf->arena, value->text, SHOWN_LENGTH));
		return false;
	}
	pattern = pattern_compile(filling->conf->arena, value->text, &error);
	if (!pattern)
		conf_mistake(filling->conf, value->where, filling->section, "%s %s.", filling->name, error.text);
	*(const struct pattern **)field = pattern;
	return pattern != NULL;
}

static bool
take_path(const struct filling *filling, const struct value *value, void *field)
{
	if (!is_quoted(filling, value))
		return false;
	if (!*value->text) {
		conf_mistake(filling->conf, value->where, filling->section, "%s is empty; name a file or folder.", filling->name);
		return false;
	}
	*(const char **)field = conf_beside(filling->conf, value->where.file, value->text);
	return true;
}

/* How often the kind of letter changes: often in what a machine made up, seldom in a name that a person gave. */
static unsigned
count_changes(const char *text)
{
	enum { LOWER, UPPER, DIGIT, JOINT, OTHER } kind, before = JOINT;
	unsigned changes = 0;

	for (; *text; text++, before = kind) {
		kind = *text >= 'a' && *text <= 'z' ? LOWER : *text >= 'A' && *text <= 'Z' ? UPPER : *text >= '0' && *text <= '9' ? DIGIT
			: strchr("-_./", *text) ? JOINT : OTHER;
		changes += kind == OTHER || (kind != before && kind != JOINT && before != JOINT);
	}
	return changes;
}

static bool
looks_like_token(const char *text)
{
	static const char *const prefixes[] = { "AKIA", "ATATT", "eyJ", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "glrt-", "mct_", "sk-", "syt_", "xox" };
	size_t length = strlen(text);

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (length >= 10 && !strncmp(text, prefixes[i], strlen(prefixes[i])))
			return true;
	if (*text == '/' || *text == '.' || length < 16)
		return false;
	if (strspn(text, "0123456789abcdefABCDEF") == length)
		return true;
	/* A / may stand in base64, but mostly parts the name of a folder from that of a file. */
	return count_changes(text) >= (strchr(text, '/') ? 8 : 4);
}

/* The sentence of secret_read begins with the file's name, so nothing that may be a secret reaches it. */
static bool
take_secret(const struct filling *filling, const struct value *value, void *field)
{
	struct arena *arena = filling->conf->arena;
	const char *beside = folder_of(filling->conf, value->where.file);
	struct error error;

	if (access(secret_path(arena, value->text, beside), F_OK) && looks_like_token(value->text)) {
		conf_mistake(filling->conf, value->where, filling->section,
			"%s holds a token instead of the name of a file. Put it in a file, and replace it: others may have read it here.", filling->name);
		return false;
	}
	if (!is_quoted(filling, value))
		return false;
	if (!*value->text) {
		conf_mistake(filling->conf, value->where, filling->section, "%s is empty; name a file.", filling->name);
		return false;
	}
	const struct secret *secret = secret_read(arena, value->text, beside, &error);
	if (!secret)
		conf_mistake(filling->conf, value->where, filling->section, "%s %s", filling->name, error.text);
	*(const struct secret **)field = secret;
	struct held *held = arena_take(arena, sizeof *held);
	*held = (struct held){ filling->conf->held, value, secret };
	filling->conf->held = held;
	return secret != NULL;
}

/* Fields. */

static void
fill_title(const struct filling *filling, void *field)
{
	*(const char **)field = filling->section->title ? filling->section->title : "";
}

static void
fill_where(const struct filling *filling, void *field)
{
	*(struct where *)field = filling->section->where;
}

/* A fallback is written without quotes; the types that want none get none. */
static struct value
fallback_value(const struct filling *filling, const char *text)
{
	bool bare = filling->setting->type == TYPE_FLAG || filling->setting->type == TYPE_NUMBER;

	return (struct value){ .text = text, .where = filling->section->where, .quoting = bare ? QUOTED_NOT : QUOTED_SINGLE };
}

static void
tell_missing(const struct filling *filling)
{
	const char *name = filling->name;

	if (!filling->section->torn)
		conf_mistake(filling->conf, filling->section->where, filling->section, "%s is missing; write %s = %s.", name, name,
			types[filling->setting->type].example);
}

/* The option as it was written: NULL where there is none. What was not readable is as if it were not there, but told already. */
static const struct option *
written(const struct filling *filling)
{
	const struct option *option = find_option(filling->section, filling->name);

	if (!option && filling->setting->fallback == CONF_REQUIRED)
		tell_missing(filling);
	return option;
}

/* Where a mistake left nothing to take, the field is what it would be without the option, so that reading it is safe. */
static void
fill_one(const struct filling *filling, void *field)
{
	const struct option *option = written(filling);
	const char *fallback = filling->setting->fallback;
	take_fn *take = types[filling->setting->type].take;

	if (option && option->list)
		conf_mistake(filling->conf, option->where, filling->section, "%s is %s, not a list; write %s = %s.", filling->name,
			types[filling->setting->type].is, filling->name, types[filling->setting->type].example);
	else if (option && option->first && take(filling, option->first, field))
		return;
	if (fallback && fallback != CONF_REQUIRED) {
		struct value value = fallback_value(filling, fallback);
		take(filling, &value, field);
	} else if (fallback && (filling->setting->type == TYPE_TEXT || filling->setting->type == TYPE_URL || filling->setting->type == TYPE_PATH)) {
		*(const char **)field = "";
	}
}

/* "a, b" as a list of two. */
static const struct value *
fallback_list(const struct filling *filling)
{
	const char *at = filling->setting->fallback;
	struct value *first = NULL, **end = &first;

	if (!at || at == CONF_REQUIRED)
		return NULL;
	for (at += strspn(at, ", "); *at; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ",");
		*end = arena_take(filling->conf->arena, sizeof **end);
		**end = fallback_value(filling, arena_slice(filling->conf->arena, at, length));
		end = &(*end)->next;
		at += length;
	}
	return first;
}

static void
fill_list(const struct filling *filling, void *field)
{
	const struct option *option = written(filling);
	const struct value *first = option ? option->first : fallback_list(filling);
	size_t most = 1, count = 0;

	for (const struct value *value = first; value; value = value->next)
		most++;
	const char **each = arena_take(filling->conf->arena, most * sizeof *each);
	struct where *where = arena_take(filling->conf->arena, most * sizeof *where);
	for (const struct value *value = first; value; value = value->next)
		if (take_text(filling, value, &each[count]))
			where[count++] = value->where;
	*(struct list *)field = (struct list){ count, each, where };
}

/* Inner sections. */

static void
check_twice(struct conf *conf, const struct section *of, const struct section *inner)
{
	for (const struct section *at = conf_next(of, NULL, inner->kind); inner->title && at != inner; at = conf_next(of, at, inner->kind))
		if (at->title && !strcmp(at->title, inner->title)) {
			conf_mistake(conf, inner->where, inner, "there is another %s of this name (line %d); give it another one.", inner->kind, at->where.line);
			return;
		}
}

static void
fill_sections(const struct filling *filling, void *field)
{
	const struct shape *shape = filling->setting->shape;
	const struct section *of = filling->section;
	size_t count = 0;

	for (const struct section *at = NULL; (at = conf_next(of, at, shape->name));)
		count++;
	void **each = arena_take(filling->conf->arena, (count + 1) * sizeof *each);
	count = 0;
	for (const struct section *at = NULL; (at = conf_next(of, at, shape->name)); count++) {
		check_twice(filling->conf, of, at);
		each[count] = arena_take(filling->conf->arena, shape->size);
		conf_fill(filling->conf, at, shape, each[count]);
	}
	*(struct sections *)field = (struct sections){ count, each };
}

/* What is there and should not be. */

static const struct setting *
option_setting(const struct shape *shape, const char *name)
{
	for (const struct setting *at = shape->settings; at->type; at++) {
		size_t length = strlen(at->name);
		if (is_option(at) && !strncmp(at->name, name, length) && !strcmp(name + length, at->type == TYPE_SECRET ? "_file" : ""))
			return at;
	}
	return NULL;
}

static const struct setting *
inner_setting(const struct shape *shape, const char *kind)
{
	for (const struct setting *at = shape->settings; at->type; at++)
		if (at->type == TYPE_SECTIONS && !strcmp(at->shape->name, kind))
			return at;
	return NULL;
}

/* The names of all options, or of all inner sections. */
static const char *const *
names_of(struct conf *conf, const struct shape *shape, bool sections)
{
	const char **names = arena_take(conf->arena, (NAMES_MOST + 1) * sizeof *names);
	size_t count = 0;

	for (const struct setting *at = shape->settings; at->type && count < NAMES_MOST; at++)
		if (sections && at->type == TYPE_SECTIONS)
			names[count++] = at->shape->name;
		else if (!sections && is_option(at))
			names[count++] = option_name(conf, at);
	return names;
}

/* "; did you mean a?", or "; there are a, b and c." */
static const char *
instead(struct conf *conf, const char *name, const char *const *names)
{
	const char *near = text_nearest(name, names);
	struct text text = text_in(conf->arena, 300);

	if (near)
		return arena_printf(conf->arena, "; did you mean %s?", near);
	if (!names[0])
		return ".";
	text_add(&text, names[1] ? "; there are " : "; there is ");
	for (size_t i = 0; names[i]; i++)
		text_printf(&text, "%s%s", !i ? "" : names[i + 1] ? ", " : " and ", names[i]);
	text_add(&text, ".");
	return text.bytes;
}

/* password = "...": the secret itself. It is not repeated. */
static bool
is_secret_itself(const struct shape *shape, const char *name)
{
	for (const struct setting *at = shape->settings; at->type; at++)
		if (at->type == TYPE_SECRET && !strcmp(at->name, name))
			return true;
	return false;
}

static void
tell_unknown_option(struct conf *conf, const struct section *section, const struct shape *shape, const struct option *option)
{
	const char *name = option->name;

	if (is_secret_itself(shape, name))
		conf_mistake(conf, option->where, section,
			"%s does not stand in this file. Put it in a file of its own, name that with %s_file, and replace it: others may have read it here.", name, name);
	else if (inner_setting(shape, name))
		conf_mistake(conf, option->where, section, "%s is a section; write %s \"...\" { ... }.", name, name);
	else
		conf_mistake(conf, option->where, section, "there is no option %s%s", name, instead(conf, name, names_of(conf, shape, false)));
}

static void
check_options(struct conf *conf, const struct section *section, const struct shape *shape)
{
	for (const struct option *at = section->options; at && conf->mistake_count < CONF_MISTAKES_MOST; at = at->next) {
		if (!option_setting(shape, at->name)) {
			if (!section->torn)
				tell_unknown_option(conf, section, shape, at);
			continue;
		}
		const struct option *first = find_option(section, at->name);
		if (first != at)
			conf_mistake(conf, at->where, section, "%s stands here twice (line %d); keep one of them.", at->name, first->where.line);
	}
}

/* The root takes sections of any kind. */
static void
check_inner(struct conf *conf, const struct section *section, const struct shape *shape)
{
	if (!section->kind || section->torn)
		return;
	for (const struct section *at = section->inner; at; at = at->next) {
		const struct setting *option = option_setting(shape, at->kind);
		if (inner_setting(shape, at->kind))
			continue;
		if (option)
			conf_mistake(conf, at->where, section, "%s is an option; write %s = %s.", at->kind, at->kind, types[option->type].example);
		else
			conf_mistake(conf, at->where, section, "there is no section %s in it%s", at->kind,
				instead(conf, at->kind, names_of(conf, shape, true)));
	}
}

static void
check_title(struct conf *conf, const struct section *section, const struct shape *shape)
{
	const char *kind = section->kind;

	if (!kind)
		return;
	if (shape->untitled && section->title)
		conf_mistake(conf, section->where, section->parent, "%s takes no title; write %s { ... }.", kind, kind);
	else if (!shape->untitled && (!section->title || !*section->title))
		conf_mistake(conf, section->where, section->parent, "%s needs a title; write %s \"...\" { ... }.", kind, kind);
}

/* A token sent to a plain http address can be read on the way, unless it does not leave the machine. What others show to us (hook_file) never leaves. */
static void
check_clear(struct conf *conf, const struct section *section, const struct shape *shape, const void *out)
{
	const struct setting *url = NULL, *secret = NULL, *insecure = NULL;

	for (const struct setting *at = shape->settings; at->type; at++) {
		const char *address = at->type == TYPE_URL ? *(const char *const *)((const char *)out + at->offset) : NULL;
		if (!url && address && !strncasecmp(address, "http:", 5) && !url_loopback(address))
			url = at;
		else if (!secret && at->type == TYPE_SECRET && strncmp(at->name, "hook", 4) && find_option(section, option_name(conf, at)))
			secret = at;
		else if (at->type == TYPE_FLAG && !strcmp(at->name, "insecure"))
			insecure = at;
	}
	if (!url || !secret || (insecure && *(const bool *)((const char *)out + insecure->offset)))
		return;
	const struct option *option = find_option(section, url->name);
	conf_mistake(conf, option ? option->where : section->where, section, "%s is http, so the %s would travel in clear; write https%s.", url->name,
		secret->name, insecure ? ", or insecure = yes if that is meant" : "");
}

bool
conf_fill(struct conf *conf, const struct section *section, const struct shape *shape, void *out)
{
	size_t told = conf->told;

	check_title(conf, section, shape);
	check_options(conf, section, shape);
	check_inner(conf, section, shape);
	for (const struct setting *at = shape->settings; at->type; at++) {
		struct filling filling = { conf, section, at, option_name(conf, at) };
		types[at->type].fill(&filling, (char *)out + at->offset);
	}
	check_clear(conf, section, shape, out);
	return conf->told == told;
}
