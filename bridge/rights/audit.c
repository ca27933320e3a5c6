/* audit: append-only records, each hashed together with the one before. */
#include "bridge/rights/audit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/proof.h"
#include "bridge/run/store.h"

enum { RECORD_MOST = 64 * 1024, SALT = 32, INTENTS_MOST = 64 };

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

	"CREATE TABLE audit_salt(one INTEGER PRIMARY KEY CHECK(one=1), salt BLOB NOT NULL CHECK(length(salt)=32)) STRICT;",
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

struct audit_entry
audit_copy(struct arena *arena, const struct audit_entry *entry)
{
	struct audit_entry copy = *entry;
	const char **texts[] = { &copy.what, &copy.person, &copy.account, &copy.proof, &copy.room, &copy.place, &copy.command, &copy.decision, &copy.rule,
		&copy.result, &copy.instance, &copy.args };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = arena_text(arena, *texts[i]);
	copy.args_hash = NULL;
	copy.args_hash_size = 0;
	return copy;
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
	if (!record->early)
		add_field(&text, record->entry.instance, record->entry.instance ? strlen(record->entry.instance) : 0);
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

bool
audit_record_read(struct arena *arena, const void *bytes, size_t length, struct audit_record *record)
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
	record->early = !reading.left;
	if (!record->early)
		entry->instance = read_field(&reading, &ignored);
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

/* Drawn when it is first needed. */
static bool
read_salt(struct db *db, unsigned char salt[SALT], struct error *error)
{
	struct row row;
	size_t length = 0;

	db_query(db, &row, "SELECT salt FROM audit_salt", "");
	if (row_next(&row)) {
		const void *bytes = row_bytes(&row, 0, &length);
		if (length == SALT)
			memcpy(salt, bytes, SALT);
	}
	if (!row_end(&row, error))
		return false;
	if (length == SALT)
		return true;
	if (RAND_bytes(salt, SALT) != 1)
		return error_set(error, "The system gives no random numbers.");
	return db_run(db, error, "INSERT INTO audit_salt(one, salt) VALUES(1,?)", "b", (const void *)salt, (size_t)SALT);
}

static bool
hash_args(struct db *db, struct audit_entry *entry, unsigned char out[AUDIT_HASH], struct error *error)
{
	unsigned char salt[SALT];

	if (!entry->args)
		return true;
	if (!read_salt(db, salt, error))
		return false;
	if (!HMAC(EVP_sha256(), salt, SALT, (const unsigned char *)entry->args, strlen(entry->args), out, NULL))
		abort();
	entry->args_hash = out;
	entry->args_hash_size = AUDIT_HASH;
	return true;
}

bool
audit_write(struct db *db, const struct audit_entry *entry, struct error *error)
{
	struct arena *arena = arena_new();
	struct audit_record record = { .wall = clock_wall(), .mono = clock_mono(), .boot = db_boot(db), .entry = *entry };
	unsigned char h[AUDIT_HASH], args_hash[AUDIT_HASH];

	bool fine = newest(db, &record.seq, h, error) && hash_args(db, &record.entry, args_hash, error);
	record.seq++;
	struct text text = audit_record_bytes(arena, &record);
	if (fine && text.cut)
		fine = error_set(error, "A record of the audit has more than 64 KiB: it was not written.");
	audit_hash(h, text.bytes, text.length, h);
	fine = fine && db_run(db, error, "INSERT INTO audit(seq, intent, what, wall, person, room, record, h) VALUES(?,nullif(?,0),?,?,?,?,?,?)",
		"iitittbb", record.seq, entry->intent, entry->what, record.wall, entry->person, entry->room,
		(const void *)text.bytes, text.length, (const void *)h, sizeof h)
		&& db_run(db, error, "UPDATE audit_chain SET newest=?, newest_h=?", "ib", record.seq, (const void *)h, sizeof h)
		&& checkpoint_after(db, record.seq, h, false, error);
	arena_free(arena);
	return fine;
}

bool
audit_sign(struct db *db, struct error *error)
{
	unsigned char h[AUDIT_HASH];
	int64_t seq;

	return newest(db, &seq, h, error) && (!seq || checkpoint_after(db, seq, h, true, error));
}

/* The key that signed last is another than the one that signs from now on: a record says so, signed by both where both are there. */
bool
audit_rekey(struct db *db, struct arena *arena, struct error *error)
{
	const struct checkpoint_signer *signer = db_lent(db);
	const struct signing_public *key = signing_public_of(signer->key);
	struct checkpoint last;
	unsigned char h[AUDIT_HASH];
	int64_t seq;
	bool found;

	if (!checkpoint_newest(db, &last, &found, error) || !found || !strcmp(last.key, key->id))
		return !found || !strcmp(last.key, key->id);
	bool vouched = signer->old && !strcmp(signing_public_of(signer->old)->id, last.key);
	struct audit_entry entry = { .what = AUDIT_REKEYED, .args_hash = key->bytes, .args_hash_size = SIGNING_PUBLIC,
		.result = arena_printf(arena, "the key %s signs from here on, no longer %s, %s", key->id, last.key,
			vouched ? "which signed this too" : "which was not there to sign this") };
	return audit_write(db, &entry, error) && newest(db, &seq, h, error) && checkpoint_both(db, seq, h, error);
}

/* Reading. */

const char *
audit_result(const struct audit_entry *entry)
{
	static const char *const ends[] = { "done", "failed", "unknown" };
	const char *what = entry->what ? entry->what : "", *result = entry->result ? entry->result : "";

	if (!strcmp(what, "refused") || (entry->decision && !strncmp(entry->decision, "refused", 7)))
		return "refused";
	if (!strcmp(what, "asked") || !strcmp(what, "answered"))
		return "allowed";
	/* B31 done: what was said of it */
	size_t length = strcspn(result, ":");
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t size = strlen(ends[i]);
		if (length >= size && !strncmp(result + length - size, ends[i], size) && (length == size || result[length - size - 1] == ' '))
			return ends[i];
	}
	return what;
}

