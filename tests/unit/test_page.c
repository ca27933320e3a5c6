/* Tests of page: what was made for PagerDuty or Opsgenie tells of the same alerts, in the words of their documentation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "integrations/receivers/page.h"
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

/* The example of PagerDuty's page on sending an alert event. */
static const char trigger[] = "{\"payload\":{\"summary\":\"DISK at 99% on machine prod-datapipe03.example.com\",\"timestamp\":\"2015-07-17T08:42:58.315+0000\","
	"\"severity\":\"critical\",\"source\":\"prod-datapipe03.example.com\",\"component\":\"mysql\",\"group\":\"prod-datapipe\",\"class\":\"disk\",\"custom_details\":"
	"{\"free space\":\"1%\",\"ping time\":1500,\"load\":[1],\"long\":\"a\\nb\"}},\"routing_key\":\"samplekeyhere\",\"dedup_key\":\"samplekeyhere\",\"images\":[],\"links\":"
	"[{\"href\":\"https://example.com/\",\"text\":\"Link text\"}],\"event_action\":\"trigger\",\"client\":\"Sample Monitoring Service\",\"client_url\":\"https://monitoring.service.com\"}";

static struct page
pagerduty(void **state, const char *rest, const char *body)
{
	struct page page;
	const char *wrong = "";

	assert_true(pagerduty_page(*state, rest, json(*state, body), "unnamed", &page, &wrong));
	return page;
}

static const char *
pagerduty_refuses(void **state, const char *body)
{
	struct page page;
	const char *wrong = NULL;

	assert_false(pagerduty_page(*state, "v2/enqueue", json(*state, body), "unnamed", &page, &wrong));
	return wrong;
}

static void
test_a_trigger_says_what_and_where_and_how_bad(void **state)
{
	struct page page = pagerduty(state, "", trigger);

	assert_int_equal(page.what, PAGE_FIRING);
	assert_string_equal(page.key, "samplekeyhere");
	assert_string_equal(page.name, "DISK at 99% on machine prod-datapipe03.example.com");
	assert_string_equal(page.object, "mysql");
	assert_string_equal(page.severity, "critical");
	assert_string_equal(page.url, "https://example.com/");
	assert_int_equal(page.label_count, 6);
	assert_string_equal(page.labels[5].name, "ping time");
	assert_string_equal(page.labels[5].value, "1500");
}

static void
test_acknowledge_and_resolve_need_only_the_key(void **state)
{
	assert_int_equal(pagerduty(state, "v2/enqueue", "{\"event_action\":\"acknowledge\",\"dedup_key\":\"k\"}").what, PAGE_ACKED);
	assert_int_equal(pagerduty(state, "v2/enqueue", "{\"event_action\":\"resolve\",\"dedup_key\":\"k\"}").what, PAGE_RESOLVED);
	assert_string_equal(pagerduty(state, "", "{\"event_action\":\"trigger\",\"payload\":{\"summary\":\"s\"}}").key, "unnamed");
}

static void
test_a_change_is_said_and_is_no_alert(void **state)
{
	struct page page = pagerduty(state, "v2/change/enqueue", "{\"routing_key\":\"x\",\"payload\":{\"summary\":\"Build Success - Increase snapshot create timeout to 30 seconds\","
		"\"source\":\"acme-build-pipeline-tool-default-i-9999\",\"custom_details\":{\"build_number\":\"2202\"}},\"links\":[{\"href\":\"https://acme.example/build/2\"}]}");

	assert_int_equal(page.what, PAGE_CHANGE);
	assert_string_equal(page.name, "Build Success - Increase snapshot create timeout to 30 seconds");
	assert_string_equal(page.url, "https://acme.example/build/2");
}

static void
test_what_pagerduty_would_refuse_is_refused_in_its_words(void **state)
{
	assert_non_null(strstr(pagerduty_refuses(state, "[]"), "invalid"));
	assert_non_null(strstr(pagerduty_refuses(state, "{}"), "event_action"));
	assert_non_null(strstr(pagerduty_refuses(state, "{\"event_action\":\"trigger\",\"dedup_key\":\"k\"}"), "payload.summary"));
	assert_non_null(strstr(pagerduty_refuses(state, "{\"event_action\":\"resolve\"}"), "dedup_key"));
	assert_non_null(strstr(pagerduty_refuses(state, "{\"event_action\":\"explode\",\"dedup_key\":\"k\"}"), "event_action"));
}

