/* Archives: what left the store can be checked alone, joins what stays, and whatever was done to either is found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/rights/audit_file.h"
#include "bridge/run/store.h"

enum { RECORDS = 60, ARCHIVED = 40, FILE_MOST = 1 << 20 };

static const struct tables *const all_tables[] = { &audit_tables, NULL };

struct fixture {
	char folder[64];
	struct arena *arena;
	struct audit_range range;
	char *text;                     /* the archive, as it was written */
	size_t length;
};

/* Runs with the store open like a gateway's; false with the sentence in `error`. */
static bool
in_store(struct fixture *fixture, work_fn *run, void *with, struct error *error)
{
	enum store_open_error why;

	return store_write(fixture->folder, all_tables, run, with, fixture->arena, &why, error);
}

static bool
fill(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	for (int i = 0; i < RECORDS; i++) {
		struct audit_entry entry = { .what = i % 3 ? "answered" : "asked", .person = "alice", .account = i % 5 ? "corp/alice" : "corp/\xff\xfe",
			.room = i % 2 ? "ops" : NULL, .command = arena_printf(arena, "ci build \"web\\\" \xc3\xa4 number=%d", i), .intent = i,
			.args_hash = i % 4 ? NULL : "\x00\x01\xff", .args_hash_size = i % 4 ? 0 : 3 };
		if (!audit_write(db, &entry, error))
			return false;
	}
	return true;
}

static bool
write_file(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct fixture *fixture = with;
	struct audit_verdict verdict;
	FILE *file = open_memstream(&fixture->text, &fixture->length);

	(void)arena;
	if (!audit_range(db, 0, &fixture->range, error))
		return false;
	/* The first forty, as if the others were younger. */
	fixture->range.last = ARCHIVED;
	struct row row;
	size_t length;
	db_query(db, &row, "SELECT h FROM audit WHERE seq=?", "i", (int64_t)ARCHIVED);
	assert_true(row_next(&row));
	memcpy(fixture->range.hash, row_bytes(&row, 0, &length), AUDIT_HASH);
	row_end(&row, NULL);
	bool fine = audit_file_write(file, db, &fixture->range, &verdict, error) && verdict.whole;
	fclose(file);
	return fine;
}

static int
make(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);
	struct error error = { "" };

	snprintf(fixture->folder, sizeof fixture->folder, "/tmp/test-archive-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->arena = arena_new();
	assert_true(in_store(fixture, fill, NULL, &error));
	assert_true(in_store(fixture, write_file, fixture, &error));
	*state = fixture;
	return 0;
}

static int
unmake(void **state)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock" };
	struct fixture *fixture = *state;
	char path[128];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", fixture->folder, names[i]);
		unlink(path);
	}
	rmdir(fixture->folder);
	arena_free(fixture->arena);
	free(fixture->text);
	free(fixture);
	return 0;
}

/* The file. */

static bool
verify_text(const char *text, size_t length, struct audit_verdict *verdict, char sum[AUDIT_HEX_SIZE])
{
	FILE *file = fmemopen((void *)(uintptr_t)text, length, "r");
	struct audit_proof proof = { .key_count = 0 };
	struct audit_range range;
	struct error error;
	bool fine = audit_file_verify(file, &proof, &range, sum, &error);

	*verdict = proof.verdict;
	fclose(file);
	return fine;
}

static void
test_a_file_is_good_alone(void **state)
{
	struct fixture *fixture = *state;
	struct audit_verdict verdict;
	char sum[AUDIT_HEX_SIZE];

	assert_true(verify_text(fixture->text, fixture->length, &verdict, sum));
	assert_true(verdict.whole);
	assert_int_equal(verdict.records, ARCHIVED);
	assert_int_equal(strlen(sum), 64);
}

/* Each byte of the file, in turn, becomes another. */
static void
test_every_changed_byte_of_a_file_is_found_at_its_record(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_copy(fixture->arena, fixture->text, fixture->length), sum[AUDIT_HEX_SIZE];
	int64_t record = 0;

	for (size_t at = 0; at < fixture->length; at++) {
		struct audit_verdict verdict = { 0 };
		char was = text[at];
		/* All bytes of the first and last records, some of the others. */
		if (was == '\n')
			record++;
		else if (record > 2 && record < ARCHIVED && at % 37)
			continue;
		text[at] = was == '7' ? '8' : '7';
		if (verify_text(text, fixture->length, &verdict, sum)) {
			int64_t expected = was == '\n' && record ? record : record + (record == 0);
			if (verdict.whole)
				fail_msg("byte %zu of record %lld", at, (long long)record);
			/* A line end that is gone makes one line of two; the first line speaks of the first and the last. */
			if (record && was != '\n')
				assert_int_equal(verdict.bad, expected);
		} else
			assert_true(record <= 1);
		text[at] = was;
	}
}

