/* Tests of the gate: who goes first, and when, where a homeserver says that it gets too many requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/clock.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "protocols/matrix/gate.h"

enum { MOST = 20, PATIENCE = 20000, PAUSE = 100 };     /* ms */

struct fixture {
	struct engine engine;
	struct gate gate;
	char passed[100];               /* the letters of those who did, in order; a small one for each that was sent away */
	int64_t at[MOST];               /* when */
	size_t count;
	unsigned inside, most_inside, narrow;
};

/* One who wants to pass. */
struct guest {
	struct fixture *fixture;
	char letter;
	enum urgency urgency;
	bool stays;                     /* inside, until it is cancelled */
	int64_t pause;                  /* what the server says when it has passed; 0: nothing */
	uint64_t task;
	bool sent_away;
	struct error why;
};

static int
make(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);
	struct error error;

	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, MOST);
	*state = fixture;
	return 0;
}

static int
unmake(void **state)
{
	struct fixture *fixture = *state;

	tasks_cancel_all(fixture->engine.tasks);
	while (tasks_count(fixture->engine.tasks))
		loop_turn(fixture->engine.loop);
	assert_null(fixture->gate.first);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	free(fixture);
	return 0;
}

static void
pass(struct task *task, void *with)
{
	struct guest *guest = with;
	struct fixture *fixture = guest->fixture;
	bool narrow;

	if (!gate_enter(task, &fixture->gate, guest->urgency, &narrow)) {
		assert_false(narrow);
		guest->sent_away = true;
		guest->why = task->error;
		return;
	}
	fixture->at[fixture->count] = clock_mono();
	fixture->passed[fixture->count++] = guest->letter;
	fixture->narrow += narrow;
	fixture->inside++;
	fixture->most_inside = fixture->inside > fixture->most_inside ? fixture->inside : fixture->most_inside;
	task_pause(task, 5);            /* the request is on its way */
	while (guest->stays && task_park(task))
		;
	fixture->inside--;
	if (guest->pause)
		gate_shut(&fixture->gate, guest->pause);
	guest->pause = 0;
	if (narrow)
		gate_leave(task, &fixture->gate);
}

static void
come(struct fixture *fixture, struct guest *guest)
{
	guest->fixture = fixture;
	guest->task = task_start(&fixture->engine, "guest", pass, guest, NULL);
	assert_true(guest->task != 0);
}

static void
turn_until_ended(struct fixture *fixture, size_t left)
{
	for (int64_t stop_at = clock_mono() + PATIENCE; tasks_count(fixture->engine.tasks) > left && clock_mono() < stop_at;)
		loop_turn(fixture->engine.loop);
	assert_int_equal(tasks_count(fixture->engine.tasks), left);
}

/* Turns until all that can happen at once has happened. */
static void
settle(struct fixture *fixture, size_t passed)
{
	for (int64_t stop_at = clock_mono() + PATIENCE; fixture->count < passed && clock_mono() < stop_at;)
		loop_turn(fixture->engine.loop);
	assert_int_equal(fixture->count, passed);
}

static void
test_an_open_gate_lets_all_pass_together(void **state)
{
	struct fixture *fixture = *state;
	struct guest guests[] = { { .letter = 'A', .urgency = URGENCY_REACTION }, { .letter = 'B', .urgency = URGENCY_RING }, { .letter = 'C', .urgency = URGENCY_STATE } };

	for (size_t i = 0; i < 3; i++)
		come(fixture, &guests[i]);
	turn_until_ended(fixture, 0);
	assert_string_equal(fixture->passed, "ABC");
	assert_int_equal(fixture->most_inside, 3);
	assert_int_equal(fixture->narrow, 0);
}

static void
test_after_a_pause_the_most_urgent_goes_first_and_one_by_one(void **state)
{
	struct fixture *fixture = *state;
	struct guest guests[] = { { .letter = 'A', .urgency = URGENCY_REACTION }, { .letter = 'B', .urgency = URGENCY_PROGRESS }, { .letter = 'C', .urgency = URGENCY_STATE },
		{ .letter = 'D', .urgency = URGENCY_RING }, { .letter = 'E', .urgency = URGENCY_THREAD }, { .letter = 'F', .urgency = URGENCY_STATE },
		{ .letter = 'G', .urgency = URGENCY_RING } };
	int64_t from = clock_mono();

	gate_shut(&fixture->gate, PAUSE);
	for (size_t i = 0; i < 7; i++)
		come(fixture, &guests[i]);
	turn_until_ended(fixture, 0);
	assert_string_equal(fixture->passed, "DGCFEBA");
	assert_int_equal(fixture->most_inside, 1);
	assert_int_equal(fixture->narrow, 7);
	assert_true(fixture->at[0] >= from + PAUSE);
}

/* Who comes while another one is inside does not overtake those who are more urgent. */
static void
test_who_comes_later_and_is_more_urgent_goes_first(void **state)
{
	struct fixture *fixture = *state;
	struct guest slow = { .letter = 'A', .stays = true, .urgency = URGENCY_PROGRESS }, sign = { .letter = 'B', .urgency = URGENCY_REACTION }, ring = { .letter = 'C', .urgency = URGENCY_RING };

	gate_shut(&fixture->gate, 1);
	come(fixture, &slow);
	settle(fixture, 1);
	come(fixture, &sign);
	come(fixture, &ring);
	task_cancel(&fixture->engine, slow.task);
	turn_until_ended(fixture, 0);
	assert_string_equal(fixture->passed, "ACB");
}

