/* Tests of the border to HTML: text stays text, whatever it looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/html.h"
#include "bridge/base/text.h"

static void
test_text_stays_text(void **state)
{
	static const struct { const char *plain, *written; } rows[] = {
		{ "", "" }, { "plain", "plain" }, { "a & b", "a &amp; b" }, { "&amp;", "&amp;amp;" }, { "<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;" },
		{ "</mx-reply>", "&lt;/mx-reply&gt;" }, { "\"'", "&quot;&#39;" }, { "two\nlines", "two\nlines" }, { "caf\u00e9", "caf\u00e9" }, { NULL, "" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct text text = text_in(arena, 100);
		html_add(&text, rows[i].plain);
		assert_string_equal(text.bytes, rows[i].written);
	}
	arena_free(arena);
}

static void
test_what_does_not_fit_is_cut_and_no_half_tag_begins(void **state)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 6);

	(void)state;
	html_add(&text, "ab<<<<");
	assert_true(text.cut);
	for (const char *c = text.bytes; *c; c++)
		assert_true(*c != '<' && *c != '>');
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_stays_text),
		cmocka_unit_test(test_what_does_not_fit_is_cut_and_no_half_tag_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
