/* Tests of teams_message: MessageCards and Adaptive Cards of Microsoft's documentation read as a person would say them. */
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
#include "integrations/receivers/teams_message.h"
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
card(struct arena *arena, const char *body, bool *workflow)
{
	struct draft draft = draft_new(arena, &markdown);
	const char *wrong;

	assert_true(teams_message(&draft, json(arena, body), workflow, &wrong));
	return draft_card(&draft, "vcenter");
}

static const char *
said(struct arena *arena, const char *body)
{
	bool workflow;

	return line_of(arena, card(arena, body, &workflow));
}

static void
test_the_card_of_the_conversations(void **state)
{
	bool workflow;
	struct card *made = card(*state, "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":"
		"{\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[{\"type\":\"TextBlock\",\"text\":\"Host esx4 entered maintenance mode\"},{\"type\":\"FactSet\",\"facts\":"
		"[{\"title\":\"Cluster\",\"value\":\"east\"},{\"title\":\"Moved:\",\"value\":\"14 machines\"}]}],\"actions\":[{\"type\":\"Action.OpenUrl\",\"title\":\"Open\",\"url\":"
		"\"https://vc.corp.example/esx4\"},{\"type\":\"Action.Submit\",\"title\":\"Leave it\"}]}}]}", &workflow);
	assert_true(workflow);
	assert_string_equal(line_of(*state, made),
		"[vcenter] Host esx4 entered maintenance mode. Cluster: east. Moved: 14 machines. 1 button left out https://vc.corp.example/esx4");
}

static void
test_a_message_card_of_an_old_connector(void **state)
{
	bool workflow;
	struct card *made = card(*state, "{\"@type\":\"MessageCard\",\"@context\":\"http://schema.org/extensions\",\"summary\":\"s\",\"themeColor\":\"8C1A1A\",\"title\":"
		"\"Prometheus **Alert** (Firing)\",\"text\":\"<b>disk</b> is full<br>now\",\"sections\":[{\"activityTitle\":\"[db1](https://x.example/db1)\",\"facts\":"
		"[{\"name\":\"severity\",\"value\":\"critical\"}],\"markdown\":true}],\"potentialAction\":[{\"@type\":\"OpenUri\",\"name\":\"View\",\"targets\":"
		"[{\"os\":\"default\",\"uri\":\"https://am.example/\"},{\"os\":\"iOS\",\"uri\":\"https://ios.example\"}]},{\"@type\":\"HttpPOST\",\"name\":\"Ack\"}]}", &workflow);
	assert_false(workflow);
	assert_int_equal(made->tone, TONE_BAD);
	assert_string_equal(line_of(*state, made),
		"[vcenter] Prometheus Alert (Firing). disk is full. now. db1. severity: critical. 1 button, 1 link left out https://am.example/");
}

