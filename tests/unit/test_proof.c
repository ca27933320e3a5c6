/* Tests of proof, by logs made by hand: in which words each finding is told, what a key may vouch for, and how much is as it was signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/rights/proof.h"

enum { MOST = 420 };

static const unsigned char nothing[AUDIT_HASH];

/* Records 1 to `count`, as they were written; a test spoils what it wants before it tells them. */
struct log {
	struct arena *arena;
	struct signing_key *key, *next_key;
	struct audit_record records[MOST + 1];
	struct text bytes[MOST + 1];
	unsigned char h[MOST + 1][AUDIT_HASH];
	struct audit_proof proof;
};

static void
make(struct log *log, int64_t count)
{
	*log = (struct log){ .arena = arena_new(), .key = signing_make(), .next_key = signing_make() };
	for (int64_t seq = 1; seq <= count; seq++) {
		log->records[seq] = (struct audit_record){ .seq = seq, .wall = 1000 * seq, .entry = { .what = "asked", .person = "alice" } };
		log->bytes[seq] = audit_record_bytes(log->arena, &log->records[seq]);
		audit_hash(log->h[seq - 1], log->bytes[seq].bytes, log->bytes[seq].length, log->h[seq]);
	}
	log->proof.keys[0] = *signing_public_of(log->key);
	log->proof.key_count = 1;
}

static void
forget(struct log *log)
{
	signing_free(log->key);
	signing_free(log->next_key);
	arena_free(log->arena);
}

static struct proof_item
item_of(const struct log *log, int64_t seq)
{
	return (struct proof_item){ seq, log->records[seq].wall, log->bytes[seq].bytes, log->bytes[seq].length, log->h[seq], &log->records[seq], false };
}

static void
add(struct log *log, int64_t first, int64_t last)
{
	for (int64_t seq = first; seq <= last; seq++) {
		struct proof_item item = item_of(log, seq);
		proof_add(&log->proof, &item);
	}
}

static void
begin(struct log *log, int64_t last)
{
	proof_begin(&log->proof, 1, nothing);
	add(log, 1, last);
}

/* As the one who has `key` signs record `seq`, of the store `store`, with that hash. */
static struct checkpoint
sign(struct log *log, const struct signing_key *key, const char *store, int64_t seq, const unsigned char *h)
{
	struct checkpoint checkpoint = { .seq = seq, .wall = 5000 };

	snprintf(checkpoint.log, sizeof checkpoint.log, "%032d", *store);
	memcpy(checkpoint.h, h, sizeof checkpoint.h);
	memcpy(checkpoint.key, signing_public_of(key)->id, sizeof checkpoint.key);
	const char *text = checkpoint_text(log->arena, &checkpoint);
	signing_sign(key, text, (size_t)(strrchr(text, ' ') - text), checkpoint.signature);
	return checkpoint;
}

static void
mark(struct log *log, int64_t seq)
{
	struct checkpoint checkpoint = sign(log, log->key, "a", seq, log->h[seq]);

	proof_mark(&log->proof, &checkpoint);
}

static void
assert_bad(const struct log *log, int64_t seq, const char *reason)
{
	assert_int_equal(log->proof.verdict.bad, seq);
	assert_string_equal(log->proof.verdict.reason, reason);
	assert_false(log->proof.verdict.whole);
}

/* -- Records ------------------------------------------------------------------------------------------------------------ */

static void
spoil(struct log *log, int64_t seq, struct proof_item *item)
{
	char *bytes = arena_copy(log->arena, log->bytes[seq].bytes, log->bytes[seq].length);

	bytes[log->bytes[seq].length - 1] ^= 1;
	*item = item_of(log, seq);
	item->bytes = bytes;
}

