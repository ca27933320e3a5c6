/* What decides and records, over a store that fails at each of its steps in turn: it says so, and does not go on as if it had been written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/rights/audit_file.h"
#include "bridge/rights/proof.h"
#include "bridge/run/store_db.h"
#include "bridge/work/approval_rows.h"
#include "bridge/work/code.h"
#include "bridge/work/intent.h"

/* The linker puts ours in place of SQLite's. */
int __real_sqlite3_step(sqlite3_stmt *);
int __wrap_sqlite3_step(sqlite3_stmt *);

static int fail_at, steps;              /* 0: nothing fails */

int
__wrap_sqlite3_step(sqlite3_stmt *statement)
{
	steps++;
	return fail_at && steps == fail_at ? SQLITE_ERROR : __real_sqlite3_step(statement);
}

static struct arena *arena;
static struct db db;
static char folder[64];
static struct signing_key *key, *old_key;
static struct checkpoint_signer signer;

static struct intent
request(const char *name)
{
	return (struct intent){ .key = name, .person = "alice", .account = "corp/alice", .proof = "tag", .shown = "alice", .place = "corp/#ops", .room = "ops",
		.instance = "ci", .verb = "build", .line = "build web", .args = "{}", .rule = "developer", .label = name, .asked = 1000, .state = "asked" };
}

static struct approval_row
row_of(int64_t intent, const char *label)
{
	return (struct approval_row){ .intent = intent, .stage = STAGE_VOTES, .person = "alice", .label = label, .room = "ops", .place = "corp/#ops",
		.about = "ci build web", .needs = "prod", .need = { { 2, "deployer" } }, .need_count = 1, .asked = 1000, .until = 9000, .within = 8000 };
}

/* -- What is done over it. Each begins with what was prepared, and leaves nothing. -- */

static const struct audit_entry entry = { .what = "asked", .person = "alice", .account = "corp/alice", .room = "ops", .instance = "ci", .command = "ci build web",
	.decision = "allowed", .rule = "developer", .args = "{\"x\":\"1\"}" };

static bool
write_audit(struct error *error)
{
	return audit_write(&db, &entry, error);
}

static bool
count(const struct audit_record *record, void *with)
{
	(void)record;
	++*(int *)with;
	return true;
}

static bool
list_audit(struct error *error)
{
	const struct audit_filter filters[] = { { 0 }, { .person = "alice", .result = "refused" }, { .id = "B1" }, { .since = 1, .until = INT64_MAX, .limit = 3, .depth = 100 } };
	int seen = 0;

	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
		if (!audit_list(&db, &filters[i], arena, count, &seen, error))
			return false;
	return true;
}

static bool
verify_audit(struct error *error)
{
	struct audit_verdict verdict;

	return audit_verify(&db, &verdict, error) && (verdict.whole || error_set(error, "it is not whole: %s", verdict.reason));
}

static bool
sign_audit(struct error *error)
{
	return audit_sign(&db, error);
}

static bool
rekey_audit(struct error *error)
{
	signer = (struct checkpoint_signer){ old_key, key };
	bool fine = audit_rekey(&db, arena, error);
	signer = (struct checkpoint_signer){ key, NULL };
	return fine;
}

static bool
archive_audit(struct error *error)
{
	char sum[AUDIT_HEX_SIZE];
	struct audit_range range;

	memset(sum, 'a', sizeof sum - 1);
	sum[sizeof sum - 1] = '\0';
	return audit_range(&db, 0, &range, error) && audit_holds(&db, range.last, range.hash, error) && audit_archive(&db, &range, sum, "me", arena, error);
}

static bool
export_audit(struct error *error)
{
	struct audit_range range;
	struct audit_verdict verdict;
	FILE *file = tmpfile();

	bool fine = audit_range(&db, 0, &range, error) && audit_file_write(file, &db, &range, &verdict, error);
	fclose(file);
	return fine;
}

static bool
newest_checkpoint(struct error *error)
{
	struct checkpoint newest;
	struct checkpoint_rows rows;
	bool found;

	if (!checkpoint_newest(&db, &newest, &found, error))
		return false;
	for (checkpoint_rows(&db, &rows, 0); rows.more;)
		checkpoint_next(&rows);
	return checkpoint_rows_end(&rows, error);
}

static bool
ask_for_approval(struct error *error)
{
	struct intent intent = request("R7");
	bool moved;

	if (!intent_write(&db, &intent, error) || !intent_move(&db, intent.id, "asked", "waiting", &moved, error))
		return false;
	struct approval_row row = row_of(intent.id, "R7");
	memset(row.code, 7, sizeof row.code);
	return moved && approval_write(&db, &row, error) && approval_to_stage(&db, &row, error);
}

static void
look_at(const struct approval_row *row, void *with)
{
	(void)row;
	++*(int *)with;
}

static bool
read_approvals(struct error *error)
{
	const unsigned char none[APPROVAL_HASH] = { 0 };
	struct approval_row row;
	struct vote votes[VOTES_MOST];
	size_t vote_count;
	bool found;
	int seen = 0;

	return approval_read(&db, 1, arena, &row, &found, error) && approval_find(&db, "r1", none, arena, &row, &found, error)
	    && approval_each(&db, arena, look_at, &seen, error) && vote_list(&db, 1, arena, votes, &vote_count, error);
}

