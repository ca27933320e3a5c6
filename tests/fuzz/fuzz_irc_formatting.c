/* Fuzzes what people say on IRC: read, written again for IRC and for Matrix, kept and cut.
 * The first byte of the input chooses how it is written. With -DREPLAY: a program that runs over the files it is given. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "protocols/irc/formatting.h"
#include "protocols/irc/line.h"
#include "protocols/matrix/html.h"

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
		bytes += length;
	}
	assert(bytes <= STYLED_TEXT_MOST);
}

static void
check_kept(struct arena *arena, const struct styled *styled, size_t most)
{
	struct error error = { "" };
	const char *json = styled_json(arena, styled);
	const struct styled *back = styled_read(arena, json, &error), *cut = styled_cut(arena, styled, most);

	assert(back && !strcmp(styled_json(arena, back), json));
	check_styled(cut);
	assert(strlen(styled_words(arena, cut)) <= most);
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

/* Every line is one that may be said, and together they are all that was said. */
static void
check_lines(struct arena *arena, const struct styled *styled, const struct formatting *how)
{
	const struct formatted lines = formatting_write(arena, styled, how);
	struct styled *all = styled_new(arena, styled->emote);
	size_t front = how->who ? strlen(how->who) + 3 : 0;

	assert(lines.count <= how->lines);
	for (size_t i = 0; i < lines.count; i++) {
		const char *line = lines.each[i];
		struct written written;
		assert(strlen(line) <= how->width && text_utf8(line, strlen(line)) && line_is_said(line));
		assert(line_say(&written, 80, "PRIVMSG", "#ops", line));
		assert(how->codes || how->who == NULL || !strpbrk(line, "\001\002\003\017\021\035\036\037"));
		assert(strlen(line) > front);
		styled_append(all, formatting_read(arena, line + front, strlen(line) - front, false));
	}
	bool address = false;
	for (size_t i = 0; i < styled->count; i++)
		address = address || styled_unsaid(styled, i);
	if (!lines.left && !address && !all->cut)
		assert(!strcmp(without_blanks(arena, styled_words(arena, all)), without_blanks(arena, styled_words(arena, styled))));
}

/* Matrix shows the same words. */
static void
check_html(struct arena *arena, const struct styled *styled)
{
	const struct html_message message = html_write(arena, styled, 600000);

	if (!message.formatted)
		return;
	const struct styled *back = html_read(arena, message.formatted, strlen(message.formatted), styled->emote);
	check_styled(back);
	if (!back->cut && !styled->cut)
		assert(!strcmp(without_blanks(arena, styled_words(arena, back)), without_blanks(arena, styled_words(arena, styled))));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = size ? data[0] : 0;
	struct arena *arena = arena_new();
	const struct formatting how = { .who = choice & 1 ? "carol" : NULL, .width = choice & 2 ? 80 : 400, .lines = choice & 4 ? 5 : 5000, .codes = choice & 8 };
	const struct styled *styled = size ? formatting_read(arena, (const char *)data + 1, size - 1, choice & 16) : NULL;

	if (styled) {
		check_styled(styled);
		check_kept(arena, styled, choice);
		check_lines(arena, styled, &how);
		check_html(arena, styled);
	}
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
