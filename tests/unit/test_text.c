/* Tests of growing strings, of UTF-8, and of what is done to the words of others before we show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"

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

/* Growing. */

static void
test_a_text_grows(void **state)
{
	struct text text = text_in(*state, 100000);

	assert_string_equal(text.bytes, "");
	for (int i = 0; i < 1000; i++)
		text_printf(&text, "%03d,", i);
	text_add(&text, NULL);
	text_add_bytes(&text, "end!", 3);
	assert_int_equal(text.length, 4003);
	assert_memory_equal(text.bytes, "000,001,", 8);
	assert_string_equal(text.bytes + 3996, "999,end");
	assert_false(text.cut);
}

static void
test_a_text_never_passes_its_limit(void **state)
{
	for (size_t limit = 0; limit < 20; limit++) {
		struct text text = text_in(*state, limit);
		text_add(&text, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e web");       /* 13 bytes */
		assert_true(text.length <= limit);
		assert_int_equal(text.bytes[text.length], '\0');
		assert_true(text_utf8(text.bytes, text.length));
		assert_int_equal(text.cut, limit < 13);
	}
}

/* What comes behind a cut would stand in the wrong place. */
static void
test_nothing_is_added_behind_a_cut(void **state)
{
	struct text text = text_in(*state, 5);

	text_add(&text, "123456");
	text_add(&text, "");
	assert_string_equal(text.bytes, "12345");
	text = text_in(*state, 5);
	text_add(&text, "1234\xc3\xa9");
	text_add(&text, "x");
	assert_string_equal(text.bytes, "1234");
	assert_true(text.cut);
}

/* UTF-8. */

static void
test_utf8_that_is_none_is_told(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe6\x97", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf0\x9f\x94", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "ok\xff",
	};
	static const char *const good[] = {
		"", "web", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (text_utf8(bad[i], strlen(bad[i])))
			fail_msg("bad text %zu was taken", i);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!text_utf8(good[i], strlen(good[i])))
			fail_msg("good text %zu was refused", i);
	assert_false(text_utf8("a\0b", 3));
}

static void
test_what_fits_is_whole_characters(void **state)
{
	static const char text[] = "a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x94\x95z";         /* at 0, 1, 3, 6, 10; 11 bytes */
	static const size_t fits[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11 };

	(void)state;
	for (size_t most = 0; most < sizeof fits / sizeof *fits; most++)
		assert_int_equal(text_fit(text, strlen(text), most), fits[most]);
	assert_int_equal(text_fit("web", 3, SIZE_MAX), 3);
	assert_int_equal(text_fit("", 0, 10), 0);
}

static void
test_what_fits_ends_even_where_it_is_no_utf8(void **state)
{
	static const char rubbish[] = "\x80\x80\x80\x80\x80\x80\x80\x80";

	(void)state;
	for (size_t most = 0; most <= 8; most++)
		assert_true(text_fit(rubbish, 8, most) <= most);
	assert_true(text_fit("\xff\xff\xff", 3, 2) <= 2);
}

