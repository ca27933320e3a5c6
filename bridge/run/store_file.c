/* store_file: the folder that holds the store: locked, checked, brought up to date, copied, read without a gateway. */
#include "config.h"

#include "bridge/run/store_db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"

/* The store's own tables, beside meta and schema_version: which program wrote here last. */
static const char *const own[] = {
	"CREATE TABLE program(one INTEGER PRIMARY KEY CHECK(one=1), version TEXT NOT NULL) STRICT;",
	NULL
};

static const struct tables own_tables = { "store", own };

int
store_exit(enum store_open_error why)
{
	static const int codes[] = { [STORE_FINE] = EX_OK, [STORE_BUSY] = EX_UNAVAILABLE, [STORE_DAMAGED] = EX_DATAERR,
		[STORE_NEWER] = EX_DATAERR, [STORE_SYSTEM] = EX_OSERR };

	return codes[why];
}

/* The folder. */

/* Locks and shared memory mean nothing between two machines: two gateways would write into one store. */
const char *
store_network(unsigned long magic)
{
	static const struct { unsigned long magic; const char *name; } kinds[] = {
		{ AFS_FS_MAGIC,      "AFS" },
		{ AFS_SUPER_MAGIC,   "AFS" },
		{ CEPH_SUPER_MAGIC,  "Ceph" },
		{ CIFS_SUPER_MAGIC,  "CIFS" },
		{ CODA_SUPER_MAGIC,  "Coda" },
		{ NCP_SUPER_MAGIC,   "NCP" },
		{ NFS_SUPER_MAGIC,   "NFS" },
		{ SMB2_SUPER_MAGIC,  "SMB" },
		{ SMB_SUPER_MAGIC,   "SMB" },
		{ V9FS_MAGIC,        "9P" },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].magic == magic)
			return kinds[i].name;
	return NULL;
}

static bool
make_folder(const char *folder, struct error *error)
{
	struct statfs about;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return error_set(error, "The folder %s cannot be made: %s.", folder, strerror(errno));
	if (statfs(folder, &about) != 0)
		return error_set(error, "The folder %s cannot be looked at: %s.", folder, strerror(errno));
	const char *network = store_network((unsigned long)about.f_type & 0xffffffff);
	if (network)
		return error_set(error, "%s is on a network file system (%s), where the store would be damaged sooner or later. Name a folder on a disk of this "
			"machine as state.", folder, network);
	return true;
}

static bool
write_pid(int lock)
{
	char pid[32];
	int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());

	return ftruncate(lock, 0) == 0 && pwrite(lock, pid, (size_t)length, 0) == length;
}

/* What root makes here is for the user that the folder belongs to. */
static void
give_to_owner(const char *folder, int file)
{
	struct stat about;

	if (stat(folder, &about) == 0 && about.st_uid != 0 && fchown(file, about.st_uid, about.st_gid) != 0)
		log_warning("A file in %s cannot be given to the user that the folder belongs to: %s.", folder, strerror(errno));
}

int
store_lock(const char *folder, enum store_open_error *why, struct error *error)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/lock", folder);
	char pid[32] = "";
	int lock = -1;

	*why = STORE_SYSTEM;
	bool fine = make_folder(folder, error);
	if (fine) {
		lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		fine = lock >= 0 || error_set(error, "%s cannot be opened: %s.", path, strerror(errno));
	}
	if (fine && flock(lock, LOCK_EX | LOCK_NB) != 0) {
		ssize_t got = pread(lock, pid, sizeof pid - 1, 0);
		pid[got > 0 ? strcspn(pid, "\n") : 0] = '\0';
		*why = STORE_BUSY;
		fine = error_set(error, "A gateway runs on %s already (process %s). Stop it first, or name another folder as state.", folder, pid);
	}
	if (fine && geteuid() == 0)
		give_to_owner(folder, lock);
	fine = fine && (write_pid(lock) || error_set(error, "%s cannot be written: %s.", path, strerror(errno)));
	arena_free(arena);
	if (!fine && lock >= 0)
		close(lock);
	return fine ? lock : -1;
}

/* The connection. */

