/* Roles that may be taken for a while: what that needs, and the mistakes of who configures it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/rights/elevate.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"

static bool
is_none(void *with, const char *name)
{
	(void)with;
	(void)name;
	return false;
}

static bool
is_verb(void *with, const char *instance, const char *verb)
{
	(void)with;
	return (!instance || !strcmp(instance, "gateway")) && text_glob(verb, "elevate");
}

static const char *
nearest(void *with, const char *instance, const char *verb)
{
	(void)with;
	(void)instance;
	(void)verb;
	return NULL;
}

static bool
is_link(void *with, const char *name)
{
	(void)with;
	return !strcmp(name, "corp");
}

static const struct rights_world world = { .instance = is_none, .verb = is_verb, .nearest = nearest, .room = is_none, .link = is_link };

static const char people[] =
	"person \"alice\" { accounts = { \"corp/alice\" } roles = { \"developer\" } }\n"
	"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"sre\" } }\n"
	"person \"carol\" { accounts = { \"corp/carol\" } roles = { \"sre\" } }\n"
	"role \"developer\" { may = { \"gateway.elevate role=sre\" } }\n"
	"role \"sre\" { may = { \"gateway.elevate role=nothing-else\" } }\n";

struct fixture {
	struct arena *arena;
	struct conf *conf;
	struct elevates elevates;
	const struct guards *guards;
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

	fixture->arena = arena_new();
	char *text = arena_printf(fixture->arena, "%s%s", people, rules);
	struct conf *conf = fixture->conf = conf_read_text("test.conf", text, strlen(text));
	struct sections *persons = arena_take(conf_arena(conf), sizeof *persons), *roles = arena_take(conf_arena(conf), sizeof *roles);
	*persons = fill_all(conf, &person_shape);
	*roles = fill_all(conf, &role_shape);
	const struct rights *rights = rights_compile(conf, persons, roles, &none, &none, "root", &world);
	struct sections approvals = fill_all(conf, &approval_shape), confirms = { 0, NULL }, elevates = fill_all(conf, &elevate_shape);
	fixture->elevates = elevates_compile(conf, &elevates, rights, &approvals);
	fixture->guards = guards_compile(conf, &approvals, &confirms, rights, &world);
}

static void
forget(struct fixture *fixture)
{
	conf_free(fixture->conf);
	arena_free(fixture->arena);
}

static const char *
needed(const struct fixture *fixture, const char *role)
{
	const struct named args[] = { { ELEVATE_ROLE, role }, { "REASON", "db1 is down" } };
	const struct ask ask = { .verb = ELEVATE_VERB, .changes = true, .args = args, .count = 2 };
	struct needs needs;

	guards_needs(fixture->guards, &ask, &needs);
	return needs_any(&needs) ? needs_text(fixture->arena, &needs) : "nothing";
}

static void
test_a_code_and_others_or_a_review(void **state)
{
	struct fixture fixture;

	(void)state;
	read(&fixture, "elevate \"sre\" { by = \"sre\" within = \"10m\" }\nelevate \"developer\" { review = \"sre\" longest = \"1m\" code = \"1h\" }\n");
	assert_int_equal(conf_mistakes(fixture.conf), 0);
	assert_int_equal(fixture.elevates.count, 2);
	assert_string_equal(needed(&fixture, "sre"), "needs your one-time code, then 1 other sre within 10 min");
	assert_string_equal(needed(&fixture, "developer"), "needs your one-time code");
	assert_string_equal(needed(&fixture, "lead"), "nothing");
	assert_int_equal(elevates_find(&fixture.elevates, "sre")->longest, 3600 * 1000);
	assert_int_equal(elevates_find(&fixture.elevates, "sre")->code, 5 * 60 * 1000);
	assert_string_equal(elevates_find(&fixture.elevates, "developer")->review, "sre");
	assert_null(elevates_find(&fixture.elevates, "sr"));
	forget(&fixture);
}

/* A second approval that means the command is needed as well. */
static void
test_other_approvals_count_too(void **state)
{
	struct fixture fixture;

	(void)state;
	read(&fixture, "approval \"all\" { for = { \"gateway.elevate\" } by = \"sre\" }\nelevate \"sre\" { review = \"sre\" }\n");
	assert_int_equal(conf_mistakes(fixture.conf), 0);
	assert_string_equal(needed(&fixture, "sre"), "needs your one-time code, then 1 other sre within 30 min");
	forget(&fixture);
}

static const struct { const char *section, *mistake; } mistakes[] = {
	{ "elevate \"sr\" { review = \"sre\" }", "test.conf:6: elevate \"sr\": no role is called sr." },
	{ "elevate \"sre\" { review = \"leads\" }", "test.conf:6: elevate \"sre\": no role is called leads." },
	{ "elevate \"sre\" { by = \"dev\" }", "test.conf:6: elevate \"sre\": no role is called dev; did you mean developer?" },
	{ "elevate \"sre\" { }", "test.conf:6: elevate \"sre\": nobody looks at it; name whose approval it needs (by), or who looks at it afterwards (review)." },
	{ "elevate \"sre\" { review = \"sre\" longest = \"59s\" }", "test.conf:6: elevate \"sre\": longest is 1m to 24h." },
	{ "elevate \"sre\" { review = \"sre\" longest = \"25h\" }", "test.conf:6: elevate \"sre\": longest is 1m to 24h." },
	{ "elevate \"sre\" { review = \"sre\" code = \"0s\" }", "test.conf:6: elevate \"sre\": code is 1s to 1h." },
	{ "elevate \"sre\" { review = \"sre\" code = \"2h\" }", "test.conf:6: elevate \"sre\": code is 1s to 1h." },
	{ "elevate \"developer\" { by = \"developer\" }",
		"test.conf:6: elevate \"developer\": only alice has the role developer, so nobody could approve what alice asks; give it to one more person." },
};

static void
test_mistakes_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct fixture fixture;
		read(&fixture, mistakes[i].section);
		bool told = false;
		for (size_t m = 0; m < conf_mistakes(fixture.conf); m++)
			told = told || !strcmp(conf_mistake_at(fixture.conf, m), mistakes[i].mistake);
		if (!told)
			fail_msg("%s was not told but: %s", mistakes[i].mistake, conf_mistakes(fixture.conf) ? conf_mistake_at(fixture.conf, 0) : "nothing");
		forget(&fixture);
	}
}

static void
test_the_bounds_are_allowed(void **state)
{
	struct fixture fixture;

	(void)state;
	read(&fixture, "elevate \"sre\" { review = \"sre\" longest = \"24h\" code = \"1s\" }");
	assert_int_equal(conf_mistakes(fixture.conf), 0);
	forget(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_code_and_others_or_a_review),
		cmocka_unit_test(test_other_approvals_count_too),
		cmocka_unit_test(test_mistakes_are_told),
		cmocka_unit_test(test_the_bounds_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
