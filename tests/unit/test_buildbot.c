/* Tests of buildbot against a small master of our own, which keeps state and has the traps of the real one (3.7): two cookies of which
 * the last counts, no HTTP Basic on its API, arrays even for one thing, refusals as objects. */
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
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/ulid.h"
#include "bridge/integration.h"
#include "bridge/run/http.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "integrations/kinds/ci.h"

extern const struct integration integration_buildbot;

enum { PATIENCE = 30000, REQUESTS = 8, ANSWER = 64 << 10 };

/* One force that the master took, and the build it got. */
struct forced {
	char reason[300], params[2000];
	int builder;
	bool claimed, complete, waits_again;     /* waits_again: its build has ended, it has not */
	int results, number;            /* results -1: none yet; number 0: no build */
	long started, ended;
	const char *state;
};

struct master {
	pthread_mutex_t lock;
	pthread_t thread;
	int listener, port;
	bool ending;
	struct forced forced[REQUESTS];
	int count;
	bool failing_step, closed_to_strangers, no_search, forgets_to_say;
	int logins;
	char last_post[600], last_body[2000], last_cookie[200];
	bool basic_on_api;
	const char *broken;             /* every answer of the API; NULL: the right one */
};

/* The master. */

struct answer {
	int status;
	const char *headers;
	char body[ANSWER];
};

static void __attribute__((format(printf, 2, 3)))
add(struct answer *answer, const char *format, ...)
{
	size_t length = strlen(answer->body);
	va_list values;

	va_start(values, format);
	vsnprintf(answer->body + length, sizeof answer->body - length, format, values);
	va_end(values);
}

static void
add_build(struct answer *answer, const struct forced *forced, int request)
{
	add(answer, "{\"builderid\":%d,\"buildid\":%d,\"buildrequestid\":%d,\"complete\":%s,\"complete_at\":", forced->builder, 100 + request, request,
		forced->complete ? "true" : "false");
	add(answer, forced->complete ? "%ld" : "null", forced->ended);
	add(answer, ",\"number\":%d,\"properties\":{\"buildername\":[\"%s\",\"Builder\"],\"got_revision\":[\"4f2a9c1\",\"Git\"]},\"results\":", forced->number,
		forced->builder == 1 ? "web" : "docs");
	add(answer, forced->complete ? "%d" : "null", forced->results);
	add(answer, ",\"started_at\":%ld,\"state_string\":\"%s\"}", forced->started, forced->state ? forced->state : "building");
}

static void
add_request(struct answer *answer, const struct forced *forced, int request)
{
	add(answer, "{\"builderid\":%d,\"buildrequestid\":%d,\"buildsetid\":%d,\"claimed\":%s,\"complete\":%s,\"complete_at\":%ld,\"results\":%d}", forced->builder,
		request, 50 + request, forced->claimed && !forced->waits_again ? "true" : "false", forced->complete && !forced->waits_again ? "true" : "false",
		forced->ended, forced->results);
}

/* The number behind NAME= in a query; -1 where it is not there. */
static int
asked(const char *path, const char *name)
{
	char text[64];

	snprintf(text, sizeof text, "%s=", name);
	const char *at = strstr(path, text);
	return at ? atoi(at + strlen(text)) : -1;
}

static void
list_builds(struct master *master, const char *path, struct answer *answer)
{
	const char *between = "";

	add(answer, "{\"builds\":[");
	for (int i = master->count; i >= 1; i--) {
		const struct forced *forced = &master->forced[i - 1];
		bool wanted = forced->number && (asked(path, "buildrequestid") < 0 || asked(path, "buildrequestid") == i)
			&& (asked(path, "builderid") < 0 || asked(path, "builderid") == forced->builder)
			&& (asked(path, "results") < 0 || (forced->complete && asked(path, "results") == forced->results));
		if (!wanted)
			continue;
		add(answer, "%s", between);
		add_build(answer, forced, i);
		between = ",";
		if (asked(path, "limit") == 1)
			break;
	}
	add(answer, "],\"meta\":{}}");
}

static void
list_requests(struct master *master, const char *path, struct answer *answer)
{
	const char *between = "";

	add(answer, "{\"buildrequests\":[");
	for (int i = 1; i <= master->count; i++) {
		const struct forced *forced = &master->forced[i - 1];
		bool wanted = asked(path, "buildsetid") >= 0 ? asked(path, "buildsetid") == 50 + i
			: asked(path, "builderid") == forced->builder && !forced->claimed && !forced->complete;
		if (!wanted)
			continue;
		add(answer, "%s", between);
		add_request(answer, forced, i);
		between = ",";
	}
	add(answer, "],\"meta\":{}}");
}

static void
list_sets(struct master *master, const char *path, struct answer *answer)
{
	const char *key = strstr(path, "reason__contains="), *between = "";

	add(answer, "{\"buildsets\":[");
	for (int i = 1; key && i <= master->count; i++) {
		char text[ULID_LENGTH + 1];
		snprintf(text, sizeof text, "%s", key + strlen("reason__contains="));
		if (!master->no_search && !strstr(master->forced[i - 1].reason, text))
			continue;
		add(answer, "%s{\"bsid\":%d,\"reason\":\"A build was forced by 'bot': %s\"}", between, 50 + i, master->forced[i - 1].reason);
		between = ",";
	}
	add(answer, "],\"meta\":{}}");
}

