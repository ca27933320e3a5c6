/* Which addresses are refused, and that one which the configuration names is not. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/run/http_address.h"

static bool
barred(const char *text, const char *host)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_storage address = {0};
	if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
		memcpy(&address, &four, sizeof four);
		return address_barred((struct sockaddr *)&address, sizeof four, host);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	memcpy(&address, &six, sizeof six);
	return address_barred((struct sockaddr *)&address, sizeof six, host);
}

static void
test_addresses_that_are_never_connected_to(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0", "0.255.1.2", "169.254.169.254", "169.254.0.1", "224.0.0.1", "239.255.255.255", "255.255.255.255",
		"::", "fe80::1", "febf::1", "fec0::1", "ff02::1", "fd00:ec2::254", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::ffff:224.0.0.1",
		"64:ff9b::169.254.169.254", "64:ff9b:1::169.254.169.254", "64:ff9b::0.0.0.0", "2002:a9fe:a9fe::1", "::169.254.169.254", "::0.0.0.2",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!barred(bad[i], "ci.corp.example"))
			fail_msg("%s was let through", bad[i]);
}

static void
test_addresses_of_a_team_are_reached(void **state)
{
	static const char *const good[] = {
		"127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "1.0.0.1", "169.253.255.255", "169.255.0.1", "223.255.255.255", "8.8.8.8",
		"::1", "fc00::1", "fd12::1", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::1", "fe00::1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (barred(good[i], "ci.corp.example"))
			fail_msg("%s was refused", good[i]);
}

static void
test_an_address_that_is_written_down_is_meant(void **state)
{
	(void)state;
	assert_false(barred("169.254.169.254", "169.254.169.254"));
	assert_false(barred("fe80::1", "[fe80::1]"));
	assert_false(barred("fe80::1", "fe80::1"));
	assert_true(barred("169.254.169.254", "169.254.169.25"));
	assert_true(barred("169.254.169.254", "169.254.169.254.corp.example"));
	assert_true(barred("fe80::1", "[fe80::2]"));
	assert_true(barred("fe80::1", ""));
	assert_true(barred("fe80::1", "["));
	assert_true(barred("::ffff:169.254.169.254", "169.254.169.254"));
}

static void
test_other_families_are_refused(void **state)
{
	struct sockaddr address = { .sa_family = AF_UNIX };
	struct sockaddr_in cut = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	(void)state;
	assert_true(address_barred(&address, sizeof address, "here"));
	assert_true(address_barred((struct sockaddr *)&cut, 4, "here"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_that_are_never_connected_to),
		cmocka_unit_test(test_addresses_of_a_team_are_reached),
		cmocka_unit_test(test_an_address_that_is_written_down_is_meant),
		cmocka_unit_test(test_other_families_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
