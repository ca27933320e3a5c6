/* store: the thread with the one connection: SQLite, transactions, migrations. */
#include "bridge/run/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum {
	GROUP = 512,                    /* works in one transaction */
	WORKS_MOST = 10000,             /* queued: then what changes something is refused */
	STATEMENTS = 128,               /* prepared and kept */
	LOG_ID = 16,
};

/* Statements are found again by the address of their text: callers pass literals. */
struct statement {
	const char *sql;
	sqlite3_stmt *prepared;
	bool busy;
};

struct db {
	sqlite3 *connection;
	struct statement statements[STATEMENTS];
	size_t count;
	int64_t boot;
	unsigned char log_id[LOG_ID];
};

struct work {
	struct work *next;
	struct arena *arena;
	work_fn *run;
	void *with;
	struct error error;
	bool ok, over;
	uint64_t task;                  /* who waits; 0: nobody */
	work_done *done;
	void *to;
};

struct queue {
	struct work *first, **last;
	size_t count;
};

struct store {
	const struct engine *engine;
	struct db db;
	char *folder;
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

/* SQL. */

/* I/O that fails may have left anything on the disk: only a new start, which reads it again, can tell. */
static void
check_disk(sqlite3 *connection, int code)
{
	int extended = sqlite3_extended_errcode(connection);

	if ((code & 0xff) != SQLITE_IOERR || extended == SQLITE_IOERR_NOMEM)
		return;
	log_error("The disk failed under the store (%s): nothing can be trusted now, so I end. A new start reads what is really there.",
		sqlite3_errmsg(connection));
	abort();
}

static bool
sql_failed(struct db *db, int code, struct error *error)
{
	check_disk(db->connection, code);
	switch (code & 0xff) {
	case SQLITE_FULL:
		return error_set(error, "The disk is full: nothing was stored.");
	case SQLITE_BUSY:
		return error_set(error, "The store is held by another program: nothing was stored.");
	default:
		return error_set(error, "The store refused: %s.", sqlite3_errmsg(db->connection));
	}
}

static sqlite3_stmt *
prepare(struct db *db, const char *sql)
{
	struct statement *free_one = NULL;
	sqlite3_stmt *prepared = NULL;

	for (size_t i = 0; i < db->count; i++)
		if (db->statements[i].sql == sql && !db->statements[i].busy) {
			db->statements[i].busy = true;
			return db->statements[i].prepared;
		}
	if (db->count < STATEMENTS)
		free_one = &db->statements[db->count];
	for (size_t i = 0; !free_one && i < db->count; i++)
		if (!db->statements[i].busy)
			free_one = &db->statements[i];
	if (sqlite3_prepare_v3(db->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, NULL) != SQLITE_OK || !free_one) {
		sqlite3_finalize(prepared);
		return NULL;
	}
	if (free_one == &db->statements[db->count])
		db->count++;
	else
		sqlite3_finalize(free_one->prepared);
	*free_one = (struct statement){ sql, prepared, true };
	return prepared;
}

static void
release(struct db *db, sqlite3_stmt *prepared)
{
	for (size_t i = 0; i < db->count; i++)
		if (db->statements[i].prepared == prepared) {
			sqlite3_reset(prepared);
			sqlite3_clear_bindings(prepared);
			db->statements[i].busy = false;
			return;
		}
}

static void
bind_all(sqlite3_stmt *prepared, const char *types, va_list values)
{
	for (int i = 1; *types; types++, i++)
		if (*types == 'i')
			sqlite3_bind_int64(prepared, i, va_arg(values, int64_t));
		else if (*types == 't')
			sqlite3_bind_text(prepared, i, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
		else {
			const void *bytes = va_arg(values, const void *);
			sqlite3_bind_blob64(prepared, i, bytes, va_arg(values, size_t), SQLITE_TRANSIENT);
		}
}

void
db_query(struct db *db, struct row *row, const char *sql, const char *types, ...)
{
	va_list values;

	*row = (struct row){ prepare(db, sql), db, false };
	row->failed = !row->statement;
	if (row->failed)
		return;
	va_start(values, types);
	bind_all(row->statement, types, values);
	va_end(values);
}

bool
row_next(struct row *row)
{
	if (!row->statement)
		return false;
	int code = sqlite3_step(row->statement);
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE) {
		check_disk(row->db->connection, code);
		row->failed = true;
	}
	release(row->db, row->statement);
	row->statement = NULL;
	return false;
}

bool
row_end(struct row *row, struct error *error)
{
	if (row->statement)
		release(row->db, row->statement);
	row->statement = NULL;
	return !row->failed || sql_failed(row->db, sqlite3_errcode(row->db->connection), error);
}

int64_t
row_integer(const struct row *row, int column)
{
	return sqlite3_column_int64(row->statement, column);
}

const char *
row_text(const struct row *row, int column)
{
	return (const char *)sqlite3_column_text(row->statement, column);
}

const void *
row_bytes(const struct row *row, int column, size_t *length)
{
	const void *bytes = sqlite3_column_blob(row->statement, column);

	*length = (size_t)sqlite3_column_bytes(row->statement, column);
	return bytes;
}

bool
row_null(const struct row *row, int column)
{
	return sqlite3_column_type(row->statement, column) == SQLITE_NULL;
}

bool
db_run(struct db *db, struct error *error, const char *sql, const char *types, ...)
{
	sqlite3_stmt *prepared = prepare(db, sql);
	va_list values;

	if (!prepared)
		return sql_failed(db, sqlite3_errcode(db->connection), error);
	va_start(values, types);
	bind_all(prepared, types, values);
	va_end(values);
	int code = sqlite3_step(prepared);
	bool fine = code == SQLITE_DONE || code == SQLITE_ROW || sql_failed(db, code, error);
	release(db, prepared);
	return fine;
}

int64_t
db_changed(struct db *db)
{
	return sqlite3_changes64(db->connection);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->connection);
}

