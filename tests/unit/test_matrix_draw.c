/* Tests of how a card looks on Matrix: the conversations as they have it, and that nothing foreign is ever more than text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/talk/card.h"
#include "protocols/matrix/draw.h"

enum { SIZE_MOST = 28 << 10 };

static int
begin(void **state)
{
	*state = arena_new();
	return 0;
}

static int
end(void **state)
{
	arena_free(*state);
	return 0;
}

/* -- What must be true of every drawing --------------------------------------------------------------------------------- */

static const char *const tags[] = { "p", "br", "strong", "em", "del", "code", "pre", "ul", "ol", "li", "a", "blockquote" };

/* What a reader without HTML sees in place of a tag; of <a> to the web it is the address. */
static const struct { const char *tag, *sign; } signs[] = { { "<li>", "- " }, { "<br>", "\n" }, { "</p>", "\n" }, { "</li>", "\n" }, { "</pre>", "\n" } };

struct reader {
	struct arena *arena;
	const char *at;
	struct text plain;
	const char *open[8];
	size_t depth;
	bool address;                   /* what is written now is words for an address that was read already */
};

static const char *
decoded(struct arena *arena, const char *text, size_t length)
{
	static const struct { const char *written; char plain; } entities[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&#39;", '\'' } };
	struct text out = text_in(arena, length + 1);

	for (const char *end = text + length; text < end;) {
		size_t i = 0;
		while (*text == '&' && i < 5 && strncmp(text, entities[i].written, strlen(entities[i].written)) != 0)
			i++;
		assert_true(i < 5);             /* every & is one of ours */
		text_add_bytes(&out, *text == '&' ? &entities[i].plain : text, 1);
		text += *text == '&' ? strlen(entities[i].written) : 1;
	}
	return out.bytes;
}

static void
read_link(struct reader *reader, const char *tag, size_t length)
{
	static const char before[] = "<a href=\"";
	size_t lead = sizeof before - 1;

	assert_true(length > lead + 2 && !strncmp(tag, before, lead));
	size_t size = strcspn(tag + lead, "\"");
	assert_int_equal(lead + size + 2, length);      /* one attribute, and nothing behind it */
	const char *url = decoded(reader->arena, tag + lead, size);
	assert_non_null(url_origin(reader->arena, url));
	reader->address = strncmp(url, "https://matrix.to/#/@", 21) != 0;
	if (reader->address)
		text_add(&reader->plain, url);
}

static void
read_tag(struct reader *reader)
{
	size_t length = strcspn(reader->at, ">") + 1, i = 0;
	bool closes = reader->at[1] == '/';
	const char *tag = arena_slice(reader->arena, reader->at, length);
	const char *word = arena_slice(reader->arena, tag + 1 + closes, strcspn(tag + 1 + closes, " >"));

	while (i < sizeof tags / sizeof *tags && strcmp(tags[i], word) != 0)
		i++;
	assert_true(i < sizeof tags / sizeof *tags);
	if (closes) {
		assert_true(reader->depth > 0);
		assert_string_equal(reader->open[--reader->depth], word);
		reader->address = false;
	} else if (strcmp(word, "br") != 0) {
		assert_true(reader->depth < 8);
		reader->open[reader->depth++] = word;
		if (!strcmp(word, "a"))
			read_link(reader, tag, length);
		else
			assert_int_equal(strlen(word) + 2, length);
	}
	for (i = 0; i < sizeof signs / sizeof *signs; i++)
		text_add(&reader->plain, strcmp(signs[i].tag, tag) ? NULL : signs[i].sign);
	reader->at += length;
}

/* html without its tags, which must be ours and balanced. */
static const char *
stripped(struct arena *arena, const char *html)
{
	struct reader reader = { .arena = arena, .at = html, .plain = text_in(arena, 1 << 20) };

	while (*reader.at) {
		size_t length = strcspn(reader.at, "<");
		assert_true(memchr(reader.at, '>', length) == NULL && memchr(reader.at, '"', length) == NULL);
		if (!reader.address)
			text_add(&reader.plain, decoded(arena, reader.at, length));
		reader.at += length;
		if (*reader.at)
			read_tag(&reader);
	}
	assert_int_equal(reader.depth, 0);
	return reader.plain.bytes;
}

static void
assert_clean(const char *text)
{
	assert_true(text_utf8(text, strlen(text)));
	for (; *text; text++)
		assert_true((unsigned char)*text >= ' ' || *text == '\n');
}

static size_t
size_as_json(struct arena *arena, struct drawing drawing)
{
	struct json_object *content = json_new_object(arena);

	json_set(content, "body", drawing.body);
	json_set(content, "formatted_body", drawing.html);
	return strlen(json_write(content));
}

static const char *
without_last_ends(struct arena *arena, const char *text)
{
	size_t length = strlen(text);

	while (length && text[length - 1] == '\n')
		length--;
	return arena_slice(arena, text, length);
}

static void
assert_fine(struct arena *arena, struct drawing drawing)
{
	assert_clean(drawing.body);
	assert_true(*drawing.body != '\0');
	assert_true(size_as_json(arena, drawing) <= SIZE_MOST);
	if (!drawing.html)
		return;
	assert_clean(drawing.html);
	assert_string_equal(without_last_ends(arena, stripped(arena, drawing.html)), without_last_ends(arena, drawing.body));
}

static struct drawing
fine(struct arena *arena, const struct card *card, const char *to)
{
	struct drawing drawing = draw_card(arena, card, "!", 10, to);

	if (getenv("SALLYPORT_SHOW"))
		printf("%s\n  %s\n\n", drawing.body, drawing.html ? drawing.html : "-");
	assert_fine(arena, drawing);
	return drawing;
}

/* -- The conversations ---------------------------------------------------------------------------------------------------- */

/* Facts: "name|value", or the value alone; "words>" before words that are typed. Lines: "quote>" before what others wrote, "next>" before what may be typed. */
struct told {
	const char *to, *id, *state, *headline;
	const char *facts[9];
	const char *by, *url;
	const char *lines[12];
	const char *html;               /* NULL: body says it all */
};

static const struct told conversations[] = {
	{ "alice", "B31", "passed", "web #412 in 3 min 48 s", { NULL }, NULL, "https://ci.corp.example/job/web/412/", { NULL },
		"<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: <strong>B31 passed</strong>: web #412 in 3 min 48 s "
		"<a href=\"https://ci.corp.example/job/web/412/\">ci.corp.example</a></p>" },
	{ NULL, "B31", "running", "web #412", { "target=staging", "step 3 of 5 test", "62%", "about 1 min left" }, "alice", "https://ci.corp.example/job/web/412/",
		{ NULL },
		"<p><strong>B31 running</strong>: web #412, target=staging, step 3 of 5 test, 62%, about 1 min left (alice) "
		"<a href=\"https://ci.corp.example/job/web/412/\">ci.corp.example</a></p>" },
	{ "alice", "B32", "failed", "web #413", { "step test", "after 2 min 14 s" }, NULL, "https://ci.corp.example/job/web/413/",
		{ "quote>cc -o test_cart test_cart.c", "quote>test_cart.c:88: expected 3, got 2", "next>!log B32 the error, !retry B32" },
		"<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: <strong>B32 failed</strong>: web #413, step test, after 2 min 14 s "
		"<a href=\"https://ci.corp.example/job/web/413/\">ci.corp.example</a></p>"
		"<pre><code>cc -o test_cart test_cart.c\ntest_cart.c:88: expected 3, got 2</code></pre><p><code>!log B32</code> the error, <code>!retry B32</code></p>" },
	{ NULL, "B32", "failed", "web #413", { "step test", "the last 3 of 204 lines" }, NULL, "https://ci.corp.example/job/web/413/",
		{ "quote>cc -o test_cart test_cart.c", "quote>  in <cart.h>", "quote>test_cart.c:88: expected 3, got 2" },
		"<p><strong>B32 failed</strong>: web #413, step test, the last 3 of 204 lines "
		"<a href=\"https://ci.corp.example/job/web/413/\">ci.corp.example</a></p><pre>"
		"<code>cc -o test_cart test_cart.c\n  in &lt;cart.h&gt;\ntest_cart.c:88: expected 3, got 2</code></pre>" },
	{ NULL, NULL, NULL, "disk-free, 3 rows:", { NULL }, NULL, NULL, { "host   mount   free     used", "db1    /var    11 GB    93%", "nas1   /       1.4 TB    2%" },
		"<p>disk-free, 3 rows:</p><pre><code>host   mount   free     used\ndb1    /var    11 GB    93%\nnas1   /       1.4 TB    2%</code></pre>" },
	{ NULL, NULL, NULL, "2 builds of ci:", { NULL }, NULL, NULL, { "B31 running: web #412, about 4 min (alice)", "B33 queued: shop, 2 before it (carol)" },
		"<p>2 builds of ci:</p><ul><li><strong>B31 running</strong>: web #412, about 4 min (alice)</li><li><strong>B33 queued"
		"</strong>: shop, 2 before it (carol)</li></ul>" },
	{ "alice", NULL, NULL, "here you may", { "words>look|status log list mine", "words>change|build" }, NULL, NULL,
		{ "Services: ci lab. !help VERB how to use it, !help SERVICE what it has, !why COMMAND what decides." },
		"<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: here you may</p><ul><li><strong>look</strong>: <code>status</code> "
		"<code>log</code> <code>list</code> <code>mine</code></li><li><strong>change</strong>: <code>build</code></li></ul>"
		"<p>Services: ci lab. <code>!help VERB</code> how to use it, <code>!help SERVICE</code> what it has, <code>!why COMMAND"
		"</code> what decides.</p>" },
	{ "carol", NULL, NULL, "here you may", { "words>look|status" }, NULL, NULL, { NULL },
		"<p><a href=\"https://matrix.to/#/@carol:corp.example\">carol</a>: here you may</p><ul><li><strong>look</strong>: <code>status</code></li></ul>" },
	{ NULL, NULL, NULL, "!build JOB [KEY=VALUE ...] [--dry-run] starts a build and follows it. Example: !build web | On ci", { NULL }, NULL, NULL, { NULL },
		"<p><code>!build JOB [KEY=VALUE ...] [--dry-run]</code> starts a build and follows it. Example: <code>!build web</code> | On ci</p>" },
	{ "carol", NULL, NULL, "refused: deploy in ops needs the role deployer; you are carol by hq/@carol:corp.example with developer and sre. !why deploy web prod",
		{ NULL }, NULL, NULL, { NULL },
		"<p><a href=\"https://matrix.to/#/@carol:corp.example\">carol"
		"</a>: refused: deploy in ops needs the role deployer; you are carol by hq/@carol:corp.example with developer and sre. "
		"<code>!why deploy web prod</code></p>" },
	{ "alice", NULL, NULL, "web is on ci and on lab. Which? !ci build web or !lab build web", { NULL }, NULL, NULL, { NULL },
		"<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: web is on ci and on lab. Which? <code>!ci build web</code> or "
		"<code>!lab build web</code></p>" },
	{ "alice", NULL, NULL, "web needs target, staging or prod. Try !ci build web target=staging (nothing started)", { NULL }, NULL, NULL, { NULL },
		"<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: web needs target, staging or prod. Try "
		"<code>!ci build web target=staging</code> (nothing started)</p>" },
	{ "bob", "A7", "firing", "critical DiskWillFill db1:/var", { "93% full", "4 h left", "On it|nobody", "!ack A7" }, NULL, "https://graf.corp.example/d/1", { NULL },
		"<p><a href=\"https://matrix.to/#/@bob:corp.example\">bob</a>: <strong>A7 firing</strong>: critical DiskWillFill db1:/var "
		"<a href=\"https://graf.corp.example/d/1\">graf.corp.example</a></p><ul><li>93% full</li><li>4 h left</li><li><strong>On it"
		"</strong>: nobody</li><li><code>!ack A7</code></li></ul>" },
	{ NULL, NULL, NULL, "[backup] nightly backup took 3 h 12 min, the limit is 2 h", { "Host|nas1", "Size|1.4 TB" }, NULL, "https://nas1.corp.example/jobs/88", { NULL },
		"<p><strong>[backup]</strong> nightly backup took 3 h 12 min, the limit is 2 h "
		"<a href=\"https://nas1.corp.example/jobs/88\">nas1.corp.example</a></p><ul><li><strong>Host</strong>: nas1</li><li><strong>Size"
		"</strong>: 1.4 TB</li></ul>" },
	{ NULL, NULL, NULL, "pong", { NULL }, NULL, NULL, { NULL }, NULL },
	{ NULL, NULL, NULL, "Up 12 days, 1.0.2", { "corp ok (2 s ago)", "hq away since 14:32 (2 min): HTTP 502 from https://corp.example, next try in 12 s", "14 rooms", "3 followed",
		"9 unsaid, the oldest 2 min", "ci ok (4 s ago)", "jira not answering since 14:10 (22 min), last answer 14:09" }, NULL, NULL, { NULL },
		"<p>Up 12 days, 1.0.2</p><ul><li>corp ok (2 s ago)</li>"
		"<li>hq away since 14:32 (2 min): HTTP 502 from https://corp.example, next try in 12 s</li><li>14 rooms</li><li>3 followed</li>"
		"<li>9 unsaid, the oldest 2 min</li><li>ci ok (4 s ago)</li><li>jira not answering since 14:10 (22 min), last answer 14:09</li></ul>" },
	{ "alice", "B34", "failed", "it never started; ci has no such build. Again: !retry B34", { NULL }, NULL, NULL, { NULL },
		"<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: <strong>B34 failed"
		"</strong>: it never started; ci has no such build. Again: <code>!retry B34</code></p>" },
	{ NULL, NULL, NULL, "1 mistake in sallyport.conf. The one of Fri 20 Nov stays in force", { NULL }, NULL, NULL,
		{ "sallyport.conf:17: irc \"corp\": there is no option pasword_file; did you mean password_file?" }, NULL },
};

static struct card *
made(struct arena *arena, const struct told *told)
{
	struct card *card = card_new(arena, TONE_PLAIN, "%s", told->headline);

	card_state(card, told->id, told->state);
	for (size_t i = 0; i < 9 && told->facts[i]; i++) {
		bool words = !strncmp(told->facts[i], "words>", 6);
		const char *fact = told->facts[i] + (words ? 6 : 0), *bar = strchr(fact, '|');
		const char *name = bar ? arena_slice(arena, fact, (size_t)(bar - fact)) : NULL;
		if (words)
			card_words(card, name, bar + 1);
		else
			card_fact(card, name, "%s", bar ? bar + 1 : fact);
	}
	card_url(card, told->url);
	for (size_t i = 0; i < 12 && told->lines[i]; i++)
		if (!strncmp(told->lines[i], "quote>", 6))
			card_quote(card, told->lines[i] + 6, strlen(told->lines[i] + 6), 1);
		else if (!strncmp(told->lines[i], "next>", 5))
			card->next = told->lines[i] + 5;
		else
			card_line(card, "%s", told->lines[i]);
	card->by = told->by;
	card->to = told->to;
	return card;
}

static void
test_every_answer_of_the_conversations(void **state)
{
	for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
		const struct told *told = &conversations[i];
		struct drawing drawing = fine(*state, made(*state, told), told->to ? arena_printf(*state, "@%s:corp.example", told->to) : NULL);
		if (told->html)
			assert_string_equal(drawing.html, told->html);
		else
			assert_null(drawing.html);
	}
}

