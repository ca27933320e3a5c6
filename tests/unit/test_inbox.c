/* The inbox: a delivery that is proven is committed, answered, and has one effect: whatever is repeated, whenever we die (threats W2, W5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/inbox_route.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/spool.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/work/command.h"
#include "bridge/work/inbox.h"
#include "bridge/work/webhook.h"

enum { PATIENCE = 20000, LINES = 4000, LONG = 160, KILLS = 25, EACH = 40 };

#define DAY (INT64_C(24) * 3600 * 1000)

static int64_t wall_set, mono_set;      /* ms further than the clocks are */

int
clock_gettime(clockid_t id, struct timespec *out)
{
	int failed = (int)syscall(SYS_clock_gettime, id, out);
	int64_t ms = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_set : mono_set;

	out->tv_sec += (time_t)(ms / 1000);
	return failed;
}

/* -- A service that sends ---------------------------------------------------------------------------------------------- */

struct acme { struct webhook_settings webhook; };

static const struct secret key = { "", "0123456789abcdef0123", 20 };
static struct acme acme_conf = { .webhook.sender.hook = &key }, other_conf = { .webhook.sender.hook = &key };
static const struct sender_way ways[] = { { .by = SENDER_TOKEN, .header = "X-Token" }, { .by = SENDER_PATH }, { 0 } };
static const char *const kept[] = { "X-Event", NULL };
static const char *rooms_named[] = { "ops" };
static struct where nowhere[1];

static struct world {
	char folder[64];
	struct bridge bridge;
	struct setup setup;
	char said[LINES][LONG];
	size_t count;
	unsigned runs;                  /* of look() */
	uint64_t parked;
} world;

/* What a body makes of it: "say TEXT", "fail", "refuse", "park", "die", "thing ID STATE", "count N", "elsewhere". */
static bool
look(struct task *task, const struct received *received, struct told *out, size_t most, size_t *count)
{
	char word[20] = "", rest[100] = "", more[20] = "";

	world.runs++;
	sscanf(received->body, "%19s %99s %19s", word, rest, more);
	assert_true(most >= TOLD_MOST);
	if (!strcmp(word, "fail"))
		return task_fail(task, "The world is not as it should be.");
	if (!strcmp(word, "refuse"))
		return received_refuse(task, received, "Nobody understands %s.", rest);
	if (!strcmp(word, "park")) {
		world.parked = task->id;
		if (!task_park(task))
			return false;
	}
	if (!strcmp(word, "die"))
		kill(getpid(), SIGKILL);
	struct card *card = card_new(task->arena, TONE_PLAIN, "%s says %s", received->instance->name, rest);
	*out = (struct told){ .card = card };
	*count = 1;
	if (received_header(received, "x-event"))
		card_fact(card, NULL, "event %s", received_header(received, "X-Event"));
	if (*received->rest)
		card_fact(card, NULL, "for %s", received->rest);
	if (!strcmp(word, "elsewhere"))
		out->room = arena_text(task->arena, rest);
	if (!strcmp(word, "thing")) {
		card_state(card, NULL, more);
		card->closed = !strcmp(more, "resolved");
		out->letter = 'D';
		out->subject = arena_text(task->arena, rest);
	}
	return true;
}

static const struct webhook webhook = { .ways = ways, .settings = offsetof(struct acme, webhook), .id = "X-Id", .keep = kept, .look = look },
	once = { .ways = ways, .settings = offsetof(struct acme, webhook), .once = true, .look = look, .answer = { 202, "application/json", "{}" } };
static const struct command_set no_sets[1];
static const struct instance acme = { .name = "acme", .service = "acme", .conf = &acme_conf, .sets = no_sets, .webhook = &webhook },
	bytes = { .name = "bytes", .service = "acme", .conf = &other_conf, .sets = no_sets, .webhook = &once },
	mute = { .name = "mute", .service = "acme", .conf = &other_conf, .sets = no_sets };
static const struct instance *instances[4];

static struct place places[] = { { "corp", "#ops", NULL }, { "corp", "#dev", NULL } };
static const struct room ops = { .name = "ops", .place = &places[0], .place_count = 1 },
	dev = { .name = "dev", .place = &places[1], .place_count = 1, .services = { 1, (const char *const[]){ "bytes" }, nowhere } };
