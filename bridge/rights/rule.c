/* rule: which commands are meant: read from the configuration, and matched. */
#include "bridge/rights/rule.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

const char *
rule_guess(struct arena *arena, const char *near)
{
	return near ? arena_printf(arena, "; did you mean %s?", near) : ".";
}

/* Reading. */

static bool
is_pattern(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

static bool
read_condition(struct arena *arena, const char *word, struct condition *out)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : 0;

	out->not = length > 0 && word[length - 1] == '!';
	if (out->not)
		length--;
	if (!length)
		return false;
	out->key = arena_slice(arena, word, length);
	out->pattern = equals + 1;
	return true;
}

/* How the world is asked: every service, and so ourselves, is NULL. */
static const char *
asked_of(const char *service)
{
	return strcmp(service, "*") ? service : NULL;
}

static const char *
kind_of(const struct rights_world *world, const char *service)
{
	const char *kind = world->service && !is_pattern(service) ? world->service(world->with, service) : NULL;

	if (!strcmp(service, "*"))
		return "no service";
	return kind ? kind : service;
}

static bool
known_service(const struct rights_world *world, const char *service)
{
	return !service || !strcmp(service, RULE_OURSELVES) || world->instance(world->with, service);
}

/* Whether a rule could ever match; if not, the mistake is told. */
static bool
can_match(const struct rule_reader *reader, const struct rule *rule)
{
	const struct rights_world *world = reader->world;
	struct arena *arena = conf_arena(reader->conf);
	const char *asked = asked_of(rule->service);

	if (!known_service(world, asked)) {
		conf_mistake(reader->conf, rule->where, NULL, "%s: \"%s\" can never match: no service is called %s%s", reader->of, rule->text,
			rule->service, rule_guess(arena, world->nearest(world->with, rule->service, NULL)));
		return false;
	}
	if (rule->look || world->verb(world->with, asked, rule->verb))
		return true;
	conf_mistake(reader->conf, rule->where, NULL, "%s: \"%s\" can never match: %s has %s %s%s", reader->of, rule->text,
		kind_of(world, rule->service), asked ? "no verb" : "the verb", rule->verb,
		rule_guess(arena, world->nearest(world->with, asked, rule->verb)));
	return false;
}

bool
rule_read(const struct rule_reader *reader, const char *text, struct where where, struct rule *out)
{
	struct arena *arena = conf_arena(reader->conf);
	char *rest = arena_text(arena, text), *word = strtok_r(rest, " \t", &rest);
	char *dot = word ? strrchr(word, '.') : NULL;
	struct condition *conditions = arena_take(arena, (strlen(text) / 2 + 1) * sizeof *conditions);

	*out = (struct rule){ .where = where, .text = text, .conditions = conditions };
	if (!dot || dot == word || !dot[1]) {
		conf_mistake(reader->conf, where, NULL, "%s: \"%s\" is no rule; write SERVICE.VERB KEY=PATTERN, as in ci.build target=staging.",
			reader->of, text);
		return false;
	}
	*dot = '\0';
	out->service = word;
	out->verb = dot + 1;
	while ((word = strtok_r(NULL, " \t", &rest)))
		if (!read_condition(arena, word, &conditions[out->count++])) {
			conf_mistake(reader->conf, where, NULL, "%s: \"%s\": %s is no condition; write KEY=PATTERN or KEY!=PATTERN.", reader->of, text, word);
			return false;
		}
	return can_match(reader, out);
}

bool
rule_read_look(const struct rule_reader *reader, const char *service, struct where where, struct rule *out)
{
	*out = (struct rule){ .where = where, .text = service, .service = service, .verb = "*", .look = true };
	return can_match(reader, out);
}

struct rules
rules_read(const struct rule_reader *reader, const struct list *list)
{
	struct rules rules = { 0, arena_take(conf_arena(reader->conf), (list->count + 1) * sizeof *rules.each) };

	for (size_t i = 0; i < list->count; i++)
		rules.count += rule_read(reader, list->each[i], list->where[i], &rules.each[rules.count]);
	return rules;
}

/* Matching. */

/* KEY=PATTERN wants the argument to be there and to match; KEY!=PATTERN is content without it. That is safe because what is decided
 * upon is resolved: a default has been filled in by then, so leaving an argument out does not slip past target!=prod. A key counts in
 * any case, and where it stands there twice each must fit: what a service makes of Target=prod is not for us to guess. */
static bool
holds(const struct condition *condition, const struct ask *ask)
{
	bool there = false;

	for (size_t i = 0; i < ask->count; i++) {
		if (strcasecmp(ask->args[i].name, condition->key))
			continue;
		if (text_glob(condition->pattern, ask->args[i].value) == condition->not)
			return false;
		there = true;
	}
	return there || condition->not;
}

bool
rule_means_more(const struct rule *rule)
{
	return is_pattern(rule->verb) || !strcmp(rule->verb, "lock");
}

/* Who may lock may unlock: whose lock it is decides the rest. */
static bool
verb_fits(const struct rule *rule, const struct ask *ask)
{
	return text_glob(rule->verb, ask->verb) || (!ask->instance && !strcmp(ask->verb, "unlock") && text_glob(rule->verb, "lock"));
}

enum fit
rule_fit(const struct rule *rule, const struct ask *ask)
{
	if (rule->look && ask->changes)
		return FIT_NONE;
	if (!text_glob(rule->service, ask->instance ? ask->instance : RULE_OURSELVES) || !verb_fits(rule, ask))
		return FIT_NONE;
	for (size_t i = 0; i < rule->count; i++)
		if (!holds(&rule->conditions[i], ask))
			return FIT_OTHER_ARGUMENTS;
	return FIT_ALL;
}

const struct rule *
rules_match(const struct rules *rules, const struct ask *ask)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rule_fit(&rules->each[i], ask) == FIT_ALL)
			return &rules->each[i];
	return NULL;
}
