/* card: what we answer, as facts, and how it is drawn in lines of plain text. */
#include "bridge/talk/card.h"

#include <stdarg.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"

enum {
	TEXT_MOST = 4096,               /* bytes of one headline, fact or line */
	NAME_MOST = 64,                 /* of an id, a name that is addressed, and their like */
	URL_MOST = 2000,
	LINE_LEAST = 80,                /* a line is never drawn narrower */
	BRIEF = 100,                    /* bytes of a headline that fits into one line, whatever names stand around it */
};

static const char *const tones[] = { "plain", "good", "bad", "waiting" };

enum { TONES = sizeof tones / sizeof *tones };

/* Making. */

static char *
one_line(struct arena *arena, const char *text, size_t most)
{
	return text_cut(arena, text_clean(arena, text, strlen(text)), most);
}

/* Ours, but with text of others in it. Runs of blanks stay: a line may be the row of a table. */
static char *
table_line(struct arena *arena, const char *text)
{
	char *line = text_clean_lines(arena, text, strlen(text));

	for (char *at = line; (at = strchr(at, '\n'));)
		*at = ' ';
	return text_cut(arena, line, TEXT_MOST);
}

static const char **
append(struct arena *arena, const char **list, size_t count, const char *text)
{
	/* Room is doubled whenever the count is a power of two. */
	if ((count & (count - 1)) == 0) {
		const char **larger = arena_take(arena, (count ? 2 * count : 1) * sizeof *larger);
		if (count)
			memcpy(larger, list, count * sizeof *larger);
		list = larger;
	}
	list[count] = text;
	return list;
}

struct card *
card_new(struct arena *arena, enum tone tone, const char *headline, ...)
{
	struct card *card = arena_take(arena, sizeof *card);
	va_list args;

	card->arena = arena;
	card->tone = tone;
	va_start(args, headline);
	card->headline = one_line(arena, arena_vprintf(arena, headline, args), TEXT_MOST);
	va_end(args);
	return card;
}

void
card_state(struct card *card, const char *id, const char *state)
{
	card->id = arena_text(card->arena, id);
	card->state = arena_text(card->arena, state);
}

static void
add_fact(struct card *card, struct fact fact)
{
	size_t count = card->fact_count;

	if ((count & (count - 1)) == 0) {
		struct fact *larger = arena_take(card->arena, (count ? 2 * count : 1) * sizeof *larger);
		if (count)
			memcpy(larger, card->facts, count * sizeof *larger);
		card->facts = larger;
	}
	card->facts[card->fact_count++] = fact;
}

/* A fact that says nothing is left out. */
void
card_fact(struct card *card, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *value = one_line(card->arena, arena_vprintf(card->arena, format, args), TEXT_MOST);
	va_end(args);
	if (*value)
		add_fact(card, (struct fact){ name && *name ? one_line(card->arena, name, NAME_MOST) : NULL, value, false });
}

void
card_words(struct card *card, const char *name, const char *words)
{
	size_t before = card->fact_count;

	card_fact(card, name, "%s", words);
	if (card->fact_count > before)
		card->facts[before].words = true;
}

static void
add_line(struct card *card, const char *text)
{
	card->lines = append(card->arena, card->lines, card->line_count, text);
	card->line_count++;
}

void
card_line(struct card *card, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(card, table_line(card->arena, arena_vprintf(card->arena, format, args)));
	va_end(args);
}

static void
add_quote(struct card *card, const char *text)
{
	card->quotes = append(card->arena, card->quotes, card->quote_count, text);
	card->quote_count++;
}

static bool
is_end(char byte)
{
	return byte == '\n' || byte == '\r';
}

/* From the end, so that the length of a log does not matter; a line's beginning tells enough of it. */
void
card_quote(struct card *card, const char *text, size_t length, size_t most)
{
	size_t kept = 0, end = length;
	const char **last = arena_take(card->arena, (most + 1) * sizeof *last);

	while (kept < most && end > 0) {
		size_t begin = end;
		while (begin > 0 && !is_end(text[begin - 1]))
			begin--;
		size_t size = end - begin;
		char *line = text_clean_lines(card->arena, text + begin, text_fit(text + begin, size, TEXT_MOST));
		if (line[strspn(line, " \n")])
			last[kept++] = table_line(card->arena, line);
		end = begin > 0 ? begin - 1 : 0;
	}
	while (kept > 0)
		add_quote(card, last[--kept]);
}

