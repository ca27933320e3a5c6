/* gateway: the options that stand in no section. */
#include "bridge/gateway.h"

#include <string.h>

#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/work/command.h"
#include "bridge/work/own.h"

static const struct setting gateway_settings[] = {
	SETTING(gateway, admins,    TYPE_LIST,   NULL,                 "Who gives rights; named to those who lack one. They let people set up one-time codes."),
	SETTING(gateway, lines,     TYPE_NUMBER, "10",                 "The most lines of one answer."),
	SETTING(gateway, log,       TYPE_TEXT,   "info",               "What the log tells: debug, info, warning or error; json, or \"json debug\", for programs."),
	SETTING(gateway, name,      TYPE_TEXT,   "sally",              "Our nick and display name."),
	SETTING(gateway, prefix,    TYPE_TEXT,   "!",                  "What begins a command; our name first, or a private message, work too."),
	SETTING(gateway, state,     TYPE_PATH,   "/var/lib/sallyport", "The folder of all that is kept."),
	SETTING(gateway, strangers, TYPE_LIST,   NULL,                 "What people we cannot prove may do, of what only looks: ping, help, whoami."),
	SETTING(gateway, timezone,  TYPE_TEXT,   NULL,                 "In which times are said; the system's where none is named."),
	{ 0 }
};

const struct shape gateway_shape = { "gateway", sizeof(struct gateway), gateway_settings, "The gateway itself.", true };

/* log = "json" is level info; for another one it is "json debug". */
static const struct { const char *written; enum log_level least; enum log_form form; } logs[] = {
	{ "debug", LEVEL_DEBUG, LOG_TEXT }, { "info", LEVEL_INFO, LOG_TEXT }, { "warning", LEVEL_WARNING, LOG_TEXT }, { "error", LEVEL_ERROR, LOG_TEXT },
	{ "json", LEVEL_INFO, LOG_JSON }, { "json debug", LEVEL_DEBUG, LOG_JSON }, { "json warning", LEVEL_WARNING, LOG_JSON },
	{ "json error", LEVEL_ERROR, LOG_JSON },
};

enum { LOGS = sizeof logs / sizeof *logs };

static size_t
log_named(const char *written)
{
	size_t i = 0;

	while (i < LOGS && strcmp(logs[i].written, written))
		i++;
	return i;
}

void
gateway_open_log(const struct gateway *gateway)
{
	size_t i = log_named(gateway->log);

	if (i < LOGS)
		log_open(logs[i].least, logs[i].form);
}

static bool
for_strangers(const char *verb, bool *known)
{
	bool open = false;

	*known = false;
	for (const struct command *own = own_commands; own->verb; own++)
		if (!strcmp(own->verb, verb)) {
			*known = true;
			open = open || command_strangers(own);
		}
	return open;
}

/* What changes or decides something is for people who are proven. A verb that there is not is told of with the rights. */
static void
check_strangers(struct conf *conf, const struct list *verbs)
{
	struct text open = text_in(conf_arena(conf), 400);
	bool known;

	for (const struct command *own = own_commands; own->verb; own++)
		if (command_strangers(own))
			text_printf(&open, "%s%s", open.length ? ", " : "", own->verb);
	for (size_t i = 0; i < verbs->count; i++)
		if (!for_strangers(verbs->each[i], &known) && known)
			conf_mistake(conf, verbs->where[i], NULL, "strangers: %s is nothing for people I cannot prove; there may stand %s.", verbs->each[i], open.bytes);
}

void
gateway_check(struct conf *conf, const struct gateway *gateway)
{
	struct section *root = conf_root(conf);
	struct where top = section_where(root);

	if (log_named(gateway->log ? gateway->log : "") == LOGS)
		conf_mistake(conf, top, root, "log is not debug, info, warning or error, nor json, as in \"json\" or \"json debug\".");
	if (gateway->timezone && !clock_zone_known(gateway->timezone))
		conf_mistake(conf, top, root, "there is no time zone %s; names are as in \"Europe/Madrid\".", gateway->timezone);
	if (!gateway->prefix || !*gateway->prefix || strlen(gateway->prefix) > 8 || strpbrk(gateway->prefix, " /"))
		conf_mistake(conf, top, root, "prefix is 1 to 8 characters without a blank or /, as in \"!\".");
	if (!gateway->name || !*gateway->name || strpbrk(gateway->name, " ,:@!"))
		conf_mistake(conf, top, root, "name is one word, as in \"sally\".");
	if (gateway->lines < 2 || gateway->lines > 100)
		conf_mistake(conf, top, root, "lines is 2 to 100.");
	check_strangers(conf, &gateway->strangers);
}
