/* report_audit: what the audit says: who did what, as a table, lines of JSON or CSV. */
#include "bridge/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/audit_file.h"
#include "bridge/run/store.h"

enum { LIST_LIMIT = 1000 };

struct listing {
	struct arena *arena;
	struct text *out;
	int64_t now;
	struct audit_filter filter;
	void (*say)(const struct audit_record *, struct listing *);
	const char *head;
	struct audit_record *each;      /* newest first */
	size_t count, size;
};

/* As a table. */

/* A terminal obeys what it is shown, and a nick may be anything. */
static const char *
cell(const struct listing *listing, const char *text)
{
	return text && *text ? text_clean(listing->arena, text, strlen(text)) : "-";
}

static void
say_row(const struct audit_record *record, struct listing *listing)
{
	const struct audit_entry *entry = &record->entry;

	text_printf(listing->out, "%-7lld %-16s %-9s %-10s %-24s %-10s %-32s %s%s%s | %s\n", (long long)record->seq,
		clock_time(listing->arena, record->wall, listing->now), cell(listing, entry->what), cell(listing, entry->person),
		cell(listing, entry->account), cell(listing, entry->room), cell(listing, entry->command), cell(listing, entry->decision),
		entry->rule ? ": " : "", entry->rule ? cell(listing, entry->rule) : "", cell(listing, entry->result));
}

static char *
table_head(struct arena *arena)
{
	return arena_printf(arena, "%-7s %-16s %-9s %-10s %-24s %-10s %-32s %s\n", "SEQ", "TIME", "WHAT", "PERSON", "BY", "ROOM", "COMMAND", "DECISION | RESULT");
}

/* For programs. */

static void
say_json(const struct audit_record *record, struct listing *listing)
{
	text_printf(listing->out, "%s\n", audit_file_record(listing->arena, record, NULL));
}

/* A spreadsheet takes what begins so for a formula, and a nick may be one. */
static void
add_cell(struct listing *listing, const char *text)
{
	const char *clean = text ? text_clean(listing->arena, text, strlen(text)) : "";

	text_add(listing->out, *clean && strchr("=+-@", *clean) ? ",\"'" : ",\"");
	for (; *clean; clean += strcspn(clean, "\"") + (clean[strcspn(clean, "\"")] != '\0')) {
		size_t length = strcspn(clean, "\"");
		text_add_bytes(listing->out, clean, length);
		text_add(listing->out, clean[length] ? "\"\"" : "");
	}
	text_add(listing->out, "\"");
}

static void
say_csv(const struct audit_record *record, struct listing *listing)
{
	const struct audit_entry *entry = &record->entry;
	const char *cells[] = { entry->what, entry->person, entry->account, entry->proof, entry->room, entry->place, entry->instance, entry->command,
		entry->decision, entry->rule, audit_result(entry), entry->result };
	time_t seconds = (time_t)(record->wall / 1000);
	char when[32];

	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	text_printf(listing->out, "%lld,%s", (long long)record->seq, when);
	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
		add_cell(listing, cells[i]);
	text_add(listing->out, "\r\n");
}

#define CSV_HEAD "seq,time,what,person,account,proof,room,place,instance,command,decision,rule,outcome,result\r\n"

/* Which of them. */

static bool
read_limit(const char *word, int64_t *limit)
{
	char *end;

	*limit = strtoll(word, &end, 10);
	return !*end && *limit > 0;
}

