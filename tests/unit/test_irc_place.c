/* Getting onto a network and staying there: several servers, passwords and keys, nicks, bans and kicks, and servers that mean us no good. */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/base/clock.h"
#include "irc_world.h"
#include "protocols/irc/backoff.h"

#ifdef __SANITIZE_ADDRESS__
enum { MEMORY_SLACK = 1024 * 1024 };     /* kB: what was freed stays in quarantine, and leaks are told at the end */
#else
enum { MEMORY_SLACK = 1024 };
#endif

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
	assert_non_null(strstr(story.up, "0 rooms; not in #a: the server has no such channel; nor in 9 more"));
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

static void
test_a_new_configuration_joins_and_leaves_and_keeps_the_rest(void **state)
{
	static const char *const before[] = { "#ops", "#shop" }, *const after[] = { "#web", "#OPS" };

	(void)state;
	want_channels(before, 2);
	world.irc.burst = 100;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #ops,#shop");
	take_in("#ops");
	tell(":alice!a@h JOIN #ops");
	take_in("#shop");
	await(story.ups == 1);
	order_channels(after, 2);
	assert_string_equal(expect("PART"), "PART #shop");
	tell(":sally!s@host.test PART #shop");
	assert_string_equal(expect("JOIN"), "JOIN #web");
	take_in("#web");
	await(strstr(story.up, "2 rooms") && !strstr(story.up, "not in"));
	tell("@account=alice :alice!a@h PRIVMSG #shop :!ping");
	tell("@account=alice :alice!a@h PRIVMSG #ops :!ping");
	await(story.heard_count == 1);
	assert_string_equal(story.heard[0].channel, "#OPS");
	/* Who was there still is, and is not pinged. */
	struct saying saying = { .target = "#ops", .headline = "alice" };
	order(&saying);
	assert_string_equal(expect("NOTICE"), "NOTICE #ops a\u2060lice");
	await(saying.done);
}

/* The server may still be answering a JOIN for what is not wanted any more. */
static void
test_a_channel_that_nobody_wants_any_more_is_left_when_the_server_lets_us_in(void **state)
{
	static const char *const after[] = { "#web" };

	(void)state;
	start_gateway();
	get_welcome("NETWORK=test");
	expect("JOIN #ops");
	order_channels(after, 1);
	assert_string_equal(expect("JOIN"), "JOIN #web");
	take_in("#ops");
	assert_string_equal(expect("PART"), "PART #ops");
	take_in("#web");
	await(strstr(story.up, "1 room"));
}

