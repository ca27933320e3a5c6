/* draft: what a foreign message says, part by part, until it is a card. */
#include "integrations/receivers/draft.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/url.h"
#include "integrations/receivers/markup.h"

enum {
	SAID_MOST = 640,                /* bytes of all sentences together */
	SAID_LEAST = 160,
	NAME_MOST = 60,
	VALUE_MOST = 160,
	LINES_MOST = 3,                 /* of IRC, for what nobody asked for */
};

static const char *const left_out_names[LEFT_KINDS] = { "button", "fact", "input", "line", "link", "picture", "part" };

struct draft
draft_new(struct arena *arena, const struct dialect *dialect)
{
	return (struct draft){ .arena = arena, .dialect = dialect, .said = text_in(arena, 4 * SAID_MOST) };
}

static char *
clean(struct arena *arena, const char *text)
{
	char *line = text_clean(arena, text, strlen(text));
	size_t length = strlen(line);

	while (length && line[length - 1] == ' ')
		line[--length] = '\0';
	return line + strspn(line, " ");
}

static char *
plain(struct draft *draft, const char *text)
{
	return clean(draft->arena, draft->dialect ? markup_plain(draft, draft->dialect, text) : text);
}

void
draft_join(struct text *text, const char *sentence)
{
	if (!*sentence)
		return;
	if (text->length)
		text_add(text, strchr(".,:;!?", text->bytes[text->length - 1]) ? " " : ". ");
	text_add(text, sentence);
}

static bool
said_already(const struct text *said, const char *sentence)
{
	const char *at = said->length ? strstr(said->bytes, sentence) : NULL;
	char after = at ? at[strlen(sentence)] : '\0';

	return at && (at == said->bytes || at[-1] == ' ') && strchr(" .,:;!?", after);
}

void
draft_say_plain(struct draft *draft, const char *text)
{
	const char *line = text ? clean(draft->arena, text_cut(draft->arena, text, 4 * SAID_MOST)) : "";

	if (*line && !said_already(&draft->said, line))
		draft_join(&draft->said, line);
}

void
draft_say(struct draft *draft, const char *text)
{
	if (text)
		draft_say_plain(draft, plain(draft, text));
}

/* "Host:" is a name, too. */
static const char *
named(struct draft *draft, const char *name)
{
	char *words = plain(draft, name);
	size_t length = strlen(words);

	while (length && strchr(": ", words[length - 1]))
		words[--length] = '\0';
	return text_cut(draft->arena, words, NAME_MOST);
}

void
draft_fact(struct draft *draft, const char *name, const char *value)
{
	const char *words = value ? text_cut(draft->arena, plain(draft, value), VALUE_MOST) : "";
	const char *called = name ? named(draft, name) : "";

	if (!*words && !*called)
		return;
	if (draft->fact_count == DRAFT_FACTS) {
		draft_leave_out(draft, LEFT_FACT);
		return;
	}
	draft->facts[draft->fact_count].name = *words ? called : "";
	draft->facts[draft->fact_count++].value = *words ? words : called;
}

void
draft_link(struct draft *draft, enum link_rank rank, const char *url)
{
	if (!url || !*url || (draft->url && !strcmp(draft->url, url)))
		return;
	if (!url_origin(draft->arena, url) || (draft->url && rank <= draft->rank)) {
		draft_leave_out(draft, LEFT_LINK);
		return;
	}
	if (draft->url)
		draft_leave_out(draft, LEFT_LINK);
	draft->url = arena_text(draft->arena, url);
	draft->rank = rank;
}

static size_t
count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		count += strspn(text, " \t\r") < strcspn(text, "\n");
	return count;
}

/* The last ones tell what became of it. */
void
draft_quote(struct draft *draft, const char *lines, size_t length)
{
	const char *text = text_clean_lines(draft->arena, lines, length);
	size_t count = count_lines(text), room = DRAFT_QUOTES - draft->quote_count, at = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t size = strcspn(text, "\n");
		if (strspn(text, " \t\r") >= size)
			continue;
		if (at++ + room < count)
			draft_leave_out(draft, LEFT_LINE);
		else
			draft->quotes[draft->quote_count++] = arena_slice(draft->arena, text, size);
	}
}

