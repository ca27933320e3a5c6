/* Tests of links: they begin however much else is going on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/bridge.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"

enum { MOST = 10, PATIENCE = 20000 };

static unsigned running;

static bool
run(struct task *task, struct link *link)
{
	(void)link;
	running++;
	while (task_park(task))
		;
	running--;
	return true;
}

static const struct protocol protocol = { .name = "test", .shown = "Test", .run = run };

struct fixture {
	struct bridge bridge;
	struct setup setup;
	struct link_setup each[2];
};

static void
let_go(void *what)
{
	(void)what;
}

static int
make(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);
	static const char *const channels[] = { NULL };

	log_open(LEVEL_ERROR, LOG_TEXT);
	running = 0;
	fixture->each[0] = (struct link_setup){ .name = "corp", .protocol = &protocol, .channels = channels };
	fixture->each[1] = (struct link_setup){ .name = "hq", .protocol = &protocol, .channels = channels };
	fixture->setup = (struct setup){ .links = fixture->each, .link_count = 2, .gateway = { .name = "sally", .prefix = "!" } };
	fixture->bridge.setup = &fixture->setup;
	fixture->bridge.engine.loop = loop_open(NULL);
	fixture->bridge.engine.tasks = tasks_open(&fixture->bridge.engine, MOST);
	fixture->bridge.talk.snapshot = snapshot_new(let_go, NULL);
	links_open(&fixture->bridge.links, &fixture->bridge);
	*state = fixture;
	return 0;
}

static void
turn_until(struct fixture *fixture, unsigned wanted)
{
	for (int64_t until = clock_mono() + PATIENCE; running != wanted && clock_mono() < until;)
		loop_turn(fixture->bridge.engine.loop);
	assert_int_equal(running, wanted);
}

static int
unmake(void **state)
{
	struct fixture *fixture = *state;
	struct engine *engine = &fixture->bridge.engine;

	fixture->bridge.stopping = true;
	tasks_cancel_all(engine->tasks);
	while (tasks_count(engine->tasks))
		loop_turn(engine->loop);
	links_close(&fixture->bridge.links);
	tasks_close(engine->tasks);
	loop_close(engine->loop);
	snapshot_replaced(fixture->bridge.talk.snapshot);
	free(fixture);
	return 0;
}

static void
wait_for_ever(struct task *task, void *with)
{
	(void)with;
	while (task_park(task))
		;
}

static uint64_t
take_all(struct fixture *fixture, uint64_t (*start)(const struct engine *, const char *, task_fn *, void *, struct arena *))
{
	uint64_t id, last = 0;

	while ((id = start(&fixture->bridge.engine, "one of many", wait_for_ever, NULL, NULL)))
		last = id;
	return last;
}

static void
test_a_link_begins_where_commands_have_taken_every_task(void **state)
{
	struct fixture *fixture = *state;

	take_all(fixture, task_start);
	links_begin(&fixture->bridge.links);
	turn_until(fixture, 2);
}

static void
test_one_for_which_there_is_no_task_at_all_says_so_and_begins_as_soon_as_there_is(void **state)
{
	struct fixture *fixture = *state;

	uint64_t last = take_all(fixture, task_start_reserved);
	links_begin(&fixture->bridge.links);
	assert_string_equal(fixture->bridge.links.each[0]->text, "Too much is going on to begin. Next try in 1 s.");
	loop_turn(fixture->bridge.engine.loop);
	task_cancel(&fixture->bridge.engine, last);
	turn_until(fixture, 1);
}

static void
test_who_takes_the_place_of_one_that_waits_for_a_task_begins(void **state)
{
	struct fixture *fixture = *state;
	struct setup before = fixture->setup;

	uint64_t last = take_all(fixture, task_start_reserved);
	links_begin(&fixture->bridge.links);
	loop_turn(fixture->bridge.engine.loop);
	fixture->setup.link_count = 1;
	links_renew(&fixture->bridge.links, &before);
	task_cancel(&fixture->bridge.engine, last);
	turn_until(fixture, 1);
	assert_string_equal(fixture->bridge.links.each[0]->name, "corp");
	assert_null(links_find(&fixture->bridge.links, "hq"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_link_begins_where_commands_have_taken_every_task, make, unmake),
		cmocka_unit_test_setup_teardown(test_one_for_which_there_is_no_task_at_all_says_so_and_begins_as_soon_as_there_is, make, unmake),
		cmocka_unit_test_setup_teardown(test_who_takes_the_place_of_one_that_waits_for_a_task_begins, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
