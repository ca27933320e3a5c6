/* hook_arrival: a request as it came: copied out of the library, and refused where two readers could read it in two ways. */
#include "bridge/run/hook_arrival.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"

struct copying {
	struct arena *arena;
	struct arrival_header *headers;
	size_t count;
	const char *at;                 /* where the next line must begin */
	bool neat;
};

static enum MHD_Result
count_header(void *with, enum MHD_ValueKind kind, const char *name, size_t name_length, const char *value, size_t length)
{
	(void)kind, (void)name, (void)name_length, (void)value, (void)length;
	++*(size_t *)with;
	return MHD_YES;
}

/* Where its line was NAME:VALUE CR LF and nothing else: what the library made of it lies where it lay, with a NUL for the colon,
 * the CR and the LF. A line that ends with LF alone, goes on in the next one or holds a NUL leaves other traces. */
static bool
is_neat(const char *line, const char *name, size_t name_length, const char *value, size_t length)
{
	return name == line && value > name + name_length && strspn(name + name_length + 1, " \t") >= (size_t)(value - name - 1) - name_length
		&& !value[length] && !value[length + 1];
}

static enum MHD_Result
copy_header(void *with, enum MHD_ValueKind kind, const char *name, size_t name_length, const char *value, size_t length)
{
	struct copying *copying = with;

	(void)kind;
	copying->headers[copying->count++] = (struct arrival_header){ arena_slice(copying->arena, name, name_length),
		value ? arena_slice(copying->arena, value, length) : "" };
	copying->neat = copying->neat && value && is_neat(copying->at, name, name_length, value, length);
	copying->at = value + length + 2;
	return MHD_YES;
}

/* Since 1.0 the library refuses by itself whatever is not neat, and may put it elsewhere. */
static bool
is_careless(void)
{
	return !strncmp(MHD_get_version(), "0.9.", 4);
}

bool
arrival_read(struct arrival *arrival, struct arena *arena, struct MHD_Connection *connection, const char *method, const char *version)
{
	const char *end = version + strlen(version);
	struct copying copying = { .arena = arena, .at = end + 2, .neat = *version && !end[1] };
	size_t count = 0;

	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, count_header, &count);
	copying.headers = arena_take(arena, (count + 1) * sizeof *copying.headers);
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, copy_header, &copying);
	arrival->method = arena_text(arena, method);
	arrival->headers = copying.headers;
	arrival->header_count = copying.count;
	/* All of it, with the empty line behind them, is as long as it would be. */
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return !is_careless() || (copying.neat && size && size->header_size == (size_t)(copying.at + 2 - method));
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
	/* Nothing packed is unpacked here: a small request would become a large one. */
	return arrival_header(arrival, "Content-Encoding") ? MHD_HTTP_UNSUPPORTED_MEDIA_TYPE : 0;
}
