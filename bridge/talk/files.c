/* files: links of ours to files that a chat keeps. */
#include "bridge/talk/files.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/url.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"

enum {
	CHANCE = 10,                    /* bytes: five bits a character */
	HASH = 32,
	LINKS_MOST = 10000,
};

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";        /* Crockford's: none is taken for another */

/* Whoever reads the store, or a backup of it, cannot use the links: it has the hashes of the codes alone. */
static const char *const schema[] = {
	"CREATE TABLE file_link(id INTEGER PRIMARY KEY AUTOINCREMENT, code BLOB NOT NULL UNIQUE, link TEXT NOT NULL, file TEXT NOT NULL, name TEXT, type TEXT,"
	"  size INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;"
	"CREATE INDEX file_link_expires ON file_link(expires);",
	NULL
};

const struct tables files_tables = { "files", schema };

bool
files_shaped(const char *code)
{
	size_t i = 0;

	while (code[i] && strchr(digits, tolower((unsigned char)code[i])))
		i++;
	return i == FILES_CODE && !code[i];
}

static bool
hash_of(const char *code, unsigned char out[HASH])
{
	char small[FILES_CODE];

	for (size_t i = 0; i < FILES_CODE; i++)
		small[i] = (char)tolower((unsigned char)code[i]);
	return EVP_Digest(small, sizeof small, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool
draw(char code[FILES_CODE + 1], struct error *error)
{
	unsigned char chance[CHANCE];

	if (getrandom(chance, sizeof chance, 0) != sizeof chance)
		return error_set(error, "The system gives no random numbers, so no link could be made.");
	for (size_t i = 0; i < FILES_CODE; i++) {
		size_t bit = 5 * i, value = (size_t)chance[bit / 8] << 8 | (bit / 8 + 1 < CHANCE ? chance[bit / 8 + 1] : 0);
		code[i] = digits[value >> (11 - bit % 8) & 31];
	}
	code[FILES_CODE] = '\0';
	return true;
}

bool
files_offer(struct db *db, const struct file *file, char code[FILES_CODE + 1], struct error *error)
{
	unsigned char hash[HASH];

	if (!draw(code, error))
		return false;
	if (!hash_of(code, hash))
		return error_set(error, "SHA-256 is not to be had from OpenSSL here, so no link could be made.");
	return db_run(db, error, "INSERT INTO file_link(code, link, file, name, type, size, expires) VALUES(?,?,?,?,?,?,?)", "bttttii",
			hash, (size_t)HASH, file->link, file->id, file->name, file->type, file->size, file->expires)
		&& db_run(db, error, "DELETE FROM file_link WHERE expires<=? OR id<=?", "ii", clock_wall(), db_last_id(db) - LINKS_MOST);
}

char *
files_url(struct arena *arena, const char *hooks_url, const char *code)
{
	return url_make(arena, hooks_url, "f", code, NULL);
}

/* From a task. */

struct finding {
	unsigned char hash[HASH];
	bool found;
	struct file file;
};

static bool
find(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct finding *finding = with;
	struct row row;

	db_query(db, &row, "SELECT link, file, name, type, size, expires FROM file_link WHERE code=? AND expires>?", "bi",
		finding->hash, (size_t)HASH, clock_wall());
	finding->found = row_next(&row);
	if (finding->found)
		finding->file = (struct file){ .link = arena_text(arena, row_text(&row, 0)), .id = arena_text(arena, row_text(&row, 1)),
			.name = arena_text(arena, row_text(&row, 2)), .type = arena_text(arena, row_text(&row, 3)), .size = row_integer(&row, 4),
			.expires = row_integer(&row, 5) };
	return row_end(&row, error);
}

bool
files_find(struct task *task, const char *code, struct file *out, bool *found)
{
	struct work *work = work_new(find, sizeof(struct finding));
	struct finding *finding = work_with(work);

	hash_of(code, finding->hash);
	if (!store_commit(task, work))
		return false;
	*found = finding->found;
	*out = finding->file;
	return true;
}
