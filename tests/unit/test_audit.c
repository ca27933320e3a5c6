/* The audit: every record fits the one before, and whatever was done to one of them is found and named. */
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/store_db.h"
#include "bridge/run/task.h"

enum { RECORDS = 60 };

static const struct tables *const all_tables[] = { &audit_tables, NULL };

struct fixture {
	char folder[64];
	struct engine engine;
};

static int
open_fixture(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);
	enum store_open_error why;
	struct error error;

	snprintf(fixture->folder, sizeof fixture->folder, "/tmp/test-audit-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, 100);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, all_tables, &why, &error);
	assert_non_null(fixture->engine.store);
	*state = fixture;
	return 0;
}

static void
remove_store(const char *folder)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock" };
	char path[128];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static int
close_fixture(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->engine.store);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	remove_store(fixture->folder);
	free(fixture);
	return 0;
}

/* A piece of SQL on the store's thread, waited for. */

struct piece {
	struct fixture *fixture;
	work_fn *run;
	const void *with;
	size_t size;
	bool committed;
	struct error error;
	void *result;
	size_t result_size;
};

static void
commit(struct task *task, void *with)
{
	struct piece *piece = with;
	struct work *work = work_new(piece->run, piece->size);

	if (piece->size)
		memcpy(work_with(work), piece->with, piece->size);
	piece->committed = store_commit(task, work);
	piece->error = task->error;
	if (piece->result)
		memcpy(piece->result, work_with(work), piece->result_size);
	loop_stop(piece->fixture->engine.loop);
}

static bool
run(struct fixture *fixture, work_fn *sql, const void *with, size_t size, void *result)
{
	struct piece piece = { .fixture = fixture, .run = sql, .with = with, .size = size, .result = result, .result_size = size };

	assert_true(task_start(&fixture->engine, "commit", commit, &piece, NULL) != 0);
	loop_run(fixture->engine.loop);
	while (tasks_count(fixture->engine.tasks))
		loop_turn(fixture->engine.loop);
	return piece.committed;
}

static bool
write_some(struct db *db, void *with, struct arena *arena, struct error *error)
{
	int count = *(int *)with;

	for (int i = 0; i < count; i++) {
		struct audit_entry entry = { .what = i % 3 ? "answered" : "asked", .person = "alice", .account = "corp/alice", .room = i % 2 ? "ops" : NULL,
			.command = arena_printf(arena, "ci build web number=%d", i), .intent = i };
		if (!audit_write(db, &entry, error))
			return false;
	}
	return true;
}

static bool
write_and_fail(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return write_some(db, with, arena, error) && error_set(error, "it is taken back");
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
	struct audit_verdict verdict = { 0 };

	assert_true(run(fixture, verify, &verdict, sizeof verdict, &verdict));
	return verdict;
}

static void
fill(struct fixture *fixture, int count)
{
	assert_true(run(fixture, write_some, &count, sizeof count, NULL));
}

