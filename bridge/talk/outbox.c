/* outbox: what is still to be said, until the chat has it. */
#include "bridge/talk/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/outbox_rows.h"

enum {
	LANE_TURN = 64,                 /* items one task works off */
	LANE_MOST = 1000,               /* answers without a row that may wait in one place */
	SPARE_MOST = 100,               /* and where so many do, none is added for people we do not know */
	LOOSE_LIFE = 60 * 1000,         /* ms after which such an answer answers nobody any more */
	PATIENCE_FIRST = 1000,          /* ms before a delivery that failed is tried again, doubling */
	PATIENCE_MOST = 60 * 1000,
};

/* One thing that waits in a lane: a row, or a card that has none. */
struct item {
	struct item *next;
	int64_t row;                    /* 0: none */
	int64_t made;
	struct arena *arena;            /* of a card without a row */
	const struct card *card;
	const char *replies, *thread;
	enum urgency urgency;
	bool spare;                     /* for somebody we do not know */
};

/* What waits for one place, first in first out. A task works it off and ends with it. */
struct lane {
	struct lane *next;
	struct outbox *outbox;
	struct place place;
	struct arena *arena;            /* of the place's texts */
	struct item *first, **last;
	unsigned loose;                 /* items without a row; the one that is being said too */
	int64_t patience;               /* ms; 0: the last try went well */
	uint64_t task;
};

struct outbox {
	const struct engine *engine;
	struct carriers carriers;
	struct lane *lanes;
	struct watch *later;            /* begins what could not be begun at once */
	int64_t loaded;                 /* rows up to this id are in their lanes */
	bool loading, again, closing;
};

/* Lanes. */

static void
item_free(struct item *item)
{
	arena_free(item->arena);
	free(item);
}

static bool
is_narrow(const struct lane *lane)
{
	const struct carriers *carriers = &lane->outbox->carriers;

	return carriers->narrow && carriers->narrow(lane->place.link, carriers->with);
}

/* While there is room for everything, talk and states keep the order in which they came. */
static enum urgency
urgency_of(const struct item *item, bool narrow)
{
	return item->urgency == URGENCY_TALK && !narrow ? URGENCY_STATE : item->urgency;
}

/* Where the most urgent item of the lane hangs, the first of them; of those without a row alone where `loose` says so. NULL where there is none. */
static struct item **
next_of(struct lane *lane, bool loose)
{
	struct item **found = NULL;
	bool narrow = is_narrow(lane);

	for (struct item **at = &lane->first; *at; at = &(*at)->next)
		if (!(loose && (*at)->row) && (!found || urgency_of(*at, narrow) < urgency_of(*found, narrow)))
			found = at;
	return found;
}

static struct item *
take_out(struct lane *lane, struct item **at)
{
	struct item *item = *at;

	*at = item->next;
	if (!*at)
		lane->last = at;
	return item;
}

static struct item *
take(struct lane *lane, bool loose)
{
	struct item **at = next_of(lane, loose);

	return at ? take_out(lane, at) : NULL;
}

static void
lane_free(struct lane *lane)
{
	struct item *item;

	for (struct lane **at = &lane->outbox->lanes; *at; at = &(*at)->next)
		if (*at == lane) {
			*at = lane->next;
			break;
		}
	while ((item = take(lane, false)))
		item_free(item);
	arena_free(lane->arena);
	free(lane);
}

static struct lane *
find_lane(const struct outbox *outbox, const struct place *place)
{
	for (struct lane *lane = outbox->lanes; lane; lane = lane->next)
		if (place_same(&lane->place, place))
			return lane;
	return NULL;
}

static void work_off(struct task *, void *);

static struct lane *
lane_for(struct outbox *outbox, const struct place *place)
{
	struct lane *lane = find_lane(outbox, place);

	if (lane)
		return lane;
	lane = memory_take(sizeof *lane);
	lane->outbox = outbox;
	lane->arena = arena_new();
	lane->place = place_copy(lane->arena, place);
	lane->last = &lane->first;
	lane->next = outbox->lanes;
	outbox->lanes = lane;
	return lane;
}

static void
lane_begin(struct lane *lane)
{
	if (lane->task || lane->outbox->closing)
		return;
	char *place = place_text(lane->arena, &lane->place);
	lane->task = task_start_reserved(lane->outbox->engine, place, work_off, lane, NULL);
	if (lane->task)
		return;
	log_warning("Too much is going on to say what waits for %s; it is kept.", place);
	watch_after(lane->outbox->later, PATIENCE_FIRST);
}

static void
lane_put(struct lane *lane, struct item *item)
{
	*lane->last = item;
	lane->last = &item->next;
	if (!item->row)
		lane->loose++;
	lane_begin(lane);
}

/* Rows. */

struct taking {
	int64_t id;
	bool narrow;
	struct outbox_row row;
};

