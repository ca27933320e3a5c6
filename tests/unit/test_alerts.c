/* Tests of groups of alerts as living things: one message that is edited where a chat edits, a line for each change of state elsewhere, with a
 * service that tells what the test says. Lines of IRC are as they are; of Matrix "+ " is a new message, "= " an edit, "> " in the thread. */
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
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/log.h"
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
#include "bridge/work/more.h"
#include "integrations/kinds/alerts.h"
#include "integrations/kinds/alerts_route.h"

enum { PATIENCE = 20000, LINES = 400, LONG = 700, MINUTE = 60 * 1000, MANY = 400 };

/* What the service knows, and what was asked of it. */
struct script {
	struct alerts_options alerts;
	struct alert_group groups[MANY];
	size_t count;
	struct silence silences[8];
	size_t silence_count;
	struct matcher matchers[8][6];
	bool away;
	unsigned looked, acked;
	char last[300];
};

struct chat {
	char said[LINES][LONG];
	size_t count, read;
};

struct fixture {
	struct arena *arena;
	struct engine engine;
	struct talk talk;
	struct rooms rooms;
	struct room ops, dba, *room_list[2];
	struct place ops_places[2], dba_places[1];
	struct instance am;
	const struct instance *instances[2];
	const struct alias *aliases[1];
	struct command_set sets[2];
	struct conf *conf;
	const char *folder;
	struct script script;
	struct chat irc, matrix, others;
	unsigned message;
	bool silent;                    /* IRC takes nothing */
	bool done;
	const char *sql;
	char answer[4000];
	const struct alert_group *arriving;
	size_t arriving_count;
};

/* -- The service --------------------------------------------------------------------------------------------------------- */

static struct script *
script_of(const void *conf)
{
	return (struct script *)(uintptr_t)conf;
}

static bool
groups(struct task *task, const void *conf, struct alert_group **out, size_t *count)
{
	struct script *script = script_of(conf);

	script->looked++;
	if (script->away)
		return task_fail(task, "Alertmanager did not answer within 30 s.");
	*out = arena_copy(task->arena, script->groups, sizeof script->groups);
	*count = script->count;
	return true;
}

static bool
silences(struct task *task, const void *conf, struct silence **out, size_t *count)
{
	struct script *script = script_of(conf);

	if (script->away)
		return task_fail(task, "Alertmanager did not answer within 30 s.");
	*out = arena_copy(task->arena, script->silences, sizeof script->silences);
	*count = script->silence_count;
	return true;
}

/* What it silences is held from then on, as at a real one. */
static void
hold(struct script *script, const char *id, bool held)
{
	for (size_t i = 0; i < script->count; i++)
		for (size_t n = 0; n < script->groups[i].count; n++) {
			struct alert *alert = (struct alert *)(uintptr_t)&script->groups[i].alerts[n];
			alert->held = held;
			alert->silence = held ? id : NULL;
		}
}

static void
forget_matchers(struct matcher *matchers)
{
	for (size_t i = 0; i < 6; i++) {
		free((char *)(uintptr_t)matchers[i].name);
		free((char *)(uintptr_t)matchers[i].value);
	}
	memset(matchers, 0, 6 * sizeof *matchers);
}

static bool
silence(struct task *task, const void *conf, struct silence *inout)
{
	struct script *script = script_of(conf);
	size_t at = 0;

	if (task->dry)
		return task_would(task, "send POST to Alertmanager");
	while (inout->id && at < script->silence_count && strcmp(script->silences[at].id, inout->id))
		at++;
	at = inout->id ? at : script->silence_count;
	script->silence_count += at == script->silence_count;
	struct silence *one = &script->silences[at];
	forget_matchers(script->matchers[at]);
	for (size_t i = 0; i < 5 && inout->matchers[i].name; i++)
		script->matchers[at][i] = (struct matcher){ strdup(inout->matchers[i].name), strdup(inout->matchers[i].value), inout->matchers[i].negative, inout->matchers[i].regex };
	*one = *inout;
	one->matchers = script->matchers[at];
	one->id = at == 0 ? "sil-0" : "sil-1";
	one->by = "bob (corp/bob in ops)";
	one->why = one->label = NULL;
	inout->id = one->id;
	hold(script, one->id, true);
	return true;
}

static bool
unsilence(struct task *task, const void *conf, const struct silence *silence)
{
	struct script *script = script_of(conf);

	(void)task;
	(void)silence;
	script->silence_count = 0;
	hold(script, NULL, false);
	return true;
}

static bool
ack(struct task *task, const struct alert_asked *asked)
{
	struct script *script = script_of(asked->conf);

	(void)task;
	script->acked++;
	snprintf(script->last, sizeof script->last, "%s %s %s: %s", asked->group->key, asked->group->alerts[0].id, asked->by, asked->text);
	return true;
}