/* Somebody with the file in his hands: no trigger stops him. */
static void
tamper_in(const char *folder, const char *sql)
{
	char path[128], *why = NULL;
	sqlite3 *connection;

	snprintf(path, sizeof path, "%s/sallyport.db", folder);
	assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
	sqlite3_busy_timeout(connection, 5000);
	assert_int_equal(sqlite3_exec(connection, "DROP TRIGGER IF EXISTS audit_keep; DROP TRIGGER IF EXISTS audit_stay;", NULL, NULL, &why), SQLITE_OK);
	if (sqlite3_exec(connection, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(connection);
}

static void
tamper(struct fixture *fixture, const char *sql)
{
	tamper_in(fixture->folder, sql);
}

static void
test_what_was_written_fits(void **state)
{
	fill(*state, RECORDS);
	struct audit_verdict verdict = verdict_of(*state);
	assert_true(verdict.whole);
	assert_int_equal(verdict.records, RECORDS);
}

static void
test_an_empty_audit_is_whole(void **state)
{
	assert_true(verdict_of(*state).whole);
}

static void
test_a_work_that_was_taken_back_leaves_the_chain_right(void **state)
{
	int count = 5;

	fill(*state, 3);
	assert_false(run(*state, write_and_fail, &count, sizeof count, NULL));
	fill(*state, 3);
	struct audit_verdict verdict = verdict_of(*state);
	assert_true(verdict.whole);
	assert_int_equal(verdict.records, 6);
}

static bool
change(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	(void)arena;
	return db_run(db, error, "UPDATE audit SET person='mallory' WHERE seq=1", "");
}

static bool
drop(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	(void)arena;
	return db_run(db, error, "DELETE FROM audit WHERE seq=1", "");
}

static void
test_nothing_of_ours_may_change_or_delete_a_record(void **state)
{
	fill(*state, 1);
	assert_false(run(*state, change, NULL, 0, NULL));
	assert_false(run(*state, drop, NULL, 0, NULL));
}

static void
test_every_kind_of_tampering_is_found_at_its_record(void **state)
{
	static const struct { const char *sql; int64_t bad; } deeds[] = {
		{ "UPDATE audit SET record=CAST(substr(record,1,60)||x'ab'||substr(record,62) AS BLOB) WHERE seq=17", 17 },
		{ "UPDATE audit SET h=zeroblob(32) WHERE seq=20", 20 },
		{ "UPDATE audit SET person='mallory' WHERE seq=5", 5 },
		{ "UPDATE audit SET room='shop' WHERE seq=6", 6 },
		{ "UPDATE audit SET wall=wall+1 WHERE seq=7", 7 },
		{ "UPDATE audit SET what='refused' WHERE seq=8", 8 },
		{ "UPDATE audit SET intent=99 WHERE seq=9", 9 },
		{ "DELETE FROM audit WHERE seq=30", 30 },
		{ "DELETE FROM audit WHERE seq=1", 1 },
		{ "UPDATE audit SET seq=-1 WHERE seq=10; UPDATE audit SET seq=10 WHERE seq=11; UPDATE audit SET seq=11 WHERE seq=-1", 10 },
		{ "INSERT INTO audit(seq, what, wall, record, h) VALUES(61, 'asked', 1, x'00', zeroblob(32))", 61 },
	};

	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		assert_int_equal(open_fixture(state), 0);
		fill(*state, RECORDS);
		tamper(*state, deeds[i].sql);
		struct audit_verdict verdict = verdict_of(*state);
		if (verdict.whole || verdict.bad != deeds[i].bad)
			fail_msg("%s: found %lld", deeds[i].sql, (long long)verdict.bad);
		close_fixture(state);
	}
	*state = NULL;
}

/* One byte at a time, every byte of every record. */
static void
test_every_changed_byte_is_found(void **state)
{
	enum { FEW = 4 };

	fill(*state, FEW);
	for (int seq = 1; seq <= FEW; seq++)
		for (int at = 1; at <= 120; at += 7) {
			char there[400], back[400];
			snprintf(there, sizeof there, "CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM audit; UPDATE audit SET record="
				"CAST(substr(record,1,%d)||iif(substr(record,%d,1)=x'ab',x'ac',x'ab')||substr(record,%d) AS BLOB) WHERE seq=%d",
				at - 1, at, at + 1, seq);
			snprintf(back, sizeof back, "UPDATE audit SET record=(SELECT record FROM kept WHERE kept.seq=audit.seq)");
			tamper(*state, there);
			struct audit_verdict verdict = verdict_of(*state);
			assert_false(verdict.whole);
			assert_int_equal(verdict.bad, seq);
			assert_int_equal(verdict.records, seq - 1);
			tamper(*state, back);
		}
	assert_true(verdict_of(*state).whole);
}

struct counted {
	int64_t first, last;
	int count;
};

static bool
count(const struct audit_record *record, void *with)
{
	struct counted *counted = with;

	counted->first = counted->count ? counted->first : record->seq;
	counted->last = record->seq;
	counted->count++;
	assert_string_equal(record->entry.person, "alice");
	return true;
}

static bool
list(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct audit_filter filter = { .room = "ops", .limit = 10 };

	return audit_list(db, &filter, arena, count, with, error);
}

static void
test_a_list_has_the_newest_that_fit(void **state)
{
	struct counted counted = { 0 };

	fill(*state, RECORDS);
	assert_true(run(*state, list, &counted, sizeof counted, &counted));
	assert_int_equal(counted.count, 10);
	assert_int_equal(counted.first, RECORDS);
	assert_int_equal(counted.last, RECORDS - 18);
}

/* The arguments of two records, as they are kept. */

struct hashes { unsigned char of[3][AUDIT_HASH]; };

static bool
keep_hash(const struct audit_record *record, void *with)
{
	struct hashes *hashes = with;

	assert_int_equal(record->entry.args_hash_size, AUDIT_HASH);
	assert_null(record->entry.args);
	memcpy(hashes->of[record->seq - 1], record->entry.args_hash, AUDIT_HASH);
	return true;
}

static bool
hash_some(struct db *db, void *with, struct arena *arena, struct error *error)
{
	static const char *const args[] = { "{\"pin\":\"1234\"}", "{\"pin\":\"1235\"}", "{\"pin\":\"1234\"}" };
	struct audit_filter filter = { 0 };

	for (size_t i = 0; i < 3; i++)
		if (!audit_write(db, &(struct audit_entry){ .what = "asked", .command = "door open pin=[redacted]", .args = args[i] }, error))
			return false;
	return audit_list(db, &filter, arena, keep_hash, with, error);
}

/* The same arguments look the same in one store; whoever tries all of them finds none of another, and the salt is in no record. */
static void
test_arguments_are_kept_as_a_hash_that_nobody_can_guess(void **state)
{
	unsigned char plain[AUDIT_HASH];
	struct hashes one = { 0 }, two = { 0 };

	SHA256((const unsigned char *)"{\"pin\":\"1234\"}", 14, plain);
	assert_true(run(*state, hash_some, &one, sizeof one, &one));
	assert_memory_equal(one.of[0], one.of[2], AUDIT_HASH);
	assert_memory_not_equal(one.of[0], one.of[1], AUDIT_HASH);
	assert_memory_not_equal(one.of[0], plain, AUDIT_HASH);
	close_fixture(state);
	open_fixture(state);
	assert_true(run(*state, hash_some, &two, sizeof two, &two));
	assert_memory_not_equal(one.of[0], two.of[0], AUDIT_HASH);
	assert_true(verdict_of(*state).whole);
}

/* Records of different kinds, and what a filter makes of them. */

static bool
write_kinds(struct db *db, void *with, struct arena *arena, struct error *error)
{
	static const struct audit_entry kinds[] = {
		{ .what = "started" },
		{ .what = "asked", .person = "alice", .instance = "ci", .command = "ci build web", .decision = "allowed", .intent = 7 },
		{ .what = "ended", .person = "alice", .instance = "ci", .command = "ci build web", .result = "B31 done: queued", .intent = 7 },
		{ .what = "refused", .person = "bob", .command = "build web", .decision = "refused: no rule" },
		{ .what = "ended", .person = "bob", .instance = "lab", .command = "lab build done: x", .result = "B3 unknown: done or not", .intent = 8 },
		{ .what = "ended", .person = "bob", .instance = "lab", .command = "lab retry b31", .result = "failed: HTTP 500: done", .intent = 9 },
		{ .what = "answered", .person = "bob", .instance = "lab", .command = "lab status", .decision = "allowed", .result = "answered" },
	};

	(void)with;
	(void)arena;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!audit_write(db, &kinds[i], error))
			return false;
	return true;
}

