/* Tests of the console: both ends of its socket, with a bridge of our own behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/cli/console_client.h"
#include "bridge/protocol.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"

enum { PATIENCE = 20000, HEARD_MOST = 400 };

extern const struct protocol protocol_console;

/* The bridge behind it: it notes what is heard. */
struct bridge {
	unsigned heard;
	struct { char text[200], account[64], id[40]; bool direct; } each[HEARD_MOST];
	bool holds;                     /* bridge_hear() does not return yet */
	uint64_t holding;
	bool refuses, busy;
	const char *answer;
	char asked[200];
	unsigned asked_by;
};

struct fixture {
	struct arena *arena;
	struct engine engine;
	struct bridge bridge;
	struct link link;
	const char *folder, *path;
	struct conf *conf;
	uint64_t task;
	bool runs, result;
	char why[512];
};

bool
bridge_hear(struct task *task, struct link *link, const struct message *messages, size_t count, const char *cursor)
{
	struct bridge *bridge = link->bridge;

	assert_int_equal(count, 1);
	assert_null(cursor);
	assert_string_equal(messages->place.link, "console");
	assert_string_equal(messages->place.channel, "here");
	assert_string_equal(messages->from.proof, "SO_PEERCRED");
	assert_true(messages->from.proven);
	bridge->holding = task->id;
	while (bridge->holds)
		if (!task_park(task))
			return false;
	if (bridge->refuses)
		return task_fail(task, "The disk is full.");
	assert_true(bridge->heard < HEARD_MOST);
	snprintf(bridge->each[bridge->heard].text, 200, "%s", messages->text);
	snprintf(bridge->each[bridge->heard].account, 64, "%s", messages->from.account);
	snprintf(bridge->each[bridge->heard].id, 40, "%s", messages->id ? messages->id : "none");
	bridge->each[bridge->heard].direct = messages->direct;
	bridge->heard++;
	return true;
}

bool
bridge_answer(struct task *task, struct bridge *bridge, const char *const *words, unsigned uid, const char *account, char **answer, int *exit_code)
{
	bridge->asked[0] = '\0';
	for (; *words; words++)
		snprintf(bridge->asked + strlen(bridge->asked), sizeof bridge->asked - strlen(bridge->asked), "%s|", *words);
	(void)account;
	bridge->asked_by = uid;
	if (!bridge->answer)
		return task_fail(task, "There is nothing to say.");
	*answer = task_text(task, "%s", bridge->answer);
	*exit_code = 3;
	return true;
}

bool
bridge_busy(struct bridge *bridge, const struct place *place, const char *account)
{
	assert_string_equal(place->channel, "here");
	assert_non_null(account);
	return bridge->busy;
}

void
link_up(struct link *link, const char *format, ...)
{
	(void)format;
	link->state = LINK_UP;
}

void
link_away(struct link *link, const char *format, ...)
{
	(void)format;
	link->state = LINK_AWAY;
}

void
link_heard(struct link *link)
{
	link->heard = clock_wall();
}

/* The loop turns until something is so. */
#define UNTIL(fixture, condition) do { \
	int64_t until_ = clock_mono() + PATIENCE; \
	while (!(condition)) { \
		assert_true(clock_mono() < until_); \
		loop_turn((fixture)->engine.loop); \
		poll(NULL, 0, 1); \
	} \
} while (0)

static void
turns(struct fixture *fixture, int count)
{
	while (count-- > 0)
		loop_turn(fixture->engine.loop);
}

static void
run_link(struct task *task, void *with)
{
	struct fixture *fixture = with;

	fixture->result = protocol_console.run(task, &fixture->link);
	snprintf(fixture->why, sizeof fixture->why, "%s", task->error.text);
	fixture->runs = false;
}

static void
start(struct fixture *fixture)
{
	fixture->link.state = LINK_AWAY;
	fixture->runs = true;
	fixture->task = task_start(&fixture->engine, "link console", run_link, fixture, NULL);
	UNTIL(fixture, fixture->link.state == LINK_UP || !fixture->runs);
}

static void
stop(struct fixture *fixture)
{
	task_cancel(&fixture->engine, fixture->task);
	UNTIL(fixture, !fixture->runs);
}

static void
configure(struct fixture *fixture, const char *text)
{
	static const struct shape shape = { "console", 0, NULL, "", true };
	struct shape *whole = arena_copy(fixture->arena, &shape, sizeof shape);
	void *filled = arena_take(fixture->arena, protocol_console.conf_size);

	conf_free(fixture->conf);
	whole->size = protocol_console.conf_size;
	whole->settings = protocol_console.settings;
	fixture->conf = conf_read_text("test.conf", text, strlen(text));
	struct section *section = conf_next(conf_root(fixture->conf), NULL, "console");
	if (conf_fill(fixture->conf, section, whole, filled))
		protocol_console.check(fixture->conf, section, filled);
	fixture->link.conf = filled;
}

