/* Tests of what somebody said in another chat as lines of IRC: nobody is pinged by the way, and what is said again says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/styled.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/say.h"

static struct channels channels;
static struct arena *arena;

static int
begin(void **state)
{
	static const char *const names[] = { "#ops", NULL };

	(void)state;
	arena = arena_new();
	channels_begin(&channels, names, 1000);
	channels_entered(&channels, channels.each, 1);
	channels_names(&channels, channels.each, "@bob +alice [carol] dave|away \303\251mile sally");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	channels_end(&channels);
	arena_free(arena);
	return 0;
}

/* Its lines, with | between. */
static const char *
told(const struct mirrored *mirrored, bool again, size_t most)
{
	const struct say say = { .target = "#ops", .again = again, .nick = "sally", .channels = &channels, .channel = channels.each, .lines = most };
	struct said said = say_talk(arena, &say, mirrored);
	struct text all = text_in(arena, 10000);

	for (size_t i = 0; i < said.count; i++)
		text_printf(&all, "%s%s", i ? "|" : "", said.each[i].text);
	return all.bytes;
}

static const struct styled *
words(const char *text)
{
	struct styled *styled = styled_new(arena, false);

	styled_add_linked(styled, 0, text, strlen(text));
	return styled;
}

static const char *
said(const char *who, const char *text)
{
	const struct mirrored mirrored = { .who = who, .chat = "Matrix", .words = words(text) };

	return told(&mirrored, false, 10);
}

static void
test_a_name_of_somebody_here_pings_nobody(void **state)
{
	static const struct { const char *text, *told; } rows[] = {
		{ "ask bob, or BOB", "<amy> ask b\u2060ob, or B\u2060OB" },
		{ "bob: look", "<amy> b\u2060ob: look" },
		{ "(alice)@bob's", "<amy> (a\u2060lice)@b\u2060ob's" },
		{ "[bob] and [carol] and `bob`", "<amy> [b\u2060ob] and [\u2060carol] and `b\u2060ob`" },
		{ "dave|away is \303\251mile", "<amy> d\u2060ave|away is \303\251\u2060mile" },
		{ "bobby, kebob and bob-build are others", "<amy> bobby, kebob and bob-build are others" },
		{ "see https://ci.example/bob now", "<amy> see https://ci.example/bob now" },
		{ "sally is we", "<amy> sally is we" },
		{ "bob\nbob", "<amy> b\u2060ob|<amy> b\u2060ob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(said("amy", rows[i].text), rows[i].told);
}

static void
test_a_name_in_two_styles_is_one(void **state)
{
	struct styled *styled = styled_new(arena, false);
	const struct span bold = { .style = STYLE_BOLD }, plain = { 0 };
	const struct mirrored mirrored = { .who = "amy", .chat = "Matrix", .words = styled };

	(void)state;
	styled_add(styled, &plain, "so b", 4);
	styled_add(styled, &bold, "ob", 2);
	assert_string_equal(told(&mirrored, false, 10), "<amy> so b\u2060\002ob\017");
}

static void
test_the_name_of_who_said_it_pings_nobody(void **state)
{
	(void)state;
	assert_string_equal(said("Bob", "hi"), "<B\u2060ob> hi");
	assert_string_equal(said("Bob\r\n Brown", "hi"), "<B\u2060ob Brown> hi");
	/* Nor in the line that says how much there is besides. */
	const struct mirrored long_one = { .who = "bob", .chat = "Matrix", .words = words("one\ntwo\nthree") };
	assert_string_equal(told(&long_one, false, 2), "<b\u2060ob> one|<b\u2060ob> two|<b\u2060ob> ... and 5 bytes more, to be read on Matrix");
}

static void
test_an_answer_and_its_quote_ping_nobody(void **state)
{
	const struct mirrored answer = { .who = "amy", .chat = "Matrix", .words = words("yes"), .to = "bob", .quote = "alice up?" };

	(void)state;
	assert_string_equal(told(&answer, false, 10), "<amy> to b\u2060ob \"a\u2060lice up?\": yes");
}

static void
test_who_is_meant_is_pinged(void **state)
{
	const struct mention mention = { "bob", "corp/bob" };
	const struct mirrored mirrored = { .who = "amy", .chat = "Matrix", .words = words("bob: alice is away"), .mentions = &mention, .mention_count = 1 };

	(void)state;
	assert_string_equal(told(&mirrored, false, 10), "<amy> bob: a\u2060lice is away");
}

static void
test_whom_the_chat_mentions_is_named_as_here(void **state)
{
	static const struct mention mention = { "@robert:corp.example", "corp/bob" };
	const struct span robert = { .account = "@robert:corp.example" }, stranger = { .account = "@alice:else.example" }, plain = { 0 };
	struct styled *styled = styled_new(arena, false);
	const struct mirrored mirrored = { .who = "amy", .chat = "Matrix", .words = styled, .mentions = &mention, .mention_count = 1 };

	(void)state;
	styled_add(styled, &robert, "Robert Brown", 12);
	styled_add(styled, &plain, " and ", 5);
	styled_add(styled, &stranger, "alice", 5);
	assert_string_equal(told(&mirrored, false, 10), "<amy> bob and a\u2060lice");
}

static void
test_what_is_said_again_says_so(void **state)
{
	const struct mirrored mirrored = { .who = "amy", .chat = "Matrix", .words = words("one\ntwo") };
	char most[2000];

	(void)state;
	assert_string_equal(told(&mirrored, true, 10), "<amy> one|<amy> two (resent)");
	memset(most, 'x', sizeof most - 1);
	most[sizeof most - 1] = '\0';
	const struct mirrored full = { .who = "amy", .chat = "Matrix", .words = words(most) };
	const struct say say = { .target = "#ops", .again = true, .nick = "sally", .channels = &channels, .channel = channels.each };
	struct said lines = say_talk(arena, &say, &full);
	assert_true(lines.count > 3 && strstr(lines.each[lines.count - 1].text, " (resent)"));
	for (size_t i = 0; i < lines.count; i++)
		assert_true(strlen(lines.each[i].text) <= say_room(&say));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_name_of_somebody_here_pings_nobody, begin, end),
		cmocka_unit_test_setup_teardown(test_a_name_in_two_styles_is_one, begin, end),
		cmocka_unit_test_setup_teardown(test_the_name_of_who_said_it_pings_nobody, begin, end),
		cmocka_unit_test_setup_teardown(test_an_answer_and_its_quote_ping_nobody, begin, end),
		cmocka_unit_test_setup_teardown(test_who_is_meant_is_pinged, begin, end),
		cmocka_unit_test_setup_teardown(test_whom_the_chat_mentions_is_named_as_here, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_said_again_says_so, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
