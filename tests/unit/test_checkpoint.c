/* Checkpoints and keys: what is signed can be checked by anybody, with openssl too; keys are kept to ourselves, and one vouches for the next. */
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
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/rights/proof.h"
#include "bridge/run/store.h"

static const struct tables *const all_tables[] = { &audit_tables, &checkpoint_tables, NULL };

struct fixture {
	char folder[64];
	struct arena *arena;
	struct signing_key *one, *two;
};

static int
make(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);

	snprintf(fixture->folder, sizeof fixture->folder, "/tmp/test-checkpoint-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->arena = arena_new();
	fixture->one = signing_make();
	fixture->two = signing_make();
	*state = fixture;
	return 0;
}

static int
unmake(void **state)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock", SIGNING_FILE, SIGNING_PUBLIC_FILE, "said", "signature" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(arena_printf(fixture->arena, "%s/%s", fixture->folder, names[i]));
	assert_int_equal(rmdir(fixture->folder), 0);
	signing_free(fixture->one);
	signing_free(fixture->two);
	arena_free(fixture->arena);
	free(fixture);
	redact_forget();
	return 0;
}

/* A life of the store: some records, by a signer. */
struct life {
	struct checkpoint_signer signer;
	int records;
	bool at_the_end;                /* it signs the last, as a gateway that stops */
};

static bool
live(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct life *life = with;
	bool fine;

	db_lend(db, life->signer.key ? &life->signer : NULL);
	fine = !life->signer.key || audit_rekey(db, arena, error);
	for (int i = 0; fine && i < life->records; i++)
		fine = audit_write(db, &(struct audit_entry){ .what = "asked" }, error);
	return fine && (!life->at_the_end || audit_sign(db, error));
}

static void
in_store(struct fixture *fixture, work_fn *run, void *with)
{
	enum store_open_error why;
	struct error error = { "" };

	if (!store_write(fixture->folder, all_tables, run, with, fixture->arena, &why, &error))
		fail_msg("%s", error.text);
}

static bool
walk(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return audit_walk(db, with, NULL, error);
}

static struct audit_verdict
proven_by(struct fixture *fixture, const struct signing_key *key)
{
	struct audit_proof proof = { .keys = { *signing_public_of(key) }, .key_count = 1, .sign_all = true };
	struct error error;

	assert_true(store_read(fixture->folder, walk, &proof, fixture->arena, &error));
	return proof.verdict;
}

static void
test_every_hundredth_record_is_signed_and_the_last(void **state)
{
	struct fixture *fixture = *state;

	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 250, false });
	struct audit_verdict verdict = proven_by(fixture, fixture->one);
	assert_true(verdict.whole);
	assert_int_equal(verdict.sealed, 200);
	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 1, true });
	assert_int_equal(proven_by(fixture, fixture->one).sealed, 251);
	/* Nothing new: nothing to sign. */
	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 0, true });
	assert_int_equal(proven_by(fixture, fixture->one).sealed, 251);
}

static void
test_a_log_from_before_there_were_keys_is_signed_at_once(void **state)
{
	struct fixture *fixture = *state;

	in_store(fixture, live, &(struct life){ { NULL, NULL }, 350, true });
	assert_false(proven_by(fixture, fixture->one).whole);
	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 1, false });
	assert_int_equal(proven_by(fixture, fixture->one).sealed, 351);
}

static void
test_a_key_vouches_for_the_next(void **state)
{
	struct fixture *fixture = *state;

	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 3, true });
	in_store(fixture, live, &(struct life){ { fixture->two, fixture->one }, 3, true });
	in_store(fixture, live, &(struct life){ { fixture->two, fixture->one }, 1, true });
	struct audit_verdict verdict = proven_by(fixture, fixture->one);
	assert_true(verdict.whole);
	assert_int_equal(verdict.sealed, 8);            /* 3, the record of the change, 3 and 1 */
	assert_string_equal(verdict.key, signing_public_of(fixture->two)->id);
	assert_true(proven_by(fixture, fixture->two).whole);
	assert_int_equal(proven_by(fixture, fixture->two).as_signed.each[0].first, 1);
}