static bool
take_row(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct taking *taking = with;

	return outbox_row_take(db, arena, taking->id, taking->narrow, &taking->row, error);
}

struct giving {
	struct outbox_row row;
	const char *message, *why;      /* why it never was said; NULL: it was */
};

static bool
write_end(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct giving *giving = with;

	(void)arena;
	return giving->why ? outbox_row_dropped(db, &giving->row, giving->why, error) : outbox_row_sent(db, &giving->row, giving->message, error);
}

/* `why` NULL: it was said. */
static bool
mark(struct task *task, const struct outbox_row *row, const char *message, const char *why)
{
	struct work *work = work_new(write_end, sizeof(struct giving));
	struct giving *giving = work_with(work);
	struct arena *arena = work_arena(work);

	giving->row = (struct outbox_row){ .id = row->id, .op = row->op, .on = row->on ? "" : NULL, .place = arena_text(arena, row->place), .label = arena_text(arena, row->label) };
	giving->message = arena_text(arena, message);
	giving->why = arena_text(arena, why);
	work_is_outcome(work);
	return store_commit(task, work);
}

static void
mark_sent(struct task *task, const struct outbox_row *row, const char *message)
{
	if (!mark(task, row, message, NULL))
		log_error("A message was said to %s, but that could not be stored, so it may be said once more: %s", row->place, task->error.text);
}

static void
drop(struct task *task, struct lane *lane, const struct outbox_row *row)
{
	char *why = task_text(task, "%s", task->error.text);

	if (row->op == DELIVERY_TAKE_BACK && row->on && !row->label)
		outbox_say(lane->outbox, &lane->place, row->on, card_new(task->arena, TONE_BAD, "I may not delete that message here; delete it yourself"));
	else
		lane->outbox->carriers.dropped(&lane->place, why, lane->outbox->carriers.with);
	if (!mark(task, row, NULL, why))
		log_error("That a message for %s cannot be said could not be stored: %s", row->place, task->error.text);
}

/* With the lines that go along with it. */
static bool
read_talk(struct arena *arena, const struct outbox_row *row, struct delivery *delivery, struct error *error)
{
	struct mirrored *first = mirrored_read(arena, row->body, error), *last = first;

	for (size_t i = 0; last && i < row->along_count; i++)
		last = last->next = mirrored_read(arena, row->along[i], error);
	delivery->talk = first;
	return last;
}

static bool
read_body(struct arena *arena, const struct outbox_row *row, struct delivery *delivery, struct error *error)
{
	if (row->op == DELIVERY_REACT || row->op == DELIVERY_TAKE_BACK) {
		delivery->key = row->body;
		return true;
	}
	if (row->op == DELIVERY_TALK)
		return read_talk(arena, row, delivery, error);
	struct card *card = card_read(arena, row->body, error);
	if (!card)
		return false;
	if (!card->id && card->state)
		card->id = row->label;
	delivery->card = card;
	return true;
}

static bool
say_taken(struct task *task, struct lane *lane, const struct outbox_row *row)
{
	struct delivery delivery = { .place = { lane->place.link, lane->place.channel, row->thread }, .op = row->op, .urgency = row->urgency, .txn = row->txn,
		.on = row->on, .replies = row->replies, .again = row->tries > 0 };
	struct delivered done = { 0 };
	struct error error;

	if (!read_body(task->arena, row, &delivery, &error)) {
		log_error("A stored message for %s could not be read: %s", row->place, error.text);
		mark_sent(task, row, NULL);
		return true;
	}
	if (lane->outbox->carriers.deliver(task, &delivery, &done, lane->outbox->carriers.with))
		mark_sent(task, row, done.id);
	else if (done.never)
		drop(task, lane, row);
	else
		return false;
	return true;
}

/* An answer without a row is said once or not at all. */
static void
say_loose(struct task *task, struct lane *lane, struct item *item)
{
	struct delivery delivery = { .place = { lane->place.link, lane->place.channel, item->thread }, .op = DELIVERY_SAY, .urgency = item->urgency,
		.replies = item->replies, .spare = item->spare, .card = item->card };
	struct delivered done;

	if (item->made + LOOSE_LIFE < clock_wall())
		log_info("An answer for %s/%s was too late to be said.", lane->place.link, lane->place.channel);
	else if (!lane->outbox->carriers.deliver(task, &delivery, &done, lane->outbox->carriers.with))
		log_info("An answer for %s/%s was not said: %s", lane->place.link, lane->place.channel, task->error.text);
	item_free(item);
	lane->loose--;
}

/* Behind all that is there: among that is the message under which it rings. */
static void
put_behind(struct lane *lane, int64_t row)
{
	struct item *item = memory_take(sizeof *item);

	item->row = row;
	item->made = clock_wall();
	item->urgency = URGENCY_PROGRESS;
	lane_put(lane, item);
}

