/* One-time codes: those of RFC 6238, within a step of the clock, each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/rights/totp.h"

static const unsigned char secret[TOTP_SECRET] = "12345678901234567890";      /* of RFC 6238, appendix B */

static int64_t
at(int64_t seconds)
{
	return seconds * 1000;
}

static enum totp
check(const char *digits, int64_t seconds, int64_t spent)
{
	int64_t step = -1;

	return totp_check(secret, digits, at(seconds), spent, &step);
}

/* The last six of the eight digits that are printed there. */
static void
test_the_codes_of_the_standard(void **state)
{
	static const struct { int64_t seconds; const char *digits; } rows[] = {
		{ 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" }, { 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t step = -1;
		assert_int_equal(totp_check(secret, rows[i].digits, at(rows[i].seconds), 0, &step), TOTP_RIGHT);
		assert_int_equal(step, rows[i].seconds / TOTP_STEP);
	}
}

static void
test_a_clock_may_be_one_step_off(void **state)
{
	static const struct { int64_t seconds; enum totp expected; } rows[] = {
		{ 1111111110 - 30, TOTP_RIGHT }, { 1111111110, TOTP_RIGHT }, { 1111111139, TOTP_RIGHT }, { 1111111169, TOTP_RIGHT },
		{ 1111111110 - 31, TOTP_WRONG }, { 1111111170, TOTP_WRONG }, { 0, TOTP_WRONG }, { -1111111111, TOTP_WRONG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(check("050471", rows[i].seconds, 0), rows[i].expected);
}

static void
test_a_code_counts_once(void **state)
{
	int64_t step = 0;

	(void)state;
	assert_int_equal(totp_check(secret, "050471", at(1111111111), 0, &step), TOTP_RIGHT);
	assert_int_equal(check("050471", 1111111111, step - 1), TOTP_RIGHT);
	assert_int_equal(check("050471", 1111111111, step), TOTP_SPENT);
	/* Nor one that is older than the last, though it is within the step that clocks may differ by. */
	assert_int_equal(check("081804", 1111111111, step), TOTP_SPENT);
	assert_int_equal(check("000000", 1111111111, step), TOTP_WRONG);
}

static void
test_what_is_no_code_is_wrong(void **state)
{
	static const char *const rows[] = { "", "05047", "0504711", "050472", "150471", "05047x", "O5O471" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(check(rows[i], 1111111111, 0), TOTP_WRONG);
}

static void
test_digits_as_people_write_them(void **state)
{
	static const struct { const char *text; bool code; } rows[] = {
		{ "492817", true }, { "492 817", true }, { " 49 28 17 ", true }, { "4 9 2 8 1 7", true },
		{ "", false }, { "      ", false }, { "49281", false }, { "4928170", false }, { "492817x", false }, { "492-817", false }, { "code 492817", false },
		{ "\xd9\xa4\xd9\xa9\xd9\xa2\xd9\xa8\xd9\xa1\xd9\xa7", false }, { "492817\n", false },
	};
	char digits[TOTP_DIGITS + 1];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		memset(digits, 0, sizeof digits);
		assert_int_equal(totp_digits(rows[i].text, digits), rows[i].code);
		assert_string_equal(digits, rows[i].code ? "492817" : "");
		assert_int_equal(totp_digits(rows[i].text, NULL), rows[i].code);
	}
}

static void
test_what_an_app_is_told(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(totp_base32(arena, secret), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
	assert_string_equal(totp_uri(arena, secret, "sally", "alice"), "otpauth://totp/sally:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=sally");
	assert_string_equal(totp_uri(arena, secret, "our sally", "ali&ce?x=1"),
		"otpauth://totp/our%20sally:ali%26ce%3Fx%3D1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=our%20sally");
	arena_free(arena);
}

static void
test_what_was_hidden_is_never_shown(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	const char *base32 = totp_base32(arena, secret), *uri = totp_uri(arena, secret, "sally", "alice");
	totp_hide(secret);
	assert_string_equal(redact_text(arena, base32), "[redacted]");
	assert_string_equal(redact_text(arena, uri), "otpauth://totp/sally:alice?secret=[redacted]&issuer=sally");
	assert_string_equal(redact_text(arena, "3132333435363738393031323334353637383930"), "[redacted]");
	redact_forget();
	arena_free(arena);
}

static void
test_no_secret_is_made_twice(void **state)
{
	unsigned char one[TOTP_SECRET] = { 0 }, two[TOTP_SECRET] = { 0 }, none[TOTP_SECRET] = { 0 };
	struct error error;

	(void)state;
	assert_true(totp_make(one, &error) && totp_make(two, &error));
	assert_memory_not_equal(one, two, TOTP_SECRET);
	assert_memory_not_equal(one, none, TOTP_SECRET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_codes_of_the_standard),
		cmocka_unit_test(test_a_clock_may_be_one_step_off),
		cmocka_unit_test(test_a_code_counts_once),
		cmocka_unit_test(test_what_is_no_code_is_wrong),
		cmocka_unit_test(test_digits_as_people_write_them),
		cmocka_unit_test(test_what_an_app_is_told),
		cmocka_unit_test(test_what_was_hidden_is_never_shown),
		cmocka_unit_test(test_no_secret_is_made_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
