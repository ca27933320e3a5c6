/* matrix_rooms: the rooms of one homeserver that we know of. */
#include "protocols/matrix/matrix_rooms.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"

static struct matrix_room *
add(struct matrix_rooms *rooms, const char *name, const char *id)
{
	struct matrix_room **at = &rooms->first, *room = memory_take(sizeof *room);

	room->name = memory_text(name);
	room->id = memory_text(id);
	while (*at)
		at = &(*at)->next;
	*at = room;
	rooms->count++;
	return room;
}

static void
room_free(struct matrix_room *room)
{
	free(room->name);
	free(room->id);
	free(room->with);
	free(room->replaced_by);
	free(room);
}

void
matrix_rooms_free(struct matrix_rooms *rooms)
{
	while (rooms->first) {
		struct matrix_room *room = rooms->first;
		rooms->first = room->next;
		room_free(room);
	}
	rooms->count = 0;
}

static bool
is_among(const char *name, const char *const *channels)
{
	while (*channels && strcmp(*channels, name))
		channels++;
	return *channels;
}

void
matrix_rooms_name(struct matrix_rooms *rooms, const char *const *channels)
{
	for (struct matrix_room *room = rooms->first; room; room = room->next)
		if (room->name && !is_among(room->name, channels)) {
			free(room->name);
			room->name = NULL;
		}
	for (size_t i = 0; channels[i]; i++) {
		struct matrix_room *room = matrix_rooms_named(rooms, channels[i]);
		if (!room && *channels[i] == '!' && (room = matrix_rooms_find(rooms, channels[i])))
			room->name = memory_text(channels[i]);
		else if (!room)
			add(rooms, channels[i], *channels[i] == '!' ? channels[i] : NULL);
	}
}

struct matrix_room *
matrix_rooms_find(const struct matrix_rooms *rooms, const char *id)
{
	for (struct matrix_room *room = rooms->first; room; room = room->next)
		if (room->id && !strcmp(room->id, id))
			return room;
	return NULL;
}

struct matrix_room *
matrix_rooms_named(const struct matrix_rooms *rooms, const char *name)
{
	for (struct matrix_room *room = rooms->first; room; room = room->next)
		if (room->name && !strcmp(room->name, name))
			return room;
	return NULL;
}

struct matrix_room *
matrix_rooms_with(const struct matrix_rooms *rooms, const char *user)
{
	for (struct matrix_room *room = rooms->first; room; room = room->next)
		if (room->in && room->with && !room->encrypted && !strcmp(room->with, user) && matrix_room_private(room))
			return room;
	return NULL;
}

struct matrix_room *
matrix_rooms_get(struct matrix_rooms *rooms, const char *id)
{
	struct matrix_room *room = matrix_rooms_find(rooms, id);

	return room ? room : add(rooms, NULL, id);
}

void
matrix_room_is(struct matrix_room *room, const char *id)
{
	free(room->id);
	room->id = memory_text(id);
}

/* A third person makes it a room like any other. */
void
matrix_room_with(struct matrix_room *room, const char *user)
{
	if (room->with && !strcmp(room->with, user))
		return;
	free(room->with);
	room->with = memory_text(user);
}

bool
matrix_room_private(const struct matrix_room *room)
{
	return !room->name && room->members <= 2 && (room->direct || room->members == 2);
}
