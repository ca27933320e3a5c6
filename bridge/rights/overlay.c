/* overlay: the rights of the configuration with what is added to them: people, accounts, and roles for a while. */
#include "bridge/rights/overlay.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/rights/role_private.h"

struct laying {
	struct arena *arena;
	const struct rights *base;
	struct rights *rights;
};

static struct holder *
holder_named(const struct rights *rights, const char *name)
{
	for (size_t i = 0; i < rights->person_count; i++)
		if (!strcmp(rights->persons[i].person->name, name))
			return &rights->persons[i];
	return NULL;
}

/* An account that somebody has stays theirs. */
static void
add_account(const struct laying *laying, const char *account, const struct holder *holder, const struct slot *like)
{
	struct slot *slot = role_slot(laying->rights, account);

	if (slot->account)
		return;
	*slot = *like;
	slot->account = account;
	slot->holder = holder;
}

/* The rules that somebody has, and those of one role more. */
static void
add_rules(const struct laying *laying, struct holder *holder, const struct compiled *role)
{
	struct rule_set rules = { .count = holder->rules.count };

	rules.each = arena_take(laying->arena, (holder->rules.count + role->rules.count + 1) * sizeof *rules.each);
	if (rules.count)
		memcpy(rules.each, holder->rules.each, rules.count * sizeof *rules.each);
	role_merge(&rules, &role->rules);
	holder->rules = rules;
}

/* A list with one word more; the places where its words are written are not known. */
static struct list
longer(const struct laying *laying, const struct list *list, const char *word)
{
	const char **each = arena_take(laying->arena, (list->count + 1) * sizeof *each);

	for (size_t i = 0; i < list->count; i++)
		each[i] = list->each[i];
	each[list->count] = word;
	return (struct list){ list->count + 1, each, NULL };
}

/* -- People ----------------------------------------------------------------------------------------------------------- */

static void
add_person(const struct laying *laying, const struct overlay_person *added)
{
	struct rights *rights = laying->rights;

	if (holder_named(rights, added->name))
		return;
	struct person *person = arena_take(laying->arena, sizeof *person);
	struct holder *holder = &rights->persons[rights->person_count++];
	person->name = added->name;
	person->accounts = added->accounts;
	*holder = (struct holder){ .person = person };
	for (size_t i = 0; i < added->roles.count; i++) {
		const struct compiled *role = role_find(rights, added->roles.each[i]);
		if (!role)
			continue;
		person->roles = longer(laying, &person->roles, role->role->name);
		add_rules(laying, holder, role);
	}
	role_sort(laying->arena, &holder->rules);
}

static void
add_persons(const struct laying *laying, const struct overlay *overlay)
{
	struct rights *rights = laying->rights;

	rights->persons = arena_take(laying->arena, (laying->base->person_count + overlay->person_count + 1) * sizeof *rights->persons);
	if (rights->person_count)
		memcpy(rights->persons, laying->base->persons, rights->person_count * sizeof *rights->persons);
	for (size_t i = 0; i < overlay->person_count; i++)
		add_person(laying, &overlay->persons[i]);
}

/* -- Accounts: those of the configuration first, then the directory's, then those that people paired --------------------- */

static void
add_accounts(const struct laying *laying, const struct overlay *overlay)
{
	const struct rights *base = laying->base;
	struct rights *rights = laying->rights;
	size_t most = base->slot_count + overlay->account_count;

	for (size_t i = 0; i < overlay->person_count; i++)
		most += overlay->persons[i].accounts.count;
	role_slots(rights, laying->arena, most);
	for (size_t i = 0; i < base->slot_count; i++)
		if (base->slots[i].account)
			add_account(laying, base->slots[i].account, &rights->persons[base->slots[i].holder - base->persons], &base->slots[i]);
	for (size_t i = base->person_count; i < rights->person_count; i++) {
		const struct list *accounts = &rights->persons[i].person->accounts;
		for (size_t a = 0; a < accounts->count; a++) {
			const char *proven = rights_proven_form(rights, laying->arena, accounts->each[a]);
			if (proven)
				add_account(laying, proven, &rights->persons[i], &(struct slot){ 0 });
		}
	}
	for (size_t i = 0; i < overlay->account_count; i++) {
		const struct overlay_account *paired = &overlay->accounts[i];
		const struct holder *holder = holder_named(rights, paired->person);
		if (holder)
			add_account(laying, paired->account, holder, &(struct slot){ .since = paired->since, .settled = paired->settled });
	}
}

/* -- Roles for a while -------------------------------------------------------------------------------------------------- */

static void
add_role(const struct laying *laying, const struct overlay_role *given)
{
	struct holder *holder = holder_named(laying->rights, given->person);
	const struct compiled *role = role_find(laying->rights, given->role);

	if (!holder || !role)
		return;
	struct person *person = arena_copy(laying->arena, holder->person, sizeof *person);
	int64_t *until = arena_take(laying->arena, (person->elevated + 1) * sizeof *until);
	if (person->elevated)
		memcpy(until, person->until, person->elevated * sizeof *until);
	until[person->elevated++] = given->until;
	person->until = until;
	person->roles = longer(laying, &person->roles, role->role->name);
	holder->person = person;
	add_rules(laying, holder, role);
	role_sort(laying->arena, &holder->rules);
}

const struct rights *
rights_lay_over(const struct rights *base, const struct overlay *overlay, struct arena *arena)
{
	struct laying laying = { arena, base, arena_copy(arena, base, sizeof *base) };

	add_persons(&laying, overlay);
	add_accounts(&laying, overlay);
	for (size_t i = 0; i < overlay->role_count; i++)
		add_role(&laying, &overlay->roles[i]);
	return laying.rights;
}
