/* say: a card as lines of IRC: how wide, how coloured, whom it may ring. */
#include "protocols/irc/say.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"
#include "protocols/irc/line.h"

enum {
	WIDTH = 400,                    /* bytes of a line, where the server's limit allows */
	WIDTH_LEAST = 80,
	LINES = 10,                     /* of one card */
	PIECES = 8,                     /* that a line may come to when it grew; its text at most doubles */
};

const char say_resent[] = " (resent)";

/* What the server leaves us of a line. */
size_t
say_room(const struct say *say)
{
	size_t most = say->most ? say->most : LINE_MOST;
	size_t taken = say->prefix + strlen("PRIVMSG ") + strlen(say->target) + strlen(" :") + strlen("\r\n");

	return taken + WIDTH_LEAST < most ? most - taken : WIDTH_LEAST;
}

/* -- Colour repeats the state's word -------------------------------------------------------------------------------- */

static const char *const colours[] = { [TONE_PLAIN] = NULL, [TONE_GOOD] = "\00303", [TONE_BAD] = "\00304", [TONE_WAITING] = "\00307" };

static char *
with_colour(struct arena *arena, const struct card *card, char *line)
{
	const char *colour = colours[card->tone];
	bool worded = card->state && *card->state && text_utf8(card->state, strlen(card->state));
	char *at = colour && worded ? strstr(line, card->state) : NULL;

	if (!at)
		return line;
	size_t length = strlen(card->state);
	return arena_printf(arena, "%.*s%s%.*s\017%s", (int)(at - line), line, colour, (int)length, at, at + length);
}

/* -- Lines ---------------------------------------------------------------------------------------------------------- */

static void
add(struct said *said, const char *command, const char *text, bool joined)
{
	assert(said->count < said->size);
	said->each[said->count++] = (struct said_line){ command, text, joined, false };
}

/* Other bots listen to messages, though never to notices: none begins with what they take for a command. */
static bool
looks_like_command(const char *text)
{
	return *text && strchr("!.@$%&~-+?;,:\\/^*=<>'`", *text);
}

/* What grew past the limit goes on in another line, from a blank if there is one. */
static void
add_whole(struct arena *arena, struct said *said, const char *command, const char *text, size_t most)
{
	const char *before = "";

	while (strlen(before) + strlen(text) > most) {
		size_t fits = text_fit(text, strlen(text), most - strlen(before)), at = fits;
		while (at > 0 && text[at] != ' ')
			at--;
		if (at == 0)
			at = fits;
		add(said, command, arena_printf(arena, "%s%.*s", before, (int)at, text), false);
		text += at;
		text += strspn(text, " ");
		before = "| ";
	}
	if (*text)
		add(said, command, arena_printf(arena, "%s%s", before, text), false);
}

/* Where a line goes on in another one of the same message: behind a blank, if there is one. Who reads the lines one by one must not
 * take the second for a command. 0: nowhere. */
static size_t
joint(const char *text, size_t most)
{
	size_t fits = text_fit(text, strlen(text), most);

	for (size_t at = fits; at > fits / 2; at--)
		if (text[at - 1] == ' ' && text[at] != ' ' && !looks_like_command(text + at))
			return at;
	for (size_t at = fits; at > fits / 2; at--)
		if (text[at] != ' ' && ((unsigned char)text[at] & 0xc0) != 0x80 && !looks_like_command(text + at))
			return at;
	return 0;
}

/* In a message of many lines nothing has to stand where one was parted. */
static void
add_joined(struct arena *arena, struct said *said, const char *command, const char *text, size_t most)
{
	bool joined = false;

	while (strlen(text) > most && said->whole) {
		size_t at = joint(text, most);
		said->whole = at > 0;
		add(said, command, arena_slice(arena, text, at), joined);
		text += at;
		joined = true;
	}
	if (*text)
		add(said, command, text, joined);
}

static size_t
addressed(const struct card *card, const char *line)
{
	size_t length = card->to ? strlen(card->to) : 0;

	return length && !strncmp(line, card->to, length) && line[length] == ':' ? length : 0;
}

