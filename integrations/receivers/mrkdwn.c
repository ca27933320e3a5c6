/* mrkdwn: Slack's own markup: <https://...|words>, <@U123>, <!here>. */
#include <stdbool.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"

static const char *
lead(const char *line)
{
	if (!strncmp(line, "&gt;", 4))
		line += 4;
	else if (*line == '>')
		line++;
	line += strspn(line, " ");
	return *line ? line : NULL;
}

static void
words(struct draft *draft, const char *text, struct text *out)
{
	markup_words(draft, text, text + strlen(text), out);
}

/* <!here>, <!subteam^S12|@ops>, <!date^1392734382^{date}|18 Feb 2014> */
static void
order(struct draft *draft, const char *what, const char *shown, struct text *out)
{
	if (*shown)
		words(draft, shown, out);
	else
		text_printf(out, "@%.*s", (int)strcspn(what, "^"), what);
}

/* <@U123|bob>, <#C123> */
static void
reference(struct draft *draft, const char *what, const char *shown, struct text *out)
{
	const char *name = *shown ? shown : what + 1;

	if (*name != *what)
		text_add_bytes(out, what, 1);
	words(draft, name, out);
}

/* What is escaped in an address. */
static char *
unescaped(struct arena *arena, const char *url)
{
	struct text out = text_in(arena, strlen(url) + 1);

	for (; *url; url += strncmp(url, "&amp;", 5) ? 1 : 5)
		text_add_bytes(&out, url, 1);
	return out.bytes;
}

/* An address that stands for itself stays among the words; one behind words is the card's link. */
static void
address(struct draft *draft, const char *what, const char *shown, struct text *out)
{
	bool web = strncmp(what, "mailto:", 7) && strncmp(what, "tel:", 4);
	const char *url = unescaped(draft->arena, what);

	if (!*shown || !strcmp(what, shown)) {
		text_add(out, web ? url : strchr(url, ':') + 1);
		return;
	}
	words(draft, shown, out);
	if (web)
		draft_link(draft, LINK_WORDS, url);
}

static size_t
special(struct draft *draft, const char *at, const char *end, struct text *out)
{
	const char *close = *at == '<' ? memchr(at, '>', (size_t)(end - at)) : NULL;

	if (!close || close == at + 1 || at[1] == '|')
		return 0;
	char *what = arena_slice(draft->arena, at + 1, (size_t)(close - at - 1));
	char *bar = strchr(what, '|');
	const char *shown = bar ? bar + 1 : "";
	if (bar)
		*bar = '\0';
	if (*what == '!')
		order(draft, what + 1, shown, out);
	else if (*what == '@' || *what == '#')
		reference(draft, what, shown, out);
	else
		address(draft, what, shown, out);
	return (size_t)(close + 1 - at);
}

const struct dialect mrkdwn = { .signs = "*_", .lead = lead, .special = special };
