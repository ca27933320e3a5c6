/* What a server says of its limits, sense and nonsense, and the JOINs that keep to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/join.h"
#include "protocols/irc/support.h"

static struct support
said(const char *tokens)
{
	struct support support;
	char words[300];

	support_begin(&support);
	snprintf(words, sizeof words, "%s", tokens);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		support_take(&support, word);
	return support;
}

static void
test_limits_are_read(void **state)
{
	struct support support = said("NICKLEN=30 CHANNELLEN=64 LINELEN=400 MONITOR=100 BOT=B TARGMAX=NAMES:1,JOIN:7,WHOIS: CHANLIMIT=#:50,&!:10 AWAYLEN=200");
	const char *prefixes;

	(void)state;
	assert_int_equal(support.nick, 30);
	assert_int_equal(support.channel, 64);
	assert_int_equal(support.line, 400);
	assert_int_equal(said("LINELEN=8192").line, 8192);
	assert_true(support.monitor);
	assert_int_equal(support.bot, 'B');
	assert_int_equal(support_joins(&support), 7);
	assert_int_equal(support_limit(&support, '#', &prefixes), 50);
	assert_int_equal(support_limit(&support, '!', &prefixes), 10);
	assert_string_equal(prefixes, "&!");
	assert_int_equal(support_limit(&support, '+', &prefixes), 0);
	support_take(&support, "-MONITOR");
	support_take(&support, "-BOT");
	support_take(&support, "-CHANLIMIT");
	assert_false(support.monitor);
	assert_int_equal(support.bot, '\0');
	assert_int_equal(support_limit(&support, '#', &prefixes), 0);
}

static void
test_no_number_is_no_limit(void **state)
{
	struct support support = said("MONITOR TARGMAX=JOIN:,PRIVMSG:4 MAXTARGETS=3 CHANLIMIT=#: MAXCHANNELS=12");
	const char *prefixes;

	(void)state;
	assert_true(support.monitor);
	assert_int_equal(support_joins(&support), 0);
	assert_int_equal(support_limit(&support, '#', &prefixes), 12);
	support = said("MAXTARGETS=3");
	assert_int_equal(support_joins(&support), 3);
}

static void
test_nonsense_is_as_if_it_had_not_been_said(void **state)
{
	static const char *const nonsense[] = {
		"LINELEN=1", "LINELEN=99999999", "LINELEN=-512", "LINELEN=", "LINELEN=4294967808", "NICKLEN=0", "NICKLEN=x", "NICKLEN=99999999999999999999",
		"CHANNELLEN=1", "CHANNELLEN=-1", "MONITOR=-1", "MONITOR=0", "MONITOR=100x", "BOT=", "BOT", "BOT=BB", "BOT=1", "BOT=\xff", "TARGMAX=", "TARGMAX=JOIN:-4",
		"TARGMAX=,,,:::", "CHANLIMIT=", "CHANLIMIT=:5", "CHANLIMIT=#", "CHANLIMIT=#:0", "CHANLIMIT=########################:5", "CHANLIMIT=,:,:,", "MAXCHANNELS=",
		"", "=", "-", "-=", "=5", "CASEMAPPING=bogus", "LINELEN=512", "LINELEN=8193",
	};
	const char *prefixes;

	(void)state;
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
		struct support support = said(nonsense[i]);
		assert_int_equal(support.line, LINE_MOST);
		assert_int_equal(support.nick, 0);
		assert_int_equal(support.channel, 0);
		assert_false(support.monitor);
		assert_int_equal(support.bot, '\0');
		assert_int_equal(support_joins(&support), 0);
		assert_int_equal(support_limit(&support, '#', &prefixes), 0);
	}
}

/* -- JOIN ------------------------------------------------------------------------------------------------------------- */

static const struct secret sesame = { .bytes = "sesame", .length = 6 }, rose = { .bytes = "rose", .length = 4 };
static struct irc_channel with_key[] = { { .name = "#b", .key = &sesame }, { .name = "#d", .key = &rose } };
static void *const keyed[] = { &with_key[0], &with_key[1] };
static const struct irc irc = { .channels = { .count = 2, .each = keyed } };

static struct channels
four_channels(void)
{
	static const char *const names[] = { "#a", "#b", "#c", "#d", NULL };
	struct channels channels;

	channels_begin(&channels, names, 1000);
	return channels;
}

static const char *
next_join(struct channels *channels, const char *supported)
{
	static struct written line;
	struct support support = said(supported);

	if (!join_write(&line, channels, &irc, &support, 1))
		return "";
	assert_memory_equal(line.bytes + line.length - 2, "\r\n", 2);
	line.bytes[line.length - 2] = '\0';
	return line.bytes;
}

static void
test_each_key_stands_where_its_channel_stands(void **state)
{
	struct channels channels = four_channels();

	(void)state;
	assert_string_equal(next_join(&channels, ""), "JOIN #b,#d,#a,#c sesame,rose");
	assert_string_equal(next_join(&channels, ""), "");
	assert_int_equal(channels_in(&channels, CHANNEL_ASKED), 4);
	channels_end(&channels);
}

static void
test_keys_stay_right_where_a_join_is_cut(void **state)
{
	struct channels channels = four_channels();

	(void)state;
	assert_string_equal(next_join(&channels, "TARGMAX=JOIN:1"), "JOIN #b sesame");
	assert_string_equal(next_join(&channels, "TARGMAX=JOIN:3"), "JOIN #d,#a,#c rose");
	channels_end(&channels);
}

static void
test_names_that_do_not_fit_go_on_the_next_line(void **state)
{
	static char names[5][NAME_MOST];
	const char *wanted[6] = { 0 };
	struct channels channels;

	(void)state;
	for (int i = 0; i < 5; i++) {
		memset(names[i], 'a' + i, sizeof names[i] - 1);
		names[i][0] = '#';
		wanted[i] = names[i];
	}
	channels_begin(&channels, wanted, 1000);
	for (int i = 0; i < 2; i++)
		assert_int_equal(strlen(next_join(&channels, "")), strlen("JOIN ,") + 2 * (NAME_MOST - 1));
	assert_int_equal(strlen(next_join(&channels, "")), strlen("JOIN ") + NAME_MOST - 1);
	assert_string_equal(next_join(&channels, ""), "");
	channels_end(&channels);
}

static void
test_the_limit_counts_those_we_are_in(void **state)
{
	struct channels channels = four_channels();
	struct support support = said("CHANLIMIT=#:3");
	struct channel *left;
	struct error why;

	(void)state;
	channels_entered(&channels, &channels.each[0], 1);
	assert_string_equal(next_join(&channels, "CHANLIMIT=#:3"), "JOIN #b,#d sesame,rose");
	left = join_hopeless(&channels, &support, 1, &why);
	assert_string_equal(left->name, "#c");
	assert_string_equal(why.text, "the server lets me into 3 channels and no more");
	channels_end(&channels);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_are_read),
		cmocka_unit_test(test_no_number_is_no_limit),
		cmocka_unit_test(test_nonsense_is_as_if_it_had_not_been_said),
		cmocka_unit_test(test_each_key_stands_where_its_channel_stands),
		cmocka_unit_test(test_keys_stay_right_where_a_join_is_cut),
		cmocka_unit_test(test_names_that_do_not_fit_go_on_the_next_line),
		cmocka_unit_test(test_the_limit_counts_those_we_are_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
