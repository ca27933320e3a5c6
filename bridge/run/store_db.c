/* store_db: the connection: SQL, statements that are kept, rows. */
#include "bridge/run/store_db.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/error.h"
#include "bridge/base/log.h"

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

bool
db_failed(struct db *db, int code, struct error *error)
{
	check_disk(db->connection, code);
	switch (code & 0xff) {
	case SQLITE_FULL:
		return error_set(error, "The disk is full: nothing was stored.");
	case SQLITE_BUSY:
		return error_set(error, "The store is held by another program: nothing was stored.");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(error, "The store is damaged: %s. Stop the gateway and put a backup in its place.", sqlite3_errmsg(db->connection));
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
		row->failed = row->db->broke = true;
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
	return !row->failed || db_failed(row->db, sqlite3_errcode(row->db->connection), error);
}

bool
db_work(struct db *db, work_fn *run, void *with, struct arena *arena, struct error *error)
{
	db->broke = false;
	bool fine = run(db, with, arena, error);
	if (fine && db->broke)
		error_set(error, "The store could not be read to the end: nothing was stored.");
	return fine && !db->broke;
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
		return db_failed(db, sqlite3_errcode(db->connection), error);
	va_start(values, types);
	bind_all(prepared, types, values);
	va_end(values);
	int code = sqlite3_step(prepared);
	bool fine = code == SQLITE_DONE || code == SQLITE_ROW || db_failed(db, code, error);
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

void
db_lend(struct db *db, const void *lent)
{
	db->lent = lent;
}

const void *
db_lent(struct db *db)
{
	return db->lent;
}

bool
db_exec(struct db *db, const char *sql, struct error *error)
{
	int code = sqlite3_exec(db->connection, sql, NULL, NULL, NULL);

	return code == SQLITE_OK || db_failed(db, code, error);
}

void
db_close(struct db *db)
{
	for (size_t i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i].prepared);
	sqlite3_close(db->connection);
}