static void
say_line(struct arena *arena, const struct say *say, const struct card *card, char *line, size_t i, struct said *said)
{
	/* A whole is one message, which rings or does not. */
	bool rings = (i == 0 || said->whole) && card->to && card->ring;
	const char *command = rings || say->message ? "PRIVMSG" : "NOTICE";

	/* The name at the very beginning is whom we speak to. */
	size_t to = i == 0 ? addressed(card, line) : 0;
	line = arena_printf(arena, "%.*s%s", (int)to, line, say_without_pings(arena, say, line + to));
	if (say->colour && i == 0)
		line = with_colour(arena, card, line);
	if (*command == 'P' && looks_like_command(line))
		line = arena_printf(arena, "| %s", line);
	if (said->whole)
		add_joined(arena, said, command, line, say_room(say));
	else
		add_whole(arena, said, command, line, say_room(say));
}

static struct said
say_lines(struct arena *arena, const struct say *say, const struct card *card, const struct lines *lines, bool whole)
{
	struct said said = { .size = lines->count * PIECES, .whole = whole };

	said.each = arena_take(arena, (said.size + 1) * sizeof *said.each);
	for (size_t i = 0; i < lines->count; i++)
		say_line(arena, say, card, lines->each[i], i, &said);
	return said;
}

/* Whether the server takes it as one message. A single line is one anyway. */
static bool
fits_whole(const struct say *say, const struct said *said)
{
	size_t bytes = 0;

	for (size_t i = 0; i < said->count; i++)
		bytes += strlen(said->each[i].text) + (i > 0 && !said->each[i].joined);
	return said->whole && said->count > 1 && bytes <= say->whole_bytes && (!say->whole_lines || said->count <= say->whole_lines);
}

struct said
say_card(struct arena *arena, const struct say *say, const struct card *original)
{
	struct card *card = card_copy(arena, original);
	size_t most = say_room(say) - (say->again ? strlen(say_resent) : 0);

	/* In private there is nobody else to address. */
	if (!say->channel && !card->ring)
		card->to = NULL;
	struct lines lines = card_lines(arena, card, most < WIDTH ? most : WIDTH, say->lines ? say->lines : LINES);
	if (say->again && lines.count)
		lines.each[lines.count - 1] = arena_printf(arena, "%s%s", lines.each[lines.count - 1], say_resent);
	if (say->whole_bytes) {
		struct said said = say_lines(arena, say, card, &lines, true);
		if (fits_whole(say, &said))
			return said;
	}
	return say_lines(arena, say, card, &lines, false);
}

/* -- On the wire ---------------------------------------------------------------------------------------------------- */

size_t
said_lines(const struct said *said)
{
	return said->count + (said->whole ? 2 : 0);
}

static bool
write_label(const struct envelope *envelope, size_t i, char label[LINE_LABEL_MOST + 1])
{
	return strlen(envelope->label) <= SAID_LABEL_MOST && snprintf(label, LINE_LABEL_MOST + 1, "%s.%zu", envelope->label, i) <= LINE_LABEL_MOST;
}

/* BATCH +s1 draft/multiline #ops, or BATCH -s1. */
static bool
write_batch(struct written *line, const struct line_frame *frame, const struct envelope *envelope, bool begins)
{
	char ref[LINE_LABEL_MOST + 2];
	const char *params[] = { ref, "draft/multiline", envelope->target };

	if (!line_is_label(envelope->batch))
		return false;
	snprintf(ref, sizeof ref, "%c%s", begins ? '+' : '-', envelope->batch);
	return line_write_framed(line, frame, "BATCH", params, begins ? 3 : 1);
}

bool
said_write(struct written *line, const struct envelope *envelope, const struct said *said, size_t i)
{
	bool begins = said->whole && i == 0, ends = said->whole && i > said->count;
	struct line_frame frame = { .prefix = envelope->prefix, .most = envelope->most };
	char label[LINE_LABEL_MOST + 1];

	line->length = 0;
	if (envelope->label && (begins || !said->whole)) {
		if (!write_label(envelope, i, label))
			return false;
		frame.label = label;
	}
	if (begins || ends)
		return write_batch(line, &frame, envelope, begins);
	const struct said_line *one = &said->each[i - said->whole];
	const char *params[] = { envelope->target, one->text };
	frame.batch = said->whole ? envelope->batch : NULL;
	frame.joined = one->joined;
	return line_is_said(one->text) && line_write_framed(line, &frame, one->command, params, 2);
}
