/* Tasks and their fibers: waiting, waking, being cancelled, many at once; a stack that overflows is named. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

#include "bridge/base/clock.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum { MOST = 12000 };

struct fixture {
	struct engine engine;
	int64_t value;
	unsigned ended, freed;
	uint64_t other;
	int pipe[2];
};

static int
make(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);
	struct error error;

	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, MOST);
	assert_int_equal(pipe(fixture->pipe), 0);
	*state = fixture;
	return 0;
}

static void
run_out(struct fixture *fixture)
{
	while (tasks_count(fixture->engine.tasks))
		loop_turn(fixture->engine.loop);
}

static int
unmake(void **state)
{
	struct fixture *fixture = *state;

	tasks_cancel_all(fixture->engine.tasks);
	run_out(fixture);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	close(fixture->pipe[0]);
	close(fixture->pipe[1]);
	free(fixture);
	return 0;
}

static uint64_t
start(struct fixture *fixture, task_fn *run)
{
	uint64_t id = task_start(&fixture->engine, "test", run, fixture, NULL);

	assert_true(id != 0);
	return id;
}

static void
nap(struct task *task, void *with)
{
	struct fixture *fixture = with;
	int64_t from = clock_mono();

	fixture->value = task_pause(task, 30) ? clock_mono() - from : -1;
}

static void
test_a_pause_lasts_as_long_as_it_says(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, nap);
	run_out(fixture);
	assert_true(fixture->value >= 29);
}

static void
wait_for_ever(struct task *task, void *with)
{
	struct fixture *fixture = with;

	while (task_park(task))
		fixture->value++;
	fixture->ended++;
}

static void
test_cancel_ends_every_kind_of_wait(void **state)
{
	struct fixture *fixture = *state;
	uint64_t parked = start(fixture, wait_for_ever), asleep = start(fixture, nap);

	loop_turn(fixture->engine.loop);
	task_cancel(&fixture->engine, parked);
	task_cancel(&fixture->engine, asleep);
	run_out(fixture);
	assert_int_equal(fixture->ended, 1);
	assert_int_equal(fixture->value, -1);
	task_cancel(&fixture->engine, parked);          /* harmless where it has ended */
	task_wake(&fixture->engine, parked);
}

static void
test_a_wake_ends_a_park_and_an_old_id_wakes_nobody(void **state)
{
	struct fixture *fixture = *state;
	uint64_t old = start(fixture, nap), id;

	run_out(fixture);
	fixture->value = 0;
	id = start(fixture, wait_for_ever);
	assert_true(id != old);
	loop_turn(fixture->engine.loop);
	task_wake(&fixture->engine, old);
	loop_turn(fixture->engine.loop);
	assert_int_equal(fixture->value, 0);
	task_wake(&fixture->engine, id);
	loop_turn(fixture->engine.loop);
	assert_int_equal(fixture->value, 1);
	task_wake_now(&fixture->engine, id);
	assert_int_equal(fixture->value, 2);
}

static void
firmly(struct task *task, void *with)
{
	struct fixture *fixture = with;

	while (!fixture->ended)
		task_park_firmly(task);
	fixture->value = task->cancelled;
}

static void
test_a_firm_wait_is_not_ended_by_cancel(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = start(fixture, firmly);

	loop_turn(fixture->engine.loop);
	task_cancel(&fixture->engine, id);
	for (int i = 0; i < 5; i++)
		loop_turn(fixture->engine.loop);
	assert_int_equal(tasks_count(fixture->engine.tasks), 1);
	fixture->ended = 1;
	task_wake(&fixture->engine, id);
	run_out(fixture);
	assert_int_equal(fixture->value, 1);
}

static void
read_pipe(struct task *task, void *with)
{
	struct fixture *fixture = with;

	fixture->value = task_ready(task, fixture->pipe[0], LOOP_READ, 20) ? 2 : 1;
	fixture->ended += task_ready(task, fixture->pipe[0], LOOP_READ, 5000);
}

static void
test_a_descriptor_is_waited_for_with_a_limit(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, read_pipe);
	while (!fixture->value)
		loop_turn(fixture->engine.loop);
	assert_int_equal(fixture->value, 1);
	assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
	run_out(fixture);
	assert_int_equal(fixture->ended, 1);
}

static void
count_freed(void *with)
{
	((struct fixture *)with)->freed++;
}

