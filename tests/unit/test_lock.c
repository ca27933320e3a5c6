/* Tests of locks: what a target fits, who may release one, where it is told, and that no clock which is set ends or prolongs one (threats L4). */
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
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/follow.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/message.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/hearing.h"
#include "bridge/work/intent.h"
#include "bridge/work/lock.h"
#include "bridge/work/lock_rows.h"
#include "bridge/work/more.h"
#include "bridge/work/pause.h"

enum { PATIENCE = 20000, LINES = 200, LONG = 300 };

#define S INT64_C(1000)
#define H (3600 * S)
#define D (24 * H)

/* The clocks, as somebody sets them. */
static int64_t wall_set, mono_set;      /* ms further than they are */

int
clock_gettime(clockid_t id, struct timespec *out)
{
	int failed = (int)syscall(SYS_clock_gettime, id, out);
	int64_t ms = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_set : mono_set;

	out->tv_sec += (time_t)(ms / 1000);
	return failed;
}

struct fixture {
	struct arena *arena;
	const char *folder;
	struct engine engine;
	struct talk talk;
	struct lock_settings limits;
	struct conf *conf;
	char said[LINES][LONG];
	size_t count, read;
};

static struct place places[] = { { "corp", "#ops", NULL }, { "corp", "#shop", NULL } };
static const struct room ops = { .name = "ops", .place = &places[0], .place_count = 1 }, shop = { .name = "shop", .place = &places[1], .place_count = 1 };
static struct room *room_list[] = { (struct room *)(uintptr_t)&ops, (struct room *)(uintptr_t)&shop };
static const struct rooms rooms = { 2, room_list };

static const char conf_text[] =
	"person \"alice\" { accounts = { \"corp/alice\" } roles = { \"dev\" } }\n"
	"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"dev\" } }\n"
	"person \"carol\" { accounts = { \"corp/carol\" } roles = { \"dev\", \"sre\" } }\n"
	"person \"dana\" { accounts = { \"corp/dana\" } roles = { \"release\" } }\n"
	"role \"dev\" { may = { \"gateway.lock\" } }\n"
	"role \"sre\" { }\n"
	"role \"release\" { may = { \"gateway.unlock\" } }\n";

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	struct fixture *fixture = with;
	struct lines lines = card_lines(task->arena, delivery->card, 400, 10);

	(void)done;
	for (size_t i = 0; i < lines.count && fixture->count < LINES; i++)
		snprintf(fixture->said[fixture->count++], LONG, "%s %s", delivery->place.channel, lines.each[i]);
	return true;
}

static bool
ready(const char *link, void *with)
{
	(void)link;
	(void)with;
	return true;
}

static unsigned
can(const char *link, void *with)
{
	(void)link;
	(void)with;
	return 0;
}

static void
dropped(const struct place *place, const char *why, void *with)
{
	(void)with;
	fail_msg("dropped for %s: %s", place->channel, why);
}

static bool
anything(void *with, const char *name)
{
	(void)with;
	(void)name;
	return true;
}

static bool
any_verb(void *with, const char *instance, const char *verb)
{
	(void)instance;
	return anything(with, verb);
}

static const char *
nothing_near(void *with, const char *instance, const char *verb)
{
	(void)with;
	(void)instance;
	(void)verb;
	return NULL;
}

static struct sections
fill_all(struct conf *conf, const struct shape *shape)
{
	void **each = arena_take(conf_arena(conf), 8 * sizeof *each);
	size_t count = 0;

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name)); count++) {
		each[count] = arena_take(conf_arena(conf), shape->size);
		conf_fill(conf, at, shape, each[count]);
	}
	return (struct sections){ count, each };
}

static const struct rights *
open_rights(struct conf *conf)
{
	static const struct rights_world world = { .instance = anything, .verb = any_verb, .nearest = nothing_near, .room = anything, .link = anything };
	static const char *const names[] = { "bob" };
	static const struct where where[1];
	static const struct list none, admins = { 1, names, where };
	struct sections persons = fill_all(conf, &person_shape), roles = fill_all(conf, &role_shape);

	return rights_compile(conf, &persons, &roles, &none, &admins, "root", &world);
}

static void
load(struct task *task, void *with)
{
	struct fixture *fixture = with;

	assert_true(locks_load(task, fixture->talk.locks));
	outbox_begin(fixture->talk.outbox);
	locks_begin(fixture->talk.locks);
}

