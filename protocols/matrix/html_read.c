/* html: a message's formatted_body as what a person said: a tolerant reader. */
#include "protocols/matrix/html.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "protocols/matrix/html_entity.h"

enum {
	DEPTH_MOST = 100,               /* as the specification asks; what is deeper keeps its text */
	TAG_MOST = 4096,                /* bytes of one tag; a longer one is text */
	NAME_MOST = 16,                 /* of the names that mean something here */
};

/* -- Tags that mean something ----------------------------------------------------------------------------------------- */

struct reader;
struct element;

struct tag {
	const char *name;
	unsigned style;
	enum { PLACE_INLINE, PLACE_BLOCK, PLACE_PARAGRAPH } place;
	bool empty;                     /* has no end tag */
	bool gone;                      /* with all that is in it */
	void (*open)(struct reader *, struct element *, const char *tag);      /* NULL: nothing more to do */
};

static void open_cell(struct reader *, struct element *, const char *);
static void open_image(struct reader *, struct element *, const char *);
static void open_item(struct reader *, struct element *, const char *);
static void open_line(struct reader *, struct element *, const char *);
static void open_link(struct reader *, struct element *, const char *);
static void open_list(struct reader *, struct element *, const char *);
static void open_pre(struct reader *, struct element *, const char *);
static void open_quote(struct reader *, struct element *, const char *);
static void open_row(struct reader *, struct element *, const char *);
static void open_rule(struct reader *, struct element *, const char *);
static void open_span(struct reader *, struct element *, const char *);
static void open_sub(struct reader *, struct element *, const char *);
static void open_sup(struct reader *, struct element *, const char *);

/* Those that the specification lists for m.room.message, and the older ones that clients still send. */
static const struct tag tags[] = {
	{ .name = "a", .open = open_link },
	{ .name = "b", .style = STYLE_BOLD },
	{ .name = "blockquote", .place = PLACE_BLOCK, .open = open_quote },
	{ .name = "br", .empty = true, .open = open_line },
	{ .name = "caption", .place = PLACE_BLOCK, .style = STYLE_BOLD },
	{ .name = "code", .style = STYLE_CODE },
	{ .name = "del", .style = STYLE_STRIKE },
	{ .name = "details", .place = PLACE_BLOCK },
	{ .name = "div", .place = PLACE_BLOCK },
	{ .name = "em", .style = STYLE_ITALIC },
	{ .name = "h1", .place = PLACE_PARAGRAPH, .style = STYLE_BOLD },
	{ .name = "h2", .place = PLACE_PARAGRAPH, .style = STYLE_BOLD },
	{ .name = "h3", .place = PLACE_PARAGRAPH, .style = STYLE_BOLD },
	{ .name = "h4", .place = PLACE_PARAGRAPH, .style = STYLE_BOLD },
	{ .name = "h5", .place = PLACE_PARAGRAPH, .style = STYLE_BOLD },
	{ .name = "h6", .place = PLACE_PARAGRAPH, .style = STYLE_BOLD },
	{ .name = "hr", .place = PLACE_BLOCK, .empty = true, .open = open_rule },
	{ .name = "i", .style = STYLE_ITALIC },
	{ .name = "img", .empty = true, .open = open_image },
	{ .name = "ins", .style = STYLE_UNDERLINE },
	{ .name = "kbd", .style = STYLE_CODE },
	{ .name = "li", .place = PLACE_BLOCK, .open = open_item },
	{ .name = "mx-reply", .gone = true },
	{ .name = "ol", .place = PLACE_BLOCK, .open = open_list },
	{ .name = "p", .place = PLACE_PARAGRAPH },
	{ .name = "pre", .place = PLACE_BLOCK, .style = STYLE_CODE, .open = open_pre },
	{ .name = "s", .style = STYLE_STRIKE },
	{ .name = "script", .gone = true },
	{ .name = "span", .open = open_span },
	{ .name = "strike", .style = STYLE_STRIKE },
	{ .name = "strong", .style = STYLE_BOLD },
	{ .name = "style", .gone = true },
	{ .name = "sub", .open = open_sub },
	{ .name = "summary", .place = PLACE_BLOCK, .style = STYLE_BOLD },
	{ .name = "sup", .open = open_sup },
	{ .name = "table", .place = PLACE_BLOCK },
	{ .name = "tbody", .place = PLACE_BLOCK },
	{ .name = "td", .open = open_cell },
	{ .name = "th", .style = STYLE_BOLD, .open = open_cell },
	{ .name = "thead", .place = PLACE_BLOCK },
	{ .name = "tr", .place = PLACE_BLOCK, .open = open_row },
	{ .name = "tt", .style = STYLE_CODE },
	{ .name = "u", .style = STYLE_UNDERLINE },
	{ .name = "ul", .place = PLACE_BLOCK, .open = open_list },
};

