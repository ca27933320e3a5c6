/* irc_settings: what a section irc "corp" { } holds. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SETTINGS_H
#define SALLYPORT_PROTOCOLS_IRC_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "protocols/irc/name.h"

struct secret;

/* channel "#ops" { } in it: what a channel asks of who comes in. */
struct irc_channel {
	const char *name;
	struct where where;
	const struct secret *key;
};

struct irc {
	struct list servers;            /* "irc.corp.example", "irc2.corp.example:6670", "[2001:db8::1]:6697": tried in turn */
	int64_t port;                   /* of those that name none */
	struct sections channels;       /* struct irc_channel: only those with something to say */
	bool tls, insecure;
	const char *ca_file;
	struct list pins;               /* "sha256//BASE64" of the server's public key; none: any that is verified */
	const char *sasl, *account;
	const struct secret *password;
	const char *certificate_file;   /* ours, and its key: both or none */
	const struct secret *key;
	const char *services;           /* NICK!USER@HOST of the NickServ to log in to in place of SASL */
	const struct secret *server_password;   /* PASS */
	const char *nick, *realname;
	const char *answers;
	bool colour, flood;
	int64_t burst, rate;            /* lines at once; ms for each further one */
	int64_t retry;                  /* ms before it connects again when all servers have failed, at first */
	int64_t ping, patience;         /* ms of silence until the server is asked; ms it has to answer */
	int64_t rejoin;                 /* ms before a channel or the nick is asked for again, at first */
};

extern const struct setting irc_settings[];

struct irc_server {
	char host[254];                 /* a name or an address, without brackets */
	int port;
};
bool irc_settings_server(const struct irc *, size_t i, struct irc_server *);   /* false where that is none */
const struct secret *irc_settings_key(const struct irc *, const char *channel, enum name_case);        /* NULL: it has none */
bool irc_settings_nickserv(const struct irc *);         /* logs in to NickServ, not by SASL */
bool irc_settings_local(const struct irc *);    /* all its servers are on this machine */
/* What the settings cannot say one by one. */
void irc_settings_check(struct conf *, const struct section *, void *irc);

#endif
