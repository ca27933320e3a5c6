/* irc_settings: what a section irc "corp" { } holds, and which of it goes together. */
#include "protocols/irc/irc_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "protocols/irc/name.h"
#include "protocols/irc/sasl.h"
#include "protocols/irc/wire_tls.h"

enum {
	SERVERS_MOST = 16,
	PASSWORD_MOST = 400,            /* bytes: it must fit on a line */
	KEY_MOST = 100,
};

static const struct setting channel_settings[] = {
	SETTING(irc_channel, name,  TYPE_TITLE,  NULL, "The channel, as in the places of a room."),
	SETTING(irc_channel, where, TYPE_WHERE,  NULL, NULL),
	SETTING(irc_channel, key,   TYPE_SECRET, NULL, "The channel's key (+k), from key_file."),
	{ 0 }
};
static const struct shape channel_shape = { "channel", sizeof(struct irc_channel), channel_settings, "What a channel asks of who comes in.", false };

const struct setting irc_settings[] = {
	SETTING(irc, account,  TYPE_TEXT,   NULL,          "The services account to log in to. Without one I join as nobody in particular."),
	SETTING(irc, answers,  TYPE_TEXT,   "notice",      "notice, or message; what may ring is always a message."),
	SETTING(irc, burst,    TYPE_NUMBER, "4",           "How many lines may leave at once, before rate holds them back; 1 to 1000."),
	SETTING(irc, ca_file,  TYPE_PATH,   NULL,          "The authority that signed the server's certificate, in PEM; else the system's authorities."),
	SETTING(irc, certificate_file, TYPE_PATH, NULL,    "Our own certificate, in PEM, for sasl = \"external\"; its chain may follow in it."),
	{ "channel", TYPE_SECTIONS, offsetof(struct irc, channels), NULL, "A channel that lets nobody in without its key.", &channel_shape },
	SETTING(irc, colour,   TYPE_FLAG,   "no",          "Whether states are coloured too; the words stay the same."),
	SETTING(irc, flood,    TYPE_FLAG,   "yes",         "Whether lines are held back at all; no is for servers that set no limit for us."),
	SETTING(irc, insecure, TYPE_FLAG,   "no",          "Allows tls = no for a server that is not on this machine: everything can then be read and forged on the way."),
	SETTING(irc, key,      TYPE_SECRET, NULL,          "The private key of certificate_file, in PEM, from key_file."),
	SETTING(irc, nick,     TYPE_TEXT,   NULL,          "The nick, where it is not the gateway's name."),
	SETTING(irc, password, TYPE_SECRET, NULL,          "The account's password."),
	SETTING(irc, patience, TYPE_SPAN,   "30s",         "How long the server may take to answer when it is asked whether it is there; twice as long to let me in."),
	{ "pin", TYPE_LIST, offsetof(struct irc, pins), NULL, "Public keys of the server, as \"sha256//...\": besides being verified its certificate must have one of them.", NULL },
	SETTING(irc, ping,     TYPE_SPAN,   "60s",         "After how much silence the server is asked whether it is there."),
	SETTING(irc, port,     TYPE_NUMBER, "6697",        "The servers' port, where they name none of their own."),
	SETTING(irc, rate,     TYPE_SPAN,   "2s",          "How long each further line waits."),
	SETTING(irc, realname, TYPE_TEXT,   "a gateway",   "The real name that WHOIS shows."),
	SETTING(irc, rejoin,   TYPE_SPAN,   "30s",         "How long I stay away from a channel that threw me out; it doubles up to 15 minutes."),
	SETTING(irc, retry,    TYPE_SPAN,   "2s",          "How long I wait before I connect again; it doubles up to 5 minutes, and under a ban up to 15."),
	SETTING(irc, sasl,     TYPE_TEXT,   NULL,          "How to log in: scram-sha-256, plain, external (certificate_file), or nickserv. None named: the better of the first two that the server offers."),
	{ "server", TYPE_LIST, offsetof(struct irc, servers), CONF_REQUIRED, "The network's servers, each a name or an address, tried in turn; a port of its own as in \"irc.corp.example:6670\" or \"[2001:db8::1]:6670\".", NULL },
	SETTING(irc, services, TYPE_TEXT,   NULL,          "For sasl = \"nickserv\": whom to log in to, NICK!USER@HOST as WHOIS shows it, * in user and host. Weaker than SASL: the nick may be another's when services are away."),
	SETTING(irc, server_password, TYPE_SECRET, NULL,   "The password that the server itself asks for, from server_password_file; only over TLS or to this machine."),
	SETTING(irc, tls,      TYPE_FLAG,   "yes",         "Whether the connection is encrypted and the server's certificate verified."),
	{ 0 }
};

