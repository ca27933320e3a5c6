/* line: one line of IRC: taken apart, and put together. */
#include "protocols/irc/line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Reading. */

static char *
skip_blanks(char *at)
{
	return at + strspn(at, " ");
}

/* Ends the word at `at`; where the next one begins. */
static char *
end_word(char *at)
{
	char *end = at + strcspn(at, " ");

	if (!*end)
		return end;
	*end = '\0';
	return skip_blanks(end + 1);
}

static bool
is_command(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	if (digits)
		return digits == 3 && !word[3] && strcmp(word, "000");
	return *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static void
read_params(char *at, struct irc_line *out)
{
	while (*at && out->count < LINE_PARAMS) {
		if (*at == ':' || out->count == LINE_PARAMS - 1) {
			out->params[out->count++] = at + (*at == ':');
			return;
		}
		out->params[out->count++] = at;
		at = end_word(at);
	}
}

bool
line_read(char *bytes, size_t length, struct irc_line *out)
{
	char *at = bytes;

	*out = (struct irc_line){ .command = "" };
	if (!length || length > LINE_HEARD_MOST || memchr(bytes, '\0', length) || memchr(bytes, '\r', length) || memchr(bytes, '\n', length))
		return false;
	bytes[length] = '\0';
	if (*at == '@') {
		out->tags = at + 1;
		at = end_word(at);
		if (strlen(out->tags) > LINE_TAGS_MOST)
			return false;
	}
	at = skip_blanks(at);
	if (*at == ':') {
		out->prefix = at + 1;
		at = end_word(at);
	}
	out->command = at;
	at = end_word(at);
	read_params(at, out);
	return is_command(out->command);
}

const char *
line_param(const struct irc_line *line, size_t i)
{
	return i < line->count ? line->params[i] : "";
}

const char *
line_last(const struct irc_line *line)
{
	return line->count ? line->params[line->count - 1] : "";
}

static char
unescaped(char byte)
{
	static const char from[] = ":srn", to[] = "; \r\n";
	const char *found = byte ? strchr(from, byte) : NULL;

	return found ? to[found - from] : byte;
}

static bool
unescape(const char *at, size_t length, char *value, size_t size)
{
	size_t out = 0;

	for (const char *end = at + length; at < end; at++) {
		if (out + 1 >= size)
			return false;
		if (*at != '\\')
			value[out++] = *at;
		else if (++at < end)            /* a lone backslash at the end means nothing */
			value[out++] = unescaped(*at);
	}
	value[out] = '\0';
	return true;
}

/* The next tag of that name from `at` on, and the length of all of it; NULL where there is none. */
static const char *
find_tag(const char *at, const char *name, size_t *whole)
{
	size_t length = strlen(name);

	while (at && *at) {
		*whole = strcspn(at, ";");
		if (strcspn(at, ";=") == length && !memcmp(at, name, length))
			return at;
		at += *whole + (at[*whole] == ';');
	}
	return NULL;
}

bool
line_tagged(const struct irc_line *line, const char *name)
{
	size_t whole;

	return find_tag(line->tags, name, &whole);
}

bool
line_tag(const struct irc_line *line, const char *name, char *value, size_t size)
{
	size_t length = strlen(name), whole;
	bool found = false;

	for (const char *at = line->tags; (at = find_tag(at, name, &whole)); at += whole) {
		size_t before = length + (at[length] == '=');
		found = unescape(at + before, whole - before, value, size);
	}
	return found;
}

bool
line_time(const char *tag, int64_t *wall)
{
	struct tm when = { 0 };
	char zone = '\0';
	double seconds = 0;

	if (sscanf(tag, "%4d-%2d-%2dT%2d:%2d:%lf%c", &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour, &when.tm_min, &seconds, &zone) != 7
			|| zone != 'Z' || !(seconds >= 0 && seconds < 61) || when.tm_year < 1970 || when.tm_mon < 1 || when.tm_mon > 12
			|| when.tm_mday < 1 || when.tm_mday > 31 || when.tm_hour < 0 || when.tm_hour > 23 || when.tm_min < 0 || when.tm_min > 59)
		return false;
	when.tm_year -= 1900;
	when.tm_mon -= 1;
	*wall = (int64_t)timegm(&when) * 1000 + (int64_t)(seconds * 1000);
	return true;
}

/* Writing. */

static bool
put(struct written *line, const char *bytes, size_t length, size_t most)
{
	if (length > most || line->length > most - length)
		return false;
	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
	return true;
}

bool
line_is_word(const char *word)
{
	return *word && *word != ':' && !strpbrk(word, " \r\n");
}

static bool
put_word(struct written *line, const char *word, bool last, size_t most)
{
	if (last ? strpbrk(word, "\r\n") != NULL : !line_is_word(word))
		return false;
	bool colon = last && !line_is_word(word);
	return put(line, colon ? " :" : " ", colon ? 2 : 1, most) && put(line, word, strlen(word), most);
}

/* A value that needs no escaping, and cannot be anything else. */
bool
line_is_label(const char *value)
{
	size_t length = strlen(value);

	return length && length <= LINE_LABEL_MOST
		&& length == strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}

static bool
put_tag(struct written *line, const char *name, const char *value)
{
	const char *before = line->length ? ";" : "@";

	return (!value || line_is_label(value)) && put(line, before, 1, LINE_TAGS_OURS) && put(line, name, strlen(name), LINE_TAGS_OURS)
		&& (!value || (put(line, "=", 1, LINE_TAGS_OURS) && put(line, value, strlen(value), LINE_TAGS_OURS)));
}

static bool
put_tags(struct written *line, const struct line_frame *frame)
{
	bool fine = (!frame->label || put_tag(line, "label", frame->label)) && (!frame->batch || put_tag(line, "batch", frame->batch))
		&& (!frame->joined || put_tag(line, "draft/multiline-concat", NULL));

	return fine && (!line->length || put(line, " ", 1, LINE_TAGS_OURS));
}

bool
line_write_framed(struct written *line, const struct line_frame *frame, const char *command, const char *const *params, size_t count)
{
	size_t allowed = (frame->most ? frame->most : LINE_MOST) - 2;

	line->length = 0;
	line->bytes[0] = '\0';
	if (allowed > LINE_MOST_EVER - 2 || frame->prefix >= allowed || count > LINE_PARAMS || !is_command(command))
		return false;
	bool fine = put_tags(line, frame);
	/* Tags have their own room. */
	size_t most = line->length + allowed - frame->prefix;
	fine = fine && put(line, command, strlen(command), most);
	for (size_t i = 0; i < count && fine; i++)
		fine = put_word(line, params[i], i + 1 == count, most);
	if (fine)
		memcpy(line->bytes + line->length, "\r\n", 2);
	line->length = fine ? line->length + 2 : 0;
	line->bytes[line->length] = '\0';
	return fine;
}

bool
line_write(struct written *line, size_t prefix, const char *command, const char *const *params, size_t count)
{
	const struct line_frame frame = { .prefix = prefix };

	return line_write_framed(line, &frame, command, params, count);
}

bool
line_is_said(const char *text)
{
	static const char codes[] = "\002\003\017\021\035\036\037", action[] = "\001ACTION ";
	size_t length = strlen(text), front = strlen(action);

	if (length > front && !strncmp(text, action, front) && text[length - 1] == '\001') {
		text += front;
		length -= front + 1;
	}
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)text[i] < ' ' && !strchr(codes, text[i])) || text[i] == '\177')
			return false;
	return true;
}

