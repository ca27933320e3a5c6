/* console: people of this machine, over a Unix socket. The kernel proves who they are. */
#include "protocols/console.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/protocol.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

enum {
	CLIENTS_MOST = 64,
	BACKLOG_MOST = 1024 * 1024,     /* bytes that a client may leave unread */
	BACKLOG_LOW = 256 * 1024,       /* a long answer waits until it is below */
	ANSWER_PART = 8 * 1024,         /* of an answer in one line, even if every byte of it needs six in JSON */
	WIDTH = 400, LINES = 100,       /* of a card */
	TURN = 64,                      /* lines of a client that one task works off, so that its memory stays small */
	WORDS_MOST = 64,                /* of a question */
	ACK_MS = 30 * 1000,             /* a client that shows nothing for so long is not there */
	LOOK_MS = 1000,                 /* how often that is looked at */
	BUSY_LOOK_MS = 20,              /* how often a client that waits is looked at */
	AFTER_TROUBLE = 1,              /* s, after accept() failed */
};

static const char CHANNEL[] = "here";

enum { ALONE = '@' };

struct console_conf {
	const char *socket, *mode;
};

static const struct setting settings[] = {
	SETTING(console_conf, mode,   TYPE_TEXT, "0600", "Who may connect: 0600 the user of the gateway, 0660 its group too, 0666 everybody of this machine."),
	SETTING(console_conf, socket, TYPE_PATH, NULL,   "The socket; without it console in the folder of the state."),
	{ 0 }
};

static const struct { const char *written; mode_t mode; } modes[] = { { "0600", 0600 }, { "0660", 0660 }, { "0666", 0666 } };

enum { MODES = sizeof modes / sizeof *modes };

/* One connection. Two tasks work for it, one reads and one writes; it goes when both have ended. */
struct client {
	struct client *next;
	struct console *console;
	uint64_t number;                /* in the order in which they began to listen; 0: it does not (yet) */
	struct arena *arena;
	int fd;
	unsigned uid;
	const char *account, *shown;
	const char *alone;              /* the channel that only those of that name hear: @ana */

	char *in, *out;
	size_t in_length;               /* of CONSOLE_LINE_MOST */
	size_t out_begin, out_end, out_size;
	uint64_t reader, writer;        /* 0: has ended */
	bool asks;                      /* came with a question: it is not there to be told things */
	bool waits;                     /* for idle */
	bool slow;                      /* the reader waits for the writer */
	bool gone;
	unsigned owed;                  /* acks */
	int64_t owed_since;             /* mono ms */
};

/* A message that is to be acked. */
struct delivering {
	struct delivering *next;
	const char *txn;
	uint64_t task;
	bool acked;
};

struct console {
	struct link *link;
	struct client *clients;
	size_t count;
	uint64_t number;                /* of the newest that listens */
	uint64_t task;                  /* that listens */
	bool room;                      /* "here" is a place of a room, not a private talk */
	struct delivering *delivering;
	bool closing;
};

char *
console_path(struct arena *arena, const void *conf, const char *state)
{
	const struct console_conf *console = conf;

	return console->socket ? arena_text(arena, console->socket) : arena_printf(arena, "%s/console", state);
}

/* Clients: coming and going. */

static void
wake_delivering(const struct console *console)
{
	for (const struct delivering *one = console->delivering; one; one = one->next)
		task_wake(console->link->engine, one->task);
}

static void
client_free(struct client *client)
{
	struct console *console = client->console;

	for (struct client **at = &console->clients; *at; at = &(*at)->next)
		if (*at == client) {
			*at = client->next;
			break;
		}
	console->count--;
	close(client->fd);
	free(client->in);
	free(client->out);
	arena_free(client->arena);
	free(client);
	task_wake(console->link->engine, console->task);
}

/* A task of the client has ended. */
static void
client_let_go(struct client *client, uint64_t *task)
{
	*task = 0;
	if (!client->reader && !client->writer)
		client_free(client);
}