struct asking { struct audit_filter filter; char found[32]; };

static bool
add_seq(const struct audit_record *record, void *with)
{
	struct asking *asking = with;

	snprintf(asking->found + strlen(asking->found), 8, "%lld ", (long long)record->seq);
	return true;
}

static bool
ask(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct asking *asking = with;

	return audit_list(db, &asking->filter, arena, add_seq, asking, error);
}

static void
test_a_list_is_filtered_by_all_that_people_ask_for(void **state)
{
	static const struct { struct audit_filter filter; const char *found; } rows[] = {
		{ { 0 }, "7 6 5 4 3 2 1 " },
		{ { .limit = 2 }, "7 6 " },
		{ { .person = "bob", .depth = 2 }, "7 6 " },
		{ { .depth = 100 }, "7 6 5 4 3 2 1 " },
		{ { .person = "bob" }, "7 6 5 4 " },
		{ { .instance = "ci" }, "3 2 " },
		{ { .result = "refused" }, "4 " },
		{ { .result = "allowed" }, "7 2 " },
		{ { .result = "done" }, "3 " },
		{ { .result = "failed" }, "6 " },
		{ { .result = "unknown" }, "5 " },
		{ { .result = "started" }, "1 " },
		{ { .id = "B31" }, "6 3 2 " },
		{ { .id = "B3" }, "5 " },
		{ { .person = "bob", .result = "allowed" }, "7 " },
		{ { .since = INT64_MAX }, "" },
		{ { .until = 1 }, "" },
	};

	assert_true(run(*state, write_kinds, NULL, 0, NULL));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct asking asking = { .filter = rows[i].filter };
		assert_true(run(*state, ask, &asking, sizeof asking, &asking));
		if (strcmp(asking.found, rows[i].found) != 0)
			fail_msg("row %zu: %s", i, asking.found);
	}
}

