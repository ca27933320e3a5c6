/* floor: the least that a program on IRC can do: joins one channel and answers "!ping WORD" with "pong WORD". HOST PORT NICK CHANNEL */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN = 64 * 1024, OUT = 256 * 1024 };

struct floor {
	int fd;
	const char *channel;
	char in[IN], out[OUT];
	size_t in_length, out_length;
};

static void
add(struct floor *floor, const char *before, const char *text, const char *after)
{
	int room = (int)(sizeof floor->out - floor->out_length);
	int length = snprintf(floor->out + floor->out_length, (size_t)room, "%s%s%s\r\n", before, text, after);

	if (length < room)
		floor->out_length += (size_t)length;
}

static void
answer(struct floor *floor, char *line)
{
	char *asked = strstr(line, " :!ping "), *said = strstr(line, " PRIVMSG ");

	if (!strncmp(line, "PING ", 5))
		add(floor, "PONG ", line + 5, "");
	else if (strstr(line, " 376 ") || strstr(line, " 422 "))
		add(floor, "JOIN ", floor->channel, "");
	else if (asked && said && said < asked) {
		add(floor, "PRIVMSG ", floor->channel, " :pong ");
		floor->out_length -= 2;         /* the word follows on the same line */
		add(floor, asked + strlen(" :!ping "), "", "");
	}
}

static void
take_lines(struct floor *floor)
{
	char *from = floor->in, *end = floor->in + floor->in_length, *at;

	while ((at = memchr(from, '\n', (size_t)(end - from)))) {
		at[at > from && at[-1] == '\r' ? -1 : 0] = '\0';
		answer(floor, from);
		from = at + 1;
	}
	floor->in_length = (size_t)(end - from);
	memmove(floor->in, from, floor->in_length);
}

static bool
send_all(struct floor *floor)
{
	size_t sent = 0;

	while (sent < floor->out_length) {
		ssize_t wrote = write(floor->fd, floor->out + sent, floor->out_length - sent);
		if (wrote <= 0)
			return false;
		sent += (size_t)wrote;
	}
	floor->out_length = 0;
	return true;
}

static bool
take_turn(struct floor *floor, int events)
{
	struct epoll_event event;

	if (epoll_wait(events, &event, 1, -1) != 1)
		return errno == EINTR;          /* who traces us interrupts us */
	ssize_t got = read(floor->fd, floor->in + floor->in_length, sizeof floor->in - floor->in_length);
	if (got <= 0)
		return false;
	floor->in_length += (size_t)got;
	take_lines(floor);
	return send_all(floor);
}

int
main(int count, char **words)
{
	static struct floor floor;
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct epoll_event wanted = { .events = EPOLLIN };
	int on = 1, events = epoll_create1(0);

	if (count != 5 || inet_pton(AF_INET, words[1], &address.sin_addr) != 1)
		return 64;
	address.sin_port = htons((unsigned short)atoi(words[2]));
	floor.channel = words[4];
	floor.fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(floor.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(floor.fd, (struct sockaddr *)&address, sizeof address) || epoll_ctl(events, EPOLL_CTL_ADD, floor.fd, &wanted))
		return 69;
	add(&floor, "NICK ", words[3], "");
	add(&floor, "USER ", words[3], " 0 * :floor");
	for (bool going = send_all(&floor); going;)
		going = take_turn(&floor, events);
	return 0;
}
