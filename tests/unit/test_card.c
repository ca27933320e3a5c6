/* Tests of card: every answer is drawn as conversations have it, and nothing foreign gets where it does not belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"

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

/* A card of the conversations, and the line of IRC that it is. Facts: "name|value", or the value alone. */
struct told {
	const char *to, *id, *state, *headline;
	const char *facts[6];
	const char *by, *url;
	const char *line;
};

static const struct told conversations[] = {
	{ NULL, "B31", "queued", "web", { "target=staging", "2 before it" }, "alice", NULL, "B31 queued: web, target=staging, 2 before it (alice)" },
	{ NULL, "B31", "running", "web #412", { "about 4 min" }, NULL, NULL, "B31 running: web #412, about 4 min" },
	{ "alice", "B31", "passed", "web #412 in 3 min 48 s", { NULL }, NULL, "https://ci.corp.example/job/web/412/",
		"alice: B31 passed: web #412 in 3 min 48 s https://ci.corp.example/job/web/412/" },
	{ "alice", "B32", "failed", "web #413", { "step test", "after 2 min 14 s" }, NULL, "https://ci.corp.example/job/web/413/",
		"alice: B32 failed: web #413, step test, after 2 min 14 s https://ci.corp.example/job/web/413/" },
	{ NULL, "B33", "stopping", "web #414", { "Jenkins was asked" }, "alice", NULL, "B33 stopping: web #414, Jenkins was asked (alice)" },
	{ NULL, "B33", "stopped", "web #414 after 41 s", { NULL }, "alice", NULL, "B33 stopped: web #414 after 41 s (alice)" },
	{ "alice", "B34", "unknown", "I was restarted while asking ci to start web target=staging. I will not ask twice; looking there now", { NULL }, NULL, NULL,
		"alice: B34 unknown: I was restarted while asking ci to start web target=staging. I will not ask twice; looking there now" },
	{ NULL, "B34", "running", "it did start", { "web #415" }, NULL, NULL, "B34 running: it did start, web #415" },
	{ "alice", NULL, NULL, "D14 wants your one-time code; I asked you in a private message", { NULL }, NULL, NULL,
		"alice: D14 wants your one-time code; I asked you in a private message" },
	{ NULL, "D14", "approved by bob (Matrix, reaction); running", "", { NULL }, NULL, NULL, "D14 approved by bob (Matrix, reaction); running" },
	{ "alice", "D14", "done", "web 2.8.1 is on prod after 3 min 2 s", { "approved by bob" }, NULL, "https://gitlab.corp.example/d/14",
		"alice: D14 done: web 2.8.1 is on prod after 3 min 2 s, approved by bob https://gitlab.corp.example/d/14" },
	{ "alice", "D15", "denied by bob", "wait for the cart fix. Nothing ran", { NULL }, NULL, NULL, "alice: D15 denied by bob: wait for the cart fix. Nothing ran" },
	{ NULL, "L3", "unlocked", "prod after 1 h 2 min", { NULL }, "bob", NULL, "L3 unlocked: prod after 1 h 2 min (bob)" },
	{ "bob", "A7", "firing", "critical DiskWillFill db1:/var", { "93% full", "4 h left", "On it|nobody", "!ack A7" }, NULL, "https://graf.corp.example/d/1",
		"bob: A7 firing: critical DiskWillFill db1:/var, 93% full, 4 h left. On it: nobody. !ack A7 https://graf.corp.example/d/1" },
	{ NULL, "A7", "resolved after 52 min", "", { "acked by bob within 3 min" }, NULL, NULL, "A7 resolved after 52 min, acked by bob within 3 min" },
	{ NULL, "OPS-131", "open", "cart total is wrong", { "Bug", "shop" }, "alice", "https://jira.corp.example/browse/OPS-131",
		"OPS-131 open: cart total is wrong, Bug, shop (alice) https://jira.corp.example/browse/OPS-131" },
	{ NULL, "OPS-131", "open", "cart total is wrong", { "Bug", "high", "for dana", "3 comments", "Can move to|In Progress, Done" }, NULL,
		"https://jira.corp.example/browse/OPS-131",
		"OPS-131 open: cart total is wrong, Bug, high, for dana, 3 comments. Can move to: In Progress, Done https://jira.corp.example/browse/OPS-131" },
	{ NULL, NULL, NULL, "[backup] nightly backup took 3 h 12 min, the limit is 2 h", { "Host|nas1", "Size|1.4 TB" }, NULL, "https://nas1.corp.example/jobs/88",
		"[backup] nightly backup took 3 h 12 min, the limit is 2 h. Host: nas1. Size: 1.4 TB https://nas1.corp.example/jobs/88" },
	{ NULL, NULL, NULL, "[vcenter] Host esx4 entered maintenance mode", { "Cluster|east", "Moved|14 machines", "1 button left out" }, NULL,
		"https://vc.corp.example/", "[vcenter] Host esx4 entered maintenance mode. Cluster: east. Moved: 14 machines. 1 button left out https://vc.corp.example/" },
	{ "carol", NULL, NULL, "refused: deploy in ops needs the role deployer; you are carol by hq/@carol:corp.example with developer and sre. !why deploy web prod",
		{ NULL }, NULL, NULL,
		"carol: refused: deploy in ops needs the role deployer; you are carol by hq/@carol:corp.example with developer and sre. !why deploy web prod" },
	{ "alice", NULL, NULL, "there is no biuld. Did you mean !build web", { NULL }, NULL, NULL, "alice: there is no biuld. Did you mean !build web" },
	{ NULL, "B1", "running", "hello", { NULL }, "ana", NULL, "B1 running: hello (ana)" },
	{ "ana", "B1", "passed", "hello in 0.2 s: hello world", { NULL }, NULL, NULL, "ana: B1 passed: hello in 0.2 s: hello world" },
	{ NULL, "B31", NULL, "that was it", { NULL }, NULL, NULL, "B31: that was it" },
	{ NULL, NULL, "refused", "prod is locked", { NULL }, NULL, NULL, "refused: prod is locked" },
};

