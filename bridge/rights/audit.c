/* audit: append-only records, each hashed together with the one before. */
#include "bridge/rights/audit.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"

enum { RECORD_MOST = 64 * 1024, TEXTS = 10 };

static const char *const schema[] = {
	"CREATE TABLE audit(seq INTEGER PRIMARY KEY, intent INTEGER, what TEXT NOT NULL, wall INTEGER NOT NULL, person TEXT, room TEXT,"
	"  record BLOB NOT NULL, h BLOB NOT NULL CHECK(length(h)=32)) STRICT;"
	"CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;"
	"CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;",
	NULL
};

const struct tables audit_tables = { "audit", schema };

/* The fields of a record, in the order in which they are hashed. NULL has a length of its own, unlike "". */

static void
add_number(struct text *record, int64_t number)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
	text_add_bytes(record, (const char *)bytes, sizeof bytes);
}

static void
add_field(struct text *record, const void *bytes, size_t length)
{
	add_number(record, bytes ? (int64_t)length : -1);
	if (bytes)
		text_add_bytes(record, bytes, length);
}

static void
texts_of(const struct audit_entry *entry, const char *out[TEXTS])
{
	const char *texts[TEXTS] = { entry->what, entry->person, entry->account, entry->proof, entry->room, entry->place, entry->command,
		entry->decision, entry->rule, entry->result };

	memcpy(out, texts, sizeof texts);
}

static struct text
write_record(struct arena *arena, const struct audit_record *record)
{
	struct text text = text_in(arena, RECORD_MOST);
	const char *texts[TEXTS];

	add_number(&text, record->seq);
	add_number(&text, record->wall);
	add_number(&text, record->mono);
	add_number(&text, record->boot);
	add_number(&text, record->entry.intent);
	texts_of(&record->entry, texts);
	for (size_t i = 0; i < TEXTS; i++)
		add_field(&text, texts[i], texts[i] ? strlen(texts[i]) : 0);
	add_field(&text, record->entry.args_hash, record->entry.args_hash_size);
	return text;
}

struct reading {
	struct arena *arena;
	const unsigned char *at;
	size_t left;
	bool fine;
};

static int64_t
read_number(struct reading *reading)
{
	uint64_t number = 0;

	reading->fine = reading->fine && reading->left >= 8;
	if (!reading->fine)
		return 0;
	for (int i = 0; i < 8; i++)
		number = number << 8 | *reading->at++;
	reading->left -= 8;
	return (int64_t)number;
}

static const char *
read_field(struct reading *reading, size_t *length)
{
	int64_t size = read_number(reading);

	*length = 0;
	if (size < 0 || !reading->fine)
		return NULL;
	reading->fine = (uint64_t)size <= reading->left;
	if (!reading->fine)
		return NULL;
	const char *field = arena_slice(reading->arena, (const char *)reading->at, (size_t)size);
	reading->at += size;
	reading->left -= (size_t)size;
	*length = (size_t)size;
	return field;
}

static bool
read_record(struct arena *arena, const void *bytes, size_t length, struct audit_record *record)
{
	struct reading reading = { arena, bytes, length, true };
	struct audit_entry *entry = &record->entry;
	const char **texts[TEXTS] = { &entry->what, &entry->person, &entry->account, &entry->proof, &entry->room, &entry->place, &entry->command,
		&entry->decision, &entry->rule, &entry->result };
	size_t ignored;

	*record = (struct audit_record){ .seq = read_number(&reading), 0 };
	record->wall = read_number(&reading);
	record->mono = read_number(&reading);
	record->boot = read_number(&reading);
	entry->intent = read_number(&reading);
	for (size_t i = 0; i < TEXTS; i++)
		*texts[i] = read_field(&reading, &ignored);
	entry->args_hash = read_field(&reading, &entry->args_hash_size);
	return reading.fine && !reading.left;
}

static void
chain(const unsigned char before[AUDIT_HASH], const void *record, size_t length, unsigned char out[AUDIT_HASH])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (!digest || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		abort();
	EVP_DigestUpdate(digest, "", 1);
	EVP_DigestUpdate(digest, before, AUDIT_HASH);
	EVP_DigestUpdate(digest, record, length);
	EVP_DigestFinal_ex(digest, out, NULL);
	EVP_MD_CTX_free(digest);
}

/* The newest record, read each time: a work that was rolled back leaves nothing behind that could be wrong. */
static bool
newest(struct db *db, int64_t *seq, unsigned char h[AUDIT_HASH], struct error *error)
{
	struct row row;
	size_t length = 0;

	*seq = 0;
	memset(h, 0, AUDIT_HASH);
	db_query(db, &row, "SELECT seq, h FROM audit ORDER BY seq DESC LIMIT 1", "");
	if (row_next(&row)) {
		*seq = row_integer(&row, 0);
		const void *bytes = row_bytes(&row, 1, &length);
		if (length == AUDIT_HASH)
			memcpy(h, bytes, AUDIT_HASH);
	}
	return row_end(&row, error);
}

