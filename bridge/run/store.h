/* store: the thread with the one connection: SQLite, transactions, migrations.
 *
 * A work is one piece of SQL. Works that queued up together are committed together; a work that fails is rolled back
 * to its savepoint alone, a COMMIT that fails fails them all. Works carry copies, never pointers into a task. Each room
 * of the house keeps the SQL of its own tables and gives functions that take a struct db, so that a work can join several. */
#ifndef SALLYPORT_RUN_STORE_H
#define SALLYPORT_RUN_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct engine;
struct error;
struct store;
struct task;
struct work;

/* The tables of one room of the house: sql[i] takes them from version i to i + 1. */
struct tables {
	const char *name;
	const char *const *sql;         /* ended by NULL */
};

/* Opens FOLDER/sallyport.db (made with mode 0600 in a folder of 0700, on no network file system), takes the lock that keeps a second
 * gateway out, checks it, brings every table up to date in one transaction; FOLDER/before-VERSION.db is how it was before. A database of
 * a newer version, or a damaged one, is refused and left as it is. `tables` ends with NULL. */
enum store_open_error { STORE_FINE, STORE_BUSY, STORE_DAMAGED, STORE_NEWER, STORE_SYSTEM };
struct store *store_open(const struct engine *, const char *folder, const struct tables *const *tables,
	enum store_open_error *, struct error *);
int store_exit(enum store_open_error);                  /* the exit code: 0, 69 busy, 65 damaged or newer, 71 */
void store_close(struct store *);                       /* finishes what is queued */
/* The lock of a folder (made where it is not there): held until it is closed or the process ends. -1 with a sentence. */
int store_lock(const char *folder, enum store_open_error *, struct error *);
#define STORE_RESTORING "restoring"     /* a file in it while a backup is put back: nothing is opened meanwhile */
const char *store_network(unsigned long magic);         /* the name of a network file system, by what statfs() calls it; NULL: it is none */
bool store_failing(const struct store *, struct error *why);    /* the last commit failed and none has gone well since */
size_t store_waiting(const struct store *);             /* works queued */

/* `run` is called on the store's thread, inside a transaction. False (with a sentence) rolls this work back. It may be
 * called only once. `with` points to `size` bytes in the work's own arena. */
typedef bool work_fn(struct db *, void *with, struct arena *, struct error *);
struct work *work_new(work_fn *run, size_t size);
void work_is_outcome(struct work *);                    /* it is taken however much waits: what has happened must be written down */
void *work_with(struct work *);
struct arena *work_arena(struct work *);                /* copies for the work go here; results of it too */

/* Waits for the commit, which cannot be cancelled: check task->cancelled after it. False with the task's error where it
 * was rolled back. The work belongs to the task from here on, so what it left in `with` can be read. */
bool store_commit(struct task *, struct work *);
/* Does not wait. The work is freed after `done` (may be NULL) was called from the loop. */
typedef void work_done(struct work *, bool committed, const struct error *, void *to);
void store_queue(struct store *, struct work *, work_done *, void *to);
/* For programs without a loop. Reading what is there at one moment, whether a gateway runs or not: */
bool store_read(const char *folder, work_fn *run, void *with, struct arena *, struct error *);
bool store_read_file(const char *path, work_fn *run, void *with, struct arena *, struct error *);       /* a store in a file of another name */
/* Opens like a gateway, with its lock, and runs in one transaction: */
bool store_write(const char *folder, const struct tables *const *, work_fn *run, void *with, struct arena *, enum store_open_error *, struct error *);
/* Copies what is there at one moment into a new file; a gateway that runs is not held up: */
bool store_copy(const char *folder, const char *to, enum store_open_error *, struct error *);

/* SQL, on the store's thread. Statements are cached by their text: pass literals.
 *     struct row row;
 *     for (db_query(db, &row, "SELECT id, place FROM outbox WHERE due<=?", "i", now); row_next(&row);) row_text(&row, 1) ...
 * Types of the arguments: i int64_t, t const char * (NULL: null), b const void * and size_t. */
struct row { sqlite3_stmt *statement; struct db *db; bool failed; };
void db_query(struct db *, struct row *, const char *sql, const char *types, ...);
bool row_next(struct row *);                            /* false at the end and on failure */
bool row_end(struct row *, struct error *);             /* ends it early or late; false where it failed. row_next() to the end also ends it. */
int64_t row_integer(const struct row *, int column);
const char *row_text(const struct row *, int column);   /* borrowed until row_next(); NULL where null */
const void *row_bytes(const struct row *, int column, size_t *length);
bool row_null(const struct row *, int column);
/* A statement without rows. False with a sentence. */
bool db_run(struct db *, struct error *, const char *sql, const char *types, ...);
int64_t db_changed(struct db *);                        /* rows that the last db_run changed */
int64_t db_last_id(struct db *);                        /* rowid of the last insert */
int64_t db_version(struct db *, const char *room);      /* of a room's tables, in this file; 0: none */
bool db_sound(struct db *);                             /* every page and index of it; reads all */
int64_t db_boot(struct db *);                           /* how many lives this store has seen; 0 where it was only opened to be read */
bool db_log_id(struct db *, unsigned char out[16]);     /* drawn once for each store, and kept in its copies; false where it has none */
/* What one room of the house needs at hand on the store's thread; it stays the caller's, until the store was closed. */
void db_lend(struct db *, const void *);
const void *db_lent(struct db *);                       /* NULL: nothing was */

#endif
