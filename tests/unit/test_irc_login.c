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
#include <openssl/hmac.h>

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
	static const char *const lists[] = { ":irc CAP * LS :account-tag", ":irc CAP * LS :", ":irc CAP * LS :account-tag sasl=EXTERNAL,SCRAM-SHA-512",
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

/* -- Mechanisms ------------------------------------------------------------------------------------------------------- */

static struct login
begin_with(enum sasl_mechanism mechanism, const char *password, const char *offer)
{
	struct login login = { .account = "sally", .password = password, .mechanism = mechanism, .safe = true, .send = keep };
	char line[200];

	sent[0] = '\0';
	login_begin(&login);
	snprintf(line, sizeof line, ":irc CAP * LS :%s", offer);
	give(&login, line);
	sent[0] = '\0';
	give(&login, ":irc CAP * ACK :sasl");
	return login;
}

static void
test_the_best_that_is_offered_is_taken_and_nothing_weaker_than_was_asked_for(void **state)
{
	static const struct { enum sasl_mechanism mechanism; const char *offer, *said; } table[] = {
		{ SASL_BEST, "sasl=PLAIN,SCRAM-SHA-256,EXTERNAL", "AUTHENTICATE SCRAM-SHA-256\n" },
		{ SASL_BEST, "sasl=PLAIN,EXTERNAL", "AUTHENTICATE PLAIN\n" },
		{ SASL_BEST, "sasl", "AUTHENTICATE PLAIN\n" },
		{ SASL_BEST, "sasl=EXTERNAL", "" },
		{ SASL_PLAIN, "sasl=SCRAM-SHA-256,PLAIN", "AUTHENTICATE PLAIN\n" },
		{ SASL_PLAIN, "sasl=SCRAM-SHA-256", "" },
		{ SASL_SCRAM_SHA_256, "sasl=PLAIN", "" },
		{ SASL_SCRAM_SHA_256, "sasl", "AUTHENTICATE SCRAM-SHA-256\n" },
		{ SASL_EXTERNAL, "sasl=PLAIN,SCRAM-SHA-256", "" },
		{ SASL_EXTERNAL, "sasl=EXTERNAL", "AUTHENTICATE EXTERNAL\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct login login = begin_with(table[i].mechanism, table[i].mechanism == SASL_EXTERNAL ? NULL : "open sesame", table[i].offer);
		expect(table[i].said);
		assert_int_equal(login.state, *table[i].said ? LOGIN_SASL : LOGIN_FAILED);
		assert_false(login.later);
		login_end(&login);
	}
}

static void
test_what_is_offered_in_its_place_is_named(void **state)
{
	struct login login = begin_with(SASL_SCRAM_SHA_256, "open sesame", "sasl=PLAIN,EXTERNAL");

	(void)state;
	assert_string_equal(login.why.text,
		"The server's SASL does not offer SCRAM-SHA-256, which is what sasl asks for. It offers: \"external\", \"plain\".");
	login = begin_with(SASL_BEST, "open sesame", "sasl=EXTERNAL");
	assert_non_null(strstr(login.why.text, "It offers: \"external\"."));
	login = begin_with(SASL_PLAIN, "open sesame", "sasl=XYZZY");
	assert_non_null(strstr(login.why.text, "It offers: nothing that I can do."));
}

static void
test_a_certificate_logs_in_without_a_password(void **state)
{
	struct login login = begin_with(SASL_EXTERNAL, NULL, "sasl=EXTERNAL");

	(void)state;
	sent[0] = '\0';
	give(&login, "AUTHENTICATE +");
	expect("AUTHENTICATE c2FsbHk=\n");
	give(&login, ":irc 903 sally :SASL authentication successful");
	expect("CAP END\n");
	assert_true(login.logged_in);

	login = begin_with(SASL_EXTERNAL, NULL, "sasl=EXTERNAL");
	give(&login, "AUTHENTICATE +");
	give(&login, ":irc 904 sally :SASL authentication failed");
	assert_non_null(strstr(login.why.text, "fingerprint"));
}

static void
test_a_server_that_names_its_mechanisms_late_is_understood(void **state)
{
	struct login login = begin_with(SASL_SCRAM_SHA_256, "open sesame", "sasl");

	(void)state;
	give(&login, ":irc 908 sally PLAIN,EXTERNAL :are available SASL mechanisms");
	assert_int_equal(login.state, LOGIN_FAILED);
	assert_non_null(strstr(login.why.text, "SCRAM-SHA-256"));
	login_end(&login);
}

/* -- SCRAM, with a server of our own ----------------------------------------------------------------------------------- */

enum { ROUNDS = 4096 };
static const char salt[] = "sixteen bytes of";

struct server {
	char first[300], challenge[300], without_proof[300];
	unsigned char salted[32];
};

/* The text behind the last AUTHENTICATE of what was sent. */
static void
read_sent(char *out, size_t size)
{
	static const char word[] = "AUTHENTICATE ";
	unsigned char bytes[2000];
	char *at = sent, *next;

	while ((next = strstr(at + 1, word)))
		at = next;
	at += strlen(word);
	size_t length = strcspn(at, "\n"), padding = (size_t)(at[length - 1] == '=') + (size_t)(at[length - 2] == '=');
	int whole = EVP_DecodeBlock(bytes, (const unsigned char *)at, (int)length);
	assert_true(whole > 0);
	snprintf(out, size, "%.*s", whole - (int)padding, (const char *)bytes);
	sent[0] = '\0';
}

static void
give_base64(struct login *login, const char *message)
{
	char line[1000];
	int length = snprintf(line, sizeof line, "AUTHENTICATE ");

	EVP_EncodeBlock((unsigned char *)line + length, (const unsigned char *)message, (int)strlen(message));
	give(login, line);
}

static void
challenge(struct server *server, struct login *login, const char *password)
{
	unsigned char salt_text[64];

	sent[0] = '\0';
	give(login, "AUTHENTICATE +");
	read_sent(server->first, sizeof server->first);
	assert_memory_equal(server->first, "n,,n=sally,r=", 13);
	EVP_EncodeBlock(salt_text, (const unsigned char *)salt, (int)strlen(salt));
	snprintf(server->challenge, sizeof server->challenge, "r=%sSERVER,s=%s,i=%d", server->first + 13, (const char *)salt_text, ROUNDS);
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt, (int)strlen(salt), ROUNDS, EVP_sha256(), 32, server->salted);
	give_base64(login, server->challenge);
}

static void
signature(const struct server *server, char out[64])
{
	unsigned char key[32], hash[32];
	char all[1000];

	snprintf(all, sizeof all, "%s,%s,%s", server->first + 3, server->challenge, server->without_proof);
	HMAC(EVP_sha256(), server->salted, 32, (const unsigned char *)"Server Key", 10, key, NULL);
	HMAC(EVP_sha256(), key, 32, (const unsigned char *)all, strlen(all), hash, NULL);
	strcpy(out, "v=");
	EVP_EncodeBlock((unsigned char *)out + 2, hash, 32);
}

static void
read_final(struct server *server, struct login *login)
{
	unsigned rounds = 0;
	char final[400];

	while (login->sasl.state == SASL_WORKING && ++rounds < 100)
		login_work(login);
	assert_int_equal(login->sasl.state, SASL_CHECKING);
	read_sent(final, sizeof final);
	snprintf(server->without_proof, sizeof server->without_proof, "%.*s", (int)(strstr(final, ",p=") - final), final);
}

static void
test_scram_proves_both_sides_and_the_password_stays_here(void **state)
{
	struct login login = begin_with(SASL_BEST, "open sesame", "sasl=SCRAM-SHA-256,PLAIN");
	struct server server;
	char proof[64];

	(void)state;
	challenge(&server, &login, "open sesame");
	read_final(&server, &login);
	signature(&server, proof);
	give_base64(&login, proof);
	expect("AUTHENTICATE +\n");
	assert_false(login.logged_in);
	give(&login, ":irc 903 sally :SASL authentication successful");
	expect("CAP END\n");
	assert_true(login.logged_in);
	assert_null(login.sasl.scram);
}

static void
test_scram_finds_out_who_does_not_know_the_password(void **state)
{
	struct login login = begin_with(SASL_BEST, "open sesame", "sasl=SCRAM-SHA-256");
	struct server server;
	char proof[64];

	(void)state;
	challenge(&server, &login, "something else");
	read_final(&server, &login);
	signature(&server, proof);
	give_base64(&login, proof);
	expect("");
	assert_int_equal(login.state, LOGIN_FAILED);
	assert_non_null(strstr(login.why.text, "did not prove"));
	assert_null(login.sasl.scram);

	/* Nor is a success believed that comes without any proof. */
	login = begin_with(SASL_BEST, "open sesame", "sasl=SCRAM-SHA-256");
	challenge(&server, &login, "open sesame");
	give(&login, ":irc 903 sally :SASL authentication successful");
	assert_false(login.logged_in);
	read_final(&server, &login);
	give(&login, ":irc 903 sally :SASL authentication successful");
	assert_int_equal(login.state, LOGIN_FAILED);
	assert_false(login.logged_in);
}

static void
test_an_endless_challenge_is_refused(void **state)
{
	struct login login = begin_with(SASL_BEST, "open sesame", "sasl=SCRAM-SHA-256");
	char line[500] = "AUTHENTICATE ";

	(void)state;
	give(&login, "AUTHENTICATE +");
	memset(line + 13, 'A', 400);
	for (int i = 0; i < 20; i++)
		give(&login, line);
	assert_int_equal(login.state, LOGIN_FAILED);
	login_end(&login);
}

static void
test_who_was_thrown_out_logs_in_again_when_services_are_back(void **state)
{
	struct login login = begin_with(SASL_PLAIN, "open sesame", "sasl=PLAIN");

	(void)state;
	give(&login, "AUTHENTICATE +");
	give(&login, ":irc 903 sally :SASL authentication successful");
	assert_true(login_welcome(&login));
	sent[0] = '\0';
	give(&login, ":irc CAP sally DEL :sasl");
	give(&login, ":irc CAP sally NEW :sasl=PLAIN");
	expect("");             /* still logged in: nothing to be done */
	give(&login, ":irc CAP sally DEL :sasl");
	give(&login, ":irc 901 sally sally!s@h :You are now logged out");
	give(&login, ":irc CAP sally NEW :sasl=PLAIN");
	expect("CAP REQ sasl\n");
	give(&login, ":irc CAP sally ACK :sasl");
	expect("AUTHENTICATE PLAIN\n");
	give(&login, "AUTHENTICATE +");
	give(&login, ":irc 904 sally :SASL authentication failed");
	assert_int_equal(login.state, LOGIN_DONE);      /* we are in: that stays so */
	assert_false(login.logged_in);
}

/* Whatever a server says in whatever order: it is never believed that we are logged in, for nothing here proves it. */
static void
test_random_servers_log_nobody_in(void **state)
{
	static const char *const lines[] = {
		":irc CAP * LS :sasl=SCRAM-SHA-256 account-tag", ":irc CAP * LS * :sasl", ":irc CAP * ACK :sasl", ":irc CAP * ACK :sasl account-tag", ":irc CAP * NAK :sasl",
		":irc CAP * NEW :sasl=PLAIN", ":irc CAP * DEL :sasl", ":irc CAP", ":irc CAP * LS", "AUTHENTICATE +", "AUTHENTICATE", "AUTHENTICATE cj1hYmM=",
		"AUTHENTICATE dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE9", "AUTHENTICATE =", "AUTHENTICATE ====", "AUTHENTICATE AA==", ":irc 900 * * sally :in",
		":irc 901 * * :out", ":irc 902 * :locked", ":irc 903 * :fine", ":irc 904 * :no", ":irc 905 * :long", ":irc 906 * :aborted", ":irc 907 * :already", ":irc 908 * SCRAM-SHA-256 :x",
		":irc 421 * CAP :what",
	};

	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++) {
		struct login login = { .account = "sally", .password = "open sesame", .mechanism = SASL_SCRAM_SHA_256, .safe = true, .send = keep };
		sent[0] = '\0';
		login_begin(&login);
		for (int j = 0; j < 40; j++) {
			sent[0] = '\0';
			give(&login, lines[(size_t)rand() % (sizeof lines / sizeof *lines)]);
			login_work(&login);
			assert_false(login.logged_in);
			assert_null(strstr(sent, "b3BlbiBzZXNhbWU"));
		}
		login_end(&login);
	}
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
		cmocka_unit_test(test_the_best_that_is_offered_is_taken_and_nothing_weaker_than_was_asked_for),
		cmocka_unit_test(test_what_is_offered_in_its_place_is_named),
		cmocka_unit_test(test_a_certificate_logs_in_without_a_password),
		cmocka_unit_test(test_a_server_that_names_its_mechanisms_late_is_understood),
		cmocka_unit_test(test_scram_proves_both_sides_and_the_password_stays_here),
		cmocka_unit_test(test_scram_finds_out_who_does_not_know_the_password),
		cmocka_unit_test(test_an_endless_challenge_is_refused),
		cmocka_unit_test(test_who_was_thrown_out_logs_in_again_when_services_are_back),
		cmocka_unit_test(test_random_servers_log_nobody_in),
		cmocka_unit_test(test_other_lines_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
