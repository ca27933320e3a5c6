/* Tests of what a person said, between chats: spans that merge, bounds, cutting, keeping, links, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "tests/unit/styled_shown.h"

static struct arena *arena;

static void
say(struct styled *styled, unsigned style, const char *url, const char *text)
{
	const struct span how = { .style = style, .url = url };

	styled_add(styled, &how, text, strlen(text));
}

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
test_neighbours_that_are_alike_are_one(void **state)
{
	struct styled *styled = styled_new(arena, false);

	(void)state;
	say(styled, STYLE_BOLD, NULL, "two ");
	say(styled, STYLE_BOLD, NULL, "words");
	say(styled, 0, NULL, "");
	say(styled, STYLE_BOLD, NULL, ", bold");
	say(styled, 0, NULL, " and not");
	assert_string_equal(styled_shown(arena, styled), "b[two words, bold][ and not]");
	assert_string_equal(styled_words(arena, styled), "two words, bold and not");
}

static void
test_words_are_cleaned_and_stay_utf8(void **state)
{
	static const struct { const char *said, *kept; } rows[] = {
		{ "a\x02" "b\x03" "04,05c\x0f", "abc" }, { "\x1b[31mred\x1b[0m", "red" }, { "a\r\nb\rc", "a\nb\nc" }, { "a\tb", "a b" },
		{ "bad \xff\xfe", "bad \ufffd\ufffd" }, { "half \xe2\x82", "half \ufffd\ufffd" }, { "ping\u2060", "ping" }, { "\u202etxt.exe", "txt.exe" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct styled *styled = styled_new(arena, false);
		say(styled, 0, NULL, rows[i].said);
		assert_string_equal(styled_words(arena, styled), rows[i].kept);
	}
}

static void
test_only_addresses_that_mean_one_thing_are_links(void **state)
{
	static const struct { const char *url; bool kept; } rows[] = {
		{ "https://ci.example/job/1", true }, { "HTTP://ci.example", true }, { "mailto:ops@example.org", true }, { "javascript:alert(1)", false },
		{ "mailto:", false }, { "data:text/html,x", false }, { "https://", false }, { "https://user:word@ci.example/", false }, { "https://a b/", false },
		{ "https://ci.example/\"x", false }, { "https://ci.example/>x", false }, { "https://ci.example/\nQUIT", false }, { "//ci.example", false },
		{ "ftp://ci.example/", false }, { "https://ci.example/\u202e", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct styled *styled = styled_new(arena, false);
		say(styled, 0, rows[i].url, "words");
		assert_string_equal(styled->spans[0].text, "words");
		assert_int_equal(styled->spans[0].url != NULL, rows[i].kept);
	}
}

static void
test_addresses_in_the_words_become_links(void **state)
{
	static const struct { const char *said, *shown; } rows[] = {
		{ "see https://ci.example/1.", "[see ][https://ci.example/1](https://ci.example/1)[.]" },
		{ "(https://en.example/a_(b))", "[(][https://en.example/a_(b))](https://en.example/a_(b)))" },
		{ "(at https://ci.example/)", "[(at ][https://ci.example/](https://ci.example/)[)]" },
		{ "<https://ci.example>", "[<][https://ci.example](https://ci.example)[>]" },
		{ "https://a.example, https://b.example", "[https://a.example](https://a.example)[, ][https://b.example](https://b.example)" },
		{ "nohttps://a.example http:// https://", "[nohttps://a.example http:// https://]" }, { "http:///https://a.example", "[http:///https://a.example]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct styled *styled = styled_new(arena, false);
		styled_add_linked(styled, 0, rows[i].said, strlen(rows[i].said));
		assert_string_equal(styled_shown(arena, styled), rows[i].shown);
	}
}

static void
test_many_bad_addresses_cost_no_time(void **state)
{
	struct styled *styled = styled_new(arena, false);
	struct text text = text_in(arena, STYLED_TEXT_MOST - 3);

	(void)state;
	while (!text.cut)
		text_add(&text, "http://");
	styled_add_linked(styled, 0, text.bytes, text.length);
	assert_int_equal(styled->count, 1);
}

static void
test_an_address_is_told_once_and_only_where_the_words_do_not(void **state)
{
	struct styled *styled = styled_new(arena, false);

	(void)state;
	say(styled, 0, "https://ci.example/1", "the ");
	say(styled, STYLE_BOLD, "https://ci.example/1", "build");
	say(styled, 0, NULL, ", ");
	say(styled, 0, "https://ci.example/", "ci.example");
	say(styled, 0, NULL, ", ");
	say(styled, 0, "mailto:ops@example.org", "ops@example.org");
	say(styled, 0, NULL, ", ");
	say(styled, 0, "https://ci.example/2", "https://ci.");
	say(styled, STYLE_BOLD, "https://ci.example/2", "example/2");
	assert_string_equal(styled_plain(arena, styled), "the build (https://ci.example/1), ci.example, ops@example.org, https://ci.example/2");
	assert_null(styled_unsaid(styled, 0));
	assert_string_equal(styled_unsaid(styled, 1), "https://ci.example/1");
}

static void
test_more_spans_than_allowed_lose_their_formatting_and_no_word(void **state)
{
	struct styled *styled = styled_new(arena, false);

	(void)state;
	for (size_t i = 0; i < 2 * STYLED_SPANS_MOST; i++)
		say(styled, i % 2 ? STYLE_BOLD : STYLE_ITALIC, NULL, "x");
	assert_int_equal(styled->count, STYLED_SPANS_MOST);
	assert_int_equal(strlen(styled_words(arena, styled)), 2 * STYLED_SPANS_MOST);
	assert_int_equal(styled->spans[STYLED_SPANS_MOST - 1].style, 0);
	assert_false(styled->cut);
}

static void
test_more_words_than_allowed_end_in_three_dots(void **state)
{
	struct styled *styled = styled_new(arena, false);

	(void)state;
	for (size_t i = 0; i < STYLED_TEXT_MOST; i++)
		say(styled, 0, NULL, "\u20ac");
	const char *words = styled_words(arena, styled);
	assert_true(styled->cut && strlen(words) <= STYLED_TEXT_MOST && text_utf8(words, strlen(words)));
	assert_string_equal(words + strlen(words) - 6, "\u20ac...");
	say(styled, STYLE_BOLD, NULL, "more");
	assert_int_equal(styled->count, 1);
	/* And it is kept as it is. */
	struct styled *back = styled_read(arena, styled_json(arena, styled), NULL);
	assert_non_null(back);
	assert_string_equal(styled_words(arena, back), words);
}

