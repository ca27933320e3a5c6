/* store_db: the connection, and the folder that it is in: what the files of the store share. Only they include it. */
#ifndef SALLYPORT_RUN_STORE_DB_H
#define SALLYPORT_RUN_STORE_DB_H

#include "bridge/run/store.h"

enum {
	STATEMENTS = 128,               /* prepared and kept */
	LOG_ID = 16,                    /* bytes */
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
	const void *lent;
	bool broke;                     /* rows could not be read to their end since db_work() began */
};

bool db_failed(struct db *, int code, struct error *);          /* always false, with a sentence */
bool db_exec(struct db *, const char *sql, struct error *);     /* statements that take no values */
/* Runs it. False also where rows could not be read to their end and it went on regardless, as if there were no more. */
bool db_work(struct db *, work_fn *, void *with, struct arena *, struct error *);
void db_close(struct db *);

/* store_file.c */
bool db_connect(struct db *, const char *path, bool read_only, struct error *);
bool db_open(struct db *, const char *folder, const struct tables *const *, enum store_open_error *, struct error *);

#endif