bool
line_say(struct written *line, size_t prefix, const char *command, const char *target, const char *text)
{
	const char *params[] = { target, text };

	line->length = 0;
	line->bytes[0] = '\0';
	return line_is_said(text) && line_write(line, prefix, command, params, 2);
}

void
line_copy(struct written *to, const struct written *from)
{
	to->length = from->length;
	memcpy(to->bytes, from->bytes, from->length + 1);
}

/* For libircclient, which trusts its server. */

/* What it knows, and how many parameters it reads without looking; all else is dropped: a shorter command is taken for the longer
 * one that it begins, and one without parameters shows what its stack held before. */
static const struct { const char *command; size_t least; } known[] = {
	{ "ERROR",   1 },
	{ "INVITE",  2 },
	{ "JOIN",    1 },
	{ "KICK",    2 },
	{ "KILL",    1 },
	{ "MODE",    2 },
	{ "NICK",    1 },
	{ "NOTICE",  2 },
	{ "PART",    1 },
	{ "PRIVMSG", 2 },
	{ "QUIT",    0 },
	{ "TOPIC",   2 },
};

static bool
enough(const struct irc_line *line)
{
	if (*line->command >= '0' && *line->command <= '9')
		return true;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].command, line->command))
			return line->count >= known[i].least;
	return false;
}

/* CTCP: of an ACTION what it says, in place; nothing else of it gets through. */
static bool
unwrap(struct irc_line *line, char text[LINE_LIBRARY_MOST + 1])
{
	static const char action[] = "\001ACTION ";
	const char *said = line_param(line, 1);
	bool talk = !strcmp(line->command, "PRIVMSG") || !strcmp(line->command, "NOTICE");

	if (talk && line->count != 2)
		return false;
	if (!talk || *said != '\001')
		return true;
	if (strncmp(said, action, strlen(action)))
		return false;
	said += strlen(action);
	size_t length = strcspn(said, "\001");
	if (length > LINE_LIBRARY_MOST)
		return false;
	memcpy(text, said, length);
	text[length] = '\0';
	line->action = true;
	return true;
}

static bool
add(char *out, size_t *length, const char *before, const char *word)
{
	size_t front = strlen(before), size = strlen(word);

	if (*length + front + size > LINE_LIBRARY_MOST)
		return false;
	memcpy(out + *length, before, front);
	memcpy(out + *length + front, word, size);
	*length += front + size;
	return true;
}

bool
line_for_library(struct irc_line *line, const char *server, char out[LINE_LIBRARY_MOST + 3], size_t *length)
{
	char text[LINE_LIBRARY_MOST + 1];
	size_t count = line->count < LINE_LIBRARY_PARAMS ? line->count : LINE_LIBRARY_PARAMS;

	*length = 0;
	if (!enough(line) || !unwrap(line, text))
		return false;
	if (!add(out, length, ":", line->prefix && *line->prefix ? line->prefix : server) || !add(out, length, " ", line->command))
		return false;
	for (size_t i = 0; i + 1 < count; i++)
		if (!line_is_word(line->params[i]) || !add(out, length, " ", line->params[i]))
			return false;
	/* An ACTION is of PRIVMSG or NOTICE, whose text is the last one. */
	const char *last = line->action ? text : count ? line->params[count - 1] : "";
	if (!add(out, length, " :", last))
		return false;
	memcpy(out + *length, "\r\n", 3);
	*length += 2;
	return true;
}
