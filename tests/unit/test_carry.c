/* Tests of a command's way from a line that was typed to its outcome: what changes something is written first, done once, and never left
 * without an answer, whoever asks, whatever the store does, and wherever we are stopped. "-- " is said quietly, ">> " may ring. */
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
#include "bridge/work/more.h"
#include "bridge/work/pause.h"
#include "bridge/work/request.h"
#include "bridge/work/resume.h"

enum { PATIENCE = 20000, LINES = 2000, LONG = 500, TASKS = 500 };

/* What the service does when it is asked, and how often it was. */
struct script {
	const char *refuses;            /* the sentence it fails with; NULL: it does it */
	bool unsure;                    /* and nobody knows whether it did */
	bool hangs;                     /* it answers only once we are stopped, */
	bool late;                      /* and then well */
	bool thinks;                    /* resolve() or suits() waits until we are stopped */
	bool suits;
	const char *target;             /* what resolve() fills in; NULL: nothing */
	unsigned extras;                /* and so many more */
	enum settled found;
	unsigned ran, resolved, asked, settled;
	char row[100];                  /* what the store held while it ran */
};

struct fixture {
	struct arena *arena;
	const char *folder;
	struct engine engine;
	struct talk talk;
	struct rooms rooms;
	struct room room, *room_list[1];
	struct instance ci, lab;
	const struct instance *instances[3];
	struct alias ship;
	const struct alias *aliases[2];
	struct conf *conf;
	struct script script, other;
	bool away;
	size_t most;                    /* tasks */
	char said[LINES][LONG];
	size_t count, read;
	bool done;
	const char *sql;
	char answer[2000];
};

/* The service. */

static struct script *
script_of(const struct request *request)
{
	return (struct script *)(uintptr_t)request_conf(request);
}

static bool
wait_for_the_end(struct task *task)
{
	while (task_park(task))
		;
	return false;
}

static bool
read_state(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct row row;

	(void)arena;
	db_query(db, &row, "SELECT group_concat(i.state||' '||i.attempt||' '||(SELECT count(*) FROM audit a WHERE a.intent=i.id AND what='asked')||' '||"
		"ifnull((SELECT state FROM event e WHERE e.id=i.event), 'unkept')) FROM intent i", "");
	if (row_next(&row))
		snprintf(with, sizeof ((struct script *)NULL)->row, "%s", row_text(&row, 0) ? row_text(&row, 0) : "nothing");
	return row_end(&row, error);
}

static bool
run(struct request *request)
{
	struct script *script = script_of(request);
	struct task *task = request->task;

	if (task->dry)
		return task_would(task, "do %s", request_param(request, "WHAT"));
	script->ran++;
	struct work *work = work_new(read_state, sizeof script->row);
	assert_true(store_commit(task, work));
	snprintf(script->row, sizeof script->row, "%s", (const char *)work_with(work));
	if (script->hangs && !wait_for_the_end(task) && !script->late)
		return false;
	task->unsure = script->unsure;
	if (script->refuses)
		return task_fail(task, "%s", script->refuses);
	if (!request->command->letter)
		return request_reply(request, card_new(task->arena, TONE_GOOD, "acted on %s", request_param(request, "WHAT")));
	struct card *card = card_new(task->arena, TONE_GOOD, "%s", request_param(request, "WHAT"));
	card_state(card, NULL, "passed");
	request_subject(request, "subject");
	return request_reply(request, card);
}

static bool
resolve(struct request *request)
{
	struct script *script = script_of(request);

	script->resolved++;
	if (script->thinks)
		return wait_for_the_end(request->task);
	if (script->target)
		request_set(request, "target", script->target);
	for (unsigned i = 0; i < script->extras; i++)
		request_set(request, task_text(request->task, "extra%u", i), "x");
	return true;
}

static bool
suits(struct request *request)
{
	struct script *script = script_of(request);

	script->asked++;
	return script->thinks ? wait_for_the_end(request->task) : script->suits;
}

static bool
settle(struct request *request)
{
	struct script *script = script_of(request);
	struct card *card = card_new(request->task->arena, TONE_GOOD, "it was there");

	script->settled++;
	card_state(card, NULL, script->found == SETTLED_DONE ? "passed" : "failed");
	return request_settle(request, script->found, script->found == SETTLED_UNKNOWN ? NULL : card);
}

static bool
see(struct request *request)
{
	struct card *card = card_new(request->task->arena, TONE_PLAIN, "seen");

	script_of(request)->ran++;
	for (unsigned i = 0; i < script_of(request)->extras; i++)
		card_line(card, "row %u", i + 1);
	return request_reply(request, card);
}

static const struct command commands[] = {
	{ .verb = "do", .care = CARE_CHANGE, .letter = 'B', .usage = "WHAT [KEY=VALUE ...]", .about = "does it", .example = "do web",
		.params = { { "WHAT", true, false } }, .more = true, .suits = suits, .resolve = resolve, .run = run, .settle = settle },
	{ .verb = "act", .care = CARE_CHANGE, .usage = "WHAT", .about = "acts", .example = "act web", .params = { { "WHAT", true, false } }, .run = run },
	{ .verb = "see", .care = CARE_LOOK, .usage = "", .about = "looks", .example = "see", .run = see },
	{ 0 }
};
static const struct command_set sets[] = { { "kit", commands, NULL }, { 0 } };

/* The chat. */

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	struct fixture *fixture = with;
	const struct card *card = delivery->card;
	struct lines lines = card_lines(task->arena, card, 400, 10);

	for (size_t i = 0; i < lines.count && fixture->count < LINES; i++)
		snprintf(fixture->said[fixture->count++], LONG, "%s%s", i == 0 && card->to && card->ring ? ">> " : "-- ", lines.each[i]);
	(void)done;
	return true;
}