static const char scheduler[] =
	"{\"name\":\"force\",\"enabled\":true,\"builder_names\":[\"web\",\"docs\"],\"all_fields\":["
	"{\"type\":\"nested\",\"fullName\":null,\"fields\":[{\"type\":\"username\",\"fullName\":\"username\",\"default\":\"\"},"
	"{\"type\":\"text\",\"fullName\":\"reason\",\"default\":\"force build\"}]},"
	"{\"type\":\"nested\",\"fields\":[{\"type\":\"nested\",\"fields\":[{\"type\":\"text\",\"fullName\":\"branch\",\"default\":\"main\",\"label\":\"Branch:\"},"
	"{\"type\":\"text\",\"fullName\":\"revision\",\"default\":\"\"}]}]},"
	"{\"type\":\"list\",\"fullName\":\"env\",\"choices\":[\"staging\",\"prod\"],\"strict\":true,\"required\":true,\"default\":\"\"},"
	"{\"type\":\"list\",\"fullName\":\"colour\",\"choices\":[\"red\"],\"strict\":false,\"default\":\"red\"},"
	"{\"type\":\"int\",\"fullName\":\"secs\",\"default\":1},{\"type\":\"bool\",\"fullName\":\"clean\",\"default\":false},"
	"{\"type\":\"text\",\"fullName\":\"hidden\",\"hide\":true},{\"type\":\"fixed\",\"fullName\":\"fixed\",\"default\":\"x\"},"
	"{\"type\":\"file\",\"fullName\":\"file\"}]}";

static void
list_builders(const char *path, struct answer *answer)
{
	static const char *const names[] = { "web", "docs", "nightly" };
	const char *name = strstr(path, "name=");

	add(answer, "{\"builders\":[");
	for (int i = 0; i < 3; i++)
		if (name ? !strcmp(name + 5, names[i]) : atoi(strrchr(path, '/') + 1) == i + 1)
			add(answer, "{\"builderid\":%d,\"name\":\"%s\"}", i + 1, names[i]);
	add(answer, "],\"meta\":{}}");
}

static void
get_steps(struct master *master, struct answer *answer)
{
	add(answer, "{\"steps\":[{\"name\":\"prepare\",\"number\":1,\"results\":0,\"stepid\":1,\"hidden\":false},"
		"{\"name\":\"test\",\"number\":2,\"results\":%s,\"stepid\":2,\"hidden\":false},"
		"{\"name\":\"secret\",\"number\":3,\"results\":null,\"stepid\":4,\"hidden\":true}%s]}", master->failing_step ? "2" : "null",
		master->failing_step ? ",{\"name\":\"clean up\",\"number\":4,\"results\":0,\"stepid\":3,\"hidden\":false}" : "");
}

static void
answer_get(struct master *master, const char *path, struct answer *answer)
{
	bool on_builder = !strncmp(path, "builders/", 9);

	if (on_builder && strstr(path, "/forceschedulers"))
		add(answer, "{\"forceschedulers\":[%s]}", atoi(path + 9) < 3 ? scheduler : "");
	else if (!strncmp(path, "builders", 8))
		list_builders(path, answer);
	else if (!strncmp(path, "forceschedulers", 15))
		add(answer, "{\"forceschedulers\":[{\"name\":\"force\",\"enabled\":true,\"builder_names\":[\"web\",\"docs\"]},"
			"{\"name\":\"two\",\"enabled\":true,\"builder_names\":[\"docs\",\"admin\"]},{\"name\":\"off\",\"enabled\":false,\"builder_names\":[\"never\"]}]}");
	else if (!strncmp(path, "builds/", 7))
		get_steps(master, answer);
	else if (!strncmp(path, "builds?", 7))
		list_builds(master, path, answer);
	else if (!strncmp(path, "buildsets", 9))
		list_sets(master, path, answer);
	else if (!strncmp(path, "buildrequests?", 14))
		list_requests(master, path, answer);
	else if (!strncmp(path, "buildrequests/", 14) && atoi(path + 14) >= 1 && atoi(path + 14) <= master->count) {
		add(answer, "{\"buildrequests\":[");
		add_request(answer, &master->forced[atoi(path + 14) - 1], atoi(path + 14));
		add(answer, "]}");
	} else if (!strcmp(path, "steps/2/logs"))
		add(answer, "{\"logs\":[{\"logid\":8,\"slug\":\"other\",\"num_lines\":1,\"type\":\"t\"},{\"logid\":9,\"slug\":\"stdio\",\"num_lines\":6,\"type\":\"s\"}]}");
	else if (!strncmp(path, "logs/9/contents", 15))
		add(answer, "{\"logchunks\":[{\"content\":\"hmake test\\nh in dir /build\\notesting\\necart_total: expected 3, got 2\\no\\nhprogram finished\\n\",\"firstline\":0}]}");
	else {
		answer->status = 404;
		add(answer, "{\"error\":\"not found\"}");
	}
}

static void
refuse(struct answer *answer, int status, int code, const char *message)
{
	answer->status = status;
	add(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":%d,\"message\":%s}}", code, message);
}

