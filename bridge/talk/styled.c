/* styled: what a person said with its formatting, in no chat's own notation. */
#include "bridge/talk/styled.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/redact.h"
#include "bridge/base/url.h"

static const char left_out[] = "...", joiner[] = "\u2060", no_url[] = " \n<>\"`\\";

/* -- Spans ------------------------------------------------------------------------------------------------------------ */

static bool
same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool
same(const struct span *a, const struct span *b)
{
	return a->style == b->style && same_text(a->url, b->url) && same_text(a->account, b->account);
}

static void
begin(struct styled *styled, const struct span *how)
{
	if (styled->count == styled->size) {
		styled->size = styled->size ? 2 * styled->size : 8;
		struct span *more = arena_take(styled->arena, styled->size * sizeof *more);
		if (styled->count)
			memcpy(more, styled->spans, styled->count * sizeof *more);
		styled->spans = more;
	}
	styled->last = text_in(styled->arena, STYLED_TEXT_MOST);
	styled->spans[styled->count++] = (struct span){ .style = how->style, .url = arena_text(styled->arena, how->url),
		.account = arena_text(styled->arena, how->account) };
}

/* What is clean already. */
static void
add(struct styled *styled, const struct span *how, const char *text, size_t length)
{
	static const struct span plain = { 0 };

	if (!length || styled->cut)
		return;
	if (styled->count >= STYLED_SPANS_MOST - 1)
		how = &plain;
	if (!styled->count || !same(&styled->spans[styled->count - 1], how))
		begin(styled, how);
	size_t fits = text_fit(text, length, STYLED_TEXT_MOST - strlen(left_out) - styled->bytes);
	text_add_bytes(&styled->last, text, fits);
	styled->bytes += fits;
	styled->cut = fits < length;
	if (styled->cut)
		text_add(&styled->last, left_out);
	styled->spans[styled->count - 1].text = styled->last.bytes;
}

/* It can stand in a line, between < and >, and means the same to everybody. */
static bool
is_url(struct arena *arena, const char *url)
{
	size_t length = strlen(url);

	if (length > STYLED_URL_MOST || strpbrk(url, no_url) || !text_utf8(url, length) || strcmp(text_clean(arena, url, length), url))
		return false;
	return strncasecmp(url, "mailto:", 7) ? url_origin(arena, url) != NULL : url[7] != '\0';
}

static bool
is_account(struct arena *arena, const char *account)
{
	size_t length = strlen(account);

	return length && length <= STYLED_ACCOUNT_MOST && !strchr(account, ' ') && text_utf8(account, length)
		&& !strcmp(text_clean(arena, account, length), account);
}

static struct span
allowed(struct arena *arena, const struct span *how)
{
	return (struct span){ .style = how->style & STYLE_ALL, .url = how->url && is_url(arena, how->url) ? how->url : NULL,
		.account = how->account && is_account(arena, how->account) ? how->account : NULL };
}

struct styled *
styled_new(struct arena *arena, bool emote)
{
	struct styled *styled = arena_take(arena, sizeof *styled);

	styled->arena = arena;
	styled->emote = emote;
	return styled;
}

void
styled_add(struct styled *styled, const struct span *how, const char *text, size_t length)
{
	const struct span as = allowed(styled->arena, how);
	const char *clean = text_clean_talk(styled->arena, text, length);

	add(styled, &as, clean, strlen(clean));
}

void
styled_add_name(struct styled *styled, unsigned style, const char *name)
{
	const struct span as = { .style = style & STYLE_ALL };
	const char *shown = styled_defuse(styled->arena, text_clean(styled->arena, name, strlen(name)));

	add(styled, &as, shown, strlen(shown));
}

void
styled_append(struct styled *styled, const struct styled *more)
{
	for (size_t i = 0; i < more->count; i++)
		add(styled, &more->spans[i], more->spans[i].text, strlen(more->spans[i].text));
}

char *
styled_defuse_marked(struct arena *arena, const char *text, const bool *marks)
{
	struct text out = text_in(arena, (1 + strlen(joiner)) * strlen(text) + 1);

	for (size_t i = 0, size; text[i]; i += size) {
		for (size = 1; ((unsigned char)text[i + size] & 0xc0) == 0x80;)
			size++;
		text_add_bytes(&out, text + i, size);
		text_add(&out, marks[i] ? joiner : NULL);
	}
	return out.bytes;
}

char *
styled_defuse(struct arena *arena, const char *name)
{
	bool *marks = arena_take(arena, strlen(name) + 1);

	marks[0] = true;
	return styled_defuse_marked(arena, name, marks);
}

