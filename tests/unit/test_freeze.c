/* Tests of freezes: what they hold, whom they let pass, until when; and those that can never hold are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/rights/freeze.h"
#include "bridge/rights/guard.h"
#include "bridge/work/frozen.h"

/* One service, ci, that can build, retry, stop and log. */
static bool
world_instance(void *with, const char *instance)
{
	(void)with;
	return text_glob(instance, "ci");
}

static bool
world_verb(void *with, const char *instance, const char *verb)
{
	static const char *const verbs[] = { "build", "retry", "stop", "log", NULL };

	(void)with;
	for (size_t i = 0; verbs[i]; i++)
		if ((!instance || text_glob(instance, "ci")) && text_glob(verb, verbs[i]))
			return true;
	return instance && !strcmp(instance, "gateway") && text_glob(verb, "pause");
}

static bool
world_held(void *with, const char *instance, const char *verb)
{
	(void)with;
	return (!instance || text_glob(instance, "ci")) && (text_glob(verb, "build") || text_glob(verb, "retry"));
}

static const char *
world_nearest(void *with, const char *instance, const char *verb)
{
	(void)with;
	(void)instance;
	(void)verb;
	return NULL;
}

static bool
world_room(void *with, const char *room)
{
	(void)with;
	return !strcmp(room, "ops") || !strcmp(room, "shop");
}

static const struct rights_world world = { .instance = world_instance, .verb = world_verb, .nearest = world_nearest, .room = world_room, .held = world_held };

static struct arena *arena;
static struct conf *conf;
static struct freezes *freezes;

static struct sections
fill(const struct shape *shape)
{
	struct sections sections = { 0 };
	void **each = arena_take(conf_arena(conf), 20 * sizeof *each);

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name));) {
		each[sections.count] = arena_take(conf_arena(conf), shape->size);
		conf_fill(conf, at, shape, each[sections.count++]);
	}
	sections.each = each;
	return sections;
}

static void
read_text(const char *text)
{
	conf = conf_read_text("/etc/sallyport/sallyport.conf", text, strlen(text));
	struct sections roles = fill(&role_shape), of = fill(&freeze_shape), approvals = fill(&approval_shape);
	freezes = freezes_compile(conf, &of, &roles, &approvals, &world);
}

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	conf = NULL;
	freezes = NULL;
	return clock_zone("Europe/Madrid") ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	freezes_free(freezes);
	conf_free(conf);
	arena_free(arena);
	return 0;
}

#define ROLES "role \"sre\" { }\nrole \"lead\" { }\n"
#define WEEKEND "freeze \"weekend\" { for = { \"ci.build target=prod\", \"ci.retry target=prod\" } weekly = { \"Fri 16:00 - Mon 08:00\" } " \
	"dates = { \"2026-12-23 - 2027-01-02\" } except = { \"sre\" } }\n"

static int64_t
utc(const char *text)
{
	struct tm parts = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &parts));
	return (int64_t)timegm(&parts) * 1000;
}

/* "build target=prod" in a room ("": in private), by somebody with these roles. */
static const char *
said(const char *verb, const char *target, const char *room, const char *const *roles, const char *at, bool *holds)
{
	const struct named args[] = { { "target", target } };
	const struct ask ask = { .account = "corp/alice", .room = *room ? room : NULL, .instance = "ci", .verb = verb, .changes = strcmp(verb, "log") != 0,
		.args = args, .count = 1 };
	struct person person = { .name = "alice", .roles = { 0, roles, NULL } };
	const char *sentence;

	while (roles[person.roles.count])
		person.roles.count++;
	*holds = frozen_holds(arena, freezes, &ask, &person, utc(at), &sentence, NULL);
	return sentence;
}

