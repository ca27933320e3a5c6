/* lock_rows: the locks, as rows of the store. All of it runs on the store's thread. */
#include "bridge/work/lock_rows.h"

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/store.h"

static const char *const schema[] = {
	"CREATE TABLE lock(id TEXT PRIMARY KEY, target TEXT NOT NULL COLLATE NOCASE UNIQUE, by TEXT NOT NULL, why TEXT NOT NULL, about TEXT NOT NULL,"
	"  since INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;",
	NULL
};

const struct tables lock_tables = { "lock", schema };

bool
lock_row_write(struct db *db, const struct lock_row *row, struct error *error)
{
	return db_run(db, error, "INSERT INTO lock(id, target, by, why, about, since, until) VALUES(?,?,?,?,?,?,?)", "tttttii", row->id, row->target,
		row->by, row->why, row->about, row->since, row->until);
}

bool
lock_row_delete(struct db *db, const char *id, struct error *error)
{
	return db_run(db, error, "DELETE FROM lock WHERE id=?", "t", id);
}

bool
lock_rows_read(struct db *db, struct arena *arena, struct lock_rows **out, struct error *error)
{
	struct lock_rows *rows = *out = arena_take(arena, sizeof *rows);
	struct row row;

	db_query(db, &row, "SELECT id, target, by, why, about, since, until FROM lock ORDER BY since, rowid", "");
	while (rows->count < LOCKS_MOST && row_next(&row))
		rows->each[rows->count++] = (struct lock_row){ arena_text(arena, row_text(&row, 0)), arena_text(arena, row_text(&row, 1)),
			arena_text(arena, row_text(&row, 2)), arena_text(arena, row_text(&row, 3)), arena_text(arena, row_text(&row, 4)),
			row_integer(&row, 5), row_integer(&row, 6) };
	return row_end(&row, error);
}

bool
lock_rows_write(struct db *db, const struct lock_rows *rows, struct error *error)
{
	if (!db_run(db, error, "DELETE FROM lock", ""))
		return false;
	for (size_t i = 0; i < rows->count; i++)
		if (!lock_row_write(db, &rows->each[i], error))
			return false;
	return true;
}