/* What a record says itself counts, not what looks like it. */

static bool
write_doubtful(struct db *db, void *with, struct arena *arena, struct error *error)
{
	static const struct audit_entry kinds[] = {
		{ .what = "asked", .command = "ci build web", .decision = "refused: locked" },
		{ .what = "ended", .command = "ci", .result = "B4 gone: done" },
		{ .what = "ended", .command = "cic build web", .result = "undone: x" },
		{ .what = "ended", .command = "lab build web", .result = "done" },
		{ .what = "ended", .command = "ci build web" },
	};

	(void)with;
	(void)arena;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!audit_write(db, &kinds[i], error))
			return false;
	/* All but the last are of a version that did not write the instance. */
	return db_exec(db, "DROP TRIGGER audit_keep", error) && db_exec(db, "UPDATE audit SET record=substr(record, 1, length(record)-8) WHERE seq<5", error);
}

static void
expect_found(void **state, struct audit_filter filter, const char *found)
{
	struct asking asking = { .filter = filter };

	assert_true(run(*state, ask, &asking, sizeof asking, &asking));
	assert_string_equal(asking.found, found);
}

static void
test_a_list_has_nothing_that_only_looks_like_it(void **state)
{
	assert_true(run(*state, write_doubtful, NULL, 0, NULL));
	expect_found(state, (struct audit_filter){ .instance = "ci" }, "1 ");
	expect_found(state, (struct audit_filter){ .instance = "lab" }, "4 ");
	expect_found(state, (struct audit_filter){ .result = "refused" }, "1 ");
	expect_found(state, (struct audit_filter){ .result = "done" }, "4 ");
	expect_found(state, (struct audit_filter){ .result = "ended" }, "5 3 2 ");
}

static bool
read_wall(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct row row;

	(void)arena;
	db_query(db, &row, "SELECT wall FROM audit WHERE seq=1", "");
	if (row_next(&row))
		*(int64_t *)with = row_integer(&row, 0);
	return row_end(&row, error);
}

static void
test_until_is_before_that_moment(void **state)
{
	int64_t wall = 0;
	int one = 1;

	assert_true(run(*state, write_some, &one, sizeof one, NULL));
	assert_true(run(*state, read_wall, &wall, sizeof wall, &wall));
	expect_found(state, (struct audit_filter){ .until = wall }, "");
	expect_found(state, (struct audit_filter){ .since = wall, .until = wall + 1 }, "1 ");
	expect_found(state, (struct audit_filter){ .since = wall + 1 }, "");
}

/* So many have one id that not all of them are remembered, and what was asked for the others is not found by it. */

enum { SAME = 70, REMEMBERED = 64 };

static bool
write_same(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	(void)arena;
	for (int i = 0; i < 2 * SAME; i++) {
		struct audit_entry entry = { .what = i < SAME ? "asked" : "ended", .result = i < SAME ? NULL : "B7 done: x", .intent = i % SAME + 1 };
		if (!audit_write(db, &entry, error))
			return false;
	}
	return true;
}

static bool
count_one(const struct audit_record *record, void *with)
{
	(void)record;
	++*(int *)with;
	return true;
}

static bool
count_same(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct audit_filter filter = { .id = "B7" };

	return audit_list(db, &filter, arena, count_one, with, error);
}

static void
test_as_many_are_remembered_as_there_is_room_for(void **state)
{
	int found = 0;

	assert_true(run(*state, write_same, NULL, 0, NULL));
	assert_true(run(*state, count_same, &found, sizeof found, &found));
	assert_int_equal(found, SAME + REMEMBERED);
}

/* -- Records ------------------------------------------------------------------------------------------------------------- */

static struct audit_record
full_record(void)
{
	return (struct audit_record){ .seq = 7, .wall = 1000, .mono = 12, .boot = 1, .entry = { .what = "asked", .person = "", .account = "corp/alice",
		.proof = "tag", .place = "corp/#ops", .command = "ci build", .args_hash = "\x00\x01", .args_hash_size = 2, .intent = 3, .instance = "ci" } };
}