static void
test_what_a_freeze_holds_until_when_and_whom_it_lets_pass(void **state)
{
	static const char *const none[] = { NULL }, *const sre[] = { "developer", "sre", NULL };
	static const struct { const char *verb, *target, *room; const char *const *roles; const char *at; bool holds; const char *says; } rows[] = {
		/* 2026-11-21 is a Saturday; Madrid is an hour ahead. */
		{ "build", "prod", "ops", none, "2026-11-21 17:00", true, "frozen until Mon 08:00 (in 38 h): weekend; sre may pass" },
		{ "retry", "prod", "ops", none, "2026-11-21 17:00", true, "frozen until Mon 08:00 (in 38 h): weekend; sre may pass" },
		{ "build", "prod", "ops", sre, "2026-11-21 17:00", false, "freeze weekend lets sre pass, until Mon 08:00 (in 38 h)" },
		{ "build", "prod", "", none, "2026-11-21 17:00", true, "frozen until Mon 08:00 (in 38 h): weekend; sre may pass" },
		{ "build", "staging", "ops", none, "2026-11-21 17:00", false, "no freeze" },
		{ "log", "prod", "ops", none, "2026-11-21 17:00", false, "no freeze" },
		{ "build", "prod", "ops", none, "2026-11-20 14:59", false, "no freeze until 16:00 (in 1 min)" },
		{ "build", "prod", "ops", none, "2026-11-20 15:00", true, "frozen until Mon 08:00 (in 2 days): weekend; sre may pass" },
		{ "build", "prod", "ops", none, "2026-11-23 06:59", true, "frozen until 08:00 (in 1 min): weekend; sre may pass" },
		{ "build", "prod", "ops", none, "2026-11-23 07:00", false, "no freeze until Fri 16:00 (in 4 days)" },
		/* From the dates into the weekend behind them. */
		{ "build", "prod", "ops", none, "2026-12-24 07:00", true, "frozen until 2027-01-04 08:00 (in 11 days): weekend; sre may pass" },
	};
	bool holds;

	(void)state;
	read_text(ROLES WEEKEND);
	assert_int_equal(conf_mistakes(conf), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *says = said(rows[i].verb, rows[i].target, rows[i].room, rows[i].roles, rows[i].at, &holds);
		if (holds != rows[i].holds || strcmp(says, rows[i].says))
			fail_msg("%zu: %d \"%s\", not \"%s\"", i, holds, says, rows[i].says);
	}
}

static void
test_what_holds_goes_before_what_lets_pass(void **state)
{
	static const char *const sre[] = { "sre", NULL };
	bool holds;

	(void)state;
	read_text(ROLES WEEKEND "freeze \"audit\" { for = { \"*.*\" } dates = { \"2026-11-21\" } in = { \"ops\" } }\n");
	assert_int_equal(conf_mistakes(conf), 0);
	assert_string_equal(said("build", "prod", "ops", sre, "2026-11-21 17:00", &holds), "frozen until Sun 00:00 (in 6 h): audit");
	assert_true(holds);
	assert_string_equal(said("build", "staging", "ops", sre, "2026-11-21 17:00", &holds), "frozen until Sun 00:00 (in 6 h): audit");
	/* Not in another room, but in private: whoever may ask there would pass by it. */
	assert_string_equal(said("build", "staging", "shop", sre, "2026-11-21 17:00", &holds), "no freeze");
	assert_false(holds);
	assert_string_equal(said("build", "staging", "", sre, "2026-11-21 17:00", &holds), "frozen until Sun 00:00 (in 6 h): audit");
	assert_true(holds);
	assert_string_equal(said("build", "prod", "shop", sre, "2026-11-21 17:00", &holds), "freeze weekend lets sre pass, until Mon 08:00 (in 38 h)");
	assert_false(holds);
}

/* -- Those who pass with an approval ------------------------------------------------------------------------------------ */

#define APPROVALS "approval \"two\" { for = { \"ci.retry\" } by = \"lead\" within = \"10m\" }\napproval \"lone\" { by = \"sre\" count = 2 }\n"
#define FIRST "freeze \"weekend\" { for = { \"ci.build target=prod\" } weekly = { \"Fri 16:00 - Mon 08:00\" } except = { \"sre\" } approval = \"two\" }\n"
#define SECOND "freeze \"moving\" { for = { \"ci.build\" } dates = { \"2026-11-22\" } except = { \"lead\", \"sre\" } approval = \"lone\" }\n"
#define THIRD "freeze \"quiet\" { for = { \"ci.build\" } dates = { \"2026-11-20 - 2026-12-20\" } except = { \"sre\" } }\n"

/* "needs 1 other lead within 10 min", and how the policy that is kept reads. */
static const char *
needed(const char *verb, const char *target, const char *const *roles, const char *at, const struct approval *anyway, struct needs *needs)
{
	const struct named args[] = { { "target", target } };
	const struct ask ask = { .account = "corp/alice", .room = "ops", .instance = "ci", .verb = verb, .changes = strcmp(verb, "log") != 0, .args = args, .count = 1 };
	struct person person = { .name = "alice", .roles = { 0, roles, NULL } };

	while (roles[person.roles.count])
		person.roles.count++;
	*needs = (struct needs){ 0 };
	if (anyway) {
		needs->approvals[needs->count++] = anyway;
		needs->within = anyway->within;
	}
	freezes_needs(freezes, &ask, &person, utc(at), needs);
	return needs_text(arena, needs);
}

