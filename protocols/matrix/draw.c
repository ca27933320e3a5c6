/* draw: a card as Matrix shows it. */
#include "protocols/matrix/draw.h"

#include <stdint.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"
#include "protocols/matrix/sheet.h"

enum {
	LINES = 10,                     /* of one answer */
	SIZE_MOST = 28 << 10,           /* of both as JSON: an edit holds them twice, and an event has 64 KiB */
	SIZE_LEFT = 1 << 10,            /* for what is said about what was left out, and for tags that are open */
	NAME_MOST = 64,                 /* of an id, a name that is addressed, and their like */
	HEADLINE_MOST = 2000,
	BRIEF = 200,                    /* a sentence that is read at a glance */
	RING_MOST = 100,                /* what a phone shows of it */
};

struct pen {
	struct sheet sheet;
	const struct card *card;
	const char *prefix, *to;
	bool full;
};

/* Lines are counted as card_lines() counts them, so that !more goes on where we stopped. What begins on this page is shown on it, whole. */
struct page {
	size_t begin, end, at;
	bool left;
};

/* -- Parts: each is there whole, or not at all ------------------------------------------------------------------------ */

static void
take_back(struct pen *pen, const struct sheet *before)
{
	pen->sheet = *before;
	pen->sheet.html.bytes[before->html.length] = '\0';
	pen->sheet.body.bytes[before->body.length] = '\0';
}

/* What was written since `before` stays, unless that is too much. */
static void
keep(struct pen *pen, const struct sheet *before)
{
	pen->full = pen->full || pen->sheet.size > SIZE_MOST - SIZE_LEFT;
	if (pen->full)
		take_back(pen, before);
}

/* A paragraph, a list, a block: in body it begins a line. */
static void
open_block(struct pen *pen, const char *tag)
{
	if (pen->sheet.body.length)
		sheet_sign(&pen->sheet, "\n");
	sheet_tag(&pen->sheet, tag);
}

/* `begun`: before it was opened, `empty`: just after. One in which nothing has found room was never there. */
static void
close_block(struct pen *pen, const char *tag, const struct sheet *begun, size_t empty)
{
	if (pen->sheet.html.length == empty)
		take_back(pen, begun);
	else
		sheet_tag(&pen->sheet, tag);
}

static const char *
name(const struct pen *pen, const char *text)
{
	struct arena *arena = pen->sheet.html.arena;

	return text_cut(arena, text_clean(arena, text, strlen(text)), NAME_MOST);
}

/* -- The sentence ----------------------------------------------------------------------------------------------------- */

/* "[backup] nightly backup took 3 h": who says it. */
static void
draw_headline(struct pen *pen)
{
	const char *headline = text_cut(pen->sheet.html.arena, pen->card->headline, HEADLINE_MOST), *end = strstr(headline, "] ");
	bool named = !pen->card->id && !pen->card->state && *headline == '[' && end;

	if (named) {
		sheet_strong(&pen->sheet, arena_slice(pen->sheet.html.arena, headline, (size_t)(end + 1 - headline)));
		headline = end + 1;
	}
	sheet_sentence(&pen->sheet, headline, pen->prefix);
}

static void
draw_opening(struct pen *pen)
{
	const struct card *card = pen->card;
	struct sheet *sheet = &pen->sheet;

	if (card->to) {
		sheet_user(sheet, name(pen, card->to), pen->to);
		sheet_words(sheet, ": ");
	}
	if (card->id && card->state)
		sheet_strong(sheet, arena_printf(sheet->html.arena, "%s %s", name(pen, card->id), name(pen, card->state)));
	else if (card->id || card->state)
		sheet_strong(sheet, name(pen, card->id ? card->id : card->state));
	if ((card->id || card->state) && *card->headline)
		sheet_words(sheet, ": ");
	draw_headline(pen);
}

static void
draw_fact(struct pen *pen, const char *before, const struct fact *fact, bool strong)
{
	struct sheet start = pen->sheet;

	sheet_words(&pen->sheet, before);
	if (fact->name && strong)
		sheet_strong(&pen->sheet, fact->name);
	else
		sheet_words(&pen->sheet, fact->name);
	sheet_words(&pen->sheet, fact->name ? ": " : NULL);
	if (fact->words)
		sheet_typed_words(&pen->sheet, fact->value);
	else
		sheet_sentence(&pen->sheet, fact->value, pen->prefix);
	keep(pen, &start);
}

/* Behind "Host: nas1" a comma would go on with nas1. */
static void
draw_facts_along(struct pen *pen)
{
	const struct card *card = pen->card;
	bool named = false;

	for (size_t i = 0; i < card->fact_count; i++) {
		named = named || card->facts[i].name;
		draw_fact(pen, named ? ". " : ", ", &card->facts[i], false);
		named = card->facts[i].name != NULL;
	}
}

