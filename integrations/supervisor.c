/* supervisor: keeps one job of the runner: starts it, keeps its output, ends it in time, writes how it ended. */
#include "integrations/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "integrations/job_folder.h"

enum {
	PATIENCE = 5000,                /* ms between asking the job to end and ending it */
	LEFT_OVER = 2000,               /* ms for output of what the job left behind */
	LONGEST = 60 * 1000,            /* ms of one wait */
	WORDS_MOST = 1000,
	END_SIZE = 1024,                /* kept free from the start: a full disk must not hide how it ended */
	JOB_MOST = 1 << 20,
};

/* One job, from its folder. */
struct job {
	struct arena *arena;
	const char *path;
	int folder;
	char **argv, **env;
	const char *where;              /* it runs there */
	int64_t timeout, most;          /* ms, bytes */

	pid_t pid;
	int output, signals, end;
	int64_t started, deadline, kill_at, over_at;    /* started: wall; the others monotonic, 0: not set */
	bool ended, open, late, stopped;
	int status, failed;             /* failed: errno of starting it */

	int part;                       /* the file of output that is written now, and how much of it */
	int64_t part_size;
	unsigned parts;
};

/* Reading what to do. */

static char **
words(struct job *job, struct json_object *object, const char *name)
{
	size_t count = json_count(object, name);

	if (!count || count > WORDS_MOST)
		return NULL;
	char **each = arena_take(job->arena, (count + 1) * sizeof *each);
	for (size_t i = 0; i < count; i++) {
		struct json_object *word = json_object_array_get_idx(json_at(object, name), i);
		if (!json_object_is_type(word, json_type_string))
			return NULL;
		each[i] = arena_text(job->arena, json_object_get_string(word));
	}
	return each;
}

static bool
read_job(struct job *job, struct error *error)
{
	size_t length;
	char *text = job_folder_read(job->arena, job->path, JOB_FILE, JOB_MOST, &length);
	struct json_object *object = text ? json_read(job->arena, text, length, error) : NULL;

	if (!object)
		return error_set(error, "its description cannot be read");
	job->argv = words(job, object, "argv");
	job->env = words(job, object, "env");
	job->where = json_string(object, "folder", NULL);
	job->timeout = json_integer(object, "timeout", 0);
	job->most = json_integer(object, "output", 0);
	if (!job->argv || !job->env || !job->where || *job->argv[0] != '/' || job->timeout <= 0 || job->most <= 0)
		return error_set(error, "its description is not complete");
	return true;
}

/* The one who may start it. */

static bool
make_durable(const struct job *job)
{
	int parent = openat(job->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = parent >= 0 && fsync(parent) == 0 && fsync(job->folder) == 0;

	if (parent >= 0)
		close(parent);
	return fine;
}

static bool
claim(struct job *job, struct error *error)
{
	/* Never closed: it is given back when this process ends, however that comes. */
	if (job_folder_lock(job->path) < 0)
		return error_set(error, "somebody keeps it already");
	job->started = clock_wall();
	if (job_folder_write(job->path, BEGAN_FILE, arena_printf(job->arena, "{\"started\":%lld}", (long long)job->started)))
		return true;
	if (errno == EEXIST)
		return error_set(error, "it was started before, or may not start any more");
	return error_set(error, "its folder cannot be written: %s", strerror(errno));
}

static bool
prepare(struct job *job, struct error *error)
{
	char blanks[END_SIZE];

	memset(blanks, ' ', sizeof blanks);
	mkdirat(job->folder, WORK_FOLDER, 0700);
	job->end = openat(job->folder, END_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (job->end < 0 || write(job->end, blanks, sizeof blanks) != (ssize_t)sizeof blanks || fsync(job->end) != 0 || !make_durable(job))
		return error_set(error, "its folder cannot be written: %s", strerror(errno));
	return true;
}

/* Starting it: in a session and group of its own, with nothing of ours open. */

static void
become_job(const struct job *job, pid_t supervisor, int output, int report)
{
	sigset_t none;
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Without its supervisor nobody would end it in time. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor)
		_exit(EX_UNAVAILABLE);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0
	    && chdir(job->where) == 0)
		execve(job->argv[0], job->argv, job->env);
	int why = errno;
	if (write(report, &why, sizeof why) < 0)
		_exit(EX_OSERR);
	_exit(EX_UNAVAILABLE);
}