static const struct alerts driver = { .groups = groups, .silence = silence, .unsilence = unsilence, .silences = silences, .shown = "Alertmanager",
	.options = offsetof(struct script, alerts) };
static const struct alerts acking = { .groups = groups, .ack = ack, .unack = ack, .shown = "Icinga", .options = offsetof(struct script, alerts) };

/* -- The chats ----------------------------------------------------------------------------------------------------------- */

static struct chat *
chat_of(struct fixture *fixture, const struct place *place)
{
	return strcmp(place->channel, "#dba") == 0 ? &fixture->others : strcmp(place->link, "hq") == 0 ? &fixture->matrix : &fixture->irc;
}

static const char *
sign_of(const struct delivery *delivery, const struct chat *chat, const struct fixture *fixture)
{
	if (chat != &fixture->matrix)
		return "";
	return delivery->op == DELIVERY_EDIT ? "= " : delivery->op == DELIVERY_NOTE ? "> " : "+ ";
}

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	struct fixture *fixture = with;
	struct chat *chat = chat_of(fixture, &delivery->place);

	done->id = task_text(task, "m%u", ++fixture->message);
	if (delivery->op == DELIVERY_REACT || delivery->op == DELIVERY_TAKE_BACK)
		return true;
	struct lines lines = card_lines(task->arena, delivery->card, 400, 10);
	for (size_t i = 0; i < lines.count && chat->count < LINES; i++)
		snprintf(chat->said[chat->count++], LONG, "%s%s", i ? "" : sign_of(delivery, chat, fixture), lines.each[i]);
	return true;
}

static bool
ready(const char *link, void *with)
{
	return strcmp(link, "hq") == 0 || !((struct fixture *)with)->silent;
}

static unsigned
can(const char *link, void *with)
{
	(void)with;
	return strcmp(link, "hq") == 0 ? CAN_EDIT | CAN_THREAD | CAN_REACT | CAN_OFFER : 0;
}

static void
dropped(const struct place *place, const char *why, void *with)
{
	(void)with;
	fail_msg("dropped for %s: %s", place->channel, why);
}

/* -- The gateway around it ----------------------------------------------------------------------------------------------- */

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
	"role \"all\" { look = { \"*\" } may = { \"am.*\" } }\n";

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

static void turn(struct fixture *);
static const char *sql(struct fixture *, const char *);

static void
open_gateway(struct fixture *fixture)
{
	static const struct tables *const tables[] = { &audit_tables, &message_tables, &intent_tables, &label_tables, &follow_tables, &outbox_tables,
		&alert_tables, &alert_silence_tables, &alert_want_tables, &alert_storm_tables, &alert_quiet_tables, &alert_watchdog_tables, NULL };
	struct carriers carriers = { deliver, ready, can, dropped, fixture, NULL };
	enum store_open_error why;
	struct error error = { "" };

	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, 1000);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	if (!fixture->engine.store)
		fail_msg("%s", error.text);
	fixture->talk = (struct talk){ .engine = &fixture->engine, .rights = open_rights(fixture->conf), .rooms = &fixture->rooms,
		.outbox = outbox_open(&fixture->engine, &carriers), .follows = follows_open(&fixture->engine), .manners = manners_new(), .mores = mores_new(),
		.instances = fixture->instances, .aliases = fixture->aliases, .name = "sally", .prefix = "!", .lines = 10 };
	alerts_follow(fixture->talk.follows, &fixture->talk);
	outbox_begin(fixture->talk.outbox);
	follows_begin(fixture->talk.follows);
	alerts_begin(&fixture->talk);
	for (unsigned before = fixture->script.looked; fixture->script.looked == before;)
		turn(fixture);
	sql(fixture, "SELECT 1");
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
	mores_free(fixture->talk.mores);
	manners_free(fixture->talk.manners);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
}

static int
begin(void **state)
{
	static const char *const services[] = { "am" };
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-alerts-XXXXXX";

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->conf = conf_read_text("test.conf", conf_text, strlen(conf_text));
	fixture->ops_places[0] = (struct place){ "corp", "#ops", NULL };
	fixture->ops_places[1] = (struct place){ "hq", "!ops", NULL };
	fixture->dba_places[0] = (struct place){ "corp", "#dba", NULL };
	fixture->ops = (struct room){ .name = "ops", .place = fixture->ops_places, .place_count = 2, .services = { 1, services, NULL } };
	fixture->dba = (struct room){ .name = "dba", .place = fixture->dba_places, .place_count = 1 };
	fixture->room_list[0] = &fixture->ops;
	fixture->room_list[1] = &fixture->dba;
	fixture->rooms = (struct rooms){ 2, fixture->room_list };
	fixture->script.alerts = (struct alerts_options){ .every = 3600 * 1000 };
	fixture->sets[0] = (struct command_set){ "alerts", alerts_commands(fixture->arena, &driver), &driver };
	fixture->am = (struct instance){ .name = "am", .service = "alertmanager", .conf = &fixture->script, .sets = fixture->sets };
	fixture->instances[0] = &fixture->am;
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
	for (size_t i = 0; i < 8; i++)
		forget_matchers(fixture->script.matchers[i]);
	free(fixture);
	return 0;
}

