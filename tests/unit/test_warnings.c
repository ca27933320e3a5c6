/* Tests of warnings: what no mistake is and yet likely not meant, told with its line; and what strangers may never say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/setup.h"
#include "bridge/warnings.h"

static struct arena *arena;
static char folder[] = "/tmp/test_warnings.XXXXXX";

/* All that is told of it, a line each. */
static const char *
told(const char *text)
{
	const char *path = arena_printf(arena, "%s/sallyport.conf", folder);
	struct text out = text_in(arena, 20000);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "state = \"state\"\n%s", text);
	fclose(file);
	struct setup *setup = setup_read(path);
	warnings_past(setup);
	for (size_t i = 0; conf_told_at(setup->conf, i); i++)
		text_printf(&out, "%s\n", conf_told_at(setup->conf, i));
	assert_int_equal(conf_mistakes(setup->conf) + conf_warnings(setup->conf) > 0, out.length > 0);
	setup_free(setup);
	return out.bytes;
}

#define PEOPLE "person \"alice\" { accounts = { \"console/alice\" } roles = { \"lead\" } }\n" \
	"person \"bob\" { accounts = { \"console/bob\" } roles = { \"developer\", \"lead\" } }\n" \
	"role \"developer\" { look = { \"*\" } may = { \"ci.build\" } }\nrole \"lead\" { like = { \"reader\" } may = { \"gateway.elevate role=sre\" } }\n" \
	"role \"reader\" { look = { \"*\" } in = { \"ops\" } }\n" \
	"irc \"corp\" { server = \"irc.corp.example\" } room \"ops\" { places = { \"console/here\" } services = { \"ci\" } }\nrunner \"ci\" { job \"web\" { run = { \"/bin/true\" } } }\n"

static void
test_what_is_likely_not_meant_is_told(void **state)
{
	static const struct { const char *more, *says; } rows[] = {
		{ "", "" },
		{ "\nrole \"sre\" { may = { \"ci.*\" } }\n", "sallyport.conf:10: warning: role \"sre\": nobody has it; give it to somebody, or take it out.\n" },
		{ "role \"sre\" { }\nrole \"base\" { }\n", "sallyport.conf:9: warning: role \"sre\": nobody has it; give it to somebody, or take it out.\n"
			"sallyport.conf:10: warning: role \"base\": nobody has it; give it to somebody, or take it out.\n" },
		/* Where something else names it, it is there for that. */
		{ "role \"sre\" { } lock { release = { \"sre\" } }\n", "" },
		{ "role \"sre\" { } freeze \"x\" { for = { \"ci.build\" } weekly = { \"Sun\" } except = { \"sre\" } }\n", "" },
		{ "role \"sre\" { like = { \"base\" } } role \"base\" { } elevate \"sre\" { review = \"lead\" }\n", "" },
		{ "role \"sre\" { } elevate \"sre\" { review = \"developer\" }\n",
			"sallyport.conf:9: warning: elevate \"sre\": only bob has the role developer, so nobody could look at what bob does with it; give it to one more person.\n" },
		{ "role \"sre\" { } role \"look\" { } elevate \"sre\" { review = \"look\" }\n",
			"sallyport.conf:9: warning: elevate \"sre\": nobody has the role look, so nobody could look at it afterwards; give it to somebody.\n" },
		{ "elevate \"lead\" { review = \"developer\" }\n", "" },
		{ "room \"quiet\" { places = { \"corp/#there\" } }\n", "" },
		{ "room \"shop\" { places = { \"corp/#there\" } services = { \"ci\" } }\n", "" },
		{ "freeze \"x\" { for = { \"ci.build\" }\n dates = { \"2020-01-01\" } }\n", "sallyport.conf:10: warning: freeze \"x\": \"2020-01-01\" has passed; take it out.\n" },
		/* Whom a directory names is not known yet. */
		{ "role \"sre\" { } directory { file = \"people\" }\n", "" },
		/* Behind a mistake it would be the mistake's echo. */
		{ "role \"sre\" { mya = { \"ci.build\" } }\n", "sallyport.conf:9: role \"sre\": there is no option mya; did you mean may?\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *says = told(arena_printf(arena, PEOPLE "%s", rows[i].more));
		if (strcmp(says, rows[i].says))
			fail_msg("%s: %s", rows[i].more, says);
	}
}

static void
test_a_room_where_nobody_may_do_anything_is_told(void **state)
{
	static const char people[] = "person \"alice\" { accounts = { \"console/alice\" } roles = { \"reader\" } }\nrole \"reader\" { look = { \"ci\" } in = { \"ops\" } }\n"
		"runner \"ci\" { job \"web\" { run = { \"/bin/true\" } } }\nirc \"corp\" { server = \"irc.corp.example\" } room \"ops\" { places = { \"console/here\" } services = { \"ci\" } }\n"
		"room \"shop\" { places = { \"corp/#there\" } services = { \"ci\" } }\n";

	(void)state;
	assert_string_equal(told(people), "sallyport.conf:6: warning: room \"shop\": nobody may do anything with its services there; a role must say so (look, may).\n");
}

static void
test_strangers_are_never_let_change_or_decide(void **state)
{
	static const char *const never[] = { "approve", "deny", "yes", "lock", "unlock", "pause", "code", "elevate", "audit", "unpair", "reviewed" };
	static const char *const may[] = { "help", "ping", "whoami", "gateway", "why", "freeze", "locks" };

	(void)state;
	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		const char *says = told(arena_printf(arena, "strangers = { \"ping\",\n \"%s\" }\n" PEOPLE, never[i]));
		const char *expected = arena_printf(arena, "sallyport.conf:3: strangers: %s is nothing for people I cannot prove; there may stand ", never[i]);
		if (strncmp(says, expected, strlen(expected)) || !strstr(says, " ping,") || strstr(says, arena_printf(arena, " %s,", never[i])) || strchr(says, '\n')[1])
			fail_msg("%s: %s", never[i], says);
	}
	for (size_t i = 0; i < sizeof may / sizeof *may; i++)
		assert_string_equal(told(arena_printf(arena, "strangers = { \"%s\" }\n" PEOPLE, may[i])), "");
}

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return mkdtemp(folder) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(arena_printf(arena, "%s/sallyport.conf", folder));
	rmdir(folder);
	arena_free(arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_likely_not_meant_is_told),
		cmocka_unit_test(test_a_room_where_nobody_may_do_anything_is_told),
		cmocka_unit_test(test_strangers_are_never_let_change_or_decide),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