static void
test_who_passes_with_an_approval_needs_it_while_it_is_frozen_and_no_longer(void **state)
{
	static const char *const sre[] = { "sre", NULL }, *const none[] = { NULL };
	static const struct { const char *verb, *target; const char *const *roles; const char *at, *needs, *says; } rows[] = {
		{ "build", "prod", sre, "2026-11-21 17:00", "needs 1 other lead within 10 min", "freeze weekend lets sre pass with an approval, until Mon 08:00 (in 38 h)" },
		{ "build", "prod", sre, "2026-11-19 17:00", "", "no freeze until Fri 00:00 (in 6 h)" },
		{ "build", "prod", sre, "2026-11-25 17:00", "", "freeze quiet lets sre pass, until 2026-12-21 00:00 (in 25 days)" },
		{ "build", "prod", sre, "2026-11-22 17:00", "needs 1 other lead and 2 others with the role sre within 10 min",
			"freeze weekend lets sre pass with an approval, until Mon 08:00 (in 14 h)" },
		{ "build", "staging", sre, "2026-11-22 17:00", "needs 2 others with the role sre within 30 min", "freeze moving lets sre pass with an approval, until Mon 00:00 (in 6 h)" },
		{ "build", "prod", none, "2026-11-21 17:00", "", "frozen until 2026-12-21 00:00 (in 29 days): quiet; sre may pass" },
		{ "retry", "prod", sre, "2026-11-21 17:00", "", "no freeze" },
		{ "log", "prod", sre, "2026-11-21 17:00", "", "no freeze" },
	};
	struct needs needs;
	bool holds;

	(void)state;
	read_text(ROLES APPROVALS FIRST SECOND THIRD);
	assert_int_equal(conf_mistakes(conf), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *what = needed(rows[i].verb, rows[i].target, rows[i].roles, rows[i].at, NULL, &needs);
		const char *says = said(rows[i].verb, rows[i].target, "ops", rows[i].roles, rows[i].at, &holds);
		if (strcmp(what, rows[i].needs) || strcmp(says, rows[i].says) || holds != (rows[i].roles == none))
			fail_msg("%zu: \"%s\", not \"%s\"; \"%s\", not \"%s\"", i, what, rows[i].needs, says, rows[i].says);
	}
}

static void
test_what_is_needed_anyway_is_needed_once(void **state)
{
	static const char *const sre[] = { "sre", NULL };
	struct needs needs;

	(void)state;
	read_text(ROLES APPROVALS FIRST);
	const struct approval *two = freeze_of(freezes, 0)->needs;
	assert_string_equal(needed("build", "prod", sre, "2026-11-21 17:00", two, &needs), "needs 1 other lead within 10 min");
	assert_int_equal(needs.count, 1);
	assert_int_equal(needs.frozen, 0);
}

static void
test_more_than_can_be_asked_for_is_no_less(void **state)
{
	static struct approval many[NEEDS_MOST + 1];
	struct needs needs = { 0 };

	(void)state;
	for (size_t i = 0; i < NEEDS_MOST; i++)
		needs_add(&needs, &many[i]);
	assert_false(needs.crowded);
	needs_add(&needs, &many[NEEDS_MOST]);
	assert_true(needs.crowded);
	assert_int_equal(needs.frozen, NEEDS_MOST);
	assert_int_equal(needs_still(arena, &needs, needs_policy(arena, &needs)), POLICY_OTHER);
}

