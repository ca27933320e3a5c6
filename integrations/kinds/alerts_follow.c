/* alerts_follow: instances that are looked at again and again, so that what changed elsewhere shows, and what time brings is said. */
#include "integrations/kinds/alerts_follow.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/run/follow.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/command.h"
#include "integrations/kinds/alerts_arrive.h"
#include "integrations/kinds/alerts_card.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_quiet.h"
#include "integrations/kinds/alerts_silence.h"
#include "integrations/kinds/alerts_storm.h"
#include "integrations/kinds/alerts_tell.h"
#include "integrations/kinds/alerts_watchdog.h"

enum {
	SECOND = 1000, MINUTE = 60 * SECOND,
	AWAY_SAID = 10 * MINUTE,
	NOTICE = 15 * MINUTE,           /* before a silence ends */
	FOREVER_DAYS = 3650,
	GROUPS_MOST = 50000,
};

/* -- What time brings ---------------------------------------------------------------------------------------------------- */

/* One look: what the service told, and what becomes of it in the transaction. */
struct look {
	struct telling telling;
	int64_t follow, asked, next;    /* follow 0: somebody asked, and the row stays as it is */
	bool answered, lists_silences;
	struct alert_group **groups;
	size_t count;
	struct silence *silences;
	size_t silence_count;
	const char *shown;              /* "Alertmanager" */
	const char *seen;
	int64_t away;                   /* since when it does not answer; 0: it does */
	bool away_said;
};

static bool
expire_ack(struct telling *telling, struct alert_row *row)
{
	if (row->state != ALERT_ACKED || !row->ack.until || row->ack.until > telling->now)
		return true;
	row->ack = (struct alert_ack){ 0 };
	row->reminded = telling->now;
	return tell_group(telling, row);
}

static bool
say_still(struct telling *telling, struct alert_row *row)
{
	struct card *card = card_new(telling->arena, TONE_BAD, "%s still firing after %s: %s, nobody is on it. %sack %s", row->label,
		clock_span(telling->arena, telling->now - row->since), alert_title(telling->arena, row), telling->prefix, row->label);

	for (size_t i = 0; i < telling->room_count; i++) {
		const struct room_now *room = &telling->rooms[i];
		bool quiet = room->quiet && row->severity != SEVERITY_CRITICAL;
		if (!quiet && row_told_in(telling->arena, row, room->name) && !tell_room(telling, room->name, card, NULL))
			return false;
	}
	return true;
}

/* Each time after twice as long. */
static bool
remind(struct telling *telling, struct alert_row *row)
{
	int64_t span = telling->options->remind << (row->reminders < 8 ? row->reminders : 8), from = row->reminded > row->told ? row->reminded : row->told;

	if (!telling->options->remind || telling->storm || row->state != ALERT_FIRING || row->severity == SEVERITY_INFO || telling->now - from < span)
		return true;
	row->reminded = telling->now;
	row->reminders++;
	return say_still(telling, row) && alert_row_write(telling->db, row, telling->error);
}

struct passing {
	struct telling *telling;
	bool failed;
};

static bool
pass_time(const struct alert_row *found, void *with)
{
	struct passing *passing = with;
	struct alert_row row = *found;

	passing->failed = !expire_ack(passing->telling, &row) || !remind(passing->telling, &row);
	return !passing->failed;
}

/* How many alerts it holds, as the service told them. */
static int64_t
held_by(const struct look *look, const char *id)
{
	int64_t count = 0;

	for (size_t i = 0; i < look->count; i++)
		for (size_t n = 0; n < look->groups[i]->count; n++) {
			const struct alert *alert = &look->groups[i]->alerts[n];
			count += !alert->over && alert->silence && !strcmp(alert->silence, id);
		}
	return count;
}

static bool
notice_silence(struct look *look, struct silence_row *row)
{
	struct telling *telling = &look->telling;
	int64_t left = row->ends - telling->now, count;

	if (left <= 0 || left > NOTICE || row->noticed == row->ends || row->ends - row->starts <= NOTICE || !row->label || !(count = held_by(look, row->id)))
		return true;
	struct card *card = card_new(telling->arena, TONE_WAITING, "%s ends at %s; %lld alert%s would fire again. Longer: %ssilence %s for=1h", row->label,
		clock_ago(telling->arena, row->ends, telling->now), (long long)count, text_s((unsigned long)count), telling->prefix, row->label);
	row->noticed = row->ends;
	return (row->room ? tell_room(telling, row->room, card, NULL) : tell_all(telling, card, NULL)) && silence_row_write(telling->db, row, telling->error);
}

