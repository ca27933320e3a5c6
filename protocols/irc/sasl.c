/* sasl: logging in to services while the server waits. */
#include "protocols/irc/sasl.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "bridge/base/secret.h"
#include "protocols/irc/line.h"
#include "protocols/irc/scram.h"

enum {
	PLAIN_MOST = 600,               /* bytes of account, account and password */
	MESSAGE_MOST = 2300,            /* of any message of ours, before base64 */
	CHUNK = 400,                    /* of base64, in one AUTHENTICATE (IRCv3 sasl-3.1) */
};

static const struct { const char *name, *setting; enum sasl_mechanism mechanism; } mechanisms[] = {
	{ "EXTERNAL",      "external",      SASL_EXTERNAL },
	{ "PLAIN",         "plain",         SASL_PLAIN },
	{ "SCRAM-SHA-256", "scram-sha-256", SASL_SCRAM_SHA_256 },
};

enum { MECHANISMS = sizeof mechanisms / sizeof *mechanisms };

enum sasl_mechanism
sasl_named(const char *setting)
{
	for (size_t i = 0; setting && i < MECHANISMS; i++)
		if (!strcmp(mechanisms[i].setting, setting))
			return mechanisms[i].mechanism;
	return SASL_BEST;
}

static const char *
name_of_mechanism(enum sasl_mechanism mechanism)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].mechanism == mechanism)
			return mechanisms[i].name;
	return "PLAIN";
}

static void
fail(struct sasl *sasl, const char *why)
{
	sasl->state = SASL_FAILED;
	error_set(&sasl->why, "%s", why);
}

/* -- Which one --------------------------------------------------------------------------------------------------------- */

void
sasl_offered(struct sasl *sasl, const char *list, size_t length)
{
	sasl->offered = 0;
	for (const char *at = list, *end = list + length; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t size = (size_t)((comma ? comma : end) - at);
		for (size_t i = 0; i < MECHANISMS; i++)
			if (strlen(mechanisms[i].name) == size && !strncasecmp(mechanisms[i].name, at, size))
				sasl->offered |= mechanisms[i].mechanism;
		at += size + 1;
	}
	sasl->offered |= SASL_SAID;
}

/* What was written in the configuration, and nothing weaker; where nothing was, the best that is offered. */
static enum sasl_mechanism
choose(const struct sasl *sasl)
{
	if (sasl->wanted != SASL_BEST)
		return sasl->wanted;
	return sasl->offered & SASL_SCRAM_SHA_256 ? SASL_SCRAM_SHA_256 : SASL_PLAIN;
}

/* Of what is offered, in the words of the configuration. */
static void
name_offers(const struct sasl *sasl, char out[80])
{
	out[0] = '\0';
	for (size_t i = 0; i < MECHANISMS; i++)
		if (sasl->offered & mechanisms[i].mechanism)
			sprintf(out + strlen(out), "%s\"%s\"", *out ? ", " : "", mechanisms[i].setting);
	if (!*out)
		strcpy(out, "nothing that I can do");
}

static void
refuse_offer(struct sasl *sasl)
{
	char offers[80];

	name_offers(sasl, offers);
	sasl->state = SASL_FAILED;
	if (sasl->wanted == SASL_BEST)
		error_set(&sasl->why, "The server's SASL takes no password that I can give it, neither by scram-sha-256 nor by plain. It offers: %s.", offers);
	else
		error_set(&sasl->why, "The server's SASL does not offer %s, which is what sasl asks for. It offers: %s.", name_of_mechanism(sasl->used), offers);
}