/* Asked at one time, carried out at another. */
static void
test_what_was_approved_holds_when_a_freeze_begins_or_ends(void **state)
{
	static const char *const sre[] = { "sre", NULL };
	enum { OPEN, WEEKEND_ONLY, BOTH, LONE_ONLY };
	static const struct { const char *target, *at; } times[] = {
		[OPEN] = { "prod", "2026-11-25 17:00" }, [WEEKEND_ONLY] = { "prod", "2026-11-21 17:00" }, [BOTH] = { "prod", "2026-11-22 17:00" },
		[LONE_ONLY] = { "staging", "2026-11-22 17:00" },
	};
	static const struct { bool two_anyway; int asked, runs; enum policy policy; } rows[] = {
		{ false, OPEN, OPEN, POLICY_SAME }, { false, WEEKEND_ONLY, WEEKEND_ONLY, POLICY_SAME }, { false, WEEKEND_ONLY, OPEN, POLICY_SAME },
		{ false, OPEN, WEEKEND_ONLY, POLICY_FROZEN }, { true, OPEN, WEEKEND_ONLY, POLICY_SAME }, { true, WEEKEND_ONLY, OPEN, POLICY_SAME },
		{ true, OPEN, BOTH, POLICY_FROZEN }, { false, BOTH, WEEKEND_ONLY, POLICY_SAME }, { false, WEEKEND_ONLY, BOTH, POLICY_FROZEN },
		{ false, BOTH, LONE_ONLY, POLICY_SAME }, { false, LONE_ONLY, WEEKEND_ONLY, POLICY_FROZEN },
	};
	struct needs then, now;

	(void)state;
	read_text(ROLES APPROVALS FIRST SECOND);
	const struct approval *two = freeze_of(freezes, 0)->needs;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct approval *anyway = rows[i].two_anyway ? two : NULL;
		needed("build", times[rows[i].asked].target, sre, times[rows[i].asked].at, anyway, &then);
		needed("build", times[rows[i].runs].target, sre, times[rows[i].runs].at, anyway, &now);
		enum policy policy = needs_still(arena, &now, needs_policy(arena, &then));
		if (policy != rows[i].policy)
			fail_msg("%zu: %d, not %d (%s; %s)", i, policy, rows[i].policy, needs_policy(arena, &then), needs_policy(arena, &now));
	}
}

static void
test_other_terms_of_an_approval_are_another_one(void **state)
{
	static const char *const others[] = { "by = \"sre\"", "by = \"lead\" count = 2", "by = \"lead\" within = \"31m\"", "by = \"lead\" code = \"5m\"",
		"by = \"lead\" reaction = yes" };
	static const char *const sre[] = { "sre", NULL };
	static const char freeze[] = "freeze \"weekend\" { for = { \"ci.build\" } weekly = { \"Sat\" } except = { \"sre\" } approval = \"two\" }\n";
	struct needs needs;

	(void)state;
	read_text(arena_printf(arena, ROLES "approval \"two\" { by = \"lead\" }\n%s", freeze));
	needed("build", "prod", sre, "2026-11-21 17:00", NULL, &needs);
	const char *then = needs_policy(arena, &needs);
	assert_int_equal(needs_still(arena, &needs, then), POLICY_SAME);
	/* One whose name only ends alike is not it; and what was needed whatever the time is needed still. */
	assert_int_equal(needs_still(arena, &needs, arena_printf(arena, "frozen;not %s", strchr(then, ';') + 1)), POLICY_FROZEN);
	assert_int_equal(needs_still(arena, &(struct needs){ 0 }, strchr(then, ';') + 1), POLICY_OTHER);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		freezes_free(freezes);
		conf_free(conf);
		read_text(arena_printf(arena, ROLES "approval \"two\" { %s }\n%s", others[i], freeze));
		needed("build", "prod", sre, "2026-11-21 17:00", NULL, &needs);
		assert_int_equal(needs_still(arena, &needs, then), POLICY_FROZEN);
	}
}

static void
test_a_freeze_that_can_never_hold_is_a_mistake(void **state)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "freeze \"x\" { weekly = { \"Sun\" } }", "for" },
		{ "freeze \"x\" { for = { \"ci.build\" } }", "freeze \"x\" can never hold; give it weekly, dates or a calendar." },
		{ "freeze \"x\" { for = { \"ci.build\" } weekly = { \"Fri 16:00 - Fri 16:00\" } }", "\"Fri 16:00 - Fri 16:00\" can never hold; write \"Fri 16:00 - Mon 08:00\"" },
		{ "freeze \"x\" { for = { \"ci.build\" } dates = { \"2027-01-02 - 2026-12-23\" } }", "\"2027-01-02 - 2026-12-23\" can never hold; write \"2026-12-23 - 2027-01-02\"" },
		{ "freeze \"x\" { for = { \"ci.deploy\" } weekly = { \"Sun\" } }", "can never match" },
		{ "freeze \"x\" { for = { \"ci.stop\" } weekly = { \"Sun\" } }", "\"ci.stop\" can never hold: what only looks, stops" },
		{ "freeze \"x\" { for = { \"ci.log\" } weekly = { \"Sun\" } }", "\"ci.log\" can never hold" },
		{ "freeze \"x\" { for = { \"gateway.pause\" } weekly = { \"Sun\" } }", "\"gateway.pause\" can never hold" },
		{ "freeze \"x\" { for = { \"ci.build\" } weekly = { \"Sun\" } except = { \"leads\" } }", "no role is called leads; did you mean lead?" },
		{ "freeze \"x\" { for = { \"ci.build\" } weekly = { \"Sun\" } in = { \"op\" } }", "no room is called op." },
		{ "freeze \"x\" { for = { \"ci.build\" } weekly = { \"Sun\" } except = { \"sre\" } approval = \"twoo\" }",
			"freeze \"x\": no approval is called twoo; did you mean two?" },
		{ "freeze \"x\" { for = { \"ci.build\" } weekly = { \"Sun\" } approval = \"two\" }", "freeze \"x\": it lets nobody pass, so nothing could be approved" },
		{ "freeze \"x\" { for = { \"ci.build\" } calendar = \"/nothing/there.ics\" }", "calendar: /nothing/there.ics could not be opened" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400];
		snprintf(text, sizeof text, ROLES "approval \"two\" { by = \"lead\" }\n%s\n", rows[i].text);
		read_text(text);
		if (conf_mistakes(conf) != 1 || !strstr(conf_mistake_at(conf, 0), rows[i].says))
			fail_msg("%s: %zu, %s", rows[i].text, conf_mistakes(conf), conf_mistakes(conf) ? conf_mistake_at(conf, 0) : "");
		freezes_free(freezes);
		conf_free(conf);
	}
	conf = NULL;
	freezes = NULL;
}

