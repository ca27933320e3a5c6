/* Logging in to an IRC server: what is asked for, when the password leaves, and when it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "protocols/irc/line.h"
#include "protocols/irc/login.h"

/* What was sent, a line each. */
static char sent[8000];

static void
keep(const char *command, const char *const *params, size_t count, void *with)
{
	struct written line;

	(void)with;
	assert_true(line_write(&line, 0, command, params, count));
	line.bytes[line.length - 2] = '\n';
	line.bytes[line.length - 1] = '\0';
	assert_true(strlen(sent) + strlen(line.bytes) < sizeof sent);
	strcat(sent, line.bytes);
}

static struct login
begin(const char *account, const char *password)
{
	struct login login = { .account = account, .password = password, .safe = true, .send = keep };

	sent[0] = '\0';
	login_begin(&login);
	assert_string_equal(sent, "CAP LS 302\n");
	sent[0] = '\0';
	return login;
}

static bool
give(struct login *login, const char *text)
{
	static char bytes[LINE_HEARD_MOST + 1];
	struct irc_line line;

	snprintf(bytes, sizeof bytes, "%s", text);
	assert_true(line_read(bytes, strlen(bytes), &line));
	return login_take(login, &line);
}

static void
expect(const char *lines)
{
	assert_string_equal(sent, lines);
	sent[0] = '\0';
}

static void
test_without_an_account_only_tags_are_asked_for(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	give(&login, ":irc CAP * LS :multi-prefix account-tag sasl=PLAIN server-time batch message-tags draft/chathistory");
	expect("CAP REQ :account-tag batch message-tags server-time\n");
	give(&login, ":irc CAP * ACK :account-tag batch message-tags server-time ");
	expect("CAP END\n");
	assert_int_equal(login.state, LOGIN_DONE);
	assert_int_equal(login.has, CAP_ACCOUNT_TAG | CAP_BATCH | CAP_MESSAGE_TAGS | CAP_SERVER_TIME);
	assert_true(login_welcome(&login));
}

static void
test_a_list_may_have_several_lines(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	give(&login, ":irc CAP * LS * :account-tag multi-prefix");
	give(&login, ":irc CAP * LS * :cap-notify");
	expect("");
	give(&login, ":irc CAP * LS :server-time");
	expect("CAP REQ :account-tag server-time\n");
}

static void
test_three_hundred_capabilities_are_read(void **state)
{
	struct login login = begin(NULL, NULL);
	char line[8000];

	(void)state;
	for (int part = 0; part < 30; part++) {
		size_t length = (size_t)snprintf(line, sizeof line, ":irc CAP * LS %s:", part < 29 ? "* " : "");
		for (int i = 0; i < 10; i++)
			length += (size_t)snprintf(line + length, sizeof line - length, "example.org/cap-%d-%d=value,value ", part, i);
		if (part == 17)
			snprintf(line + length, sizeof line - length, "account-tag");
		give(&login, line);
	}
	expect("CAP REQ account-tag\n");
}

static void
log_in(struct login *login)
{
	give(login, ":irc CAP * LS :sasl=EXTERNAL,PLAIN account-tag");
	expect("CAP REQ :account-tag sasl\n");
	give(login, ":irc CAP * ACK :account-tag sasl");
	expect("AUTHENTICATE PLAIN\n");
	give(login, "AUTHENTICATE +");
}

static void
test_the_password_is_sent_when_it_is_asked_for(void **state)
{
	struct login login = begin("sally", "open sesame");

	(void)state;
	log_in(&login);
	expect("AUTHENTICATE AHNhbGx5AG9wZW4gc2VzYW1l\n");
	give(&login, ":irc 900 sally sally!s@h sally :You are now logged in as sally");
	expect("");
	assert_true(give(&login, ":irc 903 sally :SASL authentication successful"));
	expect("CAP END\n");
	assert_true(login.logged_in);
	assert_true(login_welcome(&login));
}

static void
test_a_long_password_is_sent_in_pieces(void **state)
{
	char password[296];

	(void)state;
	/* One that fills its last piece, and one that does not. */
	for (size_t length = 294; length <= 295; length++) {
		memset(password, 'x', length);
		password[length - 1] = '\0';
		struct login login = begin("sally", password);
		unsigned char plain[400];
		char base64[500] = "";
		size_t pieces = 0;
		log_in(&login);
		for (char *line = strtok(sent, "\n"); line; line = strtok(NULL, "\n"), pieces++) {
			assert_true(strlen(line) <= strlen("AUTHENTICATE ") + 400);
			if (strcmp(line, "AUTHENTICATE +"))
				strcat(base64, line + strlen("AUTHENTICATE "));
		}
		assert_int_equal(pieces, 2);
		int size = EVP_DecodeBlock(plain, (unsigned char *)base64, (int)strlen(base64));
		assert_true(size >= (int)length + 6);
		assert_memory_equal(plain, "\0sally\0x", 8);
	}
}