static int
begin(void **state)
{
	static const char *const channels[] = { "here", NULL };
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-test-XXXXXX";
	struct error error;

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->path = arena_printf(fixture->arena, "%s/console", fixture->folder);
	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, 1000);
	fixture->engine.state = fixture->folder;
	fixture->link = (struct link){ .name = "console", .protocol = &protocol_console, .engine = &fixture->engine, .bridge = &fixture->bridge,
		.nick = "sally", .prefix = "!", .channels = channels };
	configure(fixture, "console { }");
	*state = fixture;
	return 0;
}

static int
begin_started(void **state)
{
	begin(state);
	start(*state);
	return 0;
}

static int
end(void **state)
{
	struct fixture *fixture = *state;

	tasks_cancel_all(fixture->engine.tasks);
	UNTIL(fixture, tasks_count(fixture->engine.tasks) == 0);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	conf_free(fixture->conf);
	unlink(fixture->path);
	assert_int_equal(rmdir(fixture->folder), 0);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

/* A person at the console, with nothing between. */
struct person {
	struct fixture *fixture;
	int fd;
	char *in;
	size_t length;
};

static int
connected(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static struct person
come(struct fixture *fixture)
{
	return (struct person){ .fixture = fixture, .fd = connected(fixture->path), .in = arena_take(fixture->arena, 4 << 20) };
}

static void
type(struct person *person, const char *line)
{
	const char *at = line;
	size_t left = strlen(line);

	while (left) {
		ssize_t sent = send(person->fd, at, left, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0) {
			at += sent;
			left -= (size_t)sent;
		}
		assert_true(sent > 0 || errno == EAGAIN);
		turns(person->fixture, 1);
	}
}

static bool
receive(struct person *person)
{
	ssize_t got = recv(person->fd, person->in + person->length, (4 << 20) - 1 - person->length, MSG_DONTWAIT);

	if (got > 0)
		person->length += (size_t)got;
	person->in[person->length] = '\0';
	return got != 0;
}

/* The next line; NULL at the end. */
static const char *
next_line(struct person *person)
{
	char *end_of_line = NULL;
	bool there = true;

	UNTIL(person->fixture, (end_of_line = strchr(person->in, '\n')) || !there || !(there = receive(person)));
	if (!end_of_line)
		return NULL;
	char *line = arena_slice(person->fixture->arena, person->in, (size_t)(end_of_line - person->in));
	assert_true(strlen(line) < CONSOLE_LINE_MOST);
	person->length -= strlen(line) + 1;
	memmove(person->in, end_of_line + 1, person->length + 1);
	return line;
}

static struct json_object *
next(struct person *person)
{
	const char *line = next_line(person);

	assert_non_null(line);
	struct json_object *object = json_read(person->fixture->arena, line, strlen(line), NULL);
	assert_non_null(object);
	return object;
}

static struct person
come_and_listen(struct fixture *fixture)
{
	struct person person = come(fixture);

	type(&person, "{\"listen\":true}\n");
	assert_non_null(json_at(next(&person), "hello"));
	turns(fixture, 20);
	return person;
}

static void
leave(struct person *person)
{
	close(person->fd);
	turns(person->fixture, 20);
}

/* One delivery on its way. */
struct post {
	struct fixture *fixture;
	struct delivery delivery;
	bool done, result;
	struct delivered became;
	char why[512];
};

static void
run_post(struct task *task, void *with)
{
	struct post *post = with;

	post->result = protocol_console.deliver(task, &post->fixture->link, &post->delivery, &post->became);
	snprintf(post->why, sizeof post->why, "%s", task->error.text);
	post->done = true;
}

static struct post *
post(struct fixture *fixture, const char *txn, bool again, const char *headline)
{
	struct post *one = arena_take(fixture->arena, sizeof *one);
	struct card *card = card_new(fixture->arena, TONE_GOOD, "%s", headline);

	card_state(card, "B1", "passed");
	card_line(card, "and more");
	card->ring = true;
	one->fixture = fixture;
	one->delivery = (struct delivery){ .place = { "console", "here", NULL }, .txn = txn, .again = again, .card = card };
	task_start(&fixture->engine, "delivery", run_post, one, NULL);
	turns(fixture, 20);
	return one;
}

static void
expect_card(struct person *person, const char *first, const char *txn)
{
	struct json_object *object = next(person);

	assert_string_equal(json_string(object, "line", ""), first);
	assert_string_equal(json_string(object, "tone", ""), "good");
	assert_true(json_true(object, "ring"));
	assert_null(json_at(object, "txn"));
	object = next(person);
	assert_string_equal(json_string(object, "line", ""), "B1: and more");
	if (txn)
		assert_string_equal(json_string(object, "txn", ""), txn);
	else
		assert_null(json_at(object, "txn"));
}

static const char *
my_name(void)
{
	struct passwd *entry = getpwuid(getuid());

	return entry ? entry->pw_name : "uid";
}

static void
test_who_connects_is_greeted_by_the_name_the_kernel_knows(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come(fixture);
	struct json_object *hello = next(&ana);

	assert_string_equal(json_string(hello, "hello.account", ""), arena_printf(fixture->arena, "console/%s", my_name()));
	assert_string_equal(json_string(hello, "hello.name", ""), "sally");
	assert_string_equal(json_string(hello, "hello.prefix", ""), "!");
	assert_non_null(json_string(hello, "hello.version", NULL));
	leave(&ana);
}

static void
test_what_is_said_is_heard_with_its_proof(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);

	type(&ana, "{\"say\":\"!build \\u0003web\\nnow\",\"id\":\"c1\"}\n");
	assert_string_equal(json_string(next(&ana), "heard", ""), "c1");
	assert_int_equal(fixture->bridge.heard, 1);
	assert_string_equal(fixture->bridge.each[0].text, "!build web now");
	assert_string_equal(fixture->bridge.each[0].account, arena_printf(fixture->arena, "console/%s", my_name()));
	assert_string_equal(fixture->bridge.each[0].id, "none");
	assert_false(fixture->bridge.each[0].direct);
	leave(&ana);
}

static void
test_an_id_that_nobody_else_can_have_is_the_messages(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);

	type(&ana, "{\"say\":\"x\",\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}\n");
	assert_string_equal(json_string(next(&ana), "heard", ""), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	assert_string_equal(fixture->bridge.each[0].id, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	leave(&ana);
}

static void
test_heard_is_said_only_after_it_was_kept(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);

	fixture->bridge.holds = true;
	type(&ana, "{\"say\":\"x\",\"id\":\"c1\"}\n{\"say\":\"y\",\"id\":\"c2\"}\n");
	UNTIL(fixture, fixture->bridge.holding);
	turns(fixture, 50);
	assert_true(receive(&ana));
	assert_int_equal(ana.length, 0);
	fixture->bridge.holds = false;
	task_wake(&fixture->engine, fixture->bridge.holding);
	assert_string_equal(json_string(next(&ana), "heard", ""), "c1");
	assert_string_equal(json_string(next(&ana), "heard", ""), "c2");
	assert_string_equal(fixture->bridge.each[1].text, "y");
	leave(&ana);
}

static void
test_what_could_not_be_kept_is_not_heard(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);

	fixture->bridge.refuses = true;
	type(&ana, "{\"say\":\"x\",\"id\":\"c1\"}\n");
	struct json_object *answer = next(&ana);
	assert_string_equal(json_string(answer, "unheard", ""), "c1");
	assert_string_equal(json_string(answer, "why", ""), "The disk is full.");
	assert_null(json_at(answer, "heard"));
	leave(&ana);
}

