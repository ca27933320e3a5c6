/* Tests of the verbs of CI systems: what is said to whom, over the whole way from a line that was typed, with a service that does as
 * it is told. "-- " is said without ringing, ">> " may ring. */
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
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/log.h"
#include "bridge/base/pattern.h"
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
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/hearing.h"
#include "bridge/work/intent.h"
#include "integrations/kinds/ci.h"

enum { PATIENCE = 20000, LINES = 64, LONG = 600 };

/* What the service does when it is asked. */
struct script {
	const char *refuses;            /* the sentence of a start that fails; NULL: it starts */
	bool unsure;                    /* and nobody knows whether it did */
	bool away;
	struct build starts, looks, latest[4];
	size_t latest_count;
	enum found found;
	const char *log;                /* NULL: it cannot be read */
	unsigned started, stopped, again_of, looked;
	bool (*looking)(struct task *, const char *token);      /* called with each look at one of `latest`; NULL */
	char last[300];                 /* the parameters of the last start, and who stopped */
};

struct fixture {
	struct arena *arena;
	struct engine engine;
	struct talk talk;
	struct rooms rooms;
	struct room room, *room_list[1];
	struct instance ci, lab;
	const struct instance *instances[3];
	const struct alias *aliases[1];
	struct conf *conf;
	const char *folder;
	struct script script, other;
	bool edits;
	char said[LINES][LONG];
	size_t count, read;
	bool done;
	const char *sql;
	char answer[2000];
};

/* The service. */

static const char *const targets[] = { "staging", "prod", NULL };

static bool
describe(struct task *task, const void *conf, const char *name, struct job *out)
{
	const struct script *script = conf;
	struct job_param *params = arena_take(task->arena, 5 * sizeof *params);

	if (script->away)
		return task_fail(task, "Buildbot did not answer within 30 s.");
	if (!strcmp(name, "docs") && script->log) {
		*out = (struct job){ .name = "docs", .about = "writes the manual", .strict = true };
		return true;
	}
	if (strcmp(name, "web") != 0)
		return task_fail(task, "Buildbot has no job called %s", name);
	params[0] = (struct job_param){ .name = "target", .required = true, .choices = targets };
	params[1] = (struct job_param){ .name = "branch", .fallback = "main", .pattern = pattern_compile(task->arena, "[a-z0-9/-]{1,40}", NULL),
		.pattern_text = "[a-z0-9/-]{1,40}" };
	params[2] = (struct job_param){ .name = "note", .about = "what for" };
	*out = (struct job){ .name = "web", .about = "the shop", .params = params, .strict = true };
	return true;
}

static bool
list(struct task *task, const void *conf, const char *const **names)
{
	static const char *const all[] = { "web", "docs", "broken", NULL };
	const struct script *script = conf;

	*names = all;
	return !script->away || task_fail(task, "Buildbot did not answer within 30 s.");
}

static void
note(struct script *script, const struct ci_request *wanted)
{
	size_t length = (size_t)snprintf(script->last, sizeof script->last, "%s", wanted->job);

	for (const struct named *one = wanted->parameters; one->name; one++)
		length += (size_t)snprintf(script->last + length, sizeof script->last - length, " %s=%s", one->name, one->value);
	snprintf(script->last + length, sizeof script->last - length, " by %s", wanted->by);
}

static bool
start(struct task *task, const struct ci_request *wanted, struct build *out)
{
	struct script *script = (struct script *)(uintptr_t)wanted->conf;

	if (task->dry)
		return task_would(task, "send POST to Buildbot");
	script->started++;
	note(script, wanted);
	task->unsure = script->unsure;
	if (script->refuses)
		return task_fail(task, "%s", script->refuses);
	*out = script->starts;
	return true;
}

static bool
again(struct task *task, const struct ci_request *wanted, const struct build *build, struct build *out)
{
	((struct script *)(uintptr_t)wanted->conf)->again_of += !strcmp(build->token, "one");
	return start(task, wanted, out);
}

static bool
find(struct task *task, const struct ci_request *wanted, struct build *out, enum found *found)
{
	const struct script *script = wanted->conf;

	(void)task;
	*out = script->starts;
	out->why = "Buildbot has no such build yet";
	*found = script->found;
	return true;
}

static bool
look(struct task *task, const void *conf, struct build *build)
{
	struct script *script = (struct script *)(uintptr_t)conf;
	const char *token = build->token;

	script->looked++;
	if (script->away)
		return task_fail(task, "Buildbot did not answer within 30 s.");
	for (size_t i = 0; i < script->latest_count; i++)
		if (!strcmp(script->latest[i].token, token)) {
			*build = script->latest[i];
			return !script->looking || script->looking(task, token);
		}
	*build = script->looks;
	build->token = token;
	return true;
}

