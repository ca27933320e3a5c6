/* draw: a card as Matrix shows it. */
#include "protocols/matrix/draw.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/html.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"

enum { LINES = 10, WIDTH = 400, BYTES_MOST = 20 << 10 };

static void
add_opening(struct text *html, const struct card *card)
{
	if (card->to) {
		html_add(html, card->to);
		text_add(html, ": ");
	}
	if (card->id || card->state) {
		text_add(html, "<strong>");
		html_add(html, card->id);
		text_add(html, card->id && card->state ? " " : "");
		html_add(html, card->state);
		text_add(html, *card->headline ? "</strong>: " : "</strong>");
	}
	html_add(html, card->headline);
}

static void
add_facts(struct text *html, const struct card *card)
{
	for (size_t i = 0; i < card->fact_count; i++) {
		text_add(html, ", ");
		html_add(html, card->facts[i].name);
		text_add(html, card->facts[i].name ? ": " : "");
		html_add(html, card->facts[i].value);
	}
	if (card->by) {
		text_add(html, " (");
		html_add(html, card->by);
		text_add(html, ")");
	}
	if (card->url) {
		text_add(html, " <a href=\"");
		html_add(html, card->url);
		text_add(html, "\">link</a>");
	}
}

static void
add_block(struct text *html, char **lines, size_t count)
{
	text_add(html, "<pre><code>");
	for (size_t i = 0; i < count; i++) {
		text_add(html, i ? "\n" : "");
		html_add(html, lines[i]);
	}
	text_add(html, "</code></pre>");
}

struct drawing
draw_card(struct arena *arena, const struct card *card, size_t lines, const char *to)
{
	struct lines plain = card_lines(arena, card, WIDTH, card->most ? card->most : lines ? lines : LINES);
	struct text body = text_in(arena, BYTES_MOST), html = text_in(arena, BYTES_MOST);

	(void)to;
	for (size_t i = 0; i < plain.count; i++)
		text_printf(&body, "%s%s", i ? "\n" : "", plain.each[i]);
	text_add(&html, "<p>");
	add_opening(&html, card);
	add_facts(&html, card);
	text_add(&html, "</p>");
	if (plain.count > 1)
		add_block(&html, plain.each + 1, plain.count - 1);
	return (struct drawing){ body.bytes, html.cut ? NULL : html.bytes };
}

struct drawing
draw_ring(struct arena *arena, const struct card *card, const char *to)
{
	struct card *brief = card_new(arena, card->tone, "%s", card->headline);

	card_state(brief, card->id, card->state);
	brief->to = card->to;
	return draw_card(arena, brief, 0, to);
}