static bool
ready(const char *link, void *with)
{
	return !strcmp(link, "corp") && !((struct fixture *)with)->away;
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
	"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"some\" } }\n"
	"person \"carol\" { accounts = { \"corp/carol\" } roles = { \"none\" } }\n"
	"role \"all\" { look = { \"*\" } may = { \"ci.*\", \"lab.*\", \"gateway.*\" } }\n"
	"role \"some\" { look = { \"*\" } may = { \"ci.do target!=prod\" } }\n"
	"role \"none\" { may = { \"lab.act\" } }\n";

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
	static const char *const verbs[] = { "ping", "whoami", NULL };
	static const struct list none, strangers = { 2, verbs, NULL };
	struct sections persons = fill_all(conf, &person_shape), roles = fill_all(conf, &role_shape);

	return rights_compile(conf, &persons, &roles, &strangers, &none, "root", &world);
}

static void
open_gateway(struct fixture *fixture)
{
	static const struct tables *const tables[] = { &audit_tables, &message_tables, &intent_tables, &label_tables, &follow_tables, &outbox_tables,
		&pause_tables, NULL };
	struct carriers carriers = { deliver, ready, can, dropped, fixture, NULL };
	enum store_open_error why;
	struct error error = { "" };

	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, fixture->most);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	if (!fixture->engine.store)
		fail_msg("%s", error.text);
	fixture->talk = (struct talk){ .engine = &fixture->engine, .rights = open_rights(fixture->conf), .rooms = &fixture->rooms,
		.outbox = outbox_open(&fixture->engine, &carriers), .follows = follows_open(&fixture->engine), .manners = manners_new(),
		.mores = mores_new(), .pause = pause_new(),
		.instances = fixture->instances, .aliases = fixture->aliases, .name = "sally", .prefix = "!", .lines = 10 };
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
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-carry-XXXXXX";
	static struct place place = { "corp", "#ops", NULL };
	static const char *const services[] = { "ci", "lab" };

	log_open(LEVEL_ERROR + 1, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->conf = conf_read_text("test.conf", conf_text, strlen(conf_text));
	fixture->room = (struct room){ .name = "ops", .place = &place, .place_count = 1, .services = { 1, services, NULL } };
	fixture->room_list[0] = &fixture->room;
	fixture->rooms = (struct rooms){ 1, fixture->room_list };
	fixture->ci = (struct instance){ .name = "ci", .service = "kit", .conf = &fixture->script, .sets = sets };
	fixture->lab = (struct instance){ .name = "lab", .service = "kit", .conf = &fixture->other, .sets = sets };
	fixture->instances[0] = &fixture->ci;
	fixture->instances[1] = &fixture->lab;
	fixture->ship = (struct alias){ .name = "ship", .is = "ci do web target=prod" };
	fixture->aliases[0] = &fixture->ship;
	fixture->most = TASKS;
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

/* Conversations. */

static void
turn(struct fixture *fixture)
{
	loop_turn(fixture->engine.loop);
	poll(NULL, 0, 1);
}

#define UNTIL(fixture, condition) do { \
	for (int64_t stop_at = clock_mono() + PATIENCE; !(condition) && clock_mono() < stop_at;) \
		turn(fixture); \
	assert_true(condition); \
} while (0)

static struct message
message_of(struct fixture *fixture, const char *who, const char *text)
{
	return (struct message){ .from = { .account = arena_printf(fixture->arena, "corp/%s", who), .shown = who, .proof = "account-tag", .proven = true },
		.place = { "corp", "#ops", NULL }, .text = text };
}

static void
say(struct fixture *fixture, const char *who, const char *text)
{
	struct message message = message_of(fixture, who, text);

	hearing_take(&fixture->talk, &message, 0);
}

/* The next line; `pattern` with * and ?. */
static void
expect(struct fixture *fixture, const char *pattern)
{
	for (int64_t stop_at = clock_mono() + PATIENCE; fixture->read == fixture->count && clock_mono() < stop_at;)
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

/* The store, looked at or changed behind everybody's back. */

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
		snprintf(fixture->answer + strlen(fixture->answer), sizeof fixture->answer - strlen(fixture->answer), "%s;",
			row_text(&row, 0) ? row_text(&row, 0) : "null");
	return row_end(&row, error);
}

static void
changed(struct work *work, bool committed, const struct error *error, void *to)
{
	struct fixture *fixture = to;

	(void)work;
	snprintf(fixture->answer, committed ? 0 : sizeof fixture->answer, "%s", error->text);
	fixture->done = committed;
}

static const char *
sql(struct fixture *fixture, const char *text)
{
	struct work *work = work_new(change, sizeof fixture);

	fixture->sql = text;
	fixture->done = false;
	*(struct fixture **)work_with(work) = fixture;
	store_queue(fixture->engine.store, work, changed, fixture);
	UNTIL(fixture, fixture->done);
	return fixture->answer;
}

/* The gateway ends in the midst of what it does, and begins again as bridge.c begins it. */

struct left {
	struct fixture *fixture;
	int64_t event;
	struct message message;
	struct intent intent;
	bool over;
};

static void
left_message(int64_t event, const struct message *message, void *with)
{
	struct left *left = with;

	left->event = event;
	left->message = *message;
}

static void
left_intent(const struct intent *intent, void *with)
{
	struct left *left = with;

	left->intent = *intent;
}

static bool
read_left(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct left *left = *(struct left **)with;

	(void)arena;
	return intent_unfinished(db, left->fixture->arena, left_intent, left, error)
		&& message_pending(db, left->fixture->arena, left_message, left, error);
}

static void
left_read(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)work;
	(void)error;
	((struct left *)to)->over = committed;
}

