/* Tests of formatting on IRC: what people's clients send, what we write, and what comes through Matrix and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "protocols/irc/formatting.h"
#include "protocols/irc/line.h"
#include "protocols/matrix/html.h"
#include "tests/unit/styled_shown.h"

/* -- Reading ---------------------------------------------------------------------------------------------------------- */

static void
test_what_clients_send(void **state)
{
	static const struct { const char *said, *shown; } rows[] = {
		/* weechat: ^Cb bold, ^Ci italic, ^C_ underline, ^Co reset, ^Cv reverse. */
		{ "is \002db1\002 up?", "[is ]b[db1][ up?]" }, { "\035now\017 or \037never", "i[now][ or ]u[never]" }, { "\026back\026 again", "[back again]" },
		{ "\002a\035b\002c\035d", "b[a]bi[b]i[c][d]" }, { "\002\002none", "[none]" }, { "\002both\017\002", "b[both]" },
		/* irssi: colours with one digit, two, a background; a figure behind them. */
		{ "\00304red\003 and \0034,12more\003", "[red and more]" }, { "\003052 apples", "[2 apples]" }, { "\00312,5x \00301,010", "[x 0]" },
		{ "\003,5", "[,5]" }, { "\004ff0000red\004 \004ff0000,00ff00x", "[red x]" }, { "\004ff00", "[ff00]" }, { "\003\0024\002", "b[4]" },
		{ "\021make check\021 fails", "c[make check][ fails]" }, { "\036old\036 new", "s[old][ new]" },
		{ "see https://ci.example/job/1, please", "[see ][https://ci.example/job/1](https://ci.example/job/1)[, please]" },
		{ "\021curl https://ci.example\021", "c[curl https://ci.example]" }, { "\002https://ci.example/", "b[https://ci.example/](https://ci.example/)" },
		/* One message of many lines: a line end ends the formatting. */
		{ "\002one\ntwo", "b[one][\ntwo]" }, { "a\rb", "[a\nb]" },
		{ "", "" }, { "\002", "" }, { "bell\007 \033[31mred\033[0m", "[bell red]" }, { "latin \351t\351", "[latin \ufffdt\ufffd]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new();
		const struct styled *styled = formatting_read(arena, rows[i].said, strlen(rows[i].said), false);
		assert_string_equal(styled_shown(arena, styled), rows[i].shown);
		assert_false(styled->emote);
		arena_free(arena);
	}
}

static void
test_an_action_is_an_emote_and_other_ctcp_is_no_talk(void **state)
{
	static const char *const none[] = { "\001VERSION\001", "\001DCC SEND x 1 2 3\001", "\001", "\001ACTION", "\001ACTIONS x\001" };
	static const struct { const char *said, *shown; } rows[] = {
		{ "\001ACTION shrugs\001", "[shrugs]" }, { "\001ACTION \002shrugs\001", "b[shrugs]" }, { "\001ACTION shrugs", "[shrugs]" }, { "\001ACTION a\001b", "[a]" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(formatting_read(arena, none[i], strlen(none[i]), false));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct styled *styled = formatting_read(arena, rows[i].said, strlen(rows[i].said), false);
		assert_string_equal(styled_shown(arena, styled), rows[i].shown);
		assert_true(styled->emote);
	}
	assert_true(formatting_read(arena, "shrugs", 6, true)->emote);
	arena_free(arena);
}

/* -- Writing ---------------------------------------------------------------------------------------------------------- */

static void
say(struct styled *styled, unsigned style, const char *url, const char *text)
{
	const struct span how = { .style = style, .url = url };

	styled_add(styled, &how, text, strlen(text));
}

/* Its lines with | between. */
static const char *
written(struct arena *arena, const struct styled *styled, const struct formatting *how)
{
	const struct formatted lines = formatting_write(arena, styled, how);
	struct text all = text_in(arena, 1 << 20);

	for (size_t i = 0; i < lines.count; i++) {
		assert_true(line_is_said(lines.each[i]) && strlen(lines.each[i]) <= how->width);
		text_printf(&all, "%s%s", i ? "|" : "", lines.each[i]);
	}
	return all.bytes;
}

static const struct formatting with_codes = { .width = 400, .lines = 100, .codes = true }, words_only = { .width = 400, .lines = 100 };

static void
test_what_we_write(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);

	(void)state;
	say(styled, 0, NULL, "is ");
	say(styled, STYLE_BOLD, NULL, "db1 ");
	say(styled, STYLE_BOLD | STYLE_ITALIC, NULL, "really");
	say(styled, STYLE_CODE, NULL, " up");
	say(styled, 0, NULL, "? ");
	say(styled, 0, "https://ci.example/1", "the build");
	say(styled, STYLE_STRIKE, NULL, " or");
	say(styled, STYLE_STRIKE | STYLE_UNDERLINE, NULL, " so");
	assert_string_equal(written(arena, styled, &with_codes),
		"is \002db1 \035really\002\035\021 up\021? the build <https://ci.example/1>\036 or\037 so\017");
	assert_string_equal(written(arena, styled, &words_only), "is db1 really up? the build <https://ci.example/1> or so");
	arena_free(arena);
}

static void
test_each_line_stands_for_itself(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);
	const struct formatting said_by = { .who = "carol", .width = 400, .lines = 100, .codes = true };

	(void)state;
	say(styled, STYLE_CODE, NULL, "int x;\n\n  x++;");
	say(styled, 0, NULL, "\n \nthere");
	assert_string_equal(written(arena, styled, &with_codes), "\021int x;\017|\021  x++;\017|there");
	assert_string_equal(written(arena, styled, &said_by), "<carol> \021int x;\017|<carol> \021  x++;\017|<carol> there");
	arena_free(arena);
}