static void
test_what_needs_no_formatting_has_none(void **state)
{
	struct drawing drawing = fine(*state, card_new(*state, TONE_PLAIN, "pong"), NULL);

	assert_string_equal(drawing.body, "pong");
	assert_null(drawing.html);
}

static void
test_the_short_one_is_one_line(void **state)
{
	struct card *card = card_new(*state, TONE_BAD, "web #413");
	char *longer = arena_take(*state, 101);

	card_state(card, "B32", "failed");
	card_fact(card, NULL, "step test");
	card_fact(card, "Owner", "team-shop");
	card_fact(card, NULL, "%s", (const char *)memset(longer, 'x', 100));
	card_url(card, "https://ci.corp.example/job/web/413/");
	card_line(card, "more");
	card_quote(card, "error", 5, 1);
	card->to = card->by = "alice";
	struct drawing drawing = draw_ring(*state, card, "!", "@alice:corp.example");
	assert_fine(*state, drawing);
	assert_string_equal(drawing.body, "alice: B32 failed: web #413, step test");
	assert_string_equal(drawing.html, "<p><a href=\"https://matrix.to/#/@alice:corp.example\">alice</a>: <strong>B32 failed</strong>: web #413, step test</p>");
}

static void
test_only_columns_are_a_block(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "lines:");

	card_line(card, "a  b");
	assert_string_equal(fine(*state, card, NULL).body, "lines:\na  b");
	assert_null(fine(*state, card, NULL).html);
	card_line(card, "plain words");
	card_line(card, "  and these");
	card_line(card, "c  d");
	assert_string_equal(fine(*state, card, NULL).html, "<p>lines:</p><ul><li>a  b</li><li>plain words</li><li>  and these</li><li>c  d</li></ul>");
	card_line(card, "e  f");
	assert_string_equal(fine(*state, card, NULL).html, "<p>lines:</p><pre><code>a  b\nplain words\n  and these\nc  d\ne  f</code></pre>");
}

