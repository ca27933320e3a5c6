/* formatting: bold, italic and the like with the codes of IRC. */
#include "protocols/irc/formatting.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"

enum { WIDTH_LEAST = 80, RESET = '\017' };

/* As mIRC and modern.ircdocs.horse have them; each turns on and off. */
static const struct { char code; unsigned style; } codes[] = {
	{ '\002', STYLE_BOLD }, { '\035', STYLE_ITALIC }, { '\037', STYLE_UNDERLINE }, { '\036', STYLE_STRIKE }, { '\021', STYLE_CODE },
};

static const char action[] = "\001ACTION ", action_ends[] = "\001";

/* -- Reading ---------------------------------------------------------------------------------------------------------- */

/* What the byte does to the style: a line end and the reset end all of it. */
static bool
turns(char byte, unsigned *style)
{
	if (byte == RESET || byte == '\n') {
		*style = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].code == byte) {
			*style ^= codes[i].style;
			return true;
		}
	return false;
}

static void
add(struct styled *styled, unsigned style, const char *text, size_t length)
{
	const struct span as = { .style = style };

	/* In code an address is only that. */
	if (style & STYLE_CODE)
		styled_add(styled, &as, text, length);
	else
		styled_add_linked(styled, style, text, length);
}

struct styled *
formatting_read(struct arena *arena, const char *text, size_t length, bool emote)
{
	bool wrapped = length >= strlen(action) && !memcmp(text, action, strlen(action));
	unsigned style = 0;

	if (length && *text == *action && !wrapped)
		return NULL;
	if (wrapped) {
		text += strlen(action);
		length -= strlen(action);
		const char *end = memchr(text, *action_ends, length);
		length = end ? (size_t)(end - text) : length;
	}
	struct styled *styled = styled_new(arena, emote || wrapped);
	for (size_t from = 0, i = 0; i <= length && !styled->cut; i++) {
		unsigned before = style;
		if (i < length && !turns(text[i], &style))
			continue;
		add(styled, before, text + from, i - from);
		if (i < length && text[i] == '\n')
			add(styled, 0, "\n", 1);
		from = i + 1;
	}
	return styled;
}

/* -- Writing: the words in one row, and beside each byte its style ---------------------------------------------------- */

struct flat {
	struct text words;
	unsigned char *styles;          /* of each byte */
};

static void
flat_add(struct flat *flat, const char *text, unsigned style)
{
	size_t from = flat->words.length;

	text_add(&flat->words, text);
	memset(flat->styles + from, (int)style, flat->words.length - from);
}

static struct flat
flatten(struct arena *arena, const struct styled *styled, bool formatted)
{
	size_t most = strlen(styled_plain(arena, styled)) + styled->count;
	struct flat flat = { text_in(arena, most), arena_take(arena, most + 1) };

	for (size_t i = 0; i < styled->count; i++) {
		const char *url = styled_unsaid(styled, i);
		flat_add(&flat, styled->spans[i].text, formatted ? styled->spans[i].style : 0);
		if (!url)
			continue;
		flat_add(&flat, " <", 0);
		flat_add(&flat, url, 0);
		flat_add(&flat, ">", 0);
	}
	return flat;
}

/* Adds what turns one style into the other. */
static void
turn(struct text *line, unsigned from, unsigned to)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if ((from ^ to) & codes[i].style)
			text_add_bytes(line, &codes[i].code, 1);
}

static size_t
turned(unsigned from, unsigned to)
{
	size_t count = 0;

	for (unsigned bits = from ^ to; bits; bits &= bits - 1)
		count++;
	return count;
}

static size_t
character(const char *at)
{
	size_t size = 1;

	while (((unsigned char)at[size] & 0xc0) == 0x80)
		size++;
	return size;
}

/* Where the line that begins at `from` ends: at its end, at the last blank before `room` is used up, or in a word that is longer. */
static size_t
line_end(const struct flat *flat, size_t from, size_t room)
{
	const char *words = flat->words.bytes;
	size_t used = 0, at = from, word = 0;
	unsigned style = 0;

	for (; words[at] && words[at] != '\n'; at += character(words + at)) {
		used += turned(style, flat->styles[at]) + character(words + at);
		style = flat->styles[at];
		if (words[at] == ' ' && at > from && words[at - 1] != ' ')
			word = at;
		/* The reset that closes it needs room, too. */
		if (used + (style != 0) > room)
			return word ? word : at > from ? at : at + character(words + at);
	}
	return at;
}

static const char *
draw(struct arena *arena, const struct flat *flat, size_t from, size_t end, const char *front, const char *back)
{
	struct text line = text_in(arena, strlen(front) + 8 * (end - from) + 8);
	unsigned style = 0;

	text_add(&line, front);
	for (size_t at = from, next; at < end; at = next) {
		for (next = at + 1; next < end && flat->styles[next] == flat->styles[at];)
			next++;
		turn(&line, style, flat->styles[at]);
		style = flat->styles[at];
		text_add_bytes(&line, flat->words.bytes + at, next - at);
	}
	if (style)
		text_add_bytes(&line, (const char[]){ RESET }, 1);
	text_add(&line, back);
	return line.bytes;
}

static const char *
front_of(struct arena *arena, const struct styled *styled, const struct formatting *how)
{
	if (!how->who)
		return styled->emote ? action : "";
	return arena_printf(arena, styled->emote ? "* %s " : "<%s> ", how->who);
}

/* The line's end without the blanks that nobody sees. */
static size_t
trimmed(const char *words, size_t from, size_t end)
{
	while (end > from && words[end - 1] == ' ')
		end--;
	return end;
}

struct formatted
formatting_write(struct arena *arena, const struct styled *styled, const struct formatting *how)
{
	struct flat flat = flatten(arena, styled, how->codes);
	struct formatted out = { .each = arena_take(arena, (how->lines + 1) * sizeof *out.each) };
	const char *words = flat.words.bytes, *front = front_of(arena, styled, how), *back = !how->who && styled->emote ? action_ends : "";
	size_t width = how->width > WIDTH_LEAST ? how->width : WIDTH_LEAST, at = 0;

	while (words[at] && out.count < how->lines) {
		size_t end = line_end(&flat, at, width - strlen(front) - strlen(back)), seen = trimmed(words, at, end);
		if (seen > at)
			out.each[out.count++] = draw(arena, &flat, at, seen, front, back);
		/* A line that goes on begins with a word, a new one as it is. */
		at = end + (words[end] == '\n');
		if (words[end] == ' ')
			at += strspn(words + end, " ");
	}
	out.left = strlen(words + at);
	return out;
}
