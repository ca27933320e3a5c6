/* redact: takes every secret that was loaded out of what we are about to show. */
#include "bridge/base/redact.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

enum {
	SHORTEST = 6,           /* a shorter one would black out ordinary words */
	TORN_SEEN = 8,          /* so much of one is known for its beginning where the text was cut and ends with ... */
	TORN_UNSEEN = 16,       /* and where it may just end there */
	LONGEST = 1024 * 1024,
};

static const char gone[] = "[redacted]";

/* One form of one secret. */
struct form {
	struct form *next;
	size_t length;
	char bytes[];
};

/* The log's memory of what it may not say. By first byte, so that a line costs one look a byte. */
static struct {
	pthread_mutex_t lock;
	struct form *forms[256];
} redact_state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
add_form(const char *bytes, size_t length)
{
	struct form **list = &redact_state.forms[(unsigned char)*bytes];

	if (length < SHORTEST)
		return;
	for (struct form *form = *list; form; form = form->next)
		if (form->length == length && !memcmp(form->bytes, bytes, length))
			return;
	/* The longer ones first: a secret may begin with another one. */
	while (*list && (*list)->length > length)
		list = &(*list)->next;
	struct form *form = memory_take(sizeof *form + length);
	form->length = length;
	memcpy(form->bytes, bytes, length);
	form->next = *list;
	*list = form;
}

static const char small_digits[] = "0123456789abcdef", large_digits[] = "0123456789ABCDEF";

static void
add_hex(const char *secret, size_t length, const char *digits)
{
	char *out = memory_take(2 * length);

	for (size_t i = 0; i < length; i++) {
		out[2 * i] = digits[(unsigned char)secret[i] >> 4];
		out[2 * i + 1] = digits[secret[i] & 15];
	}
	add_form(out, 2 * length);
	OPENSSL_cleanse(out, 2 * length);
	free(out);
}

static void
add_percent(const char *secret, size_t length, const char *digits)
{
	char *out = memory_take(3 * length);
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		bool plain = isalnum((unsigned char)secret[i]) || memchr("-._~", secret[i], 4);
		out[at++] = plain ? secret[i] : '%';
		if (plain)
			continue;
		out[at++] = digits[(unsigned char)secret[i] >> 4];
		out[at++] = digits[secret[i] & 15];
	}
	add_form(out, at);
	OPENSSL_cleanse(out, at);
	free(out);
}

/* As JSON writes it; some writers put a backslash before a slash too. */
static void
add_json(const char *secret, size_t length, const char *escaped)
{
	static const char controls[] = "\n\r\t", letters[] = "nrt";
	char *out = memory_take(2 * length);
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		const char *control = memchr(controls, secret[i], 3);
		if (control || strchr(escaped, secret[i]))
			out[at++] = '\\';
		out[at++] = control ? letters[control - controls] : secret[i];
	}
	add_form(out, at);
	OPENSSL_cleanse(out, at);
	free(out);
}

/* In both alphabets. The padding is no part of the form: it may be cut off, and alone it says nothing. */
static void
add_base64(const char *bytes, size_t length)
{
	char *out = memory_take(4 * (length / 3 + 1) + 1);
	size_t size = (size_t)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes, (int)length);

	while (size > 0 && out[size - 1] == '=')
		size--;
	add_form(out, size);
	for (size_t i = 0; i < size; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
	add_form(out, size);
	OPENSSL_cleanse(out, size);
	free(out);
}

/* A key of many lines is shown line by line. */
static void
add_lines(const char *secret, size_t length)
{
	for (size_t begin = 0, i = 0; i <= length; i++)
		if (i == length || secret[i] == '\n' || secret[i] == '\r') {
			add_form(secret + begin, i - begin);
			begin = i + 1;
		}
}