static void
answer_post(struct master *master, const char *path, const char *body, struct answer *answer)
{
	struct arena *arena = arena_new();
	struct json_object *call = json_read(arena, body, strlen(body), NULL);
	const char *env = json_string(call, "params.env", "");

	snprintf(master->last_post, sizeof master->last_post, "%s %s", path, json_string(call, "method", ""));
	snprintf(master->last_body, sizeof master->last_body, "%s", json_write(json_at(call, "params")));
	if (!strstr(master->last_cookie, "TWISTED_SESSION=known"))
		refuse(answer, 403, -32600, "\"you need to have role 'admins'\"");
	else if (strcmp(path, "forceschedulers/force") != 0)
		add(answer, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":null}");
	else if (!strcmp(env, "bad"))
		refuse(answer, 400, -32602, "{\"secs\":\"secs:'abc' does not match\",\"env\":\"no such env\"}");
	else {
		struct forced *forced = &master->forced[master->count++];
		*forced = (struct forced){ .builder = (int)json_integer(call, "params.builderid", 0), .results = -1 };
		snprintf(forced->reason, sizeof forced->reason, "%s", json_string(call, "params.reason", ""));
		add(answer, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":[%d,{\"%d\":%d}]}", 50 + master->count, master->forgets_to_say ? 99 : forced->builder,
			master->count);
	}
	arena_free(arena);
}

static void
answer_login(struct master *master, const char *head, struct answer *answer)
{
	master->logins++;
	/* bot:s3cret-4711 */
	if (!strstr(head, "Authorization: Basic Ym90OnMzY3JldC00NzEx\r\n")) {
		answer->status = 401;
		return;
	}
	answer->status = 302;
	answer->headers = "Location: /#/\r\nSet-Cookie: TWISTED_SESSION=nobody; Path=/\r\nSet-Cookie: TWISTED_SESSION=known.x-1; Path=/\r\n";
}

static void
take_head(struct master *master, const char *head)
{
	const char *cookie = strstr(head, "\r\nCookie: ");

	snprintf(master->last_cookie, sizeof master->last_cookie, "%.*s", cookie ? (int)strcspn(cookie + 10, "\r") : 0, cookie ? cookie + 10 : "");
}

static void
serve_one(struct master *master, char *request, struct answer *answer)
{
	char method[8] = "", path[500] = "";
	char *body = strstr(request, "\r\n\r\n") + 4;

	sscanf(request, "%7s /%499s", method, path);
	take_head(master, request);
	answer->status = 200;
	if (!strcmp(path, "auth/login")) {
		answer_login(master, request, answer);
		return;
	}
	master->basic_on_api = master->basic_on_api || strstr(request, "Authorization:");
	if (master->broken)
		add(answer, "%s", master->broken);
	else if (strncmp(path, "api/v2/", 7) != 0)
		answer->status = 404;
	else if (master->closed_to_strangers && !*master->last_cookie)
		answer->status = 403;
	else if (!strcmp(method, "POST"))
		answer_post(master, path + 7, body, answer);
	else
		answer_get(master, path + 7, answer);
}

static bool
is_whole(const char *request, size_t length)
{
	const char *end = strstr(request, "\r\n\r\n"), *size = strstr(request, "Content-Length: ");

	return end && (!size || size > end || length >= (size_t)(end + 4 - request) + strtoul(size + 16, NULL, 10));
}

static void
serve(struct master *master, int fd)
{
	char request[16384] = "", head[600];
	struct answer *answer = calloc(1, sizeof *answer);
	size_t length = 0;

	for (ssize_t got; !is_whole(request, length) && (got = read(fd, request + length, sizeof request - 1 - length)) > 0;)
		length += (size_t)got;
	if (is_whole(request, length)) {
		pthread_mutex_lock(&master->lock);
		serve_one(master, request, answer);
		pthread_mutex_unlock(&master->lock);
		int size = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n", answer->status,
			answer->headers ? answer->headers : "", strlen(answer->body));
		if (write(fd, head, (size_t)size) < 0 || write(fd, answer->body, strlen(answer->body)) < 0)
			fprintf(stderr, "the master could not answer\n");
	}
	free(answer);
	close(fd);
}

static void *
be_master(void *with)
{
	struct master *master = with;

	for (int fd; (fd = accept(master->listener, NULL, NULL)) >= 0;) {
		if (master->ending) {
			close(fd);
			break;
		}
		serve(master, fd);
	}
	return NULL;
}

static void
master_start(struct master *master)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;

	pthread_mutex_init(&master->lock, NULL);
	master->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(master->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(master->listener, 64), 0);
	assert_int_equal(getsockname(master->listener, (struct sockaddr *)&address, &size), 0);
	master->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&master->thread, NULL, be_master, master), 0);
}

static void
master_stop(struct master *master)
{
	master->ending = true;
	shutdown(master->listener, SHUT_RDWR);
	pthread_join(master->thread, NULL);
	close(master->listener);
	pthread_mutex_destroy(&master->lock);
}

/* What is asked of the driver, on a task. */

struct fixture {
	struct arena *arena;
	struct engine engine;
	struct master master;
	struct conf *conf;
	const void *buildbot;
	const char *folder;

