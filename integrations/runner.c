/* runner: builds and scripts on this machine: programs of the configuration, each kept by a supervisor that outlives us.
 *
 * No shell: a parameter stands inside one argument and stays there. Making the folder of a request is what makes it run at most once. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/json.h"
#include "bridge/base/pattern.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/integration.h"
#include "bridge/run/process.h"
#include "bridge/run/task.h"
#include "integrations/job_folder.h"
#include "integrations/kinds/ci.h"
#include "integrations/kinds/ci_params.h"

enum {
	NAME_MOST = 64,
	ARGUMENT_MOST = 64 * 1024,
	FILE_MOST = 1 << 20,
	LOG_MOST = 256 * 1024,          /* bytes of output that are read for a log */
	LAST_MOST = 4096,               /* and for its last line */
	LOOKED_THROUGH = 1000,          /* folders, for the newest of a job */
	FIRST_LOOK = 200,
	OUTPUT_LEAST = 1024, OUTPUT_LARGEST = 64 << 20,
	TIMEOUT_LEAST = 1000,
};

struct runner_param {
	const char *name, *about, *fallback;
	struct where where;
	bool required, dash;
	struct list choices;
	const struct pattern *pattern;
};

struct runner_job {
	const char *name, *about, *folder;
	struct where where;
	struct list run, env;
	int64_t timeout, output;
	struct sections params;
};

struct runner {
	const char *name;
	struct where where;
	struct sections jobs;
};

static const struct setting param_settings[] = {
	SETTING(runner_param, name,     TYPE_TITLE,   NULL, "How it is typed: NAME=VALUE."),
	SETTING(runner_param, where,    TYPE_WHERE,   NULL, NULL),
	SETTING(runner_param, about,    TYPE_TEXT,    NULL, "What it means, in a few words."),
	SETTING(runner_param, choices,  TYPE_LIST,    NULL, "The only values it may have."),
	SETTING(runner_param, dash,     TYPE_FLAG,    "no", "Whether a value may begin with - or @, which programs may take for an option or a file."),
	{ "default", TYPE_TEXT, offsetof(struct runner_param, fallback), NULL, "The value where none is given.", NULL },
	SETTING(runner_param, pattern,  TYPE_PATTERN, NULL, "What the whole value must fit."),
	SETTING(runner_param, required, TYPE_FLAG,    "no", "Whether it must be given."),
	{ 0 }
};
static const struct shape param_shape = { "param", sizeof(struct runner_param), param_settings, "What people may give the job.", false };

static const struct setting job_settings[] = {
	SETTING(runner_job, name,    TYPE_TITLE,    NULL,      "How it is typed: build NAME."),
	SETTING(runner_job, where,   TYPE_WHERE,    NULL,      NULL),
	SETTING(runner_job, about,   TYPE_TEXT,     NULL,      "What it does, in a few words."),
	SETTING(runner_job, env,     TYPE_LIST,     NULL,      "NAME=value: its environment, beyond PATH, LANG, HOME and SALLYPORT_BUILD."),
	SETTING(runner_job, folder,  TYPE_PATH,     NULL,      "Where it runs, and its HOME; a new empty folder of its own where none is named."),
	SETTING(runner_job, output,  TYPE_NUMBER,   "1048576", "Bytes of its output that are kept: the first and the last half."),
	{ "param", TYPE_SECTIONS, offsetof(struct runner_job, params), NULL, "What people may give it: {NAME} in run.", &param_shape },
	SETTING(runner_job, run,     TYPE_LIST,     CONF_REQUIRED, "The program, with its whole path, and its arguments; no shell."),
	SETTING(runner_job, timeout, TYPE_SPAN,     "1h",      "How long it may take; then it is ended, with all it started."),
	{ 0 }
};
static const struct shape job_shape = { "job", sizeof(struct runner_job), job_settings, "Something that can be built.", false };

static const struct setting settings[] = {
	SETTING(runner, name,  TYPE_TITLE, NULL, "How it is typed: NAME build JOB."),
	SETTING(runner, where, TYPE_WHERE, NULL, NULL),
	{ "job", TYPE_SECTIONS, offsetof(struct runner, jobs), NULL, "What can be built.", &job_shape },
	{ 0 }
};