struct styled *
styled_defused(struct arena *arena, const struct styled *styled, const bool *marks)
{
	struct styled *defused = styled_new(arena, styled->emote);

	for (size_t i = 0; i < styled->count; i++) {
		const struct span *span = &styled->spans[i];
		char *text = styled_defuse_marked(arena, span->text, marks);
		add(defused, span, text, strlen(text));
		marks += strlen(span->text);
	}
	return defused;
}

/* -- Web addresses in the words --------------------------------------------------------------------------------------- */

/* How long the address is that begins here; 0: none does. What ends a sentence is not of it. */
static size_t
link_length(struct arena *arena, const char *at)
{
	if (strncmp(at, "http://", 7) && strncmp(at, "https://", 8))
		return 0;
	size_t length = strcspn(at, no_url);
	while (length && (strchr(".,;:!?'*_|]}", at[length - 1]) || (at[length - 1] == ')' && !memchr(at, '(', length))))
		length--;
	return length <= STYLED_URL_MOST && is_url(arena, arena_slice(arena, at, length)) ? length : 0;
}

/* The next address from `at` on. NULL: there is none. */
static const char *
find_link(struct arena *arena, const char *text, const char *at, size_t *length)
{
	while ((at = strstr(at, "http"))) {
		if ((at == text || !isalnum((unsigned char)at[-1])) && (*length = link_length(arena, at)) > 0)
			return at;
		at += strcspn(at, no_url);
	}
	return NULL;
}

void
styled_add_linked(struct styled *styled, unsigned style, const char *text, size_t length)
{
	struct arena *arena = styled->arena;
	const char *clean = text_clean_talk(arena, text, length), *from = clean, *at = clean;
	struct span as = { .style = style & STYLE_ALL };
	size_t link;

	while (!styled->cut && (at = find_link(arena, clean, at, &link))) {
		as.url = NULL;
		add(styled, &as, from, (size_t)(at - from));
		as.url = arena_slice(arena, at, link);
		add(styled, &as, at, link);
		from = at += link;
	}
	as.url = NULL;
	add(styled, &as, from, strlen(from));
}

/* -- As text ---------------------------------------------------------------------------------------------------------- */

struct styled *
styled_redacted(struct arena *arena, const struct styled *styled)
{
	struct styled *clean = styled_new(arena, styled->emote);

	for (size_t i = 0; i < styled->count; i++) {
		char *text = redact_text(arena, styled->spans[i].text);
		styled_add(clean, &styled->spans[i], text, strlen(text));
	}
	return clean;
}

char *
styled_words(struct arena *arena, const struct styled *styled)
{
	struct text words = text_in(arena, STYLED_TEXT_MOST);

	for (size_t i = 0; i < styled->count; i++)
		text_add(&words, styled->spans[i].text);
	return words.bytes;
}

/* https://ci.example/ is said by ci.example, too. */
static bool
says(const char *words, const char *url)
{
	static const char *const schemes[] = { "", "https://", "http://", "mailto:" };
	size_t length = strlen(words);

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t scheme = strlen(schemes[i]);
		if (!strncmp(url, schemes[i], scheme) && !strncmp(url + scheme, words, length)
				&& (!url[scheme + length] || !strcmp(url + scheme + length, "/")))
			return true;
	}
	return false;
}

const char *
styled_unsaid(const struct styled *styled, size_t i)
{
	const char *url = styled->spans[i].url;
	struct text words = text_in(styled->arena, STYLED_URL_MOST + 1);
	size_t first = i;

	if (!url || (i + 1 < styled->count && same_text(styled->spans[i + 1].url, url)))
		return NULL;
	while (first > 0 && same_text(styled->spans[first - 1].url, url))
		first--;
	for (; first <= i; first++)
		text_add(&words, styled->spans[first].text);
	return says(words.bytes, url) ? NULL : url;
}

char *
styled_plain(struct arena *arena, const struct styled *styled)
{
	struct text plain = text_in(arena, STYLED_TEXT_MOST + STYLED_SPANS_MOST * (STYLED_URL_MOST + 3));

	for (size_t i = 0; i < styled->count; i++) {
		const char *url = styled_unsaid(styled, i);
		text_add(&plain, styled->spans[i].text);
		if (url)
			text_printf(&plain, " (%s)", url);
	}
	return plain.bytes;
}

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\n';
}

