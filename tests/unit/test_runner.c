/* Tests of the runner: real programs, kept by real supervisors: this program is its own supervisor, as sallyport is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/log.h"
#include "bridge/base/ulid.h"
#include "bridge/integration.h"
#include "bridge/run/loop.h"
#include "bridge/run/process.h"
#include "bridge/run/task.h"
#include "integrations/job_folder.h"
#include "integrations/kinds/ci.h"
#include "integrations/supervisor.h"

extern const struct integration integration_runner;

enum { PATIENCE = 30000 };

static const char jobs[] =
	"runner \"local\" {\n"
	"	job \"args\" {\n"
	"		run = { \"/bin/sh\", \"-c\", 'printf \"[%s]\" \"$@\"', \"args\", \"{v}\", \"--v={v}\", '${v}' } param \"v\" { required = yes }\n"
	"	}\n"
	"	job \"dash\" { run = { \"/bin/echo\", \"{v}\" } param \"v\" { required = yes dash = yes } }\n"
	"	job \"name\" { run = { \"/bin/echo\", \"{v}\" } param \"v\" { pattern = '[a-z]{1,8}' default = \"world\" } }\n"
	"	job \"pick\" { run = { \"/bin/echo\", \"{v}\" } param \"v\" { choices = { \"one\", \"two\" } required = yes } }\n"
	"	job \"env\" { run = { \"/usr/bin/env\" } env = { \"COLOUR=red\" } }\n"
	"	job \"where\" { run = { \"/bin/sh\", \"-c\", 'pwd; readlink /proc/self/fd/0; ls /proc/self/fd; cut -d\" \" -f5 /proc/$$/stat; echo $$; ulimit -c; umask' } }\n"
	"	job \"exit\" { run = { \"/bin/sh\", \"-c\", 'echo out; echo err >&2; exit \"$1\"', \"exit\", \"{rc}\" } param \"rc\" { pattern = '[0-9]+' default = \"0\" } }\n"
	"	job \"signal\" { run = { \"/bin/sh\", \"-c\", 'kill -9 $$' } }\n"
	"	job \"late\" { run = { \"/bin/sh\", \"-c\", 'sleep 1000 & echo $!; wait' } timeout = \"1s\" }\n"
	"	job \"polite\" { run = { \"/bin/sh\", \"-c\", '(trap \"echo bye; exit\" TERM; echo ready; sleep 1000 & wait) & wait' } timeout = \"1s\" }\n"
	"	job \"deaf\" { run = { \"/bin/sh\", \"-c\", 'trap \"\" TERM; echo ready; while :; do sleep 1; done' } timeout = \"1s\" }\n"
	"	job \"long\" { run = { \"/bin/sh\", \"-c\", 'echo begun; exec sleep 1000' } }\n"
	"	job \"self\" { run = { \"/bin/sh\", \"-c\", 'echo $$; exec sleep 1000' } }\n"
	"	job \"slow\" { run = { \"/bin/sh\", \"-c\", 'echo begun; sleep 1; echo done; exit 7' } }\n"
	"	job \"left\" { run = { \"/bin/sh\", \"-c\", 'sleep 1000 & echo $!' } }\n"
	"	job \"much\" { run = { \"/bin/sh\", \"-c\", 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo \"line $i\"; done' } output = 4096 }\n"
	"	job \"mark\" { run = { \"/bin/sh\", \"-c\", 'echo x >>\"$1\"', \"mark\", \"{file}\" } param \"file\" { required = yes } }\n"
	"}\n"
	"runner \"other\" { job \"name\" { run = { \"/bin/true\" } } }\n";

/* What is asked of the runner, on a task, and what it answers. */
struct fixture {
	struct arena *arena;
	struct engine engine;
	struct conf *conf;
	const void *runner, *other;
	const char *folder, *key;

	void (*ask)(struct fixture *, struct task *);
	bool dry, answered, fine;
	struct error error;
	const char *would;
	bool unsure;
	const char *job, *value, *by;   /* asked for */
	struct build build, builds[4];
	size_t count, lines;
	enum found found;
	struct ci_log log;
	struct job described;
};

static const struct ci *
ci(void)
{
	return integration_runner.ci;
}

