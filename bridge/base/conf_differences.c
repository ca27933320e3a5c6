/* conf_differences: what has changed between two readings of the configuration. */
#include <openssl/crypto.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf_tree.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"

enum { SENTENCE_MOST = 400 };

struct pair {
	const struct conf *before, *after;
};

static const struct secret *
held_by(const struct conf *conf, const struct value *value)
{
	const struct held *held = conf->held;

	while (held && held->value != value)
		held = held->next;
	return held ? held->secret : NULL;
}

static bool
same_secret(const struct secret *one, const struct secret *other)
{
	if (!one || !other)
		return one == other;
	return one->length == other->length && !CRYPTO_memcmp(one->bytes, other->bytes, one->length);
}

static bool
same_value(const struct pair *pair, const struct option *before, const struct option *after)
{
	const struct value *one = before->first, *other = after->first;

	for (; one && other; one = one->next, other = other->next)
		if (strcmp(one->text, other->text) || !same_secret(held_by(pair->before, one), held_by(pair->after, other)))
			return false;
	return !one && !other;
}

static const struct option *
option_named(const struct section *section, const char *name)
{
	const struct option *at = section->options;

	while (at && strcmp(at->name, name))
		at = at->next;
	return at;
}

/* The section of the same kind and title. */
static const struct section *
counterpart(const struct section *in, const struct section *of)
{
	for (const struct section *at = in->inner; at; at = at->next)
		if (!strcmp(at->kind, of->kind) && !strcmp(at->title ? at->title : "", of->title ? of->title : ""))
			return at;
	return NULL;
}

static void
add_name(struct text *changed, const char *kind, const char *title)
{
	text_printf(changed, "%s%s%s%s%s", changed->length ? ", " : "", kind, title ? " \"" : "", title ? title : "", title ? "\"" : "");
}

/* Options and inner sections that differ, with commas between. */
static void
list_changes(const struct pair *pair, const struct section *before, const struct section *after, bool inner, struct text *changed)
{
	for (const struct option *at = after->options; at; at = at->next) {
		const struct option *old = option_named(before, at->name);
		if (!old || !same_value(pair, old, at))
			add_name(changed, at->name, NULL);
	}
	for (const struct option *at = before->options; at; at = at->next)
		if (!option_named(after, at->name))
			add_name(changed, at->name, NULL);
	for (const struct section *at = inner ? after->inner : NULL; at; at = at->next)
		if (!conf_same(pair->before, counterpart(before, at), pair->after, at))
			add_name(changed, at->kind, at->title);
	for (const struct section *at = inner ? before->inner : NULL; at; at = at->next)
		if (!counterpart(after, at))
			add_name(changed, at->kind, at->title);
}

bool
conf_same(const struct conf *before, const struct section *one, const struct conf *after, const struct section *other)
{
	if (!one || !other)
		return one == other;
	struct pair pair = { before, after };
	struct arena *arena = arena_new();
	struct text changed = text_in(arena, SENTENCE_MOST);
	list_changes(&pair, one, other, true, &changed);
	bool same = !changed.length;
	arena_free(arena);
	return same;
}

static void
tell_section(const struct pair *pair, struct conf *conf, const struct section *before, const struct section *after,
	void (*each)(const char *, void *), void *with)
{
	struct arena *arena = arena_new();
	struct text changed = text_in(arena, SENTENCE_MOST);

	if (!before || !after)
		each(arena_printf(arena, "%s is %s", conf_section_name(conf, before ? before : after), before ? "gone" : "new"), with);
	else {
		list_changes(pair, before, after, before->parent != NULL, &changed);
		const char *name = after->parent ? arena_printf(arena, "%s: ", conf_section_name(conf, after)) : "";
		if (changed.length)
			each(arena_printf(arena, "%s%s%s changed", name, changed.bytes, changed.cut ? " ..." : ""), with);
	}
	arena_free(arena);
}

void
conf_differences(struct conf *before, struct conf *after, void (*each)(const char *sentence, void *with), void *with)
{
	struct pair pair = { before, after };

	tell_section(&pair, after, &before->root, &after->root, each, with);
	for (const struct section *at = after->root.inner; at; at = at->next)
		tell_section(&pair, after, counterpart(&before->root, at), at, each, with);
	for (const struct section *at = before->root.inner; at; at = at->next)
		if (!counterpart(&after->root, at))
			tell_section(&pair, before, at, NULL, each, with);
}