static void
test_a_password_that_is_too_long_does_not_leave(void **state)
{
	char password[700];

	(void)state;
	memset(password, 'x', sizeof password);
	password[sizeof password - 1] = '\0';
	struct login login = begin("sally", password);
	log_in(&login);
	expect("");
	assert_int_equal(login.state, LOGIN_FAILED);
	assert_true(*login.why.text);
}

static void
test_each_refusal_has_its_sentence(void **state)
{
	static const char *const numerics[] = { "902", "904", "905", "906", "908" };

	(void)state;
	for (size_t i = 0; i < sizeof numerics / sizeof *numerics; i++) {
		struct login login = begin("sally", "wrong");
		char line[80];
		log_in(&login);
		sent[0] = '\0';
		snprintf(line, sizeof line, ":irc %s sally :no", numerics[i]);
		assert_true(give(&login, line));
		expect("");
		assert_int_equal(login.state, LOGIN_FAILED);
		assert_true(*login.why.text);
		assert_null(strstr(login.why.text, "wrong"));
		assert_false(login_welcome(&login));
	}
}

static void
test_a_password_leaves_only_where_it_is_safe(void **state)
{
	struct login login = begin("sally", "open sesame");

	(void)state;
	login.safe = false;
	give(&login, ":irc CAP * LS :sasl account-tag");
	sent[0] = '\0';
	give(&login, ":irc CAP * ACK :account-tag sasl");
	give(&login, "AUTHENTICATE +");
	expect("");
	assert_int_equal(login.state, LOGIN_FAILED);
}

static void
test_a_password_is_not_sent_before_we_offered_it(void **state)
{
	struct login login = begin("sally", "open sesame");

	(void)state;
	give(&login, "AUTHENTICATE +");
	expect("");
	give(&login, ":irc CAP * LS :account-tag sasl");
	sent[0] = '\0';
	give(&login, "AUTHENTICATE +");
	expect("");
	give(&login, ":irc CAP * ACK :account-tag sasl");
	expect("AUTHENTICATE PLAIN\n");
	/* And once: who asks twice gets nothing. */
	give(&login, "AUTHENTICATE +");
	assert_non_null(strstr(sent, "AUTHENTICATE AHNh"));
	sent[0] = '\0';
	give(&login, "AUTHENTICATE +");
	expect("");
}

static void
test_success_before_the_password_is_no_success(void **state)
{
	struct login login = begin("sally", "open sesame");

	(void)state;
	give(&login, ":irc 903 sally :SASL authentication successful");
	assert_false(login.logged_in);
	assert_false(login_welcome(&login));
	assert_non_null(strstr(login.why.text, "SASL"));
}

static void
test_another_challenge_is_refused(void **state)
{
	struct login login = begin("sally", "open sesame");

	(void)state;
	give(&login, ":irc CAP * LS :sasl");
	give(&login, ":irc CAP * ACK :sasl");
	sent[0] = '\0';
	give(&login, "AUTHENTICATE cj1hYmM=");
	expect("");
	assert_int_equal(login.state, LOGIN_FAILED);
}

static void
test_no_sasl_no_login(void **state)
{
	static const char *const lists[] = { ":irc CAP * LS :account-tag", ":irc CAP * LS :", ":irc CAP * LS :account-tag sasl=EXTERNAL,SCRAM-SHA-256",
		":irc CAP * LS :sasl=PLAINER,XPLAIN" };

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct login login = begin("sally", "open sesame");
		give(&login, lists[i]);
		give(&login, ":irc CAP * ACK :account-tag");
		give(&login, ":irc CAP * ACK :sasl");
		assert_null(strstr(sent, "AUTHENTICATE"));
		assert_int_equal(login.state, LOGIN_FAILED);
		assert_false(login_welcome(&login));
	}
}