static void
start_again(struct fixture *fixture)
{
	struct left left = { .fixture = fixture };
	struct work *work = work_new(read_left, sizeof(struct left *));

	close_gateway(fixture);
	open_gateway(fixture);
	*(struct left **)work_with(work) = &left;
	store_queue(fixture->engine.store, work, left_read, &left);
	UNTIL(fixture, left.over);
	if (left.intent.id)
		resume_intent(&fixture->talk, &left.intent);
	if (left.event)
		hearing_take(&fixture->talk, &left.message, left.event);
	outbox_begin(fixture->talk.outbox);
	follows_begin(fixture->talk.follows);
}

struct keeping {
	struct message message;
	int64_t event;
	bool over;
};

static bool
keep(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct keeping *keeping = *(struct keeping **)with;

	(void)arena;
	return message_keep(db, &keeping->message, &keeping->event, error);
}

static void
kept(struct work *work, bool committed, const struct error *error, void *to)
{
	(void)work;
	(void)error;
	((struct keeping *)to)->over = committed;
}

/* Keeps what alice says and gives its row; 0: it was there. */
static int64_t
keep_message(struct fixture *fixture, const char *id, const char *text)
{
	struct keeping keeping = { .message = message_of(fixture, "alice", text) };
	struct work *work = work_new(keep, sizeof(struct keeping *));

	keeping.message.id = id;
	*(struct keeping **)work_with(work) = &keeping;
	store_queue(fixture->engine.store, work, kept, &keeping);
	UNTIL(fixture, keeping.over);
	return keeping.event;
}

static void
say_kept(struct fixture *fixture, const char *text)
{
	struct message message = message_of(fixture, "alice", text);

	hearing_take(&fixture->talk, &message, keep_message(fixture, NULL, text));
}

/* What changes something. */

static void
test_a_change_is_written_before_it_is_asked_for(void **state)
{
	struct fixture *fixture = *state;

	say_kept(fixture, "!ci do web");
	expect(fixture, "-- B1 passed: web*");
	assert_string_equal(fixture->script.row, "sent 1 1 done");
}

static void
test_an_outcome_is_stored_with_what_is_said_of_it(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- B1 passed: web*");
	assert_string_equal(sql(fixture, "SELECT state||' '||outcome||' '||label FROM intent"), "done done B1;");
	assert_string_equal(sql(fixture, "SELECT what FROM audit ORDER BY seq"), "asked;ended;");
	assert_string_equal(sql(fixture, "SELECT count(*) FROM outbox"), "1;");
	assert_string_equal(sql(fixture, "SELECT subject FROM label"), "subject;");
}

static void
test_what_cannot_be_written_down_is_not_done(void **state)
{
	struct fixture *fixture = *state;

	sql(fixture, "CREATE TRIGGER fault BEFORE INSERT ON intent BEGIN SELECT RAISE(ABORT, 'no room'); END");
	say_kept(fixture, "!ci do web");
	expect(fixture, "-- alice: refused: it could not be written down first, so nothing was done: *no room*");
	assert_int_equal(fixture->script.ran, 0);
	/* Nor after the next start: that was said. */
	assert_string_equal(sql(fixture, "SELECT state FROM event"), "done;");
}

static void
test_a_failure_is_said_and_stored(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "the kit is broken";
	say(fixture, "alice", "!ci do web");
	expect(fixture, ">> alice: B1 failed: the kit is broken");
	assert_string_equal(sql(fixture, "SELECT state||' '||outcome FROM intent"), "failed the kit is broken;");
}

static void
test_who_may_not_costs_the_service_nothing(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "carol", "!ci do web");
	expect(fixture, "-- carol: refused: *");
	assert_int_equal(fixture->script.resolved + fixture->script.ran, 0);
	assert_string_equal(sql(fixture, "SELECT what FROM audit"), "refused;");
	assert_string_equal(sql(fixture, "SELECT count(*) FROM intent"), "0;");
}

/* It only looks, and still not every person may: only who is named it by a rule. */
static void
test_the_audit_is_for_those_whom_a_rule_lets_ask(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- B1 passed: web*");
	say(fixture, "bob", "!audit");
	expect(fixture, "-- bob: refused: *audit*");
	say(fixture, "dave", "!audit");
	expect(fixture, "-- dave: refused: *");
	say(fixture, "alice", "!audit bob");
	expect(fixture, "-- alice: Audit, the newest first");
	expect(fixture, "-- *3 *bob: audit in ops | refused: no rule");
	say(fixture, "alice", "!audit B1");
	expect(fixture, "-- alice: Audit, the newest first");
	expect(fixture, "-- *2 *alice: ci do web* in ops | B1 done: *");
	expect(fixture, "-- *1 *alice: ci do web* in ops | allowed by all (test.conf:4)");
	say(fixture, "alice", "!audit nobody");
	expect(fixture, "-- alice: the newest 20000 records of the audit have none of that; *");
	say(fixture, "alice", "!audit since=soon");
	expect(fixture, "-- alice: since is today, a day as 2026-12-01, or a span as 90m, 12h, 7d");
	say(fixture, "alice", "!audit alice since=2099-01-01");
	expect(fixture, "-- alice: the newest 20000 records of the audit have none of that; *");
}

static void
test_a_rule_decides_upon_what_was_resolved(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.target = "prod";
	say(fixture, "bob", "!ci do web");
	expect(fixture, "-- bob: refused: *");
	assert_int_equal(fixture->script.ran, 0);
	fixture->script.target = "staging";
	say(fixture, "bob", "!ci do web");
	expect(fixture, "-- B1 passed: web*");
	assert_string_equal(sql(fixture, "SELECT args FROM intent"), "{\"WHAT\":\"web\",\"target\":\"staging\"};");
}

