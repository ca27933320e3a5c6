/* Tests of talk: a configuration that was replaced goes when its last reader has ended, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/base/error.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/talk.h"

static void
gone(void *what)
{
	++*(unsigned *)what;
}

static void
test_one_that_nobody_reads_goes_at_once(void **state)
{
	unsigned count = 0;

	(void)state;
	snapshot_replaced(snapshot_new(gone, &count));
	assert_int_equal(count, 1);
}

static void
test_the_last_reader_lets_it_go(void **state)
{
	unsigned count = 0;
	struct snapshot *snapshot = snapshot_new(gone, &count);

	(void)state;
	snapshot_hold(snapshot);
	snapshot_hold(snapshot);
	snapshot_replaced(snapshot);
	snapshot_release(snapshot);
	assert_int_equal(count, 0);
	snapshot_release(snapshot);
	assert_int_equal(count, 1);
}

static void
test_what_is_in_force_stays_without_readers(void **state)
{
	unsigned count = 0;
	struct snapshot *snapshot = snapshot_new(gone, &count);

	(void)state;
	snapshot_hold(snapshot);
	snapshot_release(snapshot);
	assert_int_equal(count, 0);
	snapshot_replaced(snapshot);
	assert_int_equal(count, 1);
}

static void
read_it(struct task *task, void *with)
{
	talk_hold(task, with);
	task_park(task);
}

static void
test_a_task_holds_what_it_found_until_it_ends(void **state)
{
	unsigned first = 0, second = 0;
	struct engine engine = { 0 };
	struct error error;
	struct talk talk = { .engine = &engine, .snapshot = snapshot_new(gone, &first) };
	struct snapshot *old = talk.snapshot;

	(void)state;
	engine.loop = loop_open(&error);
	engine.tasks = tasks_open(&engine, 10);
	uint64_t before = task_start(&engine, "before", read_it, &talk, NULL);
	loop_turn(engine.loop);
	talk.snapshot = snapshot_new(gone, &second);
	snapshot_replaced(old);
	uint64_t after = task_start(&engine, "after", read_it, &talk, NULL);
	loop_turn(engine.loop);
	assert_int_equal(first, 0);
	task_wake(&engine, before);
	loop_turn(engine.loop);
	assert_int_equal(first, 1);
	snapshot_replaced(talk.snapshot);
	assert_int_equal(second, 0);
	task_cancel(&engine, after);
	loop_turn(engine.loop);
	assert_int_equal(second, 1);
	tasks_close(engine.tasks);
	loop_close(engine.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_nobody_reads_goes_at_once),
		cmocka_unit_test(test_the_last_reader_lets_it_go),
		cmocka_unit_test(test_what_is_in_force_stays_without_readers),
		cmocka_unit_test(test_a_task_holds_what_it_found_until_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