static bool
log_of(struct task *task, const void *conf, const struct build *build, size_t lines, struct ci_log *out)
{
	const struct script *script = conf;

	(void)build;
	(void)lines;
	if (!script->log)
		return task_fail(task, "Buildbot has lost the log");
	*out = (struct ci_log){ .text = script->log, .length = strlen(script->log), .lines = 120 };
	return true;
}

static bool
stop(struct task *task, const void *conf, const struct build *build, const char *by)
{
	struct script *script = (struct script *)(uintptr_t)conf;

	(void)task;
	script->stopped++;
	snprintf(script->last, sizeof script->last, "%s by %s", build->token, by);
	return true;
}

static bool
latest(struct task *task, const void *conf, const char *job, struct build *out, size_t most, size_t *count)
{
	const struct script *script = conf;

	(void)job;
	if (script->away)
		return task_fail(task, "Buildbot did not answer within 30 s.");
	for (*count = 0; *count < most && *count < script->latest_count; ++*count)
		out[*count] = script->latest[*count];
	return true;
}

static const struct ci driver = { .describe = describe, .start = start, .find = find, .look = look, .log = log_of, .stop = stop, .again = again,
	.list = list, .latest = latest, .shown = "Buildbot", .first_look_ms = 20 };
static const struct command_set sets[] = { { "ci", ci_commands, &driver }, { 0 } };

/* The chat. */

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	struct fixture *fixture = with;
	const struct card *card = delivery->card;
	struct lines lines = card_lines(task->arena, card, 400, 10);

	for (size_t i = 0; i < lines.count && fixture->count < LINES; i++)
		snprintf(fixture->said[fixture->count++], LONG, "%s%s", delivery->op == DELIVERY_EDIT ? "== " : i == 0 && card->to && card->ring ? ">> " : "-- ",
			lines.each[i]);
	done->id = "m1";
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
	return ((struct fixture *)with)->edits ? CAN_EDIT : 0;
}

static void
dropped(const struct place *place, const char *why, void *with)
{
	(void)with;
	fail_msg("dropped for %s: %s", place->channel, why);
}

/* The gateway around it. */

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

static const char conf_text[] =
	"person \"alice\" { accounts = { \"corp/alice\" } roles = { \"all\" } }\n"
	"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"all\" } }\n"
	"role \"all\" { look = { \"*\" } may = { \"ci.*\", \"lab.*\" } }\n";

static struct sections
fill_all(struct conf *conf, const struct shape *shape)
{
	void **each = arena_take(conf_arena(conf), 4 * sizeof *each);
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
	static const struct list none;
	struct sections persons = fill_all(conf, &person_shape), roles = fill_all(conf, &role_shape);

	return rights_compile(conf, &persons, &roles, &none, &none, "root", &world);
}

static void
open_gateway(struct fixture *fixture)
{
	static const struct tables *const tables[] = { &audit_tables, &message_tables, &intent_tables, &label_tables, &follow_tables, &outbox_tables, NULL };
	struct carriers carriers = { deliver, ready, can, dropped, fixture, NULL };
	enum store_open_error why;
	struct error error = { "" };

	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, 1000);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	if (!fixture->engine.store)
		fail_msg("%s", error.text);
	fixture->talk = (struct talk){ .engine = &fixture->engine, .rights = open_rights(fixture->conf), .rooms = &fixture->rooms,
		.outbox = outbox_open(&fixture->engine, &carriers), .follows = follows_open(&fixture->engine), .manners = manners_new(),
		.instances = fixture->instances, .aliases = fixture->aliases, .name = "sally", .prefix = "!", .lines = 10 };
	ci_follow(fixture->talk.follows, &fixture->talk);
	outbox_begin(fixture->talk.outbox);
	follows_begin(fixture->talk.follows);
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
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-ci-XXXXXX";
	static struct place place = { "corp", "#ops", NULL };

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->conf = conf_read_text("test.conf", conf_text, strlen(conf_text));
	fixture->room = (struct room){ .name = "ops", .place = &place, .place_count = 1 };
	static const char *const services[] = { "ci", "lab" };
	fixture->room.services = (struct list){ 1, services, NULL };
	fixture->room_list[0] = &fixture->room;
	fixture->rooms = (struct rooms){ 1, fixture->room_list };
	fixture->ci = (struct instance){ .name = "ci", .service = "buildbot", .conf = &fixture->script, .sets = sets };
	fixture->lab = (struct instance){ .name = "lab", .service = "buildbot", .conf = &fixture->other, .sets = sets };
	fixture->instances[0] = &fixture->ci;
	fixture->instances[1] = &fixture->lab;
	fixture->script.starts = fixture->script.looks = (struct build){ .token = "one", .state = BUILD_RUNNING, .job = "web" };
	fixture->other = fixture->script;
	fixture->other.log = "";
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
	free(fixture);
	return 0;
}

