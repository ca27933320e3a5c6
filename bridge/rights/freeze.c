/* freeze: times in which some commands are not carried out. */
#include "bridge/rights/freeze.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/calendar.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/window.h"

enum { MEETING_MOST = 100 };            /* spans that follow one another, until nobody asks when it ends */

#define WHAT { "for", TYPE_LIST, offsetof(struct freeze, what), CONF_REQUIRED, \
	"Rules of what is not carried out meanwhile, as in a role: ci.build target=prod.", NULL }

static const struct setting settings[] = {
	SETTING(freeze, approval, TYPE_TEXT,  NULL, "An approval: those of except pass once it is given, whatever its own for means; without it they just pass."),
	SETTING(freeze, calendar, TYPE_PATH,  NULL, "An iCalendar file: it is frozen during each of its events; read again within a minute of a change."),
	SETTING(freeze, dates,    TYPE_LIST,  NULL, "\"2026-12-23 - 2027-01-02\", to the end of that day, or with times: \"2026-12-23 18:00 - 2027-01-02 08:00\"."),
	SETTING(freeze, except,   TYPE_LIST,  NULL, "Roles that it does not hold."),
	WHAT,
	SETTING(freeze, in,       TYPE_LIST,  NULL, "The rooms where it holds; none named: every room. In private it holds always."),
	SETTING(freeze, name,     TYPE_TITLE, NULL, "Its name, which who is held is told."),
	SETTING(freeze, weekly,   TYPE_LIST,  NULL, "\"Fri 16:00 - Mon 08:00\"; without times whole days, without days every day."),
	SETTING(freeze, where,    TYPE_WHERE, NULL, "Where it stands."),
	{ 0 }
};

const struct shape freeze_shape = { "freeze", sizeof(struct freeze), settings,
	"Times, on the clocks of timezone, in which some commands are not carried out.", false };

struct compiled {
	const struct freeze *freeze;
	struct rules rules;
	size_t count;
	struct source { struct window window; struct where where; const char *text; } *each;
	struct calendar *calendar;      /* NULL: none */
};

struct freezes {
	size_t count;
	struct compiled *each;
};

/* Compiling. */

struct compiling {
	struct conf *conf;
	const struct sections *roles, *approvals;
	const struct rights_world *world;
};

static void
read_windows(const struct compiling *compiling, struct compiled *compiled, const struct list *list, bool (*read)(const char *, struct window *), const char *how)
{
	for (size_t i = 0; i < list->count; i++) {
		struct source *source = &compiled->each[compiled->count];
		*source = (struct source){ .where = list->where[i], .text = list->each[i] };
		if (read(list->each[i], &source->window))
			compiled->count++;
		else
			conf_mistake(compiling->conf, list->where[i], NULL, "freeze \"%s\": \"%s\" can never hold; write %s.", compiled->freeze->name,
				list->each[i], how);
	}
}

static void
read_calendar(const struct compiling *compiling, struct compiled *compiled)
{
	struct error error;

	if (!compiled->freeze->calendar)
		return;
	compiled->calendar = calendar_open(compiled->freeze->calendar, &error);
	if (!compiled->calendar)
		conf_mistake(compiling->conf, compiled->freeze->where, NULL, "freeze \"%s\": calendar: %s", compiled->freeze->name, error.text);
}

/* What nothing holds up (a look, a stop, our own verbs) is not frozen either, so a rule for nothing else is a mistake. */
static void
read_rules(const struct compiling *compiling, struct compiled *compiled)
{
	const struct rights_world *world = compiling->world;
	struct arena *arena = conf_arena(compiling->conf);
	struct rule_reader reader = { compiling->conf, world, arena_printf(arena, "freeze \"%s\"", compiled->freeze->name) };

	compiled->rules = rules_read(&reader, &compiled->freeze->what);
	for (size_t i = 0; i < compiled->rules.count; i++) {
		const struct rule *rule = &compiled->rules.each[i];
		const char *service = strcmp(rule->service, "*") ? rule->service : NULL;
		if (world->held && !world->held(world->with, service, rule->verb))
			conf_mistake(compiling->conf, rule->where, NULL, "freeze \"%s\": \"%s\" can never hold: what only looks, stops or is a verb of mine is never frozen.",
				compiled->freeze->name, rule->text);
	}
}

static void
check_roles(const struct compiling *compiling, const struct freeze *freeze)
{
	const struct sections *roles = compiling->roles;
	struct arena *arena = conf_arena(compiling->conf);
	const char **names = arena_take(arena, (roles->count + 1) * sizeof *names);

	for (size_t i = 0; i < roles->count; i++)
		names[i] = ((const struct role *)roles->each[i])->name;
	for (size_t i = 0; i < freeze->except.count; i++) {
		size_t at = 0;
		while (at < roles->count && strcmp(names[at], freeze->except.each[i]))
			at++;
		if (at == roles->count)
			conf_mistake(compiling->conf, freeze->except.where[i], NULL, "freeze \"%s\": no role is called %s%s", freeze->name, freeze->except.each[i],
				rule_guess(arena, text_nearest(freeze->except.each[i], names)));
	}
}