/* An early record does not say the service, but the command begins with it. */
static bool
of_instance(const struct audit_record *record, const char *instance)
{
	const struct audit_entry *entry = &record->entry;
	size_t length = strlen(instance);

	if (entry->instance)
		return !strcmp(entry->instance, instance);
	return record->early && entry->command && !strncmp(entry->command, instance, length) && entry->command[length] == ' ';
}

static bool
has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; at && *at; at += strspn(at, " :")) {
		size_t size = strcspn(at, " :");
		if (size == length && !strncasecmp(at, word, length))
			return true;
		at += size;
	}
	return false;
}

/* What was asked of it comes last, as the newest come first: by then its intent is known. */
struct listed {
	const struct audit_filter *filter;
	int64_t count, intents[INTENTS_MOST];
	size_t intent_count;
};

static bool
of_id(struct listed *listed, const struct audit_entry *entry)
{
	bool told = entry->result && !strncasecmp(entry->result, listed->filter->id, strlen(listed->filter->id)) && has_word(entry->result, listed->filter->id);

	if (told && entry->intent && listed->intent_count < INTENTS_MOST)
		listed->intents[listed->intent_count++] = entry->intent;
	for (size_t i = 0; !told && entry->intent && i < listed->intent_count; i++)
		told = listed->intents[i] == entry->intent;
	return told || has_word(entry->command, listed->filter->id);
}

static bool
wanted(struct listed *listed, const struct audit_record *record)
{
	const struct audit_filter *filter = listed->filter;

	return (!filter->until || record->wall < filter->until) && (!filter->instance || of_instance(record, filter->instance))
	    && (!filter->result || !strcmp(audit_result(&record->entry), filter->result)) && (!filter->id || of_id(listed, &record->entry));
}

bool
audit_list(struct db *db, const struct audit_filter *filter, struct arena *arena, bool (*each)(const struct audit_record *, void *), void *with,
	struct error *error)
{
	struct row row;
	struct listed listed = { .filter = filter };
	unsigned char h[AUDIT_HASH];
	int64_t last = 0;
	bool going = true;

	if (filter->depth && !newest(db, &last, h, error))
		return false;
	db_query(db, &row, "SELECT record FROM audit WHERE (?1 IS NULL OR person=?1) AND (?2 IS NULL OR room=?2) AND wall>=?3 AND seq>?4 ORDER BY seq DESC",
		"ttii", filter->person, filter->room, filter->since,
		filter->depth && last - filter->depth > filter->after ? last - filter->depth : filter->after);
	while (going && row_next(&row)) {
		struct arena *turn = arena_new();
		struct audit_record record;
		size_t length;
		const void *bytes = row_bytes(&row, 0, &length);
		if (audit_record_read(turn, bytes, length, &record) && wanted(&listed, &record) && audit_record_read(arena, bytes, length, &record))
			going = each(&record, with) && ++listed.count != filter->limit;
		arena_free(turn);
	}
	return row_end(&row, error);
}

