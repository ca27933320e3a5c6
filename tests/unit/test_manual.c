/* The manual: what it tells of, that it fits a terminal, and what it says to who asks for something that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/cli/manual.h"
#include "bridge/cli/topics.h"
#include "bridge/integration.h"
#include "bridge/protocol.h"

static struct arena *arena;

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const char *
told(const char *name, int code)
{
	struct text out = text_in(arena, 1 << 20);
	const char *words[] = { name, NULL };

	assert_int_equal(manual_tell(arena, words, &out), code);
	assert_false(out.cut);
	return out.bytes;
}

static void
assert_tells(const char *name, const char *what)
{
	const char *text = told(name, EX_OK);

	if (!strstr(text, what))
		fail_msg("manual %s does not say \"%s\":\n%s", name, what, text);
}

static void
assert_fits(const char *name, const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		const char *one = arena_slice(arena, line, strcspn(line, "\n"));
		if (text_columns(one) >= 80)
			fail_msg("manual %s has a line of %zu columns: %s", name, text_columns(one), one);
		if (*one && one[strlen(one) - 1] == ' ')
			fail_msg("manual %s has a line that ends in a blank: %s", name, one);
	}
}

static void
test_every_name_has_its_page_and_every_page_fits_80_columns(void **state)
{
	(void)state;
	assert_fits("", told(NULL, EX_OK));
	for (const char *const *name = topics_names(arena, topics_read(arena)); *name; name++) {
		const char *text = told(*name, EX_OK);
		assert_true(*text);
		assert_fits(*name, text);
	}
	assert_fits("sevrer", told("sevrer", EX_USAGE));
}

static void
test_the_overview_names_every_kind_of_section_and_every_verb(void **state)
{
	const struct topics *topics = topics_read(arena);

	(void)state;
	for (size_t i = 0; i < topics->section_count; i++)
		assert_tells(NULL, arena_printf(arena, "\n  %s ", topics->sections[i].path));
	for (size_t i = 0; i < topics->verb_count; i++)
		assert_tells(NULL, topics->verbs[i].command->verb);
	for (size_t i = 0; protocols[i]; i++)
		assert_tells(protocols[i]->name, protocols[i]->name);
	for (size_t i = 0; integrations[i]; i++)
		assert_tells(integrations[i]->name, integrations[i]->name);
}

static void
test_an_option_is_told_with_what_it_holds_its_default_and_its_sentence(void **state)
{
	(void)state;
	assert_string_equal(told("irc.port", EX_OK), "irc \"NAME\" { ... }\n  port            number; default 6697\n                  The servers' port, where they name none of their own.\n");
	assert_tells("irc.server", "list of texts; required");
	assert_tells("IRC.Port", "default 6697");
	assert_tells("gateway.prefix", "text; default \"!\"");
	assert_tells("role.may", "list of texts; no default");
}

static void
test_a_secret_is_told_as_the_file_that_is_written(void **state)
{
	(void)state;
	assert_tells("buildbot", "\n  password_file ");
	assert_null(strstr(told("buildbot", EX_OK), "\n  password "));
	assert_tells("password", "password_file");
}

static void
test_a_section_is_told_with_those_that_stand_in_it(void **state)
{
	(void)state;
	assert_tells("runner", "runner \"NAME\" { job \"NAME\" { param \"NAME\" { ... } } }\n");
	assert_tells("job", "timeout ");
	assert_tells("param", "choices ");
	assert_tells("runner.job.timeout", "default \"1h\"");
	assert_tells("job.timeout", "default \"1h\"");
	assert_null(strstr(told("param", EX_OK), "timeout "));
}

static void
test_a_verb_is_told_with_an_example_and_the_rule_that_allows_it(void **state)
{
	(void)state;
	assert_tells("build", "!build JOB [KEY=VALUE ...] [--dry-run]\n");
	assert_tells("!build", "Example: !build web target=staging");
	assert_tells("build", "may = { \"SERVICE.build\" }");
	assert_tells("pause", "may = { \"gateway.pause\" }");
	assert_tells("why", "strangers = { \"why\" }");
	assert_null(strstr(told("why", EX_OK), "may = "));
	assert_tells("list", "look = { \"SERVICE\" }");
	assert_tells("ci", "!retry ID");
}

static void
test_one_word_for_an_option_and_a_verb_tells_both(void **state)
{
	(void)state;
	assert_tells("log", "default \"info\"");
	assert_tells("log", "!log ID|JOB");
}

static void
test_who_mistypes_is_told_what_was_meant(void **state)
{
	(void)state;
	assert_string_equal(told("pasword_file", EX_USAGE),
		"There is no section, option or command called pasword_file; did you mean\npassword_file? sallyport manual shows what there is.\n");
	assert_non_null(strstr(told("irc.prot", EX_USAGE), "irc.port?"));
	assert_non_null(strstr(told("room.port", EX_USAGE), "There is no"));
	assert_non_null(strstr(told("\033[31mzzzzzzzzzz", EX_USAGE), "called"));
	assert_null(strchr(told("\033[31mzzzzzzzzzz", EX_USAGE), '\033'));
}

static void
test_two_names_are_one_too_many(void **state)
{
	struct text out = text_in(arena, 1000);
	const char *words[] = { "irc", "port", NULL };

	(void)state;
	assert_int_equal(manual_tell(arena, words, &out), EX_USAGE);
}

static void
test_the_manual_pages_list_every_option_and_verb(void **state)
{
	const struct topics *topics = topics_read(arena);

	(void)state;
	for (size_t i = 0; i < topics->section_count; i++) {
		assert_tells("--options", arena_printf(arena, ".Ss \\&%s\n", topics->sections[i].path));
		for (const struct setting *setting = topics->sections[i].settings; setting->type != TYPE_END; setting++)
			if (topic_option(arena, setting))
				assert_tells("--options", arena_printf(arena, ".It Ic \\&%s\n", topic_option(arena, setting)));
	}
	for (size_t i = 0; i < topics->verb_count; i++)
		assert_tells("--verbs", arena_printf(arena, ".It Ic \\&%s", topics->verbs[i].command->verb));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_name_has_its_page_and_every_page_fits_80_columns, begin, finish),
		cmocka_unit_test_setup_teardown(test_the_overview_names_every_kind_of_section_and_every_verb, begin, finish),
		cmocka_unit_test_setup_teardown(test_an_option_is_told_with_what_it_holds_its_default_and_its_sentence, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_secret_is_told_as_the_file_that_is_written, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_section_is_told_with_those_that_stand_in_it, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_verb_is_told_with_an_example_and_the_rule_that_allows_it, begin, finish),
		cmocka_unit_test_setup_teardown(test_one_word_for_an_option_and_a_verb_tells_both, begin, finish),
		cmocka_unit_test_setup_teardown(test_who_mistypes_is_told_what_was_meant, begin, finish),
		cmocka_unit_test_setup_teardown(test_two_names_are_one_too_many, begin, finish),
		cmocka_unit_test_setup_teardown(test_the_manual_pages_list_every_option_and_verb, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
