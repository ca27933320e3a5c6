/* Fuzzes formatted_body: read, written again, and read once more; and what IRC makes of it.
 * With -DREPLAY: a program that runs over the files it is given. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "protocols/irc/formatting.h"
#include "protocols/irc/line.h"
#include "protocols/matrix/html.h"

enum { EVENT_MOST = 60000, DEPTH_MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_styled(const struct styled *styled)
{
	size_t bytes = 0;

	assert(styled->count <= STYLED_SPANS_MOST);
	for (size_t i = 0; i < styled->count; i++) {
		const struct span *span = &styled->spans[i];
		size_t length = strlen(span->text);
		assert(length && text_utf8(span->text, length) && !(span->style & ~(unsigned)STYLE_ALL));
		for (size_t at = 0; at < length; at++)
			assert((unsigned char)span->text[at] >= ' ' || span->text[at] == '\n');
		assert(!span->url || !strncasecmp(span->url, "http", 4) || !strncasecmp(span->url, "mailto:", 7));
		assert(!span->account || *span->account == '@');
		bytes += length;
	}
	assert(bytes <= STYLED_TEXT_MOST);
}

/* The tag that begins at `at`, of those that we write; its length. */
static size_t
our_tag(const char *at, const char **name, bool *closes)
{
	static const char *const names[] = { "strong", "em", "u", "del", "code", "pre" };

	*closes = at[1] == '/';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t length = strlen(names[i]);
		*name = names[i];
		if (!strncmp(at + 1 + *closes, names[i], length) && at[1 + *closes + length] == '>')
			return length + 2 + *closes;
	}
	*name = "a";
	if (!strncmp(at, "</a>", 4))
		return 4;
	static const char front[] = "<a href=\"";
	if (strncmp(at, front, strlen(front)))
		return 0;
	const char *url = at + strlen(front), *end = strpbrk(url, "\"<>'");
	assert(!strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8) || !strncasecmp(url, "mailto:", 7));
	return end && end[0] == '"' && end[1] == '>' ? (size_t)(end + 2 - at) : 0;
}

/* Only our tags, each closed in its turn; all else is text. */
static void
check_written(const char *html)
{
	const char *open[DEPTH_MOST], *name;
	size_t depth = 0;
	bool closes;

	assert(text_utf8(html, strlen(html)));
	while (*(html += strcspn(html, "<>\"'"))) {
		assert(*html == '<');
		if (!strncmp(html, "<br>", 4)) {
			html += 4;
			continue;
		}
		size_t length = our_tag(html, &name, &closes);
		assert(length);
		if (closes)
			assert(depth && !strcmp(open[--depth], name));
		else {
			assert(depth < DEPTH_MOST);
			open[depth++] = name;
		}
		html += length;
	}
	assert(!depth);
}

/* No-break spaces are blanks, too. */
static char *
without_blanks(struct arena *arena, const char *words)
{
	struct text out = text_in(arena, strlen(words));

	while (*words) {
		size_t blank = *words == ' ' || *words == '\n' ? 1 : strncmp(words, "\u00a0", 2) ? 0 : 2;
		text_add_bytes(&out, words, blank ? 0 : 1);
		words += blank ? blank : 1;
	}
	return out.bytes;
}

/* What we wrote reads as it was, but for blanks at the ends of lines. */
static void
check_again(struct arena *arena, const struct styled *styled)
{
	const struct html_message message = html_write(arena, styled, EVENT_MOST);

	assert(strlen(message.body) + (message.formatted ? strlen(message.formatted) : 0) <= EVENT_MOST);
	assert(text_utf8(message.body, strlen(message.body)));
	if (!message.formatted)
		return;
	check_written(message.formatted);
	const struct styled *back = html_read(arena, message.formatted, strlen(message.formatted), styled->emote);
	check_styled(back);
	if (!back->cut && styled->bytes < EVENT_MOST / 8)
		assert(strstr(message.body, "...") || !strcmp(without_blanks(arena, styled_words(arena, back)), without_blanks(arena, styled_words(arena, styled))));
}

static void
check_lines(struct arena *arena, const struct styled *styled)
{
	const struct formatting how = { .who = "carol", .width = 400, .lines = 10, .codes = true };
	const struct formatted lines = formatting_write(arena, styled, &how);
	struct written written;

	for (size_t i = 0; i < lines.count; i++)
		assert(strlen(lines.each[i]) <= how.width && line_say(&written, 80, "PRIVMSG", "#ops", lines.each[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const struct styled *styled = html_read(arena, (const char *)data, size, false);

	check_styled(styled);
	check_again(arena, styled);
	check_lines(arena, styled);
	arena_free(arena);
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
