/* spool: a folder as an inbox. */
#include "bridge/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/inbox_route.h"
#include "bridge/run/hook.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/talk/talk.h"
#include "bridge/work/command.h"
#include "bridge/work/inbox.h"
#include "bridge/work/webhook.h"

enum {
	LOOK_EVERY = 2000,              /* ms */
	AT_ONCE = 1000,                 /* files of one look */
	TRIES = 100,                    /* names that a refused file may have */
};

struct spool {
	struct bridge *bridge;
	struct watch *timer;
	bool stopped;
	char told[512];                 /* why nothing is taken: said once */
};

/* One look at the folder. */
struct look {
	struct spool *spool;
	struct task *task;
	int folder, taken;              /* descriptors */
};

struct found { const char *name; int64_t at; };

/* -- The folders ------------------------------------------------------------------------------------------------------- */

/* Only whom its owner lets may write there. -1 with the task's error. */
static int
open_folder(struct task *task, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) != 0)
		task_fail(task, "The spool %s cannot be opened: %s.", path, strerror(errno));
	else if ((status.st_uid != 0 && status.st_uid != geteuid()) || status.st_mode & S_IWOTH)
		task_fail(task, "The spool %s is not taken from: it must belong to root or to the user that runs the gateway, and not everybody may write there.", path);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
open_inner(struct task *task, int folder, const char *name)
{
	if (mkdirat(folder, name, 0700) != 0 && errno != EEXIST)
		task_fail(task, "%s cannot be made in the spool: %s.", name, strerror(errno));
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		task_fail(task, "%s in the spool cannot be opened: %s.", name, strerror(errno));
	return fd;
}

static int
by_time(const void *a, const void *b)
{
	const struct found *one = a, *other = b;

	return one->at < other->at ? -1 : one->at > other->at ? 1 : strcmp(one->name, other->name);
}

