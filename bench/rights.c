/* What it costs to decide a command: 1,000 persons, 200 roles, 5,000 rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"

enum { PERSONS = 1000, ROLES = 200, RULES = 25, TURNS = 20000, BOUND = 50 };

static bool yes(void *with, const char *name) { (void)with; (void)name; return true; }
static bool yes_verb(void *with, const char *instance, const char *verb) { (void)with; (void)instance; (void)verb; return true; }
static const char *none(void *with, const char *instance, const char *verb) { (void)with; (void)instance; (void)verb; return NULL; }

static const struct rights_world world = { .instance = yes, .verb = yes_verb, .nearest = none, .room = yes, .link = yes };

/* Each role may 25 verbs of services of its own; each person has three roles, the last one all of them. */
static char *
configuration(struct arena *arena)
{
	struct text text = text_in(arena, 4 << 20);

	for (int r = 0; r < ROLES; r++) {
		text_printf(&text, "role \"r%d\" { in = { \"ops\" } may = {", r);
		for (int i = 0; i < RULES; i++)
			text_printf(&text, "%s\"ci%d.verb%d target!=prod\"", i ? ", " : " ", r, i);
		text_add(&text, " } }\n");
	}
	for (int p = 0; p < PERSONS; p++) {
		text_printf(&text, "person \"p%d\" { accounts = { \"corp/p%d\" } roles = {", p, p);
		for (int i = 0; i < (p + 1 < PERSONS ? 3 : ROLES); i++)
			text_printf(&text, "%s\"r%d\"", i ? ", " : " ", p + 1 < PERSONS ? (p * 7 + i * 31) % ROLES : i);
		text_add(&text, " } }\n");
	}
	return text.bytes;
}

static struct sections *
fill_all(struct conf *conf, const struct shape *shape)
{
	struct sections *all = arena_take(conf_arena(conf), sizeof *all);
	void **each = arena_take(conf_arena(conf), (PERSONS + 1) * sizeof *each);

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name));) {
		each[all->count] = arena_take(conf_arena(conf), shape->size);
		conf_fill(conf, at, shape, each[all->count++]);
	}
	all->each = each;
	return all;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Microseconds for one decision. */
static double
measure(const struct rights *rights, const char *account, const char *instance, const char *verb, const char *target, bool allowed)
{
	const struct named args[] = { { "JOB", "web" }, { "target", target } };
	const struct ask ask = { .account = account, .room = "ops", .instance = instance, .verb = verb, .changes = true, .args = args, .count = 2 };
	struct decision decision;
	double began = now();

	for (int i = 0; i < TURNS; i++)
		rights_decide(rights, &ask, &decision);
	if (decision.allowed != allowed)
		abort();
	return (now() - began) / TURNS;
}

int
main(void)
{
	struct arena *arena = arena_new();
	const char *text = configuration(arena);
	static const struct list nobody;
	struct conf *conf = conf_read_text("bench", text, strlen(text));
	double began = now();
	struct sections *persons = fill_all(conf, &person_shape), *roles = fill_all(conf, &role_shape);
	const struct rights *rights = rights_compile(conf, persons, roles, &nobody, &nobody, "root", &world);
	double compiled = now() - began;
	const struct { const char *what; double cost; } costs[] = {
		{ "three roles, allowed", measure(rights, "corp/p0", "ci62", "verb24", "staging", true) },
		{ "three roles, these arguments refused", measure(rights, "corp/p0", "ci62", "verb24", "prod", false) },
		{ "three roles, refused", measure(rights, "corp/p0", "ci199", "verb24", "staging", false) },
		{ "nobody we know", measure(rights, "corp/stranger", "ci62", "verb24", "staging", false) },
		{ "all roles, allowed by the last rule", measure(rights, "corp/p999", "ci199", "verb24", "staging", true) },
		{ "all roles, no rule fits", measure(rights, "corp/p999", "ci199", "verb99", "staging", false) },
	};
	int code = 0;

	printf("%d persons, %d roles, %d rules; read and compiled in %.0f ms; us for a decision, %d is the bound:\n", PERSONS, ROLES, ROLES * RULES,
		compiled / 1e3, BOUND);
	for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
		printf("  %-40s %8.2f\n", costs[i].what, costs[i].cost);
		code |= costs[i].cost > BOUND;
	}
	conf_free(conf);
	arena_free(arena);
	return code;
}
