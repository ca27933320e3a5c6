/* Tests of guard: what a command that is allowed still needs, and the mistakes of who configures it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"

/* One service with three verbs, and a verb of ours. */

static bool
is_instance(void *with, const char *instance)
{
	(void)with;
	return text_glob(instance, "ci");
}

static bool
is_verb(void *with, const char *instance, const char *verb)
{
	static const char *const verbs[] = { "build", "stop", "deploy" };

	(void)with;
	for (size_t i = 0; i < 3; i++)
		if ((!instance || text_glob(instance, "ci")) && text_glob(verb, verbs[i]))
			return true;
	return (!instance || !strcmp(instance, "gateway")) && text_glob(verb, "pause");
}

static const char *
nearest(void *with, const char *instance, const char *verb)
{
	(void)with;
	(void)instance;
	return verb ? "build" : "ci";
}

static bool
is_known(void *with, const char *name)
{
	(void)with;
	return !strcmp(name, "ops") || !strcmp(name, "corp");
}

static struct rights_world world = { .instance = is_instance, .verb = is_verb, .nearest = nearest, .room = is_known, .link = is_known };

static const char people[] =
	"person \"alice\" { accounts = { \"corp/alice\" } roles = { \"deployer\" } }\n"
	"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"lead\" } }\n"
	"person \"carol\" { accounts = { \"corp/carol\" } roles = { \"reader\" } }\n"
	"role \"reader\" { look = { \"*\" } }\n"
	"role \"deployer\" { may = { \"ci.*\" } }\n"
	"role \"lead\" { like = { \"deployer\" } }\n"
	"role \"nobody\" { look = { \"*\" } }\n";

struct fixture {
	struct conf *conf;
	const struct guards *guards;
	struct arena *arena;
};

static struct sections
fill_all(struct conf *conf, const struct shape *shape)
{
	struct arena *arena = conf_arena(conf);
	void **each = arena_take(arena, 16 * sizeof *each);
	size_t count = 0;

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name)); count++) {
		each[count] = arena_take(arena, shape->size);
		conf_fill(conf, at, shape, each[count]);
	}
	return (struct sections){ count, each };
}

static void
read(struct fixture *fixture, const char *rules)
{
	static const struct list none;
	char *text;

	fixture->arena = arena_new();
	text = arena_printf(fixture->arena, "%s%s", people, rules);
	fixture->conf = conf_read_text("test.conf", text, strlen(text));
	struct conf *conf = fixture->conf;
	struct sections *persons = arena_take(conf_arena(conf), sizeof *persons), *roles = arena_take(conf_arena(conf), sizeof *roles);
	*persons = fill_all(conf, &person_shape);
	*roles = fill_all(conf, &role_shape);
	const struct rights *rights = rights_compile(conf, persons, roles, &none, &none, "root", &world);
	struct sections approvals = fill_all(conf, &approval_shape), confirms = fill_all(conf, &confirm_shape);
	fixture->guards = guards_compile(conf, &approvals, &confirms, rights, &world);
}

static void
forget(struct fixture *fixture)
{
	conf_free(fixture->conf);
	arena_free(fixture->arena);
}

/* -- What is needed --------------------------------------------------------------------------------------------------- */

static const char rules[] =
	"approval \"prod\" { for = { \"ci.deploy env=prod\", \"ci.build target=prod\" } by = \"deployer\" within = \"30m\" reaction = yes }\n"
	"approval \"big\" { for = { \"ci.deploy size=big\" } by = \"lead\" within = \"10m\" code = \"15m\" }\n"
	"confirm { for = { \"ci.stop\", \"gateway.pause\" } within = \"30s\" }\n";

static const struct {
	const char *instance, *verb;
	struct named args[3];
	const char *needs;              /* in words */
	bool reaction;
} cases[] = {
	{ "ci", "build",  { { 0 } },                                       "", false },
	{ "ci", "build",  { { "target", "staging" } },                     "", false },
	{ "ci", "build",  { { "target", "prod" } },                        "needs 1 other deployer within 30 min", true },
	{ "ci", "build",  { { "TARGET", "prod" } },                        "needs 1 other deployer within 30 min", true },
	{ "ci", "deploy", { { "env", "prod" } },                           "needs 1 other deployer within 30 min", true },
	{ "ci", "deploy", { { "size", "big" } },                           "needs your one-time code, then 1 other lead within 10 min", false },
	{ "ci", "deploy", { { "env", "prod" }, { "size", "big" } },        "needs your one-time code, then 1 other deployer and 1 other lead within 10 min", false },
	{ "ci", "stop",   { { 0 } },                                       "needs your yes", false },
	{ NULL, "pause",  { { 0 } },                                       "needs your yes", false },
	{ NULL, "resume", { { 0 } },                                       "", false },
};