/* What is in a folder, oldest first: what begins with a dot is nobody's business. */
static size_t
list(struct arena *arena, int folder, struct found *out)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat status;
	size_t count = 0;

	if (!entries && copy >= 0)
		close(copy);
	while (entries && count < AT_ONCE && (entry = readdir(entries)))
		if (*entry->d_name != '.' && fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			out[count++] = (struct found){ arena_text(arena, entry->d_name), (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000 };
	if (entries)
		closedir(entries);
	if (count)
		qsort(out, count, sizeof *out, by_time);
	return count;
}

/* -- Refused ------------------------------------------------------------------------------------------------------------ */

static void
write_reason(int folder, const char *name, const char *why)
{
	char file[300];

	snprintf(file, sizeof file, "%s.reason", name);
	int fd = openat(folder, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	dprintf(fd, "%s\n", why);
	close(fd);
}

/* Nothing that was refused before is lost: it goes under another name then. */
static void
refuse(struct look *look, const char *name, const char *why)
{
	int refused = open_inner(look->task, look->folder, "refused");
	char as[280];

	log_warning("What is in the spool as %s was not taken: %s", name, why);
	for (int i = 0; refused >= 0 && i < TRIES; i++) {
		snprintf(as, sizeof as, i ? "%.250s.%d" : "%.250s", name, i);
		if (renameat2(look->taken, name, refused, as, RENAME_NOREPLACE) == 0) {
			write_reason(refused, as, why);
			break;
		}
		if (errno != EEXIST)
			break;
	}
	if (refused >= 0)
		close(refused);
}

/* -- One file -------------------------------------------------------------------------------------------------------------- */

static const struct instance *
instance_of(const struct bridge *bridge, const char *name)
{
	size_t length = strcspn(name, ".");

	for (size_t i = 0; bridge->talk.instances[i]; i++) {
		const struct instance *instance = bridge->talk.instances[i];
		if (strlen(instance->name) == length && !memcmp(instance->name, name, length))
			return instance->webhook ? instance : NULL;
	}
	return NULL;
}

/* Its bytes, ended by NUL; NULL with the reason. What is no file is never opened in a way that waits. */
static char *
read_file(struct arena *arena, const struct look *look, const char *name, struct stat *status, const char **why)
{
	int64_t most = look->spool->bridge->setup->hooks->body;
	int fd = openat(look->taken, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *bytes = NULL;
	size_t length = 0;

	*why = NULL;
	if (fd < 0 || fstat(fd, status) != 0)
		*why = arena_printf(arena, "It cannot be read: %s.", strerror(errno));
	else if (!S_ISREG(status->st_mode))
		*why = "It is no file.";
	else if (status->st_size > most)
		*why = arena_printf(arena, "It has %lld bytes, and body in hooks allows %lld.", (long long)status->st_size, (long long)most);
	for (ssize_t got = 1; !*why && got > 0 && length < (size_t)status->st_size; length += (size_t)got) {
		bytes = bytes ? bytes : arena_take(arena, (size_t)status->st_size + 1);
		got = read(fd, bytes + length, (size_t)status->st_size - length);
		if (got < 0)
			*why = arena_printf(arena, "It cannot be read: %s.", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	if (!*why && !length)
		*why = "It is empty.";
	return *why ? NULL : bytes;
}

/* Told apart from every other file that was ever moved in, and the same after a crash. */
static const char *
name_of(struct arena *arena, const char *name, const struct stat *status)
{
	return arena_printf(arena, "%s, file %llu of %lld.%09ld", name, (unsigned long long)status->st_ino, (long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
}

/* Whether it was dealt with; false: later. */
static bool
take_file(struct look *look, const char *name)
{
	struct bridge *bridge = look->spool->bridge;
	struct arena *arena = look->task->arena;
	const struct instance *instance = instance_of(bridge, name);
	struct webhook_answer answer = { 0 };
	enum inbox_taken taken;
	struct stat status = { 0 };
	const char *why = NULL;
	char *bytes = instance ? read_file(arena, look, name, &status, &why) : NULL;

	if (!bytes) {
		refuse(look, name, instance ? why : "No service that takes webhooks is called as it begins, up to the first dot.");
		return true;
	}
	struct posted posted = { .instance = instance->name, .name = name_of(arena, name, &status), .rest = "", .body = bytes, .length = strlen(bytes),
		.type = strchr("{[", bytes[strspn(bytes, " \t\r\n")]) ? "application/json" : "application/x-www-form-urlencoded", .arrived = clock_wall() };
	if (posted.length != (size_t)status.st_size)
		refuse(look, name, "There is a NUL in it.");
	else if (!inbox_hear(look->task, bridge, instance, &posted, &answer))
		refuse(look, name, answer.text ? answer.text : "It is not understood.");
	else if (!inbox_take(look->task, bridge->inbox, &posted, &taken) || taken == INBOX_FULL)
		return false;
	else
		unlinkat(look->taken, name, 0);
	return true;
}

/* -- A look ------------------------------------------------------------------------------------------------------------------ */

/* From a folder of its own, or from the spool: out of the reach of who moved it there. One of the same name that still waits there goes first. */
static void
claim(struct look *look, int folder, const char *prefix)
{
	struct found *found = arena_take(look->task->arena, AT_ONCE * sizeof *found);
	size_t count = list(look->task->arena, folder, found);
	struct stat status;

	for (size_t i = 0; i < count; i++) {
		const char *name = found[i].name;
		if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (!S_ISDIR(status.st_mode)) {
			renameat2(folder, name, look->taken, prefix ? task_text(look->task, "%s.%s", prefix, name) : name, RENAME_NOREPLACE);
			continue;
		}
		int inner = prefix || !instance_of(look->spool->bridge, name) ? -1 : openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner < 0)
			continue;
		claim(look, inner, name);
		close(inner);
	}
}

static void
take_claimed(struct look *look)
{
	struct found *found = arena_take(look->task->arena, AT_ONCE * sizeof *found);
	size_t count = list(look->task->arena, look->taken, found);

	for (size_t i = 0; i < count && !look->task->cancelled; i++) {
		struct arena *before = task_turn(look->task);
		bool dealt = take_file(look, found[i].name);
		task_turn_end(look->task, before);
		if (!dealt)
			return;
	}
}

static bool
look_through(struct spool *spool, struct task *task)
{
	struct look look = { .spool = spool, .task = task, .folder = open_folder(task, spool->bridge->setup->hooks->spool), .taken = -1 };

	if (look.folder >= 0)
		look.taken = open_inner(task, look.folder, ".taken");
	if (look.taken >= 0) {
		claim(&look, look.folder, NULL);
		take_claimed(&look);
		close(look.taken);
	}
	if (look.folder >= 0)
		close(look.folder);
	return look.taken >= 0;
}

static void
run(struct task *task, void *with)
{
	struct spool *spool = with;

	talk_hold(task, &spool->bridge->talk);
	if (look_through(spool, task)) {
		spool->told[0] = '\0';
	} else if (strcmp(spool->told, task->error.text)) {
		snprintf(spool->told, sizeof spool->told, "%s", task->error.text);
		log_error("%s", task->error.text);
	}
	if (!spool->stopped)
		watch_after(spool->timer, LOOK_EVERY);
}

static void
due(void *with, int events)
{
	struct spool *spool = with;
	const struct hook_settings *hooks = spool->bridge->setup->hooks;

	(void)events;
	if (spool->stopped)
		return;
	if (!hooks || !hooks->spool || !task_start(&spool->bridge->engine, "spool", run, spool, NULL))
		watch_after(spool->timer, LOOK_EVERY);
}

struct spool *
spool_open(struct bridge *bridge)
{
	struct spool *spool = memory_take(sizeof *spool);

	*spool = (struct spool){ .bridge = bridge };
	spool->timer = loop_timer(bridge->engine.loop, due, spool);
	return spool;
}

void
spool_begin(struct spool *spool)
{
	watch_after(spool->timer, 0);
}

void
spool_stop(struct spool *spool)
{
	spool->stopped = true;
	watch_off(spool->timer);
}

void
spool_close(struct spool *spool)
{
	if (!spool)
		return;
	watch_free(spool->timer);
	free(spool);
}
