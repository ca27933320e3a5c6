/* alerts_storm: many alerts at once, which are told as one line with a count. */
#include "integrations/kinds/alerts_storm.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_tell.h"

enum {
	MINUTE = 60 * 1000,
	CALM = 10,                      /* a storm is over when within a minute only a tenth of what makes one is new */
	NAMED_MOST = 10,                /* critical ones that a storm names */
	NAMES_MOST = 32, PAIRS_MOST = 8, LISTED_MOST = 12, TOP = 5,
};

static const char *const schema[] = {
	"CREATE TABLE alert_pace(instance TEXT NOT NULL, second INTEGER NOT NULL, alerts INTEGER NOT NULL, groups INTEGER NOT NULL,"
	"  PRIMARY KEY(instance, second)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE alert_storm(instance TEXT PRIMARY KEY, began INTEGER NOT NULL, alerts INTEGER NOT NULL, groups INTEGER NOT NULL,"
	"  named INTEGER NOT NULL, drawn INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables alert_storm_tables = { "alert_storm", schema };

struct storm { int64_t began, alerts, groups, named, drawn; };

static bool
read_storm(struct telling *telling, struct storm *out)
{
	struct row row;

	db_query(telling->db, &row, "SELECT began, alerts, groups, named, drawn FROM alert_storm WHERE instance=?", "t", telling->instance);
	bool found = row_next(&row);
	if (found)
		*out = (struct storm){ row_integer(&row, 0), row_integer(&row, 1), row_integer(&row, 2), row_integer(&row, 3), row_integer(&row, 4) };
	return row_end(&row, NULL) && found;
}

static bool
write_storm(struct telling *telling, const struct storm *storm)
{
	return db_run(telling->db, telling->error, "INSERT INTO alert_storm(instance, began, alerts, groups, named, drawn) VALUES(?,?,?,?,?,?)"
		" ON CONFLICT(instance) DO UPDATE SET alerts=excluded.alerts, groups=excluded.groups, named=excluded.named, drawn=excluded.drawn", "tiiiii",
		telling->instance, storm->began, storm->alerts, storm->groups, storm->named, storm->drawn);
}

/* What was new within a minute. */
static void
pace(struct telling *telling, int64_t *alerts, int64_t *groups)
{
	struct row row;

	*alerts = *groups = 0;
	db_query(telling->db, &row, "SELECT sum(alerts), sum(groups) FROM alert_pace WHERE instance=? AND second>=?", "ti", telling->instance,
		(telling->now - MINUTE) / 1000);
	if (row_next(&row) && !row_null(&row, 0)) {
		*alerts = row_integer(&row, 0);
		*groups = row_integer(&row, 1);
	}
	row_end(&row, NULL);
}

static bool
count_pace(struct telling *telling, int64_t alerts, int64_t groups)
{
	return db_run(telling->db, telling->error, "DELETE FROM alert_pace WHERE instance=? AND second<?", "ti", telling->instance, (telling->now - MINUTE) / 1000)
	    && db_run(telling->db, telling->error, "INSERT INTO alert_pace(instance, second, alerts, groups) VALUES(?,?,?,?)"
		" ON CONFLICT(instance, second) DO UPDATE SET alerts=alerts+excluded.alerts, groups=groups+excluded.groups", "tiii",
		telling->instance, telling->now / 1000, alerts, groups);
}

/* -- What it is about ---------------------------------------------------------------------------------------------------- */

/* Alerts by their name, and what those of the commonest have in common. */
struct tally {
	struct arena *arena;
	int64_t since;
	struct { const char *name; int64_t alerts; } names[NAMES_MOST];
	size_t count;
	const char *top;
	struct named common[PAIRS_MOST + 1];
	bool begun;
};

static bool
count_name(const struct alert_row *row, void *with)
{
	struct tally *tally = with;
	size_t at = 0;

	if (row->told < tally->since)
		return true;
	while (at < tally->count && strcmp(tally->names[at].name, row->name))
		at++;
	if (at == NAMES_MOST)
		return true;
	tally->count += at == tally->count;
	tally->names[at].name = row->name;
	tally->names[at].alerts += row->firing + row->omitted;
	return true;
}

static bool
is_common(const char *name)
{
	return strcmp(name, "alertname") && strcmp(name, "severity") && strcmp(name, "job") && strncmp(name, "__", 2);
}

/* What the first has and each other too. */
static bool
keep_common(const struct alert_row *row, void *with)
{
	struct tally *tally = with;
	size_t kept = 0;

	if (row->told < tally->since || strcmp(row->name, tally->top))
		return true;
	const struct named *labels = group_labels(tally->arena, row->labels);
	for (const struct named *label = labels; !tally->begun && label->name && kept < PAIRS_MOST; label++)
		if (is_common(label->name))
			tally->common[kept++] = *label;
	for (size_t i = 0; tally->begun && tally->common[i].name; i++)
		for (const struct named *label = labels; label->name; label++)
			if (!strcmp(label->name, tally->common[i].name) && !strcmp(label->value, tally->common[i].value)) {
				tally->common[kept++] = tally->common[i];
				break;
			}
	tally->common[kept] = (struct named){ 0 };
	tally->begun = true;
	return true;
}

static bool
take_tally(struct telling *telling, struct tally *tally)
{
	size_t top = 0;

	tally->arena = telling->arena;
	if (!alert_rows_each(telling->db, telling->arena, telling->instance, tally->since, count_name, tally, telling->error))
		return false;
	for (size_t i = 1; i < tally->count; i++)
		if (tally->names[i].alerts > tally->names[top].alerts)
			top = i;
	if (!tally->count)
		return true;
	tally->names[NAMES_MOST - 1] = tally->names[top];
	tally->top = tally->names[top].name;
	return alert_rows_each(telling->db, telling->arena, telling->instance, tally->since, keep_common, tally, telling->error);
}

static const char *
about(const struct tally *tally)
{
	struct text text = text_in(tally->arena, 200);
	size_t top = 0;

	if (!tally->top)
		return "";
	while (strcmp(tally->names[top].name, tally->top))
		top++;
	text_printf(&text, ", %lld of them %s", (long long)tally->names[top].alerts, tally->top);
	for (size_t i = 0; tally->common[i].name && i < 2; i++)
		text_printf(&text, "%s%s=%s", i ? " " : " with ", tally->common[i].name, tally->common[i].value);
	return text.bytes;
}

/* -- Its message --------------------------------------------------------------------------------------------------------- */

static const char *
label_of(struct telling *telling, const struct storm *storm)
{
	return arena_printf(telling->arena, "storm %s %lld", telling->instance, (long long)storm->began);
}

static const char *
counted(struct arena *arena, int64_t count, const char *what)
{
	return arena_printf(arena, "%lld %s%s", (long long)count, what, text_s((unsigned long)count));
}

static bool
say_storm(struct telling *telling, struct storm *storm, bool line)
{
	struct arena *arena = telling->arena;
	struct tally tally = { .since = storm->began - MINUTE };

	if (!take_tally(telling, &tally))
		return false;
	struct card *card = card_new(arena, TONE_BAD, "Storm: %s in %s within %s%s. I name only new critical ones until it is calm. %salerts shows all",
		counted(arena, storm->alerts, "alert"), counted(arena, storm->groups, "group"),
		clock_span(arena, telling->now - storm->began > MINUTE ? telling->now - storm->began : MINUTE), about(&tally), telling->prefix);
	card->progress = !line;
	storm->drawn = storm->alerts;
	return tell_all(telling, card, label_of(telling, storm));
}

struct ending {
	struct telling *telling;
	struct text *names;
	int64_t since, firing, listed;
	bool failed;
};

/* What no room has heard of yet is told nowhere, as if it had come behind the beginning. */
static bool
unsay_one(const struct alert_row *found, void *with)
{
	struct ending *ending = with;
	struct telling *telling = ending->telling;
	struct alert_row row = *found;
	bool said = true;

	if (row.told < ending->since || row.severity == SEVERITY_CRITICAL)
		return true;
	ending->failed = !outbox_unsay(telling->db, row.label, &said, telling->error);
	if (!ending->failed && !said) {
		row.rooms = "[]";
		ending->failed = !alert_row_write(telling->db, &row, telling->error);
	}
	return !ending->failed;
}

/* What is one by one still on its way to the rooms is in the count now. */
static bool
unsay(struct telling *telling, const struct storm *storm)
{
	struct ending ending = { .telling = telling, .since = storm->began - MINUTE };

	return alert_rows_each(telling->db, telling->arena, telling->instance, 0, unsay_one, &ending, telling->error) && !ending.failed;
}

bool
storm_count(struct telling *telling, int64_t alerts, int64_t groups)
{
	struct storm storm = { .began = telling->now };
	int64_t fresh, kinds;

	if (!telling->options->storm)
		return true;
	telling->storm = read_storm(telling, &storm);
	if (alerts <= 0)
		return true;
	if (!count_pace(telling, alerts, groups))
		return false;
	storm.alerts += alerts;
	storm.groups += groups;
	if (telling->storm)
		return write_storm(telling, &storm);
	pace(telling, &fresh, &kinds);
	if (fresh < telling->options->storm)
		return true;
	storm.alerts = fresh;
	storm.groups = kinds;
	telling->storm = true;
	return write_storm(telling, &storm) && unsay(telling, &storm);
}

bool
storm_begun(struct telling *telling)
{
	struct storm storm;

	if (!telling->storm || !read_storm(telling, &storm) || storm.drawn)
		return true;
	return say_storm(telling, &storm, true) && write_storm(telling, &storm);
}

bool
storm_names(struct telling *telling, const struct alert_row *row)
{
	struct storm storm;

	if (row->severity != SEVERITY_CRITICAL || !read_storm(telling, &storm) || storm.named >= NAMED_MOST)
		return false;
	storm.named++;
	return write_storm(telling, &storm);
}

/* -- Its end ------------------------------------------------------------------------------------------------------------- */

/* Those that still fire are told from now on. */
static bool
list_one(const struct alert_row *found, void *with)
{
	struct ending *ending = with;
	struct telling *telling = ending->telling;
	struct alert_row row = *found;

	if (row.told < ending->since || row.state != ALERT_FIRING)
		return true;
	ending->firing++;
	if (ending->listed < LISTED_MOST) {
		text_printf(ending->names, "%s%s", ending->listed++ ? " " : ": ", row.label);
		for (const char *const *room = telling_rooms(telling); *room; room++)
			row_tell_in(telling->arena, &row, *room);
	}
	ending->failed = !alert_row_write(telling->db, &row, telling->error);
	return !ending->failed;
}

static void
add_top(struct card *card, struct tally *tally)
{
	for (size_t n = 0; n < TOP && n < tally->count; n++) {
		size_t top = n;
		for (size_t i = n + 1; i < tally->count; i++)
			if (tally->names[i].alerts > tally->names[top].alerts)
				top = i;
		const char *name = tally->names[top].name;
		int64_t alerts = tally->names[top].alerts;
		tally->names[top] = tally->names[n];
		if (alerts)
			card_fact(card, NULL, "%s %lld", name, (long long)alerts);
	}
}

static bool
say_end(struct telling *telling, const struct storm *storm)
{
	struct arena *arena = telling->arena;
	struct text names = text_in(arena, 200);
	struct ending ending = { .telling = telling, .names = &names, .since = storm->began - MINUTE };
	struct tally tally = { .since = ending.since };

	if (!take_tally(telling, &tally) || !alert_rows_each(telling->db, arena, telling->instance, 0, list_one, &ending, telling->error) || ending.failed)
		return false;
	if (ending.firing > ending.listed)
		text_printf(&names, " and %lld more", (long long)(ending.firing - ending.listed));
	struct card *card = card_new(arena, ending.firing ? TONE_WAITING : TONE_GOOD, "Storm over: %s in %s in %s, %s still firing%s", counted(arena, storm->alerts, "alert"),
		counted(arena, storm->groups, "group"), clock_span(arena, telling->now - storm->began), ending.firing ? counted(arena, ending.firing, "group") : "nothing", names.bytes);
	add_top(card, &tally);
	return tell_all(telling, card, label_of(telling, storm))
	    && db_run(telling->db, telling->error, "DELETE FROM alert_storm WHERE instance=?", "t", telling->instance);
}

bool
storm_look(struct telling *telling)
{
	struct storm storm;
	int64_t fresh, kinds;

	telling->storm = read_storm(telling, &storm);
	if (!telling->storm)
		return true;
	pace(telling, &fresh, &kinds);
	if (fresh * CALM <= telling->options->storm && telling->now - storm.began >= MINUTE) {
		telling->storm = false;
		return say_end(telling, &storm);
	}
	return storm.drawn == storm.alerts || (say_storm(telling, &storm, false) && write_storm(telling, &storm));
}
