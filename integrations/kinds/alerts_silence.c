/* alerts_silence: silences, as rows of the store: which are ours, what they are called, what was said of their end. */
#include "integrations/kinds/alerts_silence.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"
#include "bridge/talk/label.h"
#include "integrations/kinds/alerts_matcher.h"
#include "integrations/kinds/alerts_rows.h"

enum { WORDS_MOST = 200, MATCHERS_WORDS = 500, SETTLES = 60 * 1000 };

static const char *const schema[] = {
	"CREATE TABLE alert_silence(instance TEXT NOT NULL, id TEXT NOT NULL, label TEXT UNIQUE, matchers TEXT NOT NULL, starts INTEGER NOT NULL,"
	"  ends INTEGER NOT NULL, by TEXT, why TEXT, room TEXT, noticed INTEGER NOT NULL DEFAULT 0, over INTEGER NOT NULL DEFAULT 0, seen INTEGER NOT NULL,"
	"  PRIMARY KEY(instance, id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX alert_silence_open ON alert_silence(instance, ends) WHERE over=0;",
	NULL
};

const struct tables alert_silence_tables = { "alert_silence", schema };

#define COLUMNS "SELECT instance, id, label, matchers, starts, ends, by, why, room, noticed, over FROM alert_silence "

static void
read_row(const struct row *row, struct arena *arena, struct silence_row *out)
{
	*out = (struct silence_row){ arena_text(arena, row_text(row, 0)), arena_text(arena, row_text(row, 1)), arena_text(arena, row_text(row, 2)),
		arena_text(arena, row_text(row, 3)), row_integer(row, 4), row_integer(row, 5), arena_text(arena, row_text(row, 6)),
		arena_text(arena, row_text(row, 7)), arena_text(arena, row_text(row, 8)), row_integer(row, 9), row_integer(row, 10) != 0 };
}

static bool
only_row(struct row *row, struct arena *arena, struct silence_row *out)
{
	bool found = row_next(row);

	if (found)
		read_row(row, arena, out);
	return row_end(row, NULL) && found;
}

bool
silence_row_by_id(struct db *db, struct arena *arena, const char *instance, const char *id, struct silence_row *out)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE instance=? AND id=?", "tt", instance, id);
	return only_row(&row, arena, out);
}

bool
silence_row_by_label(struct db *db, struct arena *arena, const char *label, struct silence_row *out)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE label=upper(?)", "t", label);
	return only_row(&row, arena, out);
}

bool
silence_row_write(struct db *db, const struct silence_row *row, struct error *error)
{
	return db_run(db, error, "INSERT INTO alert_silence(instance, id, label, matchers, starts, ends, by, why, room, noticed, over, seen)"
		" VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(instance, id) DO UPDATE SET label=excluded.label, matchers=excluded.matchers, starts=excluded.starts,"
		" ends=excluded.ends, by=excluded.by, why=excluded.why, room=excluded.room, noticed=excluded.noticed, over=excluded.over", "ttttiitttiii",
		row->instance, row->id, row->label, row->matchers, row->starts, row->ends, row->by, row->why, row->room, row->noticed, (int64_t)row->over,
		row->starts);
}

bool
silence_row_moved(struct db *db, const char *instance, const char *from, const char *to, struct error *error)
{
	if (!strcmp(from, to))
		return true;
	return db_run(db, error, "DELETE FROM alert_silence WHERE instance=? AND id=?", "tt", instance, to)
	    && db_run(db, error, "UPDATE alert_silence SET id=? WHERE instance=? AND id=?", "ttt", to, instance, from);
}

bool
silence_row_over(struct db *db, const char *instance, const char *id, struct error *error)
{
	return db_run(db, error, "UPDATE alert_silence SET over=1 WHERE instance=? AND id=?", "tt", instance, id);
}

size_t
silence_rows_open(struct db *db, struct arena *arena, const char *instance, struct silence_row **out, struct error *error)
{
	struct silence_row *all = arena_take(arena, SILENCES_MOST * sizeof *all);
	struct row row;
	size_t count = 0;

	db_query(db, &row, COLUMNS "WHERE instance=? AND over=0 ORDER BY ends LIMIT 1000", "t", instance);
	while (count < SILENCES_MOST && row_next(&row))
		read_row(&row, arena, &all[count++]);
	*out = all;
	return row_end(&row, error) ? count : 0;
}

/* -- What the service tells ---------------------------------------------------------------------------------------------- */

static const char *
clean(struct arena *arena, const char *text, size_t most)
{
	return text ? text_cut(arena, text_clean(arena, text, strnlen(text, 8 * most)), most) : NULL;
}

static bool
name_it(struct db *db, struct arena *arena, struct silence_row *row, struct error *error)
{
	struct label label = { .kind = ALERTS_KIND, .instance = row->instance, .subject = row->id };

	if (!label_new(db, 'S', &label, arena, error))
		return false;
	row->label = label.name;
	return true;
}

/* One that was made here is known by its own commit: what was seen once only may be just that. */
static bool
see(struct db *db, struct arena *arena, const char *instance, const struct silence *silence, int64_t now, struct error *error)
{
	struct silence_row row = { 0 };
	bool known = silence_row_by_id(db, arena, instance, silence->id, &row), older = known && now - row.starts > SETTLES;

	row.instance = instance;
	row.id = silence->id;
	row.matchers = clean(arena, matchers_text(arena, silence->matchers), MATCHERS_WORDS);
	row.starts = silence->starts;
	row.ends = silence->ends;
	row.by = row.room ? row.by : clean(arena, silence->by, WORDS_MOST);
	row.why = row.room ? row.why : clean(arena, silence->why, WORDS_MOST);
	row.over = false;
	if (older && !row.label && !name_it(db, arena, &row, error))
		return false;
	return silence_row_write(db, &row, error)
	    && db_run(db, error, "UPDATE alert_silence SET seen=? WHERE instance=? AND id=?", "itt", now, instance, silence->id);
}

bool
silence_rows_seen(struct db *db, struct arena *arena, const char *instance, const struct silence *silences, size_t count, int64_t now, struct error *error)
{
	for (size_t i = 0; i < count && i < SILENCES_MOST; i++)
		if (!silences[i].over && strlen(silences[i].id) <= WORDS_MOST && !see(db, arena, instance, &silences[i], now, error))
			return false;
	return db_run(db, error, "UPDATE alert_silence SET over=1 WHERE instance=? AND over=0 AND seen<? AND starts<?", "tii", instance, now, now);
}
