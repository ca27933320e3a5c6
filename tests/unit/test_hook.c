/* The listener, over real sockets: what two could read in two ways is refused, nobody takes more than is his, and whoever is slow is in nobody's way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/engine.h"
#include "bridge/run/hook.h"
#include "bridge/run/hook_peers.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum { PATIENCE = 10 * 1000, LONG = 400 * 1024, HUGE = 8 << 20 };

static struct world {
	struct engine engine;
	struct hook *hook;
	struct hook_settings settings;
	struct error error;
	unsigned runs, looks, given_back;       /* handlers begun; times allowed() was asked; arenas of answers that went */
	uint64_t waiting;                       /* the task that waits to be woken */
	char log[LONG];
} world;

/* -- What is served ------------------------------------------------------------------------------------------------- */

static unsigned
not_strange(const struct arrival *arrival, void *with)
{
	(void)with;
	world.looks++;
	return strcmp(arrival->rest, "strange") ? 200 : 404;
}

static void
gave_back(void *with)
{
	++*(unsigned *)with;
}

static void
say_back(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	(void)with;
	world.runs++;
	task_defer(task, gave_back, &world.given_back);
	answer->status = 200;
	answer->bytes = task_text(task, "%s %s of %s brought %zu: %.40s", arrival->method, arrival->rest, arrival->peer, arrival->length, arrival->body);
	answer->length = strlen(answer->bytes);
}

static void
wait_first(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	world.waiting = task->id;
	if (task_park(task))
		say_back(task, arrival, answer, with);
}

static void
say_much(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	(void)arrival, (void)with;
	task_defer(task, gave_back, &world.given_back);
	*answer = (struct answer){ .status = 200, .type = "image/png", .bytes = arena_take(task->arena, HUGE), .length = HUGE, .disposition = "inline" };
}

static void
say_nothing(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	(void)task, (void)arrival, (void)answer, (void)with;
}

static const struct hook_route *const routes[] = {
	&(const struct hook_route){ "GET", "f", false, PATIENCE, not_strange, say_back },
	&(const struct hook_route){ "POST", "in", true, PATIENCE, not_strange, say_back },
	&(const struct hook_route){ "GET", "wait", false, PATIENCE, not_strange, wait_first },
	&(const struct hook_route){ "GET", "impatient", false, 50, not_strange, wait_first },
	&(const struct hook_route){ "GET", "much", false, PATIENCE, not_strange, say_much },
	&(const struct hook_route){ "GET", "nothing", false, PATIENCE, not_strange, say_nothing },
	NULL
};

/* -- The world ------------------------------------------------------------------------------------------------------ */

static int
begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	world.engine.loop = loop_open(&world.error);
	world.engine.tasks = tasks_open(&world.engine, 100);
	world.hook = hook_open(&world.engine, routes, NULL);
	world.settings = (struct hook_settings){ .listen = "127.0.0.1:0", .url = "", .body = 1 << 20, .header = 16384, .headers = 100,
		.connections = 64, .connections_each = 8, .deadline = PATIENCE };
	assert_true(hook_listen(world.hook, &world.settings, &world.error));
	return 0;
}

static void
end_tasks(void)
{
	for (int64_t until = clock_mono() + PATIENCE; tasks_count(world.engine.tasks) && clock_mono() < until;) {
		tasks_cancel_all(world.engine.tasks);
		loop_turn(world.engine.loop);
	}
	assert_int_equal(tasks_count(world.engine.tasks), 0);
}

static int
finish(void **state)
{
	(void)state;
	end_tasks();
	hook_close(world.hook);
	tasks_close(world.engine.tasks);
	loop_close(world.engine.loop);
	return 0;
}

static void
listen_with(struct hook_settings settings)
{
	assert_true(hook_listen(world.hook, &settings, &world.error));
}

/* A turn of the loop, and a moment for the other end. */
static void
turn(void)
{
	loop_turn(world.engine.loop);
	poll(NULL, 0, 1);
}

static int
connect_from(const char *address)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)hook_port(world.hook)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &from.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int
come(void)
{
	return connect_from("127.0.0.1");
}

static void
say_bytes(int fd, const char *bytes, size_t length)
{
	for (int64_t until = clock_mono() + PATIENCE; length && clock_mono() < until;) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return;
		bytes += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
		loop_turn(world.engine.loop);
	}
}

static void
say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* Until `enough` says so, or the other end is done; what was heard, ended by NUL. Ours until the next. */
static const char *
hear_until(int fd, bool (*enough)(const char *, size_t), bool *ended)
{
	static char heard[LONG];
	size_t length = 0;

	heard[0] = '\0';
	*ended = false;
	for (int64_t until = clock_mono() + PATIENCE; clock_mono() < until && !(enough && enough(heard, length)); loop_turn(world.engine.loop)) {
		ssize_t got = recv(fd, heard + length, sizeof heard - 1 - length, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			*ended = true;
			break;
		}
		if (got < 0)
			poll(NULL, 0, 1);
		length += got > 0 ? (size_t)got : 0;
		heard[length] = '\0';
	}
	return heard;
}