static void
find_approval(const struct compiling *compiling, struct freeze *freeze)
{
	const struct sections *approvals = compiling->approvals;
	struct arena *arena = conf_arena(compiling->conf);
	const char **names = arena_take(arena, (approvals->count + 1) * sizeof *names);

	for (size_t i = 0; freeze->approval && i < approvals->count; i++) {
		const struct approval *approval = approvals->each[i];
		names[i] = approval->name;
		if (!strcmp(approval->name, freeze->approval))
			freeze->needs = approval;
	}
	if (freeze->approval && !freeze->needs)
		conf_mistake(compiling->conf, freeze->where, NULL, "freeze \"%s\": no approval is called %s%s", freeze->name, freeze->approval,
			rule_guess(arena, text_nearest(freeze->approval, names)));
	if (freeze->approval && !freeze->except.count)
		conf_mistake(compiling->conf, freeze->where, NULL, "freeze \"%s\": it lets nobody pass, so nothing could be approved; name whom in except.", freeze->name);
}

static void
check_rooms(const struct compiling *compiling, const struct freeze *freeze)
{
	for (size_t i = 0; i < freeze->in.count; i++)
		if (!compiling->world->room(compiling->world->with, freeze->in.each[i]))
			conf_mistake(compiling->conf, freeze->in.where[i], NULL, "freeze \"%s\": no room is called %s.", freeze->name, freeze->in.each[i]);
}

static void
compile(const struct compiling *compiling, struct compiled *compiled, struct freeze *freeze)
{
	size_t windows = freeze->weekly.count + freeze->dates.count;

	compiled->each = arena_take(conf_arena(compiling->conf), (windows + 1) * sizeof *compiled->each);
	if (!windows && !freeze->calendar)
		conf_mistake(compiling->conf, freeze->where, NULL, "freeze \"%s\" can never hold; give it weekly, dates or a calendar.", freeze->name);
	read_rules(compiling, compiled);
	read_windows(compiling, compiled, &freeze->weekly, window_read_weekly, "\"Fri 16:00 - Mon 08:00\", \"Sat - Sun\" or \"22:00 - 06:00\"");
	read_windows(compiling, compiled, &freeze->dates, window_read_dates, "\"2026-12-23 - 2027-01-02\", or with times \"2026-12-23 18:00 - 2027-01-02 08:00\"");
	read_calendar(compiling, compiled);
	check_roles(compiling, freeze);
	find_approval(compiling, freeze);
	check_rooms(compiling, freeze);
}

struct freezes *
freezes_compile(struct conf *conf, const struct sections *freezes, const struct sections *roles, const struct sections *approvals,
	const struct rights_world *world)
{
	struct arena *arena = conf_arena(conf);
	struct freezes *compiled = arena_take(arena, sizeof *compiled);
	const struct compiling compiling = { conf, roles, approvals, world };

	*compiled = (struct freezes){ freezes->count, arena_take(arena, (freezes->count + 1) * sizeof *compiled->each) };
	for (size_t i = 0; i < freezes->count; i++) {
		compiled->each[i].freeze = freezes->each[i];
		compile(&compiling, &compiled->each[i], freezes->each[i]);
	}
	return compiled;
}

void
freezes_free(struct freezes *freezes)
{
	for (size_t i = 0; freezes && i < freezes->count; i++)
		calendar_free(freezes->each[i].calendar);
}

size_t
freezes_count(const struct freezes *freezes)
{
	return freezes->count;
}

const struct freeze *
freeze_of(const struct freezes *freezes, size_t i)
{
	return freezes->each[i].freeze;
}

/* When. */

static void
keep_earlier(struct span *best, bool *found, const struct span *one)
{
	if (!*found || one->from < best->from || (one->from == best->from && one->to > best->to))
		*best = *one;
	*found = true;
}

/* Of all its times the one that `at` is in, or else the first behind it. */
static bool
one_span(const struct compiled *compiled, int64_t at, struct span *out)
{
	struct span one;
	bool found = false;

	for (size_t i = 0; i < compiled->count; i++)
		if (window_at(&compiled->each[i].window, at, &one))
			keep_earlier(out, &found, &one);
	if (compiled->calendar && calendar_at(compiled->calendar, at, &one))
		keep_earlier(out, &found, &one);
	return found;
}

