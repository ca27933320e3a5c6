/* Getting onto a network and staying there: several servers, passwords and keys, nicks, bans and kicks, and servers that mean us no good. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "irc_world.h"

/* -- Servers ---------------------------------------------------------------------------------------------------------- */

/* "127.0.0.1:PORT"; four at a time. */
static const char *
at_port(const char *host, int port)
{
	static char names[4][64];
	static size_t next;
	char *name = names[next++ % 4];

	snprintf(name, sizeof names[0], "%s:%d", host, port);
	return name;
}

static void
go_in_at(int fd)
{
	int before = story.ups;

	assert_true(answer_at(fd));
	greet("account-tag");
	welcome("sally", "NETWORK=test");
	let_in("sally", "sally");
	await(story.ups > before);
}

static void
test_the_next_server_is_tried_at_every_failure(void **state)
{
	int other = 0, fd = listen_at("127.0.0.1", &other);
	const char *const servers[] = { at_port("127.0.0.1", server.port), at_port("localhost", other) };

	(void)state;
	use_servers(servers, 2);
	world.irc.retry = 60 * 1000;    /* nobody waits for a round to be over */
	start_gateway();
	assert_true(answer_the_door());
	hang_up();
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "Trying localhost now."));
	go_in_at(fd);
	assert_non_null(strstr(story.up, "localhost"));
	close(fd);
}

static void
test_the_pause_comes_when_all_servers_have_failed(void **state)
{
	int dead = 0, fd = listen_at("127.0.0.1", &dead);
	const char *const servers[] = { at_port("localhost", dead), at_port("127.0.0.1", server.port), "nowhere.test" };

	(void)state;
	close(fd);
	use_servers(servers, 3);
	start_gateway();
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "localhost could not be reached"));
	assert_non_null(strstr(story.away, "Trying 127.0.0.1 now."));
	assert_true(answer_the_door());
	hang_up();
	await(story.aways == 3);
	assert_non_null(strstr(story.away, "nowhere.test could not be looked up"));
	assert_non_null(strstr(story.away, "Next try in"));
	/* The round begins anew; status names the one in use. */
	go_in();
	assert_non_null(strstr(story.up, "127.0.0.1"));
}

static void
test_each_server_is_verified_against_its_own_name(void **state)
{
	const char *const servers[] = { "irc1.test", "irc2.test" };

	(void)state;
	use_tls("DNS:irc2.test");
	use_servers(servers, 2);
	start_gateway();
	answer_the_door();
	take_bytes(PATIENCE);
	assert_int_equal(server.bytes, 0);
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "The certificate of irc1.test is for another host"));
	assert_true(answer_the_door());
	assert_string_equal(SSL_get_servername(server.ssl, TLSEXT_NAMETYPE_host_name), "irc2.test");
	greet("account-tag");
	welcome("sally", "NETWORK=test");
	let_in("sally", "sally");
	await(story.ups == 1);
	assert_non_null(strstr(story.up, "irc2.test, as sally"));
}

static void
test_a_name_with_both_kinds_of_address_is_tried_at_both(void **state)
{
	const char *const servers[] = { "both.test" };

	(void)state;
	use_servers(servers, 1);
	start_gateway();
	/* Nobody listens at ::1 there. */
	go_in();
}

static void
test_an_ipv6_address_is_a_server_too(void **state)
{
	int port = 0, fd = listen_at("::1", &port);
	const char *const servers[] = { at_port("[::1]", port) };

	(void)state;
	if (fd >= 0) {
		use_servers(servers, 1);
		start_gateway();
		go_in_at(fd);
		assert_non_null(strstr(story.up, "::1"));
		close(fd);
	} else {
		start_gateway();        /* a machine without IPv6 */
	}
}

static const struct secret password = { .path = "server-password", .bytes = "open %s :sesame", .length = 15 };

static void
test_a_servers_password_is_said_before_the_nick(void **state)
{
	(void)state;
	world.irc.server_password = &password;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	assert_string_equal(expect("PASS"), "PASS :open %s :sesame");
	expect("NICK sally");
	expect("USER sally");
	tell(":irc.test 464 * :Password incorrect");
	await(story.ended);
	assert_non_null(strstr(story.error, "refused its password; is server_password_file right?"));
	assert_int_equal(logged("sesame"), 0);
}

static void
test_a_servers_password_does_not_leave_this_machine_in_clear(void **state)
{
	const char *const servers[] = { "elsewhere.test" };

	(void)state;
	world.irc.server_password = &password;
	use_servers(servers, 1);
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK sally");
}

