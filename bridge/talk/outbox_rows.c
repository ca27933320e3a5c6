/* outbox_rows: the outbox as rows of the store. */
#include "bridge/talk/outbox_rows.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/run/store.h"

enum {
	DAY = 24 * 3600 * 1000,         /* ms */
	KEEP_DAYS = 7,
	PRUNE_EVERY = 256,              /* rows */
	ALONG_MOST = 40,                /* lines that are said with another one */
	ALONG_BYTES = 16 << 10,         /* of their bodies */
};

/* For how long something is worth saying, in ms, by its urgency. */
static const int64_t lives[] = {
	[URGENCY_RING] = DAY, [URGENCY_STATE] = DAY, [URGENCY_THREAD] = DAY, [URGENCY_TALK] = DAY,
	[URGENCY_PROGRESS] = 60 * 1000, [URGENCY_REACTION] = 15 * 60 * 1000,
};

static const char *const schema[] = {
	"CREATE TABLE outbox(id INTEGER PRIMARY KEY, place TEXT NOT NULL, edits INTEGER NOT NULL, label TEXT, txn TEXT NOT NULL UNIQUE,"
	"  replies TEXT, body TEXT NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
	"  state TEXT NOT NULL DEFAULT 'queued' CHECK(state IN('queued','trying','sent','stale')), message TEXT) STRICT;"
	"CREATE INDEX outbox_next ON outbox(id) WHERE state IN('queued','trying');"
	"CREATE INDEX outbox_label ON outbox(label, place) WHERE state='queued';"
	"CREATE TABLE shown(label TEXT NOT NULL, place TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY(label, place)) STRICT, WITHOUT ROWID;",

	"CREATE TABLE outbox2(id INTEGER PRIMARY KEY, place TEXT NOT NULL, op INTEGER NOT NULL DEFAULT 0, urgency INTEGER NOT NULL DEFAULT 1,"
	"  edits INTEGER NOT NULL, label TEXT, txn TEXT NOT NULL UNIQUE, replies TEXT, answers TEXT, thread TEXT, onto TEXT, body TEXT NOT NULL, made INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
	"  state TEXT NOT NULL DEFAULT 'queued' CHECK(state IN('queued','trying','sent','stale','dropped')), message TEXT, error TEXT) STRICT;"
	"INSERT INTO outbox2(id, place, edits, label, txn, replies, body, made, expires, tries, state, message)"
	"  SELECT id, place, edits, label, txn, replies, body, made, expires, tries, state, message FROM outbox;"
	"DROP TABLE outbox; ALTER TABLE outbox2 RENAME TO outbox;"
	"CREATE INDEX outbox_next ON outbox(id) WHERE state IN('queued','trying');"
	"CREATE INDEX outbox_label ON outbox(label, place);"
	"CREATE TABLE shown2(label TEXT NOT NULL, place TEXT NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(label, place)) STRICT, WITHOUT ROWID;"
	"INSERT INTO shown2(label, place, message) SELECT label, place, message FROM shown;"
	"DROP TABLE shown; ALTER TABLE shown2 RENAME TO shown;"
	"CREATE INDEX shown_message ON shown(message, place);",

	/* Talk has an urgency of its own now, between threads and progress. */
	"ALTER TABLE outbox ADD COLUMN leader INTEGER; CREATE INDEX outbox_leader ON outbox(leader) WHERE leader IS NOT NULL;"
	"UPDATE outbox SET urgency=urgency+1 WHERE urgency>=3;",
	NULL
};

const struct tables outbox_tables = { "outbox", schema };

bool
outbox_row_write(struct db *db, const struct outbox_new *row, struct error *error)
{
	int64_t now = clock_wall(), expires = now + lives[row->urgency];

	if (row->edits && row->label) {
		if (!db_run(db, error, "UPDATE outbox SET body=?, urgency=min(urgency, ?), expires=max(expires, ?) WHERE label=? AND place=? AND op=? AND state='queued'",
		    "tiitti", row->body, (int64_t)row->urgency, expires, row->label, row->place, (int64_t)row->op))
			return false;
		if (db_changed(db) > 0)
			return true;
	}
	return db_run(db, error, "INSERT INTO outbox(place, op, urgency, edits, label, txn, replies, answers, thread, onto, body, made, expires)"
		" VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(txn) DO NOTHING", "tiiitttttttii", row->place, (int64_t)row->op, (int64_t)row->urgency,
		(int64_t)row->edits, row->label, row->txn, row->replies, row->answers, row->thread, row->on, row->body, now, expires);
}

