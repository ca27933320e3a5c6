/* audited: !audit, what the audit says, for those whom a rule lets ask. */
#include "bridge/work/audited.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/talk.h"
#include "bridge/work/request.h"

enum {
	RECORDS_MOST = 200,
	LINE_MOST = 300,
	DEPTH = 20000,                  /* records that are looked at: all of them could hold up who writes */
};

struct listing {
	struct audit_filter filter;
	struct arena *arena;
	int64_t now;
	size_t count;
	const char *lines[RECORDS_MOST];
};

/* 18231 14:31 alice: ci build web | B31 done: queued */
static bool
add_line(const struct audit_record *record, void *with)
{
	struct listing *listing = with;
	const struct audit_entry *entry = &record->entry;
	struct text line = text_in(listing->arena, LINE_MOST);
	const char *who = entry->person ? entry->person : entry->account;

	text_printf(&line, "%lld %s ", (long long)record->seq, clock_time(listing->arena, record->wall, listing->now));
	if (who)
		text_printf(&line, "%s: ", who);
	text_add(&line, entry->command ? entry->command : entry->what);
	if (entry->room)
		text_printf(&line, " in %s", entry->room);
	if (entry->result || entry->decision)
		text_printf(&line, " | %s", entry->result ? entry->result : entry->decision);
	if (entry->rule)
		text_printf(&line, " by %s", entry->rule);
	listing->lines[listing->count++] = line.bytes;
	return listing->count < RECORDS_MOST;
}

static bool
list(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct listing *listing = with;

	listing->arena = arena;
	return audit_list(db, &listing->filter, arena, add_line, listing, error);
}

/* B31: a letter and digits. */
static bool
is_id(const char *word)
{
	return isalpha((unsigned char)*word) && word[1] && strspn(word + 1, "0123456789") == strlen(word + 1);
}

/* Who is in no configuration any more may still be in the audit. */
static void
choose(struct request *request, struct arena *arena, struct audit_filter *filter)
{
	const char *who = request_param(request, "WHO");

	if (!who)
		return;
	if (is_id(who) && !rights_person_named(request->talk->rights, who))
		filter->id = arena_text(arena, who);
	else
		filter->person = arena_text(arena, who);
}

bool
audited_run(struct request *request)
{
	struct task *task = request->task;
	const char *since = request_param(request, "SINCE");
	int64_t now = clock_wall(), from = 0;

	if (since && !clock_parse_when(since, now, &from))
		return task_fail(task, "since is today, a day as 2026-12-01, or a span as 90m, 12h, 7d");
	struct work *work = work_new(list, sizeof(struct listing));
	struct listing *listing = work_with(work);
	listing->now = now;
	listing->filter.since = from;
	listing->filter.depth = DEPTH;
	choose(request, work_arena(work), &listing->filter);
	if (!store_commit(task, work))
		return false;
	if (!listing->count)
		return task_fail(task, "the newest %d records of the audit have none of that; sallyport audit list knows all", DEPTH);
	struct card *card = card_new(task->arena, TONE_PLAIN, "Audit, the newest first%s", listing->count == RECORDS_MOST ? ", older ones: sallyport audit list" : "");
	for (size_t i = 0; i < listing->count; i++)
		card_line(card, "%s", listing->lines[i]);
	return request_reply(request, card);
}
