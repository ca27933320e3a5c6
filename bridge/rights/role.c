/* role: who may do what: the rules of the configuration, compiled for each person, and the one place where it is decided. */
#include "bridge/rights/role.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/rights/overlay.h"
#include "bridge/rights/role_private.h"

enum { NAMES_SHOWN = 4 };               /* of roles that would allow something */

static const struct setting person_settings[] = {
	SETTING(person, name,     TYPE_TITLE, NULL,          "Who it is."),
	SETTING(person, where,    TYPE_WHERE, NULL,          NULL),
	SETTING(person, accounts, TYPE_LIST,  CONF_REQUIRED, "Accounts, as their servers prove them: \"corp/alice\"; console/@owner is whoever runs the gateway."),
	SETTING(person, roles,    TYPE_LIST,  NULL,          "What this person may do: names of roles."),
	{ 0 }
};

static const struct setting role_settings[] = {
	SETTING(role, name,  TYPE_TITLE, NULL, "What it is called."),
	SETTING(role, where, TYPE_WHERE, NULL, NULL),
	SETTING(role, in,    TYPE_LIST,  NULL, "The rooms in which the role's own rules count; none: everywhere, in private too."),
	SETTING(role, like,  TYPE_LIST,  NULL, "Roles whose rules this one has too, each in its own rooms."),
	SETTING(role, look,  TYPE_LIST,  NULL, "Services whose every verb that only looks is allowed: \"*\" or names."),
	SETTING(role, may,   TYPE_LIST,  NULL, "What is allowed: \"SERVICE.VERB KEY=PATTERN KEY!=PATTERN\", * and ? match anything."),
	{ 0 }
};

const struct shape person_shape = { "person", sizeof(struct person), person_settings, "A human with one or more accounts.", false };
const struct shape role_shape = { "role", sizeof(struct role), role_settings, "What some people may do. What no role allows nobody may do.", false };

/* What compiling works with. */
struct compiling {
	struct conf *conf;
	struct arena *arena;
	struct rights *rights;
	const struct rights_world *world;
};

static bool
in_list(const struct list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->each[i], word))
			return true;
	return false;
}

/* Accounts. */

/* FNV-1a. The keys of the table are the configuration's, so nobody can crowd it. */
static size_t
hash(const char *text)
{
	size_t value = 2166136261u;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 16777619u;
	return value;
}

struct slot *
role_slot(const struct rights *rights, const char *account)
{
	size_t at = hash(account) & (rights->slot_count - 1);

	while (rights->slots[at].account && strcmp(rights->slots[at].account, account))
		at = (at + 1) & (rights->slot_count - 1);
	return &rights->slots[at];
}

void
role_slots(struct rights *rights, struct arena *arena, size_t accounts)
{
	rights->slot_count = 2;
	while (rights->slot_count <= 2 * accounts)
		rights->slot_count *= 2;
	rights->slots = arena_take(arena, rights->slot_count * sizeof *rights->slots);
}

static void
make_slots(struct compiling *compiling, const struct sections *persons)
{
	size_t accounts = 0;

	for (size_t i = 0; i < persons->count; i++)
		accounts += ((const struct person *)persons->each[i])->accounts.count;
	role_slots(compiling->rights, compiling->arena, accounts);
}

