/* alerts_rows: what we know of each group of alerts, as rows of the store. */
#include "integrations/kinds/alerts_rows.h"

#include "bridge/base/arena.h"
#include "bridge/run/store.h"

enum { KEEP = 30 };                     /* days */

static const char *const schema[] = {
	"CREATE TABLE alert_group(id INTEGER PRIMARY KEY, instance TEXT NOT NULL, key TEXT NOT NULL, also TEXT, label TEXT NOT NULL UNIQUE,"
	"  name TEXT NOT NULL, object TEXT, labels TEXT NOT NULL, alerts TEXT NOT NULL, text TEXT, url TEXT, runbook TEXT, severity INTEGER NOT NULL,"
	"  state INTEGER NOT NULL, firing INTEGER NOT NULL, held INTEGER NOT NULL, omitted INTEGER NOT NULL, since INTEGER NOT NULL, ended INTEGER NOT NULL,"
	"  told INTEGER NOT NULL, heard INTEGER NOT NULL, ack_by TEXT, ack_why TEXT, ack_at INTEGER NOT NULL, ack_until INTEGER NOT NULL,"
	"  ack_ours INTEGER NOT NULL, silence TEXT, reminded INTEGER NOT NULL, reminders INTEGER NOT NULL, rooms TEXT NOT NULL, drawn TEXT,"
	"  UNIQUE(instance, key)) STRICT;"
	"CREATE INDEX alert_group_also ON alert_group(instance, also) WHERE also IS NOT NULL;"
	"CREATE INDEX alert_group_open ON alert_group(instance, heard) WHERE state<3;"
	"CREATE INDEX alert_group_over ON alert_group(ended) WHERE state=3;",
	NULL
};

const struct tables alert_tables = { "alert", schema };

static const char *const states[] = { "firing", "acked", "silenced", "resolved" };

const char *
alert_state_word(enum alert_state state)
{
	return states[state];
}

#define COLUMNS "SELECT id, instance, key, also, label, name, object, labels, alerts, text, url, runbook, severity, state, firing, held, omitted, since," \
	" ended, told, heard, ack_by, ack_why, ack_at, ack_until, ack_ours, silence, reminded, reminders, rooms, drawn FROM alert_group "

static void
read_row(const struct row *row, struct arena *arena, struct alert_row *out)
{
	*out = (struct alert_row){
		.id = row_integer(row, 0), .instance = arena_text(arena, row_text(row, 1)), .key = arena_text(arena, row_text(row, 2)),
		.also = arena_text(arena, row_text(row, 3)), .label = arena_text(arena, row_text(row, 4)), .name = arena_text(arena, row_text(row, 5)),
		.object = arena_text(arena, row_text(row, 6)), .labels = arena_text(arena, row_text(row, 7)), .alerts = arena_text(arena, row_text(row, 8)),
		.text = arena_text(arena, row_text(row, 9)), .url = arena_text(arena, row_text(row, 10)), .runbook = arena_text(arena, row_text(row, 11)),
		.severity = (enum severity)row_integer(row, 12), .state = (enum alert_state)row_integer(row, 13), .firing = row_integer(row, 14),
		.held = row_integer(row, 15), .omitted = row_integer(row, 16), .since = row_integer(row, 17), .ended = row_integer(row, 18),
		.told = row_integer(row, 19), .heard = row_integer(row, 20),
		.ack = { arena_text(arena, row_text(row, 21)), arena_text(arena, row_text(row, 22)), row_integer(row, 23), row_integer(row, 24) },
		.ack_ours = row_integer(row, 25) != 0, .silence = arena_text(arena, row_text(row, 26)), .reminded = row_integer(row, 27),
		.reminders = row_integer(row, 28), .rooms = arena_text(arena, row_text(row, 29)), .drawn = arena_text(arena, row_text(row, 30)),
	};
}

static bool
only_row(struct row *row, struct arena *arena, struct alert_row *out)
{
	bool found = row_next(row);

	if (found)
		read_row(row, arena, out);
	return row_end(row, NULL) && found;
}

bool
alert_row_by_key(struct db *db, struct arena *arena, const char *instance, const char *key, struct alert_row *out)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE instance=? AND key=?", "tt", instance, key);
	return only_row(&row, arena, out);
}

