/* buildbot: a Buildbot master, 3.x: what its force schedulers can start, followed over its REST API.
 *
 * A build is known by its request: that is what forcing gives, before there is a build, and it stays. The credential goes to
 * /auth/login alone, which gives a cookie; the API itself knows nothing of HTTP Basic. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/json.h"
#include "bridge/base/pattern.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/base/url.h"
#include "bridge/integration.h"
#include "bridge/run/http.h"
#include "bridge/run/task.h"
#include "integrations/kinds/ci.h"

enum {
	FIELDS_MOST = 100,              /* of a force scheduler */
	FIELDS_DEEP = 6,
	CHOICES_MOST = 200,
	NAMES_MOST = 2000,
	STEPS_MOST = 1000,
	QUEUE_MOST = 200,               /* requests that are counted before ours */
	LOG_LEAST = 200,                /* lines that are read of a log, for there are many that say nothing */
	COOKIE_MOST = 4096,
	LATE = 60 * 1000,               /* ms after which a master has taken what it was sent, or never will */
	FIRST_LOOK = 1000,
};

/* Its result codes. */
enum result { SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED };

struct buildbot {
	const char *name, *url, *user, *ca_file, *scheduler;
	struct where where;
	const struct secret *password;
	struct list jobs;
	bool insecure;
};

static const struct setting settings[] = {
	SETTING(buildbot, name,      TYPE_TITLE,  NULL,          "How it is typed: NAME build JOB."),
	SETTING(buildbot, where,     TYPE_WHERE,  NULL,          NULL),
	SETTING(buildbot, ca_file,   TYPE_PATH,   NULL,          "Whose certificates are believed; the system's where none is named."),
	SETTING(buildbot, insecure,  TYPE_FLAG,   "no",          "Whether the password may travel in clear."),
	SETTING(buildbot, jobs,      TYPE_LIST,   NULL,          "Builders that may be built, with * and ?; none named: all."),
	SETTING(buildbot, password,  TYPE_SECRET, NULL,          "The user's password."),
	SETTING(buildbot, scheduler, TYPE_TEXT,   NULL,          "The force scheduler to use, where several could start a builder."),
	SETTING(buildbot, url,       TYPE_URL,    CONF_REQUIRED, "Where the master's pages are."),
	SETTING(buildbot, user,      TYPE_TEXT,   NULL,          "Who we log in as."),
	{ 0 }
};

static void
check(struct conf *conf, const struct section *section, void *filled)
{
	const struct buildbot *buildbot = filled;

	if (!buildbot->user != !buildbot->password)
		conf_mistake(conf, buildbot->where, section, "user and password_file belong together; write both, or none.");
}

static const char *
url_of(const void *conf)
{
	return ((const struct buildbot *)conf)->url;
}

/* Talking to it. */

struct session {
	struct task *task;
	const struct buildbot *buildbot;
	struct http_service service;
	const char *cookie;             /* NULL: not logged in */
};

static struct session
session_with(struct task *task, const void *conf)
{
	const struct buildbot *buildbot = conf;

	return (struct session){ .task = task, .buildbot = buildbot, .service = { .name = "Buildbot", .url = buildbot->url, .user = buildbot->user,
		.secret = buildbot->password, .ca_file = buildbot->ca_file } };
}

/* The last one counts: the first of the answer is that of nobody. */
static const char *
cookie_of(struct task *task, const struct http_response *answer)
{
	static const char name[] = "TWISTED_SESSION=";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-=";
	const char *cookie = NULL;

	for (const struct http_header *header = answer->headers; header && header->name; header++)
		if (!strcasecmp(header->name, "Set-Cookie") && !strncmp(header->value, name, sizeof name - 1)) {
			size_t length = strspn(header->value + sizeof name - 1, letters);
			if (length > 0 && length < COOKIE_MOST)
				cookie = arena_slice(task->arena, header->value, sizeof name - 1 + length);
		}
	return cookie;
}