/* Conversations. */

static void
say(struct fixture *fixture, const char *who, const char *text)
{
	struct message message = { .from = { .account = arena_printf(fixture->arena, "corp/%s", who), .shown = who, .proof = "account-tag", .proven = true },
		.place = { "corp", "#ops", NULL }, .text = text };

	hearing_take(&fixture->talk, &message, 0);
}

static void
turn(struct fixture *fixture)
{
	loop_turn(fixture->engine.loop);
	poll(NULL, 0, 1);
}

/* The next line; `pattern` with * and ?. */
static void
expect(struct fixture *fixture, const char *pattern)
{
	int64_t stop_at = clock_mono() + PATIENCE;

	while (fixture->read == fixture->count && clock_mono() < stop_at)
		turn(fixture);
	if (fixture->read == fixture->count)
		fail_msg("nothing was said; expected: %s", pattern);
	const char *line = fixture->said[fixture->read++];
	if (!text_glob(pattern, line))
		fail_msg("expected: %s\n     said: %s", pattern, line);
}

/* Nothing else was said before the answer to this. */
static void
quiet(struct fixture *fixture)
{
	say(fixture, "alice", "!ping");
	expect(fixture, "-- alice: pong");
}

/* The service was looked at twice more: what there was to say is said, or on its way before the next answer. */
static void
looks(struct fixture *fixture)
{
	unsigned before = fixture->script.looked;
	int64_t stop_at = clock_mono() + PATIENCE;

	while (fixture->script.looked < before + 2 && clock_mono() < stop_at) {
		follows_look(fixture->talk.follows, 1);
		turn(fixture);
	}
	assert_true(fixture->script.looked >= before + 2);
}

/* The store, changed behind everybody's back: that is how time passes here. */

static bool
change(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct fixture *fixture = *(struct fixture **)with;
	struct row row;

	(void)arena;
	if (strncmp(fixture->sql, "SELECT", 6) != 0)
		return db_run(db, error, fixture->sql, "");
	*fixture->answer = '\0';
	db_query(db, &row, fixture->sql, "");
	while (row_next(&row))
		snprintf(fixture->answer + strlen(fixture->answer), sizeof fixture->answer - strlen(fixture->answer), "%s;", row_text(&row, 0));
	return row_end(&row, error);
}

static void
change_on_task(struct task *task, void *with)
{
	struct fixture *fixture = with;
	struct work *work = work_new(change, sizeof fixture);

	*(struct fixture **)work_with(work) = fixture;
	if (!store_commit(task, work))
		fprintf(stderr, "%s: %s\n", fixture->sql, task->error.text);
	else
		fixture->done = true;
}

static const char *
sql(struct fixture *fixture, const char *text)
{
	fixture->sql = text;
	fixture->done = false;
	task_start(&fixture->engine, "test", change_on_task, fixture, NULL);
	for (int64_t stop_at = clock_mono() + PATIENCE; !fixture->done && clock_mono() < stop_at;)
		turn(fixture);
	assert_true(fixture->done);
	return fixture->answer;
}

/* As if the build had been asked for a minute ago. */
static void
a_minute_passes(struct fixture *fixture)
{
	sql(fixture, "UPDATE follow SET about=json_set(about, '$.asked', json_extract(about, '$.asked')-60000)");
}

static void
passes(struct fixture *fixture, int64_t ms)
{
	fixture->script.looks.state = BUILD_PASSED;
	fixture->script.looks.started = clock_wall() - ms;
	fixture->script.looks.ended = clock_wall();
}

static void
fails(struct fixture *fixture, const char *step, int64_t ms)
{
	passes(fixture, ms);
	fixture->script.looks.state = BUILD_FAILED;
	fixture->script.looks.step = step;
}

/* Building. */

static void
test_a_build_says_that_it_runs_and_that_it_passed(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!ci build web target=staging");
	expect(fixture, "-- B1 running: web, target=staging, branch=main (alice)");
	assert_string_equal(fixture->script.last, "web target=staging branch=main by alice (corp/alice in ops)");
	quiet(fixture);
	fixture->script.looks.last = "done in no time";
	passes(fixture, 200);
	expect(fixture, "-- alice: B1 passed: web in 0.2 s: done in no time");
	quiet(fixture);
	assert_int_equal(fixture->script.started, 1);
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "done;");
	assert_string_equal(sql(fixture, "SELECT ended IS NOT NULL FROM follow"), "1;");
}

