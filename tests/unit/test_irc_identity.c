/* Who people are where the server does not say it with every message: what it told, what it answers, and everything that ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/irc/channels.h"
#include "protocols/irc/identity.h"
#include "protocols/irc/line.h"

static const char alice[] = "alice!a@host";
static const char *const names[] = { "#ops", "#shop", NULL };

struct fixture {
	struct identity identity;
	struct channels channels;
	char bytes[LINE_HEARD_MOST + 1];
};

static int
begin(void **state)
{
	static struct fixture fixture;

	channels_begin(&fixture.channels, names, 1000);
	fixture.channels.how = CASE_ASCII;
	for (size_t i = 0; names[i]; i++)
		channels_entered(&fixture.channels, &fixture.channels.each[i], 1);
	identity_begin(&fixture.identity, 0);
	fixture.identity.whox = true;
	*state = &fixture;
	return 0;
}

static int
end(void **state)
{
	struct fixture *fixture = *state;

	identity_end(&fixture->identity);
	channels_end(&fixture->channels);
	return 0;
}

static void
enters(struct fixture *fixture, const char *channel, const char *nick)
{
	channels_join(&fixture->channels, channels_find(&fixture->channels, channel), nick);
}

static void
leaves(struct fixture *fixture, const char *channel, const char *nick)
{
	channels_part(&fixture->channels, channels_find(&fixture->channels, channel), nick);
	identity_left(&fixture->identity, &fixture->channels, nick);
}

static void
tells(struct fixture *fixture, const char *origin, const char *account)
{
	identity_tell(&fixture->identity, &fixture->channels, origin, account);
}

static const char *
known(struct fixture *fixture, const char *origin)
{
	const char *account = NULL;

	return identity_told(&fixture->identity, origin, &account) == TOLD_ACCOUNT ? account : NULL;
}

/* True where the line decided a question. */
static bool
server_says(struct fixture *fixture, const char *text)
{
	struct irc_line line;

	snprintf(fixture->bytes, sizeof fixture->bytes, "%s", text);
	assert_true(line_read(fixture->bytes, strlen(fixture->bytes), &line));
	return identity_take(&fixture->identity, &line, 1000);
}

static struct question *
asks(struct fixture *fixture, const char *origin, enum question_kind kind)
{
	struct question *question = identity_ask(&fixture->identity, origin, kind, 1000);

	assert_non_null(question);
	question->sent = true;
	return question;
}

/* -- What was told ---------------------------------------------------------------------------------------------------- */

static void
test_what_was_told_is_known_of_exactly_that_person(void **state)
{
	struct fixture *fixture = *state;
	const char *account;

	enters(fixture, "#ops", "alice");
	assert_int_equal(identity_told(&fixture->identity, alice, &account), TOLD_NOTHING);
	tells(fixture, alice, "Alice");
	assert_string_equal(known(fixture, alice), "Alice");
	assert_null(known(fixture, "alice!b@host"));
	assert_null(known(fixture, "alice!a@elsewhere"));
	assert_null(known(fixture, "Alice!a@host"));
	assert_null(known(fixture, "alice!a@host.evil"));
	assert_null(known(fixture, "alice"));
	tells(fixture, alice, "bob");
	assert_string_equal(known(fixture, alice), "bob");
	assert_int_equal(fixture->identity.told, 1);
}

static void
test_no_account_has_many_spellings(void **state)
{
	static const char *const spellings[] = { "*", "0", "",
		"an-account-of-more-than-one-hundred-bytes-which-nobody-has-and-which-would-not-fit-anywhere-if-somebody-had-it" };
	struct fixture *fixture = *state;
	const char *account;

	enters(fixture, "#ops", "alice");
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
		tells(fixture, alice, "alice");
		tells(fixture, alice, spellings[i]);
		assert_int_equal(identity_told(&fixture->identity, alice, &account), TOLD_NOBODY);
	}
}

static void
test_of_whom_we_see_nothing_nothing_is_kept(void **state)
{
	struct fixture *fixture = *state;
	const char *account;

	tells(fixture, alice, "alice");
	assert_int_equal(identity_told(&fixture->identity, alice, &account), TOLD_NOTHING);
	/* Letters that compare in ways we do not know. */
	enters(fixture, "#ops", "\303\251mile");
	tells(fixture, "\303\251mile!e@host", "emile");
	assert_int_equal(fixture->identity.told, 0);
	/* A server, or half a name. */
	tells(fixture, "irc.test", "alice");
	tells(fixture, "alice!@", "alice");
	assert_int_equal(fixture->identity.told, 0);
}