void
card_url(struct card *card, const char *url)
{
	if (!url || strlen(url) > URL_MOST || !url_origin(card->arena, url))
		return;
	if (strchr(url, ' ') || strcmp(text_clean(card->arena, url, strlen(url)), url))
		return;
	card->url = arena_text(card->arena, url);
}

struct card *
card_copy(struct arena *arena, const struct card *card)
{
	struct card *copy = arena_copy(arena, card, sizeof *card);

	copy->arena = arena;
	copy->id = arena_text(arena, card->id);
	copy->state = arena_text(arena, card->state);
	copy->headline = arena_text(arena, card->headline);
	copy->url = arena_text(arena, card->url);
	copy->next = arena_text(arena, card->next);
	copy->offers = arena_text(arena, card->offers);
	copy->unoffers = arena_text(arena, card->unoffers);
	copy->by = arena_text(arena, card->by);
	copy->to = arena_text(arena, card->to);
	copy->whom = arena_text(arena, card->whom);
	copy->more = arena_text(arena, card->more);
	copy->file = arena_text(arena, card->file);
	copy->facts = NULL;
	copy->lines = copy->quotes = NULL;
	copy->fact_count = copy->line_count = copy->quote_count = 0;
	for (size_t i = 0; i < card->fact_count; i++)
		add_fact(copy, (struct fact){ arena_text(arena, card->facts[i].name), arena_text(arena, card->facts[i].value), card->facts[i].words });
	for (size_t i = 0; i < card->line_count; i++)
		add_line(copy, arena_text(arena, card->lines[i]));
	for (size_t i = 0; i < card->quote_count; i++)
		add_quote(copy, arena_text(arena, card->quotes[i]));
	return copy;
}

struct card *
card_redacted(struct arena *arena, const struct card *card)
{
	struct card *clean = card_copy(arena, card);

	clean->headline = redact_text(arena, clean->headline);
	if (clean->next)
		clean->next = redact_text(arena, clean->next);
	if (clean->url)
		clean->url = redact_text(arena, clean->url);
	for (size_t i = 0; i < clean->fact_count; i++)
		clean->facts[i].value = redact_text(arena, clean->facts[i].value);
	for (size_t i = 0; i < clean->line_count; i++)
		clean->lines[i] = redact_text(arena, clean->lines[i]);
	for (size_t i = 0; i < clean->quote_count; i++)
		clean->quotes[i] = redact_text(arena, clean->quotes[i]);
	return clean;
}

/* Keeping. */

/* The fields that callers write themselves: a name on Matrix may hold anything. */
static void
set_name(struct arena *arena, struct json_object *object, const char *key, const char *value)
{
	if (value)
		json_set(object, key, one_line(arena, value, NAME_MOST));
}

static void
set_flag(struct json_object *object, const char *key, bool value)
{
	if (value)
		json_set_integer(object, key, 1);
}

static void
set_texts(struct arena *arena, struct json_object *object, const char *key, const char *const *texts, size_t count)
{
	if (!count)
		return;
	struct json_object *array = json_new_array(arena);
	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, json_object_new_string(texts[i]));
	json_object_object_add(object, key, json_object_get(array));
}

static void
set_facts(struct arena *arena, struct json_object *object, const struct card *card)
{
	if (!card->fact_count)
		return;
	struct json_object *array = json_new_array(arena);
	for (size_t i = 0; i < card->fact_count; i++) {
		struct json_object *fact = json_new_object(arena);
		json_set(fact, "name", card->facts[i].name);
		json_set(fact, "value", card->facts[i].value);
		set_flag(fact, "words", card->facts[i].words);
		json_object_array_add(array, json_object_get(fact));
	}
	json_object_object_add(object, "facts", json_object_get(array));
}

