/* people_directory: people of a file or a program. */
#include "bridge/work/people_directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/directory.h"
#include "bridge/rights/overlay.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/process.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/talk.h"
#include "bridge/work/people.h"

enum { NAMES_SHOWN = 10 };

struct directory {
	const struct talk *talk;
	struct watch *timer;
	struct arena *arena;            /* of what was read; NULL: nothing yet */
	char *text;                     /* it, as it was written; "" */
	struct directory_people people;
	int64_t read, seen;             /* wall ms, 0: never; the same moment in mono ms */
	bool reading, failing, believed, stale;
};

/* -- What is kept of it --------------------------------------------------------------------------------------------------- */

static const char *const schema[] = {
	"CREATE TABLE directory(one INTEGER PRIMARY KEY CHECK(one=1), read INTEGER NOT NULL, body TEXT NOT NULL) STRICT;",
	NULL
};

const struct tables directory_tables = { "directory", schema };

struct keeping {
	const char *body;
	int64_t read;
	struct audit_entry audit;       /* where `what` is set: who is in it has changed */
};

static bool
write_kept(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct keeping *keeping = with;

	(void)arena;
	return db_run(db, error, "INSERT INTO directory(one, read, body) VALUES(1,?,?) ON CONFLICT(one) DO UPDATE SET read=excluded.read, body=excluded.body", "it",
		keeping->read, keeping->body) && (!keeping->audit.what || audit_write(db, &keeping->audit, error));
}

static bool
read_kept(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct keeping *keeping = with;
	struct row row;

	db_query(db, &row, "SELECT read, body FROM directory", "");
	if (row_next(&row)) {
		keeping->read = row_integer(&row, 0);
		keeping->body = arena_text(arena, row_text(&row, 1));
	}
	return row_end(&row, error);
}

/* -- What it says ---------------------------------------------------------------------------------------------------------- */

/* "; new: dana, erin" */
static void
say_names(struct text *text, const char *what, const struct directory_people *of, const struct directory_people *not_in)
{
	size_t count = 0;

	for (size_t i = 0; i < of->count; i++) {
		if (directory_has(not_in, of->each[i].name))
			continue;
		if (count < NAMES_SHOWN)
			text_printf(text, "%s%s", count ? ", " : what, of->each[i].name);
		count++;
	}
	if (count > NAMES_SHOWN)
		text_printf(text, " and %zu more", count - NAMES_SHOWN);
}

/* From here on it is what counts. The arena is taken over. */
static void
take(struct directory *directory, struct arena *arena, const char *text, const struct directory_people *people, int64_t read)
{
	struct arena *before = directory->arena;

	directory->arena = arena;
	directory->text = arena_text(arena, text);
	directory->people = *people;
	/* Of an earlier life it is as old as the wall clock says, and never newer than now: a clock that is set since then ages nothing. */
	int64_t age = clock_wall() - read;
	directory->read = read;
	directory->seen = clock_mono() - (age > 0 ? age : 0);
	directory->stale = false;
	arena_free(before);
	people_changed(directory->talk->people);
}

static bool
is_stale(const struct directory *directory)
{
	const struct directory_settings *settings = directory->talk->directory_settings;

	return settings && clock_mono() - directory->seen > settings->stale;
}

bool
directory_known(const struct directory *directory)
{
	return !directory->talk->directory_settings || (directory->read && !directory->stale);
}

void
directory_overlay(const struct directory *directory, struct arena *arena, struct overlay *overlay)
{
	struct directory_people people = { 0 };
	struct error error;

	if (!directory->talk->directory_settings || !directory->read || directory->stale)
		return;
	/* Its text is what is copied: read once, it is read again. */
	if (directory_read(arena, directory->text, strlen(directory->text), &people, &error)) {
		overlay->persons = people.each;
		overlay->person_count = people.count;
	}
}

/* -- Reading it -------------------------------------------------------------------------------------------------------------- */

/* What was read, or written by a program; NULL with a sentence. */
struct written {
	const char *bytes;
	size_t length;
};

static struct written
read_file(struct task *task, const char *path)
{
	FILE *file = fopen(path, "re");
	char *bytes = file ? arena_take(task->arena, DIRECTORY_SIZE + 2) : NULL;

	if (!file) {
		task_fail(task, "%s: %s", path, strerror(errno));
		return (struct written){ 0 };
	}
	size_t length = fread(bytes, 1, DIRECTORY_SIZE + 1, file);
	bool fine = !ferror(file);
	fclose(file);
	if (!fine)
		task_fail(task, "%s could not be read to its end", path);
	return (struct written){ fine ? bytes : NULL, length };
}

static struct written
run_program(struct task *task, const struct directory_settings *settings, const char *input)
{
	const char **argv = arena_take(task->arena, (settings->run.count + 1) * sizeof *argv);
	struct process_end end;

	for (size_t i = 0; i < settings->run.count; i++)
		argv[i] = settings->run.each[i];
	const struct process process = { .argv = argv, .input = input, .seconds = (unsigned)(settings->timeout / 1000), .most = DIRECTORY_SIZE + 1 };
	if (!process_run(task, &process, &end))
		return (struct written){ 0 };
	if (end.late)
		task_fail(task, "%s took longer than %s", argv[0], clock_span(task->arena, settings->timeout));
	else if (end.status)
		task_fail(task, "%s ended with %s %d", argv[0], end.signal ? "signal" : "exit code", end.signal ? end.signal : end.status);
	return (struct written){ end.late || end.status ? NULL : end.output, end.length };
}