static void
test_an_argument_that_finds_no_room_is_not_left_out(void **state)
{
	struct fixture *fixture = *state;
	struct text line = text_in(fixture->arena, 1000);

	text_add(&line, "!ci do web");
	for (int i = 0; i < 61; i++)
		text_printf(&line, " k%d=1", i);
	fixture->script.extras = 2;
	fixture->script.target = NULL;
	say(fixture, "bob", line.bytes);
	expect(fixture, "-- B1 passed: web*");
	/* The target would be the one too many, and without it the rule would allow it. */
	fixture->script.extras = 3;
	say(fixture, "bob", line.bytes);
	expect(fixture, "-- bob: that is more than I can pass on*");
	assert_int_equal(fixture->script.ran, 1);
}

static void
test_a_dry_run_sends_and_writes_nothing(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!ci do web --dry-run");
	expect(fixture, "-- alice: Dry run, nothing sent. Would do web | allowed by all (test.conf:4)");
	assert_int_equal(fixture->script.ran, 0);
	assert_string_equal(sql(fixture, "SELECT count(*) FROM intent"), "0;");
}

/* What nobody can know. */

static void
test_what_may_have_happened_is_unknown_and_looked_for(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "the kit did not answer";
	fixture->script.unsure = true;
	fixture->script.found = SETTLED_DONE;
	say(fixture, "alice", "!ci do web");
	expect(fixture, ">> alice: B1 unknown: the kit did not answer. I will not ask twice; looking there now");
	expect(fixture, "-- B1 passed: it was there");
	assert_int_equal(fixture->script.ran, 1);
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "done;");
	assert_string_equal(sql(fixture, "SELECT what FROM audit ORDER BY seq"), "asked;ended;ended;");
}

static void
test_what_never_happened_is_failed(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "the kit did not answer";
	fixture->script.unsure = true;
	fixture->script.found = SETTLED_NEVER;
	say(fixture, "alice", "!ci do web");
	expect(fixture, ">> *unknown*");
	expect(fixture, "-- B1 failed: it was there");
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "failed;");
}

static void
test_where_nobody_can_look_people_are_asked_to(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "the kit did not answer";
	fixture->script.unsure = true;
	say(fixture, "alice", "!ci act web");
	expect(fixture, ">> alice: the kit did not answer. I will not ask twice; look at ci before you ask again");
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "unknown;");
	/* It is said once, not after each start. */
	start_again(fixture);
	quiet(fixture);
}

static void
test_looking_goes_on_after_a_start_and_never_asks_again(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.refuses = "the kit did not answer";
	fixture->script.unsure = true;
	fixture->script.found = SETTLED_UNKNOWN;
	say(fixture, "alice", "!ci do web");
	expect(fixture, ">> *unknown*");
	UNTIL(fixture, fixture->script.settled == 2);
	fixture->script.found = SETTLED_DONE;
	start_again(fixture);
	expect(fixture, "-- B1 passed: it was there");
	assert_int_equal(fixture->script.ran, 1);
}

/* Being stopped. */

static void
test_what_we_were_stopped_in_is_unknown_after_the_next_start(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.hangs = true;
	fixture->script.found = SETTLED_NEVER;
	say(fixture, "alice", "!ci do web");
	UNTIL(fixture, fixture->script.ran && *fixture->script.row);
	start_again(fixture);
	expect(fixture, ">> alice: B1 unknown: I was restarted while asking ci to do web. I will not ask twice; looking there now");
	expect(fixture, "-- B1 failed: it was there");
	assert_int_equal(fixture->script.ran, 1);
	start_again(fixture);
	quiet(fixture);
}

static void
test_what_was_done_while_we_were_stopped_is_said_in_the_next_life(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.hangs = fixture->script.late = true;
	say(fixture, "alice", "!ci do web");
	UNTIL(fixture, fixture->script.ran && *fixture->script.row);
	start_again(fixture);
	expect(fixture, "-- B1 passed: web*");
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "done;");
	assert_int_equal(fixture->script.settled, 0);
}

static void
test_what_was_asked_of_a_service_that_is_gone_is_answered_too(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.hangs = true;
	say(fixture, "alice", "!ci do web");
	UNTIL(fixture, fixture->script.ran && *fixture->script.row);
	fixture->instances[0] = NULL;
	start_again(fixture);
	expect(fixture, ">> alice: B1 unknown: I was restarted while asking ci to do WHAT=web. I will not ask twice; look at it before*");
	assert_string_equal(sql(fixture, "SELECT state FROM intent"), "unknown;");
	start_again(fixture);
	quiet(fixture);
}

static void
test_a_message_is_kept_while_it_is_thought_about(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.thinks = true;
	say_kept(fixture, "!ci do web");
	UNTIL(fixture, fixture->script.resolved == 1);
	fixture->script.thinks = false;
	start_again(fixture);
	expect(fixture, "-- B1 passed: web*");
	assert_int_equal(fixture->script.ran, 1);
	start_again(fixture);
	quiet(fixture);
	assert_int_equal(fixture->script.ran, 1);
}

static void
test_a_message_is_kept_while_services_are_asked_whom_it_means(void **state)
{
	struct fixture *fixture = *state;

	fixture->room.services.count = 2;
	fixture->script.thinks = fixture->script.suits = true;
	say_kept(fixture, "!do web");
	UNTIL(fixture, fixture->script.asked == 1);
	fixture->script.thinks = false;
	start_again(fixture);
	expect(fixture, "-- B1 passed: web*");
	assert_int_equal(fixture->script.ran, 1);
	assert_int_equal(fixture->other.ran, 0);
}

/* What is kept. */

static void
test_a_message_is_kept_once(void **state)
{
	struct fixture *fixture = *state;

	assert_true(keep_message(fixture, "id", "!ci do web") > 0);
	assert_int_equal(keep_message(fixture, "id", "!ci do web"), 0);
	assert_true(keep_message(fixture, NULL, "!ci do web") > 0);
	assert_true(keep_message(fixture, NULL, "!ci do web") > 0);
}

