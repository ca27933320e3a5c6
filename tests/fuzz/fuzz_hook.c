/* Fuzzes the way in over HTTP: the bytes of a connection, through the library, our limits and the routes. What reaches a handler can be read in
 * one way only and keeps within its bounds, whatever the rest of the connection says.
 * With -DREPLAY: a program that runs over the files it is given. */
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/engine.h"
#include "bridge/run/hook.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum { BODY_MOST = 2000, HEADERS_MOST = 20, HEADER_MOST = 2000, TURNS = 200, DATA_MOST = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_value(const char *value)
{
	for (; *value; value++)
		assert(((unsigned char)*value >= ' ' || *value == '\t') && *value != 0x7f);
}

static size_t
count_of(const struct arrival *arrival, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < arrival->header_count; i++)
		count += !strcasecmp(arrival->headers[i].name, name);
	return count;
}

static void
check_headers(const struct arrival *arrival)
{
	size_t size = 0;

	assert(arrival->header_count <= HEADERS_MOST);
	for (size_t i = 0; i < arrival->header_count; i++) {
		const struct arrival_header *header = &arrival->headers[i];
		assert(*header->name && !strpbrk(header->name, " \t\r\n:\"(),/;<=>?@[\\]{}"));
		check_value(header->name);
		check_value(header->value);
		size += strlen(header->name) + strlen(header->value);
	}
	assert(size <= HEADER_MOST);
	assert(count_of(arrival, "Host") <= 1 && count_of(arrival, "Content-Length") + count_of(arrival, "Transfer-Encoding") <= 1);
	assert(!count_of(arrival, "Content-Encoding"));
}

static void
check_arrival(const struct arrival *arrival, const char *method, bool body)
{
	const char *length = arrival_header(arrival, "Content-Length");

	assert(!strcmp(arrival->method, method) || (!strcmp(method, "GET") && !strcmp(arrival->method, "HEAD")));
	check_value(arrival->rest);
	check_headers(arrival);
	assert(arrival->length <= (body ? BODY_MOST : 0) && arrival->body[arrival->length] == '\0');
	assert(!length || strtoull(length, NULL, 10) == arrival->length);
	assert(!strcmp(arrival->peer, "127.0.0.1"));
}

static unsigned
get_allowed(const struct arrival *arrival, void *with)
{
	(void)with;
	check_arrival(arrival, "GET", false);
	return strcmp(arrival->rest, "strange") ? 200 : 404;
}

static unsigned
post_allowed(const struct arrival *arrival, void *with)
{
	(void)with;
	check_arrival(arrival, "POST", true);
	return 200;
}

static void
run(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	(void)with;
	answer->status = 200;
	answer->bytes = task_text(task, "%zu", arrival->length);
	answer->length = strlen(answer->bytes);
}

static const struct hook_route *const routes[] = {
	&(const struct hook_route){ "GET", "f", false, 1000, get_allowed, run },
	&(const struct hook_route){ "POST", "in", true, 1000, post_allowed, run },
	NULL
};

static struct world {
	struct engine engine;
	struct hook *hook;
} world;

static void
open_world(void)
{
	static const struct hook_settings settings = { .listen = "127.0.0.1:0", .url = "", .body = BODY_MOST, .header = HEADER_MOST, .headers = HEADERS_MOST,
		.connections = 16, .connections_each = 16, .deadline = 1000 };
	struct error error;

	if (world.hook)
		return;
	log_open(LEVEL_ERROR, LOG_TEXT);
	world.engine.loop = loop_open(&error);
	world.engine.tasks = tasks_open(&world.engine, 100);
	world.hook = hook_open(&world.engine, routes, NULL);
	assert(hook_listen(world.hook, &settings, &error));
}

static int
come(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)hook_port(world.hook)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof to) && !fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

static void
check_answer(const char *heard)
{
	assert(!*heard || (!strncmp(heard, "HTTP/1.", 7) && strlen(heard) > 12 && atoi(heard + 9) >= 100 && atoi(heard + 9) < 600));
}

/* Whoever closes with something unread leaves nothing behind. */
static void
leave(int fd)
{
	struct linger none = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(fd);
	for (int i = 0; i < 5; i++)
		loop_turn(world.engine.loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char heard[DATA_MOST];
	size_t length = 0;
	int idle = 0;

	open_world();
	int fd = come();
	while (idle < TURNS) {
		ssize_t sent = size ? send(fd, data, size, MSG_NOSIGNAL) : 0;
		data += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
		loop_turn(world.engine.loop);
		ssize_t got = recv(fd, heard + length, sizeof heard - 1 - length, 0);
		if (got == 0)
			break;
		length += got > 0 ? (size_t)got : 0;
		idle = sent > 0 || got > 0 ? 0 : idle + 1;
	}
	heard[length] = '\0';
	check_answer(heard);
	leave(fd);
	return 0;
}

#ifdef REPLAY
/* Replays files: each must pass. */
int
main(int argc, char **argv)
{
	static uint8_t data[DATA_MOST];

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return EXIT_FAILURE;
		}
		size_t size = fread(data, 1, sizeof data, file);
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
	}
	if (!world.hook)
		return EXIT_SUCCESS;
	hook_stop(world.hook);
	while (tasks_count(world.engine.tasks)) {
		tasks_cancel_all(world.engine.tasks);
		loop_turn(world.engine.loop);
	}
	hook_close(world.hook);
	tasks_close(world.engine.tasks);
	loop_close(world.engine.loop);
	return EXIT_SUCCESS;
}
#endif
