/* saying: a card becomes rows of the outbox: one for each place, and what goes with it where it was asked. */
#include "bridge/talk/outbox.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/ulid.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox_rows.h"
#include "bridge/talk/room.h"

/* What the message that asked gets: at the end, and where an edit elsewhere is all the answer, that it was heard. */
static const char SIGN_GOOD[] = "\u2705", SIGN_BAD[] = "\u274c", SIGN_SEEN[] = "\U0001f440";

struct saying {
	size_t count;
	struct outbox_new *each;
};

enum { OFFERS_MOST = 4, ROWS_A_PLACE = 4 + OFFERS_MOST };       /* the card, who rings, two signs, those that are offered */

static struct outbox_new *
add_row(struct arena *arena, struct saying *saying, const struct place *place, enum delivery_op op, enum urgency urgency, const char *body)
{
	struct outbox_new *row = &saying->each[saying->count++];
	char *txn = arena_take(arena, ULID_LENGTH + 1);

	ulid_make(txn);
	*row = (struct outbox_new){ .place = place_text(arena, place), .op = op, .urgency = urgency, .txn = txn, .body = body };
	return row;
}

/* Signs on its own message, for people to press. Each has a name, so that it can be taken away again. */
static void
add_offers(struct arena *arena, struct saying *saying, const struct place *place, const struct card *card)
{
	bool on = card->offers;
	char *rest = arena_text(arena, on ? card->offers : card->unoffers), *sign;

	for (size_t i = 0; i < OFFERS_MOST && rest && (sign = strtok_r(rest, " ", &rest)); i++) {
		struct outbox_new *row = add_row(arena, saying, place, on ? DELIVERY_REACT : DELIVERY_TAKE_BACK, URGENCY_REACTION, sign);
		row->label = arena_printf(arena, "%s offers %s", card->id, sign);
		row->answers = arena_text(arena, card->id);
	}
}

static void
add_card(struct arena *arena, struct saying *saying, const struct place *place, unsigned can, const struct card *card)
{
	struct outbox_new *row = add_row(arena, saying, place, DELIVERY_SAY, card->progress ? URGENCY_PROGRESS : URGENCY_STATE, card_json(arena, card));

	row->edits = can & CAN_EDIT;
	row->label = card->state ? arena_text(arena, card->id) : NULL;
	if (can & CAN_OFFER && row->label)
		add_offers(arena, saying, place, card);
}

/* In the place where it was asked: who asked is addressed, and may hear their phone. */
static void
add_asked(struct arena *arena, struct saying *saying, const struct place *asked, unsigned can, const char *replies, const struct card *card)
{
	size_t first = saying->count;

	add_card(arena, saying, asked, can, card);
	saying->each[first].replies = arena_text(arena, replies);
	saying->each[first].thread = arena_text(arena, asked->thread);
	const char *label = saying->each[first].label;
	if (can & CAN_EDIT && card->ring && card->to && card->state)
		add_row(arena, saying, asked, DELIVERY_RING, URGENCY_RING, card_json(arena, card))->label = label;
	if (can & CAN_REACT && card->seen && replies)
		add_row(arena, saying, asked, DELIVERY_REACT, URGENCY_REACTION, SIGN_SEEN)->on = arena_text(arena, replies);
	if (can & CAN_REACT && card->closed && replies && (card->tone == TONE_GOOD || card->tone == TONE_BAD))
		add_row(arena, saying, asked, DELIVERY_REACT, URGENCY_REACTION, card->tone == TONE_GOOD ? SIGN_GOOD : SIGN_BAD)->on = arena_text(arena, replies);
}

/* `answers`: the name of the message that asked, where it was told here too. */
static void
add_elsewhere(struct arena *arena, struct saying *saying, const struct place *place, unsigned can, const char *answers, const struct card *card)
{
	struct card *here = card_copy(arena, card);

	here->to = here->whom = NULL;
	here->ring = false;
	size_t first = saying->count;
	add_card(arena, saying, place, can, here);
	saying->each[first].answers = answers;
}

struct saying *
outbox_saying(struct outbox *outbox, struct arena *arena, const struct room *room, const struct place *asked,
	const char *replies, const struct card *card)
{
	struct saying *saying = arena_take(arena, sizeof *saying);
	const struct card *clean = card_redacted(arena, card);
	size_t places = room ? room->place_count : 0;
	bool inside = asked && room && room_has_place(room, asked);

	const char *answers = room && room->relay && asked && replies ? message_label(arena, place_text(arena, asked), replies) : NULL;
	saying->each = arena_take(arena, (places + 1) * ROWS_A_PLACE * sizeof *saying->each);
	for (size_t i = 0; i <= places; i++) {
		const struct place *place = i < places ? &room->place[i] : asked;
		if (!place || (i < places ? asked && !inside : inside))
			continue;
		unsigned can = outbox_can(outbox, place->link);
		if (card->progress && !(can & CAN_EDIT))
			continue;
		if (asked && place_same(place, asked))
			add_asked(arena, saying, asked, can, replies, clean);
		else
			add_elsewhere(arena, saying, place, can, answers, clean);
	}
	return saying;
}

