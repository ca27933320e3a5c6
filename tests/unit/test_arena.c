/* Tests of memory that is freed together, of what is freed with it, and of the sentences that say what went wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"

/* The order in which deferred calls came. */
struct diary {
	struct arena *arena;
	char text[16];
};

struct line {
	struct diary *diary;
	char letter;
};

static void
note(void *with)
{
	struct line *line = with;
	size_t length = strlen(line->diary->text);

	line->diary->text[length] = line->letter;
}

static void
defer_letter(struct diary *diary, char letter)
{
	struct line line = { diary, letter };

	arena_defer(diary->arena, note, arena_copy(diary->arena, &line, sizeof line));
}

static void
note_and_defer(void *with)
{
	struct line *line = with;

	note(line);
	defer_letter(line->diary, 'z');
}

static void
test_what_is_taken_is_zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = { 0, 1, 3, 8, 17, 1000, 1024, 5000, 200000, 1 };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		unsigned char *memory = arena_take(arena, sizes[i]);
		assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(memory[at], 0);
		if (sizes[i])
			memset(memory, 0xff, sizes[i]);
	}
	arena_free(arena);
}

static void
test_pieces_do_not_touch_each_other(void **state)
{
	enum { PIECES = 3000 };
	struct arena *arena = arena_new();
	unsigned char *pieces[PIECES];

	(void)state;
	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = arena_take(arena, i % 97 + 1);
		memset(pieces[i], (int)(i % 251), i % 97 + 1);
	}
	for (size_t i = 0; i < PIECES; i++)
		for (size_t at = 0; at <= i % 97; at++)
			assert_int_equal(pieces[i][at], i % 251);
	arena_free(arena);
}

static void
test_texts_are_copies(void **state)
{
	struct arena *arena = arena_new();
	char from[] = "web";
	char *text = arena_text(arena, from), *slice = arena_slice(arena, from, 2), *copy = arena_copy(arena, from, sizeof from);

	(void)state;
	from[0] = 'x';
	assert_string_equal(text, "web");
	assert_string_equal(slice, "we");
	assert_string_equal(copy, "web");
	assert_null(arena_text(arena, NULL));
	assert_string_equal(arena_slice(arena, NULL, 0), "");
	arena_free(arena);
}

static void
test_a_slice_may_hold_anything(void **state)
{
	struct arena *arena = arena_new();
	char *slice = arena_slice(arena, "a\0b", 3);

	(void)state;
	assert_memory_equal(slice, "a\0b\0", 4);
	arena_free(arena);
}

static void
test_a_printed_text_has_the_room_that_it_needs(void **state)
{
	struct arena *arena = arena_new();
	char *text = arena_printf(arena, "%s #%d %*s", "web", 412, 9000, "end");

	(void)state;
	assert_int_equal(strlen(text), 9000 + 9);
	assert_memory_equal(text, "web #412 ", 9);
	assert_string_equal(text + strlen(text) - 3, "end");
	assert_string_equal(arena_printf(arena, "%s", ""), "");
	arena_free(arena);
}

static void
test_deferred_calls_come_last_first(void **state)
{
	struct diary diary = { arena_new(), "" };

	(void)state;
	defer_letter(&diary, 'a');
	defer_letter(&diary, 'b');
	defer_letter(&diary, 'c');
	assert_string_equal(diary.text, "");
	arena_free(diary.arena);
	assert_string_equal(diary.text, "cba");
}

static void
test_a_deferred_call_may_defer(void **state)
{
	struct diary diary = { arena_new(), "" };
	struct line line = { &diary, 'b' };

	(void)state;
	defer_letter(&diary, 'a');
	arena_defer(diary.arena, note_and_defer, &line);
	arena_free(diary.arena);
	assert_string_equal(diary.text, "bza");
}

static void
test_freeing_nothing_is_fine(void **state)
{
	(void)state;
	arena_free(NULL);
	arena_free(arena_new());
	assert_null(memory_text(NULL));
}

static void
test_memory_of_its_own_grows_and_keeps_its_bytes(void **state)
{
	char *text = memory_text("web"), *zeroed = memory_take(64);

	(void)state;
	text = memory_resize(text, 4096);
	assert_string_equal(text, "web");
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(zeroed[i], 0);
	assert_ptr_equal(memory_got(text), text);
	free(text);
	free(zeroed);
}

/* Out of memory, or an absurd size, ends the process: nobody checks behind these calls, so none may come back. */
static void
take_far_too_much(void)
{
	arena_take(arena_new(), SIZE_MAX - 40);
}

static void
take_the_largest_size(void)
{
	arena_take(arena_new(), SIZE_MAX);
}

static void
get_nothing_from_a_library(void)
{
	memory_got(NULL);
}

static bool
ends_the_process(void (*call)(void))
{
	static const struct rlimit none;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		call();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	/* A sanitizer may end it first, with a status of its own. */
	return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

static void
test_out_of_memory_is_fatal(void **state)
{
	(void)state;
	assert_true(ends_the_process(take_far_too_much));
	assert_true(ends_the_process(take_the_largest_size));
	assert_true(ends_the_process(get_nothing_from_a_library));
}

/* Errors. */

static void
test_an_error_is_a_sentence_and_never_true(void **state)
{
	struct error error = {0};

	(void)state;
	assert_false(error_set(&error, "Jenkins has no job called %s.", "web"));
	assert_string_equal(error.text, "Jenkins has no job called web.");
	assert_false(error_set(NULL, "%s", "dropped"));
}

static void
test_a_long_sentence_is_cut_between_characters(void **state)
{
	char long_one[2000] = "";
	struct error error;

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(long_one, 'x', shift);
		for (size_t i = 0; i < 400; i++)
			memcpy(long_one + shift + 4 * i, "\xf0\x9f\x94\x95", 5);
		error_set(&error, "%s", long_one);
		assert_true(strlen(error.text) < sizeof error.text);
		assert_true(strlen(error.text) >= sizeof error.text - 5);
		assert_true(text_utf8(error.text, strlen(error.text)));
	}
}

static void
test_a_sentence_that_just_fits_is_whole(void **state)
{
	char just[512];
	struct error error;

	(void)state;
	memset(just, 'x', sizeof just);
	memcpy(just + 509, "\xc3\xa9", 3);
	error_set(&error, "%s", just);
	assert_string_equal(error.text, just);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken_is_zeroed_and_aligned),
		cmocka_unit_test(test_pieces_do_not_touch_each_other),
		cmocka_unit_test(test_texts_are_copies),
		cmocka_unit_test(test_a_slice_may_hold_anything),
		cmocka_unit_test(test_a_printed_text_has_the_room_that_it_needs),
		cmocka_unit_test(test_deferred_calls_come_last_first),
		cmocka_unit_test(test_a_deferred_call_may_defer),
		cmocka_unit_test(test_freeing_nothing_is_fine),
		cmocka_unit_test(test_memory_of_its_own_grows_and_keeps_its_bytes),
		cmocka_unit_test(test_out_of_memory_is_fatal),
		cmocka_unit_test(test_an_error_is_a_sentence_and_never_true),
		cmocka_unit_test(test_a_long_sentence_is_cut_between_characters),
		cmocka_unit_test(test_a_sentence_that_just_fits_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
