/* A section irc "corp" { }: what it holds when little is written, and which mistakes are found before anything connects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/conf.h"
#include "bridge/base/secret.h"
#include "protocols/irc/irc_settings.h"

static char folder[] = "/tmp/test_irc_settings.XXXXXX";
static char password[100], key[100];

static struct conf *conf;
static struct irc irc;

/* The mistakes of a section of these options, each a line. */
static const char *
mistakes(const char *options)
{
	static const struct shape shape = { "irc", sizeof irc, irc_settings, "", false };
	static char found[2000];
	char text[1000];

	snprintf(text, sizeof text, "irc \"corp\" {\n%s\n}\n", options);
	conf = conf_read_text("test.conf", text, strlen(text));
	struct section *section = conf_next(conf_root(conf), NULL, "irc");
	memset(&irc, 0, sizeof irc);
	if (conf_fill(conf, section, &shape, &irc))
		irc_settings_check(conf, section, &irc);
	found[0] = '\0';
	for (size_t i = 0; i < conf_mistakes(conf); i++)
		snprintf(found + strlen(found), sizeof found - strlen(found), "%s\n", conf_mistake_at(conf, i));
	return found;
}

static int
forget(void **state)
{
	(void)state;
	conf_free(conf);
	conf = NULL;
	return 0;
}

static void
test_a_server_is_all_it_takes(void **state)
{
	(void)state;
	assert_string_equal(mistakes("server = \"irc.corp.example\""), "");
	assert_int_equal(irc.servers.count, 1);
	assert_string_equal(irc.servers.each[0], "irc.corp.example");
	assert_int_equal(irc.port, 6697);
	assert_true(irc.tls);
	assert_true(irc.flood);
	assert_false(irc.insecure);
	assert_int_equal(irc.burst, 4);
	assert_int_equal(irc.rate, 2000);
	assert_int_equal(irc.ping, 60000);
	assert_int_equal(irc.patience, 30000);
	assert_int_equal(irc.retry, 2000);
	assert_string_equal(irc.answers, "notice");
	assert_null(irc.account);
}

static void
test_a_login_is_an_account_and_a_password(void **state)
{
	char options[300];

	(void)state;
	snprintf(options, sizeof options, "server = \"irc.corp.example\"\nsasl = \"plain\"\naccount = \"sally\"\npassword_file = \"%s\"", password);
	assert_string_equal(mistakes(options), "");
	assert_string_equal(irc.account, "sally");
	assert_string_equal(irc.password->bytes, "open sesame");
}

static void
expect(const char *options, const char *word)
{
	const char *found = mistakes(options);

	if (!strstr(found, word))
		fail_msg("%s: expected %s, found %s", options, word, found);
	forget(NULL);
}