/* As the link will prove it. */
static const char *
proven_form(const struct rights *rights, struct arena *arena, const char *account, const char *link)
{
	const struct rights_world *world = &rights->world;

	if (!strcmp(account, "console/@owner"))
		return arena_printf(arena, "console/%s", rights->owner);
	if (!world->caseless || !world->caseless(world->with, link))
		return account;
	char *lower = arena_text(arena, account);
	for (char *at = lower + strlen(link); *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return lower;
}

const char *
rights_proven_form(const struct rights *rights, struct arena *arena, const char *account)
{
	const char *slash = strchr(account, '/');
	const char *link = slash && slash != account && slash[1] ? arena_slice(arena, account, (size_t)(slash - account)) : NULL;

	return link && rights->world.link(rights->world.with, link) ? proven_form(rights, arena, account, link) : NULL;
}

static void
add_account(struct compiling *compiling, const struct holder *holder, const char *account, struct where where)
{
	const char *name = holder->person->name, *slash = strchr(account, '/');
	const struct rights_world *world = compiling->world;

	if (!slash || slash == account || !slash[1]) {
		conf_mistake(compiling->conf, where, NULL, "person \"%s\": account %s is not LINK/ACCOUNT, as in corp/alice.", name, account);
		return;
	}
	const char *link = arena_slice(compiling->arena, account, (size_t)(slash - account));
	if (!world->link(world->with, link)) {
		conf_mistake(compiling->conf, where, NULL, "person \"%s\": account %s: no link is called %s.", name, account, link);
		return;
	}
	const char *proven = proven_form(compiling->rights, compiling->arena, account, link);
	struct slot *slot = role_slot(compiling->rights, proven);
	if (slot->account)
		conf_mistake(compiling->conf, where, NULL, "person \"%s\": account %s is already an account of %s (line %d).", name, account,
			slot->holder->person->name, slot->line);
	else
		*slot = (struct slot){ .account = proven, .holder = holder, .line = where.line };
}

static bool
read_one(const struct rule_reader *reader, const struct role *role, const struct list *list, size_t i, struct role_rule *out)
{
	*out = (struct role_rule){ .role = role };
	return (list == &role->look ? rule_read_look : rule_read)(reader, list->each[i], list->where[i], &out->rule);
}

static void
read_own_rules(struct compiling *compiling, struct compiled *compiled)
{
	const struct role *role = compiled->role;
	const struct rule_reader reader = { compiling->conf, compiling->world, arena_printf(compiling->arena, "role \"%s\"", role->name) };
	struct role_rule *rules = arena_take(compiling->arena, (role->may.count + role->look.count + 1) * sizeof *rules);

	compiled->own = rules;
	for (size_t i = 0; i < role->may.count; i++)
		compiled->own_count += read_one(&reader, role, &role->may, i, &rules[compiled->own_count]);
	for (size_t i = 0; i < role->look.count; i++)
		compiled->own_count += read_one(&reader, role, &role->look, i, &rules[compiled->own_count]);
	for (size_t i = 0; i < role->in.count; i++)
		if (!compiling->world->room(compiling->world->with, role->in.each[i]))
			conf_mistake(compiling->conf, role->in.where[i], NULL, "role \"%s\": no room is called %s.", role->name, role->in.each[i]);
}

/* Roles. */

static struct compiled *
find_role(const struct rights *rights, const char *name)
{
	for (size_t i = 0; i < rights->role_count; i++)
		if (!strcmp(rights->roles[i].role->name, name))
			return &rights->roles[i];
	return NULL;
}

const char *
rights_nearest_role(const struct rights *rights, struct arena *arena, const char *name)
{
	const char **names = arena_take(arena, (rights->role_count + 1) * sizeof *names);

	for (size_t i = 0; i < rights->role_count; i++)
		names[i] = rights->roles[i].role->name;
	return rule_guess(arena, text_nearest(name, names));
}

const struct compiled *
role_find(const struct rights *rights, const char *name)
{
	return find_role(rights, name);
}

void
role_merge(struct rule_set *into, const struct rule_set *more)
{
	size_t before = into->count;

	for (size_t i = 0; i < more->count; i++) {
		bool there = false;
		for (size_t j = 0; j < before && !there; j++)
			there = into->each[j] == more->each[i];
		if (!there)
			into->each[into->count++] = more->each[i];
	}
}

static int
by_verb(const void *one, const void *other)
{
	const struct by_verb *a = one, *b = other;
	bool wild = rule_means_more(&a->rule->rule), other_wild = rule_means_more(&b->rule->rule);
	int verbs = wild && other_wild ? 0 : wild != other_wild ? (int)other_wild - (int)wild : strcmp(a->rule->rule.verb, b->rule->rule.verb);

	return verbs ? verbs : a->order < b->order ? -1 : 1;
}

void
role_sort(struct arena *arena, struct rule_set *rules)
{
	rules->sorted = arena_take(arena, (rules->count + 1) * sizeof *rules->sorted);
	for (size_t i = 0; i < rules->count; i++) {
		rules->sorted[i] = (struct by_verb){ rules->each[i], i };
		rules->patterns += rule_means_more(&rules->each[i]->rule);
	}
	if (rules->count)
		qsort(rules->sorted, rules->count, sizeof *rules->sorted, by_verb);
}

static bool settle_role(struct compiling *, struct compiled *);

/* The roles of a list that exist and are settled; the others are mistakes. */
static size_t
resolve_roles(struct compiling *compiling, const char *who, const char *name, const struct list *list, struct compiled **out)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		out[count] = find_role(compiling->rights, list->each[i]);
		if (!out[count])
			conf_mistake(compiling->conf, list->where[i], NULL, "%s \"%s\": no role is called %s%s", who, name, list->each[i],
				rights_nearest_role(compiling->rights, compiling->arena, list->each[i]));
		else if (!settle_role(compiling, out[count]))
			conf_mistake(compiling->conf, list->where[i], NULL, "%s \"%s\": like %s goes round in a circle back to %s; take one of them out.",
				who, name, list->each[i], list->each[i]);
		else
			count++;
	}
	return count;
}