/* CPU time of the gateway, in ms. */
static int64_t
gateways_work(void)
{
	clockid_t clock;
	struct timespec used;

	assert_int_equal(pthread_getcpuclockid(world.thread, &clock), 0);
	clock_gettime(clock, &used);
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void
test_a_join_that_finds_no_room_waits_for_some(void **state)
{
	static struct saying sayings[254];
	static struct saying last = { .target = "bob", .headline = "x", .txn = "t" };

	(void)state;
	world.irc.burst = 1;
	world.irc.rate = 60 * 1000;
	start_gateway();
	go_in();
	for (int i = 0; i < 254; i++) {
		sayings[i] = (struct saying){ .target = "bob", .headline = "x" };
		order(&sayings[i]);
	}
	/* The last one and its proof: now the queue is full, and will be for a minute. */
	await(sayings[253].done);
	order(&last);
	tell(":alice!a@h KICK #ops sally :out");
	await(strstr(story.up, "kicked"));
	int64_t began = gateways_work();
	poll(NULL, 0, 300);
	assert_true(gateways_work() - began < 100);
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

/* -- Our nick --------------------------------------------------------------------------------------------------------- */

static void
go_in_as(const char *nick, const char *supported)
{
	assert_true(answer_the_door());
	greet("account-tag");
	welcome(nick, supported);
	if (strstr(supported, "MONITOR=100"))
		assert_string_equal(expect("MONITOR"), "MONITOR + sally");
	let_in(nick, nick);
	await(story.ups > 0);
}

static void
become(const char *from, const char *to)
{
	char up[60];

	tell(":%s!s@host.test NICK :%s", from, to);
	snprintf(up, sizeof up, "as %s,", to);
	await(strstr(story.up, up));
}

static void
test_monitor_tells_that_our_nick_is_free(void **state)
{
	(void)state;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	go_in_as("sally_", "MONITOR=100");
	tell(":irc.test 730 sally_ :sally!x@y");
	expect_nothing();
	tell(":irc.test 731 sally_ :bob,sally");
	assert_string_equal(expect("NICK"), "NICK sally");
	become("sally_", "sally");
	assert_string_equal(expect("MONITOR"), "MONITOR - sally");
	/* Services take it away once more. */
	become("sally", "Guest17");
	assert_string_equal(expect("MONITOR"), "MONITOR + sally");
	tell(":irc.test 731 Guest17 :sally");
	expect("NICK sally");
}

static void
test_a_server_that_knows_no_ison_is_asked_blindly(void **state)
{
	(void)state;
	start_gateway();
	go_in_as("sally_", "MONITOR=-1");
	assert_string_equal(expect("ISON"), "ISON sally");
	tell(":irc.test 421 sally_ ISON :Unknown command");
	for (int i = 0; i < 2; i++) {
		expect("NICK sally");
		tell(":irc.test 433 sally_ sally :Nickname is already in use");
	}
}

static void
test_who_has_our_nick_leaves_or_changes_it(void **state)
{
	(void)state;
	world.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	go_in_as("sally_", "NETWORK=test");
	tell(":sally!x@y NICK :harry");
	expect("NICK sally");
	tell(":irc.test 433 sally_ sally :Nickname is already in use");
	/* On the other side of a split somebody still has it, and would collide with us. */
	tell(":sally!x@y QUIT :hub.example leaf.example");
	expect_nothing();
	tell(":sally!x@y QUIT :Quit: hub.example leaf.example");
	expect("NICK sally");
}

static void
test_a_nick_that_the_server_cuts_is_ours(void **state)
{
	(void)state;
	world.irc.nick = "sally-of-the-ops-team";
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK sally-of-the-ops-team");
	expect("USER");
	tell(":irc.test CAP * LS :");
	expect("CAP END");
	welcome("sally-of-", "NICKLEN=9");
	let_in("sally-of-", "sally-of-");
	await(strstr(story.up, "as sally-of-,"));
	/* As long as it takes to come back into a channel nobody has asked for what cannot be had. */
	tell(":alice!a@h KICK #ops sally-of- :out");
	let_in("sally-of-", "sally-of-");
}

static void
test_a_bot_says_that_it_is_one(void **state)
{
	(void)state;
	start_gateway();
	get_welcome("BOT=B");
	assert_string_equal(expect("MODE"), "MODE sally +B");
	expect("JOIN #ops");
}

/* -- Losing it all, and coming back ----------------------------------------------------------------------------------- */

static void
test_a_split_takes_its_people_along(void **state)
{
	char names[400] = "sally";

	(void)state;
	world.irc.burst = 1000;
	start_gateway();
	get_welcome("NETWORK=test");
	for (int i = 0; i < 40; i++)
		snprintf(names + strlen(names), sizeof names - strlen(names), " user%d", i);
	let_in("sally", names);
	await(story.ups == 1);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 40; i++)
			tell(":user%d!u@h QUIT :hub.example leaf.example", i);
		for (int i = 0; i < 40; i += 2)
			tell(":user%d!u@h JOIN #ops", i);
	}
	expect_heard_only(0);
	/* Who is there is not pinged; who is not is only a word. */
	struct saying saying = { .target = "#ops", .headline = "user2 user3" };
	order(&saying);
	assert_non_null(strstr(expect("NOTICE #ops"), "u\u2060ser2 user3"));
	await(saying.done);
}

static void
test_a_killed_gateway_comes_back(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell(":oper!o@h KILL sally :irc.test!oper (Nick collision)");
	tell("ERROR :Closing Link: sally[127.0.0.1] (Killed (oper (Nick collision)))");
	hang_up();
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "Killed (oper (Nick collision))"));
	go_in();
}

static size_t
open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* Bytes that are not shared, in kB. */
static long
memory(void)
{
	long size = 0, resident = 0, shared = 0;
	FILE *in = fopen("/proc/self/statm", "r");

	assert_int_equal(fscanf(in, "%ld %ld %ld", &size, &resident, &shared), 3);
	fclose(in);
	return (resident - shared) * sysconf(_SC_PAGESIZE) / 1024;
}