static void
test_a_server_that_knows_no_capabilities(void **state)
{
	struct login nobody = begin(NULL, NULL), sally = begin("sally", "open sesame");

	(void)state;
	sent[0] = '\0';
	assert_true(give(&nobody, ":irc 421 * CAP :Unknown command"));
	assert_true(login_welcome(&nobody));
	assert_int_equal(nobody.has, 0);
	assert_true(give(&sally, ":irc 421 * CAP :Unknown command"));
	assert_int_equal(sally.state, LOGIN_FAILED);
	/* One that does not even say so. */
	nobody = begin(NULL, NULL);
	assert_true(login_welcome(&nobody));
	sally = begin("sally", "open sesame");
	assert_false(login_welcome(&sally));
}

static void
test_what_is_refused_together_is_asked_for_alone(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	give(&login, ":irc CAP * LS :account-tag batch server-time");
	expect("CAP REQ :account-tag batch server-time\n");
	give(&login, ":irc CAP * NAK :account-tag batch server-time");
	expect("CAP REQ account-tag\n");
	give(&login, ":irc CAP * ACK :account-tag");
	expect("CAP REQ batch\n");
	give(&login, ":irc CAP * NAK :batch");
	expect("CAP REQ server-time\n");
	give(&login, ":irc CAP * ACK :server-time");
	expect("CAP END\n");
	assert_int_equal(login.has, CAP_ACCOUNT_TAG | CAP_SERVER_TIME);
}

static void
test_refusals_without_an_end_end(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	give(&login, ":irc CAP * LS :account-tag batch server-time");
	for (int i = 0; i < 10; i++)
		give(&login, ":irc CAP * NAK :");
	assert_int_equal(login.state, LOGIN_DONE);
	assert_int_equal(login.has, 0);
}

static void
test_nothing_is_had_that_was_not_asked_for(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	give(&login, ":irc CAP * ACK :account-tag");
	give(&login, ":irc CAP * LS :server-time");
	give(&login, ":irc CAP * ACK :account-tag");
	assert_int_equal(login.has, 0);
}

static void
test_a_capability_can_go_and_come(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	give(&login, ":irc CAP * LS :account-tag batch");
	give(&login, ":irc CAP * ACK :account-tag batch");
	assert_true(login_welcome(&login));
	sent[0] = '\0';
	give(&login, ":irc CAP sally DEL :account-tag");
	assert_int_equal(login.has, CAP_BATCH);
	give(&login, ":irc CAP sally NEW :account-tag=x sasl");
	expect("CAP REQ account-tag\n");
	assert_int_equal(login.has, CAP_BATCH);
	give(&login, ":irc CAP sally ACK :account-tag");
	assert_int_equal(login.has, CAP_BATCH | CAP_ACCOUNT_TAG);
	give(&login, ":irc CAP sally ACK :-account-tag");
	assert_int_equal(login.has, CAP_BATCH);
	expect("");
}

static void
test_other_lines_are_not_ours(void **state)
{
	struct login login = begin(NULL, NULL);

	(void)state;
	assert_false(give(&login, ":irc 001 sally :Welcome"));
	assert_false(give(&login, ":irc 421 sally FOO :Unknown command"));
	assert_false(give(&login, ":alice!a@h PRIVMSG #ops :CAP"));
	assert_true(give(&login, "CAP"));
	assert_true(give(&login, "CAP *"));
	assert_true(give(&login, "AUTHENTICATE"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_an_account_only_tags_are_asked_for),
		cmocka_unit_test(test_a_list_may_have_several_lines),
		cmocka_unit_test(test_three_hundred_capabilities_are_read),
		cmocka_unit_test(test_the_password_is_sent_when_it_is_asked_for),
		cmocka_unit_test(test_a_long_password_is_sent_in_pieces),
		cmocka_unit_test(test_a_password_that_is_too_long_does_not_leave),
		cmocka_unit_test(test_each_refusal_has_its_sentence),
		cmocka_unit_test(test_a_password_leaves_only_where_it_is_safe),
		cmocka_unit_test(test_a_password_is_not_sent_before_we_offered_it),
		cmocka_unit_test(test_success_before_the_password_is_no_success),
		cmocka_unit_test(test_another_challenge_is_refused),
		cmocka_unit_test(test_no_sasl_no_login),
		cmocka_unit_test(test_a_server_that_knows_no_capabilities),
		cmocka_unit_test(test_what_is_refused_together_is_asked_for_alone),
		cmocka_unit_test(test_refusals_without_an_end_end),
		cmocka_unit_test(test_nothing_is_had_that_was_not_asked_for),
		cmocka_unit_test(test_a_capability_can_go_and_come),
		cmocka_unit_test(test_other_lines_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