static void
test_what_an_earlier_life_kept_is_carried_out_once(void **state)
{
	struct fixture *fixture = *state;

	keep_message(fixture, "id", "!ci do web");
	start_again(fixture);
	expect(fixture, "-- B1 passed: web*");
	start_again(fixture);
	quiet(fixture);
	assert_int_equal(fixture->script.ran, 1);
	assert_string_equal(sql(fixture, "SELECT state FROM event"), "done;");
}

static void
test_what_was_asked_long_ago_is_not_carried_out(void **state)
{
	struct fixture *fixture = *state;

	keep_message(fixture, "id", "!ci do web");
	sql(fixture, "UPDATE event SET heard=heard-700000");
	start_again(fixture);
	expect(fixture, "-- alice: refused: I was away when you asked for it, and it is late now; ask again");
	assert_int_equal(fixture->script.ran, 0);
	assert_string_equal(sql(fixture, "SELECT state FROM event"), "done;");
}

static void
test_what_is_no_command_any_more_is_let_go(void **state)
{
	struct fixture *fixture = *state;

	keep_message(fixture, "id", "!ci do web");
	fixture->rooms.count = 0;
	start_again(fixture);
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT state FROM event"), "done;"));
	assert_int_equal(fixture->script.ran, 0);
	assert_string_equal(sql(fixture, "SELECT what FROM audit"), "refused;");
	assert_int_equal(fixture->count, 0);
}

static void
test_an_answer_waits_for_a_link_that_is_coming(void **state)
{
	struct fixture *fixture = *state;

	keep_message(fixture, "id", "!ci do");
	fixture->away = true;
	start_again(fixture);
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT state FROM event"), "done;"));
	assert_int_equal(fixture->count, 0);
	fixture->away = false;
	outbox_link_ready(fixture->talk.outbox, "corp");
	expect(fixture, "-- alice: *WHAT*");
}

/* The store. */

static void
test_an_outcome_that_cannot_be_stored_is_said_and_tried_again(void **state)
{
	struct fixture *fixture = *state;

	sql(fixture, "CREATE TRIGGER fault BEFORE UPDATE OF state ON intent WHEN NEW.state='done' BEGIN SELECT RAISE(ABORT, 'no room'); END");
	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- B1 passed: web*");
	expect(fixture, "-- alice: I cannot write down how B1 ended, and go on trying: *no room*");
	sql(fixture, "DROP TRIGGER fault");
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT state FROM intent"), "done;"));
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT what FROM audit ORDER BY seq LIMIT 2"), "asked;ended;");
	assert_string_equal(sql(fixture, "SELECT card IS NOT NULL FROM label"), "1;");
}

static void
test_who_looks_is_refused_while_the_store_refuses(void **state)
{
	struct fixture *fixture = *state;

	sql(fixture, "CREATE TRIGGER fault BEFORE INSERT ON audit BEGIN SELECT RAISE(ROLLBACK, 'no room'); END");
	say(fixture, "alice", "!ci see");
	expect(fixture, "-- alice: seen");
	UNTIL(fixture, store_failing(fixture->engine.store, NULL));
	say(fixture, "alice", "!ci see");
	expect(fixture, "-- alice: refused: I cannot write the audit now: *no room*");
	say(fixture, "alice", "!ci do web --dry-run");
	expect(fixture, "-- alice: refused: I cannot write the audit now: *no room*");
	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- alice: refused: it could not be written down first*");
	assert_int_equal(fixture->script.ran, 1);
	sql(fixture, "DROP TRIGGER fault");
	say(fixture, "alice", "!ci see");
	expect(fixture, "-- alice: seen");
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT what FROM audit"), "answered;"));
}

static void
test_an_intent_only_moves_forward(void **state)
{
	struct fixture *fixture = *state;
	static const char *const backward[] = { "UPDATE intent SET state='sent'", "UPDATE intent SET state='unknown'", "UPDATE intent SET attempt=0",
		"UPDATE intent SET args='{}'", "UPDATE intent SET person='eve'", "UPDATE intent SET verb='act'" };

	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- B1 passed: web*");
	for (size_t i = 0; i < sizeof backward / sizeof *backward; i++) {
		struct work *work = work_new(change, sizeof fixture);
		*(struct fixture **)work_with(work) = fixture;
		fixture->sql = backward[i];
		fixture->done = true;
		store_queue(fixture->engine.store, work, changed, fixture);
		UNTIL(fixture, !fixture->done);
	}
	assert_string_equal(sql(fixture, "SELECT state||attempt||person||verb FROM intent"), "done1alicedo;");
}

static void
test_a_hash_tells_requests_apart(void **state)
{
	struct intent one = { .instance = "ci", .verb = "do", .args = "{}", .person = "alice" }, other = one;

	(void)state;
	intent_hash(&one);
	intent_hash(&other);
	assert_memory_equal(one.hash, other.hash, sizeof one.hash);
	other.instance = "cid";
	other.verb = "o";
	intent_hash(&other);
	assert_memory_not_equal(one.hash, other.hash, sizeof one.hash);
}

static void
test_arguments_are_read_back_as_they_were_written(void **state)
{
	struct fixture *fixture = *state;
	const struct named args[] = { { "target", "a\"b" }, { "JOB", "\u00fc" } };
	struct named back[2];

	const char *json = intent_args(fixture->arena, args, 2);
	assert_int_equal(intent_read_args(fixture->arena, json, back, 2), 2);
	assert_string_equal(back[0].name, "JOB");
	assert_string_equal(back[0].value, "\u00fc");
	assert_string_equal(back[1].value, "a\"b");
	assert_int_equal(intent_read_args(fixture->arena, json, back, 1), 1);
	assert_int_equal(intent_read_args(fixture->arena, "[]", back, 2), 0);
}

/* What may not be seen. */

