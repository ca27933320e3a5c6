/* Tests of the strict reader: what json-c would take is refused first; and of asking and making documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
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
read_text(struct arena *arena, const char *text, struct error *error)
{
	return json_read(arena, text, strlen(text), error);
}

static void
test_what_is_no_json_is_refused_with_its_place(void **state)
{
	static const struct { const char *text, *error; } rows[] = {
		{ "", "This is no JSON: nothing where a value belongs at byte 1." },
		{ "  \n", "This is no JSON: nothing where a value belongs at byte 4." },
		{ "{\"a\":1,\"a\":2}", "This is no JSON: a key that is there twice, before this at byte 14." },
		{ "{\"a\":1,\"b\":2,\"\\u0061\":3}", "This is no JSON: a key that is there twice, before this at byte 25." },
		{ "[{\"x\":{\"k\":1,\"k\":1}}]", "This is no JSON: a key that is there twice, before this at byte 20." },
		{ "{'a':1}", "This is no JSON: no key where one belongs at byte 2." },
		{ "'a'", "This is no JSON: a word or sign that does not belong here at byte 1." },
		{ "NaN", "This is no JSON: a word or sign that does not belong here at byte 1." },
		{ "[-Infinity]", "This is no JSON: a number that is none at byte 2." },
		{ "[1e400]", "This is no JSON: a number out of range at byte 2." },
		{ "[9223372036854775808]", "This is no JSON: a number out of range at byte 2." },
		{ "[-9223372036854775809]", "This is no JSON: a number out of range at byte 2." },
		{ "\"x\\u0000y\"", "This is no JSON: a NUL at byte 9." },
		{ "\"\xff\"", "This is no JSON: it is not UTF-8, or holds a NUL." },
		{ "\"\xed\xa0\x80\"", "This is no JSON: it is not UTF-8, or holds a NUL." },
		{ "\"\\ud800\"", "This is no JSON: half a character (a lone surrogate) at byte 8." },
		{ "\"\\udc00\"", "This is no JSON: half a character (a lone surrogate) at byte 8." },
		{ "\"\\ud800\\u0041\"", "This is no JSON: half a character (a lone surrogate) at byte 14." },
		{ "\"\\ud800\\n    \"", "This is no JSON: half a character (a lone surrogate) at byte 8." },
		{ "\"\\u12g4\"", "This is no JSON: \\u without four hexadecimal digits at byte 6." },
		{ "\"\\x41\"", "This is no JSON: an unknown escape at byte 3." },
		{ "\"a\nb\"", "This is no JSON: a control character in a string at byte 3." },
		{ "\"a", "This is no JSON: a string that never ends at byte 3." },
		{ "\"a\\", "This is no JSON: a string that never ends at byte 4." },
		{ "/* hi */ 1", "This is no JSON: a word or sign that does not belong here at byte 1." },
		{ "[1] // hi", "This is no JSON: something behind its end at byte 5." },
		{ "{} {}", "This is no JSON: something behind its end at byte 4." },
		{ "[1,]", "This is no JSON: a word or sign that does not belong here at byte 4." },
		{ "{\"a\":1,}", "This is no JSON: no key where one belongs at byte 8." },
		{ "[1 2]", "This is no JSON: no comma where one belongs at byte 5." },
		{ "{\"a\" 1}", "This is no JSON: no : behind a key at byte 6." },
		{ "{\"a\":}", "This is no JSON: a word or sign that does not belong here at byte 6." },
		{ "[1", "This is no JSON: an end before everything is closed at byte 3." },
		{ "{\"a\":1", "This is no JSON: an end before everything is closed at byte 7." },
		{ "[1}", "This is no JSON: no comma where one belongs at byte 4." },
		{ "null", "This JSON is null and says nothing." },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error error = {0};
		if (read_text(*state, rows[i].text, &error))
			fail_msg("%s was taken", rows[i].text);
		assert_string_equal(error.text, rows[i].error);
		assert_null(read_text(*state, rows[i].text, NULL));
	}
	assert_null(json_read(*state, "[1]\0", 4, NULL));
	assert_null(json_read(*state, "\"a\0b\"", 5, NULL));
}