static void
test_a_key_that_nobody_vouched_for_is_found(void **state)
{
	struct fixture *fixture = *state;

	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 3, true });
	in_store(fixture, live, &(struct life){ { fixture->two, NULL }, 3, true });
	struct audit_verdict verdict = proven_by(fixture, fixture->one);
	assert_false(verdict.whole);
	assert_non_null(strstr(verdict.reason, signing_public_of(fixture->two)->id));
	assert_int_equal(verdict.as_signed.each[0].last, 3);
	assert_true(proven_by(fixture, fixture->two).whole);
}

static bool
newest(struct db *db, void *with, struct arena *arena, struct error *error)
{
	bool found;

	(void)arena;
	return checkpoint_newest(db, with, &found, error) && found;
}

static struct checkpoint
one_checkpoint(struct fixture *fixture)
{
	struct checkpoint checkpoint;
	struct error error;

	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 1, true });
	assert_true(store_read(fixture->folder, newest, &checkpoint, fixture->arena, &error));
	return checkpoint;
}

static void
test_a_line_is_found_among_the_words_of_others(void **state)
{
	struct fixture *fixture = *state;
	struct checkpoint wanted = one_checkpoint(fixture), got;
	const char *line = checkpoint_text(fixture->arena, &wanted);

	assert_true(checkpoint_read(arena_printf(fixture->arena, "Nov 23 14:00:00 gw sallyport[7]: %s (said)", line), &got));
	assert_true(checkpoint_good(&got, signing_public_of(fixture->one)));
	assert_false(checkpoint_good(&got, signing_public_of(fixture->two)));
	assert_int_equal(got.seq, 1);
	/* One character less, one more, or another: none, or one that is not signed. */
	for (size_t at = 0; line[at]; at++) {
		char *spoiled = arena_text(fixture->arena, line);
		spoiled[at] = spoiled[at] == '1' ? '2' : '1';
		bool good = checkpoint_read(spoiled, &got) && checkpoint_good(&got, signing_public_of(fixture->one));
		assert_false(good);
		spoiled[at] = '\0';
		assert_false(checkpoint_read(spoiled, &got));
	}
}

/* Each word is as long as it has to be; only the two numbers may have more digits, and are other numbers then. */
static void
test_a_word_that_is_too_long_is_none(void **state)
{
	struct fixture *fixture = *state;
	struct checkpoint wanted = one_checkpoint(fixture), got;
	const char *line = checkpoint_text(fixture->arena, &wanted);
	int word = 0;

	for (size_t at = strlen("sallyport-audit-v1 "); line[at]; at++) {
		const char *more = arena_printf(fixture->arena, "%.*s1%s", (int)at, line, line + at);
		bool read = checkpoint_read(more, &got);
		assert_int_equal(read, word == 1 || word == 3);         /* log, SEQ, hash, WALL, key, signature */
		assert_false(read && checkpoint_good(&got, signing_public_of(fixture->one)));
		word += line[at] == ' ';
	}
	char *no_base64 = arena_text(fixture->arena, line);
	memset(strrchr(no_base64, ' ') + 9, '=', 4);
	assert_false(checkpoint_read(no_base64, &got));
}

static bool
archive_some(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct audit_range range;
	struct row row;
	size_t length;

	(void)with;
	if (!audit_range(db, 0, &range, error))
		return false;
	range.last = 150;
	db_query(db, &row, "SELECT h FROM audit WHERE seq=150", "");
	assert_true(row_next(&row));
	memcpy(range.hash, row_bytes(&row, 0, &length), AUDIT_HASH);
	return row_end(&row, error) && audit_archive(db, &range, "a sum", "unix/root", arena, error);
}

static bool
first_checkpoint(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct checkpoint_rows rows;

	(void)arena;
	checkpoint_rows(db, &rows, 0);
	*(int64_t *)with = rows.more ? rows.at.seq : 0;
	return checkpoint_rows_end(&rows, error);
}

static void
test_checkpoints_go_along_with_their_records(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	int64_t first = 0;

	in_store(fixture, live, &(struct life){ { fixture->one, NULL }, 250, true });
	assert_true(store_read(fixture->folder, first_checkpoint, &first, fixture->arena, &error));
	assert_int_equal(first, 100);
	in_store(fixture, archive_some, NULL);
	assert_true(store_read(fixture->folder, first_checkpoint, &first, fixture->arena, &error));
	assert_int_equal(first, 200);
}

static bool
sign_nothing(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	db_lend(db, with);
	return audit_sign(db, error);
}

