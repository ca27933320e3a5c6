/* Tests of addresses: put together so that a part stays one part, and taken apart in one way only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/url.h"

static int
begin(void **state)
{
	*state = arena_new();
	return 0;
}

static int
end(void **state)
{
	arena_free(*state);
	return 0;
}

static void
test_a_part_stays_one_part(void **state)
{
	static const struct { const char *part, *encoded; } rows[] = {
		{ "web", "web" }, { "AZaz09-._~", "AZaz09-._~" }, { "a/b", "a%2Fb" }, { "../../script", "..%2F..%2Fscript" }, { "a?x=1&y", "a%3Fx%3D1%26y" },
		{ "a#b", "a%23b" }, { "%2e%2e", "%252e%252e" }, { "%2f", "%252f" }, { "a b+c", "a%20b%2Bc" }, { "caf\u00e9", "caf%C3%A9" }, { "...", "..." }, { "a\\b", "a%5Cb" },
		{ ";@:!$'()*,=[]\"<>^`{|}", "%3B%40%3A%21%24%27%28%29%2A%2C%3D%5B%5D%22%3C%3E%5E%60%7B%7C%7D" }, { "\xff", "%FF" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(url_part(*state, rows[i].part), rows[i].encoded);
}

static void
test_a_part_that_would_lead_elsewhere_is_refused(void **state)
{
	static const char *const bad[] = { "", ".", "..", "web\r\nX-Evil: 1", "a\nb", "a\tb", "\x01", "\x7f" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(url_part(*state, bad[i]));
		assert_null(url_make(*state, "https://ci.example", "job", bad[i], "build", NULL));
	}
}

static void
test_an_address_is_put_together(void **state)
{
	char endless[20000];

	assert_string_equal(url_make(*state, "https://ci.example", "job", "my web", "build", NULL), "https://ci.example/job/my%20web/build");
	assert_string_equal(url_make(*state, "https://ci.example/jenkins//", "job", NULL), "https://ci.example/jenkins/job");
	assert_string_equal(url_make(*state, "https://ci.example/", NULL), "https://ci.example");
	memset(endless, 'a', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	assert_null(url_make(*state, "https://ci.example", endless, NULL));
}

static void
test_questions_are_added(void **state)
{
	const char *url = url_query(*state, "https://ci.example/api", "name", "a&b=c d");

	assert_string_equal(url, "https://ci.example/api?name=a%26b%3Dc%20d");
	assert_string_equal(url_query(*state, url, "x[]", "1\r\n"), "https://ci.example/api?name=a%26b%3Dc%20d&x%5B%5D=1%0D%0A");
}

static void
test_a_form_is_written(void **state)
{
	static const char *const pairs[] = { "branch", "main", "note", "a=b&c\n", "empty", "", NULL }, *const odd[] = { "a", "1", "b", NULL }, *const none[] = { NULL };

	assert_string_equal(url_form(*state, pairs), "branch=main&note=a%3Db%26c%0A&empty=");
	assert_string_equal(url_form(*state, odd), "a=1");
	assert_string_equal(url_form(*state, none), "");
}

static void
test_an_origin_is_written_in_one_way(void **state)
{
	static const struct { const char *url, *origin; } rows[] = {
		{ "https://CI.Example/job?x#y", "https://ci.example:443" }, { "HTTP://ci.example", "http://ci.example:80" }, { "http://ci.example:8080?x", "http://ci.example:8080" },
		{ "https://ci.example#f", "https://ci.example:443" }, { "https://ci.example/a@b:c", "https://ci.example:443" }, { "http://10.0.0.1:1/", "http://10.0.0.1:1" },
		{ "http://[::1]:8080/x", "http://[::1]:8080" }, { "https://[2001:DB8::1]/", "https://[2001:db8::1]:443" }, { "https://h:65535", "https://h:65535" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(url_origin(*state, rows[i].url), rows[i].origin);
}

/* Two readers could take each of these for two different hosts, or for none. */
static void
test_an_address_that_can_be_read_in_two_ways_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "ci.example", "//ci.example", "ftp://ci.example", "https:/ci.example", "https:ci.example", "javascript:alert(1)", "file:///etc/passwd", " https://ci.example",
		"https://", "https:///x", "https://:80", "https://?x", "https://user@ci.example", "https://user:pass@ci.example", "https://ci.example@evil.example/",
		"https://ci.example\\@evil.example", "https://ci.example\\.evil.example/", "https://ci.ex ample", "https://ci.example\r\nHost: x", "https://ci\t.example",
		"https://ci.example%2eevil", "https://ci%00.example", "https://caf\u00e9.example", "https://h:", "https://h:0", "https://h:65536", "https://h:-1", "https://h:80x",
		"https://h: 80", "https://h:99999999999999999999", "https://a:b:80", "https://::1", "https://::1:80", "https://[::1", "https://::1]", "https://[]", "https://[]:80",
		"https://[::1]x", "https://[::1]x:80", "https://[::1]:", "https://x[::1]", "https://[[::1]]", "https://[ci.example]", "https://[::1%25lo]", "https://h\"x", "https://h<x>",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (url_origin(*state, bad[i]))
			fail_msg("\"%s\" was taken for %s", bad[i], url_origin(*state, bad[i]));
	assert_null(url_origin(*state, NULL));
}

static void
test_tokens_stay_at_their_origin(void **state)
{
	(void)state;
	assert_true(url_same_origin("https://ci.example", "https://CI.example:443/job"));
	assert_true(url_same_origin("http://ci.example:80/a", "http://ci.example/b"));
	assert_false(url_same_origin("https://ci.example", "http://ci.example"));
	assert_false(url_same_origin("https://ci.example", "https://ci.example:8443"));
	assert_false(url_same_origin("https://ci.example", "https://ci.example.evil.example"));
	assert_false(url_same_origin("https://ci.example", "https://user@ci.example"));
	assert_false(url_same_origin("nonsense", "nonsense"));
	assert_false(url_same_origin(NULL, NULL));
}

static void
test_loopback_is_this_machine_and_nothing_else(void **state)
{
	static const char *const here[] = { "http://127.0.0.1", "http://127.1.2.3:8080/x", "http://localhost:80", "http://LOCALHOST", "http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]/" };
	static const char *const there[] = {
		"http://128.0.0.1", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://evil.example/127.0.0.1", "http://127.0.0.1@evil.example",
		"http://[::2]", "http://0.0.0.0", "http://2130706433", "http://0x7f.0.0.1", "http://127.1", "http://[::ffff:127.0.0.1]", "ftp://localhost", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof here / sizeof *here; i++)
		if (!url_loopback(here[i]))
			fail_msg("%s is this machine", here[i]);
	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		if (url_loopback(there[i]))
			fail_msg("%s is not this machine", there[i]);
	assert_false(url_loopback(NULL));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_part_stays_one_part),
		cmocka_unit_test(test_a_part_that_would_lead_elsewhere_is_refused),
		cmocka_unit_test(test_an_address_is_put_together),
		cmocka_unit_test(test_questions_are_added),
		cmocka_unit_test(test_a_form_is_written),
		cmocka_unit_test(test_an_origin_is_written_in_one_way),
		cmocka_unit_test(test_an_address_that_can_be_read_in_two_ways_is_refused),
		cmocka_unit_test(test_tokens_stay_at_their_origin),
		cmocka_unit_test(test_loopback_is_this_machine_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
