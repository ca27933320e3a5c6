/* conf_scan: reads a configuration's text piece by piece: blanks, words, strings; and knows where it is. */
#include "bridge/base/conf_scan.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf_tree.h"

#define NODES_MOST 200000

/* Where we are, and what is wrong here. */

struct where
scan_here(const struct reader *reader)
{
	return (struct where){ reader->file, reader->line, (int)(reader->at - reader->line_begins) + 1 };
}

bool
scan_mistake(struct reader *reader, struct where where, const struct section *in, const char *format, ...)
{
	va_list list;

	if (reader->told == where.line || reader->conf->full)
		return false;
	reader->told = where.line;
	va_start(list, format);
	conf_vmistake(reader->conf, where, in, format, list);
	va_end(list);
	return true;
}

size_t
scan_order(struct reader *reader)
{
	struct conf *conf = reader->conf;

	if (++conf->nodes > NODES_MOST && !conf->full) {
		conf->full = true;
		conf_mistake(conf, scan_here(reader), NULL, "more than %d options and sections are too much for one configuration.", NODES_MOST);
	}
	return conf->nodes;
}

/* What the next bytes are. */

bool
scan_more(const struct reader *reader)
{
	return reader->at < reader->end && !reader->conf->full;
}

char
scan_peek(const struct reader *reader)
{
	return scan_more(reader) ? *reader->at : '\0';
}

