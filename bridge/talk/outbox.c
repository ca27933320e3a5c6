/* outbox: what is still to be said, until the chat has it. */
#include "bridge/talk/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/ulid.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/room.h"

enum {
	LANE_TURN = 64,                 /* items one task works off */
	LANE_MOST = 1000,               /* answers without a row that may wait in one place */
	SPARE_MOST = 100,               /* and where so many do, none is added for people we do not know */
	LOOSE_LIFE = 60 * 1000,         /* ms after which such an answer answers nobody any more */
	PATIENCE_FIRST = 1000,          /* ms before a delivery that failed is tried again, doubling */
	PATIENCE_MOST = 60 * 1000,
	LIFE = 24 * 3600 * 1000,        /* ms after which a message is stale */
	KEEP_DAYS = 7,
	PRUNE_EVERY = 256,              /* rows */
};

static const char *const schema[] = {
	"CREATE TABLE outbox(id INTEGER PRIMARY KEY, place TEXT NOT NULL, edits INTEGER NOT NULL, label TEXT, txn TEXT NOT NULL UNIQUE,"
	"  replies TEXT, body TEXT NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
	"  state TEXT NOT NULL DEFAULT 'queued' CHECK(state IN('queued','trying','sent','stale')), message TEXT) STRICT;"
	"CREATE INDEX outbox_next ON outbox(id) WHERE state IN('queued','trying');"
	"CREATE INDEX outbox_label ON outbox(label, place) WHERE state='queued';"
	"CREATE TABLE shown(label TEXT NOT NULL, place TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY(label, place)) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables outbox_tables = { "outbox", schema };

/* One thing that waits in a lane: a row, or a card that has none. */
struct item {
	struct item *next;
	int64_t row;                    /* 0: none */
	int64_t made;
	struct arena *arena;            /* of a card without a row */
	const struct card *card;
	const char *replies;
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

struct saying_one {
	const char *place, *txn, *replies, *body;
	const char *label;              /* the id of the card; NULL: it has none (yet) */
	bool edits;
};

struct saying {
	size_t count;
	struct saying_one *each;
};

/* Secrets are taken out of a card here, where all that is said comes by. */
static struct card *
redacted(struct arena *arena, const struct card *card)
{
	struct card *clean = card_copy(arena, card);

	clean->headline = redact_text(arena, clean->headline);
	if (clean->url)
		clean->url = redact_text(arena, clean->url);
	for (size_t i = 0; i < clean->fact_count; i++)
		clean->facts[i].value = redact_text(arena, clean->facts[i].value);
	for (size_t i = 0; i < clean->line_count; i++)
		clean->lines[i] = redact_text(arena, clean->lines[i]);
	for (size_t i = 0; i < clean->quote_count; i++)
		clean->quotes[i] = redact_text(arena, clean->quotes[i]);
	return clean;
}

/* Lanes. */

static void
item_free(struct item *item)
{
	arena_free(item->arena);
	free(item);
}

/* The first item of the lane, or the first of those without a row; NULL where there is none. */
static struct item *
take(struct lane *lane, bool loose)
{
	struct item **at = &lane->first;

	while (*at && loose && (*at)->row)
		at = &(*at)->next;
	struct item *item = *at;
	if (!item)
		return NULL;
	*at = item->next;
	if (!*at)
		lane->last = at;
	return item;
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
	lane->task = task_start(lane->outbox->engine, place, work_off, lane, NULL);
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

/* Rows: T7 and T8 of the data model. */

struct taking {
	int64_t id, now;
	bool gone, stale;
	int64_t tries;
	bool edits;
	const char *place, *label, *txn, *replies, *body, *shown;
};

/* queued -> trying, committed before the bytes leave. */
static bool
take_row(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct taking *taking = with;
	struct row row;
	int64_t expires = 0;

	taking->gone = true;
	db_query(db, &row, "SELECT place, edits, label, txn, replies, body, tries, expires FROM outbox WHERE id=? AND state IN('queued','trying')",
		"i", taking->id);
	if (row_next(&row)) {
		taking->gone = false;
		taking->place = arena_text(arena, row_text(&row, 0));
		taking->edits = row_integer(&row, 1) != 0;
		taking->label = arena_text(arena, row_text(&row, 2));
		taking->txn = arena_text(arena, row_text(&row, 3));
		taking->replies = arena_text(arena, row_text(&row, 4));
		taking->body = arena_text(arena, row_text(&row, 5));
		taking->tries = row_integer(&row, 6);
		expires = row_integer(&row, 7);
	}
	if (!row_end(&row, error))
		return false;
	if (taking->gone)
		return true;
	taking->stale = expires < taking->now;
	if (taking->edits && taking->label) {
		db_query(db, &row, "SELECT message FROM shown WHERE label=? AND place=?", "tt", taking->label, taking->place);
		if (row_next(&row))
			taking->shown = arena_text(arena, row_text(&row, 0));
		if (!row_end(&row, error))
			return false;
	}
	return db_run(db, error, "UPDATE outbox SET state=?, tries=tries+1 WHERE id=?", "ti",
		taking->stale ? "stale" : "trying", taking->id);
}

struct giving {
	int64_t id;
	const char *place, *label, *message;
};

/* What waited for too long is not said any more; what was said long ago is forgotten. */
static bool
prune(struct db *db, void *with, struct arena *arena, struct error *error)
{
	int64_t now = clock_wall();

	(void)with;
	(void)arena;
	if (!db_run(db, error, "UPDATE outbox SET state='stale' WHERE state IN('queued','trying') AND expires<?", "i", now))
		return false;
	if (db_changed(db) > 0)
		log_warning("%lld messages were too old to be said and were dropped.", (long long)db_changed(db));
	return db_run(db, error, "DELETE FROM outbox WHERE state IN('sent','stale') AND made<?", "i", now - (int64_t)KEEP_DAYS * 24 * 3600 * 1000);
}

/* trying -> sent, with the chat's own id of the message. */
static bool
sent_row(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct giving *giving = with;

	if (!db_run(db, error, "UPDATE outbox SET state='sent', message=? WHERE id=?", "ti", giving->message, giving->id))
		return false;
	if (giving->id % PRUNE_EVERY == 0 && !prune(db, NULL, arena, error))
		return false;
	if (!giving->label || !giving->message)
		return true;
	return db_run(db, error, "INSERT INTO shown(label, place, message) VALUES(?,?,?) ON CONFLICT(label, place) DO UPDATE SET message=excluded.message",
		"ttt", giving->label, giving->place, giving->message);
}

static void
mark_sent(struct task *task, const struct taking *taken, const char *message)
{
	struct work *work = work_new(sent_row, sizeof(struct giving));
	struct giving *giving = work_with(work);

	giving->id = taken->id;
	giving->place = arena_text(work_arena(work), taken->place);
	/* An edit keeps the id of the message that it edits. */
	giving->label = taken->shown ? NULL : arena_text(work_arena(work), taken->label);
	giving->message = arena_text(work_arena(work), message);
	work_is_outcome(work);
	if (!store_commit(task, work))
		log_error("A message was said to %s, but that could not be stored, so it may be said once more: %s", taken->place, task->error.text);
}

static bool
say_taken(struct task *task, struct lane *lane, const struct taking *taken)
{
	struct error error;
	struct card *card = card_read(task->arena, taken->body, &error);
	const char *message = NULL;

	if (!card) {
		log_error("A stored message for %s could not be read: %s", taken->place, error.text);
		mark_sent(task, taken, NULL);
		return true;
	}
	if (!card->id && card->state)
		card->id = taken->label;

	struct delivery delivery = { .place = lane->place, .op = taken->shown ? DELIVERY_EDIT : DELIVERY_SAY, .txn = taken->txn,
		.edits = taken->shown, .replies = taken->replies, .again = taken->tries > 0, .card = card };
	if (!lane->outbox->carriers.deliver(task, &delivery, &message, lane->outbox->carriers.with))
		return false;
	mark_sent(task, taken, message);
	return true;
}

/* An answer without a row is said once or not at all. */
static void
say_loose(struct task *task, struct lane *lane, struct item *item)
{
	struct delivery delivery = { .place = lane->place, .op = DELIVERY_SAY, .replies = item->replies, .spare = item->spare,
		.card = item->card };
	const char *message = NULL;

	if (item->made + LOOSE_LIFE < clock_wall())
		log_info("An answer for %s/%s was too late to be said.", lane->place.link, lane->place.channel);
	else if (!lane->outbox->carriers.deliver(task, &delivery, &message, lane->outbox->carriers.with))
		log_info("An answer for %s/%s was not said: %s", lane->place.link, lane->place.channel, task->error.text);
	item_free(item);
	lane->loose--;
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
	taken->now = clock_wall();
	if (!store_commit(task, work)) {
		while (!task->cancelled && (item = take(lane, true)))
			say_loose(task, lane, item);
		lane->patience = 0;
		return false;
	}
	if (taken->gone)
		return true;
	if (taken->stale) {
		log_warning("A message for %s was too old to be said and was dropped.", taken->place);
		return true;
	}
	return say_taken(task, lane, taken);
}

/* False where it has to be tried again. */
static bool
say_first(struct task *task, struct lane *lane)
{
	if (!lane->first->row) {
		say_loose(task, lane, take(lane, false));
		return true;
	}
	if (!say_row(task, lane, lane->first->row))
		return false;
	item_free(take(lane, false));
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

struct rows {
	int64_t after;
	size_t count;
	struct { int64_t id, made; const char *place; } each[256];
};

static bool
load_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct rows *rows = with;
	struct row row;

	db_query(db, &row, "SELECT id, made, place FROM outbox WHERE id>? AND state IN('queued','trying') ORDER BY id LIMIT 256", "i", rows->after);
	while (rows->count < 256 && row_next(&row)) {
		rows->each[rows->count].id = row_integer(&row, 0);
		rows->each[rows->count].made = row_integer(&row, 1);
		rows->each[rows->count].place = arena_text(arena, row_text(&row, 2));
		rows->count++;
	}
	return row_end(&row, error);
}

static void load(struct outbox *);

static void
put_row(struct outbox *outbox, struct arena *arena, int64_t id, int64_t made, const char *text)
{
	struct place place;

	if (!place_read(arena, text, &place))
		return;
	struct item *item = memory_take(sizeof *item);
	item->row = id;
	item->made = made;
	lane_put(lane_for(outbox, &place), item);
}

static void
rows_loaded(struct work *work, bool committed, const struct error *error, void *to)
{
	struct outbox *outbox = to;
	struct rows *rows = work_with(work);

	outbox->loading = false;
	/* Rows that were written beside it and taken back again may be among what it read. */
	if (!committed) {
		log_error("What is to be said could not be read from the store: %s", error->text);
		outbox->again = true;
		watch_after(outbox->later, PATIENCE_FIRST);
		return;
	}
	for (size_t i = 0; i < rows->count; i++) {
		put_row(outbox, work_arena(work), rows->each[i].id, rows->each[i].made, rows->each[i].place);
		outbox->loaded = rows->each[i].id;
	}
	if (rows->count == 256 || outbox->again)
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
	struct work *work = work_new(load_rows, sizeof(struct rows));
	((struct rows *)work_with(work))->after = outbox->loaded;
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
	item->card = redacted(item->arena, card);
	item->replies = arena_text(item->arena, replies);
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

/* Saying. */

static void
add_saying(struct outbox *outbox, struct arena *arena, struct saying *saying, const struct place *place,
	const struct place *asked, const char *replies, const struct card *card)
{
	struct saying_one *one = &saying->each[saying->count];
	struct card *here = card_copy(arena, card);

	one->edits = outbox->carriers.edits(place->link, outbox->carriers.with);
	if (card->progress && !one->edits)
		return;
	if (!asked || !place_same(place, asked)) {
		here->to = NULL;
		here->ring = false;
	} else
		one->replies = arena_text(arena, replies);
	char *txn = arena_take(arena, ULID_LENGTH + 1);
	ulid_make(txn);
	one->txn = txn;
	one->place = place_text(arena, place);
	one->body = card_json(arena, here);
	one->label = here->state ? arena_text(arena, here->id) : NULL;
	saying->count++;
}

struct saying *
outbox_saying(struct outbox *outbox, struct arena *arena, const struct room *room, const struct place *asked,
	const char *replies, const struct card *card)
{
	struct saying *saying = arena_take(arena, sizeof *saying);
	const struct card *clean = redacted(arena, card);
	size_t places = room ? room->place_count : 0;
	bool inside = asked && room && room_has_place(room, asked);

	saying->each = arena_take(arena, (places + 1) * sizeof *saying->each);
	if (asked && !inside)
		add_saying(outbox, arena, saying, asked, asked, replies, clean);
	for (size_t i = 0; i < places && (inside || !asked); i++)
		add_saying(outbox, arena, saying, &room->place[i], asked, replies, clean);
	return saying;
}

/* Where the chat can edit, what was not yet said is replaced, so that only the newest is. */
static bool
write_one(struct db *db, const struct saying_one *one, const char *label, struct error *error)
{
	if (one->edits && label) {
		if (!db_run(db, error, "UPDATE outbox SET body=? WHERE label=? AND place=? AND state='queued'", "ttt", one->body, label, one->place))
			return false;
		if (db_changed(db) > 0)
			return true;
	}
	int64_t now = clock_wall();
	return db_run(db, error, "INSERT INTO outbox(place, edits, label, txn, replies, body, made, expires) VALUES(?,?,?,?,?,?,?,?)", "tittttii",
		one->place, (int64_t)one->edits, label, one->txn, one->replies, one->body, now, now + (int64_t)LIFE);
}

bool
outbox_write(struct db *db, const struct saying *saying, const char *label, struct error *error)
{
	for (size_t i = 0; i < saying->count; i++)
		if (!write_one(db, &saying->each[i], saying->each[i].label ? saying->each[i].label : label, error))
			return false;
	return true;
}

void
outbox_kick(struct outbox *outbox)
{
	load(outbox);
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

bool
outbox_restored(struct db *db, int64_t *dropped, struct error *error)
{
	bool fine = db_run(db, error, "UPDATE outbox SET state='stale' WHERE state IN('queued','trying')", "");

	*dropped = fine ? db_changed(db) : 0;
	return fine;
}