static bool
login(struct session *session)
{
	struct task *task = session->task;
	struct http_request request = { .service = &session->service, .url = url_make(task->arena, session->buildbot->url, "auth", "login", NULL) };
	struct http_response answer;

	if (!session->buildbot->user || session->cookie)
		return true;
	if (!http_send(task, &request, &answer))
		return false;
	if (answer.status == 401 || answer.status == 403)
		return task_fail(task, "Buildbot refused to log in %s: look at user and password_file of %s", session->buildbot->user, session->buildbot->name);
	if (answer.status != 302 && answer.status != 200)
		return http_refused(task, &request, &answer);
	session->cookie = cookie_of(task, &answer);
	return session->cookie || task_fail(task, "Buildbot let %s log in and gave no session: is it a version 3?", session->buildbot->user);
}

static struct json_object *
read_answer(struct task *task, const struct http_response *answer)
{
	struct json_object *object = json_read(task->arena, answer->body, answer->length, &task->error);

	if (!object)
		task_fail(task, "Buildbot answered with what cannot be read: %s", text_cut(task->arena, task->error.text, 200));
	return object;
}

/* One request to the API. False where it was not answered at all. */
static bool
ask(struct session *session, struct http_request *request, struct http_response *answer)
{
	struct http_header headers[] = { { "Accept", "application/json" }, { "Cookie", session->cookie }, { NULL, NULL } };

	if (!session->cookie)
		headers[1] = (struct http_header){ NULL, NULL };
	request->service = &session->service;
	request->headers = headers;
	request->anonymous = true;
	bool sent = http_send(session->task, request, answer);
	request->headers = NULL;
	return sent;
}

/* What a path says. NULL with the task's error; where there is no such thing, *missing and no error. */
static struct json_object *
get(struct session *session, const char *url, bool *missing)
{
	struct task *task = session->task;
	struct http_request request = { .url = url };
	struct http_response answer;

	*missing = false;
	if (!url) {
		*missing = true;
		return NULL;
	}
	if (!ask(session, &request, &answer))
		return NULL;
	/* A master that shows nothing to strangers. */
	if ((answer.status == 401 || answer.status == 403) && session->buildbot->user && !session->cookie
	    && (!login(session) || !ask(session, &request, &answer)))
		return NULL;
	if (answer.status == 404) {
		*missing = true;
		return NULL;
	}
	if (answer.status != 200) {
		http_refused(task, &request, &answer);
		return NULL;
	}
	return read_answer(task, &answer);
}

/* The same where it must be there: "builders" gives the answer to GET api/v2/builders. */
static struct json_object *
get_some(struct session *session, const char *url)
{
	bool missing;
	struct json_object *object = get(session, url, &missing);

	if (missing)
		task_fail(session->task, "Buildbot has no such page: is %s the address of a master, version 3?", session->buildbot->url);
	return object;
}

static char *
api(const struct session *session, const char *part, const char *id, const char *more)
{
	return url_make(session->task->arena, session->buildbot->url, "api", "v2", part, id, more, NULL);
}

static char *
number(struct task *task, int64_t value)
{
	return task_text(task, "%" PRId64, value);
}

/* The sentences of a refusal: { field: sentence }, or one alone. */
static char *
refusal(struct task *task, struct json_object *answer)
{
	struct json_object *message = json_at(answer, "error.message");
	struct text text = text_in(task->arena, 300);

	if (json_object_is_type(message, json_type_string))
		return text_clean(task->arena, json_object_get_string(message), strlen(json_object_get_string(message)));
	if (!json_object_is_type(message, json_type_object))
		return NULL;
	json_object_object_foreach(message, field, sentence) {
		const char *words = json_object_is_type(sentence, json_type_string) ? json_object_get_string(sentence) : "refused";
		size_t length = strlen(field);
		/* Some of them begin with the name already. */
		if (!strncmp(words, field, length) && words[length] == ':')
			words += length + 1;
		text_printf(&text, "%s%s: %s", text.length ? "; " : "", field, words);
	}
	return text_clean(task->arena, text.bytes, text.length);
}

