/* sender: whether a webhook comes from whom it should. */
#include "bridge/rights/sender.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/json_walk.h"
#include "bridge/base/secret.h"
#include "bridge/run/hook.h"

enum {
	FRESH = 300,                    /* s that a signed time may be off, either way */
	FINGERPRINT = SHA256_DIGEST_LENGTH,
	CERTIFICATE_MOST = 16 * 1024,   /* bytes as the proxy writes it */
};

/* -- What is shown ------------------------------------------------------------------------------------------------- */

/* What stands twice may be read in two ways, and counts as not there. */
static const char *
only_header(const struct arrival *arrival, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; name && i < arrival->header_count; i++) {
		if (strcasecmp(arrival->headers[i].name, name))
			continue;
		if (found)
			return NULL;
		found = arrival->headers[i].value;
	}
	return found;
}

static const char *
after_prefix(const char *value, const char *prefix)
{
	size_t length = prefix ? strlen(prefix) : 0;

	return value && !strncasecmp(value, prefix ? prefix : "", length) ? value + length : NULL;
}

/* In a time that tells nothing of where they differ. */
static bool
is_same(const void *one, size_t one_length, const void *other, size_t other_length)
{
	unsigned char first[SHA256_DIGEST_LENGTH], second[SHA256_DIGEST_LENGTH];

	SHA256(one, one_length, first);
	SHA256(other, other_length, second);
	return !CRYPTO_memcmp(first, second, sizeof first) && one_length == other_length;
}

/* -- Signatures ------------------------------------------------------------------------------------------------------ */

struct piece { const void *bytes; size_t length; };

enum { PIECES = 6 };

static size_t
mac_of(const struct secret *secret, bool sha1, const struct piece *pieces, unsigned char out[EVP_MAX_MD_SIZE])
{
	char digest[8];
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", strcpy(digest, sha1 ? "SHA1" : "SHA256"), 0), OSSL_PARAM_construct_end() };
	EVP_MAC *mac = memory_got(EVP_MAC_fetch(NULL, "HMAC", NULL));
	EVP_MAC_CTX *context = memory_got(EVP_MAC_CTX_new(mac));
	size_t size = 0;

	bool fine = EVP_MAC_init(context, (const unsigned char *)secret->bytes, secret->length, params) == 1;
	for (size_t i = 0; i < PIECES; i++)
		fine = fine && (!pieces[i].length || EVP_MAC_update(context, pieces[i].bytes, pieces[i].length) == 1);
	fine = fine && EVP_MAC_final(context, out, &size, EVP_MAX_MD_SIZE) == 1;
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
	return fine ? size : 0;
}

static void
write_hex(const unsigned char *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i++) {
		*out++ = "0123456789abcdef"[bytes[i] >> 4];
		*out++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*out = '\0';
}

static bool
is_fresh(const char *seconds, int64_t now)
{
	size_t length = strspn(seconds, "0123456789");

	if (!length || length > 12 || seconds[length])
		return false;
	int64_t off = now - strtoll(seconds, NULL, 10);
	return off >= -FRESH && off <= FRESH;
}

static struct piece
piece(const char *text)
{
	return (struct piece){ text, strlen(text) };
}

/* What was signed. False where it says no time and must, or one long gone. */
static bool
find_signed(const struct sender *sender, const struct sender_way *way, const struct arrival *arrival, struct piece out[PIECES])
{
	const char *name = sender->settings->hook_time_header, *time = only_header(arrival, name);
	size_t count = 0;

	memset(out, 0, PIECES * sizeof *out);
	if (name && (!time || !is_fresh(time, sender->now)))
		return false;
	if (name) {
		out[count++] = piece(time);
		out[count++] = piece(":");
	}
	out[count++] = (struct piece){ arrival->body, arrival->length };
	if (!way->and_url)
		return true;
	if (count + 5 > PIECES || !sender->url)
		return false;
	out[count++] = piece(sender->url);
	out[count++] = piece("/in/");
	out[count++] = piece(sender->instance);
	if (*arrival->rest) {
		out[count++] = piece("/");
		out[count] = piece(arrival->rest);
	}
	return true;
}

bool
sender_mac(const struct sender *sender, const struct sender_way *way, const struct secret *secret, const struct arrival *arrival, char written[SENDER_WRITTEN])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	struct piece pieces[PIECES];
	size_t size = find_signed(sender, way, arrival, pieces) ? mac_of(secret, way->sha1, pieces, mac) : 0;

	if (!size)
		return false;
	if (way->base64)
		EVP_EncodeBlock((unsigned char *)written, mac, (int)size);
	else
		write_hex(mac, size, written);
	return true;
}