static int
by_name(const void *name, const void *tag)
{
	return strcmp(name, ((const struct tag *)tag)->name);
}

static const struct tag *
find_tag(const char *name)
{
	return bsearch(name, tags, sizeof tags / sizeof *tags, sizeof *tags, by_name);
}

/* -- Where the reader is ---------------------------------------------------------------------------------------------- */

struct element {
	const struct tag *tag;
	const char *url, *account;      /* of a link */
	bool hidden;                    /* a spoiler */
	bool list, quote, pre;
	long number;                    /* of the next item; 0: they have none */
};

struct reader {
	struct arena *arena;
	struct styled *out;
	struct element open[DEPTH_MOST];
	size_t depth;
	unsigned hidden;                /* how many of the open ones are */
	unsigned lists, quotes, pres;   /* the same */
	unsigned lines;                 /* line ends that come before the next word */
	bool code;                      /* they are between lines of code */
	bool paragraph;                 /* one has just ended: an empty line comes before the next */
	bool cell;                      /* of this row one was there */
	bool blank;                     /* white space comes before the next word, in the style that it had */
	struct span blank_as;
	char marker[24];                /* "1. ", before the next word; "": none */
};

/* How words that stand here are said. */
static struct span
here(const struct reader *reader)
{
	struct span as = { 0 };

	for (size_t i = 0; i < reader->depth; i++) {
		const struct element *element = &reader->open[i];
		as.style |= element->tag->style;
		if (element->url || element->account) {
			as.url = element->url;
			as.account = element->account;
		}
	}
	return as;
}

static void
end_line(struct reader *reader)
{
	if (reader->hidden)
		return;
	reader->blank = false;
	reader->code = false;
	if (reader->lines < 1)
		reader->lines = 1;
}

static void
begin_paragraph(struct reader *reader)
{
	end_line(reader);
	if (reader->paragraph && !reader->lists && !reader->quotes && reader->lines < 2)
		reader->lines = 2;
}

static void
add_plain(struct reader *reader, const char *text)
{
	const struct span plain = { 0 };

	styled_add(reader->out, &plain, text, strlen(text));
}

/* What stands before the first word of a line: quotes, how deep the list is, the item's sign. */
static void
begin_line(struct reader *reader)
{
	const struct span code = { .style = STYLE_CODE }, plain = { 0 };

	for (; reader->lines && reader->out->count && !reader->out->cut; reader->lines--)
		styled_add(reader->out, reader->code ? &code : &plain, "\n", 1);
	for (unsigned i = 0; i < reader->quotes; i++)
		add_plain(reader, "> ");
	for (unsigned i = *reader->marker ? 1 : 0; i < reader->lists; i++)
		add_plain(reader, "  ");
	add_plain(reader, reader->marker);
	*reader->marker = '\0';
}

/* Words that are decoded and stand in one line. */
static void
put(struct reader *reader, const char *words, size_t length)
{
	const struct span as = here(reader);

	if (reader->hidden || !length)
		return;
	if (reader->lines || !reader->out->count || *reader->marker)
		begin_line(reader);
	else if (reader->blank)
		styled_add(reader->out, &reader->blank_as, " ", 1);
	reader->lines = 0;
	reader->blank = reader->paragraph = reader->code = false;
	if (as.url || as.account || (as.style & STYLE_CODE))
		styled_add(reader->out, &as, words, length);
	else
		styled_add_linked(reader->out, as.style, words, length);
}

/* -- Text ------------------------------------------------------------------------------------------------------------- */

/* A no-break space is kept, however many there are: clients indent with them. */
static void
add_unbroken(struct text *out, const char *at, size_t length)
{
	static const char no_break[] = "\u00a0";

	for (size_t i = 0; i < length;) {
		bool blank = length - i >= 2 && !memcmp(at + i, no_break, 2);
		text_add_bytes(out, blank ? " " : at + i, 1);
		i += blank ? 2 : 1;
	}
}