static struct rule_set
merge_all(struct compiling *compiling, struct compiled *const *roles, size_t role_count, size_t spare)
{
	struct rule_set rules = { 0 };
	size_t most = spare;

	for (size_t i = 0; i < role_count; i++)
		most += roles[i]->rules.count;
	rules.each = arena_take(compiling->arena, (most + 1) * sizeof *rules.each);
	for (size_t i = 0; i < role_count; i++)
		role_merge(&rules, &roles[i]->rules);
	return rules;
}

/* Its own rules and those of the roles that it is like. False where it is being settled already: a circle. */
static bool
settle_role(struct compiling *compiling, struct compiled *compiled)
{
	const struct role *role = compiled->role;

	if (compiled->state != UNTOUCHED)
		return compiled->state == READY;
	compiled->state = OPEN;
	struct compiled **like = arena_take(compiling->arena, (role->like.count + 1) * sizeof(struct compiled *));
	size_t like_count = resolve_roles(compiling, "role", role->name, &role->like, like);
	compiled->rules = merge_all(compiling, like, like_count, compiled->own_count);
	for (size_t i = 0; i < compiled->own_count; i++)
		compiled->rules.each[compiled->rules.count++] = &compiled->own[i];
	role_sort(compiling->arena, &compiled->rules);
	compiled->state = READY;
	return true;
}

static void
compile_roles(struct compiling *compiling, const struct sections *roles)
{
	struct rights *rights = compiling->rights;

	rights->roles = arena_take(compiling->arena, (roles->count + 1) * sizeof *rights->roles);
	for (size_t i = 0; i < roles->count; i++)
		rights->roles[i].role = roles->each[i];
	rights->role_count = roles->count;
	for (size_t i = 0; i < roles->count; i++)
		read_own_rules(compiling, &rights->roles[i]);
	for (size_t i = 0; i < roles->count; i++)
		settle_role(compiling, &rights->roles[i]);
}

static void
compile_person(struct compiling *compiling, struct holder *holder)
{
	const struct person *person = holder->person;
	struct compiled **roles = arena_take(compiling->arena, (person->roles.count + 1) * sizeof(struct compiled *));
	size_t count = resolve_roles(compiling, "person", person->name, &person->roles, roles);

	holder->rules = merge_all(compiling, roles, count, 0);
	role_sort(compiling->arena, &holder->rules);
	for (size_t i = 0; i < person->accounts.count; i++)
		add_account(compiling, holder, person->accounts.each[i], person->accounts.where[i]);
}

static void
check_strangers(struct compiling *compiling)
{
	const struct rights_world *world = compiling->world;
	const struct list *verbs = compiling->rights->strangers;

	for (size_t i = 0; i < verbs->count; i++)
		if (strpbrk(verbs->each[i], "*?") || !world->verb(world->with, RULE_OURSELVES, verbs->each[i]))
			conf_mistake(compiling->conf, verbs->where[i], NULL, "strangers: I have no verb %s%s", verbs->each[i],
				rule_guess(compiling->arena, world->nearest(world->with, RULE_OURSELVES, verbs->each[i])));
}

