/* circles: other gateways, and bridges of other kinds, that tell in a room what we tell there. */
#include "bridge/talk/circles.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/talk/message.h"

enum {
	LINES = 256,                    /* that are remembered, of all rooms */
	LINE_MOST = 400,                /* bytes: about what other chats say in one line */
	MOMENTS = 5 * 60 * 1000,        /* ms for which a line is remembered */
	TELLERS = 64,
	NOTICED = 3,                    /* repeated lines within those moments, and somebody is known for a bridge */
	KNOWN = 3600 * 1000,            /* ms: for so long after the last of them */
	MINUTE = 60 * 1000,
	TOLD_A_MINUTE = 60,             /* lines that somebody may tell of others in a minute; it is not for people */
};

/* What somebody said, of which nothing but letters and figures are compared: chats change the rest. */
struct line {
	char *room, *who, *words;
	int64_t at;
};

/* Who says what begins with the name of somebody else. */
struct teller {
	char *where;                    /* room, place and name */
	unsigned repeated, told;
	int64_t first, minute;          /* when those were begun to be counted */
	int64_t known;                  /* until when they are known for a bridge; 0: they are not */
	int64_t last;
};

struct circles {
	struct line lines[LINES];
	size_t next;
	struct teller tellers[TELLERS];
};

struct circles *
circles_new(void)
{
	return memory_take(sizeof(struct circles));
}

static void
line_finish(struct line *line)
{
	free(line->room);
	free(line->who);
	free(line->words);
}

void
circles_free(struct circles *circles)
{
	for (size_t i = 0; circles && i < LINES; i++)
		line_finish(&circles->lines[i]);
	for (size_t i = 0; circles && i < TELLERS; i++)
		free(circles->tellers[i].where);
	free(circles);
}

/* -- What is compared ------------------------------------------------------------------------------------------------- */

static bool
counts(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || (unsigned char)byte >= 0x80;
}

static char *
letters(struct arena *arena, const char *text, size_t length)
{
	char *out = arena_take(arena, length + 1), *to = out;

	for (size_t i = 0; i < length; i++)
		if (counts(text[i]))
			*to++ = text[i];
	return out;
}

/* "<bob> hello", "* bob shrugs", "[bob] hello", "bob (IRC): hello": how bridges begin. */
static bool
tells_of_others(const char *text)
{
	const char *end = strstr(text, "): ");

	return (*text && strchr("<*[(", *text)) || (end && end - text < 80 && !memchr(text, '\n', (size_t)(end - text)));
}

static bool
ends_with(const char *text, const char *end, size_t *before)
{
	size_t length = strlen(text), size = strlen(end);

	*before = length - size;
	return size > 0 && size < length && !memcmp(text + length - size, end, size);
}

/* It names who said it, and says what they said. */
static bool
repeats(struct arena *arena, const char *told, const struct line *line)
{
	size_t before;

	return ends_with(told, line->words, &before) && *line->who && strstr(arena_slice(arena, told, before), line->who);
}

static bool
was_heard(const struct circles *circles, struct arena *arena, const char *room, const char *text, int64_t now)
{
	const char *told = letters(arena, text, strlen(text));

	for (size_t i = 0; i < LINES; i++) {
		const struct line *line = &circles->lines[i];
		if (line->room && now - line->at < MOMENTS && !strcmp(line->room, room) && repeats(arena, told, line))
			return true;
	}
	return false;
}

/* Other chats say each line by itself. */
static void
remember(struct circles *circles, struct arena *arena, const char *room, const struct message *message, int64_t now)
{
	const char *who = message->from.shown ? message->from.shown : "";
	size_t length;

	for (const char *at = message->text; *at; at += length + (at[length] == '\n')) {
		length = strcspn(at, "\n");
		if (!length || length > LINE_MOST)
			continue;
		struct line *line = &circles->lines[circles->next++ % LINES];
		line_finish(line);
		*line = (struct line){ memory_text(room), memory_text(letters(arena, who, strlen(who))), memory_text(letters(arena, at, length)), now };
	}
}

/* -- Who it is -------------------------------------------------------------------------------------------------------- */

/* Theirs, or the one that was not used for longest. */
static struct teller *
teller_of(struct circles *circles, const char *where)
{
	struct teller *oldest = &circles->tellers[0];

	for (size_t i = 0; i < TELLERS; i++) {
		struct teller *teller = &circles->tellers[i];
		if (teller->where && !strcmp(teller->where, where))
			return teller;
		if (teller->last < oldest->last || !teller->where)
			oldest = teller;
	}
	free(oldest->where);
	*oldest = (struct teller){ .where = memory_text(where) };
	return oldest;
}

static enum circle
count_repeated(struct teller *teller, int64_t now)
{
	if (!teller->repeated || now - teller->first > MOMENTS) {
		teller->repeated = 0;
		teller->first = now;
	}
	bool known = teller->known > now;
	if (++teller->repeated >= NOTICED || known)
		teller->known = now + KNOWN;
	return !known && teller->known > now ? CIRCLE_NOTICED : CIRCLE_PASSED_OVER;
}

static bool
tells_too_much(struct teller *teller, int64_t now)
{
	if (!teller->told || now - teller->minute > MINUTE) {
		teller->told = 0;
		teller->minute = now;
	}
	return ++teller->told > TOLD_A_MINUTE;
}

static enum circle
look(struct circles *circles, struct arena *arena, const char *room, const struct message *message, int64_t now)
{
	if (!message->repeats_us && !tells_of_others(message->text))
		return CIRCLE_NONE;
	struct teller *teller = teller_of(circles, arena_printf(arena, "%s\n%s\n%s", room, place_text(arena, &message->place), message->from.shown));
	teller->last = now;
	if (message->repeats_us || was_heard(circles, arena, room, message->text, now))
		return count_repeated(teller, now);
	return teller->known > now || tells_too_much(teller, now) ? CIRCLE_PASSED_OVER : CIRCLE_NONE;
}

enum circle
circles_look(struct circles *circles, const char *room, const struct message *message, int64_t now)
{
	struct arena *arena = arena_new();
	enum circle found = look(circles, arena, room, message, now);

	if (found == CIRCLE_NONE)
		remember(circles, arena, room, message, now);
	arena_free(arena);
	return found;
}