/* False where there is no option of this name, or with a sentence where its value is none. */
static bool
read_option(struct listing *listing, const char *option, const char *value, struct error *error)
{
	struct audit_filter *filter = &listing->filter;
	const struct { const char *name; const char **text; } texts[] = {
		{ "--id", &filter->id }, { "--instance", &filter->instance }, { "--person", &filter->person }, { "--result", &filter->result },
		{ "--room", &filter->room },
	};
	const struct { const char *name; int64_t *when; } times[] = { { "--since", &filter->since }, { "--until", &filter->until } };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!strcmp(option, texts[i].name)) {
			*texts[i].text = value;
			return true;
		}
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (!strcmp(option, times[i].name))
			return clock_parse_when(value, listing->now, times[i].when) || error_set(error, "%s is today, a day as 2026-12-01, or a span as 90m, 12h, 7d.", option);
	if (strcmp(option, "--limit") != 0)
		return error_set(error, "There is no option %s; there are --person, --room, --instance, --result, --id, --since, --until, --limit, --json and --csv.", option);
	return read_limit(value, &filter->limit) || error_set(error, "--limit is a number of records.");
}

static bool
read_words(struct listing *listing, const char *const *words, struct error *error)
{
	listing->filter.limit = LIST_LIMIT;
	for (; *words; words++) {
		if (!strcmp(*words, "--json") || !strcmp(*words, "--csv")) {
			listing->say = words[0][2] == 'j' ? say_json : say_csv;
			listing->head = words[0][2] == 'j' ? "" : CSV_HEAD;
			continue;
		}
		if (!words[1])
			return error_set(error, "%s wants a value behind it.", *words);
		if (!read_option(listing, words[0], words[1], error))
			return false;
		words++;
	}
	return true;
}

static bool
take(const struct audit_record *record, void *with)
{
	struct listing *listing = with;

	if (listing->count == listing->size)
		listing->each = memory_resize(listing->each, (listing->size = 2 * listing->size + 64) * sizeof *listing->each);
	listing->each[listing->count++] = *record;
	return true;
}

static bool
list_audit(struct db *db, const char *const *words, struct arena *arena, struct text *out, int *exit_code, struct error *error)
{
	struct listing listing = { .arena = arena, .out = out, .now = clock_wall(), .say = say_row, .head = table_head(arena) };
	struct error wrong;

	if (!read_words(&listing, words, &wrong)) {
		text_printf(out, "%s\n", wrong.text);
		*exit_code = EX_USAGE;
		return true;
	}
	bool fine = audit_list(db, &listing.filter, arena, take, &listing, error);
	text_add(out, listing.head);
	while (fine && listing.count)
		listing.say(&listing.each[--listing.count], &listing);
	free(listing.each);
	return fine;
}

/* What `audit archive` asks for once its file is on the disk and was verified: FIRST LAST HASH SUM BY. */
static bool
take_out(struct db *db, const char *const *words, struct arena *arena, struct text *out, struct error *error)
{
	struct audit_range range = { .first = strtoll(words[0], NULL, 10), .last = strtoll(words[1], NULL, 10) };

	if (!audit_unhex(words[2], range.hash))
		return error_set(error, "%s is no hash of a record.", words[2]);
	if (!audit_archive(db, &range, words[3], words[4], arena, error))
		return false;
	text_printf(out, "records %lld to %lld were taken out of the store\n", (long long)range.first, (long long)range.last);
	return true;
}

bool
report_audit(struct db *db, const char *const *words, struct arena *arena, struct text *out, int *exit_code, struct error *error)
{
	*exit_code = EX_OK;
	if (words[0] && !strcmp(words[0], "list"))
		return list_audit(db, words + 1, arena, out, exit_code, error);
	if (words[0] && !strcmp(words[0], "archived") && words[1] && words[2] && words[3] && words[4] && words[5] && !words[6])
		return take_out(db, words + 1, arena, out, error);
	text_add(out, "It is audit list [--person NAME] [--room NAME] [--instance NAME] [--result WORD] [--id ID] [--since WHEN] [--until WHEN] [--limit N] [--json|--csv], "
		"audit verify [--key FILE] [--checkpoint FILE] [FILE ...], audit checkpoint, audit export [FILE], or audit archive --before DATE|SPAN FILE.\n");
	*exit_code = EX_USAGE;
	return true;
}
