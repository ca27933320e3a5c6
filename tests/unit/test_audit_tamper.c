/* A log of 1,000 records in the hands of somebody who may write everything but has no key: whatever is done to one of them is found at its
 * record, and what else is as it was signed is said. */
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
#include "bridge/rights/proof.h"
#include "bridge/run/store.h"

enum { RECORDS = 1000, MARKS_MOST = 32 };

static const struct tables *const all_tables[] = { &audit_tables, &checkpoint_tables, NULL };

/* The log as it lies in a store, read once. `states` is the proof before each record, so that one that was spoiled costs no walk from the first. */
struct log {
	struct arena *arena;
	struct signing_key *key;
	struct row_of { unsigned char *bytes, h[AUDIT_HASH]; size_t length; struct audit_record record; } rows[RECORDS + 2];
	struct checkpoint marks[MARKS_MOST];
	size_t mark_count;
	struct audit_proof states[RECORDS + 2];
};

static bool
write_all(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct log *log = with;
	struct checkpoint_signer signer = { log->key, NULL };

	(void)arena;
	db_lend(db, &signer);
	for (int i = 0; i < RECORDS; i++) {
		char command[64];
		snprintf(command, sizeof command, "ci build web number=%d", i);
		struct audit_entry entry = { .what = i % 3 ? "answered" : "asked", .person = "alice", .account = "corp/alice", .room = i % 2 ? "ops" : NULL,
			.instance = "ci", .command = command, .args = i % 5 ? NULL : "{\"number\":\"1\"}", .intent = i };
		if (!audit_write(db, &entry, error))
			return false;
	}
	db_lend(db, NULL);
	return true;
}

static bool
read_all(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct log *log = with;
	struct checkpoint_rows marks;
	struct row row;
	size_t length;

	(void)arena;
	for (db_query(db, &row, "SELECT seq, record, h FROM audit ORDER BY seq", ""); row_next(&row);) {
		struct row_of *to = &log->rows[row_integer(&row, 0)];
		const void *bytes = row_bytes(&row, 1, &to->length);
		to->bytes = arena_copy(log->arena, bytes, to->length);
		memcpy(to->h, row_bytes(&row, 2, &length), AUDIT_HASH);
		assert_true(audit_record_read(log->arena, to->bytes, to->length, &to->record));
	}
	for (checkpoint_rows(db, &marks, 0); marks.more; checkpoint_next(&marks))
		log->marks[log->mark_count++] = marks.at;
	return row_end(&row, error) && checkpoint_rows_end(&marks, error);
}

/* What stands at `place` is the row of `seq`. */
static void
feed(struct audit_proof *proof, const struct log *log, int64_t place, int64_t seq)
{
	const struct row_of *row = &log->rows[seq];

	proof_add(proof, &(struct proof_item){ place, row->record.wall, row->bytes, row->length, row->h, &row->record, false });
}

static void
mark(struct audit_proof *proof, const struct log *log, int64_t place)
{
	for (size_t i = 0; i < log->mark_count; i++)
		if (log->marks[i].seq == place)
			proof_mark(proof, &log->marks[i]);
}

static void
feed_all(struct audit_proof *proof, const struct log *log, int64_t from, int64_t last)
{
	for (int64_t seq = from; seq <= last; seq++) {
		feed(proof, log, seq, seq);
		mark(proof, log, seq);
	}
}

static int
make(void **state)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock" };
	struct log *log = memory_take(sizeof *log);
	char folder[64] = "/tmp/test-tamper-XXXXXX", path[128];
	enum store_open_error why;
	struct error error = { "" };

	log->arena = arena_new();
	log->key = signing_make();
	assert_non_null(mkdtemp(folder));
	assert_true(store_write(folder, all_tables, write_all, log, log->arena, &why, &error));
	assert_true(store_read(folder, read_all, log, log->arena, &error));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	struct audit_proof *proof = &log->states[1];
	proof->keys[0] = *signing_public_of(log->key);
	proof->key_count = 1;
	proof->sign_all = true;
	proof_begin(proof, 1, (const unsigned char[AUDIT_HASH]){ 0 });
	for (int64_t seq = 1; seq <= RECORDS; seq++) {
		log->states[seq + 1] = log->states[seq];
		feed_all(&log->states[seq + 1], log, seq, seq);
	}
	*state = log;
	return 0;
}