/* Calls a method that changes something. *result is the answer's; NULL where it gave none. */
static bool
call(struct session *session, const char *url, const char *method, struct json_object *parameters, struct json_object **result)
{
	struct task *task = session->task;
	struct json_object *body = json_new_object(task->arena);
	struct http_response answer;

	json_set(body, "jsonrpc", "2.0");
	json_set(body, "method", method);
	json_set_integer(body, "id", 1);
	json_object_object_add(body, "params", json_object_get(parameters));
	struct http_request request = { .method = "POST", .url = url, .body = json_write(body) };
	if (!url || !login(session) || !ask(session, &request, &answer))
		return url ? false : task_fail(task, "Buildbot cannot have a thing of that name");
	struct json_object *object = json_read(task->arena, answer.body, answer.length, NULL);
	char *words = refusal(task, object);
	if (answer.status >= 400 && words)
		return task_fail(task, "Buildbot refused: %s", text_cut(task->arena, words, 300));
	if (answer.status != 200)
		return http_refused(task, &request, &answer);
	*result = json_at(object, "result");
	return true;
}

/* Builders and their force schedulers. */

static bool
is_allowed(const struct buildbot *buildbot, const char *job)
{
	bool allowed = !buildbot->jobs.count;

	for (size_t i = 0; i < buildbot->jobs.count; i++)
		allowed = allowed || text_glob(buildbot->jobs.each[i], job);
	return allowed;
}

/* The builder's number; -1 with the task's error. */
static int64_t
builder_id(struct session *session, const char *job)
{
	struct task *task = session->task;

	if (!is_allowed(session->buildbot, job)) {
		task_fail(task, "Buildbot's job %s is not among the jobs of %s", text_cut(task->arena, job, 60), session->buildbot->name);
		return -1;
	}
	struct json_object *found = get_some(session, url_query(task->arena, api(session, "builders", NULL, NULL), "name", job));
	int64_t id = json_integer(found, "builders.0.builderid", -1);
	if (found && (id < 0 || strcmp(json_string(found, "builders.0.name", ""), job) != 0)) {
		task_fail(task, "Buildbot has no job called %s", text_cut(task->arena, job, 60));
		return -1;
	}
	return id;
}

/* The force scheduler that starts the builder; NULL with the task's error. */
static struct json_object *
scheduler_of(struct session *session, const char *job, int64_t builder)
{
	struct task *task = session->task;
	const char *wanted = session->buildbot->scheduler;
	struct json_object *all = get_some(session, api(session, "builders", number(task, builder), "forceschedulers"));

	for (size_t i = 0; all && i < json_count(all, "forceschedulers"); i++) {
		struct json_object *one = json_object_array_get_idx(json_at(all, "forceschedulers"), i);
		const char *name = json_string(one, "name", "");
		if (json_true(one, "enabled") && *name && (!wanted || !strcmp(wanted, name)))
			return one;
	}
	if (all && wanted)
		task_fail(task, "Buildbot's scheduler %s does not start %s", wanted, job);
	else if (all)
		task_fail(task, "Buildbot has no force scheduler for %s, so it cannot be started from here", job);
	return NULL;
}

/* What people may give, out of its fields. */
struct fields {
	struct task *task;
	struct job_param *params;
	size_t count;
};

static const char *
text_default(struct task *task, struct json_object *field)
{
	struct json_object *value = json_at(field, "default");

	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value) ? "yes" : "no";
	if (!json_object_is_type(value, json_type_string) && !json_object_is_type(value, json_type_int))
		return NULL;
	const char *text = json_object_get_string(value);
	return *text ? arena_text(task->arena, text) : NULL;
}

static const char *const *
choices_of(struct task *task, struct json_object *field)
{
	size_t count = json_count(field, "choices"), kept = 0;
	const char **choices = arena_take(task->arena, (CHOICES_MOST + 1) * sizeof *choices);

	for (size_t i = 0; i < count && kept < CHOICES_MOST; i++) {
		struct json_object *one = json_object_array_get_idx(json_at(field, "choices"), i);
		if (json_object_is_type(one, json_type_string))
			choices[kept++] = json_object_get_string(one);
	}
	/* Not strict: the choices are proposals. More than we keep: the master decides. */
	return kept && kept == count && json_true(field, "strict") ? choices : NULL;
}

static void
add_number(struct task *task, struct json_object *field, struct job_param *param)
{
	(void)field;
	param->pattern_text = "a whole number";
	param->pattern = pattern_compile(task->arena, "-?[0-9]{1,18}", NULL);
	param->dash = true;
}

static void
add_choices(struct task *task, struct json_object *field, struct job_param *param)
{
	param->choices = choices_of(task, field);
}

