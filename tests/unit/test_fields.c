/* Tests of fields: any JSON is a card that a person can read, by what the configuration names or by what such bodies usually have. */
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
#include "integrations/receivers/fields.h"
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

static const char body[] = "{\"job\":{\"name\":\"nightly/backup\",\"host\":\"nas1\",\"ok\":false},\"status\":\"failed\",\"took\":11520,\"title\":\"backup *failed*\","
	"\"message\":\"no space left\",\"url\":\"https://nas1.corp.example/jobs/88\",\"a.b\":\"dots\",\"list\":[\"one\",\"two\"],\"empty\":\"\",\"nothing\":null}";

static const char *
said(void **state, const char *json, const struct fields *fields)
{
	struct draft draft = draft_new(*state, NULL);

	if (!fields_message(&draft, json_read(*state, json, strlen(json), NULL), fields))
		return NULL;
	return card_lines(*state, draft_card(&draft, "nas"), 400, 10).each[0];
}

static void
test_without_a_word_in_the_configuration_the_usual_names_count(void **state)
{
	static const struct fields none;

	assert_string_equal(said(state, body, &none), "[nas] backup *failed*. no space left. status: failed. took: 11520. a.b: dots https://nas1.corp.example/jobs/88");
	assert_string_equal(said(state, "{\"x\":\"1\",\"y\":true}", &none), "[nas] x: 1. y: true");
	assert_null(said(state, "{}", &none));
	assert_null(said(state, "[1]", &none));
	assert_null(said(state, "{\"x\":{\"y\":1}}", &none));
}

static void
test_a_thing_with_an_id_does_not_say_its_id_and_state_again(void **state)
{
	static const struct fields fields = { .id = "id" };

	assert_string_equal(said(state, "{\"title\":\"t\",\"id\":\"7\",\"status\":\"ok\",\"host\":\"h\"}", &fields), "[nas] t. host: h");
	assert_string_equal(said(state, "{\"title\":\"t\",\"id\":\"7\",\"status\":\"odd\"}", &fields), "[nas] t. status: odd");
}

static void
test_paths_with_dots_and_json_pointers(void **state)
{
	static const char *const titles[] = { "job.name", "/status" }, *const texts[] = { "/list/1" };
	static const char *const facts[] = { "Host=job.host", "/job/ok", "/a.b", "missing", "Took=took" };
	const struct fields fields = { .title = { 2, titles }, .text = { 1, texts }, .facts = { 5, facts }, .url = "/url" };

	assert_string_equal(said(state, body, &fields), "[nas] nightly/backup. failed. two. Host: nas1. ok: false. a.b: dots. Took: 11520 https://nas1.corp.example/jobs/88");
}

static void
test_a_state_colours_the_card_and_stays_a_word(void **state)
{
	static const struct fields none;
	struct draft draft = draft_new(*state, NULL);

	assert_true(fields_message(&draft, json_read(*state, body, strlen(body), NULL), &none));
	assert_int_equal(draft_card(&draft, "nas")->tone, TONE_BAD);
}

static void
test_what_stands_at_a_path(void **state)
{
	struct json_object *object = json_read(*state, body, strlen(body), NULL);

	assert_string_equal(fields_at(object, "took"), "11520");
	assert_string_equal(fields_at(object, "/job/name"), "nightly/backup");
	static const char *const nothing[] = { "job", "list", "empty", "nothing", "/nothing", "/list/9", "/list/-", "list.9", "", "/", "//", "a.b.c", "~2" };
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
		assert_null(fields_at(object, nothing[i]));
	assert_null(fields_at(object, NULL));
}

static void
still_a_card(struct arena *arena, struct json_object *object, void *with)
{
	struct draft draft = draft_new(arena, NULL);

	if (fields_message(&draft, object, with))
		assert_int_equal(strncmp(card_lines(arena, draft_card(&draft, "nas"), 400, 10).each[0], "[nas] ", 6), 0);
}

static void
test_every_node_gone_null_or_of_another_type(void **state)
{
	static const char *const titles[] = { "job.name" }, *const facts[] = { "/job/host", "list.0" };
	struct fields none = { 0 }, fields = { .title = { 1, titles }, .facts = { 2, facts }, .url = "url", .state = "/status" };

	(void)state;
	assert_true(bodies_spoiled(body, still_a_card, &none) > 80);
	assert_true(bodies_spoiled(body, still_a_card, &fields) > 80);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_without_a_word_in_the_configuration_the_usual_names_count, begin, end),
		cmocka_unit_test_setup_teardown(test_a_thing_with_an_id_does_not_say_its_id_and_state_again, begin, end),
		cmocka_unit_test_setup_teardown(test_paths_with_dots_and_json_pointers, begin, end),
		cmocka_unit_test_setup_teardown(test_a_state_colours_the_card_and_stays_a_word, begin, end),
		cmocka_unit_test_setup_teardown(test_what_stands_at_a_path, begin, end),
		cmocka_unit_test_setup_teardown(test_every_node_gone_null_or_of_another_type, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
