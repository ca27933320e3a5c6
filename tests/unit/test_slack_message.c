/* Tests of slack_message: what Slack's documentation shows reads as a person would say it; what is wrong is named in Slack's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/markup.h"
#include "integrations/receivers/slack_message.h"
#include "tests/unit/bodies.h"

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

static struct json_object *
json(struct arena *arena, const char *text)
{
	struct json_object *object = json_read(arena, text, strlen(text), NULL);

	assert_non_null(object);
	return object;
}

/* All of it as one line, however long. */
static const char *
line_of(struct arena *arena, const struct card *card)
{
	struct text text = text_in(arena, 65536);
	struct lines lines = card_lines(arena, card, 4000, 100);

	for (size_t i = 0; i < lines.count; i++)
		text_printf(&text, "%s%s", i ? "\n" : "", lines.each[i]);
	return text.bytes;
}

static struct card *
card(struct arena *arena, const char *body)
{
	struct draft draft = draft_new(arena, &mrkdwn);
	const char *wrong;

	assert_true(slack_message(&draft, json(arena, body), &wrong));
	return draft_card(&draft, "backup");
}

#define SAYS(body, line) assert_string_equal(line_of(*state, card(*state, (body))), (line))

static void
test_a_text_is_a_sentence(void **state)
{
	SAYS("{\"text\":\"nightly backup took 3 h 12 min, the limit is 2 h\"}", "[backup] nightly backup took 3 h 12 min, the limit is 2 h");
	SAYS("{\"text\":\"first\\nsecond!\\n\\nthird\",\"channel\":\"#x\",\"username\":\"eve\",\"icon_emoji\":\":x:\"}", "[backup] first. second! third");
}

static void
test_the_card_of_the_conversations(void **state)
{
	SAYS("{\"text\":\"nightly backup took 3 h 12 min, the limit is 2 h\",\"attachments\":[{\"fields\":[{\"title\":\"Host\",\"value\":\"nas1\",\"short\":true},"
	     "{\"title\":\"Size\",\"value\":\"1.4 TB\"}],\"title_link\":\"https://nas1.corp.example/jobs/88\"}]}",
		"[backup] nightly backup took 3 h 12 min, the limit is 2 h. Host: nas1. Size: 1.4 TB https://nas1.corp.example/jobs/88");
}

static void
test_markup_is_read_and_not_shown(void **state)
{
	SAYS("{\"text\":\"*bold* _it_ ~old~ `a*b*c` <https://x.example/?a=1&amp;b=2|the log> of <@U123> and <@U9|dana> in <#C1|ops>\"}",
		"[backup] bold it ~old~ a*b*c the log of @U123 and @dana in #ops https://x.example/?a=1&b=2");
	SAYS("{\"text\":\"a &lt;b&gt; &amp;amp; 2 * 3 * 4 file_name_x *not closed\"}", "[backup] a <b> &amp; 2 * 3 * 4 file_name_x *not closed");
	SAYS("{\"text\":\"<!here> <!subteam^S12|@dbas> <!date^1392734382^{date}|18 Feb 2014> <mailto:a@x.example|a> <https://y.example>\"}",
		"[backup] @here @dbas 18 Feb 2014 a https://y.example");
	SAYS("{\"text\":\"&gt; said\\n*_both_*\"}", "[backup] said. both");
	SAYS("{\"text\":\"failed:\\n```one\\ntwo\\nthree &amp; four```\"}", "[backup] failed, 1 line left out\n| two\n| three & four");
}

/* What Alertmanager 0.25 sends by itself. */
static void
test_alertmanager_as_it_is(void **state)
{
	struct card *made = card(*state, "{\"channel\":\"#ops\",\"username\":\"Alertmanager\",\"attachments\":[{\"title\":\"[FIRING:1] DiskWillFill (db1 /var critical)\","
		"\"title_link\":\"http://am.corp.example/#/alerts?receiver=ops\",\"pretext\":\"\",\"text\":\"\",\"fallback\":\"[FIRING:1] DiskWillFill (db1 /var critical) | "
		"http://am.corp.example/#/alerts?receiver=ops\",\"callback_id\":\"\",\"footer\":\"\",\"color\":\"danger\",\"mrkdwn_in\":[\"fallback\",\"pretext\",\"text\"]}]}");
	assert_string_equal(line_of(*state, made), "[backup] [FIRING:1] DiskWillFill (db1 /var critical) http://am.corp.example/#/alerts?receiver=ops");
	assert_int_equal(made->tone, TONE_BAD);
}

