/* Tests of walking a document from outside: every part is found, none is run past, and what is bad inside stays there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/json_walk.h"

static struct json_part
part(const char *text)
{
	return json_part_of(text, strlen(text));
}

static void
test_members_and_elements_are_found(void **state)
{
	struct arena *arena = arena_new();
	struct json_part all = part(" {\"a\":{\"b\":[1 , \"x,]}\", {\"c\":null}]},\"n\" : -1.5e3,\"t\":true} "), key, value;

	(void)state;
	struct json_part list = json_part_key(json_part_key(all, "a"), "b");
	struct json_walk walk = json_walk(list);
	assert_true(json_walk_next(&walk, &key, &value));
	assert_null(key.at);
	assert_true(json_part_is(value, "1"));
	assert_true(json_walk_next(&walk, &key, &value));
	assert_string_equal(json_part_text(arena, value), "x,]}");
	assert_true(json_walk_next(&walk, &key, &value));
	assert_true(json_part_is(json_part_key(value, "c"), "null"));
	assert_false(json_walk_next(&walk, &key, &value));
	assert_false(walk.broken);
	assert_true(json_part_is(json_part_key(all, "n"), "-1.5e3"));
	assert_true(json_part_is(json_part_key(all, "t"), "true"));
	assert_null(json_part_key(all, "z").at);
	assert_null(json_part_key(list, "a").at);
	arena_free(arena);
}

static void
test_a_bad_part_spoils_nothing_else(void **state)
{
	enum { DEEP = 100000 };
	struct arena *arena = arena_new();
	char *text = malloc(2 * DEEP + 100), *at = text;
	struct json_part key, value;

	(void)state;
	at += sprintf(at, "[");
	memset(at, '[', DEEP);
	at += DEEP;
	memset(at, ']', DEEP);
	at += DEEP;
	sprintf(at, ",\"\\u0000\",{\"a\":1,\"a\":2},\"fine\"]");
	struct json_walk walk = json_walk(part(text));
	size_t count = 0, read = 0;
	while (json_walk_next(&walk, &key, &value)) {
		count++;
		const char *alone = arena_printf(arena, "[%.*s]", (int)value.length, value.at);
		read += json_read(arena, alone, strlen(alone), NULL) != NULL;
	}
	assert_int_equal(count, 4);
	assert_int_equal(read, 1);
	assert_false(walk.broken);
	free(text);
	arena_free(arena);
}

static void
test_what_is_cut_or_garbled_ends_the_walk(void **state)
{
	static const char *const bad[] = { "", "{", "[1,2", "{\"a\"", "{\"a\":", "\"open", "{} {}", "[1] x", "\"\\" };
	static const char *const garbled[] = { "[1 2]", "{\"a\" 1}", "{a:1}", "{\"a\":1,}", "[,]", "{\"a\":1 \"b\":2}" };
	struct json_part key, value;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(part(bad[i]).at);
	for (size_t i = 0; i < sizeof garbled / sizeof *garbled; i++) {
		struct json_walk walk = json_walk(part(garbled[i]));
		while (json_walk_next(&walk, &key, &value))
			;
		assert_true(walk.broken);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_and_elements_are_found),
		cmocka_unit_test(test_a_bad_part_spoils_nothing_else),
		cmocka_unit_test(test_what_is_cut_or_garbled_ends_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
