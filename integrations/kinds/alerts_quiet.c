/* alerts_quiet: what happened while a room was quiet, which is told at the end of that. */
#include "integrations/kinds/alerts_quiet.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "integrations/kinds/alerts_card.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_route.h"
#include "integrations/kinds/alerts_tell.h"
#include "integrations/kinds/alerts_want.h"

enum { LISTED_MOST = 5, DUE_MOST = 64 };

static const char *const schema[] = {
	"CREATE TABLE alert_quiet(instance TEXT NOT NULL, room TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, fired INTEGER NOT NULL,"
	"  resolved INTEGER NOT NULL, PRIMARY KEY(instance, room)) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables alert_quiet_tables = { "alert_quiet", schema };

bool
quiet_count(struct telling *telling, const struct room_now *room, bool fired, bool resolved)
{
	return db_run(telling->db, telling->error, "INSERT INTO alert_quiet(instance, room, since, until, fired, resolved) VALUES(?,?,?,?,?,?)"
		" ON CONFLICT(instance, room) DO UPDATE SET until=excluded.until, fired=fired+excluded.fired, resolved=resolved+excluded.resolved", "ttiiii",
		telling->instance, room->name, room->since, room->until, (int64_t)fired, (int64_t)resolved);
}

struct digest {
	struct telling *telling;
	const char *room;
	int64_t since, until, fired, resolved;
	struct card *card;
	int64_t listed, left;
	bool failed;
};

static bool
goes_to(struct telling *telling, const struct alert_row *row, const char *room)
{
	const struct alert_group *group = group_of_row(telling->arena, row);
	const char *const *rooms = route_rooms(telling->arena, telling->options, &telling->usual, group);

	while (*rooms && strcmp(*rooms, room))
		rooms++;
	return *rooms && want_hear(telling->db, telling->arena, telling->instance, room, route_labels(telling->arena, group));
}

/* What still fires is the room's from now on. */
static bool
list_one(const struct alert_row *found, void *with)
{
	struct digest *digest = with;
	struct arena *arena = digest->telling->arena;
	struct alert_row row = *found;

	if (row.told < digest->since || row.state != ALERT_FIRING || row_told_in(arena, &row, digest->room)
	    || !goes_to(digest->telling, &row, digest->room))
		return true;
	if (digest->listed++ < LISTED_MOST)
		card_line(digest->card, "%s firing: %s, %s", row.label, alert_title(arena, &row), clock_span(arena, digest->telling->now - row.since));
	else
		digest->left++;
	row_tell_in(arena, &row, digest->room);
	digest->failed = !alert_row_write(digest->telling->db, &row, digest->telling->error);
	return !digest->failed;
}

static const char *
counted(struct arena *arena, int64_t count)
{
	return count ? arena_printf(arena, "%lld alert%s", (long long)count, text_s((unsigned long)count)) : "no alerts";
}

static bool
say_digest(struct telling *telling, struct digest *digest)
{
	struct arena *arena = telling->arena;
	digest->card = card_new(arena, TONE_PLAIN, "While quiet (%s to %s): %s fired, %lld resolved. %salerts shows what fires", clock_time(arena, digest->since, digest->since),
		clock_time(arena, digest->until, digest->until), counted(arena, digest->fired), (long long)digest->resolved, telling->prefix);
	if (!alert_rows_each(telling->db, arena, telling->instance, 0, list_one, digest, telling->error) || digest->failed)
		return false;
	if (digest->left)
		card_line(digest->card, "and %lld more", (long long)digest->left);
	return tell_room(telling, digest->room, digest->card, NULL)
	    && db_run(telling->db, telling->error, "DELETE FROM alert_quiet WHERE instance=? AND room=?", "tt", telling->instance, digest->room);
}

bool
quiet_look(struct telling *telling)
{
	struct digest due[DUE_MOST];
	size_t count = 0;
	struct row row;

	db_query(telling->db, &row, "SELECT room, since, until, fired, resolved FROM alert_quiet WHERE instance=? AND until<=?", "ti", telling->instance, telling->now);
	while (count < DUE_MOST && row_next(&row))
		due[count++] = (struct digest){ .telling = telling, .room = arena_text(telling->arena, row_text(&row, 0)), .since = row_integer(&row, 1),
			.until = row_integer(&row, 2), .fired = row_integer(&row, 3), .resolved = row_integer(&row, 4) };
	if (!row_end(&row, telling->error))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!say_digest(telling, &due[i]))
			return false;
	return true;
}