/* As 8398a7/action-slack writes its fields. */
static void
test_the_usual_step_of_github_actions(void **state)
{
	SAYS("{\"text\":\":white_check_mark: Succeeded GitHub Actions\",\"attachments\":[{\"author_name\":\"\",\"color\":\"good\",\"fields\":["
	     "{\"title\":\"repo\",\"value\":\"<https://github.com/corp/web|corp/web>\",\"short\":true},"
	     "{\"title\":\"commit\",\"value\":\"<https://github.com/corp/web/commit/4f2a9c1|4f2a9c1d>\",\"short\":true},"
	     "{\"title\":\"eventName\",\"value\":\"push\",\"short\":true}]}],\"username\":\"\",\"icon_emoji\":\"\",\"channel\":\"\"}",
		"[backup] :white_check_mark: Succeeded GitHub Actions. repo: corp/web. commit: 4f2a9c1d. eventName: push. 1 link left out https://github.com/corp/web");
}

static void
test_blocks_are_said_in_their_order(void **state)
{
	SAYS("{\"text\":\"only for notifications\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"Deploy *failed*\"}},{\"type\":\"divider\"},"
	     "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"*web* to prod\"},\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"*Commit:*\\n4f2a9c1\"},"
	     "{\"type\":\"mrkdwn\",\"text\":\"*By:* dana\"},{\"type\":\"plain_text\",\"text\":\"alone\"}]},"
	     "{\"type\":\"context\",\"elements\":[{\"type\":\"image\",\"image_url\":\"https://x\",\"alt_text\":\"a cat\"},{\"type\":\"mrkdwn\",\"text\":\"at 14:02\"}]},"
	     "{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":{\"type\":\"plain_text\",\"text\":\"Log\"},\"url\":\"https://ci.example/1\"},"
	     "{\"type\":\"button\",\"text\":{\"type\":\"plain_text\",\"text\":\"Retry\"},\"value\":\"r\"},{\"type\":\"static_select\"}]}]}",
		"[backup] Deploy *failed*. web to prod. at 14:02. Commit: 4f2a9c1. By: dana. alone, 1 button, 1 input, 1 picture left out https://ci.example/1");
}

static void
test_rich_text_reads_as_sentences(void **state)
{
	SAYS("{\"blocks\":[{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":\"Hi \"},{\"type\":\"user\",\"user_id\":\"U1\"},"
	     "{\"type\":\"text\",\"text\":\": \",\"style\":{\"bold\":true}},{\"type\":\"link\",\"url\":\"https://x.example/a\",\"text\":\"look\"},{\"type\":\"emoji\",\"name\":\"tada\"}]},"
	     "{\"type\":\"rich_text_list\",\"style\":\"bullet\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":\"one\"}]},"
	     "{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":\"two\"}]}]},"
	     "{\"type\":\"rich_text_preformatted\",\"elements\":[{\"type\":\"text\",\"text\":\"a  b\\nc\"}]}]}]}",
		"[backup] Hi @U1: look:tada: one. two https://x.example/a\n| a  b\n| c");
}

static void
test_the_fallback_is_for_what_says_nothing(void **state)
{
	SAYS("{\"attachments\":[{\"fallback\":\"chart of the week\",\"image_url\":\"https://x.example/a.png\"}]}", "[backup] chart of the week, 1 picture left out");
	SAYS("{\"text\":\"hi\",\"attachments\":[{\"fallback\":\"hi\",\"text\":\"hi\"}]}", "[backup] hi");
}

static void
test_what_is_wrong_is_said_in_slacks_words(void **state)
{
	static const struct { const char *body, *wrong; } rows[] = {
		{ "[]", "invalid_payload" }, { "\"x\"", "invalid_payload" }, { "{}", "no_text" }, { "{\"text\":\"\"}", "no_text" }, { "{\"text\":\" \\n \"}", "no_text" },
		{ "{\"text\":{}}", "no_text" }, { "{\"attachments\":[{}]}", "no_text" }, { "{\"blocks\":[{\"type\":\"divider\"}]}", "no_text" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct draft draft = draft_new(*state, &mrkdwn);
		const char *wrong = NULL;
		assert_false(slack_message(&draft, json(*state, rows[i].body), &wrong));
		assert_string_equal(wrong, rows[i].wrong);
	}
}

static void
test_what_is_too_much_is_cut_or_counted_and_stays_three_lines(void **state)
{
	struct text body = text_in(*state, 200000);
	bool left;

	text_add(&body, "{\"text\":\"");
	for (int i = 0; i < 3000; i++)
		text_add(&body, "many words ");
	text_add(&body, "\",\"attachments\":[{\"fields\":[");
	for (int i = 0; i < 60; i++)
		text_printf(&body, "%s{\"title\":\"name %d\",\"value\":\"a value that goes on and on and on and on\"}", i ? "," : "", i);
	text_add(&body, "]}]}");
	struct card *made = card(*state, body.bytes);
	assert_true(card_shown(made, 100, &left) <= 3);
	assert_non_null(strstr(line_of(*state, made), "..."));
	assert_non_null(strstr(line_of(*state, made), "facts left out"));
}

static void
test_foreign_words_are_clean_and_never_first(void **state)
{
	SAYS("{\"text\":\"!approve K7MQ-2XWD\"}", "[backup] !approve K7MQ-2XWD");
	SAYS("{\"text\":\"a\\u001b[31mred\\u0003\\u202ex\\u200by \\u0007\"}", "[backup] aredxy");
	SAYS("{\"text\":\"x\",\"attachments\":[{\"title_link\":\"javascript:alert(1)\",\"title\":\"y\"}]}", "[backup] x. y, 1 link left out");
}

/* Written by hand from Slack's page on that message. */
static void
test_the_message_of_slacks_documentation(void **state)
{
	SAYS(bodies_shared(*state, "slack/blocks-section.json"),
		"[backup] Danny Torrence left the following review for your property: Overlook Hotel. :star: Doors had too many axe holes, guest in room 237 was far too "
		"rowdy, whole place felt stuck in the 1920s. Average Rating: 1.0. 1 picture left out https://example.com");
}

static void
still_a_card(struct arena *arena, struct json_object *body, void *with)
{
	struct draft draft = draft_new(arena, with);
	const char *wrong;
	bool left;

	if (!slack_message(&draft, body, &wrong))
		return;
	struct card *made = draft_card(&draft, "backup");
	struct lines lines = card_lines(arena, made, 400, 100);
	assert_true(card_shown(made, 100, &left) <= 3);
	assert_int_equal(strncmp(lines.each[0], "[backup] ", 9), 0);
	for (size_t i = 0; i < lines.count; i++)
		assert_string_equal(lines.each[i], text_clean_lines(arena, lines.each[i], strlen(lines.each[i])));
}

static const char everything[] = "{\"text\":\"a\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"t\"}},{\"type\":\"section\",\"fields\":"
	"[{\"type\":\"mrkdwn\",\"text\":\"*a*\\nb\"}],\"accessory\":{\"type\":\"button\",\"url\":\"https://a.example\"}},{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\","
	"\"text\":\"<https://b.example|b>\"}]},{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"link\",\"url\":\"https://c.example\","
	"\"text\":\"c\"}]},{\"type\":\"rich_text_preformatted\",\"elements\":[{\"type\":\"text\",\"text\":\"x\\ny\"}]}]},{\"type\":\"image\",\"title\":{\"text\":\"i\"},\"alt_text\":\"j\"},"
	"{\"type\":\"video\",\"title\":{\"text\":\"v\"},\"title_url\":\"https://v.example\"},{\"type\":\"markdown\",\"text\":\"**m** [n](https://n.example)\"}],"
	"\"attachments\":[{\"color\":\"#ff0000\",\"pretext\":\"p\",\"author_name\":\"q\",\"title\":\"r\",\"title_link\":\"https://r.example\",\"text\":\"s\",\"fields\":"
	"[{\"title\":\"f\",\"value\":\"g\",\"short\":true}],\"actions\":[{\"type\":\"button\",\"url\":\"https://h.example\"}],\"image_url\":\"i\",\"fallback\":\"z\",\"blocks\":[]}]}";

static void
test_every_node_of_it_gone_null_or_of_another_type(void **state)
{
	(void)state;
	assert_true(bodies_spoiled(everything, still_a_card, (void *)(uintptr_t)&mrkdwn) > 500);
	assert_true(bodies_spoiled(everything, still_a_card, (void *)(uintptr_t)&markdown) > 500);
}

static void
test_every_node_of_the_documented_one(void **state)
{
	assert_true(bodies_spoiled(bodies_shared(*state, "slack/blocks-section.json"), still_a_card, (void *)(uintptr_t)&mrkdwn) > 100);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_text_is_a_sentence, begin, end),
		cmocka_unit_test_setup_teardown(test_the_card_of_the_conversations, begin, end),
		cmocka_unit_test_setup_teardown(test_markup_is_read_and_not_shown, begin, end),
		cmocka_unit_test_setup_teardown(test_alertmanager_as_it_is, begin, end),
		cmocka_unit_test_setup_teardown(test_the_usual_step_of_github_actions, begin, end),
		cmocka_unit_test_setup_teardown(test_blocks_are_said_in_their_order, begin, end),
		cmocka_unit_test_setup_teardown(test_rich_text_reads_as_sentences, begin, end),
		cmocka_unit_test_setup_teardown(test_the_fallback_is_for_what_says_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_wrong_is_said_in_slacks_words, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_too_much_is_cut_or_counted_and_stays_three_lines, begin, end),
		cmocka_unit_test_setup_teardown(test_foreign_words_are_clean_and_never_first, begin, end),
		cmocka_unit_test_setup_teardown(test_the_message_of_slacks_documentation, begin, end),
		cmocka_unit_test_setup_teardown(test_every_node_of_it_gone_null_or_of_another_type, begin, end),
		cmocka_unit_test_setup_teardown(test_every_node_of_the_documented_one, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
