/* directory: people that another program or file names. */
#include "bridge/rights/directory.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/rights/overlay.h"

enum { NAME_MOST = 64, WORD_MOST = 300 };       /* bytes */

static const struct setting settings[] = {
	SETTING(directory_settings, where,   TYPE_WHERE, NULL,  NULL),
	SETTING(directory_settings, every,   TYPE_SPAN,  "5m",  "How often it is read."),
	SETTING(directory_settings, file,    TYPE_PATH,  NULL,  "A file of JSON: { \"persons\": [ { \"name\": ..., \"accounts\": [ ... ], \"roles\": [ ... ] } ] }."),
	SETTING(directory_settings, run,     TYPE_LIST,  NULL,  "A program and its arguments that writes the same, and nothing else; with file it reads that on its standard input."),
	SETTING(directory_settings, stale,   TYPE_SPAN,  "1d",  "How long what was read last counts where it cannot be read any more."),
	SETTING(directory_settings, timeout, TYPE_SPAN,  "30s", "How long the program may take."),
	{ 0 }
};

const struct shape directory_shape = { "directory", sizeof(struct directory_settings), settings, "People beside those of the configuration, from a file or a program.", true };

void
directory_settings_check(struct conf *conf, const struct section *at, const struct directory_settings *directory)
{
	if (!directory->file && !directory->run.count)
		conf_mistake(conf, directory->where, at, "write file, or run, or both.");
	if (directory->run.count && *directory->run.each[0] != '/')
		conf_mistake(conf, directory->run.where[0], at, "run: %s is no absolute path.", directory->run.each[0]);
	if (directory->every < 10 * 1000 || directory->every > 24 * 3600 * 1000)
		conf_mistake(conf, directory->where, at, "every is 10s to 24h.");
	if (directory->timeout < 1000 || directory->timeout > 5 * 60 * 1000)
		conf_mistake(conf, directory->where, at, "timeout is 1s to 5m.");
	if (directory->stale < directory->every)
		conf_mistake(conf, directory->where, at, "stale is no shorter than every.");
}

/* -- Reading ---------------------------------------------------------------------------------------------------------- */

struct reading {
	struct arena *arena;
	struct error *error;
	size_t account_count;
	const char **accounts;          /* of all */
};

/* What is shown, typed and compared: nothing that looks like something else. */
static bool
is_plain(struct arena *arena, const char *text, size_t most)
{
	size_t length = strlen(text);

	return length && length <= most && !strpbrk(text, " \t\"") && !strcmp(text_clean(arena, text, length), text);
}

static bool
read_words(const struct reading *reading, struct json_object *person, const char *name, const char *key, struct list *out)
{
	struct json_object *array = json_key(person, key);
	size_t count = json_count(array, "");

	if (array && !json_object_is_type(array, json_type_array))
		return error_set(reading->error, "%s of %s are no list", key, name);
	if (count > DIRECTORY_WORDS)
		return error_set(reading->error, "%s has more than %d %s", name, DIRECTORY_WORDS, key);
	const char **each = arena_take(reading->arena, (count + 1) * sizeof *each);
	for (size_t i = 0; i < count; i++) {
		struct json_object *word = json_object_array_get_idx(array, i);
		each[i] = json_object_is_type(word, json_type_string) ? arena_text(reading->arena, json_object_get_string(word)) : "";
		if (!is_plain(reading->arena, each[i], WORD_MOST))
			return error_set(reading->error, "one of the %s of %s is empty, no text, or has a blank in it", key, name);
	}
	*out = (struct list){ count, each, NULL };
	return true;
}

static bool
read_person(struct reading *reading, struct json_object *object, struct overlay_person *out)
{
	const char *name = json_string(object, "name", "");

	if (!is_plain(reading->arena, name, NAME_MOST))
		return error_set(reading->error, "a person has no name, or one with a blank in it, or of more than %d bytes", NAME_MOST);
	out->name = arena_text(reading->arena, name);
	if (!read_words(reading, object, name, "accounts", &out->accounts) || !read_words(reading, object, name, "roles", &out->roles))
		return false;
	for (size_t i = 0; i < out->accounts.count; i++) {
		const char *account = out->accounts.each[i], *slash = strchr(account, '/');
		if (!slash || slash == account || !slash[1])
			return error_set(reading->error, "%s is not LINK/ACCOUNT, as in corp/alice", account);
		reading->accounts[reading->account_count++] = account;
	}
	return true;
}

static int
by_name(const void *one, const void *other)
{
	return strcmp(((const struct overlay_person *)one)->name, ((const struct overlay_person *)other)->name);
}

static int
by_word(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Nobody is there twice, and no account is of two. */
static bool
is_clear(const struct reading *reading, struct overlay_person *each, size_t count)
{
	qsort(each, count, sizeof *each, by_name);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(each[i - 1].name, each[i].name))
			return error_set(reading->error, "%s is there twice", each[i].name);
	qsort(reading->accounts, reading->account_count, sizeof *reading->accounts, by_word);
	for (size_t i = 1; i < reading->account_count; i++)
		if (!strcmp(reading->accounts[i - 1], reading->accounts[i]))
			return error_set(reading->error, "the account %s is there twice", reading->accounts[i]);
	return true;
}

bool
directory_read(struct arena *arena, const char *json, size_t length, struct directory_people *out, struct error *error)
{
	struct reading reading = { arena, error, 0, NULL };

	*out = (struct directory_people){ 0 };
	if (length > DIRECTORY_SIZE)
		return error_set(error, "it has more than 8 MiB");
	struct json_object *document = json_read(arena, json, length, error), *persons = document ? json_key(document, "persons") : NULL;
	if (!document)
		return false;
	if (!json_object_is_type(persons, json_type_array))
		return error_set(error, "it has no list \"persons\"");
	size_t count = json_count(persons, "");
	if (count > DIRECTORY_PERSONS)
		return error_set(error, "it has more than %d people", DIRECTORY_PERSONS);
	struct overlay_person *each = arena_take(arena, (count + 1) * sizeof *each);
	reading.accounts = arena_take(arena, (count * DIRECTORY_WORDS + 1) * sizeof *reading.accounts);
	for (size_t i = 0; i < count; i++)
		if (!read_person(&reading, json_object_array_get_idx(persons, i), &each[i]))
			return false;
	if (!is_clear(&reading, each, count))
		return false;
	*out = (struct directory_people){ count, each };
	return true;
}

bool
directory_has(const struct directory_people *people, const char *name)
{
	const struct overlay_person key = { .name = name };

	return people->count && bsearch(&key, people->each, people->count, sizeof key, by_name);
}

bool
directory_shrunk(const struct directory_people *before, const struct directory_people *after)
{
	size_t gone = 0;

	for (size_t i = 0; i < before->count; i++)
		gone += !directory_has(after, before->each[i].name);
	return gone > 3 && 2 * gone > before->count;
}
