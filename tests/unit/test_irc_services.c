/* Proving ourselves to a network and the network to us, where it is not SASL: NickServ and those who look like it, our own certificate, and pins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "bridge/base/error.h"
#include "irc_world.h"
#include "protocols/irc/wire_tls.h"

/* -- NickServ --------------------------------------------------------------------------------------------------------- */

static const struct secret password = { "password", "open sesame", 11 };

static void
use_nickserv(const char *services)
{
	world.irc.account = "sally";
	world.irc.password = &password;
	world.irc.sasl = "nickserv";
	world.irc.services = services;
	world.irc.patience = 2000;
	world.irc.flood = false;
}

static void
come_in(void)
{
	start_gateway();
	assert_true(answer_the_door());
	greet("account-tag sasl=PLAIN");
	welcome("sally", "NETWORK=test");
	expect("WHOIS NickServ");
}

static void
test_the_configured_services_get_the_password_and_nobody_joins_before_they_agree(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.*");
	come_in();
	tell(":irc.test 311 sally NickServ services Services.corp.test * :Nickname services");
	expect("PRIVMSG NickServ :IDENTIFY sally open sesame");
	tell(":irc.test 318 sally NickServ :End of /WHOIS list.");
	tell(":NickServ!services@services.corp.test NOTICE sally :You are now identified for sally.");
	expect_nothing();
	tell(":irc.test 900 sally sally!s@h sally :You are now logged in as sally");
	let_in("sally", "sally");
	await(story.ups == 1);
	assert_int_equal(logged("weaker than SASL"), 1);
}

static void
test_a_mode_that_only_services_give_will_do(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.corp.test");
	come_in();
	tell(":NickServ!services@services.corp.test MODE sally :+r");     /* before anything was said: of no account */
	tell(":irc.test 311 sally NickServ services services.corp.test * :Nickname services");
	expect("PRIVMSG NickServ :IDENTIFY sally open sesame");
	tell(":irc.test MODE alice :+r");
	tell(":irc.test MODE sally :-r+i");
	expect_nothing();
	tell(":NickServ!services@services.corp.test MODE sally :+ir");
	let_in("sally", "sally");
	await(story.ups == 1);
}

/* ngircd calls it R; r means restricted there. What we set ourselves on connecting comes from our own nick, and proves nothing. */
static void
test_a_mode_that_we_have_anyway_proves_nothing(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.corp.test");
	come_in();
	tell(":irc.test 311 sally NickServ services services.corp.test * :Nickname services");
	expect("PRIVMSG NickServ :IDENTIFY sally open sesame");
	tell(":sally!s@h MODE sally :+Rr");
	tell(":sally MODE sally :+R");
	tell(":N1ckServ!services@services.corp.test MODE sally :+R");
	tell(":NickServ!evil@evil.test MODE sally :+R");
	expect_nothing();
	tell(":NickServ!services@services.corp.test MODE sally :+R");
	let_in("sally", "sally");
	await(story.ups == 1);
}

static void
test_the_echo_of_the_password_is_nobodys_talk(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.corp.test");
	start_gateway();
	assert_true(answer_the_door());
	greet("account-tag echo-message");
	welcome("sally", "NETWORK=test");
	expect("WHOIS NickServ");
	tell(":irc.test 311 sally NickServ services services.corp.test * :Nickname services");
	expect("PRIVMSG NickServ :IDENTIFY sally open sesame");
	tell("@account=sally :sally!s@h PRIVMSG NickServ :IDENTIFY sally open sesame");
	tell(":irc.test 900 sally sally!s@h sally :You are now logged in as sally");
	let_in("sally", "sally");
	await(story.ups == 1);
	expect_heard_only(0);
	assert_int_equal(logged("sesame"), 0);
}