static void
test_without_a_room_it_is_private_talk(void **state)
{
	struct fixture *fixture = *state;

	fixture->link.channels = NULL;
	start(fixture);
	struct person ana = come_and_listen(fixture);
	type(&ana, "{\"say\":\"help\",\"id\":\"c1\"}\n");
	next(&ana);
	assert_true(fixture->bridge.each[0].direct);
	leave(&ana);
}

static void
test_a_long_talk_is_heard_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);

	for (int i = 0; i < 300; i++)
		type(&ana, arena_printf(fixture->arena, "{\"say\":\"line %d\",\"id\":\"c%d\"}\n", i, i));
	for (int i = 0; i < 300; i++) {
		assert_string_equal(json_string(next(&ana), "heard", ""), arena_printf(fixture->arena, "c%d", i));
		assert_string_equal(fixture->bridge.each[i].text, arena_printf(fixture->arena, "line %d", i));
	}
	leave(&ana);
}

static void
test_an_answer_reaches_everybody_who_is_there(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture), bea = come_and_listen(fixture);
	struct post *one = post(fixture, NULL, false, "web");

	expect_card(&ana, "B1 passed: web", NULL);
	expect_card(&bea, "B1 passed: web", NULL);
	assert_true(one->done && one->result);
	assert_null(one->became.id);
	leave(&ana);
	leave(&bea);
}

static void
test_a_kept_message_is_done_when_one_has_shown_it(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture), bea = come_and_listen(fixture);
	struct post *one = post(fixture, "T1", false, "web");

	expect_card(&ana, "B1 passed: web", "T1");
	expect_card(&bea, "B1 passed: web", "T1");
	turns(fixture, 50);
	assert_false(one->done);
	type(&bea, "{\"ack\":\"T2\"}\n");
	turns(fixture, 50);
	assert_false(one->done);
	type(&bea, "{\"ack\":\"T1\"}\n");
	UNTIL(fixture, one->done);
	assert_true(one->result);
	type(&ana, "{\"ack\":\"T1\"}\n");
	leave(&ana);
	leave(&bea);
}

