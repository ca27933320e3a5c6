/* Lines of IRC: what is read of them, what is put together, what is refused, and what libircclient may see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"
#include "bridge/talk/message.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/flood.h"
#include "protocols/irc/hear.h"
#include "protocols/irc/line.h"
#include "protocols/irc/name.h"
#include "protocols/irc/say.h"

static char bytes[LINE_HEARD_MOST + 10];

static bool
reads(const char *text, struct irc_line *line)
{
	snprintf(bytes, sizeof bytes, "%s", text);
	return line_read(bytes, strlen(bytes), line);
}

static void
test_a_line_is_taken_apart(void **state)
{
	struct irc_line line;

	(void)state;
	assert_true(reads("@time=x;account=alice :alice!a@host PRIVMSG #ops :!build web  now", &line));
	assert_string_equal(line.tags, "time=x;account=alice");
	assert_string_equal(line.prefix, "alice!a@host");
	assert_string_equal(line.command, "PRIVMSG");
	assert_int_equal(line.count, 2);
	assert_string_equal(line_param(&line, 0), "#ops");
	assert_string_equal(line_last(&line), "!build web  now");
	assert_string_equal(line_param(&line, 7), "");
}

static void
test_double_blanks_shift_nothing(void **state)
{
	struct irc_line line;

	(void)state;
	assert_true(reads("@a=b   :alice!a@host   KICK   #ops   sally   :out  now", &line));
	assert_int_equal(line.count, 3);
	assert_string_equal(line.params[1], "sally");
	assert_string_equal(line.params[2], "out  now");
}

static void
test_what_is_no_line_is_refused(void **state)
{
	static const char *const texts[] = { "", " ", ":", ":alice!a@host", ":alice ", "@a=b", "@", "000", "0", "12", "1234", "12a", "PRIV-MSG x", ":a !", "\001" };
	struct irc_line line;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(reads(texts[i], &line));
	memcpy(bytes, "PRIVMSG #ops :a\0b", 17);
	assert_false(line_read(bytes, 17, &line));
	memcpy(bytes, "@account=alice\0x :a!b@c PRIVMSG #ops :!x", 40);
	assert_false(line_read(bytes, 40, &line));
	memcpy(bytes, "PRIVMSG #ops :a\rb", 17);
	assert_false(line_read(bytes, 17, &line));
}

static void
test_fifteen_parameters_and_no_more(void **state)
{
	struct irc_line line;

	(void)state;
	assert_true(reads("005 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", &line));
	assert_int_equal(line.count, 15);
	assert_string_equal(line_last(&line), "15 16");
}

static void
test_tags_are_limited(void **state)
{
	char *text = malloc(9000);
	struct irc_line line;

	(void)state;
	memset(text, 'a', 9000);
	text[0] = '@';
	strcpy(text + 1 + LINE_TAGS_MOST, " PING x");
	assert_true(reads(text, &line));
	text[1 + LINE_TAGS_MOST] = 'a';
	strcpy(text + 2 + LINE_TAGS_MOST, " PING x");
	assert_false(reads(text, &line));
	free(text);
}

static void
test_tags_are_unescaped_once(void **state)
{
	struct irc_line line;
	char value[40];

	(void)state;
	assert_true(reads("@a=x\\:\\s\\\\s\\r\\n\\q\\;b;c=;d PING x", &line));
	assert_true(line_tag(&line, "a", value, sizeof value));
	assert_string_equal(value, "x; \\s\r\nq");
	assert_true(line_tag(&line, "b", value, sizeof value));
	assert_string_equal(value, "");
	assert_true(line_tag(&line, "c", value, sizeof value));
	assert_true(line_tag(&line, "d", value, sizeof value));
	assert_false(line_tag(&line, "e", value, sizeof value));
	assert_false(line_tag(&line, "a", value, 3));
}

static void
test_the_last_of_two_tags_counts(void **state)
{
	struct irc_line line;
	char value[40];

	(void)state;
	assert_true(reads("@account=bob;account=alice PING x", &line));
	assert_true(line_tag(&line, "account", value, sizeof value));
	assert_string_equal(value, "alice");
	/* One that has not room is no reason to believe an earlier one. */
	assert_true(reads("@account=bob;account=a-name-that-is-much-too-long-for-its-place PING x", &line));
	assert_false(line_tag(&line, "account", value, 20));
}

static void
test_a_clients_tag_is_not_the_servers(void **state)
{
	struct irc_line line;
	char value[40];

	(void)state;
	assert_true(reads("@+account=admin;x/account=admin;accounts=admin;ACCOUNT=admin PING x", &line));
	assert_false(line_tag(&line, "account", value, sizeof value));
}

static void
test_server_time(void **state)
{
	static const char *const wrong[] = { "", "now", "2026-11-23 14:02:10Z", "2026-11-23T14:02:10", "2026-13-23T14:02:10Z", "2026-11-23T14:02:nanZ" };
	int64_t wall;

	(void)state;
	assert_true(line_time("2026-11-23T14:02:10.250Z", &wall));
	assert_int_equal(wall, 1795442530250);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(line_time(wrong[i], &wall));
}

/* -- Writing -- */