static void
test_columns_are_what_a_terminal_gives(void **state)
{
	(void)state;
	assert_int_equal(text_columns(""), 0);
	assert_int_equal(text_columns("web #412"), 8);
	assert_int_equal(text_columns("caf\xc3\xa9"), 4);
	assert_int_equal(text_columns("cafe\xcc\x81"), 4);                /* a combining accent */
	assert_int_equal(text_columns("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	assert_int_equal(text_columns("\xf0\x9f\x94\x95"), 2);
	assert_int_equal(text_columns("\xe2\x96\x82\xe2\x96\x87"), 2);    /* a sparkline */
}

/* Cleaning. */

struct wash {
	const char *dirty, *clean;
};

static void
check_washes(struct arena *arena, const struct wash *washes, size_t count, char *(*wash)(struct arena *, const char *, size_t))
{
	for (size_t i = 0; i < count; i++) {
		const char *got = wash(arena, washes[i].dirty, strlen(washes[i].dirty));
		if (strcmp(got, washes[i].clean) != 0)
			fail_msg("row %zu: \"%s\" instead of \"%s\"", i, got, washes[i].clean);
	}
}

static void
test_irc_codes_are_taken_out(void **state)
{
	static const struct wash washes[] = {
		{ "\x02" "bold\x02 \x1d" "italic\x1d \x1f" "under\x1f \x1e" "struck\x1e \x11" "mono\x11 \x16turned\x16\x0f", "bold italic under struck mono turned" },
		{ "\x03" "4red\x03", "red" }, { "\x03" "04,12red", "red" }, { "\x03" "4,1red", "red" }, { "\x03red", "red" },
		{ "\x03" "123", "3" },                          /* two digits at most */
		{ "\x03" "04,123", "3" }, { "\x03" "4, 5", ", 5" }, { "\x03,5", ",5" }, { "\x03" "4,", "," }, { "\x03", "" },
		{ "\x04" "ff0000red", "red" }, { "\x04" "FF0000,00ff00red", "red" }, { "\x04" "ff0000,done", ",done" },
		{ "\x04" "face", "face" },                      /* no colour: six digits or none */
		{ "\x04", "" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean);
	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean_lines);
}

static void
test_escape_sequences_are_taken_out(void **state)
{
	static const struct wash washes[] = {
		{ "\x1b[31mred\x1b[0m", "red" }, { "\x1b[1;38;5;196mred\x1b[m", "red" }, { "\x1b[?25lhidden\x1b[?25h", "hidden" }, { "\x1b[2J\x1b[Hgone", "gone" },
		{ "\x1b(B\x1b[mreset", "reset" },               /* what tput sgr0 says */
		{ "\x1b" "7saved\x1b" "8", "saved" }, { "\x1b" "cfull reset", "full reset" },
		{ "\x1b]0;a title\a" "text", "text" }, { "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link" },
		{ "\x1b]52;c;ZXZpbA==\a" "clipboard", "clipboard" }, { "\x1bP1$r\x1b\\text", "text" }, { "\x1b_apc\x1b\\text", "text" }, { "\x1bXsos\x1b\\text", "text" },
		{ "a\x1b", "a" }, { "a\x1b[", "a" }, { "a\x1b[31", "a" }, { "a\x1b]0;never ends", "a" },
		{ "\x1b\x1b[31mtwice", "twice" }, { "\x1b]0;a\x1b[31mb", "b" },
		{ "\x1b[\xe6\x97\xa5 stays", "\xe6\x97\xa5 stays" }, { "\x1b\xc3\xa9 stays", "\xc3\xa9 stays" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean);
	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean_lines);
}

/* Else a job could hide the lines behind an escape from whoever reads its log. */
static void
test_no_escape_sequence_swallows_a_line_end(void **state)
{
	static const struct wash washes[] = {
		{ "\x1b]0;open\nnext", "\nnext" }, { "\x1b[\nnext", "\nnext" }, { "\x1b\nnext", "\nnext" }, { "\x1b[31\nnext", "\nnext" }, { "\x1b]0;open\rnext", "\nnext" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean_lines);
}

static void
test_what_cannot_be_seen_is_taken_out(void **state)
{
	static const struct wash washes[] = {
		{ "a\u200bb", "ab" }, { "a\u200cb", "ab" }, { "a\u200db", "ab" }, { "a\u2060b", "ab" }, { "a\ufeffb", "ab" }, { "a\u00adb", "ab" },
		{ "a\u061cb", "ab" }, { "a\u200eb", "ab" }, { "a\u200fb", "ab" },
		{ "a\u202ab", "ab" }, { "a\u202bb", "ab" }, { "a\u202cb", "ab" }, { "a\u202db", "ab" }, { "a\u202eb", "ab" },
		{ "a\u2066b", "ab" }, { "a\u2067b", "ab" }, { "a\u2068b", "ab" }, { "a\u2069b", "ab" },
		{ "a\U000e0001b", "ab" }, { "a\U000e0061\U000e007fb", "ab" },
		{ "a\x01\a\b\x7f" "b", "ab" }, { "a\xc2\x80\xc2\x9f" "b", "ab" }, { "a\xc2\x85" "b", "ab" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean);
	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean_lines);
}

static void
test_emoji_that_people_join_stay_one(void **state)
{
	static const struct wash washes[] = {
		{ "\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb" },
		{ "\U0001f469\U0001f3fd\u200d\u2695\ufe0f!", "\U0001f469\U0001f3fd\u200d\u2695\ufe0f!" },
		{ "\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525" },
		{ "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467" },
		/* Nothing else is joined, and no joiner hides anywhere else. */
		{ "a\u200db", "ab" }, { "\U0001f469\u200d", "\U0001f469" }, { "\u200d\U0001f469", "\U0001f469" },
		{ "\U0001f469 \u200d\U0001f4bb", "\U0001f469 \U0001f4bb" }, { "\U0001f469\u200dx", "\U0001f469x" }, { "x\u200d\U0001f469", "x\U0001f469" },
		{ "\U0001f469\u200d\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb" }, { "\U0001f469\u200b\U0001f4bb", "\U0001f469\U0001f4bb" },
		{ "\U0001f469\u200d\377", "\U0001f469\ufffd" }, { "\U0001f469\u200d\360\237", "\U0001f469\ufffd\ufffd" },
	};
	static const struct wash strict[] = { { "\U0001f469\u200d\U0001f4bb", "\U0001f469\U0001f4bb" } };

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean_talk);
	check_washes(*state, strict, 1, text_clean);
	check_washes(*state, strict, 1, text_clean_lines);
}

static void
test_bad_bytes_become_a_mark(void **state)
{
	static const struct wash washes[] = {
		{ "\xff", "\ufffd" }, { "a\xc3", "a\ufffd" }, { "\xe9t\xe9", "\ufffdt\ufffd" }, { "\xed\xa0\x80", "\ufffd\ufffd\ufffd" }, { "\xc0\xaf", "\ufffd\ufffd" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean);
	assert_string_equal(text_clean(*state, "a\0b", 3), "a\ufffdb");
}

static void
test_one_line_has_single_blanks(void **state)
{
	static const struct wash washes[] = {
		{ "  two\t\twords \r\n", "two words" }, { "a\r\nb\rc\nd", "a b c d" }, { "a\v\fb", "a b" }, { "a\u2028b\u2029c", "a b c" }, { " \u200b ", "" },
		{ "a \x02 b", "a b" }, { "", "" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean);
}

static void
test_many_lines_keep_their_ends_and_their_indent(void **state)
{
	static const struct wash washes[] = {
		{ "a\r\nb\rc\nd", "a\nb\nc\nd" }, { "\tif x:\n\t\ty", " if x:\n  y" }, { "  a  b  ", "  a  b  " }, { "a\r\r\nb", "a\n\nb" }, { "a\u2028b", "a b" }, { "a\vb", "a b" },
	};

	check_washes(*state, washes, sizeof washes / sizeof *washes, text_clean_lines);
}

static void
test_words_of_people_stay_as_they_are(void **state)
{
	static const char said[] = "\u00bfqu\u00e9 pasa? \u65e5\u672c\u8a9e \U0001f515 \u2764\ufe0f caf\u00e9 \u2192 100%";

	assert_string_equal(text_clean(*state, said, strlen(said)), said);
	assert_string_equal(text_clean_lines(*state, said, strlen(said)), said);
}

static bool
is_clean(const char *text, bool lines)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && !(lines && *text == '\n')) || *text == 0x7f)
			return false;
	return true;
}

/* Whatever comes in, what goes out is UTF-8 without controls, and cleaning it again changes nothing. */
static void
test_any_bytes_become_clean(void **state)
{
	static const char *const spice[] = { "\x1b[", "\x1b]", "\x03", "\x04", "\x1b", "\xe2\x80\xae", "\xc2\x9b", "\r\n", "\xf3\xa0\x80\x81", ",", "\a", "\\", "1", "f" };
	unsigned chance = 12345;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct arena *arena = arena_new();
		struct text dirty = text_in(arena, 1000);
		while (dirty.length < 60) {
			chance = chance * 1103515245u + 12345u;
			char byte = (char)(chance >> 16);
			if (chance >> 30)
				text_add_bytes(&dirty, &byte, 1);
			else
				text_add(&dirty, spice[(chance >> 16) % (sizeof spice / sizeof *spice)]);
		}
		const char *line = text_clean(arena, dirty.bytes, dirty.length), *lines = text_clean_lines(arena, dirty.bytes, dirty.length);
		assert_true(is_clean(line, false) && is_clean(lines, true));
		assert_true(text_utf8(line, strlen(line)) && text_utf8(lines, strlen(lines)));
		assert_string_equal(text_clean(arena, line, strlen(line)), line);
		assert_string_equal(text_clean_lines(arena, lines, strlen(lines)), lines);
		arena_free(arena);
	}
}