static bool
is_whole(const char *heard, size_t length)
{
	const char *body = strstr(heard, "\r\n\r\n"), *size = strcasestr(heard, "Content-Length: ");

	return body && length >= (size_t)(body + 4 - heard) + (size && size < body ? strtoul(size + 16, NULL, 10) : 0);
}

static bool
is_head(const char *heard, size_t length)
{
	(void)length;
	return strstr(heard, "\r\n\r\n");
}

static const char *
hear(int fd)
{
	bool ended;

	return hear_until(fd, is_whole, &ended);
}

/* What it still says before it closes. */
static const char *
hear_end(int fd)
{
	bool ended;
	const char *heard = hear_until(fd, NULL, &ended);

	assert_true(ended);
	return heard;
}

static unsigned
status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.", 7) ? 0 : (unsigned)atoi(answer + 9);
}

/* One request on a connection of its own. */
static const char *
ask(const char *request)
{
	int fd = come();

	say(fd, request);
	const char *answer = hear(fd);
	close(fd);
	turn();
	return answer;
}

static void
wait_for_waiting(void)
{
	for (int64_t until = clock_mono() + PATIENCE; !world.waiting && clock_mono() < until;)
		turn();
	assert_int_not_equal(world.waiting, 0);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: gw\r\n\r\n"

/* -- What is served, and how ---------------------------------------------------------------------------------------- */

static void
test_a_request_is_answered_from_a_task(void **state)
{
	(void)state;
	const char *answer = ask(GET("/f/abc"));
	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "\r\n\r\nGET abc of 127.0.0.1 brought 0: "));
}

static void
test_every_answer_keeps_browsers_from_running_it(void **state)
{
	static const char *const requests[] = { GET("/f/abc"), GET("/f/strange"), GET("/nowhere"), "PUT /f/abc HTTP/1.1\r\nHost: gw\r\n\r\n",
		"GET /f/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", GET("/nothing") };
	static const char *const headers[] = { "X-Content-Type-Options: nosniff\r\n", "Content-Security-Policy: default-src 'none'; sandbox\r\n",
		"Referrer-Policy: no-referrer\r\n", "Cache-Control: private, no-store\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		const char *answer = ask(requests[i]);
		for (size_t h = 0; h < sizeof headers / sizeof *headers; h++)
			if (!strstr(answer, headers[h]))
				fail_msg("%s was answered without %s: %s", requests[i], headers[h], answer);
	}
}

static void
test_a_connection_is_kept_for_the_next_request(void **state)
{
	int fd = come();

	(void)state;
	for (int i = 0; i < 3; i++) {
		say(fd, i == 1 ? GET("/f/strange") : GET("/f/abc"));
		assert_int_equal(status_of(hear(fd)), i == 1 ? 404 : 200);
	}
	say(fd, GET("/f/one") GET("/f/two"));
	bool ended;
	const char *both = hear_until(fd, is_whole, &ended);
	if (!strstr(both, "GET two"))
		both = hear(fd);
	assert_non_null(strstr(both, "GET two"));
	close(fd);
	assert_int_equal(world.runs, 4);
}

static void
test_a_head_is_a_get_without_its_body(void **state)
{
	int fd = come();
	bool ended;

	(void)state;
	say(fd, "HEAD /f/abc HTTP/1.1\r\nHost: gw\r\n\r\n");
	const char *answer = hear_until(fd, is_head, &ended);
	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "Content-Length: 33\r\n"));
	say(fd, GET("/f/abc"));
	assert_int_equal(status_of(hear(fd)), 200);
	close(fd);
}