static struct room *room_list[] = { (struct room *)(uintptr_t)&ops, (struct room *)(uintptr_t)&dev };
static const struct rooms rooms = { 2, room_list };

/* -- The world ------------------------------------------------------------------------------------------------------------ */

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	struct lines lines = card_lines(task->arena, delivery->card, 400, 10);

	(void)with, (void)done;
	for (size_t i = 0; i < lines.count && world.count < LINES; i++)
		snprintf(world.said[world.count++], LONG, "%s %s", delivery->place.channel, lines.each[i]);
	return true;
}

static bool
ready(const char *link, void *with)
{
	(void)link, (void)with;
	return true;
}

static unsigned
can(const char *link, void *with)
{
	(void)link, (void)with;
	return 0;
}

static void
dropped(const struct place *place, const char *why, void *with)
{
	(void)with;
	fail_msg("dropped for %s: %s", place->channel, why);
}

static void
turn(void)
{
	loop_turn(world.bridge.engine.loop);
	poll(NULL, 0, 1);
}

#define UNTIL(condition) do { \
	for (int turns = 0; !(condition) && turns < PATIENCE; turns++) \
		turn(); \
	assert_true(condition); \
} while (0)

static bool
is_open(void)
{
	return tasks_count(world.bridge.engine.tasks) == 0 && !inbox_waiting(world.bridge.inbox);
}

static void
open_gateway(void)
{
	static const struct tables *const tables[] = { &audit_tables, &label_tables, &outbox_tables, &inbox_tables, NULL };
	struct engine *engine = &world.bridge.engine;
	struct carriers carriers = { deliver, ready, can, dropped, NULL, NULL };
	enum store_open_error why;
	struct error error = { "" };

	instances[0] = &acme;
	instances[1] = &bytes;
	instances[2] = &mute;
	acme_conf.webhook.rooms = (struct list){ 1, rooms_named, nowhere };
	*engine = (struct engine){ .loop = loop_open(&error) };
	engine->tasks = tasks_open(engine, 100);
	engine->store = store_open(engine, world.folder, tables, &why, &error);
	assert_non_null(engine->store);
	world.bridge.setup = &world.setup;
	world.bridge.talk = (struct talk){ .engine = engine, .rooms = &rooms, .outbox = outbox_open(engine, &carriers), .instances = instances, .name = "sally",
		.prefix = "!", .lines = 10 };
	outbox_begin(world.bridge.talk.outbox);
	world.bridge.inbox = inbox_open(&world.bridge.talk);
	inbox_begin(world.bridge.inbox);
	UNTIL(inbox_begun(world.bridge.inbox));
}

static void
close_gateway(void)
{
	struct engine *engine = &world.bridge.engine;

	if (world.bridge.spool)
		spool_stop(world.bridge.spool);
	inbox_stop(world.bridge.inbox);
	outbox_stop(world.bridge.talk.outbox);
	while (tasks_count(engine->tasks)) {
		tasks_cancel_all(engine->tasks);
		loop_turn(engine->loop);
	}
	store_close(engine->store);
	spool_close(world.bridge.spool);
	inbox_close(world.bridge.inbox);
	outbox_close(world.bridge.talk.outbox);
	tasks_close(engine->tasks);
	loop_close(engine->loop);
}

static void
restart(void)
{
	close_gateway();
	open_gateway();
}

