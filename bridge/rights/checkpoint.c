/* checkpoint: what the audit was up to one record, signed. */
#include "bridge/rights/checkpoint.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/run/store.h"

#define NAME "sallyport-audit-v1"

enum { BASE64 = 88 };                   /* of a signature */

/* They only come; what belongs to records that were archived may go with these. */
static const char *const schema[] = {
	"CREATE TABLE checkpoint(seq INTEGER NOT NULL, made INTEGER NOT NULL, h BLOB NOT NULL CHECK(length(h)=32), key TEXT NOT NULL,"
	"  signature BLOB NOT NULL CHECK(length(signature)=64), PRIMARY KEY(seq, key)) STRICT;"
	"CREATE TRIGGER checkpoint_keep BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'a checkpoint stays as it was signed'); END;",
	NULL
};

const struct tables checkpoint_tables = { "checkpoint", schema };

/* The line. */

static void
to_hex(const unsigned char *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* What is signed. */
static char *
statement(struct arena *arena, const struct checkpoint *checkpoint)
{
	char h[2 * CHECKPOINT_HASH + 1];

	to_hex(checkpoint->h, CHECKPOINT_HASH, h);
	return arena_printf(arena, NAME " %s %" PRId64 " %s %" PRId64 " %s", checkpoint->log, checkpoint->seq, h, checkpoint->wall, checkpoint->key);
}

char *
checkpoint_text(struct arena *arena, const struct checkpoint *checkpoint)
{
	unsigned char signature[BASE64 + 1];

	EVP_EncodeBlock(signature, checkpoint->signature, SIGNATURE);
	return arena_printf(arena, "%s %s", statement(arena, checkpoint), (const char *)signature);
}

/* The next word, of those bytes alone. */
static bool
read_word(const char **at, const char *allowed, size_t least, size_t most, char *out)
{
	size_t length = strspn(*at += strspn(*at, " "), allowed);

	if (length < least || length > most)
		return false;
	memcpy(out, *at, length);
	out[length] = '\0';
	*at += length;
	return true;
}

static bool
from_hex(const char *text, unsigned char *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (sscanf(text + 2 * i, "%2hhx", &out[i]) != 1)
			return false;
	return true;
}

static bool
read_signature(const char *text, unsigned char out[SIGNATURE])
{
	unsigned char bytes[BASE64 / 4 * 3], again[BASE64 + 1];

	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, BASE64) != (int)sizeof bytes)
		return false;
	memcpy(out, bytes, SIGNATURE);
	/* There is one way to write it. */
	EVP_EncodeBlock(again, out, SIGNATURE);
	return !memcmp(again, text, BASE64);
}

bool
checkpoint_read(const char *line, struct checkpoint *checkpoint)
{
	static const char hex[] = "0123456789abcdef", digits[] = "0123456789";
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	const char *at = strstr(line, NAME " ");
	char seq[20], wall[20], h[2 * CHECKPOINT_HASH + 1], signature[BASE64 + 1];

	*checkpoint = (struct checkpoint){ 0 };
	if (!at)
		return false;
	at += strlen(NAME);
	if (!read_word(&at, hex, CHECKPOINT_LOG, CHECKPOINT_LOG, checkpoint->log) || !read_word(&at, digits, 1, 18, seq)
	    || !read_word(&at, hex, sizeof h - 1, sizeof h - 1, h) || !read_word(&at, digits, 1, 18, wall)
	    || !read_word(&at, hex, SIGNING_ID, SIGNING_ID, checkpoint->key) || !read_word(&at, base64, BASE64, BASE64, signature))
		return false;
	sscanf(seq, "%" SCNd64, &checkpoint->seq);
	sscanf(wall, "%" SCNd64, &checkpoint->wall);
	return from_hex(h, checkpoint->h, CHECKPOINT_HASH) && read_signature(signature, checkpoint->signature);
}

bool
checkpoint_good(const struct checkpoint *checkpoint, const struct signing_public *key)
{
	struct arena *arena = arena_new();
	const char *text = statement(arena, checkpoint);
	bool good = signing_good(key, text, strlen(text), checkpoint->signature);

	arena_free(arena);
	return good;
}

/* The rows. */

bool
checkpoint_log(struct db *db, char log[CHECKPOINT_LOG + 1])
{
	unsigned char id[CHECKPOINT_LOG / 2];

	*log = '\0';
	if (!db_log_id(db, id))
		return false;
	to_hex(id, sizeof id, log);
	return true;
}