/* Threats I5. */
static void
test_who_only_has_the_nick_gets_nothing(void **state)
{
	static const char *const others[] = {
		"services evil.test", "evil services.corp.test", "services services.corp.test.evil.test", "services xservices.corp.test",
	};

	use_nickserv("NickServ!services@services.corp.test");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (i) {
			world_tear_down(state);
			world_set_up(state);
			use_nickserv("NickServ!services@services.corp.test");
		}
		come_in();
		tell(":irc.test 311 sally NickServ %s * :Nickname services", others[i]);
		while (take_bytes(PATIENCE))
			;
		await(story.ended);
		assert_false(story.fine);
		assert_non_null(strstr(story.error, "not the services that are configured"));
		assert_null(memmem(server.all, server.bytes, "sesame", 6));
		assert_null(memmem(server.all, server.bytes, "JOIN", 4));
	}
}

static void
test_who_asks_for_the_password_gets_nothing(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.corp.test");
	come_in();
	tell(":N1ckServ!services@services.corp.test NOTICE sally :Please identify: /msg N1ckServ IDENTIFY password");
	tell(":NickServ!evil@evil.test NOTICE sally :This nickname is registered. IDENTIFY now.");
	tell(":NickServ!evil@evil.test PRIVMSG sally :IDENTIFY");
	tell(":irc.test 311 sally N1ckServ services services.corp.test * :x");
	expect_nothing();
	assert_null(memmem(server.all, server.bytes, "sesame", 6));
}

static void
test_services_that_are_away_are_waited_for(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.corp.test");
	come_in();
	tell(":irc.test 401 sally NickServ :No such nick/channel");
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "Services are away"));
	assert_true(answer_the_door());         /* it comes back by itself */
	assert_null(memmem(server.all, server.bytes, "sesame", 6));
}

static void
test_a_wrong_password_is_told_in_the_words_of_services(void **state)
{
	(void)state;
	use_nickserv("NickServ!services@services.corp.test");
	come_in();
	tell(":irc.test 311 sally NickServ services services.corp.test * :Nickname services");
	expect("PRIVMSG NickServ :IDENTIFY");
	tell(":NickServ!evil@evil.test NOTICE sally :All is well");
	tell(":NickServ!services@services.corp.test NOTICE sally :Invalid password for \002sally\002.");
	while (take_bytes(PATIENCE))
		;
	await(story.ended);
	assert_false(story.fine);
	assert_non_null(strstr(story.error, "did not log me in within 2 s (it said: Invalid password for sally.)"));
	assert_null(memmem(server.all, server.bytes, "JOIN", 4));
	assert_int_equal(logged("sesame"), 0);
}

/* -- Pins -------------------------------------------------------------------------------------------------------------- */

static const char *
pin_of_server(void)
{
	static char pin[64] = "sha256//";
	unsigned char *key = NULL, hash[32];
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(SSL_CTX_get0_certificate(server.tls)), &key);

	assert_true(length > 0);
	EVP_Digest(key, (size_t)length, hash, NULL, EVP_sha256(), NULL);
	EVP_EncodeBlock((unsigned char *)pin + 8, hash, 32);
	OPENSSL_free(key);
	return pin;
}

static const char other_pin[] = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

static void
test_a_pinned_key_is_spoken_to(void **state)
{
	static const char *pins[2] = { other_pin };

	(void)state;
	use_tls("IP:127.0.0.1");
	pins[1] = pin_of_server();
	world.irc.pins = (struct list){ .count = 2, .each = pins };
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
}

static void
test_another_key_hears_nothing_and_its_pin_is_told(void **state)
{
	static const char *const pins[] = { other_pin };

	(void)state;
	use_tls("IP:127.0.0.1");
	world.irc.pins = (struct list){ .count = 1, .each = pins };
	start_gateway();
	answer_the_door();
	take_bytes(PATIENCE);
	await(story.aways >= 1);
	assert_int_equal(server.bytes, 0);
	assert_non_null(strstr(story.away, "which is none of pin"));
	assert_non_null(strstr(story.away, pin_of_server()));
}

