/* How long a link stays away, on a clock of the test's own: nobody waits 15 minutes here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/irc/backoff.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, MIDDLE = 512 };     /* MIDDLE: the chance that changes nothing */

/* A server that is there, or bans us, between two moments of the test's clock. */
struct world {
	int64_t now, lifted;            /* the ban ends then */
	unsigned tries;
	struct backoff backoff;
};

static void
try_until_let_in(struct world *world, bool banned)
{
	while (world->tries++, world->now < world->lifted)
		world->now += backoff_next(&world->backoff, banned, 0, MIDDLE);
}

static void
test_each_pause_is_twice_the_last_up_to_five_minutes(void **state)
{
	static const int64_t pauses[] = { 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
	struct backoff backoff;

	(void)state;
	backoff_begin(&backoff, 1, 2 * SECOND);
	for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
		assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), pauses[i] * SECOND);
}

static void
test_a_long_stay_is_a_new_story(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_begin(&backoff, 1, 2 * SECOND);
	for (int i = 0; i < 6; i++)
		backoff_next(&backoff, false, 0, MIDDLE);
	assert_int_equal(backoff_next(&backoff, false, MINUTE - 1, MIDDLE), 128 * SECOND);
	assert_int_equal(backoff_next(&backoff, false, MINUTE, MIDDLE), 2 * SECOND);
	assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), 4 * SECOND);
}

static void
test_the_pause_comes_after_a_whole_round_of_servers(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_begin(&backoff, 3, 2 * SECOND);
	for (int64_t pause = 2; pause <= 8; pause *= 2) {
		assert_int_equal(backoff.at, 0);
		assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), 0);
		assert_int_equal(backoff.at, 1);
		assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), 0);
		assert_int_equal(backoff.at, 2);
		assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), pause * SECOND);
	}
	/* Lost after a day: the next one, at once. */
	assert_int_equal(backoff_next(&backoff, false, 24 * 60 * MINUTE, MIDDLE), 0);
	assert_int_equal(backoff.at, 1);
}

static void
test_a_ban_is_counted_from_then_on_up_to_fifteen_minutes(void **state)
{
	static const int64_t pauses[] = { 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900 };
	struct backoff backoff;

	(void)state;
	backoff_begin(&backoff, 1, 2 * SECOND);
	for (int i = 0; i < 8; i++)
		backoff_next(&backoff, false, 0, MIDDLE);
	for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
		assert_int_equal(backoff_next(&backoff, true, 0, MIDDLE), pauses[i] * SECOND);
	/* The ban is gone, the server too: its five minutes are enough again. */
	assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), 5 * MINUTE);
}

static void
test_a_ban_that_is_lifted_brings_us_back_within_fifteen_minutes(void **state)
{
	struct world world = { .now = 1000, .lifted = 1000 + 25 * 60 * MINUTE };

	(void)state;
	backoff_begin(&world.backoff, 1, 2 * SECOND);
	try_until_let_in(&world, true);
	assert_true(world.now - world.lifted <= 15 * MINUTE);
	/* A day of it is no hammering. */
	assert_in_range(world.tries, 100, 115);
}

static void
test_one_ban_among_several_servers_slows_nothing(void **state)
{
	struct backoff backoff;
	int64_t pause = 0;

	(void)state;
	backoff_begin(&backoff, 2, 2 * SECOND);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(backoff_next(&backoff, true, 0, MIDDLE), 0);
		pause = backoff_next(&backoff, false, 0, MIDDLE);
	}
	assert_int_equal(pause, 5 * MINUTE);
	assert_false(backoff.banned);
}

static void
test_new_settings_begin_anew_and_the_same_do_not(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_begin(&backoff, 2, 2 * SECOND);
	backoff_next(&backoff, false, 0, MIDDLE);
	backoff_keep(&backoff, 2, 2 * SECOND);
	assert_int_equal(backoff.at, 1);
	/* One server fewer: there is no second one to be tried. */
	backoff_keep(&backoff, 1, 2 * SECOND);
	assert_int_equal(backoff.at, 0);
}

/* However long `retry` is, five minutes are the most. */
static void
test_a_long_first_pause_is_cut(void **state)
{
	struct backoff backoff;

	(void)state;
	backoff_begin(&backoff, 1, 60 * MINUTE);
	assert_int_equal(backoff_next(&backoff, false, 0, MIDDLE), 5 * MINUTE);
}

static void
test_chance_is_a_quarter_more_or_less(void **state)
{
	(void)state;
	for (uint32_t chance = 0; chance < 1024; chance += 31) {
		struct backoff backoff;
		backoff_begin(&backoff, 1, 8 * SECOND);
		assert_in_range(backoff_next(&backoff, false, 0, chance), 6 * SECOND, 10 * SECOND);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_pause_is_twice_the_last_up_to_five_minutes),
		cmocka_unit_test(test_a_long_stay_is_a_new_story),
		cmocka_unit_test(test_the_pause_comes_after_a_whole_round_of_servers),
		cmocka_unit_test(test_a_ban_is_counted_from_then_on_up_to_fifteen_minutes),
		cmocka_unit_test(test_a_ban_that_is_lifted_brings_us_back_within_fifteen_minutes),
		cmocka_unit_test(test_one_ban_among_several_servers_slows_nothing),
		cmocka_unit_test(test_new_settings_begin_anew_and_the_same_do_not),
		cmocka_unit_test(test_a_long_first_pause_is_cut),
		cmocka_unit_test(test_chance_is_a_quarter_more_or_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
