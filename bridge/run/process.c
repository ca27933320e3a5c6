/* process: programs we start: argv and never a shell, a clean environment, a group of their own, limits and a deadline. */
#include "bridge/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum {
	SECONDS = 30,
	MOST = 64 * 1024,
	PATIENCE = 2000,                /* ms between asking a group to end and ending it */
	LOOK = 50,                      /* ms between two looks at a program whose end nothing tells */
	LEFT_OVER = 200,                /* ms for output that is still in the pipe when the program has ended */
};

/* A program that runs, and the task that waits for it. On that task's stack. */
struct child {
	struct child *next;
	pid_t pid;
	uint64_t task;
	bool ended;
	int status;
};

struct children {
	const struct engine *engine;
	struct watch *signal;
	struct child *list;
};

/* Each by its own pid: other libraries may have children too. */
static void
reap(void *with, int events)
{
	struct children *children = with;

	(void)events;
	for (struct child *child = children->list; child; child = child->next)
		if (!child->ended && waitpid(child->pid, &child->status, WNOHANG) == child->pid) {
			child->ended = true;
			task_wake(children->engine, child->task);
		}
}

struct children *
children_open(const struct engine *engine)
{
	struct children *children = memory_take(sizeof *children);

	children->engine = engine;
	children->signal = loop_signal(engine->loop, SIGCHLD, reap, children);
	return children;
}

void
children_close(struct children *children)
{
	if (!children)
		return;
	watch_free(children->signal);
	free(children);
}

/* Pipes: ours at [0] for its output, at [1] for its input. */
struct ends {
	int output[2], input[2];
};

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
shut_all(struct ends *ends)
{
	shut(&ends->output[0]);
	shut(&ends->output[1]);
	shut(&ends->input[0]);
	shut(&ends->input[1]);
}