/* -- Conversations ------------------------------------------------------------------------------------------------------- */

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
expect_in(struct fixture *fixture, struct chat *chat, const char *pattern)
{
	int64_t stop_at = clock_mono() + PATIENCE;

	while (chat->read == chat->count && clock_mono() < stop_at)
		turn(fixture);
	if (chat->read == chat->count)
		fail_msg("nothing was said; expected: %s", pattern);
	const char *line = chat->said[chat->read++];
	if (!text_glob(pattern, line))
		fail_msg("expected: %s\n     said: %s", pattern, line);
}

static void
irc(struct fixture *fixture, const char *pattern)
{
	expect_in(fixture, &fixture->irc, pattern);
}

static void
matrix(struct fixture *fixture, const char *pattern)
{
	expect_in(fixture, &fixture->matrix, pattern);
}

/* Nothing else was said before the answer to this. */
static void
quiet(struct fixture *fixture)
{
	say(fixture, "alice", "!ping");
	irc(fixture, "alice: pong");
}

static void
no_more_on_matrix(struct fixture *fixture)
{
	quiet(fixture);
	if (fixture->matrix.read != fixture->matrix.count)
		fail_msg("said on Matrix: %s", fixture->matrix.said[fixture->matrix.read]);
}

static void
arrive_on_task(struct task *task, void *with)
{
	struct fixture *fixture = with;

	fixture->done = alerts_arrived(task, &fixture->talk, &fixture->am, fixture->arriving, fixture->arriving_count);
	if (!fixture->done)
		fprintf(stderr, "%s\n", task->error.text);
}

static void
arrive(struct fixture *fixture, const struct alert_group *all, size_t count)
{
	fixture->arriving = all;
	fixture->arriving_count = count;
	fixture->done = false;
	task_start(&fixture->engine, "test", arrive_on_task, fixture, NULL);
	for (int64_t stop_at = clock_mono() + PATIENCE; !fixture->done && clock_mono() < stop_at;)
		turn(fixture);
	assert_true(fixture->done);
}

/* Everything the last two looks had to say is on its way. */
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

static void
minutes_pass(struct fixture *fixture, int minutes)
{
	const int64_t ms = (int64_t)minutes * MINUTE;

	sql(fixture, arena_printf(fixture->arena, "UPDATE alert_group SET since=since-%1$lld, told=told-%1$lld, heard=heard-%1$lld,"
		" ended=iif(ended, ended-%1$lld, 0), ack_at=iif(ack_at, ack_at-%1$lld, 0), ack_until=iif(ack_until, ack_until-%1$lld, 0),"
		" reminded=iif(reminded, reminded-%1$lld, 0)", (long long)ms));
	sql(fixture, arena_printf(fixture->arena, "UPDATE alert_silence SET starts=starts-%1$lld, ends=ends-%1$lld, seen=seen-%1$lld", (long long)ms));
	sql(fixture, arena_printf(fixture->arena, "UPDATE alert_storm SET began=began-%lld", (long long)ms));
	sql(fixture, arena_printf(fixture->arena, "UPDATE alert_pace SET second=second-%lld", (long long)ms / 1000));
	sql(fixture, arena_printf(fixture->arena, "UPDATE alert_watchdog SET heard=heard-%lld", (long long)ms));
	for (size_t i = 0; i < fixture->script.silence_count; i++) {
		fixture->script.silences[i].starts -= ms;
		fixture->script.silences[i].ends -= ms;
	}
}

/* Some alerts. */

static const struct named disk_labels[] = { { "alertname", "DiskWillFill" }, { "instance", "db1" }, { "mountpoint", "/var" }, { "severity", "critical" }, { 0 } };

static struct alert disk_alert;

static struct alert_group
disk(bool over)
{
	disk_alert = (struct alert){ .id = "f1", .labels = disk_labels, .text = "93% full, 4 h left", .severity = SEVERITY_CRITICAL, .over = over,
		.since = clock_wall() - MINUTE };
	return (struct alert_group){ .key = "{}:{alertname=\"DiskWillFill\"}", .also = "disk", .name = "DiskWillFill", .labels = disk_labels, .alerts = &disk_alert,
		.count = 1, .url = "https://graf.corp.example/d/1" };
}

