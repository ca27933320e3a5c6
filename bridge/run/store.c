/* store: the thread with the one connection: works, queued up and committed together. */
#include "bridge/run/store_db.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum {
	GROUP = 512,                    /* works in one transaction */
	WORKS_MOST = 10000,             /* queued: then what changes something is refused */
	BYTES_MOST = 16 << 20,          /* of what they carry */
};

struct work {
	struct work *next;
	struct arena *arena;
	work_fn *run;
	void *with;
	struct error error;
	bool ok, over;
	bool outcome;                   /* taken however much waits */
	size_t size;                    /* bytes it carries, when it was queued */
	uint64_t task;                  /* who waits; 0: nobody */
	work_done *done;
	void *to;
};

struct queue {
	struct work *first, **last;
	size_t count, bytes;
};

struct store {
	const struct engine *engine;
	struct db db;
	int lock;                       /* holds a second gateway out */
	int done_fd;
	struct watch *done_watch;
	pthread_t thread;
	bool begun;
	pthread_mutex_t mutex;          /* guards what follows */
	pthread_cond_t more;
	struct queue waiting, done;
	bool closing, failing;
	struct error why;
};

/* Works. */

struct work *
work_new(work_fn *run, size_t size)
{
	struct work *work = memory_take(sizeof *work);

	work->arena = arena_new();
	work->run = run;
	work->with = arena_take(work->arena, size ? size : 1);
	return work;
}

void
work_is_outcome(struct work *work)
{
	work->outcome = true;
}

void *
work_with(struct work *work)
{
	return work->with;
}

struct arena *
work_arena(struct work *work)
{
	return work->arena;
}

static void
work_free(void *with)
{
	struct work *work = with;

	arena_free(work->arena);
	free(work);
}

static void
put(struct queue *queue, struct work *work)
{
	work->next = NULL;
	*queue->last = work;
	queue->last = &work->next;
	queue->count++;
	queue->bytes += work->size;
}

static struct queue
take_all(struct queue *queue, size_t most)
{
	struct queue taken = { 0 };

	taken.last = &taken.first;
	while (queue->first && taken.count < most) {
		struct work *work = queue->first;
		queue->first = work->next;
		queue->count--;
		queue->bytes -= work->size;
		put(&taken, work);
	}
	if (!queue->first)
		queue->last = &queue->first;
	return taken;
}

/* The thread. */

/* SQLite gave up the whole transaction by itself, as it does on a full disk. */
static bool
gave_up(struct db *db)
{
	return sqlite3_get_autocommit(db->connection) != 0;
}

/* False with an error where nobody can tell what of it is in the transaction: then that must not be committed. */
static bool
run_one(struct db *db, struct work *work, struct error *error)
{
	if (!db_exec(db, "SAVEPOINT work", error))
		return false;
	work->ok = db_work(db, work->run, work->with, work->arena, &work->error);
	if (gave_up(db)) {
		error_set(error, "The store gave up what it was writing: nothing was stored.");
		if (!work->ok)
			*error = work->error;
		return false;
	}
	return (work->ok || db_exec(db, "ROLLBACK TO work", error)) && db_exec(db, "RELEASE work", error);
}

/* All of them, or none: a transaction that could not be committed, or that SQLite gave up, takes every work with it. */
static void
run_group(struct db *db, struct queue *group, struct error *error)
{
	if (!gave_up(db))
		db_exec(db, "ROLLBACK", NULL);          /* of a group that could not even be taken back */
	bool fine = db_exec(db, "BEGIN IMMEDIATE", error);

	for (struct work *work = group->first; fine && work; work = work->next)
		fine = run_one(db, work, error);
	fine = fine && db_exec(db, "COMMIT", error);
	if (fine)
		return;
	if (!gave_up(db))
		db_exec(db, "ROLLBACK", NULL);
	for (struct work *work = group->first; work; work = work->next)
		if (work->ok || !work->error.text[0]) {
			work->ok = false;
			work->error = *error;
		}
}

static void
tell_loop(struct store *store)
{
	uint64_t one = 1;
	ssize_t written = write(store->done_fd, &one, sizeof one);

	(void)written;          /* a full counter has told it already */
}

