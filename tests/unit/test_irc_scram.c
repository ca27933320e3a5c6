/* Tests of scram: the example of RFC 7677, and servers that are not what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/error.h"
#include "protocols/irc/scram.h"

/* RFC 7677, section 3. */
static const char nonce[] = "rOprNGfwEbeRWgbNEkqO";
static const char server_first[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char client_final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct scram *
asked(void)
{
	struct error error;
	struct scram *scram = scram_new("user", "pencil", nonce, &error);

	assert_non_null(scram);
	assert_true(scram_challenge(scram, server_first, &error));
	while (!scram_work(scram))
		;
	return scram;
}

static void
test_the_example_of_the_standard(void **state)
{
	struct scram *scram = asked();
	struct error error;

	(void)state;
	assert_string_equal(scram_first(scram), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	assert_string_equal(scram_final(scram), client_final);
	assert_true(scram_verify(scram, server_final, &error));
	scram_free(scram);
}

static void
test_a_server_that_does_not_know_the_password_is_found_out(void **state)
{
	static const char *const bad[] = {
		"", "v=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95H4=", "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=6rri",
		"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=AAAA", "e=invalid-proof", "x=y", "v=====",
	};
	struct scram *scram = asked();
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (scram_verify(scram, bad[i], &error))
			fail_msg("\"%s\" was taken for a proof", bad[i]);
	scram_free(scram);
	/* Before there is anything to be proven, nothing proves it: not even all zeroes. */
	scram = scram_new("user", "pencil", nonce, &error);
	assert_false(scram_verify(scram, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &error));
	scram_free(scram);
}

static void
test_what_is_no_challenge_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "r=", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z!,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOx,i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==", "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
		"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=500001",
		"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999999", "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=x",
		"m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "n,,n=user,r=x",
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct scram *scram = scram_new("user", "pencil", nonce, &error);
		if (scram_challenge(scram, bad[i], &error))
			fail_msg("\"%s\" was taken for a challenge", bad[i]);
		scram_free(scram);
	}
}

static void
test_a_challenge_has_a_bound(void **state)
{
	struct error error;
	struct scram *scram = scram_new("user", "pencil", nonce, &error);
	char *endless = malloc(100001);

	(void)state;
	memset(endless, 'a', 100000);
	endless[100000] = '\0';
	memcpy(endless, "r=rOprNGfwEbeRWgbNEkqO", 22);
	assert_false(scram_challenge(scram, endless, &error));
	endless[1900] = '\0';
	assert_false(scram_challenge(scram, endless, &error));
	free(endless);
	scram_free(scram);
}

static void
test_words_that_servers_may_read_differently_are_not_sent(void **state)
{
	static const struct { const char *account, *password; } bad[] = {
		{ "user", "pencil\xc3\xa9" }, { "us\xc3\xa9r", "pencil" }, { "user", "" }, { "", "pencil" }, { "user", "a\tb" }, { "user", "a\nb" },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(scram_new(bad[i].account, bad[i].password, nonce, &error));
	assert_non_null(strstr(error.text, "sasl = \"plain\""));
}

static void
test_a_name_with_commas_is_one_name(void **state)
{
	struct error error;
	struct scram *scram = scram_new("a,b=c", "pencil", nonce, &error);

	(void)state;
	assert_string_equal(scram_first(scram), "n,,n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO");
	scram_free(scram);
}

static void
test_each_login_has_a_nonce_of_its_own(void **state)
{
	struct error error;
	struct scram *one = scram_new("user", "pencil", NULL, &error), *other = scram_new("user", "pencil", NULL, &error);

	(void)state;
	assert_string_not_equal(scram_first(one), scram_first(other));
	assert_int_equal(strlen(scram_first(one)), strlen("n,,n=user,r=") + 24);
	scram_free(one);
	scram_free(other);
	scram_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_the_standard),
		cmocka_unit_test(test_a_server_that_does_not_know_the_password_is_found_out),
		cmocka_unit_test(test_what_is_no_challenge_is_refused),
		cmocka_unit_test(test_a_challenge_has_a_bound),
		cmocka_unit_test(test_words_that_servers_may_read_differently_are_not_sent),
		cmocka_unit_test(test_a_name_with_commas_is_one_name),
		cmocka_unit_test(test_each_login_has_a_nonce_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