static void
test_cutting_at_a_word(void **state)
{
	static const struct { size_t most; const char *shown; } rows[] = {
		{ 100, "[one two ]b[three four][ five]" }, { 23, "[one two ]b[three four][ five]" }, { 22, "[one two ]b[three four][...]" },
		{ 17, "[one two ]b[three][...]" }, { 15, "[one two...]" }, { 10, "[one two...]" }, { 9, "[one tw...]" }, { 3, "[...]" }, { 2, "[..]" }, { 0, "" },
	};
	struct styled *styled = styled_new(arena, true);

	(void)state;
	say(styled, 0, NULL, "one two ");
	say(styled, STYLE_BOLD, NULL, "three four");
	say(styled, 0, NULL, " five");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct styled *cut = styled_cut(arena, styled, rows[i].most);
		assert_string_equal(styled_shown(arena, cut), rows[i].shown);
		assert_true(cut->emote && strlen(styled_words(arena, cut)) <= rows[i].most);
	}
}

static void
test_what_was_kept_is_the_same_again(void **state)
{
	struct styled *styled = styled_new(arena, true);
	const struct span mention = { .account = "@bob:corp.example" };

	(void)state;
	styled_add_name(styled, STYLE_BOLD, "carol");
	say(styled, 0, NULL, " asks ");
	styled_add(styled, &mention, "bob", 3);
	say(styled, STYLE_CODE | STYLE_ITALIC, NULL, "a\nb \"c\"");
	say(styled, 0, "https://ci.example/?a=1&b=2", "here");
	struct styled *back = styled_read(arena, styled_json(arena, styled), NULL);
	assert_non_null(back);
	assert_true(back->emote);
	assert_string_equal(styled_shown(arena, back), styled_shown(arena, styled));
	assert_string_equal(styled_shown(arena, back), "b[c\u2060arol][ asks ][bob]{@bob:corp.example}ic[a\nb \"c\"][here](https://ci.example/?a=1&b=2)");
	/* It can go on growing. */
	say(back, 0, "https://ci.example/?a=1&b=2", " now");
	assert_string_equal(styled_words(arena, back), "c\u2060arol asks boba\nb \"c\"here now");
}