static void
test_a_nick_that_is_given_up_takes_nothing_with_it(void **state)
{
	struct fixture *fixture = *state;

	enters(fixture, "#ops", "alice");
	enters(fixture, "#ops", "mallory");
	tells(fixture, alice, "alice");
	tells(fixture, "mallory!a@host", "mallory");
	/* alice -> away, mallory -> alice: nothing is carried to either. */
	identity_void(&fixture->identity, "alice");
	identity_void(&fixture->identity, "away");
	identity_void(&fixture->identity, "mallory");
	identity_void(&fixture->identity, "alice");
	assert_null(known(fixture, alice));
	assert_null(known(fixture, "away!a@host"));
	assert_int_equal(fixture->identity.told, 0);
}

static void
test_who_leaves_the_last_channel_is_forgotten(void **state)
{
	struct fixture *fixture = *state;

	enters(fixture, "#ops", "alice");
	enters(fixture, "#shop", "alice");
	tells(fixture, alice, "alice");
	leaves(fixture, "#ops", "alice");
	assert_string_equal(known(fixture, alice), "alice");
	leaves(fixture, "#shop", "alice");
	assert_null(known(fixture, alice));
	/* And coming back does not bring it back. */
	enters(fixture, "#ops", "alice");
	assert_null(known(fixture, alice));
}

static void
test_when_we_leave_a_channel_its_people_are_forgotten(void **state)
{
	struct fixture *fixture = *state;

	enters(fixture, "#ops", "alice");
	enters(fixture, "#ops", "bob");
	enters(fixture, "#shop", "bob");
	tells(fixture, alice, "alice");
	tells(fixture, "bob!b@host", "bob");
	channels_left(&fixture->channels, channels_find(&fixture->channels, "#ops"), "kicked", 1);
	identity_left(&fixture->identity, &fixture->channels, NULL);
	assert_null(known(fixture, alice));
	assert_string_equal(known(fixture, "bob!b@host"), "bob");
}

static void
test_another_host_is_told_and_nothing_else_changes(void **state)
{
	struct fixture *fixture = *state;

	enters(fixture, "#ops", "alice");
	tells(fixture, alice, "alice");
	struct question *question = asks(fixture, alice, QUESTION_WHOX);
	identity_host(&fixture->identity, alice, "a", "cloak");
	assert_null(known(fixture, alice));
	assert_string_equal(known(fixture, "alice!a@cloak"), "alice");
	assert_int_equal(question->answer, ANSWER_VOID);
	identity_release(&fixture->identity, question);
	/* Of somebody else's old host nothing is known. */
	identity_host(&fixture->identity, alice, "a", "third");
	assert_null(known(fixture, "alice!a@third"));
}

static void
test_look_alikes_are_voided_together_and_never_known_for_each_other(void **state)
{
	struct fixture *fixture = *state;
	struct question *question;

	/* The network says ascii: a[ and a{ are two. Were it rfc1459, they would be one. */
	enters(fixture, "#ops", "a[\\]^");
	enters(fixture, "#ops", "a{|}~");
	tells(fixture, "a[\\]^!u@host", "alice");
	assert_null(known(fixture, "a{|}^!u@host"));
	tells(fixture, "a{|}^!u@host", "*");
	assert_null(known(fixture, "a{|}^!u@host"));
	enters(fixture, "#ops", "A");
	tells(fixture, "A!u@host", "alice");
	assert_null(known(fixture, "a!u@host"));
	question = asks(fixture, "A!u@host", QUESTION_WHOX);
	identity_void(&fixture->identity, "a");
	assert_int_equal(question->answer, ANSWER_VOID);
	assert_null(known(fixture, "A!u@host"));
	identity_release(&fixture->identity, question);
}

