/* main: the command line: one row a subcommand. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/cli/archive.h"
#include "bridge/cli/backup.h"
#include "bridge/cli/console_client.h"
#include "bridge/cli/explain.h"
#include "bridge/cli/hooks.h"
#include "bridge/cli/keep.h"
#include "bridge/cli/manual.h"
#include "bridge/cli/online.h"
#include "bridge/cli/verify.h"
#include "bridge/protocol.h"
#include "bridge/report.h"
#include "bridge/report_inbox.h"
#include "bridge/run/store.h"
#include "bridge/setup.h"
#include "bridge/warnings.h"
#include "integrations/supervisor.h"

#define DEFAULT_CONF SYSCONFDIR "/sallyport/sallyport.conf"

/* What the words of the command line say. */
struct options {
	const char *conf;               /* -c */
	bool solo;
	const char *words[32];          /* all others, ended by NULL */
	size_t count;
};

struct subcommand {
	const char *name, *usage, *about;       /* about NULL: hidden */
	int (*run)(const struct options *);
	bool conf;                              /* it needs the configuration */
};

static const struct subcommand subcommands[];

static int
usage(void)
{
	fprintf(stderr, "sallyport --help shows the commands.\n");
	return EX_USAGE;
}

static bool
conf_readable(const struct options *options)
{
	return access(options->conf, R_OK) == 0;
}

static int
no_conf(const struct options *options)
{
	fprintf(stderr, "sallyport: %s cannot be read (%s). Name the configuration with -c FILE.\n", options->conf, strerror(errno));
	return EX_CONFIG;
}

/* 0, or 78 where the configuration has mistakes: all of them are told at once. */
static int
tell_mistakes(const struct setup *setup)
{
	size_t count = conf_mistakes(setup->conf);

	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "%s\n", conf_mistake_at(setup->conf, i));
	return count ? EX_CONFIG : EX_OK;
}