static void
test_a_source_in_brackets_is_strong_where_it_says_something_by_itself(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "[lab] web #4 failed");

	assert_string_equal(fine(*state, card, NULL).html, "<p><strong>[lab]</strong> web #4 failed</p>");
	card_state(card, "B4", "failed");
	assert_string_equal(fine(*state, card, NULL).html, "<p><strong>B4 failed</strong>: [lab] web #4 failed</p>");
}

/* -- What is to be typed -------------------------------------------------------------------------------------------------- */

static void
test_what_is_to_be_typed_is_code_and_nothing_else(void **state)
{
	static const struct { const char *sentence, *html; } rows[] = {
		{ "refused: paused. !resume ends it", "refused: paused. <code>!resume</code> ends it" },
		{ "there is no biuld. Did you mean !build web", "there is no biuld. Did you mean <code>!build web</code>" },
		{ "there is no x here. !help shows what there is", "there is no x here. <code>!help</code> shows what there is" },
		{ "it is !more, !more dm for all of it in private, or !more file",
			"it is <code>!more</code>, <code>!more dm</code> for all of it in private, or <code>!more file</code>" },
		{ "expected 3 | !log B32 the error, !retry B32", "expected 3 | <code>!log B32</code> the error, <code>!retry B32</code>" },
		{ "web has no job x. !ci list shows them", "web has no job x. <code>!ci list</code> shows them" },
		{ "B3 is still running; !stop B3 ends it", "B3 is still running; <code>!stop B3</code> ends it" },
		{ "Needs 1 other: !approve K7MQ-2XWD or !deny K7MQ-2XWD REASON", "Needs 1 other: <code>!approve K7MQ-2XWD</code> or <code>!deny K7MQ-2XWD REASON</code>" },
		{ "1 look at the folders (!step 1) | 2 rotate", "1 look at the folders (<code>!step 1</code>) | 2 rotate" },
		{ "!rotate HOST [--dry-run] rotates its logs", "<code>!rotate HOST [--dry-run]</code> rotates its logs" },
		{ "allowed. !yes within 60 s makes it so", "allowed. <code>!yes</code> within 60 s makes it so" },
		{ "nothing of ci. !why ci list tells what is missing", "nothing of ci. <code>!why ci list</code> tells what is missing" },
		{ "!build job=web.git: now", "<code>!build job=web.git</code>: now" },
		{ "!log ID|JOB [LINES] shows it. Example: !log B3", "<code>!log ID|JOB [LINES]</code> shows it. Example: <code>!log B3</code>" },
		{ "wow! that is !1 and a!b, x != y, ! and !!", NULL },
		{ "!", NULL }, { "", NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct card *card = card_new(*state, TONE_PLAIN, "%s", rows[i].sentence);
		struct drawing drawing = draw_card(*state, card, "!", 0, NULL);
		if (rows[i].html)
			assert_string_equal(drawing.html, arena_printf(*state, "<p>%s</p>", rows[i].html));
		else
			assert_null(drawing.html);
	}
}

static void
test_the_prefix_is_the_configured_one(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "wow!yes !no. Try sally.build web");

	assert_string_equal(draw_card(*state, card, "sally.", 0, NULL).html, "<p>wow!yes !no. Try <code>sally.build web</code></p>");
	assert_null(draw_card(*state, card, "", 0, NULL).html);
	assert_null(draw_card(*state, card, NULL, 0, NULL).html);
}