static void
test_each_mistake_has_its_sentence(void **state)
{
	char login[300];

	(void)state;
	expect("port = 6697", "server");
	expect("server = \"irc.corp.example:6697\"\nport = 0", "port is 1 to 65535");
	expect("server = \"a b\"", "no name of a host");
	expect("server = { }", "server");
	expect("server = { \"irc.corp.example\", \"irc.corp.example:0\" }", "\"irc.corp.example:0\" is no name of a host");
	expect("server = \"irc.corp.example:66970\"", "no name of a host");
	expect("server = \"irc.corp.example:\"", "no name of a host");
	expect("server = \"[2001:db8::1\"", "no name of a host");
	expect("server = \"[2001:db8::1]6697\"", "no name of a host");
	expect("server = \"irc://irc.corp.example\"", "no name of a host");
	expect("server = \"irc.corp.example\"\ntls = no", "insecure = yes");
	expect("server = \"127.evil.example\"\ntls = no", "insecure = yes");
	expect("server = \"127.0.0.1\"\ntls = no\nca_file = \"ca.pem\"", "ca_file is of no use");
	expect("server = \"x\"\nsasl = \"scram-sha-1\"", "sasl = \"scram-sha-1\" is not");
	expect("server = \"x\"\nsasl = \"scram-sha-256\"", "without an account");
	expect("server = \"x\"\nsasl = \"external\"\naccount = \"sally\"", "needs certificate_file and key_file");
	expect("server = \"x\"\ncertificate_file = \"c.pem\"", "go together");
	expect("server = \"x\"\nsasl = \"nickserv\"\naccount = \"sally\"", "needs services");
	expect("server = \"x\"\nservices = \"NickServ!a@b.example\"", "of use with sasl = \"nickserv\" only");
	expect("server = \"x\"\nsasl = \"nickserv\"\nservices = \"NickServ\"", "is no NICK!USER@HOST");
	expect("server = \"x\"\nsasl = \"nickserv\"\nservices = \"*!a@b\"", "is no NICK!USER@HOST");
	expect("server = \"x\"\nsasl = \"nickserv\"\nservices = \"NickServ!a@*\"", "is no NICK!USER@HOST");
	expect("server = \"x\"\npin = \"sha256//abc\"", "is not \"sha256//\"");
	expect("server = \"127.0.0.1\"\ntls = no\npin = \"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"", "pin is of no use");
	expect("server = \"x\"\naccount = \"sally\"", "without a password");
	snprintf(login, sizeof login, "server = \"x\"\npassword_file = \"%s\"", password);
	expect(login, "without an account");
	snprintf(login, sizeof login, "server = \"127.0.0.1\"\ntls = no\naccount = \"sally\"\npassword_file = \"%s\"", password);
	expect(login, "a password leaves only over TLS");
	expect("server = \"x\"\nanswers = \"shout\"", "answers is");
	expect("server = \"x\"\nnick = \"4sally\"", "nick \"4sally\" is none");
	expect("server = \"x\"\nnick = \"sal ly\"", "is none");
	expect("server = \"x\"\nburst = 0", "burst is 1 to 1000");
	expect("server = \"x\"\nrate = \"1h\"", "rate is at most 60s");
}

static void
test_what_is_on_this_machine_needs_no_tls(void **state)
{
	(void)state;
	assert_string_equal(mistakes("server = \"127.0.0.1\"\nport = 6667\ntls = no"), "");
	assert_true(irc_settings_local(&irc));
	forget(NULL);
	assert_string_equal(mistakes("server = \"irc.corp.example\"\ntls = no\ninsecure = yes"), "");
	assert_false(irc_settings_local(&irc));
}

static void
expect_server(size_t i, const char *host, int port)
{
	struct irc_server server;

	assert_true(irc_settings_server(&irc, i, &server));
	assert_string_equal(server.host, host);
	assert_int_equal(server.port, port);
}

static void
test_a_network_has_several_servers_each_with_a_port_if_it_likes(void **state)
{
	(void)state;
	assert_string_equal(mistakes("server = { \"irc1.corp.example\", \"irc2.corp.example:6670\", \"[2001:db8::1]:7000\", \"[2001:db8::2]\", \"2001:db8::3\" }"), "");
	assert_int_equal(irc.servers.count, 5);
	expect_server(0, "irc1.corp.example", 6697);
	expect_server(1, "irc2.corp.example", 6670);
	expect_server(2, "2001:db8::1", 7000);
	expect_server(3, "2001:db8::2", 6697);
	expect_server(4, "2001:db8::3", 6697);
}

/* The server's own password is for nobody on the way, insecure or not. */
static void
test_a_servers_password_does_not_leave_in_clear(void **state)
{
	char options[300];

	(void)state;
	snprintf(options, sizeof options, "server = { \"127.0.0.1\", \"::1\" }\ntls = no\nserver_password_file = \"%s\"", password);
	assert_string_equal(mistakes(options), "");
	assert_string_equal(irc.server_password->bytes, "open sesame");
	forget(NULL);
	snprintf(options, sizeof options, "server = { \"127.0.0.1\", \"irc.corp.example\" }\ntls = no\ninsecure = yes\nserver_password_file = \"%s\"", password);
	expect(options, "leaves only over TLS or to this machine");
}

static void
test_a_channel_has_a_key_of_its_own(void **state)
{
	char options[300];

	(void)state;
	snprintf(options, sizeof options, "server = \"x\"\nchannel \"#ops\" { key_file = \"%s\" }\nchannel \"#shop\" { }", key);
	assert_string_equal(mistakes(options), "");
	assert_string_equal(irc_settings_key(&irc, "#OPS", CASE_ASCII)->bytes, "swordfish");
	assert_null(irc_settings_key(&irc, "#shop", CASE_ASCII));
	assert_null(irc_settings_key(&irc, "#web", CASE_ASCII));
	forget(NULL);
	expect("server = \"x\"\nchannel \"ops\" { }", "a channel of IRC begins with #");
	expect("server = \"x\"\nchannel \"#ops\" { key = \"swordfish\" }", "key does not stand in this file");
	/* "open sesame" is two words. */
	snprintf(options, sizeof options, "server = \"x\"\nchannel \"#ops\" { key_file = \"%s\" }", password);
	expect(options, "holds no key");
}

static int
make_password(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(password, sizeof password, "%s/password", folder);
	FILE *out = fopen(password, "w");
	fputs("open sesame\n", out);
	fclose(out);
	snprintf(key, sizeof key, "%s/key", folder);
	out = fopen(key, "w");
	fputs("swordfish\n", out);
	fclose(out);
	return chmod(password, 0600) || chmod(key, 0600);
}

static int
remove_password(void **state)
{
	(void)state;
	unlink(password);
	unlink(key);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_server_is_all_it_takes, forget),
		cmocka_unit_test_teardown(test_a_login_is_an_account_and_a_password, forget),
		cmocka_unit_test(test_each_mistake_has_its_sentence),
		cmocka_unit_test_teardown(test_a_network_has_several_servers_each_with_a_port_if_it_likes, forget),
		cmocka_unit_test(test_a_servers_password_does_not_leave_in_clear),
		cmocka_unit_test(test_a_channel_has_a_key_of_its_own),
		cmocka_unit_test_teardown(test_what_is_on_this_machine_needs_no_tls, forget),
	};

	return cmocka_run_group_tests(tests, make_password, remove_password);
}