static void
add_flag(struct task *task, struct json_object *field, struct job_param *param)
{
	static const char *const yes_no[] = { "yes", "no", NULL };

	(void)task;
	(void)field;
	param->choices = yes_no;
}

/* The kinds of fields that can be typed in a chat. Others (files, nested builds, fixed texts) keep what the scheduler has. */
static const struct {
	const char *type;
	void (*add)(struct task *, struct json_object *, struct job_param *);
} kinds[] = {
	{ "bool",     add_flag },
	{ "int",      add_number },
	{ "list",     add_choices },
	{ "text",     NULL },           /* its pattern, which Buildbot does not tell, is checked there */
	{ "textarea", NULL },
};

static void
add_field(struct fields *fields, struct json_object *field)
{
	const char *type = json_string(field, "type", ""), *name = json_string(field, "fullName", NULL), *label = json_string(field, "label", NULL);

	/* The reason is ours: it carries the key by which the build is found again. */
	if (!name || !*name || json_true(field, "hide") || !strcmp(name, "reason") || !strcmp(name, "owner") || !strcmp(name, "builderid")
	    || fields->count == FIELDS_MOST)
		return;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		struct job_param *param = &fields->params[fields->count++];
		*param = (struct job_param){ .name = arena_text(fields->task->arena, name), .fallback = text_default(fields->task, field) };
		param->required = json_true(field, "required") && !param->fallback;
		param->about = label && strcmp(label, name) != 0 ? label : NULL;
		if (kinds[i].add)
			kinds[i].add(fields->task, field, param);
	}
}

static void
add_fields(struct fields *fields, struct json_object *list, unsigned depth)
{
	if (!json_object_is_type(list, json_type_array) || depth == FIELDS_DEEP)
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *field = json_object_array_get_idx(list, i);
		if (json_count(field, "fields"))
			add_fields(fields, json_at(field, "fields"), depth + 1);
		else
			add_field(fields, field);
	}
}

static const struct job_param *
params_of(struct task *task, struct json_object *scheduler)
{
	struct fields fields = { .task = task, .params = arena_take(task->arena, (FIELDS_MOST + 1) * sizeof(struct job_param)) };

	add_fields(&fields, json_at(scheduler, "all_fields"), 0);
	return fields.params;
}

static bool
describe(struct task *task, const void *conf, const char *name, struct job *out)
{
	struct session session = session_with(task, conf);
	int64_t builder = builder_id(&session, name);
	struct json_object *scheduler = builder >= 0 ? scheduler_of(&session, name, builder) : NULL;

	if (!scheduler)
		return false;
	/* Buildbot takes no notice of a parameter that it does not know: so we refuse it. */
	*out = (struct job){ .name = arena_text(task->arena, name), .params = params_of(task, scheduler), .strict = true };
	return true;
}

static bool
is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool
list(struct task *task, const void *conf, const char *const **names)
{
	struct session session = session_with(task, conf);
	const char **each = arena_take(task->arena, (NAMES_MOST + 1) * sizeof *each);
	char *url = api(&session, "forceschedulers", NULL, NULL);
	size_t count = 0;

	url = url_query(task->arena, url_query(task->arena, url, "field", "name"), "field", "builder_names");
	struct json_object *all = get_some(&session, url_query(task->arena, url, "field", "enabled"));
	for (size_t i = 0; i < json_count(all, "forceschedulers"); i++) {
		struct json_object *one = json_object_array_get_idx(json_at(all, "forceschedulers"), i);
		for (size_t j = 0; json_true(one, "enabled") && j < json_count(one, "builder_names"); j++) {
			struct json_object *name = json_object_array_get_idx(json_at(one, "builder_names"), j);
			const char *text = json_object_is_type(name, json_type_string) ? json_object_get_string(name) : "";
			if (*text && count < NAMES_MOST && is_allowed(conf, text) && !is_among(each, count, text))
				each[count++] = text;
		}
	}
	*names = each;
	return all != NULL;
}

/* Starting. */

static const struct job_param *
param_of(const struct job_param *params, const char *name)
{
	for (; params->name; params++)
		if (!strcmp(params->name, name))
			return params;
	return NULL;
}