/* The runner's sections of a configuration, filled and checked. */
static const void *
fill(struct conf *conf, const char *name)
{
	const struct shape shape = { "runner", integration_runner.conf_size, integration_runner.settings, "", false };

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, "runner"));)
		if (!strcmp(section_title(at), name)) {
			void *filled = arena_take(conf_arena(conf), integration_runner.conf_size);
			if (conf_fill(conf, at, &shape, filled))
				integration_runner.check(conf, at, filled);
			return filled;
		}
	return NULL;
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
	char folder[] = "/tmp/sallyport-runner-XXXXXX";

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->engine.state = fixture->folder;
	fixture->engine.loop = loop_open(NULL);
	fixture->engine.tasks = tasks_open(&fixture->engine, 100);
	fixture->engine.children = children_open(&fixture->engine);
	fixture->conf = conf_read_text("test.conf", jobs, strlen(jobs));
	fixture->runner = fill(fixture->conf, "local");
	fixture->other = fill(fixture->conf, "other");
	fixture->key = new_key(fixture->arena);
	for (size_t i = 0; i < conf_mistakes(fixture->conf); i++)
		fprintf(stderr, "%s\n", conf_mistake_at(fixture->conf, i));
	assert_int_equal(conf_mistakes(fixture->conf), 0);
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
	const char *folder = arena_printf(fixture->arena, "%s/jobs", fixture->folder);
	const char *const *keys = job_folder_list(fixture->arena, folder, 1000);

	/* Nothing of ours goes on behind the test. */
	for (; *keys; keys++) {
		pid_t holder = job_folder_holder(arena_printf(fixture->arena, "%s/%s", folder, *keys));
		if (holder)
			kill(holder, SIGTERM);
		for (int i = 0; i < 1000 && holder && kill(holder, 0) == 0; i++)
			poll(NULL, 0, 10);
	}
	children_close(fixture->engine.children);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	nftw(fixture->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	conf_free(fixture->conf);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static struct ci_request
request(struct fixture *fixture)
{
	struct named *values = arena_take(fixture->arena, 2 * sizeof *values);

	if (fixture->value)
		values[0] = (struct named){ fixture->job && !strcmp(fixture->job, "exit") ? "rc" : fixture->job && !strcmp(fixture->job, "mark") ? "file" : "v",
			fixture->value };
	return (struct ci_request){ .conf = fixture->runner, .job = fixture->job, .parameters = values, .label = "B7", .key = fixture->key,
		.by = "alice (corp/alice in ops)" };
}

static struct build
kept(struct arena *arena, const struct build *build)
{
	struct build copy = *build;

	copy.token = arena_text(arena, build->token);
	copy.job = arena_text(arena, build->job);
	copy.last = arena_text(arena, build->last);
	copy.why = arena_text(arena, build->why);
	copy.stopped_by = arena_text(arena, build->stopped_by);
	return copy;
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
	fixture->answered = true;
	loop_stop(fixture->engine.loop);
}

static void
too_long(void *with, int events)
{
	(void)with;
	(void)events;
	fprintf(stderr, "the runner did not answer\n");
	abort();
}

static bool
on_task(struct fixture *fixture, void (*ask)(struct fixture *, struct task *))
{
	struct watch *late = loop_timer(fixture->engine.loop, too_long, NULL);

	watch_after(late, PATIENCE);
	fixture->ask = ask;
	fixture->answered = fixture->fine = false;
	assert_true(task_start(&fixture->engine, "test", run, fixture, NULL) != 0);
	while (!fixture->answered)
		loop_run(fixture->engine.loop);
	while (tasks_count(fixture->engine.tasks))
		loop_turn(fixture->engine.loop);
	watch_free(late);
	return fixture->fine;
}

static void
ask_start(struct fixture *fixture, struct task *task)
{
	struct ci_request wanted = request(fixture);

	fixture->fine = ci()->start(task, &wanted, &fixture->build);
}

static void
ask_look(struct fixture *fixture, struct task *task)
{
	fixture->build = (struct build){ .token = fixture->key };
	fixture->fine = ci()->look(task, fixture->runner, &fixture->build);
}

static void
ask_find(struct fixture *fixture, struct task *task)
{
	struct ci_request wanted = request(fixture);

	fixture->fine = ci()->find(task, &wanted, &fixture->build, &fixture->found);
}

static void
ask_stop(struct fixture *fixture, struct task *task)
{
	struct build build = { .token = fixture->key, .job = fixture->job };

	fixture->fine = ci()->stop(task, fixture->runner, &build, fixture->by);
}

static void
ask_log(struct fixture *fixture, struct task *task)
{
	struct build build = { .token = fixture->key };

	fixture->fine = ci()->log(task, fixture->runner, &build, 10, &fixture->log);
}

static void
ask_latest(struct fixture *fixture, struct task *task)
{
	fixture->fine = ci()->latest(task, fixture->runner, fixture->job, fixture->builds, 4, &fixture->count);
}

static void
ask_latest_of_other(struct fixture *fixture, struct task *task)
{
	fixture->fine = ci()->latest(task, fixture->other, fixture->job, fixture->builds, 4, &fixture->count);
}

static void
ask_describe(struct fixture *fixture, struct task *task)
{
	fixture->fine = ci()->describe(task, fixture->runner, fixture->job, &fixture->described);
}

static bool
start(struct fixture *fixture, const char *job, const char *value)
{
	fixture->job = job;
	fixture->value = value;
	fixture->key = new_key(fixture->arena);
	return on_task(fixture, ask_start);
}

/* Looks until it is as wanted. */
static void
until(struct fixture *fixture, bool (*is)(const struct fixture *))
{
	int64_t end = clock_mono() + PATIENCE;

	do {
		assert_true(on_task(fixture, ask_look));
		if (is(fixture))
			return;
		poll(NULL, 0, 5);
	} while (clock_mono() < end);
	fail_msg("it stayed in state %d", (int)fixture->build.state);
}

static bool
is_over(const struct fixture *fixture)
{
	return fixture->build.state != BUILD_RUNNING;
}

static bool
has_printed(const struct fixture *fixture)
{
	return fixture->build.last != NULL;
}

static const char *
output(struct fixture *fixture)
{
	assert_true(on_task(fixture, ask_log));
	return fixture->log.text;
}

static const char *
output_of(struct fixture *fixture, const char *job, const char *value)
{
	if (!start(fixture, job, value))
		fail_msg("%s", fixture->error.text);
	until(fixture, is_over);
	return output(fixture);
}

static const char *
folder_of(struct fixture *fixture)
{
	return arena_printf(fixture->arena, "%s/jobs/%s", fixture->folder, fixture->key);
}

static bool
is_gone(pid_t pid)
{
	char path[64], text[256] = "";

	/* A zombie has ended too; whoever adopted it takes it away in its own time. */
	if (kill(pid, 0) != 0)
		return true;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
	if (fd >= 0)
		close(fd);
	const char *state = got > 0 ? strrchr(text, ')') : NULL;
	return !state || state[2] == 'Z';
}

static void
wait_gone(pid_t pid)
{
	assert_true(pid > 1);
	for (int64_t stop = clock_mono() + PATIENCE; !is_gone(pid) && clock_mono() < stop;)
		poll(NULL, 0, 5);
	assert_true(is_gone(pid));
}

/* Arguments. */

static void
test_a_value_stays_inside_its_argument(void **state)
{
	static const char *const values[] = { "$(id)", ";id", "`id`", "a b", "* ?", "'\"\\", "&& id | cat > x", "{v}", "${v}", "%s%n", "" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		assert_string_equal(output_of(fixture, "args", values[i]), arena_printf(fixture->arena, "[%s][--v=%s][${v}]", values[i], values[i]));
}

static void
test_options_files_and_line_ends_are_refused_and_nothing_starts(void **state)
{
	static const char *const values[] = { "--upload-pack=/bin/sh", "-oProxyCommand=id", "-", "@/etc/passwd", "a\nb", "a\rb", "a\x1b[2J", "\x7f", "\xff" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		assert_false(start(fixture, "args", values[i]));
		assert_non_null(strstr(fixture->error.text, "v="));
		assert_int_equal(access(folder_of(fixture), F_OK), -1);
	}
}

static void
test_a_dash_that_the_configuration_allows_is_passed_on(void **state)
{
	assert_string_equal(output_of(*state, "dash", "--help-me"), "--help-me\n");
}

static void
test_a_value_that_does_not_fit_is_refused_here_too(void **state)
{
	struct fixture *fixture = *state;

	assert_false(start(fixture, "name", "World"));
	assert_string_equal(fixture->error.text, "v=World does not fit [a-z]{1,8}");
	assert_false(start(fixture, "pick", "three"));
	assert_string_equal(fixture->error.text, "v=three is not one or two");
	assert_false(start(fixture, "pick", NULL));
	assert_string_equal(fixture->error.text, "pick needs v, one or two");
	assert_false(fixture->unsure);
}

static void
test_a_job_that_does_not_exist(void **state)
{
	struct fixture *fixture = *state;

	assert_false(start(fixture, "nothing", NULL));
	assert_string_equal(fixture->error.text, "there is no job nothing");
	assert_false(on_task(fixture, ask_describe));
	fixture->job = "name";
	assert_true(on_task(fixture, ask_describe));
}

/* Where it runs. */

static void
test_its_environment_is_what_is_written_and_no_more(void **state)
{
	struct fixture *fixture = *state;

	setenv("BASH_ENV", "/tmp/evil", 1);
	setenv("LD_LIBRARY_PATH", "/tmp/evil", 1);
	const char *text = output_of(fixture, "env", NULL);
	assert_string_equal(text, arena_printf(fixture->arena,
		"PATH=/usr/local/bin:/usr/bin:/bin\nLANG=C.UTF-8\nHOME=%s/work\nSALLYPORT_BUILD=B7\nCOLOUR=red\n", folder_of(fixture)));
	unsetenv("BASH_ENV");
	unsetenv("LD_LIBRARY_PATH");
}

static void
test_it_runs_alone_in_its_folder_with_nothing_of_ours_open(void **state)
{
	struct fixture *fixture = *state;
	int open_fd = open("/etc/passwd", O_RDONLY);    /* not even what forgot to close itself */
	struct rlimit core;

	/* We ourselves would leave a core where we may. */
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	const char *text = output_of(fixture, "where", NULL);
	char *lines = arena_text(fixture->arena, text), *save = NULL, *each[16] = { NULL };
	size_t count = 0;

	close(open_fd);
	for (char *line = strtok_r(lines, "\n", &save); line && count < 16; line = strtok_r(NULL, "\n", &save))
		each[count++] = line;
	assert_int_equal(count, 10);
	assert_string_equal(each[0], arena_printf(fixture->arena, "%s/work", folder_of(fixture)));
	assert_string_equal(each[1], "/dev/null");
	/* 3 is the folder that ls itself reads. */
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(each[2 + i], arena_printf(fixture->arena, "%zu", i));
	assert_string_equal(each[6], each[7]);
	assert_string_equal(each[8], "0");
	assert_string_equal(each[9], "0077");
}

/* How it ends. */

static void
test_each_end_is_told_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(output_of(fixture, "exit", "0"), "out\nerr\n");
	assert_int_equal(fixture->build.state, BUILD_PASSED);
	assert_string_equal(fixture->build.last, "err");
	assert_true(fixture->build.started > 0 && fixture->build.ended >= fixture->build.started);
	output_of(fixture, "exit", "3");
	assert_int_equal(fixture->build.state, BUILD_FAILED);
	assert_string_equal(fixture->build.why, "exit 3");
	output_of(fixture, "signal", NULL);
	assert_int_equal(fixture->build.state, BUILD_FAILED);
	assert_string_equal(fixture->build.why, "signal 9 (Killed)");
	assert_string_equal(fixture->build.job, "signal");
}

static void
test_a_program_that_cannot_be_executed_fails_with_the_reason(void **state)
{
	static const char text[] = "#!/nowhere/interpreter\n";
	struct fixture *fixture = *state;
	const char *program = arena_printf(fixture->arena, "%s/program", fixture->folder);
	const char *conf_text = arena_printf(fixture->arena, "runner \"local\" { job \"bad\" { run = { \"%s\" } } }", program);
	int fd = open(program, O_WRONLY | O_CREAT | O_EXCL, 0700);

	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	conf_free(fixture->conf);
	fixture->conf = conf_read_text("x", conf_text, strlen(conf_text));
	fixture->runner = fill(fixture->conf, "local");
	assert_int_equal(conf_mistakes(fixture->conf), 0);
	output_of(fixture, "bad", NULL);
	assert_int_equal(fixture->build.state, BUILD_FAILED);
	assert_string_equal(fixture->build.why, "it could not be started: No such file or directory");
}

static void
test_when_its_time_is_up_all_that_it_started_is_ended(void **state)
{
	struct fixture *fixture = *state;
	pid_t grandchild = (pid_t)atoi(output_of(fixture, "late", NULL));

	assert_int_equal(fixture->build.state, BUILD_FAILED);
	assert_string_equal(fixture->build.why, "its time was up");
	wait_gone(grandchild);
}

static void
test_each_of_its_processes_is_asked_before_it_is_ended(void **state)
{
	assert_string_equal(output_of(*state, "polite", NULL), "ready\nbye\n");
}

static void
test_a_job_that_does_not_listen_is_killed(void **state)
{
	struct fixture *fixture = *state;
	int64_t from = clock_mono();

	output_of(fixture, "deaf", NULL);
	assert_string_equal(fixture->build.why, "its time was up");
	assert_true(clock_mono() - from < 15000);
}

static void
test_what_it_leaves_behind_does_not_keep_it_running(void **state)
{
	struct fixture *fixture = *state;
	pid_t left = (pid_t)atoi(output_of(fixture, "left", NULL));

	assert_int_equal(fixture->build.state, BUILD_PASSED);
	wait_gone(left);
}

static void
test_it_is_stopped_and_who_asked_is_known(void **state)
{
	struct fixture *fixture = *state;

	assert_true(start(fixture, "long", NULL));
	until(fixture, has_printed);
	fixture->by = "alice";
	assert_true(on_task(fixture, ask_stop));
	until(fixture, is_over);
	assert_int_equal(fixture->build.state, BUILD_STOPPED);
	assert_string_equal(fixture->build.stopped_by, "alice");
	assert_false(on_task(fixture, ask_stop));
	assert_string_equal(fixture->error.text, "it does not run any more");
}

static void
test_a_rehearsal_starts_nothing_and_says_the_command(void **state)
{
	struct fixture *fixture = *state;

	fixture->dry = true;
	assert_false(start(fixture, "args", "a b"));
	assert_string_equal(fixture->would, "run /bin/sh -c 'printf \"[%s]\" \"$@\"' args 'a b' '--v=a b' ${v}");
	assert_int_equal(access(folder_of(fixture), F_OK), -1);
}

/* Output. */

static void
test_of_much_output_the_beginning_and_the_end_are_kept(void **state)
{
	struct fixture *fixture = *state;
	const char *text = output_of(fixture, "much", NULL);
	size_t length = strlen(text), all = 0;

	assert_true(length >= 1024 && length <= 2048);
	assert_string_equal(text + length - 11, "line 20000\n");
	assert_int_equal(fixture->log.lines, 0);
	assert_string_equal(fixture->build.last, "line 20000");
	for (int i = 0; i < 200; i++) {
		size_t size = 0;
		char *part = job_folder_read(fixture->arena, folder_of(fixture), arena_printf(fixture->arena, "output.%d", i), 1 << 20, &size);
		all += part ? size : 0;
		assert_true(i > 0 || (part && !strncmp(part, "line 1\nline 2\n", 14)));
	}
	assert_true(all <= 4096);
}

static void
test_output_is_there_while_it_runs(void **state)
{
	struct fixture *fixture = *state;

	assert_true(start(fixture, "long", NULL));
	until(fixture, has_printed);
	assert_int_equal(fixture->build.state, BUILD_RUNNING);
	assert_string_equal(fixture->build.last, "begun");
	assert_string_equal(output(fixture), "begun\n");
	assert_int_equal(fixture->log.lines, 1);
}

static void
test_a_part_of_output_that_is_no_plain_file_is_not_read(void **state)
{
	struct fixture *fixture = *state;
	size_t length;
	bool cut;

	assert_string_equal(output_of(fixture, "name", "abc"), "abc\n");
	assert_string_equal(fixture->build.last, "abc");
	assert_int_equal(symlink("/etc/passwd", arena_printf(fixture->arena, "%s/output.1", folder_of(fixture))), 0);
	assert_string_equal(job_folder_output(fixture->arena, folder_of(fixture), 4096, &length, &cut), "abc\n");
}

/* Once. */

static void
test_the_same_request_starts_it_once(void **state)
{
	struct fixture *fixture = *state;
	const char *file = arena_printf(fixture->arena, "%s/marks", fixture->folder);
	size_t length;

	assert_true(start(fixture, "mark", file));
	until(fixture, is_over);
	assert_false(on_task(fixture, ask_start));
	assert_int_equal(supervisor_main(folder_of(fixture)), EX_TEMPFAIL);
	assert_string_equal(job_folder_read(fixture->arena, fixture->folder, "marks", 100, &length), "x\n");
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_IT);
	assert_int_equal(fixture->build.state, BUILD_PASSED);
}

