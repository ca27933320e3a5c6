/* Sealing: what is kept is read by who has the key, for what it was sealed for, as it was; by nobody else, and in no other way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/rights/seal.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER "ff0102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f"

static const char secret[] = "twenty bytes of it..";
enum { LENGTH = sizeof secret - 1, SEALED = LENGTH + SEAL_MORE };

static struct {
	char folder[64], path[128];
	struct arena *arena;
	struct error error;
	struct seal *seal;
} world;

static int
begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	world.arena = arena_new();
	strcpy(world.folder, "/tmp/test_seal.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	snprintf(world.path, sizeof world.path, "%s/" SEAL_FILE, world.folder);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	seal_close(world.seal);
	unlink(world.path);
	assert_int_equal(rmdir(world.folder), 0);
	arena_free(world.arena);
	redact_forget();
	return 0;
}

static struct seal *
with_key(const char *digits)
{
	const struct secret key = { "a file", digits, strlen(digits) };

	return seal_open(&key, world.folder, &world.error);
}

static void
shut(const struct seal *seal, unsigned char out[SEALED])
{
	assert_true(seal_shut(seal, "code/alice", secret, LENGTH, out, &world.error));
}

static bool
opens(const struct seal *seal, const char *purpose, const unsigned char *sealed, size_t size)
{
	unsigned char out[LENGTH];
	bool fine = seal_break(seal, purpose, sealed, size, out, LENGTH, &world.error);

	if (fine)
		assert_memory_equal(out, secret, LENGTH);
	else
		assert_non_null(strstr(world.error.text, purpose));
	return fine;
}

static void
test_what_was_sealed_is_read_again(void **state)
{
	unsigned char one[SEALED], two[SEALED];

	(void)state;
	world.seal = with_key(KEY);
	shut(world.seal, one);
	shut(world.seal, two);
	assert_true(opens(world.seal, "code/alice", one, SEALED));
	assert_true(opens(world.seal, "code/alice", two, SEALED));
	/* The same secret never looks the same, and never as it is. */
	assert_memory_not_equal(one, two, SEALED);
	for (size_t i = 0; i + LENGTH <= SEALED; i++)
		assert_memory_not_equal(one + i, secret, LENGTH);
}

/* AES-256-GCM of the key, nonce 12 x 0x07 and "code/alice", computed by another program: what is kept today is read tomorrow. */
static void
test_what_an_earlier_version_sealed_is_read(void **state)
{
	static const unsigned char sealed[] = { 0x01, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x7b, 0x1d, 0xc3, 0x32, 0x1b, 0x76, 0xf7, 0x96, 0xbf, 0xe9, 0x76, 0xf3, 0xa0, 0x3e, 0x92, 0xbb, 0xc8, 0x28, 0xa3, 0x5d, 0x0d, 0x8c, 0xe7, 0x73, 0x62, 0x91, 0x50, 0xb9, 0x62, 0x1d, 0xdc, 0x94, 0xd5, 0xd8, 0xa3, 0xeb };

	(void)state;
	world.seal = with_key(KEY);
	assert_int_equal(sizeof sealed, SEALED);
	assert_true(opens(world.seal, "code/alice", sealed, SEALED));
}

static void
test_another_key_opens_nothing(void **state)
{
	unsigned char sealed[SEALED];
	struct seal *other;

	(void)state;
	world.seal = with_key(KEY);
	shut(world.seal, sealed);
	other = with_key(OTHER);
	assert_non_null(other);
	assert_false(opens(other, "code/alice", sealed, SEALED));
	assert_non_null(strstr(world.error.text, "sealed with another key"));
	seal_close(other);
}

static void
test_the_secret_of_one_is_none_of_another(void **state)
{
	unsigned char sealed[SEALED];

	(void)state;
	world.seal = with_key(KEY);
	shut(world.seal, sealed);
	assert_false(opens(world.seal, "code/bob", sealed, SEALED));
	assert_false(opens(world.seal, "code/alic", sealed, SEALED));
}