static void
test_what_is_kept_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	char origin[60], nick[20];

	for (int i = 0; i < IDENTITY_MOST + 100; i++) {
		snprintf(nick, sizeof nick, "n%d", i);
		snprintf(origin, sizeof origin, "n%d!u@host", i);
		enters(fixture, i % 2 ? "#ops" : "#shop", nick);
		tells(fixture, origin, "somebody");
	}
	assert_int_equal(fixture->identity.told, IDENTITY_MOST);
	assert_null(known(fixture, origin));
	identity_forget(&fixture->identity);
	assert_int_equal(fixture->identity.told, 0);
	tells(fixture, origin, "somebody");
	assert_non_null(known(fixture, origin));
}

/* -- What is asked ---------------------------------------------------------------------------------------------------- */

static void
test_an_answer_with_our_token_says_who_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct question *question = asks(fixture, alice, QUESTION_WHOX);

	assert_int_equal(question->token, 1);
	assert_true(server_says(fixture, ":irc.test 354 sally 1 #ops a host alice alice"));
	assert_int_equal(question->answer, ANSWER_ACCOUNT);
	assert_string_equal(question->account, "alice");
	assert_false(server_says(fixture, ":irc.test 315 sally alice :End of /WHO list."));
	identity_release(&fixture->identity, question);
	assert_int_equal(fixture->identity.asked, 0);
}

static void
test_others_whose_real_name_is_that_nick_hold_up_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct question *question = asks(fixture, alice, QUESTION_WHOX);

	assert_false(server_says(fixture, ":irc.test 354 sally 1 #ops a host mallory mallory"));
	assert_true(server_says(fixture, ":irc.test 354 sally 1 #ops a host alice alice"));
	assert_false(server_says(fixture, ":irc.test 354 sally 1 #ops a host bob bob"));
	assert_int_equal(question->answer, ANSWER_ACCOUNT);
	assert_string_equal(question->account, "alice");
	server_says(fixture, ":irc.test 315 sally alice :End of /WHO list.");
	identity_release(&fixture->identity, question);
}

struct reply_row {
	const char *line;
	enum answer answer;             /* after it, and after the 315 */
	const char *why;
};