static bool
cast_vote(struct error *error)
{
	const struct approval_row row = row_of(1, "R1");
	const struct vote vote = { .person = "carol", .account = "corp/carol", .proof = "tag", .how = "", .yes = true, .meets = 1, .at = 2000 };
	bool first, met;

	return vote_write(&db, &row, &vote, arena, &first, &met, error) && (first || error_set(error, "not the first"));
}

static bool
end_approval(struct error *error)
{
	return approval_done(&db, 1, error) && intent_end(&db, 1, "refused", "no", error);
}

static bool
restore_approvals(struct error *error)
{
	int64_t unknown;

	return approval_restored(&db, error) && intent_restored(&db, &unknown, error);
}

static bool
allow_codes(struct error *error)
{
	const struct code_now now = { 1000, 1000 };
	struct code code;
	bool fresh;

	return code_allow(&db, "dana", "bob", now, error) && code_read(&db, "dana", now, arena, &code, error) && code_fresh(&db, "dana", 1000, now, &fresh, error)
	    && code_reset(&db, "dana", error);
}

static bool
end_codes(struct error *error)
{
	const char *persons[] = { "alice" }, *gone;

	return code_keep_only(&db, persons, 1, arena, &gone, error);
}

struct named_work {
	const char *name;
	bool (*run)(struct error *);
};

static const struct named_work works[] = {
	{ "write_audit", write_audit }, { "list_audit", list_audit }, { "verify_audit", verify_audit }, { "sign_audit", sign_audit },
	{ "rekey_audit", rekey_audit }, { "archive_audit", archive_audit }, { "export_audit", export_audit }, { "newest_checkpoint", newest_checkpoint },
	{ "ask_for_approval", ask_for_approval }, { "read_approvals", read_approvals }, { "cast_vote", cast_vote }, { "end_approval", end_approval },
	{ "restore_approvals", restore_approvals }, { "allow_codes", allow_codes }, { "end_codes", end_codes },
};

static bool
run_work(struct db *of, void *with, struct arena *in, struct error *error)
{
	(void)of;
	(void)in;
	return ((const struct named_work *)with)->run(error);
}

/* -- The store. -- */

static void
prepare(void)
{
	struct error error;
	struct intent intent = request("R1");
	bool moved, first, met;

	assert_true(db_exec(&db, "BEGIN", &error));
	for (int i = 0; i < 30; i++)
		assert_true(audit_write(&db, &entry, &error));
	assert_true(audit_sign(&db, &error));
	assert_true(audit_write(&db, &entry, &error));
	assert_true(intent_write(&db, &intent, &error) && intent_move(&db, intent.id, "asked", "waiting", &moved, &error));
	struct approval_row row = row_of(intent.id, "R1");
	assert_int_equal(row.intent, 1);
	assert_true(approval_write(&db, &row, &error));
	const struct vote vote = { .person = "bob", .account = "corp/bob", .proof = "tag", .how = "", .yes = true, .meets = 1, .at = 1500 };
	assert_true(vote_write(&db, &row, &vote, arena, &first, &met, &error));
	assert_true(code_allow(&db, "frank", "bob", (struct code_now){ 1000, 1000 }, &error));
	assert_true(db_exec(&db, "COMMIT", &error));
}

static int
begin(void **state)
{
	enum store_open_error why;
	struct error error = { "" };

	(void)state;
	arena = arena_new();
	snprintf(folder, sizeof folder, "/tmp/sallyport-faults-XXXXXX");
	assert_non_null(mkdtemp(folder));
	if (!db_open(&db, folder, bridge_tables, &why, &error))
		fail_msg("%s", error.text);
	key = signing_make();
	old_key = signing_make();
	assert_non_null(key);
	signer = (struct checkpoint_signer){ key, NULL };
	db_lend(&db, &signer);
	prepare();
	return 0;
}

static int
end(void **state)
{
	char command[100];

	(void)state;
	db_close(&db);
	signing_free(key);
	signing_free(old_key);
	arena_free(arena);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void
test_whatever_step_fails_is_told_and_nothing_went_on(void **state)
{
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		bool hit = true;
		for (int at = 1; hit; at++) {
			assert_true(db_exec(&db, "BEGIN", &error));
			steps = 0;
			fail_at = at;
			error.text[0] = '\0';
			bool fine = db_work(&db, run_work, (void *)(uintptr_t)&works[i], arena, &error);
			hit = steps >= at;
			fail_at = 0;
			if (hit && fine)
				fail_msg("%s went on though step %d of the store failed", works[i].name, at);
			if (hit && !error.text[0])
				fail_msg("%s did not say that step %d of the store failed", works[i].name, at);
			if (!hit && !fine)
				fail_msg("%s failed though nothing did: %s", works[i].name, error.text);
			assert_true(db_exec(&db, "ROLLBACK", &error));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_step_fails_is_told_and_nothing_went_on),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
