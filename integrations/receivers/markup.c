/* markup: a sender's markup as plain words: what its dialects share. */
#include "integrations/receivers/markup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "integrations/receivers/draft.h"

enum {
	MOST = 4096,                    /* bytes that are read of one text, and of all texts of a message: far less is shown */
	ALL_MOST = 16 * MOST,
	DEPTH = 8,                      /* of signs inside signs */
};

static const struct { const char *name, *means; } entities[] = {
	{ "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" }, { "&#39;", "'" }, { "&nbsp;", " " },
};

enum { ENTITIES = sizeof entities / sizeof *entities };

static size_t
entity(const char *at, const char *end, struct text *out)
{
	for (size_t i = 0; i < ENTITIES; i++) {
		size_t length = strlen(entities[i].name);
		if ((size_t)(end - at) >= length && !memcmp(at, entities[i].name, length)) {
			text_add(out, entities[i].means);
			return length;
		}
	}
	return 0;
}

static void
literal(const char *at, const char *end, struct text *out)
{
	while (at < end) {
		size_t taken = *at == '&' ? entity(at, end, out) : 0;
		if (!taken)
			text_add_bytes(out, at, taken = 1);
		at += taken;
	}
}

/* `code`, without its signs. */
static size_t
code(const char *at, const char *end, struct text *out)
{
	const char *close = memchr(at + 1, '`', (size_t)(end - at - 1));

	if (!close || close == at + 1)
		return 0;
	literal(at + 1, close, out);
	return (size_t)(close + 1 - at);
}

static bool
in_word(char byte)
{
	return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

static size_t
run_of(const char *at, const char *end)
{
	size_t length = 0;

	while (at + length < end && at[length] == *at)
		length++;
	return length;
}

/* Where the run of `length` signs that begins at `at` is closed by one as long; NULL: it is no pair. */
static const char *
closing(const char *at, const char *end, size_t length)
{
	if (at + length >= end || isspace((unsigned char)at[length]))
		return NULL;
	for (const char *look = at + length; look < end; look += *look == *at ? run_of(look, end) : 1)
		if (*look == *at && run_of(look, end) == length && !isspace((unsigned char)look[-1]) && (look + length == end || !in_word(look[length])))
			return look;
	return NULL;
}

/* *bold*: the words without the signs. */
static size_t
pair(struct draft *draft, const char *begin, const char *at, const char *end, struct text *out)
{
	size_t length = run_of(at, end);
	const char *close = at == begin || !in_word(at[-1]) ? closing(at, end, length) : NULL;

	if (close && draft->depth < DEPTH) {
		markup_words(draft, at + length, close, out);
		return (size_t)(close - at) + length;
	}
	text_add_bytes(out, at, length);
	return length;
}

static size_t
one(struct draft *draft, const char *begin, const char *at, const char *end, struct text *out)
{
	size_t taken = draft->depth <= DEPTH ? draft->dialect->special(draft, at, end, out) : 0;

	if (!taken && *at == '&')
		taken = entity(at, end, out);
	if (!taken && *at == '`')
		taken = code(at, end, out);
	if (!taken && strchr(draft->dialect->signs, *at))
		taken = pair(draft, begin, at, end, out);
	if (!taken)
		text_add_bytes(out, at, taken = 1);
	return taken;
}

void
markup_words(struct draft *draft, const char *at, const char *end, struct text *out)
{
	draft->depth++;
	for (const char *begin = at; at < end;)
		at += one(draft, begin, at, end, out);
	draft->depth--;
}

static void
line(struct draft *draft, const char *at, const char *end, struct text *out)
{
	char *copy = arena_slice(draft->arena, at, (size_t)(end - at));
	const char *said = draft->dialect->lead(copy + strspn(copy, " \t\r"));
	struct text plain = text_in(draft->arena, MOST);

	if (!said)
		return;
	markup_words(draft, said, said + strlen(said), &plain);
	if (plain.length)
		draft_join(out, text_clean(draft->arena, plain.bytes, plain.length));
}

static void
lines(struct draft *draft, const char *at, const char *end, struct text *out)
{
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop ? stop : end;
		line(draft, at, stop, out);
		at = stop + 1;
	}
}

/* What stands between ``` and ```. */
static void
block(struct draft *draft, const char *at, const char *end)
{
	struct text plain = text_in(draft->arena, MOST);
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	size_t word = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+#-");

	if (draft->dialect->languages && stop && at + word == stop)
		at = stop;
	literal(at, end, &plain);
	draft_quote(draft, plain.bytes, plain.length);
}

char *
markup_plain(struct draft *draft, const struct dialect *dialect, const char *text)
{
	const struct dialect *before = draft->dialect;
	const char *at = text, *end = text + text_fit(text, strlen(text), draft->read < ALL_MOST ? MOST : 0);
	struct text out = text_in(draft->arena, MOST);

	draft->dialect = dialect;
	draft->read += (size_t)(end - at);
	while (at < end) {
		const char *open = memmem(at, (size_t)(end - at), "```", 3);
		const char *close = open ? memmem(open + 3, (size_t)(end - open - 3), "```", 3) : NULL;
		lines(draft, at, close ? open : end, &out);
		if (close)
			block(draft, open + 3, close);
		at = close ? close + 3 : end;
	}
	draft->dialect = before;
	return out.length ? out.bytes : arena_text(draft->arena, "");
}