static const struct runner_job *
job_named(const struct runner *runner, const char *name)
{
	for (size_t i = 0; i < runner->jobs.count; i++)
		if (!strcmp(((const struct runner_job *)runner->jobs.each[i])->name, name))
			return runner->jobs.each[i];
	return NULL;
}

static const struct runner_param *
param_named(const struct runner_job *job, const char *name, size_t length)
{
	for (size_t i = 0; i < job->params.count; i++) {
		const struct runner_param *param = job->params.each[i];
		if (strlen(param->name) == length && !strncmp(param->name, name, length))
			return param;
	}
	return NULL;
}

/* The length of NAME where {NAME} begins here; 0 where it does not. ${NAME} is a script's own variable. */
static size_t
placeholder(const char *word, const char *at)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";

	if (*at != '{' || (at > word && at[-1] == '$') || !at[1] || !strchr(letters, at[1]) || (at[1] >= '0' && at[1] <= '9') || at[1] == '-')
		return 0;
	size_t length = strspn(at + 1, letters);
	return at[1 + length] == '}' ? length : 0;
}

/* Checking the configuration. */

static bool
is_name(const char *name)
{
	return name && *name && strlen(name) <= NAME_MOST
		&& strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/") == strlen(name) && *name != '-';
}

static bool
is_interpreter(const char *word)
{
	static const char *const names[] = { "sh", "bash", "dash", "ash", "ksh", "zsh", "python*", "perl*", "ruby*", "node", "lua*", "php*" };
	const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (text_glob(names[i], name))
			return true;
	return false;
}

/* Whether an interpreter takes this word as a script (sh -c, perl -e): a value there would be code. */
static bool
is_script(const struct runner_job *job, size_t i)
{
	const char *option = i > 0 ? job->run.each[i - 1] : "";
	size_t length = strlen(option);

	if (length < 2 || option[0] != '-' || option[1] == '-' || !strchr("ce", option[length - 1]))
		return false;
	/* Between the interpreter and its script stand options alone. */
	while (i > 0 && *job->run.each[i - 1] == '-')
		i--;
	return i > 0 && is_interpreter(job->run.each[i - 1]);
}

static void
check_word(struct conf *conf, const struct section *at, const struct runner_job *job, size_t i, bool *used)
{
	const char *word = job->run.each[i];
	struct where where = job->run.where[i];

	for (const char *here = word; *here; here++) {
		size_t length = placeholder(word, here);
		const struct runner_param *param = length ? param_named(job, here + 1, length) : NULL;
		if (!length)
			continue;
		if (!param)
			conf_mistake(conf, where, at, "run has {%.*s}, but there is no param \"%.*s\".", (int)length, here + 1, (int)length, here + 1);
		else if (i == 0)
			conf_mistake(conf, where, at, "the program itself may not come from people; {%s} stands in it.", param->name);
		else if (is_script(job, i))
			conf_mistake(conf, where, at, "{%s} stands inside a script, where a value could become a command; give it behind the script,"
				" as in { \"/bin/sh\", \"-c\", 'echo \"$1\"', \"job\", \"{%s}\" }.", param->name, param->name);
		for (size_t j = 0; param && j < job->params.count; j++)
			used[j] = used[j] || job->params.each[j] == param;
	}
}

static void
check_program(struct conf *conf, const struct section *at, const struct runner_job *job)
{
	const char *program = job->run.count ? job->run.each[0] : "";
	struct where where = job->run.count ? job->run.where[0] : job->where;
	struct stat status;

	if (*program != '/')
		conf_mistake(conf, where, at, "run begins with \"%s\", which is no whole path of a program, as in \"/usr/bin/make\".", program);
	else if (stat(program, &status) != 0 || !S_ISREG(status.st_mode))
		conf_mistake(conf, where, at, "there is no program %s here.", program);
	else if (access(program, X_OK) != 0)
		conf_mistake(conf, where, at, "%s may not be executed by us; chmod +x it.", program);
}

static void
check_environment(struct conf *conf, const struct section *at, const struct runner_job *job)
{
	for (size_t i = 0; i < job->env.count; i++) {
		const char *equals = strchr(job->env.each[i], '=');
		if (!equals || equals == job->env.each[i])
			conf_mistake(conf, job->env.where[i], at, "env has \"%s\", which is not NAME=value.", job->env.each[i]);
	}
}