/* White space is one blank between words, and none at the ends of lines. */
static void
take_words(struct reader *reader, const char *text)
{
	static const char white[] = " \n";
	struct text words = text_in(reader->arena, strlen(text));

	for (const char *at = text; *at;) {
		size_t blanks = strspn(at, white), word = strcspn(at + blanks, white);
		if (blanks && words.length && word)
			text_add(&words, " ");
		else if (blanks && !words.length && !reader->blank) {
			reader->blank = true;
			reader->blank_as = here(reader);
		}
		add_unbroken(&words, at + blanks, word);
		at += blanks + word;
	}
	put(reader, words.bytes, words.length);
	if (words.length && strchr(white, text[strlen(text) - 1])) {
		reader->blank = true;
		reader->blank_as = here(reader);
	}
}

static void
take_code(struct reader *reader, const char *text)
{
	while (*text) {
		size_t line = strcspn(text, "\n");
		put(reader, text, line);
		text += line;
		if (!*text)
			break;
		text++;
		reader->lines++;
		reader->code = !reader->quotes && !reader->lists;
	}
}

static void
take_text(struct reader *reader, const char *at, size_t length)
{
	if (reader->hidden)
		return;
	const char *decoded = html_decode(reader->arena, at, length);
	const char *clean = text_clean_talk(reader->arena, decoded, strlen(decoded));

	if (reader->pres)
		take_code(reader, clean);
	else
		take_words(reader, clean);
}

/* -- What tags do ----------------------------------------------------------------------------------------------------- */

static size_t
white_space(const char *at)
{
	return strspn(at, " \t\r\n\f/");
}

/* The value of an attribute, decoded; NULL: there is none. `tag` begins behind its name. */
static char *
attribute(struct arena *arena, const char *tag, const char *wanted)
{
	for (tag += white_space(tag); *tag; tag += white_space(tag)) {
		size_t name = strcspn(tag, " \t\r\n\f/="), length = 0;
		bool found = name == strlen(wanted) && !strncasecmp(tag, wanted, name);
		tag += name + (name == 0);
		const char *value = tag + strspn(tag, " \t\r\n\f");
		if (*value == '=') {
			value += 1 + strspn(value + 1, " \t\r\n\f");
			char quote = *value == '"' || *value == '\'' ? *value : '\0';
			const char stops[] = { quote, '\0' };
			value += quote != '\0';
			length = strcspn(value, quote ? stops : " \t\r\n\f");
			tag = value + length + (quote && value[length]);
		}
		if (found)
			return html_decode(arena, value, length);
	}
	return NULL;
}

static void
open_cell(struct reader *reader, struct element *element, const char *tag)
{
	(void)element, (void)tag;
	if (reader->cell) {
		reader->blank = false;
		put(reader, " | ", 3);
	}
	reader->cell = true;
}

static void
open_row(struct reader *reader, struct element *element, const char *tag)
{
	(void)element, (void)tag;
	reader->cell = false;
}

static void
open_image(struct reader *reader, struct element *element, const char *tag)
{
	const char *alt = attribute(reader->arena, tag, "alt");

	(void)element;
	if (!alt || !*alt)
		alt = attribute(reader->arena, tag, "title");
	if (alt)
		take_words(reader, text_clean(reader->arena, alt, strlen(alt)));
}

static void
open_line(struct reader *reader, struct element *element, const char *tag)
{
	(void)element, (void)tag;
	reader->blank = reader->code = false;
	if (reader->lines < 2 && !reader->hidden)
		reader->lines++;
}

static void
open_rule(struct reader *reader, struct element *element, const char *tag)
{
	(void)element, (void)tag;
	put(reader, "---", 3);
	end_line(reader);
}

static void
open_quote(struct reader *reader, struct element *element, const char *tag)
{
	(void)tag;
	reader->quotes++;
	element->quote = true;
}

static void
open_pre(struct reader *reader, struct element *element, const char *tag)
{
	(void)tag;
	reader->pres++;
	element->pre = true;
}

static void
open_list(struct reader *reader, struct element *element, const char *tag)
{
	const char *start = attribute(reader->arena, tag, "start");
	bool numbered = element->tag && !strcmp(element->tag->name, "ol");
	long first = start && strlen(start) < 10 ? strtol(start, NULL, 10) : 1;

	reader->lists++;
	element->list = true;
	element->number = numbered ? (first > 0 ? first : 1) : 0;
}

