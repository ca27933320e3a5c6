/* console_client: the other end of the console's socket: a terminal, a pipe, or one question. */
#include "bridge/cli/console_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/cli/console_editor.h"

enum {
	ANSWER_LINE_MOST = CONSOLE_LINE_MOST + 1,
	TYPED_MOST = 32 * 1024,         /* bytes of one line; JSON makes it longer */
	UNSENT_MOST = 256 * 1024,       /* more is not read from a pipe until the gateway has taken some */
	STARTING_MS = 15 * 1000,
	LOOK_MS = 50,
};

/* A growing piece of what is on its way. */
struct bytes {
	char *at;
	size_t length, size;
};

struct client {
	int fd;
	struct bytes in, typed, out;
	bool terminal;                  /* we are typed at: a prompt */
	bool colour;                    /* shown on a terminal that wants it */
	bool opening;                   /* not yet known whether the terminal can be edited on */
	bool greeted, ended, asked;     /* hello came; nothing more is typed; this is a question */
	char name[64];                  /* of the gateway */
	char prompt[68];
	const char *line;               /* said in place of what would be typed */
	const char *socket;
	struct editor *editor;          /* NULL: lines come as the terminal gives them */
	struct text *answer;            /* where an answer goes in place of standard output */
	unsigned said;
	int code;                       /* -1: goes on */
};

static void
add(struct bytes *bytes, const char *from, size_t length)
{
	if (bytes->length + length > bytes->size) {
		bytes->size = 2 * (bytes->length + length);
		bytes->at = memory_resize(bytes->at, bytes->size);
	}
	memcpy(bytes->at + bytes->length, from, length);
	bytes->length += length;
}

static void
take_off(struct bytes *bytes, size_t length)
{
	bytes->length -= length;
	memmove(bytes->at, bytes->at + length, bytes->length);
}

/* Sending. */

static void
send_object(struct client *client, struct json_object *object)
{
	const char *line = json_write(object);

	add(&client->out, line, strlen(line));
	add(&client->out, "\n", 1);
}

static void
send_flag(struct client *client, const char *key)
{
	struct arena *arena = arena_new();
	struct json_object *object = json_new_object(arena);

	json_object_object_add(object, key, json_object_new_boolean(1));
	send_object(client, object);
	arena_free(arena);
}

static void
send_text(struct client *client, const char *key, const char *text, const char *id)
{
	struct arena *arena = arena_new();
	struct json_object *object = json_new_object(arena);

	json_set(object, key, text);
	json_set(object, "id", id);
	send_object(client, object);
	arena_free(arena);
}

static void
send_words(struct client *client, const char *const *words)
{
	struct arena *arena = arena_new();
	struct json_object *object = json_new_object(arena), *array = json_new_array(arena);

	for (; *words; words++)
		json_object_array_add(array, json_object_new_string(text_clean(arena, *words, strlen(*words))));
	json_object_object_add(object, "ask", json_object_get(array));
	send_object(client, object);
	arena_free(arena);
}

/* What is said: a line that was typed, and that no more will come. */

static void
say(struct client *client, const char *line, size_t length)
{
	struct arena *arena = arena_new();
	char *text = text_clean(arena, line, length);

	if (*text)
		send_text(client, "say", text, arena_printf(arena, "c%u", ++client->said));
	arena_free(arena);
}

/* The end of what is typed: a person leaves, a pipe waits until all is done. */
static void
end_of_input(struct client *client)
{
	if (client->typed.length)
		say(client, client->typed.at, client->typed.length);
	client->typed.length = 0;
	client->ended = true;
	if (!client->terminal) {
		send_flag(client, "wait");
		return;
	}
	putchar('\n');
	client->code = EX_OK;
}

/* Showing. */

static void
prompt(const struct client *client)
{
	if (client->terminal && client->greeted && !client->editor && !client->opening)
		printf("%s> ", client->name);
}