/* -- What is too much ----------------------------------------------------------------------------------------------------- */

static struct card *
many_lines(struct arena *arena, size_t count)
{
	struct card *card = card_new(arena, TONE_PLAIN, "the lines:");

	for (size_t i = 0; i < count; i++)
		if (i % 7 == 3)
			card_line(card, "line %zu.%*s", i, 450, "is long");
		else
			card_line(card, "line %zu.", i);
	for (size_t i = 0; i < count; i++)
		card_quote(card, arena_printf(arena, "quote %zu.", i), strlen(arena_printf(arena, "quote %zu.", i)), 1);
	card->more = "!more";
	return card;
}

static size_t
times(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text++)
		count++;
	return count;
}

static void
test_page_after_page_shows_each_line_once(void **state)
{
	struct card *card = many_lines(*state, 20);
	struct text all = text_in(*state, 1 << 20);
	bool left = true;
	size_t pages = 0;

	for (; left; pages++) {
		struct drawing drawing = fine(*state, card, NULL);
		size_t shown = card_shown(card, 10, &left);
		struct lines irc = card_lines(*state, card, CARD_WIDTH, 10);
		/* The count is the same as where it is drawn in lines. */
		assert_int_equal(left, strstr(drawing.body, irc.each[irc.count - 1]) != NULL && times(drawing.body, "Next: !more") == 1);
		/* And so is what the page shows, but for a line that goes on from the page before. */
		for (size_t i = 0; i + left < irc.count; i++)
			if (!strncmp(irc.each[i], "line ", 5) || !strncmp(irc.each[i], "| quote ", 8))
				assert_non_null(strstr(drawing.body, arena_slice(*state, irc.each[i] + 2 * (*irc.each[i] == '|'), strcspn(irc.each[i], ".") - 2)));
		text_add(&all, drawing.body);
		card->skip += shown;
	}
	assert_true(pages > 3);
	assert_int_equal(times(all.bytes, "the lines:"), 1);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(times(all.bytes, arena_printf(*state, "line %zu.", i)), 1);
		assert_int_equal(times(all.bytes, arena_printf(*state, "quote %zu.", i)), 1);
	}
}