static void
test_a_request_that_never_started_never_will(void **state)
{
	struct fixture *fixture = *state;
	const char *file = arena_printf(fixture->arena, "%s/marks", fixture->folder);

	fixture->job = "mark";
	fixture->value = file;
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_NONE);

	/* The gateway died between making the folder and starting the supervisor. */
	assert_true(start(fixture, "name", "abc"));
	until(fixture, is_over);
	const char *description, *done = folder_of(fixture);
	size_t length;
	description = job_folder_read(fixture->arena, done, JOB_FILE, 1 << 20, &length);
	fixture->key = new_key(fixture->arena);
	assert_int_equal(mkdir(folder_of(fixture), 0700), 0);
	assert_true(job_folder_write(folder_of(fixture), JOB_FILE, description));
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_NONE);
	assert_int_equal(supervisor_main(folder_of(fixture)), EX_TEMPFAIL);
	assert_int_equal(access(arena_printf(fixture->arena, "%s/output.0", folder_of(fixture)), F_OK), -1);
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_NONE);
}

static void
test_it_outlives_whoever_started_it_and_its_true_end_is_read_back(void **state)
{
	struct fixture *fixture = *state;
	char program[4096] = "";

	/* Another gateway on the same folder, which is killed as soon as the job runs. */
	fixture->key = new_key(fixture->arena);
	assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
	pid_t gateway = fork();
	if (gateway == 0) {
		execl(program, program, "gateway", fixture->folder, fixture->key, "slow", (char *)NULL);
		_exit(EX_OSERR);
	}
	until(fixture, has_printed);
	assert_int_equal(kill(gateway, SIGKILL), 0);
	waitpid(gateway, NULL, 0);
	until(fixture, is_over);
	assert_int_equal(fixture->build.state, BUILD_FAILED);
	assert_string_equal(fixture->build.why, "exit 7");
	assert_string_equal(output(fixture), "begun\ndone\n");
	fixture->job = "slow";
	assert_true(on_task(fixture, ask_find));
	assert_int_equal(fixture->found, FOUND_IT);
}

