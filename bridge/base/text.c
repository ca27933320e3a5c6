/* text: growing strings, and what is done to the words of others before we show them. */
#include "bridge/base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"

enum { REPLACEMENT = 0xfffd, BAD = -1 };

struct text
text_in(struct arena *arena, size_t limit)
{
	return (struct text){ .arena = arena, .bytes = arena_slice(arena, "", 0), .limit = limit };
}

static void
grow(struct text *text, size_t need)
{
	size_t size = text->size ? text->size : 64;

	if (need < text->size)
		return;
	while (size <= need)
		size *= 2;
	char *bytes = arena_take(text->arena, size);
	memcpy(bytes, text->bytes, text->length);
	text->bytes = bytes;
	text->size = size;
}

void
text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	size_t room = text->limit - text->length;

	if (text->cut)
		return;
	if (length > room) {
		length = text_fit(bytes, length, room);
		text->cut = true;
	}
	if (!length)
		return;
	grow(text, text->length + length);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void
text_add(struct text *text, const char *more)
{
	if (more)
		text_add_bytes(text, more, strlen(more));
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	char *more = arena_vprintf(text->arena, format, values);
	va_end(values);
	text_add(text, more);
}

/* UTF-8. */

/* The next character, and how many bytes it has; BAD for bytes that are none (then one byte). */
static int32_t
decode(const char *text, size_t length, size_t *used)
{
	static const struct { unsigned char mask, lead; int32_t least; } forms[] = {
		{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	unsigned char first = (unsigned char)text[0];

	*used = 1;
	for (size_t more = 0; more < 4; more++) {
		if ((first & forms[more].mask) != forms[more].lead)
			continue;
		int32_t value = first & (unsigned char)~forms[more].mask;
		for (size_t i = 1; i <= more; i++) {
			if (i >= length || ((unsigned char)text[i] & 0xc0) != 0x80)
				return BAD;
			value = value << 6 | ((unsigned char)text[i] & 0x3f);
		}
		if (value < forms[more].least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return BAD;
		*used = more + 1;
		return value;
	}
	return BAD;
}

bool
text_utf8(const char *text, size_t length)
{
	size_t used;

	for (size_t i = 0; i < length; i += used)
		if (decode(text + i, length - i, &used) <= 0)
			return false;
	return true;
}

size_t
text_fit(const char *text, size_t length, size_t most)
{
	size_t fits = length < most ? length : most;
	size_t back = fits;

	/* A character that the end cuts through goes as a whole. */
	while (back > 0 && fits - back < 4 && ((unsigned char)text[back - 1] & 0xc0) == 0x80)
		back--;
	if (back == 0 || !((unsigned char)text[back - 1] & 0x80))
		return fits;
	unsigned char lead = (unsigned char)text[back - 1];
	size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	return back - 1 + whole > fits ? back - 1 : fits;
}

static bool
is_wide(int32_t c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff)
		|| (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff)
		|| (c >= 0x20000 && c <= 0x3fffd);
}

static bool
is_combining(int32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe00 && c <= 0xfe0f);
}

size_t
text_columns(const char *text)
{
	size_t columns = 0, used;

	for (size_t i = 0, length = strlen(text); i < length; i += used) {
		int32_t c = decode(text + i, length - i, &used);
		columns += is_combining(c) ? 0 : is_wide(c) ? 2 : 1;
	}
	return columns;
}

/* Cleaning. */

/* What steers a screen or a reader's eye and says nothing: controls, directions, zero widths, invisible tags. */
static bool
is_unseen(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e)
		|| (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

enum { ZERO_WIDTH_JOINER = 0x200d, EMOJI_STYLE = 0xfe0f };

/* What a joiner makes one picture of: pictographs, with their flags and skins, and the older signs that stand in such pictures. */
static bool
is_emoji(int32_t c)
{
	static const struct { int32_t from, to; } ranges[] = {
		{ 0x2194, 0x2199 }, { 0x2600, 0x27bf }, { 0x2b05, 0x2b1c }, { 0x2b50, 0x2b55 }, { 0x1f000, 0x1faff } };

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* How many of the next bytes, `most` of them at most, are of one kind. */
static size_t
run(const char *at, size_t length, size_t most, int (*is)(int))
{
	size_t i = 0;

	while (i < length && i < most && is((unsigned char)at[i]))
		i++;
	return i;
}

/* A colour of IRC: \x03 and one or two digits, or \x04 and six hexadecimal ones; perhaps a comma and the background's. */
static size_t
colour(const char *at, size_t length)
{
	bool hex = *at == '\x04';
	size_t least = hex ? 6 : 1, most = hex ? 6 : 2;
	size_t first = run(at + 1, length - 1, most, hex ? isxdigit : isdigit);

	if (first < least)
		return 1;
	if (1 + first >= length || at[1 + first] != ',')
		return 1 + first;
	size_t second = run(at + 2 + first, length - 2 - first, most, hex ? isxdigit : isdigit);
	return second < least ? 1 + first : 2 + first + second;
}

static size_t
skip_between(const char *at, size_t length, size_t i, char least, char most)
{
	while (i < length && at[i] >= least && at[i] <= most)
		i++;
	return i;
}

/* A title, a link, a clipboard: up to BEL or ESC \, but never past a line end. */
static size_t
escape_string(const char *at, size_t length)
{
	size_t i = 2;

	while (i < length && !memchr("\a\n\r\x1b", at[i], 4))
		i++;
	if (i < length && at[i] == '\a')
		return i + 1;
	return i + 1 < length && at[i] == '\x1b' && at[i + 1] == '\\' ? i + 2 : i;
}

/* As ECMA-48 has it. Where it breaks off, what stands there is text again: nobody hides words behind it. */
static size_t
escape(const char *at, size_t length)
{
	if (length < 2)
		return 1;
	if (memchr("]PX^_", at[1], 5))
		return escape_string(at, length);
	bool control = at[1] == '[';
	size_t i = control ? skip_between(at, length, 2, 0x20, 0x3f) : skip_between(at, length, 1, 0x20, 0x2f);
	if (i < length && at[i] >= (control ? 0x40 : 0x30) && at[i] <= 0x7e)
		return i + 1;
	return i;
}

/* How long an escape sequence or a colour is that begins here; 0: there is none. */
static size_t
sequence(const char *at, size_t length)
{
	if (*at == '\x1b')
		return escape(at, length);
	return *at == '\x03' || *at == '\x04' ? colour(at, length) : 0;
}

/* How many bytes from here are plain visible ASCII, which stays what it is: nearly all that people write. */
static size_t
visible(const char *at, size_t length)
{
	size_t i = 0;

	while (i < length && at[i] > ' ' && at[i] < 0x7f)
		i++;
	return i;
}

/* Adds what may be seen of it. A blank stands for white space, once where `fold`. */
static void
add_clean(struct text *out, const char *at, size_t size, int32_t c, bool fold)
{
	bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == 0x2028 || c == 0x2029;

	if (blank && fold) {
		if (out->length && out->bytes[out->length - 1] != ' ')
			text_add(out, " ");
	} else if (blank && c == '\n')
		text_add(out, "\n");
	else if (blank)
		text_add(out, " ");
	else if (c == BAD || c == 0)
		text_add(out, "\xef\xbf\xbd");
	else if (!is_unseen(c))
		text_add_bytes(out, at, size);
}

static bool
begins_emoji(const char *at, size_t length)
{
	size_t used;

	return length && is_emoji(decode(at, length, &used));
}

static char *
clean(struct arena *arena, const char *text, size_t length, bool fold, bool joins)
{
	struct text out = text_in(arena, 3 * length + 1);
	int32_t last = 0;               /* what was seen; its style does not count */
	size_t used;

	for (size_t i = 0; i < length; i += used) {
		used = visible(text + i, length - i);
		text_add_bytes(&out, text + i, used);
		last = used ? ' ' : last;
		used = used ? used : sequence(text + i, length - i);
		if (used)
			continue;
		int32_t c = decode(text + i, length - i, &used);
		if (!fold && c == '\r') {
			/* CR LF and a lone CR are one line end. */
			c = '\n';
			used = i + 1 < length && text[i + 1] == '\n' ? 2 : 1;
		}
		if (joins && c == ZERO_WIDTH_JOINER && is_emoji(last) && begins_emoji(text + i + used, length - i - used))
			text_add_bytes(&out, text + i, used);
		add_clean(&out, text + i, used, c, fold);
		last = is_unseen(c) || c == EMOJI_STYLE ? last : c;
	}
	while (fold && out.length && out.bytes[out.length - 1] == ' ')
		out.bytes[--out.length] = '\0';
	return out.bytes;
}

char *
text_clean(struct arena *arena, const char *text, size_t length)
{
	return clean(arena, text, length, true, false);
}

char *
text_clean_lines(struct arena *arena, const char *text, size_t length)
{
	return clean(arena, text, length, false, false);
}

char *
text_clean_talk(struct arena *arena, const char *text, size_t length)
{
	return clean(arena, text, length, false, true);
}

char *
text_cut(struct arena *arena, const char *text, size_t most)
{
	size_t length = strlen(text);

	if (length <= most)
		return arena_text(arena, text);
	if (most < 4)
		return arena_slice(arena, text, text_fit(text, length, most));
	size_t fits = text_fit(text, length, most - 3), word = fits;
	while (word > fits / 2 && text[word] != ' ')
		word--;
	if (word > fits / 2)
		fits = word;
	return arena_printf(arena, "%.*s...", (int)fits, text);
}

char *
text_plain(struct arena *arena, const char *text)
{
	static const struct { int32_t from; const char *to; } plain[] = {
		{ 0x2018, "'" }, { 0x2019, "'" }, { 0x201a, "'" }, { 0x201b, "'" }, { 0x201c, "\"" }, { 0x201d, "\"" }, { 0x201e, "\"" },
		{ 0x201f, "\"" }, { 0xa0, " " }, { 0x2007, " " }, { 0x202f, " " }, { 0x3000, " " }, { 0xfeff, "" } };
	struct text out = text_in(arena, strlen(text) + 1);
	size_t used;

	for (size_t i = 0, length = strlen(text); i < length; i += used) {
		used = visible(text + i, length - i);
		text_add_bytes(&out, text + i, used);
		if (used)
			continue;
		int32_t c = decode(text + i, length - i, &used);
		size_t p = 0;
		while (p < sizeof plain / sizeof *plain && plain[p].from != c)
			p++;
		if (p < sizeof plain / sizeof *plain)
			text_add(&out, plain[p].to);
		else
			text_add_bytes(&out, text + i, used);
	}
	return out.bytes;
}

static const char *
behind_character(const char *at)
{
	do
		at++;
	while (((unsigned char)*at & 0xc0) == 0x80);
	return at;
}

/* Where the text stops to fit, the last * takes one byte more: no further way back is needed. */
bool
text_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern == '?') {
			pattern++;
			text = behind_character(text);
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++from;
		} else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

enum { WORD_MOST = 32 };

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters are wrong, missing, too many or swapped with their neighbour. */
static unsigned
distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][WORD_MOST + 1];

	if (n > WORD_MOST || m > WORD_MOST)
		return WORD_MOST;
	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i - 1) % 3], *two = rows[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			now[j] = least(least(before[j], now[j - 1]) + 1, before[j - 1] + !same);
			if (i > 1 && j > 1 && tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 2])
			    && tolower((unsigned char)a[i - 2]) == tolower((unsigned char)b[j - 1]))
				now[j] = least(now[j], two[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *
text_nearest(const char *word, const char *const *among)
{
	size_t length = strlen(word);
	unsigned best = length <= 2 ? 0 : length <= 4 ? 1 : 2;
	const char *nearest = NULL;

	for (size_t i = 0; among[i]; i++) {
		unsigned far = distance(word, among[i]);
		/* The beginning of a word is meant as that word. */
		if (far > 1 && length >= 3 && !strncasecmp(word, among[i], length))
			far = 1;
		if (far <= best && (!nearest || far < best)) {
			best = far;
			nearest = among[i];
		}
	}
	return nearest;
}

char *
text_size(struct arena *arena, int64_t bytes)
{
	static const char *const units[] = { "bytes", "KB", "MB", "GB", "TB" };
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
		size /= 1000;
	return arena_printf(arena, unit && size < 9.95 ? "%.1f %s" : "%.0f %s", size, bytes == 1 ? "byte" : units[unit]);
}

const char *
text_s(unsigned long count)
{
	return count == 1 ? "" : "s";
}