bool
db_connect(struct db *db, const char *path, bool read_only, struct error *error)
{
	int flags = read_only ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	if (sqlite3_open_v2(path, &db->connection, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		return error_set(error, "%s cannot be opened: %s.", path, db->connection ? sqlite3_errmsg(db->connection) : "no memory");
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(db->connection, 5000);
	return true;
}

static bool
settle_db(struct db *db, struct error *error)
{
	return db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
		"PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-256; PRAGMA journal_size_limit=16777216;", error);
}

static bool
says_ok(struct db *db, const char *check)
{
	struct row row;
	bool sound = false;

	db_query(db, &row, check, "");
	if (row_next(&row))
		sound = row_text(&row, 0) && !strcmp(row_text(&row, 0), "ok");
	return row_end(&row, NULL) && sound;
}

bool
db_sound(struct db *db)
{
	return says_ok(db, "PRAGMA integrity_check(1)");
}

/* Damaged, or only held by another program, or on a disk that is full. */
static bool
check_db(struct db *db, const char *path, enum store_open_error *why, struct error *error)
{
	if (!settle_db(db, error)) {
		int code = sqlite3_errcode(db->connection) & 0xff;
		*why = code == SQLITE_BUSY ? STORE_BUSY : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? STORE_DAMAGED : STORE_SYSTEM;
		if (*why != STORE_DAMAGED)
			return false;
	} else if (says_ok(db, "PRAGMA quick_check(1)"))
		return true;
	*why = STORE_DAMAGED;
	return error_set(error, "%s is damaged; I left it as it is. Put a backup in its place.", path);
}

/* Versions. */

int64_t
db_version(struct db *db, const char *room)
{
	struct row row;
	int64_t version = 0;

	db_query(db, &row, "SELECT version FROM schema_version WHERE room=?", "t", room);
	if (row_next(&row))
		version = row_integer(&row, 0);
	row_end(&row, NULL);
	return version;
}

/* Which program wrote here last; NULL where that was not written down yet. Only what a version is made of: it names a file. */
static char *
written_by(struct db *db, struct arena *arena)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-";
	struct row row;
	char *version = NULL;

	db_query(db, &row, "SELECT version FROM program", "");
	if (row_next(&row) && row_text(&row, 0)) {
		size_t length = strspn(row_text(&row, 0), allowed);
		version = arena_slice(arena, row_text(&row, 0), length < 40 ? length : 40);
	}
	row_end(&row, NULL);
	return version && *version && *version != '.' ? version : NULL;
}

static int64_t
newest_of(const struct tables *tables)
{
	int64_t known = 0;

	while (tables->sql[known])
		known++;
	return known;
}

static const struct tables *
tables_named(const struct tables *const *tables, const char *room)
{
	if (!strcmp(room, own_tables.name))
		return &own_tables;
	for (size_t i = 0; tables[i]; i++)
		if (!strcmp(tables[i]->name, room))
			return tables[i];
	return NULL;
}

struct known {
	char *newer;                    /* what this program does not know; NULL: nothing */
	bool behind;                    /* something is to be brought up to date */
	bool any;                       /* it is no new store */
};

static struct known
compare(struct db *db, const struct tables *const *tables, struct arena *arena)
{
	struct known known = { .behind = db_version(db, own_tables.name) < newest_of(&own_tables) };
	struct row row;

	for (size_t i = 0; tables[i]; i++)
		known.behind = known.behind || db_version(db, tables[i]->name) < newest_of(tables[i]);
	db_query(db, &row, "SELECT room, version FROM schema_version ORDER BY room", "");
	while (!known.newer && row_next(&row)) {
		const char *name = row_text(&row, 0) ? row_text(&row, 0) : "";
		const struct tables *room = tables_named(tables, name);
		known.any = true;
		if (!room)
			known.newer = arena_printf(arena, "it keeps %.40s, of which I know nothing", name);
		else if (row_integer(&row, 1) > newest_of(room))
			known.newer = arena_printf(arena, "its tables of %s are at %lld, I know %lld", room->name, (long long)row_integer(&row, 1),
				(long long)newest_of(room));
	}
	row_end(&row, NULL);
	return known;
}

static bool
refuse_newer(struct db *db, struct arena *arena, const char *folder, const char *newer, struct error *error)
{
	const char *by = written_by(db, arena);
	const char *kept = arena_printf(arena, "%s/before-%s.db", folder, PACKAGE_VERSION);
	bool there = access(kept, F_OK) == 0;

	return error_set(error, "The store in %s was written by a newer version of sallyport (%s; this is %s): %s. I left it as it is. Install that version "
		"again, or restore a backup that this one made%s%s.", folder, by ? by : "which one it does not say", PACKAGE_VERSION, newer,
		there ? ", as " : "", there ? kept : "");
}