static struct job_param
as_job_param(struct arena *arena, const struct runner_param *param)
{
	const char **choices = param->choices.count ? arena_take(arena, (param->choices.count + 1) * sizeof *choices) : NULL;

	if (choices)
		memcpy(choices, param->choices.each, param->choices.count * sizeof *choices);
	return (struct job_param){ .name = param->name, .about = param->about, .required = param->required, .fallback = param->fallback,
		.choices = choices, .pattern = param->pattern, .pattern_text = param->pattern ? pattern_text(param->pattern) : NULL, .dash = param->dash };
}

static void
check_param(struct conf *conf, const struct section *at, const struct runner_param *param, bool used)
{
	struct arena *arena = conf_arena(conf);
	struct job_param as = as_job_param(arena, param);
	char *misfit = param->fallback ? ci_misfit(arena, &as, param->fallback) : NULL;

	if (!is_name(param->name) || strchr(param->name, '/') || strchr(param->name, '.'))
		conf_mistake(conf, param->where, at, "a param's name is letters, digits, _ and -.");
	else if (!used)
		conf_mistake(conf, param->where, at, "{%s} stands nowhere in run, so a value would go nowhere.", param->name);
	if (misfit)
		conf_mistake(conf, param->where, at, "its own default does not fit: %s.", misfit);
	if (param->fallback && param->required)
		conf_mistake(conf, param->where, at, "it is required, and has a default too; take one of them away.");
	if (!param->fallback && !param->required)
		conf_mistake(conf, param->where, at, "it is not required, so it needs a default.");
}

static void
check_job(struct conf *conf, const struct section *at, const struct runner_job *job)
{
	bool *used = arena_take(conf_arena(conf), (job->params.count + 1) * sizeof *used);
	struct stat status;
	size_t i = 0;

	if (!is_name(job->name))
		conf_mistake(conf, job->where, at, "a job's name is typed as a word: letters, digits, _ . / and -.");
	check_program(conf, at, job);
	check_environment(conf, at, job);
	for (size_t word = 0; word < job->run.count; word++)
		check_word(conf, at, job, word, used);
	for (const struct section *inner = NULL; i < job->params.count && (inner = conf_next(at, inner, "param")); i++)
		check_param(conf, inner, job->params.each[i], used[i]);
	if (job->folder && (stat(job->folder, &status) != 0 || !S_ISDIR(status.st_mode)))
		conf_mistake(conf, job->where, at, "there is no folder %s.", job->folder);
	if (job->timeout < TIMEOUT_LEAST)
		conf_mistake(conf, job->where, at, "timeout is 1s or more.");
	if (job->output < OUTPUT_LEAST || job->output > OUTPUT_LARGEST)
		conf_mistake(conf, job->where, at, "output is %d to %d bytes.", OUTPUT_LEAST, OUTPUT_LARGEST);
}

static void
check(struct conf *conf, const struct section *section, void *filled)
{
	const struct runner *runner = filled;
	size_t i = 0;

	if (!runner->jobs.count)
		conf_mistake(conf, runner->where, section, "it has no job \"NAME\" { }, so there is nothing to build.");
	for (const struct section *at = NULL; i < runner->jobs.count && (at = conf_next(section, at, "job")); i++)
		check_job(conf, at, runner->jobs.each[i]);
}

/* What can be built. */

static bool
describe(struct task *task, const void *conf, const char *name, struct job *out)
{
	const struct runner_job *job = job_named(conf, name);

	if (!job)
		return task_fail(task, "there is no job %s", text_cut(task->arena, name, NAME_MOST));
	struct job_param *params = arena_take(task->arena, (job->params.count + 1) * sizeof *params);
	for (size_t i = 0; i < job->params.count; i++)
		params[i] = as_job_param(task->arena, job->params.each[i]);
	*out = (struct job){ .name = job->name, .about = job->about, .params = params, .strict = true };
	return true;
}

static bool
list(struct task *task, const void *conf, const char *const **names)
{
	const struct runner *runner = conf;
	const char **each = arena_take(task->arena, (runner->jobs.count + 1) * sizeof *each);

	for (size_t i = 0; i < runner->jobs.count; i++)
		each[i] = ((const struct runner_job *)runner->jobs.each[i])->name;
	*names = each;
	return true;
}

/* Starting. */

static const char *
value_of(const struct named *values, const char *name)
{
	for (; values && values->name; values++)
		if (!strcmp(values->name, name))
			return values->value;
	return NULL;
}

