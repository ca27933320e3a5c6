/* alerts_want: what a room does not want to see, as rows of the store. */
#include "integrations/kinds/alerts_want.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"
#include "integrations/kinds/alerts_matcher.h"

static const char *const schema[] = {
	"CREATE TABLE alert_off(instance TEXT NOT NULL, room TEXT NOT NULL, what TEXT NOT NULL, by TEXT, PRIMARY KEY(instance, room, what)) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables alert_want_tables = { "alert_want", schema };

bool
want_off(struct db *db, const char *instance, const char *room, const char *what, const char *by, bool *was, struct error *error)
{
	if (!db_run(db, error, "INSERT INTO alert_off(instance, room, what, by) SELECT ?1, ?2, ?3, ?4"
		" WHERE (SELECT count(*) FROM alert_off WHERE instance=?1 AND room=?2)<?5 ON CONFLICT DO NOTHING", "tttti", instance, room, what, by,
		(int64_t)WANTS_MOST))
		return false;
	*was = db_changed(db) == 0;
	return true;
}

bool
want_on(struct db *db, const char *instance, const char *room, const char *what, bool *was, struct error *error)
{
	if (!db_run(db, error, "DELETE FROM alert_off WHERE instance=?1 AND room=?2 AND (what=?3 OR ?3='')", "ttt", instance, room, what))
		return false;
	*was = db_changed(db) > 0;
	return true;
}

static bool
fits(struct arena *arena, const char *what, const struct named *labels)
{
	struct matcher matchers[MATCHERS_MOST + 1] = { { 0 } };
	char *rest = arena_text(arena, what), *one;
	size_t count = 0;

	while (count < MATCHERS_MOST && (one = strtok_r(rest, " ", &rest)))
		if (!matcher_read(arena, one, &matchers[count++], NULL))
			return false;
	return matchers_match(arena, matchers, labels);
}

bool
want_hear(struct db *db, struct arena *arena, const char *instance, const char *room, const struct named *labels)
{
	struct row row;
	bool hear = true;

	db_query(db, &row, "SELECT what FROM alert_off WHERE instance=? AND room=?", "tt", instance, room);
	while (hear && row_next(&row))
		hear = !fits(arena, row_text(&row, 0), labels);
	row_end(&row, NULL);
	return hear;
}

const char *
want_text(struct db *db, struct arena *arena, const char *instance, const char *room)
{
	struct text text = text_in(arena, 1500);
	struct row row;

	db_query(db, &row, "SELECT what, by FROM alert_off WHERE instance=? AND room=? ORDER BY what", "tt", instance, room);
	while (row_next(&row))
		text_printf(&text, "%s%s (%s)", text.length ? ", " : "", *row_text(&row, 0) ? row_text(&row, 0) : "everything", row_text(&row, 1) ? row_text(&row, 1) : "?");
	row_end(&row, NULL);
	return text.bytes;
}