static bool
open_ends(struct task *task, const struct process *process, struct ends *ends)
{
	*ends = (struct ends){ { -1, -1 }, { -1, -1 } };
	if (pipe2(ends->output, O_CLOEXEC) != 0)
		return task_fail(task, "%s could not be started: %s.", process->argv[0], strerror(errno));
	if (process->input ? pipe2(ends->input, O_CLOEXEC) != 0 : (ends->input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) {
		int why = errno;
		shut_all(ends);
		return task_fail(task, "%s could not be started: %s.", process->argv[0], strerror(why));
	}
	/* Ours wait for nothing. */
	fcntl(ends->output[0], F_SETFL, O_NONBLOCK);
	if (ends->input[1] >= 0)
		fcntl(ends->input[1], F_SETFL, O_NONBLOCK);
	return true;
}

/* Every descriptor of ours is close-on-exec; what is above the three is closed besides. */
static int
spawn(const struct process *process, const struct ends *ends, pid_t *pid)
{
	static const char *const clean[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends->input[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends->output[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends->output[1], STDERR_FILENO);
	posix_spawn_file_actions_addchdir_np(&actions, process->folder ? process->folder : "/");
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* posix_spawn() takes what it will not change without const. */
	int failed = posix_spawn(pid, process->argv[0], &actions, &attributes, (char *const *)(uintptr_t)process->argv,
		(char *const *)(uintptr_t)(process->env ? process->env : clean));
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* What has come; false at its end. More than `most` is read and dropped, so that the program never waits for us. */
static bool
drain(int fd, struct text *output)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof bytes)) > 0)
		if (output->length + (size_t)got <= output->limit)
			text_add_bytes(output, bytes, (size_t)got);
		else {
			text_add_bytes(output, bytes, output->limit - output->length);
			output->cut = true;
		}
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Gives it as much of its input as it takes; closes the pipe when all is given or it takes no more. */
static void
feed(struct ends *ends, const char *input, size_t *given)
{
	while (ends->input[1] >= 0) {
		size_t left = strlen(input) - *given;
		ssize_t took = left ? write(ends->input[1], input + *given, left) : 0;
		if (took > 0)
			*given += (size_t)took;
		else if (left && took < 0 && errno == EAGAIN)
			return;
		else
			shut(&ends->input[1]);
	}
}

struct run {
	const struct process *process;
	struct ends ends;
	struct child child;
	struct text output;
	size_t given;
	int64_t deadline, kill_at, over_at;     /* mono ms; 0: not set */
	bool late, open;
};

/* The group is asked to end, and then ended, when its time is up. The next moment at which there is something to do. */
static int64_t
keep_time(struct run *run)
{
	int64_t now = clock_mono();

	if (!run->kill_at && now >= run->deadline) {
		run->late = true;
		run->kill_at = now + PATIENCE;
		kill(-run->child.pid, SIGTERM);
	} else if (run->kill_at && now >= run->kill_at) {
		kill(-run->child.pid, SIGKILL);
		run->kill_at = now + PATIENCE;
	}
	if (run->child.ended && !run->over_at)
		run->over_at = now + LEFT_OVER;
	int64_t next = run->kill_at ? run->kill_at : run->deadline;
	return run->over_at && run->over_at < next ? run->over_at : next;
}

static bool
is_over(const struct run *run)
{
	return run->child.ended && (!run->open || clock_mono() >= run->over_at);
}

static void
attend(struct task *task, struct run *run)
{
	while (!is_over(run) && !task->cancelled) {
		int64_t next = keep_time(run), now = clock_mono();
		/* A grandchild may hold the pipe open past the program's end, and a full input pipe wants another try: so never long. */
		int64_t wait = next - now > LOOK ? LOOK : next - now;
		if (run->open)
			task_ready(task, run->ends.output[0], LOOP_READ, wait > 0 ? wait : 0);
		else
			task_pause(task, wait > 0 ? wait : 0);
		run->open = run->open && drain(run->ends.output[0], &run->output);
		if (run->process->input)
			feed(&run->ends, run->process->input, &run->given);
	}
}

static void
forget(struct children *children, const struct child *child)
{
	for (struct child **at = &children->list; *at; at = &(*at)->next)
		if (*at == child) {
			*at = child->next;
			return;
		}
}

/* Nothing of the group is left behind, and no zombie. A group that ended and let go of the pipe is gone: its number may be another's. */
static void
finish(struct task *task, struct run *run)
{
	if (!run->child.ended || run->open)
		kill(-run->child.pid, SIGKILL);
	if (!run->child.ended)
		waitpid(run->child.pid, &run->child.status, 0);
	forget(task->engine->children, &run->child);
	shut_all(&run->ends);
}

bool
process_run(struct task *task, const struct process *process, struct process_end *end)
{
	struct run run = { .process = process, .output = text_in(task->arena, process->most ? process->most : MOST), .open = true };

	if (!open_ends(task, process, &run.ends))
		return false;
	int failed = spawn(process, &run.ends, &run.child.pid);
	if (failed) {
		shut_all(&run.ends);
		return task_fail(task, "%s could not be started: %s.", process->argv[0], strerror(failed));
	}
	shut(&run.ends.output[1]);
	shut(&run.ends.input[0]);
	run.child.task = task->id;
	run.child.next = task->engine->children->list;
	task->engine->children->list = &run.child;
	run.deadline = clock_mono() + 1000 * (int64_t)(process->seconds ? process->seconds : SECONDS);
	attend(task, &run);
	finish(task, &run);
	if (task->cancelled)
		return task_fail(task, "%s was ended: the work it belongs to was cancelled.", process->argv[0]);
	*end = (struct process_end){ .status = WIFEXITED(run.child.status) ? WEXITSTATUS(run.child.status) : -1,
		.signal = WIFSIGNALED(run.child.status) ? WTERMSIG(run.child.status) : 0, .late = run.late, .cut = run.output.cut,
		.output = run.output.bytes, .length = run.output.length };
	return true;
}
