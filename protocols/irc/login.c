/* login: what is agreed with the server before it lets us in: capabilities, and that we log in. */
#include "protocols/irc/login.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/irc/line.h"

static const struct { const char *name; unsigned cap; } caps[] = {
	{ "account-notify",   CAP_ACCOUNT_NOTIFY },
	{ "account-tag",      CAP_ACCOUNT_TAG },
	{ "batch",            CAP_BATCH },
	{ "chghost",          CAP_CHGHOST },
	{ "draft/multiline",  CAP_MULTILINE },
	{ "echo-message",     CAP_ECHO_MESSAGE },
	{ "extended-join",    CAP_EXTENDED_JOIN },
	{ "labeled-response", CAP_LABELED_RESPONSE },
	{ "message-tags",     CAP_MESSAGE_TAGS },
	{ "sasl",             CAP_SASL },
	{ "server-time",      CAP_SERVER_TIME },
	{ "standard-replies", CAP_STANDARD_REPLIES },
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
	return login->account && login->safe;
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

/* "max-bytes=4096,max-lines=24": how much one message may hold. Without bytes there can be none. */
static struct login_multiline
multiline_limits(const char *value, const char *end)
{
	static const char bytes[] = "max-bytes=", lines[] = "max-lines=";
	struct login_multiline most = { 0 };

	for (const char *at = value; at < end; at += strcspn(at, ", "), at += at < end && *at == ',') {
		if (!strncmp(at, bytes, strlen(bytes)))
			most.bytes = strtoul(at + strlen(bytes), NULL, 10);
		if (!strncmp(at, lines, strlen(lines)))
			most.lines = strtoul(at + strlen(lines), NULL, 10);
	}
	return most;
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
			sasl_offered(&login->sasl, value + 1, length - (size_t)(value + 1 - at));
		if (cap == CAP_MULTILINE && value)
			login->multiline = multiline_limits(value + 1, at + length);
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

/* What SASL came to. After we were let in (services were away, and are back) a login that fails changes nothing. */
static void
look_at_sasl(struct login *login)
{
	bool before = login->state == LOGIN_SASL;

	if (login->sasl.state == SASL_DONE) {
		login->logged_in = true;
		if (before)
			finish(login);
	} else if (login->sasl.state == SASL_FAILED && before)
		fail(login, login->sasl.why.text);
	if (!sasl_waits(&login->sasl))
		sasl_end(&login->sasl);
}

static void
log_in(struct login *login)
{
	if (login->state == LOGIN_ASKING)
		login->state = LOGIN_SASL;
	sasl_begin(&login->sasl);
	look_at_sasl(login);
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
	else if (!(login->offered & CAP_SASL) || !(login->has & CAP_SASL)) {
		fail(login, "The server offers no SASL, so I cannot log in; are its services away?");
		login->later = true;
	} else
		log_in(login);
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
		unsigned now = given & login->asked & ~login->has;
		login->has |= now;
		if (now & CAP_SASL && login->state == LOGIN_DONE && wants_login(login) && !login->logged_in && !sasl_waits(&login->sasl))
			log_in(login);
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

/* What came after we were let in: it may also be withdrawn, and then nobody is proven any more. Services that are back are logged in to
 * again where the server said meanwhile that we are not. */
static void
offered_later(struct login *login, const char *list)
{
	unsigned wanted = read_list(login, list, false) & ~login->has;

	if (!wants_login(login) || login->logged_in)
		wanted &= ~(unsigned)CAP_SASL;

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

/* Its way in. */

void
login_begin(struct login *login)
{
	const char *params[] = { "LS", "302" };

	login->state = LOGIN_LISTING;
	login->sasl = (struct sasl){ .account = login->account, .password = login->password, .wanted = login->mechanism, .send = login->send,
		.with = login->with };
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
	if (knows_no_cap(line)) {
		if (login->state == LOGIN_LISTING && login->account)
			fail(login, "The server knows no SASL, so I cannot log in.");
		else if (login->state == LOGIN_LISTING)
			login->state = LOGIN_DONE;
		return true;
	}
	if (!strcmp(line->command, "901"))
		login->logged_in = false;       /* services have thrown us out */
	if (!sasl_take(&login->sasl, line))
		return false;
	look_at_sasl(login);
	return true;
}

void
login_work(struct login *login)
{
	sasl_work(&login->sasl);
	look_at_sasl(login);
}

void
login_end(struct login *login)
{
	sasl_end(&login->sasl);
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