static struct card *
made(struct arena *arena, const struct told *told)
{
	struct card *card = card_new(arena, TONE_PLAIN, "%s", told->headline);

	card_state(card, told->id, told->state);
	for (size_t i = 0; i < 6 && told->facts[i]; i++) {
		const char *bar = strchr(told->facts[i], '|');
		card_fact(card, bar ? arena_slice(arena, told->facts[i], (size_t)(bar - told->facts[i])) : NULL, "%s", bar ? bar + 1 : told->facts[i]);
	}
	card_url(card, told->url);
	card->by = told->by;
	card->to = told->to;
	return card;
}

static void
expect(struct lines lines, size_t count, const char *const *wanted)
{
	assert_int_equal(lines.count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(lines.each[i], wanted[i]);
}

#define EXPECT(lines, ...) do { \
	static const char *const wanted[] = { __VA_ARGS__ }; \
	expect((lines), sizeof wanted / sizeof *wanted, wanted); \
} while (0)

static void
test_every_answer_of_the_conversations_is_one_line(void **state)
{
	for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
		struct lines lines = card_lines(*state, made(*state, &conversations[i]), 400, 10);
		assert_int_equal(lines.count, 1);
		assert_string_equal(lines.each[0], conversations[i].line);
	}
}

static void
test_every_answer_survives_the_store(void **state)
{
	for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
		struct card *card = made(*state, &conversations[i]);
		struct error error;
		struct card *again = card_read(*state, card_json(*state, card), &error);
		assert_non_null(again);
		assert_string_equal(card_lines(*state, again, 400, 10).each[0], conversations[i].line);
	}
}