static void
check_admins(struct compiling *compiling)
{
	const struct rights *rights = compiling->rights;
	const char **names = arena_take(compiling->arena, (rights->person_count + 1) * sizeof *names);

	for (size_t i = 0; i < rights->person_count; i++)
		names[i] = rights->persons[i].person->name;
	const struct list people = { rights->person_count, names, NULL };
	for (size_t i = 0; i < rights->admins->count; i++)
		if (!in_list(&people, rights->admins->each[i]))
			conf_mistake(compiling->conf, rights->admins->where[i], NULL, "admins: no person is called %s%s", rights->admins->each[i],
				rule_guess(compiling->arena, text_nearest(rights->admins->each[i], names)));
}

const struct rights *
rights_compile(struct conf *conf, const struct sections *persons, const struct sections *roles,
	const struct list *strangers, const struct list *admins, const char *owner, const struct rights_world *world)
{
	struct arena *arena = conf_arena(conf);
	struct rights *rights = arena_take(arena, sizeof *rights);
	struct compiling compiling = { conf, arena, rights, world };

	rights->world = *world;
	rights->owner = owner;
	rights->strangers = strangers;
	rights->admins = admins;
	compile_roles(&compiling, roles);
	make_slots(&compiling, persons);
	rights->persons = arena_take(arena, (persons->count + 1) * sizeof *rights->persons);
	rights->person_count = persons->count;
	for (size_t i = 0; i < persons->count; i++)
		rights->persons[i].person = persons->each[i];
	for (size_t i = 0; i < persons->count; i++)
		compile_person(&compiling, &rights->persons[i]);
	check_strangers(&compiling);
	check_admins(&compiling);
	return rights;
}

/* Deciding. */

/* How well a role's rule fits a question, each step further than the one before. */
enum role_fit { ROLE_NONE, ROLE_OTHER_ROOM, ROLE_OTHER_ARGUMENTS, ROLE_ALL };

static enum role_fit
fit_of(const struct role_rule *rule, const struct ask *ask)
{
	const struct list *rooms = &rule->role->in;
	enum fit fit = rule_fit(&rule->rule, ask);

	if (fit == FIT_NONE)
		return ROLE_NONE;
	if (rooms->count && !(ask->room && in_list(rooms, ask->room)))
		return ROLE_OTHER_ROOM;
	return fit == FIT_ALL ? ROLE_ALL : ROLE_OTHER_ARGUMENTS;
}