static void
turn(struct fixture *fixture)
{
	loop_turn(fixture->engine.loop);
	poll(NULL, 0, 1);
}

#define UNTIL(fixture, condition) do { \
	for (int turns = 0; !(condition) && turns < PATIENCE; turns++) \
		turn(fixture); \
	assert_true(condition); \
} while (0)

static void
open_gateway(struct fixture *fixture)
{
	static const struct tables *const tables[] = { &audit_tables, &message_tables, &intent_tables, &label_tables, &follow_tables, &outbox_tables,
		&pause_tables, &lock_tables, NULL };
	static const struct instance *const no_instances[1];
	static const struct alias *const no_aliases[1];
	struct carriers carriers = { deliver, ready, can, dropped, fixture, NULL };
	enum store_open_error why;
	struct error error = { "" };

	fixture->engine = (struct engine){ .loop = loop_open(&error) };
	fixture->engine.tasks = tasks_open(&fixture->engine, 100);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	assert_non_null(fixture->engine.store);
	fixture->talk = (struct talk){ .engine = &fixture->engine, .rights = open_rights(fixture->conf), .rooms = &rooms,
		.outbox = outbox_open(&fixture->engine, &carriers), .follows = follows_open(&fixture->engine), .manners = manners_new(), .mores = mores_new(),
		.pause = pause_new(), .instances = no_instances, .aliases = no_aliases, .name = "sally", .prefix = "!", .lines = 10 };
	fixture->talk.locks = locks_open(&fixture->talk);
	task_start(&fixture->engine, "load", load, fixture, NULL);
	UNTIL(fixture, tasks_count(fixture->engine.tasks) == 0);
}

static void
close_gateway(struct fixture *fixture)
{
	outbox_stop(fixture->talk.outbox);
	follows_stop(fixture->talk.follows);
	while (tasks_count(fixture->engine.tasks)) {
		tasks_cancel_all(fixture->engine.tasks);
		loop_turn(fixture->engine.loop);
	}
	store_close(fixture->engine.store);
	outbox_close(fixture->talk.outbox);
	follows_close(fixture->talk.follows);
	manners_free(fixture->talk.manners);
	mores_free(fixture->talk.mores);
	pause_free(fixture->talk.pause);
	locks_close(fixture->talk.locks);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-lock-XXXXXX";

	wall_set = mono_set = 0;
	log_open(LEVEL_ERROR + 1, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->conf = conf_read_text("test.conf", conf_text, strlen(conf_text));
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
	conf_free(fixture->conf);
	arena_free(fixture->arena);
	redact_forget();
	free(fixture);
	return 0;
}

static void
say_in(struct fixture *fixture, const struct room *room, const char *who, const char *text)
{
	const struct message message = { .from = { .account = arena_printf(fixture->arena, "corp/%s", who), .shown = who, .proof = "account-tag", .proven = true },
		.place = room->place[0], .text = text };

	hearing_take(&fixture->talk, &message, 0);
}

static void
expect(struct fixture *fixture, const char *pattern)
{
	for (int turns = 0; fixture->read == fixture->count && turns < PATIENCE; turns++)
		turn(fixture);
	if (fixture->read == fixture->count)
		fail_msg("nothing was said; expected: %s", pattern);
	const char *line = fixture->said[fixture->read++];
	if (!text_glob(pattern, line))
		fail_msg("expected: %s\n     said: %s", pattern, line);
}

static void
ask(struct fixture *fixture, const char *who, const char *text, const char *pattern)
{
	say_in(fixture, &ops, who, text);
	expect(fixture, pattern);
}

/* What holds a build of that job for that target; NULL: nothing. */
static const char *
held(const struct fixture *fixture, const char *service, const char *job, const char *target)
{
	const struct named args[] = { { "JOB", job }, { "target", target } };
	const struct ask ask = { .account = "corp/alice", .instance = service, .verb = "build", .changes = true, .args = args, .count = 2 };

	return locks_hold(fixture->talk.locks, fixture->arena, &ask);
}

static void
test_a_target_fits_a_service_a_value_or_both_in_any_case(void **state)
{
	static const struct { const char *target, *service, *job, *value; bool holds; } rows[] = {
		{ "prod", "ci", "web", "prod", true }, { "prod", "ci", "web", "PROD", true }, { "Prod", "ci", "web", "prod", true },
		{ "prod", "ci", "web", "production", false }, { "prod*", "ci", "web", "production", true }, { "prod", "ci", "prod", "staging", true },
		{ "ci", "ci", "web", "staging", true }, { "CI", "ci", "web", "staging", true }, { "ci", "lab", "web", "staging", false }, { "c?", "ci", "web", "staging", true },
		{ "ci/web", "ci", "web", "staging", true }, { "ci/web", "lab", "web", "staging", false }, { "*/web", "lab", "web", "staging", true },
		{ "ci/*", "ci", "web", "staging", true }, { "shop/*", "ci", "shop/cart", "staging", true }, { "shop/*", "ci", "web", "staging", false },
		{ "*", "lab", "web", "staging", true }, { "JOB", "ci", "web", "staging", false }, { "build", "ci", "web", "staging", false },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ask(fixture, "alice", arena_printf(fixture->arena, "!lock %s why not", rows[i].target), "#ops L* locked: *");
		const char *why = held(fixture, rows[i].service, rows[i].job, rows[i].value);
		if (!!why != rows[i].holds)
			fail_msg("%s: %s %s %s: %s", rows[i].target, rows[i].service, rows[i].job, rows[i].value, why ? why : "free");
		ask(fixture, "alice", arena_printf(fixture->arena, "!unlock %s", rows[i].target), "#ops L* unlocked: *");
		assert_null(held(fixture, rows[i].service, rows[i].job, rows[i].value));
	}
	/* Our own verbs are never locked. */
	ask(fixture, "alice", "!lock * all of it", "#ops L* locked: *");
	assert_null(held(fixture, NULL, "web", "prod"));
}

static void
test_a_clock_that_is_set_forward_ends_no_lock(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "alice", "!lock prod for=2h migrating carts", "#ops L1 locked: prod until * (in 2 h): migrating carts. *");
	wall_set = 3 * D;
	assert_non_null(held(fixture, "ci", "web", "prod"));
	mono_set = 2 * H - 10 * S;
	assert_non_null(held(fixture, "ci", "web", "prod"));
	ask(fixture, "alice", "!locks", "#ops alice: L1 prod *");
	mono_set = 2 * H + 2 * S;
	assert_null(held(fixture, "ci", "web", "prod"));
	expect(fixture, "#ops L1 unlocked: prod after *: its time has passed (alice)");
}