static void
open_item(struct pen *pen, bool first)
{
	sheet_sign(&pen->sheet, first ? "- " : "\n- ");
	sheet_tag(&pen->sheet, "<li>");
}

static void
draw_facts_listed(struct pen *pen)
{
	struct sheet begun = pen->sheet;

	open_block(pen, "<ul>");
	size_t empty = pen->sheet.html.length;
	for (size_t i = 0; i < pen->card->fact_count; i++) {
		struct sheet start = pen->sheet;
		open_item(pen, i == 0);
		draw_fact(pen, NULL, &pen->card->facts[i], true);
		sheet_tag(&pen->sheet, "</li>");
		keep(pen, &start);
	}
	close_block(pen, "</ul>", &begun, empty);
}

static bool
facts_are_listed(const struct card *card)
{
	size_t length = strlen(card->headline);
	bool named = false;

	for (size_t i = 0; i < card->fact_count; i++) {
		if (card->facts[i].words)
			return true;
		named = named || card->facts[i].name;
		length += strlen(card->facts[i].value) + 2;
	}
	return card->fact_count > 1 && (named || length > BRIEF);
}

static void
draw_sentence(struct pen *pen)
{
	const struct card *card = pen->card;
	bool listed = facts_are_listed(card);
	struct sheet begun = pen->sheet;

	open_block(pen, "<p>");
	size_t empty = pen->sheet.html.length;
	draw_opening(pen);
	if (!listed)
		draw_facts_along(pen);
	if (card->by)
		sheet_words(&pen->sheet, arena_printf(pen->sheet.html.arena, " (%s)", name(pen, card->by)));
	if (card->url) {
		struct sheet start = pen->sheet;
		sheet_words(&pen->sheet, " ");
		sheet_link(&pen->sheet, card->url);
		keep(pen, &start);
	}
	close_block(pen, "</p>", &begun, empty);
	if (listed)
		draw_facts_listed(pen);
}

/* Where the sentence was on a page before. */
static void
draw_id(struct pen *pen)
{
	struct sheet begun = pen->sheet;

	open_block(pen, "<p>");
	size_t empty = pen->sheet.html.length;
	sheet_strong(&pen->sheet, name(pen, pen->card->id));
	close_block(pen, "</p>", &begun, empty);
}

/* -- Lines and quotes ------------------------------------------------------------------------------------------------- */

/* How many lines of plain text it is, drawn as wide as chats draw. */
static size_t
height(const struct card *card)
{
	struct card whole = *card;
	bool left;

	whole.skip = whole.most = 0;
	return card_shown(&whole, SIZE_MAX, &left);
}

static size_t
height_of_sentence(const struct card *card)
{
	struct card sentence = *card;

	sentence.line_count = sentence.quote_count = 0;
	sentence.next = NULL;
	return height(&sentence);
}

static size_t
height_of_line(const struct card *card, size_t i)
{
	struct card one = { .arena = card->arena, .id = card->id, .headline = "x", .lines = card->lines + i, .line_count = 1 };

	return strlen(card->lines[i]) + NAME_MOST + 2 < CARD_WIDTH ? 1 : height(&one) - 1;
}

static bool
begins_here(struct page *page, size_t lines)
{
	bool here = page->at >= page->begin && page->at < page->end;

	page->at += lines;
	return here;
}

/* Whether it has columns: blanks between words that say more than one would. */
static bool
is_row(const char *line)
{
	const char *gap = strstr(line + strspn(line, " "), "  ");

	return gap && gap[strspn(gap, " ")];
}

static bool
is_table(const struct card *card)
{
	size_t rows = 0;

	for (size_t i = 0; i < card->line_count; i++)
		rows += is_row(card->lines[i]);
	return rows > 1 && 2 * rows > card->line_count;
}

static void
draw_block(struct pen *pen, const char *const *lines, size_t count)
{
	struct sheet begun = pen->sheet;

	open_block(pen, "<pre><code>");
	size_t empty = pen->sheet.html.length;
	for (size_t i = 0; i < count; i++) {
		struct sheet start = pen->sheet;
		if (i)
			sheet_line_end(&pen->sheet);
		sheet_words(&pen->sheet, lines[i]);
		keep(pen, &start);
	}
	close_block(pen, "</code></pre>", &begun, empty);
}

/* "B31 running: web #412": one of ours in a list. The length of what is strong. */
static size_t
lead_length(const char *line)
{
	size_t letters = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), digits = strspn(line + letters, "0123456789");
	const char *colon = strstr(line, ": ");

	return letters && digits && line[letters + digits] == ' ' && colon && (size_t)(colon - line) < NAME_MOST ? (size_t)(colon - line) : 0;
}