bool
alert_row_by_also(struct db *db, struct arena *arena, const char *instance, const char *also, struct alert_row *out)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE instance=? AND also=? ORDER BY state=3, heard DESC LIMIT 1", "tt", instance, also);
	return only_row(&row, arena, out);
}

bool
alert_row_by_label(struct db *db, struct arena *arena, const char *label, struct alert_row *out)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE label=upper(?)", "t", label);
	return only_row(&row, arena, out);
}

bool
alert_rows_heard(struct db *db, const char *instance, const char *also, int64_t at, struct error *error)
{
	return db_run(db, error, "UPDATE alert_group SET heard=max(heard, ?) WHERE instance=? AND also=? AND state<3", "itt", at, instance, also);
}

static bool
insert(struct db *db, struct alert_row *row, struct error *error)
{
	if (!db_run(db, error, "INSERT INTO alert_group(instance, key, label, name, labels, alerts, severity, state, firing, held, omitted, since, ended, told, heard,"
		" ack_at, ack_until, ack_ours, reminded, reminders, rooms) VALUES(?,?,?,'','{}','[]',0,0,0,0,0,0,0,0,0,0,0,0,0,0,'[]')", "ttt",
		row->instance, row->key, row->label))
		return false;
	row->id = db_last_id(db);
	return true;
}

bool
alert_row_write(struct db *db, struct alert_row *row, struct error *error)
{
	if (!row->id && !insert(db, row, error))
		return false;
	return db_run(db, error, "UPDATE alert_group SET key=?, also=?, label=?, name=?, object=?, labels=?, alerts=?, text=?, url=?, runbook=?, severity=?,"
		" state=?, firing=?, held=?, omitted=?, since=?, ended=?, told=?, heard=?, ack_by=?, ack_why=?, ack_at=?, ack_until=?, ack_ours=?, silence=?,"
		" reminded=?, reminders=?, rooms=?, drawn=? WHERE id=?", "ttttttttttiiiiiiiiittiiitiitti",
		row->key, row->also, row->label, row->name, row->object, row->labels, row->alerts, row->text, row->url, row->runbook, (int64_t)row->severity,
		(int64_t)row->state, row->firing, row->held, row->omitted, row->since, row->ended, row->told, row->heard, row->ack.by, row->ack.why,
		row->ack.at, row->ack.until, (int64_t)row->ack_ours, row->silence, row->reminded, row->reminders, row->rooms, row->drawn, row->id);
}

bool
alert_rows_prune(struct db *db, int64_t now, struct error *error)
{
	return db_run(db, error, "DELETE FROM alert_group WHERE state=3 AND ended<?", "i", now - (int64_t)KEEP * 24 * 3600 * 1000);
}

/* Read to the end first: `each` may write. */
static bool
call_each(struct row *row, struct arena *arena, alert_row_fn *each, void *with, struct error *error)
{
	struct alert_row *all = NULL;
	size_t count = 0, size = 0;

	while (row_next(row)) {
		if (count == size) {
			struct alert_row *larger = arena_take(arena, (size = size ? 2 * size : 64) * sizeof *larger);
			for (size_t i = 0; i < count; i++)
				larger[i] = all[i];
			all = larger;
		}
		read_row(row, arena, &all[count++]);
	}
	if (!row_end(row, error))
		return false;
	for (size_t i = 0; i < count && each(&all[i], with); i++)
		;
	return true;
}

bool
alert_rows_each(struct db *db, struct arena *arena, const char *instance, int64_t over, alert_row_fn *each, void *with, struct error *error)
{
	struct row row;

	if (over)
		db_query(db, &row, COLUMNS "WHERE instance=? AND (state<3 OR (state=3 AND ended>=?)) ORDER BY severity DESC, since, id", "ti", instance, over);
	else
		db_query(db, &row, COLUMNS "WHERE instance=? AND state<3 ORDER BY severity DESC, since, id", "t", instance);
	return call_each(&row, arena, each, with, error);
}

bool
alert_rows_unheard(struct db *db, struct arena *arena, const char *instance, int64_t since, alert_row_fn *each, void *with, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE instance=? AND state<3 AND heard<? ORDER BY id", "ti", instance, since);
	return call_each(&row, arena, each, with, error);
}
