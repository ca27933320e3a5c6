/* Tests of form: names and values, and nothing that could be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/form.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"

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
read_form(void **state, const char *body, struct error *error)
{
	return form_read(*state, body, strlen(body), error);
}

static void
test_a_form_is_names_and_values(void **state)
{
	struct json_object *form = read_form(state, "payload=%7B%22text%22%3A%22a+b%22%7D&x=1%2B1&empty=&alone&x=again&100%=5%zz", NULL);

	assert_string_equal(json_string(form, "payload", ""), "{\"text\":\"a b\"}");
	assert_string_equal(json_string(form, "x", ""), "1+1");
	assert_string_equal(json_string(form, "empty", "-"), "");
	assert_string_equal(json_string(form, "alone", "-"), "");
	assert_string_equal(json_string(form, "100%", ""), "5%zz");
}

static void
test_what_is_none_is_refused(void **state)
{
	static const char *const bodies[] = { "", " ", "hello", "a=%ff", "a=%00", "%c0%80=1", "null" };
	struct error error;

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		error.text[0] = '\0';
		assert_null(read_form(state, bodies[i], &error));
		assert_true(error.text[0]);
	}
}

static void
test_a_form_without_an_end_is_refused(void **state)
{
	struct text text = text_in(*state, 100000);
	struct error error;

	for (int i = 0; i < 1001; i++)
		text_printf(&text, "a%d=1&", i);
	assert_null(read_form(state, text.bytes, &error));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_form_is_names_and_values, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_none_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_a_form_without_an_end_is_refused, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
