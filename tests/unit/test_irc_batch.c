/* Batches: messages of many lines, put together from what a server says, however it says it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/irc/batch.h"
#include "protocols/irc/line.h"

static struct batches batches;
static char bytes[LINE_HEARD_MOST + 1];

static struct irc_line
line_of(const char *text)
{
	struct irc_line line;

	snprintf(bytes, sizeof bytes, "%s", text);
	assert_true(line_read(bytes, strlen(bytes), &line));
	return line;
}

static void
opens(const char *text)
{
	struct irc_line line = line_of(text);

	batch_open(&batches, &line);
}

static void
says(const char *text)
{
	struct irc_line line = line_of(text);
	struct batch *batch = batch_of(&batches, &line);

	if (batch)
		batch_add(batch, &line);
}

/* The text of a message that is whole; NULL where there is none. */
static const char *
heard(const char *ref, struct irc_line *line)
{
	struct batch *batch = batch_named(&batches, ref);

	return batch && batch_message(batch, line) ? line_last(line) : NULL;
}

static int
forget(void **state)
{
	(void)state;
	batches_end(&batches);
	return 0;
}

static void
test_lines_are_joined_to_one_message(void **state)
{
	struct irc_line line;
	char value[40];

	(void)state;
	opens("@account=alice;msgid=m1 :alice!a@h BATCH +b1 draft/multiline #ops");
	says("@batch=b1 :alice!a@h PRIVMSG #ops :!build web");
	says("@batch=b1 :alice!a@h PRIVMSG #ops :it is");
	says("@batch=b1;draft/multiline-concat :alice!a@h PRIVMSG #ops : urgent");
	says("@batch=b1 :alice!a@h PRIVMSG #ops :");
	says("@batch=b1 :alice!a@h PRIVMSG #ops :really");
	assert_string_equal(heard("b1", &line), "!build web\nit is urgent\n\nreally");
	assert_string_equal(line.prefix, "alice!a@h");
	assert_string_equal(line.command, "PRIVMSG");
	assert_string_equal(line_param(&line, 0), "#ops");
	assert_true(line_tag(&line, "account", value, sizeof value));
	assert_string_equal(value, "alice");
	assert_false(line_tagged(&line, "batch"));
	batch_close(batch_named(&batches, "b1"));
	assert_null(batch_named(&batches, "b1"));
	says("@batch=b1 :alice!a@h PRIVMSG #ops :too late");
}

static void
test_batches_beside_each_other_do_not_mix(void **state)
{
	struct irc_line line;

	(void)state;
	opens("@account=alice :alice!a@h BATCH +a draft/multiline #ops");
	opens("@account=bob :bob!b@h BATCH +b draft/multiline #ops");
	says("@batch=a :alice!a@h PRIVMSG #ops :one");
	says("@batch=b :bob!b@h PRIVMSG #ops :!deploy");
	says("@batch=a :alice!a@h PRIVMSG #ops :two");
	assert_string_equal(heard("a", &line), "one\ntwo");
	assert_string_equal(heard("b", &line), "!deploy");
}

/* Somebody else's words, another place, another kind of line: then nothing of it is heard. */
static void
test_lines_that_are_not_alike_are_no_message(void **state)
{
	static const char *const strange[] = {
		"@batch=a :mallory!m@h PRIVMSG #ops :!deploy",
		"@batch=a PRIVMSG #ops :!deploy",
		"@batch=a :alice!a@h PRIVMSG #other :!deploy",
		"@batch=a :alice!a@h NOTICE #ops :!deploy",
		"@batch=a :alice!a@h TAGMSG #ops",
		"@batch=a :alice!a@h JOIN #ops",
		"@batch=a :alice!a@h PRIVMSG #ops :\001ACTION deploys\001",
		"@batch=a;account=mallory :alice!a@h PRIVMSG #ops :!deploy",
		"@batch=a :alice!a@h PRIVMSG #ops x :!deploy",
	};
	struct irc_line line;

	(void)state;
	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		opens("@account=alice :alice!a@h BATCH +a draft/multiline #ops");
		says("@batch=a;account=alice :alice!a@h PRIVMSG #ops :!ping");
		assert_non_null(heard("a", &line));
		says(strange[i]);
		assert_null(heard("a", &line));
		says("@batch=a :alice!a@h PRIVMSG #ops :more");
		assert_null(heard("a", &line));
		batch_close(batch_named(&batches, "a"));
	}
	/* An account that only a line inside claims is nobody's. */
	opens(":alice!a@h BATCH +a draft/multiline #ops");
	says("@batch=a;account=alice :alice!a@h PRIVMSG #ops :!deploy");
	assert_null(heard("a", &line));
}

static void
test_a_name_that_is_used_twice_is_no_message(void **state)
{
	struct irc_line line;

	(void)state;
	opens("@account=alice :alice!a@h BATCH +a draft/multiline #ops");
	says("@batch=a :alice!a@h PRIVMSG #ops :!deploy");
	opens("@account=mallory :mallory!a@h BATCH +a draft/multiline #ops");
	assert_null(heard("a", &line));
	says("@batch=a :mallory!a@h PRIVMSG #ops :!deploy");
	assert_null(heard("a", &line));
	batch_close(batch_named(&batches, "a"));
	assert_null(batch_named(&batches, "a"));
	opens("@account=alice :alice!a@h BATCH +a draft/multiline #ops");
	says("@batch=a :alice!a@h PRIVMSG #ops :fine again");
	assert_string_equal(heard("a", &line), "fine again");
}

