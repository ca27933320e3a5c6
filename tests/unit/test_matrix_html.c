/* Tests of formatted_body: what clients send, what nobody should, and what we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "protocols/matrix/html.h"
#include "tests/unit/styled_shown.h"

struct row {
	const char *html, *shown;
};

static void
expect_each(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		const struct styled *styled = html_read(arena, rows[i].html, strlen(rows[i].html), false);
		assert_string_equal(styled_shown(arena, styled), rows[i].shown);
		arena_free(arena);
	}
}

#define EXPECT(rows) expect_each(rows, sizeof rows / sizeof *rows)

static void
test_what_clients_send(void **state)
{
	static const struct row rows[] = {
		/* A markdown writer's output, as Element has it. */
		{ "is <strong>db1</strong> <em>really</em> up?", "[is ]b[db1][ ]i[really][ up?]" },
		{ "<p>first</p>\n<p>second<br />\nline</p>\n", "[first\n\nsecond\nline]" },
		{ "<p>try:</p>\n<ul>\n<li>one</li>\n<li>two <code>x</code></li>\n</ul>\n", "[try:\n- one\n- two ]c[x]" },
		{ "<ol start=\"3\">\n<li>three</li>\n<li>\n<p>four</p>\n</li>\n</ol>\n", "[3. three\n4. four]" },
		{ "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n<li>c</li>\n</ul>", "[- a\n  - b\n- c]" },
		{ "<pre><code class=\"language-c\">int x;\n\n  x++;\n</code></pre>\n", "c[int x;\n\n  x++;]" },
		{ "<p>see</p>\n<pre><code>a\nb\n</code></pre>\n<p>there</p>\n", "[see\n]c[a\nb][\nthere]" },
		{ "<blockquote>\n<p>is it up?</p>\n</blockquote>\n<p>yes</p>\n", "[> is it up?\nyes]" },
		{ "<h1>Plan</h1>\n<p>none</p>", "b[Plan][\n\nnone]" },
		{ "<del>old</del> new <u>now</u>", "s[old][ new ]u[now]" },
		{ "<a href=\"https://matrix.to/#/@bob:corp.example\">Bob</a>: ping", "[Bob]{@bob:corp.example}[: ping]" },
		{ "<a href=\"https://matrix.to/#/%40bob%3Acorp.example\">bob</a>", "[bob]{@bob:corp.example}" },
		{ "<a href=\"https://matrix.to/#/!r:corp.example/$e?via=corp.example\">there</a>",
			"[there](https://matrix.to/#/!r:corp.example/$e?via=corp.example)" },
		{ "<span data-mx-spoiler>butler <b>did</b> <span>it</span></span> ok", "[[spoiler] ok]" },
		{ "<span data-mx-spoiler=\"the end\">butler</span>", "[[spoiler]]" },
		{ "<span data-mx-color=\"#ff0000\">red</span> <font color=\"red\">too</font>", "[red too]" },
		{ "<span data-mx-maths=\"x^2\"><code>x^2</code></span>", "c[x^2]" },
		{ "<img data-mx-emoticon height=\"32\" src=\"mxc://corp.example/x\" alt=\":party:\" title=\":party:\"> yes", "[:party: yes]" },
		/* A reply, with what stands in for it where replies are not known. */
		{ "<mx-reply><blockquote><a href=\"https://matrix.to/#/!r:hs/$e\">In reply to</a> <a href=\"https://matrix.to/#/@bob:hs\">@bob:hs</a><br>is db1 up?"
			"</blockquote></mx-reply>yes", "[yes]" },
		/* nheko: self-closing tags, links by themselves. */
		{ "<p>look at <a href=\"https://ci.example/job/1\">https://ci.example/job/1</a><br/>done</p>",
			"[look at ][https://ci.example/job/1](https://ci.example/job/1)[\ndone]" },
		{ "<p><em>a <strong>b</strong> c</em></p>", "i[a ]bi[b]i[ c]" },
		/* FluffyChat: text with line ends and no paragraphs. */
		{ "one<br/>two<br/><br/>three &amp; four", "[one\ntwo\n\nthree & four]" },
		{ "see https://ci.example/?a=1&amp;b=2.", "[see ][https://ci.example/?a=1&b=2](https://ci.example/?a=1&b=2)[.]" },
		{ "<table><thead><tr><th>host</th><th>disk</th></tr></thead>\n<tbody><tr>\n<td>db1</td>\n<td>93%</td></tr><tr><td>db2<td></table>after",
			"b[host][ | ]b[disk][\ndb1 | 93%\ndb2 | \nafter]" },
		{ "<details><summary>log</summary>it failed</details>", "b[log][\nit failed]" },
		{ "10<sup>6</sup> H<sub>2</sub>O", "[10^6 H_2O]" },
		{ "a<hr>b", "[a\n---\nb]" },
		{ "<a href=\"mailto:ops@example.org\"><b>write</b> us</a>", "b[write](mailto:ops@example.org)[ us](mailto:ops@example.org)" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_what_nobody_should_send(void **state)
{
	static const struct row rows[] = {
		{ "", "" }, { "<", "[<]" }, { "a < b <3 <- x", "[a < b <3 <- x]" }, { "<b", "[<b]" }, { "a <b c=\"d", "[a <b c=\"d]" },
		{ "<b>never closed", "b[never closed]" }, { "closed</b></p></li> twice</b>", "[closed twice]" }, { "<b><i>x</b>y</i>z", "bi[x][yz]" },
		{ "<B>LOUD</B>", "b[LOUD]" }, { "<b/>x", "b[x]" }, { "<marquee>old <blink>words</blink></marquee>", "[old words]" },
		{ "a<script>alert('</b>')</script>b<style>p{}</STYLE>c", "[abc]" }, { "a<script>alert(1)", "[a]" }, { "<mx-reply>old", "" },
		{ "a<!-- <b> -->b<!doctype x>c<?php ?>d", "[abcd]" }, { "a<!-- b", "[a]" },
		{ "<a href=\"javascript:alert(1)\">x</a> <a href='data:text/html,y'>y</a> <a name=z>z</a> <a href=>w</a>", "[x y z w]" },
		{ "<a href=\"https://x.example/&quot;onclick=&quot;\">x</a>", "[x]" }, { "<a href=https://x.example/a>x</a>", "[x](https://x.example/a)" },
		{ "<a href=\" https://x.example\">x</a>", "[x]" }, { "<a title=\"href=https://y.example\" href=\"https://x.example\">x</a>", "[x](https://x.example)" },
		{ "<a href=\"https://a.example\" href=\"https://b.example\">x</a>", "[x](https://a.example)" },
		{ "<a href=\"https://matrix.to/#/@bad\">x</a>", "[x](https://matrix.to/#/@bad)" }, { "<a href=\"https://matrix.to/#/@a%20b:hs\">x</a>", "[x]" },
		{ "<a href=\"https://matrix.to/#/@a%0aQUIT:hs\">x</a>", "[x]" }, { "<a href=\"matrix:u/bob:hs?action=chat\">x</a>", "[x]{@bob:hs}" },
		{ "<a href=\"https://matrix.to/#/@a:hs%00x\">x</a> <a href=\"https://matrix.to/#/@%ff:hs\">y</a>",
			"[x](https://matrix.to/#/@a:hs%00x)[ ][y](https://matrix.to/#/@%ff:hs)" },
		{ "it was <span data-mx-spoiler>a<br>b<p>c</p><ul><li>d</span>, yes", "[it was [spoiler], yes]" },
		{ "<img src=x onerror=alert(1)>", "" }, { "<img alt=\"<b>&lt;i&gt;\">", "[<b><i>]" },
		{ "<ul><li></li><li>b</li></ul>c", "[- b\nc]" }, { "<li>alone", "[- alone]" }, { "<ol start=\"-99999999999\"><li>a", "[1. a]" },
		{ "<ul><li>a<li>b</ul>", "[- a\n- b]" }, { "<blockquote>a<blockquote>b</blockquote></blockquote>c", "[> a\n> > b\nc]" },
		{ "<blockquote><pre>a\nb</pre></blockquote>", "[> ]c[a][\n> ]c[b]" },
		{ "<pre>\n\nx</pre>", "c[x]" }, { "a  \n\t b <b> c</b>", "[a b ]b[c]" }, { "<b>a </b>b", "b[a ][b]" }, { "&nbsp;&nbsp;a&nbsp; b", "[  a  b]" },
		{ "<p></p><p> </p><div></div>x", "[x]" }, { "bell\x07 col\x03" "4our\x02 \x1b[31mred", "[bell colour red]" }, { "rlo\u202eevil", "[rloevil]" },
		{ "\xff\xfe", "[\ufffd\ufffd]" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_entities(void **state)
{
	static const struct row rows[] = {
		{ "&lt;b&gt; &amp; &quot;&apos;&#39;", "[<b> & \"'']" }, { "&#8364; &#x20AC; &#X20ac; &euro; &hellip;", "[\u20ac \u20ac \u20ac \u20ac \u2026]" },
		{ "&amp;lt;", "[&lt;]" }, { "a & b &c; &; &# &#; &#x; &#xg; &#0; &#xd800; &#x110000; &#99999999999999;",
			"[a & b &c; &; &# &#; &#x; &#xg; &#0; &#xd800; &#x110000; &#99999999999999;]" },
		{ "&am&amp;p;", "[&am&p;]" }, { "x&#2;y&#10;z&#x1b;[31mw", "[xy zw]" }, { "&amp", "[&amp]" }, { "&#x1F600;", "[\U0001f600]" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_too_deep_keeps_its_text_and_hides_its_spoilers(void **state)
{
	struct arena *arena = arena_new();
	struct text html = text_in(arena, 1 << 20);

	(void)state;
	for (int i = 0; i < 5000; i++)
		text_add(&html, i % 2 ? "<b>" : "<blockquote>");
	text_add(&html, "<span data-mx-spoiler>butler</span> deep");
	for (int i = 0; i < 5000; i++)
		text_add(&html, i % 2 ? "</blockquote>" : "</b>");
	text_add(&html, "<p>after");
	const char *words = styled_words(arena, html_read(arena, html.bytes, html.length, false));
	assert_null(strstr(words, "butler"));
	assert_non_null(strstr(words, "[spoiler]"));
	arena_free(arena);
}

/* Where an answer took quadratic time it would take minutes. */
static void
test_what_is_meant_to_cost_time_does_not(void **state)
{
	static const char *const parts[] = { "<", "<a", "<a b=\"", "<a b='\"", "<!--", "<![", "&", "&#", "&amp", "<li>", "<td>", "<ul>", "<br>", "</p>", "<script", "<mx-reply",
		"<p>x", "<b>x</b>y", "<a href=\"https://", "http://", " ", "\n", "<pre>\n", "<blockquote>x", "\u00a0 " };

	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct arena *arena = arena_new();
		struct text html = text_in(arena, STYLED_TEXT_MOST - 10);
		while (!html.cut)
			text_add(&html, parts[i]);
		const struct styled *styled = html_read(arena, html.bytes, html.length, false);
		assert_true(styled->bytes <= STYLED_TEXT_MOST && styled->count <= STYLED_SPANS_MOST);
		assert_true(arena_size(arena) < 64u << 20);
		arena_free(arena);
	}
}

/* -- Writing ---------------------------------------------------------------------------------------------------------- */

static void
say(struct styled *styled, unsigned style, const char *url, const char *account, const char *text)
{
	const struct span how = { .style = style, .url = url, .account = account };

	styled_add(styled, &how, text, strlen(text));
}

static void
test_what_we_write(void **state)
{
	static const struct { unsigned style; const char *url, *account, *text, *formatted; } rows[] = {
		{ 0, NULL, NULL, "plain <b>", NULL },
		{ 0, NULL, NULL, "two\nlines", NULL },
		{ 0, "https://ci.example/", NULL, "https://ci.example/", NULL },
		{ STYLE_BOLD, NULL, NULL, "<img src=x onerror=alert(1)>", "<strong>&lt;img src=x onerror=alert(1)&gt;</strong>" },
		{ STYLE_ALL & ~STYLE_CODE, NULL, NULL, "all", "<strong><em><u><del>all</del></u></em></strong>" },
		{ STYLE_ITALIC, NULL, NULL, "a\n\n  b  c", "<em>a<br><br>\u00a0 b\u00a0 c</em>" },
		{ STYLE_CODE, NULL, NULL, "a && b", "<code>a &amp;&amp; b</code>" },
		{ STYLE_CODE | STYLE_BOLD, NULL, NULL, "a\n  </mx-reply>", "<pre><code>a\n  &lt;/mx-reply&gt;</code></pre>" },
		{ 0, "https://ci.example/?a=1&b='2'", NULL, "here", "<a href=\"https://ci.example/?a=1&amp;b=&#39;2&#39;\">here</a>" },
		{ 0, NULL, "@bob:corp.example", "Bob", "<a href=\"https://matrix.to/#/@bob:corp.example\">Bob</a>" },
		{ 0, NULL, "@b/o\"b:corp.example:8448", "Bob", "<a href=\"https://matrix.to/#/@b%2Fo%22b:corp.example%3A8448\">Bob</a>" },
		{ 0, NULL, "bob", "Bob", "Bob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new();
		struct styled *styled = styled_new(arena, false);
		say(styled, rows[i].style, rows[i].url, rows[i].account, rows[i].text);
		const struct html_message message = html_write(arena, styled, 60000);
		if (rows[i].formatted)
			assert_string_equal(message.formatted, rows[i].formatted);
		else
			assert_null(message.formatted);
		arena_free(arena);
	}
}

static void
test_a_message_with_everything(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);

	(void)state;
	styled_add_name(styled, STYLE_BOLD, "bob");
	say(styled, 0, NULL, NULL, " (IRC): see\n");
	say(styled, STYLE_CODE, NULL, NULL, "a\nb");
	say(styled, 0, NULL, NULL, "\nat ");
	say(styled, 0, "https://ci.example/1", NULL, "the build");
	const struct html_message message = html_write(arena, styled, 60000);
	assert_string_equal(message.body, "b\u2060ob (IRC): see\na\nb\nat the build (https://ci.example/1)");
	assert_string_equal(message.formatted, "<strong>b\u2060ob</strong> (IRC): see<pre><code>a\nb</code></pre>at <a href=\"https://ci.example/1\">the build</a>");
	const struct styled *back = html_read(arena, message.formatted, strlen(message.formatted), false);
	assert_string_equal(styled_shown(arena, back), "b[bob][ (IRC): see\n]c[a\nb][\nat ][the build](https://ci.example/1)");
	arena_free(arena);
}

static void
test_what_does_not_fit_an_event_is_cut_at_a_word(void **state)
{
	struct arena *arena = arena_new();
	struct styled *styled = styled_new(arena, false);

	(void)state;
	for (int i = 0; i < 6000; i++)
		say(styled, i % 2 ? STYLE_BOLD : 0, NULL, NULL, "<<<<<<< ");
	const struct html_message message = html_write(arena, styled, 60000);
	assert_true(strlen(message.body) + strlen(message.formatted) <= 60000);
	assert_string_equal(message.body + strlen(message.body) - 3, "...");
	arena_free(arena);
}

static void
test_what_we_wrote_reads_as_it_was(void **state)
{
	static const char *const rows[] = {
		"is <strong>db1</strong> <em>up</em>?", "a<br><br>b", "<code>x</code> and <code>y</code>", "- one<br>- two<br>&nbsp; - three", "&lt;b&gt; &amp;amp;",
		"see<pre><code>a\n\n  b</code></pre>there", "<a href=\"https://ci.example/?a=1&amp;b=2\">here</a>", "<em>a <strong>b</strong></em>",
		"<a href=\"https://matrix.to/#/@bob:corp.example\">Bob</a>: ping", "&gt; quoted<br>yes", "<u>a</u><del>b</del>", "a  <b> b </b>  c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new();
		const struct styled *first = html_read(arena, rows[i], strlen(rows[i]), true);
		const struct html_message message = html_write(arena, first, 60000);
		if (message.formatted) {
			const struct styled *again = html_read(arena, message.formatted, strlen(message.formatted), true);
			assert_string_equal(styled_shown(arena, again), styled_shown(arena, first));
			assert_true(again->emote);
		}
		arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_clients_send),
		cmocka_unit_test(test_what_nobody_should_send),
		cmocka_unit_test(test_entities),
		cmocka_unit_test(test_too_deep_keeps_its_text_and_hides_its_spoilers),
		cmocka_unit_test(test_what_is_meant_to_cost_time_does_not),
		cmocka_unit_test(test_what_we_write),
		cmocka_unit_test(test_a_message_with_everything),
		cmocka_unit_test(test_what_does_not_fit_an_event_is_cut_at_a_word),
		cmocka_unit_test(test_what_we_wrote_reads_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