static void
test_a_kept_message_waits_for_somebody_to_come(void **state)
{
	struct fixture *fixture = *state;
	struct post *one = post(fixture, "T1", false, "web"), *two = post(fixture, "T2", true, "shop");

	turns(fixture, 50);
	assert_false(one->done || two->done);
	struct person ana = come_and_listen(fixture);
	for (int i = 0; i < 2; i++) {
		struct json_object *object = next(&ana);
		const char *line = json_string(object, "line", "");
		bool first = strstr(line, "web") != NULL;
		assert_string_equal(line, first ? "B1 passed: web" : "B1 passed: shop (resent)");
		next(&ana);
		type(&ana, first ? "{\"ack\":\"T1\"}\n" : "{\"ack\":\"T2\"}\n");
	}
	UNTIL(fixture, one->done && two->done);
	assert_true(one->result && two->result);
	leave(&ana);
}

static void
test_what_nobody_acked_is_said_again_to_who_comes_next(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);
	struct post *one = post(fixture, "T1", false, "web");

	expect_card(&ana, "B1 passed: web", "T1");
	struct person bea = come_and_listen(fixture);
	turns(fixture, 50);
	assert_true(receive(&bea));
	assert_int_equal(bea.length, 0);
	leave(&ana);
	expect_card(&bea, "B1 passed: web (resent)", "T1");
	type(&bea, "{\"ack\":\"T1\"}\n");
	UNTIL(fixture, one->done);
	assert_true(one->result);
	leave(&bea);
}

static void
test_an_answer_nobody_waits_for_is_not_said(void **state)
{
	struct fixture *fixture = *state;
	struct post *one = post(fixture, NULL, false, "web");

	UNTIL(fixture, one->done);
	assert_false(one->result);
	assert_string_equal(one->why, "Nobody is at the console.");
}

static void
test_another_channel_is_a_mistake(void **state)
{
	struct fixture *fixture = *state;
	struct post *one = arena_take(fixture->arena, sizeof *one);
	struct error error;

	one->fixture = fixture;
	one->delivery = (struct delivery){ .place = { "console", "there", NULL }, .card = card_new(fixture->arena, TONE_PLAIN, "x") };
	task_start(&fixture->engine, "delivery", run_post, one, NULL);
	UNTIL(fixture, one->done);
	assert_false(one->result);
	assert_string_equal(one->why, "The console has no channel there.");
	assert_true(protocol_console.place("here", &error));
	assert_false(protocol_console.place("there", &error));
	assert_string_equal(error.text, "the console has one channel, console/here.");
}

static void
test_a_question_is_answered_with_its_exit_code(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come(fixture);

	next(&ana);
	fixture->bridge.answer = "up 3 days\n  ok   there\n";
	type(&ana, "{\"ask\":[\"status\",\"--json\"]}\n");
	struct json_object *answer = next(&ana);
	assert_string_equal(json_string(answer, "answer", ""), "up 3 days\n  ok   there\n");
	assert_int_equal(json_integer(answer, "exit", -1), 3);
	assert_string_equal(fixture->bridge.asked, "status|--json|");
	assert_int_equal(fixture->bridge.asked_by, getuid());
	fixture->bridge.answer = NULL;
	type(&ana, "{\"ask\":[\"status\"]}\n");
	answer = next(&ana);
	assert_string_equal(json_string(answer, "answer", ""), "There is nothing to say.\n");
	assert_int_equal(json_integer(answer, "exit", -1), 1);
	type(&ana, "{\"ask\":[]}\n");
	assert_int_equal(json_integer(next(&ana), "exit", -1), 64);
	leave(&ana);
}

static void
test_a_long_answer_comes_in_parts_and_whole(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come(fixture);
	char *answer = arena_take(fixture->arena, 3000001), *got = arena_take(fixture->arena, 3000001);
	struct json_object *part;

	for (size_t i = 0; i < 3000000; i += 2)
		memcpy(answer + i, i % 80 == 78 ? "x\n" : "\xc3\xa4", 2);
	next(&ana);
	fixture->bridge.answer = answer;
	type(&ana, "{\"ask\":[\"audit\"]}\n");
	size_t length = 0;
	do {
		part = next(&ana);
		const char *text = json_string(part, "answer", "");
		memcpy(got + length, text, strlen(text));
		length += strlen(text);
	} while (!json_at(part, "exit"));
	assert_int_equal(length, 3000000);
	assert_memory_equal(got, answer, length);
	leave(&ana);
}

static void
test_who_only_asks_is_not_told_what_waits(void **state)
{
	struct fixture *fixture = *state;
	struct post *one = post(fixture, "T1", false, "web");
	struct person ana = come(fixture);

	next(&ana);
	fixture->bridge.answer = "fine";
	type(&ana, "{\"ask\":[\"status\"]}\n");
	assert_non_null(json_at(next(&ana), "answer"));
	turns(fixture, 50);
	assert_true(receive(&ana));
	assert_int_equal(ana.length, 0);
	leave(&ana);
	struct person bea = come_and_listen(fixture);
	expect_card(&bea, "B1 passed: web", "T1");
	type(&bea, "{\"ack\":\"T1\"}\n");
	UNTIL(fixture, one->done);
	leave(&bea);
}

