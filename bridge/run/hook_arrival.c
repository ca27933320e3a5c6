/* hook_arrival: a request as it came: copied out of the library, and refused where two readers could read it in two ways. */
#include "bridge/run/hook_arrival.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"

struct copying {
	struct arena *arena;
	struct arrival_header *headers;
	size_t count;
};

static enum MHD_Result
count_header(void *with, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind, (void)name, (void)value;
	++*(size_t *)with;
	return MHD_YES;
}

static enum MHD_Result
copy_header(void *with, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct copying *copying = with;

	(void)kind;
	copying->headers[copying->count++] = (struct arrival_header){ arena_text(copying->arena, name), arena_text(copying->arena, value ? value : "") };
	return MHD_YES;
}

void
arrival_read(struct arrival *arrival, struct arena *arena, struct MHD_Connection *connection, const char *method)
{
	struct copying copying = { .arena = arena };
	size_t count = 0;

	MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &count);
	copying.headers = arena_take(arena, (count + 1) * sizeof *copying.headers);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, copy_header, &copying);
	arrival->method = arena_text(arena, method);
	arrival->headers = copying.headers;
	arrival->header_count = copying.count;
}

/* The first of that name, and how many there are. */
static const char *
find(const struct arrival *arrival, const char *name, size_t *count)
{
	const char *found = NULL;

	*count = 0;
	for (size_t i = 0; i < arrival->header_count; i++) {
		if (strcasecmp(arrival->headers[i].name, name))
			continue;
		if (!(*count)++)
			found = arrival->headers[i].value;
	}
	return found;
}

const char *
arrival_header(const struct arrival *arrival, const char *name)
{
	size_t count;

	return find(arrival, name, &count);
}

bool
arrival_brings(const struct arrival *arrival)
{
	const char *length = arrival_header(arrival, "Content-Length");

	return arrival_header(arrival, "Transfer-Encoding") || (length && length[strspn(length, "0")]);
}

/* What says twice how long it is, or who is meant, is read by the proxy in one way and by us in another (threats W3). */
static bool
is_ambiguous(const struct arrival *arrival, const char *version)
{
	size_t lengths, encodings, hosts;
	const char *length = find(arrival, "Content-Length", &lengths), *encoding = find(arrival, "Transfer-Encoding", &encodings);

	find(arrival, "Host", &hosts);
	if (lengths > 1 || encodings > 1 || hosts > 1 || (lengths && encodings))
		return true;
	if (length && (!*length || strspn(length, "0123456789") != strlen(length)))
		return true;
	return encoding && (strcasecmp(encoding, "chunked") || strcmp(version, MHD_HTTP_VERSION_1_1));
}

static bool
is_name(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *name && strspn(name, token) == strlen(name);
}

static bool
is_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

/* An older library takes a line that ends with LF alone, and says only how long all lines were together: less than their
 * words and a CR LF each cannot be. */
static bool
is_too_short(const struct arrival *arrival, const char *path, const char *version, size_t header_size)
{
	size_t least = strlen(arrival->method) + 1 + strlen(path) + 1 + strlen(version) + 2 + 2;

	for (size_t i = 0; i < arrival->header_count; i++)
		least += strlen(arrival->headers[i].name) + 1 + strlen(arrival->headers[i].value) + 2;
	return header_size < least;
}

static bool
is_malformed(const struct arrival *arrival, const char *path)
{
	for (size_t i = 0; i < arrival->header_count; i++)
		if (!is_name(arrival->headers[i].name) || !is_value(arrival->headers[i].value))
			return true;
	return *path != '/' || !is_value(path);
}

unsigned
arrival_fault(const struct arrival *arrival, struct MHD_Connection *connection, const char *path, const char *version,
	const struct hook_settings *settings)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (arrival->header_count > (size_t)settings->headers || (size && size->header_size > (size_t)settings->header))
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	if (is_ambiguous(arrival, version) || is_malformed(arrival, path))
		return MHD_HTTP_BAD_REQUEST;
	if (size && is_too_short(arrival, path, version, size->header_size))
		return MHD_HTTP_BAD_REQUEST;
	/* Nothing packed is unpacked here: a small request would become a large one. */
	return arrival_header(arrival, "Content-Encoding") ? MHD_HTTP_UNSUPPORTED_MEDIA_TYPE : 0;
}