static void
test_what_was_left_out_is_said(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "log of web");

	card_state(card, "B31", NULL);
	card_quote(card, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", 27, 20);
	assert_string_equal(fine(*state, card, NULL).html, "<p><strong>B31</strong>: log of web</p><pre><code>1\n2\n3\n4\n5\n6\n7\n8</code></pre><p>and 4 more lines</p>");
	card->more = "!more";
	assert_string_equal(fine(*state, card, NULL).html, "<p><strong>B31</strong>: log of web</p><pre><code>1\n2\n3\n4\n5\n6\n7\n8</code></pre>"
		"<p>9 of 13 lines. Next: <code>!more</code>, all in private: <code>!more dm</code></p>");
	card->skip = 9;
	assert_string_equal(fine(*state, card, NULL).html, "<p><strong>B31</strong></p><pre><code>9\n10\n11\n12</code></pre>");
	card->skip = 13;
	assert_string_equal(fine(*state, card, NULL).body, "B31");
	card->id = NULL;
	assert_string_equal(fine(*state, card, NULL).body, "That was all");
}

static void
test_more_than_a_message_may_hold_is_cut_at_a_line_and_that_is_said(void **state)
{
	static const char *const worst[] = { "\"", "\\", "<", "!a ", "x" };

	for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
		struct card *card = card_new(*state, TONE_PLAIN, "%s", "x");
		struct text text = text_in(*state, 4000);
		while (!text.cut)
			text_add(&text, worst[i]);
		for (unsigned j = 0; j < 90; j++) {
			card_fact(card, j % 2 ? "Host" : NULL, "%s", text.bytes);
			card_line(card, "%u: %s", j, text.bytes);
			card_quote(card, text.bytes, text.length, 1);
		}
		card_state(card, "B1", "failed");
		card->headline = text.bytes;
		card->most = 4000;
		assert_non_null(strstr(fine(*state, card, NULL).body, "\nWhat else there is would be too long for one message"));
		assert_fine(*state, draw_ring(*state, card, "!", NULL));
	}
}