static void
test_parameters_that_nobody_chose_are_not_said(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.log = "";
	say(fixture, "bob", "!build docs");
	expect(fixture, "-- B1 running: web (bob)");
	quiet(fixture);
}

static void
test_what_starts_soon_is_not_said_to_wait_and_what_took_long_rings(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.starts.state = fixture->script.looks.state = BUILD_QUEUED;
	say(fixture, "alice", "!build web target=staging");
	while (!fixture->script.started)
		turn(fixture);
	looks(fixture);
	quiet(fixture);
	fixture->script.looks = (struct build){ .state = BUILD_RUNNING, .job = "web", .number = "412", .expected = 228000, .url = "https://ci.corp.example/412",
		.last = "done" };
	expect(fixture, "-- B1 running: web #412, about 4 min (alice)");
	a_minute_passes(fixture);
	passes(fixture, 228000);
	expect(fixture, ">> alice: B1 passed: web #412 in 3 min 48 s https://ci.corp.example/412");
	quiet(fixture);
}

static void
test_what_waits_for_long_says_so_once(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.starts.state = fixture->script.looks.state = BUILD_QUEUED;
	fixture->script.looks.before = 2;
	say(fixture, "alice", "!build web target=staging");
	while (!fixture->script.started)
		turn(fixture);
	quiet(fixture);
	a_minute_passes(fixture);
	expect(fixture, "-- B1 queued: web, target=staging, branch=main, 2 before it (alice)");
	fixture->script.looks.before = 1;
	quiet(fixture);
}

static void
test_a_failure_rings_with_its_step_its_log_and_what_to_type(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.log = "one\ntwo\n\ncart: expected 3\x1b[31m, got 2\n2 of 318 tests fail\n\n";
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	fixture->script.looks.number = "413";
	fixture->script.looks.url = "https://ci.corp.example/413";
	fails(fixture, "test", 134000);
	expect(fixture, ">> alice: B1 failed: web #413, step test, after 2 min 14 s https://ci.corp.example/413");
	expect(fixture, "-- B1: two");
	expect(fixture, "-- B1: cart: expected 3, got 2");
	expect(fixture, "-- B1: 2 of 318 tests fail | !log B1 the error, !retry B1");
	quiet(fixture);
}

static void
test_a_log_that_cannot_be_read_does_not_hide_the_failure(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	fixture->script.looks.why = "exit 3";
	fails(fixture, NULL, 5000);
	expect(fixture, ">> alice: B1 failed: web, exit 3, after 5 s");
	expect(fixture, "-- B1: !retry B1");
	quiet(fixture);
}

static void
test_a_start_that_is_refused_is_said_with_its_reason(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "Buildbot refused: no worker";
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "?? alice: B1 failed: Buildbot refused: no worker");
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT count(*) FROM follow"), "0;");
}

static void
test_an_end_that_nobody_knows_is_said_to_be_unknown(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	fixture->script.looks = (struct build){ .state = BUILD_UNKNOWN, .job = "web", .why = "its supervisor is gone" };
	expect(fixture, ">> alice: B1 unknown: web, its supervisor is gone");
	quiet(fixture);
}

static void
test_a_rehearsal_starts_nothing(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=prod --dry-run");
	expect(fixture, "-- alice: Dry run, nothing sent. Would send POST to Buildbot | allowed by all*");
	assert_int_equal(fixture->script.started, 0);
	quiet(fixture);
}

/* Words that do not fit. */