static void
test_numbers_that_are_none(void **state)
{
	static const char *const bad[] = {
		"01", "-01", "00", "+1", ".5", "1.", "-", "-.5", "1e", "1e+", "1.e3", "0x10", "1_000", "--1", "1.2.3", "1e5.5", "Infinity", "-NaN", "tru", "True", "nul", "nulll", "truefalse",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (read_text(*state, arena_printf(*state, "[%s]", bad[i]), NULL))
			fail_msg("%s was taken", bad[i]);
}

static void
test_numbers_stay_what_they_were(void **state)
{
	static const struct { const char *text; int64_t number; } whole[] = {
		{ "0", 0 }, { "-0", 0 }, { "412", 412 }, { "-7", -7 }, { "9223372036854775807", INT64_MAX }, { "-9223372036854775808", INT64_MIN },
	};
	static const struct { const char *text; double number; } broken[] = { { "0.5", 0.5 }, { "-1.25e2", -125 }, { "1E+2", 100 }, { "1e-2", 0.01 }, { "1e308", 1e308 }, { "1e-400", 0 } };

	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		struct json_object *array = read_text(*state, arena_printf(*state, "[%s]", whole[i].text), NULL);
		assert_non_null(array);
		assert_true(json_integer(array, "0", 42) == whole[i].number);
		/* Alone too: json-c must see where it ends. */
		assert_true(json_integer(read_text(*state, whole[i].text, NULL), "", 42) == whole[i].number);
	}
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct json_object *array = read_text(*state, arena_printf(*state, "[%s]", broken[i].text), NULL);
		assert_non_null(array);
		double difference = json_object_get_double(json_at(array, "0")) - broken[i].number;
		assert_true(difference < 1e-9 && difference > -1e-9);
		assert_true(json_integer(array, "0", 42) == 42);           /* no integer, though it may look like one */
	}
}

static char *
nested(struct arena *arena, size_t levels, const char *open, const char *close)
{
	struct text text = text_in(arena, 100000);

	for (size_t i = 0; i < levels; i++)
		text_add(&text, open);
	text_add(&text, "1");
	for (size_t i = 0; i < levels; i++)
		text_add(&text, close);
	return text.bytes;
}

static void
test_depth_has_a_bound(void **state)
{
	struct error error;

	/* The 1 in the middle is a level too. */
	assert_non_null(read_text(*state, nested(*state, 31, "[", "]"), NULL));
	assert_non_null(read_text(*state, nested(*state, 31, "{\"a\":", "}"), NULL));
	assert_null(read_text(*state, nested(*state, 32, "[", "]"), &error));
	assert_non_null(strstr(error.text, "more than 32 levels"));
	assert_null(read_text(*state, nested(*state, 32, "{\"a\":", "}"), NULL));
	assert_null(read_text(*state, nested(*state, 40000, "[", "]"), NULL));
}

static void
test_the_number_of_values_has_a_bound(void **state)
{
	struct text text = text_in(*state, 1000000);
	struct error error;

	text_add(&text, "[0");
	for (int i = 0; i < 49998; i++)
		text_add(&text, ",0");
	text_add(&text, "]");
	assert_non_null(read_text(*state, text.bytes, NULL));
	text.bytes[text.length - 1] = ',';
	text_add(&text, "0]");
	assert_null(read_text(*state, text.bytes, &error));
	assert_non_null(strstr(error.text, "more than 50,000 values"));
}

static void
test_many_keys_are_no_trouble(void **state)
{
	struct text text = text_in(*state, 1000000);
	int64_t began = clock_mono();

	text_add(&text, "{\"k0\":0");
	for (int i = 1; i < 40000; i++)
		text_printf(&text, ",\"k%d\":%d", i, i);
	text_add(&text, "}");
	struct json_object *object = read_text(*state, text.bytes, NULL);
	assert_true(json_integer(object, "k39999", 0) == 39999);
	assert_true(clock_mono() - began < 5000);
}

static void
test_escapes_are_resolved(void **state)
{
	struct json_object *object = read_text(*state, "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u65e5\\ud83d\\udd15\"}", NULL);

	assert_string_equal(json_string(object, "a", NULL), "\"\\/\b\f\n\r\t\u00e9\u65e5\U0001f515");
	assert_non_null(read_text(*state, "{\"\\ud83d\\udd15\":1,\"\\ud83d\\udd16\":2}", NULL));
	assert_null(read_text(*state, "{\"\\ud83d\\udd15\":1,\"\U0001f515\":2}", NULL));
	assert_null(read_text(*state, "{\"\\u0009\":1,\"\\t\":2}", NULL));
}

/* Asking. */

static const char build[] = "{\"number\":412,\"result\":null,\"ok\":true,\"no\":false,\"name\":\"web\",\"half\":0.5,\"text\":\"412\","
	"\"steps\":[{\"name\":\"build\"},{\"name\":\"test\"}],\"\":{\"x\":7},\"0\":\"zero\"}";

