/* Links of ours to files that a chat keeps, over the listener: who has the code has the file, for a while; nobody else learns anything. */
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
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/bridge.h"
#include "bridge/files_route.h"
#include "bridge/protocol.h"
#include "bridge/run/hook.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/files.h"

enum { PATIENCE = 10 * 1000, HEARD = 64 * 1024, HOUR = 3600 * 1000 };

static const struct tables *const tables[] = { &files_tables, NULL };
static const struct hook_route *const routes[] = { &files_route, NULL };

static struct world {
	struct bridge bridge;
	struct link link, *links[2];
	struct arena *arena;
	struct error error;
	char folder[64];
	char asked[80];                 /* the id that the chat was last asked for */
	unsigned fetches;
	size_t length;                  /* of what it gives */
	const char *type;
	bool fails, waits;
	uint64_t waiting[8];
} world;

/* -- A chat that keeps files ----------------------------------------------------------------------------------------- */

static bool
fetch(struct task *task, struct link *link, const char *id, size_t most, struct fetched *out)
{
	assert_ptr_equal(link, &world.link);
	assert_int_equal(most, FILES_MOST);
	snprintf(world.asked, sizeof world.asked, "%s", id);
	if (world.waits)
		world.waiting[world.fetches] = task->id;
	world.fetches++;
	if (world.waits && !task_park(task))
		return task_fail(task, "It was ended.");
	if (world.fails)
		return task_fail(task, "The server said no to mxc://corp.example/abc.");
	char *bytes = arena_take(task->arena, world.length + 1);
	memset(bytes, 'x', world.length);
	*out = (struct fetched){ bytes, world.length, world.type };
	return true;
}

static const struct protocol keeps = { .name = "keeps", .fetch = fetch }, keeps_none = { .name = "none" };

/* -- The world ------------------------------------------------------------------------------------------------------- */

static int
begin(void **state)
{
	const struct hook_settings settings = { .listen = "127.0.0.1:0", .url = "https://gw.corp.example", .body = 1024, .header = 16384, .headers = 100,
		.connections = 64, .connections_each = 16, .deadline = PATIENCE };
	struct engine *engine = &world.bridge.engine;
	enum store_open_error why;

	(void)state;
	memset(&world, 0, sizeof world);
	world.arena = arena_new();
	world.length = 5;
	strcpy(world.folder, "/tmp/test_files.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	engine->loop = loop_open(&world.error);
	engine->tasks = tasks_open(engine, 100);
	engine->store = store_open(engine, world.folder, tables, &why, &world.error);
	assert_non_null(engine->store);
	world.link = (struct link){ .name = "hq", .protocol = &keeps, .state = LINK_UP };
	world.links[0] = &world.link;
	world.bridge.links = (struct links){ .each = world.links, .count = 1 };
	world.bridge.hook = hook_open(engine, routes, &world.bridge);
	assert_true(hook_listen(world.bridge.hook, &settings, &world.error));
	return 0;
}

static void
turn(void)
{
	loop_turn(world.bridge.engine.loop);
	poll(NULL, 0, 1);
}

static int
finish(void **state)
{
	struct engine *engine = &world.bridge.engine;
	char command[100];

	(void)state;
	for (int64_t until = clock_mono() + PATIENCE; tasks_count(engine->tasks) && clock_mono() < until; turn())
		tasks_cancel_all(engine->tasks);
	hook_close(world.bridge.hook);
	store_close(engine->store);
	tasks_close(engine->tasks);
	loop_close(engine->loop);
	arena_free(world.arena);
	assert_int_equal(world.bridge.files, 0);
	snprintf(command, sizeof command, "rm -r '%s'", world.folder);
	return system(command);
}

struct offering {
	struct file file;
	char code[FILES_CODE + 1];
	int64_t rows;
};

static bool
offer_it(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct offering *offering = with;

	(void)arena;
	return files_offer(db, &offering->file, offering->code, error);
}

static bool
count_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct row row;

	(void)arena;
	db_query(db, &row, "SELECT count(*) FROM file_link", "");
	if (row_next(&row))
		((struct offering *)with)->rows = row_integer(&row, 0);
	return row_end(&row, error);
}

static void
done(struct work *work, bool committed, const struct error *error, void *to)
{
	assert_true(committed);
	(void)error;
	memcpy(to, work_with(work), sizeof(struct offering));
}

static struct offering
do_work(work_fn *run, const struct file *file)
{
	struct work *work = work_new(run, sizeof(struct offering));
	struct offering result = { .rows = -1 };

	if (file)
		((struct offering *)work_with(work))->file = *file;
	store_queue(world.bridge.engine.store, work, done, &result);
	for (int64_t until = clock_mono() + PATIENCE; result.rows == -1 && clock_mono() < until;)
		turn();
	assert_int_not_equal(result.rows, -1);
	return result;
}