static void
test_all_of_a_card_survives_the_store_and_a_copy(void **state)
{
	struct arena *arena = arena_new();
	struct card *card = card_new(arena, TONE_BAD, "web #413");

	card_state(card, "B32", "failed");
	card_fact(card, "Step", "test");
	card_fact(card, NULL, "after %d s", 4);
	card_line(card, "a   b");
	card_quote(card, "one\n  two\n", 10, 5);
	card->next = "!log B32";
	card_url(card, "https://ci.corp.example/1");
	card->by = "alice";
	card->to = "bob";
	card->ring = card->progress = card->closed = true;
	struct card *copy = card_copy(*state, card);
	const char *json = card_json(*state, card);
	arena_free(arena);

	struct card *both[] = { copy, card_read(*state, json, NULL) };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(both[i]->tone, TONE_BAD);
		assert_string_equal(both[i]->id, "B32");
		assert_string_equal(both[i]->state, "failed");
		assert_string_equal(both[i]->headline, "web #413");
		assert_int_equal(both[i]->fact_count, 2);
		assert_string_equal(both[i]->facts[0].name, "Step");
		assert_null(both[i]->facts[1].name);
		assert_string_equal(both[i]->facts[1].value, "after 4 s");
		assert_int_equal(both[i]->line_count, 1);
		assert_string_equal(both[i]->lines[0], "a   b");
		assert_int_equal(both[i]->quote_count, 2);
		assert_string_equal(both[i]->quotes[1], "  two");
		assert_string_equal(both[i]->next, "!log B32");
		assert_string_equal(both[i]->url, "https://ci.corp.example/1");
		assert_string_equal(both[i]->by, "alice");
		assert_string_equal(both[i]->to, "bob");
		assert_true(both[i]->ring && both[i]->progress && both[i]->closed);
	}
}

static void
test_words_to_type_go_on_with_the_headline_and_survive_the_store_and_a_copy(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "here you may");

	card_words(card, "look", "status log");
	card_words(card, "change", "build stop");
	card_words(card, "with a second person", "");
	card_fact(card, NULL, "!help VERB how to use it");
	struct card *all[] = { card, card_copy(*state, card), card_read(*state, card_json(*state, card), NULL) };
	for (size_t i = 0; i < 3; i++) {
		EXPECT(card_lines(*state, all[i], 400, 10), "here you may look: status log | change: build stop | !help VERB how to use it");
		assert_true(all[i]->facts[1].words && !all[i]->facts[2].words);
	}
}

static void
test_each_tone_and_flag_is_kept_by_itself(void **state)
{
	for (int tone = TONE_PLAIN; tone <= TONE_WAITING; tone++) {
		struct card *card = card_new(*state, (enum tone)tone, "x");
		card->ring = tone == TONE_PLAIN;
		card->progress = tone == TONE_GOOD;
		card->closed = tone == TONE_BAD;
		struct card *again = card_read(*state, card_json(*state, card), NULL);
		assert_int_equal(again->tone, tone);
		assert_int_equal(again->ring, card->ring);
		assert_int_equal(again->progress, card->progress);
		assert_int_equal(again->closed, card->closed);
	}
}

static void
test_what_is_no_card_is_refused_with_a_sentence(void **state)
{
	static const char *const none[] = { "", "{", "[]", "{}", "7", "{\"headline\":7}", "{\"headline\":null}", "{\"headline\":\"a\",\"headline\":\"b\"}" };

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct error error = { "" };
		assert_null(card_read(*state, none[i], &error));
		assert_true(error.text[0] != '\0');
	}
}

static void
test_a_card_with_fields_of_another_kind_is_read_without_them(void **state)
{
	const char *json = "{\"headline\":\"x\",\"tone\":\"purple\",\"facts\":[null,7,\"a\",{\"name\":7,\"value\":\"v\"},{\"name\":\"n\"}],\"lines\":[7,null,{},\"l\"],"
		"\"quotes\":\"q\",\"url\":\"javascript:alert(1)\",\"id\":7,\"to\":[],\"ring\":\"yes\"}";
	struct card *card = card_read(*state, json, NULL);

	assert_non_null(card);
	EXPECT(card_lines(*state, card, 400, 10), "x, v", "l");
	assert_int_equal(card->tone, TONE_PLAIN);
	assert_false(card->ring);
}

static void
test_a_table_keeps_its_columns(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "disk-free, 40 rows:");

	card_line(card, "host   mount   free     used");
	card_line(card, "db1    /var    %s    93%%", "11 GB");
	card_line(card, "7 of 40 rows. Next: !more   all in private: !more dm");
	EXPECT(card_lines(*state, card, 400, 10), "disk-free, 40 rows:", "host   mount   free     used", "db1    /var    11 GB    93%",
		"7 of 40 rows. Next: !more   all in private: !more dm");
}