static void
test_a_clock_that_is_set_back_prolongs_none(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "alice", "!lock prod for=2h migrating carts", "#ops L1 locked: *");
	wall_set = -3 * D;
	assert_non_null(held(fixture, "ci", "web", "prod"));
	mono_set = 2 * H + 2 * S;
	assert_null(held(fixture, "ci", "web", "prod"));
	expect(fixture, "#ops L1 unlocked: prod after *");
}

static void
test_across_a_restart_what_is_left_of_it_holds(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "alice", "!lock prod for=2h migrating carts", "#ops L1 locked: *");
	ask(fixture, "alice", "!lock lab for ever", "#ops L2 locked: lab: for ever. *");
	close_gateway(fixture);
	wall_set = H;
	mono_set = 17 * D;              /* another boot: its count says nothing */
	open_gateway(fixture);
	assert_non_null(held(fixture, "ci", "web", "prod"));
	mono_set += H - 10 * S;
	assert_non_null(held(fixture, "ci", "web", "prod"));
	close_gateway(fixture);
	wall_set = -3 * D;
	open_gateway(fixture);
	assert_non_null(held(fixture, "ci", "web", "prod"));
	mono_set += 2 * H + 2 * S;
	assert_null(held(fixture, "ci", "web", "prod"));
	expect(fixture, "#ops L1 unlocked: prod after *");
	assert_non_null(held(fixture, "lab", "web", "prod"));
}

static void
test_one_that_ended_meanwhile_is_told(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "alice", "!lock prod for=2h migrating carts", "#ops L1 locked: *");
	close_gateway(fixture);
	wall_set = 3 * H;
	open_gateway(fixture);
	assert_null(held(fixture, "ci", "web", "prod"));
	expect(fixture, "#ops L1 unlocked: prod after 3 h: its time has passed (alice)");
	ask(fixture, "alice", "!locks", "#ops alice: nothing is locked");
}