const char *
card_json(struct arena *arena, const struct card *card)
{
	struct json_object *object = json_new_object(arena);

	json_set(object, "tone", tones[card->tone]);
	set_name(arena, object, "id", card->id);
	set_name(arena, object, "state", card->state);
	json_set(object, "headline", card->headline);
	set_facts(arena, object, card);
	set_texts(arena, object, "lines", card->lines, card->line_count);
	set_texts(arena, object, "quotes", card->quotes, card->quote_count);
	if (card->next)
		json_set(object, "next", one_line(arena, card->next, TEXT_MOST));
	json_set(object, "url", card->url);
	set_name(arena, object, "by", card->by);
	set_name(arena, object, "to", card->to);
	set_name(arena, object, "whom", card->whom);
	set_flag(object, "ring", card->ring);
	set_flag(object, "progress", card->progress);
	set_flag(object, "closed", card->closed);
	return arena_text(arena, json_write(object));
}

static enum tone
tone_named(const char *name)
{
	for (unsigned i = 0; i < TONES; i++)
		if (!strcmp(tones[i], name))
			return (enum tone)i;
	return TONE_PLAIN;
}

static void
read_facts(struct card *card, struct json_object *object)
{
	for (size_t i = 0; i < json_count(object, "facts"); i++) {
		struct json_object *fact = json_object_array_get_idx(json_at(object, "facts"), i);
		const char *value = json_string(fact, "value", NULL);
		const char *name = json_string(fact, "name", NULL);
		if (value && json_integer(fact, "words", 0))
			card_words(card, name, value);
		else if (value)
			card_fact(card, name, "%s", value);
	}
}

static void
read_texts(struct card *card, struct json_object *object, const char *key, void (*add)(struct card *, const char *))
{
	for (size_t i = 0; i < json_count(object, key); i++) {
		struct json_object *text = json_object_array_get_idx(json_at(object, key), i);
		if (json_object_is_type(text, json_type_string))
			add(card, table_line(card->arena, json_object_get_string(text)));
	}
}

/* A row of the store is read as strictly as a stranger's words. */
struct card *
card_read(struct arena *arena, const char *json, struct error *error)
{
	struct json_object *object = json_read(arena, json, strlen(json), error);
	const char *headline = object ? json_string(object, "headline", NULL) : NULL;

	if (!object)
		return NULL;
	if (!headline) {
		error_set(error, "This is no card: it has no headline.");
		return NULL;
	}
	struct card *card = card_new(arena, tone_named(json_string(object, "tone", "")), "%s", headline);
	card_state(card, json_string(object, "id", NULL), json_string(object, "state", NULL));
	read_facts(card, object);
	read_texts(card, object, "lines", add_line);
	read_texts(card, object, "quotes", add_quote);
	card_url(card, json_string(object, "url", NULL));
	card->next = json_string(object, "next", NULL);
	card->by = json_string(object, "by", NULL);
	card->to = json_string(object, "to", NULL);
	card->whom = json_string(object, "whom", NULL);
	card->ring = json_integer(object, "ring", 0) != 0;
	card->progress = json_integer(object, "progress", 0) != 0;
	card->closed = json_integer(object, "closed", 0) != 0;
	return card;
}

/* Drawing. */

struct drawing {
	struct arena *arena;
	struct lines out;
	size_t size;                    /* of out.each */
	size_t most;                    /* bytes of a line */
	const char *lead;               /* "B31: ", begins every line but the first; "" */
};

/* A part of the first sentence, and what stands before it. */
struct piece {
	const char *before, *text;
};

static void
put(struct drawing *drawing, const char *before, const char *text, size_t length)
{
	if (drawing->out.count == drawing->size) {
		size_t size = drawing->size ? 2 * drawing->size : 8;
		char **larger = arena_take(drawing->arena, size * sizeof *larger);
		if (drawing->out.count)
			memcpy(larger, drawing->out.each, drawing->out.count * sizeof *larger);
		drawing->out.each = larger;
		drawing->size = size;
	}
	char *line = arena_take(drawing->arena, strlen(before) + length + 1);
	memcpy(line, before, strlen(before));
	memcpy(line + strlen(before), text, length);
	drawing->out.each[drawing->out.count++] = line;
}