/* Where the port of "host:port" or "[v6]:port" begins; NULL where there is none. A bare IPv6 address has more colons than one. */
static const char *
port_in(const char *server)
{
	const char *colon = strrchr(server, ':');

	if (!colon || (*server == '[' ? colon[-1] != ']' : strchr(server, ':') != colon))
		return NULL;
	return colon + 1;
}

static bool
read_port(const char *digits, int *port)
{
	size_t length = strspn(digits, "0123456789");

	*port = atoi(digits);
	return length > 0 && length <= 5 && !digits[length] && *port >= 1 && *port <= 65535;
}

bool
irc_settings_server(const struct irc *irc, size_t i, struct irc_server *out)
{
	const char *server = irc->servers.each[i], *port = port_in(server);
	size_t length = port ? (size_t)(port - 1 - server) : strlen(server);

	*out = (struct irc_server){ .port = (int)irc->port };
	if (length > 1 && *server == '[' && server[length - 1] == ']') {
		server++;
		length -= 2;
	}
	if (!length || length >= sizeof out->host || (port && !read_port(port, &out->port)))
		return false;
	snprintf(out->host, sizeof out->host, "%.*s", (int)length, server);
	return !strpbrk(out->host, " /@,[]\t\r\n");
}

const struct secret *
irc_settings_key(const struct irc *irc, const char *channel, enum name_case how)
{
	for (size_t i = 0; i < irc->channels.count; i++) {
		const struct irc_channel *at = irc->channels.each[i];
		if (name_same(at->name, channel, how))
			return at->key;
	}
	return NULL;
}

static bool
is_local(const char *host)
{
	return !strcmp(host, "localhost") || !strcmp(host, "::1") || (!strncmp(host, "127.", 4) && !host[strspn(host, "0123456789.")]);
}

bool
irc_settings_local(const struct irc *irc)
{
	struct irc_server server;

	for (size_t i = 0; i < irc->servers.count; i++)
		if (!irc_settings_server(irc, i, &server) || !is_local(server.host))
			return false;
	return irc->servers.count > 0;
}

bool
irc_settings_nickserv(const struct irc *irc)
{
	return irc->sasl && !strcmp(irc->sasl, "nickserv");
}

struct checking {
	struct conf *conf;
	const struct section *section;
};

#define MISTAKE(checking, ...) conf_mistake((checking)->conf, section_where((checking)->section), (checking)->section, __VA_ARGS__)

static void
check_server(const struct checking *checking, const struct irc *irc)
{
	struct irc_server server;

	if (!irc->servers.count)
		MISTAKE(checking, "server names none; write server = \"irc.corp.example\".");
	if (irc->servers.count > SERVERS_MOST)
		MISTAKE(checking, "server names %zu servers; %d are enough.", irc->servers.count, SERVERS_MOST);
	for (size_t i = 0; i < irc->servers.count; i++)
		if (!irc_settings_server(irc, i, &server))
			MISTAKE(checking, "server \"%s\" is no name of a host; it is written as in \"irc.corp.example\", \"irc.corp.example:6697\" or \"[2001:db8::1]:6697\".",
				irc->servers.each[i]);
	if (irc->port < 1 || irc->port > 65535)
		MISTAKE(checking, "port is 1 to 65535; with TLS it is 6697 nearly everywhere.");
	if (!irc->tls && !irc->insecure && irc->servers.count && !irc_settings_local(irc))
		MISTAKE(checking, "tls = no would show everything to whoever is between here and %s; use tls = yes, or say insecure = yes too.",
			irc->servers.each[0]);
	if (!irc->tls && irc->ca_file)
		MISTAKE(checking, "ca_file is of no use with tls = no; take one of them out.");
}

static void
check_login(const struct checking *checking, const struct irc *irc)
{
	bool wanted = irc->account || irc->password || irc->sasl;
	bool external = sasl_named(irc->sasl) == SASL_EXTERNAL;

	if (irc->sasl && sasl_named(irc->sasl) == SASL_BEST && !irc_settings_nickserv(irc))
		MISTAKE(checking, "sasl = \"%s\" is not \"scram-sha-256\", \"plain\", \"external\" or \"nickserv\".", irc->sasl);
	if (wanted && !irc->account)
		MISTAKE(checking, "there is a login without an account; add account = \"...\".");
	if (wanted && !external && !irc->password)
		MISTAKE(checking, "there is a login without a password; add password_file = \"...\".");
	if (external && irc->password)
		MISTAKE(checking, "sasl = \"external\" logs in by certificate_file, and needs no password; take password_file out.");
	if (wanted && !irc->tls)
		MISTAKE(checking, "a password leaves only over TLS; use tls = yes, or take account and password_file out.");
}