/* Whether one of that name and kind is there in these states: "trying", or "trying sent". */
static bool
is_there(struct db *db, const char *label, const char *place, enum delivery_op op, const char *states, bool *found, struct error *error)
{
	struct row row;

	db_query(db, &row, "SELECT 1 FROM outbox WHERE label=? AND place=? AND op=? AND instr(?, state)>0 LIMIT 1", "ttit", label, place, (int64_t)op, states);
	*found = row_next(&row);
	return row_end(&row, error);
}

bool
outbox_row_take_back(struct db *db, const struct outbox_new *row, enum delivery_op what, struct error *error)
{
	bool told;

	if (!db_run(db, error, "UPDATE outbox SET state='stale' WHERE label=? AND place=? AND op=? AND state='queued' AND txn<>?", "ttit", row->label, row->place,
	    (int64_t)what, row->txn) || !is_there(db, row->label, row->place, what, "trying sent", &told, error))
		return false;
	return !told || outbox_row_write(db, row, error);
}

bool
outbox_rows_unsay(struct db *db, const char *label, bool *said, struct error *error)
{
	struct row row;

	if (!db_run(db, error, "UPDATE outbox SET state='stale' WHERE label=? AND state='queued'", "t", label))
		return false;
	db_query(db, &row, "SELECT 1 FROM outbox WHERE label=? AND op=? AND state IN('trying','sent') LIMIT 1", "ti", label, (int64_t)DELIVERY_SAY);
	*said = row_next(&row);
	return row_end(&row, error);
}

bool
outbox_rows_load(struct db *db, struct arena *arena, struct outbox_rows *rows, struct error *error)
{
	struct row row;

	db_query(db, &row, "SELECT id, made, urgency, place FROM outbox WHERE id>? AND state IN('queued','trying') ORDER BY id LIMIT 256", "i", rows->after);
	while (rows->count < OUTBOX_ROWS && row_next(&row))
		rows->each[rows->count++] = (struct outbox_waits){ row_integer(&row, 0), row_integer(&row, 1), (enum urgency)row_integer(&row, 2),
			arena_text(arena, row_text(&row, 3)) };
	return row_end(&row, error);
}

static bool
read_row(struct db *db, struct arena *arena, struct outbox_row *out, bool *edits, const char **answers, struct error *error)
{
	struct row row;

	out->gone = true;
	db_query(db, &row, "SELECT place, op, urgency, edits, label, txn, replies, thread, onto, body, tries, expires, answers FROM outbox"
		" WHERE id=? AND leader IS NULL AND state IN('queued','trying')", "i", out->id);
	if (row_next(&row)) {
		*out = (struct outbox_row){ .id = out->id, .place = arena_text(arena, row_text(&row, 0)), .op = (enum delivery_op)row_integer(&row, 1),
			.urgency = (enum urgency)row_integer(&row, 2), .label = arena_text(arena, row_text(&row, 4)), .txn = arena_text(arena, row_text(&row, 5)),
			.replies = arena_text(arena, row_text(&row, 6)), .thread = arena_text(arena, row_text(&row, 7)), .on = arena_text(arena, row_text(&row, 8)),
			.body = arena_text(arena, row_text(&row, 9)), .tries = row_integer(&row, 10), .stale = row_integer(&row, 11) < clock_wall() };
		*edits = row_integer(&row, 3) != 0;
		*answers = arena_text(arena, row_text(&row, 12));
	}
	return row_end(&row, error);
}

/* The message of that name in that place; NULL where there is none yet. */
static bool
find_shown(struct db *db, struct arena *arena, const char *label, const char *place, const char **message, struct error *error)
{
	struct row found;

	*message = NULL;
	if (!label)
		return true;
	db_query(db, &found, "SELECT message FROM shown WHERE label=? AND place=?", "tt", label, place);
	if (row_next(&found))
		*message = arena_text(arena, row_text(&found, 0));
	return row_end(&found, error);
}

/* The message of that name, or where it was said there itself that one. */
static bool
find_answered(struct db *db, struct arena *arena, const char *label, const char *place, const char **message, struct error *error)
{
	const char *here = message_label(arena, place, "");

	if (!find_shown(db, arena, label, place, message, error))
		return false;
	if (!*message && label && !strncmp(label, here, strlen(here)))
		*message = label + strlen(here);
	return true;
}

/* What is edited, or rung under. Where nothing was shown yet, the message that is still to come rings by itself. */
static void
aim(struct outbox_row *row, bool edits, const char *shown, bool shared)
{
	if (row->op == DELIVERY_SAY && edits && shown) {
		row->op = DELIVERY_EDIT;
		row->on = shown;
	} else if (row->op == DELIVERY_RING || row->op == DELIVERY_NOTE) {
		row->thread = shown;
		row->gone = !shown;
	} else if (row->op == DELIVERY_TALK && edits && shared)
		row->replies = shown;   /* an edit would take the words of others away */
	else if (row->op == DELIVERY_TALK && edits)
		row->on = shown;
	else if (row->op == DELIVERY_TAKE_BACK) {
		row->on = shown ? shown : row->on;
		row->gone = !row->on;
	}
}

