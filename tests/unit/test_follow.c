/* Tests of what is followed while somebody sets the wall clock: no look is late, and nothing is overdue early (threats L4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/engine.h"
#include "bridge/run/follow.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"

enum { SOON = 50, PATIENCE = 5000 };

#define HOUR (INT64_C(3600) * 1000)
#define DAY (24 * HOUR)

/* The wall clock, as somebody sets it. */
static int64_t wall_set;                /* ms further than it is, whole seconds */

int
clock_gettime(clockid_t id, struct timespec *out)
{
	int failed = (int)syscall(SYS_clock_gettime, id, out);

	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		out->tv_sec += (time_t)(wall_set / 1000);
	return failed;
}

struct fixture {
	struct arena *arena;
	const char *folder;
	struct engine engine;
	struct follows *follows;
	int looks;
	bool overdue;
};

struct next { int64_t id, due; };

static bool
write_next(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct next *next = with;

	(void)arena;
	return follow_seen(db, next->id, "seen", next->due, error);
}

static void
look(struct task *task, const struct follow *follow, void *with)
{
	struct fixture *fixture = with;
	struct work *work = work_new(write_next, sizeof(struct next));

	*(struct next *)work_with(work) = (struct next){ follow->id, clock_wall() + SOON };
	fixture->overdue |= follow->overdue;
	if (store_commit(task, work))
		fixture->looks++;
}

static void
open_gateway(struct fixture *fixture)
{
	static const struct tables *const tables[] = { &follow_tables, NULL };
	enum store_open_error why;
	struct error error = { "" };

	fixture->engine = (struct engine){ .loop = loop_open(&error) };
	fixture->engine.tasks = tasks_open(&fixture->engine, 10);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	assert_non_null(fixture->engine.store);
	fixture->follows = follows_open(&fixture->engine);
	follows_kind(fixture->follows, "build", look, fixture);
	follows_begin(fixture->follows);
}

static void
close_gateway(struct fixture *fixture)
{
	follows_stop(fixture->follows);
	while (tasks_count(fixture->engine.tasks)) {
		tasks_cancel_all(fixture->engine.tasks);
		loop_turn(fixture->engine.loop);
	}
	store_close(fixture->engine.store);
	follows_close(fixture->follows);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-follow-XXXXXX";

	wall_set = 0;
	log_open(LEVEL_ERROR + 1, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	open_gateway(fixture);
	*state = fixture;
	return 0;
}

static int
remove_one(const char *path, const struct stat *status, int what, struct FTW *ftw)
{
	(void)status;
	(void)what;
	(void)ftw;
	return remove(path);
}

static int
end(void **state)
{
	struct fixture *fixture = *state;

	close_gateway(fixture);
	nftw(fixture->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static bool
write_new(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return follow_add(db, with, error);
}

static void
added(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)work;
	(void)error;
	assert_true(committed);
	follows_kick(to);
}

static void
follow_for(struct fixture *fixture, int64_t ms)
{
	struct work *work = work_new(write_new, sizeof(struct follow));
	int64_t now = clock_wall();

	*(struct follow *)work_with(work) = (struct follow){ .instance = "ci", .kind = "build", .token = "1", .began = now, .due = now, .until = now + ms };
	store_queue(fixture->engine.store, work, added, fixture->follows);
}

static bool
looked_again(struct fixture *fixture, int looks)
{
	for (int turns = 0; fixture->looks < looks && turns < PATIENCE; turns++) {
		loop_turn(fixture->engine.loop);
		poll(NULL, 0, 1);
	}
	return fixture->looks >= looks;
}

static void
test_a_clock_that_is_set_back_delays_no_look(void **state)
{
	struct fixture *fixture = *state;

	follow_for(fixture, HOUR);
	assert_true(looked_again(fixture, 2));
	wall_set = -3 * DAY;
	assert_true(looked_again(fixture, 5));
	assert_false(fixture->overdue);
}

static void
test_a_clock_that_is_set_forward_makes_nothing_overdue(void **state)
{
	struct fixture *fixture = *state;

	follow_for(fixture, HOUR);
	assert_true(looked_again(fixture, 2));
	wall_set = 3 * DAY;
	assert_true(looked_again(fixture, 5));
	assert_false(fixture->overdue);
}

static void
test_what_has_had_its_time_is_overdue(void **state)
{
	struct fixture *fixture = *state;

	follow_for(fixture, 4 * SOON);
	assert_true(looked_again(fixture, 10));
	assert_true(fixture->overdue);
}

static void
test_what_an_earlier_life_began_in_the_future_is_looked_at_now(void **state)
{
	struct fixture *fixture = *state;

	follow_for(fixture, HOUR);
	assert_true(looked_again(fixture, 1));
	close_gateway(fixture);
	wall_set = -3 * DAY;
	open_gateway(fixture);
	assert_true(looked_again(fixture, 3));
	assert_false(fixture->overdue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_back_delays_no_look, begin, end),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_forward_makes_nothing_overdue, begin, end),
		cmocka_unit_test_setup_teardown(test_what_has_had_its_time_is_overdue, begin, end),
		cmocka_unit_test_setup_teardown(test_what_an_earlier_life_began_in_the_future_is_looked_at_now, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