static int
begin_closed(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	wall_set = mono_set = 0;
	log_open(LEVEL_ERROR + 1, LOG_TEXT);
	strcpy(world.folder, "/tmp/test_inbox.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	return 0;
}

static int
begin(void **state)
{
	begin_closed(state);
	open_gateway();
	return 0;
}

static int
finish_closed(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -r '%s'", world.folder);
	return system(command);
}

static int
finish(void **state)
{
	close_gateway();
	return finish_closed(state);
}

/* -- Sending ---------------------------------------------------------------------------------------------------------------- */

struct sending {
	struct arrival arrival;
	struct arrival_header headers[6];
	struct answer answer;
	bool done;
};

static void
run_route(struct task *task, void *with)
{
	struct sending *sending = with;

	inbox_route.run(task, &sending->arrival, &sending->answer, &world.bridge);
	sending->answer.bytes = NULL;
	sending->done = true;
}

/* The status that its sender hears. Freed with the next. */
static unsigned
post_as(const char *rest, const char *id, const char *body, const char *token, const char *type)
{
	struct sending sending = { .arrival = { .method = "POST", .rest = rest, .peer = "192.0.2.1", .body = body, .length = strlen(body) } };

	sending.headers[0] = (struct arrival_header){ "X-Token", token };
	sending.headers[1] = (struct arrival_header){ "Content-Type", type };
	sending.headers[2] = (struct arrival_header){ "X-Event", "push" };
	sending.headers[3] = (struct arrival_header){ "X-Id", id ? id : "" };
	sending.arrival.headers = sending.headers;
	sending.arrival.header_count = id ? 4 : 3;
	unsigned status = inbox_route.allowed(&sending.arrival, &world.bridge);
	if (status != 200)
		return status;
	task_start(&world.bridge.engine, "post", run_route, &sending, NULL);
	UNTIL(sending.done);
	return sending.answer.status;
}

static unsigned
post(const char *rest, const char *id, const char *body)
{
	return post_as(rest, id, body, key.bytes, "application/json");
}

static unsigned
times_said(const char *part)
{
	unsigned count = 0;

	for (size_t i = 0; i < world.count; i++)
		count += strstr(world.said[i], part) != NULL;
	return count;
}

struct finding { int64_t id; const char *state; struct inbox_row row; int64_t rows; };

static void
take_row(const struct inbox_row *row, void *with)
{
	struct finding *finding = with;

	finding->rows++;
	if (!finding->row.id || row->id == finding->id)
		finding->row = *row;
}

static bool
find_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return inbox_list(db, arena, NULL, 100000, take_row, with, error);
}

/* The newest row, and how many there are. */
static struct finding
rows(struct arena *arena)
{
	struct finding finding = { 0 };
	struct error error;

	assert_true(store_read(world.folder, find_rows, &finding, arena, &error));
	return finding;
}

/* -- What is refused ---------------------------------------------------------------------------------------------------------- */

static void
test_who_is_not_proven_hears_the_same_everywhere(void **state)
{
	(void)state;
	assert_int_equal(post_as("acme", "1", "say hello", "0123456789abcdef012x", "application/json"), 401);
	assert_int_equal(post_as("nobody", "1", "say hello", key.bytes, "application/json"), 401);
	assert_int_equal(post_as("mute", "1", "say hello", key.bytes, "application/json"), 401);
	assert_int_equal(post_as("", "1", "say hello", key.bytes, "application/json"), 401);
	assert_int_equal(post_as("acm", "1", "say hello", key.bytes, "application/json"), 401);
	assert_int_equal(post_as("acme2", "1", "say hello", key.bytes, "application/json"), 401);
	assert_int_equal(post_as("acme", "1", "say hello", "", "application/json"), 401);
	assert_int_equal(inbox_look_route.allowed(&(struct arrival){ .rest = "nobody" }, &world.bridge), 200);
	assert_int_equal(world.runs, 0);
	const struct inbox_count *counts;
	assert_int_equal(inbox_counts(world.bridge.inbox, &counts), 2);
}

static void
test_one_that_only_asks_whether_it_is_proven_does_nothing(void **state)
{
	struct arena *arena = arena_new();
	const struct arrival_header headers[] = { { "X-Token", key.bytes }, { INBOX_TEST, "1" } };
	struct sending sending = { .arrival = { .method = "POST", .rest = "acme", .peer = "192.0.2.1", .headers = headers, .header_count = 2, .body = "say x", .length = 5 } };

	(void)state;
	assert_int_equal(inbox_route.allowed(&sending.arrival, &world.bridge), 200);
	task_start(&world.bridge.engine, "post", run_route, &sending, NULL);
	UNTIL(sending.done);
	assert_int_equal(sending.answer.status, 204);
	assert_int_equal(rows(arena).rows, 0);
	sending.arrival.headers++;
	sending.arrival.header_count--;
	assert_int_equal(inbox_route.allowed(&sending.arrival, &world.bridge), 401);
	arena_free(arena);
}