static void
test_markdown_is_read_and_not_shown(void **state)
{
	static const struct { const char *text, *said; } rows[] = {
		{ "# Heading\\n\\n- one\\n- **two** `a*b`\\n> three", "[vcenter] Heading. one. two a*b. three" },
		{ "| a | b |\\n|---|---|\\n| 1 | 2 |", "[vcenter] a | b |. 1 | 2 |" },
		{ "![cat](https://x.example/c.png) \\\\*kept\\\\* file_name_x 2*3", "[vcenter] cat *kept* file_name_x 2*3, 1 picture left out" },
		{ "see <https://x.example/a> &amp; <a href='https://y.example/b'>y</a>", "[vcenter] see https://x.example/a & y https://y.example/b" },
		{ "a <b and c> d <x>", "[vcenter] a <b and c> d <x>" },
		{ "at {{TIME(2017-02-14T06:08:39Z)}} on {{DATE(2017-02-14T06:08:39Z, SHORT)}}, {{no}}", "[vcenter] at 06:08 UTC on 2017-02-14, {{no}}" },
		{ "```python\\nx = 1\\n```", "[vcenter] x = 1" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(said(*state, arena_printf(*state, "{\"text\":\"%s\"}", rows[i].text)), rows[i].said);
}

static void
test_what_an_adaptive_card_has_beside_texts(void **state)
{
	assert_string_equal(said(*state, "{\"type\":\"AdaptiveCard\",\"body\":[{\"type\":\"TextBlock\",\"text\":\"down\",\"color\":\"attention\"},"
		"{\"type\":\"TextBlock\",\"text\":\"hidden\",\"isVisible\":false},{\"type\":\"RichTextBlock\",\"inlines\":[\"all \",{\"type\":\"TextRun\",\"text\":\"of it\"}]},"
		"{\"type\":\"Table\",\"rows\":[{\"type\":\"TableRow\",\"cells\":[{\"type\":\"TableCell\",\"items\":[{\"type\":\"TextBlock\",\"text\":\"Total\"}]},"
		"{\"type\":\"TableCell\",\"items\":[{\"type\":\"TextBlock\",\"text\":\"404\"}]}]}]},{\"type\":\"New\",\"fallback\":{\"type\":\"TextBlock\",\"text\":\"old\"}},"
		"{\"type\":\"Newer\",\"fallback\":\"drop\"},{\"type\":\"Newest\"},{\"type\":\"ImageSet\",\"images\":[{\"type\":\"Image\"},{\"type\":\"Image\"}]}]}"),
		"[vcenter] down. all of it. old. Total: 404. 2 pictures, 1 part left out");
}

static void
test_what_is_wrong_is_said_in_a_sentence(void **state)
{
	static const struct { const char *body, *wrong; } rows[] = {
		{ "[]", "Bad payload received by generic incoming webhook." }, { "{}", "Summary or Text is required." },
		{ "{\"type\":\"message\",\"attachments\":[{}]}", "Summary or Text is required." }, { "{\"text\":1}", "Summary or Text is required." },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct draft draft = draft_new(*state, &markdown);
		const char *wrong = NULL;
		bool workflow;
		assert_false(teams_message(&draft, json(*state, rows[i].body), &workflow, &wrong));
		assert_string_equal(wrong, rows[i].wrong);
	}
}

/* Written by hand from Microsoft's pages on those cards. A * stands where they name people. */
static const struct { const char *file, *said; } documented[] = {
	{ "teams/message_card.json", "[vcenter] Project Tango. * commented. On Project Tango. \"Here are the designs\". Labels: Designs, redlines. Due date: Dec 7, 2016. "
		"Attachments: final.jpg. 1 link, 3 pictures left out https://trello.com/c/1101/" },
	{ "teams/adaptive-ActivityUpdate.json", "[vcenter] Publish Adaptive Card schema. *. Created 2017-02-14. Now that we have defined the main rules and features of the "
		"format, we need to produce a schema and publish it to GitHub. The schema will be the starting point of our reference documentation. Board: Adaptive Card. "
		"List: Backlog. Assigned to: *. Due date: Not set. 2 buttons, 1 picture left out" },
	{ "teams/adaptive-ExpenseReport.json", "[vcenter] EXPENSE APPROVAL. Trip to UAE. ER-13052. EXPENSE DETAILS. Amount to be Reimbursed. $404.30. Submitted By: *. "
		"Duration: 2019/06/19 - 2019/06/25. Submitted On: 2019/04/14. Reimbursable Amount: $ 404.30. Awaiting approval from: *. "
		"Submitted to: *. Total Expense Amount: 404.30. Non-reimbursable Amount: (-) 0.00. Advance Amount: (-) 0.00. "
		"6 buttons, 1 picture left out https://adaptivecards.io" },
	{ "teams/adaptive-InputForm.json", "[vcenter] Tell us about yourself. We just need a few more details to get you booked for the trip of a lifetime! Don't worry, we'll never "
		"share or sell your information, 1 button, 3 inputs, 1 picture left out" },
	{ "teams/adaptive-StockUpdate.json", "[vcenter] Microsoft Corporation. Nasdaq Global Select: MSFT. Fri, May 3, 2019 1:00 PM. 128.90. \xe2\x96\xb2 2.69 USD (2.13%). "
		"Open: 127.42. High: 129.43. Low: 127.25" },
};

static void
test_the_cards_of_microsofts_documentation(void **state)
{
	for (size_t i = 0; i < sizeof documented / sizeof *documented; i++)
		if (!text_glob(documented[i].said, said(*state, bodies_shared(*state, documented[i].file))))
			fail_msg("%s says: %s", documented[i].file, said(*state, bodies_shared(*state, documented[i].file)));
}

/* What other systems send is no message for Teams, and they are told so. */
static void
test_what_is_no_message_for_teams(void **state)
{
	static const char *const files[] = { "teams/card-grafana-inspired-payload.json", "teams-incoming/alerta-payload_cmd.json", "teams-incoming/alerta-payload_invalidcmd.json" };

	for (size_t i = 0; i < 3; i++) {
		struct draft draft = draft_new(*state, &markdown);
		const char *wrong = NULL;
		bool workflow;
		assert_false(teams_message(&draft, json(*state, bodies_shared(*state, files[i])), &workflow, &wrong));
	}
}

static void
still_a_card(struct arena *arena, struct json_object *body, void *with)
{
	struct draft draft = draft_new(arena, &markdown);
	const char *wrong;
	bool left, workflow;

	(void)with;
	if (!teams_message(&draft, body, &workflow, &wrong))
		return;
	struct card *made = draft_card(&draft, "vcenter");
	struct lines lines = card_lines(arena, made, 400, 100);
	assert_true(card_shown(made, 100, &left) <= 3);
	assert_int_equal(strncmp(lines.each[0], "[vcenter]", 9), 0);
	for (size_t i = 0; i < lines.count; i++)
		assert_string_equal(lines.each[i], text_clean_lines(arena, lines.each[i], strlen(lines.each[i])));
}

static void
test_every_node_of_them_gone_null_or_of_another_type(void **state)
{
	for (size_t i = 0; i < sizeof documented / sizeof *documented; i++)
		assert_true(bodies_spoiled(bodies_shared(*state, documented[i].file), still_a_card, NULL) > 100);
}

static void
test_signs_inside_signs_end_somewhere(void **state)
{
	struct text deep = text_in(*state, 20000);

	text_add(&deep, "{\"text\":\"");
	for (int i = 0; i < 2000; i++)
		text_add(&deep, i % 2 ? " *[" : " _![");
	for (int i = 0; i < 2000; i++)
		text_add(&deep, "](x)");
	text_add(&deep, "\"}");
	assert_non_null(said(*state, deep.bytes));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_card_of_the_conversations, begin, end),
		cmocka_unit_test_setup_teardown(test_a_message_card_of_an_old_connector, begin, end),
		cmocka_unit_test_setup_teardown(test_markdown_is_read_and_not_shown, begin, end),
		cmocka_unit_test_setup_teardown(test_what_an_adaptive_card_has_beside_texts, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_wrong_is_said_in_a_sentence, begin, end),
		cmocka_unit_test_setup_teardown(test_the_cards_of_microsofts_documentation, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_no_message_for_teams, begin, end),
		cmocka_unit_test_setup_teardown(test_every_node_of_them_gone_null_or_of_another_type, begin, end),
		cmocka_unit_test_setup_teardown(test_signs_inside_signs_end_somewhere, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
