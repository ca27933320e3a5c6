/* Tests of conf_differences: what is told of a configuration that was read anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"

struct service {
	const char *name;
	const struct secret *token;
};

static const struct setting service_settings[] = {
	SETTING(service, name,  TYPE_TITLE,  NULL, "What it is called."),
	SETTING(service, token, TYPE_SECRET, NULL, "Its token."),
	{ 0 }
};
static const struct shape service_shape = { "service", sizeof(struct service), service_settings, "A service.", false };

struct world {
	struct arena *arena;
	char folder[64];
	struct text told;
};

static void
keep(struct world *world, const char *name, const char *text)
{
	FILE *file = fopen(arena_printf(world->arena, "%s/%s", world->folder, name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fclose(file), 0);
}

static void
tell(const char *sentence, void *with)
{
	struct world *world = with;

	text_printf(&world->told, "%s\n", sentence);
}

static struct conf *
read_it(struct world *world, const char *text)
{
	keep(world, "conf", text);
	struct conf *conf = conf_read(arena_printf(world->arena, "%s/conf", world->folder));
	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, "service"));)
		conf_fill(conf, at, &service_shape, arena_take(world->arena, sizeof(struct service)));
	assert_int_equal(conf_mistakes(conf), 0);
	return conf;
}

static void
assert_told(struct world *world, struct conf *before, struct conf *after, const char *expected)
{
	world->told = text_in(world->arena, 10000);
	conf_differences(before, after, tell, world);
	assert_string_equal(world->told.bytes, expected);
	conf_free(before);
	conf_free(after);
}

static int
set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);

	world->arena = arena_new();
	strcpy(world->folder, "/tmp/test-differences-XXXXXX");
	*state = world;
	return mkdtemp(world->folder) ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	unlink(arena_printf(world->arena, "%s/conf", world->folder));
	unlink(arena_printf(world->arena, "%s/token", world->folder));
	rmdir(world->folder);
	redact_forget();
	arena_free(world->arena);
	free(world);
	return 0;
}

static void
test_order_place_and_comments_are_no_difference(void **state)
{
	assert_told(*state, read_it(*state, "a = 1\nb = { \"x\", \"y\" }\nroom \"ops\" { c = yes d = no }\nroom \"shop\" { }\n"),
		read_it(*state, "# moved\nroom \"shop\" { }\nroom \"ops\" {\n\td = no # still\n\tc = yes\n}\nb = { 'x', 'y' }\n\na = 1\n"), "");
}

static void
test_each_section_tells_which_options_changed(void **state)
{
	assert_told(*state, read_it(*state, "a = 1\nb = 2\nroom \"ops\" { c = yes d = no e = { \"x\" } }\nirc \"corp\" { }\nhooks { f = 1 }\n"),
		read_it(*state, "a = 2\nroom \"ops\" { c = no d = no e = { \"x\", \"y\" } }\nhooks { f = 1 g = 2 }\nroom \"shop\" { }\n"),
		"a, b changed\nroom \"ops\": c, e changed\nhooks: g changed\nroom \"shop\" is new\nirc \"corp\" is gone\n");
}

static void
test_a_section_in_a_section_is_named(void **state)
{
	assert_told(*state, read_it(*state, "runner \"local\" { job \"a\" { run = \"x\" } job \"b\" { run = \"x\" } job \"c\" { param \"p\" { required = no } } }\n"),
		read_it(*state, "runner \"local\" { job \"b\" { run = \"y\" } job \"d\" { } job \"c\" { param \"p\" { required = yes } } }\n"),
		"runner \"local\": job \"b\", job \"d\", job \"c\", job \"a\" changed\n");
}

static void
test_a_new_secret_in_the_same_file_is_a_difference(void **state)
{
	static const char text[] = "service \"ci\" { token_file = \"token\" }\n";
	struct world *world = *state;

	keep(world, "token", "hunter2hunter2\n");
	struct conf *first = read_it(world, text), *second = read_it(world, text);
	assert_true(conf_same(first, conf_next(conf_root(first), NULL, "service"), second, conf_next(conf_root(second), NULL, "service")));
	keep(world, "token", "hunter3hunter3\n");
	struct conf *third = read_it(world, text);
	assert_false(conf_same(second, conf_next(conf_root(second), NULL, "service"), third, conf_next(conf_root(third), NULL, "service")));
	assert_told(world, first, third, "service \"ci\": token_file changed\n");
	conf_free(second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_place_and_comments_are_no_difference, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_section_tells_which_options_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_section_in_a_section_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_new_secret_in_the_same_file_is_a_difference, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