/* -- Channels --------------------------------------------------------------------------------------------------------- */

static const struct secret ops_key = { .path = "ops-key", .bytes = "swordfish", .length = 9 };
static struct irc_channel ops_channel = { .name = "#OPS", .key = &ops_key };

static void
want_channels(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		world.channels[i] = names[i];
}

static void
use_key(void)
{
	static void *const each[] = { &ops_channel };

	world.irc.channels = (struct sections){ .count = 1, .each = each };
}

static void
get_welcome(const char *supported)
{
	assert_true(answer_the_door());
	greet("account-tag");
	welcome("sally", supported);
}

static void
take_in(const char *channel)
{
	tell(":sally!s@host.test JOIN %s", channel);
	tell(":irc.test 353 sally = %s :sally", channel);
	tell(":irc.test 366 sally %s :End", channel);
}

static void
test_keys_stand_behind_the_channels_that_have_one(void **state)
{
	static const char *const channels[] = { "#shop", "#ops", "#web" };

	(void)state;
	want_channels(channels, 3);
	use_key();
	start_gateway();
	get_welcome("NETWORK=test");
	assert_string_equal(expect("JOIN"), "JOIN #ops,#shop,#web swordfish");
	take_in("#ops");
	take_in("#shop");
	tell(":irc.test 475 sally #web :Cannot join channel (+k) - bad key");
	await(story.ups == 1);
	assert_non_null(strstr(story.up, "2 rooms; not in #web: its key is missing or wrong (+k); name it in channel"));
	assert_int_equal(logged("swordfish"), 0);
}

static void
test_a_wrong_key_is_shown_nowhere(void **state)
{
	(void)state;
	use_key();
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	assert_string_equal(expect("JOIN"), "JOIN #ops swordfish");
	tell(":irc.test 475 sally #ops :Cannot join channel (+k)");
	await(story.ups == 1);
	assert_non_null(strstr(story.up, "key is missing or wrong"));
	assert_null(strstr(story.up, "swordfish"));
	assert_int_equal(logged("swordfish"), 0);
}

static void
test_an_invitation_is_taken_at_once_where_we_want_to_be(void **state)
{
	(void)state;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #ops");
	tell(":irc.test 473 sally #ops :Cannot join channel (+i)");
	await(strstr(story.up, "by invitation only (+i); invite me"));
	for (int i = 0; i < 500; i++)
		tell(":mallory!m@h INVITE sally :#evil%d", i);
	tell(":mallory!m@h INVITE bob :#ops");
	expect_nothing();
	tell(":alice!a@h INVITE sally :#Ops");
	let_in("sally", "sally alice");
	await(strstr(story.up, "1 room") && !strstr(story.up, "not in"));
}

/* Whoever invites and refuses in turn gets one JOIN out of us, and not a stream of them. */
static void
test_invitations_make_us_no_flood(void **state)
{
	(void)state;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #ops");
	tell(":irc.test 473 sally #ops :Cannot join channel (+i)");
	await(story.ups == 1);
	for (int i = 0; i < 20; i++) {
		tell(":mallory!m@h INVITE sally #ops");
		tell(":irc.test 473 sally #ops :Cannot join channel (+i)");
	}
	expect("JOIN #ops");
	expect_nothing();
}

static void
test_a_channel_for_who_is_logged_in_is_tried_again_after_the_login(void **state)
{
	(void)state;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #ops");
	tell(":irc.test 477 sally #ops :Cannot join channel (+r) - you need to be logged in");
	await(strstr(story.up, "not in #ops: only for who is logged in to services (+r)"));
	expect_nothing();
	tell(":irc.test 900 sally sally!s@h sally :You are now logged in as sally");
	let_in("sally", "sally");
	await(strstr(story.up, "1 room"));
}

static void
test_who_sends_us_elsewhere_is_not_followed(void **state)
{
	(void)state;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #ops");
	tell(":irc.test 470 sally #ops ##ops-lobby :Forwarding to another channel");
	tell(":sally!s@host.test JOIN ##ops-lobby");
	tell(":irc.test 366 sally ##ops-lobby :End");
	assert_string_equal(expect("PART"), "PART ##ops-lobby");
	tell("@account=alice :alice!a@h PRIVMSG ##ops-lobby :!deploy");
	await(strstr(story.up, "0 rooms; not in #ops: the server wants me elsewhere instead; I stay out"));
	assert_int_equal(story.heard_count, 0);
}