	void (*ask)(struct fixture *, struct task *);
	bool dry, answered, fine, unsure;
	struct error error;
	const char *would;
	const char *job, *token, *key;
	const struct named *parameters;
	struct build build, builds[4];
	size_t count;
	enum found found;
	struct ci_log log;
	struct job described;
	const char *text;
	uint64_t task;
};

static const struct ci *
ci(void)
{
	return integration_buildbot.ci;
}

static const void *
configure(struct fixture *fixture, const char *more)
{
	const struct shape shape = { "buildbot", integration_buildbot.conf_size, integration_buildbot.settings, "", false };
	const char *path = arena_printf(fixture->arena, "%s/test.conf", fixture->folder);
	const char *text = arena_printf(fixture->arena, "buildbot \"ci\" { url = \"http://127.0.0.1:%d\" %s }\n", fixture->master.port, more);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	conf_free(fixture->conf);
	fixture->conf = conf_read(path);
	struct section *at = conf_next(conf_root(fixture->conf), NULL, "buildbot");
	void *filled = arena_take(conf_arena(fixture->conf), integration_buildbot.conf_size);
	conf_fill(fixture->conf, at, &shape, filled);
	integration_buildbot.check(fixture->conf, at, filled);
	return fixture->buildbot = filled;
}

static void
write_password(struct fixture *fixture, const char *password)
{
	int fd = open(arena_printf(fixture->arena, "%s/password", fixture->folder), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, password, strlen(password)), strlen(password));
	close(fd);
}

static const char *
new_key(struct arena *arena)
{
	char key[ULID_LENGTH + 1];

	ulid_make(key);
	return arena_text(arena, key);
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-buildbot-XXXXXX";
	struct error error;

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->engine.loop = loop_open(NULL);
	fixture->engine.tasks = tasks_open(&fixture->engine, 100);
	fixture->engine.http = http_open(&fixture->engine, &error);
	master_start(&fixture->master);
	write_password(fixture, "s3cret-4711");
	configure(fixture, "user = \"bot\" password_file = \"password\"");
	assert_int_equal(conf_mistakes(fixture->conf), 0);
	fixture->key = new_key(fixture->arena);
	fixture->job = "web";
	*state = fixture;
	return 0;
}

static int
end(void **state)
{
	struct fixture *fixture = *state;

	http_close(fixture->engine.http);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	master_stop(&fixture->master);
	conf_free(fixture->conf);
	unlink(arena_printf(fixture->arena, "%s/password", fixture->folder));
	unlink(arena_printf(fixture->arena, "%s/test.conf", fixture->folder));
	rmdir(fixture->folder);
	arena_free(fixture->arena);
	free(fixture);
	redact_forget();
	return 0;
}

static struct ci_request
request(struct fixture *fixture)
{
	static const struct named some[] = { { "env", "staging" }, { "secs", "5" }, { "clean", "yes" }, { "colour", "blue" }, { NULL, NULL } };

	return (struct ci_request){ .conf = fixture->buildbot, .job = fixture->job, .parameters = fixture->parameters ? fixture->parameters : some,
		.label = "B31", .key = fixture->key, .by = "alice (corp/alice in ops)" };
}

static struct build
kept(struct arena *arena, const struct build *build)
{
	struct build copy = *build;

	copy.token = arena_text(arena, build->token);
	copy.job = arena_text(arena, build->job);
	copy.number = arena_text(arena, build->number);
	copy.url = arena_text(arena, build->url);
	copy.step = arena_text(arena, build->step);
	copy.why = arena_text(arena, build->why);
	copy.stopped_by = arena_text(arena, build->stopped_by);
	return copy;
}

/* The parameters of a job, one a line. */
static const char *
params_text(struct arena *arena, const struct job_param *param)
{
	char *text = arena_text(arena, "");

	for (; param && param->name; param++)
		text = arena_printf(arena, "%s%s%s%s%s%s\n", text, param->name, param->required ? " required" : "", param->fallback ? " = " : "",
			param->fallback ? param->fallback : "", param->choices ? arena_printf(arena, " of %s", param->choices[0]) : "");
	return text;
}