static void
test_words_that_do_not_fit_get_one_sentence_and_start_nothing(void **state)
{
	static const char *const cases[][2] = {
		{ "!build wob", "-- alice: ci has no job wob. Did you mean web" },
		{ "!build nightly", "-- alice: ci has no job nightly. !ci list shows them" },
		{ "!ci build web", "-- alice: web needs target, staging or prod. Try !ci build web target=staging (nothing started)" },
		{ "!build web branch=x", "-- alice: web needs target, staging or prod. Try !ci build web branch=x target=staging (nothing started)" },
		{ "!build web target=prd", "-- alice: target=prd is not staging or prod (nothing started)" },
		{ "!build web target=prod branch=Main", "-- alice: branch=Main does not fit [a-z0-9/-]{1,40} (nothing started)" },
		{ "!build web target=prod branch=--help", "-- alice: branch=--help begins with -, which branch may not (nothing started)" },
		{ "!build web target=prod note=@/etc/passwd", "-- alice: note=@/etc/passwd begins with @, which note may not (nothing started)" },
		{ "!build web targt=prod", "-- alice: web has no parameter targt. Did you mean target (nothing started)" },
		{ "!build web target=prod speed=9", "-- alice: web has no parameter speed; it has target, branch and note (nothing started)" },
		{ "!status wob", "-- alice: ci has no job wob. Did you mean web" },
		{ "!log B77", "-- alice: there is no B77" },
		{ "!stop web", "-- alice: web is no build's id; a build is stopped by its id, as in !stop B31" },
		{ "!retry web", "-- alice: web is no build's id; a build is started again by its id, as in !retry B31, a job with !build" },
		{ "!stop B77", "-- alice: there is no B77" },
		{ "!unwatch web", "*web is not watched here" },
		{ "!list x*", "-- alice: ci has no job like x*" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		say(fixture, "alice", cases[i][0]);
		expect(fixture, cases[i][1]);
	}
	quiet(fixture);
	assert_int_equal(fixture->script.started, 0);
}

static void
test_a_service_that_is_away_is_not_a_job_that_is_missing(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.away = true;
	say(fixture, "alice", "!build web target=prod");
	expect(fixture, "-- alice: Buildbot did not answer within 30 s.");
	quiet(fixture);
}

static void
test_of_two_services_the_one_that_has_the_job_is_meant(void **state)
{
	struct fixture *fixture = *state;

	fixture->room.services.count = 2;
	say(fixture, "alice", "!build docs");
	expect(fixture, "-- B1 running: web (alice)");
	assert_int_equal(fixture->other.started, 1);
	say(fixture, "alice", "!build web target=prod");
	expect(fixture, "-- alice: web is on ci and on lab. Which? !ci build web target=prod or !lab build web target=prod");
	quiet(fixture);
}

/* Stopping. */

static void
test_who_stops_their_own_build_is_not_rung(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	fixture->script.looks.number = "414";
	say(fixture, "alice", "!stop B1");
	expect(fixture, "-- B1 stopping: web #414, Buildbot was asked (alice)");
	assert_string_equal(fixture->script.last, "one by alice");
	passes(fixture, 41000);
	fixture->script.looks.state = BUILD_STOPPED;
	fixture->script.looks.stopped_by = "alice";
	expect(fixture, "-- B1 stopped: web #414 after 41 s (alice)");
	say(fixture, "alice", "!stop b1");
	expect(fixture, "-- alice: B1 stopped * s ago, nothing to stop");
	quiet(fixture);
	assert_int_equal(fixture->script.stopped, 1);
}

static void
test_whose_build_another_stops_is_told(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	say(fixture, "bob", "!stop B1");
	expect(fixture, "-- B1 stopping: web, Buildbot was asked (bob)");
	passes(fixture, 41000);
	fixture->script.looks.state = BUILD_STOPPED;
	fixture->script.looks.stopped_by = "bob";
	expect(fixture, ">> alice: B1 stopped: web after 41 s (bob)");
	quiet(fixture);
}

static void
test_what_passed_is_not_stopped(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	passes(fixture, 1000);
	fixture->script.looks.ended = clock_wall() - 240000;
	say(fixture, "alice", "!stop B1");
	expect(fixture, "* B1 *");
	expect(fixture, "* B1 *");
	if (!strstr(fixture->said[fixture->count - 1], "B1 passed 4 min ago, nothing to stop")
	    && !strstr(fixture->said[fixture->count - 2], "B1 passed 4 min ago, nothing to stop"))
		fail_msg("said: %s", fixture->said[fixture->count - 1]);
	fixture->script.away = true;
	say(fixture, "alice", "!stop B1");
	expect(fixture, "-- alice: B1 passed, nothing to stop");
	quiet(fixture);
	assert_int_equal(fixture->script.stopped, 0);
}

/* Again. */

static void
test_a_build_that_failed_is_started_again_with_what_it_had(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=prod branch=fix/cart");
	expect(fixture, "-- B1 running*");
	say(fixture, "bob", "!retry B1");
	expect(fixture, "-- bob: B1 is still running; !stop B1 ends it");
	fails(fixture, NULL, 1000);
	expect(fixture, ">> alice: B1 failed*");
	expect(fixture, "-- B1: !retry B1");
	fixture->script.starts.token = "two";
	say(fixture, "bob", "!retry B1");
	expect(fixture, "-- B2 running: web (bob)");
	assert_string_equal(fixture->script.last, "web branch=fix/cart target=prod by bob (corp/bob in ops)");
	assert_int_equal(fixture->script.again_of, 1);
	expect(fixture, ">> bob: B2 failed*");
	expect(fixture, "-- B2: !retry B2");
	fixture->script.starts.token = "three";
	say(fixture, "bob", "!retry B2");
	expect(fixture, "-- B3 running: web (bob)");
	assert_string_equal(fixture->script.last, "web branch=fix/cart target=prod by bob (corp/bob in ops)");
}

static void
test_what_never_started_is_started(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "Buildbot refused: no worker";
	say(fixture, "alice", "!build web target=prod");
	expect(fixture, "*B1 failed*");
	fixture->script.refuses = NULL;
	say(fixture, "alice", "!retry B1");
	expect(fixture, "-- B2 running: web (alice)");
	assert_string_equal(fixture->script.last, "web branch=main target=prod by alice (corp/alice in ops)");
	assert_int_equal(fixture->script.again_of, 0);
}

/* Not knowing. */

static void
test_what_did_start_is_followed(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "Buildbot did not answer within 30 s";
	fixture->script.unsure = true;
	fixture->script.found = FOUND_IT;
	fixture->script.starts.number = fixture->script.looks.number = "415";
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "?? alice: B1 unknown: Buildbot did not answer within 30 s. I will not ask twice; looking there now");
	expect(fixture, "-- B1 running: it did start, web #415 (alice)");
	quiet(fixture);
	passes(fixture, 2000);
	expect(fixture, "-- alice: B1 passed: web #415 in 2 s");
	assert_int_equal(fixture->script.started, 1);
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "done;");
}