/* Kept before it counts, so that a restart knows the same. */
static bool
keep(struct task *task, struct directory *directory, const char *text, const struct directory_people *people, int64_t now)
{
	struct work *work = work_new(write_kept, sizeof(struct keeping));
	struct keeping *keeping = work_with(work);
	struct arena *arena = work_arena(work);
	struct text said = text_in(arena, 800);
	bool changed = !directory->text || strcmp(directory->text, text) != 0;

	*keeping = (struct keeping){ arena_text(arena, text), now, { 0 } };
	if (changed) {
		text_printf(&said, "%zu %s", people->count, people->count == 1 ? "person" : "people");
		say_names(&said, "; new: ", people, &directory->people);
		say_names(&said, "; gone: ", &directory->people, people);
		keeping->audit = (struct audit_entry){ .what = "directory", .result = said.bytes };
		log_info("The directory: %s.", said.bytes);
	}
	return store_commit(task, work);
}

static bool
look(struct task *task, struct directory *directory)
{
	const struct directory_settings *settings = directory->talk->directory_settings;
	struct directory_people people;
	struct written written = { 0 };
	int64_t now = clock_wall();

	if (settings->file)
		written = read_file(task, settings->file);
	if (settings->run.count && (written.bytes || !settings->file))
		written = run_program(task, settings, written.bytes);
	if (!written.bytes)
		return false;
	struct arena *arena = arena_new();
	if (!directory_read(arena, written.bytes, written.length, &people, &task->error)) {
		arena_free(arena);
		return false;
	}
	bool fine = directory->believed || !directory_shrunk(&directory->people, &people);
	if (!fine)
		task_fail(task, "more than half of its %zu people are gone at once; where they have left, reload my configuration", directory->people.count);
	if (!fine || !keep(task, directory, written.bytes, &people, now)) {
		arena_free(arena);
		return false;
	}
	directory->believed = false;
	take(directory, arena, written.bytes, &people, now);
	return true;
}

/* What goes wrong is told once, and again when it is over. */
static void
tell(struct task *task, struct directory *directory, bool fine)
{
	bool was = directory->failing;

	directory->failing = !fine;
	if (fine && was)
		operators_tell(directory->talk, card_new(task->arena, TONE_GOOD, "the directory can be read again"), NULL);
	if (fine)
		return;
	if (!directory->stale && directory->read && is_stale(directory)) {
		directory->stale = true;
		log_error("The directory could not be read for too long; nobody of it is known any more.");
		operators_tell(directory->talk, card_new(task->arena, TONE_BAD, "the directory could not be read since %s; nobody of it is known any more",
			clock_ago(task->arena, directory->read, clock_wall())), NULL);
		people_changed(directory->talk->people);
	}
	if (was)
		return;
	const char *still = directory->read && !directory->stale ? "What it said before counts meanwhile" : "Nobody of it is known";
	log_error("The directory is of no use: %s. %s.", task->error.text, still);
	operators_tell(directory->talk, card_new(task->arena, TONE_BAD, "the directory is of no use: %s. %s", task->error.text, still), NULL);
}

static void
look_and_tell(struct task *task, struct directory *directory)
{
	if (directory->reading || !directory->talk->directory_settings)
		return;
	directory->reading = true;
	talk_hold(task, directory->talk);
	bool fine = look(task, directory);
	directory->reading = false;
	if (task->cancelled)
		return;
	tell(task, directory, fine);
	people_left(directory->talk->people);
}

static void
set_timer(struct directory *directory, int64_t ms)
{
	if (directory->talk->directory_settings)
		watch_after(directory->timer, ms);
	else
		watch_off(directory->timer);
}

static void
read_task(struct task *task, void *with)
{
	struct directory *directory = with;

	look_and_tell(task, directory);
	if (!task->cancelled && directory->talk->directory_settings)
		set_timer(directory, directory->talk->directory_settings->every);
}

static void
due(void *with, int events)
{
	struct directory *directory = with;

	(void)events;
	if (!task_start_reserved(directory->talk->engine, "directory", read_task, directory, NULL))
		set_timer(directory, directory->talk->directory_settings->every);
}

/* -- Our life ------------------------------------------------------------------------------------------------------------------ */

struct directory *
directory_open(const struct talk *talk)
{
	struct directory *directory = memory_take(sizeof *directory);

	directory->talk = talk;
	directory->timer = loop_timer(talk->engine->loop, due, directory);
	return directory;
}

void
directory_close(struct directory *directory)
{
	if (!directory)
		return;
	watch_free(directory->timer);
	arena_free(directory->arena);
	free(directory);
}

static void
take_kept(struct task *task, struct directory *directory)
{
	struct work *work = work_new(read_kept, sizeof(struct keeping));
	const struct keeping *keeping = work_with(work);
	struct directory_people people;
	struct arena *arena = arena_new();

	if (!store_commit(task, work))
		log_error("What the directory said before could not be read: %s", task->error.text);
	else if (keeping->body && directory_read(arena, keeping->body, strlen(keeping->body), &people, &task->error)) {
		take(directory, arena, keeping->body, &people, keeping->read);
		directory->stale = is_stale(directory);
		people_changed(directory->talk->people);
		return;
	}
	arena_free(arena);
}

void
directory_load(struct task *task, struct directory *directory)
{
	if (!directory->talk->directory_settings)
		return;
	take_kept(task, directory);
	read_task(task, directory);
}

void
directory_renew(struct directory *directory)
{
	directory->believed = true;
	set_timer(directory, 0);
}