static void
test_a_body_comes_whole_in_either_form(void **state)
{
	(void)state;
	assert_non_null(strstr(ask("POST /in/ci HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\nhello"), "POST ci of 127.0.0.1 brought 5: hello"));
	assert_non_null(strstr(ask("POST /in/ci HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
		"brought 11: hello world"));
}

static void
test_strangers_cost_no_task(void **state)
{
	(void)state;
	assert_int_equal(status_of(ask(GET("/f/strange"))), 404);
	assert_int_equal(status_of(ask(GET("/elsewhere"))), 404);
	assert_int_equal(status_of(ask(GET("/"))), 404);
	assert_int_equal(status_of(ask(GET("/ff/abc"))), 404);
	assert_int_equal(world.runs, 0);
	assert_int_equal(world.looks, 1);
}

static void
test_what_was_served_and_what_was_not_is_counted(void **state)
{
	struct hook_report report;
	int fd = come();

	(void)state;
	ask(GET("/f/abc"));
	ask(GET("/f/strange"));
	ask("GET /f/a HTTP/1.1\r\nHost: gw\r\nHost: gw\r\n\r\n");
	for (int64_t until = clock_mono() + PATIENCE; clock_mono() < until; turn())
		if (hook_report(world.hook, &report) && report.refused == 2 && report.connections == 1)
			break;
	assert_int_equal(report.served, 1);
	assert_int_equal(report.refused, 2);
	assert_int_equal(report.connections, 1);
	assert_string_equal(report.listen, "127.0.0.1:0");
	close(fd);
	assert_true(hook_listen(world.hook, NULL, &world.error));
	assert_false(hook_report(world.hook, &report));
}

static void
test_another_method_is_told_which_one_it_is(void **state)
{
	(void)state;
	const char *answer = ask("DELETE /f/abc HTTP/1.1\r\nHost: gw\r\n\r\n");
	assert_int_equal(status_of(answer), 405);
	assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
	assert_non_null(strstr(ask(GET("/in/ci")), "Allow: POST\r\n"));
}

static void
test_a_path_is_read_as_it_came(void **state)
{
	(void)state;
	assert_non_null(strstr(ask(GET("/f/a%2Fb%00c?d=e")), "GET a%2Fb%00c of"));
	assert_int_equal(status_of(ask("GET http://gw/f/abc HTTP/1.1\r\nHost: gw\r\n\r\n")), 400);
}

static void
test_a_handler_that_says_nothing_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(status_of(ask(GET("/nothing"))), 500);
}

static void
test_nothing_of_the_path_but_its_first_word_is_logged(void **state)
{
	int pipes[2], before = dup(2);

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], 2);
	log_open(LEVEL_DEBUG, LOG_TEXT);
	ask(GET("/f/verysecretcode?key=othersecret"));
	log_open(LEVEL_ERROR, LOG_TEXT);
	dup2(before, 2);
	close(before);
	close(pipes[1]);
	ssize_t got = read(pipes[0], world.log, sizeof world.log - 1);
	close(pipes[0]);
	assert_true(got > 0);
	assert_non_null(strstr(world.log, "GET /f of 127.0.0.1: 200"));
	assert_null(strstr(world.log, "secret"));
}

/* -- What two could read in two ways -------------------------------------------------------------------------------- */

