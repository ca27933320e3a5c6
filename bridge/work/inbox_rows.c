/* inbox_rows: the deliveries as rows of the store. */
#include "bridge/work/inbox_rows.h"

#include <openssl/evp.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"

enum {
	HASH = 32,
	MINUTE = 60 * 1000,             /* ms */
	SAME_BYTES = 10 * MINUTE,
	NAME_MOST = 100,                /* bytes of a name, for people to read */
	PRUNED_AT_ONCE = 500,
};

static const int64_t kept_for = INT64_C(7) * 24 * 60 * MINUTE;

/* `key` is a hash of what names it: a name may be as long as a header, and is a stranger's. */
static const char *const schema[] = {
	"CREATE TABLE delivery(id INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL, name TEXT, key BLOB, rest TEXT NOT NULL, type TEXT NOT NULL,"
	"  headers TEXT NOT NULL, body BLOB NOT NULL, arrived INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'new' CHECK(state IN('new','done','dead')),"
	"  tries INTEGER NOT NULL DEFAULT 0, ended INTEGER, error TEXT) STRICT;"
	"CREATE INDEX delivery_key ON delivery(instance, key, arrived) WHERE key IS NOT NULL;"
	"CREATE INDEX delivery_new ON delivery(instance, id) WHERE state='new';"
	"CREATE INDEX delivery_arrived ON delivery(arrived) WHERE state<>'new';",
	NULL
};

const struct tables inbox_tables = { "inbox", schema };

#define COLUMNS "SELECT id, instance, name, rest, type, headers, length(body), arrived, tries, state, error"

/* Names and bytes are told apart, and where one thing ends and the next begins. */
static bool
hash_of(const struct posted *posted, unsigned char out[HASH])
{
	EVP_MD_CTX *context = memory_got(EVP_MD_CTX_new());
	bool fine = EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

	if (posted->name)
		fine = fine && EVP_DigestUpdate(context, "name", 5) == 1 && EVP_DigestUpdate(context, posted->name, strlen(posted->name)) == 1;
	else
		fine = fine && EVP_DigestUpdate(context, "bytes", 6) == 1 && EVP_DigestUpdate(context, posted->rest, strlen(posted->rest) + 1) == 1
			&& EVP_DigestUpdate(context, posted->body, posted->length) == 1;
	fine = fine && EVP_DigestFinal_ex(context, out, NULL) == 1;
	EVP_MD_CTX_free(context);
	return fine;
}

/* One writer alone: what is not there now is not there when we insert it. */
static bool
came_before(struct db *db, const struct posted *posted, const unsigned char key[HASH], bool *before, struct error *error)
{
	struct row row;
	int64_t since = posted->arrived - (posted->name ? kept_for : SAME_BYTES);

	db_query(db, &row, "SELECT 1 FROM delivery WHERE instance=? AND key=? AND arrived>? LIMIT 1", "tbi", posted->instance, key, (size_t)HASH, since);
	*before = row_next(&row);
	return row_end(&row, error);
}

static const char *
headers_json(struct arena *arena, const struct posted *posted)
{
	struct json_object *object = json_new_object(arena);

	for (size_t i = 0; i < posted->header_count; i++)
		json_set(object, posted->headers[i].name, text_clean(arena, posted->headers[i].value, strlen(posted->headers[i].value)));
	return json_write(object);
}

static char *
shown_name(struct arena *arena, const char *name)
{
	char *clean = name ? text_clean(arena, name, strlen(name)) : NULL;

	if (clean)
		clean[text_fit(clean, strlen(clean), NAME_MOST)] = '\0';
	return clean;
}

bool
inbox_keep(struct db *db, struct arena *arena, const struct posted *posted, int64_t *id, struct error *error)
{
	bool named = posted->name || posted->once, before = false;
	unsigned char key[HASH];

	*id = 0;
	if (named && !hash_of(posted, key))
		return error_set(error, "SHA-256 is not to be had from OpenSSL here, so nobody could tell whether this came before.");
	if (named && !came_before(db, posted, key, &before, error))
		return false;
	if (before)
		return true;
	bool kept = db_run(db, error, "INSERT INTO delivery(instance, name, key, rest, type, headers, body, arrived) VALUES(?,?,?,?,?,?,?,?)", "ttbtttbi",
		posted->instance, shown_name(arena, posted->name), named ? key : NULL, named ? (size_t)HASH : (size_t)0,
		text_clean(arena, posted->rest, strlen(posted->rest)), posted->type, headers_json(arena, posted), posted->body, posted->length, posted->arrived);
	if (kept)
		*id = db_last_id(db);
	return kept;
}

bool
inbox_done(struct db *db, int64_t id, struct error *error)
{
	return db_run(db, error, "UPDATE delivery SET state='done', ended=?, error=NULL WHERE id=? AND state='new'", "ii", clock_wall(), id);
}