/* Of the list that it is in. */
static void
open_item(struct reader *reader, struct element *element, const char *tag)
{
	struct element *list = NULL;

	(void)element, (void)tag;
	for (size_t i = reader->depth; i-- > 0 && !list;)
		if (reader->open[i].list)
			list = &reader->open[i];
	if (list && list->number)
		snprintf(reader->marker, sizeof reader->marker, "%ld. ", list->number++);
	else
		strcpy(reader->marker, "- ");
}

static void
open_span(struct reader *reader, struct element *element, const char *tag)
{
	if (!attribute(reader->arena, tag, "data-mx-spoiler"))
		return;
	put(reader, "[spoiler]", strlen("[spoiler]"));
	element->hidden = true;
	reader->hidden++;
}

static void
open_sub(struct reader *reader, struct element *element, const char *tag)
{
	(void)element, (void)tag;
	put(reader, "_", 1);
}

static void
open_sup(struct reader *reader, struct element *element, const char *tag)
{
	(void)element, (void)tag;
	put(reader, "^", 1);
}

static int
hex_digit(char byte)
{
	return isdigit((unsigned char)byte) ? byte - '0' : isxdigit((unsigned char)byte) ? tolower((unsigned char)byte) - 'a' + 10 : -1;
}

/* "" where it comes to no text. */
static const char *
percent_decoded(struct arena *arena, const char *at, size_t length)
{
	struct text out = text_in(arena, length);

	for (size_t i = 0; i < length; i++) {
		int high = at[i] == '%' && i + 2 < length ? hex_digit(at[i + 1]) : -1, low = high >= 0 ? hex_digit(at[i + 2]) : -1;
		char byte = (char)((unsigned)high << 4 | (unsigned)low);
		text_add_bytes(&out, low >= 0 ? &byte : &at[i], 1);
		i += low >= 0 ? 2 : 0;
	}
	return text_utf8(out.bytes, out.length) ? out.bytes : "";
}

/* Whom https://matrix.to/#/@alice:corp.example or matrix:u/alice:corp.example names; NULL: nobody. */
static const char *
mentioned(struct arena *arena, const char *url)
{
	static const char *const before[] = { "https://matrix.to/#/", "http://matrix.to/#/", "matrix:u/" };

	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		size_t length = strlen(before[i]);
		if (strncasecmp(url, before[i], length))
			continue;
		const char *named = percent_decoded(arena, url + length, strcspn(url + length, "/?"));
		const char *account = i == 2 ? arena_printf(arena, "@%s", named) : named;
		const char *colon = strchr(account, ':');
		return *account == '@' && colon && colon > account + 1 && colon[1] ? account : NULL;
	}
	return NULL;
}

static void
open_link(struct reader *reader, struct element *element, const char *tag)
{
	const char *url = attribute(reader->arena, tag, "href");

	element->account = url ? mentioned(reader->arena, url) : NULL;
	element->url = element->account ? NULL : url;
}

/* -- Opening and closing ---------------------------------------------------------------------------------------------- */

static void
place(struct reader *reader, const struct tag *tag)
{
	if (tag->place == PLACE_PARAGRAPH)
		begin_paragraph(reader);
	else if (tag->place == PLACE_BLOCK)
		end_line(reader);
}

static void
close_top(struct reader *reader)
{
	const struct element *element = &reader->open[--reader->depth];

	reader->hidden -= element->hidden;
	reader->lists -= element->list;
	reader->quotes -= element->quote;
	reader->pres -= element->pre;
	if (element->tag->place != PLACE_INLINE)
		end_line(reader);
	/* An item without a word has no sign either. */
	if (!strcmp(element->tag->name, "li"))
		*reader->marker = '\0';
	reader->paragraph = element->tag->place == PLACE_PARAGRAPH || (reader->paragraph && !element->quote && !element->list);
}

static void
close_tag(struct reader *reader, const struct tag *tag)
{
	size_t at = reader->depth;

	while (at > 0 && reader->open[at - 1].tag != tag)
		at--;
	while (at > 0 && reader->depth >= at)
		close_top(reader);
}

/* <li>a<li>b: these never stand in themselves. */
static bool
ends_itself(const char *name)
{
	return !strcmp(name, "li") || !strcmp(name, "p") || !strcmp(name, "td") || !strcmp(name, "th") || !strcmp(name, "tr");
}