/* Where the rules of that very verb begin. */
static size_t
first_of(const struct rule_set *rules, const char *verb)
{
	size_t low = rules->patterns, high = rules->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(rules->sorted[middle].rule->rule.verb, verb) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first of the rules that fit best, in their order; NULL where none fits at all. */
static const struct role_rule *
best_of(const struct rule_set *rules, const struct ask *ask, enum role_fit *fit)
{
	const struct by_verb *pattern = rules->sorted, *patterns_end = pattern + rules->patterns;
	const struct by_verb *exact = rules->sorted + first_of(rules, ask->verb), *end = rules->sorted + rules->count;
	const struct role_rule *best = NULL;

	*fit = ROLE_NONE;
	while (*fit < ROLE_ALL) {
		bool more = exact < end && !strcmp(exact->rule->rule.verb, ask->verb);
		if (!more && pattern == patterns_end)
			break;
		const struct role_rule *rule = more && (pattern == patterns_end || exact->order < pattern->order) ? exact++->rule : pattern++->rule;
		enum role_fit one = fit_of(rule, ask);
		if (one <= *fit)
			continue;
		*fit = one;
		best = rule;
	}
	return best;
}

static const struct holder *
holder_of(const struct rights *rights, const char *account)
{
	return account ? role_slot(rights, account)->holder : NULL;
}

const struct person *
rights_person(const struct rights *rights, const char *account)
{
	const struct holder *holder = holder_of(rights, account);

	return holder ? holder->person : NULL;
}

const struct person *
rights_person_named(const struct rights *rights, const char *name)
{
	for (size_t i = 0; i < rights->person_count; i++)
		if (!strcmp(rights->persons[i].person->name, name))
			return rights->persons[i].person;
	return NULL;
}

const struct person *
rights_next_person(const struct rights *rights, const struct person *after)
{
	for (size_t i = 0; i < rights->person_count; i++)
		if (!after || rights->persons[i].person == after)
			return !after ? rights->persons[i].person : i + 1 < rights->person_count ? rights->persons[i + 1].person : NULL;
	return NULL;
}

bool
rights_is_role(const struct rights *rights, const char *role)
{
	return find_role(rights, role);
}

/* A circle is a mistake of the configuration, and ends here. */
static bool
is_like(const struct rights *rights, const struct list *roles, const char *role, size_t deep)
{
	for (size_t i = 0; i < roles->count; i++) {
		const struct compiled *one = find_role(rights, roles->each[i]);
		if (!strcmp(roles->each[i], role) || (one && deep && is_like(rights, &one->role->like, role, deep - 1)))
			return true;
	}
	return false;
}

bool
rights_has_role(const struct rights *rights, const struct person *person, const char *role)
{
	return is_like(rights, &person->roles, role, rights->role_count);
}

bool
rights_has_role_for_good(const struct rights *rights, const struct person *person, const char *role)
{
	const struct list roles = { person->roles.count - person->elevated, person->roles.each, NULL };

	return is_like(rights, &roles, role, rights->role_count);
}

const char *
rights_account(const struct rights *rights, const struct person *person)
{
	for (size_t i = 0; i < rights->slot_count; i++)
		if (rights->slots[i].holder && rights->slots[i].holder->person == person)
			return rights->slots[i].account;
	return NULL;
}

bool
rights_configured(const struct rights *rights, const char *account)
{
	return role_slot(rights, account)->line;
}

int64_t
rights_account_fresh(const struct rights *rights, const char *account, int64_t wall, int64_t mono)
{
	const struct slot *slot = role_slot(rights, account);
	int64_t settled = slot->since + RIGHTS_FRESH;

	if (!slot->since || (wall >= settled && mono >= slot->settled))
		return 0;
	return wall < settled ? settled : wall + (slot->settled - mono);
}

const struct list *
rights_admins(const struct rights *rights)
{
	return rights->admins;
}

/* What needs no rule: our own verbs that the configuration opens to strangers, and those that only look, to every person. */
static const char *
open_to(const struct rights *rights, const struct ask *ask, const struct holder *holder)
{
	if (ask->instance)
		return NULL;
	if (!ask->changes && in_list(rights->strangers, ask->verb))
		return "strangers";
	if (ask->open && ask->account && !ask->room)
		return "every account, in private";
	return holder && !ask->changes ? "every person" : NULL;
}

bool
rights_could(const struct rights *rights, const struct ask *ask)
{
	const struct holder *holder = holder_of(rights, ask->account);
	enum role_fit fit = ROLE_NONE;

	if (open_to(rights, ask, holder))
		return true;
	if (holder)
		best_of(&holder->rules, ask, &fit);
	return fit >= ROLE_OTHER_ARGUMENTS;
}

/* Saying why not. */

/* Sentences are put together in the room that the decision has; what does not fit is cut. */
struct sentence {
	char *bytes;
	size_t size;
};

static void __attribute__((format(printf, 2, 3)))
say(const struct sentence *sentence, const char *format, ...)
{
	size_t length = strlen(sentence->bytes);
	va_list args;

	va_start(args, format);
	vsnprintf(sentence->bytes + length, sentence->size - length, format, args);
	va_end(args);
	length = strlen(sentence->bytes);
	sentence->bytes[text_fit(sentence->bytes, length, length)] = '\0';
}

/* "a", "a or b", "a, b or c" */
static void
say_names(const struct sentence *sentence, const char *const *names, size_t count, const char *last)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			say(sentence, i + 1 == count ? " %s " : ", ", last);
		say(sentence, "%s", names[i]);
	}
}