static void
run(struct task *task, void *with)
{
	struct fixture *fixture = with;

	if (fixture->dry)
		task_rehearse(task);
	fixture->ask(fixture, task);
	fixture->error = task->error;
	fixture->unsure = task->unsure;
	fixture->would = arena_text(fixture->arena, task->would);
	fixture->build = kept(fixture->arena, &fixture->build);
	for (size_t i = 0; i < fixture->count; i++)
		fixture->builds[i] = kept(fixture->arena, &fixture->builds[i]);
	fixture->log.text = fixture->log.text ? arena_slice(fixture->arena, fixture->log.text, fixture->log.length) : NULL;
	fixture->text = params_text(fixture->arena, fixture->described.params);
	fixture->described = (struct job){ 0 };
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

static bool
on_task(struct fixture *fixture, void (*ask)(struct fixture *, struct task *))
{
	struct watch *late = loop_timer(fixture->engine.loop, too_long, NULL);

	watch_after(late, PATIENCE);
	fixture->ask = ask;
	fixture->answered = fixture->fine = false;
	fixture->count = 0;
	fixture->build = (struct build){ .token = NULL };
	fixture->log = (struct ci_log){ 0 };
	assert_true(task_start(&fixture->engine, "test", run, fixture, NULL) != 0);
	while (!fixture->answered)
		loop_run(fixture->engine.loop);
	while (tasks_count(fixture->engine.tasks))
		loop_turn(fixture->engine.loop);
	watch_free(late);
	return fixture->fine;
}

static void
ask_describe(struct fixture *fixture, struct task *task)
{
	fixture->fine = ci()->describe(task, fixture->buildbot, fixture->job, &fixture->described);
}

static void
ask_start(struct fixture *fixture, struct task *task)
{
	struct ci_request wanted = request(fixture);

	fixture->fine = ci()->start(task, &wanted, &fixture->build);
}

static void
ask_again(struct fixture *fixture, struct task *task)
{
	struct ci_request wanted = request(fixture);
	struct build before = { .token = fixture->token };

	fixture->fine = ci()->again(task, &wanted, &before, &fixture->build);
}

static void
ask_find(struct fixture *fixture, struct task *task)
{
	struct ci_request wanted = request(fixture);

	fixture->fine = ci()->find(task, &wanted, &fixture->build, &fixture->found);
}

static void
ask_look(struct fixture *fixture, struct task *task)
{
	fixture->build.token = fixture->token;
	fixture->fine = ci()->look(task, fixture->buildbot, &fixture->build);
}

static void
ask_stop(struct fixture *fixture, struct task *task)
{
	struct build build = { .token = fixture->token };

	fixture->fine = ci()->stop(task, fixture->buildbot, &build, "alice");
}

static void
ask_log(struct fixture *fixture, struct task *task)
{
	struct build build = { .token = fixture->token };

	fixture->fine = ci()->log(task, fixture->buildbot, &build, 3, &fixture->log);
}

static void
ask_latest(struct fixture *fixture, struct task *task)
{
	fixture->fine = ci()->latest(task, fixture->buildbot, fixture->job, fixture->builds, 4, &fixture->count);
}

static void
ask_list(struct fixture *fixture, struct task *task)
{
	const char *const *names;
	char *text = arena_text(fixture->arena, "");

	fixture->fine = ci()->list(task, fixture->buildbot, &names);
	for (; fixture->fine && *names; names++)
		text = arena_printf(fixture->arena, "%s%s ", text, *names);
	fixture->would = NULL;
	fixture->token = text;
}

/* A build that was forced, in some state. */
static struct forced *
forced(struct fixture *fixture, int builder, const char *reason)
{
	struct forced *one = &fixture->master.forced[fixture->master.count++];

	*one = (struct forced){ .builder = builder, .results = -1 };
	snprintf(one->reason, sizeof one->reason, "%s", reason);
	fixture->token = arena_printf(fixture->arena, "request %d", fixture->master.count);
	return one;
}

static void
ended(struct forced *one, int number, int results, long took)
{
	one->claimed = one->complete = true;
	one->number = number;
	one->results = results;
	one->started = 1700000000;
	one->ended = one->started + took;
}

/* Jobs. */

static void
test_a_job_is_described_by_the_fields_of_its_scheduler(void **state)
{
	struct fixture *fixture = *state;

	assert_true(on_task(fixture, ask_describe));
	assert_string_equal(fixture->text, "branch = main\nrevision\nenv required of staging\ncolour = red\nsecs = 1\nclean = no of yes\n");
}

static void
test_a_job_that_does_not_exist_or_may_not_be_built(void **state)
{
	struct fixture *fixture = *state;

	fixture->job = "wob";
	assert_false(on_task(fixture, ask_describe));
	assert_string_equal(fixture->error.text, "Buildbot has no job called wob");
	fixture->job = "nightly";
	assert_false(on_task(fixture, ask_describe));
	assert_string_equal(fixture->error.text, "Buildbot has no force scheduler for nightly, so it cannot be started from here");
	configure(fixture, "jobs = { \"do*\" }");
	fixture->job = "web";
	assert_false(on_task(fixture, ask_start));
	assert_string_equal(fixture->error.text, "Buildbot's job web is not among the jobs of ci");
	configure(fixture, "scheduler = \"other\"");
	assert_false(on_task(fixture, ask_describe));
	assert_string_equal(fixture->error.text, "Buildbot's scheduler other does not start web");
	assert_int_equal(fixture->master.count, 0);
}

static void
test_the_list_has_each_job_once_and_only_those_allowed(void **state)
{
	struct fixture *fixture = *state;

	assert_true(on_task(fixture, ask_list));
	assert_string_equal(fixture->token, "web docs admin ");
	configure(fixture, "jobs = { \"w*\", \"admin\" }");
	assert_true(on_task(fixture, ask_list));
	assert_string_equal(fixture->token, "web admin ");
}

/* Starting. */

static void
test_a_build_is_forced_with_its_parameters_and_our_key(void **state)
{
	struct fixture *fixture = *state;

	if (!on_task(fixture, ask_start))
		fail_msg("%s", fixture->error.text);
	assert_string_equal(fixture->build.token, "request 1");
	assert_int_equal(fixture->build.state, BUILD_QUEUED);
	assert_string_equal(fixture->master.last_post, "forceschedulers/force force");
	assert_string_equal(fixture->master.last_body, arena_printf(fixture->arena, "{\"env\":\"staging\",\"secs\":\"5\",\"clean\":true,\"colour\":\"blue\","
		"\"builderid\":1,\"reason\":\"B31 for alice (corp/alice in ops) [%s]\"}", fixture->key));
	assert_string_equal(fixture->master.last_cookie, "TWISTED_SESSION=known.x-1");
	assert_false(fixture->master.basic_on_api);
	assert_int_equal(fixture->master.logins, 1);
}

static void
test_a_start_without_a_name_for_it_is_not_taken_for_a_failure(void **state)
{
	struct fixture *fixture = *state;

	fixture->master.forgets_to_say = true;
	assert_false(on_task(fixture, ask_start));
	assert_string_equal(fixture->error.text, "Buildbot took web and did not say which build it is");
	assert_true(fixture->unsure);
}

static void
test_a_rehearsal_forces_nothing(void **state)
{
	struct fixture *fixture = *state;

	fixture->dry = true;
	assert_false(on_task(fixture, ask_start));
	assert_non_null(strstr(fixture->would, "/api/v2/forceschedulers/force"));
	assert_null(strstr(fixture->would, "s3cret"));
	assert_int_equal(fixture->master.count, 0);
}

static void
test_a_refusal_is_told_in_its_own_words(void **state)
{
	static const struct named bad[] = { { "env", "bad" }, { NULL, NULL } };
	struct fixture *fixture = *state;

	fixture->parameters = bad;
	assert_false(on_task(fixture, ask_start));
	assert_string_equal(fixture->error.text, "Buildbot refused: secs: 'abc' does not match; env: no such env");
	assert_false(fixture->unsure);
	configure(fixture, "");
	assert_false(on_task(fixture, ask_start));
	assert_string_equal(fixture->error.text, "Buildbot refused: you need to have role 'admins'");
	assert_int_equal(fixture->master.count, 0);
}

static void
test_a_wrong_password_is_said_and_nothing_is_asked(void **state)
{
	struct fixture *fixture = *state;

	write_password(fixture, "wrong-one");
	configure(fixture, "user = \"bot\" password_file = \"password\"");
	assert_false(on_task(fixture, ask_start));
	assert_string_equal(fixture->error.text, "Buildbot refused to log in bot: look at user and password_file of ci");
	assert_string_equal(fixture->master.last_post, "");
	assert_false(fixture->unsure);
}

static void
test_a_master_closed_to_strangers_is_logged_in_to_for_looking(void **state)
{
	struct fixture *fixture = *state;

	fixture->master.closed_to_strangers = true;
	assert_true(on_task(fixture, ask_describe));
	assert_true(on_task(fixture, ask_start));
	assert_int_equal(fixture->master.count, 1);
}

static void
test_again_takes_the_source_that_was_built(void **state)
{
	struct fixture *fixture = *state;

	ended(forced(fixture, 1, ""), 4, 2, 10);
	assert_true(on_task(fixture, ask_again));
	assert_string_equal(fixture->build.token, "request 2");
	assert_non_null(strstr(fixture->master.last_body, "\"revision\":\"4f2a9c1\""));
	assert_non_null(strstr(fixture->master.last_body, "\"env\":\"staging\""));
}

/* Looking. */

static void
test_what_waits_says_how_many_are_before_it(void **state)
{
	struct fixture *fixture = *state;

	forced(fixture, 1, "");
	forced(fixture, 2, "");
	forced(fixture, 1, "");
	forced(fixture, 1, "");
	assert_true(on_task(fixture, ask_look));
	assert_int_equal(fixture->build.state, BUILD_QUEUED);
	assert_string_equal(fixture->build.job, "web");
	assert_int_equal(fixture->build.before, 2);
	assert_null(fixture->build.number);
}

static void
test_what_runs_says_its_step_and_how_long_it_should_take(void **state)
{
	struct fixture *fixture = *state;

	ended(forced(fixture, 1, ""), 411, 0, 228);
	ended(forced(fixture, 2, ""), 5, 0, 9);
	struct forced *one = forced(fixture, 1, "");
	one->claimed = true;
	one->number = 412;
	one->started = 1700001000;
	assert_true(on_task(fixture, ask_look));
	assert_int_equal(fixture->build.state, BUILD_RUNNING);
	assert_string_equal(fixture->build.number, "412");
	assert_string_equal(fixture->build.job, "web");
	assert_string_equal(fixture->build.step, "test");
	assert_int_equal(fixture->build.expected, 228000);
	assert_true(fixture->build.started == 1700001000000);
	assert_string_equal(fixture->build.url, arena_printf(fixture->arena, "http://127.0.0.1:%d/#/builders/1/builds/412", fixture->master.port));
}

static void
test_each_result_is_one_of_our_states(void **state)
{
	static const struct { int results; enum build_state state; const char *why; } cases[] = {
		{ 0, BUILD_PASSED, NULL }, { 1, BUILD_PASSED, NULL }, { 2, BUILD_FAILED, NULL }, { 3, BUILD_PASSED, NULL },
		{ 4, BUILD_FAILED, "an exception in Buildbot" }, { 6, BUILD_STOPPED, NULL },
		{ 7, BUILD_UNKNOWN, "it has ended, and Buildbot does not say how" } };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fixture->master.count = 0;
		ended(forced(fixture, 1, ""), 9, cases[i].results, 134);
		assert_true(on_task(fixture, ask_look));
		assert_int_equal(fixture->build.state, cases[i].state);
		assert_true(fixture->build.ended - fixture->build.started == 134000);
		assert_true(cases[i].why ? !strcmp(fixture->build.why, cases[i].why) : !fixture->build.why);
	}
}