bool
outbox_write(struct db *db, const struct saying *saying, const char *label, struct error *error)
{
	for (size_t i = 0; i < saying->count; i++) {
		struct outbox_new row = saying->each[i];
		row.label = row.label ? row.label : label;
		bool gone = row.op == DELIVERY_TAKE_BACK && row.label;
		if (!(gone ? outbox_row_take_back(db, &row, DELIVERY_REACT, error) : outbox_row_write(db, &row, error)))
			return false;
	}
	return true;
}

/* -- What is found out only in the transaction --------------------------------------------------------------------------- */

struct voices {
	size_t count;
	struct voice { const char *room; struct place place; unsigned can; } *each;
};

const struct voices *
outbox_voices(const struct outbox *outbox, struct arena *arena, const struct rooms *rooms)
{
	struct voices *voices = arena_take(arena, sizeof *voices);
	size_t most = 0;

	for (size_t i = 0; i < rooms->count; i++)
		most += rooms->each[i]->place_count;
	voices->each = arena_take(arena, (most + 1) * sizeof *voices->each);
	for (size_t i = 0; i < rooms->count; i++)
		for (size_t n = 0; n < rooms->each[i]->place_count; n++) {
			const struct place *place = &rooms->each[i]->place[n];
			voices->each[voices->count++] = (struct voice){ arena_text(arena, rooms->each[i]->name), place_copy(arena, place), outbox_can(outbox, place->link) };
		}
	return voices;
}

static struct saying *
saying_in(struct arena *arena, const struct voices *voices)
{
	struct saying *saying = arena_take(arena, sizeof *saying);

	saying->each = arena_take(arena, (voices->count + 1) * ROWS_A_PLACE * sizeof *saying->each);
	return saying;
}

bool
outbox_write_in(struct db *db, struct arena *arena, const struct voices *voices, const char *room, const struct card *card, const char *label,
	struct error *error)
{
	struct saying *saying = saying_in(arena, voices);
	const struct card *clean = card_redacted(arena, card);

	for (size_t i = 0; i < voices->count; i++)
		if (!strcmp(voices->each[i].room, room) && (voices->each[i].can & CAN_EDIT || !card->progress))
			add_elsewhere(arena, saying, &voices->each[i].place, voices->each[i].can, NULL, clean);
	return outbox_write(db, saying, label, error);
}

bool
outbox_write_under(struct db *db, struct arena *arena, const struct voices *voices, const char *room, const struct card *card, const char *label,
	struct error *error)
{
	struct saying *saying = saying_in(arena, voices);
	const char *body = card_json(arena, card_redacted(arena, card));
	const unsigned needed = CAN_EDIT | CAN_THREAD;

	for (size_t i = 0; i < voices->count; i++)
		if (!strcmp(voices->each[i].room, room) && (voices->each[i].can & needed) == needed)
			add_row(arena, saying, &voices->each[i].place, DELIVERY_NOTE, URGENCY_THREAD, body);
	return outbox_write(db, saying, label, error);
}

bool
outbox_unsay(struct db *db, const char *label, bool *said, struct error *error)
{
	return outbox_rows_unsay(db, label, said, error);
}

/* -- What nobody waits for ----------------------------------------------------------------------------------------------- */

struct telling { struct saying *saying; };

static bool
write_telling(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return outbox_write(db, ((struct telling *)with)->saying, NULL, error);
}

static void
told(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)work;
	if (committed)
		outbox_kick(to);
	else
		log_warning("An answer could not be told in the other places of its room: %s", error->text);
}

void
outbox_say_elsewhere(struct outbox *outbox, const struct room *room, const struct place *asked, const char *replies, const struct card *card)
{
	struct work *work = work_new(write_telling, sizeof(struct telling));
	struct telling *telling = work_with(work);
	struct arena *arena = work_arena(work);
	struct saying *all = outbox_saying(outbox, arena, room, asked, replies, card), *others = arena_take(arena, sizeof *others);
	const char *here = place_text(arena, asked);

	others->each = arena_take(arena, (all->count + 1) * sizeof *others->each);
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->each[i].place, here))
			others->each[others->count++] = all->each[i];
	telling->saying = others;
	store_queue(outbox_store(outbox), work, told, outbox);
}

static void
taken_away(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)work;
	if (committed)
		outbox_kick(to);
	else
		log_warning("A message could not be taken away: %s", error->text);
}

void
outbox_take_away(struct outbox *outbox, const struct place *place, const char *message)
{
	if (!message || !(outbox_can(outbox, place->link) & CAN_REDACT))
		return;
	struct work *work = work_new(write_telling, sizeof(struct telling));
	struct telling *telling = work_with(work);
	struct arena *arena = work_arena(work);
	struct saying *saying = arena_take(arena, sizeof *saying);
	saying->each = arena_take(arena, sizeof *saying->each);
	add_row(arena, saying, place, DELIVERY_TAKE_BACK, URGENCY_STATE, "")->on = arena_text(arena, message);
	telling->saying = saying;
	store_queue(outbox_store(outbox), work, taken_away, outbox);
}