void
sasl_begin(struct sasl *sasl)
{
	sasl->used = choose(sasl);
	sasl->challenge_length = 0;
	if (sasl->offered && !(sasl->offered & sasl->used)) {
		refuse_offer(sasl);
		return;
	}
	if (sasl->used == SASL_SCRAM_SHA_256) {
		sasl->scram = scram_new(sasl->account, sasl->password, NULL, &sasl->why);
		if (!sasl->scram) {
			sasl->state = SASL_FAILED;
			return;
		}
	}
	const char *name = name_of_mechanism(sasl->used);
	sasl->state = SASL_NAMED;
	sasl->send("AUTHENTICATE", &name, 1, sasl->with);
}

bool
sasl_waits(const struct sasl *sasl)
{
	return sasl->state > SASL_IDLE && sasl->state < SASL_DONE;
}

void
sasl_end(struct sasl *sasl)
{
	scram_free(sasl->scram);
	sasl->scram = NULL;
	secret_wipe(sasl->challenge, sizeof sasl->challenge);
}

/* -- What we say ------------------------------------------------------------------------------------------------------- */

static void
send_one(struct sasl *sasl, const char *word)
{
	sasl->send("AUTHENTICATE", &word, 1, sasl->with);
}

/* In chunks; a last one that is full looks as if more came, and nothing at all is a + too. */
static void
send_message(struct sasl *sasl, const void *bytes, size_t length)
{
	unsigned char base64[(MESSAGE_MOST + 2) / 3 * 4 + 1];
	char chunk[CHUNK + 1];
	size_t written = length <= MESSAGE_MOST ? (size_t)EVP_EncodeBlock(base64, bytes, (int)length) : 0;

	for (size_t at = 0; at < written; at += CHUNK) {
		size_t size = written - at < CHUNK ? written - at : CHUNK;
		memcpy(chunk, base64 + at, size);
		chunk[size] = '\0';
		send_one(sasl, chunk);
	}
	if (written % CHUNK == 0)
		send_one(sasl, "+");
	secret_wipe(chunk, sizeof chunk);
	secret_wipe(base64, sizeof base64);
}

/* NUL-separated: whom to be (nobody else), who we are, the password (RFC 4616). */
static void
say_plain(struct sasl *sasl)
{
	char plain[PLAIN_MOST];
	size_t account = strlen(sasl->account), password = strlen(sasl->password);

	if (account + password + 2 > PLAIN_MOST) {
		fail(sasl, "The account and its password are too long for the server.");
		return;
	}
	plain[0] = '\0';
	memcpy(plain + 1, sasl->account, account);
	plain[1 + account] = '\0';
	memcpy(plain + 2 + account, sasl->password, password);
	sasl->state = SASL_PROVING;
	send_message(sasl, plain, account + password + 2);
	secret_wipe(plain, sizeof plain);
}

/* The certificate has proven us already; the account is whom we want to be (RFC 4422, appendix A). */
static void
say_external(struct sasl *sasl)
{
	sasl->state = SASL_PROVING;
	send_message(sasl, sasl->account, strlen(sasl->account));
}

static void
say_first(struct sasl *sasl)
{
	const char *first = scram_first(sasl->scram);

	sasl->state = SASL_ASKED;
	send_message(sasl, first, strlen(first));
}

/* -- What we are asked -------------------------------------------------------------------------------------------------- */

/* The server may begin: it has nothing to say yet. */
static void
begin_proof(struct sasl *sasl, const char *message)
{
	if (*message)
		fail(sasl, "The server asked for something else than this login begins with.");
	else if (sasl->used == SASL_PLAIN)
		say_plain(sasl);
	else if (sasl->used == SASL_EXTERNAL)
		say_external(sasl);
	else
		say_first(sasl);
}

static void
take_message(struct sasl *sasl, const char *message)
{
	switch (sasl->state) {
	case SASL_NAMED:
		begin_proof(sasl, message);
		break;
	case SASL_ASKED:
		sasl->state = scram_challenge(sasl->scram, message, &sasl->why) ? SASL_WORKING : SASL_FAILED;
		break;
	case SASL_CHECKING:
		sasl->state = scram_verify(sasl->scram, message, &sasl->why) ? SASL_PROVING : SASL_FAILED;
		if (sasl->state == SASL_PROVING)
			send_one(sasl, "+");
		break;
	default:
		break;                  /* nobody asked for it */
	}
}