/* The server is gone, and so is its port; then it is there again, and so are we. */
static void
restart_server(void)
{
	int aways = story.aways;

	close(server.fd);
	hang_up();
	await(story.aways > aways);
	server.fd = listen_at("127.0.0.1", &server.port);
	assert_true(server.fd >= 0);
}

/* What nobody could be told meanwhile is told when we are back: once, and proven. */
static void
say_what_waited(int round)
{
	char headline[20], txn[20], answer[40];

	snprintf(headline, sizeof headline, "B%d passed", round);
	snprintf(txn, sizeof txn, "txn-%d", round);
	struct saying saying = { .target = "#ops", .headline = headline, .txn = txn };
	order(&saying);
	snprintf(answer, sizeof answer, "NOTICE #ops :B%d passed", round);
	assert_string_equal(expect("NOTICE"), answer);
	expect("PING txn-");
	tell(":irc.test PONG irc.test :%s", txn);
	await(saying.done);
	assert_true(saying.fine);
}

static void
stay(int64_t ms)
{
	for (int64_t began = clock_mono(); clock_mono() - began < ms;)
		expect_nothing();
}

static void
test_a_hundred_restarts_need_nobody_and_leak_nothing(void **state)
{
	size_t files = 0;
	long kilobytes = 0;

	(void)state;
	world.irc.retry = 1;
	world.irc.burst = 1000;
	start_gateway();
	go_in();
	for (int round = 1; round <= 100; round++) {
		/* Long enough for the next loss to be a new story. */
		stay(BACKOFF_STAYED * world.irc.retry + 5);
		restart_server();
		struct saying early = { .target = "#ops", .headline = "too early", .txn = "early" };
		order(&early);
		await(early.done);
		assert_false(early.fine);
		go_in();
		tell("@account=alice :alice!a@h PRIVMSG #ops :round %d", round);
		await((int)story.heard_count == round);
		say_what_waited(round);
		/* The most of several: a link that lost one of its low descriptors to another thread has it back with the next connection. */
		size_t now = open_files();
		if (round <= 20 && now > files)
			files = now;
		if (round == 20)
			kilobytes = memory();
	}
	/* A thread that looked a name up may not have closed its end yet. */
	for (int64_t began = clock_mono(); open_files() > files && clock_mono() - began < PATIENCE;)
		expect_nothing();
	assert_true(open_files() <= files);
	if (memory() > kilobytes + MEMORY_SLACK)
		world_fail("%ld kB became %ld", kilobytes, memory());
}

static void
test_a_half_closed_connection_is_closed(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	shutdown(server.client, SHUT_WR);
	await(story.aways == 1);
	go_in();
}

static void
test_a_server_that_stops_half_way_is_left(void **state)
{
	static const char *const steps[] = { NULL, "CAP * LS * :account-tag", "CAP * LS :account-tag", "CAP * ACK :account-tag" };

	(void)state;
	world.irc.patience = 100;
	world.irc.retry = 1;
	start_gateway();
	for (size_t last = 0; last < sizeof steps / sizeof *steps; last++) {
		assert_true(answer_the_door());
		for (size_t i = 1; i <= last; i++)
			if (i != 1 || last == 1)
				tell(":irc.test %s", steps[i]);
		await(story.aways == (int)last + 1);
		assert_non_null(strstr(story.away, "did not let me in within"));
	}
	world.irc.patience = 30000;
	go_in();
}

static void
test_a_welcome_without_an_end_is_a_welcome(void **state)
{
	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	greet("account-tag");
	tell(":irc.test 001 sally :Welcome");
	let_in("sally", "sally");
	await(story.ups == 1);
}

static void
test_excess_flood_makes_us_slower(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "x" };

	(void)state;
	world.irc.flood = false;
	world.irc.burst = 2;
	world.irc.rate = 60 * 1000;
	start_gateway();
	for (int i = 0; i < 2; i++) {
		go_in();
		tell("ERROR :Closing Link: sally[127.0.0.1] (%s)", i ? "RecvQ exceeded" : "Excess Flood");
		hang_up();
		await(story.aways == i + 1);
	}
	assert_int_equal(logged("hung up because I said too much at once"), 1);
	go_in();
	/* The JOIN was all of it, for two minutes. */
	order(&saying);
	await(saying.done);
	expect_nothing();
}