static void
test_a_line_is_put_together(void **state)
{
	struct written line;

	(void)state;
	assert_true(line_say(&line, 0, "NOTICE", "#ops", "B31 passed: web"));
	assert_string_equal(line.bytes, "NOTICE #ops :B31 passed: web\r\n");
	assert_int_equal(line.length, strlen(line.bytes));
	assert_true(line_say(&line, 0, "NOTICE", "#ops", ""));
	assert_string_equal(line.bytes, "NOTICE #ops :\r\n");
	assert_true(line_say(&line, 0, "NOTICE", "#ops", ":x"));
	assert_string_equal(line.bytes, "NOTICE #ops ::x\r\n");
}

static void
test_what_is_not_exactly_one_line_is_refused(void **state)
{
	static const char *const texts[] = { "a\r\nQUIT", "a\nQUIT", "a\rQUIT", "\n", "\r" };
	static const char *const targets[] = { "", " ", "#a b", ":x", "#a\r\nQUIT", "#a\n", "#a\r" };
	static const char *const commands[] = { "", "NOTICE x", "NOTICE\r\n", "NOT-ICE", "000", "@a" };
	struct written line;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(line_say(&line, 0, "NOTICE", "#ops", texts[i]));
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		assert_false(line_say(&line, 0, "NOTICE", targets[i], "x"));
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		assert_false(line_say(&line, 0, commands[i], "#ops", "x"));
	assert_int_equal(line.length, 0);
	assert_string_equal(line.bytes, "");
}

static void
test_of_control_characters_only_formatting_is_said(void **state)
{
	static const char *const fine[] = { "plain", "", "\002bold\002 \035i\035 \037u\037 \036s\036 \021c\021\017", "\00303passed\017", "\001ACTION shrugs\001",
		"\001ACTION \002shrugs\017\001", "caf\u00e9 \u2060" };
	static const char *const refused[] = { "bell\007", "\033[31mred", "\001VERSION\001", "\001", "\001ACTION", "\001ACTION \001x\001", "\001ACTION x", "x\001ACTION y\001",
		"\026reverse", "\004ff0000x", "\tx", "\177", "\010" };
	struct written line;

	(void)state;
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		assert_true(line_is_said(fine[i]) && line_say(&line, 0, "PRIVMSG", "#ops", fine[i]));
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		assert_false(line_is_said(refused[i]));
		assert_false(line_say(&line, 0, "PRIVMSG", "#ops", refused[i]));
		assert_int_equal(line.length, 0);
	}
}

static void
test_a_line_has_512_bytes_with_our_prefix(void **state)
{
	struct written line;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof text);
	text[512 - 2 - strlen("NOTICE #ops ") - 80] = '\0';
	assert_true(line_say(&line, 80, "NOTICE", "#ops", text));
	assert_int_equal(line.length + 80, LINE_MOST);
	assert_false(line_say(&line, 81, "NOTICE", "#ops", text));
	assert_false(line_say(&line, 510, "NOTICE", "#ops", ""));
	assert_false(line_say(&line, 100000, "NOTICE", "#ops", ""));
}

static uint64_t
chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What breaks lines is as likely as anything else. */
static void
random_text(uint64_t *seed, char *out, size_t most)
{
	static const char odd[] = " :\r\n\001@;=\\!#,\t\x80\xff";
	size_t length = chance(seed) % most;

	for (size_t i = 0; i < length; i++) {
		uint64_t dice = chance(seed);
		out[i] = dice % 3 ? (char)('a' + dice / 7 % 26) : dice % 5 ? odd[dice / 11 % (sizeof odd - 1)] : (char)(dice >> 20);
	}
	out[length] = '\0';
}

/* Whatever is put in: exactly the line that was meant, or nothing. */
static void
test_a_million_random_lines_read_back_as_meant(void **state)
{
	static const char *const commands[] = { "PRIVMSG", "NOTICE", "JOIN", "NICK", "PING" };
	uint64_t seed = 88172645463325252u;
	size_t written = 0;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		char words[4][64];
		const char *params[4] = { words[0], words[1], words[2], words[3] }, *command = commands[chance(&seed) % 5];
		size_t count = chance(&seed) % 5;
		for (size_t p = 0; p < count; p++)
			random_text(&seed, words[p], p + 1 == count ? 64 : 4);
		struct written line;
		struct irc_line back;
		if (!line_write(&line, chance(&seed) % 100, command, params, count)) {
			assert_int_equal(line.length, 0);
			continue;
		}
		written++;
		assert_true(line.length <= LINE_MOST && !memcmp(line.bytes + line.length - 2, "\r\n", 3));
		line.length -= 2;
		assert_true(line_read(line.bytes, line.length, &back));
		assert_string_equal(back.command, command);
		assert_null(back.prefix);
		assert_null(back.tags);
		assert_int_equal(back.count, count);
		for (size_t p = 0; p < count; p++)
			assert_string_equal(back.params[p], params[p]);
	}
	assert_in_range(written, 100000, 900000);
}

/* -- What libircclient may see -- */

static bool
shaped(const char *text, char out[LINE_LIBRARY_MOST + 3])
{
	struct irc_line line;
	size_t length;

	return reads(text, &line) && line_for_library(&line, "irc.test", out, &length) && (assert_int_equal(length, strlen(out)), true);
}

