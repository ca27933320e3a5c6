/* Tests of the clock that somebody sets while we run: each step is one record of the audit, and what is no step is none (threats L4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/clock_watch.h"
#include "bridge/rights/audit.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"

enum { LOOK = 2100, PATIENCE = 20000 };

#define DAY (INT64_C(24) * 3600 * 1000)

/* The clocks, as somebody sets them. */
static int64_t wall_set, mono_set;      /* ms further than they are */

int
clock_gettime(clockid_t id, struct timespec *out)
{
	int failed = (int)syscall(SYS_clock_gettime, id, out);
	int64_t ms = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_set : mono_set;
	int64_t ns = out->tv_nsec + ms % 1000 * 1000000;

	out->tv_sec += (time_t)(ms / 1000 + (ns >= 1000000000) - (ns < 0));
	out->tv_nsec = (long)(ns >= 1000000000 ? ns - 1000000000 : ns < 0 ? ns + 1000000000 : ns);
	return failed;
}

struct fixture {
	struct arena *arena;
	const char *folder;
	struct engine engine;
	struct clock_watch *clocks;
};

static int
begin(void **state)
{
	static const struct tables *const tables[] = { &audit_tables, NULL };
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-clock-XXXXXX";
	enum store_open_error why;
	struct error error = { "" };

	wall_set = mono_set = 0;
	log_open(LEVEL_ERROR + 1, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, 10);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	assert_non_null(fixture->engine.store);
	fixture->clocks = clock_watch_open(&fixture->engine);
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

	clock_watch_close(fixture->clocks);
	store_close(fixture->engine.store);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	nftw(fixture->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

/* What the audit says, newest first, in one line. */
struct said { char text[400]; bool done; };

static bool
add(const struct audit_record *record, void *with)
{
	struct said *said = with;
	size_t length = strlen(said->text);

	snprintf(said->text + length, sizeof said->text - length, "%s%s: %s", length ? "; " : "", record->entry.what, record->entry.result);
	return true;
}

static bool
list(struct db *db, void *with, struct arena *arena, struct error *error)
{
	static const struct audit_filter all;

	return audit_list(db, &all, arena, add, with, error);
}

static void
listed(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)error;
	assert_true(committed);
	*(struct said *)to = *(const struct said *)work_with(work);
	((struct said *)to)->done = true;
}

/* Time passes until the next look is over: what it had to write is written. */
static const char *
after_a_look(struct fixture *fixture)
{
	struct said *said = arena_take(fixture->arena, sizeof *said);

	wall_set += LOOK;
	mono_set += LOOK;
	for (int turns = 0; turns < 5; turns++)
		loop_turn(fixture->engine.loop);
	store_queue(fixture->engine.store, work_new(list, sizeof *said), listed, said);
	for (int turns = 0; !said->done && turns < PATIENCE; turns++) {
		loop_turn(fixture->engine.loop);
		poll(NULL, 0, 1);
	}
	assert_true(said->done);
	return said->text;
}

static void
test_time_that_passes_is_no_step(void **state)
{
	assert_string_equal(after_a_look(*state), "");
	mono_set += 3 * DAY;
	wall_set += 3 * DAY;
	assert_string_equal(after_a_look(*state), "");
}

static void
test_a_clock_that_is_made_right_by_little_is_no_step(void **state)
{
	for (int i = 0; i < 4; i++) {
		wall_set += i % 2 ? -4500 : 4500;
		assert_string_equal(after_a_look(*state), "");
	}
}

static void
test_a_step_is_one_record_with_how_far_and_whereto(void **state)
{
	wall_set += 3 * DAY;
	assert_string_equal(after_a_look(*state), "clock: the wall clock went forward by 3 days: it was set, or this machine slept");
	assert_string_equal(after_a_look(*state), "clock: the wall clock went forward by 3 days: it was set, or this machine slept");
	wall_set -= 6000;
	assert_true(text_glob("clock: the wall clock was set back by 6 s; clock: *", after_a_look(*state)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time_that_passes_is_no_step, begin, end),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_made_right_by_little_is_no_step, begin, end),
		cmocka_unit_test_setup_teardown(test_a_step_is_one_record_with_how_far_and_whereto, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