static bool
bring_up(struct db *db, const struct tables *tables, struct error *error)
{
	int64_t known = newest_of(tables);

	for (int64_t version = db_version(db, tables->name); version < known; version++)
		if (!db_exec(db, tables->sql[version], error))
			return false;
	return db_run(db, error, "INSERT INTO schema_version(room, version) VALUES(?,?) ON CONFLICT(room) DO UPDATE SET version=excluded.version",
		"ti", tables->name, known);
}

static bool
read_meta(struct db *db, struct error *error)
{
	struct row row;
	unsigned char fresh[LOG_ID];

	if (getrandom(fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
		return error_set(error, "The system gives no random numbers.");
	if (!db_run(db, error, "INSERT INTO meta(one, log_id, boot) VALUES(1,?,1) ON CONFLICT(one) DO UPDATE SET boot=boot+1", "b",
		(const void *)fresh, sizeof fresh))
		return false;
	db_query(db, &row, "SELECT boot FROM meta", "");
	if (row_next(&row))
		db->boot = row_integer(&row, 0);
	return row_end(&row, error);
}

bool
db_log_id(struct db *db, unsigned char out[LOG_ID])
{
	struct row row;
	size_t length = 0;

	db_query(db, &row, "SELECT log_id FROM meta", "");
	if (row_next(&row)) {
		const void *id = row_bytes(&row, 0, &length);
		if (length == LOG_ID)
			memcpy(out, id, LOG_ID);
	}
	return row_end(&row, NULL) && length == LOG_ID;
}

static bool
migrate(struct db *db, const struct tables *const *tables, struct error *error)
{
	bool fine = db_exec(db, "BEGIN IMMEDIATE;"
		"CREATE TABLE IF NOT EXISTS schema_version(room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
		"CREATE TABLE IF NOT EXISTS meta(one INTEGER PRIMARY KEY CHECK(one=1), log_id BLOB NOT NULL, boot INTEGER NOT NULL) STRICT;", error)
		&& bring_up(db, &own_tables, error);

	for (size_t i = 0; fine && tables[i]; i++)
		fine = bring_up(db, tables[i], error);
	fine = fine && db_run(db, error, "INSERT INTO program(one, version) VALUES(1,?) ON CONFLICT(one) DO UPDATE SET version=excluded.version",
		"t", PACKAGE_VERSION) && read_meta(db, error) && db_exec(db, "COMMIT", error);
	if (!fine && !sqlite3_get_autocommit(db->connection))
		db_exec(db, "ROLLBACK", NULL);
	return fine;
}

/* Copies. */

static bool
sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	bool fine = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return fine;
}

/* As it was at one moment, on the disk before it has its name. Whoever writes meanwhile goes on. */
static bool
copy_db(struct db *db, const char *to, struct error *error)
{
	struct arena *arena = arena_new();
	const char *part = arena_printf(arena, "%s.part", to);
	mode_t before = umask(0077);

	/* What a copy that was killed left: its journal would be played back into this one. */
	unlink(part);
	unlink(arena_printf(arena, "%s-journal", part));
	bool fine = db_run(db, error, "VACUUM INTO ?", "t", part);
	umask(before);
	if (fine && (!sync_path(part, O_RDONLY) || rename(part, to) != 0))
		fine = error_set(error, "%s cannot be written: %s.", to, strerror(errno));
	if (!fine)
		unlink(part);
	arena_free(arena);
	return fine;
}

/* Only the copy of the last change of version is kept. */
static void
forget_copies(const char *folder, const char *but)
{
	DIR *dir = opendir(folder);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		size_t length = strlen(entry->d_name);
		if (!strncmp(entry->d_name, "before-", 7) && length > 3 && !strcmp(entry->d_name + length - 3, ".db") && strcmp(entry->d_name, but) != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

/* What a migration changes cannot be changed back: before it, a copy. */
static bool
copy_before(struct db *db, struct arena *arena, const char *folder, struct error *error)
{
	const char *by = written_by(db, arena);
	const char *name = arena_printf(arena, "before-%s.db", by && strcmp(by, PACKAGE_VERSION) != 0 ? by : "this-version");
	struct error why = { "the folder cannot be synchronised." };

	if (!copy_db(db, arena_printf(arena, "%s/%s", folder, name), &why) || !sync_path(folder, O_RDONLY | O_DIRECTORY))
		return error_set(error, "The store is to be brought up to this version, and could not be copied first: %s", why.text);
	forget_copies(folder, name);
	return true;
}

/* Opening. */

static bool
bring_all_up(struct db *db, struct arena *arena, const char *folder, const struct tables *const *tables, enum store_open_error *why,
	struct error *error)
{
	struct known known = compare(db, tables, arena);

	if (known.newer) {
		*why = STORE_NEWER;
		return refuse_newer(db, arena, folder, known.newer, error);
	}
	return (!known.any || !known.behind || copy_before(db, arena, folder, error)) && migrate(db, tables, error);
}

bool
db_open(struct db *db, const char *folder, const struct tables *const *tables, enum store_open_error *why, struct error *error)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/sallyport.db", folder);
	mode_t before = umask(0077);
	bool fine = db_connect(db, path, false, error);

	umask(before);
	if (fine && access(arena_printf(arena, "%s/" STORE_RESTORING, folder), F_OK) == 0) {
		*why = STORE_DAMAGED;
		fine = error_set(error, "A restore of %s did not come to its end. Do it again.", folder);
	}
	fine = fine && check_db(db, path, why, error) && bring_all_up(db, arena, folder, tables, why, error);
	arena_free(arena);
	return fine;
}

/* Without a gateway. */

static bool
connect_to_read(struct db *db, const char *folder, struct error *error)
{
	struct arena *arena = arena_new();
	const char *path = arena_printf(arena, "%s/sallyport.db", folder);
	bool fine = access(path, R_OK) == 0 || error_set(error, "%s is not there, or may not be read by you: no gateway has kept anything here.", path);

	fine = fine && db_connect(db, path, true, error);
	arena_free(arena);
	return fine;
}

/* One transaction: what it reads is of one moment. */
static bool
read_once(struct db *db, work_fn *run, void *with, struct arena *arena, struct error *error)
{
	return db_exec(db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; BEGIN", error) && db_work(db, run, with, arena, error);
}

bool
store_read(const char *folder, work_fn *run, void *with, struct arena *arena, struct error *error)
{
	struct db db = { 0 };
	bool fine = connect_to_read(&db, folder, error) && read_once(&db, run, with, arena, error);

	db_close(&db);
	return fine;
}

/* As a URI, which can say that the file does not change. */
static const char *
unchanging(struct arena *arena, const char *path)
{
	char *uri = arena_take(arena, 3 * strlen(path) + 32), *at = stpcpy(uri, "file:");

	for (; *path; path++)
		at += sprintf(at, strchr("%?#", *path) ? "%%%02x" : "%c", (unsigned char)*path);
	strcpy(at, "?immutable=1");
	return uri;
}

bool
store_read_file(const char *path, work_fn *run, void *with, struct arena *arena, struct error *error)
{
	struct db db = { 0 };
	bool alone = access(arena_printf(arena, "%s-wal", path), F_OK) != 0;

	/* Nothing is written beside what may be evidence; where its journal lies there too, it is read with it. */
	bool fine = db_connect(&db, alone ? unchanging(arena, path) : path, true, error) && read_once(&db, run, with, arena, error);
	db_close(&db);
	return fine;
}

bool
store_write(const char *folder, const struct tables *const *tables, work_fn *run, void *with, struct arena *arena, enum store_open_error *why,
	struct error *error)
{
	struct db db = { 0 };
	int lock = store_lock(folder, why, error);
	bool fine = lock >= 0 && db_open(&db, folder, tables, why, error) && db_exec(&db, "BEGIN IMMEDIATE", error)
		&& db_work(&db, run, with, arena, error) && db_exec(&db, "COMMIT", error);

	db_close(&db);
	if (lock >= 0)
		close(lock);
	if (fine)
		*why = STORE_FINE;
	return fine;
}

bool
store_copy(const char *folder, const char *to, enum store_open_error *why, struct error *error)
{
	struct db db = { 0 };
	bool fine = connect_to_read(&db, folder, error) && copy_db(&db, to, error);
	int code = fine || !db.connection ? SQLITE_OK : sqlite3_errcode(db.connection) & 0xff;

	*why = fine ? STORE_FINE : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? STORE_DAMAGED : STORE_SYSTEM;
	db_close(&db);
	return fine;
}