/* Version 1 of its own webhooks, as Alerta has it in its tests: two messages about one incident. */
static void
test_what_pagerduty_tells_others_is_understood_too(void **state)
{
	struct page pages[8];

	assert_int_equal(pagerduty_incidents(*state, json(*state, bodies_shared(*state, "pagerduty/alerta-pagerduty_alert.json")), pages, 8), 2);
	assert_int_equal(pages[0].what, PAGE_ACKED);
	assert_string_equal(pages[0].key, "PIJ90N7");
	assert_string_equal(pages[0].name, "45645");
	assert_string_equal(pages[0].object, "service");
	assert_non_null(pages[0].by);
	assert_string_equal(pages[0].url, "https://acme.pagerduty.com/incidents/PIJ90N7");
	assert_int_equal(pages[1].what, PAGE_RESOLVED);
	assert_string_equal(pages[1].by, pages[0].by);
}

static void
test_its_webhooks_of_version_3(void **state)
{
	struct page page;

	assert_int_equal(pagerduty_incidents(*state, json(*state, "{\"event\":{\"id\":\"5ac64822-4adc-4fda-ade0-410becf0de4f\",\"event_type\":\"incident.priority_updated\","
		"\"resource_type\":\"incident\",\"agent\":{\"html_url\":\"https://acme.pagerduty.com/users/PLH1HKV\",\"summary\":\"An engineer\"},\"data\":{\"id\":\"PGR0VU2\","
		"\"type\":\"incident\",\"html_url\":\"https://acme.pagerduty.com/incidents/PGR0VU2\",\"status\":\"triggered\",\"title\":\"A little bump in the road\","
		"\"service\":{\"summary\":\"API Service\"},\"priority\":{\"summary\":\"P1\"},\"urgency\":\"high\"}}}"), &page, 1), 1);
	assert_int_equal(page.what, PAGE_FIRING);
	assert_string_equal(page.name, "A little bump in the road");
	assert_string_equal(page.severity, "P1");
	assert_string_equal(page.by, "An engineer");
	assert_int_equal(pagerduty_incidents(*state, json(*state, "{\"event\":{\"event_type\":\"service.updated\",\"data\":{\"id\":\"x\"}}}"), &page, 1), 0);
	assert_int_equal(pagerduty_incidents(*state, json(*state, trigger), &page, 1), 0);
}

/* The example of Opsgenie's page on the alert API. */
static const char create[] = "{\"message\":\"An example alert message\",\"alias\":\"Life is too short for no alias\",\"description\":\"Every alert needs a description\","
	"\"responders\":[{\"id\":\"4513b7ea-3b91-438f-b7e4-e3e54af9147c\",\"type\":\"team\"}],\"actions\":[\"Restart\",\"AnExampleAction\"],\"tags\":[\"OverwriteQuietHours\",\"Critical\"],"
	"\"details\":{\"key1\":\"value1\",\"key2\":\"value2\"},\"entity\":\"An example entity\",\"priority\":\"P1\"}";

static struct page
opsgenie(void **state, const char *rest, const char *body)
{
	struct page page;
	const char *wrong = "";

	assert_true(opsgenie_page(*state, rest, json(*state, body), "unnamed", &page, &wrong));
	return page;
}

static void
test_an_alert_of_opsgenie(void **state)
{
	struct page page = opsgenie(state, "v2/alerts", create);

	assert_int_equal(page.what, PAGE_FIRING);
	assert_string_equal(page.key, "Life is too short for no alias");
	assert_string_equal(page.name, "An example alert message");
	assert_string_equal(page.object, "An example entity");
	assert_string_equal(page.text, "Every alert needs a description");
	assert_string_equal(page.severity, "P1");
	assert_int_equal(page.label_count, 4);
	assert_string_equal(opsgenie(state, "v2/alerts", "{\"message\":\"m\"}").key, "unnamed");
	assert_string_equal(opsgenie(state, "", "{\"message\":\"m\"}").severity, "P3");
}