static const char *
colour_of(const char *tone)
{
	static const struct { const char *tone, *code; } colours[] = { { "bad", "\033[31m" }, { "good", "\033[32m" }, { "waiting", "\033[33m" } };

	for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
		if (!strcmp(colours[i].tone, tone))
			return colours[i].code;
	return "";
}

/* Above the prompt. What the gateway says is clean already; we trust no other end. */
static void
show(const struct client *client, struct arena *arena, const char *text, const char *tone, bool ring)
{
	const char *colour = client->colour ? colour_of(tone) : "";

	if (client->editor)
		editor_hide(client->editor);
	else if (client->terminal)
		fputs("\r\033[K", stdout);
	printf("%s%s%s%s\n", colour, text_clean_lines(arena, text, strlen(text)), *colour ? "\033[0m" : "", ring && client->terminal ? "\a" : "");
	if (client->editor)
		editor_show(client->editor);
	prompt(client);
}

/* What the gateway says. */

static void
hear_hello(struct client *client, struct json_object *object, struct arena *arena)
{
	const char *name = json_string(object, "hello.name", "sallyport");
	char *clean = text_clean(arena, name, strlen(name));

	snprintf(client->name, sizeof client->name, "%s", text_cut(arena, clean, sizeof client->name - 1));
	client->greeted = true;
	if (!client->asked)
		send_flag(client, "listen");
	if (client->line) {
		say(client, client->line, strlen(client->line));
		end_of_input(client);
	}
	prompt(client);
}

/* The ack follows when the line has really been shown. */
static void
hear_line(struct client *client, struct json_object *object, struct arena *arena)
{
	const char *txn = json_string(object, "txn", NULL);

	if (client->asked)
		return;
	show(client, arena, json_string(object, "line", ""), json_string(object, "tone", "plain"), json_true(object, "ring"));
	if (fflush(stdout))
		client->code = EX_IOERR;
	else if (txn)
		send_text(client, "ack", txn, NULL);
}

static void
hear_unheard(struct client *client, struct json_object *object, struct arena *arena)
{
	show(client, arena, arena_printf(arena, "Not taken: %s", json_string(object, "why", "no reason was given")), "bad", false);
}

static void
hear_answer(struct client *client, struct json_object *object, struct arena *arena)
{
	const char *text = json_string(object, "answer", "");

	if (client->answer)
		text_add(client->answer, text_clean_lines(arena, text, strlen(text)));
	else
		fputs(text_clean_lines(arena, text, strlen(text)), stdout);
	if (json_at(object, "exit"))
		client->code = (int)json_integer(object, "exit", 1) & 0xff;
}

static void
hear_idle(struct client *client, struct json_object *object, struct arena *arena)
{
	(void)object;
	(void)arena;
	client->code = EX_OK;
}

static void
hear_bye(struct client *client, struct json_object *object, struct arena *arena)
{
	const char *why = json_string(object, "bye", "");

	fflush(stdout);
	fprintf(stderr, "%ssallyport: %s\n", client->terminal ? "\n" : "", text_clean(arena, why, strlen(why)));
	client->code = 1;
}

static const struct {
	const char *key;
	void (*hear)(struct client *, struct json_object *, struct arena *);
} words_of_the_gateway[] = {
	{ "answer",  hear_answer },
	{ "bye",     hear_bye },
	{ "hello",   hear_hello },
	{ "idle",    hear_idle },
	{ "line",    hear_line },
	{ "unheard", hear_unheard },
};

/* What is not known is left alone: the gateway may be newer than we. */
static void
hear(struct client *client, const char *line, size_t length)
{
	struct arena *arena = arena_new();
	struct error error;
	struct json_object *object = json_read(arena, line, length, &error);

	for (size_t i = 0; object && i < sizeof words_of_the_gateway / sizeof *words_of_the_gateway; i++)
		if (json_at(object, words_of_the_gateway[i].key)) {
			words_of_the_gateway[i].hear(client, object, arena);
			break;
		}
	if (!object) {
		fprintf(stderr, "sallyport: what answers there is no gateway: %s\n", error.text);
		client->code = 1;
	}
	arena_free(arena);
}