static const struct { const char *what, *request; unsigned status; } table[] = {
	{ "two lengths", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400 },
	{ "the same length twice", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello", 400 },
	{ "a length and chunks", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "chunks and a length", "POST /in/a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400 },
	{ "two encodings", "POST /in/a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400 },
	{ "an encoding we do not know", "POST /in/a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "chunks in HTTP/1.0", "POST /in/a HTTP/1.0\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "a length below nothing", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: -5\r\n\r\nhello", 400 },
	{ "a length with a plus", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: +5\r\n\r\nhello", 400 },
	{ "a list of lengths", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 5, 5\r\n\r\nhello", 400 },
	{ "a length in hex", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 0x5\r\n\r\nhello", 400 },
	{ "two hosts", "GET /f/a HTTP/1.1\r\nHost: gw\r\nHost: other\r\n\r\n", 400 },
	{ "no host", "GET /f/a HTTP/1.1\r\n\r\n", 400 },
	{ "a blank before the colon", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length : 5\r\n\r\nhello", 400 },
	{ "a control character", "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: a\x01" "b\r\n\r\n", 400 },
	{ "lines with LF alone", "GET /f/a HTTP/1.1\nHost: gw\n\n", 400 },
	{ "a first line with LF alone", "GET /f/a HTTP/1.1\nHost: gw\r\n\r\n", 400 },
	{ "a header with LF alone", "GET /f/a HTTP/1.1\r\nHost: gw\nX-Y:   a\r\n\r\n", 400 },
	{ "a last header with LF alone", "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: a\n\r\n", 400 },
	{ "an empty line with LF alone", "GET /f/a HTTP/1.1\r\nHost: gw\r\n\n", 400 },
	{ "a CR in a header", "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: a\rZ: b\r\n\r\n", 400 },
	{ "a header that goes on in the next line", "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: a\r\n b\r\n\r\n", 400 },
	{ "a length that stands in the next line", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length:\r\n 5\r\n\r\nhello", 400 },
	{ "a first header that is folded", "GET /f/a HTTP/1.1\r\n X-Y: a\r\nHost: gw\r\n\r\n", 400 },
	{ "a line that is no header", "GET /f/a HTTP/1.1\r\nHost: gw\r\nXY\r\n\r\n", 400 },
	{ "a body that is packed", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 415 },
	{ "a body where none belongs", "GET /f/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\nhello", 413 },
	{ "a body that is too large", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 1048577\r\n\r\n", 413 },
	{ "a length beyond all numbers", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 18446744073709551615\r\n\r\n", 413 },
};

/* Behind each stands a whole second request, which somebody in front of us might have thought part of the first. */
static void
test_what_two_read_in_two_ways_is_refused_and_the_connection_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int fd = come();
		say(fd, table[i].request);
		say(fd, GET("/f/smuggled"));
		const char *answer = hear_end(fd);
		if (status_of(answer) != table[i].status || strstr(answer, "smuggled") || world.runs)
			fail_msg("%s: %s", table[i].what, answer);
		close(fd);
	}
}

static void
test_a_nul_in_a_header_is_refused(void **state)
{
	static const char request[] = "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: a\0b\r\n\r\n" GET("/f/smuggled");
	int fd = come();

	(void)state;
	say_bytes(fd, request, sizeof request - 1);
	assert_int_equal(status_of(hear_end(fd)), 400);
	close(fd);
	assert_int_equal(world.runs, 0);
}

static void
test_what_people_write_is_no_mistake(void **state)
{
	(void)state;
	assert_int_equal(status_of(ask("GET /f/a HTTP/1.1\r\nHost:gw\r\nX-Y:\r\nA: \t b \r\nZ: \303\244\r\n\r\n")), 200);
	assert_int_equal(status_of(ask("\r\nGET /f/a HTTP/1.0\r\n\r\n")), 200);
	int fd = come();
	for (const char *at = "GET /f/bytewise HTTP/1.1\r\nHost: gw\r\nUser-Agent: a b\r\n\r\n"; *at; at++) {
		say_bytes(fd, at, 1);
		turn();
	}
	assert_int_equal(status_of(hear(fd)), 200);
	close(fd);
}

/* Who in front of us thought that more of it was the body is not believed by us. */
static void
test_nothing_comes_behind_chunks(void **state)
{
	int fd = come();

	(void)state;
	say(fd, "POST /in/a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n" GET("/f/smuggled"));
	const char *answer = hear_end(fd);
	assert_null(strstr(answer, "smuggled"));
	close(fd);
}

/* -- Limits --------------------------------------------------------------------------------------------------------- */

static void
test_headers_that_are_too_many_or_too_large(void **state)
{
	struct arena *arena = arena_new();
	char *large = arena_take(arena, 17000), many[4000] = "";

	(void)state;
	memset(large, 'a', 16990);
	for (int i = 0; i < 101; i++)
		strcat(many, "X-Y: z\r\n");
	assert_int_equal(status_of(ask(arena_printf(arena, "GET /f/a HTTP/1.1\r\nHost: gw\r\n%s\r\n", many))), 431);
	assert_int_equal(status_of(ask(arena_printf(arena, "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: %s\r\n\r\n", large))), 431);
	large[15000] = '\0';
	assert_int_equal(status_of(ask(arena_printf(arena, "GET /f/a HTTP/1.1\r\nHost: gw\r\nX-Y: %s\r\n\r\n", large))), 200);
	arena_free(arena);
}

static void
test_a_body_may_have_its_bound_and_not_a_byte_more(void **state)
{
	static char bytes[(1 << 20) + 1];
	int fd = come();

	(void)state;
	memset(bytes, 'a', sizeof bytes);
	say(fd, "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 1048576\r\n\r\n");
	say_bytes(fd, bytes, 1 << 20);
	assert_non_null(strstr(hear(fd), "brought 1048576: aaa"));
	/* It says so at the end only where it comes in chunks. */
	say(fd, "POST /in/a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n");
	say_bytes(fd, bytes, sizeof bytes);
	say(fd, "\r\n0\r\n\r\n");
	assert_int_equal(status_of(hear(fd)), 413);
	close(fd);
	assert_int_equal(world.runs, 1);
}

static void
test_who_is_slow_is_gone_at_the_deadline_however_often_a_byte_comes(void **state)
{
	struct hook_settings hasty = world.settings;
	static const char *const slow[] = { "", "GET /f/a HTTP/1.1\r\nX-", "POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000\r\n\r\n" };

	(void)state;
	hasty.deadline = 200;
	listen_with(hasty);
	for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
		int fd = come();
		int64_t began = clock_mono();
		char byte;
		say(fd, slow[i]);
		while (recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN && clock_mono() < began + PATIENCE) {
			if (*slow[i])
				send(fd, "a", 1, MSG_NOSIGNAL);
			turn();
		}
		assert_in_range(clock_mono() - began, 150, 2000);
		close(fd);
	}
	assert_int_equal(world.runs, 0);
}

static void
test_a_kept_connection_that_is_idle_is_gone_at_the_deadline(void **state)
{
	struct hook_settings hasty = world.settings;

	(void)state;
	hasty.deadline = 200;
	listen_with(hasty);
	int fd = come();
	say(fd, GET("/f/a"));
	assert_int_equal(status_of(hear(fd)), 200);
	int64_t began = clock_mono();
	assert_string_equal(hear_end(fd), "");
	assert_in_range(clock_mono() - began, 150, 2000);
	close(fd);
}

/* A long answer has more time than a short one; the rate is that of a poor line. */
static void
test_who_takes_an_answer_too_slowly_is_gone(void **state)
{
	struct hook_settings hasty = world.settings;
	struct sockaddr_in address = { .sin_family = AF_INET };
	int pair[2];
	char byte;

	(void)state;
	hasty.deadline = 50;
	struct peers *peers = peers_open(&world.engine, &hasty);
	for (int64_t more = 0; more <= 300; more += 300) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		struct peer *peer = peer_new(peers, pair[0], (struct sockaddr *)&address);
		int64_t began = clock_mono();
		peer_answers(peer, (size_t)more * 64);
		while (recv(pair[1], &byte, 1, 0) < 0 && clock_mono() < began + PATIENCE)
			turn();
		assert_in_range(clock_mono() - began, 50 + more, 250 + more);
		assert_true(peer_gone(peer));
		peer_free(peer);
		close(pair[0]);
		close(pair[1]);
	}
	peers_close(peers);
}

static void
test_who_leaves_in_the_midst_of_an_answer_gives_its_memory_back(void **state)
{
	int fd = come(), small = 4096;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	say(fd, GET("/much"));
	for (int i = 0; i < 50; i++)
		turn();
	assert_int_equal(world.given_back, 0);
	close(fd);
	for (int64_t until = clock_mono() + PATIENCE; !world.given_back && clock_mono() < until;)
		turn();
	assert_int_equal(world.given_back, 1);
}

static void
test_a_long_answer_arrives_whole(void **state)
{
	static char bytes[64 * 1024];
	size_t length = 0;
	int fd = come();

	(void)state;
	say(fd, "GET /much HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
	for (int64_t until = clock_mono() + PATIENCE; clock_mono() < until; loop_turn(world.engine.loop)) {
		ssize_t got = recv(fd, bytes, sizeof bytes, 0);
		if (got == 0)
			break;
		length += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	assert_in_range(length, HUGE + 100, HUGE + 1000);
	assert_int_equal(world.given_back, 1);
}

/* -- Many ----------------------------------------------------------------------------------------------------------- */

static bool
is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static size_t
open_of(const int *each, size_t count)
{
	size_t open = 0;

	for (int i = 0; i < 20; i++)
		turn();
	for (size_t i = 0; i < count; i++)
		open += is_open(each[i]);
	return open;
}

static void
test_one_address_has_eight_connections_and_the_oldest_makes_room(void **state)
{
	int each[20];

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		each[i] = come();
		turn();
	}
	assert_int_equal(open_of(each, 20), 8);
	assert_false(is_open(each[0]));
	say(each[19], GET("/f/a"));
	assert_int_equal(status_of(hear(each[19])), 200);
	for (size_t i = 0; i < 20; i++)
		close(each[i]);
}

static void
test_many_addresses_have_sixty_four_together(void **state)
{
	int each[160];
	char address[20];

	(void)state;
	for (size_t i = 0; i < 160; i++) {
		snprintf(address, sizeof address, "127.0.1.%zu", 1 + i / 4);
		each[i] = connect_from(address);
		say(each[i], "GET /f/a HTTP/1.1\r\nX-Slow: ");
	}
	assert_int_equal(open_of(each, 160), 64);
	assert_int_equal(status_of(ask(GET("/f/a"))), 200);
	for (size_t i = 0; i < 160; i++)
		close(each[i]);
}

static void
test_who_comes_with_many_makes_room_for_who_comes_alone(void **state)
{
	int alone = connect_from("127.0.0.9"), each[100];
	char address[20];

	(void)state;
	turn();
	for (size_t i = 0; i < 100; i++) {
		snprintf(address, sizeof address, "127.0.1.%zu", 1 + i / 2);
		each[i] = connect_from(address);
	}
	assert_int_equal(open_of(each, 100), 63);
	assert_true(is_open(alone));
	say(alone, GET("/f/a"));
	assert_int_equal(status_of(hear(alone)), 200);
	close(alone);
	for (size_t i = 0; i < 100; i++)
		close(each[i]);
}

static void
test_who_is_being_served_makes_no_room(void **state)
{
	struct hook_settings few = world.settings;
	int each[2];

	(void)state;
	few.connections = few.connections_each = 2;
	listen_with(few);
	for (size_t i = 0; i < 2; i++) {
		world.waiting = 0;
		each[i] = come();
		say(each[i], GET("/wait"));
		wait_for_waiting();
	}
	int third = come();
	assert_string_equal(hear_end(third), "");
	close(third);
	assert_int_equal(open_of(each, 2), 2);
	for (size_t i = 0; i < 2; i++)
		close(each[i]);
}

/* Without descriptors the library stops to listen; when it has some again nobody tells it but us. */
static void
test_who_comes_after_the_descriptors_ran_out_is_served(void **state)
{
	struct rlimit before, few;
	int each[12], fillers[200], filled = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = 150;
	for (size_t i = 0; i < 12; i++)
		each[i] = come();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (filled < 200 && (fillers[filled] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		filled++;
	for (int i = 0; i < 3; i++)
		close(fillers[--filled]);
	open_of(each, 12);
	while (filled)
		close(fillers[--filled]);
	for (size_t i = 0; i < 12; i++)
		close(each[i]);
	open_of(each, 0);
	assert_int_equal(status_of(ask(GET("/f/a"))), 200);
	setrlimit(RLIMIT_NOFILE, &before);
}

/* -- Waiting, cancelling, closing ------------------------------------------------------------------------------------ */

static void
test_a_handler_may_wait_and_others_are_served_meanwhile(void **state)
{
	int fd = come();

	(void)state;
	say(fd, GET("/wait/long"));
	wait_for_waiting();
	assert_int_equal(status_of(ask(GET("/f/a"))), 200);
	assert_true(is_open(fd));
	task_wake(&world.engine, world.waiting);
	assert_non_null(strstr(hear(fd), "GET long of"));
	close(fd);
}

static void
test_a_handler_that_is_cancelled_says_not_now(void **state)
{
	int fd = come();

	(void)state;
	say(fd, GET("/wait"));
	wait_for_waiting();
	task_cancel(&world.engine, world.waiting);
	const char *answer = hear(fd);
	assert_int_equal(status_of(answer), 503);
	assert_non_null(strstr(answer, "Retry-After: 5\r\n"));
	close(fd);
}

static void
test_a_handler_that_takes_too_long_is_cancelled(void **state)
{
	(void)state;
	assert_int_equal(status_of(ask(GET("/impatient"))), 503);
	assert_int_equal(world.runs, 0);
}

static void
test_who_leaves_while_the_handler_waits_harms_nobody(void **state)
{
	int fd = come();

	(void)state;
	say(fd, GET("/wait"));
	wait_for_waiting();
	close(fd);
	turn();
	task_wake(&world.engine, world.waiting);
	assert_int_equal(status_of(ask(GET("/f/a"))), 200);
	assert_int_equal(world.given_back, 2);
}

static void
test_more_tasks_than_there_are_is_not_now(void **state)
{
	int fd = come();

	(void)state;
	tasks_close(world.engine.tasks);
	world.engine.tasks = tasks_open(&world.engine, 0);
	say(fd, GET("/f/a"));
	assert_int_equal(status_of(hear(fd)), 503);
	close(fd);
}

static void
test_closing_answers_whoever_is_being_served(void **state)
{
	int served = come(), idle = come();

	(void)state;
	say(served, GET("/wait"));
	wait_for_waiting();
	hook_stop(world.hook);
	assert_int_equal(hook_port(world.hook), 0);
	assert_string_equal(hear_end(idle), "");
	end_tasks();
	const char *answer = hear_end(served);
	assert_int_equal(status_of(answer), 503);
	assert_non_null(strstr(answer, "Connection: close\r\n"));
	close(served);
	close(idle);
}

static void
test_closing_at_once_while_a_request_runs(void **state)
{
	int fd = come();

	(void)state;
	say(fd, GET("/wait"));
	wait_for_waiting();
	end_tasks();
	hook_close(world.hook);
	world.hook = hook_open(&world.engine, routes, NULL);
	assert_int_equal(status_of(hear_end(fd)), 503);
	close(fd);
}

static void
test_the_same_settings_again_change_nothing(void **state)
{
	struct hook_settings again = world.settings;
	int fd = come(), port = hook_port(world.hook);
	char same[] = "127.0.0.1:0";

	(void)state;
	say(fd, GET("/f/a"));
	assert_int_equal(status_of(hear(fd)), 200);
	again.listen = same;
	again.url = "https://elsewhere.example";
	listen_with(again);
	assert_int_equal(hook_port(world.hook), port);
	say(fd, GET("/f/a"));
	assert_int_equal(status_of(hear(fd)), 200);
	close(fd);
}

/* Whoever is in the middle of it is answered by the old one, whoever comes by the new one, and nobody is turned away. */
static void
test_other_settings_take_over_the_port(void **state)
{
	struct hook_settings other = world.settings;
	int fd = come(), port = hook_port(world.hook);

	(void)state;
	say(fd, GET("/wait/old"));
	wait_for_waiting();
	other.body = 2048;
	listen_with(other);
	assert_int_equal(hook_port(world.hook), port);
	assert_int_equal(status_of(ask("POST /in/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 2049\r\n\r\n")), 413);
	task_wake(&world.engine, world.waiting);
	const char *answer = hear_end(fd);
	assert_non_null(strstr(answer, "GET old of"));
	assert_non_null(strstr(answer, "Connection: close"));
	close(fd);
}

static void
test_a_port_that_is_taken_leaves_all_as_it_was(void **state)
{
	struct hook_settings other = world.settings;
	struct hook *second = hook_open(&world.engine, routes, NULL);
	char taken[40];

	(void)state;
	assert_true(hook_listen(second, &world.settings, &world.error));
	snprintf(taken, sizeof taken, "127.0.0.1:%d", hook_port(world.hook));
	other.listen = taken;
	assert_false(hook_listen(second, &other, &world.error));
	assert_non_null(strstr(world.error.text, "Another program listens there"));
	assert_int_not_equal(hook_port(second), 0);
	hook_close(second);
	assert_int_equal(status_of(ask(GET("/f/a"))), 200);
}

static void
test_without_settings_nothing_listens(void **state)
{
	(void)state;
	assert_true(hook_listen(world.hook, NULL, &world.error));
	assert_int_equal(hook_port(world.hook), 0);
}

static void
test_ipv6_is_listened_on_too(void **state)
{
	struct hook_settings six = world.settings;
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	(void)state;
	six.listen = "[::1]:0";
	if (!hook_listen(world.hook, &six, &world.error))
		skip();
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin6_port = htons((uint16_t)hook_port(world.hook));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	say(fd, GET("/f/a"));
	assert_non_null(strstr(hear(fd), "GET a of ::1"));
	close(fd);
}

/* -- The section ---------------------------------------------------------------------------------------------------- */

static const struct { const char *text, *mistake; } sections[] = {
	{ "hooks { url = \"https://gw.corp.example\" }", NULL },
	{ "hooks { url = \"https://gw.corp.example\" listen = \"[::1]:80\" }", NULL },
	{ "hooks { }", "url" },
	{ "hooks { url = \"http://gw.corp.example\" }", "plain http" },
	{ "hooks { url = \"http://gw.corp.example\" insecure = yes }", NULL },
	{ "hooks { url = \"http://127.0.0.1:8480\" }", NULL },
	{ "hooks { url = \"https://gw\" listen = \"8480\" }", "ADDRESS:PORT" },
	{ "hooks { url = \"https://gw\" listen = \"localhost:8480\" }", "ADDRESS:PORT" },
	{ "hooks { url = \"https://gw\" listen = \"::1:8480\" }", "ADDRESS:PORT" },
	{ "hooks { url = \"https://gw\" listen = \"127.0.0.1:65536\" }", "ADDRESS:PORT" },
	{ "hooks { url = \"https://gw\" listen = \"127.0.0.1:0\" }", "port 0" },
	{ "hooks { url = \"https://gw\" listen = \"unix:/run/hooks\" }", NULL },
	{ "hooks { url = \"https://gw\" listen = \"unix:run/hooks\" }", "an absolute path" },
	{ "hooks { url = \"https://gw\" certificate_file = \"gw.pem\" }", "one of them is missing" },
	{ "hooks { url = \"https://gw\" proxies = \"10.0.0.1/8\" }", "10.0.0.1/8 is no address" },
	{ "hooks { url = \"https://gw\" metrics_from = \"everybody\" }", "everybody is no address" },
	{ "hooks { url = \"https://gw\" body = 100 }", "body is 1024 to 26214400." },
	{ "hooks { url = \"https://gw\" connections = 0 }", "connections is 1 to 10000." },
	{ "hooks { url = \"https://gw\" deadline = \"1h\" }", "deadline is 1s to 5m." },
};

/* -- A socket in the file system ------------------------------------------------------------------------------------ */

static int
come_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, path);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
assert_served_at(const char *path)
{
	bool ended;
	int fd = come_to(path);

	assert_true(fd >= 0);
	say(fd, "GET /f/a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
	const char *heard = hear_until(fd, NULL, &ended);
	assert_non_null(strstr(heard, "GET a of 127.0.0.1 brought 0"));
	close(fd);
}

static void
test_a_socket_in_the_file_system(void **state)
{
	struct sockaddr_un left = { .sun_family = AF_UNIX };
	struct hook_settings settings = world.settings;
	char folder[] = "/tmp/test_hook.XXXXXX", path[64], listen_at[80];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/hooks", folder);
	snprintf(listen_at, sizeof listen_at, "unix:%s", path);
	settings.listen = listen_at;
	/* What a gateway left behind that died. */
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(left.sun_path, path);
	assert_int_equal(bind(dead, (struct sockaddr *)&left, sizeof left), 0);
	close(dead);
	listen_with(settings);
	assert_served_at(path);
	/* One that somebody listens on stays, and so does what is no socket. */
	struct hook *second = hook_open(&world.engine, routes, NULL);
	assert_false(hook_listen(second, &settings, &world.error));
	assert_non_null(strstr(world.error.text, "Address already in use"));
	assert_served_at(path);
	listen_with(world.settings);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_false(hook_listen(second, &settings, &world.error));
	hook_close(second);
	unlink(path);
	rmdir(folder);
}

static void
test_how_long_requests_take_is_counted(void **state)
{
	struct hook_report report;
	bool ended;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd = come();
		say(fd, "GET /f/a HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
		hear_until(fd, NULL, &ended);
		close(fd);
	}
	assert_true(hook_report(world.hook, &report));
	assert_int_equal(report.within[HOOK_BUCKETS - 1], 3);
	assert_int_equal(report.served, 3);
	for (size_t i = 1; i < HOOK_BUCKETS; i++)
		assert_true(report.within[i] >= report.within[i - 1]);
}

static void
test_mistakes_of_the_section_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		struct conf *conf = conf_read_text("x.conf", sections[i].text, strlen(sections[i].text));
		struct hook_settings hooks = { 0 };
		struct section *at = conf_next(conf_root(conf), NULL, "hooks");
		if (conf_fill(conf, at, &hook_shape, &hooks))
			hook_settings_check(conf, at, &hooks);
		if (!sections[i].mistake != !conf_mistakes(conf) || (sections[i].mistake && !strstr(conf_mistake_at(conf, 0), sections[i].mistake)))
			fail_msg("%s: %s", sections[i].text, conf_mistakes(conf) ? conf_mistake_at(conf, 0) : "no mistake");
		conf_free(conf);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_request_is_answered_from_a_task),
		TEST(test_every_answer_keeps_browsers_from_running_it),
		TEST(test_a_connection_is_kept_for_the_next_request),
		TEST(test_a_head_is_a_get_without_its_body),
		TEST(test_a_body_comes_whole_in_either_form),
		TEST(test_strangers_cost_no_task),
		TEST(test_what_was_served_and_what_was_not_is_counted),
		TEST(test_another_method_is_told_which_one_it_is),
		TEST(test_a_path_is_read_as_it_came),
		TEST(test_a_handler_that_says_nothing_is_an_error),
		TEST(test_nothing_of_the_path_but_its_first_word_is_logged),
		TEST(test_what_two_read_in_two_ways_is_refused_and_the_connection_ends),
		TEST(test_a_nul_in_a_header_is_refused),
		TEST(test_what_people_write_is_no_mistake),
		TEST(test_nothing_comes_behind_chunks),
		TEST(test_headers_that_are_too_many_or_too_large),
		TEST(test_a_body_may_have_its_bound_and_not_a_byte_more),
		TEST(test_who_is_slow_is_gone_at_the_deadline_however_often_a_byte_comes),
		TEST(test_a_kept_connection_that_is_idle_is_gone_at_the_deadline),
		TEST(test_who_takes_an_answer_too_slowly_is_gone),
		TEST(test_who_leaves_in_the_midst_of_an_answer_gives_its_memory_back),
		TEST(test_a_long_answer_arrives_whole),
		TEST(test_one_address_has_eight_connections_and_the_oldest_makes_room),
		TEST(test_many_addresses_have_sixty_four_together),
		TEST(test_who_comes_with_many_makes_room_for_who_comes_alone),
		TEST(test_who_is_being_served_makes_no_room),
		TEST(test_who_comes_after_the_descriptors_ran_out_is_served),
		TEST(test_a_handler_may_wait_and_others_are_served_meanwhile),
		TEST(test_a_handler_that_is_cancelled_says_not_now),
		TEST(test_a_handler_that_takes_too_long_is_cancelled),
		TEST(test_who_leaves_while_the_handler_waits_harms_nobody),
		TEST(test_more_tasks_than_there_are_is_not_now),
		TEST(test_closing_answers_whoever_is_being_served),
		TEST(test_closing_at_once_while_a_request_runs),
		TEST(test_the_same_settings_again_change_nothing),
		TEST(test_other_settings_take_over_the_port),
		TEST(test_a_port_that_is_taken_leaves_all_as_it_was),
		TEST(test_without_settings_nothing_listens),
		TEST(test_ipv6_is_listened_on_too),
		TEST(test_a_socket_in_the_file_system),
		TEST(test_how_long_requests_take_is_counted),
		cmocka_unit_test(test_mistakes_of_the_section_are_named),
	};

	log_open(LEVEL_ERROR, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