static const char *
fill_word(struct task *task, const struct runner_job *job, const char *word, const struct named *values)
{
	struct text out = text_in(task->arena, ARGUMENT_MOST);

	for (const char *at = word; *at; at++) {
		size_t length = placeholder(word, at);
		if (!length) {
			text_add_bytes(&out, at, 1);
			continue;
		}
		text_add(&out, value_of(values, param_named(job, at + 1, length)->name));
		at += length + 1;
	}
	return out.bytes;
}

/* The command line; NULL with the task's error where a value does not fit: whoever asked has checked that, and we do it again. */
static const char *const *
fill_in(struct task *task, const struct runner_job *job, const struct named *values)
{
	const char **argv = arena_take(task->arena, (job->run.count + 1) * sizeof *argv);

	for (size_t i = 0; i < job->params.count; i++) {
		struct job_param param = as_job_param(task->arena, job->params.each[i]);
		const char *value = value_of(values, param.name), *misfit = value ? ci_misfit(task->arena, &param, value) : NULL;
		if (!value || misfit) {
			task_fail(task, "%s", value ? misfit : task_text(task, "%s needs %s", job->name, ci_wanted(task->arena, &param)));
			return NULL;
		}
	}
	for (size_t i = 0; i < job->run.count; i++)
		argv[i] = fill_word(task, job, job->run.each[i], values);
	return argv;
}

static const char *
shown(struct task *task, const char *const *argv)
{
	struct text text = text_in(task->arena, 400);

	for (size_t i = 0; argv[i]; i++) {
		const char *quote = !*argv[i] || strpbrk(argv[i], " \t\n\"") ? "'" : "";
		text_printf(&text, "%s%s%s%s", i ? " " : "", quote, argv[i], quote);
	}
	return text_clean(task->arena, text.bytes, text.length);
}

static char *
folder_of(struct task *task, const char *key)
{
	return ulid_valid(key) ? task_text(task, "%s/jobs/%s", task->engine->state, key) : NULL;
}

static void
add_texts(struct task *task, struct json_object *object, const char *name, const char *const *texts)
{
	struct json_object *array = json_new_array(task->arena);

	for (; *texts; texts++)
		json_object_array_add(array, json_object_new_string(*texts));
	json_object_object_add(object, name, json_object_get(array));
}

static const char *
description(struct task *task, const struct ci_request *wanted, const struct runner_job *job, const char *const *argv, const char *folder)
{
	const struct runner *runner = wanted->conf;
	const char *where = job->folder ? job->folder : task_text(task, "%s/" WORK_FOLDER, folder);
	const char **env = arena_take(task->arena, (job->env.count + 5) * sizeof *env);
	struct json_object *object = json_new_object(task->arena);

	env[0] = "PATH=/usr/local/bin:/usr/bin:/bin";
	env[1] = "LANG=C.UTF-8";
	env[2] = task_text(task, "HOME=%s", where);
	env[3] = task_text(task, "SALLYPORT_BUILD=%s", wanted->label ? wanted->label : wanted->key);
	for (size_t i = 0; i < job->env.count; i++)
		env[4 + i] = job->env.each[i];
	json_set(object, "runner", runner->name);
	json_set(object, "job", job->name);
	json_set(object, "by", wanted->by);
	json_set_integer(object, "asked", clock_wall());
	add_texts(task, object, "argv", argv);
	add_texts(task, object, "env", env);
	json_set(object, "folder", where);
	json_set_integer(object, "timeout", job->timeout);
	json_set_integer(object, "output", job->output);
	return json_write(object);
}

/* Our own program, by its name, so that a debugger can follow; where an upgrade has replaced it, the very file that runs here. */
static const char *
ourselves(struct task *task)
{
	static const char self[] = "/proc/self/exe";
	char name[4096];
	ssize_t length = readlink(self, name, sizeof name - 1);

	if (length <= 0)
		return self;
	name[length] = '\0';
	return access(name, X_OK) == 0 ? task_text(task, "%s", name) : self;    /* a replaced one is called "... (deleted)" */
}