static int
unmake(void **state)
{
	struct log *log = *state;

	signing_free(log->key);
	arena_free(log->arena);
	free(log);
	return 0;
}

static void
end(struct audit_proof *proof, const struct log *log)
{
	proof_end(proof, RECORDS, log->rows[RECORDS].h);
}

static void
expect(const struct audit_proof *proof, int64_t bad, const char *deed, int64_t at)
{
	if (proof->verdict.whole || proof->verdict.bad != bad)
		fail_msg("%s at %lld: found %lld (%s)", deed, (long long)at, (long long)proof->verdict.bad, proof->verdict.reason);
}

static void
test_a_log_that_nobody_touched_is_as_it_was_signed(void **state)
{
	const struct log *log = *state;
	struct audit_proof proof = log->states[RECORDS + 1];

	end(&proof, log);
	assert_true(proof.verdict.whole);
	assert_int_equal(log->mark_count, RECORDS / CHECKPOINT_EVERY);
	assert_int_equal(proof.verdict.records, RECORDS);
	assert_int_equal(proof.verdict.as_signed.count, 1);
	assert_int_equal(proof.verdict.as_signed.each[0].last, RECORDS);
	assert_int_equal(proof.verdict.fitting.count, 0);
}

/* Each byte of what was hashed, and of the hash itself: each in turn becomes another, by one bit. */
static void
test_every_changed_byte_is_found_at_its_record(void **state)
{
	struct log *log = *state;

	for (int64_t seq = 1; seq <= RECORDS; seq++) {
		struct row_of *row = &log->rows[seq];
		for (size_t at = 0; at < row->length + AUDIT_HASH; at++) {
			unsigned char *byte = at < row->length ? &row->bytes[at] : &row->h[at - row->length];
			struct audit_proof proof = log->states[seq];
			*byte ^= (unsigned char)(1 << (at % 8));
			feed(&proof, log, seq, seq);
			*byte ^= (unsigned char)(1 << (at % 8));
			if (proof.verdict.whole || proof.verdict.bad != seq)
				fail_msg("byte %zu of record %lld: found %lld", at, (long long)seq, (long long)proof.verdict.bad);
		}
	}
}

/* The records around the one that was changed are told apart: what a checkpoint still proves, and what only fits. */
static void
test_what_is_as_it_was_signed_is_said(void **state)
{
	struct log *log = *state;

	for (int64_t seq = 1; seq <= RECORDS; seq += 7) {
		struct audit_proof proof = log->states[seq];
		int64_t before = (seq - 1) / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
		log->rows[seq].bytes[70] ^= 1;
		feed_all(&proof, log, seq, RECORDS);
		log->rows[seq].bytes[70] ^= 1;
		end(&proof, log);
		expect(&proof, seq, "changed", seq);
		const struct audit_spans *sealed = &proof.verdict.as_signed, *rest = &proof.verdict.fitting;
		assert_int_equal(proof.verdict.others, 0);
		assert_int_equal(sealed->count, before ? 2 : 1);
		assert_int_equal(sealed->each[0].last, before ? before : RECORDS);
		assert_int_equal(sealed->each[sealed->count - 1].first, seq + 1);
		assert_int_equal(sealed->each[sealed->count - 1].last, RECORDS);
		assert_int_equal(rest->count, seq - 1 > before);
		if (rest->count)
			assert_true(rest->each[0].first == before + 1 && rest->each[0].last == seq - 1);
	}
}

