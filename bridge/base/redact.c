/* redact: takes every secret that was loaded out of what we are about to show. */
#include "bridge/base/redact.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

enum { SHORTEST = 6 };          /* a shorter one would black out ordinary words */

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

static void
add_hex(const char *secret, size_t length, const char *format)
{
	char *hex = memory_take(2 * length + 1);

	for (size_t i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, *format == 'X' ? "%02X" : "%02x", (unsigned char)secret[i]);
	add_form(hex, 2 * length);
	OPENSSL_cleanse(hex, 2 * length);
	free(hex);
}

static void
add_percent(const char *secret, size_t length)
{
	char *out = memory_take(3 * length + 1);
	size_t at = 0;

	for (size_t i = 0; i < length; i++)
		if (isalnum((unsigned char)secret[i]) || strchr("-._~", secret[i]))
			out[at++] = secret[i];
		else
			at += (size_t)snprintf(out + at, 4, "%%%02X", (unsigned char)secret[i]);
	add_form(out, at);
	OPENSSL_cleanse(out, at);
	free(out);
}

/* Without the padding, which may be cut off; it then stands behind the mark. */
static void
add_base64(const char *bytes, size_t length)
{
	char *out = memory_take(4 * (length / 3 + 1) + 1);
	int size = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes, (int)length);

	while (size > 0 && out[size - 1] == '=')
		size--;
	/* The last digit of a remainder shares its bits with what follows. */
	add_form(out, (size_t)size);
	OPENSSL_cleanse(out, (size_t)size);
	free(out);
}

void
redact_add(const char *secret, size_t length)
{
	if (length < SHORTEST)
		return;
	pthread_mutex_lock(&redact_state.lock);
	add_form(secret, length);
	add_percent(secret, length);
	add_base64(secret, length);
	add_hex(secret, length, "x");
	add_hex(secret, length, "X");
	pthread_mutex_unlock(&redact_state.lock);
}

void
redact_add_basic(const char *user, const char *secret, size_t length)
{
	size_t size = strlen(user) + 1 + length;
	char *pair = memory_take(size + 1);

	snprintf(pair, size + 1, "%s:", user);
	memcpy(pair + strlen(user) + 1, secret, length);
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

/* How much of the text from here on is a secret: 0, or its length. */
static size_t
known(const char *at, size_t left)
{
	for (const struct form *form = redact_state.forms[(unsigned char)*at]; form; form = form->next)
		if (form->length <= left && !memcmp(at, form->bytes, form->length))
			return form->length;
	return 0;
}

/* ://user:password@ : from behind the slashes to before the @. */
static size_t
user_info(const char *at, size_t left)
{
	if (left < 4 || strncmp(at, "://", 3) != 0)
		return 0;
	size_t length = strcspn(at + 3, "/?# @\"'<>");
	return at[3 + length] == '@' && memchr(at + 3, ':', length) ? length : 0;
}

/* Authorization: Basic abc : the word or two behind the name. */
static size_t
authorization(const char *at, size_t *name)
{
	static const char header[] = "authorization:";
	size_t length = sizeof header - 1;

	if (strncasecmp(at, header, length) != 0)
		return 0;
	*name = length + strspn(at + length, " ");
	size_t word = strcspn(at + *name, " \r\n\"',");
	if (at[*name + word] == ' ')
		word += 1 + strcspn(at + *name + word + 1, " \r\n\"',");
	return word;
}

static void
filter(struct text *out, const char *text)
{
	size_t left = strlen(text), found, name;

	while (left) {
		size_t kept = 1;
		if ((found = known(text, left)))
			kept = 0;
		else if ((found = user_info(text, left)))
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
	out = text_in(arena, 2 * strlen(text) + 64 * sizeof gone);
	pthread_mutex_lock(&redact_state.lock);
	filter(&out, text);
	pthread_mutex_unlock(&redact_state.lock);
	return out.bytes;
}