static void
test_a_secret_is_in_no_answer_and_in_no_row(void **state)
{
	struct fixture *fixture = *state;

	redact_add("canary-7f3a9", 12);
	fixture->script.refuses = "the kit said: bad token canary-7f3a9";
	say(fixture, "alice", "!ci do web");
	expect(fixture, ">> alice: B1 failed: the kit said: bad token ?redacted]");
	assert_string_equal(sql(fixture, "SELECT outcome FROM intent"), "the kit said: bad token [redacted];");
	assert_string_equal(sql(fixture, "SELECT count(*) FROM audit WHERE instr(record, CAST('canary' AS BLOB))"), "0;");
	assert_string_equal(sql(fixture, "SELECT count(*) FROM outbox WHERE instr(body, 'canary')"), "0;");
}

/* Strangers. */

static void
say_as(struct fixture *fixture, const char *account, const char *shown, bool proven, const char *text)
{
	struct message message = { .from = { account, shown, proven ? "account-tag" : "not logged in", proven }, .place = { "corp", "#ops", NULL }, .text = text };

	hearing_take(&fixture->talk, &message, 0);
}

static void
test_a_stranger_is_answered_once_and_asks_nobody(void **state)
{
	struct fixture *fixture = *state;

	fixture->room.services.count = 2;
	say_as(fixture, NULL, "alice", false, "!do web");
	expect(fixture, "-- alice: refused: I cannot prove who you are: not logged in. A nick is no proof");
	say_as(fixture, "corp/zed", "zed", true, "!ci do web");
	say_as(fixture, "corp/alice", "alice", false, "!ci do web");
	say_as(fixture, NULL, "alice", false, "!frobnicate");
	quiet(fixture);
	assert_int_equal(fixture->script.asked + fixture->script.resolved + fixture->script.ran, 0);
	assert_string_equal(sql(fixture, "SELECT what FROM audit ORDER BY seq LIMIT 4"), "refused;refused;refused;refused;");
}

/* However a protocol came to believe it. */
static void
test_who_was_only_told_about_looks_and_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct message message = { .from = { "corp/alice", "alice", "account-notify", true, true }, .place = { "corp", "#ops", NULL }, .text = "!ci do web" };

	assert_false(hearing_changes(&fixture->talk, &message));
	hearing_take(&fixture->talk, &message, 0);
	expect(fixture, "-- alice: refused: I cannot prove well enough who you are: account-notify proves only what looks");
	message.text = "!ci do web --dry-run";
	hearing_take(&fixture->talk, &message, 0);
	expect(fixture, "-- alice: refused: I cannot prove well enough who you are: account-notify proves only what looks");
	assert_int_equal(fixture->script.asked + fixture->script.resolved + fixture->script.ran, 0);
	assert_string_equal(sql(fixture, "SELECT what || ' ' || person FROM audit ORDER BY seq"), "refused alice;refused alice;");
	assert_string_equal(sql(fixture, "SELECT count(*) FROM intent"), "0;");
	message.text = "!ci see";
	hearing_take(&fixture->talk, &message, 0);
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT count(*) FROM audit WHERE what='answered'"), "1;"));
}

static void
test_a_question_is_asked_only_for_what_needs_its_answer(void **state)
{
	struct fixture *fixture = *state;
	static const struct { const char *account, *text; bool direct; enum proof wanted; } lines[] = {
		{ NULL, "hello", false, PROOF_NONE },
		{ NULL, "!ping", false, PROOF_NONE },
		{ "corp/alice", "!ping", false, PROOF_NONE },
		{ NULL, "!whoami", false, PROOF_TO_LOOK },      /* strangers may, but it says who they are */
		{ NULL, "!frobnicate", false, PROOF_TO_LOOK },
		{ NULL, "!ci see", false, PROOF_TO_LOOK },
		{ NULL, "!why ci do web", false, PROOF_TO_LOOK },
		{ NULL, "!ci do web", false, PROOF_TO_CHANGE },
		{ NULL, "do web", true, PROOF_TO_CHANGE },
		{ NULL, "!ship", false, PROOF_TO_CHANGE },
		{ NULL, "!pause", false, PROOF_TO_CHANGE },
		{ "corp/alice", "!do web", false, PROOF_TO_CHANGE },
		{ "corp/alice", "!do web --dry-run", false, PROOF_TO_CHANGE },
		{ "corp/zed", "!do web", false, PROOF_TO_LOOK },        /* nobody we know: whoever it is, they change nothing */
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct message message = { .from = { lines[i].account, "x", "account-notify", lines[i].account, lines[i].account },
			.place = { "corp", lines[i].direct ? "x" : "#ops", NULL }, .text = lines[i].text, .direct = lines[i].direct };
		if (hearing_wants_proof(&fixture->talk, &message) != lines[i].wanted)
			fail_msg("%s", lines[i].text);
	}
}

static void
test_strangers_do_not_make_the_audit_as_long_as_they_like(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 1000; i++) {
		say_as(fixture, NULL, "guest", false, "!ci do web");
		if (i % 50 == 0)
			UNTIL(fixture, tasks_count(fixture->engine.tasks) == 0);
	}
	UNTIL(fixture, tasks_count(fixture->engine.tasks) == 0);
	sql(fixture, "SELECT count(*) FROM audit");
	assert_in_range(strtol(fixture->answer, NULL, 10), 1, 200);
	/* Who is known is audited all the same. */
	say(fixture, "carol", "!ci do web");
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT count(*) FROM audit WHERE person='carol'"), "1;"));
}