static const char *
line_at(const struct fixture *fixture, int64_t number, size_t *length)
{
	const char *line = fixture->text;

	for (; number; number--)
		line = strchr(line, '\n') + 1;
	*length = (size_t)(strchr(line, '\n') + 1 - line);
	return line;
}

enum deed { DROP, DOUBLE, SWAP, CUT, EMPTY };

/* The file with something done to the record in that line. */
static char *
spoil(struct fixture *fixture, int64_t number, enum deed deed, size_t *length)
{
	size_t size, next_size = 0;
	const char *line = line_at(fixture, number, &size);
	const char *next = number < ARCHIVED ? line_at(fixture, number + 1, &next_size) : NULL;
	size_t before = (size_t)(line - fixture->text), after = fixture->length - before - size;
	char *out = arena_take(fixture->arena, fixture->length + size + 1), *at = out + before;

	memcpy(out, fixture->text, before);
	if (deed == DOUBLE)
		at = mempcpy(mempcpy(at, line, size), line, size);
	if (deed == SWAP && next) {
		at = mempcpy(mempcpy(at, next, next_size), line, size);
		after -= next_size;
		size += next_size;
	}
	if (deed == EMPTY)
		*at++ = '\n';
	if (deed != CUT)
		at = mempcpy(at, line + size, after);
	*length = (size_t)(at - out);
	return out;
}

static void
test_every_record_dropped_doubled_swapped_or_cut_is_found(void **state)
{
	struct fixture *fixture = *state;
	char sum[AUDIT_HEX_SIZE];

	for (int64_t number = 1; number <= ARCHIVED; number++)
		for (enum deed deed = DROP; deed <= EMPTY; deed++) {
			struct audit_verdict verdict;
			size_t length;
			if (deed == SWAP && number == ARCHIVED)
				continue;
			char *text = spoil(fixture, number, deed, &length);
			assert_true(verify_text(text, length, &verdict, sum));
			int64_t expected = deed == DOUBLE ? number + 1 : number;
			if (verdict.whole || verdict.bad != expected)
				fail_msg("deed %d at %lld: found %lld", (int)deed, (long long)number, (long long)verdict.bad);
		}
}

static void
test_what_is_no_archive_is_refused(void **state)
{
	static const char *const texts[] = { "x", "\n", "{}\n", "[]\n", "null\n", "{\"audit\":2,\"first\":1,\"last\":0,\"before\":\"\",\"hash\":\"\"}\n",
		"{\"audit\":1,\"first\":1,\"last\":9223372036854775807,\"before\":\"00\",\"hash\":\"00\"}\n" };
	struct audit_verdict verdict;
	char sum[AUDIT_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(verify_text(texts[i], strlen(texts[i]), &verdict, sum));
}

/* The archive with `to` in place of the first `from` of a line; NULL where that line has none. */
static char *
with_line(struct fixture *fixture, int64_t number, const char *from, const char *to)
{
	size_t size;
	const char *line = line_at(fixture, number, &size), *at = strstr(line, from);

	if (!at || at >= line + size)
		return NULL;
	return arena_printf(fixture->arena, "%.*s%s%s", (int)(at - fixture->text), fixture->text, to, at + strlen(from));
}

static void
test_what_is_no_record_is_said(void **state)
{
	static const struct { const char *from, *to; } deeds[] = {
		{ "\"seq\":5", "\"seq\":\"5\"" }, { "\"intent\":4", "\"intent\":true" }, { "\"person\":\"alice\"", "\"person\":7" }, { "{\"seq\"", "{\"x\":0,\"seq\"" },
		{ "\"person\":\"alice\",", "" }, { "\"instance\":null", "\"instance\":7" }, { "\"args_hash\":\"", "\"args_hash\":\"z" }, { "\"h\":\"", "\"h\":\"z" },
	};
	struct fixture *fixture = *state;
	char sum[AUDIT_HEX_SIZE];

	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		struct audit_verdict verdict;
		const char *text = with_line(fixture, 5, deeds[i].from, deeds[i].to);
		assert_non_null(text);
		assert_true(verify_text(text, strlen(text), &verdict, sum));
		assert_int_equal(verdict.bad, 5);
		assert_string_equal(verdict.reason, "cannot be read as it was written");
	}
}