static void
test_a_hundred_rows_of_a_table_fit(void **state)
{
	struct card *card = card_new(*state, TONE_PLAIN, "disk-free, 99 rows:");

	for (unsigned i = 0; i < 99; i++)
		card_line(card, "%-40s  %20u  %6u%%", "a-host-with-a-rather-long-name", i, i);
	card->most = 100;
	assert_non_null(strstr(fine(*state, card, NULL).body, "98      98%"));
}

/* -- Threats: O3 ---------------------------------------------------------------------------------------------------------- */

static const char *const hostile[] = {
	"<img src=x onerror=alert(1)>", "<img onerror=\"x\">", "javascript:alert(1)", "</mx-reply>", "<mx-reply>", "</p></ul></pre>", "<strong>", "</strong>", "<a href=\"https://evil.example\">",
	"<a href='javascript:alert(1)'>", "data:text/html,<script>x</script>", "\"", "'", "\" onclick=\"x", "<", ">", "&", "&lt;", "&#60;", "&amp", "@room", "@alice:corp.example",
	"https://matrix.to/#/@alice:corp.example", "[alice](https://matrix.to/#/@alice:corp.example)", "`code`", "**bold**", "<!--", "-->", "<![CDATA[", "<script>", "<p/>", "< p>", "<P>",
	"\n", "\r\n", "\t", "\x1b[31m", "\x03" "04", "\x01", "\x7f", "\xc2\x85", "\xe2\x80\xae", "\xe2\x80\x8b", "\xed\xa0\x80", "\xff", "\xc0\xaf", "\xf4\x90\x80\x80", "caf\u00e9", "\u2705",
	"!retry B32", "!rm -rf /", "!help VERB how", " | ", ", ", ". ", ": ", "  ", " ", "(", ")", "B31 passed: ", "[backup] ", "- ", "\\", "\\u0000", "x", "web", "a b  c",
};