static void
test_other_types_are_refused(void **state)
{
	(void)state;
	assert_int_equal(post_as("acme", NULL, "say 1", key.bytes, "multipart/form-data; boundary=x"), 415);
	assert_int_equal(post_as("acme", NULL, "say 2", key.bytes, "application/xml"), 415);
	assert_int_equal(post_as("acme", NULL, "say 3", key.bytes, "Application/JSON; charset=utf-8"), 200);
	assert_int_equal(post_as("acme", NULL, "say 4", key.bytes, "application/cloudevents+json"), 200);
	assert_int_equal(post_as("acme", NULL, "say 5", key.bytes, "application/x-www-form-urlencoded"), 200);
	UNTIL(world.count == 3);
}

/* -- What is taken -------------------------------------------------------------------------------------------------------------- */

static void
test_a_delivery_is_said_in_the_rooms_of_its_instance(void **state)
{
	(void)state;
	assert_int_equal(post("acme/main", "1", "say hello"), 200);
	UNTIL(is_open() && world.count == 1);
	assert_string_equal(world.said[0], "#ops acme says hello, event push, for main");
	assert_int_equal(post("bytes", NULL, "say hello"), 202);
	UNTIL(is_open() && world.count == 2);
	assert_string_equal(world.said[1], "#dev bytes says hello");
	assert_int_equal(post("acme", NULL, "elsewhere dev"), 200);
	UNTIL(is_open() && world.count == 3);
	assert_string_equal(world.said[2], "#dev acme says dev, event push");
}

static void
test_the_secret_of_a_path_is_not_kept(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(post_as("acme/backup/0123456789abcdef0123", NULL, "say 0123456789abcdef0123", "", "text/plain"), 200);
	UNTIL(is_open() && world.count == 1);
	assert_string_equal(world.said[0], "#ops acme says ********************, event push, for backup");
	assert_string_equal(rows(arena).row.rest, "backup");
	arena_free(arena);
}

static void
test_the_same_delivery_has_one_effect(void **state)
{
	(void)state;
	assert_int_equal(post("acme", "a-1", "say once"), 200);
	assert_int_equal(post("acme", "a-1", "say once"), 200);
	UNTIL(is_open() && world.count == 1);
	assert_int_equal(post("acme", "a-1", "say once"), 200);
	restart();
	assert_int_equal(post("acme", "a-1", "say once"), 200);
	wall_set += 7 * DAY - 60000;
	assert_int_equal(post("acme", "a-1", "say once"), 200);
	assert_int_equal(post("acme", "a-2", "say twice"), 200);
	UNTIL(is_open() && world.count == 2);
	assert_int_equal(times_said("once"), 1);
	/* Of another instance it is another one. */
	assert_int_equal(post("bytes", "a-1", "say once"), 202);
	UNTIL(is_open() && world.count == 3);
}

static void
test_equal_bytes_are_one_where_its_service_says_so(void **state)
{
	(void)state;
	assert_int_equal(post("bytes", NULL, "say backup"), 202);
	assert_int_equal(post("bytes", NULL, "say backup"), 202);
	assert_int_equal(post("bytes/other", NULL, "say backup"), 202);
	UNTIL(is_open() && world.count == 2);
	wall_set += 11 * 60 * 1000;
	assert_int_equal(post("bytes", NULL, "say backup"), 202);
	UNTIL(is_open() && world.count == 3);
	/* Of one whose deliveries have names, those without are each one. */
	assert_int_equal(post("acme", NULL, "say this"), 200);
	assert_int_equal(post("acme", NULL, "say this"), 200);
	UNTIL(is_open() && world.count == 5);
}

static void
test_they_are_carried_out_in_their_order_one_at_a_time(void **state)
{
	char body[40], wanted[60];

	(void)state;
	assert_int_equal(post("acme", NULL, "park first"), 200);
	UNTIL(world.parked);
	for (int i = 0; i < 50; i++) {
		snprintf(body, sizeof body, "say number-%d", i);
		assert_int_equal(post("acme", NULL, body), 200);
	}
	/* Another instance does not wait for it. */
	assert_int_equal(post("bytes", NULL, "say meanwhile"), 202);
	UNTIL(times_said("meanwhile") == 1);
	assert_int_equal(world.count, 1);
	assert_int_equal(inbox_waiting(world.bridge.inbox), 51);
	task_wake(&world.bridge.engine, world.parked);
	UNTIL(is_open() && world.count == 52);
	for (int i = 0; i < 50; i++) {
		snprintf(wanted, sizeof wanted, "#ops acme says number-%d, event push", i);
		assert_string_equal(world.said[2 + i], wanted);
	}
}