int64_t
db_boot(struct db *db)
{
	return db->boot;
}

static bool
run_sql(struct db *db, const char *sql, struct error *error)
{
	int code = sqlite3_exec(db->connection, sql, NULL, NULL, NULL);

	return code == SQLITE_OK || sql_failed(db, code, error);
}

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
}

static struct queue
take_all(struct queue *queue, size_t most)
{
	struct queue taken = { NULL, NULL, 0 };

	taken.last = &taken.first;
	while (queue->first && taken.count < most) {
		struct work *work = queue->first;
		queue->first = work->next;
		queue->count--;
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

static void
run_one(struct db *db, struct work *work)
{
	if (!run_sql(db, "SAVEPOINT work", &work->error))
		return;
	work->ok = work->run(db, work->with, work->arena, &work->error);
	if (gave_up(db)) {
		if (work->ok)
			error_set(&work->error, "The store gave up what it was writing: nothing was stored.");
		work->ok = false;
		return;
	}
	if (!work->ok)
		run_sql(db, "ROLLBACK TO work", NULL);
	if (!run_sql(db, "RELEASE work", work->ok ? &work->error : NULL))
		work->ok = false;
}

/* All of them, or none: a transaction that could not be committed, or that SQLite gave up, takes every work with it. */
static void
run_group(struct db *db, struct queue *group, struct error *error)
{
	bool fine = run_sql(db, "BEGIN IMMEDIATE", error);

	for (struct work *work = group->first; fine && work; work = work->next) {
		run_one(db, work);
		fine = !gave_up(db);
		if (!fine)
			*error = work->error;
	}
	fine = fine && run_sql(db, "COMMIT", error);
	if (fine)
		return;
	if (!gave_up(db))
		run_sql(db, "ROLLBACK", NULL);
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
	pthread_mutex_lock(&store->mutex);
	bool taken = always || store->waiting.count < WORKS_MOST;
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
	if (!submit(store, work, false))
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
make_folder(const char *folder, struct error *error)
{
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return error_set(error, "The folder %s cannot be made: %s.", folder, strerror(errno));
	return true;
}

/* One gateway on one state: a lock that the system takes back whenever its holder ends. */
static bool
take_lock(struct store *store, enum store_open_error *why, struct error *error)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/lock", store->folder);
	char pid[32] = "";

	store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool fine = store->lock >= 0 || error_set(error, "%s cannot be opened: %s.", path, strerror(errno));
	if (fine && flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
		ssize_t got = pread(store->lock, pid, sizeof pid - 1, 0);
		pid[got > 0 ? strcspn(pid, "\n") : 0] = '\0';
		*why = STORE_BUSY;
		fine = error_set(error, "A gateway runs on %s already (process %s). Stop it first, or name another folder as state.", store->folder, pid);
	}
	if (fine) {
		int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
		fine = (ftruncate(store->lock, 0) == 0 && pwrite(store->lock, pid, (size_t)length, 0) == length)
			|| error_set(error, "%s cannot be written: %s.", path, strerror(errno));
	}
	arena_free(arena);
	return fine;
}

static bool
connect_db(struct db *db, const char *path, bool read_only, struct error *error)
{
	int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	if (sqlite3_open_v2(path, &db->connection, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		return error_set(error, "%s cannot be opened: %s.", path, db->connection ? sqlite3_errmsg(db->connection) : "no memory");
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(db->connection, 5000);
	return true;
}

static bool
settle_db(struct db *db, struct error *error)
{
	return run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
		"PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA journal_size_limit=16777216;", error);
}

static bool
is_sound(struct db *db)
{
	struct row row;
	bool sound = false;

	db_query(db, &row, "PRAGMA quick_check(1)", "");
	if (row_next(&row))
		sound = row_text(&row, 0) && !strcmp(row_text(&row, 0), "ok");
	return row_end(&row, NULL) && sound;
}

static int64_t
version_of(struct db *db, const char *room)
{
	struct row row;
	int64_t version = 0;

	db_query(db, &row, "SELECT version FROM schema_version WHERE room=?", "t", room);
	if (row_next(&row))
		version = row_integer(&row, 0);
	row_end(&row, NULL);
	return version;
}

static bool
bring_up(struct db *db, const struct tables *tables, enum store_open_error *why, struct error *error)
{
	int64_t version = version_of(db, tables->name), known = 0;

	while (tables->sql[known])
		known++;
	if (version > known) {
		*why = STORE_NEWER;
		return error_set(error, "The store was written by a newer version of sallyport (%s is at %lld, I know %lld). Use that version, or restore a backup.",
			tables->name, (long long)version, (long long)known);
	}
	for (; version < known; version++)
		if (!run_sql(db, tables->sql[version], error))
			return false;
	return db_run(db, error, "INSERT INTO schema_version(room, version) VALUES(?,?) ON CONFLICT(room) DO UPDATE SET version=excluded.version",
		"ti", tables->name, known);
}

static bool
read_meta(struct db *db, struct error *error)
{
	struct row row;
	unsigned char fresh[LOG_ID];
	size_t length = 0;

	if (getrandom(fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
		return error_set(error, "The system gives no random numbers.");
	if (!db_run(db, error, "INSERT INTO meta(one, log_id, boot) VALUES(1,?,1) ON CONFLICT(one) DO UPDATE SET boot=boot+1", "b",
		(const void *)fresh, sizeof fresh))
		return false;
	db_query(db, &row, "SELECT boot, log_id FROM meta", "");
	if (row_next(&row)) {
		db->boot = row_integer(&row, 0);
		const void *id = row_bytes(&row, 1, &length);
		if (length == LOG_ID)
			memcpy(db->log_id, id, LOG_ID);
	}
	return row_end(&row, error);
}

static bool
migrate(struct db *db, const struct tables *const *tables, enum store_open_error *why, struct error *error)
{
	bool fine = run_sql(db, "BEGIN IMMEDIATE;"
		"CREATE TABLE IF NOT EXISTS schema_version(room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
		"CREATE TABLE IF NOT EXISTS meta(one INTEGER PRIMARY KEY CHECK(one=1), log_id BLOB NOT NULL, boot INTEGER NOT NULL) STRICT;", error);

	for (size_t i = 0; fine && tables[i]; i++)
		fine = bring_up(db, tables[i], why, error);
	fine = fine && read_meta(db, error) && run_sql(db, "COMMIT", error);
	if (!fine && !sqlite3_get_autocommit(db->connection))
		run_sql(db, "ROLLBACK", NULL);
	return fine;
}

static bool
open_db(struct store *store, const struct tables *const *tables, enum store_open_error *why, struct error *error)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/sallyport.db", store->folder);
	mode_t before = umask(0077);
	bool fine = connect_db(&store->db, path, false, error);

	umask(before);
	if (fine && (!settle_db(&store->db, NULL) || !is_sound(&store->db))) {
		*why = STORE_DAMAGED;
		fine = error_set(error, "%s is damaged; I left it as it is. Put a backup in its place, or move it away to begin anew.", path);
	}
	fine = fine && migrate(&store->db, tables, why, error);
	arena_free(arena);
	return fine;
}

static void
close_db(struct db *db)
{
	for (size_t i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i].prepared);
	sqlite3_close(db->connection);
}

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

	*why = STORE_SYSTEM;
	store->engine = engine;
	store->folder = memory_text(folder);
	store->lock = store->done_fd = -1;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->more, NULL);
	store->waiting.last = &store->waiting.first;
	store->done.last = &store->done.first;
	if (make_folder(folder, error) && take_lock(store, why, error) && open_db(store, tables, why, error) && begin_thread(store, error)) {
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
	close_db(&store->db);
	if (store->done_fd >= 0)
		close(store->done_fd);
	if (store->lock >= 0)
		close(store->lock);
	pthread_cond_destroy(&store->more);
	pthread_mutex_destroy(&store->mutex);
	free(store->folder);
	free(store);
}

bool
store_read(const char *folder, work_fn *run, void *with, struct arena *arena, struct error *error)
{
	struct db db = { 0 };
	struct arena *own = arena_new();
	const char *path = arena_printf(own, "%s/sallyport.db", folder);
	bool fine = access(path, R_OK) == 0 || error_set(error, "%s is not there, or may not be read by you: no gateway has kept anything here.", path);

	fine = fine && connect_db(&db, path, true, error) && run(&db, with, arena, error);
	close_db(&db);
	arena_free(own);
	return fine;
}
