/* lock_rows: the locks, as rows of the store. All of it runs on the store's thread. */
#ifndef SALLYPORT_WORK_LOCK_ROWS_H
#define SALLYPORT_WORK_LOCK_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables lock_tables;

enum { LOCKS_MOST = 200 };

struct lock_row {
	const char *id, *target, *by, *why;
	const char *about;              /* where it was set and who is told */
	int64_t since, until;           /* wall ms; until 0: it has no end */
};

struct lock_rows {
	size_t count;
	struct lock_row each[LOCKS_MOST];       /* oldest first */
};

bool lock_row_write(struct db *, const struct lock_row *, struct error *);
bool lock_row_delete(struct db *, const char *id, struct error *);
bool lock_rows_read(struct db *, struct arena *, struct lock_rows **, struct error *);
/* In a backup that is put back: the locks of the state that is laid aside are in force, not those of then. */
bool lock_rows_write(struct db *, const struct lock_rows *, struct error *);

#endif