static bool
supervise(struct task *task, const char *job, const char *folder)
{
	const char *const argv[] = { ourselves(task), "supervise", folder, NULL };
	struct process process = { .argv = argv, .seconds = 30 };
	struct process_end end;

	/* From here on nobody but the folder can tell whether it started. */
	task->unsure = true;
	if (!process_run(task, &process, &end))
		return false;
	if (end.status == EX_OK)
		return true;
	task->unsure = end.status < 0;
	return task_fail(task, "the runner could not start %s: %s", job, end.length ? text_clean(task->arena, end.output, end.length) : "its supervisor failed");
}

static bool
make_folder(struct task *task, const char *folder)
{
	const char *jobs = task_text(task, "%s/jobs", task->engine->state);

	if (mkdir(jobs, 0700) != 0 && errno != EEXIST)
		return task_fail(task, "the runner cannot make the folder %s: %s", jobs, strerror(errno));
	/* The gate: whoever makes it may start the job. */
	if (mkdir(folder, 0700) != 0)
		return task_fail(task, "the runner cannot make the folder %s: %s", folder, strerror(errno));
	return true;
}

static bool look(struct task *, const void *, struct build *);

static bool
start(struct task *task, const struct ci_request *wanted, struct build *out)
{
	const struct runner_job *job = job_named(wanted->conf, wanted->job);
	const char *const *argv = job ? fill_in(task, job, wanted->parameters) : NULL;
	char *folder = folder_of(task, wanted->key);

	if (!job)
		return task_fail(task, "there is no job %s", text_cut(task->arena, wanted->job, NAME_MOST));
	if (!argv || !folder)
		return argv ? task_fail(task, "this request has no proper key") : false;
	if (task->dry)
		return task_would(task, "run %s", shown(task, argv));
	if (!make_folder(task, folder))
		return false;
	if (!job_folder_write(folder, JOB_FILE, description(task, wanted, job, argv, folder)))
		return task_fail(task, "the runner cannot write into %s: %s", folder, strerror(errno));
	if (!supervise(task, job->name, folder))
		return false;
	task->unsure = false;
	*out = (struct build){ .token = wanted->key, .state = BUILD_RUNNING, .job = job->name, .started = clock_wall() };
	return true;
}

static bool
again(struct task *task, const struct ci_request *wanted, const struct build *build, struct build *out)
{
	(void)build;            /* the program and the folder are those of today's configuration: only the parameters are its own */
	return start(task, wanted, out);
}

/* Looking. */

static struct json_object *
read_json(struct task *task, const char *folder, const char *file)
{
	size_t length;
	char *text = job_folder_read(task->arena, folder, file, FILE_MOST, &length);

	return text ? json_read(task->arena, text, length, NULL) : NULL;
}

static bool
unknown(struct build *build, const char *why)
{
	build->state = BUILD_UNKNOWN;
	build->why = why;
	return true;
}

/* The last line that says anything. */
static void
set_last(struct task *task, const char *folder, struct build *build)
{
	size_t length;
	bool cut;
	char *text = job_folder_output(task->arena, folder, LAST_MOST, &length, &cut);

	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	size_t from = length;
	while (from > 0 && text[from - 1] != '\n' && text[from - 1] != '\r')
		from--;
	char *line = text_clean(task->arena, text + from, length - from);
	build->last = *line ? line : NULL;
}

static void
set_stopper(struct task *task, const char *folder, struct build *build)
{
	size_t length;
	char *by = job_folder_read(task->arena, folder, STOP_FILE, NAME_MOST * 4, &length);

	build->stopped_by = by && length ? text_clean(task->arena, by, length) : NULL;
}

static bool
ended(struct task *task, const char *folder, struct json_object *end, struct build *build)
{
	int64_t status = json_integer(end, "exit", -1), number = json_integer(end, "signal", 0);

	build->started = json_integer(end, "started", 0);
	build->ended = json_integer(end, "ended", 0);
	build->state = BUILD_FAILED;
	if (json_integer(end, "stopped", 0)) {
		build->state = BUILD_STOPPED;
		set_stopper(task, folder, build);
	} else if (json_string(end, "error", NULL))
		build->why = task_text(task, "it could not be started: %s", json_string(end, "error", ""));
	else if (json_integer(end, "late", 0))
		build->why = "its time was up";
	else if (number)
		build->why = task_text(task, "signal %lld (%s)", (long long)number, strsignal((int)number));
	else if (status)
		build->why = task_text(task, "exit %lld", (long long)status);
	else
		build->state = BUILD_PASSED;
	return true;
}