static void
test_without_its_supervisor_it_does_not_go_on_and_nobody_knows_its_end(void **state)
{
	struct fixture *fixture = *state;

	assert_true(start(fixture, "self", NULL));
	until(fixture, has_printed);
	pid_t job = (pid_t)atoi(fixture->build.last);
	pid_t holder = job_folder_holder(folder_of(fixture));
	assert_true(holder > 1);
	assert_int_equal(kill(holder, SIGKILL), 0);
	wait_gone(holder);
	until(fixture, is_over);
	assert_int_equal(fixture->build.state, BUILD_UNKNOWN);
	assert_string_equal(fixture->build.why, "its supervisor is gone");
	wait_gone(job);
}

static void
test_a_token_that_is_none_names_no_folder(void **state)
{
	static const char *const tokens[] = { "..", "../../etc", "", ".", "request 1", "01ARZ3NDEKTSV4RRFFQ69G5FA/" };
	struct fixture *fixture = *state;

	/* Where it would be found if it were followed. */
	assert_int_equal(mkdir(arena_printf(fixture->arena, "%s/jobs", fixture->folder), 0700), 0);
	assert_true(job_folder_write(fixture->folder, JOB_FILE, "{}"));
	assert_true(job_folder_write(fixture->folder, END_FILE, "{\"exit\":0}"));
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		fixture->key = tokens[i];
		assert_true(on_task(fixture, ask_look));
		assert_int_equal(fixture->build.state, BUILD_UNKNOWN);
		assert_false(on_task(fixture, ask_log));
		assert_false(on_task(fixture, ask_stop));
	}
}