bool
scan_is_quote(char c)
{
	return c == '"' || c == '\'';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *
scan_skip_blanks(const struct reader *reader, const char *at)
{
	while (at < reader->end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

const char *
scan_skip_name(const struct reader *reader, const char *at)
{
	if (at < reader->end && !is_letter(*at))
		return at;
	while (at < reader->end && (is_letter(*at) || is_digit(*at) || *at == '-'))
		at++;
	return at;
}

const char *
scan_skip_word(const struct reader *reader, const char *at)
{
	while (at < reader->end && !strchr(" \t\r\n,;{}\"'", *at))
		at++;
	return at;
}

static const char *
line_end(const struct reader *reader, const char *at)
{
	const char *end = memchr(at, '\n', (size_t)(reader->end - at));

	return end ? end : reader->end;
}

/* Blanks, line ends and comments. A # inside a word does not begin one: it is a channel. */
void
scan_skip_space(struct reader *reader)
{
	while (scan_more(reader)) {
		reader->at = scan_skip_blanks(reader, reader->at);
		if (scan_peek(reader) == '#')
			reader->at = line_end(reader, reader->at);
		if (scan_peek(reader) != '\n')
			return;
		reader->line++;
		reader->line_begins = ++reader->at;
	}
}

/* The quote that closes the one at `at`, on the same line; NULL where there is none. */
static const char *
find_quote(const struct reader *reader, const char *at)
{
	for (const char *c = at + 1; c < reader->end && *c != '\n'; c++) {
		if (*c == *at)
			return c;
		if (*c == '\\' && *at == '"' && c + 1 < reader->end && c[1] != '\n')
			c++;
	}
	return NULL;
}

/* Over one step: a string, a word, or a single sign. The sign that was there; '\0' for a string or a word. */
static char
step(struct reader *reader)
{
	const char *begins = reader->at;
	const char *ends = scan_is_quote(*begins) ? find_quote(reader, begins) : scan_skip_word(reader, begins);

	if (!ends)
		reader->at = line_end(reader, begins);
	else if (scan_is_quote(*begins))
		reader->at = ends + 1;
	else
		reader->at = ends > begins ? ends : begins + 1;
	return ends == begins ? *begins : '\0';
}

int
scan_braces(const char *begins, const char *end)
{
	int open = 0;

	for (const char *c = begins; c < end; c++)
		open += (*c == '{') - (*c == '}');
	return open;
}

/* The rest of the line is given up; it may hold the } of what we are in. */
static void
tear(const struct reader *reader, struct section *in)
{
	int open = scan_braces(reader->at, line_end(reader, reader->at));

	for (; open < 0 && in->parent; open++, in = in->parent)
		in->torn = true;
}

void
scan_skip_line(struct reader *reader, struct section *in)
{
	int depth = 0, line = reader->line;

	for (scan_skip_space(reader); scan_more(reader) && reader->line == line; scan_skip_space(reader)) {
		if (*reader->at == '}' && depth == 0)
			return;
		if (scan_is_quote(*reader->at) && !find_quote(reader, reader->at))
			tear(reader, in);
		char sign = step(reader);
		depth += (sign == '{') - (sign == '}');
	}
}

void
scan_skip_braces(struct reader *reader)
{
	int depth = 0;

	do {
		char sign = step(reader);
		depth += (sign == '{') - (sign == '}');
		scan_skip_space(reader);
	} while (scan_more(reader) && depth > 0);
}

int
scan_surplus(const struct reader *whole)
{
	struct reader reader = *whole;
	int surplus = 0;

	for (scan_skip_space(&reader); scan_more(&reader); scan_skip_space(&reader)) {
		char sign = step(&reader);
		surplus += (sign == '}') - (sign == '{');
	}
	return surplus;
}

/* Values. */

static struct value *
new_value(struct reader *reader, enum quoting quoting)
{
	struct value *value = arena_take(reader->conf->arena, sizeof *value);

	scan_order(reader);
	value->where = scan_here(reader);
	value->quoting = quoting;
	return value;
}

static void
resolve_escapes(struct value *value, const char *from, const char *end, char *to)
{
	static const char escapes[][2] = { { '"', '"' }, { '\\', '\\' }, { 'n', '\n' }, { 't', '\t' } };

	while (from < end) {
		size_t i = 0;
		if (*from != '\\' || from + 1 == end) {
			*to++ = *from++;
			continue;
		}
		while (i < sizeof escapes / sizeof *escapes && escapes[i][0] != from[1])
			i++;
		bool known = i < sizeof escapes / sizeof *escapes;
		value->escaped = true;
		value->strange |= !known;
		*to++ = known ? escapes[i][1] : from[1];
		from += 2;
	}
	*to = '\0';
}

/* What follows the quote at `at` at once was outside the quotes before one of them was lost. */
static bool
touches_word(const struct reader *reader, const char *at)
{
	return at + 1 < reader->end && !strchr(" \t\r\n,;{}()\"'#", at[1]);
}

struct value *
scan_quoted(struct reader *reader, struct section *in)
{
	char quote = *reader->at;
	struct value *value = new_value(reader, quote == '"' ? QUOTED_DOUBLE : QUOTED_SINGLE);
	const char *begins = reader->at + 1, *ends = find_quote(reader, reader->at);

	if (!ends || touches_word(reader, ends)) {
		scan_mistake(reader, value->where, in, ends ? "the %c that opens here is closed too late, or a blank is missing behind that."
			: "the %c that opens here is never closed on its line.", quote);
		tear(reader, in);
		reader->at = line_end(reader, reader->at);
		return NULL;
	}
	char *text = arena_slice(reader->conf->arena, begins, (size_t)(ends - begins));
	if (quote == '"')
		resolve_escapes(value, begins, ends, text);
	value->text = text;
	reader->at = ends + 1;
	return value;
}

/* Is this the beginning of the next option or section? */
bool
scan_begins_item(const struct reader *reader, const char *at)
{
	const char *after = scan_skip_name(reader, at);

	if (after == at)
		return false;
	after = scan_skip_blanks(reader, after);
	return after < reader->end && (*after == '=' || *after == '{' || scan_is_quote(*after));
}

static bool
stands_bare(const char *word, size_t length)
{
	static const char *const flags[] = { "false", "no", "true", "yes" };

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (strlen(flags[i]) == length && !memcmp(flags[i], word, length))
			return true;
	for (size_t i = 0; i < length; i++)
		if (!is_digit(word[i]))
			return false;
	return length > 0;
}

struct value *
scan_bare(struct reader *reader, struct section *in)
{
	struct value *value = new_value(reader, QUOTED_NOT);
	const char *begins = reader->at, *ends = scan_skip_word(reader, begins);

	while (!stands_bare(begins, (size_t)(ends - begins))) {
		const char *next = scan_skip_blanks(reader, ends);
		if (next == ends || next == reader->end || *next == '#' || scan_begins_item(reader, next) || scan_skip_word(reader, next) == next)
			break;
		ends = scan_skip_word(reader, next);
	}
	value->text = arena_slice(reader->conf->arena, begins, (size_t)(ends - begins));
	reader->at = ends;
	if (ends == reader->end || !scan_is_quote(*ends))
		return value;
	scan_mistake(reader, value->where, in, "a %c is missing before this value.", *ends);
	reader->at++;
	return NULL;
}

struct value *
scan_value(struct reader *reader, struct section *in)
{
	return scan_is_quote(scan_peek(reader)) ? scan_quoted(reader, in) : scan_bare(reader, in);
}
