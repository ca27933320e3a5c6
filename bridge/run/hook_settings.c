/* hook_settings: the section hooks { }: the options of the listener, and what they may be. */
#include <string.h>

#include "bridge/base/conf.h"
#include "bridge/base/error.h"
#include "bridge/base/url.h"
#include "bridge/run/hook.h"
#include "bridge/run/hook_address.h"

static const struct setting settings[] = {
	SETTING(hook_settings, body,             TYPE_NUMBER, "1048576",        "The most bytes that a request may bring."),
	SETTING(hook_settings, connections,      TYPE_NUMBER, "64",             "The most at once; one of the address that has most makes room, whoever has said nothing whole for longest."),
	SETTING(hook_settings, connections_each, TYPE_NUMBER, "8",              "The most from one address (of IPv6: from one /64); the proxy in front is one too."),
	SETTING(hook_settings, deadline,         TYPE_SPAN,   "10s",            "How long a whole request may take to come."),
	SETTING(hook_settings, header,           TYPE_NUMBER, "16384",          "The most bytes of the headers of a request together."),
	SETTING(hook_settings, headers,          TYPE_NUMBER, "100",            "The most headers of a request."),
	SETTING(hook_settings, insecure,         TYPE_FLAG,   "no",             "Whether url may begin with http: what it leads to may be read on the way."),
	SETTING(hook_settings, listen,           TYPE_TEXT,   "127.0.0.1:8480", "The address and port to listen on, in plain HTTP, for a reverse proxy with TLS."),
	SETTING(hook_settings, url,              TYPE_URL,    CONF_REQUIRED,    "How that proxy is reached: what our links begin with."),
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

void
hook_settings_check(struct conf *conf, const struct section *at, const struct hook_settings *hooks)
{
	struct error error;
	struct hook_address address;

	if (!hook_address_read(hooks->listen, &address, &error) || !address.port)
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
}