static void
test_a_failure_names_the_first_step_that_failed(void **state)
{
	struct fixture *fixture = *state;

	fixture->master.failing_step = true;
	ended(forced(fixture, 1, ""), 9, 2, 134);
	assert_true(on_task(fixture, ask_look));
	assert_string_equal(fixture->build.step, "test");
}

static void
test_a_lost_worker_puts_the_request_back_into_the_queue(void **state)
{
	struct fixture *fixture = *state;
	struct forced *one;

	forced(fixture, 1, "");
	one = forced(fixture, 1, "");
	ended(one, 9, 5, 3);
	one->waits_again = true;
	assert_true(on_task(fixture, ask_look));
	assert_int_equal(fixture->build.state, BUILD_QUEUED);
	assert_int_equal(fixture->build.before, 1);
}

static void
test_a_request_that_was_taken_back_is_stopped(void **state)
{
	struct fixture *fixture = *state;

	ended(forced(fixture, 1, ""), 0, 6, 3);
	assert_true(on_task(fixture, ask_look));
	assert_int_equal(fixture->build.state, BUILD_STOPPED);
}

static void
test_who_stopped_it_is_read_from_what_we_told_it(void **state)
{
	struct fixture *fixture = *state;
	struct forced *one = forced(fixture, 1, "");

	ended(one, 9, 6, 3);
	one->state = "cancelled (stopped by alice) 'sh -c ...' (cancelled)";
	assert_true(on_task(fixture, ask_look));
	assert_string_equal(fixture->build.stopped_by, "alice");
	one->state = "cancelled 'sh -c ...' (cancelled)";
	assert_true(on_task(fixture, ask_look));
	assert_null(fixture->build.stopped_by);
}