static void
test_what_never_did_is_said_to_have_failed(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "Buildbot did not answer within 30 s";
	fixture->script.unsure = true;
	fixture->script.found = FOUND_NONE;
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "*B1 unknown*");
	expect(fixture, ">> alice: B1 failed: it never started; ci has no such build. Again: !retry B1");
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "failed;");
}

static void
test_it_looks_again_until_it_is_clear(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "Buildbot did not answer within 30 s";
	fixture->script.unsure = true;
	fixture->script.found = FOUND_UNCLEAR;
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "*B1 unknown*");
	quiet(fixture);
	fixture->script.found = FOUND_IT;
	expect(fixture, "-- B1 running: it did start, web (alice)");
}

/* Following. */

static void
test_a_service_that_is_away_changes_nothing_and_is_said_once(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	fixture->script.away = true;
	while (!strstr(sql(fixture, "SELECT json_extract(seen, '$.away')>0 FROM follow"), "1"))
		turn(fixture);
	looks(fixture);
	quiet(fixture);
	sql(fixture, "UPDATE follow SET seen=json_set(seen, '$.away', json_extract(seen, '$.away')-600000)");
	expect(fixture, "-- B1 unknown for now: Buildbot does not answer since *; I go on looking");
	looks(fixture);
	quiet(fixture);
	fixture->script.away = false;
	follows_look(fixture->talk.follows, 1);
	expect(fixture, "-- B1 running: web (alice)");
	quiet(fixture);
}

static void
test_after_a_week_it_is_given_up(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	sql(fixture, "UPDATE follow SET until=1");
	expect(fixture, ">> alice: B1 unknown: web, it still goes on; I stop looking");
	quiet(fixture);
}

static void
test_progress_is_drawn_where_it_can_be_and_not_said_elsewhere(void **state)
{
	struct fixture *fixture = *state;

	fixture->edits = true;
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running: web, target=staging, branch=main (alice)");
	fixture->script.looks = (struct build){ .state = BUILD_RUNNING, .job = "web", .number = "412", .step = "test", .step_number = 3, .steps = 5,
		.started = clock_wall() - 62000, .expected = 100000, .url = "https://ci.corp.example/412" };
	expect(fixture, "== B1 running: web #412, step 3 of 5 test, 6?%, about 3? s left (alice) https://ci.corp.example/412");
	fixture->edits = false;
	fixture->script.looks.step = "pack";
	sql(fixture, "UPDATE follow SET seen=json_set(seen, '$.drawn', 0)");
	while (!strstr(sql(fixture, "SELECT seen FROM follow"), "pack"))
		turn(fixture);
	quiet(fixture);
}

static void
test_it_is_followed_on_after_a_restart_and_said_once(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	quiet(fixture);
	close_gateway(fixture);
	passes(fixture, 3000);
	open_gateway(fixture);
	expect(fixture, "-- alice: B1 passed: web in 3 s");
	close_gateway(fixture);
	open_gateway(fixture);
	quiet(fixture);
}