static void
test_what_a_command_needs(void **state)
{
	struct fixture fixture;

	(void)state;
	read(&fixture, rules);
	assert_int_equal(conf_mistakes(fixture.conf), 1);       /* only bob is a lead */
	assert_true(guards_any(fixture.guards));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ask ask = { .instance = cases[i].instance, .verb = cases[i].verb, .changes = true, .args = cases[i].args };
		struct needs needs;
		while (ask.count < 3 && cases[i].args[ask.count].name)
			ask.count++;
		guards_needs(fixture.guards, &ask, &needs);
		assert_string_equal(needs_text(fixture.arena, &needs), cases[i].needs);
		assert_int_equal(needs_any(&needs), *cases[i].needs != '\0');
		assert_int_equal(needs.reaction, cases[i].reaction);
	}
	forget(&fixture);
}

static void
test_help_knows_which_verbs_may_need_others(void **state)
{
	struct fixture fixture;

	(void)state;
	read(&fixture, rules);
	assert_true(guards_may_need_others(fixture.guards, &(struct ask){ .instance = "ci", .verb = "build", .changes = true }));
	assert_false(guards_may_need_others(fixture.guards, &(struct ask){ .instance = "ci", .verb = "stop", .changes = true }));
	assert_false(guards_may_need_others(NULL, &(struct ask){ .instance = "ci", .verb = "build", .changes = true }));
	forget(&fixture);
	read(&fixture, "");
	assert_false(guards_any(fixture.guards));
	assert_false(guards_any(NULL));
	forget(&fixture);
}

/* Where several want something the strictest counts, in whichever order they stand. */
static void
test_the_strictest_of_several_counts(void **state)
{
	static const char *const orders[] = {
		"approval \"a\" { for = { \"ci.build\" } by = \"deployer\" code = \"5m\" within = \"1h\" }\n"
		"approval \"b\" { for = { \"ci.build\" } by = \"deployer\" code = \"15m\" within = \"10m\" }\n"
		"approval \"c\" { for = { \"ci.build\" } by = \"deployer\" }\n"
		"confirm { for = { \"ci.build\" } within = \"20s\" } confirm { for = { \"ci.*\" } within = \"40s\" }",
		"approval \"a\" { for = { \"ci.build\" } by = \"deployer\" }\n"
		"approval \"b\" { for = { \"ci.build\" } by = \"deployer\" code = \"15m\" within = \"10m\" }\n"
		"approval \"c\" { for = { \"ci.build\" } by = \"deployer\" code = \"5m\" within = \"1h\" }\n"
		"confirm { for = { \"ci.build\" } within = \"40s\" } confirm { for = { \"ci.*\" } within = \"20s\" }",
	};
	const struct ask ask = { .instance = "ci", .verb = "build", .changes = true };

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		struct fixture fixture;
		struct needs needs;
		read(&fixture, orders[i]);
		assert_int_equal(conf_mistakes(fixture.conf), 0);
		guards_needs(fixture.guards, &ask, &needs);
		assert_int_equal(needs.count, 3);
		assert_int_equal(needs.code, 5 * 60 * 1000);
		assert_int_equal(needs.within, 10 * 60 * 1000);
		assert_int_equal(needs.confirm, 20 * 1000);
		forget(&fixture);
	}
}

static void
test_one_kind_of_rule_is_enough_to_be_asked(void **state)
{
	struct fixture fixture;

	(void)state;
	read(&fixture, "confirm { for = { \"ci.stop\" } }");
	assert_true(guards_any(fixture.guards));
	assert_false(guards_may_need_others(fixture.guards, &(struct ask){ .instance = "ci", .verb = "stop", .changes = true }));
	forget(&fixture);
	read(&fixture, "approval \"p\" { for = { \"ci.build\" } by = \"deployer\" }");
	assert_true(guards_any(fixture.guards));
	assert_false(guards_may_need_others(fixture.guards, &(struct ask){ .instance = "ci", .verb = "deploy", .changes = true }));
	forget(&fixture);
}