static void
test_a_build_that_is_forgotten_there_is_unknown(void **state)
{
	struct fixture *fixture = *state;

	fixture->token = "request 77";
	assert_true(on_task(fixture, ask_look));
	assert_int_equal(fixture->build.state, BUILD_UNKNOWN);
	assert_string_equal(fixture->build.why, "Buildbot does not know it any more");
	fixture->token = "../builders";
	assert_false(on_task(fixture, ask_look));
}

static void
test_the_newest_come_first(void **state)
{
	struct fixture *fixture = *state;

	ended(forced(fixture, 1, ""), 411, 0, 228);
	ended(forced(fixture, 2, ""), 5, 0, 9);
	ended(forced(fixture, 1, ""), 412, 2, 100);
	assert_true(on_task(fixture, ask_latest));
	assert_int_equal(fixture->count, 2);
	assert_string_equal(fixture->builds[0].number, "412");
	assert_string_equal(fixture->builds[0].token, "request 3");
	assert_int_equal(fixture->builds[0].state, BUILD_FAILED);
	assert_string_equal(fixture->builds[1].token, "request 1");
}

/* Finding. */

static void
test_what_was_started_is_found_by_its_key(void **state)
{
	struct fixture *fixture = *state;

	forced(fixture, 1, "somebody else");
	ended(forced(fixture, 1, arena_printf(fixture->arena, "B31 [%s]", fixture->key)), 412, 0, 20);
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_IT);
	assert_string_equal(fixture->build.token, "request 2");
	assert_int_equal(fixture->build.state, BUILD_PASSED);
}

static void
test_none_is_said_only_when_nothing_can_be_on_its_way(void **state)
{
	struct fixture *fixture = *state;

	forced(fixture, 1, "somebody else");
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_UNCLEAR);
	fixture->key = "01ARZ3NDEKTSV4RRFFQ69G5FAV";    /* of years ago */
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_NONE);
}

static void
test_a_master_that_does_not_search_is_not_believed(void **state)
{
	struct fixture *fixture = *state;

	fixture->master.no_search = true;
	forced(fixture, 1, "somebody else");
	fixture->key = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_UNCLEAR);
	assert_string_equal(fixture->build.why, "Buildbot cannot search for it");
}

/* Stopping, logs. */

static void
test_a_build_is_stopped_and_a_request_taken_back(void **state)
{
	struct fixture *fixture = *state;
	struct forced *one = forced(fixture, 1, "");

	assert_true(on_task(fixture, ask_stop));
	assert_string_equal(fixture->master.last_post, "buildrequests/1 cancel");
	one->claimed = true;
	one->number = 412;
	assert_true(on_task(fixture, ask_stop));
	assert_string_equal(fixture->master.last_post, "builds/101 stop");
	assert_string_equal(fixture->master.last_body, "{\"reason\":\"stopped by alice\"}");
}

