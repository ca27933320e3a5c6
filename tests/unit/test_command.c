/* Tests of command: how a line becomes words, who it is for, what an alias stands for, and which word is which argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/work/command.h"

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

/* Words, with a bar between them. */
static const char *
words_of(struct arena *arena, const char *line)
{
	struct words words;
	struct error error;
	char *all = arena_text(arena, "");

	if (!words_read(arena, line, &words, &error))
		return arena_printf(arena, "! %s", error.text);
	for (size_t i = 0; i < words.count; i++)
		all = arena_printf(arena, "%s%s%s", all, i ? "|" : "", words.each[i]);
	return all;
}

static void
test_a_line_is_read_as_words(void **state)
{
	static const char *const lines[][2] = {
		{ "build web", "build|web" },
		{ "  build \t web  ", "build|web" },
		{ "", "" },
		{ "   ", "" },
		{ "comment \"disk is full\" now", "comment|disk is full|now" },
		{ "comment 'disk is full'", "comment|disk is full" },
		{ "build why=\"it is time\" x=''", "build|why=it is time|x=" },
		{ "say don't stop", "say|don't|stop" },
		{ "say \"don't stop\"", "say|don't stop" },
		{ "a=b=\"c d\"", "a=b=\"c|d\"" },
		{ "say x\"y z", "say|x\"y|z" },
		{ "say \"\" x", "say||x" },
		{ "say \"a\"\"b\" x", "say|a\"b\"|x" },
		{ "say \xe2\x80\x9c" "disk is full\xe2\x80\x9d", "say|disk is full" },
		{ "build\xc2\xa0web", "build|web" },
		{ "C:\\temp\\x", "C:\\temp\\x" },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_string_equal(words_of(*state, lines[i][0]), lines[i][1]);
}

static void
test_of_several_lines_the_first_is_the_command(void **state)
{
	struct arena *arena = arena_new();
	struct words words;

	(void)state;
	assert_true(words_read(arena, "build web\nit isn't urgent\n!build docs", &words, NULL));
	assert_int_equal(words.count, 2);
	assert_string_equal(words.each[1], "web");
	assert_string_equal(words.line, "build web");
	assert_true(words_read(arena, "\nbuild web", &words, NULL));
	assert_int_equal(words.count, 0);
	arena_free(arena);
}

static void
test_a_quote_that_is_never_closed_is_named(void **state)
{
	assert_string_equal(words_of(*state, "comment OPS-12 \"disk is full"), "! the quote that opens before disk is never closed");
	assert_string_equal(words_of(*state, "comment OPS-12 why='disk is full"), "! the quote that opens before disk is never closed");
	assert_string_equal(words_of(*state, "comment \""), "! the quote that opens at the end is never closed");
}

static void
test_a_word_that_is_repeated_to_them_is_cleaned_and_short(void **state)
{
	char line[600] = "x \"\x03" "4";

	memset(line + 5, 'y', 500);
	const char *said = words_of(*state, line);
	assert_true(strlen(said) < 120);
	assert_null(strchr(said, 3));
}

static void
test_more_words_than_sixty_four_are_refused(void **state)
{
	char line[200] = "";

	for (int i = 0; i < 64; i++)
		strcat(line, "a ");
	assert_int_equal(strlen(words_of(*state, line)), 127);
	strcat(line, "a");
	assert_string_equal(words_of(*state, line), "! that is more than 64 words; say it in fewer");
}

static void
test_each_word_knows_where_it_stands_in_the_line(void **state)
{
	struct words words;

	assert_true(words_read(*state, "  say \"a b\" c", &words, NULL));
	assert_string_equal(words.line, "say \"a b\" c");
	assert_string_equal(words.at[1], "\"a b\" c");
	assert_string_equal(words.at[2], "c");
}

static void
test_who_a_line_is_for(void **state)
{
	static const struct { const char *text; bool direct; const char *line; } rows[] = {
		{ "!build web", false, "build web" },
		{ "  !build web", false, "build web" },
		{ "! build web", false, NULL },
		{ "!", false, NULL },
		{ "!!!", false, NULL },
		{ "!?", false, NULL },
		{ "build web", false, NULL },
		{ "", false, NULL },
		{ "sally: build web", false, "build web" },
		{ "Sally, build web", false, "build web" },
		{ "sally:build", false, "build" },
		{ "sally: !build web", false, "build web" },
		{ "sally:", false, NULL },
		{ "sally: ", false, NULL },
		{ "sally", false, NULL },
		{ "sally is nice", false, NULL },
		{ "sallyport: build", false, NULL },
		{ "bob: !build web", false, NULL },
		{ "build web", true, "build web" },
		{ "!build web", true, "build web" },
		{ " sally: build web", true, "build web" },
		{ "492817", true, "492817" },
		{ "  ", true, NULL },
		{ "sally:", true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *line = command_addressed(rows[i].text, "!", "sally", rows[i].direct);
		if (rows[i].line) {
			assert_non_null(line);
			assert_string_equal(line, rows[i].line);
		} else
			assert_null(line);
	}
}

static void
test_an_empty_prefix_or_name_makes_nothing_a_command(void **state)
{
	(void)state;
	assert_null(command_addressed("build web", "", "", false));
	assert_null(command_addressed(": build web", "", "", false));
}

static const char *
expanded(struct arena *arena, const char *is, const char *line)
{
	const struct alias alias = { .name = "ship", .is = is };
	struct words words;

	assert_true(words_read(arena, line, &words, NULL));
	return alias_expand(arena, &alias, &words);
}

static void
test_an_alias_stands_for_a_line(void **state)
{
	static const char *const rows[][3] = {
		{ "deploy web prod version=$1", "ship 2.8.1", "deploy web prod version=2.8.1" },
		{ "deploy web prod version=$1", "Ship 2.8.1", "deploy web prod version=2.8.1" },
		{ "deploy web prod version=$1", "ship", "deploy web prod version=" },
		{ "deploy web prod version=v$1", "ship \"a b\"", "deploy web prod version=\"va b\"" },
		{ "deploy $2 $1", "ship prod web", "deploy web prod" },
		{ "deploy $2", "ship prod web more", "deploy web more" },
		{ "deploy web", "ship", "deploy web" },
		{ "deploy web", "ship prod \"x y\"", "deploy web prod \"x y\"" },
		{ "comment OPS-1 $*", "ship disk  \"is\" full", "comment OPS-1 disk  \"is\" full" },
		{ "comment OPS-1 $*", "ship", "comment OPS-1" },
		{ "say $1", "ship \"it's \"", "say \"it's \"" },
		{ "say $1", "ship 'a \"b\" c'", "say 'a \"b\" c'" },
		{ "say costs $5 $x $", "ship", "say costs \"\" $x $" },
		{ "say 'two words' $1", "ship x", "say \"two words\" x" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(expanded(*state, rows[i][0], rows[i][1]), rows[i][2]);
}

static void
test_an_alias_never_loses_a_dry_run(void **state)
{
	assert_string_equal(expanded(*state, "deploy web prod version=$1", "ship --dry-run 2.8.1"), "deploy web prod version=2.8.1 --dry-run ");
	assert_string_equal(expanded(*state, "deploy web prod version=$1", "ship 2.8.1 --dry-run"), "deploy web prod version=2.8.1 --dry-run");
	assert_string_equal(expanded(*state, "comment OPS-1 $*", "ship full --dry-run"), "comment OPS-1 full --dry-run");
	assert_string_equal(expanded(*state, "say $1", "ship '--dry-run'"), "say \"--dry-run\"");
}

static void
test_an_alias_is_only_for_its_word(void **state)
{
	assert_null(expanded(*state, "deploy web", "shipping"));
	assert_null(expanded(*state, "deploy web", "build ship"));
	assert_null(expanded(*state, "deploy web", ""));
	assert_null(expanded(*state, "deploy \"web", "ship"));
}

static void
test_words_of_an_alias_stay_single_words(void **state)
{
	static const char *const values[] = { "a b", "it's", "\"", "a\"b c", "x=y z", "--dry-run", "$1", "", " ", "a=\"b", "key=va lue" };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char quote = strchr(values[i], '"') ? '\'' : '"';
		struct words words;
		const char *line = expanded(*state, "say v=$1 end", arena_printf(*state, "ship %c%s%c", quote, values[i], quote));
		assert_true(words_read(*state, line, &words, NULL));
		assert_int_equal(words.count, 3);
		assert_string_equal(words.each[1], arena_printf(*state, "v=%s", values[i]));
	}
}

static const struct command commands[] = {
	{ .verb = "build", .care = CARE_CHANGE, .usage = "JOB [KEY=VALUE ...]", .example = "build web target=staging", .params = { { "JOB", true, false } }, .more = true },
	{ .verb = "comment", .care = CARE_CHANGE, .usage = "TICKET TEXT", .example = "comment OPS-12 disk is full",
		.params = { { "TICKET", true, false }, { "TEXT", true, true } } },
	{ .verb = "list", .usage = "[PATTERN]", .example = "list we*", .params = { { "PATTERN", false, false } } },
	{ .verb = "lock", .care = CARE_CHANGE, .usage = "TARGET [until=TIME] [REASON]", .example = "lock prod until=16:00 migrating carts",
		.params = { { "TARGET", true, false }, { "REASON", false, true }, { "UNTIL", false, false } } },
	{ .verb = "log", .usage = "ID [lines=N]", .example = "log B31 lines=20", .params = { { "ID", true, false }, { "LINES", false, false } } },
	{ .verb = "six", .usage = "A B C D E F", .example = "six 1 2 3 4 5 6", .params = { { "A", true, false }, { "B", true, false }, { "C", true, false },
		{ "D", true, false }, { "E", true, false }, { "F", true, false } } },
	{ .verb = "whoami", .usage = "", .example = "whoami" },
	{ 0 }
};

static void
test_a_verb_is_found_in_any_case(void **state)
{
	(void)state;
	assert_ptr_equal(command_find(commands, "build"), &commands[0]);
	assert_ptr_equal(command_find(commands, "Build"), &commands[0]);
	assert_ptr_equal(command_find(commands, "WHOAMI"), &commands[6]);
	assert_null(command_find(commands, "biuld"));
	assert_null(command_find(commands, "buil"));
	assert_null(command_find(commands, ""));
}

/* "NAME<value>..." and "dry", or the mistake. */
static const char *
bound(struct arena *arena, const char *line)
{
	struct words words;
	struct named out[64];
	struct error error = { "what was there before" };
	size_t count = 77;
	bool dry = true;
	char *all = arena_text(arena, "");

	assert_true(words_read(arena, line, &words, NULL));
	const struct command *command = command_find(commands, words.each[0]);
	assert_non_null(command);
	if (!command_bind(arena, command, &words, 1, out, &count, &dry, &error)) {
		assert_false(command_bind(arena, command, &words, 1, out, &count, &dry, NULL));
		return arena_printf(arena, "! %s", error.text);
	}
	for (size_t i = 0; i < count; i++)
		all = arena_printf(arena, "%s%s<%s>", all, out[i].name, out[i].value);
	return dry ? arena_printf(arena, "%sdry", all) : all;
}

static void
test_words_become_arguments(void **state)
{
	static const char *const rows[][2] = {
		{ "build web", "JOB<web>" },
		{ "build web target=staging branch=main", "JOB<web>target<staging>branch<main>" },
		{ "build target=staging web", "target<staging>JOB<web>" },
		{ "build job=web", "JOB<web>" },
		{ "build web why=\"it is time\"", "JOB<web>why<it is time>" },
		{ "build web target=", "JOB<web>target<>" },
		{ "build web a=b=c", "JOB<web>a<b=c>" },
		{ "build web _a=1 b.c-d=2", "JOB<web>_a<1>b.c-d<2>" },
		{ "build =x", "JOB<=x>" },
		{ "build \"web=1\"", "JOB<web=1>" },
		{ "build https://x/?a=b", "JOB<https://x/?a=b>" },
		{ "build -x", "JOB<-x>" },
		{ "build web --dry-run", "JOB<web>dry" },
		{ "build --dry-run web", "JOB<web>dry" },
		{ "build \"--dry-run\"", "JOB<--dry-run>" },
		{ "comment OPS-12 disk is full", "TICKET<OPS-12>TEXT<disk is full>" },
		{ "comment OPS-12 disk  is  full  ", "TICKET<OPS-12>TEXT<disk  is  full>" },
		{ "comment OPS-12 \"disk is full\"", "TICKET<OPS-12>TEXT<disk is full>" },
		{ "comment OPS-12 \"disk\" is \"full\"", "TICKET<OPS-12>TEXT<\"disk\" is \"full\">" },
		{ "comment OPS-12 size=3 is too much", "TICKET<OPS-12>TEXT<size=3 is too much>" },
		{ "comment OPS-12 --force is wrong", "TICKET<OPS-12>TEXT<--force is wrong>" },
		{ "comment OPS-12 disk is full --dry-run", "TICKET<OPS-12>TEXT<disk is full>dry" },
		{ "comment OPS-12 full --dry-run", "TICKET<OPS-12>TEXT<full>dry" },
		{ "comment OPS-12 use --dry-run first", "TICKET<OPS-12>TEXT<use --dry-run first>" },
		{ "comment OPS-12 \"--dry-run\"", "TICKET<OPS-12>TEXT<--dry-run>" },
		{ "comment ticket=OPS-12 disk is full", "TICKET<OPS-12>TEXT<disk is full>" },
		{ "lock prod until=16:00 migrating carts", "TARGET<prod>UNTIL<16:00>REASON<migrating carts>" },
		{ "lock prod migrating until=16:00", "TARGET<prod>REASON<migrating until=16:00>" },
		{ "lock prod", "TARGET<prod>" },
		{ "log B31 20", "ID<B31>LINES<20>" },
		{ "log B31 lines=20", "ID<B31>LINES<20>" },
		{ "list", "" },
		{ "whoami", "" },
		{ "six 1 2 3 4 5 6", "A<1>B<2>C<3>D<4>E<5>F<6>" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(bound(*state, rows[i][0]), rows[i][1]);
}

static void
test_what_does_not_fit_is_said_with_the_usage(void **state)
{
	static const char *const rows[][2] = {
		{ "build", "! build needs JOB. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "build web shop", "! there is no place for shop. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "build web job=shop", "! JOB is there twice. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "build web target=a TARGET=b", "! TARGET is there twice. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "build web --dryrun", "! there is no option --dryrun, only --dry-run. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "build web --dry-runs", "! there is no option --dry-runs, only --dry-run. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "list --full", "! there is no option --full. It is list [PATTERN], as in: list we*" },
		{ "log B31 line=20", "! log takes no line=; did you mean LINES=. It is log ID [lines=N], as in: log B31 lines=20" },
		{ "log B31 whatever=20", "! log takes no whatever=. It is log ID [lines=N], as in: log B31 lines=20" },
		{ "log B31 20 x=1", "! log takes no x=. It is log ID [lines=N], as in: log B31 lines=20" },
		{ "build web 1=2", "! there is no place for 1=2. It is build JOB [KEY=VALUE ...], as in: build web target=staging" },
		{ "whoami x=1", "! whoami takes no x=. It is whoami, as in: whoami" },
		{ "comment ticket=OPS-1 text=full x=1", "! comment takes no x=. It is comment TICKET TEXT, as in: comment OPS-12 disk is full" },
		{ "whoami now", "! there is no place for now. It is whoami, as in: whoami" },
		{ "comment OPS-12", "! comment needs TEXT. It is comment TICKET TEXT, as in: comment OPS-12 disk is full" },
		{ "comment OPS-12 --dry-run", "! comment needs TEXT. It is comment TICKET TEXT, as in: comment OPS-12 disk is full" },
		{ "six 1 2 3 4 5 6 7", "! there is no place for 7. It is six A B C D E F, as in: six 1 2 3 4 5 6" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(bound(*state, rows[i][0]), rows[i][1]);
}

static void
test_arguments_can_begin_at_any_word(void **state)
{
	struct words words;
	struct named out[64];
	size_t count;
	bool dry;

	assert_true(words_read(*state, "ci build web", &words, NULL));
	assert_true(command_bind(*state, &commands[0], &words, 2, out, &count, &dry, NULL));
	assert_int_equal(count, 1);
	assert_string_equal(out[0].value, "web");
	assert_false(dry);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_line_is_read_as_words, begin, end),
		cmocka_unit_test(test_of_several_lines_the_first_is_the_command),
		cmocka_unit_test_setup_teardown(test_a_quote_that_is_never_closed_is_named, begin, end),
		cmocka_unit_test_setup_teardown(test_a_word_that_is_repeated_to_them_is_cleaned_and_short, begin, end),
		cmocka_unit_test_setup_teardown(test_more_words_than_sixty_four_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_each_word_knows_where_it_stands_in_the_line, begin, end),
		cmocka_unit_test_setup_teardown(test_who_a_line_is_for, begin, end),
		cmocka_unit_test_setup_teardown(test_an_empty_prefix_or_name_makes_nothing_a_command, begin, end),
		cmocka_unit_test_setup_teardown(test_an_alias_stands_for_a_line, begin, end),
		cmocka_unit_test_setup_teardown(test_an_alias_never_loses_a_dry_run, begin, end),
		cmocka_unit_test_setup_teardown(test_an_alias_is_only_for_its_word, begin, end),
		cmocka_unit_test_setup_teardown(test_words_of_an_alias_stay_single_words, begin, end),
		cmocka_unit_test_setup_teardown(test_a_verb_is_found_in_any_case, begin, end),
		cmocka_unit_test_setup_teardown(test_words_become_arguments, begin, end),
		cmocka_unit_test_setup_teardown(test_what_does_not_fit_is_said_with_the_usage, begin, end),
		cmocka_unit_test_setup_teardown(test_arguments_can_begin_at_any_word, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
