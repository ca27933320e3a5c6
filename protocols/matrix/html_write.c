/* html_write: what a person said as a formatted_body of ours: a fixed set of tags, always balanced. */
#include <assert.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/html.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/talk/styled.h"
#include "protocols/matrix/html.h"

static const struct { unsigned style; const char *open, *close; } written[] = {
	{ STYLE_BOLD,      "<strong>", "</strong>" },
	{ STYLE_ITALIC,    "<em>",     "</em>" },
	{ STYLE_UNDERLINE, "<u>",      "</u>" },
	{ STYLE_STRIKE,    "<del>",    "</del>" },
	{ STYLE_CODE,      "<code>",   "</code>" },
};

enum { WRITTEN = sizeof written / sizeof *written };

/* A line end is <br>; of several blanks all but the last, and one that begins a line, are no-break spaces, or they would not be seen. */
static void
write_words(struct text *out, const char *text, size_t length)
{
	struct text words = text_in(out->arena, 2 * length);

	for (size_t i = 0; i < length; i++) {
		bool begins = i > 0 && text[i - 1] == '\n', goes_on = i + 1 < length && text[i + 1] == ' ';
		if (text[i] == '\n') {
			html_add(out, words.bytes);
			text_add(out, "<br>");
			words = text_in(out->arena, 2 * length);
		} else if (text[i] == ' ' && (begins || goes_on))
			text_add(&words, "\u00a0");
		else
			text_add_bytes(&words, text + i, 1);
	}
	html_add(out, words.bytes);
}

const char *
html_mention(struct arena *arena, const char *user)
{
	const char *colon = strchr(user, ':');
	const char *local = *user == '@' && colon ? url_part(arena, arena_slice(arena, user + 1, (size_t)(colon - user - 1))) : NULL;
	const char *server = local ? url_part(arena, colon + 1) : NULL;

	return server ? arena_printf(arena, "https://matrix.to/#/@%s:%s", local, server) : NULL;
}

static void
write_inline(struct text *out, const struct span *span, const char *text, size_t length)
{
	const char *url = span->account ? html_mention(out->arena, span->account) : span->url;

	if (url) {
		text_add(out, "<a href=\"");
		html_add(out, url);
		text_add(out, "\">");
	}
	for (size_t i = 0; i < WRITTEN; i++)
		text_add(out, span->style & written[i].style ? written[i].open : NULL);
	write_words(out, text, length);
	for (size_t i = WRITTEN; i-- > 0;)
		text_add(out, span->style & written[i].style ? written[i].close : NULL);
	text_add(out, url ? "</a>" : NULL);
}

/* Several lines of code are a block of their own. */
static bool
is_block(const struct span *span)
{
	return (span->style & STYLE_CODE) && strchr(span->text, '\n');
}

static const char *
draw(struct arena *arena, const struct styled *styled)
{
	/* Nothing of what is allowed comes to that much: no tag is ever cut. */
	struct text out = text_in(arena, 64 * 1024 * 1024);

	for (size_t i = 0; i < styled->count; i++) {
		const struct span *span = &styled->spans[i];
		bool after = i > 0 && is_block(span - 1), before = i + 1 < styled->count && is_block(span + 1);
		const char *text = span->text + (after && *span->text == '\n');
		size_t length = strlen(text);
		length -= before && length && text[length - 1] == '\n';
		if (is_block(span)) {
			text_add(&out, "<pre><code>");
			html_add(&out, span->text);
			text_add(&out, "</code></pre>");
		} else if (length)
			write_inline(&out, span, text, length);
	}
	assert(!out.cut);
	return out.bytes;
}

/* Whether formatting says more than the words alone. */
static bool
is_formatted(const struct styled *styled)
{
	for (size_t i = 0; i < styled->count; i++)
		if (styled->spans[i].style || styled->spans[i].account || (styled->spans[i].url && strcmp(styled->spans[i].url, styled->spans[i].text)))
			return true;
	return false;
}

struct html_message
html_write(struct arena *arena, const struct styled *styled, size_t most)
{
	struct html_message message;
	size_t budget = most;

	do {
		const struct styled *part = styled_cut(arena, styled, budget);
		message.body = styled_plain(arena, part);
		message.formatted = is_formatted(part) ? draw(arena, part) : NULL;
		budget /= 2;
	} while (budget && strlen(message.body) + (message.formatted ? strlen(message.formatted) : 0) > most);
	return message;
}