/* -- Our own certificate ------------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/test_irc_services.XXXXXX";

/* A self-signed certificate in folder/NAME.pem; its key, for free(). */
static char *
make_certificate(const char *name, char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *made = X509_new();
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes;

	X509_gmtime_adj(X509_getm_notBefore(made), 0);
	X509_gmtime_adj(X509_getm_notAfter(made), 86400);
	X509_set_pubkey(made, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made, X509_get_subject_name(made));
	X509_sign(made, key, EVP_sha256());
	sprintf(path, "%s/%s.pem", folder, name);
	FILE *out = fopen(path, "w");
	PEM_write_X509(out, made);
	fclose(out);
	PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL);
	long length = BIO_get_mem_data(text, &bytes);
	char *copy = strndup(bytes, (size_t)length);
	BIO_free(text);
	X509_free(made);
	EVP_PKEY_free(key);
	return copy;
}

static int
any_client(int fine, X509_STORE_CTX *context)
{
	(void)fine;
	(void)context;
	return 1;
}

static void
test_our_certificate_is_shown_and_the_account_named(void **state)
{
	char path[100], name[40] = "";
	char *key = make_certificate("sally", path);
	struct secret secret = { "sally.key", key, strlen(key) };

	(void)state;
	use_tls("IP:127.0.0.1");
	SSL_CTX_set_verify(server.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_client);
	world.irc.certificate_file = path;
	world.irc.key = &secret;
	world.irc.account = "sally";
	world.irc.sasl = "external";
	start_gateway();
	assert_true(answer_the_door());
	X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(server.ssl)), NID_commonName, name, sizeof name);
	assert_string_equal(name, "sally");
	expect("CAP LS 302");
	tell(":irc.test CAP * LS :sasl=EXTERNAL account-tag");
	expect("NICK");
	expect("USER");
	expect("CAP REQ");
	tell(":irc.test CAP * ACK :account-tag sasl");
	expect("AUTHENTICATE EXTERNAL");
	tell("AUTHENTICATE +");
	expect("AUTHENTICATE c2FsbHk=");
	tell(":irc.test 903 sally :SASL authentication successful");
	expect("CAP END");
	order(NULL);
	unlink(path);
	free(key);
}

static void
test_a_key_of_another_certificate_is_found_when_it_is_checked(void **state)
{
	char path[100], other[100];
	char *key = make_certificate("sally", path), *other_key = make_certificate("other", other);
	struct secret right = { "sally.key", key, strlen(key) }, wrong = { "other.key", other_key, strlen(other_key) }, none = { "x", "no key", 6 };
	struct irc irc = { .certificate_file = path, .key = &right };
	struct error error;

	(void)state;
	assert_true(wire_tls_certificate(&irc, &error));
	irc.key = &wrong;
	assert_false(wire_tls_certificate(&irc, &error));
	assert_non_null(strstr(error.text, "key_file other.key holds no private key in PEM that goes with"));
	irc.key = &none;
	assert_false(wire_tls_certificate(&irc, &error));
	irc.certificate_file = "/nowhere.pem";
	assert_false(wire_tls_certificate(&irc, &error));
	assert_non_null(strstr(error.text, "certificate_file /nowhere.pem"));
	unlink(path);
	unlink(other);
	free(key);
	free(other_key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_the_configured_services_get_the_password_and_nobody_joins_before_they_agree),
		STORY(test_a_mode_that_only_services_give_will_do),
		STORY(test_a_mode_that_we_have_anyway_proves_nothing),
		STORY(test_the_echo_of_the_password_is_nobodys_talk),
		STORY(test_who_only_has_the_nick_gets_nothing),
		STORY(test_who_asks_for_the_password_gets_nothing),
		STORY(test_services_that_are_away_are_waited_for),
		STORY(test_a_wrong_password_is_told_in_the_words_of_services),
		STORY(test_a_pinned_key_is_spoken_to),
		STORY(test_another_key_hears_nothing_and_its_pin_is_told),
		STORY(test_our_certificate_is_shown_and_the_account_named),
		cmocka_unit_test(test_a_key_of_another_certificate_is_found_when_it_is_checked),
	};

	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