/* Whatever changes in a rule makes it another policy: what was asked under the other one is not run. */
static void
test_each_change_of_a_rule_is_another_policy(void **state)
{
	static const char *const others[] = {
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" }",
		"approval \"q\" { for = { \"ci.build\" } by = \"deployer\" }",
		"approval \"p\" { for = { \"ci.build\" } by = \"reader\" }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" count = 2 }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" within = \"31m\" }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" code = \"5m\" }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" reaction = yes }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" } confirm { for = { \"ci.build\" } }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" } confirm { for = { \"ci.build\" } within = \"61s\" }",
	};
	enum { OTHERS = sizeof others / sizeof *others };
	const struct ask ask = { .instance = "ci", .verb = "build", .changes = true };
	struct fixture fixture[OTHERS];
	const char *policy[OTHERS];
	struct needs needs;

	(void)state;
	for (size_t i = 0; i < OTHERS; i++) {
		read(&fixture[i], others[i]);
		guards_needs(fixture[i].guards, &ask, &needs);
		policy[i] = needs_policy(fixture[i].arena, &needs);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(policy[i], policy[j]);
	}
	for (size_t i = 0; i < OTHERS; i++)
		forget(&fixture[i]);
}

/* -- Mistakes --------------------------------------------------------------------------------------------------------- */

static const struct { const char *rules, *mistake; } mistakes[] = {
	{ "approval \"p\" { for = { \"ci.biuld\" } by = \"deployer\" }",
		"test.conf:8: approval \"p\": \"ci.biuld\" can never match: ci has no verb biuld; did you mean build?" },
	{ "approval \"p\" { for = { \"ci.build\" } by = \"deploier\" }", "test.conf:8: approval \"p\": no role is called deploier; did you mean deployer?" },
	{ "approval \"p\" { for = { \"ci.build\" } by = \"lead\" }",
		"test.conf:8: approval \"p\": only bob has the role lead, so nobody could approve what bob asks; give it to one more person." },
	{ "approval \"p\" { for = { \"ci.build\" } by = \"nobody\" }",
		"test.conf:8: approval \"p\": nobody has the role nobody, so nobody could approve anything; give it to somebody." },
	{ "approval \"p\" { for = { \"ci.build\" } by = \"deployer\" count = 2 }",
		"test.conf:8: approval \"p\": only 2 people have the role deployer, too few for what one of them asks; give it to one more person." },
	{ "approval \"p\" { for = { \"ci.build\" } by = \"deployer\" count = 0 }", "test.conf:8: approval \"p\": count is 1 to 20." },
	{ "approval \"p\" { for = { \"ci.build\" } by = \"deployer\" within = \"8d\" }", "test.conf:8: approval \"p\": within is 1s to 7d." },
	{ "confirm { for = { \"ci.buidl\" } }", "test.conf:8: confirm: \"ci.buidl\" can never match: ci has no verb buidl; did you mean build?" },
	{ "confirm { for = { \"ci.build\" } within = \"0s\" }", "test.conf:8: confirm: within is 1s to 7d." },
};

static void
test_mistakes_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct fixture fixture;
		read(&fixture, mistakes[i].rules);
		assert_int_equal(conf_mistakes(fixture.conf), 1);
		assert_string_equal(conf_mistake_at(fixture.conf, 0), mistakes[i].mistake);
		forget(&fixture);
	}
}

/* What is just within its bounds. */
static void
test_bounds_are_within(void **state)
{
	static const char *const fine[] = {
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" within = \"1s\" }",
		"approval \"p\" { for = { \"ci.build\" } by = \"deployer\" within = \"7d\" }",
		"confirm { for = { \"ci.build\" } within = \"7d\" }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		struct fixture fixture;
		read(&fixture, fine[i]);
		assert_int_equal(conf_mistakes(fixture.conf), 0);
		forget(&fixture);
	}
}

/* Where a directory brings people in, nobody knows yet who will have a role: that one has none now is no mistake. */
static void
test_others_may_come_from_a_directory(void **state)
{
	struct fixture fixture;

	(void)state;
	world.more_people = true;
	read(&fixture, "approval \"p\" { for = { \"ci.build\" } by = \"nobody\" count = 20 }\napproval \"q\" { for = { \"ci.build\" } by = \"nobody\" count = 21 }");
	assert_int_equal(conf_mistakes(fixture.conf), 1);
	assert_string_equal(conf_mistake_at(fixture.conf, 0), "test.conf:9: approval \"q\": count is 1 to 20.");
	forget(&fixture);
	world.more_people = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_command_needs),
		cmocka_unit_test(test_the_strictest_of_several_counts),
		cmocka_unit_test(test_one_kind_of_rule_is_enough_to_be_asked),
		cmocka_unit_test(test_bounds_are_within),
		cmocka_unit_test(test_others_may_come_from_a_directory),
		cmocka_unit_test(test_help_knows_which_verbs_may_need_others),
		cmocka_unit_test(test_each_change_of_a_rule_is_another_policy),
		cmocka_unit_test(test_mistakes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