static void
test_every_bit_that_is_flipped_is_seen(void **state)
{
	unsigned char sealed[SEALED];

	(void)state;
	world.seal = with_key(KEY);
	shut(world.seal, sealed);
	for (size_t bit = 0; bit < 8 * SEALED; bit++) {
		sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_false(opens(world.seal, "code/alice", sealed, SEALED));
		sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t size = 0; size < SEALED; size++)
		assert_false(opens(world.seal, "code/alice", sealed, size));
	assert_true(opens(world.seal, "code/alice", sealed, SEALED));
}

static void
test_a_key_is_made_at_the_first_start_and_kept(void **state)
{
	unsigned char sealed[SEALED];
	struct stat status;

	(void)state;
	world.seal = seal_open(NULL, world.folder, &world.error);
	assert_non_null(world.seal);
	assert_int_equal(stat(world.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 65);
	shut(world.seal, sealed);
	seal_close(world.seal);
	world.seal = seal_open(NULL, world.folder, &world.error);
	assert_non_null(world.seal);
	assert_true(opens(world.seal, "code/alice", sealed, SEALED));
}

static void
test_the_key_that_was_made_is_never_shown(void **state)
{
	char line[80] = "";

	(void)state;
	world.seal = seal_open(NULL, world.folder, &world.error);
	FILE *file = fopen(world.path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(redact_text(world.arena, line), "[redacted]");
}

static void
write_key(const char *text, mode_t mode)
{
	int fd = open(world.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
}

/* A key that cannot be used is left as it is: a new one in its place would lose what was sealed. */
static void
test_a_key_that_is_none_is_refused(void **state)
{
	static const struct { const char *text; mode_t mode; const char *why; } rows[] = {
		{ "", 0600, "is empty" }, { "00", 0600, "is no key" }, { KEY "00", 0600, "is no key" }, { KEY "\n\n", 0600, "is no key" },
		{ "00:" KEY, 0600, "is no key" }, { "xx0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0600, "is no key" },
		{ KEY, 0640, "can be read by its group" }, { KEY, 0604, "can be read by everybody" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		write_key(rows[i].text, rows[i].mode);
		assert_null(seal_open(NULL, world.folder, &world.error));
		assert_non_null(strstr(world.error.text, rows[i].why));
		assert_non_null(strstr(world.error.text, world.path));
	}
	assert_null(with_key("short"));
	assert_int_equal(unlink(world.path), 0);
	assert_int_equal(rmdir(world.folder), 0);
	assert_null(seal_open(NULL, world.folder, &world.error));
	assert_non_null(strstr(world.error.text, "cannot be made"));
	assert_int_equal(mkdir(world.folder, 0700), 0);
}

static void
test_whether_a_new_configuration_names_another_key(void **state)
{
	const struct secret one = { "a", KEY, 64 }, same = { "b", KEY, 64 }, other = { "c", OTHER, 64 }, shorter = { "d", KEY, 63 };

	(void)state;
	assert_true(seal_same(NULL, NULL));
	assert_true(seal_same(&one, &same));
	assert_false(seal_same(&one, &other));
	assert_false(seal_same(&one, &shorter));
	assert_false(seal_same(&one, NULL));
	assert_false(seal_same(NULL, &one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_was_sealed_is_read_again, begin, finish),
		cmocka_unit_test_setup_teardown(test_what_an_earlier_version_sealed_is_read, begin, finish),
		cmocka_unit_test_setup_teardown(test_another_key_opens_nothing, begin, finish),
		cmocka_unit_test_setup_teardown(test_the_secret_of_one_is_none_of_another, begin, finish),
		cmocka_unit_test_setup_teardown(test_every_bit_that_is_flipped_is_seen, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_key_is_made_at_the_first_start_and_kept, begin, finish),
		cmocka_unit_test_setup_teardown(test_the_key_that_was_made_is_never_shown, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_key_that_is_none_is_refused, begin, finish),
		cmocka_unit_test_setup_teardown(test_whether_a_new_configuration_names_another_key, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
