/* Tests of the section matrix "hq" { }: what it takes, the mistakes it names, and whom it makes us believe: exact bytes, nobody who only looks alike. */
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
#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "protocols/matrix/matrix_settings.h"

static char folder[] = "/tmp/test_matrix_settings.XXXXXX";
static char password[100];

static struct conf *conf;
static struct matrix matrix;

/* The mistakes of a section of these options, each a line. */
static const char *
mistakes(const char *options)
{
	static const struct shape shape = { "matrix", sizeof matrix, matrix_settings, "", false };
	static char found[2000];
	char text[1000];

	snprintf(text, sizeof text, "matrix \"hq\" {\n%s\n}\n", options);
	conf = conf_read_text("test.conf", text, strlen(text));
	struct section *section = conf_next(conf_root(conf), NULL, "matrix");
	memset(&matrix, 0, sizeof matrix);
	if (conf_fill(conf, section, &shape, &matrix))
		matrix_settings_check(conf, section, &matrix);
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

/* An account that logs in with a password, and these options beside it. */
static const char *
with_account(const char *options)
{
	static char text[800];

	snprintf(text, sizeof text, "server = \"corp.example\"\nuser = \"@sally:corp.example\"\npassword_file = \"%s\"\n%s", password, options);
	return text;
}

static void
test_a_server_an_account_and_its_password_are_all_it_takes(void **state)
{
	(void)state;
	assert_string_equal(mistakes(with_account("")), "");
	assert_string_equal(matrix.server, "corp.example");
	assert_string_equal(matrix.user, "@sally:corp.example");
	assert_string_equal(matrix.password->bytes, "open sesame");
	assert_string_equal(matrix.device, "SALLYPORT");
	assert_int_equal(matrix.poll, 30000);
	assert_int_equal(matrix.retry, 2000);
	assert_false(matrix.insecure);
	assert_false(matrix.upgrades);
	assert_null(matrix.token);
	assert_int_equal(matrix.servers.count, 0);
	assert_int_equal(matrix.inviters.count, 0);
}

static void
expect(const char *options, const char *word)
{
	const char *found = mistakes(options);

	if (!strstr(found, word))
		fail_msg("%s: expected %s, found %s", options, word, *found ? found : "nothing");
	forget(NULL);
}

static void
test_each_mistake_has_its_sentence(void **state)
{
	char options[400];

	(void)state;
	expect("user = \"@sally:corp.example\"", "server");
	expect("server = \"corp.example\"", "user");
	expect("server = \"corp.example\"\nuser = \"@sally:corp.example\"", "nothing of how to log in");
	expect("server = \"corp.example\"\nuser = \"@sally:corp.example\"\npassword = \"open sesame\"", "password");
	snprintf(options, sizeof options, "server = \"corp.example\"\nuser = \"sally\"\npassword_file = \"%s\"", password);
	expect(options, "user is an account such as");
	snprintf(options, sizeof options, "server = \"corp.example\"\nuser = \"\"\npassword_file = \"%s\"", password);
	expect(options, "user");
	snprintf(options, sizeof options, "server = \"\"\nuser = \"@sally:corp.example\"\npassword_file = \"%s\"", password);
	expect(options, "server");
	expect(with_account("device = \"my phone\""), "device is one word");
	expect(with_account("device = \"\""), "device");
	expect(with_account("servers = { \"@bob:corp.example\" }"), "servers are names of homeservers");
	expect(with_account("servers = { \"https://corp.example\" }"), "servers are names of homeservers");
	expect(with_account("servers = { \"\" }"), "servers are names of homeservers");
	expect(with_account("inviters = { \"@bob\" }"), "inviters are people");
	expect(with_account("inviters = { \"\" }"), "inviters are people");
	expect(with_account("inviters = { \"bob@corp.example\" }"), "inviters are people");
	expect(with_account("inviters = { \"https://corp.example\" }"), "inviters are people");
	expect(with_account("inviters = { \"#ops:corp.example\" }"), "inviters are people");
	expect(with_account("poll = \"0s\""), "poll is between");
	expect(with_account("poll = \"10m\""), "poll is between");
	expect(with_account("retry = \"0s\""), "retry is");
}

static void
expect_server(const char *server, const char *word)
{
	char options[400];

	snprintf(options, sizeof options, "server = \"%s\"\nuser = \"@sally:corp.example\"\npassword_file = \"%s\"", server, password);
	if (word) {
		expect(options, word);
		return;
	}
	assert_string_equal(mistakes(options), "");
	forget(NULL);
}

static void
test_a_server_is_a_name_or_an_address_that_nobody_can_read_along(void **state)
{
	(void)state;
	expect_server("corp.example", NULL);
	expect_server("corp.example:8448", NULL);
	expect_server("https://matrix.corp.example", NULL);
	expect_server("https://matrix.corp.example:8448", NULL);
	expect_server("http://127.0.0.1:8008", NULL);
	expect_server("http://[::1]:8008", NULL);
	expect_server("@sally:corp.example", "server is a name");
	expect_server("corp.example/matrix", "server is a name");
	expect_server("ftp://corp.example", "server is a name");
	expect_server("two words", "server is a name");
	expect_server("http://matrix.corp.example", "in clear");
	expect_server("http://127.evil.example", "in clear");
	expect_server("http://localhost@evil.example", "in clear");
	expect_server("http://127.0.0.1@evil.example:80", "in clear");
	assert_string_equal(mistakes(with_account("insecure = yes")), "");
}

static void
test_where_a_homeserver_begins_in_an_account(void **state)
{
	static const struct { const char *user, *server; } rows[] = {
		{ "@bob:corp.example", "corp.example" }, { "@bob:corp.example:8448", "corp.example:8448" }, { "@bob:[2001:db8::1]:8448", "[2001:db8::1]:8448" },
		{ "@irc_bob=2f1:corp.example", "corp.example" }, { "@b\u00f6b:corp.example", "corp.example" }, { "@:corp.example", "corp.example" },
		{ "bob:corp.example", NULL }, { "@bob", NULL }, { "@bob:", NULL }, { "", NULL }, { "@", NULL }, { ":", NULL }, { "#ops:corp.example", NULL },
		{ "@bob:corp.example\n", NULL }, { "@bo b:corp.example", NULL }, { "@bob/x:corp.example", NULL }, { "@bob:corp.example/x", NULL },
		{ "@b\xff" "b:corp.example", NULL }, { "@bob:corp\x7f.example", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *found = matrix_user_server(rows[i].user);
		if (rows[i].server ? !found || strcmp(found, rows[i].server) : found != NULL)
			fail_msg("%s: expected %s, found %s", rows[i].user, rows[i].server ? rows[i].server : "none", found ? found : "none");
	}
}

static void
test_an_account_has_255_bytes(void **state)
{
	char user[300];

	(void)state;
	memset(user, 'x', sizeof user);
	memcpy(user, "@bob:", 5);
	user[255] = '\0';
	assert_ptr_equal(matrix_user_server(user), user + 5);
	user[255] = 'x';
	user[256] = '\0';
	assert_null(matrix_user_server(user));
}

struct stranger {
	const char *user;
	bool believed;
};

static void
expect_believed(const struct stranger *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (matrix_settings_believes(&matrix, rows[i].user) != rows[i].believed)
			fail_msg("%s is %sbelieved", rows[i].user, rows[i].believed ? "not " : "");
}

static void
test_only_the_people_of_our_own_server_are_believed(void **state)
{
	static const struct stranger rows[] = {
		{ "@ops:corp.example", true }, { "@sally:corp.example", true },
		{ "@ops:evil.example", false }, { "@ops:example", false }, { "@ops:xcorp.example", false }, { "@ops:corp.example.evil.example", false },
		{ "@ops:sub.corp.example", false }, { "@ops:corp.exampl", false }, { "@ops:corp.example.", false }, { "@ops:corp.example:443", false },
		{ "@ops:CORP.example", false }, { "@ops:corp.Example", false },
		/* A Cyrillic o, a full-width dot, a zero-width blank. */
		{ "@ops:c\u043erp.example", false }, { "@ops:corp\uff0eexample", false }, { "@ops:corp.example\u200b", false },
		{ "@ops:evil.example:corp.example", false }, { "@ops@corp.example:evil.example", false }, { "@ops:evil.example/corp.example", false },
		{ "@ops:corp.example ", false }, { "@ops: corp.example", false }, { "ops:corp.example", false }, { "@ops", false }, { "", false },
	};

	(void)state;
	assert_string_equal(mistakes(with_account("")), "");
	expect_believed(rows, sizeof rows / sizeof *rows);
}

static void
test_servers_that_are_named_are_all_that_are_believed(void **state)
{
	static const struct stranger rows[] = {
		{ "@ops:a.example", true }, { "@ops:b.example:8448", true },
		{ "@ops:b.example", false }, { "@ops:A.example", false }, { "@ops:corp.example", false }, { "@ops:a.example:8448", false },
	};

	(void)state;
	assert_string_equal(mistakes(with_account("servers = { \"a.example\", \"b.example:8448\" }")), "");
	expect_believed(rows, sizeof rows / sizeof *rows);
}

static void
test_invitations_are_taken_from_those_who_are_named(void **state)
{
	static const struct stranger rows[] = {
		{ "@bob:corp.example", true }, { "@anyone:b.example", true },
		{ "@bobby:corp.example", false }, { "@bo:corp.example", false }, { "@Bob:corp.example", false }, { "@bob:corp.example:443", false },
		{ "@anyone:B.example", false }, { "@anyone:a.b.example", false }, { "@b.example:evil.example", false }, { "b.example", false }, { "", false },
	};

	(void)state;
	assert_string_equal(mistakes(with_account("inviters = { \"@bob:corp.example\", \"b.example\" }")), "");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (matrix_settings_invites(&matrix, rows[i].user) != rows[i].believed)
			fail_msg("an invitation by %s is %staken", rows[i].user, rows[i].believed ? "not " : "");
	forget(NULL);
	assert_string_equal(mistakes(with_account("")), "");
	assert_false(matrix_settings_invites(&matrix, "@bob:corp.example"));
}

static void
test_a_place_is_an_alias_or_a_room(void **state)
{
	static const struct { const char *channel; bool fine; } rows[] = {
		{ "#ops:corp.example", true }, { "#ops:corp.example:8448", true }, { "!x1:corp.example", true }, { "!hashOfTheFirstEvent", true },
		{ "#\u00f6ps:corp.example", true },
		{ "#ops", false }, { "#:corp.example", false }, { "#ops:", false }, { "!", false }, { "", false }, { "ops:corp.example", false },
		{ "@bob:corp.example", false }, { "#o ps:corp.example", false }, { "#ops:corp.example\n", false }, { "!x/..:corp.example", false }, { "#\xff:corp.example", false },
	};
	char longest[300];
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		error.text[0] = '\0';
		if (matrix_settings_place(rows[i].channel, &error) != rows[i].fine)
			fail_msg("%s is %s", rows[i].channel, rows[i].fine ? error.text : "taken");
		assert_true(rows[i].fine || strstr(error.text, "#alias:server"));
	}
	memset(longest, 'x', sizeof longest);
	longest[0] = '!';
	longest[255] = '\0';
	assert_true(matrix_settings_place(longest, &error));
	longest[255] = 'x';
	longest[256] = '\0';
	assert_false(matrix_settings_place(longest, &error));
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
	return chmod(password, 0600);
}

static int
remove_password(void **state)
{
	(void)state;
	unlink(password);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_server_an_account_and_its_password_are_all_it_takes, forget),
		cmocka_unit_test(test_each_mistake_has_its_sentence),
		cmocka_unit_test_teardown(test_a_server_is_a_name_or_an_address_that_nobody_can_read_along, forget),
		cmocka_unit_test(test_where_a_homeserver_begins_in_an_account),
		cmocka_unit_test(test_an_account_has_255_bytes),
		cmocka_unit_test_teardown(test_only_the_people_of_our_own_server_are_believed, forget),
		cmocka_unit_test_teardown(test_servers_that_are_named_are_all_that_are_believed, forget),
		cmocka_unit_test_teardown(test_invitations_are_taken_from_those_who_are_named, forget),
		cmocka_unit_test(test_a_place_is_an_alias_or_a_room),
	};

	return cmocka_run_group_tests(tests, make_password, remove_password);
}