static void
test_each_refusal_says_what_to_do(void **state)
{
	static const struct { const char *channel, *numeric, *advice; } cases[] = {
		{ "#a", "403", "no such channel" }, { "#b", "405", "no more channels" }, { "#c", "437", "I keep trying" }, { "#d", "471", "raise its limit" },
		{ "#e", "473", "invite me" }, { "#f", "474", "lift the ban" }, { "#g", "475", "key_file" }, { "#h", "477", "set account" },
		{ "#i", "479", "forbids" }, { "#j", "489", "set tls = yes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		world.channels[i] = cases[i].channel;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #a,#b,#c,#d,#e,#f,#g,#h,#i,#j");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		tell(":irc.test %s sally %s :Cannot join channel", cases[i].numeric, cases[i].channel);
	await(story.ups == 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(logged(cases[i].advice), 1);
}

static void
test_the_same_refusal_is_told_once(void **state)
{
	(void)state;
	start_gateway();
	get_welcome("NETWORK=test");
	for (int i = 0; i < 4; i++) {
		expect("JOIN #ops");
		tell(":irc.test 474 sally #ops :Cannot join channel (+b)");
	}
	expect_nothing();
	assert_int_equal(story.ups, 1);
	assert_int_equal(logged("not in #ops: I am banned there"), 1);
	let_in("sally", "sally");
	await(story.ups == 2);
}

/* -- What the server says of itself (005) ----------------------------------------------------------------------------- */

static void
test_a_join_names_as_many_channels_as_the_server_takes(void **state)
{
	static const char *const channels[] = { "#a", "#b", "#c", "#d", "#e" };

	(void)state;
	want_channels(channels, 5);
	start_gateway();
	get_welcome("MAXTARGETS=1 TARGMAX=PRIVMSG:4,JOIN:2,NOTICE:");
	assert_string_equal(expect("JOIN"), "JOIN #a,#b");
	assert_string_equal(expect("JOIN"), "JOIN #c,#d");
	assert_string_equal(expect("JOIN"), "JOIN #e");
}

static void
test_more_rooms_than_the_server_allows_are_said(void **state)
{
	static const char *const channels[] = { "#a", "#b", "#c", "#a-name-that-is-far-too-long" };

	(void)state;
	want_channels(channels, 4);
	start_gateway();
	get_welcome("CHANLIMIT=#&:2 CHANNELLEN=16");
	assert_string_equal(expect("JOIN"), "JOIN #a,#b");
	take_in("#a");
	take_in("#b");
	await(story.ups == 1);
	assert_non_null(strstr(story.up, "2 rooms; not in #c: the server lets me into 2 channels and no more"));
	assert_int_equal(logged("not in #a-name-that-is-far-too-long: its name is longer than the 16 bytes that the server allows"), 1);
}

static void
test_a_shorter_line_is_kept(void **state)
{
	char text[401];

	(void)state;
	memset(text, 'x', 400);
	text[400] = '\0';
	world.irc.burst = 100;
	start_gateway();
	get_welcome("LINELEN=300");
	let_in("sally", "sally");
	await(story.ups == 1);
	struct saying saying = { .target = "#ops", .headline = text };
	order(&saying);
	await(saying.done);
	const char *line = expect("NOTICE #ops x");
	assert_in_range(strlen(":sally!s@host.test ") + strlen(line) + 2, 290, 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_the_next_server_is_tried_at_every_failure),
		STORY(test_the_pause_comes_when_all_servers_have_failed),
		STORY(test_each_server_is_verified_against_its_own_name),
		STORY(test_a_name_with_both_kinds_of_address_is_tried_at_both),
		STORY(test_an_ipv6_address_is_a_server_too),
		STORY(test_a_servers_password_is_said_before_the_nick),
		STORY(test_a_servers_password_does_not_leave_this_machine_in_clear),
		STORY(test_keys_stand_behind_the_channels_that_have_one),
		STORY(test_a_wrong_key_is_shown_nowhere),
		STORY(test_an_invitation_is_taken_at_once_where_we_want_to_be),
		STORY(test_invitations_make_us_no_flood),
		STORY(test_a_channel_for_who_is_logged_in_is_tried_again_after_the_login),
		STORY(test_who_sends_us_elsewhere_is_not_followed),
		STORY(test_each_refusal_says_what_to_do),
		STORY(test_the_same_refusal_is_told_once),
		STORY(test_a_join_names_as_many_channels_as_the_server_takes),
		STORY(test_more_rooms_than_the_server_allows_are_said),
		STORY(test_a_shorter_line_is_kept),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