static void
test_who_just_sits_there_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct post *one = post(fixture, "T1", false, "web");
	struct person ana = come(fixture);

	assert_non_null(json_at(next(&ana), "hello"));
	expect_card(&ana, "B1 passed: web", "T1");
	leave(&ana);
	assert_false(one->done);
}

static void
test_idle_comes_when_nothing_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);

	fixture->bridge.busy = true;
	type(&ana, "{\"wait\":true}\n");
	struct post *one = post(fixture, "T1", false, "web");
	expect_card(&ana, "B1 passed: web", "T1");
	type(&ana, "{\"ack\":\"T1\"}\n");
	UNTIL(fixture, one->done);
	turns(fixture, 50);
	assert_true(receive(&ana));
	assert_int_equal(ana.length, 0);
	fixture->bridge.busy = false;
	assert_true(json_true(next(&ana), "idle"));
	leave(&ana);
}

static void
test_what_is_no_line_of_ours_ends_the_connection(void **state)
{
	static const char *const lines[] = { "build web\n", "{}\n", "[]\n", "7\n", "{\"say\":null}\n", "{\"shout\":\"x\"}\n", "{\"say\":\"a\",\"say\":\"b\"}\n", "{\"say\":\"\xff\"}\n" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct person eve = come(fixture);
		next(&eve);
		type(&eve, lines[i]);
		assert_non_null(json_string(next(&eve), "bye", NULL));
		assert_null(next_line(&eve));
		leave(&eve);
	}
	assert_int_equal(fixture->bridge.heard, 0);
}

static void
test_fields_of_another_kind_do_no_harm(void **state)
{
	static const char *const lines[] = { "{\"say\":7}\n", "{\"say\":[],\"id\":{}}\n", "{\"ack\":7}\n", "{\"ack\":[\"T1\"]}\n", "{\"wait\":\"x\"}\n",
		"{\"ask\":\"status\"}\n", "{\"ask\":[7,null,{}]}\n", "\n\n", "{\"listen\":0}\n" };
	struct fixture *fixture = *state;
	struct person eve = come(fixture);

	fixture->bridge.answer = "x";
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		type(&eve, lines[i]);
	type(&eve, "{\"say\":\"still there\",\"id\":\"last\"}\n");
	const char *line;
	while ((line = next_line(&eve)) && !strstr(line, "last"))
		;
	assert_non_null(line);
	leave(&eve);
}

static void
test_a_line_without_end_ends_the_connection(void **state)
{
	struct fixture *fixture = *state;
	struct person eve = come(fixture);
	char *line = arena_take(fixture->arena, CONSOLE_LINE_MOST + 1);

	next(&eve);
	memset(line, 'x', CONSOLE_LINE_MOST);
	type(&eve, line);
	assert_string_equal(json_string(next(&eve), "bye", ""), "A line is longer than 64 KiB.");
	assert_null(next_line(&eve));
	leave(&eve);
}

static void
test_who_does_not_read_is_dropped_and_holds_up_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct person eve = come_and_listen(fixture), ana = come_and_listen(fixture);
	char *headline = arena_take(fixture->arena, 4000);
	bool dropped = false;

	for (size_t i = 0; i < 3999; i++)
		headline[i] = i % 10 == 9 ? ' ' : 'x';
	for (int i = 0; i < 2000 && !dropped; i++) {
		struct post *one = post(fixture, NULL, false, headline);
		UNTIL(fixture, one->done);
		while (strcmp(json_string(next(&ana), "line", ""), "B1: and more"))
			;
		dropped = send(eve.fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL) <= 0;
	}
	assert_true(dropped);
	type(&ana, "{\"say\":\"x\",\"id\":\"c1\"}\n");
	assert_string_equal(json_string(next(&ana), "heard", ""), "c1");
	leave(&eve);
	leave(&ana);
}

static void
test_more_consoles_than_there_may_be_are_told(void **state)
{
	struct fixture *fixture = *state;
	int fds[64];

	for (int i = 0; i < 64; i++) {
		fds[i] = connected(fixture->path);
		turns(fixture, 5);
	}
	struct person late = come(fixture);
	assert_string_equal(json_string(next(&late), "bye", ""), "There are too many consoles open.");
	assert_null(next_line(&late));
	close(late.fd);
	close(fds[0]);
	turns(fixture, 50);
	struct person next_one = come(fixture);
	assert_non_null(json_at(next(&next_one), "hello"));
	leave(&next_one);
	for (int i = 1; i < 64; i++)
		close(fds[i]);
}

static void
test_people_who_come_and_go_leave_nothing(void **state)
{
	struct fixture *fixture = *state;
	size_t tasks = tasks_count(fixture->engine.tasks);

	for (int i = 0; i < 200; i++) {
		struct person ana = come(fixture);
		if (i % 2)
			next(&ana);
		if (i % 3)
			type(&ana, "{\"say\":\"x\",\"id\":\"c1\"}\n");
		close(ana.fd);
	}
	UNTIL(fixture, tasks_count(fixture->engine.tasks) == tasks);
}