static void
test_a_thing_is_one_and_keeps_its_name(void **state)
{
	(void)state;
	assert_int_equal(post("acme", NULL, "thing disk firing"), 200);
	assert_int_equal(post("acme", NULL, "thing load firing"), 200);
	UNTIL(is_open() && world.count == 2);
	restart();
	assert_int_equal(post("acme", NULL, "thing disk resolved"), 200);
	assert_int_equal(post("acme", NULL, "thing disk firing"), 200);
	UNTIL(is_open() && world.count == 4);
	assert_non_null(strstr(world.said[0], "D1 firing"));
	assert_non_null(strstr(world.said[1], "D2 firing"));
	assert_non_null(strstr(world.said[2], "D1 resolved"));
	assert_non_null(strstr(world.said[3], "D3 firing"));
}

/* -- What comes to nothing -------------------------------------------------------------------------------------------------------- */

static void
test_what_nobody_understands_is_dead_at_once_and_stops_nothing(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(post("acme", NULL, "refuse this"), 200);
	UNTIL(is_open());
	assert_int_equal(world.runs, 1);
	assert_string_equal(rows(arena).row.state, "dead");
	assert_string_equal(rows(arena).row.error, "Nobody understands this.");
	assert_int_equal(post("acme", NULL, "elsewhere nowhere"), 200);
	UNTIL(is_open());
	assert_string_equal(rows(arena).row.error, "It is for a room nowhere, and there is none.");
	assert_int_equal(post("acme", NULL, "say more"), 200);
	UNTIL(is_open() && world.count == 1);
	arena_free(arena);
}

static void
test_what_fails_is_tried_three_times(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(post("acme", NULL, "fail"), 200);
	UNTIL(world.runs == 1);
	for (unsigned i = 0; i < 3000 && inbox_waiting(world.bridge.inbox); i++) {
		mono_set += 100;
		turn();
	}
	UNTIL(is_open());
	assert_int_equal(world.runs, 3);
	assert_string_equal(rows(arena).row.state, "dead");
	assert_string_equal(rows(arena).row.error, "The world is not as it should be.");
	const struct inbox_count *counts;
	assert_int_equal(inbox_counts(world.bridge.inbox, &counts), 1);
	assert_int_equal(counts[0].dead, 1);
	arena_free(arena);
}

/* In a child, which may die of it. */
static int
live(void (*what)(void))
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		open_gateway();
		what();
		close_gateway();
		_exit(0);
	}
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	return status;
}

static void
die_of_it(void)
{
	post("acme", "bad", "die now");
	post("acme", "good", "say good");
	UNTIL(is_open());
}

static void
go_on(void)
{
	UNTIL(is_open());
}

static void
test_one_that_kills_us_is_dead_after_three_times(void **state)
{
	struct arena *arena = arena_new();
	int lives = 1;

	(void)state;
	assert_true(WIFSIGNALED(live(die_of_it)));
	while (lives < 10 && WIFSIGNALED(live(go_on)))
		lives++;
	assert_int_equal(lives, 4);     /* the first was not counted: its life began with nothing */
	open_gateway();
	assert_int_equal(post("acme", "good", "say good"), 200);
	assert_int_equal(post("acme", "bad", "die now"), 200);
	UNTIL(is_open());
	assert_int_equal(world.runs, times_said("good"));
	assert_string_equal(rows(arena).row.name, "good");
	close_gateway();
	arena_free(arena);
}

static void
test_one_of_a_service_that_is_gone_is_dead(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(post("acme", NULL, "park it"), 200);
	UNTIL(world.parked);
	restart();
	close_gateway();
	open_gateway();
	UNTIL(world.runs >= 2);
	instances[0] = &bytes;
	task_wake(&world.bridge.engine, world.parked);
	UNTIL(is_open());
	assert_string_equal(rows(arena).row.state, "done");
	instances[0] = &acme;
	assert_int_equal(post("acme", NULL, "park again"), 200);
	assert_int_equal(post("acme", NULL, "say late"), 200);
	UNTIL(world.parked);
	instances[0] = &bytes;
	task_wake(&world.bridge.engine, world.parked);
	UNTIL(is_open());
	assert_string_equal(rows(arena).row.error, "No service called acme takes webhooks any more.");
	arena_free(arena);
}

