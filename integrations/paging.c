/* paging: what senders made for paging services tell us, as alerts of ours. */
#include "integrations/paging.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/work/webhook.h"
#include "integrations/kinds/alerts.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/page.h"

static const char *const states[] = {
	[PAGE_FIRING] = "firing", [PAGE_ACKED] = "acked", [PAGE_UNACKED] = "unacked", [PAGE_RESOLVED] = "resolved", [PAGE_NOTE] = "note",
};

/* -- As alerts -------------------------------------------------------------------------------------------------------- */

static const struct named *
labels(struct arena *arena, const struct page *page)
{
	struct named *out = arena_take(arena, (page->label_count + 1) * sizeof *out);

	for (size_t i = 0; i < page->label_count; i++)
		out[i] = (struct named){ page->labels[i].name, page->labels[i].value };
	return out;
}

/* Nobody but the sender knows who it was; it is named by our configuration. */
static struct alert_group
group(struct task *task, const struct received *received, const struct page *page)
{
	struct alert_group out = { .key = page->key, .name = page->name, .object = page->object, .text = page->text, .url = page->url };

	out.severity = alerts_severity(page->severity);
	out.labels = labels(task->arena, page);
	out.over = page->what == PAGE_RESOLVED;
	out.brief = !page->name;
	out.ack_known = page->what == PAGE_ACKED || page->what == PAGE_UNACKED;
	if (page->what == PAGE_ACKED)
		out.ack = (struct alert_ack){ .by = page->by ? page->by : received->instance->name, .why = page->note, .at = received->arrived };
	return out;
}

static bool
is_alert(const struct page *page)
{
	return page->what != PAGE_NOTE && page->what != PAGE_CHANGE;
}

/* -- As cards --------------------------------------------------------------------------------------------------------- */

static struct card *
said(struct task *task, const struct received *received, const struct page *page)
{
	struct draft draft = draft_new(task->arena, NULL);
	const char *severity = alerts_severity_word(alerts_severity(page->severity));

	if (is_alert(page))
		draft_say_plain(&draft, task_text(task, "%s: %s%s%s", states[page->what], severity, *severity ? " " : "", page->name ? page->name : page->key));
	else if (page->what == PAGE_NOTE)
		draft_say_plain(&draft, task_text(task, "about %s: %s", page->key, page->note));
	else
		draft_say_plain(&draft, page->name);
	draft_say_plain(&draft, page->text);
	for (size_t i = 0; i < page->label_count; i++)
		draft_fact(&draft, page->labels[i].name, page->labels[i].value);
	draft_fact(&draft, is_alert(page) || !page->by ? NULL : "By", is_alert(page) ? NULL : page->by);
	draft_link(&draft, LINK_TITLE, page->url);
	return draft_card(&draft, received->instance->name);
}

size_t
paging_shown(struct task *task, const struct received *received, const struct page *pages, size_t count, struct told *out, size_t most)
{
	size_t shown = count < most ? count : most;

	for (size_t i = 0; i < shown; i++)
		out[i] = (struct told){ .card = said(task, received, &pages[i]) };
	return shown;
}

static bool
hand_over(struct task *task, const struct received *received, const struct page *pages, size_t count)
{
	struct alert_group *groups = arena_take(task->arena, (count + 1) * sizeof *groups);

	for (size_t i = 0; i < count; i++)
		groups[i] = group(task, received, &pages[i]);
	return alerts_received(task, received, groups, count);
}

/* Several at once are alerts, all of them. */
bool
paging_done(struct task *task, const struct received *received, const struct page *pages, size_t count)
{
	if (count && is_alert(pages))
		return hand_over(task, received, pages, count);
	struct told told[PAGES_MOST];
	size_t shown = paging_shown(task, received, pages, count, told, PAGES_MOST);
	return received_done(task, received, told, shown);
}