void
sasl_work(struct sasl *sasl)
{
	if (sasl->state != SASL_WORKING || !scram_work(sasl->scram))
		return;
	const char *final = scram_final(sasl->scram);
	sasl->state = SASL_CHECKING;
	send_message(sasl, final, strlen(final));
}

/* One whole challenge; its text has no NUL in it. */
static void
decode(struct sasl *sasl)
{
	char message[SASL_CHALLENGE_MOST];
	size_t length = sasl->challenge_length, padding = 0;

	sasl->challenge_length = 0;
	while (padding < 2 && padding < length && sasl->challenge[length - 1 - padding] == '=')
		padding++;
	int whole = length % 4 ? -1 : EVP_DecodeBlock((unsigned char *)message, (const unsigned char *)sasl->challenge, (int)length);
	if (whole < 0 || memchr(message, '\0', (size_t)whole - padding)) {
		fail(sasl, "What the server said while I logged in could not be read.");
		return;
	}
	message[(size_t)whole - padding] = '\0';
	take_message(sasl, message);
}

static void
take_authenticate(struct sasl *sasl, const char *chunk)
{
	size_t length = strcmp(chunk, "+") ? strlen(chunk) : 0;

	if (sasl->state == SASL_WORKING || sasl->state == SASL_PROVING)
		return;
	if (length > CHUNK || sasl->challenge_length + length > SASL_CHALLENGE_MOST) {
		fail(sasl, "What the server said while I logged in is too long.");
		return;
	}
	memcpy(sasl->challenge + sasl->challenge_length, chunk, length);
	sasl->challenge_length += length;
	if (length < CHUNK)
		decode(sasl);
}

/* -- How it ended ------------------------------------------------------------------------------------------------------- */

static const char wrong_password[] = "The server refused the account and its password; is password_file right?";
static const char wrong_certificate[] = "The server refused the certificate; does the account know its fingerprint (NickServ CERT ADD)?";

static const struct { const char *numeric; const char *why; } outcomes[] = {
	{ "902", "The server says that this account is locked." },
	{ "903", NULL },
	{ "904", wrong_password },
	{ "905", "The account and its password are too long for the server." },
	{ "906", "The server broke the login off." },
	{ "907", NULL },
};

static void
end_with(struct sasl *sasl, const char *why)
{
	bool external = sasl->used == SASL_EXTERNAL;

	/* Success counts only when everything was said, and the server has proven itself: else it is somebody's joke. */
	if (!why && sasl->state == SASL_PROVING)
		sasl->state = SASL_DONE;
	else if (!why && sasl->state == SASL_CHECKING)
		fail(sasl, "The server did not prove that it knows the password, so it may not be who it says it is.");
	else if (why && sasl_waits(sasl))
		fail(sasl, why == wrong_password && external ? wrong_certificate : why);
}

/* 908: which there are. It comes with a 904 behind it. */
static void
take_mechanisms(struct sasl *sasl, const struct irc_line *line)
{
	const char *list = line_param(line, 1);

	sasl_offered(sasl, list, strlen(list));
	if (sasl_waits(sasl) && !(sasl->offered & sasl->used))
		refuse_offer(sasl);
}

bool
sasl_take(struct sasl *sasl, const struct irc_line *line)
{
	if (!strcmp(line->command, "AUTHENTICATE")) {
		if (sasl_waits(sasl))
			take_authenticate(sasl, line_param(line, 0));
		return true;
	}
	if (!strcmp(line->command, "908")) {
		take_mechanisms(sasl, line);
		return true;
	}
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (!strcmp(outcomes[i].numeric, line->command)) {
			end_with(sasl, outcomes[i].why);
			return true;
		}
	return false;
}
