/* login: what is agreed with the server before it lets us in: capabilities and SASL. */
#include "protocols/irc/login.h"

#include <string.h>

#include <openssl/evp.h>

#include "bridge/base/secret.h"
#include "protocols/irc/line.h"

enum {
	PLAIN_MOST = 600,               /* bytes of account, account and password */
	CHUNK = 400,                    /* of base64, in one AUTHENTICATE */
};

static const struct { const char *name; unsigned cap; } caps[] = {
	{ "account-notify", CAP_ACCOUNT_NOTIFY },
	{ "account-tag",    CAP_ACCOUNT_TAG },
	{ "batch",          CAP_BATCH },
	{ "chghost",        CAP_CHGHOST },
	{ "extended-join",  CAP_EXTENDED_JOIN },
	{ "message-tags",   CAP_MESSAGE_TAGS },
	{ "sasl",           CAP_SASL },
	{ "server-time",    CAP_SERVER_TIME },
};

enum { CAPS = sizeof caps / sizeof *caps };

static void
send_one(struct login *login, const char *command, const char *word)
{
	login->send(command, &word, 1, login->with);
}

static bool
fail(struct login *login, const char *why)
{
	login->state = LOGIN_FAILED;
	return error_set(&login->why, "%s", why);
}

static void
finish(struct login *login)
{
	login->state = LOGIN_DONE;
	send_one(login, "CAP", "END");
}

static bool
wants_login(const struct login *login)
{
	return login->account && login->password && login->safe;
}

/* Capabilities. */

/* One word of a list, "sasl=PLAIN,EXTERNAL" or "-sasl"; 0 for one that we do not know. */
static unsigned
cap_named(const char *word, size_t length)
{
	size_t name = strcspn(word, "= ") < length ? strcspn(word, "= ") : length;

	for (size_t i = 0; i < CAPS; i++)
		if (strlen(caps[i].name) == name && !memcmp(caps[i].name, word, name))
			return caps[i].cap;
	return 0;
}

/* Whether a list of mechanisms has PLAIN. */
static bool
has_plain(const char *value, const char *end)
{
	while (value < end) {
		const char *comma = memchr(value, ',', (size_t)(end - value));
		size_t size = (size_t)((comma ? comma : end) - value);
		if (size == 5 && !memcmp(value, "PLAIN", 5))
			return true;
		value += size + 1;
	}
	return false;
}

static unsigned
read_list(struct login *login, const char *list, bool taken_away)
{
	unsigned found = 0;

	for (const char *at = list; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		bool minus = *at == '-';
		unsigned cap = cap_named(at + minus, length - minus);
		const char *value = memchr(at, '=', length);
		if (cap == CAP_SASL && value)
			login->no_plain = !has_plain(value + 1, at + length);
		if (minus == taken_away)
			found |= cap;
		at += length;
	}
	return found;
}

static void
ask_for(struct login *login, unsigned wanted)
{
	char list[400] = "";

	for (size_t i = 0; i < CAPS; i++) {
		if (!(wanted & caps[i].cap))
			continue;
		strcat(strcat(list, *list ? " " : ""), caps[i].name);
		if (login->alone)
			break;
	}
	login->asked = wanted;
	const char *params[] = { "REQ", list };
	login->send("CAP", params, 2, login->with);
}

/* All that was asked for has been answered. */
static void
agreed(struct login *login)
{
	if (!login->account) {
		finish(login);
		return;
	}
	if (!wants_login(login))
		fail(login, "A password leaves only over TLS; use tls = yes, or take account and password_file out.");
	else if (!(login->offered & CAP_SASL) || !(login->has & CAP_SASL))
		fail(login, "The server offers no SASL, so I cannot log in; are its services away?");
	else if (login->no_plain)
		fail(login, "The server's SASL offers no PLAIN, which is all that this version can do.");
	else {
		login->state = LOGIN_OFFERING;
		send_one(login, "AUTHENTICATE", "PLAIN");
	}
}

static void
listed(struct login *login)
{
	unsigned wanted = login->offered;

	if (!login->account)
		wanted &= ~(unsigned)CAP_SASL;
	login->state = LOGIN_ASKING;
	if (wanted)
		ask_for(login, wanted);
	else
		agreed(login);
}

static unsigned
first_of(unsigned set)
{
	return set & (~set + 1);
}

/* Some of what we asked for was given, or refused. */
static void
answered(struct login *login, unsigned given, unsigned refused)
{
	bool together = (login->asked & (login->asked - 1)) && !login->alone;

	if (login->state != LOGIN_ASKING) {
		login->has |= given & login->asked;
		return;
	}
	if (refused && together) {
		login->alone = true;
		ask_for(login, login->asked);
		return;
	}
	login->has |= given & login->asked;
	login->asked &= ~(given | (login->alone ? first_of(login->asked) : refused));
	if (!login->asked)
		agreed(login);
	else if (login->alone)
		ask_for(login, login->asked);
}

/* What came after we were let in: it may also be withdrawn, and then nobody is proven any more. */
static void
offered_later(struct login *login, const char *list)
{
	unsigned wanted = read_list(login, list, false) & ~login->has & ~(unsigned)CAP_SASL;

	if (login->state == LOGIN_DONE && wanted) {
		login->alone = false;
		ask_for(login, wanted);
	}
}