static void
set_parameters(struct json_object *out, const struct job_param *params, const struct named *values)
{
	for (; values && values->name; values++) {
		const struct job_param *param = param_of(params, values->name);
		bool flag = param && param->choices && !strcmp(param->choices[0], "yes") && !strcmp(param->choices[1], "no") && !param->choices[2];
		if (!param)
			continue;
		if (flag)
			json_object_object_add(out, values->name, json_object_new_boolean(!strcmp(values->value, "yes")));
		else
			json_set(out, values->name, values->value);
	}
}

static char *
token_of(struct task *task, int64_t request)
{
	return task_text(task, "request %" PRId64, request);
}

/* The number in "request 12"; -1 where it is none. */
static int64_t
request_of(const char *token)
{
	static const char word[] = "request ";
	const char *digits = token && !strncmp(token, word, sizeof word - 1) ? token + sizeof word - 1 : "";

	return *digits && strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 18 ? (int64_t)atoll(digits) : -1;
}

static char *
reason(struct task *task, const struct ci_request *wanted)
{
	return task_text(task, "%s%sfor %s [%s]", wanted->label ? wanted->label : "", wanted->label ? " " : "", wanted->by, wanted->key);
}

/* `revision`: what to build it from, where the scheduler lets that be chosen; NULL: what the parameters say. */
static bool
force(struct task *task, const struct ci_request *wanted, const char *revision, struct build *out)
{
	struct session session = session_with(task, wanted->conf);
	int64_t builder = builder_id(&session, wanted->job);
	struct json_object *scheduler = builder >= 0 ? scheduler_of(&session, wanted->job, builder) : NULL, *result = NULL;
	struct json_object *parameters = json_new_object(task->arena);

	if (!scheduler)
		return false;
	const struct job_param *params = params_of(task, scheduler);
	if (revision && param_of(params, "revision"))
		json_set(parameters, "revision", revision);
	set_parameters(parameters, params, wanted->parameters);
	json_set_integer(parameters, "builderid", builder);
	json_set(parameters, "reason", reason(task, wanted));
	if (!call(&session, api(&session, "forceschedulers", json_string(scheduler, "name", ""), NULL), "force", parameters, &result))
		return false;
	int64_t request = json_integer(json_at(result, "1"), number(task, builder), -1);
	if (request < 0) {
		task->unsure = true;
		return task_fail(task, "Buildbot took %s and did not say which build it is", wanted->job);
	}
	*out = (struct build){ .token = token_of(task, request), .state = BUILD_QUEUED, .job = wanted->job };
	return true;
}

static bool
start(struct task *task, const struct ci_request *wanted, struct build *out)
{
	return force(task, wanted, NULL, out);
}

/* Looking. */

static const struct { enum build_state state; const char *why; } meanings[] = {
	[SUCCESS]   = { BUILD_PASSED,  NULL },
	[WARNINGS]  = { BUILD_PASSED,  NULL },
	[FAILURE]   = { BUILD_FAILED,  NULL },
	[SKIPPED]   = { BUILD_PASSED,  NULL },
	[EXCEPTION] = { BUILD_FAILED,  "an exception in Buildbot" },
	[RETRY]     = { BUILD_QUEUED,  NULL },          /* its worker was lost: the request gets another build */
	[CANCELLED] = { BUILD_STOPPED, NULL },
};

static void
set_result(struct build *build, int64_t result)
{
	if (result >= 0 && (size_t)result < sizeof meanings / sizeof *meanings) {
		build->state = meanings[result].state;
		build->why = meanings[result].why;
		return;
	}
	build->state = BUILD_UNKNOWN;
	build->why = "it has ended, and Buildbot does not say how";
}

/* "cancelled (stopped by alice) 'make'": the words that stop() gave it. */
static void
set_stopper(struct task *task, struct build *build, const char *state)
{
	static const char words[] = "(stopped by ";
	const char *from = strstr(state, words);

	if (from)
		build->stopped_by = arena_slice(task->arena, from + sizeof words - 1, strcspn(from + sizeof words - 1, ")"));
}