static void
receive(struct client *client)
{
	char buffer[16 * 1024], *end;
	ssize_t got = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		fprintf(stderr, "%ssallyport: the gateway went away.\n", client->terminal ? "\n" : "");
		client->code = 1;
		return;
	}
	add(&client->in, buffer, (size_t)got);
	while (client->code < 0 && (end = memchr(client->in.at, '\n', client->in.length))) {
		size_t length = (size_t)(end - client->in.at);
		hear(client, client->in.at, length);
		take_off(&client->in, length + 1);
	}
	if (client->in.length > ANSWER_LINE_MOST) {
		fprintf(stderr, "sallyport: what answers there is no gateway: its lines do not end.\n");
		client->code = 1;
	}
	fflush(stdout);
}

static void
send_some(struct client *client)
{
	ssize_t sent = send(client->fd, client->out.at, client->out.length, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* Why it is broken is read from the other direction. */
	if (sent > 0)
		take_off(&client->out, (size_t)sent);
	else if (errno != EAGAIN && errno != EINTR)
		client->out.length = 0;
}

/* What is typed. */

static void
say_lines(struct client *client)
{
	char *end;

	while ((end = memchr(client->typed.at, '\n', client->typed.length))) {
		size_t length = (size_t)(end - client->typed.at);
		say(client, client->typed.at, length);
		take_off(&client->typed, length + 1);
	}
	if (client->typed.length > TYPED_MOST) {
		fprintf(stderr, "sallyport: a line of more than %d bytes is not sent.\n", TYPED_MOST);
		client->code = EX_DATAERR;
	}
}

static void
read_typed(struct client *client)
{
	char buffer[4096];
	ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end_of_input(client);
		return;
	}
	add(&client->typed, buffer, (size_t)got);
	say_lines(client);
	prompt(client);
}

/* Both ends. */

static int
connect_once(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = -1;

	if (strlen(path) < sizeof address.sun_path)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof address))
		return fd;
	close(fd);
	return -1;
}

/* -1 where nobody answers, not even after a while where the gateway is starting. */
static int
connect_to(const char *path, bool starting)
{
	int fd = connect_once(path);

	for (int waited = 0; fd < 0 && starting && waited < STARTING_MS; waited += LOOK_MS) {
		poll(NULL, 0, LOOK_MS);
		fd = connect_once(path);
	}
	return fd;
}

