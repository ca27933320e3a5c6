/* hook_address: where the listener listens: reading that, and the socket. */
#include "bridge/run/hook_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/base/error.h"

enum { BACKLOG = 256 };

static bool
read_port(const char *text, int *port)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 5 || text[digits])
		return false;
	*port = atoi(text);
	return *port <= 65535;
}

/* The host without its brackets, which a 6 has and a 4 has not. */
static bool
read_host(const char *written, const char *colon, struct hook_address *out)
{
	char host[INET6_ADDRSTRLEN + 2];
	size_t length = (size_t)(colon - written);
	bool six = length > 2 && written[0] == '[' && colon[-1] == ']';
	struct sockaddr_in *four = (void *)&out->socket;
	struct sockaddr_in6 *wide = (void *)&out->socket;

	if (length >= sizeof host)
		return false;
	memcpy(host, written + six, length - 2 * six);
	host[length - 2 * six] = '\0';
	if (six) {
		out->length = sizeof *wide;
		wide->sin6_family = AF_INET6;
		wide->sin6_port = htons((uint16_t)out->port);
		return inet_pton(AF_INET6, host, &wide->sin6_addr) == 1;
	}
	out->length = sizeof *four;
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)out->port);
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

static bool
read_path(const char *path, struct hook_address *out, struct error *error)
{
	struct sockaddr_un *local = (void *)&out->socket;

	if (*path != '/' || strlen(path) >= sizeof local->sun_path)
		return error_set(error, "listen \"unix:%.80s\" is not unix: and an absolute path of at most %zu bytes.", path, sizeof local->sun_path - 1);
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path, strlen(path) + 1);
	out->length = sizeof *local;
	return out->read = true;
}

bool
hook_address_read(const char *written, struct hook_address *out, struct error *error)
{
	const char *colon = strrchr(written, ':');

	*out = (struct hook_address){ 0 };
	if (!strncmp(written, "unix:", 5))
		return read_path(written + 5, out, error);
	if (!colon || !read_port(colon + 1, &out->port) || !read_host(written, colon, out))
		return error_set(error, "listen \"%.80s\" is not ADDRESS:PORT in numbers, as in \"127.0.0.1:8480\" or \"[::1]:8480\".", written);
	return out->read = true;
}

/* A socket that a gateway left behind when it died: nobody listens on it. Whatever else is there stays. */
static void
clear_path(const struct hook_address *address)
{
	const char *path = ((const struct sockaddr_un *)(const void *)&address->socket)->sun_path;
	struct stat status;

	if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&address->socket, address->length) != 0 && errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

/* Whoever may reach the folder may connect, as everybody here may to a port of this machine: what comes has to be proven. */
static bool
open_path(const struct hook_address *address)
{
	return address->socket.ss_family != AF_UNIX || chmod(((const struct sockaddr_un *)(const void *)&address->socket)->sun_path, 0666) == 0;
}

int
hook_address_open(const char *written, struct error *error)
{
	struct hook_address address;
	int yes = 1;

	if (!hook_address_read(written, &address, error))
		return -1;
	if (address.socket.ss_family == AF_UNIX)
		clear_path(&address);
	int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && address.socket.ss_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address.socket, address.length) == 0 && open_path(&address) && listen(fd, BACKLOG) == 0)
		return fd;
	error_set(error, "I cannot listen on %s: %s.%s", written, strerror(errno),
		errno == EADDRINUSE ? " Another program listens there; stop it, or name another port in hooks." : "");
	if (fd >= 0)
		close(fd);
	return -1;
}

int
hook_address_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		return 0;
	if (address.ss_family == AF_UNIX)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
}