/* Whether more than one thing is said in that message. */
static bool
is_shared(struct db *db, const char *place, const char *message, bool *shared, struct error *error)
{
	struct row row;

	db_query(db, &row, "SELECT count(*)>1 FROM shown WHERE message=? AND place=?", "tt", message, place);
	*shared = row_next(&row) && row_integer(&row, 0);
	return row_end(&row, error);
}

/* One of several things said in a message is taken back: the message then says the others. */
static bool
say_others(struct db *db, struct arena *arena, struct outbox_row *out, struct error *error)
{
	struct row row;

	out->op = DELIVERY_TALK;
	out->body = NULL;
	out->along = arena_take(arena, ALONG_MOST * sizeof *out->along);
	db_query(db, &row, "SELECT body FROM outbox AS o WHERE message=? AND place=? AND op=? AND label<>? AND EXISTS"
		" (SELECT 1 FROM shown WHERE label=o.label AND place=o.place AND message=o.message) ORDER BY id", "ttit", out->on, out->place,
		(int64_t)DELIVERY_TALK, out->label);
	while (out->along_count < ALONG_MOST && row_next(&row)) {
		const char *body = arena_text(arena, row_text(&row, 0));
		if (out->body)
			out->along[out->along_count++] = body;
		else
			out->body = body;
	}
	out->gone = !out->body;
	return row_end(&row, error);
}

/* The talk behind it, up to what has to be said by itself: an edit, an answer, a command. */
static bool
find_along(struct db *db, const struct outbox_row *first, int64_t *last, struct error *error)
{
	struct row row;
	size_t count = 0, bytes = 0;
	bool fits = true;

	*last = first->id;
	db_query(db, &row, "SELECT id, length(CAST(body AS BLOB)), op=? AND urgency=? AND edits=0 AND answers IS NULL AND tries=0 FROM outbox"
		" WHERE place=? AND op IN(?,?) AND id>? AND state IN('queued','trying') ORDER BY id", "iitiii", (int64_t)DELIVERY_TALK, (int64_t)URGENCY_TALK,
		first->place, (int64_t)DELIVERY_TALK, (int64_t)DELIVERY_TAKE_BACK, first->id);
	while (fits && row_next(&row)) {
		bytes += (size_t)row_integer(&row, 1);
		fits = row_integer(&row, 2) && ++count <= ALONG_MOST && bytes <= ALONG_BYTES;
		*last = fits ? row_integer(&row, 0) : *last;
	}
	return row_end(&row, error);
}

static bool
take_along(struct db *db, const struct outbox_row *first, struct error *error)
{
	int64_t last;

	return find_along(db, first, &last, error)
	    && db_run(db, error, "UPDATE outbox SET leader=? WHERE place=? AND op=? AND id>? AND id<=? AND state='queued'", "itiii", first->id, first->place,
		(int64_t)DELIVERY_TALK, first->id, last);
}

static bool
read_along(struct db *db, struct arena *arena, struct outbox_row *out, struct error *error)
{
	struct row row;

	out->along = arena_take(arena, ALONG_MOST * sizeof *out->along);
	db_query(db, &row, "SELECT body FROM outbox WHERE leader=? ORDER BY id LIMIT 40", "i", out->id);
	while (out->along_count < ALONG_MOST && row_next(&row))
		out->along[out->along_count++] = arena_text(arena, row_text(&row, 0));
	return row_end(&row, error);
}

bool
outbox_row_take(struct db *db, struct arena *arena, int64_t id, bool narrow, struct outbox_row *out, struct error *error)
{
	const char *shown, *answers = NULL, *answered;
	bool edits = false, shared = false;

	*out = (struct outbox_row){ .id = id };
	if (!read_row(db, arena, out, &edits, &answers, error))
		return false;
	if (out->gone)
		return true;
	if (!find_shown(db, arena, out->label, out->place, &shown, error) || !find_answered(db, arena, answers, out->place, &answered, error))
		return false;
	out->replies = out->replies ? out->replies : answered;
	if (out->op == DELIVERY_RING && !shown && out->label && !is_there(db, out->label, out->place, DELIVERY_SAY, "trying", &out->early, error))
		return false;
	if (out->op == DELIVERY_NOTE && !shown && !is_there(db, out->label, out->place, DELIVERY_SAY, "queued trying", &out->early, error))
		return false;
	if (out->op == DELIVERY_REACT && !out->on && !answered && !is_there(db, answers, out->place, DELIVERY_SAY, "queued trying", &out->early, error))
		return false;
	if (out->early && !out->stale)
		return true;
	if (out->op == DELIVERY_REACT && !out->on) {
		out->on = answered;
		out->gone = !answered;
	}
	if (shown && (edits || out->op == DELIVERY_TAKE_BACK) && !is_shared(db, out->place, shown, &shared, error))
		return false;
	bool one_of_many = shared && out->op == DELIVERY_TAKE_BACK;
	aim(out, edits, shown, shared);
	if (narrow && out->op == DELIVERY_TALK && out->urgency == URGENCY_TALK && !edits && !answers && !out->tries && !take_along(db, out, error))
		return false;
	if (out->op == DELIVERY_TALK && !read_along(db, arena, out, error))
		return false;
	if (one_of_many && !say_others(db, arena, out, error))
		return false;
	return db_run(db, error, "UPDATE outbox SET state=?, tries=tries+1 WHERE id=? OR leader=?", "tii", out->stale || out->gone ? "stale" : "trying", id, id);
}

