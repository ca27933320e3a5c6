/* comings: who comes to a place of a room and who goes, told in its other places. */
#include "bridge/talk/comings.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/talk/card.h"
#include "bridge/talk/message.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

enum {
	GATHERED = 2 * 1000,            /* ms in which more may follow the first */
	MINUTE = 60 * 1000,
	LINES_A_MINUTE = 3,             /* after those what happens is told at its end, in one line */
	NAMES_MOST = 5,                 /* in one line; more are counted */
	NAME_MOST = 40, TEXT_MOST = 120,
	KINDS = 4,
};

/* "carol left: gone home", "12 left". */
static const struct { const char *one, *between, *many; } sentences[KINDS] = {
	[MESSAGE_CAME - MESSAGE_CAME] =    { " joined", "", "joined" },
	[MESSAGE_WENT - MESSAGE_CAME] =    { " left", ": ", "left" },
	[MESSAGE_REMOVED - MESSAGE_CAME] = { " was removed", " by ", "were removed" },
	[MESSAGE_RENAMED - MESSAGE_CAME] = { "", " is now ", "have other names" },
};

/* What happened in one place and was not told yet. */
struct gathering {
	struct gathering *next;
	struct comings *comings;
	struct arena *arena;            /* of the place */
	struct place place;
	const char *chat;
	struct watch *clock;
	unsigned count, counts[KINDS];
	bool differ;                    /* they did not all leave for the same reason */
	struct { unsigned kind; char *name, *text; } first[NAMES_MOST];
	int64_t minute;                 /* mono ms: when the one began in which `lines` were told */
	unsigned lines;
};

struct comings {
	const struct talk *talk;
	struct gathering *first;
};

struct comings *
comings_open(const struct talk *talk)
{
	struct comings *comings = memory_take(sizeof *comings);

	comings->talk = talk;
	return comings;
}

static void
forget(struct gathering *gathering)
{
	for (unsigned i = 0; i < gathering->count && i < NAMES_MOST; i++) {
		free(gathering->first[i].name);
		free(gathering->first[i].text);
	}
	gathering->count = 0;
	gathering->differ = false;
	memset(gathering->counts, 0, sizeof gathering->counts);
}

void
comings_close(struct comings *comings)
{
	while (comings && comings->first) {
		struct gathering *gathering = comings->first;
		comings->first = gathering->next;
		forget(gathering);
		watch_free(gathering->clock);
		arena_free(gathering->arena);
		free(gathering);
	}
	free(comings);
}

bool
comings_wanted(const struct talk *talk, const struct place *place)
{
	const struct room *room = room_of(talk->rooms, place);

	return room && room->relay && room->joins && room->place_count > 1;
}

/* -- As a line -------------------------------------------------------------------------------------------------------- */

static void
add_names(struct text *text, const struct gathering *gathering, unsigned kind)
{
	unsigned said = 0;

	for (unsigned i = 0; i < gathering->count; i++) {
		if (gathering->first[i].kind != kind)
			continue;
		said++;
		text_printf(text, "%s%s", said == 1 ? "" : said == gathering->counts[kind] ? " and " : ", ", gathering->first[i].name);
	}
}

/* "amy, bob and eve joined", or "12 joined". */
static void
add_many(struct text *text, const struct gathering *gathering, unsigned kind)
{
	if (text->length)
		text_add(text, ", ");
	if (gathering->count <= NAMES_MOST)
		add_names(text, gathering, kind);
	else
		text_printf(text, "%u", gathering->counts[kind]);
	text_printf(text, " %s", sentences[kind].many);
}

static const char *
line_of(struct arena *arena, const struct gathering *gathering)
{
	struct text text = text_in(arena, 1000);
	const char *why = gathering->first[0].text;
	unsigned first = gathering->first[0].kind;

	if (gathering->count == 1)
		text_printf(&text, "%s%s%s%s", gathering->first[0].name, sentences[first].one, *why ? sentences[first].between : "", why);
	for (unsigned kind = 0; kind < KINDS && gathering->count > 1; kind++)
		if (gathering->counts[kind])
			add_many(&text, gathering, kind);
	/* When servers of IRC lose each other, all who leave say the same. */
	if (gathering->count > 1 && gathering->counts[MESSAGE_WENT - MESSAGE_CAME] == gathering->count && !gathering->differ && *why)
		text_printf(&text, ": %s", why);
	text_printf(&text, " (%s)", gathering->chat);
	return text.bytes;
}

static void
say(const struct gathering *gathering)
{
	const struct talk *talk = gathering->comings->talk;
	const struct room *room = room_of(talk->rooms, &gathering->place);
	struct arena *arena = arena_new();
	struct card *card = card_new(arena, TONE_PLAIN, "%s", line_of(arena, gathering));

	for (size_t i = 0; comings_wanted(talk, &gathering->place) && i < room->place_count; i++)
		if (!place_same(&room->place[i], &gathering->place) && (outbox_can(talk->outbox, room->place[i].link) & CAN_TALK))
			outbox_say_spare(talk->outbox, &room->place[i], NULL, card);
	arena_free(arena);
}

/* -- Gathering -------------------------------------------------------------------------------------------------------- */

static void
tell(void *with, int events)
{
	struct gathering *gathering = with;

	(void)events;
	say(gathering);
	forget(gathering);
	gathering->lines++;
}

static struct gathering *
gathering_of(struct comings *comings, const struct place *place, const char *chat)
{
	struct gathering *gathering = comings->first;

	while (gathering && !place_same(&gathering->place, place))
		gathering = gathering->next;
	if (gathering)
		return gathering;
	gathering = memory_take(sizeof *gathering);
	gathering->comings = comings;
	gathering->arena = arena_new();
	gathering->place = place_copy(gathering->arena, place);
	gathering->chat = arena_text(gathering->arena, chat);
	gathering->clock = loop_timer(comings->talk->engine->loop, tell, gathering);
	gathering->next = comings->first;
	comings->first = gathering;
	return gathering;
}

/* When the next line is due that begins now. */
static int64_t
pause_for(struct gathering *gathering, int64_t now)
{
	if (!gathering->minute || now - gathering->minute >= MINUTE) {
		gathering->minute = now;
		gathering->lines = 0;
	}
	int64_t left = gathering->minute + MINUTE - now;
	return gathering->lines < LINES_A_MINUTE || left < GATHERED ? GATHERED : left;
}

static char *
shown(struct arena *arena, const char *text, size_t most)
{
	return memory_text(text_cut(arena, text_clean(arena, text, strlen(text)), most));
}

void
comings_take(struct comings *comings, const struct message *message, const char *chat)
{
	if (!comings_wanted(comings->talk, &message->place))
		return;
	struct gathering *gathering = gathering_of(comings, &message->place, chat);
	struct arena *arena = arena_new();
	char *text = shown(arena, message->text, TEXT_MOST);
	unsigned kind = message->kind - MESSAGE_CAME;

	if (!gathering->count)
		watch_after(gathering->clock, pause_for(gathering, clock_mono()));
	else
		gathering->differ = gathering->differ || strcmp(text, gathering->first[0].text);
	gathering->counts[kind]++;
	if (gathering->count < NAMES_MOST) {
		gathering->first[gathering->count].kind = kind;
		gathering->first[gathering->count].name = shown(arena, message->from.shown, NAME_MOST);
		gathering->first[gathering->count].text = text;
	} else
		free(text);
	gathering->count++;
	arena_free(arena);
}