static void
disk_fires(struct fixture *fixture)
{
	fixture->script.groups[0] = disk(false);
	fixture->script.count = 1;
	arrive(fixture, fixture->script.groups, 1);
}

/* -- One living thing ---------------------------------------------------------------------------------------------------- */

static void
test_a_group_is_one_message_and_a_line_each_change_of_state(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group over = { 0 };

	disk_fires(fixture);
	irc(fixture, "A1 firing: critical DiskWillFill db1:/var, 93% full, 4 h left, since *. On it: nobody. !ack A1 https://graf.corp.example/d/1");
	matrix(fixture, "+ A1 firing: critical DiskWillFill db1:/var, 93% full, 4 h left*");
	matrix(fixture, "> ??:?? firing, 1 alert: 93% full, 4 h left");
	over = disk(true);
	fixture->script.count = 0;
	arrive(fixture, &over, 1);
	irc(fixture, "A1 resolved: critical DiskWillFill db1:/var after 1 min*");
	matrix(fixture, "= A1 resolved: critical DiskWillFill db1:/var after 1 min*");
	matrix(fixture, "> ??:?? resolved, 0 alerts*");
	no_more_on_matrix(fixture);
}

static void
test_the_same_again_says_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group over;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	for (int i = 0; i < 5; i++)
		disk_fires(fixture);
	looks(fixture);
	quiet(fixture);
	over = disk(true);
	fixture->script.count = 0;
	arrive(fixture, &over, 1);
	irc(fixture, "A1 resolved*");
	arrive(fixture, &over, 1);
	looks(fixture);
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT count(*) FROM outbox WHERE label='A1' AND op=0 AND place='hq/!ops'"), "2;");
}

static void
test_more_alerts_are_an_edit_and_no_line(void **state)
{
	struct fixture *fixture = *state;
	static struct alert two[2];
	struct alert_group group = disk(false);

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	matrix(fixture, "+ A1*");
	matrix(fixture, "> *");
	two[0] = two[1] = disk_alert;
	two[1].id = "f2";
	group.alerts = two;
	group.count = 2;
	arrive(fixture, &group, 1);
	matrix(fixture, "> ??:?? firing, 2 alerts*");
	matrix(fixture, "= A1 firing: critical DiskWillFill db1:/var, 93% full, 4 h left, 2 alerts*");
	quiet(fixture);
	/* What may be pressed is there once. */
	assert_string_equal(sql(fixture, arena_printf(fixture->arena, "SELECT count(*) FROM outbox WHERE label LIKE 'A1 offers%%' AND op=%d", DELIVERY_REACT)), "2;");
}

static void
test_what_got_worse_is_a_line(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group group = disk(false);

	disk_alert.severity = SEVERITY_WARNING;
	arrive(fixture, &group, 1);
	irc(fixture, "A1 firing: warning DiskWillFill*");
	disk_alert.severity = SEVERITY_CRITICAL;
	arrive(fixture, &group, 1);
	irc(fixture, "A1 firing: critical DiskWillFill*");
}

static void
test_what_was_over_for_long_is_another_thing(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group over;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	over = disk(true);
	arrive(fixture, &over, 1);
	irc(fixture, "A1 resolved*");
	disk_fires(fixture);
	irc(fixture, "A1 firing*");             /* it flaps: the same thing */
	over = disk(true);
	arrive(fixture, &over, 1);
	irc(fixture, "A1 resolved*");
	minutes_pass(fixture, 11);
	disk_fires(fixture);
	irc(fixture, "A2 firing*");
}

static void
test_the_words_of_others_are_clean_and_short(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group group = disk(false);
	char *text = arena_take(fixture->arena, 5000);

	memset(text, 'x', 4999);
	memcpy(text, "93%\x03" "4 \xe2\x80\xae full\r\nQUIT :x ", 23);
	disk_alert.text = text;
	group.name = "Disk\nA9 resolved: all fine";
	arrive(fixture, &group, 1);
	irc(fixture, "A1 firing: critical Disk A9 resolved: all fine db1:/var");
	irc(fixture, "A1: 93% full QUIT :x*...*");
}

static void
test_what_was_over_before_we_knew_is_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group over = disk(true);

	arrive(fixture, &over, 1);
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT count(*) FROM alert_group"), "0;");
}

/* -- What people do ------------------------------------------------------------------------------------------------------ */

