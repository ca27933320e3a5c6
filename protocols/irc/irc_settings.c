/* irc_settings: what a section irc "corp" { } holds, and which of it goes together. */
#include "protocols/irc/irc_settings.h"

#include <string.h>

#include "protocols/irc/name.h"

const struct setting irc_settings[] = {
	SETTING(irc, account,  TYPE_TEXT,   NULL,          "The services account to log in to. Without one I join as nobody in particular."),
	SETTING(irc, answers,  TYPE_TEXT,   "notice",      "notice, or message; what may ring is always a message."),
	SETTING(irc, burst,    TYPE_NUMBER, "4",           "How many lines may leave at once, before rate holds them back; 1 to 1000."),
	SETTING(irc, ca_file,  TYPE_PATH,   NULL,          "The authority that signed the server's certificate, in PEM; else the system's authorities."),
	SETTING(irc, colour,   TYPE_FLAG,   "no",          "Whether states are coloured too; the words stay the same."),
	SETTING(irc, flood,    TYPE_FLAG,   "yes",         "Whether lines are held back at all; no is for servers that set no limit for us."),
	SETTING(irc, insecure, TYPE_FLAG,   "no",          "Allows tls = no for a server that is not on this machine: everything can then be read and forged on the way."),
	SETTING(irc, nick,     TYPE_TEXT,   NULL,          "The nick, where it is not the gateway's name."),
	SETTING(irc, password, TYPE_SECRET, NULL,          "The account's password, from password_file."),
	SETTING(irc, patience, TYPE_SPAN,   "30s",         "How long the server may take to answer when it is asked whether it is there."),
	SETTING(irc, ping,     TYPE_SPAN,   "60s",         "After how much silence the server is asked whether it is there."),
	SETTING(irc, port,     TYPE_NUMBER, "6697",        "The server's port."),
	SETTING(irc, rate,     TYPE_SPAN,   "2s",          "How long each further line waits."),
	SETTING(irc, realname, TYPE_TEXT,   "a gateway",   "The real name that WHOIS shows."),
	SETTING(irc, rejoin,   TYPE_SPAN,   "30s",         "How long I stay away from a channel that threw me out; it doubles up to 15 minutes."),
	SETTING(irc, retry,    TYPE_SPAN,   "2s",          "How long I wait before I connect again; it doubles up to 5 minutes."),
	SETTING(irc, sasl,     TYPE_TEXT,   NULL,          "How to log in: plain, which is also what an account and a password mean."),
	SETTING(irc, server,   TYPE_TEXT,   CONF_REQUIRED, "The server's name or address, without its port."),
	SETTING(irc, tls,      TYPE_FLAG,   "yes",         "Whether the connection is encrypted and the server's certificate verified."),
	{ 0 }
};

bool
irc_settings_local(const struct irc *irc)
{
	const char *server = irc->server;

	return !strcmp(server, "localhost") || !strcmp(server, "::1") || (!strncmp(server, "127.", 4) && !server[strspn(server, "0123456789.")]);
}

struct checking {
	struct conf *conf;
	const struct section *section;
};

#define MISTAKE(checking, ...) conf_mistake((checking)->conf, section_where((checking)->section), (checking)->section, __VA_ARGS__)

static void
check_server(const struct checking *checking, const struct irc *irc)
{
	if (!*irc->server || strpbrk(irc->server, " /@,") || strlen(irc->server) > 253)
		MISTAKE(checking, "server \"%s\" is no name of a host; it is written as in \"irc.corp.example\", and the port as port = 6697.", irc->server);
	if (irc->port < 1 || irc->port > 65535)
		MISTAKE(checking, "port is 1 to 65535; with TLS it is 6697 nearly everywhere.");
	if (!irc->tls && !irc->insecure && !irc_settings_local(irc))
		MISTAKE(checking, "tls = no would show everything to whoever is between here and %s; use tls = yes, or say insecure = yes too.", irc->server);
	if (!irc->tls && irc->ca_file)
		MISTAKE(checking, "ca_file is of no use with tls = no; take one of them out.");
}

static void
check_login(const struct checking *checking, const struct irc *irc)
{
	bool wanted = irc->account || irc->password || irc->sasl;

	if (irc->sasl && strcmp(irc->sasl, "plain"))
		MISTAKE(checking, "sasl = \"%s\": this version can only log in with \"plain\".", irc->sasl);
	if (wanted && !irc->account)
		MISTAKE(checking, "there is a login without an account; add account = \"...\".");
	if (wanted && !irc->password)
		MISTAKE(checking, "there is a login without a password; add password_file = \"...\".");
	if (wanted && !irc->tls)
		MISTAKE(checking, "a password leaves only over TLS; use tls = yes, or take account and password_file out.");
}

static void
check_manner(const struct checking *checking, const struct irc *irc)
{
	if (strcmp(irc->answers, "notice") && strcmp(irc->answers, "message"))
		MISTAKE(checking, "answers is \"notice\" or \"message\".");
	if (irc->nick && !name_nick(irc->nick))
		MISTAKE(checking, "nick \"%s\" is none: letters, digits and - _ [ ] \\ ` ^ { } |, and no digit first.", irc->nick);
	if (strlen(irc->realname) > 100 || strpbrk(irc->realname, "\r\n"))
		MISTAKE(checking, "realname is one line of at most 100 bytes.");
	if (irc->burst < 1 || irc->burst > 1000)
		MISTAKE(checking, "burst is 1 to 1000; flood = no holds nothing back.");
	if (irc->rate > 60 * 1000 || irc->ping < 1000 || irc->patience < 1000 || irc->retry < 1000 || irc->rejoin < 1000)
		MISTAKE(checking, "rate is at most 60s, and ping, patience, retry and rejoin are 1s or more.");
}

void
irc_settings_check(struct conf *conf, const struct section *section, void *filled)
{
	const struct checking checking = { conf, section };

	check_server(&checking, filled);
	check_login(&checking, filled);
	check_manner(&checking, filled);
}