static void
test_an_emote_is_an_action_or_a_star(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, true);
	const struct formatting said_by = { .who = "carol", .width = 400, .lines = 100, .codes = true };

	(void)state;
	say(styled, STYLE_BOLD, NULL, "shrugs");
	assert_string_equal(written(arena, styled, &with_codes), "\001ACTION \002shrugs\017\001");
	assert_string_equal(written(arena, styled, &said_by), "* carol \002shrugs\017");
	arena_free(arena);
}

static void
test_long_lines_go_on_at_a_word(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);
	const struct formatting narrow = { .who = "carol", .width = 80, .lines = 100, .codes = true };

	(void)state;
	for (int i = 0; i < 30; i++)
		say(styled, i % 3 ? STYLE_BOLD : 0, NULL, i % 2 ? "twelve bytes " : "\u20ac\u20ac\u20ac ");
	const struct formatted lines = formatting_write(arena, styled, &narrow);
	assert_true(lines.count > 3 && !lines.left);
	for (size_t i = 0; i < lines.count; i++) {
		assert_true(strlen(lines.each[i]) <= 80 && text_utf8(lines.each[i], strlen(lines.each[i])));
		assert_true(!strncmp(lines.each[i], "<carol> ", 8) && line_is_said(lines.each[i]));
		/* No word is broken. */
		const struct styled *back = formatting_read(arena, lines.each[i] + 8, strlen(lines.each[i] + 8), false);
		const char *words = styled_words(arena, back);
		size_t length = strlen(words);
		assert_true(length > 20 && (!strcmp(words + length - 5, "bytes") || !strcmp(words + length - 6, "twelve") || !strcmp(words + length - 3, "\u20ac")));
	}
	arena_free(arena);
}

static void
test_a_word_longer_than_a_line_is_broken_between_characters(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);
	const struct formatting narrow = { .width = 80, .lines = 100, .codes = true };

	(void)state;
	for (int i = 0; i < 100; i++)
		say(styled, STYLE_BOLD, NULL, "\u20ac");
	const struct formatted lines = formatting_write(arena, styled, &narrow);
	assert_int_equal(lines.count, 4);
	for (size_t i = 0; i < lines.count; i++)
		assert_true(strlen(lines.each[i]) <= 80 && text_utf8(lines.each[i], strlen(lines.each[i])));
	arena_free(arena);
}

static void
test_a_line_is_as_long_as_it_may_be_and_no_byte_longer(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, true);

	(void)state;
	for (int i = 0; i < 400; i++)
		say(styled, STYLE_BOLD, NULL, "x");
	for (size_t width = 80; width < 90; width++) {
		const struct formatting how = { .who = width % 2 ? "carol" : NULL, .width = width, .lines = 100, .codes = true };
		assert_int_equal(strlen(formatting_write(arena, styled, &how).each[0]), width);
	}
	arena_free(arena);
}

static void
test_more_lines_than_allowed_are_counted(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);
	const struct formatting two = { .width = 400, .lines = 2 }, none = { .width = 400 };

	(void)state;
	say(styled, 0, NULL, "a\nb\nc\nd");
	assert_string_equal(written(arena, styled, &two), "a|b");
	assert_int_equal(formatting_write(arena, styled, &two).left, 3);
	assert_int_equal(formatting_write(arena, styled, &none).count, 0);
	arena_free(arena);
}

/* -- Through the other chat and back ---------------------------------------------------------------------------------- */

static void
test_what_goes_through_matrix_comes_back(void **state)
{
	static const char *const rows[] = {
		"is \002db1\002 up?", "\035now\035 or \002\035never\017", "\021make check\021 fails", "see https://ci.example/?a=1&b=2 for <it>",
		"\002https://ci.example/1\017", "\001ACTION \002shrugs\002 twice\001", "\037a\037 \036b\036 c", "a  b   c & \"d\" 'e' <f>", "\0021 < 2\002 && 3 > 2",
		"<mx-reply>&lt;</mx-reply>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new();
		const struct styled *said = formatting_read(arena, rows[i], strlen(rows[i]), false);
		const struct html_message message = html_write(arena, said, 60000);
		const struct styled *back = said;
		if (message.formatted)
			back = html_read(arena, message.formatted, strlen(message.formatted), said->emote);
		assert_string_equal(styled_shown(arena, back), styled_shown(arena, said));
		const char *again = written(arena, back, &with_codes);
		const struct styled *last = formatting_read(arena, again, strlen(again), false);
		assert_string_equal(styled_shown(arena, last), styled_shown(arena, said));
		assert_int_equal(last->emote, said->emote);
		arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_clients_send),
		cmocka_unit_test(test_an_action_is_an_emote_and_other_ctcp_is_no_talk),
		cmocka_unit_test(test_what_we_write),
		cmocka_unit_test(test_each_line_stands_for_itself),
		cmocka_unit_test(test_an_emote_is_an_action_or_a_star),
		cmocka_unit_test(test_long_lines_go_on_at_a_word),
		cmocka_unit_test(test_a_word_longer_than_a_line_is_broken_between_characters),
		cmocka_unit_test(test_a_line_is_as_long_as_it_may_be_and_no_byte_longer),
		cmocka_unit_test(test_more_lines_than_allowed_are_counted),
		cmocka_unit_test(test_what_goes_through_matrix_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