static void
test_an_acknowledgement_is_kept_here_and_said_to_be(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	matrix(fixture, "+ A1 firing*");
	matrix(fixture, "> *");
	say(fixture, "bob", "!ack A1 1h extending the volume");
	irc(fixture, "A1 acked: critical DiskWillFill db1:/var, 93% full, 4 h left, until * (in 1 h), extending the volume, kept here, as Alertmanager has no acknowledgement (bob)*");
	matrix(fixture, "> ??:?? acked, 1 alert, by bob: extending the volume");
	matrix(fixture, "= A1 acked: *extending the volume*");
	looks(fixture);
	quiet(fixture);
	say(fixture, "alice", "!alerts");
	irc(fixture, "alice: 1 group of alerts at am");
	irc(fixture, "A1 acked: critical DiskWillFill db1:/var, since * on it: bob until ??:??");
	say(fixture, "bob", "!mine");
	irc(fixture, "bob: 1 group of alerts at am");
	irc(fixture, "A1 acked*");
	say(fixture, "bob", "!unack A1");
	irc(fixture, "A1 firing*On it: nobody*");
}

static void
test_an_acknowledgement_ends(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!ack A1 30m");
	irc(fixture, "A1 acked*");
	minutes_pass(fixture, 31);
	looks(fixture);
	irc(fixture, "A1 firing: critical*On it: nobody*");
}

static void
test_where_the_service_acknowledges_it_is_asked(void **state)
{
	struct fixture *fixture = *state;

	fixture->sets[0] = (struct command_set){ "alerts", alerts_commands(fixture->arena, &acking), &acking };
	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!ack A1 on it");
	irc(fixture, "A1 acked: critical DiskWillFill db1:/var, 93% full, 4 h left, on it (bob)*");
	assert_string_equal(fixture->script.last, "{}:{alertname=\"DiskWillFill\"} f1 bob (corp/bob in ops): on it");
	say(fixture, "bob", "!silence A1");
	irc(fixture, "bob: there is no silence here*");
}

static void
test_nobody_acknowledges_what_is_over(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group over;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	over = disk(true);
	arrive(fixture, &over, 1);
	irc(fixture, "A1 resolved*");
	say(fixture, "bob", "!ack A1");
	irc(fixture, "bob: A1 resolved * ago, nothing to ack");
	say(fixture, "bob", "!ack A9");
	irc(fixture, "bob: there is no A9");
}

static void
test_a_silence_of_an_alert_changes_its_message_alone(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	matrix(fixture, "+ A1 firing*");
	matrix(fixture, "> *");
	say(fixture, "bob", "!silence A1 for=2h extending");
	irc(fixture, "A1 silenced: critical DiskWillFill db1:/var, 93% full, 4 h left, until * (in *), S1, extending (bob)*");
	looks(fixture);
	quiet(fixture);
	matrix(fixture, "> ??:?? silenced, 1 alert, by bob: extending");
	matrix(fixture, "= A1 silenced: *S1, extending (bob)*");
	say(fixture, "alice", "!silences");
	irc(fixture, "alice: 1 silence at am");
	irc(fixture, "S1 silenced: alertname=DiskWillFill instance=db1 mountpoint=/var severity=critical until * (bob): extending");
	say(fixture, "bob", "!unsilence A1");
	irc(fixture, "A1 firing*");
	irc(fixture, "S1 ended: *(bob)");
}

static void
test_a_silence_of_everything_is_refused(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!silence instance=~.* for=1h");
	irc(fixture, "bob: refused: that would silence all 1 alerts. Name at least one label");
	say(fixture, "bob", "!silence for=1h all of it");
	irc(fixture, "bob: refused: that would silence everything. Name at least one label*");
	say(fixture, "bob", "!silence team!=db");
	irc(fixture, "bob: refused: that would silence all 1 alerts*");
	assert_int_equal(fixture->script.silence_count, 0);
}

static void
test_a_silence_by_labels_says_how_many_it_holds(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!silence instance=db1 severity=~\"crit.*\" for=2h new disk");
	irc(fixture, "S1 silenced: instance=db1 severity=~crit.* until * (in *), 1 alert, new disk. Undo: !unsilence S1 (bob)");
	quiet(fixture);
	say(fixture, "bob", "!silence S1 for=1h");
	irc(fixture, "S1 silenced: instance=db1 severity=~crit.* until * (in 3 h), new disk. Undo: !unsilence S1 (bob)");
}

static void
test_a_silence_that_ends_is_said_before(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!silence instance=db1 for=2h");
	irc(fixture, "S1 silenced*");
	minutes_pass(fixture, 106);
	looks(fixture);
	irc(fixture, "S1 ends at ??:?? (in 1? min); 1 alert would fire again. Longer: !silence S1 for=1h");
	looks(fixture);
	quiet(fixture);
	fixture->script.silence_count = 0;
	hold(&fixture->script, NULL, false);
	looks(fixture);
	irc(fixture, "A1 firing*");
}

