/* Tests of overlay: what is added to the rights while we run: it counts, it goes again, and what is configured wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/rights/overlay.h"
#include "bridge/rights/role.h"

static bool any(void *with, const char *name) { (void)with; (void)name; return true; }
static bool any_verb(void *with, const char *instance, const char *verb) { (void)with; (void)instance; (void)verb; return true; }
static const char *nothing(void *with, const char *instance, const char *verb) { (void)with; (void)instance; (void)verb; return NULL; }
static bool is_link(void *with, const char *link) { (void)with; return !strcmp(link, "corp") || !strcmp(link, "hq"); }
static bool is_irc(void *with, const char *link) { (void)with; return !strcmp(link, "corp"); }

static const struct rights_world world = { .instance = any, .verb = any_verb, .nearest = nothing, .room = any, .link = is_link, .caseless = is_irc };

static const char sample[] =
	"person \"alice\" { accounts = { \"corp/alice\" } roles = { \"developer\" } }\n"
	"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"sre\" } }\n"
	"role \"developer\" { may = { \"ci.build target!=prod\" } }\n"
	"role \"operator\" { may = { \"ci.stop\" } }\n"
	"role \"sre\" { like = { \"developer\" } may = { \"ci.stop\" } }\n";

static struct sections
fill_all(struct conf *conf, const struct shape *shape)
{
	void **each = arena_take(conf_arena(conf), 8 * sizeof *each);
	struct sections all = { 0, each };

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name));) {
		each[all.count] = arena_take(conf_arena(conf), shape->size);
		assert_true(conf_fill(conf, at, shape, each[all.count++]));
	}
	return all;
}

static const struct rights *
compile(struct conf *conf)
{
	static const struct list nobody;
	struct sections persons = fill_all(conf, &person_shape), roles = fill_all(conf, &role_shape);
	const struct rights *rights = rights_compile(conf, &persons, &roles, &nobody, &nobody, "root", &world);

	assert_int_equal(conf_mistakes(conf), 0);
	return rights;
}

static int
begin(void **state)
{
	*state = conf_read_text("sallyport.conf", sample, strlen(sample));
	return 0;
}

static int
end(void **state)
{
	conf_free(*state);
	return 0;
}

static bool
may(const struct rights *rights, const char *account, const char *verb)
{
	const struct ask ask = { .account = account, .room = "ops", .instance = "ci", .verb = verb, .changes = true };
	struct decision decision;

	rights_decide(rights, &ask, &decision);
	assert_int_equal(decision.allowed, rights_could(rights, &ask));
	return decision.allowed;
}

static const char *
who(const struct rights *rights, const char *account)
{
	const struct person *person = rights_person(rights, account);

	return person ? person->name : "nobody";
}

static void
test_a_paired_account_is_its_person(void **state)
{
	const struct rights *base = compile(*state);
	const struct overlay_account accounts[] = { { "hq/@alice:corp.example", "alice", 1000, 5000 } };
	const struct overlay overlay = { .account_count = 1, .accounts = accounts };
	const struct rights *rights = rights_lay_over(base, &overlay, conf_arena(*state));

	assert_string_equal(who(rights, "hq/@alice:corp.example"), "alice");
	assert_true(may(rights, "hq/@alice:corp.example", "build"));
	assert_false(may(rights, "hq/@alice:corp.example", "stop"));
	assert_string_equal(who(rights, "hq/@Alice:corp.example"), "nobody");
	assert_false(rights_configured(rights, "hq/@alice:corp.example"));
	assert_true(rights_configured(rights, "corp/alice"));
	/* What is under it stays as it was. */
	assert_string_equal(who(base, "hq/@alice:corp.example"), "nobody");
}