static void
test_only_what_somebody_may_change_costs_a_commit(void **state)
{
	struct fixture *fixture = *state;
	static const struct { const char *account, *text; bool proven, direct, changes; } lines[] = {
		{ "corp/alice", "!ci do web", true, false, true },
		{ "corp/alice", "!do web", true, false, true },
		{ "corp/alice", "!DO web", true, false, true },
		{ "corp/alice", "!ship", true, false, true },
		{ "corp/alice", "sally: act web", true, false, true },
		{ "corp/alice", "do web", true, true, true },
		{ "corp/alice", "ship it", true, true, true },
		{ "corp/alice", "!ci see", true, false, false },
		{ "corp/alice", "!ping", true, false, false },
		{ "corp/alice", "!pause", true, false, true },
		{ "corp/alice", "do web", true, false, false },
		{ "corp/alice", "!", true, false, false },
		{ "corp/alice", "!do \"web", true, false, false },
		{ "corp/alice", "!do web", false, false, false },
		{ "corp/zed", "!do web", true, false, false },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct message message = { .from = { lines[i].account, "x", "tag", lines[i].proven }, .place = { "corp", lines[i].direct ? "x" : "#ops", NULL },
			.text = lines[i].text, .direct = lines[i].direct };
		if (hearing_changes(&fixture->talk, &message) != lines[i].changes)
			fail_msg("%s", lines[i].text);
	}
}

static void
test_commands_are_taken_where_they_are_configured(void **state)
{
	struct fixture *fixture = *state;
	struct message message = message_of(fixture, "alice", "!ci do web");

	assert_true(hearing_ours(&fixture->talk, &message));
	message.place.channel = "#OPS";
	assert_true(hearing_ours(&fixture->talk, &message));
	message.place.channel = "#other";
	assert_false(hearing_ours(&fixture->talk, &message));
	message.place = (struct place){ "lan", "#ops", NULL };
	assert_false(hearing_ours(&fixture->talk, &message));
}

/* Too much. */

static void
test_nobody_has_more_than_a_few_commands_going_on(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.hangs = true;
	for (int i = 0; i < 64; i++)
		say(fixture, "alice", "!ci do web");
	say_kept(fixture, "!ci do web");
	expect(fixture, "-- alice: too many of your commands are still running; wait for one to end");
	say(fixture, "bob", "!ping");
	expect(fixture, "-- bob: pong");
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT state FROM event"), "done;"));
}

static void
test_what_finds_no_task_is_refused_for_good(void **state)
{
	struct fixture *fixture = *state;

	fixture->most = 2;
	start_again(fixture);
	fixture->script.hangs = true;
	say(fixture, "alice", "!ci do web");
	say(fixture, "alice", "!ci do docs");
	say_kept(fixture, "!ci do last");
	UNTIL(fixture, !strcmp(sql(fixture, "SELECT state FROM event"), "done;"));
	/* What is said has a reserve of its own. */
	expect(fixture, "-- alice: refused: too much is going on, so nothing was done; ask again in a moment");
	UNTIL(fixture, fixture->script.ran == 2 && *fixture->script.row);
	fixture->script.late = true;
	task_cancel(&fixture->engine, (uint64_t)1 << 20);
	task_cancel(&fixture->engine, ((uint64_t)1 << 20) + 1);
	assert_int_equal(fixture->script.ran, 2);
}

/* Our own verbs that are more than an answer. */

static void
load_pause(struct task *task, void *with)
{
	struct fixture *fixture = with;

	assert_true(pause_load(task, fixture->talk.pause));
	fixture->done = true;
}

static void
test_a_pause_refuses_what_changes_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "bob", "!pause");
	expect(fixture, "-- bob: refused: pause in ops needs the role all*");
	say(fixture, "alice", "!pause moving the carts");
	expect(fixture, "-- alice: Paused: nothing that changes something is carried out, in any room: moving the carts. !resume ends it (alice)");
	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- alice: refused: everything that changes something is paused by alice since *: moving the carts. !resume ends it");
	say(fixture, "alice", "!ci see");
	expect(fixture, "-- alice: seen");
	say(fixture, "alice", "!ci do web --dry-run");
	expect(fixture, "-- *Would do web*");
	assert_int_equal(fixture->script.ran, 1);
	assert_string_equal(sql(fixture, "SELECT decision FROM (SELECT count(*) AS decision FROM audit WHERE what='refused')"), "2;");
	say(fixture, "alice", "!resume");
	expect(fixture, "-- alice: Resumed after *");
	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- B1 passed: web*");
}

static void
test_a_pause_survives_a_restart(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "alice", "!pause");
	expect(fixture, "-- alice: Paused: *");
	start_again(fixture);
	fixture->done = false;
	task_start(&fixture->engine, "load", load_pause, fixture, NULL);
	while (!fixture->done)
		turn(fixture);
	say(fixture, "alice", "!ci do web");
	expect(fixture, "-- alice: refused: everything that changes something is paused by alice since *");
	say(fixture, "alice", "!pause");
	expect(fixture, "*everything that changes something is paused by alice since *");
	assert_int_equal(fixture->script.ran, 0);
}

static void
expect_rows(struct fixture *fixture, unsigned from, unsigned to)
{
	char row[40];

	for (unsigned i = from; i <= to; i++) {
		snprintf(row, sizeof row, "-- row %u", i);
		expect(fixture, row);
	}
}

static void
test_more_goes_on_where_an_answer_was_cut(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.extras = 22;
	say(fixture, "alice", "!ci see");
	expect(fixture, "-- alice: seen");
	expect_rows(fixture, 1, 8);
	expect(fixture, "-- 9 of 23 lines. Next: !more, all in private: !more dm");
	say(fixture, "bob", "!ping");
	expect(fixture, "-- bob: pong");
	say(fixture, "alice", "!more");
	expect_rows(fixture, 9, 17);
	expect(fixture, "-- 18 of 23 lines. Next: !more, all in private: !more dm");
	say(fixture, "bob", "!more");
	expect_rows(fixture, 18, 22);
	say(fixture, "bob", "!more");
	expect(fixture, "-- bob: there is nothing more to show here");
	quiet(fixture);
}

