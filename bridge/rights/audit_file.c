/* audit_file: records as lines of JSON in a file that can be checked without the store. */
#include "bridge/rights/audit_file.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"

enum {
	FORM = 2,
	LINE_MOST = 1 << 20,            /* a record has 64 KiB; JSON makes it longer */
};

static const char *const text_names[AUDIT_TEXTS] = { "what", "person", "account", "proof", "room", "place", "command", "decision", "rule", "result" };
static const char *const number_names[] = { "seq", "wall", "mono", "boot", "intent" };
enum { NUMBERS = sizeof number_names / sizeof *number_names, KEYS = NUMBERS + AUDIT_TEXTS + 2 };

/* Hex. */

static char *
hex(struct arena *arena, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = bytes;
	char *out = arena_take(arena, 2 * length + 1);

	for (size_t i = 0; i < length; i++) {
		out[2 * i] = digits[from[i] >> 4];
		out[2 * i + 1] = digits[from[i] & 15];
	}
	return out;
}

/* NULL where it is none; ended by NUL. */
static char *
unhex(struct arena *arena, const char *text, size_t *length)
{
	static const char digits[] = "0123456789abcdef";
	size_t count = text ? strlen(text) : 1;
	char *out = arena_take(arena, count / 2 + 1);

	if (count % 2 || strspn(text, digits) != count)
		return NULL;
	for (size_t i = 0; i < count; i += 2)
		out[i / 2] = (char)((strchr(digits, text[i]) - digits) << 4 | (strchr(digits, text[i + 1]) - digits));
	*length = count / 2;
	return out;
}

void
audit_hex(const unsigned char bytes[AUDIT_HASH], char out[AUDIT_HEX_SIZE])
{
	struct arena *arena = arena_new();

	memcpy(out, hex(arena, bytes, AUDIT_HASH), AUDIT_HEX_SIZE);
	arena_free(arena);
}

bool
audit_unhex(const char *text, unsigned char out[AUDIT_HASH])
{
	struct arena *arena = arena_new();
	size_t length = 0;
	char *bytes = unhex(arena, text, &length);
	bool fine = bytes && length == AUDIT_HASH;

	if (fine)
		memcpy(out, bytes, AUDIT_HASH);
	arena_free(arena);
	return fine;
}

/* Writing. */

static void
set_text(struct arena *arena, struct json_object *object, const char *name, const char *text)
{
	if (!text)
		json_object_object_add(object, name, NULL);
	else if (text_utf8(text, strlen(text)))
		json_set(object, name, text);
	else {
		struct json_object *bytes = json_new_object(arena);
		json_set(bytes, "hex", hex(arena, text, strlen(text)));
		json_object_object_add(object, name, json_object_get(bytes));
	}
}

const char *
audit_file_record(struct arena *arena, const struct audit_record *record, const unsigned char *h)
{
	struct json_object *line = json_new_object(arena);
	const int64_t numbers[] = { record->seq, record->wall, record->mono, record->boot, record->entry.intent };
	const char *texts[AUDIT_TEXTS];
	const struct audit_entry *entry = &record->entry;

	for (size_t i = 0; i < NUMBERS; i++)
		json_set_integer(line, number_names[i], numbers[i]);
	audit_texts(entry, texts);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		set_text(arena, line, text_names[i], texts[i]);
	set_text(arena, line, "args_hash", entry->args_hash ? hex(arena, entry->args_hash, entry->args_hash_size) : NULL);
	if (!record->early)
		set_text(arena, line, "instance", entry->instance);
	if (h)
		json_set(line, "h", hex(arena, h, AUDIT_HASH));
	return json_write(line);
}

static bool
write_record(const struct audit_record *record, const unsigned char h[AUDIT_HASH], void *with)
{
	struct arena *arena = arena_new();
	bool fine = fprintf(with, "%s\n", audit_file_record(arena, record, h)) > 0;

	arena_free(arena);
	return fine;
}