/* One row; true where it is finished with, well or badly. While the store refuses, the answers behind it go first: they are how people
 * hear that it does. */
static bool
say_row(struct task *task, struct lane *lane, int64_t id)
{
	struct work *work = work_new(take_row, sizeof(struct taking));
	struct taking *taken = work_with(work);
	struct item *item;

	taken->id = id;
	taken->narrow = is_narrow(lane);
	if (!store_commit(task, work)) {
		while (!task->cancelled && (item = take(lane, true)))
			say_loose(task, lane, item);
		lane->patience = 0;
		return false;
	}
	if (taken->row.gone)
		return true;
	if (taken->row.early && !taken->row.stale) {
		put_behind(lane, id);
		return true;
	}
	if (!taken->row.stale)
		return say_taken(task, lane, &taken->row);
	if (taken->row.urgency < URGENCY_PROGRESS)
		log_warning("A message for %s was too old to be said and was dropped.", taken->row.place);
	return true;
}

/* Where the item of that row hangs now: others may have come while it was said. */
static struct item **
item_of(struct lane *lane, int64_t row)
{
	struct item **at = &lane->first;

	while (*at && (*at)->row != row)
		at = &(*at)->next;
	return at;
}

/* False where it has to be tried again. */
static bool
say_first(struct task *task, struct lane *lane)
{
	struct item **at = next_of(lane, false);
	int64_t row = (*at)->row;

	if (!row) {
		say_loose(task, lane, take_out(lane, at));
		return true;
	}
	if (!say_row(task, lane, row))
		return false;
	item_free(take_out(lane, item_of(lane, row)));
	lane->patience = 0;
	return true;
}

static void
be_patient(struct task *task, struct lane *lane)
{
	if (task->cancelled)
		return;
	log_info("What waits for %s/%s could not be said yet: %s", lane->place.link, lane->place.channel, task->error.text);
	lane->patience = !lane->patience ? PATIENCE_FIRST : lane->patience * 2 < PATIENCE_MOST ? lane->patience * 2 : PATIENCE_MOST;
	task_pause(task, lane->patience);
}

static bool
wait_for_link(struct task *task, struct lane *lane)
{
	while (!lane->outbox->carriers.ready(lane->place.link, lane->outbox->carriers.with))
		if (!task_park(task))
			return false;
	return !task->cancelled;
}

/* The task of a lane: works it off, up to 64 items or one that failed, so that its memory stays small. */
static void
work_off(struct task *task, void *with)
{
	struct lane *lane = with;
	bool fine = true;

	for (unsigned turn = 0; fine && turn < LANE_TURN && lane->first && wait_for_link(task, lane); turn++)
		fine = say_first(task, lane);
	if (!fine)
		be_patient(task, lane);
	lane->task = 0;
	if (!lane->first || lane->outbox->closing)
		lane_free(lane);
	else if (!task->cancelled)
		lane_begin(lane);       /* in a fresh task, whose memory is empty */
}

/* Loading. */

static bool
load_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return outbox_rows_load(db, arena, with, error);
}

static void load(struct outbox *);

static void
put_row(struct outbox *outbox, struct arena *arena, const struct outbox_waits *waits)
{
	struct place place;

	if (!place_read(arena, waits->place, &place))
		return;
	struct item *item = memory_take(sizeof *item);
	item->row = waits->id;
	item->made = waits->made;
	item->urgency = waits->urgency;
	lane_put(lane_for(outbox, &place), item);
}

static void
rows_loaded(struct work *work, bool committed, const struct error *error, void *to)
{
	struct outbox *outbox = to;
	struct outbox_rows *rows = work_with(work);

	outbox->loading = false;
	/* Rows that were written beside it and taken back again may be among what it read. */
	if (!committed) {
		log_error("What is to be said could not be read from the store: %s", error->text);
		outbox->again = true;
		watch_after(outbox->later, PATIENCE_FIRST);
		return;
	}
	for (size_t i = 0; i < rows->count; i++) {
		put_row(outbox, work_arena(work), &rows->each[i]);
		outbox->loaded = rows->each[i].id;
	}
	if (rows->count == OUTBOX_ROWS || outbox->again)
		load(outbox);
}

static void
load(struct outbox *outbox)
{
	if (outbox->closing)
		return;
	if (outbox->loading) {
		outbox->again = true;
		return;
	}
	struct work *work = work_new(load_rows, sizeof(struct outbox_rows));
	((struct outbox_rows *)work_with(work))->after = outbox->loaded;
	outbox->loading = true;
	outbox->again = false;
	store_queue(outbox->engine->store, work, rows_loaded, outbox);
}

static void
try_again(void *with, int events)
{
	struct outbox *outbox = with;

	(void)events;
	for (struct lane *lane = outbox->lanes; lane; lane = lane->next)
		lane_begin(lane);
	if (outbox->again && !outbox->loading)
		load(outbox);
}

