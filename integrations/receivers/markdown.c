/* markdown: what Teams and Mattermost mark words up with: [words](address), # headings, tables, and the HTML that connectors let pass. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"

/* Elements that only say how their words look; a new line begins at those in `lines`. */
static const char *const elements[] = { "a", "b", "code", "del", "div", "em", "font", "i", "li", "ol", "p", "pre", "s", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul", "h1", "h2", "h3", "h4", "h5", "h6", NULL };
static const char *const lines[] = { "br", "hr", "li", "p", "div", "tr", NULL };

/* "|---|:--:|" below the names of a table, "---" between two parts, "===" below a heading. */
static bool
is_rule(const char *line)
{
	return line[strspn(line, "|-:= *_")] == '\0' && strlen(line) >= 3;
}

static const char *
lead(const char *line)
{
	size_t sharps = strspn(line, "#");

	if (!*line || is_rule(line))
		return NULL;
	if (sharps && sharps <= 6 && line[sharps] == ' ')
		line += sharps;
	else if (*line == '>' || *line == '|')
		line++;
	else if ((*line == '-' || *line == '*' || *line == '+') && line[1] == ' ')
		line++;
	line += strspn(line, " ");
	return *line ? line : NULL;
}

/* The sign that closes what is open at `at`; those inside are passed over. */
static const char *
matching(const char *at, const char *end, char open, char close)
{
	unsigned depth = 0;

	for (; at < end; at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
		else if (*at == open)
			depth++;
		else if (*at == close && --depth == 0)
			return at;
	}
	return NULL;
}

/* (https://... "a title") */
static char *
target(struct draft *draft, const char *at, const char *end)
{
	size_t length;

	while (at < end && (*at == ' ' || *at == '<'))
		at++;
	for (length = 0; at + length < end && !strchr(" >\"", at[length]);)
		length++;
	return arena_slice(draft->arena, at, length);
}

/* [words](address), ![picture](address) */
static size_t
link_or_picture(struct draft *draft, const char *at, const char *end, struct text *out)
{
	bool picture = *at == '!';
	const char *open = at + picture;
	const char *middle = open < end && *open == '[' ? matching(open, end, '[', ']') : NULL;
	const char *close = middle && middle + 1 < end && middle[1] == '(' ? matching(middle + 1, end, '(', ')') : NULL;

	if (!close)
		return 0;
	markup_words(draft, open + 1, middle, out);
	if (picture)
		draft_leave_out(draft, LEFT_PICTURE);
	else
		draft_link(draft, LINK_WORDS, target(draft, middle + 2, close));
	return (size_t)(close + 1 - at);
}

static bool
is_among(const char *name, size_t length, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == length && !strncasecmp(*list, name, length))
			return true;
	return false;
}

/* <a href="https://..."> */
static void
follow(struct draft *draft, const char *at, const char *end)
{
	const char *href = memmem(at, (size_t)(end - at), "href=", 5);

	if (!href || href + 6 >= end)
		return;
	href += 5;
	const char *stop = strchr("\"'", *href) ? memchr(href + 1, *href, (size_t)(end - href - 1)) : NULL;
	if (stop)
		draft_link(draft, LINK_WORDS, arena_slice(draft->arena, href + 1, (size_t)(stop - href - 1)));
}

/* Behind the name of an element: its end, or attributes. "a <b and c> d" has none. */
static bool
is_element(const char *at, const char *close)
{
	return at == close || (*at == '/' && at + 1 == close) || (*at == ' ' && (memchr(at, '=', (size_t)(close - at)) || close[-1] == '/'));
}

static size_t
element(struct draft *draft, const char *at, const char *end, struct text *out)
{
	const char *close = memchr(at, '>', (size_t)(end - at)), *name = at + 1;

	if (!close)
		return 0;
	name += *name == '/';
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ123456");
	bool line = is_among(name, length, lines);
	if (!is_element(name + length, close) || (!line && !is_among(name, length, elements)))
		return 0;
	if (line && out->length && out->bytes[out->length - 1] != ' ')
		text_add(out, strchr(".,:;!?", out->bytes[out->length - 1]) ? " " : ". ");
	if (length == 1 && tolower((unsigned char)*name) == 'a')
		follow(draft, name, close);
	return (size_t)(close + 1 - at);
}

/* <https://...> */
static size_t
bare_address(const char *at, const char *end, struct text *out)
{
	const char *close = memchr(at, '>', (size_t)(end - at));

	if (!close || (strncmp(at + 1, "https://", 8) && strncmp(at + 1, "http://", 7)))
		return 0;
	text_add_bytes(out, at + 1, (size_t)(close - at - 1));
	return (size_t)(close + 1 - at);
}

/* {{DATE(2017-02-14T06:08:39Z, SHORT)}}, {{TIME(2017-02-14T06:08:39Z)}} of Adaptive Cards. */
static size_t
moment(const char *at, const char *end, struct text *out)
{
	bool date = end - at > 20 && !strncmp(at, "{{DATE(", 7), time = end - at > 26 && !strncmp(at, "{{TIME(", 7);
	const char *close = date || time ? memmem(at, (size_t)(end - at), ")}}", 3) : NULL;

	if (!close)
		return 0;
	if (date)
		text_add_bytes(out, at + 7, 10);
	else
		text_printf(out, "%.5s%s", at + 18, memchr(at, 'Z', (size_t)(close - at)) ? " UTC" : "");
	return (size_t)(close + 3 - at);
}

static size_t
escaped(const char *at, const char *end, struct text *out)
{
	if (end - at < 2 || !ispunct((unsigned char)at[1]))
		return 0;
	text_add_bytes(out, at + 1, 1);
	return 2;
}

static size_t
angle(struct draft *draft, const char *at, const char *end, struct text *out)
{
	size_t taken = bare_address(at, end, out);

	return taken ? taken : element(draft, at, end, out);
}

static size_t
special(struct draft *draft, const char *at, const char *end, struct text *out)
{
	switch (*at) {
	case '[': case '!': return link_or_picture(draft, at, end, out);
	case '<': return angle(draft, at, end, out);
	case '{': return moment(at, end, out);
	case '\\': return escaped(at, end, out);
	default: return 0;
	}
}

const struct dialect markdown = { .signs = "*_", .languages = true, .lead = lead, .special = special };