/* Nobody reads our memory, and no core file keeps it. */
static void
keep_memory_private(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static int
run_run(const struct options *options)
{
	bridge_prepare();
	keep_memory_private();          /* before it holds a secret */
	struct setup *setup = setup_read(options->conf);
	int code = tell_mistakes(setup);

	if (code == EX_OK) {
		gateway_open_log(&setup->gateway);
		code = bridge_run(setup, NULL, NULL);
	} else {
		setup_free(setup);
	}
	redact_forget();
	return code;
}

/* What is wrong, and what is likely not meant, by file and line. */
static int
tell_all(struct setup *setup)
{
	clock_zone(setup->gateway.timezone);
	warnings_past(setup);
	for (size_t i = 0; conf_told_at(setup->conf, i); i++)
		fprintf(stderr, "%s\n", conf_told_at(setup->conf, i));
	return conf_mistakes(setup->conf) ? EX_CONFIG : EX_OK;
}

static void
count_all(const struct setup *setup, char *out, size_t size)
{
	size_t warnings = conf_warnings(setup->conf);
	char more[40] = "";

	if (warnings)
		snprintf(more, sizeof more, ", %zu warning%s", warnings, text_s(warnings));
	snprintf(out, size, "%zu link%s, %zu room%s, %zu person%s, %zu role%s, %zu service%s: no mistakes%s",
		setup->link_count, text_s(setup->link_count), setup->rooms.count, text_s(setup->rooms.count),
		setup->persons, text_s(setup->persons), setup->roles, text_s(setup->roles),
		setup->instance_count, text_s(setup->instance_count), more);
}

static int
run_check(const struct options *options)
{
	bool online = options->count == 1 && !strcmp(options->words[0], "--online");
	char counts[300];

	if (online)
		keep_memory_private();
	struct setup *setup = setup_read(options->conf);
	int code = tell_all(setup);

	if (code == EX_OK && !(options->count == 0 || online)) {
		fprintf(stderr, "check takes --online, and nothing else.\n");
		code = EX_USAGE;
	} else if (code == EX_OK) {
		count_all(setup, counts, sizeof counts);
		if (online)
			code = online_check(setup, counts);
		else
			printf("%s\n", counts);
	}
	setup_free(setup);
	redact_forget();
	return code;
}

/* The socket of the console of this configuration. Mistakes elsewhere in it (a secret that this user may not read) do not matter. */
static char *
socket_of(const struct setup *setup, struct arena *arena)
{
	for (size_t i = 0; i < setup->link_count; i++)
		if (setup->links[i].protocol->single)
			return console_path(arena, setup->links[i].conf, setup->gateway.state);
	return NULL;
}

/* The console in the gateway's own process: it talks to it over the same socket as any other, from a thread of its own. */
struct solo {
	char *socket;
	pthread_t thread;
	bool begun;
	int code;
};

static void *
solo_console(void *with)
{
	struct solo *solo = with;

	solo->code = console_client(solo->socket, true);
	kill(getpid(), SIGTERM);
	return NULL;
}

static void
solo_begin(void *with)
{
	struct solo *solo = with;

	solo->begun = pthread_create(&solo->thread, NULL, solo_console, solo) == 0;
}

static int
run_solo(const struct options *options)
{
	bridge_prepare();
	keep_memory_private();
	struct setup *setup = setup_read(options->conf);
	struct arena *arena = arena_new();
	struct solo solo = { .socket = socket_of(setup, arena) };
	int code = tell_mistakes(setup);

	if (code == EX_OK) {
		gateway_open_log(&setup->gateway);
		code = bridge_run(setup, solo_begin, &solo);
	} else {
		setup_free(setup);
	}
	if (solo.begun) {
		pthread_join(solo.thread, NULL);
		code = code ? code : solo.code;
	}
	arena_free(arena);
	redact_forget();
	return code;
}

static int
run_console(const struct options *options)
{
	if (options->solo)
		return run_solo(options);
	struct setup *setup = setup_read(options->conf);
	struct arena *arena = arena_new();
	char *socket = socket_of(setup, arena);
	int code = socket ? console_client(socket, false) : tell_mistakes(setup);

	arena_free(arena);
	setup_free(setup);
	return code;
}

static int
run_status(const struct options *options)
{
	struct setup *setup = setup_read(options->conf);
	struct arena *arena = arena_new();
	const char *words[] = { "status", options->count > 0 ? options->words[0] : NULL, NULL };
	char *socket = socket_of(setup, arena);
	int code = socket ? console_ask(socket, words) : tell_mistakes(setup);

	if (socket && code == EX_UNAVAILABLE)
		printf("sallyport is not running on %s\n", setup->gateway.state);
	arena_free(arena);
	setup_free(setup);
	return code;
}

/* The shell took the quotes off a word with blanks in it: who="carol d". */
static void
add_word(struct text *line, const char *word, bool one_of_many)
{
	bool quoted = one_of_many && strchr(word, ' ');
	const char *equals = quoted ? strchr(word, '=') : NULL;
	size_t key = equals ? (size_t)(equals + 1 - word) : 0;

	text_printf(line, "%s%.*s%s%s%s", line->length ? " " : "", (int)key, word, quoted ? "\"" : "", word + key, quoted ? "\"" : "");
}

/* Asked in the name of who types it, so their own rules hold. */
static int
run_try(const struct options *options)
{
	struct setup *setup = setup_read(options->conf);
	struct arena *arena = arena_new();
	struct text line = text_in(arena, 16 * 1024);
	char *socket = socket_of(setup, arena);
	int code = EX_USAGE;

	for (size_t i = 0; i < options->count; i++)
		add_word(&line, options->words[i], options->count > 1);
	const char *prefix = setup->gateway.prefix;
	bool prefixed = !strncmp(line.bytes, prefix, strlen(prefix));
	if (!options->count)
		fprintf(stderr, "It is sallyport try COMMAND, as in: sallyport try ci build web\n");
	else
		code = console_say(socket, arena_printf(arena, "%s%s --dry-run", prefixed ? "" : prefix, line.bytes));
	arena_free(arena);
	setup_free(setup);
	return code;
}

static int
run_explain(const struct options *options)
{
	struct setup *setup = setup_read(options->conf);
	clock_zone(setup->gateway.timezone);
	int code = explain(setup, options->words, options->count);

	setup_free(setup);
	return code;
}

struct offline {
	const char *const *words;
	struct text *out;
	int code;
};

static bool
audit_offline(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct offline *offline = with;

	return report_audit(db, offline->words, arena, offline->out, &offline->code, error);
}

/* For what works on the state itself, whether a gateway runs on it or not. */
static int
with_state(const struct options *options, int (*run)(const struct keep *, const char *const *), const char *const *words)
{
	struct setup *setup = conf_readable(options) ? setup_read(options->conf) : NULL;
	struct arena *arena = arena_new();
	struct keep keep = { .conf = options->conf, .state = setup ? setup->gateway.state : NULL, .socket = setup ? socket_of(setup, arena) : NULL,
		.arena = arena };
	int code = run(&keep, words);

	arena_free(arena);
	if (setup)
		setup_free(setup);
	return code;
}

static bool
inbox_offline(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct offline *offline = with;

	return report_inbox(db, offline->words, arena, offline->out, &offline->code, error);
}

/* Asks the gateway that runs, or reads the store of one that does not: with the words behind the first `behind`. */
static int
ask(const struct options *options, const char *what, size_t behind, bool (*offline_run)(struct db *, void *, struct arena *, struct error *))
{
	struct setup *setup = setup_read(options->conf);
	struct arena *arena = arena_new();
	const char *words[34] = { what };
	memcpy(words + 1, options->words, (options->count + 1) * sizeof *words);
	char *socket = socket_of(setup, arena);
	int code = socket ? console_ask(socket, words) : EX_UNAVAILABLE;

	if (code == EX_UNAVAILABLE) {
		struct text out = text_in(arena, 64 << 20);
		struct offline offline = { words + 1 + behind, &out, 0 };
		struct error error;
		clock_zone(setup->gateway.timezone);
		bool read = store_read(setup->gateway.state, offline_run, &offline, arena, &error);
		fputs(read ? out.bytes : "", stdout);
		code = read ? offline.code : keep_unread(setup->gateway.state, &error);
	}
	arena_free(arena);
	setup_free(setup);
	return code;
}

static int
run_manual(const struct options *options)
{
	return manual_main(options->words);
}

static int
run_audit(const struct options *options)
{
	const char *const *words = options->words;

	/* A file is verified anywhere: there may be no gateway. */
	if (words[0] && words[1] && !strcmp(words[0], "verify"))
		return with_state(options, verify_audit, words + 1);
	if (!conf_readable(options))
		return no_conf(options);
	if (words[0] && !strcmp(words[0], "verify"))
		return with_state(options, verify_audit, words + 1);
	if (words[0] && !strcmp(words[0], "checkpoint"))
		return with_state(options, verify_checkpoint, words + 1);
	if (words[0] && !strcmp(words[0], "export"))
		return with_state(options, archive_export, words + 1);
	if (words[0] && !strcmp(words[0], "archive"))
		return with_state(options, archive_make, words + 1);
	return words[0] && !strcmp(words[0], "archived") ? usage() : ask(options, "audit", 0, audit_offline);
}

static int
replay(const struct options *options)
{
	struct setup *setup = setup_read(options->conf);
	struct arena *arena = arena_new();
	const char *words[] = { "hooks", "replay", options->words[1], NULL };
	char *socket = socket_of(setup, arena);
	int code = socket ? console_ask(socket, words) : tell_mistakes(setup);

	if (socket && code == EX_UNAVAILABLE)
		printf("sallyport is not running on %s\n", setup->gateway.state);
	arena_free(arena);
	setup_free(setup);
	return code;
}

static int
with_services(const struct options *options, int (*run)(const struct setup *, const char *const *))
{
	keep_memory_private();
	struct setup *setup = setup_read(options->conf);
	int code = tell_mistakes(setup);

	if (code == EX_OK)
		code = run(setup, options->words + 1);
	setup_free(setup);
	redact_forget();
	return code;
}

static int
run_hooks(const struct options *options)
{
	const char *word = options->count ? options->words[0] : "";

	if (!strcmp(word, "list"))
		return ask(options, "hooks", 1, inbox_offline);
	if (!strcmp(word, "replay"))
		return replay(options);
	if (!strcmp(word, "test"))
		return with_services(options, hooks_test);
	if (!strcmp(word, "try"))
		return with_services(options, hooks_try);
	fprintf(stderr, "It is sallyport hooks list, replay NUMBER, test SERVICE or try SERVICE FILE.\n");
	return EX_USAGE;
}

/* A mistake might have hidden which state is meant. */
static int
with_sure_state(const struct options *options, int (*run)(const struct keep *, const char *const *))
{
	struct setup *setup = setup_read(options->conf);
	int code = tell_mistakes(setup);

	setup_free(setup);
	return code == EX_OK ? with_state(options, run, options->words) : code;
}

static int
run_backup(const struct options *options)
{
	return with_sure_state(options, backup_make);
}

static int
run_restore(const struct options *options)
{
	return with_sure_state(options, backup_restore);
}

static int
run_supervise(const struct options *options)
{
	return options->count == 1 ? supervisor_main(options->words[0]) : usage();
}

static int
run_version(const struct options *options)
{
	(void)options;
	printf("sallyport %s\n", PACKAGE_VERSION);
	return EX_OK;
}

static int
run_help(const struct options *options)
{
	(void)options;
	printf("sallyport COMMAND [OPTION ...]      a gateway between chat rooms and the systems a team runs\n");
	for (const struct subcommand *one = subcommands; one->name; one++)
		if (one->about)
			printf("  %-44s %s\n", one->usage, one->about);
	printf("FILE is %s where none is named.\n"
		"Exit: 0 well, 1 no (refused, down, not verified), 64 usage, 65 damaged data, 69 not running, 73 file is there already, 78 configuration.\n", DEFAULT_CONF);
	return EX_OK;
}

static const struct subcommand subcommands[] = {
	{ "run",       "run -c FILE",                   "serve, in the foreground, log on stderr", run_run, true },
	{ "check",     "check -c FILE [--online]",      "find every mistake in the configuration, and what is likely not meant; --online also logs in and looks at each room", run_check, true },
	{ "console",   "console [--solo] -c FILE",      "talk to the running gateway, or to one of your own", run_console, true },
	{ "status",    "status [--json]",               "links, services, work, what is not yet said", run_status, true },
	{ "explain",   "explain PERSON COMMAND [ROOM]", "may they, by which rule, or why not", run_explain, true },
	{ "try",       "try COMMAND",                   "what a command would send, without sending it", run_try, true },
	{ "audit",     "audit list|verify|checkpoint|export|archive", "who did what; has anybody changed it; records into a file", run_audit, false },
	{ "hooks",     "hooks list|replay|test|try",    "webhooks that came; one once more; would it reach us; what would it look like", run_hooks, true },
	{ "backup",    "backup FOLDER",                 "copy the state into a new folder, while a gateway runs on it or not; no secret is in it", run_backup, true },
	{ "restore",   "restore FOLDER|FILE",           "put a backup in the place of the state, which is laid aside; nothing is done twice", run_restore, true },
	{ "manual",    "manual [NAME]",                 "every option of the configuration, every command", run_manual, false },
	{ "version",   "version",                       "which version this is", run_version, false },
	{ "help",      "help",                          "this", run_help, false },
	{ "--help",    NULL, NULL, run_help, false },
	{ "--version", NULL, NULL, run_version, false },
	{ "supervise", NULL, NULL, run_supervise, false },     /* started by the runner: keeps one job */
	{ 0 }
};

static bool
read_options(int argc, char **argv, struct options *options)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "-c")) {
			if (++i == argc)
				return false;
			options->conf = argv[i];
		} else if (!strcmp(argv[i], "--solo"))
			options->solo = true;
		else if (options->count + 1 < sizeof options->words / sizeof *options->words)
			options->words[options->count++] = argv[i];
		else
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct options options = { .conf = DEFAULT_CONF };

	/* A library would write the keys of our connections into the file that this names. */
	unsetenv("SSLKEYLOGFILE");
	log_open(LEVEL_WARNING, LOG_TEXT);
	if (argc < 2 || !read_options(argc, argv, &options))
		return usage();
	for (const struct subcommand *one = subcommands; one->name; one++) {
		if (strcmp(one->name, argv[1]) != 0)
			continue;
		if (one->conf && !conf_readable(&options))
			return no_conf(&options);
		return one->run(&options);
	}
	fprintf(stderr, "sallyport: there is no command %s.\n", argv[1]);
	return usage();
}