/* From what GET builds says of one. */
static void
set_build(struct session *session, struct json_object *one, struct build *build)
{
	struct task *task = session->task;
	const char *job = json_string(one, "properties.buildername.0", NULL);

	build->job = job ? job : build->job;
	build->number = number(task, json_integer(one, "number", 0));
	build->started = 1000 * json_integer(one, "started_at", 0);
	build->ended = 1000 * json_integer(one, "complete_at", 0);
	build->url = task_text(task, "%s/#/builders/%" PRId64 "/builds/%" PRId64, session->buildbot->url, json_integer(one, "builderid", 0),
		json_integer(one, "number", 0));
	build->state = BUILD_RUNNING;
	if (json_true(one, "complete"))
		set_result(build, json_integer(one, "results", -1));
	if (build->state == BUILD_STOPPED)
		set_stopper(task, build, json_string(one, "state_string", ""));
}

/* The step that matters: the first that failed, else the one that runs, else the last. */
static struct json_object *
step_of(struct session *session, int64_t build_id)
{
	struct json_object *all = get_some(session, api(session, "builds", number(session->task, build_id), "steps")), *last = NULL;
	size_t count = json_count(all, "steps");

	for (size_t i = 0; i < count && i < STEPS_MOST; i++) {
		struct json_object *one = json_object_array_get_idx(json_at(all, "steps"), i);
		int64_t result = json_integer(one, "results", -1);
		if (json_true(one, "hidden"))
			continue;
		if (result == FAILURE || result == EXCEPTION)
			return one;
		last = one;
	}
	return last;
}

static void
set_step(struct session *session, int64_t build_id, struct build *build)
{
	struct json_object *step = build->state == BUILD_RUNNING || build->state == BUILD_FAILED ? step_of(session, build_id) : NULL;
	int64_t result = json_integer(step, "results", -1);

	/* A look is not worse for a step that is not known. */
	session->task->error.text[0] = '\0';
	if (build->state == BUILD_RUNNING || result == FAILURE || result == EXCEPTION)
		build->step = json_string(step, "name", NULL);
}

/* As long as the last one that went well. */
static void
set_expected(struct session *session, int64_t builder, struct build *build)
{
	struct arena *arena = session->task->arena;
	char *url = url_query(arena, api(session, "builds", NULL, NULL), "builderid", number(session->task, builder));

	url = url_query(arena, url_query(arena, url_query(arena, url, "results", "0"), "order", "-number"), "limit", "1");
	struct json_object *last = get_some(session, url);
	int64_t from = json_integer(last, "builds.0.started_at", 0), to = json_integer(last, "builds.0.complete_at", 0);
	session->task->error.text[0] = '\0';
	build->expected = from > 0 && to > from ? 1000 * (to - from) : 0;
}

static void
set_before(struct session *session, int64_t builder, int64_t request, struct build *build)
{
	struct arena *arena = session->task->arena;
	char *url = url_query(arena, api(session, "buildrequests", NULL, NULL), "builderid", number(session->task, builder));

	url = url_query(arena, url_query(arena, url_query(arena, url, "claimed", "false"), "complete", "false"), "limit", number(session->task, QUEUE_MOST));
	struct json_object *all = get_some(session, url);
	session->task->error.text[0] = '\0';
	for (size_t i = 0; i < json_count(all, "buildrequests"); i++) {
		int64_t other = json_integer(json_object_array_get_idx(json_at(all, "buildrequests"), i), "buildrequestid", request);
		build->before += other < request;
	}
}

/* The builds that a request got, the last one first; NULL with the task's error. */
static struct json_object *
builds_of(struct session *session, int64_t request)
{
	struct arena *arena = session->task->arena;
	char *url = url_query(arena, api(session, "builds", NULL, NULL), "buildrequestid", number(session->task, request));

	url = url_query(arena, url_query(arena, url, "order", "-number"), "property", "buildername");
	return get_some(session, url_query(arena, url, "property", "got_revision"));
}

/* A request that has no build, or whose build is given up. */
static bool
look_at_request(struct session *session, int64_t request, struct build *build)
{
	struct task *task = session->task;
	bool missing;
	struct json_object *answer = get(session, api(session, "buildrequests", number(task, request), NULL), &missing);
	struct json_object *one = json_at(answer, "buildrequests.0"), *builder;

	if (missing) {
		build->state = BUILD_UNKNOWN;
		build->why = "Buildbot does not know it any more";
		return true;
	}
	if (!one)
		return answer ? task_fail(task, "Buildbot said nothing of request %" PRId64, request) : false;
	int64_t id = json_integer(one, "builderid", 0);
	builder = get(session, api(session, "builders", number(task, id), NULL), &missing);
	build->job = json_string(builder, "builders.0.name", build->job);
	build->state = BUILD_QUEUED;
	if (json_true(one, "complete")) {
		set_result(build, json_integer(one, "results", -1));
		build->ended = 1000 * json_integer(one, "complete_at", 0);
	} else
		set_before(session, id, request, build);
	return !task->cancelled;
}