struct outbox *
outbox_open(const struct engine *engine, const struct carriers *carriers)
{
	struct outbox *outbox = memory_take(sizeof *outbox);

	outbox->engine = engine;
	outbox->later = loop_timer(engine->loop, try_again, outbox);
	outbox->carriers = *carriers;
	return outbox;
}

void
outbox_stop(struct outbox *outbox)
{
	outbox->closing = true;
	watch_off(outbox->later);
}

void
outbox_close(struct outbox *outbox)
{
	if (!outbox)
		return;
	outbox->closing = true;
	while (outbox->lanes)
		lane_free(outbox->lanes);
	watch_free(outbox->later);
	free(outbox);
}

static bool
prune(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	(void)arena;
	return outbox_rows_prune(db, error);
}

void
outbox_begin(struct outbox *outbox)
{
	store_queue(outbox->engine->store, work_new(prune, 1), NULL, NULL);
	load(outbox);
}

void
outbox_link_ready(struct outbox *outbox, const char *link)
{
	for (struct lane *lane = outbox->lanes; lane; lane = lane->next) {
		if (strcmp(lane->place.link, link) != 0)
			continue;
		if (lane->task)
			task_wake(outbox->engine, lane->task);
		else if (lane->first)
			lane_begin(lane);       /* there was no room for its task before */
	}
}

/* A place whose answers pile up has room for those that people wait for. */
static bool
is_full(const struct lane *lane, bool spare)
{
	if (lane->loose < (spare ? SPARE_MOST : LANE_MOST))
		return false;
	if (!spare)
		log_warning("More than %d answers wait for %s/%s; one more was dropped.", LANE_MOST, lane->place.link, lane->place.channel);
	return true;
}

static void
say(struct outbox *outbox, const struct place *place, const char *replies, const struct card *card, bool spare)
{
	struct lane *lane = outbox->closing ? NULL : lane_for(outbox, place);

	if (!lane || is_full(lane, spare))
		return;
	struct item *item = memory_take(sizeof *item);
	item->arena = arena_new();
	item->made = clock_wall();
	item->card = card_redacted(item->arena, card);
	item->replies = arena_text(item->arena, replies);
	item->thread = arena_text(item->arena, place->thread);
	item->urgency = place->thread ? URGENCY_THREAD : URGENCY_STATE;
	item->spare = spare;
	lane_put(lane, item);
}

void
outbox_say(struct outbox *outbox, const struct place *place, const char *replies, const struct card *card)
{
	say(outbox, place, replies, card, false);
}

void
outbox_say_spare(struct outbox *outbox, const struct place *place, const char *replies, const struct card *card)
{
	say(outbox, place, replies, card, true);
}

void
outbox_kick(struct outbox *outbox)
{
	load(outbox);
}

struct showing { const char *place, *message, *label; };

static bool
find_label(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct showing *showing = with;

	return outbox_label_of(db, arena, showing->place, showing->message, &showing->label, error);
}

bool
outbox_shows(struct task *task, const struct place *place, const char *message, const char **label)
{
	struct work *work = work_new(find_label, sizeof(struct showing));
	struct showing *showing = work_with(work);

	*showing = (struct showing){ place_text(work_arena(work), place), arena_text(work_arena(work), message), NULL };
	if (!store_commit(task, work))
		return false;
	*label = showing->label && *showing->label != MESSAGE_LABEL ? task_text(task, "%s", showing->label) : NULL;
	return true;
}

struct store *
outbox_store(const struct outbox *outbox)
{
	return outbox->engine->store;
}

unsigned
outbox_can(const struct outbox *outbox, const char *link)
{
	return outbox->carriers.can(link, outbox->carriers.with);
}

bool
outbox_busy(const struct outbox *outbox, const struct place *place)
{
	return outbox->loading || outbox->again || find_lane(outbox, place);
}

bool
outbox_speaking(const struct outbox *outbox)
{
	for (const struct lane *lane = outbox->lanes; lane; lane = lane->next)
		if (lane->loose && outbox->carriers.ready(lane->place.link, outbox->carriers.with))
			return true;
	return false;
}

struct outbox_waiting
outbox_waiting(const struct outbox *outbox, const char *link)
{
	struct outbox_waiting waiting = { 0 };

	for (const struct lane *lane = outbox->lanes; lane; lane = lane->next) {
		if (link && strcmp(lane->place.link, link))
			continue;
		for (const struct item *item = lane->first; item; item = item->next) {
			if (!item->row)
				continue;       /* an answer, which is on its way now or not said at all */
			waiting.count++;
			if (!waiting.oldest || item->made < waiting.oldest)
				waiting.oldest = item->made;
		}
	}
	return waiting;
}
