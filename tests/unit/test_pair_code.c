/* Codes that people read and type, and those by which accounts are paired. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/typed.h"
#include "bridge/talk/message.h"
#include "bridge/work/pair_code.h"

static const struct place place = { "corp", "alice", NULL };

static void
test_a_code_is_typed_as_people_like(void **state)
{
	char code[TYPED_SIZE], other[2 * TYPED_SIZE];
	unsigned char one[TYPED_HASH], two[TYPED_HASH];

	(void)state;
	typed_make(code);
	assert_int_equal(strspn(code, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"), 4);
	assert_int_equal(code[4], '-');
	assert_int_equal(strlen(code), 9);
	snprintf(other, sizeof other, "%.4s %s", code, code + 5);
	for (char *at = other; *at; at++)
		*at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
	typed_hash(code, one);
	typed_hash(other, two);
	assert_memory_equal(one, two, sizeof one);
	typed_hash("AAAA-AAAA-and-more-than-any-code-is-long-so-that-it-is-none-of-them-at-all", two);
	assert_memory_not_equal(one, two, sizeof one);
}

static void
test_codes_differ(void **state)
{
	char codes[100][TYPED_SIZE];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		typed_make(codes[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(codes[i], codes[j]);
	}
}

static void
test_a_code_is_claimed_once(void **state)
{
	struct pair_codes *codes = pair_codes_new();
	char code[TYPED_SIZE];

	(void)state;
	assert_true(pair_code_make(codes, "alice", "corp/alice", &place, code));
	struct offer *offer = pair_code_find(codes, code);
	assert_non_null(offer);
	assert_string_equal(offer->person, "alice");
	assert_null(pair_code_claimed(codes, "hq/@alice:x"));
	pair_code_claim(codes, offer, "hq/@alice:x");
	assert_null(pair_code_find(codes, code));
	assert_ptr_equal(pair_code_claimed(codes, "hq/@alice:x"), offer);
	assert_null(pair_code_claimed(codes, "hq/@mallory:x"));
	pair_code_end(offer);
	assert_null(pair_code_claimed(codes, "hq/@alice:x"));
	pair_codes_free(codes);
}

static void
test_who_says_a_second_code_gives_up_the_first(void **state)
{
	struct pair_codes *codes = pair_codes_new();
	char one[TYPED_SIZE], two[TYPED_SIZE];

	(void)state;
	assert_true(pair_code_make(codes, "alice", "corp/alice", &place, one));
	assert_true(pair_code_make(codes, "bob", "corp/bob", &place, two));
	pair_code_claim(codes, pair_code_find(codes, one), "hq/@x:x");
	pair_code_claim(codes, pair_code_find(codes, two), "hq/@x:x");
	assert_string_equal(pair_code_claimed(codes, "hq/@x:x")->person, "bob");
	pair_code_end(pair_code_claimed(codes, "hq/@x:x"));
	assert_null(pair_code_claimed(codes, "hq/@x:x"));
	pair_codes_free(codes);
}

static void
test_there_is_room_for_so_many(void **state)
{
	struct pair_codes *codes = pair_codes_new();
	char code[TYPED_SIZE], name[20];

	(void)state;
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof name, "p%d", i);
		assert_true(pair_code_make(codes, name, "corp/x", &place, code));
	}
	assert_false(pair_code_make(codes, "one more", "corp/x", &place, code));
	assert_true(pair_code_make(codes, "p7", "corp/x", &place, code));
	pair_codes_free(codes);
}

static void
test_guesses_are_counted_for_each_account(void **state)
{
	struct pair_codes *codes = pair_codes_new();
	char name[20];

	(void)state;
	for (unsigned i = 0; i < PAIR_GUESSES; i++) {
		assert_int_equal(pair_guesses_left(codes, "hq/@m:x"), PAIR_GUESSES - i);
		pair_guessed_wrong(codes, "hq/@m:x");
	}
	assert_int_equal(pair_guesses_left(codes, "hq/@m:x"), 0);
	pair_guessed_wrong(codes, "hq/@m:x");
	assert_int_equal(pair_guesses_left(codes, "hq/@m:x"), 0);
	assert_int_equal(pair_guesses_left(codes, "hq/@n:x"), PAIR_GUESSES);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "p%d", i);
		pair_guessed_wrong(codes, name);
	}
	assert_int_equal(pair_guesses_left(codes, "p999"), PAIR_GUESSES - 1);
	pair_codes_free(codes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_code_is_typed_as_people_like),
		cmocka_unit_test(test_codes_differ),
		cmocka_unit_test(test_a_code_is_claimed_once),
		cmocka_unit_test(test_who_says_a_second_code_gives_up_the_first),
		cmocka_unit_test(test_there_is_room_for_so_many),
		cmocka_unit_test(test_guesses_are_counted_for_each_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