/* A word that alone is longer than a line: its beginning, and dots. The length of what was used up. */
static size_t
put_long_word(struct drawing *drawing, const char *before, const char *text, size_t room)
{
	size_t fits = text_fit(text, strlen(text), room - 3);
	size_t indent = strspn(text, " ");

	put(drawing, before, arena_printf(drawing->arena, "%.*s...", (int)fits, text), fits + 3);
	return indent + strcspn(text + indent, " ");
}

/* The last blank at which `text` can be broken so that it fits; 0 where there is none. */
static size_t
last_blank(const char *text, size_t room)
{
	size_t at = room;
	size_t indent = strspn(text, " ");

	while (at > indent && text[at] != ' ')
		at--;
	return at > indent ? at : 0;
}

/* A sentence, in as many lines as it needs, broken between words. What goes on in a new line has the lead, or else a bar: the words
 * of others never begin a line. */
static void
put_wrapped(struct drawing *drawing, const char *before, const char *text)
{
	const char *after = *drawing->lead ? drawing->lead : "| ";

	while (strlen(before) + strlen(text) > drawing->most) {
		size_t room = drawing->most - strlen(before);
		size_t blank = last_blank(text, room);
		if (blank)
			put(drawing, before, text, blank);
		text += blank ? blank : put_long_word(drawing, before, text, room);
		text += strspn(text, " ");
		before = after;
		if (!*text)
			return;
	}
	put(drawing, before, text, strlen(text));
}

/* "alice: B31 passed: web" */
static char *
opening(struct arena *arena, const struct card *card)
{
	struct text text = text_in(arena, TEXT_MOST + 8 * NAME_MOST);

	if (card->to)
		text_printf(&text, "%s: ", one_line(arena, card->to, NAME_MOST));
	if (card->id)
		text_add(&text, one_line(arena, card->id, NAME_MOST));
	if (card->id && card->state)
		text_add(&text, " ");
	if (card->state)
		text_add(&text, one_line(arena, card->state, NAME_MOST));
	if ((card->id || card->state) && *card->headline)
		text_add(&text, ": ");
	text_add(&text, card->headline);
	return text.bytes;
}

/* What stands between a fact and the one before it, if any. Behind "Host: nas1" a comma would go on with nas1. */
static const char *
between(const struct fact *before, const struct fact *fact)
{
	if (before && before->words)
		return " | ";
	if (fact->words)
		return " ";
	return fact->name || (before && before->name) ? ". " : ", ";
}

static size_t
take_apart(struct arena *arena, const struct card *card, struct piece *out)
{
	size_t count = 0;

	out[count++] = (struct piece){ "", opening(arena, card) };
	for (size_t i = 0; i < card->fact_count; i++) {
		const struct fact *fact = &card->facts[i];
		const char *text = fact->name ? arena_printf(arena, "%s: %s", fact->name, fact->value) : fact->value;
		out[count++] = (struct piece){ between(i ? fact - 1 : NULL, fact), text };
	}
	if (card->by)
		out[count++] = (struct piece){ " ", arena_printf(arena, "(%s)", one_line(arena, card->by, NAME_MOST)) };
	if (card->url)
		out[count++] = (struct piece){ " ", card->url };
	return count;
}

/* As many pieces as fit into `most` bytes, as one line; *used is how many, at least one. */
static const char *
join(struct arena *arena, const struct piece *pieces, size_t count, size_t most, size_t *used)
{
	size_t length = strlen(pieces[0].text);

	for (*used = 1; *used < count; ++*used) {
		size_t more = strlen(pieces[*used].before) + strlen(pieces[*used].text);
		if (length + more > most)
			break;
		length += more;
	}
	struct text text = text_in(arena, length);
	text_add(&text, pieces[0].text);
	for (size_t i = 1; i < *used; i++) {
		text_add(&text, pieces[i].before);
		text_add(&text, pieces[i].text);
	}
	return text.bytes;
}