/* Verifying. */

/* The columns beside a record are for searching: they must say what it says. */
static bool
columns_fit(const struct row *row, const struct audit_record *record)
{
	const char *texts[] = { row_text(row, 2), row_text(row, 4), row_text(row, 5) };
	const char *said[] = { record->entry.what, record->entry.person, record->entry.room };

	for (size_t i = 0; i < 3; i++)
		if (!texts[i] != !said[i] || (said[i] && strcmp(texts[i], said[i]) != 0))
			return false;
	return row_integer(row, 1) == record->entry.intent && row_integer(row, 3) == record->wall;
}

struct walk {
	struct ends ends;
	bool attested;                  /* a record says that what is not here any more was archived */
	bool showing;
	const struct audit_visit *visit;
};

static void
prove_row(struct arena *arena, const struct row *row, struct walk *walk, struct audit_proof *proof)
{
	struct audit_record record;
	struct proof_item item = { .seq = row_integer(row, 0), .wall = row_integer(row, 3) };
	size_t h_length;

	item.bytes = row_bytes(row, 6, &item.length);
	item.h = row_bytes(row, 7, &h_length);
	item.h = h_length == AUDIT_HASH ? item.h : NULL;
	if (audit_record_read(arena, item.bytes, item.length, &record)) {
		const struct audit_entry *entry = &record.entry;
		item.record = &record;
		item.differs = !columns_fit(row, &record);
		walk->attested = walk->attested || (entry->what && !strcmp(entry->what, AUDIT_ARCHIVED) && entry->args_hash_size == AUDIT_HASH
			&& !memcmp(entry->args_hash, walk->ends.archived_h, AUDIT_HASH));
	}
	proof_add(proof, &item);
	const struct audit_visit *visit = walk->visit;
	walk->showing = walk->showing && proof->verdict.whole && (!visit->last || item.seq <= visit->last)
		&& visit->record(&record, item.h, visit->with);
}

/* The checkpoints of the record that was just proven. */
static void
prove_marks(struct checkpoint_rows *marks, int64_t seq, struct walk *walk, struct audit_proof *proof)
{
	for (; marks->more && marks->at.seq <= seq; checkpoint_next(marks)) {
		proof_mark(proof, &marks->at);
		walk->showing = walk->showing && proof->verdict.whole && walk->visit->mark(&marks->at, walk->visit->with);
	}
}

bool
audit_walk(struct db *db, struct audit_proof *proof, const struct audit_visit *visit, struct error *error)
{
	struct row row;
	struct checkpoint_rows marks;
	struct walk walk = { .visit = visit, .showing = visit };

	if (!read_ends(db, &walk.ends, error))
		return false;
	checkpoint_log(db, proof->log);
	proof_begin(proof, walk.ends.archived + 1, walk.ends.archived_h);
	checkpoint_rows(db, &marks, walk.ends.archived);
	db_query(db, &row, "SELECT seq, ifnull(intent, 0), what, wall, person, room, record, h FROM audit ORDER BY seq", "");
	while (row_next(&row)) {
		struct arena *arena = arena_new();
		int64_t seq = row_integer(&row, 0);
		prove_row(arena, &row, &walk, proof);
		prove_marks(&marks, seq, &walk, proof);
		arena_free(arena);
	}
	prove_marks(&marks, INT64_MAX, &walk, proof);
	if (walk.ends.archived && !walk.attested)
		proof_bad(proof, walk.ends.archived, 0, "was taken away, and no record says that it was archived");
	proof_end(proof, walk.ends.newest, walk.ends.newest_h);
	return row_end(&row, error) && checkpoint_rows_end(&marks, error);
}

bool
audit_verify(struct db *db, struct audit_verdict *verdict, struct error *error)
{
	struct audit_proof proof = { .key_count = 0 };
	bool fine = audit_walk(db, &proof, NULL, error);

	*verdict = proof.verdict;
	return fine;
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
	    && db_run(db, error, "DELETE FROM audit WHERE seq<=?", "i", range->last) && checkpoint_archived(db, range->last, error)
	    && audit_write(db, &entry, error);
}