static void
test_a_long_text_is_cut_at_a_word(void **state)
{
	assert_string_equal(text_cut(*state, "short", 5), "short");
	assert_string_equal(text_cut(*state, "cart total is wrong", 15), "cart total...");
	assert_string_equal(text_cut(*state, "cart total is wrong", 13), "cart total...");
	assert_string_equal(text_cut(*state, "averyveryverylongword", 10), "averyve...");
	assert_string_equal(text_cut(*state, "\u65e5\u672c\u8a9e\u65e5", 10), "\u65e5\u672c...");
	assert_string_equal(text_cut(*state, "abcdef", 3), "abc");
	assert_string_equal(text_cut(*state, "abcdef", 0), "");
}

static void
test_typographic_signs_become_plain_ones(void **state)
{
	assert_string_equal(text_plain(*state, "say \u201chello\u00a0you\u201d, it\u2019s"), "say \"hello you\", it's");
	assert_string_equal(text_plain(*state, "\ufeff!build caf\u00e9 \xff"), "!build caf\u00e9 \xff");
}

/* Globs. */

static void
test_globs(void **state)
{
	static const struct { const char *pattern, *text; bool fits; } rows[] = {
		{ "", "", true }, { "", "a", false }, { "a", "", false }, { "*", "", true }, { "*", "web", true }, { "web", "web", true }, { "web", "Web", false },
		{ "web*", "web", true }, { "web*", "web-api", true }, { "*api", "web-api", true }, { "w*i", "web-api", true }, { "w*b", "web-api", false },
		{ "*-*", "web-api", true }, { "*a*a*", "banana", true }, { "*nab", "banana", false }, { "we?", "web", true }, { "we?", "we", false },
		{ "we?", "webs", false }, { "**", "web", true }, { "?*", "", false }, { "[ab]", "a", false }, { "[ab]", "[ab]", true },
		{ "caf?", "caf\u00e9", true }, { "caf??", "caf\u00e9", false }, { "?", "\U0001f515", true }, { "*?", "\u00e9", true }, { "*\u00e9?", "caf\u00e9s", true },
		{ "\\*", "*", false }, { "a*b*c", "axbxbxc", true }, { "*.c", "a.c.c", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (text_glob(rows[i].pattern, rows[i].text) != rows[i].fits)
			fail_msg("\"%s\" and \"%s\": %s", rows[i].pattern, rows[i].text, rows[i].fits ? "should fit" : "should not fit");
}

static void
test_a_hostile_glob_takes_no_time(void **state)
{
	char pattern[201], text[5001];
	int64_t began = clock_mono();

	(void)state;
	for (size_t i = 0; i < 200; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[200] = '\0';
	memset(text, 'a', 5000);
	text[5000] = '\0';
	pattern[199] = 'b';
	assert_false(text_glob(pattern, text));
	assert_true(clock_mono() - began < 5000);
}

/* What was meant. */

static void
test_the_nearest_word_is_found(void **state)
{
	static const char *const verbs[] = { "approve", "build", "builds", "deploy", "help", "log", "logs", "restart", "status", "stop", NULL };
	static const struct { const char *typed, *meant; } rows[] = {
		{ "biuld", "build" }, { "buidl", "build" }, { "buld", "build" }, { "buildd", "build" }, { "bulid", "build" }, { "stat", "status" }, { "sttaus", "status" },
		{ "stats", "status" }, { "depoy", "deploy" }, { "hlep", "help" }, { "approv", "approve" }, { "restrat", "restart" }, { "lgo", "log" },
		{ "BUILD", "build" }, { "Builds", "builds" }, { "STOP", "stop" },
		{ "weather", NULL }, { "x", NULL }, { "", NULL }, { "zz", NULL }, { "frob", NULL }, { "a-word-that-is-much-longer-than-any-verb", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = text_nearest(rows[i].typed, verbs);
		if (!got != !rows[i].meant || (got && strcmp(got, rows[i].meant) != 0))
			fail_msg("%s: %s instead of %s", rows[i].typed, got ? got : "nothing", rows[i].meant ? rows[i].meant : "nothing");
	}
}

static void
test_of_equally_near_words_the_first_is_meant(void **state)
{
	static const char *const names[] = { "web-b", "web-a", NULL }, *const none[] = { NULL }, *const longer[] = { "build-all", "build", NULL };

	(void)state;
	assert_string_equal(text_nearest("web-c", names), "web-b");
	assert_null(text_nearest("web", none));
	assert_string_equal(text_nearest("Build", longer), "build");       /* the word itself before one that begins with it */
}

static void
test_one_has_no_s(void **state)
{
	(void)state;
	assert_string_equal(text_s(1), "");
	assert_string_equal(text_s(0), "s");
	assert_string_equal(text_s(2), "s");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_grows),
		cmocka_unit_test(test_a_text_never_passes_its_limit),
		cmocka_unit_test(test_nothing_is_added_behind_a_cut),
		cmocka_unit_test(test_utf8_that_is_none_is_told),
		cmocka_unit_test(test_what_fits_is_whole_characters),
		cmocka_unit_test(test_what_fits_ends_even_where_it_is_no_utf8),
		cmocka_unit_test(test_columns_are_what_a_terminal_gives),
		cmocka_unit_test(test_irc_codes_are_taken_out),
		cmocka_unit_test(test_escape_sequences_are_taken_out),
		cmocka_unit_test(test_no_escape_sequence_swallows_a_line_end),
		cmocka_unit_test(test_what_cannot_be_seen_is_taken_out),
		cmocka_unit_test(test_emoji_that_people_join_stay_one),
		cmocka_unit_test(test_bad_bytes_become_a_mark),
		cmocka_unit_test(test_one_line_has_single_blanks),
		cmocka_unit_test(test_many_lines_keep_their_ends_and_their_indent),
		cmocka_unit_test(test_words_of_people_stay_as_they_are),
		cmocka_unit_test(test_any_bytes_become_clean),
		cmocka_unit_test(test_a_long_text_is_cut_at_a_word),
		cmocka_unit_test(test_typographic_signs_become_plain_ones),
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_a_hostile_glob_takes_no_time),
		cmocka_unit_test(test_the_nearest_word_is_found),
		cmocka_unit_test(test_of_equally_near_words_the_first_is_meant),
		cmocka_unit_test(test_one_has_no_s),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
