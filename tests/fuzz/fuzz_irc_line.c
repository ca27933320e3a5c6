/* What a hostile IRC server may send, a line at a time: reading, tags, the login, the shape for libircclient, who said it, what it tells and
 * answers of people's accounts, messages of many lines, and what became of our own words.
 * With -DREPLAY: a program that runs over the files it is given. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/message.h"
#include "protocols/irc/batch.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/delivery.h"
#include "protocols/irc/hear.h"
#include "protocols/irc/identity.h"
#include "protocols/irc/line.h"
#include "protocols/irc/login.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/say.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Every line that the login says is one line. */
static void
check_sent(const char *command, const char *const *params, size_t count, void *with)
{
	struct written line;

	(void)with;
	assert(line_write(&line, 0, command, params, count));
}

static void
check_written(const struct irc_line *line)
{
	struct written written;
	struct irc_line back;

	if (!line_write(&written, 0, line->command, line->params, line->count))
		return;
	assert(written.length <= LINE_MOST && !memcmp(written.bytes + written.length - 2, "\r\n", 2));
	assert(line_read(written.bytes, written.length - 2, &back));
	assert(!strcmp(back.command, line->command) && back.count == line->count);
	for (size_t i = 0; i < back.count; i++)
		assert(!strcmp(back.params[i], line->params[i]));
}

/* One prefix, a command and a parameter at least, one line end. */
static void
check_shaped(struct irc_line *line)
{
	char shaped[LINE_LIBRARY_MOST + 3];
	size_t length;

	if (!line_for_library(line, "irc.test", shaped, &length))
		return;
	assert(length == strlen(shaped) && length >= 8 && length <= LINE_LIBRARY_MOST + 2 && *shaped == ':');
	assert(strpbrk(shaped, "\r\n") == shaped + length - 2 && strstr(shaped, " :"));
}

static void
check_heard(const struct irc_line *line, const struct channels *channels)
{
	const struct hear hearing = { "corp", "sally", NULL, channels, 1795442530250 };
	struct arena *arena = arena_new();
	struct message message;

	if (line->prefix && hear(arena, &hearing, line, line->prefix, line_param(line, 0), line_last(line), &message) == HEARD) {
		assert(text_utf8(message.text, strlen(message.text)) && text_utf8(message.from.shown, strlen(message.from.shown)));
		assert(message.from.proven == (message.from.account != NULL));
		assert(!message.from.account || !strncmp(message.from.account, "corp/", 5));
		assert(!strpbrk(message.text, "\r"));
	}
	arena_free(arena);
}

/* Whatever is told and answered, nobody is proven whom nobody asked about, or by nothing. */
static void
check_identity(struct identity *identity, const struct channels *channels, const struct irc_line *line)
{
	const char *account, *origin = line->prefix ? line->prefix : "", *nick = line_param(line, 0);
	struct question *question = identity_ask(identity, origin, line->count % 2 ? QUESTION_WHOX : QUESTION_WHOIS, 1000);

	assert(!question || identity_knows(origin));
	while (identity_unsent(identity))
		identity_unsent(identity)->sent = true;
	const struct question *decided = identity_take(identity, line, 1000);
	assert(!decided || (decided->answer != ANSWER_AWAITED && decided->sent && identity->asked > 0));
	assert(!decided || decided->answer != ANSWER_ACCOUNT || *decided->account);
	identity_tell(identity, channels, origin, nick);
	identity_host(identity, origin, nick, line_last(line));
	assert(identity_told(identity, origin, &account) != TOLD_ACCOUNT || *account);
	identity_left(identity, channels, line_last(line));
	identity_void(identity, nick);
	assert(identity->asked <= QUESTIONS_MOST);
	identity_release(identity, question);
}