static void
test_the_library_sees_one_shape_only(void **state)
{
	static const char *const rows[][2] = {
		{ "@a=b :alice!a@h PRIVMSG #ops hello", ":alice!a@h PRIVMSG #ops :hello\r\n" },
		{ "PRIVMSG #ops :hello", ":irc.test PRIVMSG #ops :hello\r\n" },
		{ ": PRIVMSG #ops :hello", ":irc.test PRIVMSG #ops :hello\r\n" },
		{ ":alice!a@h QUIT", ":alice!a@h QUIT :\r\n" },
		{ "376", ":irc.test 376 :\r\n" },
		{ "001 sally", ":irc.test 001 :sally\r\n" },
		{ "005 1 2 3 4 5 6 7 8 9 10 11 12", ":irc.test 005 1 2 3 4 5 6 7 8 9 :10\r\n" },
		{ ":a!b@c PRIVMSG #ops :\001ACTION shrugs\001", ":a!b@c PRIVMSG #ops :shrugs\r\n" },
		{ ":a!b@c PRIVMSG #ops :100%s %n", ":a!b@c PRIVMSG #ops :100%s %n\r\n" },
	};
	char out[LINE_LIBRARY_MOST + 3];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(shaped(rows[i][0], out));
		assert_string_equal(out, rows[i][1]);
	}
}

static void
test_the_library_never_sees_what_breaks_it(void **state)
{
	static const char *const rows[] = {
		"000 sally", "N", "NI", "NIC sally", "AWAY", ":alice!a@h AWAY", "NICK", "NOTICE x", "PRIVMSG", "PRIVMSG #ops", "MODE sally", "KICK #ops",
		"JOIN", "PART", "INVITE sally", ":alice!a@h PRIVMSG #ops :\001", ":alice!a@h PRIVMSG #ops :\001VERSION\001", ":alice!a@h NOTICE sally :\001VERSION x\001",
		":alice!a@h PRIVMSG #ops :\001DCC SEND x\001", ":alice!a@h PRIVMSG #ops x :y", "privmsg #ops :x", "BATCH +x chathistory #ops", "CAP * LS :x", "TAGMSG #ops",
	};
	char out[LINE_LIBRARY_MOST + 3], long_line[1200];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_false(shaped(rows[i], out));
	snprintf(long_line, sizeof long_line, ":alice!a@h PRIVMSG #ops :");
	size_t before = strlen(long_line);
	memset(long_line + before, 'x', 1100);
	long_line[LINE_LIBRARY_MOST] = '\0';
	assert_true(shaped(long_line, out));
	assert_int_equal(strlen(out), LINE_LIBRARY_MOST + 2);
	long_line[LINE_LIBRARY_MOST] = 'x';
	long_line[LINE_LIBRARY_MOST + 1] = '\0';
	assert_false(shaped(long_line, out));
}

/* -- Names -- */

static void
test_names_compare_as_the_server_says(void **state)
{
	char nick[NAME_MOST + 1];

	(void)state;
	assert_true(name_same("Sally[]\\^", "sally{}|~", CASE_RFC1459));
	assert_false(name_same("sally^", "sally~", CASE_STRICT));
	assert_true(name_same("sally[", "sally{", name_case("strict-rfc1459")));
	assert_false(name_same("sally[", "sally{", name_case("ascii")));
	assert_true(name_same("SALLY", "sally", CASE_ASCII));
	assert_false(name_same("sally", "sally_", CASE_ASCII));
	assert_true(name_of("alice!a@host", nick));
	assert_string_equal(nick, "alice");
	assert_false(name_of("irc.test", nick));
	assert_false(name_of("!a@host", nick));
	assert_false(name_of(NULL, nick));
}

static void
test_what_could_be_a_channel(void **state)
{
	static const char *const wrong[] = { "", "#", "ops", "#a b", "#a,b", "#a\007", "!x:corp.example y" };
	struct error error;

	(void)state;
	assert_true(name_channel("#ops", &error));
	assert_true(name_channel("&local", &error));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		error.text[0] = '\0';
		assert_false(name_channel(wrong[i], &error));
		assert_true(*error.text);
	}
}

/* -- The queue -- */

static size_t
taken_at(struct flood *flood, int64_t now)
{
	struct written line;
	int64_t wait;
	size_t count = 0;

	while (flood_take(flood, now, &line, &wait))
		count++;
	return count;
}

static void
fill(struct flood *flood, size_t count)
{
	struct written line;

	for (size_t i = 0; i < count; i++) {
		char text[24];
		snprintf(text, sizeof text, "%zu", i);
		line_say(&line, 0, "NOTICE", "#ops", text);
		flood_put(flood, &line, false);
	}
}

static void
test_four_lines_at_once_then_one_every_two_seconds(void **state)
{
	struct flood flood;
	struct written line;
	int64_t wait;

	(void)state;
	flood_begin(&flood, 4, 2000);
	fill(&flood, 10);
	assert_int_equal(taken_at(&flood, 5000), 4);
	assert_false(flood_take(&flood, 5000, &line, &wait));
	assert_int_equal(wait, 2000);
	assert_int_equal(taken_at(&flood, 6999), 0);
	assert_int_equal(taken_at(&flood, 7000), 1);
	assert_int_equal(taken_at(&flood, 11000), 2);
	/* Silence is not saved up beyond the burst. */
	assert_int_equal(taken_at(&flood, 1000000), 3);
	fill(&flood, 10);
	assert_int_equal(taken_at(&flood, 1000000), 1);
	flood_end(&flood);
}