/* Writes what can be written now. False where the client is not there any more. */
static bool
flush(struct client *client)
{
	while (client->out_begin < client->out_end) {
		ssize_t sent = send(client->fd, client->out + client->out_begin, client->out_end - client->out_begin, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		client->out_begin += (size_t)sent;
	}
	client->out_begin = client->out_end = 0;
	return true;
}

static void
append(struct client *client, const char *line)
{
	size_t length = strlen(line);

	if (client->out_begin) {
		memmove(client->out, client->out + client->out_begin, client->out_end - client->out_begin);
		client->out_end -= client->out_begin;
		client->out_begin = 0;
	}
	if (client->out_end + length + 1 > client->out_size) {
		client->out_size = 2 * (client->out_end + length + 1);
		client->out = memory_resize(client->out, client->out_size);
	}
	memcpy(client->out + client->out_end, line, length);
	client->out_end += length;
	client->out[client->out_end++] = '\n';
}

/* Ends the connection; its tasks follow. */
static void
client_leave(struct client *client, const char *why)
{
	const struct engine *engine = client->console->link->engine;

	if (client->gone)
		return;
	client->gone = true;
	if (why) {
		struct arena *arena = arena_new();
		struct json_object *bye = json_new_object(arena);
		json_set(bye, "bye", why);
		append(client, json_write(bye));
		arena_free(arena);
		flush(client);
	}
	shutdown(client->fd, SHUT_RDWR);
	task_cancel(engine, client->reader);
	task_cancel(engine, client->writer);
	wake_delivering(client->console);
}

static void
client_send(struct client *client, struct json_object *object)
{
	if (client->gone)
		return;
	if (client->out_end - client->out_begin > BACKLOG_MOST) {
		log_warning("%s does not read its console any more; the connection was ended.", client->account);
		client_leave(client, NULL);
		return;
	}
	append(client, json_write(object));
	task_wake(client->console->link->engine, client->writer);
}

static void
set_flag(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static bool
listens(const struct client *client)
{
	return client->number && !client->gone;
}

/* Everybody, or those of the one name. */
static bool
hears(const struct client *client, const char *channel)
{
	return listens(client) && (!strcmp(channel, CHANNEL) || !strcmp(channel, client->alone));
}

/* From now on it is told what is said. */
static void
begin_to_listen(struct client *client)
{
	if (client->number)
		return;
	client->number = ++client->console->number;
	wake_delivering(client->console);
}

/* What a client says. */

/* /msg sally words: between the two of us, where all else is said to a room; NULL: it is not. */
static const char *
said_alone(const char *nick, const char *text)
{
	static const char msg[] = "/msg ";
	size_t length = strlen(nick);

	if (strncmp(text, msg, strlen(msg)) || strncasecmp(text + strlen(msg), nick, length) || text[strlen(msg) + length] != ' ')
		return NULL;
	return text + strlen(msg) + length + 1;
}

static bool
say(struct task *task, struct client *client, struct json_object *object, struct arena *arena)
{
	struct link *link = client->console->link;
	const char *text = json_string(object, "say", ""), *id = json_string(object, "id", NULL), *alone = said_alone(link->nick, text);
	struct message message = {
		.from = { .account = client->account, .shown = client->shown, .proof = "SO_PEERCRED", .proven = true, .alone = client->alone },
		.place = { link->name, CHANNEL, NULL },
		/* Counters of a client are nothing that the next one does not count too. */
		.id = id && ulid_valid(id) ? id : NULL,
		.text = text_clean(arena, alone ? alone : text, strlen(alone ? alone : text)),
		.direct = !client->console->room,
	};
	if (alone) {
		message.direct = true;
		message.place.channel = client->alone;
	}
	struct json_object *answer = json_new_object(arena);
	bool heard = bridge_hear(task, link, &message, 1, NULL);

	if (task->cancelled)
		return false;
	json_set(answer, heard ? "heard" : "unheard", id ? id : "");
	if (!heard)
		json_set(answer, "why", task->error.text);
	client_send(client, answer);
	return true;
}

static bool
ack(struct task *task, struct client *client, struct json_object *object, struct arena *arena)
{
	const char *txn = json_string(object, "ack", "");

	(void)task;
	(void)arena;
	if (client->owed)
		client->owed--;
	client->owed_since = clock_mono();
	for (struct delivering *one = client->console->delivering; one; one = one->next)
		if (!strcmp(one->txn, txn)) {
			one->acked = true;
			task_wake(client->console->link->engine, one->task);
		}
	return true;
}

static bool
answer_part(struct task *task, struct client *client, const char *text, size_t length, const int *exit_code)
{
	struct arena *arena = arena_new();
	struct json_object *part = json_new_object(arena);

	json_set(part, "answer", arena_slice(arena, text, length));
	if (exit_code)
		json_set_integer(part, "exit", *exit_code);
	client_send(client, part);
	arena_free(arena);
	client->slow = true;
	while (!client->gone && client->out_end - client->out_begin > BACKLOG_LOW && task_park(task))
		;
	client->slow = false;
	return !client->gone && !task->cancelled;
}

/* A long answer goes in parts, none longer than a line may be. */
static bool
answer(struct task *task, struct client *client, const char *text, int exit_code)
{
	size_t length = strlen(text);

	while (length > ANSWER_PART) {
		size_t part = text_fit(text, length, ANSWER_PART);
		if (!part || !answer_part(task, client, text, part, NULL))
			return false;
		text += part;
		length -= part;
	}
	return answer_part(task, client, text, length, &exit_code);
}

static bool
ask(struct task *task, struct client *client, struct json_object *object, struct arena *arena)
{
	size_t count = json_count(object, "ask");
	const char **words = arena_take(arena, (count + 1) * sizeof *words);
	char *text = NULL;
	int exit_code = 1;

	client->asks = true;
	for (size_t i = 0; i < count; i++) {
		struct json_object *word = json_object_array_get_idx(json_at(object, "ask"), i);
		words[i] = json_object_is_type(word, json_type_string) ? json_object_get_string(word) : "";
	}
	if (count < 1 || count > WORDS_MOST)
		return answer(task, client, "A question has 1 to 64 words.\n", EX_USAGE);
	if (bridge_answer(task, client->console->link->bridge, words, client->uid, client->account, &text, &exit_code))
		return answer(task, client, text_clean_lines(arena, text, strlen(text)), exit_code);
	return !task->cancelled && answer(task, client, arena_printf(arena, "%s\n", task->error.text), 1);
}

static bool
wait_idle(struct task *task, struct client *client, struct json_object *object, struct arena *arena)
{
	(void)task;
	(void)object;
	(void)arena;
	client->waits = true;
	return true;
}

static bool
only_listen(struct task *task, struct client *client, struct json_object *object, struct arena *arena)
{
	(void)task;
	(void)client;
	(void)object;
	(void)arena;
	return true;
}

static const struct {
	const char *key;
	bool listens;
	bool (*run)(struct task *, struct client *, struct json_object *, struct arena *);
} verbs[] = {
	{ "ack",    true,  ack },
	{ "ask",    false, ask },
	{ "listen", true,  only_listen },
	{ "say",    true,  say },
	{ "wait",   true,  wait_idle },
};

static bool
obey(struct task *task, struct client *client, const char *line, size_t length)
{
	struct arena *arena = arena_new();
	struct error error;
	struct json_object *object = json_read(arena, line, length, &error);
	bool known = false, fine = true;

	for (size_t i = 0; object && i < sizeof verbs / sizeof *verbs && !known; i++) {
		if (!json_at(object, verbs[i].key))
			continue;
		known = true;
		if (verbs[i].listens)
			begin_to_listen(client);
		fine = verbs[i].run(task, client, object, arena);
	}
	if (!object)
		client_leave(client, arena_printf(arena, "That line is no JSON: %s", error.text));
	else if (!known)
		client_leave(client, "That line says nothing: there are say, ack, ask, listen and wait.");
	arena_free(arena);
	return known && fine && !client->gone;
}

/* Reading. */

/* Works off whole lines. False where the client is to go. */
static bool
obey_lines(struct task *task, struct client *client, unsigned *lines)
{
	char *end;

	while ((end = memchr(client->in, '\n', client->in_length))) {
		size_t length = (size_t)(end - client->in);
		char *line = arena_slice(task->arena, client->in, length);
		client->in_length -= length + 1;
		memmove(client->in, end + 1, client->in_length);
		++*lines;
		if (length && !obey(task, client, line, length))
			return false;
	}
	return true;
}

static bool
receive(struct client *client)
{
	ssize_t got = recv(client->fd, client->in + client->in_length, CONSOLE_LINE_MOST - client->in_length, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	client->in_length += (size_t)got;
	if (client->in_length == CONSOLE_LINE_MOST && !memchr(client->in, '\n', client->in_length)) {
		client_leave(client, "A line is longer than 64 KiB.");
		return false;
	}
	return got > 0;
}

/* What is looked at while nothing comes. */
static bool
look_round(struct client *client)
{
	struct console *console = client->console;
	const struct place place = { console->link->name, CHANNEL, NULL };

	if (client->owed && clock_mono() - client->owed_since > ACK_MS) {
		log_warning("%s shows nothing at its console any more; the connection was ended.", client->account);
		client_leave(client, "You did not say that you show what I said; it is kept for the next one.");
		return false;
	}
	if (!client->waits || bridge_busy(console->link->bridge, &place, client->account))
		return true;
	client->waits = false;
	struct arena *arena = arena_new();
	struct json_object *idle = json_new_object(arena);
	set_flag(idle, "idle", true);
	client_send(client, idle);
	arena_free(arena);
	return !client->gone;
}

static void
read_client(struct task *task, void *with)
{
	struct client *client = with;
	unsigned lines = 0;
	bool there = !task->cancelled;

	while (there && lines < TURN) {
		bool ready = task_ready(task, client->fd, LOOP_READ, client->waits ? BUSY_LOOK_MS : LOOK_MS);
		/* Who just sits there listens. */
		if (!ready && !client->asks)
			begin_to_listen(client);
		there = !task->cancelled && (!ready || receive(client)) && obey_lines(task, client, &lines) && look_round(client);
	}
	if (there)
		client->reader = task_start_reserved(client->console->link->engine, task->name, read_client, client, NULL);
	if (there && client->reader)
		return;
	client->reader = 0;
	client_leave(client, NULL);
	client_let_go(client, &client->reader);
}

static void
write_client(struct task *task, void *with)
{
	struct client *client = with;

	while (!client->gone && !task->cancelled) {
		if (!flush(client))
			break;
		if (client->slow)
			task_wake(client->console->link->engine, client->reader);
		if (client->out_end)
			task_ready(task, client->fd, LOOP_WRITE, -1);
		else
			task_park(task);
	}
	client->writer = 0;
	client_leave(client, NULL);
	client_let_go(client, &client->writer);
}

/* Accepting. */

static const char *
name_of(struct arena *arena, uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
		return arena_text(arena, entry.pw_name);
	return arena_printf(arena, "uid%u", (unsigned)uid);
}

static void
greet(struct client *client)
{
	struct arena *arena = arena_new();
	const struct link *link = client->console->link;
	struct json_object *hello = json_new_object(arena), *object = json_new_object(arena);

	json_set(hello, "version", PACKAGE_VERSION);
	json_set(hello, "name", link->nick);
	json_set(hello, "account", client->account);
	json_set(hello, "prefix", link->prefix ? link->prefix : "!");
	json_object_object_add(object, "hello", json_object_get(hello));
	client_send(client, object);
	arena_free(arena);
}

static void
client_new(struct console *console, int fd, uid_t uid)
{
	struct client *client = memory_take(sizeof *client);
	const struct engine *engine = console->link->engine;

	client->arena = arena_new();
	client->console = console;
	client->fd = fd;
	client->uid = uid;
	client->shown = name_of(client->arena, uid);
	client->account = arena_printf(client->arena, "%s/%s", console->link->name, client->shown);
	client->alone = arena_printf(client->arena, "%c%s", ALONE, client->shown);
	client->in = memory_take(CONSOLE_LINE_MOST);
	client->next = console->clients;
	console->clients = client;
	console->count++;
	client->reader = task_start_reserved(engine, client->account, read_client, client, NULL);
	client->writer = client->reader ? task_start_reserved(engine, client->account, write_client, client, NULL) : 0;
	if (!client->writer) {
		client_leave(client, "Too much is going on; try again.");
		client_let_go(client, &client->writer);
		return;
	}
	greet(client);
	link_heard(console->link);
}

/* False where there is none to accept, or it could not be had. */
static bool
accept_one(struct console *console, int listener)
{
	static const char full[] = "{\"bye\":\"There are too many consoles open.\"}\n";
	struct ucred who;
	socklen_t size = sizeof who;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR;
	if (console->count >= CLIENTS_MOST) {
		(void)!send(fd, full, strlen(full), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) || size != sizeof who)
		close(fd);
	else
		client_new(console, fd, who.uid);
	return true;
}

/* Listening. */

/* A socket that somebody left is taken away; one where somebody answers is not, and no other file is. */
static bool
clear_stale(struct task *task, const struct sockaddr_un *address)
{
	struct stat there;

	if (lstat(address->sun_path, &there))
		return errno == ENOENT || task_fail(task, "The console's socket %s cannot be looked at: %s.", address->sun_path, strerror(errno));
	if (!S_ISSOCK(there.st_mode))
		return task_fail(task, "%s is in the way of the console's socket; move it away, or set socket in console { }.", address->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	if (!stale)
		return task_fail(task, "Somebody answers at the console's socket %s already; set another one in console { }.", address->sun_path);
	return !unlink(address->sun_path) || task_fail(task, "The old socket %s cannot be taken away: %s.", address->sun_path, strerror(errno));
}

static mode_t
mode_of(const struct console_conf *conf)
{
	for (size_t i = 0; i < MODES; i++)
		if (conf->mode && !strcmp(modes[i].written, conf->mode))
			return modes[i].mode;
	return 0600;
}

/* Nobody gets in before listen(), so the mode is right in time. -1 with the task's error. */
static int
listen_at(struct task *task, const char *path, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path) {
		task_fail(task, "The console's socket has a name of more than %zu bytes: %s. Set a shorter one in console { }.", sizeof address.sun_path - 1, path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (!clear_stale(task, &address))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !bind(fd, (const struct sockaddr *)&address, sizeof address) && !chmod(path, mode) && !listen(fd, CLIENTS_MOST))
		return fd;
	task_fail(task, "The console cannot listen at %s: %s.", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Takes our own socket away, not one that took its place. */
static void
unlink_own(const char *path, const struct stat *own)
{
	struct stat there;

	if (!lstat(path, &there) && there.st_dev == own->st_dev && there.st_ino == own->st_ino)
		unlink(path);
}

static void
close_console(struct task *task, struct console *console)
{
	console->closing = true;
	for (struct client *client = console->clients; client; client = client->next)
		client_leave(client, "The gateway stops.");
	wake_delivering(console);
	while (console->clients || console->delivering)
		task_park_firmly(task);
	console->link->own = NULL;
}

static void
renew(struct link *link)
{
	struct console *console = link->own;
	bool room = false;

	for (size_t i = 0; link->channels && link->channels[i]; i++)
		room = room || !strcmp(link->channels[i], CHANNEL);
	if (console)
		console->room = room;
}

static bool
run(struct task *task, struct link *link)
{
	struct console *console = arena_take(task->arena, sizeof *console);
	char *path = console_path(task->arena, link->conf, link->engine->state);
	int fd = listen_at(task, path, mode_of(link->conf));
	struct stat own = { 0 };

	if (fd < 0)
		return false;
	(void)!lstat(path, &own);
	*console = (struct console){ .link = link, .task = task->id };
	link->own = console;
	renew(link);
	link_up(link, "%s", path);
	while (!task->cancelled)
		if (task_ready(task, fd, LOOP_READ, -1) && !accept_one(console, fd)) {
			log_warning("Nobody can connect to the console for now: %s.", strerror(errno));
			task_sleep(task, AFTER_TROUBLE);
		}
	close(fd);
	unlink_own(path, &own);
	close_console(task, console);
	return true;
}

/* Saying. */

static struct json_object *
line_object(struct arena *arena, const struct card *card, const char *line, const char *txn)
{
	static const char *const tones[] = { [TONE_PLAIN] = "plain", [TONE_GOOD] = "good", [TONE_BAD] = "bad", [TONE_WAITING] = "waiting" };
	struct json_object *object = json_new_object(arena);

	json_set(object, "line", line);
	json_set(object, "tone", tones[card->tone]);
	set_flag(object, "ring", card->ring);
	json_set(object, "txn", txn);
	return object;
}

static void
tell(struct client *client, const struct card *card, struct lines lines, const char *txn)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < lines.count; i++)
		client_send(client, line_object(arena, card, lines.each[i], i + 1 == lines.count ? txn : NULL));
	arena_free(arena);
	if (!txn)
		return;
	if (!client->owed)
		client->owed_since = clock_mono();
	client->owed++;
}

/* Says it to everybody who is to hear it. The newest of them, or 0. */
static uint64_t
tell_all(struct task *task, const struct console *console, const struct delivery *delivery, bool again)
{
	struct lines lines = card_lines(task->arena, delivery->card, WIDTH, LINES);
	uint64_t newest = 0;

	if (again)
		lines.each[0] = task_text(task, "%s (resent)", lines.each[0]);
	for (struct client *client = console->clients; client; client = client->next) {
		if (!hears(client, delivery->place.channel))
			continue;
		tell(client, delivery->card, lines, delivery->txn);
		newest = client->number > newest ? client->number : newest;
	}
	return newest;
}

static void
take_out(struct console *console, struct delivering *mine)
{
	for (struct delivering **at = &console->delivering; *at; at = &(*at)->next)
		if (*at == mine) {
			*at = mine->next;
			break;
		}
	task_wake(console->link->engine, console->task);
}

/* Whether anybody is left of those up to this number. */
static bool
still_there(const struct console *console, const char *channel, uint64_t newest)
{
	for (const struct client *client = console->clients; client; client = client->next)
		if (hears(client, channel) && client->number <= newest)
			return true;
	return false;
}

/* Until one has shown it. Who comes later than it was said gets it only where all others have gone. */
static bool
until_shown(struct task *task, struct console *console, const struct delivery *delivery)
{
	struct delivering mine = { .next = console->delivering, .txn = delivery->txn, .task = task->id };
	bool again = delivery->again;
	uint64_t told = 0;              /* the newest client that has it */

	console->delivering = &mine;
	while (!mine.acked && !console->closing && !task->cancelled) {
		if (!still_there(console, delivery->place.channel, told)) {
			told = tell_all(task, console, delivery, again);
			again = again || told;
		}
		if (!mine.acked && !task_park(task))
			break;
	}
	take_out(console, &mine);
	return mine.acked || task_fail(task, "Nobody is at the console.");
}

static bool
deliver(struct task *task, struct link *link, const struct delivery *delivery, struct delivered *done)
{
	struct console *console = link->own;

	(void)done;             /* a console has no ids, and somebody may come at any time */
	if (!console || console->closing)
		return task_fail(task, "The console does not listen.");
	if (strcmp(delivery->place.channel, CHANNEL) && *delivery->place.channel != ALONE)
		return task_fail(task, "The console has no channel %s.", delivery->place.channel);
	if (delivery->txn)
		return until_shown(task, console, delivery);
	return tell_all(task, console, delivery, delivery->again) || task_fail(task, "Nobody is at the console.");
}

static void
check(struct conf *conf, const struct section *section, void *filled)
{
	const struct console_conf *console = filled;

	for (size_t i = 0; i < MODES; i++)
		if (console->mode && !strcmp(modes[i].written, console->mode))
			return;
	conf_mistake(conf, section_where(section), section, "mode is \"0600\", \"0660\" or \"0666\".");
}

static bool
place(const char *channel, struct error *error)
{
	return !strcmp(channel, CHANNEL) || error_set(error, "the console has one channel, console/%s.", CHANNEL);
}

static const char *
drawn(struct arena *arena, const struct card *card)
{
	struct lines lines = card_lines(arena, card, WIDTH, LINES);
	struct text out = text_in(arena, LINES * (WIDTH + 1));

	for (size_t i = 0; i < lines.count; i++)
		text_printf(&out, "%s\n", lines.each[i]);
	return out.bytes;
}

const struct protocol protocol_console = {
	.name = "console",
	.about = "People of this machine, over a Unix socket: sallyport console.",
	.shown = "the console",
	.single = true,
	.conf_size = sizeof(struct console_conf),
	.settings = settings,
	.check = check,
	.run = run,
	.renew = renew,
	.deliver = deliver,
	.place = place,
	.drawn = drawn,
};