/* Looking. */

static void
test_status_says_what_a_build_does(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!status");
	expect(fixture, "-- alice: nothing of ci is being built here");
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	say(fixture, "bob", "!status");
	expect(fixture, "-- bob: 1 build of ci:");
	expect(fixture, "-- B1 running: web*");
	fixture->script.looks.step = "test";
	say(fixture, "bob", "!status B1");
	expect(fixture, "-- B1 running: web, step test");
	/* Our own card then tells: the first one, or what a look has seen since. */
	fixture->script.away = true;
	say(fixture, "bob", "!status B1");
	expect(fixture, "-- B1 running: web, *");
	fixture->script.away = false;
	passes(fixture, 1000);
	fixture->script.looks.step = NULL;
	expect(fixture, "-- alice: B1 passed: web in 1 s");
	say(fixture, "bob", "!status B1");
	expect(fixture, "-- B1 passed: web in 1 s, at * (* ago)");
	quiet(fixture);
}

static void
test_status_and_log_of_a_job_are_those_of_its_newest_build(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!status web");
	expect(fixture, "-- alice: web was never built");
	fixture->script.latest[0] = (struct build){ .token = "x", .state = BUILD_FAILED, .job = "web", .number = "9", .step = "test" };
	fixture->script.latest_count = 1;
	fixture->script.log = "one\ntwo\nthree\n";
	say(fixture, "alice", "!status web");
	expect(fixture, "-- alice: failed: web #9, step test");
	say(fixture, "alice", "!log web 2");
	expect(fixture, "-- alice: failed: web #9, step test, the last 2 of 120 lines");
	expect(fixture, "-- | two");
	expect(fixture, "-- | three");
	quiet(fixture);
}

static void
test_a_log_is_shown_and_one_without_words_says_so(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	fixture->script.log = "begun\n!ci build web\n";
	say(fixture, "alice", "!log B1");
	expect(fixture, "-- B1 running: web, the last 2 of 120 lines");
	expect(fixture, "-- B1: begun");
	expect(fixture, "-- B1: !ci build web");
	fixture->script.log = "";
	say(fixture, "alice", "!log B1");
	expect(fixture, "-- B1 running: web, nothing printed yet");
	fixture->script.log = NULL;
	say(fixture, "alice", "!log B1");
	expect(fixture, "-- alice: Buildbot has lost the log");
	quiet(fixture);
}

static void
test_the_list_names_jobs_and_one_alone_its_parameters(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!list");
	expect(fixture, "-- alice: 3 jobs of ci: broken, docs, web");
	say(fixture, "alice", "!list *o*");
	expect(fixture, "-- alice: 2 jobs of ci: broken, docs");
	say(fixture, "alice", "!list web");
	expect(fixture, "-- alice: web: the shop");
	expect(fixture, "-- target, staging or prod, must be given");
	expect(fixture, "-- branch, else main, fits [a-z0-9/-]{1,40}");
	expect(fixture, "-- note, what for");
	quiet(fixture);
}

/* Watching. */

static void
test_a_watched_job_says_each_new_end_once_and_not_what_is_said_anyway(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.latest[0] = (struct build){ .token = "old", .state = BUILD_PASSED, .job = "web", .number = "417" };
	fixture->script.latest_count = 1;
	say(fixture, "alice", "!watch web");
	expect(fixture, "-- alice: I say here when a build of web ends. !ci unwatch web ends that");
	while (!strstr(sql(fixture, "SELECT seen FROM follow"), "old"))
		turn(fixture);
	quiet(fixture);

	/* One of ours, one that failed, one that goes on. */
	say(fixture, "alice", "!build web target=staging");
	expect(fixture, "-- B1 running*");
	passes(fixture, 1000);
	expect(fixture, "-- alice: B1 passed*");
	int64_t now = clock_wall();
	fixture->script.latest[3] = fixture->script.latest[0];
	fixture->script.latest[2] = (struct build){ .token = "one", .state = BUILD_PASSED, .job = "web", .number = "419" };
	fixture->script.latest[1] = (struct build){ .token = "new", .state = BUILD_FAILED, .job = "web", .number = "418", .step = "test",
		.started = now - 120000, .ended = now, .url = "https://ci.corp.example/418" };
	fixture->script.latest[0] = (struct build){ .token = "next", .state = BUILD_RUNNING, .job = "web", .number = "420" };
	fixture->script.latest_count = 4;
	follows_look(fixture->talk.follows, 1);
	expect(fixture, "-- ?ci? web #418 failed: step test, after 2 min https://ci.corp.example/418");
	quiet(fixture);
	fixture->script.latest[0].state = BUILD_PASSED;
	follows_look(fixture->talk.follows, 1);
	expect(fixture, "-- ?ci? web #420 passed");
	quiet(fixture);

	say(fixture, "bob", "!unwatch web --dry-run");
	expect(fixture, "-- bob: Dry run, nothing sent. Would watch web here no more*");
	say(fixture, "bob", "!unwatch web");
	expect(fixture, "-- bob: web is watched here no more");
	fixture->script.latest[0] = (struct build){ .token = "last", .state = BUILD_PASSED, .job = "web", .number = "421" };
	follows_look(fixture->talk.follows, 1);
	quiet(fixture);
	say(fixture, "alice", "!watch web");
	expect(fixture, "-- alice: I say here when a build of web ends*");
	while (!strstr(sql(fixture, "SELECT seen FROM follow WHERE kind='watch'"), "last"))
		turn(fixture);
	quiet(fixture);
}