static void
open_tag(struct reader *reader, const struct tag *tag, const char *attributes)
{
	struct element element = { .tag = tag }, *deepest = &reader->open[DEPTH_MOST - 1];

	if (reader->depth && reader->open[reader->depth - 1].tag == tag && ends_itself(tag->name))
		close_top(reader);
	place(reader, tag);
	if (reader->depth == DEPTH_MOST && !tag->empty) {
		/* Too deep to be told apart; but a spoiler stays one, as long as what it is in. */
		if (tag->open == open_span && !deepest->hidden)
			open_span(reader, deepest, attributes);
		return;
	}
	if (tag->open)
		tag->open(reader, &element, attributes);
	if (!tag->empty)
		reader->open[reader->depth++] = element;
}

/* -- Tags in the text ------------------------------------------------------------------------------------------------- */

/* Where the tag that begins here ends, behind its >; NULL: it is none. */
static const char *
tag_end(const char *at, const char *end)
{
	char quote = '\0', before = '\0';

	if (end - at > TAG_MOST)
		end = at + TAG_MOST;
	for (at++; at < end; at++) {
		if (quote)
			quote = *at == quote ? '\0' : quote;
		else if ((*at == '"' || *at == '\'') && before == '=')
			quote = *at;
		else if (*at == '>')
			return at + 1;
		if (!isspace((unsigned char)*at))
			before = *at;
	}
	return NULL;
}

/* What has no end hides the rest. */
static const char *
behind(const char *at, const char *end, const char *close)
{
	size_t length = strlen(close);

	for (; (at = memchr(at, *close, (size_t)(end - at))); at++)
		if ((size_t)(end - at) >= length && !strncasecmp(at, close, length))
			return at + length;
	return end;
}

static const char *
take_tag(struct reader *reader, const char *at, const char *end, const char *behind_it)
{
	char name[NAME_MOST] = "";
	bool closes = at[1] == '/';
	const char *from = at + 1 + closes;
	size_t length = 0;

	while (from[length] != '>' && !strchr(" \t\r\n\f/", from[length]) && length < sizeof name - 1) {
		name[length] = (char)tolower((unsigned char)from[length]);
		length++;
	}
	const struct tag *tag = find_tag(name);
	if (tag && tag->gone && !closes)
		return behind(behind_it, end, arena_printf(reader->arena, "</%s>", name));
	if (tag && closes)
		close_tag(reader, tag);
	else if (tag)
		open_tag(reader, tag, arena_slice(reader->arena, from + length, (size_t)(behind_it - from) - length - 1));
	/* The line end behind <pre> is not shown. */
	return behind_it + (tag && tag->open == open_pre && !closes && behind_it < end && *behind_it == '\n');
}

/* Where the next one begins that is a tag, a comment or the like; *behind_it: where it ends. */
static const char *
find_markup(const char *at, const char *end, const char **behind_it)
{
	for (; (at = memchr(at, '<', (size_t)(end - at))); at++) {
		bool letter = end - at > 1 && isalpha((unsigned char)at[1]), closes = end - at > 2 && at[1] == '/' && isalpha((unsigned char)at[2]);
		bool comment = end - at > 1 && (at[1] == '!' || at[1] == '?');
		if (comment)
			*behind_it = behind(at, end, end - at > 3 && !memcmp(at, "<!--", 4) ? "-->" : ">");
		else if (letter || closes)
			*behind_it = tag_end(at, end);
		if (comment || ((letter || closes) && *behind_it))
			return at;
	}
	return NULL;
}

struct styled *
html_read(struct arena *arena, const char *formatted, size_t length, bool emote)
{
	struct reader *reader = arena_take(arena, sizeof *reader);
	const char *at = formatted, *behind_it = NULL;
	const char *end = at + (length > STYLED_TEXT_MOST ? text_fit(formatted, length, STYLED_TEXT_MOST) : length);

	reader->arena = arena;
	reader->out = styled_new(arena, emote);
	while (at < end && !reader->out->cut) {
		const char *markup = find_markup(at, end, &behind_it);
		size_t text = (size_t)((markup ? markup : end) - at);
		if (text)
			take_text(reader, at, text);
		at = !markup ? end : markup[1] == '!' || markup[1] == '?' ? behind_it : take_tag(reader, markup, end, behind_it);
	}
	reader->out->cut = reader->out->cut || length > STYLED_TEXT_MOST;
	return reader->out;
}