static void
test_lines_of_a_thing_begin_with_its_id(void **state)
{
	struct card *card = card_new(*state, TONE_BAD, "web #413");

	card_state(card, "B32", "failed");
	card->to = "alice";
	card_line(card, "2 of 318 tests newly fail: cart_total, cart_empty");
	static const char log[] = "x\ntest_cart.c:88: expected 3, got 2\n\n";
	card_quote(card, log, strlen(log), 1);
	EXPECT(card_lines(*state, card, 400, 10), "alice: B32 failed: web #413", "B32: 2 of 318 tests newly fail: cart_total, cart_empty",
		"B32: test_cart.c:88: expected 3, got 2");
}

static void
test_words_of_others_never_begin_a_line(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "the log of web:");

	card_quote(card, "!kick sally\n/quit\n", 18, 5);
	EXPECT(card_lines(*state, card, 400, 10), "the log of web:", "| !kick sally", "| /quit");
}

static void
test_a_sentence_that_goes_on_never_begins_with_words_of_others(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "[backup] it said");

	card_fact(card, NULL, "%s", "!kick all of them and then this goes on and on and on until it fits the line no more at all");
	struct lines lines = card_lines(*state, card, 80, 10);
	assert_int_equal(lines.count, 3);
	assert_string_equal(lines.each[0], "[backup] it said");
	assert_memory_equal(lines.each[1], "| !kick", 7);
	assert_memory_equal(lines.each[2], "| ", 2);
}

static void
test_what_does_not_fit_is_the_headline_and_then_the_facts_whole(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "web 2.8.1 (4f2a9c1) to prod");

	card_state(card, "D14", "asked");
	card_fact(card, NULL, "there now 2.8.0");
	card_fact(card, NULL, "staging passed at 11:20 (3 h ago)");
	card_fact(card, "Needs", "1 other deployer by 14:47 (in 30 min)");
	card_fact(card, NULL, "!approve K7MQ-2XWD");
	card->by = "alice";
	card_url(card, "https://gw.corp.example/");
	EXPECT(card_lines(*state, card, 80, 10),
		"D14 asked: web 2.8.1 (4f2a9c1) to prod",
		"D14: there now 2.8.0, staging passed at 11:20 (3 h ago)",
		"D14: Needs: 1 other deployer by 14:47 (in 30 min). !approve K7MQ-2XWD (alice)",
		"D14: https://gw.corp.example/");
}

static void
test_a_line_is_as_long_as_it_may_be_and_no_longer(void **state)
{
	char words[2000];

	for (size_t i = 0; i < sizeof words; i++)
		words[i] = i % 7 == 6 ? ' ' : 'x';
	words[sizeof words - 1] = '\0';
	for (size_t most = 80; most < 500; most++) {
		struct card *card = card_new(*state, TONE_PLAIN, "%s", words);
		card_state(card, "B1", "running");
		card_line(card, "%s", words);
		card_quote(card, words, strlen(words), 1);
		struct lines lines = card_lines(*state, card, most, 100);
		for (size_t i = 0; i < lines.count; i++)
			assert_true(strlen(lines.each[i]) <= most);
	}
}

static void
test_a_card_that_just_fits_is_one_line(void **state)
{
	char headline[101];

	memset(headline, 'x', 100);
	headline[100] = '\0';
	struct card *card = card_new(*state, TONE_PLAIN, "%s", headline);
	card_fact(card, NULL, "yes");
	assert_int_equal(card_lines(*state, card, 105, 10).count, 1);
	assert_int_equal(card_lines(*state, card, 104, 10).count, 2);
}

