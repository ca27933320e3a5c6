/* Tests of alertmanager against a small one of our own, which answers what the test says to each path and keeps what it was asked. What it does with
 * silences, and how it all reads in chat, is told in tests/real/test_alerts.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/integration.h"
#include "bridge/run/http.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "integrations/kinds/alerts.h"

extern const struct integration integration_alertmanager;

enum { PATIENCE = 30000, ASKED = 16 << 10 };

struct manager {
	pthread_t thread;
	int listener, port, status;
	bool ending;
	const char *body;
	char asked[ASKED];              /* the last request */
};

static bool
is_whole(const char *request, size_t length)
{
	const char *end = strstr(request, "\r\n\r\n"), *declared = strcasestr(request, "content-length:");

	return end && (!declared || (size_t)(end + 4 - request) + strtoul(declared + 15, NULL, 10) <= length);
}

static void *
be_manager(void *with)
{
	struct manager *manager = with;

	for (int fd; (fd = accept(manager->listener, NULL, NULL)) >= 0 && !manager->ending;) {
		char head[200];
		size_t length = 0;
		memset(manager->asked, 0, sizeof manager->asked);
		for (ssize_t got; !is_whole(manager->asked, length) && (got = read(fd, manager->asked + length, ASKED - 1 - length)) > 0;)
			length += (size_t)got;
		int size = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", manager->status, strlen(manager->body));
		if (write(fd, head, (size_t)size) < 0 || write(fd, manager->body, strlen(manager->body)) < 0)
			fprintf(stderr, "it could not answer\n");
		close(fd);
	}
	return NULL;
}

static void
manager_start(struct manager *manager)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;

	manager->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(manager->listener, 64), 0);
	assert_int_equal(getsockname(manager->listener, (struct sockaddr *)&address, &size), 0);
	manager->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&manager->thread, NULL, be_manager, manager), 0);
}

static void
manager_stop(struct manager *manager)
{
	manager->ending = true;
	shutdown(manager->listener, SHUT_RDWR);
	pthread_join(manager->thread, NULL);
	close(manager->listener);
}

/* -- What is asked of the driver, on a task ------------------------------------------------------------------------------- */

struct fixture {
	struct arena *arena;
	struct engine engine;
	struct manager manager;
	struct conf *conf;
	const void *am;
	const char *folder;
	void (*ask)(struct fixture *, struct task *);
	bool answered, fine, dry;
	struct error error;
	const char *would;
	struct silence silence;
	const char *told;               /* what was answered, as text */
};

static const struct alerts *
driver(void)
{
	return integration_alertmanager.alerts;
}