/* The one who ends it must be the one who began it. */
static void
test_who_changes_in_between_has_said_nothing(void **state)
{
	static const struct { const char *line; bool ends; } lines[] = {
		{ ":alice!a@h NICK mallory", true }, { ":alice!a@h QUIT :bye", true }, { ":alice!a@h PART #ops", true }, { ":op!o@h KICK #ops Alice :out", true },
		{ ":ALICE!a@h ACCOUNT *", true }, { ":alice!a@h CHGHOST a other", true }, { ":mallory!m@h NICK alice", true },
		{ ":alice2!a@h NICK mallory", false }, { ":bob!b@h QUIT :alice", false }, { ":alice!a@h AWAY :x", false }, { "QUIT", false }, { "NICK", false } };
	struct irc_line line;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		opens(":alice!a@h BATCH +a draft/multiline #ops");
		says("@batch=a :alice!a@h PRIVMSG #ops :!deploy");
		line = line_of(lines[i].line);
		batch_mind(&batches, &line);
		assert_int_equal(heard("a", &line) == NULL, lines[i].ends);
		batch_close(batch_named(&batches, "a"));
	}
}

static void
test_only_messages_of_many_lines_are_put_together(void **state)
{
	struct irc_line line;

	(void)state;
	opens(":irc.test BATCH +h chathistory #ops");
	says("@batch=h :alice!a@h PRIVMSG #ops :!deploy");
	assert_null(heard("h", &line));
	/* What is played back within it says so by its own tag. */
	opens("@batch=h;account=alice :alice!a@h BATCH +in draft/multiline #ops");
	says("@batch=in :alice!a@h PRIVMSG #ops :!deploy");
	assert_non_null(heard("in", &line));
	assert_true(line_tagged(&line, "batch"));
	opens(":irc.test BATCH +n draft/multiline");
	says("@batch=n :alice!a@h PRIVMSG #ops :!deploy");
	assert_null(heard("n", &line));
	opens(":irc.test BATCH");
	opens(":irc.test BATCH +");
	opens(":irc.test BATCH +12345678901234567890123456789012345678901234567890123456789012345 draft/multiline #ops");
	says("@batch= :alice!a@h PRIVMSG #ops :!deploy");
	assert_null(batch_named(&batches, ""));
	opens(":alice!a@h BATCH +empty draft/multiline #ops");
	assert_null(heard("empty", &line));
}

static void
test_a_label_counts_within_its_answer(void **state)
{
	(void)state;
	opens("@label=x.1 :irc.test BATCH +r labeled-response");
	opens("@batch=r :sally!s@h BATCH +in draft/multiline #ops");
	assert_string_equal(batch_named(&batches, "in")->label, "x.1");
	opens(":alice!s@h BATCH +other draft/multiline #ops");
	assert_string_equal(batch_named(&batches, "other")->label, "");
}

static void
test_a_message_is_no_longer_than_it_may_be(void **state)
{
	static char long_line[LINE_LIBRARY_MOST];
	struct irc_line line;

	(void)state;
	opens(":alice!a@h BATCH +many draft/multiline #ops");
	for (int i = 0; i < BATCH_LINES_MOST; i++)
		says("@batch=many :alice!a@h PRIVMSG #ops :x");
	assert_non_null(heard("many", &line));
	assert_int_equal(strlen(line_last(&line)), 2 * BATCH_LINES_MOST - 1);
	says("@batch=many :alice!a@h PRIVMSG #ops :x");
	assert_null(heard("many", &line));

	opens(":alice!a@h BATCH +large draft/multiline #ops");
	memset(long_line, 'x', sizeof long_line - 1);
	memcpy(long_line, "@batch=large :alice!a@h PRIVMSG #ops :", 38);
	for (int i = 0; i < 15; i++)
		says(long_line);
	assert_non_null(heard("large", &line));
	for (int i = 0; i < 5; i++)
		says(long_line);
	assert_null(heard("large", &line));
	for (int i = 0; i < 100000; i++)
		says(long_line);
	assert_true(batch_named(&batches, "large")->text.size <= 2 * BATCH_BYTES_MOST);
}

/* Whoever leaves batches open keeps nobody from being heard. */
static void
test_ten_thousand_open_batches_are_a_few(void **state)
{
	char text[200];
	struct irc_line line;
	size_t open = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, ":mallory!m@h BATCH +m%d draft/multiline #ops", i);
		opens(text);
		snprintf(text, sizeof text, "@batch=m%d :mallory!m@h PRIVMSG #ops :x", i);
		says(text);
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "m%d", i);
		open += batch_named(&batches, text) != NULL;
	}
	assert_int_equal(open, BATCHES_MOST);
	opens(":alice!a@h BATCH +a draft/multiline #ops");
	says("@batch=a :alice!a@h PRIVMSG #ops :!ping");
	assert_string_equal(heard("a", &line), "!ping");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lines_are_joined_to_one_message, forget),
		cmocka_unit_test_teardown(test_batches_beside_each_other_do_not_mix, forget),
		cmocka_unit_test_teardown(test_lines_that_are_not_alike_are_no_message, forget),
		cmocka_unit_test_teardown(test_a_name_that_is_used_twice_is_no_message, forget),
		cmocka_unit_test_teardown(test_who_changes_in_between_has_said_nothing, forget),
		cmocka_unit_test_teardown(test_only_messages_of_many_lines_are_put_together, forget),
		cmocka_unit_test_teardown(test_a_label_counts_within_its_answer, forget),
		cmocka_unit_test_teardown(test_a_message_is_no_longer_than_it_may_be, forget),
		cmocka_unit_test_teardown(test_ten_thousand_open_batches_are_a_few, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
