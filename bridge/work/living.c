/* living: things that go on after their command has ended: said in the rooms that asked, kept in step with their follow row. */
#include "bridge/work/living.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/run/follow.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

const char *
living_json(struct arena *arena, const struct living *living)
{
	struct json_object *object = json_new_object(arena);

	json_set(object, "label", living->label);
	json_set(object, "room", living->room);
	json_set(object, "place", place_text(arena, &living->place));
	json_set(object, "thread", living->place.thread);
	json_set(object, "shown", living->shown);
	json_set(object, "account", living->account);
	json_set(object, "replies", living->replies);
	json_set(object, "approved", living->approved);
	json_set_integer(object, "asked", living->asked);
	return arena_text(arena, json_write(object));
}

bool
living_read(struct arena *arena, const char *json, struct living *living)
{
	struct json_object *object = json ? json_read(arena, json, strlen(json), NULL) : NULL;

	*living = (struct living){ 0 };
	if (!object || !place_read(arena, json_string(object, "place", ""), &living->place))
		return false;
	living->label = json_string(object, "label", NULL);
	living->room = json_string(object, "room", NULL);
	living->place.thread = json_string(object, "thread", NULL);
	living->shown = json_string(object, "shown", NULL);
	living->account = json_string(object, "account", NULL);
	living->replies = json_string(object, "replies", NULL);
	living->approved = json_string(object, "approved", NULL);
	living->asked = json_integer(object, "asked", 0);
	return true;
}

struct seeing {
	int64_t follow, due;            /* due 0: it has ended */
	const char *seen, *label, *card;
	bool closed;
	const struct saying *saying;
};

static bool
write_seen(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct seeing *seeing = with;

	(void)arena;
	if (seeing->due ? !follow_seen(db, seeing->follow, seeing->seen, seeing->due, error)
	                : !follow_end(db, seeing->follow, seeing->seen, error))
		return false;
	if (seeing->label && seeing->card && !label_card(db, seeing->label, seeing->card, seeing->closed, error))
		return false;
	return !seeing->saying || outbox_write(db, seeing->saying, seeing->label, error);
}

bool
living_seen(struct task *task, const struct talk *talk, const struct follow *follow, const struct living *living,
	const char *seen, int64_t next_ms, struct card *card)
{
	struct work *work = work_new(write_seen, sizeof(struct seeing));
	struct seeing *seeing = work_with(work);
	struct arena *arena = work_arena(work);

	seeing->follow = follow->id;
	seeing->due = next_ms < 0 ? 0 : clock_wall() + next_ms;
	seeing->seen = arena_text(arena, seen);
	seeing->label = arena_text(arena, living->label);
	if (card) {
		const struct room *room = living->room ? room_named(talk->rooms, living->room) : NULL;
		if (card->state && !card->id)
			card->id = living->label;
		if (living->approved)
			card_fact(card, NULL, "approved by %s", living->approved);
		seeing->card = card_json(arena, card);
		seeing->closed = card->closed;
		seeing->saying = outbox_saying(talk->outbox, arena, room, &living->place, living->replies, card);
	}
	if (!store_commit(task, work))
		return false;
	if (card)
		outbox_kick(talk->outbox);
	return true;
}

struct letting_go {
	const char *instance, *kind, *token;
	bool was;
};

static bool
let_go(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct letting_go *letting_go = with;
	struct follow follow;

	letting_go->was = follow_find(db, letting_go->instance, letting_go->kind, letting_go->token, arena, &follow) && !follow.ended;
	return !letting_go->was || follow_end(db, follow.id, follow.seen, error);
}

bool
living_end(struct task *task, const char *instance, const char *kind, const char *token, bool *was)
{
	struct work *work = work_new(let_go, sizeof(struct letting_go));
	struct letting_go *letting_go = work_with(work);
	struct arena *arena = work_arena(work);

	*letting_go = (struct letting_go){ .instance = arena_text(arena, instance), .kind = arena_text(arena, kind), .token = arena_text(arena, token) };
	if (!store_commit(task, work))
		return false;
	*was = letting_go->was;
	return true;
}