static void
test_who_set_it_releases_it_and_whoever_gives_rights(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "alice", "!lock prod migrating carts", "#ops L1 locked: prod: migrating carts. Release: !unlock prod, by alice or bob (alice)");
	ask(fixture, "carol", "!unlock prod", "#ops carol: refused: prod is locked by alice since *: migrating carts (L1) may be released by alice or bob");
	ask(fixture, "dana", "!unlock prod", "#ops dana: refused: prod is locked by alice *");
	ask(fixture, "dana", "!lock prod again", "#ops dana: refused: lock in ops needs the role dev*");
	assert_non_null(held(fixture, "ci", "web", "prod"));
	ask(fixture, "bob", "!unlock prod", "#ops L1 unlocked: prod after *(bob)");
	ask(fixture, "bob", "!lock \"the carts\" migrating them", "#ops L2 locked: the carts: migrating them. Release: !unlock L2, by bob (bob)");
}

static void
test_the_configuration_says_who_releases(void **state)
{
	static const char *const names[] = { "owner", "sre" };
	struct fixture *fixture = *state;

	fixture->limits.release = (struct list){ 2, names, NULL };
	fixture->talk.lock_limits = &fixture->limits;
	ask(fixture, "alice", "!lock prod migrating carts", "#ops L1 locked: *, by alice or sre (alice)");
	ask(fixture, "bob", "!unlock prod", "#ops bob: refused: *may be released by alice or sre");
	ask(fixture, "alice", "!unlock prod", "#ops L1 unlocked: *");
	ask(fixture, "alice", "!lock prod migrating carts", "#ops L2 locked: *");
	ask(fixture, "carol", "!unlock prod", "#ops L2 unlocked: *(carol)");
	/* Only the role, not who set it. */
	fixture->limits.release = (struct list){ 1, names + 1, NULL };
	ask(fixture, "alice", "!lock prod migrating carts", "#ops L3 locked: *, by sre (alice)");
	ask(fixture, "alice", "!unlock prod", "#ops alice: refused: *may be released by sre");
}

static void
test_the_room_where_it_was_set_hears_who_released_it_elsewhere(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "alice", "!lock prod migrating carts", "#ops L1 locked: *");
	say_in(fixture, &shop, "alice", "!unlock prod");
	expect(fixture, "#ops L1 unlocked: prod after *(alice)");
	expect(fixture, "#shop L1 unlocked: prod after *(alice)");
}

static void
test_what_is_no_lock(void **state)
{
	struct fixture *fixture = *state;

	fixture->limits.longest = 12 * H;
	fixture->talk.lock_limits = &fixture->limits;
	ask(fixture, "alice", "!lock prod for=13h why", "#ops alice: a lock lasts 12 h at most");
	ask(fixture, "alice", "!lock prod for=2weeks why", "#ops alice: for is a span of time*");
	ask(fixture, "alice", "!lock prod for=0s why", "#ops alice: for is a span of time*");
	ask(fixture, "alice", "!lock prod until=2020-01-01 why", "#ops alice: until is a time to come*");
	ask(fixture, "alice", "!lock prod", "#ops alice: lock needs REASON*");
	ask(fixture, "alice", "!lock \"\" why", "#ops alice: a target has up to 100 bytes*");
	ask(fixture, "alice", "!lock prod for=1h why --dry-run", "#ops alice: Dry run, nothing sent. Would lock prod | allowed by dev *");
	ask(fixture, "alice", "!unlock prod", "#ops alice: no lock is on prod; !locks shows those there are");
	ask(fixture, "alice", "!lock prod why", "#ops L1 locked: prod until * (in 12 h): why. *");
	ask(fixture, "bob", "!lock PROD why", "#ops bob: prod is locked by alice * already");
	ask(fixture, "bob", "!unlock prod --dry-run", "#ops bob: Dry run, nothing sent. Would release prod is locked by alice *");
	assert_int_equal(locks_count(fixture->talk.locks), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_target_fits_a_service_a_value_or_both_in_any_case, begin, end),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_forward_ends_no_lock, begin, end),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_back_prolongs_none, begin, end),
		cmocka_unit_test_setup_teardown(test_across_a_restart_what_is_left_of_it_holds, begin, end),
		cmocka_unit_test_setup_teardown(test_one_that_ended_meanwhile_is_told, begin, end),
		cmocka_unit_test_setup_teardown(test_who_set_it_releases_it_and_whoever_gives_rights, begin, end),
		cmocka_unit_test_setup_teardown(test_the_configuration_says_who_releases, begin, end),
		cmocka_unit_test_setup_teardown(test_the_room_where_it_was_set_hears_who_released_it_elsewhere, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_no_lock, begin, end),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
