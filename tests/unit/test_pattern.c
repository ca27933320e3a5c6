/* Tests of patterns: the whole text, in UTF-8, at a bounded cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/pattern.h"

static int
begin(void **state)
{
	*state = arena_new();
	return 0;
}

static int
end(void **state)
{
	arena_free(*state);
	return 0;
}

static bool
matches(struct arena *arena, const char *expression, const char *text)
{
	struct error error = {0};
	const struct pattern *pattern = pattern_compile(arena, expression, &error);

	if (!pattern)
		fail_msg("%s", error.text);
	return pattern_matches(pattern, text);
}

static void
test_the_whole_text_is_meant(void **state)
{
	static const struct { const char *expression, *text; bool fits; } rows[] = {
		{ "main|release/.*", "main", true }, { "main|release/.*", "release/2.8", true }, { "main|release/.*", "maintenance", false }, { "main|release/.*", "xmain", false },
		{ "[a-z]+", "web\n", false }, { "^[a-z]+$", "web\n", false }, { "^[a-z]+$", "web\nrm", false }, { "", "", true }, { "", "x", false },
		{ "a|ab", "ab", true }, { "caf.", "caf\u00e9", true }, { "caf..", "caf\u00e9", false }, { "(?i)web", "WEB", true }, { ".*", "a\nb", false },
		{ ".*", "bad\xff", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (matches(*state, rows[i].expression, rows[i].text) != rows[i].fits)
			fail_msg("row %zu: /%s/ and \"%s\"", i, rows[i].expression, rows[i].text);
}

static void
test_what_is_no_pattern_is_told_with_its_place(void **state)
{
	struct error error;

	assert_null(pattern_compile(*state, "web(", &error));
	assert_non_null(strstr(error.text, "\"web(\" is no pattern: "));
	assert_non_null(strstr(error.text, " at character 5"));
	assert_null(pattern_compile(*state, "a\\Cb", &error));
	assert_null(pattern_compile(*state, "\xff", &error));
	assert_null(pattern_compile(*state, "*", NULL));
}

static void
test_a_pattern_has_a_bound(void **state)
{
	char endless[1002], deep[601] = "";
	struct error error;

	memset(endless, 'a', 1001);
	endless[1001] = '\0';
	assert_null(pattern_compile(*state, endless, &error));
	assert_string_equal(error.text, "a pattern has at most 1000 bytes");
	endless[1000] = '\0';
	assert_non_null(pattern_compile(*state, endless, &error));
	memset(deep, '(', 300);
	memset(deep + 300, ')', 300);
	assert_null(pattern_compile(*state, deep, &error));
}

/* Without limits each of these would take longer than anybody lives. */
static void
test_a_costly_match_is_given_up(void **state)
{
	static const char *const costly[] = { "(a+)+", "(a|aa)+", "(a*)*b", "(.*)*x", "(a?){40}a{40}b", "((a+)+)+!" };
	char text[61];
	int64_t began = clock_mono();

	memset(text, 'a', 59);
	strcpy(text + 59, "c");
	for (size_t i = 0; i < sizeof costly / sizeof *costly; i++)
		assert_false(matches(*state, costly[i], text));
	assert_false(matches(*state, "(*LIMIT_MATCH=4000000000)(a+)+", text));
	assert_true(clock_mono() - began < 5000);
}

static void
test_a_long_text_is_no_trouble(void **state)
{
	char text[20001];

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_true(matches(*state, "[a-z]+", text));
	assert_true(matches(*state, ".*", text));
}

static void
test_a_pattern_remembers_what_was_written(void **state)
{
	char written[] = "main|release/.*";
	const struct pattern *pattern = pattern_compile(*state, written, NULL);

	written[0] = 'x';
	assert_string_equal(pattern_text(pattern), "main|release/.*");
	assert_true(pattern_matches(pattern, "main"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_text_is_meant),
		cmocka_unit_test(test_what_is_no_pattern_is_told_with_its_place),
		cmocka_unit_test(test_a_pattern_has_a_bound),
		cmocka_unit_test(test_a_costly_match_is_given_up),
		cmocka_unit_test(test_a_long_text_is_no_trouble),
		cmocka_unit_test(test_a_pattern_remembers_what_was_written),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