static void
test_an_archive_of_the_first_form_is_read(void **state)
{
	struct fixture *fixture = *state;
	const char *text = with_line(fixture, 0, "\"audit\":2", "\"audit\":1");
	struct audit_verdict verdict;
	char sum[AUDIT_HEX_SIZE];

	assert_true(verify_text(text, strlen(text), &verdict, sum));
	assert_true(verdict.whole);
	text = with_line(fixture, 0, "\"audit\":2", "\"audit\":3");
	assert_false(verify_text(text, strlen(text), &verdict, sum));
}

static void
test_an_archive_of_nothing_is_one(void **state)
{
	static const struct { int first, last; bool good; } ends[] = { { 1, 0, true }, { 1, -1, false }, { 0, -1, false }, { 0, 0, false }, { 8, 7, true } };
	struct fixture *fixture = *state;
	struct audit_verdict verdict;
	char sum[AUDIT_HEX_SIZE], zeros[AUDIT_HEX_SIZE];

	memset(zeros, '0', sizeof zeros - 1);
	zeros[sizeof zeros - 1] = '\0';
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const char *text = arena_printf(fixture->arena, "{\"audit\":2,\"first\":%d,\"last\":%d,\"before\":\"%s\",\"hash\":\"%s\"}\n", ends[i].first, ends[i].last,
			zeros, zeros);
		assert_int_equal(verify_text(text, strlen(text), &verdict, sum) && verdict.whole, ends[i].good);
	}
}

static void
test_a_checkpoint_that_cannot_be_read_is_said(void **state)
{
	static const char *const marks[] = { "{\"checkpoint\":\"x\"}\n{", "{\"checkpoint\":7}\n{" };
	struct fixture *fixture = *state;
	char sum[AUDIT_HEX_SIZE];

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		struct audit_verdict verdict;
		const char *text = with_line(fixture, 6, "{", marks[i]);
		assert_true(verify_text(text, strlen(text), &verdict, sum));
		assert_int_equal(verdict.bad, 5);
		assert_string_equal(verdict.reason, "has a checkpoint that cannot be read");
		assert_int_equal(verdict.others, 0);
	}
}

static bool
write_to_full(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct audit_verdict verdict;
	const struct fixture *fixture = with;
	FILE *file = fopen("/dev/full", "we");
	bool fine = audit_file_write(file, db, &fixture->range, &verdict, error);

	(void)arena;
	fclose(file);
	return fine;
}

static void
test_a_full_disk_makes_no_archive(void **state)
{
	struct fixture *fixture = *state;
	struct error error = { "" };

	assert_false(in_store(fixture, write_to_full, fixture, &error));
	assert_non_null(strstr(error.text, "could not be written"));
}

/* The store it came from. */

static bool
take_out(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct fixture *fixture = with;

	return audit_archive(db, &fixture->range, "a sum", "unix/root", arena, error);
}

static bool
verify(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return audit_verify(db, with, error);
}

static struct audit_verdict
verdict_of(struct fixture *fixture)
{
	struct audit_verdict verdict;
	struct error error;

	assert_true(store_read(fixture->folder, verify, &verdict, fixture->arena, &error));
	return verdict;
}

static void
test_what_stays_fits_what_was_archived(void **state)
{
	struct fixture *fixture = *state;
	struct error error;

	assert_true(in_store(fixture, take_out, fixture, &error));
	struct audit_verdict verdict = verdict_of(fixture);
	assert_true(verdict.whole);
	assert_int_equal(verdict.first, ARCHIVED + 1);
	assert_int_equal(verdict.records, RECORDS - ARCHIVED + 1);
}

static bool
take_out_all(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct audit_range *range = with;

	return audit_range(db, 0, range, error) && audit_archive(db, range, "a sum", "unix/root", arena, error);
}

/* What is left is the record that says so, and that can be taken out by itself. */
static void
test_a_single_record_is_taken_out_too(void **state)
{
	struct fixture *fixture = *state;
	struct audit_range range;
	struct error error;

	assert_true(in_store(fixture, take_out_all, &range, &error));
	assert_true(in_store(fixture, take_out_all, &range, &error));
	assert_int_equal(range.first, range.last);
	struct audit_verdict verdict = verdict_of(fixture);
	assert_true(verdict.whole);
	assert_int_equal(verdict.records, 1);
	assert_int_equal(verdict.first, RECORDS + 2);
}