void
draft_leave_out(struct draft *draft, enum left_out what)
{
	draft->left[what]++;
}

void
draft_tone(struct draft *draft, enum tone tone)
{
	static const int badness[] = { [TONE_PLAIN] = 0, [TONE_GOOD] = 1, [TONE_WAITING] = 2, [TONE_BAD] = 3 };

	if (badness[tone] > badness[draft->tone])
		draft->tone = tone;
}

bool
draft_empty(const struct draft *draft)
{
	return !draft->said.length && !draft->fact_count && !draft->quote_count;
}

static const char *
listed(struct arena *arena, const unsigned left[LEFT_KINDS])
{
	struct text text = text_in(arena, 256);

	for (size_t i = 0; i < LEFT_KINDS; i++)
		if (left[i])
			text_printf(&text, "%s%u %s%s", text.length ? ", " : "", left[i], left_out_names[i], text_s(left[i]));
	if (!text.length)
		return NULL;
	text_add(&text, " left out");
	return text.bytes;
}

const char *
draft_left_out(const struct draft *draft)
{
	return listed(draft->arena, draft->left);
}

/* What stands before other parts of a card has no stop of its own; dots that say that something goes on stay. */
static const char *
unstopped(struct arena *arena, const char *text)
{
	size_t length = strlen(text);
	bool stop = length > 1 && (text[length - 1] == ':' || (text[length - 1] == '.' && text[length - 2] != '.'));

	return arena_slice(arena, text, length - stop);
}

/* Where there is no sentence, the first of the rest stands in its place: behind the source something has to be said. */
static struct draft
with_a_sentence(const struct draft *draft)
{
	struct draft whole = *draft;

	if (draft->said.length)
		return whole;
	whole.said = text_in(draft->arena, 4 * SAID_MOST);
	if (draft->fact_count) {
		text_printf(&whole.said, "%s%s%s", draft->facts[0].name, *draft->facts[0].name ? ": " : "", draft->facts[0].value);
		memmove(whole.facts, whole.facts + 1, --whole.fact_count * sizeof *whole.facts);
	} else if (draft->quote_count) {
		text_add(&whole.said, clean(draft->arena, draft->quotes[0]));
		memmove(whole.quotes, whole.quotes + 1, --whole.quote_count * sizeof *whole.quotes);
	}
	return whole;
}

/* How much of each is shown; what is not is cut, or counted. */
struct room { size_t facts, said, quotes; };

static struct card *
card_within(const struct draft *draft, const char *source, const struct room *room)
{
	const char *words = draft->said.length ? text_cut(draft->arena, draft->said.bytes, room->said) : "";
	struct card *card = card_new(draft->arena, draft->tone, "[%s] %s", source, unstopped(draft->arena, words));
	unsigned left[LEFT_KINDS];

	memcpy(left, draft->left, sizeof left);
	left[LEFT_FACT] += (unsigned)(draft->fact_count - room->facts);
	left[LEFT_LINE] += (unsigned)(draft->quote_count - room->quotes);
	for (size_t i = 0; i < room->facts; i++)
		card_fact(card, draft->facts[i].name, "%s", unstopped(draft->arena, draft->facts[i].value));
	if (listed(draft->arena, left))
		card_fact(card, NULL, "%s", listed(draft->arena, left));
	for (size_t i = draft->quote_count - room->quotes; i < draft->quote_count; i++)
		card_quote(card, draft->quotes[i], strlen(draft->quotes[i]), 1);
	card_url(card, draft->url);
	return card;
}

static bool
fits(const struct card *card)
{
	bool left;

	return card_shown(card, 100, &left) <= LINES_MOST;
}

/* Facts go first, from the last one on; then words, then lines. False: there is no less. */
static bool
make_room(struct room *room)
{
	if (room->facts)
		room->facts--;
	else if (room->said > SAID_LEAST)
		room->said /= 2;
	else if (room->quotes)
		room->quotes--;
	else
		return false;
	return true;
}

struct card *
draft_card(const struct draft *draft, const char *source)
{
	struct draft whole = with_a_sentence(draft);
	struct room room = { whole.fact_count, SAID_MOST, whole.quote_count };
	struct card *card = card_within(&whole, source, &room);

	while (!fits(card) && make_room(&room))
		card = card_within(&whole, source, &room);
	return card;
}