static bool
write_mark(const struct checkpoint *checkpoint, void *with)
{
	struct arena *arena = arena_new();
	bool fine = fprintf(with, "{\"checkpoint\":\"%s\"}\n", checkpoint_text(arena, checkpoint)) > 0;

	arena_free(arena);
	return fine;
}

static bool
write_head(FILE *file, const struct audit_range *range)
{
	struct arena *arena = arena_new();
	struct json_object *line = json_new_object(arena);

	json_set_integer(line, "audit", FORM);
	json_set_integer(line, "first", range->first);
	json_set_integer(line, "last", range->last);
	json_set(line, "before", hex(arena, range->before, AUDIT_HASH));
	json_set(line, "hash", hex(arena, range->hash, AUDIT_HASH));
	bool fine = fprintf(file, "%s\n", json_write(line)) > 0;
	arena_free(arena);
	return fine;
}

bool
audit_file_write(FILE *file, struct db *db, const struct audit_range *range, struct audit_verdict *verdict, struct error *error)
{
	struct audit_proof proof = { .key_count = 0 };
	const struct audit_visit visit = { range->last, write_record, write_mark, file };
	bool fine = write_head(file, range) && audit_walk(db, &proof, &visit, error);

	*verdict = proof.verdict;
	if (!fine)
		return error_set(error, "The records could not be written or read.");
	return (fflush(file) == 0 && !ferror(file)) || error_set(error, "The records could not be written: the disk is full, or the reader has gone.");
}

/* Reading. */

static bool
read_integer(struct json_object *object, const char *name, int64_t *out)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, json_type_int))
		return false;
	*out = json_object_get_int64(value);
	return true;
}

/* null, "text" or {"hex":".."}. */
static bool
read_text(struct arena *arena, struct json_object *object, const char *name, const char **out)
{
	struct json_object *value = NULL;
	size_t length;

	if (!json_object_object_get_ex(object, name, &value))
		return false;
	*out = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	if (json_object_is_type(value, json_type_object))
		return (*out = unhex(arena, json_string(value, "hex", NULL), &length)) != NULL && strlen(*out) == length;
	return !value || *out;
}

static bool
read_record(struct arena *arena, struct json_object *line, struct audit_record *record, unsigned char h[AUDIT_HASH])
{
	struct audit_entry *entry = &record->entry;
	int64_t *numbers[] = { &record->seq, &record->wall, &record->mono, &record->boot, &entry->intent };
	const char **texts[AUDIT_TEXTS] = { &entry->what, &entry->person, &entry->account, &entry->proof, &entry->room, &entry->place,
		&entry->command, &entry->decision, &entry->rule, &entry->result };
	const char *args = NULL;

	*record = (struct audit_record){ 0 };
	record->early = !json_object_object_get_ex(line, "instance", NULL);
	if (json_object_object_length(line) != KEYS + !record->early || (!record->early && !read_text(arena, line, "instance", &entry->instance)))
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (!read_integer(line, number_names[i], numbers[i]))
			return false;
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		if (!read_text(arena, line, text_names[i], texts[i]))
			return false;
	if (!read_text(arena, line, "args_hash", &args) || (args && !(entry->args_hash = unhex(arena, args, &entry->args_hash_size))))
		return false;
	return audit_unhex(json_string(line, "h", NULL), h);
}

struct reading {
	FILE *file;
	EVP_MD_CTX *digest;
	char *line;                     /* LINE_MOST bytes */
	size_t length;
};

/* False at the end. A line that is too long, or has no end, is no line of ours: it cannot be read as JSON either. */
static bool
next_line(struct reading *reading)
{
	if (!fgets(reading->line, LINE_MOST, reading->file))
		return false;
	reading->length = strlen(reading->line);
	EVP_DigestUpdate(reading->digest, reading->line, reading->length);
	if (reading->length && reading->line[reading->length - 1] == '\n')
		reading->line[--reading->length] = '\0';
	else
		*reading->line = '\0';
	return true;
}