static void
test_all_of_an_answer_is_told_in_private(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.extras = 12;
	say(fixture, "alice", "!more");
	expect(fixture, "-- alice: there is nothing more to show here");
	say(fixture, "alice", "!ci see");
	expect(fixture, "-- alice: seen");
	expect_rows(fixture, 1, 8);
	expect(fixture, "-- 9 of 13 lines*");
	say(fixture, "alice", "!more dm");
	expect(fixture, "-- seen");
	expect_rows(fixture, 1, 12);
	expect(fixture, "-- alice: I told you all of it in private");
	quiet(fixture);
}

static void
say_in_private(struct fixture *fixture, const char *who, const char *nick, const char *text)
{
	struct message message = message_of(fixture, who, text);

	message.from.shown = nick;
	message.place.channel = nick;
	message.direct = true;
	hearing_take(&fixture->talk, &message, 0);
}

/* bob took alice's nick: what she was told in private is not his. */
static void
test_the_rest_of_a_private_answer_is_of_who_asked(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.extras = 40;
	say_in_private(fixture, "alice", "alice", "!ci see");
	expect(fixture, "-- seen");
	expect_rows(fixture, 1, 28);
	expect(fixture, "-- 29 of 41 lines*");
	say_in_private(fixture, "bob", "alice", "!more");
	expect(fixture, "-- there is nothing more to show here");
	say_in_private(fixture, "alice", "alice", "!more");
	expect_rows(fixture, 29, 40);
	quiet(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_change_is_written_before_it_is_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(test_an_outcome_is_stored_with_what_is_said_of_it, begin, end),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_written_down_is_not_done, begin, end),
		cmocka_unit_test_setup_teardown(test_a_failure_is_said_and_stored, begin, end),
		cmocka_unit_test_setup_teardown(test_who_may_not_costs_the_service_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_the_audit_is_for_those_whom_a_rule_lets_ask, begin, end),
		cmocka_unit_test_setup_teardown(test_a_rule_decides_upon_what_was_resolved, begin, end),
		cmocka_unit_test_setup_teardown(test_an_argument_that_finds_no_room_is_not_left_out, begin, end),
		cmocka_unit_test_setup_teardown(test_a_dry_run_sends_and_writes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_what_may_have_happened_is_unknown_and_looked_for, begin, end),
		cmocka_unit_test_setup_teardown(test_what_never_happened_is_failed, begin, end),
		cmocka_unit_test_setup_teardown(test_where_nobody_can_look_people_are_asked_to, begin, end),
		cmocka_unit_test_setup_teardown(test_looking_goes_on_after_a_start_and_never_asks_again, begin, end),
		cmocka_unit_test_setup_teardown(test_what_we_were_stopped_in_is_unknown_after_the_next_start, begin, end),
		cmocka_unit_test_setup_teardown(test_what_was_done_while_we_were_stopped_is_said_in_the_next_life, begin, end),
		cmocka_unit_test_setup_teardown(test_what_was_asked_of_a_service_that_is_gone_is_answered_too, begin, end),
		cmocka_unit_test_setup_teardown(test_a_message_is_kept_while_it_is_thought_about, begin, end),
		cmocka_unit_test_setup_teardown(test_a_message_is_kept_while_services_are_asked_whom_it_means, begin, end),
		cmocka_unit_test_setup_teardown(test_a_message_is_kept_once, begin, end),
		cmocka_unit_test_setup_teardown(test_what_an_earlier_life_kept_is_carried_out_once, begin, end),
		cmocka_unit_test_setup_teardown(test_what_was_asked_long_ago_is_not_carried_out, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_no_command_any_more_is_let_go, begin, end),
		cmocka_unit_test_setup_teardown(test_an_answer_waits_for_a_link_that_is_coming, begin, end),
		cmocka_unit_test_setup_teardown(test_an_outcome_that_cannot_be_stored_is_said_and_tried_again, begin, end),
		cmocka_unit_test_setup_teardown(test_who_looks_is_refused_while_the_store_refuses, begin, end),
		cmocka_unit_test_setup_teardown(test_an_intent_only_moves_forward, begin, end),
		cmocka_unit_test_setup_teardown(test_a_hash_tells_requests_apart, begin, end),
		cmocka_unit_test_setup_teardown(test_arguments_are_read_back_as_they_were_written, begin, end),
		cmocka_unit_test_setup_teardown(test_a_secret_is_in_no_answer_and_in_no_row, begin, end),
		cmocka_unit_test_setup_teardown(test_a_stranger_is_answered_once_and_asks_nobody, begin, end),
		cmocka_unit_test_setup_teardown(test_who_was_only_told_about_looks_and_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_a_question_is_asked_only_for_what_needs_its_answer, begin, end),
		cmocka_unit_test_setup_teardown(test_strangers_do_not_make_the_audit_as_long_as_they_like, begin, end),
		cmocka_unit_test_setup_teardown(test_only_what_somebody_may_change_costs_a_commit, begin, end),
		cmocka_unit_test_setup_teardown(test_commands_are_taken_where_they_are_configured, begin, end),
		cmocka_unit_test_setup_teardown(test_nobody_has_more_than_a_few_commands_going_on, begin, end),
		cmocka_unit_test_setup_teardown(test_what_finds_no_task_is_refused_for_good, begin, end),
		cmocka_unit_test_setup_teardown(test_a_pause_refuses_what_changes_and_nothing_else, begin, end),
		cmocka_unit_test_setup_teardown(test_a_pause_survives_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(test_more_goes_on_where_an_answer_was_cut, begin, end),
		cmocka_unit_test_setup_teardown(test_all_of_an_answer_is_told_in_private, begin, end),
		cmocka_unit_test_setup_teardown(test_the_rest_of_a_private_answer_is_of_who_asked, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