static void
test_stopping_says_so_and_takes_the_socket_away(void **state)
{
	struct fixture *fixture = *state;
	struct person ana = come_and_listen(fixture);
	struct post *one = post(fixture, "T1", false, "web");

	expect_card(&ana, "B1 passed: web", "T1");
	stop(fixture);
	assert_string_equal(json_string(next(&ana), "bye", ""), "The gateway stops.");
	UNTIL(fixture, one->done);
	assert_false(one->result);
	assert_int_equal(access(fixture->path, F_OK), -1);
	close(ana.fd);
	struct post *two = post(fixture, "T2", false, "web");
	UNTIL(fixture, two->done);
	assert_false(two->result);
	start(fixture);
	assert_true(fixture->runs);
}

static void
test_a_socket_that_was_left_is_taken_over(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
	start(fixture);
	assert_true(fixture->runs);
	struct person ana = come(fixture);
	assert_non_null(json_at(next(&ana), "hello"));
	leave(&ana);
}

static void
test_a_socket_where_somebody_answers_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 5), 0);
	start(fixture);
	assert_false(fixture->runs);
	assert_false(fixture->result);
	assert_non_null(strstr(fixture->why, "Somebody answers at the console's socket"));
	assert_int_equal(access(fixture->path, F_OK), 0);
	close(fd);
}

static void
test_a_file_in_the_way_is_left_alone(void **state)
{
	struct fixture *fixture = *state;

	close(open(fixture->path, O_CREAT | O_WRONLY, 0600));
	start(fixture);
	assert_false(fixture->result);
	assert_non_null(strstr(fixture->why, "is in the way of the console's socket"));
	assert_int_equal(access(fixture->path, F_OK), 0);
}

static void
test_a_name_too_long_for_a_socket_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char *state_folder = arena_take(fixture->arena, 201);

	memset(state_folder, 'x', 200);
	fixture->engine.state = state_folder;
	start(fixture);
	assert_false(fixture->result);
	assert_non_null(strstr(fixture->why, "a name of more than 107 bytes"));
	fixture->engine.state = fixture->folder;
}

static void
test_a_socket_that_took_our_place_is_not_taken_away(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unlink(fixture->path), 0);
	close(open(fixture->path, O_CREAT | O_WRONLY, 0600));
	stop(fixture);
	assert_int_equal(access(fixture->path, F_OK), 0);
}

static void
test_the_mode_says_who_may_connect(void **state)
{
	static const struct { const char *text; mode_t mode; } modes[] = { { "console { }", 0600 }, { "console { mode = \"0660\" }", 0660 },
		{ "console { mode = \"0666\" }", 0666 }, { "console { mode = \"0600\" }", 0600 } };
	struct fixture *fixture = *state;
	struct stat there;

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		configure(fixture, modes[i].text);
		assert_int_equal(conf_mistakes(fixture->conf), 0);
		start(fixture);
		assert_int_equal(stat(fixture->path, &there), 0);
		assert_int_equal(there.st_mode & 07777, modes[i].mode);
		stop(fixture);
	}
	configure(fixture, "console { mode = \"0777\" }");
	assert_int_equal(conf_mistakes(fixture->conf), 1);
	assert_string_equal(conf_mistake_at(fixture->conf, 0), "test.conf:1: console: mode is \"0600\", \"0660\" or \"0666\".");
}

static void
test_the_socket_is_where_the_configuration_says(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(console_path(fixture->arena, fixture->link.conf, "/var/lib/x"), "/var/lib/x/console");
	configure(fixture, "console { socket = \"/run/sallyport/console\" }");
	assert_string_equal(console_path(fixture->arena, fixture->link.conf, "/var/lib/x"), "/run/sallyport/console");
}

/* The client, in a process of its own between two pipes. */
struct program {
	struct fixture *fixture;
	pid_t pid;
	int in, out;
	char said[65536];
	size_t length;
	int status;
	bool ended;
};

