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

enum { RECORD_MOST = 64 * 1024 };

static const char *const schema[] = {
	"CREATE TABLE audit(seq INTEGER PRIMARY KEY, intent INTEGER, what TEXT NOT NULL, wall INTEGER NOT NULL, person TEXT, room TEXT,"
	"  record BLOB NOT NULL, h BLOB NOT NULL CHECK(length(h)=32)) STRICT;"
	"CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;"
	"CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;",

	/* The two ends of what is kept: the last record that was archived, and the newest. Only what was archived may be deleted. */
	"CREATE TABLE audit_chain(one INTEGER PRIMARY KEY CHECK(one=1), archived INTEGER NOT NULL, archived_h BLOB NOT NULL CHECK(length(archived_h)=32),"
	"  newest INTEGER NOT NULL, newest_h BLOB NOT NULL CHECK(length(newest_h)=32)) STRICT;"
	"INSERT INTO audit_chain SELECT 1, 0, zeroblob(32), ifnull(max(seq), 0), ifnull((SELECT h FROM audit ORDER BY seq DESC LIMIT 1), zeroblob(32)) FROM audit;"
	"CREATE TRIGGER chain_forward BEFORE UPDATE ON audit_chain WHEN NEW.archived<OLD.archived OR NEW.newest<OLD.newest"
	"  BEGIN SELECT RAISE(ABORT, 'the audit only moves forward'); END;"
	"CREATE TRIGGER chain_stay BEFORE DELETE ON audit_chain BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;"
	"DROP TRIGGER audit_stay;"
	"CREATE TRIGGER audit_stay BEFORE DELETE ON audit WHEN OLD.seq>(SELECT archived FROM audit_chain)"
	"  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;",
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

void
audit_texts(const struct audit_entry *entry, const char *out[AUDIT_TEXTS])
{
	const char *texts[AUDIT_TEXTS] = { entry->what, entry->person, entry->account, entry->proof, entry->room, entry->place, entry->command,
		entry->decision, entry->rule, entry->result };

	memcpy(out, texts, sizeof texts);
}

struct text
audit_record_bytes(struct arena *arena, const struct audit_record *record)
{
	struct text text = text_in(arena, RECORD_MOST);
	const char *texts[AUDIT_TEXTS];

	add_number(&text, record->seq);
	add_number(&text, record->wall);
	add_number(&text, record->mono);
	add_number(&text, record->boot);
	add_number(&text, record->entry.intent);
	audit_texts(&record->entry, texts);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
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
	const char **texts[AUDIT_TEXTS] = { &entry->what, &entry->person, &entry->account, &entry->proof, &entry->room, &entry->place, &entry->command,
		&entry->decision, &entry->rule, &entry->result };
	size_t ignored;

	*record = (struct audit_record){ .seq = read_number(&reading), 0 };
	record->wall = read_number(&reading);
	record->mono = read_number(&reading);
	record->boot = read_number(&reading);
	entry->intent = read_number(&reading);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		*texts[i] = read_field(&reading, &ignored);
	entry->args_hash = read_field(&reading, &entry->args_hash_size);
	return reading.fine && !reading.left;
}

void
audit_hash(const unsigned char before[AUDIT_HASH], const void *record, size_t length, unsigned char out[AUDIT_HASH])
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

/* The two ends of what is kept. A store of the first version has archived nothing, and does not say which record is the newest. */
struct ends {
	int64_t archived, newest;       /* newest -1: it is not said */
	unsigned char archived_h[AUDIT_HASH], newest_h[AUDIT_HASH];
};

static void
row_hash(const struct row *row, int column, unsigned char h[AUDIT_HASH])
{
	size_t length;
	const void *bytes = row_bytes(row, column, &length);

	memset(h, 0, AUDIT_HASH);
	if (length == AUDIT_HASH)
		memcpy(h, bytes, AUDIT_HASH);
}

static bool
read_ends(struct db *db, struct ends *ends, struct error *error)
{
	struct row row;

	*ends = (struct ends){ .newest = -1 };
	if (db_version(db, audit_tables.name) < 2)
		return true;
	ends->newest = 0;
	db_query(db, &row, "SELECT archived, archived_h, newest, newest_h FROM audit_chain", "");
	if (row_next(&row)) {
		ends->archived = row_integer(&row, 0);
		row_hash(&row, 1, ends->archived_h);
		ends->newest = row_integer(&row, 2);
		row_hash(&row, 3, ends->newest_h);
	}
	return row_end(&row, error);
}

/* Read each time: a work that was rolled back leaves nothing behind that could be wrong. */
static bool
newest(struct db *db, int64_t *seq, unsigned char h[AUDIT_HASH], struct error *error)
{
	struct ends ends;

	if (!read_ends(db, &ends, error))
		return false;
	*seq = ends.newest < 0 ? 0 : ends.newest;
	memcpy(h, ends.newest_h, AUDIT_HASH);
	return true;
}

bool
audit_write(struct db *db, const struct audit_entry *entry, struct error *error)
{
	struct arena *arena = arena_new();
	struct audit_record record = { .wall = clock_wall(), .mono = clock_mono(), .boot = db_boot(db), .entry = *entry };
	unsigned char h[AUDIT_HASH];

	bool fine = newest(db, &record.seq, h, error);
	record.seq++;
	struct text text = audit_record_bytes(arena, &record);
	if (fine && text.cut)
		fine = error_set(error, "A record of the audit has more than 64 KiB: it was not written.");
	audit_hash(h, text.bytes, text.length, h);
	fine = fine && db_run(db, error, "INSERT INTO audit(seq, intent, what, wall, person, room, record, h) VALUES(?,nullif(?,0),?,?,?,?,?,?)",
		"iitittbb", record.seq, entry->intent, entry->what, record.wall, entry->person, entry->room,
		(const void *)text.bytes, text.length, (const void *)h, sizeof h)
		&& db_run(db, error, "UPDATE audit_chain SET newest=?, newest_h=?", "ib", record.seq, (const void *)h, sizeof h);
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

bool
audit_bad(struct audit_verdict *verdict, int64_t seq, int64_t wall, const char *reason)
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

struct walk {
	struct ends ends;
	bool attested;                  /* a record says that what is not here any more was archived */
	int64_t seq;                    /* of the last that fitted */
	unsigned char h[AUDIT_HASH];
	audit_each *each;
	void *with;
};

static bool
fits(struct arena *arena, const struct row *row, struct walk *walk, struct audit_verdict *verdict)
{
	struct audit_record record;
	unsigned char computed[AUDIT_HASH];
	size_t length, h_length;
	int64_t seq = row_integer(row, 0);
	const void *bytes = row_bytes(row, 6, &length), *stored = row_bytes(row, 7, &h_length);

	if (seq != walk->seq + 1)
		return audit_bad(verdict, walk->seq + 1, 0, "is not there");
	audit_hash(walk->h, bytes, length, computed);
	if (h_length != AUDIT_HASH || CRYPTO_memcmp(computed, stored, AUDIT_HASH) != 0)
		return audit_bad(verdict, seq, row_integer(row, 3), "was changed after it was written, or one before it was");
	if (!read_record(arena, bytes, length, &record) || !columns_fit(row, &record))
		return audit_bad(verdict, seq, row_integer(row, 3), "was changed after it was written");
	const struct audit_entry *entry = &record.entry;
	walk->attested = walk->attested || (entry->what && !strcmp(entry->what, AUDIT_ARCHIVED) && entry->args_hash_size == AUDIT_HASH
		&& !memcmp(entry->args_hash, walk->ends.archived_h, AUDIT_HASH));
	walk->seq = seq;
	memcpy(walk->h, computed, AUDIT_HASH);
	return !walk->each || walk->each(&record, computed, walk->with);
}

/* Whoever takes records away takes them from an end. */
static void
check_ends(const struct walk *walk, struct audit_verdict *verdict)
{
	const struct ends *ends = &walk->ends;

	if (ends->archived && !walk->attested)
		audit_bad(verdict, ends->archived, 0, "was taken away, and no record says that it was archived");
	else if (ends->newest < 0)
		return;
	else if (walk->seq < ends->newest)
		audit_bad(verdict, walk->seq + 1, 0, "is not there");
	else if (walk->seq > ends->newest)
		audit_bad(verdict, ends->newest + 1, 0, "was added by somebody else");
	else if (CRYPTO_memcmp(walk->h, ends->newest_h, AUDIT_HASH) != 0)
		audit_bad(verdict, walk->seq, 0, "was changed after it was written");
}

bool
audit_walk(struct db *db, int64_t last, audit_each *each, void *with, struct audit_verdict *verdict, struct error *error)
{
	struct row row;
	struct walk walk = { .each = each, .with = with };
	bool going = true;

	*verdict = (struct audit_verdict){ .whole = true };
	if (!read_ends(db, &walk.ends, error))
		return false;
	verdict->first = walk.ends.archived + 1;
	walk.seq = walk.ends.archived;
	memcpy(walk.h, walk.ends.archived_h, AUDIT_HASH);
	db_query(db, &row, "SELECT seq, ifnull(intent, 0), what, wall, person, room, record, h FROM audit ORDER BY seq", "");
	while (going && row_next(&row)) {
		struct arena *arena = arena_new();
		if (last && row_integer(&row, 0) > last)
			walk.each = NULL;
		going = fits(arena, &row, &walk, verdict);
		verdict->records += going;
		arena_free(arena);
	}
	if (going)
		check_ends(&walk, verdict);
	return row_end(&row, error);
}

bool
audit_verify(struct db *db, struct audit_verdict *verdict, struct error *error)
{
	return audit_walk(db, 0, NULL, NULL, verdict, error);
}

/* Archiving. */

bool
audit_range(struct db *db, int64_t before, struct audit_range *range, struct error *error)
{
	struct row row;
	struct ends ends;

	*range = (struct audit_range){ 0 };
	if (!read_ends(db, &ends, error))
		return false;
	range->first = ends.archived + 1;
	memcpy(range->before, ends.archived_h, AUDIT_HASH);
	memcpy(range->hash, ends.archived_h, AUDIT_HASH);
	range->last = ends.archived;
	/* A clock that was set back must not let a record go before one that is older by the order of the chain. */
	db_query(db, &row, "SELECT seq, h FROM audit WHERE ?1=0 OR seq<ifnull((SELECT min(seq) FROM audit WHERE wall>=?1), seq+1) ORDER BY seq DESC LIMIT 1",
		"i", before);
	if (row_next(&row)) {
		range->last = row_integer(&row, 0);
		row_hash(&row, 1, range->hash);
	}
	return row_end(&row, error);
}

bool
audit_holds(struct db *db, int64_t seq, const unsigned char hash[AUDIT_HASH], struct error *error)
{
	struct row row;
	unsigned char h[AUDIT_HASH];
	bool found = false;

	db_query(db, &row, "SELECT h FROM audit WHERE seq=?", "i", seq);
	if (row_next(&row)) {
		row_hash(&row, 0, h);
		found = !memcmp(h, hash, AUDIT_HASH);
	}
	if (!row_end(&row, error))
		return false;
	return found || error_set(error, "Record %lld of the store is not the one that was archived: nothing was taken away.", (long long)seq);
}

bool
audit_archive(struct db *db, const struct audit_range *range, const char *sum, const char *by, struct arena *arena, struct error *error)
{
	struct audit_entry entry = { .what = AUDIT_ARCHIVED, .account = by, .args_hash = range->hash, .args_hash_size = AUDIT_HASH,
		.result = arena_printf(arena, "records %lld to %lld (%lld) are in a file with the SHA-256 %s", (long long)range->first,
			(long long)range->last, (long long)(range->last - range->first + 1), sum) };
	struct ends ends;

	if (!read_ends(db, &ends, error))
		return false;
	if (range->first != ends.archived + 1 || range->last < range->first)
		return error_set(error, "The store begins with record %lld, not %lld: nothing was taken away.", (long long)ends.archived + 1,
			(long long)range->first);
	return audit_holds(db, range->last, range->hash, error)
	    && db_run(db, error, "UPDATE audit_chain SET archived=?, archived_h=?", "ib", range->last, (const void *)range->hash, (size_t)AUDIT_HASH)
	    && db_run(db, error, "DELETE FROM audit WHERE seq<=?", "i", range->last)
	    && audit_write(db, &entry, error);
}
