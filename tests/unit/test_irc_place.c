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
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