/* -- Again, and no more ------------------------------------------------------------------------------------------------------------- */

struct replaying { int64_t id; bool found, done; };

static void
replay_it(struct task *task, void *with)
{
	struct replaying *replaying = with;

	assert_true(inbox_replay(task, world.bridge.inbox, replaying->id, "console/ana", &replaying->found));
	replaying->done = true;
}

static bool
replay(int64_t id)
{
	struct replaying replaying = { .id = id };

	task_start(&world.bridge.engine, "replay", replay_it, &replaying, NULL);
	UNTIL(replaying.done);
	return replaying.found;
}

static void
test_somebody_has_one_carried_out_once_more(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(post("acme", "1", "say hello"), 200);
	UNTIL(is_open() && world.count == 1);
	assert_true(replay(rows(arena).row.id));
	UNTIL(is_open() && world.count == 2);
	assert_string_equal(world.said[1], world.said[0]);
	assert_false(replay(99));
	arena_free(arena);
}

static void
test_old_ones_are_thrown_away(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(post("acme", NULL, "say old"), 200);
	UNTIL(is_open() && world.count == 10);
	wall_set += 7 * DAY + 60000;
	restart();
	mono_set += 3600 * 1000;
	for (int i = 0; i < PATIENCE && rows(arena).rows; i++)
		turn();
	assert_int_equal(rows(arena).rows, 0);
	arena_free(arena);
}

/* -- Too much, and no store ------------------------------------------------------------------------------------------------------------ */

static void
test_who_comes_early_is_kept_and_who_comes_late_is_asked_to_come_again(void **state)
{
	(void)state;
	inbox_close(world.bridge.inbox);
	world.bridge.inbox = inbox_open(&world.bridge.talk);
	assert_int_equal(post("acme", "1", "say early"), 200);
	for (int i = 0; i < 50; i++)
		turn();
	assert_int_equal(world.runs, 0);
	inbox_begin(world.bridge.inbox);
	assert_int_equal(post("acme", "1", "say early"), 200);
	UNTIL(is_open() && world.count == 1);
	inbox_stop(world.bridge.inbox);
	assert_int_equal(post("acme", "2", "say late"), 503);
}

/* -- kill -9 ------------------------------------------------------------------------------------------------------------------------------ */

/* Its sender repeats everything until it has heard 200. */
static void
send_all(void)
{
	char id[40], body[60];

	for (int i = 0; i < EACH; i++) {
		snprintf(id, sizeof id, "id-%d", i);
		snprintf(body, sizeof body, "say number-%d.", i);
		while (post("acme", id, body) != 200)
			continue;
	}
	UNTIL(is_open());
}

static bool
count_said(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct row row;

	(void)arena;
	db_query(db, &row, "SELECT count(*), count(DISTINCT body) FROM outbox", "");
	if (row_next(&row)) {
		((int64_t *)with)[0] = row_integer(&row, 0);
		((int64_t *)with)[1] = row_integer(&row, 1);
	}
	return row_end(&row, error);
}