static bool
look(struct task *task, const void *conf, struct build *build)
{
	struct session session = session_with(task, conf);
	int64_t request = request_of(build->token);
	struct json_object *all = request >= 0 ? builds_of(&session, request) : NULL, *one = json_at(all, "builds.0");

	if (request < 0)
		return task_fail(task, "%s is no build of Buildbot", text_cut(task->arena, build->token, 60));
	if (!all)
		return false;
	if (one)
		set_build(&session, one, build);
	/* A worker that was lost: the request waits again, unless somebody took it back. */
	if (!one || build->state == BUILD_QUEUED)
		return look_at_request(&session, request, build);
	set_step(&session, json_integer(one, "buildid", 0), build);
	if (build->state == BUILD_RUNNING)
		set_expected(&session, json_integer(one, "builderid", 0), build);
	return !task->cancelled;
}

static bool
latest(struct task *task, const void *conf, const char *job, struct build *out, size_t most, size_t *count)
{
	struct session session = session_with(task, conf);
	int64_t builder = builder_id(&session, job);

	if (builder < 0)
		return false;
	char *url = url_query(task->arena, api(&session, "builds", NULL, NULL), "builderid", number(task, builder));
	url = url_query(task->arena, url_query(task->arena, url, "order", "-number"), "limit", number(task, (int64_t)most));
	struct json_object *all = get_some(&session, url);
	for (*count = 0; *count < most && *count < json_count(all, "builds"); ++*count) {
		struct json_object *one = json_object_array_get_idx(json_at(all, "builds"), *count);
		out[*count] = (struct build){ .token = token_of(task, json_integer(one, "buildrequestid", 0)), .job = job };
		set_build(&session, one, &out[*count]);
	}
	return all != NULL;
}

/* The request whose reason holds our key. */
static bool
find(struct task *task, const struct ci_request *wanted, struct build *out, enum found *found)
{
	struct session session = session_with(task, wanted->conf);
	struct arena *arena = task->arena;
	char *url = url_query(arena, api(&session, "buildsets", NULL, NULL), "reason__contains", wanted->key);
	struct json_object *sets = get_some(&session, url_query(arena, url, "limit", "2"));
	struct json_object *set = json_at(sets, "buildsets.0");

	*out = (struct build){ .job = wanted->job };
	if (!sets)
		return false;
	/* One that does not hold it: then this master does not search by it, and "none" would be a guess. */
	bool searched = !set || strstr(json_string(set, "reason", ""), wanted->key);
	if (!set || !searched) {
		bool late = ulid_valid(wanted->key) && clock_wall() - ulid_time(wanted->key) > LATE;
		*found = searched && late ? FOUND_NONE : FOUND_UNCLEAR;
		out->why = searched ? "Buildbot has no such build yet" : "Buildbot cannot search for it";
		return true;
	}
	url = url_query(arena, api(&session, "buildrequests", NULL, NULL), "buildsetid", number(task, json_integer(set, "bsid", 0)));
	struct json_object *requests = get_some(&session, url);
	if (!requests || !json_at(requests, "buildrequests.0"))
		return requests ? task_fail(task, "Buildbot has it and does not say as which build") : false;
	out->token = token_of(task, json_integer(requests, "buildrequests.0.buildrequestid", 0));
	*found = FOUND_IT;
	return look(task, wanted->conf, out);
}

/* With the source that it had, where the scheduler lets that be chosen. */
static bool
again(struct task *task, const struct ci_request *wanted, const struct build *build, struct build *out)
{
	struct session session = session_with(task, wanted->conf);
	int64_t request = request_of(build->token);
	struct json_object *all = request >= 0 ? builds_of(&session, request) : NULL;
	const char *revision = json_string(all, "builds.0.properties.got_revision.0", NULL);

	if (request >= 0 && !all)
		return false;
	return force(task, wanted, revision && *revision ? revision : NULL, out);
}