/* The memory that a child has from us is not its to account for, so it ends as another program. */
static void
end_child(int code)
{
	char command[20];

	fflush(stdout);
	snprintf(command, sizeof command, "exit %d", code);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static struct program *
run_program(struct fixture *fixture, const char *const *words)
{
	struct program *program = arena_take(fixture->arena, sizeof *program);
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	program->fixture = fixture;
	fflush(stdout);
	program->pid = fork();
	if (!program->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(in[1]);
		int code = words ? console_ask(fixture->path, words) : console_client(fixture->path, false);
		end_child(code);
	}
	close(in[0]);
	close(out[1]);
	program->in = in[1];
	program->out = out[0];
	fcntl(program->out, F_SETFL, O_NONBLOCK);
	return program;
}

static bool
has_ended(struct program *program)
{
	ssize_t got = read(program->out, program->said + program->length, sizeof program->said - 1 - program->length);

	if (got > 0)
		program->length += (size_t)got;
	if (!program->ended && got == 0)
		program->ended = waitpid(program->pid, &program->status, 0) == program->pid;
	return program->ended;
}

static int
end_of(struct program *program)
{
	UNTIL(program->fixture, has_ended(program));
	close(program->out);
	assert_true(WIFEXITED(program->status));
	return WEXITSTATUS(program->status);
}

static void
test_a_pipe_says_its_lines_and_leaves_when_all_is_done(void **state)
{
	struct fixture *fixture = *state;
	struct program *program = run_program(fixture, NULL);

	fixture->bridge.busy = true;
	assert_int_equal(write(program->in, "!build hello\n\n!status\n!last", 27), 27);
	close(program->in);
	UNTIL(fixture, fixture->bridge.heard == 3);
	assert_string_equal(fixture->bridge.each[0].text, "!build hello");
	assert_string_equal(fixture->bridge.each[1].text, "!status");
	assert_string_equal(fixture->bridge.each[2].text, "!last");
	struct post *one = post(fixture, "T1", false, "hello in 0.2 s");
	UNTIL(fixture, one->done);
	assert_true(one->result);
	assert_false(has_ended(program));
	fixture->bridge.busy = false;
	assert_int_equal(end_of(program), 0);
	assert_string_equal(program->said, "B1 passed: hello in 0.2 s\nB1: and more\n");
}

static void
test_a_pipe_with_much_to_say_says_all_of_it(void **state)
{
	struct fixture *fixture = *state;
	struct program *program = run_program(fixture, NULL);
	int said = 0;

	fcntl(program->in, F_SETFL, O_NONBLOCK);
	while (said < 350) {
		char *line = arena_printf(fixture->arena, "line %d %01000d\n", said, 0);
		if (write(program->in, line, strlen(line)) == (ssize_t)strlen(line))
			said++;
		turns(fixture, 5);
	}
	close(program->in);
	assert_int_equal(end_of(program), 0);
	assert_int_equal(fixture->bridge.heard, 350);
	assert_memory_equal(fixture->bridge.each[349].text, "line 349 ", 9);
}

static void
test_a_pipe_whose_gateway_goes_away_fails(void **state)
{
	struct fixture *fixture = *state;
	struct program *program = run_program(fixture, NULL);

	fixture->bridge.busy = true;
	assert_int_equal(write(program->in, "x\n", 2), 2);
	UNTIL(fixture, fixture->bridge.heard == 1);
	stop(fixture);
	assert_int_equal(end_of(program), 1);
	assert_string_equal(program->said, "sallyport: The gateway stops.\n");
	close(program->in);
}

static void
test_a_command_that_was_not_taken_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct program *program = run_program(fixture, NULL);

	fixture->bridge.refuses = true;
	assert_int_equal(write(program->in, "x\n", 2), 2);
	close(program->in);
	assert_int_equal(end_of(program), 0);
	assert_string_equal(program->said, "Not taken: The disk is full.\n");
}

static void
test_a_question_prints_its_answer_and_exits_with_its_code(void **state)
{
	static const char *const words[] = { "audit", "list", NULL };
	struct fixture *fixture = *state;
	struct post *one = post(fixture, "T1", false, "web");

	fixture->bridge.answer = "SEQ    TIME\n1      x\n";
	struct program *program = run_program(fixture, words);
	assert_int_equal(end_of(program), 3);
	assert_string_equal(program->said, fixture->bridge.answer);
	assert_string_equal(fixture->bridge.asked, "audit|list|");
	assert_false(one->done);
	close(program->in);
}

static void
test_where_nobody_answers_the_exit_code_says_so(void **state)
{
	static const char *const words[] = { "status", NULL };
	struct fixture *fixture = *state;
	struct program *program = run_program(fixture, words);

	assert_int_equal(end_of(program), 69);
	assert_string_equal(program->said, "");
	close(program->in);
	program = run_program(fixture, NULL);
	assert_int_equal(end_of(program), 69);
	assert_non_null(strstr(program->said, "no gateway answers at"));
	close(program->in);
}

static void
test_a_client_can_wait_for_a_gateway_that_starts(void **state)
{
	struct fixture *fixture = *state;
	struct program *program = arena_take(fixture->arena, sizeof *program);
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	program->fixture = fixture;
	program->pid = fork();
	if (!program->pid) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		end_child(console_client(fixture->path, true));
	}
	close(out[1]);
	program->out = out[0];
	fcntl(program->out, F_SETFL, O_NONBLOCK);
	poll(NULL, 0, 100);
	start(fixture);
	assert_int_equal(end_of(program), 0);
}