static void
keep(struct fixture *fixture, const char *name, const char *text)
{
	int fd = open(arena_printf(fixture->arena, "%s/%s", fixture->folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
configure(struct fixture *fixture, const char *more)
{
	const struct shape shape = { "alertmanager", integration_alertmanager.conf_size, integration_alertmanager.settings, "", false };

	keep(fixture, "test.conf", arena_printf(fixture->arena, "alertmanager \"am\" { url = \"http://127.0.0.1:%d/am\" %s }\n", fixture->manager.port, more));
	conf_free(fixture->conf);
	fixture->conf = conf_read(arena_printf(fixture->arena, "%s/test.conf", fixture->folder));
	struct section *at = conf_next(conf_root(fixture->conf), NULL, "alertmanager");
	void *filled = arena_take(conf_arena(fixture->conf), integration_alertmanager.conf_size);
	conf_fill(fixture->conf, at, &shape, filled);
	integration_alertmanager.check(fixture->conf, at, filled);
	fixture->am = filled;
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-am-XXXXXX";
	struct error error;

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->engine.loop = loop_open(NULL);
	fixture->engine.tasks = tasks_open(&fixture->engine, 100);
	fixture->engine.http = http_open(&fixture->engine, &error);
	fixture->manager.status = 200;
	fixture->manager.body = "[]";
	manager_start(&fixture->manager);
	keep(fixture, "token", "t0ken-4711-of-the-proxy");
	keep(fixture, "hook", "a-secret-of-its-webhooks");
	configure(fixture, "token_file = \"token\"");
	*state = fixture;
	return 0;
}

static int
end(void **state)
{
	static const char *const files[] = { "token", "hook", "test.conf" };
	struct fixture *fixture = *state;

	http_close(fixture->engine.http);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	manager_stop(&fixture->manager);
	conf_free(fixture->conf);
	for (size_t i = 0; i < 3; i++)
		unlink(arena_printf(fixture->arena, "%s/%s", fixture->folder, files[i]));
	rmdir(fixture->folder);
	arena_free(fixture->arena);
	free(fixture);
	redact_forget();
	return 0;
}

static void
run(struct task *task, void *with)
{
	struct fixture *fixture = with;

	if (fixture->dry)
		task_rehearse(task);
	fixture->ask(fixture, task);
	fixture->error = task->error;
	fixture->would = arena_text(fixture->arena, task->would);
	fixture->answered = true;
	loop_stop(fixture->engine.loop);
}

static void
too_long(void *with, int events)
{
	(void)with;
	(void)events;
	fprintf(stderr, "no answer\n");
	abort();
}

static void
ask(struct fixture *fixture, void (*what)(struct fixture *, struct task *), int status, const char *body)
{
	struct watch *watch = loop_timer(fixture->engine.loop, too_long, NULL);

	fixture->manager.status = status;
	fixture->manager.body = body;
	fixture->ask = what;
	fixture->answered = false;
	watch_after(watch, PATIENCE);
	task_start(&fixture->engine, "test", run, fixture, NULL);
	while (!fixture->answered)
		loop_run(fixture->engine.loop);
	while (tasks_count(fixture->engine.tasks))
		loop_turn(fixture->engine.loop);
	watch_free(watch);
}

static void
asked(const struct fixture *fixture, const char *part)
{
	if (!strstr(fixture->manager.asked, part))
		fail_msg("it was not asked %s:\n%s", part, fixture->manager.asked);
}

static const char *
labels_text(struct arena *arena, const struct named *labels)
{
	const char *text = "";

	for (; labels->name; labels++)
		text = arena_printf(arena, "%s%s%s=%s", text, *text ? " " : "", labels->name, labels->value);
	return text;
}

/* One line a group: its name, its labels, and each alert. */
static void
get_groups(struct fixture *fixture, struct task *task)
{
	struct alert_group *groups;
	size_t count = 0;

	fixture->fine = driver()->groups(task, fixture->am, &groups, &count);
	fixture->told = "";
	for (size_t i = 0; fixture->fine && i < count; i++) {
		fixture->told = arena_printf(fixture->arena, "%s%s%s (%s):", fixture->told, groups[i].name, groups[i].fresh ? " fresh" : "",
			labels_text(task->arena, groups[i].labels));
		for (size_t n = 0; n < groups[i].count; n++) {
			const struct alert *alert = &groups[i].alerts[n];
			fixture->told = arena_printf(fixture->arena, "%s %s %d %s%s%s %lld", fixture->told, alert->id, alert->severity, alert->text ? alert->text : "-",
				alert->held ? " held by " : "", alert->silence ? alert->silence : "", (long long)alert->since);
		}
		fixture->told = arena_printf(fixture->arena, "%s; ", fixture->told);
	}
}

static void
get_silences(struct fixture *fixture, struct task *task)
{
	struct silence *silences;
	size_t count = 0;

	fixture->fine = driver()->silences(task, fixture->am, &silences, &count);
	fixture->told = "";
	for (size_t i = 0; fixture->fine && i < count; i++)
		fixture->told = arena_printf(fixture->arena, "%s%s %s %s %s%s%s%s; ", fixture->told, silences[i].id, silences[i].label ? silences[i].label : "-", silences[i].by,
			silences[i].matchers[0].name, silences[i].matchers[0].negative ? "!" : "=", silences[i].matchers[0].regex ? "~" : "", silences[i].matchers[0].value);
}

static void
make_silence(struct fixture *fixture, struct task *task)
{
	static const struct matcher matchers[] = { { "rack", "b2", false, false }, { "host", "db.*", true, true }, { 0 } };

	fixture->silence = (struct silence){ .id = fixture->silence.id, .matchers = matchers, .starts = 1763000000000, .ends = 1763003600500,
		.by = "bob (corp/bob in ops)", .why = "replacing the switch", .label = "S9" };
	fixture->fine = driver()->silence(task, fixture->am, &fixture->silence);
	fixture->silence.id = arena_text(fixture->arena, fixture->silence.id);
}

static void
end_silence(struct fixture *fixture, struct task *task)
{
	fixture->fine = driver()->unsilence(task, fixture->am, &fixture->silence);
}

/* -- Groups -------------------------------------------------------------------------------------------------------------- */

#define ALERT(instance, state, by) "{\"annotations\":{\"summary\":\"no answer\"},\"endsAt\":\"2026-11-23T10:00:00.000Z\",\"fingerprint\":\"f-" instance "\"," \
	"\"receivers\":[{\"name\":\"hook\"}],\"startsAt\":\"2016-08-01T13:27:08.008+03:00\",\"status\":{\"inhibitedBy\":[],\"silencedBy\":[" by "],\"state\":\"" state "\"}," \
	"\"updatedAt\":\"2026-11-23T09:00:00.000Z\",\"generatorURL\":\"http://prom/g\",\"labels\":{\"alertname\":\"NodeDown\",\"instance\":\"" instance "\"," \
	"\"rack\":\"b2\",\"severity\":\"critical\"}}"

static void
test_groups_are_read_with_what_holds_them(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, get_groups, 200, "[{\"alerts\":[" ALERT("n1", "active", "") "," ALERT("n2", "suppressed", "\"sil-1\"") "],\"labels\":{\"alertname\":\"NodeDown\"},"
		"\"receiver\":{\"name\":\"hook\"}},{\"alerts\":[" ALERT("n1", "active", "") "],\"labels\":{\"alertname\":\"NodeDown\"},\"receiver\":{\"name\":\"mail\"}}]");
	assert_true(fixture->fine);
	assert_string_equal(fixture->told, "NodeDown (alertname=NodeDown rack=b2 severity=critical): f-n1 4 no answer 1470047228008 f-n2 4 no answer held by sil-1 1470047228008; ");
	asked(fixture, "GET /am/api/v2/alerts/groups HTTP/1.1");
	asked(fixture, "Authorization: Bearer t0ken-4711-of-the-proxy");
}

static void
test_only_the_groups_of_our_receiver_are_asked_for(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, "token_file = \"token\" user = \"sally\" receiver = \"to us\"");
	ask(fixture, get_groups, 200, "[]");
	assert_true(fixture->fine);
	asked(fixture, "GET /am/api/v2/alerts/groups?receiver=%5E%28%3F%3Ato%20us%29%24 HTTP/1.1");
	asked(fixture, "Authorization: Basic ");
}

static void
test_what_its_webhook_will_tell_is_fresh(void **state)
{
	struct fixture *fixture = *state;
	time_t now = time(NULL);
	char when[40];
	struct tm tm;

	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S.5Z", gmtime_r(&now, &tm));
	const char *body = arena_printf(fixture->arena, "[{\"alerts\":[{\"fingerprint\":\"f\",\"startsAt\":\"%s\",\"labels\":{\"alertname\":\"New\"}}],\"labels\":{}}]", when);
	ask(fixture, get_groups, 200, body);
	assert_non_null(strstr(fixture->told, "New (alertname=New)"));
	configure(fixture, "hook_file = \"hook\"");
	ask(fixture, get_groups, 200, body);
	assert_non_null(strstr(fixture->told, "New fresh (alertname=New)"));
}

static void
test_answers_that_are_none_are_a_sentence(void **state)
{
	static const struct { int status; const char *body, *why; } all[] = {
		{ 200, "<html>", "Alertmanager answered with what cannot be read" },
		{ 200, "{\"alerts\":[]}", "Alertmanager answered with what cannot be read" },
		{ 200, "[{},", "Alertmanager answered with what cannot be read" },
		{ 400, "\"bad matcher format: x\"", "Alertmanager refused that: bad matcher format: x" },
		{ 401, "no", "refused" },
		{ 502, "<html>proxy</html>", "HTTP 502" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		ask(fixture, get_groups, all[i].status, all[i].body);
		assert_false(fixture->fine);
		if (!strstr(fixture->error.text, all[i].why))
			fail_msg("%d %s: %s", all[i].status, all[i].body, fixture->error.text);
	}
	ask(fixture, get_groups, 200, "[null, 7, {\"alerts\":7}, {\"alerts\":[7, {\"labels\":[]}], \"labels\":{}}]");
	assert_true(fixture->fine);
}

/* -- Silences ------------------------------------------------------------------------------------------------------------ */

static void
test_a_silence_is_made_as_it_is_described(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, make_silence, 200, "{\"silenceID\":\"9f2c\"}");
	assert_true(fixture->fine);
	assert_string_equal(fixture->silence.id, "9f2c");
	asked(fixture, "POST /am/api/v2/silences HTTP/1.1");
	asked(fixture, "Content-Type: application/json");
	asked(fixture, "{\"name\":\"rack\",\"value\":\"b2\",\"isRegex\":false,\"isEqual\":true}");
	asked(fixture, "{\"name\":\"host\",\"value\":\"db.*\",\"isRegex\":true,\"isEqual\":false}");
	asked(fixture, "\"startsAt\":\"2025-11-13T02:13:20.000Z\",\"endsAt\":\"2025-11-13T03:13:20.500Z\"");
	asked(fixture, "\"comment\":\"replacing the switch [chat: S9]\"");
	assert_null(strstr(fixture->manager.asked, "\"id\""));
}

static void
test_a_change_names_it_and_takes_the_id_that_is_answered(void **state)
{
	struct fixture *fixture = *state;

	fixture->silence.id = "9f2c";
	ask(fixture, make_silence, 200, "{\"silenceID\":\"a001\"}");
	assert_string_equal(fixture->silence.id, "a001");
	asked(fixture, "\"id\":\"9f2c\"");
	ask(fixture, make_silence, 404, "\"silence not found\"");
	assert_false(fixture->fine);
	assert_non_null(strstr(fixture->error.text, "knows that silence no more"));
	ask(fixture, make_silence, 200, "{}");
	assert_false(fixture->fine);
	assert_non_null(strstr(fixture->error.text, "did not say which it is"));
}

static void
test_a_rehearsal_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	fixture->dry = true;
	ask(fixture, make_silence, 200, "{\"silenceID\":\"9f2c\"}");
	assert_false(fixture->fine);
	assert_non_null(strstr(fixture->would, "POST"));
	assert_string_equal(fixture->manager.asked, "");
}