/* A PING behind each answer proves it; servers count it too. */
static void
test_a_proof_never_waits_and_counts_half(void **state)
{
	struct flood flood;
	struct written line;

	(void)state;
	flood_begin(&flood, 2, 2000);
	for (int i = 0; i < 3; i++) {
		line_say(&line, 0, "NOTICE", "#ops", "x");
		flood_put(&flood, &line, false);
		line_say(&line, 0, "PING", "txn", "x");
		flood_put(&flood, &line, true);
	}
	/* Line and proof, line and proof: three lines' worth, and one too much. */
	assert_int_equal(taken_at(&flood, 1000), 2);
	assert_int_equal(taken_at(&flood, 1999), 0);
	assert_int_equal(taken_at(&flood, 2000), 2);
	assert_int_equal(taken_at(&flood, 4999), 0);
	assert_int_equal(taken_at(&flood, 5000), 2);
	flood_end(&flood);
}

static void
test_who_was_too_fast_is_half_as_fast(void **state)
{
	int64_t burst = 5, rate = 2000;

	(void)state;
	flood_slow(&burst, &rate, 0);
	assert_int_equal(burst, 5);
	flood_slow(&burst, &rate, 1);
	assert_int_equal(burst, 2);
	assert_int_equal(rate, 4000);
	flood_slow(&burst, &rate, 3);
	assert_int_equal(burst, 1);
	assert_int_equal(rate, 32000);
}

static void
test_the_queue_keeps_its_order_and_is_bounded(void **state)
{
	struct flood flood;
	struct written line;
	int64_t wait;

	(void)state;
	flood_begin(&flood, 1, 0);
	fill(&flood, FLOOD_MOST - 2);
	assert_true(flood_room(&flood, 2));
	assert_false(flood_room(&flood, 3));
	assert_false(flood_room(&flood, FLOOD_MOST + 1));
	for (int i = 0; i < FLOOD_MOST - 2; i++) {
		char expected[40];
		snprintf(expected, sizeof expected, "NOTICE #ops %d\r\n", i);
		assert_true(flood_take(&flood, 1, &line, &wait));
		assert_string_equal(line.bytes, expected);
	}
	assert_false(flood_take(&flood, 1, &line, &wait));
	assert_int_equal(wait, -1);
	flood_end(&flood);
}

static void
put_spare(struct flood *flood, const char *text, bool goes_on)
{
	struct written line;

	line_say(&line, 0, "NOTICE", "#ops", text);
	flood_put_spare(flood, &line, goes_on);
}

static const char *
next_at(struct flood *flood, int64_t now, struct written *line)
{
	int64_t wait;

	return flood_take(flood, now, line, &wait) ? line->bytes : "nothing";
}

/* Threats L2. */
static void
test_strangers_leave_room_for_whoever_comes_next(void **state)
{
	struct flood flood;
	struct written line;
	int64_t wait;

	(void)state;
	flood_begin(&flood, 4, 2000);
	for (int i = 0; i < 20; i++)
		put_spare(&flood, "stranger", false);
	assert_int_equal(taken_at(&flood, 5000), 3);
	assert_false(flood_take(&flood, 5000, &line, &wait));
	assert_int_equal(wait, 2000);
	fill(&flood, 2);
	assert_string_equal(next_at(&flood, 5000, &line), "NOTICE #ops 0\r\n");
	assert_string_equal(next_at(&flood, 5000, &line), "nothing");
	assert_string_equal(next_at(&flood, 7000, &line), "NOTICE #ops 1\r\n");
	/* What others took is waited for as well. */
	assert_string_equal(next_at(&flood, 8999, &line), "nothing");
	assert_string_equal(next_at(&flood, 11000, &line), "NOTICE #ops stranger\r\n");
	assert_int_equal(taken_at(&flood, 1000000), 3);
	flood_end(&flood);
	flood_begin(&flood, 1, 2000);
	put_spare(&flood, "stranger", false);
	assert_int_equal(taken_at(&flood, 5000), 1);
	flood_end(&flood);
}

static void
test_the_oldest_answers_for_strangers_go_first_and_as_a_whole(void **state)
{
	struct flood flood;
	struct written line;

	(void)state;
	flood_begin(&flood, 4, 2000);
	put_spare(&flood, "one", false);
	put_spare(&flood, "| of one", true);
	put_spare(&flood, "two", false);
	for (int i = 3; i < FLOOD_SPARE_MOST; i++)
		put_spare(&flood, "more", false);
	assert_false(flood_spare_shorten(&flood));
	put_spare(&flood, "the last", false);
	assert_true(flood_spare_shorten(&flood));
	assert_string_equal(next_at(&flood, 5000, &line), "NOTICE #ops two\r\n");
	flood_end(&flood);
	/* Without a limit of the server's they wait for the connection alone. */
	flood_begin(&flood, 1, 0);
	for (int i = 0; i < FLOOD_MOST; i++)
		put_spare(&flood, "more", false);
	assert_false(flood_spare_shorten(&flood));
	put_spare(&flood, "the last", false);
	assert_true(flood_spare_shorten(&flood));
	flood_end(&flood);
}

/* -- Who and where -- */

static struct channels
two_channels(void)
{
	static const char *const names[] = { "#ops", "#Shop", NULL };
	struct channels channels;

	channels_begin(&channels, names, 1000);
	return channels;
}

struct hearing_row {
	const char *tags, *origin, *target;
	enum heard heard;
	const char *account;            /* NULL: nobody is proven */
};