/* A message of many lines is heard like one of a single line, and holds no more than it may. */
static void
check_batches(struct batches *batches, struct irc_line *line, const struct channels *channels)
{
	const char *ref = line_param(line, 0);
	struct batch *around = batch_of(batches, line), *ended = *ref == '-' ? batch_named(batches, ref + 1) : NULL;
	struct irc_line message;

	batch_mind(batches, line);
	if (strcmp(line->command, "BATCH")) {
		if (around)
			batch_add(around, line);
		return;
	}
	if (ended && batch_message(ended, &message)) {
		assert(ended->lines && ended->lines <= BATCH_LINES_MOST && strlen(line_last(&message)) <= BATCH_BYTES_MOST);
		assert(!strpbrk(line_last(&message), "\r") && *line_last(&message) != '\001');
		check_heard(&message, channels);
	}
	if (ended)
		batch_close(ended);
	else
		batch_open(batches, line);
}

/* Three of ours wait: with labels, as a whole with one, and without. */
static void
check_answers(struct presence *at, const struct irc_line *line)
{
	at->line = *line;
	delivery_answered(at);
	delivery_ponged(at, line_last(line));
	delivery_refused(at, line_param(line, 1), line_last(line));
	for (const struct waiter *waiter = at->waiters; waiter; waiter = waiter->next)
		assert(text_utf8(waiter->refused.text, strlen(waiter->refused.text)) && !strpbrk(waiter->refused.text, "\r\n"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const names[] = { "#ops", NULL };
	static char line_bytes[LINE_HEARD_MOST + 1];
	struct login login = { .account = "sally", .password = "open sesame", .safe = true, .send = check_sent };
	struct channels channels;
	struct identity identity;
	struct said_line said_lines[3][2] = { { { .command = "NOTICE", .text = "one" }, { .command = "NOTICE", .text = "two" } },
		{ { .command = "NOTICE", .text = "one" }, { .command = "NOTICE", .text = "two" } }, { { .command = "NOTICE", .text = "one" } } };
	struct said said[3] = { { .count = 2, .each = said_lines[0] }, { .count = 2, .whole = true, .each = said_lines[1] }, { .count = 1, .each = said_lines[2] } };
	struct waiter waiters[3] = { { .target = "#ops", .txn = "t1", .said = &said[0], .put = true, .labelled = true },
		{ .target = "#ops", .txn = "t2", .said = &said[1], .put = true, .labelled = true }, { .target = "bob", .txn = "t3", .said = &said[2], .put = true } };
	struct error error;
	struct engine engine = { .loop = loop_open(&error) };
	struct link link = { .name = "corp" };
	static struct presence at;
	const uint8_t *end = bytes + size;

	engine.tasks = tasks_open(&engine, 1);
	at = (struct presence){ .link = &link, .engine = &engine, .nick = "sally", .login = { .has = CAP_ECHO_MESSAGE } };
	for (size_t i = 0; i < 3; i++)
		presence_wait(&at, &waiters[i]);

	channels_begin(&channels, names, 1000);
	identity_begin(&identity, 0);
	login_begin(&login);
	while (bytes < end) {
		const uint8_t *stop = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t length = (size_t)((stop ? stop : end) - bytes);
		struct irc_line line;
		if (length <= LINE_HEARD_MOST) {
			memcpy(line_bytes, bytes, length);
			if (line_read(line_bytes, length, &line)) {
				check_written(&line);
				check_heard(&line, &channels);
				channels_names(&channels, &channels.each[0], line_last(&line));
				channels_rename(&channels, line_param(&line, 0), line_last(&line));
				check_identity(&identity, &channels, &line);
				login_take(&login, &line);
				check_answers(&at, &line);
				check_batches(&at.batches, &line, &channels);
				check_shaped(&line);
			}
		}
		bytes += length + (stop != NULL);
	}
	identity_end(&identity);
	batches_end(&at.batches);
	channels_end(&channels);
	tasks_close(engine.tasks);
	loop_close(engine.loop);
	return 0;
}

#ifdef REPLAY
int
main(int count, char **names)
{
	static uint8_t bytes[1 << 20];

	for (int i = 1; i < count; i++) {
		FILE *file = fopen(names[i], "rb");
		if (!file) {
			fprintf(stderr, "%s cannot be read.\n", names[i]);
			return 1;
		}
		size_t size = fread(bytes, 1, sizeof bytes, file);
		fclose(file);
		LLVMFuzzerTestOneInput(bytes, size);
	}
	return 0;
}
#endif