static void
test_silences_are_listed_with_their_names_in_chat(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, get_silences, 200, "[{\"id\":\"1\",\"status\":{\"state\":\"active\"},\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"isRegex\":true,\"isEqual\":false}],"
		"\"startsAt\":\"2026-11-23T09:00:00Z\",\"endsAt\":\"2026-11-23T10:00:00Z\",\"createdBy\":\"bob\",\"comment\":\"c [chat: S9]\"},"
		"{\"id\":\"2\",\"status\":{\"state\":\"expired\"},\"matchers\":[]},"
		"{\"id\":\"3\",\"status\":{\"state\":\"pending\"},\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"isRegex\":false}],\"createdBy\":\"dana\",\"comment\":\"[chat: \"}]");
	assert_true(fixture->fine);
	assert_string_equal(fixture->told, "1 S9 bob a!~b; 3 - dana a=b; ");
}

static void
test_ending_one_that_nobody_knows_any_more_is_fine(void **state)
{
	struct fixture *fixture = *state;

	fixture->silence.id = "../9f2c";
	ask(fixture, end_silence, 200, "");
	assert_true(fixture->fine);
	asked(fixture, "DELETE /am/api/v2/silence/..%2F9f2c HTTP/1.1");
	ask(fixture, end_silence, 404, "");
	assert_true(fixture->fine);
	ask(fixture, end_silence, 500, "oops");
	assert_false(fixture->fine);
}

static void
test_a_user_without_a_password_is_a_mistake(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, "user = \"sally\"");
	assert_int_equal(conf_mistakes(fixture->conf), 1);
	assert_non_null(strstr(conf_mistake_at(fixture->conf, 0), "user needs token_file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(test_groups_are_read_with_what_holds_them),
		TEST(test_only_the_groups_of_our_receiver_are_asked_for),
		TEST(test_what_its_webhook_will_tell_is_fresh),
		TEST(test_answers_that_are_none_are_a_sentence),
		TEST(test_a_silence_is_made_as_it_is_described),
		TEST(test_a_change_names_it_and_takes_the_id_that_is_answered),
		TEST(test_a_rehearsal_changes_nothing),
		TEST(test_silences_are_listed_with_their_names_in_chat),
		TEST(test_ending_one_that_nobody_knows_any_more_is_fine),
		TEST(test_a_user_without_a_password_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