static void *
serve(void *with)
{
	struct store *store = with;

	pthread_mutex_lock(&store->mutex);
	for (;;) {
		while (!store->waiting.first && !store->closing)
			pthread_cond_wait(&store->more, &store->mutex);
		if (!store->waiting.first)
			break;
		struct queue group = take_all(&store->waiting, GROUP);
		pthread_mutex_unlock(&store->mutex);
		struct error error = { "" };
		run_group(&store->db, &group, &error);
		pthread_mutex_lock(&store->mutex);
		store->failing = error.text[0] != '\0';
		store->why = error;
		while (group.first) {
			struct work *work = group.first;
			group.first = work->next;
			put(&store->done, work);
		}
		tell_loop(store);
	}
	pthread_mutex_unlock(&store->mutex);
	return NULL;
}

/* On the loop: whoever waited goes on. */
static void
finish(struct store *store, struct work *work)
{
	if (work->task) {
		work->over = true;
		task_wake_now(store->engine, work->task);
		return;
	}
	if (!work->ok)
		log_error("What was to be stored was not: %s", work->error.text);
	if (work->done)
		work->done(work, work->ok, &work->error, work->to);
	work_free(work);
}

static void
done(void *with, int events)
{
	struct store *store = with;
	uint64_t count;
	ssize_t got = read(store->done_fd, &count, sizeof count);

	(void)events;
	(void)got;
	pthread_mutex_lock(&store->mutex);
	struct queue works = take_all(&store->done, (size_t)-1);
	pthread_mutex_unlock(&store->mutex);
	while (works.first) {
		struct work *work = works.first;
		works.first = work->next;
		finish(store, work);
	}
}

static bool
submit(struct store *store, struct work *work, bool always)
{
	work->size = arena_size(work->arena);
	pthread_mutex_lock(&store->mutex);
	bool taken = always || (store->waiting.count < WORKS_MOST && store->waiting.bytes + work->size <= BYTES_MOST);
	if (taken) {
		put(&store->waiting, work);
		pthread_cond_signal(&store->more);
	}
	pthread_mutex_unlock(&store->mutex);
	return taken;
}

bool
store_commit(struct task *task, struct work *work)
{
	struct store *store = task->engine->store;

	task_defer(task, work_free, work);
	work->task = task->id;
	if (!submit(store, work, work->outcome))
		return task_fail(task, "Too much waits to be stored: nothing was stored. Try again in a moment.");
	while (!work->over)
		task_park_firmly(task);
	return work->ok || task_fail(task, "%s", work->error.text);
}

void
store_queue(struct store *store, struct work *work, work_done *call, void *to)
{
	work->done = call;
	work->to = to;
	submit(store, work, true);
}

bool
store_failing(const struct store *store, struct error *why)
{
	/* The lock is no part of what a caller may see as changed. */
	pthread_mutex_t *mutex = (pthread_mutex_t *)(uintptr_t)&store->mutex;

	pthread_mutex_lock(mutex);
	bool failing = store->failing;
	if (failing && why)
		*why = store->why;
	pthread_mutex_unlock(mutex);
	return failing;
}

size_t
store_waiting(const struct store *store)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)(uintptr_t)&store->mutex;

	pthread_mutex_lock(mutex);
	size_t count = store->waiting.count;
	pthread_mutex_unlock(mutex);
	return count;
}

/* Opening. */

static bool
begin_thread(struct store *store, struct error *error)
{
	store->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (store->done_fd < 0)
		return error_set(error, "The system gives no more descriptors.");
	store->done_watch = loop_descriptor(store->engine->loop, store->done_fd, LOOP_READ, done, store);
	store->begun = pthread_create(&store->thread, NULL, serve, store) == 0;
	return store->begun || error_set(error, "The system gives no thread for the store.");
}

struct store *
store_open(const struct engine *engine, const char *folder, const struct tables *const *tables,
	enum store_open_error *why, struct error *error)
{
	struct store *store = memory_take(sizeof *store);

	store->engine = engine;
	store->done_fd = -1;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->more, NULL);
	store->waiting.last = &store->waiting.first;
	store->done.last = &store->done.first;
	store->lock = store_lock(folder, why, error);
	if (store->lock >= 0 && db_open(&store->db, folder, tables, why, error) && begin_thread(store, error)) {
		*why = STORE_FINE;
		return store;
	}
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->mutex);
	store->closing = true;
	pthread_cond_signal(&store->more);
	pthread_mutex_unlock(&store->mutex);
	if (store->begun)
		pthread_join(store->thread, NULL);
	if (store->done_watch)
		done(store, 0);
	watch_free(store->done_watch);
	db_close(&store->db);
	if (store->done_fd >= 0)
		close(store->done_fd);
	if (store->lock >= 0)
		close(store->lock);
	pthread_cond_destroy(&store->more);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}