static void
test_a_word_longer_than_a_line_is_cut_on_a_character(void **state)
{
	struct text text = text_in(*state, 400);

	text_add(&text, "a ");
	for (size_t i = 0; i < 60; i++)
		text_add(&text, "\xc3\xa4");
	text_add(&text, " b");
	struct lines lines = card_lines(*state, card_new(*state, TONE_PLAIN, "%s", text.bytes), 80, 10);
	assert_int_equal(lines.count, 3);
	assert_string_equal(lines.each[0], "a");
	assert_true(strlen(lines.each[1]) <= 80);
	assert_true(text_utf8(lines.each[1], strlen(lines.each[1])));
	assert_string_equal(lines.each[1] + strlen(lines.each[1]) - 3, "...");
	assert_string_equal(lines.each[2], "| b");
}

static void
test_an_indented_word_longer_than_a_line_is_said_once(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "x");
	char line[200] = "    ";

	memset(line + 4, 'y', 150);
	line[154] = '\0';
	card_line(card, "%s", line);
	assert_int_equal(card_lines(*state, card, 80, 10).count, 2);
}

static void
test_lines_left_out_are_counted(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "jobs:");

	for (int i = 0; i < 20; i++)
		card_line(card, "job %d", i);
	struct lines lines = card_lines(*state, card, 400, 10);
	assert_int_equal(lines.count, 10);
	assert_string_equal(lines.each[8], "job 7");
	assert_string_equal(lines.each[9], "and 12 more lines");
	assert_int_equal(card_lines(*state, card, 400, 21).count, 21);
	card_state(card, "B1", NULL);
	assert_string_equal(card_lines(*state, card, 400, 10).each[9], "B1: and 12 more lines");
}

static void
test_the_headline_is_there_however_few_lines_there_may_be(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "jobs:");

	card_line(card, "a");
	card_line(card, "b");
	for (size_t lines = 0; lines < 3; lines++)
		EXPECT(card_lines(*state, card, 400, lines), "jobs:", "and 2 more lines");
}

static void
test_what_others_wrote_cannot_make_a_line_or_a_colour(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "%s", "one\r\ntwo\x03" "4red\x1b[31m");

	card_fact(card, "na\nme", "%s", "va\nlue\x02");
	card_line(card, "%s", "a\nb\x07");
	card_quote(card, "q\x1b[0m1", 7, 3);
	card->to = "e\nvil";
	card->by = "b\ry";
	struct lines lines = card_lines(*state, card, 400, 10);
	assert_int_equal(lines.count, 3);
	for (size_t i = 0; i < lines.count; i++)
		for (const char *at = lines.each[i]; *at; at++)
			assert_true((unsigned char)*at >= ' ');
	assert_string_equal(lines.each[0], "e vil: one twored. na me: va lue (b y)");
	assert_string_equal(lines.each[1], "a b");
}

static void
test_a_name_without_end_does_not_fill_the_line(void **state)
{
	char name[2000];
	struct card *card = card_new(*state, TONE_PLAIN, "yes");

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	card->to = card->by = card->id = card->state = name;
	struct lines lines = card_lines(*state, card, 400, 10);
	assert_true(lines.count <= 3);
	assert_non_null(strstr(lines.each[0], "yes"));
}

static void
test_what_may_be_typed_stands_behind_the_last_words_of_others(void **state)
{
	struct card *card = card_new(*state, TONE_BAD, "web");

	card_state(card, "B1", "failed");
	card->next = "!log B1 the error, !retry B1";
	EXPECT(card_lines(*state, card, 400, 10), "B1 failed: web", "B1: !log B1 the error, !retry B1");
	card_quote(card, "one\ntwo\n", 8, 5);
	EXPECT(card_lines(*state, card, 400, 10), "B1 failed: web", "B1: one", "B1: two | !log B1 the error, !retry B1");
}

static void
test_only_the_last_lines_of_a_log_are_quoted(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "x");
	static const char log[] = "first\n\n \t\nsecond\r\nprogress 1\rprogress 2\n\x1b[31m\x1b[0m\nlast";

	card_quote(card, log, strlen(log), 3);
	assert_int_equal(card->quote_count, 3);
	assert_string_equal(card->quotes[0], "progress 1");
	assert_string_equal(card->quotes[1], "progress 2");
	assert_string_equal(card->quotes[2], "last");
	card_quote(card, "", 0, 3);
	card_quote(card, "\n\n", 2, 3);
	card_quote(card, log, strlen(log), 0);
	assert_int_equal(card->quote_count, 3);
}

