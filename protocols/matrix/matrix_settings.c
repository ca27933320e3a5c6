/* matrix_settings: what a section matrix "hq" { } holds. */
#include "protocols/matrix/matrix_settings.h"

#include <string.h>

#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"

enum { ID_MOST = 255 };                 /* bytes of any identifier */

const struct setting matrix_settings[] = {
	SETTING(matrix, appservice_token, TYPE_SECRET, NULL, "The token of an application service that this account belongs to: it logs in without a password."),
	SETTING(matrix, ca_file,  TYPE_PATH,   NULL,          "The authority that signed the server's certificate, in PEM; else the system's authorities."),
	SETTING(matrix, device,   TYPE_TEXT,   "SALLYPORT",   "The name of our device. Keep it: with it the server knows again what was said already."),
	SETTING(matrix, insecure, TYPE_FLAG,   "no",          "Allows an address that begins with http and is not on this machine: everything can then be read and forged on the way."),
	SETTING(matrix, inviters, TYPE_LIST,   NULL,          "Whose invitations are taken: \"@bob:corp.example\", or \"corp.example\" for everybody there. All others are left alone."),
	SETTING(matrix, password, TYPE_SECRET, NULL,          "The account's password."),
	SETTING(matrix, poll,     TYPE_SPAN,   "30s",         "How long the server may wait for something new before it answers."),
	SETTING(matrix, retry,    TYPE_SPAN,   "2s",          "How long I wait before I ask a server again that did not answer; it doubles up to 5 minutes."),
	SETTING(matrix, seed,     TYPE_FLAG,   "no",          "Whether I put the signs that may be pressed on my messages, as on an approval: one tap then says yes."),
	SETTING(matrix, server,   TYPE_TEXT,   CONF_REQUIRED, "The homeserver: its name (\"corp.example\"), whose .well-known file tells the address, or that address (\"https://matrix.corp.example\")."),
	SETTING(matrix, servers,  TYPE_LIST,   NULL,          "The homeservers whose people can be persons; none named: the one of user."),
	SETTING(matrix, token,    TYPE_SECRET, NULL,          "An access token of this user; it is tried before a password."),
	SETTING(matrix, upgrades, TYPE_FLAG,   "no",          "Whether I follow a room that was upgraded into the one that replaces it."),
	SETTING(matrix, user,     TYPE_TEXT,   CONF_REQUIRED, "The account: \"@sally:corp.example\"."),
	{ 0 }
};

const char *
matrix_user_server(const char *user)
{
	const char *colon = strchr(user, ':');
	size_t length = strlen(user);

	if (*user != '@' || !colon || !colon[1] || length > ID_MOST || !text_utf8(user, length))
		return NULL;
	for (const char *c = user; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '/')
			return NULL;
	return colon + 1;
}

bool
matrix_settings_believes(const struct matrix *matrix, const char *user)
{
	const char *server = matrix_user_server(user), *own = matrix_user_server(matrix->user);

	if (!server || !own)
		return false;
	for (size_t i = 0; i < matrix->servers.count; i++)
		if (!strcmp(matrix->servers.each[i], server))
			return true;
	return !matrix->servers.count && !strcmp(server, own);
}

bool
matrix_settings_invites(const struct matrix *matrix, const char *user)
{
	const char *server = matrix_user_server(user);

	for (size_t i = 0; server && i < matrix->inviters.count; i++)
		if (!strcmp(matrix->inviters.each[i], user) || !strcmp(matrix->inviters.each[i], server))
			return true;
	return false;
}

bool
matrix_settings_place(const char *channel, struct error *error)
{
	const char *colon = strchr(channel, ':');
	size_t length = strlen(channel);

	if (length > ID_MOST || !text_utf8(channel, length) || strpbrk(channel, " /\t\r\n"))
		return error_set(error, "a room of Matrix is #alias:server or !id:server, without blanks.");
	/* Ids of rooms of version 12 and later have no server. */
	if (*channel == '!' && channel[1])
		return true;
	if (*channel == '#' && colon && colon > channel + 1 && colon[1])
		return true;
	return error_set(error, "a room of Matrix is #alias:server or !id:server.");
}

static bool
is_address(const char *server)
{
	return !strncmp(server, "https://", 8) || !strncmp(server, "http://", 7);
}

static void
check_server(struct conf *conf, const struct section *section, const struct matrix *matrix)
{
	struct where where = section_where(section);

	if (!is_address(matrix->server) && (!*matrix->server || strpbrk(matrix->server, " /@?#")))
		conf_mistake(conf, where, section, "server is a name such as \"corp.example\", or an address such as \"https://matrix.corp.example\".");
	if (!strncmp(matrix->server, "http://", 7) && !url_loopback(matrix->server) && !matrix->insecure)
		conf_mistake(conf, where, section, "server is http, so everything would travel in clear; write https, or insecure = yes if that is meant.");
}

static void
check_login(struct conf *conf, const struct section *section, const struct matrix *matrix)
{
	int ways = (matrix->password != NULL) + (matrix->token != NULL) + (matrix->appservice_token != NULL);
	struct where where = section_where(section);

	if (!matrix_user_server(matrix->user))
		conf_mistake(conf, where, section, "user is an account such as \"@sally:corp.example\".");
	if (!ways)
		conf_mistake(conf, where, section, "it says nothing of how to log in; add password_file, token_file or appservice_token_file.");
	if (matrix->device && (!*matrix->device || strlen(matrix->device) > ID_MOST || strpbrk(matrix->device, " /\t\r\n")))
		conf_mistake(conf, where, section, "device is one word.");
}

/* @bob:corp.example, or corp.example. */
static bool
is_inviter(const char *named)
{
	return *named == '@' ? matrix_user_server(named) != NULL : *named && !strpbrk(named, "@/# ");
}

static void
check_people(struct conf *conf, const struct section *section, const struct matrix *matrix)
{
	for (size_t i = 0; i < matrix->servers.count; i++)
		if (strpbrk(matrix->servers.each[i], "@/ ") || !*matrix->servers.each[i])
			conf_mistake(conf, matrix->servers.where[i], section, "servers are names of homeservers, such as \"corp.example\".");
	for (size_t i = 0; i < matrix->inviters.count; i++)
		if (!is_inviter(matrix->inviters.each[i]))
			conf_mistake(conf, matrix->inviters.where[i], section, "inviters are people (\"@bob:corp.example\") or homeservers (\"corp.example\").");
}

void
matrix_settings_check(struct conf *conf, const struct section *section, void *filled)
{
	struct matrix *matrix = filled;

	check_server(conf, section, matrix);
	check_login(conf, section, matrix);
	check_people(conf, section, matrix);
	if (matrix->poll < 1000 || matrix->poll > 120 * 1000)
		conf_mistake(conf, section_where(section), section, "poll is between 1s and 120s.");
	if (matrix->retry < 100)
		conf_mistake(conf, section_where(section), section, "retry is \"1s\" or more; a server that is away is not asked without a pause.");
}