/* One line while it fits; else the headline, and below it the facts, as many in a line as fit whole. */
static void
draw_sentence(struct drawing *drawing, const struct card *card)
{
	struct piece *pieces = arena_take(drawing->arena, (card->fact_count + 3) * sizeof *pieces);
	size_t count = take_apart(drawing->arena, card, pieces), used;
	const char *before = *drawing->lead ? drawing->lead : "| ";
	const char *whole = join(drawing->arena, pieces, count, drawing->most, &used);

	if (used == count) {
		put_wrapped(drawing, "", whole);
		return;
	}
	put_wrapped(drawing, "", pieces[0].text);
	for (size_t i = 1; i < count; i += used)
		put_wrapped(drawing, before, join(drawing->arena, pieces + i, count - i, drawing->most - strlen(before), &used));
}

/* The words of others get one line each, whatever their length. What may be typed stands behind the last of them. */
static void
draw_quotes(struct drawing *drawing, const struct card *card)
{
	const char *before = *drawing->lead ? drawing->lead : "| ";
	const char *next = card->next ? one_line(drawing->arena, card->next, TEXT_MOST) : NULL;

	for (size_t i = 0; i < card->quote_count; i++) {
		char *quote = text_cut(drawing->arena, card->quotes[i], drawing->most - strlen(before));
		if (next && i + 1 == card->quote_count)
			put_wrapped(drawing, before, arena_printf(drawing->arena, "%s | %s", quote, next));
		else
			put(drawing, before, quote, strlen(quote));
	}
	if (next && !card->quote_count)
		put_wrapped(drawing, drawing->lead, next);
}

static void
leave_out(struct drawing *drawing, const struct card *card, size_t lines)
{
	size_t all = drawing->out.count + card->skip, shown = card->skip + lines - 1;
	char **last = &drawing->out.each[lines - 1];

	drawing->out.count = lines;
	if (card->more)
		*last = arena_printf(drawing->arena, "%s%zu of %zu lines. Next: %s, all in private: %s dm", drawing->lead, shown, all, card->more, card->more);
	else
		*last = arena_printf(drawing->arena, "%sand %zu more lines", drawing->lead, all - shown);
}

static void
skip(struct lines *lines, size_t count)
{
	count = count < lines->count ? count : lines->count;
	lines->count -= count;
	lines->each += count;
}

static size_t
at_once(const struct card *card, size_t lines)
{
	lines = card->most ? card->most : lines;
	return lines < 2 ? 2 : lines;
}

static struct drawing
draw(struct arena *arena, const struct card *card, size_t most)
{
	struct drawing drawing = { .arena = arena, .most = most < LINE_LEAST ? LINE_LEAST : most, .lead = "" };

	if (card->id)
		drawing.lead = arena_printf(arena, "%s: ", one_line(arena, card->id, NAME_MOST));
	draw_sentence(&drawing, card);
	for (size_t i = 0; i < card->line_count; i++)
		put_wrapped(&drawing, drawing.lead, card->lines[i]);
	draw_quotes(&drawing, card);
	skip(&drawing.out, card->skip);
	return drawing;
}

struct lines
card_lines(struct arena *arena, const struct card *card, size_t most, size_t lines)
{
	struct drawing drawing = draw(arena, card, most);

	lines = at_once(card, lines);
	if (drawing.out.count > lines)
		leave_out(&drawing, card, lines);
	return drawing.out;
}

/* One sentence, and short: one line, which nobody has to draw to know it. */
static bool
is_brief(const struct card *card)
{
	bool alone = !card->fact_count && !card->line_count && !card->quote_count && !card->url && !card->next && !card->skip;

	return alone && *card->headline && strlen(card->headline) < BRIEF;
}

size_t
card_shown(const struct card *card, size_t lines, bool *left)
{
	*left = false;
	if (is_brief(card))
		return 1;
	struct arena *arena = arena_new();
	size_t count = draw(arena, card, CARD_WIDTH).out.count;

	lines = at_once(card, lines);
	*left = count > lines;
	arena_free(arena);
	return *left ? lines - 1 : count;
}