static void
test_a_document_is_asked_by_paths(void **state)
{
	struct json_object *object = read_text(*state, build, NULL);

	assert_string_equal(json_string(object, "name", NULL), "web");
	assert_string_equal(json_string(object, "steps.1.name", NULL), "test");
	assert_string_equal(json_string(object, "0", NULL), "zero");
	assert_true(json_integer(object, "number", 0) == 412);
	assert_true(json_integer(object, ".x", 0) == 7);
	assert_true(json_true(object, "ok"));
	assert_int_equal(json_count(object, "steps"), 2);
	assert_ptr_equal(json_at(object, ""), object);
}

static void
test_what_is_not_there_gives_the_fallback(void **state)
{
	static const char *const nowhere[] = {
		"other", "result", "result.x", "name.x", "steps.2.name", "steps.-1.name", "steps.x", "steps.1x", "steps.99999999999999999999", "number.0", "..", "steps..name",
	};
	struct json_object *object = read_text(*state, build, NULL);
	char endless[1000];

	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
		assert_string_equal(json_string(object, nowhere[i], "fallback"), "fallback");
		assert_true(json_integer(object, nowhere[i], 42) == 42);
		assert_false(json_true(object, nowhere[i]));
		assert_int_equal(json_count(object, nowhere[i]), 0);
		assert_string_equal(json_string(NULL, nowhere[i], "fallback"), "fallback");
	}
	memset(endless, 'a', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	assert_null(json_at(object, endless));
}

static void
test_what_is_of_another_type_is_not_taken(void **state)
{
	struct json_object *object = read_text(*state, build, NULL);

	assert_null(json_string(object, "number", NULL));
	assert_null(json_string(object, "steps", NULL));
	assert_true(json_integer(object, "text", -1) == -1);
	assert_true(json_integer(object, "half", -1) == -1);
	assert_true(json_integer(object, "ok", -1) == -1);
	assert_false(json_true(object, "number"));
	assert_false(json_true(object, "no"));
	assert_int_equal(json_count(object, "name"), 0);
}

/* Making. */

static void
test_a_document_is_made_and_read_again(void **state)
{
	struct json_object *object = json_new_object(*state), *array = json_new_array(*state);

	json_set(object, "name", "a \"quoted\" / \\ line\n\u00e9");
	json_set(object, "nothing", NULL);
	json_set_integer(object, "least", INT64_MIN);
	json_object_array_add(array, json_object_new_string("x"));
	assert_string_equal(json_write(array), "[\"x\"]");
	assert_string_equal(json_write(object), "{\"name\":\"a \\\"quoted\\\" / \\\\ line\\n\u00e9\",\"least\":-9223372036854775808}");
	struct json_object *again = read_text(*state, json_write(object), NULL);
	assert_string_equal(json_string(again, "name", NULL), "a \"quoted\" / \\ line\n\u00e9");
	assert_true(json_integer(again, "least", 0) == INT64_MIN);
	assert_null(json_at(again, "nothing"));
}

/* Every cut and every changed byte of a document is refused or read, and what is read can be written and read again. */
static void
test_no_broken_document_does_harm(void **state)
{
	static const char whole[] = "{\"a\":[1,-2.5e3,true,null,{\"b\":\"\\u00e9\\n\"}],\"c\":{},\"d\":[]}", signs[] = "{}[]\",:\\0-eEu. tn\xff";

	(void)state;
	for (size_t at = 0; at < sizeof whole - 1; at++) {
		struct arena *arena = arena_new();
		assert_null(json_read(arena, whole, at, NULL));
		for (size_t sign = 0; sign < sizeof signs; sign++) {
			char *changed = arena_slice(arena, whole, sizeof whole - 1);
			changed[at] = signs[sign];
			struct json_object *object = json_read(arena, changed, sizeof whole - 1, NULL);
			if (object)
				assert_non_null(read_text(arena, json_write(object), NULL));
		}
		arena_free(arena);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_no_json_is_refused_with_its_place),
		cmocka_unit_test(test_numbers_that_are_none),
		cmocka_unit_test(test_numbers_stay_what_they_were),
		cmocka_unit_test(test_depth_has_a_bound),
		cmocka_unit_test(test_the_number_of_values_has_a_bound),
		cmocka_unit_test(test_many_keys_are_no_trouble),
		cmocka_unit_test(test_escapes_are_resolved),
		cmocka_unit_test(test_a_document_is_asked_by_paths),
		cmocka_unit_test(test_what_is_not_there_gives_the_fallback),
		cmocka_unit_test(test_what_is_of_another_type_is_not_taken),
		cmocka_unit_test(test_a_document_is_made_and_read_again),
		cmocka_unit_test(test_no_broken_document_does_harm),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
