/* message: what is heard in a chat; what may change something is kept until it was carried out, and taken once. */
#include "bridge/talk/message.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/ulid.h"
#include "bridge/run/store.h"

enum {
	TRIES = 3,
	KEEP_DAYS = 7,                  /* no server repeats a message after that */
	PRUNE_EVERY = 256,              /* messages kept */
};

static const char *const schema[] = {
	"CREATE TABLE event(id INTEGER PRIMARY KEY, source TEXT NOT NULL, place TEXT NOT NULL, key TEXT NOT NULL, account TEXT,"
	"  body TEXT NOT NULL, heard INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'new' CHECK(state IN('new','done','dead')),"
	"  tries INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE UNIQUE INDEX event_once ON event(source, place, key);"
	"CREATE INDEX event_new ON event(id) WHERE state='new';",
	"CREATE TABLE cursor(source TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables message_tables = { "message", schema };

/* Places. */

struct place
place_copy(struct arena *arena, const struct place *place)
{
	return (struct place){ arena_text(arena, place->link), arena_text(arena, place->channel), arena_text(arena, place->thread) };
}

/* Channels of IRC compare without case. Matrix has one, in its ids and in its aliases, which name their server behind a colon; a channel
 * cannot have that (RFC 2812, 2.3.1). */
static bool
is_caseless(const char *channel)
{
	return *channel && strchr("#&", *channel) && !strchr(channel, ':');
}

bool
place_same(const struct place *a, const struct place *b)
{
	if (strcmp(a->link, b->link))
		return false;
	return is_caseless(a->channel) ? !strcasecmp(a->channel, b->channel) : !strcmp(a->channel, b->channel);
}

char *
place_text(struct arena *arena, const struct place *place)
{
	return arena_printf(arena, "%s/%s", place->link, place->channel);
}

bool
place_read(struct arena *arena, const char *text, struct place *place)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1])
		return false;
	*place = (struct place){ arena_slice(arena, text, (size_t)(slash - text)), arena_text(arena, slash + 1), NULL };
	return true;
}

char *
message_label(struct arena *arena, const char *place, const char *id)
{
	return arena_printf(arena, "%c%s %s", MESSAGE_LABEL, place, id);
}

/* Keeping. */

static const char *
body(struct arena *arena, const struct message *message)
{
	struct json_object *object = json_new_object(arena);

	json_set(object, "text", message->text);
	json_set(object, "shown", message->from.shown);
	json_set(object, "proof", message->from.proof);
	json_set(object, "alone", message->from.alone);
	json_set(object, "thread", message->place.thread);
	json_set(object, "id", message->id);
	json_set(object, "on", message->on);
	json_set_integer(object, "kind", message->kind);
	json_set_integer(object, "said", message->said);
	json_set_integer(object, "meant", message->meant);
	json_set_integer(object, "proven", message->from.proven);
	json_set_integer(object, "direct", message->direct);
	return json_write(object);
}

static bool
prune(struct db *db, int64_t newest, struct error *error)
{
	if (newest % PRUNE_EVERY)
		return true;
	return db_run(db, error, "DELETE FROM event WHERE state<>'new' AND heard<?", "i", clock_wall() - (int64_t)KEEP_DAYS * 24 * 3600 * 1000);
}

bool
message_keep(struct db *db, const struct message *message, int64_t *event, struct error *error)
{
	struct arena *arena = arena_new();
	char ulid[ULID_LENGTH + 1];

	*event = 0;
	ulid_make(ulid);
	bool kept = db_run(db, error, "INSERT INTO event(source, place, key, account, body, heard) VALUES(?,?,?,?,?,?) ON CONFLICT DO NOTHING",
		"ttttti", message->place.link, message->place.channel, message->id ? message->id : ulid, message->from.account, body(arena, message),
		clock_wall());
	arena_free(arena);
	if (!kept)
		return false;
	if (db_changed(db) == 0)
		return true;
	*event = db_last_id(db);
	return prune(db, *event, error);
}

bool
message_done(struct db *db, int64_t event, struct error *error)
{
	return db_run(db, error, "UPDATE event SET state='done' WHERE id=?", "i", event);
}

bool
message_cursor(struct db *db, const char *link, const char *cursor, struct error *error)
{
	return db_run(db, error, "INSERT INTO cursor(source, value) VALUES(?,?) ON CONFLICT(source) DO UPDATE SET value=excluded.value", "tt", link, cursor);
}

bool
message_cursor_read(struct db *db, struct arena *arena, const char *link, const char **cursor, struct error *error)
{
	struct row row;

	*cursor = NULL;
	db_query(db, &row, "SELECT value FROM cursor WHERE source=?", "t", link);
	if (row_next(&row))
		*cursor = arena_text(arena, row_text(&row, 0));
	return row_end(&row, error);
}

/* A message that three lives could not carry out is what ends them. */
static bool
count_try(struct db *db, struct error *error)
{
	return db_run(db, error, "UPDATE event SET state='dead' WHERE state='new' AND tries>=?", "i", (int64_t)TRIES)
	    && db_run(db, error, "UPDATE event SET tries=tries+1 WHERE state='new'", "");
}

static bool
read_row(struct arena *arena, const struct row *row, struct message *message)
{
	const char *text = row_text(row, 4);
	struct json_object *object = json_read(arena, text, strlen(text), NULL);

	if (!object)
		return false;
	*message = (struct message){
		.from = { .account = arena_text(arena, row_text(row, 3)), .shown = json_string(object, "shown", ""), .alone = json_string(object, "alone", NULL),
			.proof = json_string(object, "proof", NULL), .proven = json_integer(object, "proven", 0) != 0 },
		.place = { arena_text(arena, row_text(row, 1)), arena_text(arena, row_text(row, 2)), json_string(object, "thread", NULL) },
		.kind = (enum message_kind)json_integer(object, "kind", MESSAGE_SAID),
		.id = json_string(object, "id", NULL),
		.on = json_string(object, "on", NULL),
		.said = json_integer(object, "said", 0),
		.meant = json_integer(object, "meant", 0) != 0,
		.text = json_string(object, "text", ""),
		.direct = json_integer(object, "direct", 0) != 0,
		.heard = row_integer(row, 5),
	};
	return true;
}

bool
message_pending(struct db *db, struct arena *arena, void (*each)(int64_t event, const struct message *, void *), void *with, struct error *error)
{
	struct row row;
	struct message message;

	if (!count_try(db, error))
		return false;
	db_query(db, &row, "SELECT id, source, place, account, body, heard FROM event WHERE state='new' ORDER BY id", "");
	while (row_next(&row))
		if (read_row(arena, &row, &message))
			each(row_integer(&row, 0), &message, with);
	return row_end(&row, error);
}

bool
message_restored(struct db *db, int64_t *dropped, struct error *error)
{
	bool fine = db_run(db, error, "UPDATE event SET state='dead' WHERE state='new'", "");

	*dropped = fine ? db_changed(db) : 0;
	/* What was heard since then would be heard again. */
	return fine && db_run(db, error, "DELETE FROM cursor", "");
}
