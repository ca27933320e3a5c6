/* intent: what was asked for and may change something: written before the first byte leaves, carried out at most once. */
#include "bridge/work/intent.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"

/* A state only moves forward, and what was decided upon never changes: the table sees to both. */
static const char *const schema[] = {
	"CREATE TABLE intent(id INTEGER PRIMARY KEY, ulid TEXT NOT NULL UNIQUE, event INTEGER UNIQUE, person TEXT NOT NULL, account TEXT NOT NULL,"
	"  proof TEXT NOT NULL, shown TEXT NOT NULL, place TEXT NOT NULL, replies TEXT, room TEXT, instance TEXT, verb TEXT NOT NULL,"
	"  line TEXT NOT NULL, args TEXT NOT NULL, hash BLOB NOT NULL CHECK(length(hash)=32), label TEXT, rule TEXT, asked INTEGER NOT NULL,"
	"  state TEXT NOT NULL DEFAULT 'asked' CHECK(state IN('asked','waiting','ready','sent','done','failed','unknown','refused','expired','revoked')),"
	"  attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt IN(0,1)), outcome TEXT, ended INTEGER) STRICT;"
	"CREATE INDEX intent_open ON intent(state) WHERE state IN('asked','waiting','ready','sent','unknown');"
	"CREATE INDEX intent_label ON intent(label) WHERE label IS NOT NULL;"
	"CREATE TABLE step(was TEXT, becomes TEXT, PRIMARY KEY(was, becomes)) STRICT, WITHOUT ROWID;"
	"INSERT INTO step VALUES('asked','ready'),('asked','waiting'),('asked','refused'),('asked','failed'),('waiting','ready'),('waiting','refused'),"
	"  ('waiting','expired'),('waiting','revoked'),('ready','sent'),('ready','failed'),('ready','refused'),('ready','expired'),('ready','revoked'),"
	"  ('sent','done'),('sent','failed'),('sent','unknown'),('unknown','done'),('unknown','failed');"
	"CREATE TRIGGER intent_forward BEFORE UPDATE OF state, attempt, args, hash, person, instance, verb ON intent"
	"  WHEN NEW.args IS NOT OLD.args OR NEW.hash IS NOT OLD.hash OR NEW.person IS NOT OLD.person OR NEW.instance IS NOT OLD.instance"
	"    OR NEW.verb IS NOT OLD.verb"
	"    OR (NEW.state<>OLD.state AND NOT EXISTS(SELECT 1 FROM step WHERE was=OLD.state AND becomes=NEW.state))"
	"    OR NEW.attempt<OLD.attempt OR (NEW.state='sent' AND NEW.attempt<>1)"
	"  BEGIN SELECT RAISE(ABORT, 'an intent only moves forward'); END;",

	"ALTER TABLE intent ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;",

	"CREATE INDEX intent_replies ON intent(replies) WHERE replies IS NOT NULL;",
	NULL
};

const struct tables intent_tables = { "intent", schema };