static bool
look(struct task *task, const void *conf, struct build *build)
{
	char *folder = folder_of(task, build->token);
	struct json_object *job = folder ? read_json(task, folder, JOB_FILE) : NULL, *end, *began;

	(void)conf;
	if (!job)
		return unknown(build, "its folder is gone");
	build->job = json_string(job, "job", build->job);
	/* In this order: what is not held any more has written its end. */
	bool held = job_folder_holder(folder) != 0;
	set_last(task, folder, build);
	end = read_json(task, folder, END_FILE);
	if (end)
		return ended(task, folder, end, build);
	if (!held)
		return unknown(build, "its supervisor is gone");
	began = read_json(task, folder, BEGAN_FILE);
	build->state = BUILD_RUNNING;
	build->started = json_integer(began, "started", 0);
	return true;
}

/* Whether it began; makes sure that it never does where it did not. */
static bool
has_begun(const char *folder)
{
	if (job_folder_holder(folder))
		return true;
	int lock = job_folder_lock(folder);
	if (lock < 0)
		return errno != ENOENT;         /* somebody was quicker */
	bool begun = !job_folder_write(folder, BEGAN_FILE, "{\"never\":1}") && errno == EEXIST;
	close(lock);
	return begun;
}

static bool
find(struct task *task, const struct ci_request *wanted, struct build *out, enum found *found)
{
	char *folder = folder_of(task, wanted->key);
	struct json_object *began;

	*found = FOUND_NONE;
	*out = (struct build){ .token = wanted->key, .job = wanted->job };
	if (!folder || !has_begun(folder))
		return true;
	began = read_json(task, folder, BEGAN_FILE);
	if (began && json_integer(began, "never", 0))
		return true;
	*found = FOUND_IT;
	return look(task, wanted->conf, out);
}

static size_t
count_lines(const char *text, size_t length)
{
	size_t lines = length && text[length - 1] != '\n';

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

static bool
log_of(struct task *task, const void *conf, const struct build *build, size_t lines, struct ci_log *out)
{
	char *folder = folder_of(task, build->token);
	bool cut;

	(void)conf;
	(void)lines;
	if (!folder || access(folder, F_OK) != 0)
		return task_fail(task, "its output is not kept any more");
	out->text = job_folder_output(task->arena, folder, LOG_MOST, &out->length, &cut);
	out->lines = cut ? 0 : count_lines(out->text, out->length);
	out->url = NULL;
	return true;
}

static bool
stop(struct task *task, const void *conf, const struct build *build, const char *by)
{
	char *folder = folder_of(task, build->token);
	pid_t holder = folder ? job_folder_holder(folder) : 0;

	(void)conf;
	/* A supervisor that has written the end may still be tidying up. */
	if (!holder || read_json(task, folder, END_FILE))
		return task_fail(task, "it does not run any more");
	if (task->dry)
		return task_would(task, "end %s and all that it started", build->job ? build->job : "the job");
	job_folder_write(folder, STOP_FILE, by);
	if (kill(holder, SIGTERM) != 0)
		return task_fail(task, "its supervisor could not be told: %s", strerror(errno));
	return true;
}

static bool
latest(struct task *task, const void *conf, const char *name, struct build *out, size_t most, size_t *count)
{
	const struct runner *runner = conf;
	const char *const *keys = job_folder_list(task->arena, task_text(task, "%s/jobs", task->engine->state), LOOKED_THROUGH);

	for (*count = 0; *keys && *count < most; keys++) {
		struct json_object *job = read_json(task, folder_of(task, *keys), JOB_FILE);
		if (!job || strcmp(json_string(job, "runner", ""), runner->name) != 0 || strcmp(json_string(job, "job", ""), name) != 0)
			continue;
		out[*count] = (struct build){ .token = *keys };
		look(task, conf, &out[(*count)++]);
	}
	return true;
}

static const struct ci ci = {
	.describe = describe, .start = start, .find = find, .look = look, .log = log_of, .stop = stop, .again = again, .list = list,
	.latest = latest, .shown = "the runner", .first_look_ms = FIRST_LOOK,
};

const struct integration integration_runner = {
	.name = "runner", .about = "Builds and scripts on this machine.", .conf_size = sizeof(struct runner), .settings = settings,
	.check = check, .ci = &ci,
};
