/* ci: the verbs that people type at a CI system, the same for every vendor. */
#include "integrations/kinds/ci.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/living.h"
#include "bridge/work/request.h"
#include "integrations/kinds/ci_card.h"
#include "integrations/kinds/ci_follow.h"
#include "integrations/kinds/ci_params.h"

enum {
	DAY = 24 * 3600 * 1000,
	GIVE_UP_DAYS = 7,
	WATCH_DAYS = 3650,
	FIRST_LOOK = 500,
	NAMES_MOST = 1000,              /* of jobs in one answer */
	SHOWN_MOST = 60,                /* bytes of a word that is repeated */
	LIST_MOST = 1500,               /* bytes of their names */
	QUERY_MOST = 100,               /* lines of a log */
	WHOLE_MOST = 5000,              /* the same, as a file */
};

static const struct ci *
driver_of(const struct request *request)
{
	return request->driver;
}

static const char *
shown(const struct request *request, const char *word)
{
	return text_cut(request->task->arena, text_clean(request->task->arena, word, strlen(word)), SHOWN_MOST);
}

/* Jobs. */

/* The job that the word names. Where the service has none, what may have been meant. */
static bool
find_job(struct request *request, const char *name, struct job *out)
{
	struct task *task = request->task;
	const struct ci *ci = driver_of(request);
	const char *const *names;

	*out = (struct job){ 0 };
	if (ci->describe(task, request_conf(request), name, out))
		return true;
	const char *why = task_text(task, "%s", task->error.text);
	if (task->cancelled || !ci->list(task, request_conf(request), &names))
		return false;
	for (size_t i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return task_fail(task, "%s", why);
	const char *near = text_nearest(name, names);
	return near ? task_fail(task, "%s has no job %s. Did you mean %s", request->instance->name, shown(request, name), near)
		: task_fail(task, "%s has no job %s. %s%s list shows them", request->instance->name, shown(request, name), request->talk->prefix, request->instance->name);
}

static bool
suits(struct request *request)
{
	const char *name = request_param(request, "JOB");
	struct job job;

	if (!name)
		name = request_param(request, "BUILD");
	return name && !label_shaped(name) && driver_of(request)->describe(request->task, request_conf(request), name, &job);
}

/* Parameters. */

/* The command as it would work with this one added: everything that was typed, and an example for what is missing. */
static const char *
with_example(struct request *request, const struct job *job, const struct job_param *missing)
{
	struct text text = text_in(request->task->arena, 300);

	text_printf(&text, "%s%s build %s", request->talk->prefix, request->instance->name, job->name);
	for (size_t i = 0; i < request->typed && i < request->count; i++)
		if (!request_is_param(request, request->args[i].name))
			text_printf(&text, " %s=%s", request->args[i].name, shown(request, request->args[i].value));
	text_printf(&text, " %s=%s", missing->name, ci_example(missing));
	return text.bytes;
}

static bool
no_such_param(struct request *request, const struct job *job, const char *name)
{
	const char *names[65] = { NULL };
	size_t count = 0;

	for (const struct job_param *param = job->params; param && param->name && count < 64; param++)
		names[count++] = param->name;
	const char *near = text_nearest(name, names);
	if (near)
		return task_fail(request->task, "%s has no parameter %s. Did you mean %s (nothing started)", job->name, shown(request, name), near);
	struct text text = text_in(request->task->arena, 200);
	for (size_t i = 0; i < count; i++)
		text_printf(&text, "%s%s", !i ? "; it has " : i + 1 < count ? ", " : " and ", names[i]);
	return task_fail(request->task, "%s has no parameter %s%s (nothing started)", job->name, shown(request, name), text.bytes);
}

static bool
check_given(struct request *request, const struct job *job)
{
	for (size_t i = 0; i < request->count; i++) {
		const struct named *given = &request->args[i];
		const struct job_param *param = ci_param(job, given->name);
		if (request_is_param(request, given->name) || !strcmp(given->name, "JOB"))
			continue;
		if (!param && job->strict)
			return no_such_param(request, job, given->name);
		struct job_param any = { .name = given->name };
		char *misfit = ci_misfit(request->task->arena, param ? param : &any, given->value);
		if (misfit)
			return task_fail(request->task, "%s (nothing started)", misfit);
	}
	return true;
}

static bool
fill_defaults(struct request *request, const struct job *job)
{
	for (const struct job_param *param = job->params; param && param->name; param++) {
		if (request_param(request, param->name))
			continue;
		if (!param->fallback && param->required)
			return task_fail(request->task, "%s needs %s. Try %s (nothing started)", job->name, ci_wanted(request->task->arena, param),
				with_example(request, job, param));
		if (param->fallback)
			request_set(request, param->name, param->fallback);
	}
	return true;
}

/* What a job gets: all arguments but the words of the command itself. */
static const struct named *
parameters(const struct request *request)
{
	struct named *each = arena_take(request->task->arena, (request->count + 1) * sizeof *each);
	size_t count = 0;

	for (size_t i = 0; i < request->count; i++)
		if (!request_is_param(request, request->args[i].name) && strcmp(request->args[i].name, "JOB") != 0)
			each[count++] = request->args[i];
	return each;
}

/* "target=staging, branch=main": what it runs with, where somebody chose any of it. */
static const char *
parameters_text(const struct request *request)
{
	struct text text = text_in(request->task->arena, 200);
	const struct named *each = parameters(request);
	bool chosen = false;

	for (size_t i = 0; i < request->typed && i < request->count; i++)
		chosen = chosen || !request_is_param(request, request->args[i].name);
	for (; chosen && each->name; each++)
		if (*each->value)
			text_printf(&text, "%s%s=%s", text.length ? ", " : "", each->name, shown(request, each->value));
	return text.length ? text.bytes : NULL;
}

/* Building. */

static struct ci_request
wanted(const struct request *request)
{
	struct task *task = request->task;
	const char *place = request->room ? request->room->name : "private";

	return (struct ci_request){
		.conf = request_conf(request), .job = request_param(request, "JOB"), .parameters = parameters(request), .label = request->label,
		.key = request->key, .by = task_text(task, "%s (%s in %s)", request->from.shown, request->from.account, place),
	};
}

static void
follow(struct request *request, const struct build *build)
{
	int64_t first = driver_of(request)->first_look_ms;

	request_subject(request, build->token);
	request_follow(request, CI_FOLLOWS_BUILD, build->token, first > 0 ? first : FIRST_LOOK, (int64_t)GIVE_UP_DAYS * DAY);
}

/* A build that waits is worth a line only when it still does in a while; where a chat can draw over it, it is shown at once. */
static bool
reply_started(struct request *request, const struct build *build)
{
	struct build known = *build;
	const char *text = build->number ? NULL : parameters_text(request);

	if (!known.job)
		known.job = request_param(request, "JOB");
	follow(request, &known);
	if (ci_is_over(known.state))
		known.state = BUILD_RUNNING;    /* the first look tells the rest */
	struct card *card = ci_card_going(request->task->arena, &known, text, request->from.shown, false);
	card->progress = known.state == BUILD_QUEUED;
	return request_reply(request, card);
}

static bool
resolve_build(struct request *request)
{
	struct job job;

	if (!find_job(request, request_param(request, "JOB"), &job) || !check_given(request, &job) || !fill_defaults(request, &job))
		return false;
	request_set(request, "JOB", job.name);
	return true;
}

static bool
run_build(struct request *request)
{
	struct ci_request asked = wanted(request);
	struct build build = { 0 };

	return driver_of(request)->start(request->task, &asked, &build) && reply_started(request, &build);
}

/* Whether it was started, after we lost track of it. */
static bool
settle_build(struct request *request)
{
	struct task *task = request->task;
	struct ci_request asked = wanted(request);
	struct build build = { 0 };
	enum found found = FOUND_UNCLEAR;
	struct card *card;

	if (!driver_of(request)->find(task, &asked, &build, &found))
		return false;
	if (found == FOUND_UNCLEAR)
		return task_fail(task, "%s", build.why ? build.why : "it cannot be told which build it would be");
	if (found == FOUND_NONE) {
		card = card_new(task->arena, TONE_BAD, "it never started; %s has no such build. Again: %sretry %s", request->instance->name,
			request->talk->prefix, request->label);
		card_state(card, NULL, "failed");
		card->to = request->from.shown;
		card->whom = request->from.account;
		card->ring = card->closed = true;
		return request_settle(request, SETTLED_NEVER, card);
	}
	follow(request, &build);
	build.job = build.job ? build.job : asked.job;
	card = card_new(task->arena, TONE_WAITING, "it did start, %s", ci_name(task->arena, &build));
	card_state(card, NULL, build.state == BUILD_QUEUED ? "queued" : "running");
	card->by = request->from.shown;
	return request_settle(request, SETTLED_DONE, card);
}

/* A build that a word names: B31, or the newest of a job. */

struct meant {
	struct label label;             /* name NULL: it was not asked for here */
	struct build build;             /* token NULL: nothing is known of it at the service */
	bool looked;                    /* the service told; else only our own card tells */
};

static bool
mean_label(struct request *request, const char *word, struct meant *out)
{
	struct task *task = request->task;

	if (!request_label(request, word, CI_KIND, &out->label))
		return false;
	if (!*out->label.subject)
		return true;
	out->build.token = out->label.subject;
	out->looked = driver_of(request)->look(task, request_conf(request), &out->build);
	return !task->cancelled;
}

static bool
mean_newest(struct request *request, const char *word, struct meant *out)
{
	struct job job;
	size_t count = 0;

	if (!find_job(request, word, &job) || !driver_of(request)->latest(request->task, request_conf(request), job.name, &out->build, 1, &count))
		return false;
	if (!count)
		return task_fail(request->task, "%s was never built", job.name);
	/* A list says less than a look: which step, how much longer. */
	if (!driver_of(request)->look(request->task, request_conf(request), &out->build))
		return false;
	if (!out->build.job)
		out->build.job = job.name;
	if (!label_look_of(request->task, CI_KIND, request->instance->name, out->build.token, &out->label))
		out->label.name = NULL;
	out->looked = true;
	return !request->task->cancelled;
}

static bool
mean(struct request *request, struct meant *out)
{
	const char *word = request_param(request, "BUILD");

	*out = (struct meant){ .label = { .name = NULL } };
	return label_shaped(word) ? mean_label(request, word, out) : mean_newest(request, word, out);
}

/* Our own card of it: what was said last. */
static struct card *
said_card(struct request *request, const struct label *label)
{
	struct card *card = label->card ? card_read(request->task->arena, label->card, NULL) : NULL;

	if (!card) {
		card = card_new(request->task->arena, TONE_WAITING, "no answer yet");
		card_state(card, NULL, "asked");
	}
	card->id = label->name;
	card->to = NULL;
	card->ring = card->progress = card->closed = false;
	return card;
}

static struct card *
meant_card(struct request *request, const struct meant *meant)
{
	struct arena *arena = request->task->arena;

	if (!meant->looked)
		return said_card(request, &meant->label);
	struct card *card = ci_is_over(meant->build.state) ? ci_card_over(arena, &meant->build)
		: ci_card_going(arena, &meant->build, NULL, NULL, true);
	card->id = meant->label.name;
	card->closed = false;
	if (ci_is_over(meant->build.state) && meant->build.ended)
		card_fact(card, NULL, "at %s", clock_ago(arena, meant->build.ended, clock_wall()));
	return card;
}

static bool
reply_open(struct request *request)
{
	struct task *task = request->task;
	struct label *open = NULL;
	size_t count = 0;

	if (!label_look_open(task, CI_KIND, request->instance->name, request->room ? request->room->name : NULL, &open, &count))
		return false;
	if (!count)
		return request_reply(request, card_new(task->arena, TONE_PLAIN, "nothing of %s is being built here", request->instance->name));
	struct card *all = card_new(task->arena, TONE_PLAIN, "%zu build%s of %s:", count, text_s(count), request->instance->name);
	for (size_t i = count; i-- > 0;) {
		struct lines lines = card_lines(task->arena, said_card(request, &open[i]), 300, 2);
		card_line(all, "%s", lines.count ? lines.each[0] : open[i].name);
	}
	return request_reply(request, all);
}

static bool
run_status(struct request *request)
{
	struct meant meant;

	if (!request_param(request, "BUILD"))
		return reply_open(request);
	return mean(request, &meant) && request_reply(request, meant_card(request, &meant));
}

/* Logs. */

static size_t
lines_wanted(const struct request *request)
{
	const char *text = request_param(request, "LINES");
	size_t most = request->talk->lines > 2 ? request->talk->lines - 1 : 1;
	long lines = text ? strtol(text, NULL, 10) : (long)most;

	return lines < 1 ? 1 : lines > QUERY_MOST ? QUERY_MOST : (size_t)lines < most ? (size_t)lines : most;
}

/* "log B31 full": as much of it as there may be, as a file. */
static bool
whole_wanted(const struct request *request)
{
	const char *text = request_param(request, "LINES");

	return text && (!strcasecmp(text, "full") || !strcasecmp(text, "--full"));
}

static bool
run_log(struct request *request)
{
	struct task *task = request->task;
	bool whole = whole_wanted(request);
	size_t lines = whole ? WHOLE_MOST : lines_wanted(request);
	struct meant meant;
	struct ci_log log = { 0 };

	if (whole && !request_takes_files(request))
		return task_fail(task, "this chat takes no files; %slog %s shows the end of it", request->talk->prefix, request_param(request, "BUILD"));
	if (!mean(request, &meant))
		return false;
	if (!meant.build.token)
		return task_fail(task, "%s has no log: nothing is known of it at %s", meant.label.name, request->instance->name);
	if (!driver_of(request)->log(task, request_conf(request), &meant.build, lines, &log))
		return false;
	const char *job = meant.build.job ? meant.build.job : request_param(request, "BUILD");
	meant.build.job = job;
	struct card *card = card_new(task->arena, TONE_PLAIN, "%s", ci_name(task->arena, &meant.build));
	card_state(card, meant.label.name, meant.looked ? ci_state(meant.build.state) : NULL);
	if (meant.build.step && meant.build.state == BUILD_FAILED)
		card_fact(card, NULL, "step %s", meant.build.step);
	card_quote(card, log.text ? log.text : "", log.text ? log.length : 0, lines);
	if (!card->quote_count)
		card_fact(card, NULL, "nothing printed%s", ci_is_over(meant.build.state) ? "" : " yet");
	else if (log.lines > card->quote_count)
		card_fact(card, NULL, "the last %zu of %zu lines", card->quote_count, log.lines);
	card_url(card, log.url ? log.url : meant.build.url);
	if (whole && card->quote_count)
		card->file = task_text(task, "%s.log", meant.label.name ? meant.label.name : "build");
	return request_reply(request, card);
}

/* Stopping. */

/* What has ended is not stopped: "B33 passed 4 min ago, nothing to stop". */
static bool
resolve_stop(struct request *request)
{
	struct task *task = request->task;
	struct meant meant;

	if (!label_shaped(request_param(request, "BUILD")))
		return task_fail(task, "%s is no build's id; a build is stopped by its id, as in %sstop B31", shown(request, request_param(request, "BUILD")),
			request->talk->prefix);
	if (!mean(request, &meant))
		return false;
	const struct build *build = &meant.build;
	if (meant.looked && ci_is_over(build->state) && build->ended)
		return task_fail(task, "%s %s %s ago, nothing to stop", meant.label.name, ci_state(build->state),
			ci_roughly(task->arena, clock_wall() - build->ended));
	if ((meant.looked && ci_is_over(build->state)) || meant.label.closed)
		return task_fail(task, "%s %s, nothing to stop", meant.label.name, meant.looked ? ci_state(build->state) : said_card(request, &meant.label)->state);
	if (!build->token)
		return task_fail(task, "%s has no build that I know of, nothing to stop", meant.label.name);
	if (!meant.looked)
		return false;
	request_set(request, "BUILD", meant.label.name);
	if (build->job)
		request_set(request, "JOB", build->job);
	return true;
}

static bool
run_stop(struct request *request)
{
	struct task *task = request->task;
	const struct ci *ci = driver_of(request);
	struct meant meant;

	if (!mean(request, &meant) || !ci->stop(task, request_conf(request), &meant.build, request->from.shown))
		return false;
	struct card *card = card_new(task->arena, TONE_WAITING, "%s, %s was asked", ci_name(task->arena, &meant.build), ci->shown);
	card_state(card, meant.label.name, "stopping");
	card->by = request->from.shown;
	return request_reply(request, card);
}

/* Where we lost track of a stop: the build itself tells. */
static bool
settle_stop(struct request *request)
{
	struct task *task = request->task;
	struct meant meant;

	if (!mean(request, &meant) || !meant.looked)
		return false;
	if (!ci_is_over(meant.build.state))
		return task_fail(task, "%s is still %s", meant.label.name, ci_state(meant.build.state));
	struct card *card = ci_card_over(task->arena, &meant.build);
	card->id = meant.label.name;
	return request_settle(request, SETTLED_DONE, card);
}

/* Again. */

/* With the parameters it had: they are checked like new ones, for the job may have changed since. */
static bool
resolve_retry(struct request *request)
{
	struct task *task = request->task;
	struct named args[64];
	size_t count = 0;
	struct meant meant;
	struct job job;

	if (!label_shaped(request_param(request, "BUILD")))
		return task_fail(task, "%s is no build's id; a build is started again by its id, as in %sretry B31, a job with %sbuild",
			shown(request, request_param(request, "BUILD")), request->talk->prefix, request->talk->prefix);
	if (!mean(request, &meant))
		return false;
	if (meant.looked && !ci_is_over(meant.build.state))
		return task_fail(task, "%s is still %s; %sstop %s ends it", meant.label.name, ci_state(meant.build.state), request->talk->prefix, meant.label.name);
	if (!request_asked(request, meant.label.name, args, sizeof args / sizeof *args, &count))
		return false;
	request_set(request, "BUILD", meant.label.name);
	for (size_t i = 0; i < count; i++)
		if (strcmp(args[i].name, "BUILD") != 0)
			request_set(request, args[i].name, args[i].value);
	if (!request_param(request, "JOB"))
		return task_fail(task, "I do not know any more what %s was asked to do", meant.label.name);
	return find_job(request, request_param(request, "JOB"), &job) && check_given(request, &job) && fill_defaults(request, &job);
}

static bool
run_retry(struct request *request)
{
	struct ci_request asked = wanted(request);
	const struct ci *ci = driver_of(request);
	struct build build = { 0 };
	struct label label;

	if (!request_label(request, request_param(request, "BUILD"), CI_KIND, &label))
		return false;
	struct build before = { .token = label.subject };
	bool started = *label.subject ? ci->again(request->task, &asked, &before, &build) : ci->start(request->task, &asked, &build);
	return started && reply_started(request, &build);
}

/* Lists. */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
describe_param(struct card *card, const struct job_param *param)
{
	struct arena *arena = card->arena;
	const char *fallback = param->fallback && *param->fallback ? arena_printf(arena, ", else %s", param->fallback) : "";

	card_line(card, "%s%s%s%s", ci_wanted(arena, param), param->required ? ", must be given" : "", fallback,
		param->pattern_text && !param->choices ? arena_printf(arena, ", fits %s", param->pattern_text) : "");
}

static bool
reply_job(struct request *request, const char *name)
{
	struct task *task = request->task;
	struct job job = { 0 };

	if (!driver_of(request)->describe(task, request_conf(request), name, &job))
		return false;
	struct card *card = card_new(task->arena, TONE_PLAIN, "%s%s%s", job.name, job.about ? ": " : "", job.about ? job.about : "");
	for (const struct job_param *param = job.params; param && param->name; param++)
		describe_param(card, param);
	return request_reply(request, card);
}

static bool
run_list(struct request *request)
{
	struct task *task = request->task;
	const char *pattern = request_param(request, "PATTERN");
	const char *const *names;
	struct text text = text_in(task->arena, 2 * LIST_MOST);
	size_t count = 0;

	if (!driver_of(request)->list(task, request_conf(request), &names))
		return false;
	const char **matching = arena_take(task->arena, (NAMES_MOST + 1) * sizeof *matching);
	for (size_t i = 0; names[i] && count < NAMES_MOST; i++)
		if (!pattern || text_glob(pattern, names[i]))
			matching[count++] = names[i];
	if (!count)
		return pattern ? task_fail(task, "%s has no job like %s", request->instance->name, shown(request, pattern))
			: task_fail(task, "%s has no job that may be built", request->instance->name);
	if (pattern && count == 1)
		return reply_job(request, matching[0]);
	qsort(matching, count, sizeof *matching, by_name);
	for (size_t i = 0; i < count; i++) {
		if (text.length > LIST_MOST) {
			text_printf(&text, " and %zu more", count - i);
			break;
		}
		text_printf(&text, "%s%s", i ? ", " : "", matching[i]);
	}
	return request_reply(request, card_new(task->arena, TONE_PLAIN, "%zu job%s of %s: %s", count, text_s(count), request->instance->name, text.bytes));
}

/* Watching. */

static const char *
watch_token(struct request *request)
{
	struct arena *arena = request->task->arena;
	const char *where = request->room ? request->room->name : place_text(arena, &request->place);

	return ci_watch_token(arena, request_param(request, "JOB"), where);
}

static bool
resolve_watch(struct request *request)
{
	struct job job;

	if (!find_job(request, request_param(request, "JOB"), &job))
		return false;
	request_set(request, "JOB", job.name);
	return true;
}

static bool
run_watch(struct request *request)
{
	request_follow(request, CI_FOLLOWS_WATCH, watch_token(request), 0, (int64_t)WATCH_DAYS * DAY);
	return request_reply(request, card_new(request->task->arena, TONE_PLAIN, "I say here when a build of %s ends. %s%s unwatch %s ends that",
		request_param(request, "JOB"), request->talk->prefix, request->instance->name, request_param(request, "JOB")));
}

static bool
run_unwatch(struct request *request)
{
	struct task *task = request->task;
	const char *job = request_param(request, "JOB");
	bool was = false;

	if (task->dry)
		return task_would(task, "watch %s here no more", shown(request, job));
	if (!living_end(task, request->instance->name, CI_FOLLOWS_WATCH, watch_token(request), &was))
		return false;
	return was ? request_reply(request, card_new(task->arena, TONE_PLAIN, "%s is watched here no more", shown(request, job)))
		: task_fail(task, "%s is not watched here", shown(request, job));
}

/* Neither starts anything, so doing it once more does no harm: whoever asked may ask again. */
static bool
settle_watch(struct request *request)
{
	return request_settle(request, SETTLED_NEVER, card_new(request->task->arena, TONE_PLAIN, "I was restarted meanwhile; say it again: %s%s",
		request->talk->prefix, request->line));
}

const struct command ci_commands[] = {
	{ .verb = "build", .care = CARE_CHANGE, .letter = 'B', .usage = "JOB [KEY=VALUE ...]", .about = "starts a build and follows it",
		.example = "build web target=staging", .params = { { "JOB", true, false } }, .more = true,
		.suits = suits, .resolve = resolve_build, .run = run_build, .settle = settle_build },
	{ .verb = "status", .care = CARE_LOOK, .usage = "[ID|JOB]", .about = "says how a build is doing, or what is being built",
		.example = "status B31", .params = { { "BUILD", false, false } }, .suits = suits, .run = run_status },
	{ .verb = "log", .care = CARE_LOOK, .usage = "ID|JOB [LINES|full]", .about = "shows the end of a build's log, of the step that failed; full: all of it as a file",
		.example = "log B31", .params = { { "BUILD", true, false }, { "LINES", false, false } }, .suits = suits, .run = run_log },
	{ .verb = "stop", .sign = "\U0001f6d1", .care = CARE_CHANGE, .calms = true, .usage = "ID", .about = "stops a build that was started here",
		.example = "stop B31", .params = { { "BUILD", true, false } }, .resolve = resolve_stop, .run = run_stop, .settle = settle_stop },
	{ .verb = "retry", .care = CARE_CHANGE, .letter = 'B', .usage = "ID", .about = "starts a build again, with the parameters it had",
		.example = "retry B31", .params = { { "BUILD", true, false } }, .resolve = resolve_retry, .run = run_retry, .settle = settle_build },
	{ .verb = "list", .care = CARE_LOOK, .usage = "[PATTERN]", .about = "shows what can be built; of one job, its parameters",
		.example = "list web*", .params = { { "PATTERN", false, false } }, .run = run_list },
	{ .verb = "watch", .care = CARE_CHANGE, .calms = true, .usage = "JOB", .about = "says in this room when any build of a job ends",
		.example = "watch web", .params = { { "JOB", true, false } }, .suits = suits, .resolve = resolve_watch, .run = run_watch,
		.settle = settle_watch },
	{ .verb = "unwatch", .care = CARE_CHANGE, .calms = true, .usage = "JOB", .about = "ends watch", .example = "unwatch web",
		.params = { { "JOB", true, false } }, .suits = suits, .run = run_unwatch, .settle = settle_watch },
	{ 0 }
};