bool
outbox_rows_prune(struct db *db, struct error *error)
{
	int64_t now = clock_wall();

	if (!db_run(db, error, "UPDATE outbox SET state='stale' WHERE state IN('queued','trying') AND expires<?", "i", now))
		return false;
	if (db_changed(db) > 0)
		log_warning("%lld messages were too old to be said and were dropped.", (long long)db_changed(db));
	int64_t old = now - (int64_t)KEEP_DAYS * DAY;
	return db_run(db, error, "DELETE FROM outbox WHERE state IN('sent','stale','dropped') AND made<?", "i", old)
	    && db_run(db, error, "DELETE FROM shown WHERE label>='~' AND label<'\x7f' AND at<?", "i", old);
}

bool
outbox_row_sent(struct db *db, const struct outbox_row *row, const char *message, struct error *error)
{
	if (!db_run(db, error, "UPDATE outbox SET state='sent', message=? WHERE id=? OR leader=?", "tii", message, row->id, row->id))
		return false;
	if (row->id % PRUNE_EVERY == 0 && !outbox_rows_prune(db, error))
		return false;
	if (!db_run(db, error, "DELETE FROM shown WHERE (label, place) IN (SELECT label, place FROM outbox WHERE id=? AND op=?)", "ii", row->id,
	    (int64_t)DELIVERY_TAKE_BACK))
		return false;
	/* An edit keeps the id of the message that it edits. */
	bool new = row->op == DELIVERY_SAY || row->op == DELIVERY_REACT || (row->op == DELIVERY_TALK && !row->on);
	if (!new || !row->label || !message)
		return true;
	return db_run(db, error, "INSERT INTO shown(label, place, message, at) SELECT label, place, ?, ? FROM outbox WHERE (id=? OR leader=?) AND label IS NOT NULL"
		" ON CONFLICT(label, place) DO UPDATE SET message=excluded.message, at=excluded.at", "tiii", message, clock_wall(), row->id, row->id);
}

bool
outbox_label_of(struct db *db, struct arena *arena, const char *place, const char *message, const char **label, struct error *error)
{
	struct row row;

	*label = NULL;
	db_query(db, &row, "SELECT label FROM shown WHERE message=? AND place=?", "tt", message, place);
	if (row_next(&row))
		*label = arena_text(arena, row_text(&row, 0));
	return row_end(&row, error);
}

bool
outbox_body_of(struct db *db, struct arena *arena, const char *label, const char **body, struct error *error)
{
	struct row row;

	*body = NULL;
	db_query(db, &row, "SELECT body FROM outbox WHERE label=? AND op=? ORDER BY id DESC LIMIT 1", "ti", label, (int64_t)DELIVERY_TALK);
	if (row_next(&row))
		*body = arena_text(arena, row_text(&row, 0));
	return row_end(&row, error);
}

void
outbox_txn(char txn[OUTBOX_TXN], const char *from, const char *id, const char *to)
{
	struct arena *arena = arena_new();
	const char *all = arena_printf(arena, "%s\n%s\n%s", from, id, to);
	unsigned char hash[EVP_MAX_MD_SIZE];

	EVP_Digest(all, strlen(all), hash, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < (OUTBOX_TXN - 1) / 2; i++)
		sprintf(txn + 2 * i, "%02x", hash[i]);
	arena_free(arena);
}

bool
outbox_row_dropped(struct db *db, const struct outbox_row *row, const char *why, struct error *error)
{
	return db_run(db, error, "UPDATE outbox SET state='dropped', error=? WHERE id=? OR leader=?", "tii", why, row->id, row->id);
}

bool
outbox_restored(struct db *db, int64_t *dropped, struct error *error)
{
	bool fine = db_run(db, error, "UPDATE outbox SET state='stale' WHERE state IN('queued','trying')", "");

	*dropped = fine ? db_changed(db) : 0;
	return fine;
}