/* -- True to the service ------------------------------------------------------------------------------------------------- */

static void
test_what_changed_elsewhere_shows(void **state)
{
	struct fixture *fixture = *state;
	static struct matcher matchers[2] = { { "instance", "db1", false, false } };

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	fixture->script.silences[0] = (struct silence){ .id = "theirs", .matchers = matchers, .starts = clock_wall() - MINUTE, .ends = clock_wall() + 60 * MINUTE,
		.by = "carol", .why = "moved" };
	fixture->script.silence_count = 1;
	hold(&fixture->script, "theirs", true);
	looks(fixture);
	irc(fixture, "A1 silenced: *until * (in *), moved (carol)*");
	fixture->script.silence_count = 0;
	fixture->script.count = 0;
	looks(fixture);
	irc(fixture, "A1 resolved*");
}

static void
test_what_fired_while_we_were_away_is_found(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.groups[0] = disk(false);
	fixture->script.groups[0].key = "disk";
	fixture->script.count = 1;
	looks(fixture);
	irc(fixture, "A1 firing*");
	disk_fires(fixture);
	quiet(fixture);                 /* its webhook, later, is the same */
	fixture->script.groups[0].key = "disk";
	looks(fixture);
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT key FROM alert_group"), "{}:{alertname=\"DiskWillFill\"};");
}

static void
test_two_groups_that_the_service_lists_alike_stay_two(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group group = disk(false), other = disk(false);

	group.key = "{}/{team=\"db\"}:{}";
	other.key = "{}/{team=\"sre\"}:{}";
	arrive(fixture, &group, 1);
	irc(fixture, "A1 firing*");
	arrive(fixture, &other, 1);
	irc(fixture, "A2 firing*");
	fixture->script.groups[0] = disk(false);
	fixture->script.groups[0].key = "disk";
	fixture->script.count = 1;
	looks(fixture);
	quiet(fixture);
	fixture->script.count = 0;
	looks(fixture);
	irc(fixture, "A1 resolved*");
	irc(fixture, "A2 resolved*");
}

static void
test_a_webhook_of_a_moment_ago_is_waited_for(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.groups[0] = disk(false);
	fixture->script.groups[0].fresh = true;
	fixture->script.count = 1;
	looks(fixture);
	quiet(fixture);
	assert_string_equal(sql(fixture, "SELECT count(*) FROM alert_group"), "0;");
}

static void
test_a_service_that_is_away_is_said_once(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	fixture->script.away = true;
	for (int i = 0; i < 2; i++) {
		follows_look(fixture->talk.follows, 1);
		for (int n = 0; n < 50; n++)
			turn(fixture);
	}
	quiet(fixture);
	sql(fixture, "UPDATE follow SET seen=json_set(seen, '$.away', json_extract(seen, '$.away')-660000)");
	follows_look(fixture->talk.follows, 1);
	irc(fixture, "[am] Alertmanager does not answer since * (11 min ago); what I show of its alerts may be old");
	fixture->script.away = false;
	looks(fixture);
	irc(fixture, "[am] Alertmanager answers again");
	quiet(fixture);
}

/* -- Unasked ------------------------------------------------------------------------------------------------------------- */

static void
test_what_nobody_is_on_is_said_again_later_and_later(void **state)
{
	struct fixture *fixture = *state;

	fixture->script.alerts.remind = 15 * MINUTE;
	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	minutes_pass(fixture, 16);
	looks(fixture);
	irc(fixture, "A1 still firing after 17 min*: critical DiskWillFill db1:/var, nobody is on it. !ack A1");
	minutes_pass(fixture, 16);
	looks(fixture);
	quiet(fixture);
	minutes_pass(fixture, 16);
	looks(fixture);
	irc(fixture, "A1 still firing after 49 min*");
	say(fixture, "bob", "!ack A1");
	irc(fixture, "A1 acked*");
	minutes_pass(fixture, 600);
	looks(fixture);
	quiet(fixture);
}

static struct named many_labels[MANY][5];
static struct alert many_alerts[MANY];

/* The n-th of many nodes that are down. */
static void
many(struct alert_group *out, size_t n, enum severity severity)
{
	static char names[MANY][16], keys[MANY][16];

	snprintf(names[n], sizeof names[n], "n%zu", n);
	snprintf(keys[n], sizeof keys[n], "k%zu", n);
	memcpy(many_labels[n], (struct named[]){ { "alertname", "NodeDown" }, { "instance", names[n] }, { "rack", "b2" }, { "severity", alerts_severity_word(severity) }, { 0 } },
		5 * sizeof **many_labels);
	many_alerts[n] = (struct alert){ .id = keys[n], .labels = many_labels[n], .severity = severity, .since = clock_wall() };
	*out = (struct alert_group){ .key = keys[n], .name = "NodeDown", .labels = many_labels[n], .alerts = &many_alerts[n], .count = 1 };
}