bool
audit_write(struct db *db, const struct audit_entry *entry, struct error *error)
{
	struct arena *arena = arena_new();
	struct audit_record record = { .wall = clock_wall(), .mono = clock_mono(), .boot = db_boot(db), .entry = *entry };
	unsigned char h[AUDIT_HASH];

	bool fine = newest(db, &record.seq, h, error);
	record.seq++;
	struct text text = write_record(arena, &record);
	if (fine && text.cut)
		fine = error_set(error, "A record of the audit has more than 64 KiB: it was not written.");
	chain(h, text.bytes, text.length, h);
	fine = fine && db_run(db, error, "INSERT INTO audit(seq, intent, what, wall, person, room, record, h) VALUES(?,nullif(?,0),?,?,?,?,?,?)",
		"iitittbb", record.seq, entry->intent, entry->what, record.wall, entry->person, entry->room,
		(const void *)text.bytes, text.length, (const void *)h, sizeof h);
	arena_free(arena);
	return fine;
}

bool
audit_list(struct db *db, const struct audit_filter *filter, struct arena *arena, void (*each)(const struct audit_record *, void *), void *with,
	struct error *error)
{
	struct row row;
	struct audit_record record;
	size_t length;

	db_query(db, &row, "SELECT record FROM (SELECT seq, record FROM audit WHERE (?1 IS NULL OR person=?1) AND (?2 IS NULL OR room=?2) AND wall>=?3"
		" ORDER BY seq DESC LIMIT ?4) ORDER BY seq", "ttii", filter->person, filter->room, filter->since, filter->limit ? filter->limit : -1);
	while (row_next(&row)) {
		const void *bytes = row_bytes(&row, 0, &length);
		if (read_record(arena, bytes, length, &record))
			each(&record, with);
	}
	return row_end(&row, error);
}

/* Verifying. */

static bool
bad(struct audit_verdict *verdict, int64_t seq, int64_t wall, const char *reason)
{
	verdict->whole = false;
	verdict->bad = seq;
	verdict->bad_wall = wall;
	snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
	return false;
}

/* The columns beside a record are for searching: they must say what it says. */
static bool
columns_fit(const struct row *row, const struct audit_record *record)
{
	const char *texts[] = { row_text(row, 2), row_text(row, 4), row_text(row, 5) };
	const char *said[] = { record->entry.what, record->entry.person, record->entry.room };

	for (size_t i = 0; i < 3; i++)
		if (!texts[i] != !said[i] || (said[i] && strcmp(texts[i], said[i]) != 0))
			return false;
	return row_integer(row, 1) == record->entry.intent && row_integer(row, 3) == record->wall && row_integer(row, 0) == record->seq;
}

static bool
fits(struct arena *arena, const struct row *row, int64_t expected, unsigned char h[AUDIT_HASH], struct audit_verdict *verdict)
{
	struct audit_record record;
	unsigned char computed[AUDIT_HASH];
	size_t length, h_length;
	int64_t seq = row_integer(row, 0);
	const void *bytes = row_bytes(row, 6, &length), *stored = row_bytes(row, 7, &h_length);

	if (seq != expected)
		return bad(verdict, expected, 0, "is not there");
	chain(h, bytes, length, computed);
	if (h_length != AUDIT_HASH || CRYPTO_memcmp(computed, stored, AUDIT_HASH) != 0)
		return bad(verdict, seq, row_integer(row, 3), "was changed after it was written, or one before it was");
	if (!read_record(arena, bytes, length, &record) || !columns_fit(row, &record))
		return bad(verdict, seq, row_integer(row, 3), "was changed after it was written");
	memcpy(h, computed, AUDIT_HASH);
	return true;
}

bool
audit_verify(struct db *db, struct audit_verdict *verdict, struct error *error)
{
	struct row row;
	unsigned char h[AUDIT_HASH] = { 0 };
	bool going = true;

	*verdict = (struct audit_verdict){ .whole = true };
	db_query(db, &row, "SELECT seq, ifnull(intent, 0), what, wall, person, room, record, h FROM audit ORDER BY seq", "");
	while (going && row_next(&row)) {
		struct arena *arena = arena_new();
		going = fits(arena, &row, verdict->records + 1, h, verdict);
		verdict->records += going;
		arena_free(arena);
	}
	return row_end(&row, error);
}