/* A pipe is read once the gateway has greeted us, and only as fast as the gateway takes it. */
static void
turn(struct client *client)
{
	bool reads = !client->asked && client->greeted && !client->ended && client->out.length < UNSENT_MOST;
	struct pollfd ends[2] = {
		{ .fd = client->fd, .events = (short)(POLLIN | (client->out.length ? POLLOUT : 0)) },
		{ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
	};

	fflush(stdout);
	if (poll(ends, 2, -1) < 0)
		return;
	if (ends[0].revents & POLLOUT)
		send_some(client);
	if (ends[0].revents & (POLLIN | POLLHUP | POLLERR))
		receive(client);
	if (client->code < 0 && ends[1].revents)
		read_typed(client);
}

static int
talk(struct client *client)
{
	while (client->code < 0)
		turn(client);
	/* The last ack may still be with us. */
	if (client->out.length)
		send_some(client);
	fflush(stdout);
	close(client->fd);
	free(client->in.at);
	free(client->out.at);
	free(client->typed.at);
	return client->code;
}

/* -- At a terminal that can be edited on ------------------------------------------------------------------------------ */

static const char *
editor_prompt(void *with)
{
	struct client *client = with;

	snprintf(client->prompt, sizeof client->prompt, "%.*s> ", (int)sizeof client->name, client->name);
	return client->prompt;
}

/* What the gateway says is shown above the line. */
static bool
editor_wait(void *with)
{
	struct client *client = with;
	struct pollfd ends[2] = { { .fd = client->fd }, { .fd = STDIN_FILENO, .events = POLLIN } };

	while (client->code < 0) {
		ends[0].events = (short)(POLLIN | (client->out.length ? POLLOUT : 0));
		fflush(stdout);
		if (poll(ends, 2, -1) < 0)
			continue;
		if (ends[0].revents & POLLOUT)
			send_some(client);
		if (ends[0].revents & (POLLIN | POLLHUP | POLLERR))
			receive(client);
		else if (ends[1].revents)
			return true;
	}
	return false;
}

/* Asked anew each time: what goes on changes. */
static char *
editor_words(void *with)
{
	const struct client *client = with;
	static const char *const words[] = { "words", NULL };
	struct arena *arena = arena_new();
	struct text answer = text_in(arena, 64 * 1024);
	struct client asking = { .code = -1, .asked = true, .fd = connect_to(client->socket, false), .answer = &answer };
	char *found = NULL;

	if (asking.fd >= 0) {
		send_words(&asking, words);
		found = talk(&asking) == EX_OK ? memory_text(answer.bytes) : NULL;
	}
	arena_free(arena);
	return found;
}

/* ~/.local/state/sallyport/history, where that folder can be had. */
static char *
history_file(struct arena *arena)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *folder;

	if (state && *state == '/')
		folder = arena_text(arena, state);
	else if (home && *home == '/')
		folder = arena_printf(arena, "%s/.local/state", home);
	else
		return NULL;
	char *ours = arena_printf(arena, "%s/sallyport", folder);
	mkdir(folder, 0700);
	mkdir(ours, 0700);
	return access(ours, W_OK) ? NULL : arena_printf(arena, "%s/history", ours);
}

static int
talk_at_terminal(struct client *client)
{
	static const struct editor_events events = { editor_prompt, editor_wait, editor_words };
	struct arena *arena = arena_new();
	const char *line = NULL;
	size_t length;

	client->opening = true;
	while (client->code < 0 && !client->greeted)
		turn(client);
	if (client->code < 0)
		client->editor = editor_open(&events, client, history_file(arena));
	client->opening = false;
	prompt(client);
	while (client->editor && client->code < 0 && (line = editor_line(client->editor, &length)))
		say(client, line, length);
	if (client->editor && client->code < 0)
		end_of_input(client);
	editor_close(client->editor);
	client->editor = NULL;
	arena_free(arena);
	return talk(client);            /* where the terminal cannot be edited on */
}

int
console_client(const char *socket, bool starting)
{
	const char *no_colour = getenv("NO_COLOR");
	bool shown = isatty(STDOUT_FILENO);
	struct client client = { .code = -1, .terminal = shown && isatty(STDIN_FILENO), .socket = socket, .colour = shown && !(no_colour && *no_colour) };

	client.fd = connect_to(socket, starting);
	if (client.fd < 0) {
		fprintf(stderr, "sallyport: no gateway answers at %s: %s.\n", socket, strerror(errno));
		return EX_UNAVAILABLE;
	}
	return client.terminal ? talk_at_terminal(&client) : talk(&client);
}

int
console_say(const char *socket, const char *line)
{
	struct client client = { .code = -1, .line = line, .fd = connect_to(socket, false) };

	if (client.fd < 0) {
		fprintf(stderr, "sallyport: no gateway answers at %s: %s.\n", socket, strerror(errno));
		return EX_UNAVAILABLE;
	}
	return talk(&client);
}

int
console_ask(const char *socket, const char *const *words)
{
	struct client client = { .code = -1, .asked = true, .fd = connect_to(socket, false) };

	if (client.fd < 0)
		return EX_UNAVAILABLE;
	send_words(&client, words);
	return talk(&client);
}
