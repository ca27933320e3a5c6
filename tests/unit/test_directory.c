/* People of a file or a program: what is taken, and what is refused as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/directory.h"
#include "bridge/rights/overlay.h"

static struct arena *arena;
static struct directory_people people;
static struct error error;

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static bool
read(const char *json)
{
	return directory_read(arena, json, strlen(json), &people, &error);
}

static void
test_people_are_read_with_their_accounts_and_roles(void **state)
{
	(void)state;
	assert_true(read("{\"persons\":[{\"name\":\"erin\"},{\"name\":\"dana\",\"accounts\":[\"corp/dana\",\"hq/@dana:x\"],\"roles\":[\"developer\"],\"more\":1}]}"));
	assert_int_equal(people.count, 2);
	assert_string_equal(people.each[0].name, "dana");
	assert_int_equal(people.each[0].accounts.count, 2);
	assert_string_equal(people.each[0].accounts.each[1], "hq/@dana:x");
	assert_string_equal(people.each[0].roles.each[0], "developer");
	assert_string_equal(people.each[1].name, "erin");
	assert_int_equal(people.each[1].accounts.count, 0);
	assert_true(directory_has(&people, "erin"));
	assert_false(directory_has(&people, "eri"));
	assert_true(read("{\"persons\":[]}"));
	assert_false(directory_has(&people, "erin"));
}

static const struct { const char *json, *why; } refused[] = {
	{ "", "" },
	{ "dana", "" },
	{ "[]", "it has no list \"persons\"" },
	{ "{\"persons\":{}}", "it has no list \"persons\"" },
	{ "{\"persons\":[1]}", "a person has no name, or one with a blank in it, or of more than 64 bytes" },
	{ "{\"persons\":[{\"name\":\"\"}]}", "a person has no name, or one with a blank in it, or of more than 64 bytes" },
	{ "{\"persons\":[{\"name\":\"a b\"}]}", "a person has no name, or one with a blank in it, or of more than 64 bytes" },
	{ "{\"persons\":[{\"name\":\"a\\u202eb\"}]}", "a person has no name, or one with a blank in it, or of more than 64 bytes" },
	{ "{\"persons\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", "a is there twice" },
	{ "{\"persons\":[{\"name\":\"a\",\"accounts\":\"corp/a\"}]}", "accounts of a are no list" },
	{ "{\"persons\":[{\"name\":\"a\",\"accounts\":[\"a\"]}]}", "a is not LINK/ACCOUNT, as in corp/alice" },
	{ "{\"persons\":[{\"name\":\"a\",\"accounts\":[\"/a\"]}]}", "/a is not LINK/ACCOUNT, as in corp/alice" },
	{ "{\"persons\":[{\"name\":\"a\",\"accounts\":[\"corp/\"]}]}", "corp/ is not LINK/ACCOUNT, as in corp/alice" },
	{ "{\"persons\":[{\"name\":\"a\",\"accounts\":[7]}]}", "one of the accounts of a is empty, no text, or has a blank in it" },
	{ "{\"persons\":[{\"name\":\"a\",\"roles\":[\"x y\"]}]}", "one of the roles of a is empty, no text, or has a blank in it" },
	{ "{\"persons\":[{\"name\":\"a\",\"accounts\":[\"corp/a\"]},{\"name\":\"b\",\"accounts\":[\"corp/a\"]}]}", "the account corp/a is there twice" },
};

static void
test_what_is_wrong_is_refused_as_a_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		error.text[0] = '\0';
		assert_false(read(refused[i].json));
		assert_int_equal(people.count, 0);
		assert_string_not_equal(error.text, "");
		if (*refused[i].why)
			assert_string_equal(error.text, refused[i].why);
	}
}

/* So many people, each with so many roles. */
static char *
many(size_t persons, size_t roles)
{
	struct text text = text_in(arena, 64 + persons * (80 + 8 * roles));

	text_add(&text, "{\"persons\":[");
	for (size_t i = 0; i < persons; i++) {
		text_printf(&text, "%s{\"name\":\"p%zu\",\"accounts\":[\"corp/p%zu\"],\"roles\":[", i ? "," : "", i, i);
		for (size_t r = 0; r < roles; r++)
			text_printf(&text, "%s\"r%zu\"", r ? "," : "", r);
		text_add(&text, "]}");
	}
	text_add(&text, "]}");
	return text.bytes;
}

static void
test_there_are_bounds(void **state)
{
	(void)state;
	assert_true(read(many(DIRECTORY_PERSONS, 1)));
	assert_int_equal(people.count, DIRECTORY_PERSONS);
	assert_false(read(many(DIRECTORY_PERSONS + 1, 0)));
	assert_string_equal(error.text, "it has more than 5000 people");
	assert_true(read(many(1, DIRECTORY_WORDS)));
	assert_false(read(many(1, DIRECTORY_WORDS + 1)));
	assert_string_equal(error.text, "p0 has more than 32 roles");
	assert_false(directory_read(arena, "{}", (size_t)DIRECTORY_SIZE + 1, &people, &error));
	assert_string_equal(error.text, "it has more than 8 MiB");
}

static void
test_half_of_all_gone_at_once_are_told(void **state)
{
	struct directory_people before;

	(void)state;
	assert_true(read(many(9, 0)));
	before = people;
	assert_true(read(many(5, 0)));
	assert_false(directory_shrunk(&before, &people));
	assert_true(read(many(4, 0)));
	assert_true(directory_shrunk(&before, &people));
	assert_true(read(many(3, 0)));
	before = people;
	assert_true(read(many(0, 0)));
	assert_false(directory_shrunk(&before, &people));
	assert_false(directory_shrunk(&people, &before));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people_are_read_with_their_accounts_and_roles),
		cmocka_unit_test(test_what_is_wrong_is_refused_as_a_whole),
		cmocka_unit_test(test_there_are_bounds),
		cmocka_unit_test(test_half_of_all_gone_at_once_are_told),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