static void
take_cap(struct login *login, const struct irc_line *line)
{
	const char *verb = line_param(line, 1), *list = line_last(line);

	if (!strcmp(verb, "LS") && login->state == LOGIN_LISTING) {
		login->offered |= read_list(login, list, false);
		/* A star before the last word: more lines follow. */
		if (line->count < 4 || strcmp(line->params[2], "*"))
			listed(login);
	} else if (!strcmp(verb, "ACK")) {
		login->has &= ~read_list(login, list, true);
		answered(login, read_list(login, list, false), 0);
	} else if (!strcmp(verb, "NAK")) {
		answered(login, 0, read_list(login, list, false) | (login->asked ? first_of(login->asked) : 0));
	} else if (!strcmp(verb, "NEW")) {
		offered_later(login, list);
	} else if (!strcmp(verb, "DEL")) {
		login->has &= ~read_list(login, list, false);
	}
}

/* SASL. */

/* NUL-separated: whom to be (nobody else), who we are, the password. Its length, or 0 where it has not room. */
static size_t
plain_text(const struct login *login, unsigned char out[PLAIN_MOST])
{
	size_t account = strlen(login->account), password = strlen(login->password);

	if (account + password + 2 > PLAIN_MOST)
		return 0;
	out[0] = '\0';
	memcpy(out + 1, login->account, account);
	out[1 + account] = '\0';
	memcpy(out + 2 + account, login->password, password);
	return account + password + 2;
}

static void
send_chunks(struct login *login, const char *base64, size_t length)
{
	char chunk[CHUNK + 1];

	for (size_t at = 0; at < length; at += CHUNK) {
		size_t size = length - at < CHUNK ? length - at : CHUNK;
		memcpy(chunk, base64 + at, size);
		chunk[size] = '\0';
		send_one(login, "AUTHENTICATE", chunk);
	}
	/* A last chunk that is full looks as if more came. */
	if (length % CHUNK == 0)
		send_one(login, "AUTHENTICATE", "+");
	secret_wipe(chunk, sizeof chunk);
}

static void
prove(struct login *login)
{
	unsigned char plain[PLAIN_MOST];
	unsigned char base64[(PLAIN_MOST + 2) / 3 * 4 + 1];
	size_t length = plain_text(login, plain);

	if (!length) {
		fail(login, "The account and its password are too long for the server.");
		return;
	}
	login->state = LOGIN_PROVING;
	size_t written = (size_t)EVP_EncodeBlock(base64, plain, (int)length);
	send_chunks(login, (const char *)base64, written);
	secret_wipe(plain, sizeof plain);
	secret_wipe(base64, sizeof base64);
}

static void
take_authenticate(struct login *login, const struct irc_line *line)
{
	if (login->state == LOGIN_OFFERING && !strcmp(line_param(line, 0), "+"))
		prove(login);
	else if (login->state == LOGIN_OFFERING)
		fail(login, "The server asked for something else than a password when I logged in.");
}

static const struct { const char *numeric; const char *why; } outcomes[] = {
	{ "902", "The server says that this account is locked." },
	{ "903", NULL },
	{ "904", "The server refused the account and its password; is password_file right?" },
	{ "905", "The account and its password are too long for the server." },
	{ "906", "The server broke the login off." },
	{ "907", NULL },
	{ "908", "The server's SASL offers no PLAIN, which is all that this version can do." },
};

static bool
take_outcome(struct login *login, const struct irc_line *line)
{
	bool waiting = login->state == LOGIN_OFFERING || login->state == LOGIN_PROVING;

	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
		if (strcmp(outcomes[i].numeric, line->command))
			continue;
		/* 903 counts only after the password was sent: else it is somebody's joke. */
		if (!outcomes[i].why && login->state == LOGIN_PROVING) {
			login->logged_in = true;
			finish(login);
		} else if (outcomes[i].why && waiting) {
			fail(login, outcomes[i].why);
		}
		return true;
	}
	return false;
}

/* Its way in. */

void
login_begin(struct login *login)
{
	const char *params[] = { "LS", "302" };

	login->state = LOGIN_LISTING;
	login->send("CAP", params, 2, login->with);
}

/* A server that knows no CAP says so with a 421, or a 451 ("first register"); a 410 is of one that knows it half. */
static bool
knows_no_cap(const struct irc_line *line)
{
	static const char *const numerics[] = { "410", "421", "451" };

	for (size_t i = 0; i < sizeof numerics / sizeof *numerics; i++)
		if (!strcmp(line->command, numerics[i]) && (!strcmp(line_param(line, 1), "CAP") || !strcmp(line_param(line, 0), "CAP")))
			return true;
	return false;
}

bool
login_take(struct login *login, const struct irc_line *line)
{
	if (!strcmp(line->command, "CAP")) {
		take_cap(login, line);
		return true;
	}
	if (!strcmp(line->command, "AUTHENTICATE")) {
		take_authenticate(login, line);
		return true;
	}
	if (knows_no_cap(line)) {
		if (login->state == LOGIN_LISTING && login->account)
			fail(login, "The server knows no SASL, so I cannot log in.");
		else if (login->state == LOGIN_LISTING)
			login->state = LOGIN_DONE;
		return true;
	}
	return take_outcome(login, line);
}

bool
login_welcome(struct login *login)
{
	if (login->state == LOGIN_FAILED)
		return false;
	if (login->account && !login->logged_in)
		return fail(login, "The server let me in before I could log in, so it knows no SASL.");
	login->state = LOGIN_DONE;
	return true;
}