void
redact_add(const char *secret, size_t length)
{
	if (length < SHORTEST || length > LONGEST)
		return;
	pthread_mutex_lock(&redact_state.lock);
	add_form(secret, length);
	add_lines(secret, length);
	add_percent(secret, length, large_digits);
	add_percent(secret, length, small_digits);
	add_json(secret, length, "\"\\");
	add_json(secret, length, "\"\\/");
	add_base64(secret, length);
	add_hex(secret, length, small_digits);
	add_hex(secret, length, large_digits);
	pthread_mutex_unlock(&redact_state.lock);
}

void
redact_add_basic(const char *user, const char *secret, size_t length)
{
	size_t name = strlen(user), size = name + 1 + length;

	if (length < SHORTEST || size > LONGEST)
		return;
	char *pair = memory_take(size);
	memcpy(pair, user, name);
	pair[name] = ':';
	memcpy(pair + name + 1, secret, length);
	pthread_mutex_lock(&redact_state.lock);
	add_base64(pair, size);
	pthread_mutex_unlock(&redact_state.lock);
	OPENSSL_cleanse(pair, size);
	free(pair);
}

void
redact_forget(void)
{
	pthread_mutex_lock(&redact_state.lock);
	for (size_t i = 0; i < 256; i++)
		while (redact_state.forms[i]) {
			struct form *form = redact_state.forms[i];
			redact_state.forms[i] = form->next;
			OPENSSL_cleanse(form->bytes, form->length);
			free(form);
		}
	pthread_mutex_unlock(&redact_state.lock);
}

/* How much of the text from here on is a secret: 0, or its length. Of a secret that was cut off only a beginning is left:
 * the last `torn` bytes; 0 where they are too few to tell it from a word. */
static size_t
known(const char *at, size_t left, size_t torn)
{
	for (const struct form *form = redact_state.forms[(unsigned char)*at]; form; form = form->next)
		if (form->length <= left && !memcmp(at, form->bytes, form->length))
			return form->length;
		else if (torn && form->length > torn && !memcmp(at, form->bytes, torn))
			return torn;
	return 0;
}

/* ://user:password@ and ://token@ : from behind the slashes to before the last @ that can belong to it. */
static size_t
user_info(const char *at)
{
	if (strncmp(at, "://", 3) != 0)
		return 0;
	size_t length = strcspn(at + 3, "/?# \"'<>");
	while (length && at[3 + length] != '@')
		length--;
	return length;
}

/* Authorization: Basic abc, also as JSON has it, "Authorization":"Basic abc": the word or two behind the name. */
static size_t
authorization(const char *at, size_t *name)
{
	static const char header[] = "authorization", ends[] = " \t\r\n\\\"',";

	if (strncasecmp(at, header, sizeof header - 1) != 0)
		return 0;
	*name = sizeof header - 1;
	*name += strspn(at + *name, "\\\"'");
	if (at[*name] != ':')
		return 0;
	*name += 1 + strspn(at + *name + 1, " \t\\\"'");
	size_t word = strcspn(at + *name, ends);
	if (word && at[*name + word] == ' ')
		word += 1 + strcspn(at + *name + word + 1, ends);
	return word;
}

static void
filter(struct text *out, const char *text)
{
	size_t left = strlen(text), dots = left >= 3 && !strcmp(text + left - 3, "...") ? 3 : 0;
	size_t least = dots ? TORN_SEEN : TORN_UNSEEN;

	while (left) {
		size_t torn = left >= dots + least ? left - dots : 0, found, kept = 1, name;
		if ((found = known(text, left, torn)))
			kept = 0;
		else if ((found = user_info(text)))
			kept = 3;
		else if ((found = authorization(text, &name)))
			kept = name;
		text_add_bytes(out, text, kept);
		if (found)
			text_add(out, gone);
		text += kept + found;
		left -= kept + found;
	}
}

char *
redact_text(struct arena *arena, const char *text)
{
	struct text out;

	if (!text)
		return NULL;
	/* ://a@ becomes ://[redacted]@, and nothing grows more. */
	out = text_in(arena, 3 * strlen(text) + sizeof gone);
	pthread_mutex_lock(&redact_state.lock);
	filter(&out, text);
	pthread_mutex_unlock(&redact_state.lock);
	return out.bytes;
}