static void
test_an_empty_audit_is_not_signed(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	int64_t first = -1;

	in_store(fixture, sign_nothing, &(struct checkpoint_signer){ fixture->one, NULL });
	assert_true(store_read(fixture->folder, first_checkpoint, &first, fixture->arena, &error));
	assert_int_equal(first, 0);
	assert_true(proven_by(fixture, fixture->one).whole);
}

static void
write_bytes(struct fixture *fixture, const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(arena_printf(fixture->arena, "%s/%s", fixture->folder, name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static int
openssl(struct fixture *fixture)
{
	return system(arena_printf(fixture->arena, "cd %s && openssl pkeyutl -verify -pubin -inkey audit.pub -rawin -in said -sigfile signature >/dev/null 2>&1",
		fixture->folder));
}

static void
test_openssl_takes_a_checkpoint_for_good(void **state)
{
	struct fixture *fixture = *state;
	struct checkpoint checkpoint = one_checkpoint(fixture);
	char *line = checkpoint_text(fixture->arena, &checkpoint);
	struct error error;

	if (system("openssl version >/dev/null 2>&1") != 0)
		skip();
	assert_true(signing_publish(fixture->folder, signing_public_of(fixture->one), &error));
	write_bytes(fixture, "said", line, (size_t)(strrchr(line, ' ') - line));
	write_bytes(fixture, "signature", checkpoint.signature, SIGNATURE);
	assert_int_equal(openssl(fixture), 0);
	checkpoint.signature[7] ^= 1;
	write_bytes(fixture, "signature", checkpoint.signature, SIGNATURE);
	assert_int_not_equal(openssl(fixture), 0);
}

/* Keys. */

static void
test_a_key_is_made_once_and_for_its_owner_alone(void **state)
{
	struct fixture *fixture = *state;
	const char *path = arena_printf(fixture->arena, "%s/" SIGNING_FILE, fixture->folder);
	struct error error = { "" };
	struct stat about;

	struct signing_key *made = signing_open(fixture->arena, fixture->folder, &error), *again = signing_open(fixture->arena, fixture->folder, &error);
	assert_non_null(made);
	assert_non_null(again);
	assert_string_equal(signing_public_of(made)->id, signing_public_of(again)->id);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	signing_free(made);
	signing_free(again);
	chmod(path, 0640);
	assert_null(signing_open(fixture->arena, fixture->folder, &error));
	assert_non_null(strstr(error.text, "can be read by its group"));
	chmod(path, 0600);
	write_bytes(fixture, SIGNING_FILE, "no key\n", 7);
	assert_null(signing_open(fixture->arena, fixture->folder, &error));
	assert_non_null(strstr(error.text, "no key of the audit"));
}

static void
test_public_keys_are_published_the_newest_first(void **state)
{
	struct fixture *fixture = *state;
	const char *path = arena_printf(fixture->arena, "%s/" SIGNING_PUBLIC_FILE, fixture->folder);
	struct signing_public keys[SIGNING_KEYS];
	char pem[4096];
	struct error error;
	struct stat about;

	assert_true(signing_publish(fixture->folder, signing_public_of(fixture->one), &error));
	assert_true(signing_publish(fixture->folder, signing_public_of(fixture->two), &error));
	assert_true(signing_publish(fixture->folder, signing_public_of(fixture->two), &error));
	FILE *file = fopen(path, "re");
	size_t length = fread(pem, 1, sizeof pem, file);
	fclose(file);
	assert_int_equal(signing_read_public(pem, length, keys), 2);
	assert_string_equal(keys[0].id, signing_public_of(fixture->two)->id);
	assert_string_equal(keys[1].id, signing_public_of(fixture->one)->id);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0644);
	assert_int_equal(signing_read_public("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 57, keys), 0);
}

/* How many are in the file, and which. */
static size_t
published(struct fixture *fixture, struct signing_public keys[SIGNING_KEYS])
{
	char pem[4096];
	FILE *file = fopen(arena_printf(fixture->arena, "%s/" SIGNING_PUBLIC_FILE, fixture->folder), "re");
	size_t length = fread(pem, 1, sizeof pem - 1, file), blocks = 0;

	fclose(file);
	pem[length] = '\0';
	for (const char *at = pem; (at = strstr(at, "BEGIN")); at++)
		blocks++;
	assert_int_equal(signing_read_public(pem, length, keys), blocks);
	return blocks;
}

/* There is room for eight, and the oldest goes; no file is left open. */
static void
test_so_many_keys_are_published(void **state)
{
	struct fixture *fixture = *state;
	struct signing_public keys[SIGNING_KEYS + 1] = { { .id = "" } };
	struct text text = text_in(fixture->arena, 4096);
	struct error error;
	int next = dup(0);

	close(next);
	for (int i = 0; i < SIGNING_KEYS + 2; i++) {
		struct signing_key *key = signing_make();
		assert_true(signing_publish(fixture->folder, signing_public_of(key), &error));
		text_add(&text, signing_public_pem(fixture->arena, signing_public_of(key)));
		assert_int_equal(published(fixture, keys), i < SIGNING_KEYS ? i + 1 : SIGNING_KEYS);
		assert_string_equal(keys[0].id, signing_public_of(key)->id);
		signing_free(key);
	}
	assert_int_equal(signing_read_public(text.bytes, text.length, keys), SIGNING_KEYS);
	assert_string_equal(keys[SIGNING_KEYS].id, "");
	int fd = dup(0);
	assert_int_equal(fd, next);
	close(fd);
	signing_free(NULL);
}

static void
test_what_is_no_private_key_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *public = signing_public_pem(fixture->arena, signing_public_of(fixture->one));
	const char *private = signing_pem(fixture->arena, fixture->one);
	struct error error;

	assert_null(signing_read(public, strlen(public), &error));
	assert_null(signing_read("", 0, &error));
	struct signing_key *read = signing_read(private, strlen(private), &error);
	assert_non_null(read);
	assert_string_equal(signing_public_of(read)->id, signing_public_of(fixture->one)->id);
	signing_free(read);
}

/* What openssl writes for a command. */
static const char *
from_openssl(struct fixture *fixture, const char *command, size_t *length)
{
	static char bytes[10000];
	FILE *pipe = popen(arena_printf(fixture->arena, "openssl %s 2>/dev/null", command), "r");

	assert_non_null(pipe);
	*length = fread(bytes, 1, sizeof bytes - 1, pipe);
	bytes[*length] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return bytes;
}

static void
test_a_key_of_another_kind_or_with_a_password_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	size_t length;

	const char *other = from_openssl(fixture, "genpkey -algorithm x25519", &length);
	assert_null(signing_read(other, length, &error));
	const char *sealed = from_openssl(fixture, "genpkey -algorithm ed25519 -aes256 -pass pass:secret", &length);
	assert_null(signing_read(sealed, length, &error));
	assert_string_equal(error.text, "it holds no private Ed25519 key; openssl genpkey -algorithm ed25519 makes one");
}

static void
test_a_key_needs_a_folder(void **state)
{
	struct fixture *fixture = *state;
	const char *folder = arena_printf(fixture->arena, "%s/none", fixture->folder);
	struct error error;

	assert_null(signing_open(fixture->arena, folder, &error));
	assert_string_equal(error.text, arena_printf(fixture->arena, "%s/" SIGNING_FILE " cannot be written: No such file or directory.", folder));
	assert_false(signing_publish(folder, signing_public_of(fixture->one), &error));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_hundredth_record_is_signed_and_the_last, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_log_from_before_there_were_keys_is_signed_at_once, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_key_vouches_for_the_next, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_key_that_nobody_vouched_for_is_found, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_line_is_found_among_the_words_of_others, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_word_that_is_too_long_is_none, make, unmake),
		cmocka_unit_test_setup_teardown(test_checkpoints_go_along_with_their_records, make, unmake),
		cmocka_unit_test_setup_teardown(test_an_empty_audit_is_not_signed, make, unmake),
		cmocka_unit_test_setup_teardown(test_openssl_takes_a_checkpoint_for_good, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_key_is_made_once_and_for_its_owner_alone, make, unmake),
		cmocka_unit_test_setup_teardown(test_public_keys_are_published_the_newest_first, make, unmake),
		cmocka_unit_test_setup_teardown(test_so_many_keys_are_published, make, unmake),
		cmocka_unit_test_setup_teardown(test_what_is_no_private_key_is_refused, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_key_of_another_kind_or_with_a_password_is_refused, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_key_needs_a_folder, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