/* Each part with its end, so that no two requests look alike to the hash. */
void
intent_hash(struct intent *intent)
{
	const char *parts[] = { intent->instance ? intent->instance : "", intent->verb, intent->args, intent->person };
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (!digest || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		abort();
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		EVP_DigestUpdate(digest, parts[i], strlen(parts[i]) + 1);
	EVP_DigestFinal_ex(digest, intent->hash, NULL);
	EVP_MD_CTX_free(digest);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

const char *
intent_args(struct arena *arena, const struct named *args, size_t count)
{
	struct json_object *object = json_new_object(arena);
	struct named *sorted = arena_copy(arena, args, count * sizeof *args);

	if (count)
		qsort(sorted, count, sizeof *sorted, by_name);
	for (size_t i = 0; i < count; i++)
		json_set(object, sorted[i].name, sorted[i].value);
	return arena_text(arena, json_write(object));
}

size_t
intent_read_args(struct arena *arena, const char *json, struct named *out, size_t most)
{
	struct json_object *object = json_read(arena, json, strlen(json), NULL);
	size_t count = 0;

	if (!json_object_is_type(object, json_type_object))
		return 0;
	json_object_object_foreach(object, name, value) {
		if (count == most)
			break;
		out[count++] = (struct named){ arena_text(arena, name), arena_text(arena, json_object_get_string(value)) };
	}
	return count;
}

bool
intent_write(struct db *db, struct intent *intent, struct error *error)
{
	if (!db_run(db, error, "INSERT INTO intent(ulid, event, person, account, proof, shown, place, replies, room, instance, verb, line, args, hash, label,"
		" rule, asked) VALUES(?,nullif(?,0),?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", "titttttttttttbtti",
		intent->key, intent->event, intent->person, intent->account, intent->proof, intent->shown, intent->place, intent->replies,
		intent->room, intent->instance, intent->verb, intent->line, intent->args, (const void *)intent->hash, sizeof intent->hash,
		intent->label, intent->rule, intent->asked))
		return false;
	intent->id = db_last_id(db);
	return true;
}

bool
intent_move(struct db *db, int64_t id, const char *from, const char *to, bool *moved, struct error *error)
{
	if (!db_run(db, error, "UPDATE intent SET state=?, attempt=max(attempt, ?='sent') WHERE id=? AND state=?", "ttit", to, to, id, from))
		return false;
	*moved = db_changed(db) > 0;
	return true;
}

bool
intent_send(struct db *db, struct intent *intent, struct error *error)
{
	bool moved;

	return intent_write(db, intent, error) && intent_move(db, intent->id, "asked", "ready", &moved, error)
	    && intent_move(db, intent->id, "ready", "sent", &moved, error);
}

bool
intent_end(struct db *db, int64_t id, const char *state, const char *outcome, struct error *error)
{
	return db_run(db, error, "UPDATE intent SET state=?, outcome=?, ended=? WHERE id=?", "ttii", state, outcome, clock_wall(), id);
}

bool
intent_asked(struct db *db, const char *label, struct arena *arena, const char **args, struct error *error)
{
	struct row row;

	*args = NULL;
	db_query(db, &row, "SELECT args FROM intent WHERE label=? ORDER BY id LIMIT 1", "t", label);
	if (row_next(&row))
		*args = arena_text(arena, row_text(&row, 0));
	return row_end(&row, error);
}

struct intent
intent_copy(struct arena *arena, const struct intent *intent)
{
	struct intent copy = *intent;
	const char **texts[] = { &copy.key, &copy.person, &copy.account, &copy.proof, &copy.shown, &copy.place, &copy.replies, &copy.room, &copy.instance,
		&copy.verb, &copy.line, &copy.args, &copy.label, &copy.rule, &copy.state };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = arena_text(arena, *texts[i]);
	return copy;
}

#define COLUMNS "SELECT id, ulid, person, account, proof, shown, place, replies, room, instance, verb, line, args, label, rule, asked, state, restored, hash" \
	" FROM intent "

static void
read_intent(const struct row *row, struct arena *arena, struct intent *out)
{
	const char **texts[] = { &out->key, &out->person, &out->account, &out->proof, &out->shown, &out->place, &out->replies, &out->room, &out->instance,
		&out->verb, &out->line, &out->args, &out->label, &out->rule };
	size_t length;

	*out = (struct intent){ .id = row_integer(row, 0), .asked = row_integer(row, 15), .state = arena_text(arena, row_text(row, 16)),
		.restored = row_integer(row, 17) != 0 };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = arena_text(arena, row_text(row, (int)i + 1));
	const void *hash = row_bytes(row, 18, &length);
	if (length == sizeof out->hash)
		memcpy(out->hash, hash, length);
}

bool
intent_read(struct db *db, int64_t id, struct arena *arena, struct intent *out, bool *found, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE id=?", "i", id);
	*found = row_next(&row);
	if (*found)
		read_intent(&row, arena, out);
	return row_end(&row, error);
}

bool
intent_asked_by(struct db *db, const char *place, const char *message, struct arena *arena, struct intent *out, bool *found, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE replies=? AND place=? AND state IN('ready','sent','done','failed','unknown') ORDER BY id LIMIT 1", "tt", message, place);
	*found = row_next(&row);
	if (*found)
		read_intent(&row, arena, out);
	return row_end(&row, error);
}

bool
intent_unfinished(struct db *db, struct arena *arena, void (*each)(const struct intent *, void *), void *with, struct error *error)
{
	struct row row;

	/* What nobody could settle within a day is left to people. */
	db_query(db, &row, COLUMNS "WHERE state IN('ready','sent') OR (state='unknown' AND asked>?) ORDER BY id", "i", clock_wall() - 24 * 3600 * 1000);
	while (row_next(&row)) {
		struct intent intent;
		read_intent(&row, arena, &intent);
		each(&intent, with);
	}
	return row_end(&row, error);
}

/* What was not yet decided or sent then may have been since, too: it is asked for again, or never. */
bool
intent_restored(struct db *db, int64_t *unknown, struct error *error)
{
	if (!db_run(db, error, "UPDATE intent SET state=iif(state='asked', 'refused', 'revoked'), outcome='the state was restored from a backup', ended=?"
		" WHERE state IN('asked','waiting','ready')", "i", clock_wall()))
		return false;
	if (!db_run(db, error, "UPDATE intent SET restored=1 WHERE state IN('sent','unknown')", ""))
		return false;
	*unknown = db_changed(db);
	return true;
}