static void
leave_things(struct task *task, void *with)
{
	task_defer(task, count_freed, with);
	task_text(task, "%s", "memory");
	task_fail(task, "it %s", "failed");
	task_fail(task, "%s again", task->error.text);
	assert_string_equal(task->error.text, "it failed again");
	assert_false(task_would(task, "send %d", 1));
	assert_false(task_would(task, "send %d", 2));
	assert_string_equal(task->would, "send 1");
}

static void
test_what_a_task_leaves_goes_with_it(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, leave_things);
	run_out(fixture);
	assert_int_equal(fixture->freed, 1);
}

static void
test_ten_thousand_wait_at_once_and_one_too_many_is_refused(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < MOST; i++)
		start(fixture, wait_for_ever);
	struct arena *arena = arena_new();
	arena_defer(arena, count_freed, fixture);
	assert_int_equal(task_start(&fixture->engine, "test", nap, fixture, arena), 0);
	assert_int_equal(fixture->freed, 1);            /* the arena went with the refusal */
	loop_turn(fixture->engine.loop);
	tasks_cancel_all(fixture->engine.tasks);
	run_out(fixture);
	assert_int_equal(fixture->ended, MOST);
}

static void
test_where_all_are_taken_the_house_has_its_reserve(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < MOST; i++)
		start(fixture, wait_for_ever);
	for (int i = 0; i < TASKS_RESERVE; i++)
		assert_true(task_start_reserved(&fixture->engine, "house", wait_for_ever, fixture, NULL) != 0);
	assert_int_equal(task_start_reserved(&fixture->engine, "house", nap, fixture, NULL), 0);
	assert_int_equal(task_start(&fixture->engine, "test", nap, fixture, NULL), 0);
	loop_turn(fixture->engine.loop);
	tasks_cancel_all(fixture->engine.tasks);
	run_out(fixture);
	assert_int_equal(fixture->ended, MOST + TASKS_RESERVE);
}

/* Children: what ends the whole program. */

static int
deepen(unsigned left, volatile char *above)
{
	volatile char frame[4096];

	frame[0] = above ? above[0] : 1;
	frame[4095] = (char)(left ? deepen(left - 1, frame) : 0);
	return frame[4095] + frame[0];
}

static void
overflow(struct task *task, void *with)
{
	(void)with;
	task_pause(task, 1);
	deepen(100, NULL);
}

static void
test_a_stack_that_overflows_after_a_wait_is_named_and_ends_us(void **state)
{
	struct fixture *fixture = *state;
	char said[512] = "";
	int status;

#ifdef HAVE_VALGRIND_H
	if (RUNNING_ON_VALGRIND)
		skip();         /* it tells the overflow itself */
#endif
	pid_t child = fork();
	if (child == 0) {
		/* An engine of its own: the test's runner has put its own handler in the place of ours. */
		struct fixture own = { .value = 0 };
		dup2(fixture->pipe[1], STDERR_FILENO);
		own.engine.loop = loop_open(NULL);
		own.engine.tasks = tasks_open(&own.engine, 10);
		task_start(&own.engine, "the deep one", overflow, &own, NULL);
		run_out(&own);
		_exit(0);
	}
	close(fixture->pipe[1]);
	fixture->pipe[1] = -1;
	size_t length = 0;
	for (ssize_t got; (got = read(fixture->pipe[0], said + length, sizeof said - 1 - length)) > 0;)
		length += (size_t)got;
	assert_int_equal(waitpid(child, &status, 0), child);
#if defined __SANITIZE_ADDRESS__
	assert_int_not_equal(status, 0);                /* the sanitizer ends it in its own way */
#else
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	assert_non_null(strstr(said, "the stack of the task the deep one overflowed"));
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_pause_lasts_as_long_as_it_says, make, unmake),
		cmocka_unit_test_setup_teardown(test_cancel_ends_every_kind_of_wait, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_wake_ends_a_park_and_an_old_id_wakes_nobody, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_firm_wait_is_not_ended_by_cancel, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_descriptor_is_waited_for_with_a_limit, make, unmake),
		cmocka_unit_test_setup_teardown(test_what_a_task_leaves_goes_with_it, make, unmake),
		cmocka_unit_test_setup_teardown(test_ten_thousand_wait_at_once_and_one_too_many_is_refused, make, unmake),
		cmocka_unit_test_setup_teardown(test_where_all_are_taken_the_house_has_its_reserve, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_stack_that_overflows_after_a_wait_is_named_and_ends_us, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