static void
test_a_second_refusal_keeps_all_others_back_as_long_as_it_says(void **state)
{
	struct fixture *fixture = *state;
	struct guest guests[] = { { .letter = 'A', .pause = 2 * PAUSE }, { .letter = 'B' }, { .letter = 'C' } };

	gate_shut(&fixture->gate, PAUSE);
	for (size_t i = 0; i < 3; i++)
		come(fixture, &guests[i]);
	turn_until_ended(fixture, 0);
	assert_string_equal(fixture->passed, "ABC");
	assert_true(fixture->at[1] >= fixture->at[0] + 2 * PAUSE);
	assert_true(fixture->at[2] >= fixture->at[1]);
}

/* Whatever the server writes: it is never asked without a pause, and never left alone for days. */
static void
test_a_pause_is_between_50_ms_and_5_minutes(void **state)
{
	static const struct { int64_t says, least, most; } rows[] = {
		{ 0, 50, 50 }, { -1, 50, 50 }, { INT64_MIN, 50, 50 }, { 1000, 1000, 1000 }, { 86400 * 1000, 300 * 1000, 300 * 1000 }, { INT64_MAX, 300 * 1000, 300 * 1000 },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t before = clock_mono();
		fixture->gate = (struct gate){ 0 };
		gate_shut(&fixture->gate, rows[i].says);
		int64_t after = clock_mono();
		assert_true(fixture->gate.opens >= before + rows[i].least && fixture->gate.opens <= after + rows[i].most);
		assert_true(fixture->gate.narrow_until > fixture->gate.opens);
	}
}

/* One of them was refused for a second, another for a minute: the minute counts. */
static void
test_a_short_pause_does_not_shorten_a_long_one(void **state)
{
	struct fixture *fixture = *state;

	gate_shut(&fixture->gate, 60 * 1000);
	int64_t opens = fixture->gate.opens;
	gate_shut(&fixture->gate, 1000);
	assert_int_equal(fixture->gate.opens, opens);
}

static void
test_who_is_cancelled_leaves_the_others_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct guest guests[] = { { .letter = 'A', .stays = true }, { .letter = 'B', .urgency = URGENCY_STATE }, { .letter = 'C', .urgency = URGENCY_RING },
		{ .letter = 'D', .urgency = URGENCY_THREAD } };

	gate_shut(&fixture->gate, 1);
	come(fixture, &guests[0]);
	settle(fixture, 1);
	for (size_t i = 1; i < 4; i++)
		come(fixture, &guests[i]);
	task_cancel(&fixture->engine, guests[2].task);
	turn_until_ended(fixture, 3);
	assert_true(guests[2].sent_away);
	task_cancel(&fixture->engine, guests[0].task);
	turn_until_ended(fixture, 0);
	assert_string_equal(fixture->passed, "ABD");
}

static void
test_who_is_cancelled_while_it_is_shut_does_not_wait_for_it(void **state)
{
	struct fixture *fixture = *state;
	struct guest guest = { .letter = 'A' };
	int64_t from = clock_mono();

	gate_shut(&fixture->gate, 300 * 1000);
	come(fixture, &guest);
	loop_turn(fixture->engine.loop);
	task_cancel(&fixture->engine, guest.task);
	turn_until_ended(fixture, 0);
	assert_true(guest.sent_away);
	assert_int_equal(fixture->count, 0);
	assert_true(clock_mono() < from + PATIENCE);
}

static void
test_a_closed_gate_sends_all_away(void **state)
{
	struct fixture *fixture = *state;
	struct guest guests[] = { { .letter = 'A', .urgency = URGENCY_STATE }, { .letter = 'B', .urgency = URGENCY_RING }, { .letter = 'C', .urgency = URGENCY_REACTION } }, late = { .letter = 'D' };

	gate_shut(&fixture->gate, 300 * 1000);
	for (size_t i = 0; i < 3; i++)
		come(fixture, &guests[i]);
	while (!fixture->gate.first)
		loop_turn(fixture->engine.loop);
	gate_close(&fixture->gate);
	turn_until_ended(fixture, 0);
	come(fixture, &late);
	turn_until_ended(fixture, 0);
	assert_int_equal(fixture->count, 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(guests[i].sent_away && strstr(guests[i].why.text, "leaving"));
	assert_true(late.sent_away);
}

/* It was never shut, so nobody waited; it is closed all the same. */
static void
test_a_closed_gate_is_closed_though_it_was_never_narrow(void **state)
{
	struct fixture *fixture = *state;
	struct guest guest = { .letter = 'A' };

	gate_close(&fixture->gate);
	come(fixture, &guest);
	turn_until_ended(fixture, 0);
	assert_true(guest.sent_away && strstr(guest.why.text, "leaving"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_open_gate_lets_all_pass_together, make, unmake),
		cmocka_unit_test_setup_teardown(test_after_a_pause_the_most_urgent_goes_first_and_one_by_one, make, unmake),
		cmocka_unit_test_setup_teardown(test_who_comes_later_and_is_more_urgent_goes_first, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_second_refusal_keeps_all_others_back_as_long_as_it_says, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_pause_is_between_50_ms_and_5_minutes, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_short_pause_does_not_shorten_a_long_one, make, unmake),
		cmocka_unit_test_setup_teardown(test_who_is_cancelled_leaves_the_others_in_order, make, unmake),
		cmocka_unit_test_setup_teardown(test_who_is_cancelled_while_it_is_shut_does_not_wait_for_it, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_closed_gate_sends_all_away, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_closed_gate_is_closed_though_it_was_never_narrow, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
