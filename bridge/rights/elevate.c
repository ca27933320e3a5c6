/* elevate: which roles may be taken for a while, and what that needs. */
#include "bridge/rights/elevate.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"

static const struct setting settings[] = {
	{ "role", TYPE_TITLE, offsetof(struct elevate, role), NULL, "The role that may be taken for a while, by who has a rule \"gateway.elevate role=ROLE\".", NULL },
	SETTING(elevate, where,    TYPE_WHERE,  NULL,  NULL),
	SETTING(elevate, by,       TYPE_TEXT,   NULL,  "The role whose people must approve it first; without it a review afterwards must do."),
	SETTING(elevate, code,     TYPE_SPAN,   "5m",  "Who asks gives a one-time code, no older than this."),
	SETTING(elevate, count,    TYPE_NUMBER, "1",   "How many persons must approve, where by is written."),
	SETTING(elevate, longest,  TYPE_SPAN,   "1h",  "How long it lasts where nothing else is said, and at most."),
	SETTING(elevate, reaction, TYPE_FLAG,   "no",  "A thumb on our message counts as well as the words."),
	SETTING(elevate, review,   TYPE_TEXT,   NULL,  "The role whose people look at it afterwards; it is listed until one of them has."),
	SETTING(elevate, within,   TYPE_SPAN,   "30m", "How long the approval may take."),
	{ 0 }
};

const struct shape elevate_shape = {
	"elevate", sizeof(struct elevate), settings, "A role that may be taken for a while in an emergency: announced, and ended by itself.", false
};

enum { LONGEST_LEAST = 60 * 1000, LONGEST_MOST = 24 * 3600 * 1000, CODE_MOST = 3600 * 1000 };

static void
check_role(struct conf *conf, const struct elevate *elevate, const struct rights *rights, const char *role)
{
	if (role && !rights_is_role(rights, role))
		conf_mistake(conf, elevate->where, NULL, "elevate \"%s\": no role is called %s%s", elevate->role, role,
			rights_nearest_role(rights, conf_arena(conf), role));
}

static void
check(struct conf *conf, const struct elevate *elevate, const struct rights *rights)
{
	check_role(conf, elevate, rights, elevate->role);
	check_role(conf, elevate, rights, elevate->by);
	check_role(conf, elevate, rights, elevate->review);
	if (!elevate->by && !elevate->review)
		conf_mistake(conf, elevate->where, NULL, "elevate \"%s\": nobody looks at it; name whose approval it needs (by), or who looks at it afterwards (review).",
			elevate->role);
	if (elevate->longest < LONGEST_LEAST || elevate->longest > LONGEST_MOST)
		conf_mistake(conf, elevate->where, NULL, "elevate \"%s\": longest is 1m to 24h.", elevate->role);
	if (elevate->code < 1000 || elevate->code > CODE_MOST)
		conf_mistake(conf, elevate->where, NULL, "elevate \"%s\": code is 1s to 1h.", elevate->role);
}

/* As an approval "elevate ROLE" would be written. */
static struct approval *
approval_of(struct arena *arena, const struct elevate *elevate)
{
	struct approval *approval = arena_take(arena, sizeof *approval);
	const char **command = arena_take(arena, sizeof *command);
	struct where *where = arena_take(arena, sizeof *where);

	*command = arena_printf(arena, "gateway." ELEVATE_VERB " " ELEVATE_ROLE "=%s", elevate->role);
	*where = elevate->where;
	*approval = (struct approval){ .name = arena_printf(arena, "elevate %s", elevate->role), .where = elevate->where, .commands = { 1, command, where },
		.by = elevate->by ? elevate->by : "", .count = elevate->by ? elevate->count : 0, .within = elevate->within, .reaction = elevate->reaction,
		.code = elevate->code, .of = arena_printf(arena, "elevate \"%s\"", elevate->role) };
	return approval;
}

struct elevates
elevates_compile(struct conf *conf, const struct sections *sections, const struct rights *rights, struct sections *approvals)
{
	struct arena *arena = conf_arena(conf);
	void **all = arena_take(arena, (approvals->count + sections->count + 1) * sizeof *all);
	const struct elevate **each = arena_take(arena, (sections->count + 1) * sizeof *each);

	for (size_t i = 0; i < approvals->count; i++)
		all[i] = approvals->each[i];
	for (size_t i = 0; i < sections->count; i++) {
		each[i] = sections->each[i];
		check(conf, each[i], rights);
		all[approvals->count + i] = approval_of(arena, each[i]);
	}
	*approvals = (struct sections){ approvals->count + sections->count, all };
	return (struct elevates){ sections->count, each };
}

const struct elevate *
elevates_find(const struct elevates *elevates, const char *role)
{
	for (size_t i = 0; i < elevates->count; i++)
		if (!strcmp(elevates->each[i]->role, role))
			return elevates->each[i];
	return NULL;
}