static void
test_killed_at_any_moment_each_has_one_effect(void **state)
{
	struct arena *arena = arena_new();
	struct error error;
	int64_t said[2] = { 0 };
	int killed = 0;

	(void)state;
	srand(9);
	for (int i = 0; i < KILLS; i++) {
		pid_t child = fork();
		int status;
		if (!child) {
			open_gateway();
			send_all();
			close_gateway();
			_exit(0);
		}
		assert_true(child > 0);
		usleep((useconds_t)(20000 + rand() % 100000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		killed += WIFSIGNALED(status);
	}
	assert_true(killed > 0);
	assert_true(WIFEXITED(live(send_all)));
	assert_true(store_read(world.folder, count_said, said, arena, &error));
	assert_int_equal(said[0], EACH);
	assert_int_equal(said[1], EACH);
	assert_int_equal(rows(arena).rows, EACH);
	arena_free(arena);
}

/* -- A folder as an inbox -------------------------------------------------------------------------------------------------------------------- */

static char spool_folder[80];
static struct hook_settings spooled = { .body = 1000, .spool = spool_folder };

static void
put(const char *name, const char *body)
{
	char hidden[200], path[200];

	snprintf(hidden, sizeof hidden, "%s/.writing", spool_folder);
	snprintf(path, sizeof path, "%s/%s", spool_folder, name);
	FILE *file = fopen(hidden, "w");
	assert_non_null(file);
	fputs(body, file);
	fclose(file);
	assert_int_equal(rename(hidden, path), 0);
}

static bool
there(const char *name)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", spool_folder, name);
	return access(path, F_OK) == 0;
}

static const char *
text_of(const char *name)
{
	static char text[300];
	char path[200];

	snprintf(path, sizeof path, "%s/%s", spool_folder, name);
	FILE *file = fopen(path, "r");
	size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
	text[length] = '\0';
	if (file)
		fclose(file);
	return text;
}

static int
begin_spooled(void **state)
{
	begin(state);
	snprintf(spool_folder, sizeof spool_folder, "%s/spool", world.folder);
	assert_int_equal(mkdir(spool_folder, 0700), 0);
	world.setup.hooks = &spooled;
	world.bridge.spool = spool_open(&world.bridge);
	return 0;
}

static void
test_a_file_is_a_delivery(void **state)
{
	char path[200];

	(void)state;
	put("acme.1", "say one");
	snprintf(path, sizeof path, "%s/bytes", spool_folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put("bytes/2", "say two");
	put("bytes/.half", "say half");
	spool_begin(world.bridge.spool);
	UNTIL(is_open() && world.count == 2);
	assert_int_equal(times_said("#ops acme says one"), 1);
	assert_int_equal(times_said("#dev bytes says two"), 1);
	assert_false(there("acme.1") || there("bytes/2") || there(".taken/acme.1") || there(".taken/bytes.2"));
	assert_true(there("bytes/.half"));
	/* The same name and the same bytes, moved in once more, are another one. */
	put("acme.1", "say one");
	mono_set += 3000;
	UNTIL(is_open() && world.count == 3);
}

static void
test_a_file_that_cannot_be_taken_is_laid_aside(void **state)
{
	char large[2000], path[200];

	(void)state;
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	put("acme.large", large);
	put("acme.empty", "");
	put("nobody.1", "say x");
	put("mute.1", "say x");
	put("README", "say x");
	snprintf(path, sizeof path, "%s/acme.link", spool_folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof path, "%s/acme.pipe", spool_folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	put("acme.good", "say good");
	spool_begin(world.bridge.spool);
	UNTIL(is_open() && world.count == 1);
	assert_string_equal(text_of("refused/acme.large.reason"), "It has 1999 bytes, and body in hooks allows 1000.\n");
	assert_string_equal(text_of("refused/acme.empty.reason"), "It is empty.\n");
	assert_non_null(strstr(text_of("refused/acme.link.reason"), "It cannot be read"));
	assert_string_equal(text_of("refused/acme.pipe.reason"), "It is no file.\n");
	assert_non_null(strstr(text_of("refused/nobody.1.reason"), "No service that takes webhooks"));
	assert_true(there("refused/nobody.1") && there("refused/mute.1") && there("refused/README") && !there("nobody.1"));
	/* What is refused under the same name takes nobody's place. */
	put("nobody.1", "say y");
	mono_set += 3000;
	UNTIL(there("refused/nobody.1.1.reason"));
	assert_string_equal(text_of("refused/nobody.1"), "say x");
}

static void
test_a_file_that_was_committed_and_not_removed_is_one(void **state)
{
	char path[200], again[200];

	(void)state;
	put("acme.1", "say one");
	snprintf(path, sizeof path, "%s/acme.1", spool_folder);
	snprintf(again, sizeof again, "%s/.kept", spool_folder);
	assert_int_equal(link(path, again), 0);
	spool_begin(world.bridge.spool);
	UNTIL(is_open() && world.count == 1);
	/* As if we had died between commit and removal. */
	snprintf(path, sizeof path, "%s/.taken/acme.1", spool_folder);
	assert_int_equal(rename(again, path), 0);
	mono_set += 3000;
	UNTIL(!there(".taken/acme.1"));
	put("acme.2", "say two");
	mono_set += 3000;
	UNTIL(is_open() && times_said("two") == 1);
	assert_int_equal(world.count, 2);
}

static void
test_a_folder_of_everybody_is_not_taken_from(void **state)
{
	(void)state;
	assert_int_equal(chmod(spool_folder, 0777), 0);
	put("acme.1", "say one");
	spool_begin(world.bridge.spool);
	for (int i = 0; i < 100; i++)
		turn();
	assert_true(there("acme.1"));
	assert_int_equal(chmod(spool_folder, 0770), 0);
	mono_set += 3000;
	UNTIL(is_open() && world.count == 1);
}

static void
test_files_wait_while_the_inbox_is_full(void **state)
{
	(void)state;
	put("acme.1", "say one");
	inbox_stop(world.bridge.inbox);
	spool_begin(world.bridge.spool);
	UNTIL(there(".taken/acme.1"));
	inbox_close(world.bridge.inbox);
	world.bridge.inbox = inbox_open(&world.bridge.talk);
	inbox_begin(world.bridge.inbox);
	mono_set += 3000;
	UNTIL(is_open() && world.count == 1 && !there(".taken/acme.1"));
}

/* -- Bodies ----------------------------------------------------------------------------------------------------------------------------- */

static void
test_a_body_is_read_as_what_it_is(void **state)
{
	static const struct { const char *type, *body, *path, *value; } rows_of[] = {
		{ "application/json", "{\"text\":\"a\"}", "text", "a" },
		{ "application/x-www-form-urlencoded", "payload=%7B%22text%22%3A%22a+b%22%7D", "text", "a b" },
		{ "application/x-www-form-urlencoded", "x=1&text=a%20b%26c&y", "text", "a b&c" },
		{ "application/x-www-form-urlencoded", " {\"text\":\"curl -d\"}", "text", "curl -d" },
		{ "application/x-www-form-urlencoded", "text=%", "text", "%" }, { "application/x-www-form-urlencoded", "text=%4", "text", "%4" },
		{ "application/x-www-form-urlencoded", "=&&text=", "text", "" }, { "", "[1]", "text", NULL }, { "text/plain", "hello", "text", NULL },
		{ "application/x-www-form-urlencoded", "payload=x", "text", NULL },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof rows_of / sizeof *rows_of; i++) {
		const struct received received = { .type = rows_of[i].type, .body = rows_of[i].body, .length = strlen(rows_of[i].body) };
		struct error error = { "" };
		struct json_object *object = received_json(arena, &received, &error);
		const char *value = object ? json_string(object, rows_of[i].path, NULL) : NULL;
		assert_true(object || *error.text);
		if (rows_of[i].value)
			assert_string_equal(value, rows_of[i].value);
		else
			assert_null(value);
	}
	arena_free(arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
#define SPOOLED(name) cmocka_unit_test_setup_teardown(name, begin_spooled, finish)
#define TEST_CLOSED(name) cmocka_unit_test_setup_teardown(name, begin_closed, finish_closed)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_is_not_proven_hears_the_same_everywhere),
		TEST(test_one_that_only_asks_whether_it_is_proven_does_nothing),
		TEST(test_other_types_are_refused),
		TEST(test_a_delivery_is_said_in_the_rooms_of_its_instance),
		TEST(test_the_secret_of_a_path_is_not_kept),
		TEST(test_the_same_delivery_has_one_effect),
		TEST(test_equal_bytes_are_one_where_its_service_says_so),
		TEST(test_they_are_carried_out_in_their_order_one_at_a_time),
		TEST(test_a_thing_is_one_and_keeps_its_name),
		TEST(test_what_nobody_understands_is_dead_at_once_and_stops_nothing),
		TEST(test_what_fails_is_tried_three_times),
		TEST_CLOSED(test_one_that_kills_us_is_dead_after_three_times),
		TEST(test_one_of_a_service_that_is_gone_is_dead),
		TEST(test_somebody_has_one_carried_out_once_more),
		TEST(test_old_ones_are_thrown_away),
		TEST(test_who_comes_early_is_kept_and_who_comes_late_is_asked_to_come_again),
		TEST_CLOSED(test_killed_at_any_moment_each_has_one_effect),
		SPOOLED(test_a_file_is_a_delivery),
		SPOOLED(test_a_file_that_cannot_be_taken_is_laid_aside),
		SPOOLED(test_a_file_that_was_committed_and_not_removed_is_one),
		SPOOLED(test_a_folder_of_everybody_is_not_taken_from),
		SPOOLED(test_files_wait_while_the_inbox_is_full),
		TEST(test_a_body_is_read_as_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