static void
test_what_has_passed_is_told_and_no_mistake(void **state)
{
	(void)state;
	read_text(ROLES WEEKEND);
	freezes_past(freezes, utc("2026-11-23 00:00"), conf);
	assert_int_equal(conf_warnings(conf), 0);
	freezes_past(freezes, utc("2027-01-03 00:00"), conf);
	assert_int_equal(conf_mistakes(conf), 0);
	assert_string_equal(conf_told_at(conf, 0), "sallyport.conf:3: warning: freeze \"weekend\": \"2026-12-23 - 2027-01-02\" has passed; take it out.");
}

static void
write_calendar(const char *path, const char *day)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:%s\nSUMMARY:stock-taking\nEND:VEVENT\nEND:VCALENDAR\n", day);
	fclose(file);
}

static void
forget(const struct freeze *freeze, const char *sentence, void *with)
{
	text_printf(with, "%s: %s\n", freeze->name, sentence);
}

static void
test_a_calendar_freezes_and_is_read_again(void **state)
{
	static const char *const none[] = { NULL };
	char path[] = "/tmp/test_freeze.XXXXXX", text[400];
	struct text told = text_in(arena, 1000);
	int fd = mkstemp(path);
	bool holds;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_calendar(path, "20261201");
	snprintf(text, sizeof text, "freeze \"events\" { for = { \"ci.build\" } weekly = { \"Sun\" } calendar = \"%s\" }\n", path);
	read_text(text);
	assert_int_equal(conf_mistakes(conf), 0);
	assert_string_equal(said("build", "prod", "ops", none, "2026-11-30 12:00", &holds), "no freeze until Tue 00:00 (in 11 h)");
	assert_string_equal(said("build", "prod", "ops", none, "2026-12-01 12:00", &holds), "frozen until Wed 00:00 (in 11 h): events");
	assert_true(holds);
	write_calendar(path, "20261202-longer");
	freezes_look(freezes, forget, &told);
	assert_non_null(strstr(told.bytes, "events: "));
	said("build", "prod", "ops", none, "2026-12-01 12:00", &holds);
	assert_true(holds);
	write_calendar(path, "20261202");
	assert_int_equal(truncate(path, 0), 0);
	write_calendar(path, "20261202");
	freezes_look(freezes, forget, &told);
	said("build", "prod", "ops", none, "2026-12-01 12:00", &holds);
	assert_false(holds);
	freezes_past(freezes, utc("2027-06-01 00:00"), conf);
	assert_non_null(strstr(conf_warning_at(conf, 0), "has no event within the next year"));
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_a_freeze_holds_until_when_and_whom_it_lets_pass, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_holds_goes_before_what_lets_pass, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_passes_with_an_approval_needs_it_while_it_is_frozen_and_no_longer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_needed_anyway_is_needed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_more_than_can_be_asked_for_is_no_less, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_approved_holds_when_a_freeze_begins_or_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_terms_of_an_approval_are_another_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_freeze_that_can_never_hold_is_a_mistake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_has_passed_is_told_and_no_mistake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_calendar_freezes_and_is_read_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