enum { HOSTILE = sizeof hostile / sizeof *hostile };

static void
test_markup_of_others_is_text_wherever_it_stands(void **state)
{
	for (size_t i = 0; i < HOSTILE; i++) {
		struct card *card = card_new(*state, TONE_PLAIN, "says %s.", hostile[i]);
		card_fact(card, hostile[i], "%s", hostile[i]);
		card_fact(card, NULL, "%s", hostile[i]);
		card_line(card, "%s.", hostile[i]);
		card_line(card, "%s.", hostile[i]);
		card_quote(card, hostile[i], strlen(hostile[i]), 3);
		card_url(card, hostile[i]);
		card->to = card->by = hostile[i];
		card_state(card, hostile[i], hostile[i]);
		struct drawing drawing = fine(*state, card, hostile[i]);
		assert_int_equal(times(drawing.html, "<a "), !strcmp(hostile[i], "@alice:corp.example"));
		assert_fine(*state, draw_ring(*state, card, "!", hostile[i]));
	}
}

static void
test_only_an_address_of_the_web_is_a_link(void **state)
{
	static const struct { const char *url, *href; } rows[] = {
		{ "javascript:alert(1)", NULL }, { "data:text/html,x", NULL }, { "https://user:word@host/", NULL }, { "https://a b/", NULL }, { "https://a/\nx", NULL },
		{ "mailto:alice@corp.example", NULL }, { "//ci.corp.example/", NULL }, { "matrix:u/alice:corp.example", NULL }, { "https://\"onclick=x/", NULL },
		{ "https://ci.corp.example:8443/?a=\"><b>'&c", "<a href=\"https://ci.corp.example:8443/?a=&quot;&gt;&lt;b&gt;&#39;&amp;c\">ci.corp.example</a>" },
		{ "HTTP://CI.corp.example", "<a href=\"HTTP://CI.corp.example\">ci.corp.example</a>" },
		{ "http://[::1]:8010/#/builders/1", "<a href=\"http://[::1]:8010/#/builders/1\">[::1]</a>" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct card *card = card_new(*state, TONE_PLAIN, "see");
		card->url = rows[i].url;        /* as if nobody had looked before */
		struct drawing drawing = fine(*state, card, NULL);
		if (rows[i].href)
			assert_string_equal(drawing.html, arena_printf(*state, "<p>see %s</p>", rows[i].href));
		else
			assert_null(drawing.html);
	}
}

static void
test_only_who_is_addressed_is_a_mention(void **state)
{
	static const char *const nobody[] = { "", "alice", "@alice", "@:x", "@a:", "#room:corp.example", "@a\n:x", "hq/@alice:corp.example" };
	struct card *card = card_new(*state, TONE_PLAIN, "@bob:corp.example and @room: look");

	card->to = "alice";
	assert_string_equal(fine(*state, card, "@a\"<b>/:corp.example:8448").html,
		"<p><a href=\"https://matrix.to/#/@a%22%3Cb%3E%2F:corp.example%3A8448\">alice</a>: @bob:corp.example and @room: look</p>");
	for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
		assert_null(fine(*state, card, nobody[i]).html);
}

/* -- Threats: chance ------------------------------------------------------------------------------------------------------ */

static uint64_t
chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static const char *
words(struct arena *arena, uint64_t *seed)
{
	struct text text = text_in(arena, 6000);
	size_t most = chance(seed) % 50 ? 6 : 600;

	for (size_t i = chance(seed) % most; i > 0; i--)
		text_add(&text, hostile[chance(seed) % HOSTILE]);
	return text.bytes;
}

static const char *
sometimes(struct arena *arena, uint64_t *seed)
{
	return chance(seed) % 3 ? words(arena, seed) : NULL;
}

static struct card *
any_card(struct arena *arena, uint64_t *seed)
{
	struct card *card = card_new(arena, TONE_PLAIN, "%s", words(arena, seed));

	card_state(card, sometimes(arena, seed), sometimes(arena, seed));
	for (size_t i = chance(seed) % 6; i > 0; i--)
		card_fact(card, sometimes(arena, seed), "%s", words(arena, seed));
	for (size_t i = chance(seed) % 4 ? 0 : chance(seed) % 15; i > 0; i--)
		card_line(card, "%s", words(arena, seed));
	for (size_t i = chance(seed) % 4 ? 0 : chance(seed) % 15; i > 0; i--) {
		const char *quote = words(arena, seed);
		card_quote(card, quote, strlen(quote), 3);
	}
	card->url = chance(seed) % 3 ? NULL : chance(seed) % 2 ? words(arena, seed) : arena_printf(arena, "https://ci.corp.example/%s", words(arena, seed));
	card->by = sometimes(arena, seed);
	card->to = sometimes(arena, seed);
	card->more = chance(seed) % 2 ? "!more" : sometimes(arena, seed);
	card->next = sometimes(arena, seed);
	card->skip = chance(seed) % 3 ? 0 : chance(seed) % 20;
	card->most = chance(seed) % 3 ? 0 : chance(seed) % 100;
	return card;
}

static void
test_twenty_thousand_cards_of_chance(void **state)
{
	const char *wanted = getenv("SALLYPORT_SEED");
	uint64_t seed = wanted ? strtoull(wanted, NULL, 10) : 1;

	(void)state;
	print_message("SALLYPORT_SEED=%llu\n", (unsigned long long)seed);
	seed = seed * 0x9e3779b97f4a7c15 | 1;
	for (size_t i = 0; i < 20000; i++) {
		struct arena *arena = arena_new();
		const struct card *card = any_card(arena, &seed);
		const char *to = chance(&seed) % 2 ? "@alice:corp.example" : sometimes(arena, &seed);
		assert_fine(arena, draw_card(arena, card, "!", chance(&seed) % 20, to));
		if (*card->headline)
			assert_fine(arena, draw_ring(arena, card, "!", to));
		arena_free(arena);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int
main(void)
{
	const struct CMUnitTest stories[] = {
		TEST(test_every_answer_of_the_conversations),
		TEST(test_what_needs_no_formatting_has_none),
		TEST(test_the_short_one_is_one_line),
		TEST(test_only_columns_are_a_block),
		TEST(test_a_source_in_brackets_is_strong_where_it_says_something_by_itself),
		TEST(test_what_is_to_be_typed_is_code_and_nothing_else),
		TEST(test_the_prefix_is_the_configured_one),
		TEST(test_page_after_page_shows_each_line_once),
		TEST(test_what_was_left_out_is_said),
		TEST(test_more_than_a_message_may_hold_is_cut_at_a_line_and_that_is_said),
		TEST(test_a_hundred_rows_of_a_table_fit),
		TEST(test_markup_of_others_is_text_wherever_it_stands),
		TEST(test_only_an_address_of_the_web_is_a_link),
		TEST(test_only_who_is_addressed_is_a_mention),
		cmocka_unit_test(test_twenty_thousand_cards_of_chance),
	};

	return cmocka_run_group_tests(stories, NULL, NULL);
}
