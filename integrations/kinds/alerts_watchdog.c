/* alerts_watchdog: an alert that always fires: when it comes no more, none of the others may. */
#include "integrations/kinds/alerts_watchdog.h"

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "integrations/kinds/alerts_tell.h"

static const char *const schema[] = {
	"CREATE TABLE alert_watchdog(instance TEXT PRIMARY KEY, heard INTEGER NOT NULL, missing INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables alert_watchdog_tables = { "alert_watchdog", schema };

struct watchdog { int64_t heard; bool missing; };

static bool
read_watchdog(struct telling *telling, struct watchdog *out)
{
	struct row row;

	db_query(telling->db, &row, "SELECT heard, missing FROM alert_watchdog WHERE instance=?", "t", telling->instance);
	bool found = row_next(&row);
	if (found)
		*out = (struct watchdog){ row_integer(&row, 0), row_integer(&row, 1) != 0 };
	return row_end(&row, NULL) && found;
}

static bool
write_watchdog(struct telling *telling, int64_t heard, bool missing)
{
	return db_run(telling->db, telling->error, "INSERT INTO alert_watchdog(instance, heard, missing) VALUES(?,?,?)"
		" ON CONFLICT(instance) DO UPDATE SET heard=excluded.heard, missing=excluded.missing", "tii", telling->instance, heard, (int64_t)missing);
}

bool
watchdog_heard(struct telling *telling)
{
	struct watchdog before = { 0 };

	if (read_watchdog(telling, &before) && before.missing && !tell_all(telling, card_new(telling->arena, TONE_GOOD, "[%s] %s is back after %s", telling->instance,
	    telling->options->watchdog, clock_span(telling->arena, telling->now - before.heard)), NULL))
		return false;
	return write_watchdog(telling, telling->now, false);
}

/* What never came is counted from the first look. */
bool
watchdog_look(struct telling *telling)
{
	const char *name = telling->options->watchdog;
	struct watchdog before;

	if (!name)
		return true;
	if (!read_watchdog(telling, &before))
		return write_watchdog(telling, telling->now, false);
	if (before.missing || telling->now - before.heard < telling->options->watchdog_within)
		return true;
	struct card *card = card_new(telling->arena, TONE_BAD, "[%s] %s has not come for %s: alerts may not reach you. Look at %s and at what sends to it", telling->instance,
		name, clock_span(telling->arena, telling->now - before.heard), telling->instance);
	return tell_all(telling, card, NULL) && write_watchdog(telling, before.heard, true);
}
