/* operators: the gateway's own troubles, told where `operators = yes` stands. */
#include "bridge/talk/operators.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/engine.h"
#include "bridge/run/store.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

struct telling {
	size_t count;
	const struct saying **each;
};

static bool
write_telling(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct telling *telling = with;

	(void)arena;
	for (size_t i = 0; i < telling->count; i++)
		if (!outbox_write(db, telling->each[i], NULL, error))
			return false;
	return true;
}

static void
written(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)work;
	if (committed)
		outbox_kick(to);
	else
		log_error("The operators could not be told: %s", error->text);
}

/* The room without its places on that link. */
static struct room *
without(struct arena *arena, const struct room *room, const char *link)
{
	struct room *left = arena_copy(arena, room, sizeof *room);

	left->place = arena_take(arena, (room->place_count + 1) * sizeof *left->place);
	left->place_count = 0;
	for (size_t i = 0; i < room->place_count; i++)
		if (!link || strcmp(room->place[i].link, link))
			left->place[left->place_count++] = room->place[i];
	return left;
}

void
operators_tell_room(const struct talk *talk, const struct room *room, const struct card *card)
{
	struct work *work = work_new(write_telling, sizeof(struct telling));
	struct telling *telling = work_with(work);
	struct arena *arena = work_arena(work);

	telling->each = arena_take(arena, sizeof *telling->each);
	telling->each[telling->count++] = outbox_saying(talk->outbox, arena, room, NULL, NULL, card);
	store_queue(talk->engine->store, work, written, talk->outbox);
}

void
operators_tell(const struct talk *talk, const struct card *card, const char *but)
{
	const struct rooms *rooms = talk->rooms;
	struct work *work = work_new(write_telling, sizeof(struct telling));
	struct telling *telling = work_with(work);
	struct arena *arena = work_arena(work);

	telling->each = arena_take(arena, (rooms->count + 1) * sizeof *telling->each);
	for (size_t i = 0; i < rooms->count; i++)
		if (rooms->each[i]->operators)
			telling->each[telling->count++] = outbox_saying(talk->outbox, arena, without(arena, rooms->each[i], but), NULL, NULL, card);
	store_queue(talk->engine->store, work, written, talk->outbox);
}
