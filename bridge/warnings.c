/* warnings: what is no mistake in a configuration and yet likely not meant. */
#include "bridge/warnings.h"

#include <string.h>

#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/rights/elevate.h"
#include "bridge/rights/freeze.h"
#include "bridge/rights/role.h"
#include "bridge/setup.h"
#include "bridge/talk/room.h"
#include "bridge/work/command.h"
#include "bridge/work/lock.h"

/* Roles. */

/* How many have it, by a role that is like it too; *last is one of them. */
static size_t
holders(const struct setup *setup, const struct sections *persons, const char *role, const struct person **last)
{
	size_t count = 0;

	for (size_t i = 0; i < persons->count; i++)
		if (rights_has_role(setup->rights, persons->each[i], role)) {
			*last = persons->each[i];
			count++;
		}
	return count;
}

/* Whoever takes a role for a while has those that it is like, too. */
static bool
taken_by(const struct setup *setup, const struct elevate *elevate, const char *role)
{
	const struct person would = { .roles = { 1, &elevate->role, NULL } };

	return rights_has_role(setup->rights, &would, role) || (elevate->review && !strcmp(elevate->review, role));
}

/* An approval whose role nobody has is a mistake already. */
static bool
is_named(const struct setup *setup, const struct sections *freezes, const char *role)
{
	bool named = setup->lock_limits && list_has(&setup->lock_limits->release, role);

	for (size_t i = 0; i < freezes->count && !named; i++)
		named = list_has(&((const struct freeze *)freezes->each[i])->except, role);
	for (size_t i = 0; i < setup->elevates->count && !named; i++)
		named = taken_by(setup, setup->elevates->each[i], role);
	return named;
}

static void
warn_of_roles(struct setup *setup, const struct sections *persons, const struct sections *roles, const struct sections *freezes)
{
	const struct person *last;

	for (size_t i = 0; i < roles->count; i++) {
		const struct role *role = roles->each[i];
		if (!holders(setup, persons, role->name, &last) && !is_named(setup, freezes, role->name))
			conf_warning(setup->conf, role->where, NULL, "role \"%s\": nobody has it; give it to somebody, or take it out.", role->name);
	}
}

/* Nobody reviews their own, but who has the role anyway need not take it. */
static void
warn_of_reviews(struct setup *setup, const struct sections *persons)
{
	for (size_t i = 0; i < setup->elevates->count; i++) {
		const struct elevate *elevate = setup->elevates->each[i];
		const struct person *last = NULL;
		size_t count = elevate->review ? holders(setup, persons, elevate->review, &last) : 2;
		if (!count)
			conf_warning(setup->conf, elevate->where, NULL, "elevate \"%s\": nobody has the role %s, so nobody could look at it afterwards; give it to somebody.",
				elevate->role, elevate->review);
		if (count == 1 && !rights_has_role(setup->rights, last, elevate->role))
			conf_warning(setup->conf, elevate->where, NULL,
				"elevate \"%1$s\": only %2$s has the role %3$s, so nobody could look at what %2$s does with it; give it to one more person.",
				elevate->role, last->name, elevate->review);
	}
}

/* Rooms. */

static bool
may_something(const struct setup *setup, const char *account, const struct room *room, const struct instance *instance)
{
	for (const struct command_set *set = instance->sets; set->kind; set++)
		for (const struct command *command = set->commands; command->verb; command++) {
			const struct ask ask = { .account = account, .room = room->name, .instance = instance->name, .verb = command->verb,
				.changes = command_needs_rule(command) };
			if (rights_could(setup->rights, &ask))
				return true;
		}
	return false;
}

static bool
of_use(const struct setup *setup, const struct sections *persons, const struct room *room)
{
	for (size_t p = 0; p < persons->count; p++) {
		const char *account = rights_account(setup->rights, persons->each[p]);
		for (size_t i = 0; account && i < setup->instance_count; i++)
			if (room_offers(room, setup->instances[i]->name) && may_something(setup, account, room, setup->instances[i]))
				return true;
	}
	return false;
}

static void
warn_of_rooms(struct setup *setup, const struct sections *persons)
{
	for (size_t i = 0; i < setup->rooms.count; i++) {
		const struct room *room = setup->rooms.each[i];
		if (room->services.count && !of_use(setup, persons, room))
			conf_warning(setup->conf, room->where, NULL, "room \"%s\": nobody may do anything with its services there; a role must say so (look, may).",
				room->name);
	}
}

void
warnings_find(struct setup *setup, const struct sections *persons, const struct sections *roles, const struct sections *freezes)
{
	if (setup->directory)
		return;
	warn_of_roles(setup, persons, roles, freezes);
	warn_of_reviews(setup, persons);
	warn_of_rooms(setup, persons);
}

/* Times. */

void
warnings_past(struct setup *setup)
{
	freezes_past(setup->freezes, clock_wall(), setup->conf);
}

void
warnings_log(struct setup *setup)
{
	warnings_past(setup);
	for (size_t i = 0; i < conf_warnings(setup->conf); i++)
		log_warning("%s", conf_warning_at(setup->conf, i));
}
