/* Fuzzes what was made for other chats and paging services: a body in each of their formats, and its words in each markup.
 * With -DREPLAY: a program that runs over the files it is given. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/form.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "integrations/receivers/draft.h"
#include "integrations/receivers/fields.h"
#include "integrations/receivers/markup.h"
#include "integrations/receivers/page.h"
#include "integrations/receivers/slack_message.h"
#include "integrations/receivers/teams_message.h"

enum { LINES_MOST = 3, WIDTH = 400, PAGES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Ours first, clean, and short. */
static void
check_card(const struct draft *draft)
{
	const struct card *card = draft_card(draft, "nas");
	const struct lines lines = card_lines(draft->arena, card, WIDTH, 100);
	bool left;

	assert(lines.count && !strncmp(lines.each[0], "[nas]", 5));
	assert(card_shown(card, 100, &left) <= LINES_MOST);
	for (size_t i = 0; i < lines.count; i++) {
		assert(text_utf8(lines.each[i], strlen(lines.each[i])));
		assert(!strcmp(lines.each[i], text_clean_lines(draft->arena, lines.each[i], strlen(lines.each[i]))));
	}
	assert(!card->url || !strncasecmp(card->url, "http", 4));
}

static void
try_messages(struct arena *arena, struct json_object *body)
{
	static const struct fields none;
	struct draft slack = draft_new(arena, &mrkdwn), mattermost = draft_new(arena, &markdown), teams = draft_new(arena, &markdown), any = draft_new(arena, NULL);
	const char *wrong = NULL;
	bool workflow;

	if (slack_message(&slack, body, &wrong))
		check_card(&slack);
	if (slack_message(&mattermost, body, &wrong))
		check_card(&mattermost);
	if (teams_message(&teams, body, &workflow, &wrong))
		check_card(&teams);
	if (fields_message(&any, body, &none))
		check_card(&any);
	fields_state(body, &none);
}

static void
try_pages(struct arena *arena, struct json_object *body)
{
	struct page page, pages[PAGES];
	const char *wrong = NULL;

	if (pagerduty_page(arena, "v2/enqueue", body, "unnamed", &page, &wrong))
		assert(page.key && *page.key && page.label_count <= PAGE_LABELS);
	pagerduty_page(arena, "v2/change/enqueue", body, "unnamed", &page, &wrong);
	assert(pagerduty_incidents(arena, body, pages, PAGES) <= PAGES);
	if (opsgenie_page(arena, "v2/alerts", body, "unnamed", &page, &wrong))
		assert(page.key && *page.key && page.label_count <= PAGE_LABELS);
	opsgenie_page(arena, json_string(body, "alias", "v2/alerts/a/close"), body, "unnamed", &page, &wrong);
}

static void
try_markup(struct arena *arena, const struct dialect *dialect, const char *text)
{
	struct draft draft = draft_new(arena, dialect);

	draft_say(&draft, text);
	draft_fact(&draft, text, text);
	if (!draft_empty(&draft))
		check_card(&draft);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *text = arena_slice(arena, (const char *)data, size);
	struct json_object *json = json_read(arena, text, size, NULL), *form = form_read(arena, text, size, NULL);

	if (json) {
		try_messages(arena, json);
		try_pages(arena, json);
	}
	if (form)
		try_messages(arena, form);
	try_markup(arena, &mrkdwn, text);
	try_markup(arena, &markdown, text);
	arena_free(arena);
	return 0;
}

#ifdef REPLAY
/* Replays files: each must pass. */
int
main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return EXIT_FAILURE;
		}
		size_t size = fread(data, 1, sizeof data, file);
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
	}
	return EXIT_SUCCESS;
}
#endif