/* Logs. */

/* Each line of a program's log begins with who wrote it: o and e the program, h Buildbot itself. */
static void
strip(struct text *out, const char *content)
{
	while (*content) {
		size_t length = strcspn(content, "\n"), whole = length + (content[length] == '\n');
		if (length && *content != 'h')
			text_add_bytes(out, content + 1, whole - 1);
		content += whole;
	}
}

static bool
read_log(struct session *session, struct json_object *log, size_t lines, struct ci_log *out)
{
	struct task *task = session->task;
	int64_t have = json_integer(log, "num_lines", 0), want = (int64_t)(lines > LOG_LEAST ? lines : LOG_LEAST);
	char *url = api(session, "logs", number(task, json_integer(log, "logid", 0)), "contents");
	struct text text = text_in(task->arena, 1 << 20);

	url = url_query(task->arena, url, "offset", number(task, have > want ? have - want : 0));
	struct json_object *chunks = get_some(session, url_query(task->arena, url, "limit", number(task, want)));
	bool told = !strcmp(json_string(log, "type", ""), "s");
	for (size_t i = 0; i < json_count(chunks, "logchunks"); i++) {
		const char *content = json_string(json_object_array_get_idx(json_at(chunks, "logchunks"), i), "content", "");
		if (told)
			strip(&text, content);
		else
			text_add(&text, content);
	}
	out->text = text.bytes;
	out->length = text.length;
	/* How many of the lines are the program's own is not known. */
	out->lines = told ? 0 : (size_t)have;
	return chunks != NULL;
}

/* What the step printed; else the first log it has. */
static struct json_object *
log_of_step(struct session *session, int64_t step)
{
	struct json_object *all = get_some(session, api(session, "steps", number(session->task, step), "logs"));

	for (size_t i = 0; i < json_count(all, "logs"); i++) {
		struct json_object *one = json_object_array_get_idx(json_at(all, "logs"), i);
		if (!strcmp(json_string(one, "slug", ""), "stdio"))
			return one;
	}
	return json_at(all, "logs.0");
}

static bool
log_of(struct task *task, const void *conf, const struct build *build, size_t lines, struct ci_log *out)
{
	struct session session = session_with(task, conf);
	int64_t request = request_of(build->token);
	struct json_object *all = request >= 0 ? builds_of(&session, request) : NULL, *one = json_at(all, "builds.0");

	*out = (struct ci_log){ .text = "", .url = build->url };
	if (!one)
		return all ? task_fail(task, "it has not begun, so there is no log") : false;
	struct json_object *step = step_of(&session, json_integer(one, "buildid", 0));
	if (!step)
		return !task->error.text[0];
	struct json_object *log = log_of_step(&session, json_integer(step, "stepid", 0));
	if (!log)
		return !task->error.text[0];
	return read_log(&session, log, lines, out);
}

/* Stopping: a build that runs is stopped, a request that waits is taken back. */
static bool
stop(struct task *task, const void *conf, const struct build *build, const char *by)
{
	struct session session = session_with(task, conf);
	int64_t request = request_of(build->token);
	struct json_object *all = request >= 0 ? builds_of(&session, request) : NULL, *one = json_at(all, "builds.0"), *result;
	struct json_object *parameters = json_new_object(task->arena);

	if (!all)
		return request >= 0 ? false : task_fail(task, "%s is no build of Buildbot", text_cut(task->arena, build->token, 60));
	json_set(parameters, "reason", task_text(task, "stopped by %s", by));
	if (one && !json_true(one, "complete"))
		return call(&session, api(&session, "builds", number(task, json_integer(one, "buildid", 0)), NULL), "stop", parameters, &result);
	return call(&session, api(&session, "buildrequests", number(task, request), NULL), "cancel", parameters, &result);
}

static const struct ci ci = {
	.describe = describe, .start = start, .find = find, .look = look, .log = log_of, .stop = stop, .again = again, .list = list,
	.latest = latest, .shown = "Buildbot", .first_look_ms = FIRST_LOOK,
};

const struct integration integration_buildbot = {
	.name = "buildbot", .about = "A Buildbot master.", .conf_size = sizeof(struct buildbot), .settings = settings,
	.check = check, .url = url_of, .ci = &ci,
};
