/* The store: what was committed is there, whatever happens; what failed took nothing else along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"

static const char *const schema[] = { "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, fill BLOB) STRICT;", NULL };
static const char *const newer[] = { "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, fill BLOB) STRICT;",
	"ALTER TABLE thing ADD COLUMN colour TEXT;", NULL };
static const char *const more[] = { "CREATE TABLE more(id INTEGER PRIMARY KEY) STRICT;", NULL };
static const struct tables thing_tables = { "thing", schema }, newer_tables = { "thing", newer }, more_tables = { "more", more };
static const struct tables *const tables[] = { &thing_tables, NULL }, *const tables_newer[] = { &newer_tables, NULL },
	*const tables_more[] = { &thing_tables, &more_tables, NULL };

struct gateway {
	char folder[64];
	struct engine engine;
	enum store_open_error why;
	struct error error;
	unsigned going;
};

static bool
open_with(struct gateway *gateway, const struct tables *const *which)
{
	gateway->engine.loop = loop_open(&gateway->error);
	gateway->engine.tasks = tasks_open(&gateway->engine, 2000);
	gateway->engine.store = store_open(&gateway->engine, gateway->folder, which, &gateway->why, &gateway->error);
	return gateway->engine.store != NULL;
}

static void
close_gateway(struct gateway *gateway)
{
	store_close(gateway->engine.store);
	tasks_close(gateway->engine.tasks);
	loop_close(gateway->engine.loop);
	gateway->engine = (struct engine){ 0 };
}

static int
make(void **state)
{
	struct gateway *gateway = memory_take(sizeof *gateway);

	snprintf(gateway->folder, sizeof gateway->folder, "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(gateway->folder));
	assert_true(open_with(gateway, tables));
	*state = gateway;
	return 0;
}

static void
path_in(const struct gateway *gateway, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", gateway->folder, name);
}

static int
unmake(void **state)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock", "before-this-version.db", "before-0.0.9.db", "copy.db" };
	struct gateway *gateway = *state;
	char path[128];

	if (gateway->engine.loop)
		close_gateway(gateway);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		path_in(gateway, names[i], path);
		unlink(path);
	}
	rmdir(gateway->folder);
	free(gateway);
	return 0;
}

/* Works. */

struct putting {
	char name[32];
	size_t fill;
	bool fails;
};

static bool
put(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct putting *putting = with;
	void *fill = arena_take(arena, putting->fill + 1);

	if (!db_run(db, error, "INSERT INTO thing(name, fill) VALUES(?,?)", "tb", putting->name, (const void *)fill, putting->fill))
		return false;
	return !putting->fails || error_set(error, "it changed its mind");
}

struct asked {
	struct gateway *gateway;
	struct putting putting;
	bool committed;
	struct error error;
};

static void
commit(struct task *task, void *with)
{
	struct asked *asked = with;
	struct work *work = work_new(put, sizeof(struct putting));

	*(struct putting *)work_with(work) = asked->putting;
	asked->committed = store_commit(task, work);
	asked->error = task->error;
	if (!--asked->gateway->going)
		loop_stop(asked->gateway->engine.loop);
}

static void
commit_all(struct gateway *gateway, struct asked *asked, unsigned count)
{
	gateway->going = count;
	for (unsigned i = 0; i < count; i++) {
		asked[i].gateway = gateway;
		assert_true(task_start(&gateway->engine, "commit", commit, &asked[i], NULL) != 0);
	}
	loop_run(gateway->engine.loop);
	while (tasks_count(gateway->engine.tasks))
		loop_turn(gateway->engine.loop);
}

static struct asked
commit_one(struct gateway *gateway, const char *name, size_t fill, bool fails)
{
	struct asked asked = { .putting = { .fill = fill, .fails = fails } };

	snprintf(asked.putting.name, sizeof asked.putting.name, "%s", name);
	commit_all(gateway, &asked, 1);
	return asked;
}

static bool
count_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct row row;

	(void)arena;
	db_query(db, &row, "SELECT count(*) FROM thing", "");
	if (row_next(&row))
		*(int64_t *)with = row_integer(&row, 0);
	return row_end(&row, error);
}

/* As another program reads it, while no gateway runs. */
static int64_t
rows(struct gateway *gateway)
{
	struct arena *arena = arena_new();
	struct error error = { "" };
	int64_t count = -1;

	if (!store_read(gateway->folder, count_rows, &count, arena, &error))
		fail_msg("%s", error.text);
	arena_free(arena);
	return count;
}