static void
draw_line(struct pen *pen, const char *line)
{
	size_t lead = lead_length(line);

	if (lead)
		sheet_strong(&pen->sheet, arena_slice(pen->sheet.html.arena, line, lead));
	sheet_sentence(&pen->sheet, line + lead, pen->prefix);
}

static void
draw_list(struct pen *pen, const char *const *lines, size_t count)
{
	struct sheet begun = pen->sheet;

	open_block(pen, "<ul>");
	size_t empty = pen->sheet.html.length;
	for (size_t i = 0; i < count; i++) {
		struct sheet start = pen->sheet;
		open_item(pen, i == 0);
		draw_line(pen, lines[i]);
		sheet_tag(&pen->sheet, "</li>");
		keep(pen, &start);
	}
	close_block(pen, "</ul>", &begun, empty);
}

static void
draw_paragraph(struct pen *pen, const char *line)
{
	struct sheet start = pen->sheet;

	open_block(pen, "<p>");
	size_t empty = pen->sheet.html.length;
	draw_line(pen, line);
	close_block(pen, "</p>", &start, empty);
	keep(pen, &start);
}

static void
draw_lines(struct pen *pen, struct page *page)
{
	const struct card *card = pen->card;
	size_t first = 0, count = 0;

	for (size_t i = 0; i < card->line_count; i++)
		if (begins_here(page, height_of_line(card, i)) && !count++)
			first = i;
	if (!count)
		return;
	if (is_table(card))
		draw_block(pen, card->lines + first, count);
	else if (card->line_count > 1)
		draw_list(pen, card->lines + first, count);
	else
		draw_paragraph(pen, card->lines[0]);
}

static void
draw_quotes(struct pen *pen, struct page *page)
{
	size_t first = 0, count = 0;

	for (size_t i = 0; i < pen->card->quote_count; i++)
		if (begins_here(page, 1) && !count++)
			first = i;
	draw_block(pen, pen->card->quotes + first, count);
}

/* -- All of it -------------------------------------------------------------------------------------------------------- */

/* For this there is always room. */
static void
say(struct pen *pen, const char *sentence)
{
	open_block(pen, "<p>");
	sheet_sentence(&pen->sheet, sentence, pen->prefix);
	sheet_tag(&pen->sheet, "</p>");
}

static void
draw_rest(struct pen *pen, const struct page *page)
{
	struct arena *arena = pen->sheet.html.arena;
	const char *more = pen->card->more ? name(pen, pen->card->more) : NULL;
	size_t all = height(pen->card);

	if (!page->left && pen->card->next)
		draw_paragraph(pen, pen->card->next);
	if (!pen->sheet.body.length && !page->left)
		say(pen, "That was all");
	if (pen->full)
		say(pen, "What else there is would be too long for one message");
	if (page->left && more)
		say(pen, arena_printf(arena, "%zu of %zu lines. Next: %s, all in private: %s dm", page->end, all, more, more));
	else if (page->left)
		say(pen, arena_printf(arena, "and %zu more lines", all - page->end));
}

static struct drawing
drawn(const struct pen *pen)
{
	return (struct drawing){ pen->sheet.body.bytes, pen->sheet.marked ? pen->sheet.html.bytes : NULL };
}

struct drawing
draw_card(struct arena *arena, const struct card *card, const char *prefix, size_t lines, const char *to)
{
	struct pen pen = { .sheet = sheet_new(arena), .card = card, .prefix = prefix, .to = to };
	struct page page = { .begin = card->skip };

	page.end = page.begin + card_shown(card, lines ? lines : LINES, &page.left);
	if (begins_here(&page, height_of_sentence(card)))
		draw_sentence(&pen);
	else if (card->id)
		draw_id(&pen);
	draw_lines(&pen, &page);
	draw_quotes(&pen, &page);
	draw_rest(&pen, &page);
	return drawn(&pen);
}

struct drawing
draw_ring(struct arena *arena, const struct card *card, const char *prefix, const char *to)
{
	struct pen pen = { .sheet = sheet_new(arena), .card = card, .prefix = prefix, .to = to };

	open_block(&pen, "<p>");
	draw_opening(&pen);
	for (size_t i = 0; i < card->fact_count; i++)
		if (!card->facts[i].name && pen.sheet.body.length + strlen(card->facts[i].value) < RING_MOST)
			draw_fact(&pen, ", ", &card->facts[i], false);
	sheet_tag(&pen.sheet, "</p>");
	return drawn(&pen);
}