static void
test_a_storm_is_one_line(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group all[120], worse;

	fixture->script.alerts.storm = 100;
	for (size_t i = 0; i < 118; i++)
		many(&all[i], i, SEVERITY_WARNING);
	arrive(fixture, all, 118);
	irc(fixture, "Storm: 118 alerts in 118 groups within 1 min, 118 of them NodeDown with rack=b2. I name only new critical ones until it is calm. !alerts shows all");
	matrix(fixture, "+ Storm: 118 alerts*");
	many(&worse, 119, SEVERITY_CRITICAL);
	arrive(fixture, &worse, 1);
	irc(fixture, "A119 firing: critical NodeDown n119*");
	quiet(fixture);
	for (size_t i = 0; i < 116; i++) {
		many_alerts[i].over = true;
		arrive(fixture, &all[i], 1);
	}
	quiet(fixture);
	for (size_t i = 0; i < 3; i++)
		fixture->script.groups[i] = i < 2 ? all[116 + i] : worse;
	fixture->script.count = 3;
	minutes_pass(fixture, 2);
	looks(fixture);
	irc(fixture, "Storm over: 119 alerts in 119 groups in 2 min*, 3 groups still firing: A119 A117 A118, NodeDown *");
	looks(fixture);
	quiet(fixture);
	fixture->script.count = 2;
	looks(fixture);
	irc(fixture, "A119 resolved*");
}

static void
test_one_by_one_a_storm_takes_back_what_is_not_said_yet(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group one;

	fixture->script.alerts.storm = 50;
	fixture->silent = true;
	for (size_t i = 0; i < MANY - 1; i++) {
		many(&one, i, SEVERITY_WARNING);
		arrive(fixture, &one, 1);
	}
	fixture->silent = false;
	outbox_link_ready(fixture->talk.outbox, "corp");
	irc(fixture, "Storm: 50 alerts in 50 groups*");
	quiet(fixture);
}

static void
test_a_storm_of_critical_ones_names_ten(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group all[MANY];

	fixture->script.alerts.storm = 100;
	for (size_t i = 0; i < MANY - 1; i++)
		many(&all[i], i, SEVERITY_CRITICAL);
	arrive(fixture, all, MANY - 1);
	for (size_t i = 1; i <= 10; i++)
		irc(fixture, arena_printf(fixture->arena, "A%zu firing*", i));
	irc(fixture, "Storm: 399 alerts in 399 groups*");
	quiet(fixture);
}

static void
test_a_quiet_room_hears_of_critical_ones_alone_and_the_rest_at_its_end(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group group = disk(false), node, over;

	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	fixture->ops.quiet = arena_printf(fixture->arena, "%02d:00 - %02d:00", (tm.tm_hour + 23) % 24, (tm.tm_hour + 2) % 24);
	many(&node, 1, SEVERITY_WARNING);
	arrive(fixture, &node, 1);
	many(&node, 2, SEVERITY_WARNING);
	arrive(fixture, &node, 1);
	over = node;
	many_alerts[2].over = true;
	arrive(fixture, &over, 1);
	quiet(fixture);
	arrive(fixture, &group, 1);
	irc(fixture, "A3 firing: critical*");
	fixture->ops.quiet = NULL;
	sql(fixture, "UPDATE alert_quiet SET until=1");
	many(&fixture->script.groups[0], 1, SEVERITY_WARNING);
	fixture->script.groups[1] = group;
	fixture->script.count = 2;
	looks(fixture);
	irc(fixture, "While quiet (*): 2 alerts fired, 1 resolved. !alerts shows what fires");
	irc(fixture, "A1 firing: warning NodeDown n1, *");
	fixture->script.groups[0] = group;
	fixture->script.count = 1;
	looks(fixture);
	irc(fixture, "A1 resolved*");
}

static void
test_a_watchdog_that_stays_away_is_said(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group group = disk(false);

	fixture->script.alerts.watchdog = "Watchdog";
	fixture->script.alerts.watchdog_within = 5 * MINUTE;
	group.name = "Watchdog";
	arrive(fixture, &group, 1);
	looks(fixture);
	quiet(fixture);
	minutes_pass(fixture, 6);
	looks(fixture);
	irc(fixture, "[am] Watchdog has not come for 6 min*: alerts may not reach you*");
	looks(fixture);
	quiet(fixture);
	arrive(fixture, &group, 1);
	irc(fixture, "[am] Watchdog is back after 6 min*");
}

