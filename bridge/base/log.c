/* log: what happened, for the operator: one line an event on stderr, secrets taken out. */
#include "bridge/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"

enum { LONGEST = 8192 };        /* what a service says may be in a line, and has no bound of its own */

/* The one state that a file keeps: where the lines go. */
static struct {
	pthread_mutex_t lock;
	enum log_level least;
	enum log_form form;
	bool journal;
} log_state = { PTHREAD_MUTEX_INITIALIZER, LEVEL_INFO, LOG_TEXT, false };

static _Thread_local const char *command_number;

enum { NUMBER_SHOWN = 6 };      /* the last letters of a number tell people commands of one day apart */

static const struct { const char *name, *priority; } levels[] = {
	[LEVEL_DEBUG] = { "debug", "<7>" }, [LEVEL_INFO] = { "info", "<6>" }, [LEVEL_WARNING] = { "warning", "<4>" }, [LEVEL_ERROR] = { "error", "<3>" } };

/* Whether stderr is the journal, which keeps the time itself: $JOURNAL_STREAM names its device and inode. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &status) == 0
		&& status.st_dev == device && status.st_ino == inode;
}

void
log_number(const char *number)
{
	command_number = number;
}

void
log_open(enum log_level least, enum log_form form)
{
	pthread_mutex_lock(&log_state.lock);
	log_state.least = least;
	log_state.form = form;
	log_state.journal = is_journal();
	pthread_mutex_unlock(&log_state.lock);
}

static void
write_json(struct arena *arena, enum log_level level, const char *when, const char *line)
{
	struct json_object *object = json_new_object(arena);

	json_set(object, "time", when);
	json_set(object, "level", levels[level].name);
	json_set(object, "command", command_number);
	json_set(object, "text", line);
	fprintf(stderr, "%s%s\n", log_state.journal ? levels[level].priority : "", json_write(object));
}

static void
write_text(enum log_level level, const char *when, const char *line)
{
	size_t length = command_number ? strlen(command_number) : 0;
	const char *number = length > NUMBER_SHOWN ? command_number + length - NUMBER_SHOWN : length ? command_number : "";

	/* The journal keeps time and level itself. */
	if (log_state.journal)
		fprintf(stderr, "%s%s%s%s\n", levels[level].priority, number, *number ? ": " : "", line);
	else
		fprintf(stderr, "%s %s%s%s: %s\n", when, levels[level].name, *number ? " " : "", number, line);
}

static void
write_line(struct arena *arena, enum log_level level, const char *line)
{
	char when[32];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
	if (log_state.form == LOG_JSON)
		write_json(arena, level, when, line);
	else
		write_text(level, when, line);
}

/* Secrets are taken out twice: cleaning would hide one with blanks or line ends, and mend one that is torn by controls. */
static char *
one_line(struct arena *arena, const char *text)
{
	const char *shown = redact_text(arena, text);
	const char *line = redact_text(arena, text_clean(arena, shown, strlen(shown)));

	return text_cut(arena, line, LONGEST);
}

static void __attribute__((format(printf, 2, 0)))
log_write(enum log_level level, const char *format, va_list values)
{
	pthread_mutex_lock(&log_state.lock);
	bool wanted = level >= log_state.least;
	pthread_mutex_unlock(&log_state.lock);
	if (!wanted)
		return;
	struct arena *arena = arena_new();
	char *line = one_line(arena, arena_vprintf(arena, format, values));
	pthread_mutex_lock(&log_state.lock);
	write_line(arena, level, line);
	pthread_mutex_unlock(&log_state.lock);
	arena_free(arena);
}

#define LOGGER(name, level) \
	void name(const char *format, ...) { va_list values; va_start(values, format); log_write(level, format, values); va_end(values); }

LOGGER(log_debug, LEVEL_DEBUG)
LOGGER(log_info, LEVEL_INFO)
LOGGER(log_warning, LEVEL_WARNING)
LOGGER(log_error, LEVEL_ERROR)