/* All of them. */

static void
test_the_newest_come_first_and_each_runner_has_its_own(void **state)
{
	struct fixture *fixture = *state;

	output_of(fixture, "name", "first");
	const char *first = fixture->key;
	poll(NULL, 0, 3);
	output_of(fixture, "exit", "1");
	poll(NULL, 0, 3);
	output_of(fixture, "name", "second");
	fixture->job = "name";
	assert_true(on_task(fixture, ask_latest));
	assert_int_equal(fixture->count, 2);
	assert_string_equal(fixture->builds[0].last, "second");
	assert_string_equal(fixture->builds[1].token, first);
	assert_true(on_task(fixture, ask_latest_of_other));
	assert_int_equal(fixture->count, 0);
}

static void
test_old_folders_are_removed_and_running_ones_are_not(void **state)
{
	struct fixture *fixture = *state;
	const char *all = arena_printf(fixture->arena, "%s/jobs", fixture->folder);
	const char *old = arena_printf(fixture->arena, "%s/01ARZ3NDEKTSV4RRFFQ69G5FAV", all);

	fixture->job = "long";
	fixture->key = "01ARZ3NDEKTSV4RRFFQ69G5FAW";    /* as old as the other */
	assert_true(on_task(fixture, ask_start));
	until(fixture, has_printed);
	assert_int_equal(mkdir(old, 0700), 0);
	assert_int_equal(mkdir(arena_printf(fixture->arena, "%s/work", old), 0700), 0);
	assert_true(job_folder_write(old, "work/file", "x"));
	/* What a link names is not ours to remove. */
	assert_true(job_folder_write(fixture->folder, "precious", "x"));
	assert_int_equal(symlink(fixture->folder, arena_printf(fixture->arena, "%s/work/link", old)), 0);
	job_folder_prune(all);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(folder_of(fixture), F_OK), 0);
	assert_int_equal(access(arena_printf(fixture->arena, "%s/precious", fixture->folder), F_OK), 0);
}

