/* room: the logical rooms of the configuration, found by their places. */
#include "bridge/talk/room.h"

#include <string.h>

#include "bridge/rights/window.h"

static const struct setting room_settings[] = {
	SETTING(room, name,      TYPE_TITLE, NULL, "What we call it."),
	SETTING(room, where,     TYPE_WHERE, NULL, NULL),
	SETTING(room, joins,     TYPE_FLAG,  "no", "Who comes to one of its places and who goes is told in the others, in one line where they are many; with relay."),
	SETTING(room, operators, TYPE_FLAG,  "no", "Hears of the gateway's own troubles."),
	SETTING(room, places,    TYPE_LIST,  CONF_REQUIRED, "Its places: LINK/CHANNEL, as in \"corp/#ops\"."),
	SETTING(room, quiet,     TYPE_TEXT,  NULL, "When only critical alerts are told there, as in \"22:00 - 07:00\"; the others as one line at its end."),
	SETTING(room, relay,     TYPE_FLAG,  "no", "Its places are one conversation: what is said in one is told in the others."),
	SETTING(room, services,  TYPE_LIST,  NULL, "The services that it offers."),
	{ 0 }
};

const struct shape room_shape = { "room", sizeof(struct room), room_settings, "A room, with one or more places.", false };

bool
room_has_place(const struct room *room, const struct place *place)
{
	for (size_t i = 0; i < room->place_count; i++)
		if (place_same(&room->place[i], place))
			return true;
	return false;
}

const struct room *
room_of(const struct rooms *rooms, const struct place *place)
{
	for (size_t i = 0; i < rooms->count; i++)
		if (room_has_place(rooms->each[i], place))
			return rooms->each[i];
	return NULL;
}

const struct room *
room_named(const struct rooms *rooms, const char *name)
{
	for (size_t i = 0; i < rooms->count; i++)
		if (!strcmp(rooms->each[i]->name, name))
			return rooms->each[i];
	return NULL;
}

bool
room_offers(const struct room *room, const char *instance)
{
	for (size_t i = 0; i < room->services.count; i++)
		if (!strcmp(room->services.each[i], instance))
			return true;
	return false;
}

bool
room_quiet(const struct room *room, int64_t at, int64_t *since, int64_t *until)
{
	struct window window;
	struct span span;

	if (!room->quiet || !window_read_weekly(room->quiet, &window) || !window_at(&window, at, &span) || at < span.from || at >= span.to)
		return false;
	*since = span.from;
	*until = span.to;
	return true;
}