static void
test_the_log_is_what_the_failing_step_printed_itself(void **state)
{
	struct fixture *fixture = *state;

	fixture->master.failing_step = true;
	ended(forced(fixture, 1, ""), 9, 2, 134);
	assert_true(on_task(fixture, ask_log));
	assert_string_equal(fixture->log.text, "testing\ncart_total: expected 3, got 2\n\n");
	forced(fixture, 1, "");
	assert_false(on_task(fixture, ask_log));
	assert_string_equal(fixture->error.text, "it has not begun, so there is no log");
}

/* Nonsense, and a master that is not there. */

static void
test_nonsense_is_an_error_and_never_a_build(void **state)
{
	static const char *const nonsense[] = { "", "null", "[]", "{}", "<html>busy</html>", "{\"builders\":{},\"builds\":7,\"buildrequests\":\"x\"}",
		"{\"builders\":[null],\"builds\":[[]],\"buildrequests\":[7],\"forceschedulers\":[null,{}],\"buildsets\":[1],\"steps\":[0],\"logs\":[\"x\"]}",
		"{\"builders\":[{\"builderid\":\"1\",\"name\":7}],\"builds\":[{\"number\":\"x\",\"complete\":1,\"results\":{}}],\"result\":[1,{\"1\":\"x\"}]}",
		"{\"builds\":[", "{\"builds\":[],\"builds\":[]}" };
	void (*const asks[])(struct fixture *, struct task *) = { ask_describe, ask_start, ask_again, ask_find, ask_look, ask_stop, ask_log, ask_latest, ask_list };
	struct fixture *fixture = *state;

	fixture->token = "request 1";
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
		for (size_t j = 0; j < sizeof asks / sizeof *asks; j++) {
			fixture->master.broken = nonsense[i];
			fixture->token = "request 1";
			bool fine = on_task(fixture, asks[j]);
			assert_true(fine || fixture->error.text[0]);
			assert_false(fine && (asks[j] == ask_start || asks[j] == ask_again || asks[j] == ask_describe));
			assert_false(fine && asks[j] == ask_find && fixture->found == FOUND_IT);
		}
}

static void
test_a_master_that_is_away_is_a_failed_look_and_no_end(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, "user = \"bot\" password_file = \"password\"");
	const char *text = "buildbot \"ci\" { url = \"http://127.0.0.1:1\" }\n";
	const struct shape shape = { "buildbot", integration_buildbot.conf_size, integration_buildbot.settings, "", false };
	struct conf *conf = conf_read_text("x", text, strlen(text));
	void *filled = arena_take(conf_arena(conf), integration_buildbot.conf_size);
	conf_fill(conf, conf_next(conf_root(conf), NULL, "buildbot"), &shape, filled);
	fixture->buildbot = filled;
	fixture->token = "request 1";
	assert_false(on_task(fixture, ask_look));
	assert_non_null(strstr(fixture->error.text, "Buildbot"));
	assert_false(on_task(fixture, ask_start));
	assert_false(fixture->unsure);
	conf_free(conf);
}

static void
test_a_user_without_a_password_is_a_mistake(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, "user = \"bot\"");
	assert_int_equal(conf_mistakes(fixture->conf), 1);
	assert_non_null(strstr(conf_mistake_at(fixture->conf, 0), "user and password_file belong together"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_job_is_described_by_the_fields_of_its_scheduler),
		TEST(test_a_job_that_does_not_exist_or_may_not_be_built),
		TEST(test_the_list_has_each_job_once_and_only_those_allowed),
		TEST(test_a_build_is_forced_with_its_parameters_and_our_key),
		TEST(test_a_start_without_a_name_for_it_is_not_taken_for_a_failure),
		TEST(test_a_rehearsal_forces_nothing),
		TEST(test_a_refusal_is_told_in_its_own_words),
		TEST(test_a_wrong_password_is_said_and_nothing_is_asked),
		TEST(test_a_master_closed_to_strangers_is_logged_in_to_for_looking),
		TEST(test_again_takes_the_source_that_was_built),
		TEST(test_what_waits_says_how_many_are_before_it),
		TEST(test_what_runs_says_its_step_and_how_long_it_should_take),
		TEST(test_each_result_is_one_of_our_states),
		TEST(test_a_failure_names_the_first_step_that_failed),
		TEST(test_a_lost_worker_puts_the_request_back_into_the_queue),
		TEST(test_a_request_that_was_taken_back_is_stopped),
		TEST(test_who_stopped_it_is_read_from_what_we_told_it),
		TEST(test_a_build_that_is_forgotten_there_is_unknown),
		TEST(test_the_newest_come_first),
		TEST(test_what_was_started_is_found_by_its_key),
		TEST(test_none_is_said_only_when_nothing_can_be_on_its_way),
		TEST(test_a_master_that_does_not_search_is_not_believed),
		TEST(test_a_build_is_stopped_and_a_request_taken_back),
		TEST(test_the_log_is_what_the_failing_step_printed_itself),
		TEST(test_nonsense_is_an_error_and_never_a_build),
		TEST(test_a_master_that_is_away_is_a_failed_look_and_no_end),
		TEST(test_a_user_without_a_password_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