/* The roles that fit so well; more than a few are counted. */
static size_t
say_roles(const struct sentence *sentence, const struct rights *rights, const struct ask *ask, enum role_fit wanted)
{
	const char *names[NAMES_SHOWN + 1];
	char others[32];
	size_t count = 0;
	enum role_fit fit;

	for (size_t i = 0; i < rights->role_count; i++) {
		best_of(&rights->roles[i].rules, ask, &fit);
		if (fit != wanted)
			continue;
		if (count < NAMES_SHOWN)
			names[count] = rights->roles[i].role->name;
		count++;
	}
	size_t shown = count < NAMES_SHOWN ? count : NAMES_SHOWN;
	if (count > shown) {
		snprintf(others, sizeof others, "%zu more", count - shown);
		names[shown++] = others;
	}
	say_names(sentence, names, shown, "or");
	return count;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void
name_rule(const struct role_rule *rule, const struct sentence *out)
{
	say(out, "%s (%s:%d)", rule->role->name, base_name(rule->rule.where.file), rule->rule.where.line);
}

static void
say_who(const struct sentence *why, const struct person *person, const struct ask *ask)
{
	say(why, "; you are %s by %s with ", person->name, ask->account);
	if (person->roles.count)
		say_names(why, person->roles.each, person->roles.count, "and");
	else
		say(why, "no role");
}

static void
say_where(const struct sentence *why, const struct ask *ask)
{
	say(why, " in %s", ask->room ? ask->room : "private");
}

static void
say_admins(const struct sentence *why, const struct rights *rights)
{
	if (!rights->admins->count)
		return;
	say(why, "; ");
	say_names(why, rights->admins->each, rights->admins->count, "or");
	say(why, " can change that");
}

/* "no role may deploy on ci in ops", and where one may, if anywhere. */
static void
refuse_everybody(const struct rights *rights, const struct ask *ask, const struct sentence *why)
{
	char elsewhere[120] = "";

	say(why, "no role may %s", ask->verb);
	if (ask->instance)
		say(why, " on %s", ask->instance);
	say_where(why, ask);
	if (say_roles(&(struct sentence){ elsewhere, sizeof elsewhere }, rights, ask, ROLE_OTHER_ARGUMENTS))
		say(why, " with these arguments (with others: %s)", elsewhere);
	else if (say_roles(&(struct sentence){ elsewhere, sizeof elsewhere }, rights, ask, ROLE_OTHER_ROOM))
		say(why, " (in other rooms: %s)", elsewhere);
	say_admins(why, rights);
}

static void
refuse_arguments(const struct rights *rights, const struct ask *ask, const struct role_rule *rule, const struct sentence *why)
{
	char names[120] = "";

	say(why, "%s", ask->verb);
	say_where(why, ask);
	say(why, " is allowed to you only as %s, by ", rule->rule.text);
	name_rule(rule, why);
	if (say_roles(&(struct sentence){ names, sizeof names }, rights, ask, ROLE_ALL))
		say(why, "; with these arguments it needs the role %s", names);
}

static void
refuse_person(const struct rights *rights, const struct ask *ask, const struct person *person, const struct sentence *why)
{
	char names[200] = "";

	if (!say_roles(&(struct sentence){ names, sizeof names }, rights, ask, ROLE_ALL)) {
		refuse_everybody(rights, ask, why);
		return;
	}
	say(why, "%s", ask->verb);
	say_where(why, ask);
	say(why, " needs the role %s", names);
	say_who(why, person, ask);
}

static void
refuse_stranger(const struct rights *rights, const struct ask *ask, const struct sentence *why)
{
	if (ask->account)
		say(why, "%s is an account of nobody I know", ask->account);
	else
		say(why, "I cannot prove who you are");
	say_admins(why, rights);
}

void
rights_decide(const struct rights *rights, const struct ask *ask, struct decision *out)
{
	const struct holder *holder = holder_of(rights, ask->account);
	const struct sentence why = { out->why, sizeof out->why }, by = { out->rule, sizeof out->rule };
	const char *open = open_to(rights, ask, holder);
	enum role_fit fit;

	*out = (struct decision){ .person = holder ? holder->person : NULL };
	if (open) {
		out->allowed = true;
		say(&by, "%s", open);
		return;
	}
	if (!holder) {
		refuse_stranger(rights, ask, &why);
		return;
	}
	const struct role_rule *rule = best_of(&holder->rules, ask, &fit);
	out->allowed = fit == ROLE_ALL;
	out->condition = fit == ROLE_OTHER_ARGUMENTS;
	if (out->allowed)
		name_rule(rule, &by);
	else if (out->condition)
		refuse_arguments(rights, ask, rule, &why);
	else
		refuse_person(rights, ask, holder->person, &why);
}

char *
rights_missing(const struct rights *rights, const struct ask *ask, struct arena *arena)
{
	char names[400] = "";

	say_roles(&(struct sentence){ names, sizeof names }, rights, ask, ROLE_ALL);
	return arena_text(arena, names);
}