static void
test_what_was_committed_is_there_after_a_restart(void **state)
{
	struct gateway *gateway = *state;

	assert_true(commit_one(gateway, "one", 10, false).committed);
	close_gateway(gateway);
	assert_int_equal(rows(gateway), 1);
	assert_true(open_with(gateway, tables));
	assert_false(commit_one(gateway, "one", 10, false).committed);          /* it is there: the name is taken */
}

static void
test_a_thousand_at_once_and_every_seventh_fails_alone(void **state)
{
	struct gateway *gateway = *state;
	struct asked *asked = memory_take(1000 * sizeof *asked);

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(asked[i].putting.name, sizeof asked[i].putting.name, "thing %u", i);
		asked[i].putting.fails = i % 7 == 0;
	}
	commit_all(gateway, asked, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(asked[i].committed, i % 7 != 0);
		if (i % 7 == 0)
			assert_string_equal(asked[i].error.text, "it changed its mind");
	}
	close_gateway(gateway);
	assert_int_equal(rows(gateway), 1000 - 143);
	free(asked);
}

static void
test_a_second_gateway_is_refused_and_told_who_is_there(void **state)
{
	struct gateway *gateway = *state;
	char pid[32];
	int status;
	pid_t child = fork();

	/* In a process of its own: a lock is between processes as between openings. */
	if (child == 0) {
		struct gateway second = { 0 };
		snprintf(second.folder, sizeof second.folder, "%s", gateway->folder);
		snprintf(pid, sizeof pid, "process %d", (int)getppid());
		bool refused = !open_with(&second, tables) && second.why == STORE_BUSY && strstr(second.error.text, pid);
		close_gateway(&second);
		_exit(refused ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_a_newer_store_is_refused_and_left_as_it_is(void **state)
{
	struct gateway *gateway = *state;

	close_gateway(gateway);
	assert_true(open_with(gateway, tables_newer));
	assert_true(commit_one(gateway, "x", 1, false).committed);
	close_gateway(gateway);
	assert_false(open_with(gateway, tables));
	assert_int_equal(gateway->why, STORE_NEWER);
	assert_non_null(strstr(gateway->error.text, "newer version"));
	assert_int_equal(rows(gateway), 1);
}

static void
test_a_store_with_tables_that_we_do_not_know_is_refused(void **state)
{
	struct gateway *gateway = *state;

	close_gateway(gateway);
	assert_true(open_with(gateway, tables_more));
	close_gateway(gateway);
	assert_false(open_with(gateway, tables));
	assert_int_equal(gateway->why, STORE_NEWER);
	assert_non_null(strstr(gateway->error.text, "it keeps more, of which I know nothing"));
}

static void
execute(const struct gateway *gateway, const char *sql)
{
	char path[128], *why = NULL;
	sqlite3 *connection;

	path_in(gateway, "sallyport.db", path);
	assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
	if (sqlite3_exec(connection, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(connection);
}

static void
test_before_it_is_brought_up_to_date_a_store_is_copied_and_the_last_copy_kept(void **state)
{
	struct gateway *gateway = *state;
	char copy[128], first[128], store[128];

	assert_true(commit_one(gateway, "old", 1, false).committed);
	close_gateway(gateway);
	path_in(gateway, "before-this-version.db", first);
	path_in(gateway, "before-0.0.9.db", copy);
	path_in(gateway, "sallyport.db", store);
	assert_true(open_with(gateway, tables_more));
	close_gateway(gateway);
	assert_int_equal(access(first, F_OK), 0);
	execute(gateway, "UPDATE program SET version='0.0.9'; DROP TABLE more; DELETE FROM schema_version WHERE room='more'");
	assert_true(open_with(gateway, tables_more));
	assert_true(commit_one(gateway, "new", 1, false).committed);
	close_gateway(gateway);
	assert_int_equal(access(first, F_OK), -1);
	/* The copy is a store as the older version left it. */
	assert_int_equal(rename(copy, store), 0);
	assert_true(open_with(gateway, tables));
	close_gateway(gateway);
	assert_int_equal(rows(gateway), 1);
}

static void
test_the_version_that_wrote_a_store_is_named_and_no_path_made_of_it(void **state)
{
	struct gateway *gateway = *state;

	close_gateway(gateway);
	execute(gateway, "UPDATE program SET version='9.1'; UPDATE schema_version SET version=7 WHERE room='thing'");
	assert_false(open_with(gateway, tables));
	assert_int_equal(gateway->why, STORE_NEWER);
	assert_non_null(strstr(gateway->error.text, "(9.1; this is "));
	assert_non_null(strstr(gateway->error.text, "thing are at 7, I know 1"));
	close_gateway(gateway);
	execute(gateway, "UPDATE program SET version='../../etc/x'; UPDATE schema_version SET version=1 WHERE room='thing'");
	assert_true(open_with(gateway, tables_more));
	close_gateway(gateway);
	char copy[128];
	path_in(gateway, "before-this-version.db", copy);
	assert_int_equal(access(copy, F_OK), 0);
}

static void
test_network_file_systems_have_names(void **state)
{
	(void)state;
	assert_string_equal(store_network(0x6969), "NFS");
	assert_string_equal(store_network(0xFF534D42), "CIFS");
	assert_string_equal(store_network(0x01021997), "9P");
	assert_null(store_network(0xEF53));
	assert_null(store_network(0x01021994));
}

static void
test_a_copy_is_of_one_moment_and_holds_nobody_up(void **state)
{
	struct gateway *gateway = *state;
	struct error error = { "" };
	char copy[128], store[128];

	assert_true(commit_one(gateway, "one", 10, false).committed);
	path_in(gateway, "copy.db", copy);
	path_in(gateway, "sallyport.db", store);
	assert_true(store_copy(gateway->folder, copy, &gateway->why, &error));
	assert_true(commit_one(gateway, "two", 10, false).committed);
	close_gateway(gateway);
	assert_int_equal(rows(gateway), 2);
	assert_int_equal(rename(copy, store), 0);
	assert_int_equal(rows(gateway), 1);
}

/* A work that holds the thread up until it is told to go on. */

static bool
hold(struct db *db, void *with, struct arena *arena, struct error *error)
{
	char byte;

	(void)db;
	(void)arena;
	(void)error;
	return read(*(int *)with, &byte, 1) == 1;
}

struct heavy {
	size_t bytes;
	bool outcome, committed;
	struct error error;
};

static bool
do_nothing(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)db;
	(void)with;
	(void)arena;
	(void)error;
	return true;
}

static void
commit_heavy(struct task *task, void *with)
{
	struct heavy *heavy = with;
	struct work *work = work_new(do_nothing, heavy->bytes);

	if (heavy->outcome)
		work_is_outcome(work);
	heavy->committed = store_commit(task, work);
	heavy->error = task->error;
}

static void
test_what_waits_is_bounded_in_bytes_but_for_outcomes(void **state)
{
	struct gateway *gateway = *state;
	struct heavy heavy[20] = { { 0 } }, outcome = { .bytes = 1 << 20, .outcome = true };
	struct work *first = work_new(hold, sizeof(int));
	unsigned stored = 0;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	*(int *)work_with(first) = ends[0];
	store_queue(gateway->engine.store, first, NULL, NULL);
	while (store_waiting(gateway->engine.store))
		usleep(200);
	for (size_t i = 0; i < 20; i++) {
		heavy[i].bytes = (1 << 20) + 1;
		task_start(&gateway->engine, "heavy", commit_heavy, &heavy[i], NULL);
	}
	task_start(&gateway->engine, "outcome", commit_heavy, &outcome, NULL);
	while (store_waiting(gateway->engine.store) < 16 || tasks_count(gateway->engine.tasks) > 16)
		loop_turn(gateway->engine.loop);
	assert_int_equal(write(ends[1], "x", 1), 1);
	while (tasks_count(gateway->engine.tasks))
		loop_turn(gateway->engine.loop);
	for (size_t i = 0; i < 20; i++) {
		stored += heavy[i].committed;
		if (!heavy[i].committed)
			assert_non_null(strstr(heavy[i].error.text, "Too much waits to be stored"));
	}
	assert_int_equal(stored, 15);
	assert_true(outcome.committed);
	close(ends[0]);
	close(ends[1]);
}

static void
test_a_damaged_store_is_refused_and_kept(void **state)
{
	struct gateway *gateway = *state;
	char path[128], page[4096];

	for (int i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%d", i);
		assert_true(commit_one(gateway, name, 2000, false).committed);
	}
	close_gateway(gateway);
	path_in(gateway, "sallyport.db", path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	memset(page, 0x5a, sizeof page);
	for (off_t at = 4096; at < 40960; at += 4096)
		assert_int_equal(pwrite(fd, page, 600, at), 600);
	close(fd);
	assert_false(open_with(gateway, tables));
	assert_int_equal(gateway->why, STORE_DAMAGED);
	assert_non_null(strstr(gateway->error.text, "Put a backup in its place"));
	assert_int_equal(access(path, F_OK), 0);
}

static bool
bound_pages(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct row row;

	(void)arena;
	db_query(db, &row, *(int *)with ? "PRAGMA max_page_count=30" : "PRAGMA max_page_count=1000000", "");
	row_next(&row);
	return row_end(&row, error);
}

static void
queued(struct work *work, bool committed, const struct error *error, void *to)
{
	struct gateway *gateway = to;

	(void)work;
	(void)error;
	assert_true(committed);
	loop_stop(gateway->engine.loop);
}

static void
set_bound(struct gateway *gateway, int on)
{
	struct work *work = work_new(bound_pages, sizeof on);

	*(int *)work_with(work) = on;
	store_queue(gateway->engine.store, work, queued, gateway);
	loop_run(gateway->engine.loop);
}

static void
test_a_full_disk_is_said_and_got_over(void **state)
{
	struct gateway *gateway = *state;
	struct asked asked = { .committed = true };
	unsigned stored = 0;

	set_bound(gateway, 1);
	for (unsigned i = 0; i < 100 && asked.committed; i++) {
		char name[32];
		snprintf(name, sizeof name, "big %u", i);
		asked = commit_one(gateway, name, 3000, false);
		stored += asked.committed;
	}
	assert_false(asked.committed);
	assert_string_equal(asked.error.text, "The disk is full: nothing was stored.");
	set_bound(gateway, 0);
	assert_true(commit_one(gateway, "after", 3000, false).committed);
	assert_false(store_failing(gateway->engine.store, NULL));
	close_gateway(gateway);
	assert_int_equal(rows(gateway), stored + 1);
}

/* A child commits without end and notes in shared memory what was acknowledged; it is killed at some moment. */

struct ledger { volatile unsigned committed; };

static void
commit_for_ever(const struct gateway *made, struct ledger *ledger, unsigned from)
{
	struct gateway own = { 0 };

	snprintf(own.folder, sizeof own.folder, "%s", made->folder);
	if (!open_with(&own, tables))
		_exit(1);
	for (unsigned i = from;; i++) {
		char name[32];
		snprintf(name, sizeof name, "k%u", i);
		if (!commit_one(&own, name, 50, false).committed)
			_exit(1);
		ledger->committed = i + 1;
	}
}

static void
test_whatever_was_acknowledged_outlives_kill(void **state)
{
	struct gateway *gateway = *state;
	struct ledger *ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned there = 0;

	close_gateway(gateway);
	for (unsigned round = 0; round < 20; round++) {
		ledger->committed = there;
		pid_t child = fork();
		if (child == 0)
			commit_for_ever(gateway, ledger, there);
		while (ledger->committed < there + 2 + round * 3 && waitpid(child, NULL, WNOHANG) == 0)
			usleep(200);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		assert_true(open_with(gateway, tables));        /* sound, and the lock went with its holder */
		close_gateway(gateway);
		/* All that were acknowledged; and at the most the one that was being committed. */
		unsigned found = (unsigned)rows(gateway);
		assert_true(ledger->committed >= there + 2);
		assert_in_range(found, ledger->committed, ledger->committed + 1);
		there = found;
	}
	munmap(ledger, sizeof *ledger);
}

int
main(void)
{
	const struct CMUnitTest tests_of_store[] = {
		cmocka_unit_test_setup_teardown(test_what_was_committed_is_there_after_a_restart, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_thousand_at_once_and_every_seventh_fails_alone, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_second_gateway_is_refused_and_told_who_is_there, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_newer_store_is_refused_and_left_as_it_is, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_store_with_tables_that_we_do_not_know_is_refused, make, unmake),
		cmocka_unit_test_setup_teardown(test_before_it_is_brought_up_to_date_a_store_is_copied_and_the_last_copy_kept, make, unmake),
		cmocka_unit_test_setup_teardown(test_the_version_that_wrote_a_store_is_named_and_no_path_made_of_it, make, unmake),
		cmocka_unit_test(test_network_file_systems_have_names),
		cmocka_unit_test_setup_teardown(test_a_copy_is_of_one_moment_and_holds_nobody_up, make, unmake),
		cmocka_unit_test_setup_teardown(test_what_waits_is_bounded_in_bytes_but_for_outcomes, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_damaged_store_is_refused_and_kept, make, unmake),
		cmocka_unit_test_setup_teardown(test_a_full_disk_is_said_and_got_over, make, unmake),
		cmocka_unit_test_setup_teardown(test_whatever_was_acknowledged_outlives_kill, make, unmake),
	};

	return cmocka_run_group_tests(tests_of_store, NULL, NULL);
}