/* -- Rooms --------------------------------------------------------------------------------------------------------------- */

static void
test_a_route_takes_what_fits_to_its_rooms(void **state)
{
	struct fixture *fixture = *state;
	static const char *const match[] = { "instance=~db.*", "severity!=info" }, *const rooms[] = { "dba" };
	static struct alert_route route = { .name = "db", .match = { 2, match, NULL }, .rooms = { 1, rooms, NULL } };
	static void *const routes[] = { &route };
	struct alert_group node;

	fixture->script.alerts.routes = (struct sections){ 1, routes };
	disk_fires(fixture);
	expect_in(fixture, &fixture->others, "A1 firing*");
	quiet(fixture);
	many(&node, 1, SEVERITY_WARNING);
	arrive(fixture, &node, 1);
	irc(fixture, "A2 firing: warning NodeDown n1*");
}

static void
test_a_room_says_what_it_does_not_want(void **state)
{
	struct fixture *fixture = *state;
	struct alert_group node;

	say(fixture, "bob", "!off severity=warning rack=b2");
	irc(fixture, "bob: severity=warning rack=b2 of am is told here no more. !on severity=warning rack=b2 tells it again");
	many(&node, 1, SEVERITY_WARNING);
	arrive(fixture, &node, 1);
	quiet(fixture);
	say(fixture, "alice", "!alerts warning rack=b2");
	irc(fixture, "alice: 1 group of alerts at am");
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!on severity=warning rack=b2");
	irc(fixture, "bob: Told here again");
	many(&node, 2, SEVERITY_WARNING);
	arrive(fixture, &node, 1);
	irc(fixture, "A2 firing*");
}

static void
test_show_tells_all_that_is_known(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "alice", "!show a1");
	irc(fixture, "A1 firing: critical DiskWillFill db1:/var, 93% full, 4 h left*");
	irc(fixture, "A1: labels: alertname=DiskWillFill instance=db1 mountpoint=/var severity=critical");
	say(fixture, "alice", "!comment A1 the disk is on its way");
	irc(fixture, "alice: noted on A1: the disk is on its way");
	matrix(fixture, "+ A1 firing*");
	matrix(fixture, "> ??:?? firing*");
	matrix(fixture, "> alice: the disk is on its way");
}

static void
test_it_is_the_same_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	disk_fires(fixture);
	irc(fixture, "A1 firing*");
	say(fixture, "bob", "!ack A1");
	irc(fixture, "A1 acked*");
	quiet(fixture);
	close_gateway(fixture);
	open_gateway(fixture);
	looks(fixture);
	quiet(fixture);
	fixture->script.count = 0;
	looks(fixture);
	irc(fixture, "A1 resolved: *, acked by bob within *");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(test_a_group_is_one_message_and_a_line_each_change_of_state),
		TEST(test_the_same_again_says_nothing),
		TEST(test_more_alerts_are_an_edit_and_no_line),
		TEST(test_what_got_worse_is_a_line),
		TEST(test_what_was_over_for_long_is_another_thing),
		TEST(test_the_words_of_others_are_clean_and_short),
		TEST(test_what_was_over_before_we_knew_is_nothing),
		TEST(test_an_acknowledgement_is_kept_here_and_said_to_be),
		TEST(test_an_acknowledgement_ends),
		TEST(test_where_the_service_acknowledges_it_is_asked),
		TEST(test_nobody_acknowledges_what_is_over),
		TEST(test_a_silence_of_an_alert_changes_its_message_alone),
		TEST(test_a_silence_of_everything_is_refused),
		TEST(test_a_silence_by_labels_says_how_many_it_holds),
		TEST(test_a_silence_that_ends_is_said_before),
		TEST(test_what_changed_elsewhere_shows),
		TEST(test_what_fired_while_we_were_away_is_found),
		TEST(test_two_groups_that_the_service_lists_alike_stay_two),
		TEST(test_a_webhook_of_a_moment_ago_is_waited_for),
		TEST(test_a_service_that_is_away_is_said_once),
		TEST(test_what_nobody_is_on_is_said_again_later_and_later),
		TEST(test_a_storm_is_one_line),
		TEST(test_one_by_one_a_storm_takes_back_what_is_not_said_yet),
		TEST(test_a_storm_of_critical_ones_names_ten),
		TEST(test_a_quiet_room_hears_of_critical_ones_alone_and_the_rest_at_its_end),
		TEST(test_a_watchdog_that_stays_away_is_said),
		TEST(test_a_route_takes_what_fits_to_its_rooms),
		TEST(test_a_room_says_what_it_does_not_want),
		TEST(test_show_tells_all_that_is_known),
		TEST(test_it_is_the_same_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