static bool
start(struct job *job)
{
	int output[2], report[2];
	pid_t supervisor = getpid();

	if (pipe2(output, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0) {
		job->failed = errno;
		return false;
	}
	job->pid = fork();
	if (job->pid == 0)
		become_job(job, supervisor, output[1], report[1]);
	job->failed = job->pid < 0 ? errno : 0;
	close(output[1]);
	close(report[1]);
	/* Its execve() closes the pipe; where that failed, it holds why. */
	if (job->pid > 0 && read(report[0], &job->failed, sizeof job->failed) == (ssize_t)sizeof job->failed)
		waitpid(job->pid, NULL, 0);
	close(report[0]);
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	job->output = output[0];
	job->open = true;
	job->deadline = clock_mono() + job->timeout;
	return !job->failed;
}

/* Its output: half of what is kept for the beginning, the other half for the end, in two parts of which the older goes. */

static int64_t
part_room(const struct job *job)
{
	int64_t room = job->parts == 1 ? job->most / 2 : job->most / 4;

	return room > 0 ? room - job->part_size : 1;
}

static void
next_part(struct job *job)
{
	char name[32];

	if (job->part >= 0)
		close(job->part);
	snprintf(name, sizeof name, OUTPUT_FILE "%u", job->parts);
	job->part = openat(job->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	job->part_size = 0;
	if (job->parts >= 3) {
		snprintf(name, sizeof name, OUTPUT_FILE "%u", job->parts - 2);
		unlinkat(job->folder, name, 0);
	}
	job->parts++;
}

static void
keep_output(struct job *job, const char *bytes, size_t length)
{
	while (length > 0) {
		if (part_room(job) <= 0)
			next_part(job);
		size_t room = (size_t)part_room(job), size = length < room ? length : room;
		/* A full disk loses output, never the job. */
		ssize_t kept = job->part >= 0 ? write(job->part, bytes, size) : -1;
		(void)kept;
		job->part_size += (int64_t)size;
		bytes += size;
		length -= size;
	}
}

static void
take_output(struct job *job)
{
	char bytes[16384];
	ssize_t got;

	while ((got = read(job->output, bytes, sizeof bytes)) > 0)
		keep_output(job, bytes, (size_t)got);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(job->output);
	job->output = -1;
	job->open = false;
}

/* Its end. */

static void
ask_to_end(struct job *job)
{
	if (job->kill_at || job->ended)
		return;
	kill(-job->pid, SIGTERM);
	job->kill_at = clock_mono() + PATIENCE;
}

/* It is not reaped yet: as long as it is a zombie, its number is nobody else's. */
static void
look_whether_ended(struct job *job)
{
	siginfo_t told = { 0 };

	if (job->ended || waitid(P_PID, (id_t)job->pid, &told, WEXITED | WNOHANG | WNOWAIT) != 0 || told.si_pid != job->pid)
		return;
	job->ended = true;
	job->over_at = clock_mono() + LEFT_OVER;
}

static void
take_signals(struct job *job)
{
	struct signalfd_siginfo told;

	look_whether_ended(job);
	while (read(job->signals, &told, sizeof told) == (ssize_t)sizeof told)
		if (told.ssi_signo != SIGCHLD && !job->ended && !job->late) {
			job->stopped = true;
			ask_to_end(job);
		}
	/* Whatever ended since we looked: its SIGCHLD is read, and no other comes. */
	look_whether_ended(job);
}

static void
keep_time(struct job *job)
{
	int64_t now = clock_mono();

	if (!job->ended && !job->kill_at && now >= job->deadline) {
		job->late = true;
		ask_to_end(job);
	}
	if (!job->ended && job->kill_at && now >= job->kill_at) {
		kill(-job->pid, SIGKILL);
		job->kill_at = now + PATIENCE;
	}
}

static bool
is_over(const struct job *job)
{
	return job->ended && (!job->open || clock_mono() >= job->over_at);
}

static int
time_to_wait(const struct job *job)
{
	int64_t next = job->ended ? job->over_at : job->kill_at ? job->kill_at : job->deadline, wait = next - clock_mono();

	return wait < 0 ? 0 : wait > LONGEST ? LONGEST : (int)wait;
}

static void
attend(struct job *job)
{
	while (!is_over(job)) {
		struct pollfd ready[] = { { job->signals, POLLIN, 0 }, { job->output, POLLIN, 0 } };
		poll(ready, 2, time_to_wait(job));
		if (job->open)
			take_output(job);
		take_signals(job);
		keep_time(job);
	}
	/* Whoever was asked to end takes along all that it started; else only what still holds our pipe. */
	if (job->open || job->kill_at)
		kill(-job->pid, SIGKILL);
	if (job->open)
		take_output(job);
	waitpid(job->pid, &job->status, 0);
}

static const char *
end_text(struct job *job)
{
	struct json_object *end = json_new_object(job->arena);

	json_set_integer(end, "exit", !job->failed && WIFEXITED(job->status) ? WEXITSTATUS(job->status) : -1);
	json_set_integer(end, "signal", !job->failed && WIFSIGNALED(job->status) ? WTERMSIG(job->status) : 0);
	json_set_integer(end, "late", job->late);
	json_set_integer(end, "stopped", job->stopped);
	json_set_integer(end, "started", job->started);
	json_set_integer(end, "ended", clock_wall());
	if (job->failed)
		json_set(end, "error", strerror(job->failed));
	return json_write(end);
}

static void
write_end(struct job *job)
{
	const char *text = end_text(job);
	size_t length = strlen(text);

	if (pwrite(job->end, text, length < END_SIZE ? length : END_SIZE, 0) == (ssize_t)length && fsync(job->end) == 0
	    && renameat(job->folder, END_FILE ".new", job->folder, END_FILE) == 0)
		fsync(job->folder);
}

/* The process that keeps it. */

static void
leave_the_gateway(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	umask(077);
	if (chdir("/") != 0 || nothing < 0)
		_exit(EX_OSERR);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	dup2(nothing, STDERR_FILENO);
}

static int
watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The folder of all jobs. */
static const char *
dirname_of(const struct job *job)
{
	const char *slash = strrchr(job->path, '/');

	return arena_slice(job->arena, job->path, (size_t)(slash - job->path));
}

/* Says how starting went: one byte, and the sentence. The gateway waits for the end of it. */
static void
report(int fd, int code, const char *sentence)
{
	char bytes[sizeof(struct error) + 1] = { (char)code };
	size_t length = strlen(sentence);

	memcpy(bytes + 1, sentence, length);
	if (write(fd, bytes, length + 1) < 0)
		_exit(EX_IOERR);
	close(fd);
}

static void
keep(const char *path, int reporting)
{
	struct job job = { .arena = arena_new(), .path = path, .folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), .part = -1 };
	struct error error = { "" };

	leave_the_gateway();
	job.signals = watch_signals();
	if (job.folder < 0 || job.signals < 0 || !read_job(&job, &error)) {
		report(reporting, EX_DATAERR, *error.text ? error.text : strerror(errno));
		_exit(EX_DATAERR);
	}
	if (!claim(&job, &error) || !prepare(&job, &error)) {
		report(reporting, EX_TEMPFAIL, error.text);
		_exit(EX_TEMPFAIL);
	}
	next_part(&job);
	bool started = start(&job);
	report(reporting, EX_OK, "");
	if (started)
		attend(&job);
	write_end(&job);
	job_folder_prune(dirname_of(&job));
	arena_free(job.arena);
	_exit(EX_OK);
}

int
supervisor_main(const char *folder)
{
	char told[sizeof(struct error) + 2] = { 0 };
	int ends[2];

	if (*folder != '/' || pipe2(ends, O_CLOEXEC) != 0)
		return EX_USAGE;
	pid_t pid = fork();
	if (pid < 0)
		return EX_OSERR;
	if (pid == 0) {
		close(ends[0]);
		keep(folder, ends[1]);
	}
	close(ends[1]);
	size_t length = 0;
	for (ssize_t got; length + 1 < sizeof told && (got = read(ends[0], told + length, sizeof told - 1 - length)) > 0;)
		length += (size_t)got;
	close(ends[0]);
	if (!length)
		return EX_SOFTWARE;
	if (told[0])
		fprintf(stderr, "%s\n", told + 1);
	return told[0];
}
