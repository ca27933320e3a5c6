/* sheet: formatted_body and body, written side by side. */
#include "protocols/matrix/sheet.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/html.h"
#include "bridge/base/url.h"
#include "protocols/matrix/html.h"

enum { BYTES_MOST = 1 << 20 };          /* of what is drawn before it is weighed; no card comes to that */

struct sheet
sheet_new(struct arena *arena)
{
	return (struct sheet){ .html = text_in(arena, BYTES_MOST), .body = text_in(arena, BYTES_MOST) };
}

/* As JSON writes it. */
static size_t
weight(const char *text)
{
	size_t size = 0;

	for (; *text; text++)
		size += strchr("\"\\\n", *text) ? 2 : 1;
	return size;
}

static void
add(struct sheet *sheet, struct text *to, const char *text)
{
	text_add(to, text);
	sheet->size += weight(text);
}

static void
encode(struct sheet *sheet, const char *text)
{
	size_t before = sheet->html.length;

	html_add(&sheet->html, text);
	sheet->size += weight(sheet->html.bytes + before);
}

void
sheet_tag(struct sheet *sheet, const char *tag)
{
	add(sheet, &sheet->html, tag);
	sheet->marked |= strcmp(tag, "<p>") && strcmp(tag, "</p>");
}

void
sheet_sign(struct sheet *sheet, const char *sign)
{
	add(sheet, &sheet->body, sign);
}

/* Runs of blanks stay: it may be the row of a table. */
static char *
one_line(struct arena *arena, const char *text)
{
	char *line = text_clean_lines(arena, text, strlen(text));

	for (char *at = line; (at = strchr(at, '\n'));)
		*at = ' ';
	return line;
}

void
sheet_words(struct sheet *sheet, const char *text)
{
	if (!text)
		return;
	const char *line = one_line(sheet->html.arena, text);
	encode(sheet, line);
	add(sheet, &sheet->body, line);
}

void
sheet_line_end(struct sheet *sheet)
{
	add(sheet, &sheet->html, "\n");
	add(sheet, &sheet->body, "\n");
}

void
sheet_strong(struct sheet *sheet, const char *text)
{
	if (!*text)
		return;
	sheet_tag(sheet, "<strong>");
	sheet_words(sheet, text);
	sheet_tag(sheet, "</strong>");
}

/* -- What is to be typed ---------------------------------------------------------------------------------------------- */

/* The words with which our sentences go on behind a command: "!resume ends it". */
static const char *const going_on[] = { "ends", "for", "makes", "or", "says", "shows", "tells", "within" };

static bool
goes_on(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof going_on / sizeof *going_on; i++)
		if (strlen(going_on[i]) == length && !strncmp(word, going_on[i], length))
			return true;
	return false;
}

static bool
is_plain(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!islower((unsigned char)word[i]))
			return false;
	return length > 0;
}

static bool
is_shouted(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (isupper((unsigned char)word[i]))
			return true;
	return false;
}

static bool
begins(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return length && !strncmp(text, prefix, length) && isalpha((unsigned char)text[length]);
}

/* How much of the text is a command, its arguments with it: up to the sign that ends a sentence's part, a bracket, the next command, a word
 * that goes on with our sentence, or a plain word behind an id or a placeholder: "!log B32 the error", "!help VERB how to use it". */
static size_t
typed(const char *text, const char *prefix)
{
	bool shouted = false;
	size_t end = 0;

	for (const char *word = text; *word && *word != ' '; word += *word == ' ') {
		size_t length = strcspn(word, " "), whole = length;
		while (length && strchr(",;.:)", word[length - 1]))
			length--;
		bool first = word == text;
		if (!length || (!first && (strchr("|(", *word) || begins(word, prefix) || goes_on(word, length) || (shouted && is_plain(word, length)))))
			break;
		shouted |= !first && is_shouted(word, length);
		end = (size_t)(word - text) + length;
		if (length < whole)
			break;
		word += whole;
	}
	return end;
}

/* Where the next command begins; the end of the text where there is none. */
static const char *
next_command(const char *from, const char *text, const char *prefix)
{
	for (; *text; text++)
		if ((text == from || strchr(" (", text[-1])) && begins(text, prefix))
			break;
	return text;
}

static void
add_code(struct sheet *sheet, const char *text, size_t length)
{
	sheet_tag(sheet, "<code>");
	sheet_words(sheet, arena_slice(sheet->html.arena, text, length));
	sheet_tag(sheet, "</code>");
}

void
sheet_typed_words(struct sheet *sheet, const char *words)
{
	for (const char *word = words + strspn(words, " "); *word; word += strspn(word, " ")) {
		size_t length = strcspn(word, " ");
		sheet_words(sheet, word == words ? NULL : " ");
		add_code(sheet, word, length);
		word += length;
	}
}

void
sheet_sentence(struct sheet *sheet, const char *text, const char *prefix)
{
	struct arena *arena = sheet->html.arena;
	const char *line = one_line(arena, text), *at = line;

	while (prefix && *at) {
		const char *command = next_command(line, at, prefix);
		sheet_words(sheet, arena_slice(arena, at, (size_t)(command - at)));
		at = command;
		if (!*at)
			return;
		size_t length = typed(at, prefix);
		add_code(sheet, at, length);
		at += length;
	}
	sheet_words(sheet, at);
}

/* -- Links ------------------------------------------------------------------------------------------------------------ */

static void
open_link(struct sheet *sheet, const char *url)
{
	sheet_tag(sheet, "<a href=\"");
	encode(sheet, url);
	sheet_tag(sheet, "\">");
}

void
sheet_link(struct sheet *sheet, const char *url)
{
	struct arena *arena = sheet->html.arena;
	const char *origin = url_origin(arena, url);

	if (!origin || strchr(url, ' ') || strcmp(text_clean(arena, url, strlen(url)), url) != 0)
		return;
	const char *port = strrchr(origin, ':'), *host = strstr(origin, "://") + 3;
	host = arena_slice(arena, host, (size_t)(port - host));
	/* Clients would show a person or a room in its place, as if we had named them. */
	if (!strcmp(host, "matrix.to")) {
		sheet_words(sheet, url);
		return;
	}
	open_link(sheet, url);
	encode(sheet, host);
	sheet_tag(sheet, "</a>");
	add(sheet, &sheet->body, url);
}

void
sheet_user(struct sheet *sheet, const char *name, const char *user)
{
	const char *url = user && *name ? html_mention(sheet->html.arena, user) : NULL;

	if (url)
		open_link(sheet, url);
	sheet_words(sheet, name);
	if (url)
		sheet_tag(sheet, "</a>");
}