static void
test_of_many_ended_ones_the_newest_are_kept(void **state)
{
	struct fixture *fixture = *state;
	const char *all = arena_printf(fixture->arena, "%s/jobs", fixture->folder);

	assert_int_equal(mkdir(all, 0700), 0);
	for (int i = 0; i < 230; i++) {
		const char *one = arena_printf(fixture->arena, "%s/%s", all, new_key(fixture->arena));
		assert_int_equal(mkdir(one, 0700), 0);
		assert_true(i < 5 || job_folder_write(one, END_FILE, "{}"));
	}
	job_folder_prune(all);
	const char *const *left = job_folder_list(fixture->arena, all, 1000);
	size_t count = 0;
	while (left[count])
		count++;
	/* The five that never ended may still be asked after. Keys of one millisecond have no order. */
	assert_true(count >= 200 && count <= 205);
}

/* The configuration. */

static void
test_mistakes_in_the_configuration_are_told_with_what_to_write(void **state)
{
	static const char *const cases[][2] = {
		{ "job \"a\" { run = { \"make\" } }", "run begins with \"make\", which is no whole path" },
		{ "job \"a\" { run = { \"/no/such\" } }", "there is no program /no/such here" },
		{ "job \"a\" { run = { \"/etc/passwd\" } }", "/etc/passwd may not be executed" },
		{ "job \"a\" { run = { \"/bin/echo\", \"{b}\" } }", "run has {b}, but there is no param \"b\"" },
		{ "job \"a\" { run = { \"/bin/echo\" } param \"b\" { required = yes } }", "{b} stands nowhere in run" },
		{ "job \"a\" { run = { \"/bin/sh\", \"-c\", \"echo {b}\" } param \"b\" { required = yes } }", "{b} stands inside a script" },
		{ "job \"a\" { run = { \"/usr/bin/env\", \"bash\", \"-ec\", \"echo {b}\" } param \"b\" { required = yes } }", "{b} stands inside a script" },
		{ "job \"a\" { run = { \"/bin/echo\", \"{b}\" } param \"b\" { pattern = '[a-z]+' default = \"1\" } }", "its own default does not fit: b=1 does not fit [a-z]+" },
		{ "job \"a\" { run = { \"/bin/echo\", \"{b}\" } param \"b\" { choices = { \"x\" } default = \"y\" } }", "b=y is not x" },
		{ "job \"a\" { run = { \"/bin/echo\", \"{b}\" } param \"b\" { default = \"-y\" } }", "begins with -" },
		{ "job \"a\" { run = { \"/bin/echo\", \"{b}\" } param \"b\" { } }", "it is not required, so it needs a default" },
		{ "job \"a\" { run = { \"/bin/echo\", \"{b}\" } param \"b\" { required = yes default = \"x\" } }", "take one of them away" },
		{ "job \"a\" { run = { \"/bin/echo\" } folder = \"/no/such\" }", "there is no folder /no/such" },
		{ "job \"a\" { run = { \"/bin/echo\" } env = { \"COLOUR\" } }", "is not NAME=value" },
		{ "job \"a\" { run = { \"/bin/echo\" } timeout = \"0s\" }", "timeout is 1s or more" },
		{ "job \"a\" { run = { \"/bin/echo\" } output = 1 }", "output is 1024 to" },
		{ "job \"a b\" { run = { \"/bin/echo\" } }", "a job's name is typed as a word" },
		{ "", "it has no job" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1000];
		snprintf(text, sizeof text, "runner \"local\" { %s }\n", cases[i][0]);
		struct conf *conf = conf_read_text("test.conf", text, strlen(text));
		fill(conf, "local");
		if (conf_mistakes(conf) != 1 || !strstr(conf_mistake_at(conf, 0), cases[i][1]))
			fail_msg("%s: %s", cases[i][0], conf_mistakes(conf) ? conf_mistake_at(conf, 0) : "no mistake was found");
		conf_free(conf);
	}
}