static void
test_no_other_answer_proves_anybody(void **state)
{
	static const struct reply_row rows[] = {
		{ ":s 354 sally 2 #ops a host alice alice", ANSWER_OTHER, "somebody else's token" },
		{ ":s 354 sally 01x #ops a host alice alice", ANSWER_OTHER, "no token" },
		{ ":s 354 sally -1 #ops a host alice alice", ANSWER_OTHER, "no token either" },
		{ ":s 354 sally #ops a host alice alice", ANSWER_OTHER, "without a token" },
		{ ":s 354 sally 1 #ops a host alice s alice", ANSWER_OTHER, "fields that we did not ask for" },
		{ ":s 352 sally #ops a host s alice H :0 alice", ANSWER_OTHER, "a plain WHO" },
		{ ":s 354 sally 1 #ops b host alice alice", ANSWER_OTHER, "another user" },
		{ ":s 354 sally 1 #ops a h0st alice alice", ANSWER_OTHER, "another host" },
		{ ":s 354 sally 1 #ops a host mallory alice", ANSWER_OTHER, "another nick" },
		{ ":s 354 sally 1 #ops a host Alice alice", ANSWER_OTHER, "another nick's case" },
		{ ":s 354 sally 1 #ops a host alice 0", ANSWER_NOBODY, "not logged in" },
		{ ":s 354 sally 1 #ops a host alice *", ANSWER_NOBODY, "not logged in" },
		{ ":s 354 sally 1 #ops a host alice :", ANSWER_NOBODY, "not logged in" },
		{ ":s 330 sally alice alice :is logged in as", ANSWER_OTHER, "an answer to a WHOIS that nobody asked for" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fixture->identity.token = 0;
		struct question *question = asks(fixture, alice, QUESTION_WHOX);
		server_says(fixture, rows[i].line);
		server_says(fixture, ":s 315 sally alice :End");
		if (question->answer != rows[i].answer)
			fail_msg("%s: %d", rows[i].why, question->answer);
		/* The truth comes too late. */
		assert_false(server_says(fixture, ":s 354 sally 1 #ops a host alice alice"));
		assert_int_equal(question->answer, rows[i].answer);
		identity_release(&fixture->identity, question);
		assert_int_equal(fixture->identity.asked, 0);
	}
}

static void
test_a_question_that_was_not_sent_has_no_answer(void **state)
{
	struct fixture *fixture = *state;
	struct question *question = identity_ask(&fixture->identity, alice, QUESTION_WHOX, 1000);

	assert_ptr_equal(identity_unsent(&fixture->identity), question);
	assert_false(server_says(fixture, ":s 354 sally 1 #ops a host alice alice"));
	assert_false(server_says(fixture, ":s 315 sally alice :End"));
	assert_int_equal(question->answer, ANSWER_AWAITED);
	identity_release(&fixture->identity, question);
	assert_int_equal(fixture->identity.asked, 0);
}

static void
nick_from(struct fixture *fixture)
{
	identity_void(&fixture->identity, "alice");
	identity_void(&fixture->identity, "away");
}

static void
nick_to(struct fixture *fixture)
{
	identity_void(&fixture->identity, "mallory");
	identity_void(&fixture->identity, "ALICE");
}

static void
quit(struct fixture *fixture)
{
	identity_void(&fixture->identity, "alice");
}

static void
part(struct fixture *fixture)
{
	leaves(fixture, "#ops", "alice");
}

static void
host(struct fixture *fixture)
{
	identity_host(&fixture->identity, alice, "a", "other");
}

static void
caps(struct fixture *fixture)
{
	identity_void_all(&fixture->identity);
}

static void
we_leave(struct fixture *fixture)
{
	channels_left(&fixture->channels, channels_find(&fixture->channels, "#ops"), "kicked", 1);
	identity_left(&fixture->identity, &fixture->channels, NULL);
}

static void
test_whatever_happens_before_the_answer_voids_it(void **state)
{
	static const struct { void (*happens)(struct fixture *); const char *what; } rows[] = {
		{ nick_from, "a NICK away" }, { nick_to, "a NICK to it" }, { quit, "a QUIT, or an ACCOUNT" }, { part, "the last PART or KICK" },
		{ host, "another host" }, { we_leave, "we are kicked" }, { caps, "capabilities go" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enters(fixture, "#ops", "alice");
		fixture->identity.token = 0;
		struct question *question = asks(fixture, alice, QUESTION_WHOX);
		rows[i].happens(fixture);
		assert_false(server_says(fixture, ":s 354 sally 1 #ops a host alice alice"));
		if (question->answer != ANSWER_VOID)
			fail_msg("%s does not void the answer", rows[i].what);
		server_says(fixture, ":s 315 sally alice :End");
		identity_release(&fixture->identity, question);
		assert_int_equal(fixture->identity.asked, 0);
	}
}

static void
test_leaving_one_of_two_channels_voids_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct question *question;

	enters(fixture, "#ops", "alice");
	enters(fixture, "#shop", "alice");
	question = asks(fixture, alice, QUESTION_WHOX);
	leaves(fixture, "#ops", "alice");
	identity_void(&fixture->identity, "bob");
	assert_true(server_says(fixture, ":s 354 sally 1 #ops a host alice alice"));
	assert_int_equal(question->answer, ANSWER_ACCOUNT);
	identity_release(&fixture->identity, question);
}

/* The swap and swap back: the end of the first question is not taken for the end of the second. */
static void
test_each_question_has_its_own_end(void **state)
{
	struct fixture *fixture = *state;
	struct question *first = asks(fixture, alice, QUESTION_WHOX), *second;

	identity_void(&fixture->identity, "alice");
	assert_int_equal(first->answer, ANSWER_VOID);
	identity_release(&fixture->identity, first);
	second = asks(fixture, alice, QUESTION_WHOX);
	assert_false(server_says(fixture, ":s 354 sally 1 #ops a host alice alice"));
	assert_false(server_says(fixture, ":s 315 sally alice :End"));
	assert_int_equal(second->answer, ANSWER_AWAITED);
	assert_true(server_says(fixture, ":s 354 sally 2 #ops a host alice alice"));
	assert_int_equal(second->answer, ANSWER_ACCOUNT);
	server_says(fixture, ":s 315 sally alice :End");
	identity_release(&fixture->identity, second);
	assert_int_equal(fixture->identity.asked, 0);
}

static void
test_who_is_asked_about_is_asked_about_once(void **state)
{
	struct fixture *fixture = *state;
	struct question *first = asks(fixture, alice, QUESTION_WHOX), *again = identity_ask(&fixture->identity, alice, QUESTION_WHOX, 2000);

	assert_ptr_equal(first, again);
	assert_ptr_equal(identity_open(&fixture->identity, "ALICE"), first);
	assert_null(identity_open(&fixture->identity, "bob"));
	/* Somebody with another host is somebody else. */
	struct question *other = identity_ask(&fixture->identity, "alice!a@other", QUESTION_WHOX, 2000);
	assert_ptr_not_equal(first, other);
	for (int i = 0; i < 3; i++)
		identity_release(&fixture->identity, first);
	identity_release(&fixture->identity, other);
	/* Sent, and not answered yet. */
	assert_int_equal(fixture->identity.asked, 1);
	assert_true(identity_expire(&fixture->identity, 1000 + QUESTION_WAIT));
	assert_int_equal(fixture->identity.asked, 0);
}

static void
test_a_server_that_says_nothing_is_not_waited_for(void **state)
{
	struct fixture *fixture = *state;
	struct question *question = asks(fixture, alice, QUESTION_WHOX);

	assert_int_equal(identity_next(&fixture->identity), 1000 + QUESTION_WAIT);
	assert_false(identity_expire(&fixture->identity, 1000 + QUESTION_WAIT - 1));
	assert_true(identity_expire(&fixture->identity, 1000 + QUESTION_WAIT));
	assert_int_equal(question->answer, ANSWER_LATE);
	assert_int_equal(identity_next(&fixture->identity), 0);
	assert_false(server_says(fixture, ":s 354 sally 1 #ops a host alice alice"));
	assert_int_equal(question->answer, ANSWER_LATE);
	identity_release(&fixture->identity, question);
	assert_int_equal(fixture->identity.asked, 0);
}

static void
test_not_everybody_can_be_asked_about_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct question *questions[QUESTIONS_MOST];
	char origin[40];

	for (int i = 0; i < QUESTIONS_MOST; i++) {
		snprintf(origin, sizeof origin, "n%d!u@host", i);
		questions[i] = asks(fixture, origin, QUESTION_WHOX);
	}
	assert_null(identity_ask(&fixture->identity, alice, QUESTION_WHOX, 1000));
	server_says(fixture, ":s 315 sally n3 :End");
	identity_release(&fixture->identity, questions[3]);
	questions[3] = asks(fixture, alice, QUESTION_WHOX);
	/* A token is at most three digits, and 0 is none. */
	identity_release(&fixture->identity, questions[3]);
	server_says(fixture, ":s 315 sally alice :End");
	fixture->identity.token = 999;
	questions[3] = asks(fixture, alice, QUESTION_WHOX);
	assert_int_equal(questions[3]->token, 1);
	for (int i = 0; i < QUESTIONS_MOST; i++)
		identity_release(&fixture->identity, questions[i]);
}