static void
test_where_only_a_hash_was_changed_the_next_record_is_not_blamed(void **state)
{
	struct log *log = *state;

	for (int64_t seq = 1; seq <= RECORDS; seq += 13) {
		struct audit_proof proof = log->states[seq];
		log->rows[seq].h[5] ^= 4;
		feed_all(&proof, log, seq, RECORDS);
		log->rows[seq].h[5] ^= 4;
		end(&proof, log);
		expect(&proof, seq, "hash", seq);
		assert_int_equal(proof.verdict.others, 0);
	}
}

static void
test_every_record_that_is_removed_is_found(void **state)
{
	const struct log *log = *state;

	for (int64_t seq = 1; seq <= RECORDS; seq++) {
		struct audit_proof proof = log->states[seq];
		if (seq < RECORDS)
			feed(&proof, log, seq + 1, seq + 1);
		else
			end(&proof, log);
		expect(&proof, seq, "removed", seq);
	}
}

/* And those behind it renumbered, so that there is no gap. */
static void
test_every_record_that_is_removed_without_a_gap_is_found(void **state)
{
	const struct log *log = *state;

	for (int64_t seq = 1; seq < RECORDS; seq++) {
		struct audit_proof proof = log->states[seq];
		feed(&proof, log, seq, seq + 1);
		expect(&proof, seq, "removed and renumbered", seq);
	}
}

static void
test_every_record_that_changes_places_with_the_next_is_found(void **state)
{
	const struct log *log = *state;

	for (int64_t seq = 1; seq < RECORDS; seq++) {
		struct audit_proof proof = log->states[seq];
		feed(&proof, log, seq, seq + 1);
		feed(&proof, log, seq + 1, seq);
		expect(&proof, seq, "swapped", seq);
		proof = log->states[seq];               /* in a file, where a line is where it is */
		feed(&proof, log, seq + 1, seq + 1);
		feed(&proof, log, seq, seq);
		expect(&proof, seq, "swapped lines", seq);
	}
}

static void
test_every_record_that_stands_there_twice_is_found(void **state)
{
	const struct log *log = *state;

	for (int64_t seq = 1; seq <= RECORDS; seq++) {
		struct audit_proof proof = log->states[seq + 1];
		feed(&proof, log, seq + 1, seq);
		expect(&proof, seq + 1, "doubled", seq);
		proof = log->states[seq + 1];
		feed(&proof, log, seq, seq);
		expect(&proof, seq + 1, "doubled line", seq);
	}
}

/* Whoever cuts records off also writes down another newest. Their checkpoints tell. */
static void
test_a_log_that_is_cut_at_any_length_is_found(void **state)
{
	const struct log *log = *state;

	for (int64_t length = 0; length < RECORDS; length++) {
		struct audit_proof proof = log->states[length + 1];
		end(&proof, log);
		expect(&proof, length + 1, "cut", length);
		proof = log->states[length + 1];
		for (size_t i = 0; i < log->mark_count; i++)
			if (log->marks[i].seq > length)
				proof_mark(&proof, &log->marks[i]);
		proof_end(&proof, length, log->rows[length].h);
		expect(&proof, length + 1, "cut with its newest", length);
	}
}

/* What nothing in the store can show: a log cut back, with the checkpoints of what is gone. One that is kept elsewhere shows it. */
static void
test_cut_with_its_checkpoints_only_one_kept_elsewhere_tells(void **state)
{
	const struct log *log = *state;

	for (int64_t length = 1; length < RECORDS; length++) {
		struct audit_proof proof = log->states[length + 1];
		proof_end(&proof, length, log->rows[length].h);
		assert_true(proof.verdict.whole);
		proof = log->states[length + 1];
		proof.anchors = &log->marks[log->mark_count - 1];
		proof.anchor_count = 1;
		proof_end(&proof, length, log->rows[length].h);
		expect(&proof, length + 1, "cut with its checkpoints", length);
	}
}