static void
test_a_paired_account_is_fresh_for_a_day_by_the_later_clock(void **state)
{
	const struct overlay_account accounts[] = { { "hq/@alice:corp.example", "alice", 1000, 5000 } };
	const struct overlay overlay = { .account_count = 1, .accounts = accounts };
	const struct rights *rights = rights_lay_over(compile(*state), &overlay, conf_arena(*state));
	static const struct { const char *account; int64_t wall, mono, settled; } cases[] = {
		{ "hq/@alice:corp.example", 1000,                    0,    1000 + RIGHTS_FRESH },
		{ "hq/@alice:corp.example", 999 + RIGHTS_FRESH,      9000, 1000 + RIGHTS_FRESH },
		{ "hq/@alice:corp.example", 1000 + RIGHTS_FRESH,     4000, 2000 + RIGHTS_FRESH },       /* the wall clock was set forward */
		{ "hq/@alice:corp.example", 1000 + RIGHTS_FRESH,     5000, 0 },
		{ "corp/alice",             1000,                    0,    0 },
		{ "corp/nobody",            1000,                    0,    0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(rights_account_fresh(rights, cases[i].account, cases[i].wall, cases[i].mono), cases[i].settled);
}

static void
test_no_account_changes_hands(void **state)
{
	static const char *const theirs[] = { "corp/alice", "hq/@dana:corp.example" };
	const struct overlay_person persons[] = { { "dana", { 2, theirs, NULL }, { 0 } } };
	const struct overlay_account accounts[] = { { "corp/alice", "bob", 0, 0 }, { "hq/@dana:corp.example", "bob", 0, 0 },
		{ "hq/@x:corp.example", "alice", 0, 0 }, { "hq/@x:corp.example", "bob", 0, 0 } };
	const struct overlay overlay = { .person_count = 1, .persons = persons, .account_count = 4, .accounts = accounts };
	const struct rights *rights = rights_lay_over(compile(*state), &overlay, conf_arena(*state));

	assert_string_equal(who(rights, "corp/alice"), "alice");
	assert_string_equal(who(rights, "hq/@dana:corp.example"), "dana");
	assert_string_equal(who(rights, "hq/@x:corp.example"), "alice");
}

static void
test_people_of_a_directory_have_their_accounts_and_roles(void **state)
{
	static const char *const accounts[] = { "corp/DANA", "nowhere/dana", "dana" }, *const roles[] = { "sre", "wizard" };
	static const char *const more[] = { "corp/mallory" };
	const struct overlay_person persons[] = { { "dana", { 3, accounts, NULL }, { 2, roles, NULL } }, { "alice", { 1, more, NULL }, { 2, roles, NULL } } };
	const struct overlay overlay = { .person_count = 2, .persons = persons };
	const struct rights *rights = rights_lay_over(compile(*state), &overlay, conf_arena(*state));
	const struct person *dana = rights_person_named(rights, "dana");

	assert_string_equal(who(rights, "corp/dana"), "dana");
	assert_string_equal(who(rights, "nowhere/dana"), "nobody");
	assert_true(may(rights, "corp/dana", "stop"));
	assert_true(may(rights, "corp/dana", "build"));
	assert_int_equal(dana->roles.count, 1);
	assert_true(rights_has_role(rights, dana, "developer"));
	assert_false(rights_has_role(rights, dana, "wizard"));
	/* Who stands in the configuration is as they stand there. */
	assert_string_equal(who(rights, "corp/mallory"), "nobody");
	assert_false(may(rights, "corp/alice", "stop"));
}

static void
test_a_role_for_a_while(void **state)
{
	const struct rights *base = compile(*state);
	const struct overlay_role roles[] = { { "alice", "sre", 7000 }, { "alice", "wizard", 8000 }, { "zed", "sre", 9000 } };
	const struct overlay overlay = { .role_count = 3, .roles = roles };
	const struct rights *rights = rights_lay_over(base, &overlay, conf_arena(*state));
	const struct person *alice = rights_person(rights, "corp/alice");

	assert_true(may(rights, "corp/alice", "stop"));
	assert_true(rights_has_role(rights, alice, "sre"));
	assert_int_equal(alice->elevated, 1);
	assert_int_equal(alice->until[0], 7000);
	assert_string_equal(alice->roles.each[alice->roles.count - 1], "sre");
	assert_ptr_equal(rights_person_named(rights, "alice"), alice);
	assert_false(may(base, "corp/alice", "stop"));
	assert_false(rights_has_role(base, rights_person(base, "corp/alice"), "sre"));
	assert_false(may(rights_lay_over(base, &(struct overlay){ 0 }, conf_arena(*state)), "corp/alice", "stop"));
}

/* Each ends at its own time, and only what is for good lets somebody say yes to others. */
static void
test_two_roles_for_a_while(void **state)
{
	const struct overlay_role roles[] = { { "alice", "sre", 7000 }, { "alice", "operator", 8000 } };
	const struct overlay overlay = { .role_count = 2, .roles = roles };
	const struct rights *rights = rights_lay_over(compile(*state), &overlay, conf_arena(*state));
	const struct person *alice = rights_person(rights, "corp/alice");

	assert_int_equal(alice->elevated, 2);
	assert_int_equal(alice->until[0], 7000);
	assert_int_equal(alice->until[1], 8000);
	assert_true(rights_has_role(rights, alice, "operator"));
	assert_false(rights_has_role_for_good(rights, alice, "operator"));
	assert_false(rights_has_role_for_good(rights, alice, "sre"));
	assert_true(rights_has_role_for_good(rights, alice, alice->roles.each[0]));
}

static void
test_who_has_no_account_is_known_by_name_alone(void **state)
{
	const struct overlay_person people[] = { { .name = "erin" } };
	const struct overlay overlay = { .person_count = 1, .persons = people };
	const struct rights *rights = rights_lay_over(compile(*state), &overlay, conf_arena(*state));

	assert_non_null(rights_person_named(rights, "erin"));
	assert_null(rights_account(rights, rights_person_named(rights, "erin")));
	assert_non_null(rights_account(rights, rights_person_named(rights, "alice")));
}

static void
test_who_is_gone_leaves_nothing(void **state)
{
	const struct overlay_account accounts[] = { { "hq/@zed:corp.example", "zed", 0, 0 } };
	const struct overlay overlay = { .account_count = 1, .accounts = accounts };
	const struct rights *rights = rights_lay_over(compile(*state), &overlay, conf_arena(*state));

	assert_string_equal(who(rights, "hq/@zed:corp.example"), "nobody");
	assert_false(may(rights, "hq/@zed:corp.example", "build"));
}

static void
test_an_account_as_its_link_proves_it(void **state)
{
	const struct rights *rights = compile(*state);
	static const struct { const char *written, *proven; } cases[] = {
		{ "corp/Alice", "corp/alice" }, { "hq/@Alice:corp.example", "hq/@Alice:corp.example" }, { "nowhere/alice", NULL }, { "alice", NULL },
		{ "/alice", NULL }, { "corp/", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *proven = rights_proven_form(rights, conf_arena(*state), cases[i].written);
		assert_int_equal(!proven, !cases[i].proven);
		if (proven)
			assert_string_equal(proven, cases[i].proven);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_paired_account_is_its_person, begin, end),
		cmocka_unit_test_setup_teardown(test_a_paired_account_is_fresh_for_a_day_by_the_later_clock, begin, end),
		cmocka_unit_test_setup_teardown(test_no_account_changes_hands, begin, end),
		cmocka_unit_test_setup_teardown(test_people_of_a_directory_have_their_accounts_and_roles, begin, end),
		cmocka_unit_test_setup_teardown(test_a_role_for_a_while, begin, end),
		cmocka_unit_test_setup_teardown(test_two_roles_for_a_while, begin, end),
		cmocka_unit_test_setup_teardown(test_who_has_no_account_is_known_by_name_alone, begin, end),
		cmocka_unit_test_setup_teardown(test_who_is_gone_leaves_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_an_account_as_its_link_proves_it, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