/* One stranger with many nicks does not make us ask all day. */
static void
test_from_where_nobody_was_logged_in_is_remembered_for_a_moment(void **state)
{
	struct fixture *fixture = *state;
	char origin[40];

	identity_release(&fixture->identity, asks(fixture, alice, QUESTION_WHOX));
	server_says(fixture, ":s 354 sally 1 #ops a host alice alice");
	assert_false(identity_was_nobody(&fixture->identity, alice, 1000));
	struct question *question = asks(fixture, "mallory!m@host", QUESTION_WHOX);
	server_says(fixture, ":s 354 sally 2 #ops m host mallory 0");
	identity_release(&fixture->identity, question);
	assert_true(identity_was_nobody(&fixture->identity, "mallory!m@host", 1000));
	assert_true(identity_was_nobody(&fixture->identity, "m2!m@host", 1000 + NOBODY_WAIT - 1));
	assert_false(identity_was_nobody(&fixture->identity, "m2!m@host", 1000 + NOBODY_WAIT));
	assert_false(identity_was_nobody(&fixture->identity, alice, 1000));
	for (unsigned i = 0; i < NOBODY_MOST; i++) {
		snprintf(origin, sizeof origin, "m!m@host%u", i);
		question = asks(fixture, origin, QUESTION_WHOX);
		snprintf(origin, sizeof origin, ":s 354 sally %u #ops m host%u m 0", question->token, i);
		server_says(fixture, origin);
		server_says(fixture, ":s 315 sally m :End");
		identity_release(&fixture->identity, question);
	}
	assert_false(identity_was_nobody(&fixture->identity, "mallory!m@host", 1000));
}