static void
test_nothing_is_taken_out_that_is_not_what_was_archived(void **state)
{
	struct fixture *fixture = *state;
	struct error error;

	fixture->range.hash[0] ^= 1;
	assert_false(in_store(fixture, take_out, fixture, &error));
	assert_non_null(strstr(error.text, "nothing was taken away"));
	fixture->range.hash[0] ^= 1;
	fixture->range.first = 2;
	assert_false(in_store(fixture, take_out, fixture, &error));
	assert_int_equal(verdict_of(fixture).records, RECORDS);
}

static void
test_it_cannot_be_taken_out_twice(void **state)
{
	struct fixture *fixture = *state;
	struct error error;

	assert_true(in_store(fixture, take_out, fixture, &error));
	assert_false(in_store(fixture, take_out, fixture, &error));
	assert_int_equal(verdict_of(fixture).records, RECORDS - ARCHIVED + 1);
}

static void
tamper(struct fixture *fixture, const char *sql)
{
	char path[128], *why = NULL;
	sqlite3 *connection;

	snprintf(path, sizeof path, "%s/sallyport.db", fixture->folder);
	assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
	assert_int_equal(sqlite3_exec(connection, "DROP TRIGGER audit_keep; DROP TRIGGER audit_stay; DROP TRIGGER chain_forward; DROP TRIGGER chain_stay",
		NULL, NULL, &why), SQLITE_OK);
	if (sqlite3_exec(connection, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(connection);
}

/* The archive's own record is 61. */
static void
test_whoever_takes_records_off_an_end_is_found(void **state)
{
	static const struct { const char *sql; bool archived; int64_t bad; } deeds[] = {
		{ "DELETE FROM audit WHERE seq=60", false, 60 },
		{ "DELETE FROM audit WHERE seq>50", false, 51 },
		{ "DELETE FROM audit", false, 1 },
		{ "DELETE FROM audit WHERE seq<10", false, 1 },
		{ "DELETE FROM audit WHERE seq<10; UPDATE audit_chain SET archived=9, archived_h=(SELECT h FROM audit WHERE seq=10)", false, 10 },
		{ "UPDATE audit_chain SET archived=9, archived_h=(SELECT h FROM audit WHERE seq=9); DELETE FROM audit WHERE seq<10", false, 9 },
		{ "UPDATE audit_chain SET newest=59", false, 60 },
		{ "UPDATE audit_chain SET newest_h=zeroblob(32)", false, 60 },
		{ "DELETE FROM audit_chain", false, 1 },
		{ "DELETE FROM audit WHERE seq=41", true, 41 },
		{ "UPDATE audit_chain SET archived=45, archived_h=(SELECT h FROM audit WHERE seq=45); DELETE FROM audit WHERE seq<=45", true, 45 },
		{ "DELETE FROM audit WHERE seq=61", true, 40 },
		{ "DELETE FROM audit WHERE seq=61; UPDATE audit_chain SET newest=60, newest_h=(SELECT h FROM audit WHERE seq=60)", true, 40 },
		{ "UPDATE audit_chain SET archived=0, archived_h=zeroblob(32)", true, 1 },
	};
	struct error error;

	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		assert_int_equal(make(state), 0);
		if (deeds[i].archived)
			assert_true(in_store(*state, take_out, *state, &error));
		tamper(*state, deeds[i].sql);
		struct audit_verdict verdict = verdict_of(*state);
		if (verdict.whole || verdict.bad != deeds[i].bad)
			fail_msg("%s: found %lld: %s", deeds[i].sql, (long long)verdict.bad, verdict.reason);
		unmake(state);
	}
	*state = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_file_is_good_alone, make, unmake),
		cmocka_unit_test_setup_teardown(test_every_changed_byte_of_a_file_is_found_at_its_record, make, unmake),
		cmocka_unit_test_setup_teardown(test_every_record_dropped_doubled_swapped_or_cut_is_found, make, unmake),
		cmocka_unit_test(test_what_is_no_archive_is_refused),
		cmocka_unit_test_setup_teardown(test_what_is_no_record_is_said, make, unmake),
		cmocka_unit_test_setup_teardown(test_an_archive_of_the_first_form_is_read, make, unmake),
		cmocka_unit_test_setup_teardown(test_an_archive_of_nothing_is_one, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_checkpoint_that_cannot_be_read_is_said, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_full_disk_makes_no_archive, make, unmake),
		cmocka_unit_test_setup_teardown(test_what_stays_fits_what_was_archived, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_single_record_is_taken_out_too, make, unmake),
		cmocka_unit_test_setup_teardown(test_nothing_is_taken_out_that_is_not_what_was_archived, make, unmake),
		cmocka_unit_test_setup_teardown(test_it_cannot_be_taken_out_twice, make, unmake),
		cmocka_unit_test(test_whoever_takes_records_off_an_end_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