static void
hear_row(const struct hearing_row *row, const struct channels *channels, const char *unproven)
{
	struct hear hearing = { "corp", "sally", unproven, channels, 1795442530250 };
	struct arena *arena = arena_new();
	struct message message;
	struct irc_line line;
	char text[500];

	snprintf(text, sizeof text, "%s%s%s:%s PRIVMSG %s :!build", row->tags ? "@" : "", row->tags ? row->tags : "", row->tags ? " " : "", row->origin, row->target);
	assert_true(reads(text, &line));
	assert_int_equal(hear(arena, &hearing, &line, row->origin, row->target, "!build \00304web\017 \342\201\240x\xff", &message), row->heard);
	if (row->heard == HEARD) {
		assert_int_equal(message.from.proven, row->account != NULL);
		assert_string_equal(message.text, "!build web x\357\277\275");
		assert_non_null(message.from.proof);
		if (row->account)
			assert_string_equal(message.from.account, row->account);
		else
			assert_null(message.from.account);
	}
	arena_free(arena);
}

static void
test_only_the_servers_account_tag_proves_anybody(void **state)
{
	static const struct hearing_row rows[] = {
		{ "account=alice", "whoever!a@h", "#ops", HEARD, "corp/alice" },
		{ "account=Alice", "whoever!a@h", "#SHOP", HEARD, "corp/alice" },
		{ "account=alice", "whoever!a@h", "sally", HEARD, "corp/alice" },
		{ NULL, "alice!a@h", "#ops", HEARD, NULL },
		{ "account", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=*", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=0", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=a\\sb", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=hq/bob", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=\xff", "alice!a@h", "#ops", HEARD, NULL },
		{ "+account=alice", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=alice;account=*", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=alice;account", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=*;+account=alice;account=bob", "alice!a@h", "#ops", HEARD, "corp/bob" },
		{ "draft/account=alice;ACCOUNT=alice;account.x=alice", "alice!a@h", "#ops", HEARD, NULL },
		{ "account=a\\\\sb", "alice!a@h", "#ops", HEARD, "corp/a\\sb" },
		{ "account=al\\:ice", "alice!a@h", "#ops", HEARD, "corp/al;ice" },
		{ "account=alice\\n", "alice!a@h", "#ops", HEARD, NULL },
	};
	static const struct hearing_row none = { "account=alice", "alice!a@h", "#ops", HEARD, NULL };
	struct channels channels = two_channels();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		hear_row(&rows[i], &channels, NULL);
	/* A tag on a network that never agreed to send it is somebody's invention. */
	hear_row(&none, &channels, "this network has no account-tag");
	channels_end(&channels);
}

static void
test_what_is_no_command_is_not_heard(void **state)
{
	static const struct hearing_row rows[] = {
		{ "account=alice;batch=1", "alice!a@h", "#ops", HEARD_PLAYED_BACK, NULL },
		{ "account=alice;batch=a-reference-that-is-longer-than-any-buffer-that-somebody-might-have-set-aside-for-its-value", "alice!a@h", "#ops",
			HEARD_PLAYED_BACK, NULL },
		{ "batch;account=alice", "alice!a@h", "#ops", HEARD_PLAYED_BACK, NULL },
		{ "account=alice;time=2026-11-23T13:57:10.000Z", "alice!a@h", "#ops", HEARD_OLD, NULL },
		{ "account=alice;time=2026-11-23T13:57:11.000Z", "alice!a@h", "#ops", HEARD, "corp/alice" },
		{ "account=alice;time=2026-11-23T15:57:11.000Z", "alice!a@h", "#ops", HEARD, "corp/alice" },
		{ "account=alice;bot", "alice!a@h", "#ops", HEARD_BOT, NULL },
		{ "account=alice", "SALLY!a@h", "#ops", HEARD_OURSELVES, NULL },
		{ "account=alice", "alice!a@h", "#other", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "@#ops", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "+#ops", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "~&@%+#ops", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "#ops,#shop", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "#ops,sally", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "sally,#ops", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "$*.test", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "sally@irc.test", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "alice!a@h", "sallyx", HEARD_ELSEWHERE, NULL },
		{ "account=alice", "irc.test", "#ops", HEARD_NOBODY, NULL },
		{ "account=alice", "\xff!a@h", "sally", HEARD_NOBODY, NULL },
	};
	struct channels channels = two_channels();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		hear_row(&rows[i], &channels, NULL);
	channels_end(&channels);
}

/* { } | ~ are the small letters of [ ] \ ^ where the network says so, and four other letters where it does not. */
static void
test_look_alikes_are_the_same_only_where_the_network_says_so(void **state)
{
	static const char *const names[] = { "#a[\\]^", NULL };
	static const struct { const char *target; enum name_case how; enum heard heard; } rows[] = {
		{ "#a[\\]^", CASE_ASCII, HEARD }, { "#a{|}~", CASE_ASCII, HEARD_ELSEWHERE }, { "#a{|}^", CASE_ASCII, HEARD_ELSEWHERE },
		{ "#A{|}~", CASE_RFC1459, HEARD }, { "#a{|}~", CASE_STRICT, HEARD_ELSEWHERE }, { "#a{|}^", CASE_STRICT, HEARD },
		{ "me[]", CASE_ASCII, HEARD }, { "me{}", CASE_ASCII, HEARD_ELSEWHERE }, { "ME{}", CASE_RFC1459, HEARD },
		/* Letters of another alphabet are nobody's. */
		{ "#\320\260[\\]^", CASE_RFC1459, HEARD_ELSEWHERE }, { "m\320\265[]", CASE_RFC1459, HEARD_ELSEWHERE },
	};
	struct channels channels;

	(void)state;
	channels_begin(&channels, names, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hear hearing = { "corp", "me[]", NULL, &channels, 0 };
		struct arena *arena = arena_new();
		struct message message;
		struct irc_line line;
		channels.how = rows[i].how;
		assert_true(reads("@account=alice :alice!a@h PRIVMSG x :!build", &line));
		if (hear(arena, &hearing, &line, line.prefix, rows[i].target, "!build", &message) != rows[i].heard)
			fail_msg("%s, row %zu", rows[i].target, i);
		arena_free(arena);
	}
	channels_end(&channels);
}

static void
test_a_message_says_where_and_which(void **state)
{
	struct channels channels = two_channels();
	struct hear hearing = { "corp", "sally", NULL, &channels, 0 };
	struct arena *arena = arena_new();
	struct message message;
	struct irc_line line;

	(void)state;
	assert_true(reads("@msgid=abc-1;account=alice :alice_!a@h PRIVMSG #shop :!build", &line));
	assert_int_equal(hear(arena, &hearing, &line, line.prefix, "#shop", "!build", &message), HEARD);
	assert_string_equal(message.id, "abc-1");
	assert_string_equal(message.place.link, "corp");
	assert_string_equal(message.place.channel, "#Shop");
	assert_string_equal(message.from.shown, "alice_");
	assert_string_equal(message.from.proof, "account-tag");
	assert_false(message.direct);
	assert_int_equal(hear(arena, &hearing, &line, line.prefix, "Sally", "!build", &message), HEARD);
	assert_string_equal(message.place.channel, "alice_");
	assert_true(message.direct);
	arena_free(arena);
	channels_end(&channels);
}

/* -- Who is there -- */

static void
test_people_come_go_and_change_their_names(void **state)
{
	struct channels channels = two_channels();
	struct channel *ops = channels_find(&channels, "#OPS");

	(void)state;
	assert_non_null(ops);
	channels_names(&channels, ops, "@alice  +bob @+carol!c@h ~&@%+dave  ");
	channels_join(&channels, ops, "Erin[");
	assert_int_equal(ops->member_count, 5);
	assert_true(channels_has(&channels, ops, "ALICE", 5));
	assert_true(channels_has(&channels, ops, "carol", 5));
	assert_true(channels_has(&channels, ops, "erin{", 5));
	assert_false(channels_has(&channels, ops, "ali", 3));
	channels_rename(&channels, "alice", "bob2");
	assert_false(channels_has(&channels, ops, "alice", 5));
	assert_true(channels_has(&channels, ops, "bob2", 4));
	channels_part(&channels, ops, "bob");
	channels_quit(&channels, "dave");
	assert_int_equal(ops->member_count, 3);
	channels_left(&channels, ops, "kicked", 1);
	assert_int_equal(ops->member_count, 0);
	channels_end(&channels);
}

static void
test_a_channel_is_asked_for_ever_later(void **state)
{
	struct channels channels = two_channels();
	struct channel *ops = channels_find(&channels, "#ops");
	int64_t now = 10;

	(void)state;
	channels_find(&channels, "#shop")->state = CHANNEL_IN;
	for (int64_t pause = 1000; pause < 900000; pause *= 2) {
		ops->state = CHANNEL_ASKED;
		assert_int_equal(channels_next(&channels), -1);
		channels_left(&channels, ops, "banned", now);
		assert_int_equal(channels_next(&channels), now + pause);
	}
	channels_left(&channels, ops, "banned", now);
	assert_int_equal(channels_next(&channels), now + 15 * 60 * 1000);
	/* Ten minutes inside, and it begins anew. */
	channels_entered(&channels, ops, now);
	channels_left(&channels, ops, "kicked", now + 10 * 60 * 1000);
	assert_int_equal(channels_next(&channels), now + 10 * 60 * 1000 + 1000);
	channels_end(&channels);
}

static void
test_a_split_is_known_by_its_two_servers(void **state)
{
	static const char *const splits[] = { "hub.example leaf.example", "*.net *.split", "irc-1.corp.example irc_2.corp.example" };
	static const char *const others[] = { "", "bye", "bye bye", "hub.example", "Quit: hub.example leaf.example", "hub.example leaf.example!", ". .", "a.b ",
		" a.b", "see example.org", "hub.example  leaf.example", "\xc3\xa9.example leaf.example" };

	(void)state;
	for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
		assert_true(name_split(splits[i]));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(name_split(others[i]));
}

/* -- Saying -- */

struct drawn {
	struct arena *arena;
	struct channels channels;
	struct say say;
	struct card *card;
};

static struct drawn
drawing(const char *headline)
{
	struct drawn drawn = { .arena = arena_new(), .channels = two_channels() };

	drawn.card = card_new(drawn.arena, TONE_GOOD, "%s", headline);
	drawn.say = (struct say){ .target = "#ops", .prefix = 90, .nick = "sally" };
	return drawn;
}

static struct said
draw(struct drawn *drawn)
{
	drawn->say.channels = &drawn->channels;
	drawn->say.channel = channels_find(&drawn->channels, drawn->say.target);
	struct said said = say_card(drawn->arena, &drawn->say, drawn->card);
	for (size_t i = 0; i < said.count; i++) {
		struct written line;
		assert_true(line_say(&line, drawn->say.prefix, said.each[i].command, drawn->say.target, said.each[i].text));
		assert_true(text_utf8(said.each[i].text, strlen(said.each[i].text)));
	}
	return said;
}

static void
put_away(struct drawn *drawn)
{
	channels_end(&drawn->channels);
	arena_free(drawn->arena);
}

static void
test_only_what_may_ring_is_a_message(void **state)
{
	struct drawn drawn = drawing("web #412 in 3 min 48 s");

	(void)state;
	card_state(drawn.card, "B31", "passed");
	card_line(drawn.card, "2 tests newly fail");
	drawn.card->to = "alice";
	struct said said = draw(&drawn);
	assert_int_equal(said.count, 2);
	assert_string_equal(said.each[0].command, "NOTICE");
	assert_string_equal(said.each[0].text, "alice: B31 passed: web #412 in 3 min 48 s");
	assert_string_equal(said.each[1].text, "B31: 2 tests newly fail");
	drawn.card->ring = true;
	said = draw(&drawn);
	assert_string_equal(said.each[0].command, "PRIVMSG");
	assert_string_equal(said.each[1].command, "NOTICE");
	drawn.card->ring = false;
	drawn.say.message = true;
	said = draw(&drawn);
	assert_string_equal(said.each[0].command, "PRIVMSG");
	assert_string_equal(said.each[1].command, "PRIVMSG");
	put_away(&drawn);
}

static void
test_nobody_else_is_pinged(void **state)
{
	struct drawn drawn = drawing("approved by bob, for Bob: see https://ci/job/bob/ (carol) bobby bob_ sally \303\251ve");

	(void)state;
	channels_names(&drawn.channels, channels_find(&drawn.channels, "#ops"), "alice bob @carol sally \303\251ve");
	drawn.card->to = "alice";
	struct said said = draw(&drawn);
	assert_int_equal(said.count, 1);
	assert_string_equal(said.each[0].text, "alice: approved by b\342\201\240ob, for B\342\201\240ob: see https://ci/job/bob/ (c\342\201\240arol) bobby bob_ sally \303\251\342\201\240ve");
	/* Where nobody is addressed, alice is one of the others. */
	drawn.card->to = NULL;
	drawn.card->by = "alice";
	said = draw(&drawn);
	assert_non_null(strstr(said.each[0].text, "(a\342\201\240lice)"));
	put_away(&drawn);
}

static void
test_lines_that_grew_still_fit(void **state)
{
	char names[600] = "";

	(void)state;
	for (int i = 0; i < 150; i++)
		strcat(names, "b ");
	struct drawn drawn = drawing(names);
	drawn.say.prefix = 300;
	drawn.say.again = true;
	channels_names(&drawn.channels, channels_find(&drawn.channels, "#ops"), "b");
	struct said said = draw(&drawn);
	size_t found = 0;
	for (size_t i = 0; i < said.count; i++)
		for (const char *at = said.each[i].text; (at = strstr(at, "b\342\201\240")); at++)
			found++;
	assert_int_equal(found, 150);
	assert_non_null(strstr(said.each[said.count - 1].text, "(resent)"));
	put_away(&drawn);
}

static void
test_a_card_said_again_says_so(void **state)
{
	struct drawn drawn = drawing("web");

	(void)state;
	card_line(drawn.card, "more of it");
	drawn.say.again = true;
	struct said said = draw(&drawn);
	assert_string_equal(said.each[0].text, "web");
	assert_string_equal(said.each[said.count - 1].text, "| more of it (resent)" + (said.each[said.count - 1].text[0] == '|' ? 0 : 2));
	put_away(&drawn);
}

static void
test_colour_repeats_the_word(void **state)
{
	struct drawn drawn = drawing("web #412");

	(void)state;
	card_state(drawn.card, "B31", "passed");
	drawn.say.colour = true;
	struct said said = draw(&drawn);
	assert_string_equal(said.each[0].text, "B31 \00303passed\017: web #412");
	put_away(&drawn);
}

static void
test_no_other_bot_takes_our_message_for_a_command(void **state)
{
	struct drawn drawn = drawing("!build JOB starts a build");

	(void)state;
	struct said said = draw(&drawn);
	assert_string_equal(said.each[0].text, "!build JOB starts a build");
	drawn.say.message = true;
	said = draw(&drawn);
	assert_string_equal(said.each[0].text, "| !build JOB starts a build");
	put_away(&drawn);
}

/* -- One message of many lines -- */

static void
test_a_whole_is_of_one_kind_and_within_the_servers_limits(void **state)
{
	struct drawn drawn = drawing("web #412");

	(void)state;
	card_state(drawn.card, "B31", "failed");
	card_line(drawn.card, "!test_cart");
	drawn.card->to = "alice";
	drawn.card->ring = true;
	drawn.say.colour = true;
	drawn.say.whole_bytes = 4096;
	struct said said = draw(&drawn);
	assert_true(said.whole);
	assert_int_equal(said.count, 2);
	assert_string_equal(said.each[0].text, "alice: B31 \00303failed\017: web #412");
	assert_string_equal(said.each[1].command, "PRIVMSG");
	assert_string_equal(said.each[1].text, "B31: !test_cart");
	/* A byte more than the server takes, or a line more: then they are lines as ever. */
	size_t exactly = strlen(said.each[0].text) + 1 + strlen(said.each[1].text);
	drawn.say.whole_bytes = exactly;
	assert_true(draw(&drawn).whole);
	drawn.say.whole_bytes = exactly - 1;
	said = draw(&drawn);
	assert_false(said.whole);
	assert_string_equal(said.each[1].command, "NOTICE");
	drawn.say.whole_bytes = 4096;
	drawn.say.whole_lines = 1;
	assert_false(draw(&drawn).whole);
	put_away(&drawn);
}

static void
test_a_single_line_is_no_whole(void **state)
{
	struct drawn drawn = drawing("pong");

	(void)state;
	drawn.say.whole_bytes = 4096;
	assert_false(draw(&drawn).whole);
	put_away(&drawn);
}

/* Put together again it is what was meant; read one by one, no part begins like a command. */
static void
test_a_line_that_grew_is_joined_again(void **state)
{
	char names[600] = "", text[2000] = "";

	(void)state;
	for (int i = 0; i < 95; i++)
		strcat(names, i % 3 ? "!b " : "bb ");
	struct drawn drawn = drawing(names);
	drawn.say.prefix = 200;
	drawn.say.message = true;
	drawn.say.whole_bytes = 4096;
	channels_names(&drawn.channels, channels_find(&drawn.channels, "#ops"), "b bb");
	struct said said = draw(&drawn);
	size_t joined = 0;
	assert_true(said.whole);
	for (size_t i = 0; i < said.count; i++) {
		assert_false(said.each[i].joined && strchr("!|", *said.each[i].text));
		strcat(strcat(text, i && !said.each[i].joined ? "\n" : ""), said.each[i].text);
		joined += said.each[i].joined;
	}
	assert_true(joined > 0);
	assert_null(strstr(text, "bb!"));
	assert_null(strstr(text, "  "));
	put_away(&drawn);
}

static void
test_in_private_nobody_is_addressed(void **state)
{
	struct drawn drawn = drawing("You are alice");

	(void)state;
	drawn.say.target = "alice";
	drawn.card->to = "alice";
	struct said said = draw(&drawn);
	assert_string_equal(said.each[0].text, "You are alice");
	put_away(&drawn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_is_taken_apart),
		cmocka_unit_test(test_double_blanks_shift_nothing),
		cmocka_unit_test(test_what_is_no_line_is_refused),
		cmocka_unit_test(test_fifteen_parameters_and_no_more),
		cmocka_unit_test(test_tags_are_limited),
		cmocka_unit_test(test_tags_are_unescaped_once),
		cmocka_unit_test(test_the_last_of_two_tags_counts),
		cmocka_unit_test(test_a_clients_tag_is_not_the_servers),
		cmocka_unit_test(test_server_time),
		cmocka_unit_test(test_a_line_is_put_together),
		cmocka_unit_test(test_what_is_not_exactly_one_line_is_refused),
		cmocka_unit_test(test_of_control_characters_only_formatting_is_said),
		cmocka_unit_test(test_a_line_has_512_bytes_with_our_prefix),
		cmocka_unit_test(test_a_million_random_lines_read_back_as_meant),
		cmocka_unit_test(test_the_library_sees_one_shape_only),
		cmocka_unit_test(test_the_library_never_sees_what_breaks_it),
		cmocka_unit_test(test_names_compare_as_the_server_says),
		cmocka_unit_test(test_what_could_be_a_channel),
		cmocka_unit_test(test_four_lines_at_once_then_one_every_two_seconds),
		cmocka_unit_test(test_a_proof_never_waits_and_counts_half),
		cmocka_unit_test(test_who_was_too_fast_is_half_as_fast),
		cmocka_unit_test(test_the_queue_keeps_its_order_and_is_bounded),
		cmocka_unit_test(test_strangers_leave_room_for_whoever_comes_next),
		cmocka_unit_test(test_the_oldest_answers_for_strangers_go_first_and_as_a_whole),
		cmocka_unit_test(test_only_the_servers_account_tag_proves_anybody),
		cmocka_unit_test(test_what_is_no_command_is_not_heard),
		cmocka_unit_test(test_look_alikes_are_the_same_only_where_the_network_says_so),
		cmocka_unit_test(test_a_message_says_where_and_which),
		cmocka_unit_test(test_people_come_go_and_change_their_names),
		cmocka_unit_test(test_a_channel_is_asked_for_ever_later),
		cmocka_unit_test(test_a_split_is_known_by_its_two_servers),
		cmocka_unit_test(test_only_what_may_ring_is_a_message),
		cmocka_unit_test(test_nobody_else_is_pinged),
		cmocka_unit_test(test_lines_that_grew_still_fit),
		cmocka_unit_test(test_a_card_said_again_says_so),
		cmocka_unit_test(test_colour_repeats_the_word),
		cmocka_unit_test(test_no_other_bot_takes_our_message_for_a_command),
		cmocka_unit_test(test_a_whole_is_of_one_kind_and_within_the_servers_limits),
		cmocka_unit_test(test_a_single_line_is_no_whole),
		cmocka_unit_test(test_a_line_that_grew_is_joined_again),
		cmocka_unit_test(test_in_private_nobody_is_addressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