static void
test_nobody_is_asked_about_by_a_pattern(void **state)
{
	static const char *const none[] = { "*!a@host", "a?!a@host", "#ops!a@host", "a,b!a@host", "a b!a@host", "alice", "!a@host", "alice!@host", "alice!a@" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(identity_ask(&fixture->identity, none[i], QUESTION_WHOX, 1000));
}

/* -- WHOIS, for looking ----------------------------------------------------------------------------------------------- */

static void
test_a_whois_tells_who_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct question *question = asks(fixture, alice, QUESTION_WHOIS);

	assert_false(server_says(fixture, ":s 311 sally alice a host * :Alice"));
	assert_false(server_says(fixture, ":s 319 sally alice :#ops"));
	assert_true(server_says(fixture, ":s 330 sally alice alice :is logged in as"));
	assert_false(server_says(fixture, ":s 318 sally alice :End"));
	assert_int_equal(question->answer, ANSWER_ACCOUNT);
	assert_string_equal(question->account, "alice");
	identity_release(&fixture->identity, question);
	assert_int_equal(fixture->identity.asked, 0);
}

static void
test_a_whois_of_somebody_else_or_out_of_order_tells_nothing(void **state)
{
	static const struct { const char *lines[3]; enum answer answer; } rows[] = {
		{ { ":s 311 sally alice a other * :Alice", ":s 330 sally alice alice :is logged in as" }, ANSWER_OTHER },
		{ { ":s 330 sally alice alice :is logged in as", ":s 311 sally alice a host * :Alice" }, ANSWER_NOBODY },
		{ { ":s 311 sally alice a host * :Alice", ":s 307 sally alice :is a registered nick" }, ANSWER_NOBODY },
		{ { ":s 311 sally bob a host * :Alice", ":s 330 sally bob alice :is logged in as" }, ANSWER_OTHER },
		{ { ":s 401 sally alice :No such nick" }, ANSWER_OTHER },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct question *question = asks(fixture, alice, QUESTION_WHOIS);
		for (size_t j = 0; rows[i].lines[j]; j++)
			server_says(fixture, rows[i].lines[j]);
		server_says(fixture, ":s 318 sally alice :End");
		assert_int_equal(question->answer, rows[i].answer);
		identity_release(&fixture->identity, question);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(test_what_was_told_is_known_of_exactly_that_person),
		TEST(test_no_account_has_many_spellings),
		TEST(test_of_whom_we_see_nothing_nothing_is_kept),
		TEST(test_a_nick_that_is_given_up_takes_nothing_with_it),
		TEST(test_who_leaves_the_last_channel_is_forgotten),
		TEST(test_when_we_leave_a_channel_its_people_are_forgotten),
		TEST(test_another_host_is_told_and_nothing_else_changes),
		TEST(test_look_alikes_are_voided_together_and_never_known_for_each_other),
		TEST(test_what_is_kept_is_bounded),
		TEST(test_an_answer_with_our_token_says_who_it_is),
		TEST(test_others_whose_real_name_is_that_nick_hold_up_nothing),
		TEST(test_no_other_answer_proves_anybody),
		TEST(test_a_question_that_was_not_sent_has_no_answer),
		TEST(test_whatever_happens_before_the_answer_voids_it),
		TEST(test_leaving_one_of_two_channels_voids_nothing),
		TEST(test_each_question_has_its_own_end),
		TEST(test_who_is_asked_about_is_asked_about_once),
		TEST(test_a_server_that_says_nothing_is_not_waited_for),
		TEST(test_not_everybody_can_be_asked_about_at_once),
		TEST(test_from_where_nobody_was_logged_in_is_remembered_for_a_moment),
		TEST(test_nobody_is_asked_about_by_a_pattern),
		TEST(test_a_whois_tells_who_it_is),
		TEST(test_a_whois_of_somebody_else_or_out_of_order_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