/* A text of no bytes is one; NULL is none. */
static void
test_a_record_is_read_as_it_was_written(void **state)
{
	struct arena *arena = arena_new();
	struct audit_record record = full_record(), read;
	struct text bytes = audit_record_bytes(arena, &record);

	(void)state;
	assert_true(audit_record_read(arena, bytes.bytes, bytes.length, &read));
	assert_string_equal(read.entry.person, "");
	assert_null(read.entry.room);
	assert_string_equal(read.entry.instance, "ci");
	assert_int_equal(read.entry.args_hash_size, 2);
	assert_int_equal(read.entry.intent, 3);
	assert_false(read.early);
	arena_free(arena);
}

/* Cut anywhere, or with something behind it, it is none; but an early one ended where the instance begins now. */
static void
test_a_record_is_read_whole_or_not_at_all(void **state)
{
	struct arena *arena = arena_new();
	struct audit_record record = full_record(), read;
	struct text bytes = audit_record_bytes(arena, &record);
	size_t early = bytes.length - 8 - strlen("ci");
	char *more = arena_take(arena, bytes.length + 1);

	(void)state;
	memcpy(more, bytes.bytes, bytes.length);
	assert_false(audit_record_read(arena, more, bytes.length + 1, &read));
	for (size_t length = 0; length < bytes.length; length++)
		assert_int_equal(audit_record_read(arena, more, length, &read), length == early);
	/* A text that is longer than all there is; what follows would do alone. */
	memset(more, 0, 40);
	memset(more + 40, 0xff, 12 * 8);
	memcpy(more + 40, "\0\0\0\0\0\1\0\0", 8);
	assert_false(audit_record_read(arena, more, 40 + 12 * 8, &read));
	memset(more + 40, 0xff, 8);
	assert_true(audit_record_read(arena, more, 40 + 12 * 8, &read));
	arena_free(arena);
}

/* A store of the version that had no salt yet. */
static void
test_a_store_of_the_second_version_is_read(void **state)
{
	const char *const sql[] = { audit_tables.sql[0], audit_tables.sql[1], NULL };
	const struct tables second = { audit_tables.name, sql }, *const all[] = { &second, NULL };
	struct fixture *fixture = *state;
	struct arena *arena = arena_new();
	const char *folder = arena_printf(arena, "%s/second", fixture->folder);
	struct audit_verdict verdict = { 0 };
	enum store_open_error why;
	struct error error = { "" };
	int count = 5;

	assert_int_equal(mkdir(folder, 0700), 0);
	assert_true(store_write(folder, all, write_some, &count, arena, &why, &error));
	tamper_in(folder, "DELETE FROM audit WHERE seq=5");
	assert_true(store_read(folder, verify, &verdict, arena, &error));
	assert_int_equal(verdict.bad, 5);
	remove_store(folder);
	arena_free(arena);
}

static bool
sign_it(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	(void)arena;
	return audit_sign(db, error);
}

/* Without anybody who signs, and without records, there is nothing to do; a store of an empty audit stays as it is. */
static void
test_nothing_is_signed_where_there_is_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_true(run(fixture, sign_it, NULL, 0, NULL));
	assert_int_equal(verdict_of(fixture).records, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_empty_audit_is_whole, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_a_store_of_the_second_version_is_read, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_nothing_is_signed_where_there_is_nothing, open_fixture, close_fixture),
		cmocka_unit_test(test_a_record_is_read_as_it_was_written),
		cmocka_unit_test(test_a_record_is_read_whole_or_not_at_all),
		cmocka_unit_test_setup_teardown(test_what_was_written_fits, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_a_work_that_was_taken_back_leaves_the_chain_right, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_nothing_of_ours_may_change_or_delete_a_record, open_fixture, close_fixture),
		cmocka_unit_test(test_every_kind_of_tampering_is_found_at_its_record),
		cmocka_unit_test_setup_teardown(test_every_changed_byte_is_found, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_a_list_has_the_newest_that_fit, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_a_list_is_filtered_by_all_that_people_ask_for, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_a_list_has_nothing_that_only_looks_like_it, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_until_is_before_that_moment, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_as_many_are_remembered_as_there_is_room_for, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(test_arguments_are_kept_as_a_hash_that_nobody_can_guess, open_fixture, close_fixture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