static const char *
offer(const char *name, const char *type, int64_t expires_in)
{
	struct file file = { .link = "hq", .id = "mxc://corp.example/abc", .name = name, .type = type, .size = 5, .expires = clock_wall() + expires_in };

	return arena_text(world.arena, do_work(offer_it, &file).code);
}

static int
come(const char *method, const char *code)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)hook_port(world.bridge.hook)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[400];

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	int length = snprintf(request, sizeof request, "%s /f/%s HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n", method, code);
	assert_int_equal(send(fd, request, (size_t)length, 0), length);
	return fd;
}

/* All that comes until the end, or its first part. */
static const char *
hear(int fd)
{
	char *heard = arena_take(world.arena, HEARD);
	static char rest[HEARD];
	size_t length = 0;

	for (int64_t until = clock_mono() + PATIENCE; clock_mono() < until; loop_turn(world.bridge.engine.loop)) {
		bool full = length == HEARD - 1;
		ssize_t got = recv(fd, full ? rest : heard + length, full ? sizeof rest : HEARD - 1 - length, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		if (got < 0)
			poll(NULL, 0, 1);
		length += got > 0 && !full ? (size_t)got : 0;
	}
	close(fd);
	return heard;
}

static const char *
get(const char *code)
{
	return hear(come("GET", code));
}

static void
assert_answer(const char *answer, const char *status, const char *part)
{
	if (strncmp(answer, status, strlen(status)) || !strstr(answer, part))
		fail_msg("not \"%s\" with \"%s\": %s", status, part, answer);
}

/* -- Stories --------------------------------------------------------------------------------------------------------- */

static void
test_who_has_the_link_has_the_file(void **state)
{
	(void)state;
	const char *code = offer("plan.pdf", "application/pdf", HOUR);
	assert_int_equal(strlen(code), FILES_CODE);
	assert_string_equal(files_url(world.arena, "https://gw.corp.example", code), arena_printf(world.arena, "https://gw.corp.example/f/%s", code));
	const char *answer = get(code);
	assert_answer(answer, "HTTP/1.1 200", "\r\n\r\nxxxxx");
	assert_answer(answer, "HTTP/1.1 200", "Content-Type: application/octet-stream\r\n");
	assert_answer(answer, "HTTP/1.1 200", "Content-Disposition: attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf\r\n");
	assert_answer(answer, "HTTP/1.1 200", "Content-Security-Policy: default-src 'none'; sandbox\r\n");
	assert_string_equal(world.asked, "mxc://corp.example/abc");
	assert_answer(get(code), "HTTP/1.1 200", "xxxxx");
}

static void
test_a_code_may_be_typed_in_capitals(void **state)
{
	char *code = arena_text(world.arena, offer("a", NULL, HOUR));

	(void)state;
	for (char *at = code; *at; at++)
		*at = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
	assert_answer(get(code), "HTTP/1.1 200", "xxxxx");
}

static void
test_pictures_are_shown_and_what_a_browser_runs_is_saved(void **state)
{
	static const struct { const char *type, *served, *how; } table[] = {
		{ "image/png", "image/png", "inline" }, { "image/webp", "image/webp", "inline" },
		{ "image/svg+xml", "application/octet-stream", "attachment" }, { "text/html", "application/octet-stream", "attachment" },
		{ "image/png; charset=x\r\nX-Evil: 1", "application/octet-stream", "attachment" }, { NULL, "application/octet-stream", "attachment" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *answer = get(offer("a", table[i].type, HOUR));
		assert_answer(answer, "HTTP/1.1 200", arena_printf(world.arena, "Content-Type: %s\r\n", table[i].served));
		assert_answer(answer, "HTTP/1.1 200", arena_printf(world.arena, "Content-Disposition: %s", table[i].how));
		assert_null(strstr(answer, "Evil"));
	}
}

static void
test_a_name_is_no_header_and_no_path(void **state)
{
	static const struct { const char *name, *shown; } table[] = {
		{ "a\r\nX-Evil: 1", "filename=\"a_X-Evil__1\"; filename*=UTF-8''a%20X-Evil%3A%201\r\n" },
		{ "../../etc/passwd", "filename=\".._.._etc_passwd\"; filename*=UTF-8''.._.._etc_passwd\r\n" },
		{ "\"; filename=\"evil.exe", "filename=\"___filename__evil.exe\"; filename*=UTF-8''%22%3B%20filename%3D%22evil.exe\r\n" },
		{ "\303\244.png", "filename=\"__.png\"; filename*=UTF-8''%C3%A4.png\r\n" },
		{ "..", "Content-Disposition: attachment\r\n" },
		{ NULL, "Content-Disposition: attachment\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_answer(get(offer(table[i].name, NULL, HOUR)), "HTTP/1.1 200", table[i].shown);
}

/* An answer without its date. */
static char *
undated(const char *answer)
{
	char *copy = arena_text(world.arena, answer), *date = strstr(copy, "Date: ");

	assert_non_null(date);
	memset(date, '-', strcspn(date, "\r"));
	return copy;
}

static void
test_unknown_expired_and_malformed_are_one_answer(void **state)
{
	const char *expired = offer("a", NULL, -1);
	const char *const codes[] = { expired, "0000000000000000", "", "short", "00000000000000000", "000000000000000u", "../../etc/passwd", "%30000000000000000",
		"0000000000000000/", "'; DROP TABLE x; " };

	(void)state;
	const char *same = undated(get("zzzzzzzzzzzzzzzz"));
	assert_answer(same, "HTTP/1.1 404", "There is nothing here.");
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strchr(codes[i], ' '))
			assert_null(strstr(get(codes[i]), "200 OK"));
		else
			assert_string_equal(undated(get(codes[i])), same);
	assert_int_equal(world.fetches, 0);
}

static void
test_a_link_ends_while_nobody_makes_another(void **state)
{
	int64_t from = clock_wall();

	(void)state;
	const char *code = offer("a", NULL, 500);
	assert_answer(get(code), "HTTP/1.1 200", "xxxxx");
	while (clock_wall() <= from + 600)
		turn();
	assert_string_equal(undated(get(code)), undated(get("zzzzzzzzzzzzzzzz")));
	assert_int_equal(do_work(count_rows, NULL).rows, 1);
}

static void
test_a_head_says_the_same_without_the_bytes(void **state)
{
	(void)state;
	const char *answer = hear(come("HEAD", offer("a", NULL, HOUR)));
	assert_answer(answer, "HTTP/1.1 200", "Content-Length: 5\r\n");
	assert_null(strstr(answer, "xxxxx"));
}

static void
test_the_store_has_no_code(void **state)
{
	char command[300];

	(void)state;
	const char *code = offer("a", NULL, HOUR);
	snprintf(command, sizeof command, "! grep -aqr %s '%s' && grep -aqr mxc://corp.example/abc '%s'", code, world.folder, world.folder);
	assert_int_equal(system(command), 0);
}

static void
test_what_has_expired_goes_with_the_next(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		offer("a", NULL, -1);
	offer("a", NULL, HOUR);
	assert_int_equal(do_work(count_rows, NULL).rows, 1);
}

static void
test_codes_are_all_different(void **state)
{
	char seen[200][FILES_CODE + 1];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		strcpy(seen[i], offer("a", NULL, HOUR));
		assert_true(files_shaped(seen[i]));
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(seen[i], seen[other]);
	}
}

static void
test_a_chat_that_says_no_is_not_quoted(void **state)
{
	(void)state;
	const char *code = offer("a", NULL, HOUR);
	world.fails = true;
	const char *answer = get(code);
	assert_answer(answer, "HTTP/1.1 502", "Content-Type: text/plain");
	assert_null(strstr(answer, "mxc:"));
	world.fails = false;
	assert_answer(get(code), "HTTP/1.1 200", "xxxxx");
}

static void
test_a_file_that_is_larger_than_was_said_is_not_passed_on(void **state)
{
	(void)state;
	world.length = FILES_MOST + 1;
	assert_answer(get(offer("a", NULL, HOUR)), "HTTP/1.1 502", "Content-Type: text/plain");
	world.length = FILES_MOST;
	assert_answer(get(offer("a", NULL, HOUR)), "HTTP/1.1 200", "Content-Length: 16777216\r\n");
}

static void
test_one_that_says_it_is_too_large_is_not_even_asked_for(void **state)
{
	struct file file = { .link = "hq", .id = "mxc://corp.example/abc", .size = FILES_MOST + 1, .expires = clock_wall() + HOUR };

	(void)state;
	assert_answer(get(do_work(offer_it, &file).code), "HTTP/1.1 413", "too large");
	assert_int_equal(world.fetches, 0);
}

static void
test_an_empty_file_is_a_file(void **state)
{
	(void)state;
	world.length = 0;
	assert_answer(get(offer("a", NULL, HOUR)), "HTTP/1.1 200", "Content-Length: 0\r\n");
}

static void
test_a_link_that_is_away_is_not_now(void **state)
{
	(void)state;
	const char *code = offer("a", NULL, HOUR);
	world.link.state = LINK_AWAY;
	assert_answer(get(code), "HTTP/1.1 503", "Retry-After: ");
	world.link.state = LINK_UP;
	assert_answer(get(code), "HTTP/1.1 200", "xxxxx");
}

static void
test_a_link_that_is_no_more_or_keeps_no_files_has_nothing(void **state)
{
	(void)state;
	const char *code = offer("a", NULL, HOUR);
	const char *same = undated(get("zzzzzzzzzzzzzzzz"));
	world.link.protocol = &keeps_none;
	assert_string_equal(undated(get(code)), same);
	world.bridge.links.count = 0;
	assert_string_equal(undated(get(code)), same);
}

static void
test_four_are_fetched_at_once_and_the_fifth_is_not_now(void **state)
{
	const char *code = offer("a", NULL, HOUR);
	int each[4];

	(void)state;
	world.waits = true;
	for (size_t i = 0; i < 4; i++)
		each[i] = come("GET", code);
	for (int64_t until = clock_mono() + PATIENCE; world.fetches < 4 && clock_mono() < until;)
		turn();
	assert_answer(get(code), "HTTP/1.1 503", "Retry-After: 5\r\n");
	assert_answer(get("zzzzzzzzzzzzzzzz"), "HTTP/1.1 404", "");
	for (size_t i = 0; i < 4; i++)
		task_wake(&world.bridge.engine, world.waiting[i]);
	for (size_t i = 0; i < 4; i++)
		assert_answer(hear(each[i]), "HTTP/1.1 200", "xxxxx");
	world.waits = false;
	assert_answer(get(code), "HTTP/1.1 200", "xxxxx");
}

/* What is being sent holds its memory too. */
static void
test_who_takes_it_slowly_counts_until_it_has_left(void **state)
{
	const char *code = offer("a", NULL, HOUR);
	int each[4], small = 4096;

	(void)state;
	world.length = FILES_MOST;
	for (size_t i = 0; i < 4; i++) {
		each[i] = come("GET", code);
		setsockopt(each[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	}
	for (int64_t until = clock_mono() + PATIENCE; (world.fetches < 4 || tasks_count(world.bridge.engine.tasks)) && clock_mono() < until;)
		turn();
	assert_answer(get(code), "HTTP/1.1 503", "Retry-After: 5\r\n");
	for (size_t i = 0; i < 4; i++)
		close(each[i]);
	for (int64_t until = clock_mono() + PATIENCE; world.bridge.files && clock_mono() < until;)
		turn();
	assert_int_equal(world.bridge.files, 0);
}

static void
test_stopping_while_files_are_fetched(void **state)
{
	(void)state;
	const char *code = offer("a", NULL, HOUR);
	world.waits = true;
	int fd = come("GET", code);
	for (int64_t until = clock_mono() + PATIENCE; !world.fetches && clock_mono() < until;)
		turn();
	hook_stop(world.bridge.hook);
	tasks_cancel_all(world.bridge.engine.tasks);
	assert_answer(hear(fd), "HTTP/1.1 503", "Connection: close");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_has_the_link_has_the_file),
		TEST(test_a_code_may_be_typed_in_capitals),
		TEST(test_pictures_are_shown_and_what_a_browser_runs_is_saved),
		TEST(test_a_name_is_no_header_and_no_path),
		TEST(test_unknown_expired_and_malformed_are_one_answer),
		TEST(test_a_link_ends_while_nobody_makes_another),
		TEST(test_a_head_says_the_same_without_the_bytes),
		TEST(test_the_store_has_no_code),
		TEST(test_what_has_expired_goes_with_the_next),
		TEST(test_codes_are_all_different),
		TEST(test_a_chat_that_says_no_is_not_quoted),
		TEST(test_a_file_that_is_larger_than_was_said_is_not_passed_on),
		TEST(test_one_that_says_it_is_too_large_is_not_even_asked_for),
		TEST(test_an_empty_file_is_a_file),
		TEST(test_a_link_that_is_away_is_not_now),
		TEST(test_a_link_that_is_no_more_or_keeps_no_files_has_nothing),
		TEST(test_four_are_fetched_at_once_and_the_fifth_is_not_now),
		TEST(test_who_takes_it_slowly_counts_until_it_has_left),
		TEST(test_stopping_while_files_are_fetched),
	};

	/* The troubles that are made here are told to the operators: not to whoever runs the tests. */
	log_open(LEVEL_ERROR, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
