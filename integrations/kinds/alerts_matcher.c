/* alerts_matcher: what labels must be like, in the notation of Prometheus. */
#include "integrations/kinds/alerts_matcher.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/pattern.h"
#include "bridge/base/text.h"

enum { NAME_MOST = 100, VALUE_MOST = 500 };

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";

static const struct { const char *sign; bool negative, regex; } signs[] = {
	{ "=~", false, true }, { "!~", true, true }, { "!=", true, false }, { "=", false, false } };

bool
matcher_shaped(const char *word)
{
	size_t length = strspn(word, letters);

	return length && (word[length] == '=' || (word[length] == '!' && (word[length + 1] == '=' || word[length + 1] == '~')));
}

static char *
unquoted(struct arena *arena, const char *value)
{
	size_t length = strlen(value);
	bool quoted = length > 1 && value[0] == '"' && value[length - 1] == '"';

	return quoted ? arena_slice(arena, value + 1, length - 2) : arena_text(arena, value);
}

bool
matcher_read(struct arena *arena, const char *word, struct matcher *out, struct error *error)
{
	size_t length = strspn(word, letters), i = 0;
	struct error why;

	if (!matcher_shaped(word) || length > NAME_MOST)
		return error_set(error, "%s names no label: it is NAME=VALUE, or with != =~ or !~", text_cut(arena, word, 60));
	while (strncmp(word + length, signs[i].sign, strlen(signs[i].sign)))
		i++;
	*out = (struct matcher){ arena_slice(arena, word, length), unquoted(arena, word + length + strlen(signs[i].sign)), signs[i].negative, signs[i].regex };
	if (strlen(out->value) > VALUE_MOST)
		return error_set(error, "what %s must be like is too long", out->name);
	if (out->regex && !pattern_compile(arena, out->value, &why))
		return error_set(error, "%s", why.text);
	return true;
}

char *
matcher_text(struct arena *arena, const struct matcher *matcher)
{
	const char *sign = matcher->regex ? matcher->negative ? "!~" : "=~" : matcher->negative ? "!=" : "=";
	bool bare = *matcher->value && !strpbrk(matcher->value, " \t\"'");

	return arena_printf(arena, bare ? "%s%s%s" : "%s%s\"%s\"", matcher->name, sign, matcher->value);
}

char *
matchers_text(struct arena *arena, const struct matcher *matchers)
{
	struct text text = text_in(arena, 1000);

	for (; matchers->name; matchers++)
		text_printf(&text, "%s%s", text.length ? " " : "", matcher_text(arena, matchers));
	return text.bytes;
}

const char *
matcher_label(const struct named *labels, const char *name)
{
	for (; labels && labels->name; labels++)
		if (!strcmp(labels->name, name))
			return labels->value;
	return NULL;
}

static bool
fits(struct arena *arena, const struct matcher *matcher, const char *value)
{
	if (!matcher->regex)
		return strcmp(matcher->value, value) == 0;
	const struct pattern *pattern = pattern_compile(arena, matcher->value, NULL);
	return pattern && pattern_matches(pattern, value);
}

bool
matchers_match(struct arena *arena, const struct matcher *matchers, const struct named *labels)
{
	for (; matchers->name; matchers++) {
		const char *value = matcher_label(labels, matchers->name);
		if (fits(arena, matchers, value ? value : "") == matchers->negative)
			return false;
	}
	return true;
}

/* What a label that is not there passes says nothing: Alertmanager wants one matcher at least that does not match the empty value. What
 * takes any value is no better. */
static bool
says_something(struct arena *arena, const struct matcher *matcher)
{
	return !matcher->negative && !fits(arena, matcher, "") && !(matcher->regex && fits(arena, matcher, "a") && fits(arena, matcher, "Zz9.-:/ _"));
}

bool
matchers_match_all(struct arena *arena, const struct matcher *matchers)
{
	for (; matchers->name; matchers++)
		if (says_something(arena, matchers))
			return false;
	return true;
}