/* -- Servers and people that mean us no good -------------------------------------------------------------------------- */

static void
test_a_private_word_from_who_shares_no_channel_is_heard(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell("@account=carol :carol!c@elsewhere PRIVMSG sally :whoami");
	await(story.heard_count == 1);
	assert_true(story.heard[0].direct);
	assert_string_equal(story.heard[0].account, "corp/carol");
	assert_string_equal(story.heard[0].channel, "carol");
	struct saying saying = { .target = "carol", .headline = "you are carol" };
	order(&saying);
	expect("NOTICE carol :you are carol");
	await(saying.done);
}

static void
test_absurd_limits_change_nothing(void **state)
{
	(void)state;
	start_gateway();
	get_welcome("LINELEN=1 NICKLEN=0 CASEMAPPING=bogus MONITOR=-1 BOT=\001 CHANLIMIT=#:0 TARGMAX=JOIN:0 CHANNELLEN=0");
	tell(":irc.test 005 sally LINELEN=99999999 MAXTARGETS=-4 CHANLIMIT=:::,,, = - -= :are supported");
	let_in("sally", "@alice sally x[y");
	await(story.ups == 1);
	/* Those who are there are known by the letters of then. */
	tell(":irc.test 005 sally LINELEN=1 CASEMAPPING=ascii CHANLIMIT=#:1 -MONITOR :are supported");
	tell(":alice!a@h PRIVMSG #OPS :still here");
	await(story.heard_count == 1);
	struct saying saying = { .target = "#ops", .headline = "yes, x[y" };
	order(&saying);
	assert_string_equal(expect("NOTICE #ops"), "NOTICE #ops :yes, x\u2060[y");
	await(saying.done);
}

static void
test_a_server_that_throws_us_about_gets_no_flood(void **state)
{
	(void)state;
	world.irc.burst = 1000;
	start_gateway();
	go_in();
	for (int i = 0; i < 2000; i++) {
		tell(":sally!s@host.test JOIN #trap%d", i);
		tell(":irc.test 731 sally :sally");
		tell(":irc.test 303 sally :");
		tell(":irc.test 900 sally * sally :You are now logged in");
		tell(":irc.test 470 sally #ops #trap%d :Forwarding", i);
		tell(":irc.test 376 sally :End of MOTD");
		tell(":irc.test 464 sally :Password incorrect");
	}
	tell(":alice!a@h PRIVMSG #ops :still here");
	await(story.heard_count == 1);
	assert_int_equal(story.ups, 1);
	assert_int_equal(story.aways, 0);
	/* Each trap is left, as far as the queue is long; nothing else is said. */
	tell("PING :end");
	for (const char *line = next_line(PATIENCE); strcmp(line, "PONG end"); line = next_line(PATIENCE))
		assert_int_equal(strncmp(line, "PART #trap", 10), 0);
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
		STORY(test_a_new_configuration_joins_and_leaves_and_keeps_the_rest),
		STORY(test_a_channel_that_nobody_wants_any_more_is_left_when_the_server_lets_us_in),
		STORY(test_a_join_that_finds_no_room_waits_for_some),
		STORY(test_a_join_names_as_many_channels_as_the_server_takes),
		STORY(test_more_rooms_than_the_server_allows_are_said),
		STORY(test_a_shorter_line_is_kept),
		STORY(test_monitor_tells_that_our_nick_is_free),
		STORY(test_a_server_that_knows_no_ison_is_asked_blindly),
		STORY(test_who_has_our_nick_leaves_or_changes_it),
		STORY(test_a_nick_that_the_server_cuts_is_ours),
		STORY(test_a_bot_says_that_it_is_one),
		STORY(test_a_split_takes_its_people_along),
		STORY(test_a_killed_gateway_comes_back),
		STORY(test_a_hundred_restarts_need_nobody_and_leak_nothing),
		STORY(test_a_half_closed_connection_is_closed),
		STORY(test_a_server_that_stops_half_way_is_left),
		STORY(test_a_welcome_without_an_end_is_a_welcome),
		STORY(test_excess_flood_makes_us_slower),
		STORY(test_a_private_word_from_who_shares_no_channel_is_heard),
		STORY(test_absurd_limits_change_nothing),
		STORY(test_a_server_that_throws_us_about_gets_no_flood),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
