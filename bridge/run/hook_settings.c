/* hook_settings: the section hooks { }: the options of the listener, and what they may be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/error.h"
#include "bridge/base/url.h"
#include "bridge/run/hook.h"
#include "bridge/run/hook_address.h"

enum { CERTIFICATE_MOST = 64 * 1024 };

static const struct setting settings[] = {
	SETTING(hook_settings, body,                TYPE_NUMBER, "1048576",        "The most bytes that a request may bring."),
	SETTING(hook_settings, certificate_file,    TYPE_PATH,   NULL,             "Our certificate and those above it, in PEM: with key_file we speak TLS ourselves."),
	SETTING(hook_settings, certificate_header,  TYPE_TEXT,   "Client-Cert",    "The header in which those proxies say with which certificate somebody came (RFC 9440)."),
	SETTING(hook_settings, connections,         TYPE_NUMBER, "64",             "The most at once; one of the address that has most makes room, whoever has said nothing whole for longest."),
	SETTING(hook_settings, connections_each,    TYPE_NUMBER, "8",              "The most from one address (of IPv6: from one /64); the proxy in front is one too."),
	SETTING(hook_settings, deadline,            TYPE_SPAN,   "10s",            "How long a whole request may take to come."),
	SETTING(hook_settings, header,              TYPE_NUMBER, "16384",          "The most bytes of the headers of a request together."),
	SETTING(hook_settings, headers,             TYPE_NUMBER, "100",            "The most headers of a request."),
	SETTING(hook_settings, insecure,            TYPE_FLAG,   "no",             "Whether url may begin with http: what it leads to may be read on the way."),
	SETTING(hook_settings, key,                 TYPE_SECRET, NULL,             "A file with the key of that certificate, in PEM."),
	SETTING(hook_settings, listen,              TYPE_TEXT,   "127.0.0.1:8480", "The address and port to listen on, or unix:PATH; in plain HTTP, for a reverse proxy with TLS, where no certificate_file is named."),
	SETTING(hook_settings, metrics,             TYPE_FLAG,   "no",             "Whether /metrics and /healthz are served; let the proxy pass on /in/ and /f/ alone."),
	SETTING(hook_settings, metrics_from,        TYPE_LIST,   "127.0.0.0/8, ::1", "From which addresses they may be asked for."),
	SETTING(hook_settings, proxies,             TYPE_LIST,   NULL,             "Addresses of reverse proxies, whose X-Forwarded-For and certificate_header are believed."),
	SETTING(hook_settings, spool,               TYPE_PATH,   NULL,             "A folder: a file INSTANCE.ANYTHING that is moved into it is taken as a webhook, without further proof."),
	SETTING(hook_settings, url,                 TYPE_URL,    CONF_REQUIRED,    "How that proxy is reached: what our links begin with."),
	{ "where", TYPE_WHERE, offsetof(struct hook_settings, where), NULL, NULL, NULL },
	{ 0 }
};

const struct shape hook_shape = {
	"hooks", sizeof(struct hook_settings), settings, "The way in over HTTP: files of one chat as links for the others. Without it nothing listens.", true
};

static const struct { const char *name; size_t offset; int64_t least, most; } bounds[] = {
	{ "body",             offsetof(struct hook_settings, body),             1024, 25 << 20 },
	{ "connections",      offsetof(struct hook_settings, connections),      1,    10000 },
	{ "connections_each", offsetof(struct hook_settings, connections_each), 1,    10000 },
	{ "header",           offsetof(struct hook_settings, header),           1024, 64 << 10 },
	{ "headers",          offsetof(struct hook_settings, headers),          10,   1000 },
};

/* Read here and not by the library, so that a new one is taken when the configuration is read anew. */
static void
read_certificate(struct conf *conf, const struct section *at, struct hook_settings *hooks)
{
	char *text = arena_take(conf_arena(conf), CERTIFICATE_MOST + 1);
	FILE *file = fopen(hooks->certificate_file, "re");
	size_t length = file ? fread(text, 1, CERTIFICATE_MOST + 1, file) : 0;

	if (!file || ferror(file))
		conf_mistake(conf, hooks->where, at, "certificate_file %s cannot be read: %s.", hooks->certificate_file, strerror(errno));
	else if (length > CERTIFICATE_MOST || strlen(text) != length || !strstr(text, "-----BEGIN CERTIFICATE-----"))
		conf_mistake(conf, hooks->where, at, "certificate_file %s holds no certificate in PEM.", hooks->certificate_file);
	else
		hooks->certificate = text;
	if (file)
		fclose(file);
}

void
hook_settings_check(struct conf *conf, const struct section *at, struct hook_settings *hooks)
{
	struct error error;
	struct hook_address address;

	if (!hook_address_read(hooks->listen, &address, &error) || (!address.port && address.socket.ss_family != AF_UNIX))
		conf_mistake(conf, hooks->where, at, "%s", address.read ? "port 0 is no port to be found at; name one." : error.text);
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		int64_t value = *(const int64_t *)(const void *)((const char *)hooks + bounds[i].offset);
		if (value < bounds[i].least || value > bounds[i].most)
			conf_mistake(conf, hooks->where, at, "%s is %lld to %lld.", bounds[i].name, (long long)bounds[i].least, (long long)bounds[i].most);
	}
	if (hooks->deadline < 1000 || hooks->deadline > 5 * 60 * 1000)
		conf_mistake(conf, hooks->where, at, "deadline is 1s to 5m.");
	if (!strncmp(hooks->url, "http:", 5) && !hooks->insecure && !url_loopback(hooks->url))
		conf_mistake(conf, hooks->where, at, "url is plain http: whoever is on the way may read what our links lead to. Use https, or say insecure = yes.");
	if (!hooks->certificate_file != !hooks->key)
		conf_mistake(conf, hooks->where, at, "certificate_file and key_file go together: one of them is missing.");
	else if (hooks->key)
		read_certificate(conf, at, hooks);
	hooks->metrics_ranges = ranges_of(conf, at, "metrics_from", &hooks->metrics_from);
	hooks->proxy_ranges = ranges_of(conf, at, "proxies", &hooks->proxies);
}