static bool
notice_silences(struct look *look)
{
	struct telling *telling = &look->telling;
	struct silence_row *rows;
	size_t count = silence_rows_open(telling->db, telling->arena, telling->instance, &rows, telling->error);

	for (size_t i = 0; i < count; i++)
		if (!notice_silence(look, &rows[i]))
			return false;
	return true;
}

static bool
tell_away(struct look *look)
{
	struct telling *telling = &look->telling;
	struct card *card;

	if (look->answered && look->away_said)
		card = card_new(telling->arena, TONE_GOOD, "[%s] %s answers again", telling->instance, look->shown);
	else if (!look->answered && !look->away_said && look->away && telling->now - look->away >= AWAY_SAID)
		card = card_new(telling->arena, TONE_BAD, "[%s] %s does not answer since %s; what I show of its alerts may be old", telling->instance, look->shown,
			clock_ago(telling->arena, look->away, telling->now));
	else
		return true;
	look->away_said = !look->answered;
	return tell_all(telling, card, NULL);
}

static const char *
write_seen(struct look *look)
{
	struct json_object *seen = json_new_object(look->telling.arena);

	json_set_integer(seen, "away", look->answered ? 0 : look->away);
	json_set_integer(seen, "away_said", look->away_said);
	return json_write(seen);
}

static bool
write_look(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct look *look = with;
	struct telling *telling = &look->telling;
	struct passing passing = { .telling = telling };

	telling_begin(telling, db, arena, error);
	if (look->answered && look->lists_silences
	    && !silence_rows_seen(db, arena, telling->instance, look->silences, look->silence_count, look->asked, error))
		return false;
	if (look->answered && look->groups && !arrive_groups(telling, look->groups, look->count, look->asked))
		return false;
	if (!tell_away(look) || !notice_silences(look) || !storm_look(telling) || !quiet_look(telling) || !watchdog_look(telling))
		return false;
	if (!alert_rows_each(db, arena, telling->instance, 0, pass_time, &passing, error) || passing.failed || !alert_rows_prune(db, telling->now, error))
		return false;
	return !look->follow || follow_seen(db, look->follow, write_seen(look), look->next, error);
}

/* -- Looking ------------------------------------------------------------------------------------------------------------- */

static struct silence *
copy_silences(struct arena *arena, const struct silence *from, size_t count)
{
	struct silence *to = arena_take(arena, (count + 1) * sizeof *to);

	for (size_t i = 0; i < count; i++) {
		size_t most = 0;
		to[i] = from[i];
		while (from[i].matchers && from[i].matchers[most].name)
			most++;
		struct matcher *matchers = arena_take(arena, (most + 1) * sizeof *matchers);
		for (size_t n = 0; n < most; n++)
			matchers[n] = (struct matcher){ arena_text(arena, from[i].matchers[n].name), arena_text(arena, from[i].matchers[n].value),
				from[i].matchers[n].negative, from[i].matchers[n].regex };
		to[i].matchers = matchers;
		to[i].id = arena_text(arena, from[i].id);
		to[i].by = arena_text(arena, from[i].by);
		to[i].why = arena_text(arena, from[i].why);
	}
	return to;
}

/* What the service tells, before the work is made: it waits. */
struct heard_of {
	bool answered;
	struct alert_group *groups;
	struct silence *silences;
	size_t count, silence_count;
};

static struct heard_of
ask(struct task *task, const struct alerts *driver, const void *conf)
{
	struct heard_of told = { .answered = true };

	if (driver->silences)
		told.answered = driver->silences(task, conf, &told.silences, &told.silence_count);
	if (told.answered && driver->groups)
		told.answered = driver->groups(task, conf, &told.groups, &told.count) && told.count <= GROUPS_MOST;
	return told;
}

static void
fill_look(struct look *look, struct arena *arena, const struct alerts *driver, const struct heard_of *told)
{
	look->answered = told->answered;
	look->shown = arena_text(arena, driver->shown);
	look->lists_silences = driver->silences;
	if (!told->answered || !driver->groups)
		return;
	look->silences = copy_silences(arena, told->silences, told->silence_count);
	look->silence_count = told->silence_count;
	look->groups = arena_take(arena, (told->count + 1) * sizeof *look->groups);
	for (size_t i = 0; i < told->count; i++)
		look->groups[look->count++] = group_clean(arena, &told->groups[i]);
}