static void
test_what_is_done_to_it_names_it_in_the_path(void **state)
{
	struct page page = opsgenie(state, "v2/alerts/Life%20is%2Ftoo+short/close", "{\"user\":\"Monitoring Script\",\"note\":\"Action executed\"}");

	assert_int_equal(page.what, PAGE_RESOLVED);
	assert_string_equal(page.key, "Life is/too+short");
	assert_string_equal(page.by, "Monitoring Script");
	assert_string_equal(page.note, "Action executed");
	assert_int_equal(opsgenie(state, "v2/alerts/a/acknowledge", "{}").what, PAGE_ACKED);
	assert_int_equal(opsgenie(state, "v2/alerts/a/unacknowledge", "{}").what, PAGE_UNACKED);
	assert_int_equal(opsgenie(state, "v2/alerts/a/notes", "{\"note\":\"n\"}").what, PAGE_NOTE);
	assert_int_equal(opsgenie(state, "v2/alerts/a/message", "{\"message\":\"n\"}").what, PAGE_FIRING);
}

static void
test_what_opsgenie_would_refuse_is_refused(void **state)
{
	static const struct { const char *rest, *body; } rows[] = {
		{ "v2/alerts", "[]" }, { "v2/alerts", "{}" }, { "v2/alerts", "{\"message\":\"\"}" }, { "v2", "{\"message\":\"m\"}" }, { "v2/alertsx", "{\"message\":\"m\"}" },
		{ "v2/alerts/", "{}" }, { "v2/alerts//close", "{}" }, { "v2/alerts/a", "{}" }, { "v2/alerts/a/explode", "{}" }, { "v2/alerts/a/close/b", "{}" },
		{ "v2/alerts/%00/close", "{}" }, { "v2/alerts/%ff/close", "{}" }, { "v2/alerts/a/notes", "{}" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct page page;
		const char *wrong = NULL;
		assert_false(opsgenie_page(*state, rows[i].rest, json(*state, rows[i].body), "unnamed", &page, &wrong));
		assert_true(wrong && *wrong);
	}
}

static void
test_what_has_no_name_is_named_by_its_bytes(void **state)
{
	assert_int_equal(strlen(page_unnamed(*state, "a", 1)), 32);
	assert_string_equal(page_unnamed(*state, "ab", 1), page_unnamed(*state, "ac", 1));
	assert_string_not_equal(page_unnamed(*state, "ab", 2), page_unnamed(*state, "ac", 2));
}

static void
still_a_page(struct arena *arena, struct json_object *body, void *with)
{
	struct page page, pages[8];
	const char *wrong = NULL;

	(void)with;
	if (pagerduty_page(arena, "v2/enqueue", body, "unnamed", &page, &wrong))
		assert_true(page.key && *page.key);
	else
		assert_non_null(wrong);
	if (opsgenie_page(arena, "v2/alerts", body, "unnamed", &page, &wrong))
		assert_true(page.key && *page.key && page.name);
	for (size_t i = pagerduty_incidents(arena, body, pages, 8); i-- > 0;)
		assert_true(pages[i].key && *pages[i].key);
}

static void
test_every_node_gone_null_or_of_another_type(void **state)
{
	assert_true(bodies_spoiled(trigger, still_a_page, NULL) > 100);
	assert_true(bodies_spoiled(create, still_a_page, NULL) > 80);
	assert_true(bodies_spoiled(bodies_shared(*state, "pagerduty/alerta-pagerduty_alert.json"), still_a_page, NULL) > 200);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_trigger_says_what_and_where_and_how_bad, begin, end),
		cmocka_unit_test_setup_teardown(test_acknowledge_and_resolve_need_only_the_key, begin, end),
		cmocka_unit_test_setup_teardown(test_a_change_is_said_and_is_no_alert, begin, end),
		cmocka_unit_test_setup_teardown(test_what_pagerduty_would_refuse_is_refused_in_its_words, begin, end),
		cmocka_unit_test_setup_teardown(test_what_pagerduty_tells_others_is_understood_too, begin, end),
		cmocka_unit_test_setup_teardown(test_its_webhooks_of_version_3, begin, end),
		cmocka_unit_test_setup_teardown(test_an_alert_of_opsgenie, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_done_to_it_names_it_in_the_path, begin, end),
		cmocka_unit_test_setup_teardown(test_what_opsgenie_would_refuse_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_what_has_no_name_is_named_by_its_bytes, begin, end),
		cmocka_unit_test_setup_teardown(test_every_node_gone_null_or_of_another_type, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