/* The client on a terminal of its own. */
static struct program *
run_on_terminal(struct fixture *fixture, bool colour)
{
	struct program *program = arena_take(fixture->arena, sizeof *program);
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios modes;

	assert_true(terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal));
	const char *name = arena_text(fixture->arena, ptsname(terminal));
	program->fixture = fixture;
	fflush(stdout);
	program->pid = fork();
	if (!program->pid) {
		int mine = open(name, O_RDWR | O_NOCTTY);
		tcgetattr(mine, &modes);
		modes.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(mine, TCSANOW, &modes);
		for (int fd = 0; fd < 3; fd++)
			dup2(mine, fd);
		if (colour)
			unsetenv("NO_COLOR");
		else
			setenv("NO_COLOR", "1", 1);
		end_child(console_client(fixture->path, false));
	}
	program->in = program->out = terminal;
	fcntl(terminal, F_SETFL, O_NONBLOCK);
	return program;
}

static bool
shows(struct program *program, const char *text)
{
	ssize_t got = read(program->out, program->said + program->length, sizeof program->said - 1 - program->length);

	if (got > 0)
		program->length += (size_t)got;
	return strstr(program->said, text) != NULL;
}

static void
on_terminal(struct fixture *fixture, bool colour, const char *shown)
{
	struct program *program = run_on_terminal(fixture, colour);

	UNTIL(fixture, shows(program, "sally> "));
	assert_int_equal(write(program->in, "!build web\n", 11), 11);
	UNTIL(fixture, fixture->bridge.heard == 1);
	struct post *one = post(fixture, "T1", false, "web");
	UNTIL(fixture, one->done);
	UNTIL(fixture, shows(program, shown));
	fixture->bridge.busy = true;
	assert_int_equal(write(program->in, "\4", 1), 1);
	UNTIL(fixture, waitpid(program->pid, &program->status, WNOHANG) == program->pid);
	assert_int_equal(WEXITSTATUS(program->status), 0);
	close(program->out);
}

static void
test_on_a_terminal_lines_come_above_the_prompt_and_ring(void **state)
{
	on_terminal(*state, true, "\r\033[K\033[32mB1 passed: web\033[0m\a\r\nsally> \r\033[K\033[32mB1: and more\033[0m\a\r\nsally> ");
}

static void
test_who_wants_no_colour_gets_none(void **state)
{
	on_terminal(*state, false, "\r\033[KB1 passed: web\a\r\nsally> ");
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define STARTED(test) cmocka_unit_test_setup_teardown(test, begin_started, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STARTED(test_who_connects_is_greeted_by_the_name_the_kernel_knows),
		STARTED(test_what_is_said_is_heard_with_its_proof),
		STARTED(test_an_id_that_nobody_else_can_have_is_the_messages),
		STARTED(test_heard_is_said_only_after_it_was_kept),
		STARTED(test_what_could_not_be_kept_is_not_heard),
		ALONE(test_without_a_room_it_is_private_talk),
		STARTED(test_a_long_talk_is_heard_in_order),
		STARTED(test_an_answer_reaches_everybody_who_is_there),
		STARTED(test_a_kept_message_is_done_when_one_has_shown_it),
		STARTED(test_a_kept_message_waits_for_somebody_to_come),
		STARTED(test_what_nobody_acked_is_said_again_to_who_comes_next),
		STARTED(test_an_answer_nobody_waits_for_is_not_said),
		STARTED(test_another_channel_is_a_mistake),
		STARTED(test_a_question_is_answered_with_its_exit_code),
		STARTED(test_a_long_answer_comes_in_parts_and_whole),
		STARTED(test_who_only_asks_is_not_told_what_waits),
		STARTED(test_who_just_sits_there_is_told),
		STARTED(test_idle_comes_when_nothing_goes_on),
		STARTED(test_what_is_no_line_of_ours_ends_the_connection),
		STARTED(test_fields_of_another_kind_do_no_harm),
		STARTED(test_a_line_without_end_ends_the_connection),
		STARTED(test_who_does_not_read_is_dropped_and_holds_up_nobody),
		STARTED(test_more_consoles_than_there_may_be_are_told),
		STARTED(test_people_who_come_and_go_leave_nothing),
		STARTED(test_stopping_says_so_and_takes_the_socket_away),
		ALONE(test_a_socket_that_was_left_is_taken_over),
		ALONE(test_a_socket_where_somebody_answers_is_left_alone),
		ALONE(test_a_file_in_the_way_is_left_alone),
		ALONE(test_a_name_too_long_for_a_socket_is_refused),
		STARTED(test_a_socket_that_took_our_place_is_not_taken_away),
		ALONE(test_the_mode_says_who_may_connect),
		ALONE(test_the_socket_is_where_the_configuration_says),
		STARTED(test_a_pipe_says_its_lines_and_leaves_when_all_is_done),
		STARTED(test_a_pipe_with_much_to_say_says_all_of_it),
		STARTED(test_a_pipe_whose_gateway_goes_away_fails),
		STARTED(test_a_command_that_was_not_taken_is_told),
		STARTED(test_a_question_prints_its_answer_and_exits_with_its_code),
		STARTED(test_on_a_terminal_lines_come_above_the_prompt_and_ring),
		STARTED(test_who_wants_no_colour_gets_none),
		ALONE(test_where_nobody_answers_the_exit_code_says_so),
		ALONE(test_a_client_can_wait_for_a_gateway_that_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