/* Right behind what is proven it is the record itself; elsewhere it may be the hash before it. */
static void
test_who_is_to_blame_is_said_as_far_as_it_can_be_known(void **state)
{
	static const struct { int64_t signed_at, bad; const char *reason; } cases[] = {
		{ 0, 1, "was changed after it was written" },
		{ 2, 3, "was changed after it was written" },
		{ 2, 4, "was changed after it was written, or the one before it was, with its hash" },
		{ 0, 2, "was changed after it was written, or the one before it was, with its hash" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct log log;
		struct proof_item item;
		make(&log, 5);
		begin(&log, 0);
		for (int64_t seq = 1; seq < cases[i].bad; seq++) {
			add(&log, seq, seq);
			if (seq == cases[i].signed_at)
				mark(&log, seq);
		}
		spoil(&log, cases[i].bad, &item);
		proof_add(&log.proof, &item);
		assert_bad(&log, cases[i].bad, cases[i].reason);
		assert_int_equal(log.proof.verdict.bad_wall, 1000 * cases[i].bad);
		assert_int_equal(log.proof.verdict.records, cases[i].bad - 1);
		forget(&log);
	}
}

static void
test_one_that_says_it_is_another_is_named(void **state)
{
	struct log log;
	struct proof_item item;

	(void)state;
	make(&log, 5);
	begin(&log, 2);
	item = item_of(&log, 4);
	item.seq = 3;
	proof_add(&log.proof, &item);
	assert_bad(&log, 3, "is not there: in its place stands one that says it is record 4");
	forget(&log);
}

static void
test_what_cannot_be_read_is_said(void **state)
{
	struct log log;

	(void)state;
	make(&log, 5);
	begin(&log, 2);
	proof_unreadable(&log.proof);
	add(&log, 4, 5);
	proof_end(&log.proof, 5, log.h[5]);
	assert_bad(&log, 3, "cannot be read as it was written");
	assert_int_equal(log.proof.verdict.others, 0);
	forget(&log);
}

/* Of very many pieces the first are told, and that there are more. */
static void
test_many_pieces_are_not_all_told(void **state)
{
	struct log log;

	(void)state;
	make(&log, 40);
	begin(&log, 1);
	for (int64_t seq = 3; seq < 40; seq += 3)               /* every third is gone, and the one behind it hangs on nothing */
		add(&log, seq, seq + 1);
	proof_end(&log.proof, -1, NULL);
	assert_int_equal(log.proof.verdict.fitting.count, AUDIT_SPANS);
	assert_true(log.proof.verdict.fitting.more);
	assert_int_equal(log.proof.verdict.fitting.each[1].first, 4);
	forget(&log);
}

static void
test_the_end_is_the_one_that_was_written_last(void **state)
{
	struct log log;

	(void)state;
	for (int i = 0; i < 4; i++) {
		make(&log, 5);
		begin(&log, i == 0 ? 4 : 5);
		proof_end(&log.proof, i == 1 ? 4 : i == 3 ? -1 : 5, i == 2 ? log.h[4] : log.h[5]);
		if (i == 0)
			assert_bad(&log, 5, "is not there");
		else if (i == 1)
			assert_bad(&log, 5, "was added by somebody else");
		else if (i == 2)
			assert_bad(&log, 5, "was changed after it was written");
		else
			assert_true(log.proof.verdict.whole);
		forget(&log);
	}
}

/* -- Checkpoints -------------------------------------------------------------------------------------------------------- */

static void
test_a_checkpoint_proves_what_stands_before_it(void **state)
{
	struct log log;

	(void)state;
	make(&log, 5);
	begin(&log, 3);
	mark(&log, 3);
	add(&log, 4, 5);
	proof_end(&log.proof, 5, log.h[5]);
	const struct audit_verdict *verdict = &log.proof.verdict;
	assert_true(verdict->whole);
	assert_int_equal(verdict->sealed, 3);
	assert_int_equal(verdict->sealed_wall, 5000);
	assert_string_equal(verdict->key, log.proof.keys[0].id);
	assert_int_equal(verdict->as_signed.count, 1);
	assert_int_equal(verdict->as_signed.each[0].last, 3);
	assert_int_equal(verdict->fitting.each[0].first, 4);
	assert_int_equal(verdict->fitting.each[0].last, 5);
	forget(&log);
}

static void
test_one_that_counts_not_proves_nothing(void **state)
{
	static const char *const reasons[] = { "has a checkpoint that speaks of another store", NULL, NULL };
	struct log log;

	(void)state;
	for (int i = 0; i < 3; i++) {
		make(&log, 5);
		begin(&log, 2);
		mark(&log, 2);
		add(&log, 3, 4);
		struct checkpoint other = sign(&log, i == 2 ? log.next_key : log.key, i == 0 ? "b" : "a", 4, log.h[4]);
		if (i == 1)
			other.signature[0] ^= 1;
		proof_mark(&log.proof, &other);
		assert_int_equal(log.proof.verdict.sealed, 2);
		proof_end(&log.proof, 4, log.h[4]);
		assert_int_equal(log.proof.verdict.as_signed.each[0].last, 2);
		if (reasons[i])
			assert_bad(&log, 4, reasons[i]);
		else if (i == 1)
			assert_bad(&log, 4, arena_printf(log.arena, "has a checkpoint whose signature is not one of the key %s", log.proof.keys[0].id));
		else
			assert_bad(&log, 4, arena_printf(log.arena, "is signed by another key (%s), and none that is known to you vouches for that",
				signing_public_of(log.next_key)->id));
		assert_int_equal(log.proof.verdict.others, 0);
		forget(&log);
	}
}

static void
test_a_checkpoint_speaks_of_a_record_that_is_there(void **state)
{
	struct log log;

	(void)state;
	make(&log, 5);                                          /* of one to come */
	begin(&log, 3);
	mark(&log, 4);
	assert_bad(&log, 4, "is not there, and a checkpoint speaks of record 4");
	forget(&log);
	make(&log, 5);                                          /* of one long ago */
	begin(&log, 3);
	mark(&log, 2);
	assert_bad(&log, 2, "is not there, and a checkpoint speaks of it");
	forget(&log);
	make(&log, 5);                                          /* of one whose hash is gone */
	begin(&log, 2);
	proof_unreadable(&log.proof);
	mark(&log, 3);
	assert_int_equal(log.proof.verdict.others, 1);
	assert_int_equal(log.proof.verdict.sealed, 0);
	forget(&log);
}

static void
test_hashes_that_were_made_anew(void **state)
{
	static const struct { int64_t sealed, wrong, bad; const char *reason; } cases[] = {
		{ 0, 3, 1, "or one behind it, up to record 3, was changed, and all hashes from there: a checkpoint speaks of others" },
		{ 2, 3, 3, "was changed together with its hash: a checkpoint speaks of another" },
		{ 3, 3, 3, "is not there, and another one was: the checkpoint of it speaks of another" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct log log;
		make(&log, 5);
		begin(&log, 0);
		for (int64_t seq = 1; seq <= 3; seq++) {
			add(&log, seq, seq);
			if (seq == cases[i].sealed)
				mark(&log, seq);
		}
		struct checkpoint other = sign(&log, log.key, "a", cases[i].wrong, log.h[5]);
		proof_mark(&log.proof, &other);
		assert_bad(&log, cases[i].bad, cases[i].reason);
		forget(&log);
	}
}

/* It was the hash that was changed, and a checkpoint says what it was. */
static void
test_a_changed_hash_is_known_by_its_checkpoint(void **state)
{
	struct log log;
	struct proof_item item;
	unsigned char other[AUDIT_HASH];

	(void)state;
	make(&log, 5);
	begin(&log, 2);
	item = item_of(&log, 3);
	memcpy(other, log.h[3], sizeof other);
	other[0] ^= 1;
	item.h = other;
	proof_add(&log.proof, &item);
	mark(&log, 3);
	add(&log, 4, 5);
	proof_end(&log.proof, 5, log.h[5]);
	assert_int_equal(log.proof.verdict.bad, 3);
	assert_int_equal(log.proof.verdict.others, 0);
	assert_int_equal(log.proof.verdict.sealed, 3);
	forget(&log);
}

/* -- Keys --------------------------------------------------------------------------------------------------------------- */

/* A record that speaks of the next key: in `what`, of so many bytes. */
static void
offer(struct log *log, int64_t seq, const char *what, size_t size)
{
	log->records[seq].entry.what = what;
	log->records[seq].entry.args_hash = signing_public_of(log->next_key)->bytes;
	log->records[seq].entry.args_hash_size = size;
}

static void
test_a_key_counts_when_the_one_before_vouches_for_it(void **state)
{
	static const struct { const char *what; size_t size; bool both, counts; } cases[] = {
		{ AUDIT_REKEYED, SIGNING_PUBLIC, true, true },
		{ AUDIT_REKEYED, SIGNING_PUBLIC, false, false },        /* the old one has signed the record before, and not this one */
		{ AUDIT_REKEYED, SIGNING_PUBLIC - 1, true, false },
		{ "started", SIGNING_PUBLIC, true, false },
		{ NULL, SIGNING_PUBLIC, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct log log;
		make(&log, 4);
		offer(&log, 2, cases[i].what, cases[i].size);
		begin(&log, 1);
		if (!cases[i].both)
			mark(&log, 1);
		add(&log, 2, 2);
		if (cases[i].both)
			mark(&log, 2);
		add(&log, 3, 4);
		struct checkpoint next = sign(&log, log.next_key, "a", 4, log.h[4]);
		proof_mark(&log.proof, &next);
		proof_end(&log.proof, 4, log.h[4]);
		assert_int_equal(log.proof.key_count, cases[i].counts ? 2 : 1);
		assert_int_equal(log.proof.verdict.whole, cases[i].counts);
		assert_int_equal(log.proof.verdict.sealed, cases[i].counts ? 4 : cases[i].both ? 2 : 1);
		forget(&log);
	}
}

static void
test_a_key_is_known_once_and_there_is_room_for_some(void **state)
{
	struct log log;

	(void)state;
	make(&log, 3);
	offer(&log, 2, AUDIT_REKEYED, SIGNING_PUBLIC);
	log.proof.keys[1] = *signing_public_of(log.next_key);
	log.proof.key_count = 2;                                /* it is known already */
	begin(&log, 2);
	mark(&log, 2);
	assert_int_equal(log.proof.key_count, 2);
	forget(&log);
	make(&log, 3);
	offer(&log, 2, AUDIT_REKEYED, SIGNING_PUBLIC);
	for (size_t i = 1; i < SIGNING_KEYS; i++)
		log.proof.keys[i] = log.proof.keys[0];
	log.proof.key_count = SIGNING_KEYS;
	begin(&log, 2);
	mark(&log, 2);
	assert_int_equal(log.proof.key_count, SIGNING_KEYS);
	assert_int_equal(log.proof.verdict.sealed, 2);
	forget(&log);
}

/* -- What is kept elsewhere, and what should be signed ------------------------------------------------------------------- */

static void
test_checkpoints_that_are_kept_elsewhere_must_hold(void **state)
{
	struct log log;
	struct checkpoint anchors[3];

	(void)state;
	make(&log, 5);
	for (int64_t i = 0; i < 3; i++)
		anchors[i] = sign(&log, log.key, "a", 1 + 2 * i, log.h[1 + 2 * i]);
	log.proof.anchors = anchors;
	log.proof.anchor_count = 3;
	begin(&log, 5);
	proof_end(&log.proof, 5, log.h[5]);
	assert_true(log.proof.verdict.whole);
	assert_int_equal(log.proof.anchors_met, 3);
	assert_int_equal(log.proof.verdict.sealed, 5);
	forget(&log);
	make(&log, 5);                                          /* another one stands at its place */
	anchors[0] = sign(&log, log.key, "a", 3, log.h[4]);
	log.proof.anchors = anchors;
	log.proof.anchor_count = 1;
	begin(&log, 5);
	assert_bad(&log, 1, "or one behind it, up to record 3, was changed, and all hashes from there: a checkpoint speaks of others");
	forget(&log);
}

/* The log was cut: what is kept elsewhere tells, unless a stranger signed it. */
static void
test_a_log_that_ends_before_what_is_kept_elsewhere(void **state)
{
	static const struct { bool stranger, keys, bad; } cases[] = { { false, true, true }, { true, true, false }, { true, false, true } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct log log;
		make(&log, 5);
		struct checkpoint anchor = sign(&log, cases[i].stranger ? log.next_key : log.key, "a", 5, log.h[5]);
		log.proof.key_count = cases[i].keys;
		log.proof.anchors = &anchor;
		log.proof.anchor_count = 1;
		begin(&log, 4);
		proof_end(&log.proof, 4, log.h[4]);
		if (cases[i].bad)
			assert_bad(&log, 5, "is not there: a checkpoint that is kept elsewhere speaks of record 5");
		else
			assert_string_not_equal(log.proof.verdict.reason, "is not there: a checkpoint that is kept elsewhere speaks of record 5");
		assert_int_equal(log.proof.anchors_met, cases[i].bad);
		forget(&log);
	}
}

static void
test_every_hundredth_record_is_signed_or_it_is_bad(void **state)
{
	struct log log;

	(void)state;
	for (int64_t last = 300; last <= 301; last++) {
		make(&log, last);
		log.proof.sign_all = true;
		begin(&log, 100);
		mark(&log, 100);
		add(&log, 101, last);
		proof_end(&log.proof, last, log.h[last]);
		if (last == 300)
			assert_true(log.proof.verdict.whole);
		else
			assert_bad(&log, 101, "and all behind it, up to record 301, are not signed, though every hundredth record is");
		forget(&log);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_to_blame_is_said_as_far_as_it_can_be_known),
		cmocka_unit_test(test_one_that_says_it_is_another_is_named),
		cmocka_unit_test(test_what_cannot_be_read_is_said),
		cmocka_unit_test(test_many_pieces_are_not_all_told),
		cmocka_unit_test(test_the_end_is_the_one_that_was_written_last),
		cmocka_unit_test(test_a_checkpoint_proves_what_stands_before_it),
		cmocka_unit_test(test_one_that_counts_not_proves_nothing),
		cmocka_unit_test(test_a_checkpoint_speaks_of_a_record_that_is_there),
		cmocka_unit_test(test_hashes_that_were_made_anew),
		cmocka_unit_test(test_a_changed_hash_is_known_by_its_checkpoint),
		cmocka_unit_test(test_a_key_counts_when_the_one_before_vouches_for_it),
		cmocka_unit_test(test_a_key_is_known_once_and_there_is_room_for_some),
		cmocka_unit_test(test_checkpoints_that_are_kept_elsewhere_must_hold),
		cmocka_unit_test(test_a_log_that_ends_before_what_is_kept_elsewhere),
		cmocka_unit_test(test_every_hundredth_record_is_signed_or_it_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