/* The same, to where it really ends: times that meet or overlap are one. */
static bool
span_of(const struct compiled *compiled, int64_t at, struct span *out)
{
	struct span next;

	if (!one_span(compiled, at, out))
		return false;
	for (int i = 0; i < MEETING_MOST && one_span(compiled, out->to, &next) && next.from <= out->to; i++)
		out->to = next.to;
	return true;
}

static const char *
excepted(const struct freeze *freeze, const struct person *person)
{
	for (size_t i = 0; person && i < person->roles.count; i++)
		if (list_has(&freeze->except, person->roles.each[i]))
			return person->roles.each[i];
	return NULL;
}

/* The rule of it that means what is asked; NULL: none. */
static const struct rule *
meant(const struct compiled *compiled, const struct ask *ask)
{
	const struct list *rooms = &compiled->freeze->in;

	if (rooms->count && ask->room && !list_has(rooms, ask->room))
		return NULL;
	return rules_match(&compiled->rules, ask);
}

static bool
hold_of(const struct compiled *compiled, int64_t wall, struct freeze_hold *out)
{
	struct span span;

	*out = (struct freeze_hold){ .freeze = compiled->freeze };
	if (!span_of(compiled, wall, &span))
		return false;
	out->from = span.from;
	out->until = span.to;
	return true;
}

/* Of two that hold: the one that the person cannot pass, then the one that wants an approval, then the one that holds longer. */
static bool
holds_more(const struct freeze_hold *one, const struct freeze_hold *other)
{
	if (!one->role != !other->role)
		return !one->role;
	if (one->role && !one->freeze->needs != !other->freeze->needs)
		return one->freeze->needs;
	return one->until > other->until;
}

static bool
starts_first(const struct freeze_hold *one, const struct freeze_hold *other)
{
	return one->from < other->from;
}

/* The best of those that mean what is asked, and hold now or only later. */
static bool
find(const struct freezes *freezes, const struct ask *ask, const struct person *person, int64_t wall, bool now,
	bool (*better)(const struct freeze_hold *, const struct freeze_hold *), struct freeze_hold *out)
{
	struct freeze_hold one;
	bool found = false;

	for (size_t i = 0; ask->changes && i < freezes->count; i++) {
		const struct rule *rule = meant(&freezes->each[i], ask);
		if (!rule || !hold_of(&freezes->each[i], wall, &one) || (one.from <= wall) != now)
			continue;
		one.rule = rule->text;
		one.role = excepted(one.freeze, person);
		if (!found || better(&one, out))
			*out = one;
		found = true;
	}
	return found;
}

bool
freeze_holds(const struct freezes *freezes, const struct ask *ask, const struct person *person, int64_t wall, struct freeze_hold *out)
{
	return find(freezes, ask, person, wall, true, holds_more, out);
}

void
freezes_needs(const struct freezes *freezes, const struct ask *ask, const struct person *person, int64_t wall, struct needs *needs)
{
	struct freeze_hold one;

	for (size_t i = 0; ask->changes && i < freezes->count; i++) {
		const struct freeze *freeze = freezes->each[i].freeze;
		if (freeze->needs && excepted(freeze, person) && meant(&freezes->each[i], ask) && hold_of(&freezes->each[i], wall, &one) && one.from <= wall)
			needs_add(needs, freeze->needs);
	}
}

bool
freeze_next(const struct freezes *freezes, const struct ask *ask, const struct person *person, int64_t wall, struct freeze_hold *out)
{
	return find(freezes, ask, person, wall, false, starts_first, out);
}

bool
freeze_at(const struct freezes *freezes, size_t i, int64_t wall, struct freeze_hold *out)
{
	return hold_of(&freezes->each[i], wall, out);
}

/* Told to whoever runs it. */

void
freezes_past(const struct freezes *freezes, int64_t wall, struct conf *conf)
{
	struct span span;

	for (size_t i = 0; i < freezes->count; i++) {
		const struct compiled *compiled = &freezes->each[i];
		for (size_t j = 0; j < compiled->count; j++)
			if (!window_at(&compiled->each[j].window, wall, &span))
				conf_warning(conf, compiled->each[j].where, NULL, "freeze \"%s\": \"%s\" has passed; take it out.", compiled->freeze->name,
					compiled->each[j].text);
		if (compiled->calendar && !calendar_at(compiled->calendar, wall, &span))
			conf_warning(conf, compiled->freeze->where, NULL, "freeze \"%s\": %s has no event within the next year.", compiled->freeze->name,
				calendar_path(compiled->calendar));
	}
}

void
freezes_look(const struct freezes *freezes, void (*lost)(const struct freeze *, const char *, void *), void *with)
{
	struct error error = { "" };

	for (size_t i = 0; i < freezes->count; i++)
		if (freezes->each[i].calendar && calendar_look(freezes->each[i].calendar, &error) == CALENDAR_LOST)
			lost(freezes->each[i].freeze, error.text, with);
}
