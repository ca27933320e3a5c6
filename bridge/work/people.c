/* people: who people are beyond what the configuration says. */
#include "bridge/work/people.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/overlay.h"
#include "bridge/rights/role.h"
#include "bridge/run/engine.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/talk.h"
#include "bridge/work/code.h"
#include "bridge/work/elevation.h"
#include "bridge/work/paired.h"
#include "bridge/work/people_directory.h"
#include "bridge/work/request.h"

struct people {
	struct talk *talk;
	const struct rights *rights;    /* of the configuration */
	struct snapshot *configured;
	bool loaded;
};

struct people *
people_open(struct talk *talk)
{
	struct people *people = memory_take(sizeof *people);

	people->talk = talk;
	return people;
}

/* -- Laying over -------------------------------------------------------------------------------------------------------- */

/* Rights that were laid over lean on those of their configuration. */
struct laid {
	struct arena *arena;
	struct snapshot *under;
};

static void
let_go(void *with)
{
	struct laid *laid = with;
	struct arena *arena = laid->arena;

	snapshot_release(laid->under);
	arena_free(arena);
}

void
people_changed(struct people *people)
{
	struct talk *talk = people->talk;
	struct snapshot *before = talk->snapshot;
	struct arena *arena = arena_new();
	struct laid *laid = arena_take(arena, sizeof *laid);
	struct overlay overlay = { 0 };

	*laid = (struct laid){ arena, people->configured };
	snapshot_hold(people->configured);
	directory_overlay(talk->directory, arena, &overlay);
	pairs_overlay(talk->pairs, arena, &overlay);
	elevations_overlay(talk->elevations, arena, &overlay);
	talk->rights = rights_lay_over(people->rights, &overlay, arena);
	talk->snapshot = snapshot_new(let_go, laid);
	if (before)
		snapshot_replaced(before);
}

/* -- Who has left --------------------------------------------------------------------------------------------------------- */

static bool
is_person(const char *name, const void *rights)
{
	return rights_person_named(rights, name);
}

/* One person at a time: what is theirs is taken out by their name. */
static bool
revoke_next(struct people *people, struct arena *arena)
{
	const struct talk *talk = people->talk;
	const char *gone = pairs_orphan(talk->pairs, is_person, talk->rights);

	if (!gone)
		gone = elevations_orphan(talk->elevations, is_person, talk->rights);
	if (!gone)
		return false;
	const char *name = arena_text(arena, gone);
	size_t accounts = pairs_revoke(talk, name), roles = elevations_revoke(talk->elevations, name);
	struct card *card = card_new(arena, TONE_PLAIN, "%s is no person any more", name);
	if (accounts)
		card_fact(card, NULL, "%zu paired account%s void", accounts, accounts == 1 ? " is" : "s are");
	if (roles)
		card_fact(card, NULL, "%zu role%s for a while ended", roles, roles == 1 ? "" : "s");
	log_warning("%s.", card->headline);
	operators_tell(talk, card, NULL);
	return true;
}

/* Their one-time codes: the store knows whose there are. */

struct codes {
	const char **persons;           /* sorted */
	size_t count;
	const char *gone;
};

static bool
end_codes(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct codes *codes = with;

	return code_keep_only(db, codes->persons, codes->count, arena, &codes->gone, error);
}

static void
codes_ended(struct work *work, bool committed, const struct error *error, void *to)
{
	const struct codes *codes = work_with(work);
	const struct people *people = to;

	if (!committed)
		log_error("Whether somebody who has left has one-time codes could not be looked up: %s", error->text);
	else if (*codes->gone) {
		log_warning("One-time codes of who is no person any more are gone: %s.", codes->gone);
		operators_tell(people->talk, card_new(work_arena(work), TONE_PLAIN, "one-time codes of who is no person any more are gone: %s", codes->gone), NULL);
	}
}

static int
by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void
revoke_codes(struct people *people)
{
	struct work *work = work_new(end_codes, sizeof(struct codes));
	struct codes *codes = work_with(work);
	struct arena *arena = work_arena(work);
	const struct rights *rights = people->talk->rights;
	size_t count = 0;

	for (const struct person *person = NULL; (person = rights_next_person(rights, person));)
		count++;
	codes->persons = arena_take(arena, (count + 1) * sizeof *codes->persons);
	for (const struct person *person = NULL; (person = rights_next_person(rights, person));)
		codes->persons[codes->count++] = arena_text(arena, person->name);
	qsort(codes->persons, codes->count, sizeof *codes->persons, by_name);
	store_queue(people->talk->engine->store, work, codes_ended, people);
}

/* Not before it is known what they had, and that no directory names them. */
void
people_left(struct people *people)
{
	struct arena *arena = arena_new();
	bool some = false;

	if (people->loaded && directory_known(people->talk->directory)) {
		while (revoke_next(people, arena))
			some = true;
		if (some)
			people_changed(people);
		revoke_codes(people);
	}
	arena_free(arena);
}

/* -- What is in force ------------------------------------------------------------------------------------------------------- */

void
people_configured(struct people *people, const struct rights *rights, struct snapshot *snapshot)
{
	struct snapshot *before = people->configured;

	people->rights = rights;
	people->configured = snapshot;
	people_changed(people);
	if (before)
		snapshot_replaced(before);
	people_left(people);
}

void
people_close(struct people *people)
{
	if (people->configured) {
		snapshot_replaced(people->talk->snapshot);
		snapshot_replaced(people->configured);
	}
	free(people);
}

bool
people_load(struct task *task, struct people *people)
{
	if (!pairs_load(task, people->talk->pairs) || !elevations_load(task, people->talk->elevations))
		return false;
	people->loaded = true;
	people_changed(people);
	directory_load(task, people->talk->directory);
	people_left(people);
	return true;
}

bool
people_is_admin(const struct request *request)
{
	const struct list *admins = rights_admins(request->talk->rights);

	for (size_t i = 0; request->person && i < admins->count; i++)
		if (!strcmp(admins->each[i], request->person->name))
			return true;
	return false;
}
