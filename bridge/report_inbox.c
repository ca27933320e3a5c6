/* report_inbox: the webhooks that came, as a table. */
#include "bridge/report_inbox.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/work/inbox_rows.h"

enum { LIMIT = 20, LIMIT_MOST = 10000 };

struct table {
	struct arena *arena;
	struct text *out;
	int64_t now;
	size_t count;
};

/* 417   14:31  acme       done  2.1 KB  72d3162e-cc78-11e3-81ab-4c9367dc0958 */
static void
add_row(const struct inbox_row *row, void *with)
{
	struct table *table = with;

	if (!table->count++)
		text_printf(table->out, "%-7s %-14s %-12s %-5s %8s  %s\n", "NUMBER", "CAME", "SERVICE", "STATE", "SIZE", "ITS NAME, AND WHAT WENT WRONG");
	text_printf(table->out, "%-7lld %-14s %-12s %-5s %8s  %s%s%s\n", (long long)row->id, clock_time(table->arena, row->arrived, table->now), row->instance,
		row->state, text_size(table->arena, (int64_t)row->length), row->name ? row->name : "-", row->error ? "  " : "", row->error ? row->error : "");
}

/* False: what was typed is not how it is asked. */
static bool
read_words(const char *const *words, const char **name, int64_t *limit)
{
	for (; *words; words++) {
		if (!strcmp(*words, "--limit") && words[1]) {
			char *end;
			*limit = strtoll(*++words, &end, 10);
			if (*end || *limit < 1 || *limit > LIMIT_MOST)
				return false;
		} else if (**words == '-' || *name)
			return false;
		else
			*name = *words;
	}
	return true;
}

bool
report_inbox(struct db *db, const char *const *words, struct arena *arena, struct text *out, int *code, struct error *error)
{
	struct table table = { arena, out, clock_wall(), 0 };
	const char *name = NULL;
	int64_t limit = LIMIT;

	*code = EX_OK;
	if (!read_words(words, &name, &limit)) {
		text_printf(out, "It is hooks list [SERVICE] [--limit N], N at most %d.\n", LIMIT_MOST);
		*code = EX_USAGE;
		return true;
	}
	if (!inbox_list(db, arena, name, limit, add_row, &table, error))
		return false;
	if (!table.count)
		text_printf(out, "No webhook%s%s came in the last 7 days.\n", name ? " of " : "", name ? name : "");
	return true;
}