static bool
look_at(struct task *task, const struct talk *talk, const struct instance *instance, const struct follow *follow)
{
	const struct alerts *driver = alerts_of(instance);
	int64_t asked = clock_wall();
	struct heard_of told = ask(task, driver, instance->conf);
	struct json_object *seen = follow && follow->seen ? json_read(task->arena, follow->seen, strlen(follow->seen), NULL) : NULL;

	if (task->cancelled || (!follow && !told.answered))
		return false;
	if (!told.answered)
		log_info("%s does not answer: %s", instance->name, task->error.text);
	struct work *work = work_new(write_look, sizeof(struct look));
	struct look *look = work_with(work);
	struct arena *arena = work_arena(work);
	telling_make(&look->telling, arena, talk, instance);
	fill_look(look, arena, driver, &told);
	look->asked = asked;
	look->follow = follow ? follow->id : 0;
	look->next = clock_wall() + (look->telling.options->every >= SECOND ? look->telling.options->every : SECOND);
	look->away = json_integer(seen, "away", 0) ? json_integer(seen, "away", 0) : asked;
	look->away_said = json_integer(seen, "away_said", 0) != 0;
	if (!store_commit(task, work))
		return false;
	outbox_kick(talk->outbox);
	return true;
}

bool
alerts_look(struct task *task, const struct talk *talk, const struct instance *instance)
{
	return look_at(task, talk, instance, NULL);
}

/* -- The row ------------------------------------------------------------------------------------------------------------- */

static const struct instance *
instance_named(const struct talk *talk, const char *name)
{
	for (size_t i = 0; talk->instances[i]; i++)
		if (!strcmp(talk->instances[i]->name, name))
			return talk->instances[i];
	return NULL;
}

struct ending { int64_t follow; };

static bool
write_ending(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return follow_end(db, ((struct ending *)with)->follow, NULL, error);
}

static void
follow_alerts(struct task *task, const struct follow *follow, void *with)
{
	const struct talk *talk = with;

	talk_hold(task, talk);
	const struct instance *instance = instance_named(talk, follow->instance);
	if (alerts_of(instance)) {
		if (!look_at(task, talk, instance, follow) && !task->cancelled)
			log_warning("What %s told could not be stored: %s", follow->instance, task->error.text);
		return;
	}
	struct work *work = work_new(write_ending, sizeof(struct ending));
	((struct ending *)work_with(work))->follow = follow->id;
	store_commit(task, work);
}

void
alerts_follow(struct follows *follows, const struct talk *talk)
{
	/* The follower reads what it is given, and follows hands it on as it is. */
	follows_kind(follows, ALERTS_FOLLOWS, follow_alerts, (void *)(uintptr_t)talk);
}

struct beginning {
	size_t count;
	const char **names;
	int64_t *ids;
};

static bool
write_beginning(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct beginning *beginning = with;
	int64_t now = clock_wall();

	(void)arena;
	for (size_t i = 0; i < beginning->count; i++) {
		struct follow follow = { .instance = beginning->names[i], .kind = ALERTS_FOLLOWS, .token = "", .began = now, .due = now,
			.until = now + (int64_t)FOREVER_DAYS * 24 * 3600 * SECOND };
		if (!follow_add(db, &follow, error))
			return false;
		beginning->ids[i] = follow.id;
	}
	return true;
}

/* Rows of an earlier life are looked at now, however long they had to wait. */
static void
begun(struct work *work, bool committed, const struct error *error, void *to)
{
	const struct beginning *beginning = work_with(work);

	if (!committed) {
		log_error("Alerts are not looked at: %s", error->text);
		return;
	}
	for (size_t i = 0; i < beginning->count; i++)
		follows_look(to, beginning->ids[i]);
	follows_kick(to);
}

void
alerts_begin(const struct talk *talk)
{
	struct work *work = work_new(write_beginning, sizeof(struct beginning));
	struct beginning *beginning = work_with(work);
	struct arena *arena = work_arena(work);
	size_t most = 0;

	while (talk->instances[most])
		most++;
	beginning->names = arena_take(arena, (most + 1) * sizeof *beginning->names);
	beginning->ids = arena_take(arena, (most + 1) * sizeof *beginning->ids);
	for (size_t i = 0; i < most; i++)
		if (alerts_of(talk->instances[i]))
			beginning->names[beginning->count++] = arena_text(arena, talk->instances[i]->name);
	store_queue(talk->engine->store, work, begun, talk->follows);
}