/* What is written when the second of two is looked at: had we died there, the second would still be said. */
static struct fixture *peeking;
static char peeked[2000];

static bool
peek(struct task *task, const char *token)
{
	if (strcmp(token, "second") != 0)
		return true;
	struct work *work = work_new(change, sizeof peeking);
	*(struct fixture **)work_with(work) = peeking;
	peeking->sql = "SELECT seen FROM follow";
	if (store_commit(task, work))
		snprintf(peeked, sizeof peeked, "%s", peeking->answer);
	return true;
}

static void
test_two_new_ends_are_each_written_with_what_is_said_of_them(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!watch web");
	expect(fixture, "-- alice: I say here*");
	while (!strstr(sql(fixture, "SELECT coalesce(seen, '') FROM follow"), "[]"))
		turn(fixture);
	peeking = fixture;
	fixture->script.looking = peek;
	fixture->script.latest[0] = (struct build){ .token = "second", .state = BUILD_PASSED, .job = "web", .number = "2" };
	fixture->script.latest[1] = (struct build){ .token = "first", .state = BUILD_PASSED, .job = "web", .number = "1" };
	fixture->script.latest_count = 2;
	follows_look(fixture->talk.follows, 1);
	expect(fixture, "-- ?ci? web #1 passed");
	expect(fixture, "-- ?ci? web #2 passed");
	assert_string_equal(peeked, "[\"first\"];");
	fixture->script.looking = NULL;
	quiet(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_build_says_that_it_runs_and_that_it_passed),
		TEST(test_parameters_that_nobody_chose_are_not_said),
		TEST(test_what_starts_soon_is_not_said_to_wait_and_what_took_long_rings),
		TEST(test_what_waits_for_long_says_so_once),
		TEST(test_a_failure_rings_with_its_step_its_log_and_what_to_type),
		TEST(test_a_log_that_cannot_be_read_does_not_hide_the_failure),
		TEST(test_a_start_that_is_refused_is_said_with_its_reason),
		TEST(test_an_end_that_nobody_knows_is_said_to_be_unknown),
		TEST(test_a_rehearsal_starts_nothing),
		TEST(test_words_that_do_not_fit_get_one_sentence_and_start_nothing),
		TEST(test_a_service_that_is_away_is_not_a_job_that_is_missing),
		TEST(test_of_two_services_the_one_that_has_the_job_is_meant),
		TEST(test_who_stops_their_own_build_is_not_rung),
		TEST(test_whose_build_another_stops_is_told),
		TEST(test_what_passed_is_not_stopped),
		TEST(test_a_build_that_failed_is_started_again_with_what_it_had),
		TEST(test_what_never_started_is_started),
		TEST(test_what_did_start_is_followed),
		TEST(test_what_never_did_is_said_to_have_failed),
		TEST(test_it_looks_again_until_it_is_clear),
		TEST(test_a_service_that_is_away_changes_nothing_and_is_said_once),
		TEST(test_after_a_week_it_is_given_up),
		TEST(test_progress_is_drawn_where_it_can_be_and_not_said_elsewhere),
		TEST(test_it_is_followed_on_after_a_restart_and_said_once),
		TEST(test_status_says_what_a_build_does),
		TEST(test_status_and_log_of_a_job_are_those_of_its_newest_build),
		TEST(test_a_log_is_shown_and_one_without_words_says_so),
		TEST(test_the_list_names_jobs_and_one_alone_its_parameters),
		TEST(test_a_watched_job_says_each_new_end_once_and_not_what_is_said_anyway),
		TEST(test_two_new_ends_are_each_written_with_what_is_said_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