static void
test_a_long_line_of_a_log_stays_one_line(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "x");
	char *log = arena_take(*state, 100001);

	memset(log, 'l', 100000);
	card_quote(card, log, 100000, 3);
	struct lines lines = card_lines(*state, card, 400, 10);
	assert_int_equal(lines.count, 2);
	assert_true(strlen(lines.each[1]) <= 400);
}

static void
test_only_addresses_of_the_web_become_links(void **state)
{
	static const char *const none[] = { "javascript:alert(1)", "ftp://x/", "file:///etc/passwd", "https://", "", "x", "https://a b/", "https://a/\nQUIT",
		"https://user:word@host/", "data:text/html,x" };
	struct card *card = card_new(*state, TONE_PLAIN, "x");

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		card_url(card, none[i]);
		assert_null(card->url);
	}
	card_url(card, NULL);
	assert_null(card->url);
	card_url(card, "http://ci.corp.example/x?a=b#c");
	assert_string_equal(card->url, "http://ci.corp.example/x?a=b#c");
}

static void
test_a_fact_that_says_nothing_is_left_out(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "x");

	card_fact(card, NULL, "%s", "");
	card_fact(card, "Host", "%s", " ");
	card_fact(card, "", "y");
	EXPECT(card_lines(*state, card, 400, 10), "x, y");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_answer_of_the_conversations_is_one_line, begin, end),
		cmocka_unit_test_setup_teardown(test_every_answer_survives_the_store, begin, end),
		cmocka_unit_test_setup_teardown(test_all_of_a_card_survives_the_store_and_a_copy, begin, end),
		cmocka_unit_test_setup_teardown(test_words_to_type_go_on_with_the_headline_and_survive_the_store_and_a_copy, begin, end),
		cmocka_unit_test_setup_teardown(test_each_tone_and_flag_is_kept_by_itself, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_no_card_is_refused_with_a_sentence, begin, end),
		cmocka_unit_test_setup_teardown(test_a_card_with_fields_of_another_kind_is_read_without_them, begin, end),
		cmocka_unit_test_setup_teardown(test_a_table_keeps_its_columns, begin, end),
		cmocka_unit_test_setup_teardown(test_lines_of_a_thing_begin_with_its_id, begin, end),
		cmocka_unit_test_setup_teardown(test_words_of_others_never_begin_a_line, begin, end),
		cmocka_unit_test_setup_teardown(test_a_sentence_that_goes_on_never_begins_with_words_of_others, begin, end),
		cmocka_unit_test_setup_teardown(test_what_does_not_fit_is_the_headline_and_then_the_facts_whole, begin, end),
		cmocka_unit_test_setup_teardown(test_a_line_is_as_long_as_it_may_be_and_no_longer, begin, end),
		cmocka_unit_test_setup_teardown(test_a_card_that_just_fits_is_one_line, begin, end),
		cmocka_unit_test_setup_teardown(test_a_word_longer_than_a_line_is_cut_on_a_character, begin, end),
		cmocka_unit_test_setup_teardown(test_an_indented_word_longer_than_a_line_is_said_once, begin, end),
		cmocka_unit_test_setup_teardown(test_lines_left_out_are_counted, begin, end),
		cmocka_unit_test_setup_teardown(test_the_headline_is_there_however_few_lines_there_may_be, begin, end),
		cmocka_unit_test_setup_teardown(test_what_others_wrote_cannot_make_a_line_or_a_colour, begin, end),
		cmocka_unit_test_setup_teardown(test_a_name_without_end_does_not_fill_the_line, begin, end),
		cmocka_unit_test_setup_teardown(test_what_may_be_typed_stands_behind_the_last_words_of_others, begin, end),
		cmocka_unit_test_setup_teardown(test_only_the_last_lines_of_a_log_are_quoted, begin, end),
		cmocka_unit_test_setup_teardown(test_a_long_line_of_a_log_stays_one_line, begin, end),
		cmocka_unit_test_setup_teardown(test_only_addresses_of_the_web_become_links, begin, end),
		cmocka_unit_test_setup_teardown(test_a_fact_that_says_nothing_is_left_out, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