static void
test_what_is_no_kept_talk_is_refused(void **state)
{
	static const char *const rows[] = {
		"", "null", "[]", "{}", "{\"spans\":{}}", "{\"spans\":[1]}", "{\"spans\":[{}]}", "{\"spans\":[{\"text\":\"\"}]}", "{\"spans\":[{\"text\":7}]}",
		"{\"spans\":[{\"text\":\"a\",\"style\":32}]}", "{\"spans\":[{\"text\":\"a\",\"style\":-1}]}", "{\"spans\":[{\"text\":\"a\",\"style\":\"1\"}]}",
		"{\"spans\":[{\"text\":\"a\\rQUIT\"}]}", "{\"spans\":[{\"text\":\"a\\u0002\"}]}", "{\"spans\":[{\"text\":\"a\",\"url\":\"javascript:1\"}]}",
		"{\"spans\":[{\"text\":\"a\",\"url\":7}]}", "{\"spans\":[{\"text\":\"a\",\"account\":\"a b\"}]}", "{\"spans\":[{\"text\":\"a\"},{\"text\":\"b\"}]}",
		"{\"emote\":1,\"spans\":[]}", "{\"spans\":[{\"text\":\"a\\u202eb\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error error = { "" };
		assert_null(styled_read(arena, rows[i], &error));
		assert_true(error.text[0]);
	}
}

static void
test_too_many_kept_spans_are_refused(void **state)
{
	struct text json = text_in(arena, 1 << 20);
	struct error error = { "" };

	(void)state;
	text_add(&json, "{\"spans\":[{\"text\":\"a\"}");
	for (int i = 0; i < STYLED_SPANS_MOST; i++)
		text_printf(&json, ",{\"text\":\"a\",\"style\":%d}", 1 + i % 2);
	text_add(&json, "]}");
	assert_null(styled_read(arena, json.bytes, &error));
}

static void
test_one_after_the_other(void **state)
{
	struct styled *head = styled_new(arena, false), *rest = styled_new(arena, false);

	(void)state;
	say(head, 0, NULL, "bob: ");
	say(rest, 0, NULL, "is db1 ");
	say(rest, STYLE_BOLD, NULL, "up");
	styled_append(head, rest);
	assert_string_equal(styled_shown(arena, head), "[bob: is db1 ]b[up]");
	assert_string_equal(styled_shown(arena, rest), "[is db1 ]b[up]");
}

static void
test_a_name_pings_nobody(void **state)
{
	static const struct { const char *name, *defused; } rows[] = {
		{ "alice", "a\u2060lice" }, { "x", "x\u2060" }, { "", "" }, { "\u00e9mile", "\u00e9\u2060mile" }, { "\U0001f600bob", "\U0001f600\u2060bob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(styled_defuse(arena, rows[i].name), rows[i].defused);
	struct styled *styled = styled_new(arena, false);
	styled_add_name(styled, 0, "a\u2060\nl\x02ice");
	assert_string_equal(styled->spans[0].text, "a\u2060 lice");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_neighbours_that_are_alike_are_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_are_cleaned_and_stay_utf8, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_addresses_that_mean_one_thing_are_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses_in_the_words_become_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_bad_addresses_cost_no_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_address_is_told_once_and_only_where_the_words_do_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_spans_than_allowed_lose_their_formatting_and_no_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_words_than_allowed_end_in_three_dots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cutting_at_a_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_kept_is_the_same_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_kept_talk_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_kept_spans_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_name_pings_nobody, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