/* Every hash from there made anew: it hangs together, and is not what was signed. */
static void
test_a_chain_that_was_made_anew_is_not_the_one_that_was_signed(void **state)
{
	struct log *log = *state;

	for (int64_t seq = 1; seq <= RECORDS; seq += 3) {
		struct audit_proof proof = log->states[seq];
		unsigned char kept[CHECKPOINT_EVERY][AUDIT_HASH], h[AUDIT_HASH] = { 0 };
		int64_t last = (seq + CHECKPOINT_EVERY - 1) / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
		if (seq > 1)
			memcpy(h, log->rows[seq - 1].h, AUDIT_HASH);
		log->rows[seq].bytes[70] ^= 1;
		for (int64_t at = seq; at <= last; at++) {
			struct row_of *row = &log->rows[at];
			memcpy(kept[at - seq], row->h, AUDIT_HASH);
			audit_hash(h, row->bytes, row->length, row->h);
			memcpy(h, row->h, AUDIT_HASH);
		}
		feed_all(&proof, log, seq, last);
		log->rows[seq].bytes[70] ^= 1;
		for (int64_t at = seq; at <= last; at++)
			memcpy(log->rows[at].h, kept[at - seq], AUDIT_HASH);
		expect(&proof, last - CHECKPOINT_EVERY + 1, "made anew", seq);
	}
}

static void
test_without_checkpoints_a_log_is_not_good(void **state)
{
	const struct log *log = *state;
	struct audit_proof proof = log->states[1];

	for (int64_t seq = 1; seq <= RECORDS; seq++)
		feed(&proof, log, seq, seq);
	end(&proof, log);
	expect(&proof, 1, "its checkpoints taken away", 0);
}

/* Each bit of each signature, and a checkpoint of somebody else's key. */
static void
test_what_the_key_did_not_sign_is_no_checkpoint(void **state)
{
	const struct log *log = *state;
	struct checkpoint forged = log->marks[3];
	struct audit_proof proof;

	for (size_t bit = 0; bit < 8 * SIGNATURE; bit += 5) {
		proof = log->states[forged.seq + 1];
		forged.signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
		proof_mark(&proof, &forged);
		forged.signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
		expect(&proof, forged.seq, "a forged signature", (int64_t)bit);
	}
	proof = log->states[forged.seq + 1];
	forged.wall++;
	proof_mark(&proof, &forged);
	expect(&proof, forged.seq, "another time", 0);
	forged = log->marks[log->mark_count - 1];
	memcpy(forged.key, "0123456789abcdef", sizeof forged.key);
	proof = log->states[RECORDS];
	feed(&proof, log, RECORDS, RECORDS);
	proof_mark(&proof, &forged);
	end(&proof, log);
	expect(&proof, RECORDS, "another key", 0);
	forged = log->marks[2];
	forged.log[0] = forged.log[0] == 'a' ? 'b' : 'a';
	proof = log->states[forged.seq + 1];
	proof_mark(&proof, &forged);
	expect(&proof, forged.seq, "another store", 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_log_that_nobody_touched_is_as_it_was_signed),
		cmocka_unit_test(test_every_changed_byte_is_found_at_its_record),
		cmocka_unit_test(test_what_is_as_it_was_signed_is_said),
		cmocka_unit_test(test_where_only_a_hash_was_changed_the_next_record_is_not_blamed),
		cmocka_unit_test(test_every_record_that_is_removed_is_found),
		cmocka_unit_test(test_every_record_that_is_removed_without_a_gap_is_found),
		cmocka_unit_test(test_every_record_that_changes_places_with_the_next_is_found),
		cmocka_unit_test(test_every_record_that_stands_there_twice_is_found),
		cmocka_unit_test(test_a_log_that_is_cut_at_any_length_is_found),
		cmocka_unit_test(test_cut_with_its_checkpoints_only_one_kept_elsewhere_tells),
		cmocka_unit_test(test_a_chain_that_was_made_anew_is_not_the_one_that_was_signed),
		cmocka_unit_test(test_without_checkpoints_a_log_is_not_good),
		cmocka_unit_test(test_what_the_key_did_not_sign_is_no_checkpoint),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