bool
inbox_dead(struct db *db, int64_t id, const char *why, struct error *error)
{
	return db_run(db, error, "UPDATE delivery SET state='dead', ended=?, error=? WHERE id=? AND state='new'", "iti", clock_wall(), why, id);
}

bool
inbox_tried(struct db *db, int64_t id, int64_t more, const char *why, struct error *error)
{
	return db_run(db, error, "UPDATE delivery SET tries=tries+?, error=coalesce(?, error) WHERE id=? AND state='new'", "iti", more, why, id);
}

static void
read_headers(struct arena *arena, const char *json, struct inbox_row *out)
{
	struct json_object *object = json ? json_read(arena, json, strlen(json), NULL) : NULL;
	size_t most = json_object_is_type(object, json_type_object) ? (size_t)json_object_object_length(object) : 0;
	struct named *headers = arena_take(arena, (most + 1) * sizeof *headers);

	out->headers = headers;
	if (!most)
		return;
	json_object_object_foreach(object, name, value)
		headers[out->header_count++] = (struct named){ arena_text(arena, name), arena_text(arena, json_object_get_string(value)) };
}

static void
read_row(const struct row *row, struct arena *arena, struct inbox_row *out)
{
	*out = (struct inbox_row){ .id = row_integer(row, 0), .instance = arena_text(arena, row_text(row, 1)), .name = arena_text(arena, row_text(row, 2)),
		.rest = arena_text(arena, row_text(row, 3)), .type = arena_text(arena, row_text(row, 4)), .length = (size_t)row_integer(row, 6),
		.arrived = row_integer(row, 7), .tries = (unsigned)row_integer(row, 8), .state = arena_text(arena, row_text(row, 9)),
		.error = arena_text(arena, row_text(row, 10)) };
	read_headers(arena, row_text(row, 5), out);
}

/* The one row of a query that was begun, with its body. */
static bool
only_row(struct row *row, struct arena *arena, struct inbox_row *out, struct error *error)
{
	*out = (struct inbox_row){ 0 };
	if (row_next(row)) {
		read_row(row, arena, out);
		const char *body = row_bytes(row, 11, &out->length);
		out->body = out->length ? arena_slice(arena, body, out->length) : "";
	}
	return row_end(row, error);
}

bool
inbox_next(struct db *db, struct arena *arena, const char *instance, struct inbox_row *out, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS ", body FROM delivery WHERE instance=? AND state='new' ORDER BY id LIMIT 1", "t", instance);
	return only_row(&row, arena, out, error);
}

bool
inbox_get(struct db *db, struct arena *arena, int64_t id, struct inbox_row *out, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS ", body FROM delivery WHERE id=?", "i", id);
	return only_row(&row, arena, out, error);
}

bool
inbox_again(struct db *db, int64_t id, struct error *error)
{
	return db_run(db, error, "UPDATE delivery SET state='new', tries=0, ended=NULL, error=NULL WHERE id=?", "i", id);
}

bool
inbox_list(struct db *db, struct arena *arena, const char *instance, int64_t most, void (*each)(const struct inbox_row *, void *), void *with,
	struct error *error)
{
	struct inbox_row out;
	struct row row;

	db_query(db, &row, COLUMNS " FROM delivery WHERE ?1 IS NULL OR instance=?1 ORDER BY id DESC LIMIT ?2", "ti", instance, most);
	while (row_next(&row)) {
		read_row(&row, arena, &out);
		each(&out, with);
	}
	return row_end(&row, error);
}

bool
inbox_left(struct db *db, struct arena *arena, void (*each)(const char *, int64_t, void *), void *with, int64_t *last, struct error *error)
{
	struct row row;

	db_query(db, &row, "SELECT coalesce(max(id), 0) FROM delivery", "");
	*last = row_next(&row) ? row_integer(&row, 0) : 0;
	if (!row_end(&row, error))
		return false;
	db_query(db, &row, "SELECT instance, count(*) FROM delivery WHERE state='new' GROUP BY instance", "");
	while (row_next(&row))
		each(arena_text(arena, row_text(&row, 0)), row_integer(&row, 1), with);
	return row_end(&row, error);
}

bool
inbox_prune(struct db *db, int64_t now, bool *more, struct error *error)
{
	if (!db_run(db, error, "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state<>'new' AND arrived<? LIMIT ?)", "ii",
		now - kept_for, (int64_t)PRUNED_AT_ONCE))
		return false;
	*more = db_changed(db) == PRUNED_AT_ONCE;
	return true;
}

bool
inbox_restored(struct db *db, int64_t *dropped, struct error *error)
{
	bool fine = db_run(db, error, "UPDATE delivery SET state='dead', ended=?, error='It was open in a backup that was put back.' WHERE state='new'", "i",
		clock_wall());

	*dropped = fine ? db_changed(db) : 0;
	return fine;
}