static bool
write_one(struct db *db, const struct signing_key *key, int64_t seq, const unsigned char h[CHECKPOINT_HASH], struct error *error)
{
	struct arena *arena = arena_new();
	struct checkpoint checkpoint = { .seq = seq, .wall = clock_wall() };

	checkpoint_log(db, checkpoint.log);
	memcpy(checkpoint.h, h, CHECKPOINT_HASH);
	memcpy(checkpoint.key, signing_public_of(key)->id, sizeof checkpoint.key);
	const char *text = statement(arena, &checkpoint);
	signing_sign(key, text, strlen(text), checkpoint.signature);
	arena_free(arena);
	return db_run(db, error, "INSERT OR IGNORE INTO checkpoint(seq, made, h, key, signature) VALUES(?,?,?,?,?)", "iibtb", seq, checkpoint.wall,
		(const void *)checkpoint.h, sizeof checkpoint.h, checkpoint.key, (const void *)checkpoint.signature, sizeof checkpoint.signature);
}

static bool
last_signed(struct db *db, int64_t *seq, struct error *error)
{
	struct row row;

	*seq = 0;
	db_query(db, &row, "SELECT max(seq) FROM checkpoint", "");
	if (row_next(&row))
		*seq = row_integer(&row, 0);
	return row_end(&row, error);
}

bool
checkpoint_after(struct db *db, int64_t seq, const unsigned char h[CHECKPOINT_HASH], bool now, struct error *error)
{
	const struct checkpoint_signer *signer = db_lent(db);
	int64_t last;

	if (!signer)
		return true;
	if (!last_signed(db, &last, error))
		return false;
	return seq - last < (now ? 1 : CHECKPOINT_EVERY) || write_one(db, signer->key, seq, h, error);
}

bool
checkpoint_both(struct db *db, int64_t seq, const unsigned char h[CHECKPOINT_HASH], struct error *error)
{
	const struct checkpoint_signer *signer = db_lent(db);

	return (!signer->old || write_one(db, signer->old, seq, h, error)) && write_one(db, signer->key, seq, h, error);
}

static void
read_row(const struct row *row, const char *log, struct checkpoint *checkpoint)
{
	size_t length;
	const void *h = row_bytes(row, 2, &length);

	*checkpoint = (struct checkpoint){ .seq = row_integer(row, 0), .wall = row_integer(row, 1) };
	snprintf(checkpoint->log, sizeof checkpoint->log, "%s", log);
	if (length == CHECKPOINT_HASH)
		memcpy(checkpoint->h, h, CHECKPOINT_HASH);
	snprintf(checkpoint->key, sizeof checkpoint->key, "%s", row_text(row, 3) ? row_text(row, 3) : "");
	const void *signature = row_bytes(row, 4, &length);
	if (length == SIGNATURE)
		memcpy(checkpoint->signature, signature, SIGNATURE);
}

void
checkpoint_next(struct checkpoint_rows *rows)
{
	rows->more = row_next(&rows->row);
	if (rows->more)
		read_row(&rows->row, rows->log, &rows->at);
}

void
checkpoint_rows(struct db *db, struct checkpoint_rows *rows, int64_t after)
{
	*rows = (struct checkpoint_rows){ 0 };
	if (!db_version(db, checkpoint_tables.name) || !checkpoint_log(db, rows->log))
		return;
	/* Where two keys signed the same, the one that vouches comes first. */
	db_query(db, &rows->row, "SELECT seq, made, h, key, signature FROM checkpoint WHERE seq>? ORDER BY seq, rowid", "i", after);
	checkpoint_next(rows);
}

bool
checkpoint_rows_end(struct checkpoint_rows *rows, struct error *error)
{
	return row_end(&rows->row, error);
}

bool
checkpoint_newest(struct db *db, struct checkpoint *checkpoint, bool *found, struct error *error)
{
	char log[CHECKPOINT_LOG + 1];
	struct row row;

	*found = false;
	if (!db_version(db, checkpoint_tables.name) || !checkpoint_log(db, log))
		return true;
	db_query(db, &row, "SELECT seq, made, h, key, signature FROM checkpoint ORDER BY seq DESC, rowid DESC LIMIT 1", "");
	if (row_next(&row)) {
		read_row(&row, log, checkpoint);
		*found = true;
	}
	return row_end(&row, error);
}

bool
checkpoint_archived(struct db *db, int64_t last, struct error *error)
{
	return !db_version(db, checkpoint_tables.name) || db_run(db, error, "DELETE FROM checkpoint WHERE seq<=?", "i", last);
}