static bool
by_mac(const struct sender *sender, const struct sender_way *way, const struct secret *secret, const struct arrival *arrival)
{
	const char *given = after_prefix(only_header(arrival, way->header ? way->header : sender->settings->hook_header), way->prefix);
	char written[SENDER_WRITTEN];

	return given && sender_mac(sender, way, secret, arrival, written) && strlen(given) == strlen(written)
		&& !CRYPTO_memcmp(given, written, strlen(written));
}

/* -- Secrets as they are --------------------------------------------------------------------------------------------- */

static bool
by_token(const struct sender *sender, const struct sender_way *way, const struct secret *secret, const struct arrival *arrival)
{
	const char *given = after_prefix(only_header(arrival, way->header ? way->header : sender->settings->hook_header), way->prefix);

	return given && is_same(given, strlen(given), secret->bytes, secret->length);
}

static bool
by_password(const struct sender *sender, const struct sender_way *way, const struct secret *secret, const struct arrival *arrival)
{
	const char *given = after_prefix(only_header(arrival, "Authorization"), "Basic "), *user = sender->settings->hook_user;

	(void)way;
	if (!given || !user)
		return false;
	size_t length = strlen(user) + 1 + secret->length;
	char *plain = memory_take(length + 1), *written = memory_take(4 * (length / 3 + 1) + 1);
	memcpy(plain, user, strlen(user));
	plain[strlen(user)] = ':';
	memcpy(plain + strlen(user) + 1, secret->bytes, secret->length);
	int size = EVP_EncodeBlock((unsigned char *)written, (const unsigned char *)plain, (int)length);
	bool proven = is_same(given, strlen(given), written, (size_t)size);
	secret_wipe(plain, length);
	secret_wipe(written, (size_t)size);
	free(plain);
	free(written);
	return proven;
}

static const char *
last_segment(const struct arrival *arrival)
{
	const char *slash = strrchr(arrival->rest, '/');

	return slash ? slash + 1 : arrival->rest;
}

static bool
by_path(const struct sender *sender, const struct sender_way *way, const struct secret *secret, const struct arrival *arrival)
{
	const char *given = last_segment(arrival);

	(void)sender;
	(void)way;
	return is_same(given, strlen(given), secret->bytes, secret->length);
}

/* As it is written: a secret that JSON would have to escape is never shown so. */
static bool
by_field(const struct sender *sender, const struct sender_way *way, const struct secret *secret, const struct arrival *arrival)
{
	struct json_part given = json_part_key(json_part_of(arrival->body, arrival->length), way->field);

	(void)sender;
	return given.at && given.length > 2 && *given.at == '"' && is_same(given.at + 1, given.length - 2, secret->bytes, secret->length);
}

static bool (*const shows[])(const struct sender *, const struct sender_way *, const struct secret *, const struct arrival *) = {
	[SENDER_MAC] = by_mac, [SENDER_TOKEN] = by_token, [SENDER_BASIC] = by_password, [SENDER_PATH] = by_path, [SENDER_FIELD] = by_field,
};

/* Each of the two secrets, in each of the ways. */
static bool
shows_secret(const struct sender *sender, const struct arrival *arrival)
{
	const struct secret *secrets[] = { sender->settings->hook, sender->settings->hook_old };

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		for (const struct sender_way *way = sender->ways; secrets[i] && way->by; way++)
			if (shows[way->by](sender, way, secrets[i], arrival))
				return true;
	return false;
}

/* -- Addresses, and what a proxy saw ----------------------------------------------------------------------------------- */

static bool
is_proxy(const struct ranges *proxies, const struct arrival *arrival)
{
	unsigned char address[RANGE_ADDRESS];

	return proxies && arrival->peer && range_address(arrival->peer, strlen(arrival->peer), address) && ranges_hold(proxies, address);
}

/* The entry of a list that ends there: "203.0.113.7, 10.0.0.1", without blanks; `*end` is set before it. */
static const char *
entry_before(const char *list, size_t *end, size_t *length)
{
	size_t last = *end, first;

	while (last && (list[last - 1] == ' ' || list[last - 1] == '\t'))
		last--;
	for (first = last; first && list[first - 1] != ','; first--)
		continue;
	*end = first ? first - 1 : 0;
	while (first < last && (list[first] == ' ' || list[first] == '\t'))
		first++;
	*length = last - first;
	return list + first;
}

bool
sender_address(const struct ranges *proxies, const struct arrival *arrival, unsigned char out[RANGE_ADDRESS])
{
	if (!arrival->peer || !range_address(arrival->peer, strlen(arrival->peer), out))
		return false;
	for (size_t i = arrival->header_count; i-- && proxies && ranges_hold(proxies, out);) {
		const char *list = arrival->headers[i].value;
		if (strcasecmp(arrival->headers[i].name, "X-Forwarded-For"))
			continue;
		size_t end = strlen(list);
		do {
			size_t length;
			const char *entry = entry_before(list, &end, &length);
			if (!range_address(entry, length, out))
				return false;
		} while (end && ranges_hold(proxies, out));
	}
	return true;
}