/* How much of the words stays, where they are to be cut. */
static size_t
cut_at(const char *words, size_t most)
{
	size_t fits = text_fit(words, strlen(words), most), word = fits;

	while (word > fits / 2 && !is_blank(words[word]))
		word--;
	if (word > fits / 2)
		fits = word;
	while (fits > 0 && is_blank(words[fits - 1]))
		fits--;
	return fits;
}

struct styled *
styled_cut(struct arena *arena, const struct styled *styled, size_t most)
{
	static const struct span plain = { 0 };
	struct styled *cut = styled_new(arena, styled->emote);
	const char *words = styled_words(arena, styled);
	size_t length = strlen(words), sign = most < strlen(left_out) ? most : strlen(left_out);
	size_t left = length <= most ? length : cut_at(words, most - sign);

	for (size_t i = 0; i < styled->count && left > 0; i++) {
		size_t size = strlen(styled->spans[i].text), part = size < left ? size : left;
		add(cut, &styled->spans[i], styled->spans[i].text, part);
		left -= part;
	}
	if (length > most)
		add(cut, &plain, left_out, sign);
	cut->cut = styled->cut || length > most;
	return cut;
}

/* -- Kept ------------------------------------------------------------------------------------------------------------- */

const char *
styled_json(struct arena *arena, const struct styled *styled)
{
	struct json_object *all = json_new_object(arena), *spans = json_object_new_array();

	if (styled->emote)
		json_object_object_add(all, "emote", json_object_new_boolean(true));
	json_object_object_add(all, "spans", memory_got(spans));
	for (size_t i = 0; i < styled->count; i++) {
		struct json_object *span = memory_got(json_object_new_object());
		json_set(span, "text", styled->spans[i].text);
		if (styled->spans[i].style)
			json_set_integer(span, "style", styled->spans[i].style);
		json_set(span, "url", styled->spans[i].url);
		json_set(span, "account", styled->spans[i].account);
		json_object_array_add(spans, span);
	}
	return arena_text(arena, json_write(all));
}

/* As styled_add() leaves it; of what cannot be seen only our own joiners. */
static bool
is_clean(struct arena *arena, const char *text)
{
	struct text seen = text_in(arena, strlen(text));
	const char *from = text;

	for (const char *at; (at = strstr(from, joiner)); from = at + strlen(joiner))
		text_add_bytes(&seen, from, (size_t)(at - from));
	text_add(&seen, from);
	return *text && text_utf8(text, strlen(text)) && !strcmp(text_clean_talk(arena, seen.bytes, seen.length), seen.bytes);
}

static bool
has_type(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value;

	return !json_object_object_get_ex(object, key, &value) || json_object_is_type(value, type);
}

static bool
read_span(struct styled *styled, struct json_object *object)
{
	const char *text = json_string(object, "text", "");
	int64_t style = json_integer(object, "style", 0);
	const struct span span = { .style = (unsigned)style, .url = json_string(object, "url", NULL), .account = json_string(object, "account", NULL) };

	if (style < 0 || style > STYLE_ALL || !is_clean(styled->arena, text) || !has_type(object, "style", json_type_int)
			|| !has_type(object, "url", json_type_string) || !has_type(object, "account", json_type_string))
		return false;
	if ((span.url && !is_url(styled->arena, span.url)) || (span.account && !is_account(styled->arena, span.account)))
		return false;
	if (styled->count && same(&styled->spans[styled->count - 1], &span))
		return false;
	/* As it was: what had no room has its "..." already. */
	begin(styled, &span);
	text_add(&styled->last, text);
	styled->spans[styled->count - 1].text = styled->last.bytes;
	styled->bytes += strlen(text);
	return styled->bytes <= STYLED_TEXT_MOST;
}

struct styled *
styled_read(struct arena *arena, const char *json, struct error *error)
{
	struct json_object *all = json_read(arena, json, strlen(json), error);
	struct styled *styled = all ? styled_new(arena, json_true(all, "emote")) : NULL;
	size_t count = json_count(all, "spans");

	if (!all)
		return NULL;
	if (!json_object_is_type(json_at(all, "spans"), json_type_array) || count > STYLED_SPANS_MOST || !has_type(all, "emote", json_type_boolean)) {
		error_set(error, "This is nothing that somebody said: its spans are no list, or more than %d.", STYLED_SPANS_MOST);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (!read_span(styled, json_object_array_get_idx(json_at(all, "spans"), i))) {
			error_set(error, "This is nothing that somebody said: its span %zu is none.", i + 1);
			return NULL;
		}
	styled->cut = styled->bytes > STYLED_TEXT_MOST - strlen(left_out);
	return styled;
}