/* Who may be what NickServ is: nothing stands for the nick, for that is the one thing that anybody can take. */
static bool
is_services(const char *mask)
{
	const char *user = strchr(mask, '!'), *host = user ? strchr(user, '@') : NULL;
	char nick[NAME_MOST + 1];

	if (!host || user == mask || user + 1 == host || !host[1] || strpbrk(mask, " \t\r\n,") || !name_of(mask, nick))
		return false;
	return name_nick(nick) && strspn(host + 1, "*?.") != strlen(host + 1);
}

static void
check_services(const struct checking *checking, const struct irc *irc)
{
	if (irc_settings_nickserv(irc) && !irc->services)
		MISTAKE(checking, "sasl = \"nickserv\" needs services = \"NickServ!USER@HOST\", as /whois NickServ shows them; a nick alone proves nothing.");
	if (irc->services && !irc_settings_nickserv(irc))
		MISTAKE(checking, "services is of use with sasl = \"nickserv\" only; take it out.");
	if (irc->services && !is_services(irc->services))
		MISTAKE(checking, "services \"%s\" is no NICK!USER@HOST; * may stand in USER and for a part of HOST.", irc->services);
}

static void
check_certificate(const struct checking *checking, const struct irc *irc)
{
	struct error error;

	if (!irc->certificate_file != !irc->key)
		MISTAKE(checking, "certificate_file and key_file go together; name both or none.");
	if (sasl_named(irc->sasl) == SASL_EXTERNAL && !irc->certificate_file)
		MISTAKE(checking, "sasl = \"external\" needs certificate_file and key_file.");
	if (irc->certificate_file && !irc->tls)
		MISTAKE(checking, "certificate_file is of no use with tls = no; take one of them out.");
	if (irc->certificate_file && irc->key && !wire_tls_certificate(irc, &error))
		MISTAKE(checking, "%s", error.text);
}

static void
check_pins(const struct checking *checking, const struct irc *irc)
{
	for (size_t i = 0; i < irc->pins.count; i++)
		if (!wire_tls_is_pin(irc->pins.each[i]))
			conf_mistake(checking->conf, irc->pins.where[i], checking->section,
				"pin \"%s\" is not \"sha256//\" and the base64 of 32 bytes: the SHA-256 of the public key.", irc->pins.each[i]);
	if (irc->pins.count && !irc->tls)
		MISTAKE(checking, "pin is of no use with tls = no; take one of them out.");
}

static void
check_server_password(const struct checking *checking, const struct irc *irc)
{
	const struct secret *password = irc->server_password;

	if (!password)
		return;
	if (!irc->tls && !irc_settings_local(irc))
		MISTAKE(checking, "the server's password leaves only over TLS or to this machine; use tls = yes, or take server_password_file out.");
	if (password->length > PASSWORD_MOST || strpbrk(password->bytes, "\r\n"))
		MISTAKE(checking, "server_password_file holds no password of a server: that is one line of at most %d bytes.", PASSWORD_MOST);
}

/* A key is one word among others that have commas between. */
static bool
is_key(const struct secret *key)
{
	for (const char *at = key->bytes; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == ',' || *at == 0x7f)
			return false;
	return *key->bytes != ':' && key->length <= KEY_MOST;
}

static void
check_channels(const struct checking *checking, const struct irc *irc)
{
	struct error error;

	for (size_t i = 0; i < irc->channels.count; i++) {
		const struct irc_channel *channel = irc->channels.each[i];
		if (!name_channel(channel->name, &error))
			conf_mistake(checking->conf, channel->where, checking->section, "channel \"%s\": %s", channel->name, error.text);
		if (channel->key && !is_key(channel->key))
			conf_mistake(checking->conf, channel->where, checking->section,
				"key_file of channel \"%s\" holds no key: that is one word of at most %d bytes without a comma.", channel->name, KEY_MOST);
	}
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
	check_services(&checking, filled);
	check_certificate(&checking, filled);
	check_pins(&checking, filled);
	check_server_password(&checking, filled);
	check_channels(&checking, filled);
	check_manner(&checking, filled);
}