static void
test_what_looks_like_a_script_and_is_none_is_allowed(void **state)
{
	static const char *const cases[] = {
		"run = { \"/bin/sh\", \"-c\", 'echo \"$1\"', \"x\", \"{b}\" }",
		"run = { \"/usr/bin/env\", \"python3\", \"deploy.py\", \"-e\", \"{b}\" }",
		"run = { \"/bin/echo\", \"-c\", \"{b}\" }",
		"run = { \"/bin/sh\", \"-c\", 'echo ${b}', \"x\", \"{b}\" }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[500];
		snprintf(text, sizeof text, "runner \"local\" { job \"a\" { %s param \"b\" { required = yes } } }\n", cases[i]);
		struct conf *conf = conf_read_text("test.conf", text, strlen(text));
		fill(conf, "local");
		if (conf_mistakes(conf))
			fail_msg("%s", conf_mistake_at(conf, 0));
		conf_free(conf);
	}
}

/* A gateway of its own: starts one job and waits to be killed. */
static _Noreturn void
be_a_gateway(const char *folder, const char *key, const char *job)
{
	struct fixture fixture = { .arena = arena_new(), .folder = folder, .key = key, .job = job };

	fixture.engine.state = folder;
	fixture.engine.loop = loop_open(NULL);
	fixture.engine.tasks = tasks_open(&fixture.engine, 100);
	fixture.engine.children = children_open(&fixture.engine);
	fixture.conf = conf_read_text("test.conf", jobs, strlen(jobs));
	fixture.runner = fill(fixture.conf, "local");
	fixture.ask = ask_start;
	task_start(&fixture.engine, "test", run, &fixture, NULL);
	while (!fixture.answered)
		loop_run(fixture.engine.loop);
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_value_stays_inside_its_argument, begin, end),
		cmocka_unit_test_setup_teardown(test_options_files_and_line_ends_are_refused_and_nothing_starts, begin, end),
		cmocka_unit_test_setup_teardown(test_a_dash_that_the_configuration_allows_is_passed_on, begin, end),
		cmocka_unit_test_setup_teardown(test_a_value_that_does_not_fit_is_refused_here_too, begin, end),
		cmocka_unit_test_setup_teardown(test_a_job_that_does_not_exist, begin, end),
		cmocka_unit_test_setup_teardown(test_its_environment_is_what_is_written_and_no_more, begin, end),
		cmocka_unit_test_setup_teardown(test_it_runs_alone_in_its_folder_with_nothing_of_ours_open, begin, end),
		cmocka_unit_test_setup_teardown(test_each_end_is_told_as_it_was, begin, end),
		cmocka_unit_test_setup_teardown(test_a_program_that_cannot_be_executed_fails_with_the_reason, begin, end),
		cmocka_unit_test_setup_teardown(test_when_its_time_is_up_all_that_it_started_is_ended, begin, end),
		cmocka_unit_test_setup_teardown(test_each_of_its_processes_is_asked_before_it_is_ended, begin, end),
		cmocka_unit_test_setup_teardown(test_a_job_that_does_not_listen_is_killed, begin, end),
		cmocka_unit_test_setup_teardown(test_what_it_leaves_behind_does_not_keep_it_running, begin, end),
		cmocka_unit_test_setup_teardown(test_it_is_stopped_and_who_asked_is_known, begin, end),
		cmocka_unit_test_setup_teardown(test_a_rehearsal_starts_nothing_and_says_the_command, begin, end),
		cmocka_unit_test_setup_teardown(test_of_much_output_the_beginning_and_the_end_are_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_output_is_there_while_it_runs, begin, end),
		cmocka_unit_test_setup_teardown(test_a_part_of_output_that_is_no_plain_file_is_not_read, begin, end),
		cmocka_unit_test_setup_teardown(test_the_same_request_starts_it_once, begin, end),
		cmocka_unit_test_setup_teardown(test_a_request_that_never_started_never_will, begin, end),
		cmocka_unit_test_setup_teardown(test_it_outlives_whoever_started_it_and_its_true_end_is_read_back, begin, end),
		cmocka_unit_test_setup_teardown(test_without_its_supervisor_it_does_not_go_on_and_nobody_knows_its_end, begin, end),
		cmocka_unit_test_setup_teardown(test_a_token_that_is_none_names_no_folder, begin, end),
		cmocka_unit_test_setup_teardown(test_the_newest_come_first_and_each_runner_has_its_own, begin, end),
		cmocka_unit_test_setup_teardown(test_old_folders_are_removed_and_running_ones_are_not, begin, end),
		cmocka_unit_test_setup_teardown(test_of_many_ended_ones_the_newest_are_kept, begin, end),
		cmocka_unit_test(test_mistakes_in_the_configuration_are_told_with_what_to_write),
		cmocka_unit_test(test_what_looks_like_a_script_and_is_none_is_allowed),
	};

	if (argc == 3 && !strcmp(argv[1], "supervise"))
		return supervisor_main(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "gateway"))
		be_a_gateway(argv[2], argv[3], argv[4]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
