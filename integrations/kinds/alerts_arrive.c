/* alerts_arrive: what a service told of its groups is laid over what we know, and told. */
#include "integrations/kinds/alerts_arrive.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/talk.h"
#include "bridge/work/command.h"
#include "bridge/work/inbox_rows.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_storm.h"
#include "integrations/kinds/alerts_tell.h"
#include "integrations/kinds/alerts_watchdog.h"

enum { AGAIN = 10 * 60 * 1000 };        /* ms after its end within which a thing that fires again is the same */

/* -- One group ----------------------------------------------------------------------------------------------------------- */

static bool
find_row(struct telling *telling, const struct alert_group *group, struct alert_row *row)
{
	if (alert_row_by_key(telling->db, telling->arena, telling->instance, group->key, row))
		return true;
	if (!group->also || !alert_row_by_also(telling->db, telling->arena, telling->instance, group->also, row))
		return false;
	/* Two groups with keys of their own may have one other name: each stays itself. */
	bool nameless = !row->also || !strcmp(row->key, row->also);
	if (strcmp(group->key, group->also) && !nameless)
		return false;
	if (nameless)
		row->key = group->key;
	return true;
}

static void
fire_again(struct alert_row *row, int64_t now)
{
	if (now - row->ended > AGAIN) {
		row->label = row->drawn = NULL;
		row->rooms = "[]";
	}
	row->since = row->ended = row->reminded = row->reminders = 0;
	row->ack = (struct alert_ack){ 0 };
	row->ack_ours = false;
}

/* False: it changes nothing. */
static bool
merged(struct telling *telling, const struct alert_group *group, int64_t asked, struct alert_row *row, int64_t *more)
{
	bool known = find_row(telling, group, row), over = group_over(group);
	int64_t before = known && row->state != ALERT_RESOLVED ? row->firing + row->omitted : 0;

	if (!known && (over || group->fresh || group->brief))
		return false;
	if (known && ((row->state == ALERT_RESOLVED && (over || group->brief)) || (asked && row->heard > asked)))
		return false;
	if (!known)
		*row = (struct alert_row){ .key = group->key };
	else if (row->state == ALERT_RESOLVED)
		fire_again(row, telling->now);
	group_merge(telling->arena, row, group, asked != 0, asked ? asked : telling->now);
	*more = row->firing - row->held + row->omitted - before;
	return true;
}

/* -- All of them --------------------------------------------------------------------------------------------------------- */

static bool
is_watchdog(const struct telling *telling, const struct alert_group *group)
{
	return telling->options->watchdog && !strcmp(telling->options->watchdog, group->name);
}

static bool
end_one(const struct alert_row *found, void *with)
{
	struct telling *telling = with;
	struct alert_row row = *found;

	row.firing = row.held = row.omitted = 0;
	row.ended = telling->now;
	row.alerts = "[]";
	row.heard = telling->now;
	return tell_group(telling, &row);
}

/* What becomes of the rows, before any of it is told: whether it is a storm shows only then. */
struct merging {
	struct alert_row *rows;
	size_t count;
	int64_t alerts, groups;         /* new ones */
};

static bool
merge_all(struct telling *telling, struct alert_group *const *groups, size_t count, int64_t asked, struct merging *merging)
{
	int64_t more = 0;

	for (size_t i = 0; i < count; i++) {
		if (asked && groups[i]->also && !alert_rows_heard(telling->db, telling->instance, groups[i]->also, asked, telling->error))
			return false;
		if (is_watchdog(telling, groups[i])) {
			if (!group_over(groups[i]) && !watchdog_heard(telling))
				return false;
		} else if (merged(telling, groups[i], asked, &merging->rows[merging->count], &more)) {
			merging->alerts += more > 0 ? more : 0;
			merging->groups += more > 0;
			merging->count++;
		}
	}
	return true;
}

bool
arrive_groups(struct telling *telling, struct alert_group *const *groups, size_t count, int64_t asked)
{
	struct merging merging = { .rows = arena_take(telling->arena, (count + 1) * sizeof *merging.rows) };

	if (!merge_all(telling, groups, count, asked, &merging) || !storm_count(telling, merging.alerts, merging.groups))
		return false;
	for (size_t i = 0; i < merging.count; i++)
		if (!tell_group(telling, &merging.rows[i]))
			return false;
	if (asked && !alert_rows_unheard(telling->db, telling->arena, telling->instance, asked, end_one, telling, telling->error))
		return false;
	return storm_begun(telling);
}

/* -- By themselves ------------------------------------------------------------------------------------------------------- */

struct arriving {
	struct telling telling;
	int64_t delivery;               /* its row in the inbox ends with this; 0: none */
	struct alert_group **groups;
	size_t count;
};

static bool
write_arrived(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct arriving *arriving = with;

	telling_begin(&arriving->telling, db, arena, error);
	return arrive_groups(&arriving->telling, arriving->groups, arriving->count, 0) && (!arriving->delivery || inbox_done(db, arriving->delivery, error));
}

static bool
take(struct task *task, const struct talk *talk, const struct instance *instance, int64_t delivery, const struct alert_group *groups, size_t count)
{
	struct work *work = work_new(write_arrived, sizeof(struct arriving));
	struct arriving *arriving = work_with(work);
	struct arena *arena = work_arena(work);

	talk_hold(task, talk);
	telling_make(&arriving->telling, arena, talk, instance);
	arriving->delivery = delivery;
	arriving->groups = arena_take(arena, (count + 1) * sizeof *arriving->groups);
	for (size_t i = 0; i < count; i++)
		arriving->groups[arriving->count++] = group_clean(arena, &groups[i]);
	if (!store_commit(task, work))
		return false;
	outbox_kick(talk->outbox);
	return true;
}

bool
alerts_arrived(struct task *task, const struct talk *talk, const struct instance *instance, const struct alert_group *groups, size_t count)
{
	return take(task, talk, instance, 0, groups, count);
}

bool
alerts_received(struct task *task, const struct received *received, const struct alert_group *groups, size_t count)
{
	return take(task, received->talk, received->instance, received->id, groups, count);
}