static bool
read_head(struct reading *reading, struct audit_range *range, struct error *error)
{
	struct arena *arena = arena_new();
	struct json_object *head = next_line(reading) ? json_read(arena, reading->line, reading->length, NULL) : NULL;
	int64_t form = json_object_is_type(head, json_type_object) && json_object_object_length(head) == 5 ? json_integer(head, "audit", 0) : 0;
	bool fine = form >= 1 && form <= FORM && read_integer(head, "first", &range->first) && read_integer(head, "last", &range->last)
		&& audit_unhex(json_string(head, "before", NULL), range->before) && audit_unhex(json_string(head, "hash", NULL), range->hash)
		&& range->first > 0 && range->last >= range->first - 1;

	arena_free(arena);
	return fine || error_set(error, "It does not begin as an archive or export of the audit does.");
}

static void
take_mark(struct audit_proof *proof, const char *text)
{
	struct checkpoint checkpoint;

	if (text && checkpoint_read(text, &checkpoint))
		proof_mark(proof, &checkpoint);
	else
		proof_bad(proof, proof->next - 1, 0, "has a checkpoint that cannot be read");
}

static void
take_record(struct arena *arena, struct json_object *line, const struct audit_range *range, struct audit_proof *proof)
{
	struct audit_record record;
	unsigned char h[AUDIT_HASH];

	if (!read_record(arena, line, &record, h)) {
		proof_unreadable(proof);
		return;
	}
	if (record.seq > range->last) {
		proof_bad(proof, proof->next, 0, "is not what stands in its place: that says it is record %" PRId64 ", which was added by somebody else", record.seq);
		return;
	}
	struct text bytes = audit_record_bytes(arena, &record);
	proof_add(proof, &(struct proof_item){ record.seq, record.wall, bytes.bytes, bytes.length, h, &record, false });
}

static void
read_records(struct reading *reading, const struct audit_range *range, struct audit_proof *proof)
{
	proof_begin(proof, range->first, range->before);
	while (next_line(reading)) {
		struct arena *arena = arena_new();
		struct json_object *line = json_read(arena, reading->line, reading->length, NULL);
		if (!json_object_is_type(line, json_type_object))
			proof_unreadable(proof);
		else if (json_object_object_length(line) == 1)
			take_mark(proof, json_string(line, "checkpoint", NULL));
		else
			take_record(arena, line, range, proof);
		arena_free(arena);
	}
	proof_end(proof, range->last, range->hash);
}

static struct reading
begin_reading(FILE *file)
{
	struct reading reading = { .file = file, .digest = EVP_MD_CTX_new(), .line = memory_take(LINE_MOST) };

	if (!reading.digest || !EVP_DigestInit_ex(reading.digest, EVP_sha256(), NULL))
		abort();
	return reading;
}

static void
end_reading(struct reading *reading)
{
	EVP_MD_CTX_free(reading->digest);
	free(reading->line);
}

int64_t
audit_file_last(FILE *file)
{
	struct reading reading = begin_reading(file);
	struct audit_range range;
	bool fine = read_head(&reading, &range, NULL);

	end_reading(&reading);
	rewind(file);
	return fine ? range.last : 0;
}

bool
audit_file_verify(FILE *file, struct audit_proof *proof, struct audit_range *range, char sum[AUDIT_HEX_SIZE], struct error *error)
{
	struct reading reading = begin_reading(file);
	unsigned char digest[AUDIT_HASH];

	bool fine = read_head(&reading, range, error);
	if (fine)
		read_records(&reading, range, proof);
	EVP_DigestFinal_ex(reading.digest, digest, NULL);
	end_reading(&reading);
	audit_hex(digest, sum);
	return fine && (!ferror(file) || error_set(error, "It cannot be read to its end."));
}