/* %0A and its like undone; nothing else of the text. */
static size_t
unescape(const char *from, char *to)
{
	size_t length = 0;

	for (; *from; from++) {
		if (*from == '%' && isxdigit((unsigned char)from[1]) && isxdigit((unsigned char)from[2])) {
			char digits[3] = { from[1], from[2], '\0' };
			to[length++] = (char)strtoul(digits, NULL, 16);
			from += 2;
		} else
			to[length++] = *from;
	}
	to[length] = '\0';
	return length;
}

/* The base64 in it: between colons (RFC 9440), as it is, or the escaped PEM of nginx. */
static size_t
pick_base64(char *text)
{
	static const char begins[] = "-----BEGIN CERTIFICATE-----", ends[] = "-----END CERTIFICATE-----";
	char *from = strstr(text, begins), *to = text;
	const char *end = from ? strstr(from, ends) : NULL;

	if (!from != !end)
		return 0;
	from = from ? from + strlen(begins) : text;
	for (; *from && from != end; from++)
		if (isalnum((unsigned char)*from) || strchr("+/=", *from))
			*to++ = *from;
		else if (!strchr(": \r\n\t", *from))
			return 0;
	*to = '\0';
	return (size_t)(to - text);
}

/* The certificate as its proxy wrote it, to its fingerprint; no part of it is read. */
static bool
fingerprint_of(const char *written, unsigned char out[FINGERPRINT])
{
	char text[CERTIFICATE_MOST];
	unsigned char der[CERTIFICATE_MOST];

	if (strlen(written) >= sizeof text)
		return false;
	unescape(written, text);
	size_t length = pick_base64(text), padding = 0;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	int size = length ? EVP_DecodeBlock(der, (const unsigned char *)text, (int)length) : -1;
	if (size <= 0 || (size_t)size <= padding)
		return false;
	SHA256(der, (size_t)size - padding, out);
	return true;
}

static bool
has_certificate(const struct sender *sender, const struct arrival *arrival)
{
	const char *written = only_header(arrival, sender->certificate_header);
	unsigned char seen[FINGERPRINT];

	if (!written || !is_proxy(sender->proxies, arrival) || !fingerprint_of(written, seen))
		return false;
	for (size_t i = 0; i < sender->settings->hook_certificates.count; i++)
		if (!CRYPTO_memcmp(seen, sender->settings->fingerprints[i], sizeof seen))
			return true;
	return false;
}

static bool
is_from_there(const struct sender *sender, const struct arrival *arrival)
{
	unsigned char address[RANGE_ADDRESS];

	return sender_address(sender->proxies, arrival, address) && ranges_hold(&sender->settings->ranges, address);
}

/* -- What others ask --------------------------------------------------------------------------------------------------- */

bool
sender_proven(const struct sender *sender, const struct arrival *arrival)
{
	const struct sender_settings *settings = sender->settings;

	return sender_is_given(settings)
		&& (!settings->from.count || is_from_there(sender, arrival))
		&& (!settings->hook_certificates.count || has_certificate(sender, arrival))
		&& (!settings->hook || shows_secret(sender, arrival));
}

void
sender_decoy(const struct arrival *arrival)
{
	static const struct secret none = { "", "nobody has this", 15 };
	static const struct sender_way way = { .by = SENDER_MAC, .header = "" };
	const struct sender_settings settings = { .hook = &none };
	const struct sender sender = { .ways = &way, .settings = &settings };
	struct piece pieces[PIECES];
	unsigned char mac[EVP_MAX_MD_SIZE];

	if (find_signed(&sender, &way, arrival, pieces))
		mac_of(&none, false, pieces, mac);
}

size_t
sender_rest(const struct sender_settings *settings, const struct arrival *arrival)
{
	const struct secret *secrets[] = { settings->hook, settings->hook_old };
	const char *last = last_segment(arrival);

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (secrets[i] && is_same(last, strlen(last), secrets[i]->bytes, secrets[i]->length))
			return last == arrival->rest ? 0 : (size_t)(last - arrival->rest) - 1;
	return strlen(arrival->rest);
}

void
sender_hide(const struct sender_settings *settings, char *bytes, size_t length)
{
	const struct secret *secrets[] = { settings->hook, settings->hook_old };

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		for (char *at = bytes; secrets[i] && (at = memmem(at, length - (size_t)(at - bytes), secrets[i]->bytes, secrets[i]->length));)
			memset(at, '*', secrets[i]->length);
}
