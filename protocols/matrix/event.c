/* event: what a homeserver tells of a room, as what it is to us. */
#include "protocols/matrix/event.h"

#include <stddef.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "protocols/matrix/html.h"

enum {
	ID_MOST = 255,                  /* bytes of any identifier */
	BODY_MOST = 32 << 10,           /* bytes of what is said */
	WHY_MOST = 120,
	NAME_MOST = 120,                /* of a file, and of what kind it is */
};

/* They come into paths, the log and the audit, so one with a blank or a control character is none. */
static const char *
identifier(struct json_object *object, const char *path)
{
	const char *id = json_string(object, path, NULL);

	if (!id || !*id || strlen(id) > ID_MOST)
		return NULL;
	for (const char *c = id; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return NULL;
	return id;
}

const char *
event_without_quote(const char *body)
{
	const char *at = body;

	if (*at != '>')
		return body;
	while (*at == '>') {
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return *at == '\n' ? at + 1 : at;
}

static const char *
body_of(struct json_object *content, bool answers)
{
	const char *body = json_string(content, "body", "");

	return answers ? event_without_quote(body) : body;
}

static const char *
clean_body(struct arena *arena, struct json_object *content, bool answers)
{
	const char *body = body_of(content, answers);

	return text_clean_lines(arena, body, text_fit(body, strlen(body), BODY_MOST));
}

/* What it is about: the thread it is in, the message it answers. */
static void
read_relation(struct json_object *content, struct message *message)
{
	struct json_object *relates = json_key(content, "m.relates_to");
	const char *type = json_string(relates, "rel_type", "");
	const char *answers = identifier(json_key(relates, "m.in_reply_to"), "event_id");

	if (!strcmp(type, "m.thread"))
		message->place.thread = identifier(relates, "event_id");
	/* In a thread, clients name the last message for those who show none; that answers nothing. */
	if (answers && !(message->place.thread && json_true(relates, "is_falling_back")))
		message->on = answers;
}

/* With its formatting, where it has some that clients show too. */
static const struct styled *
styled_of(struct arena *arena, struct json_object *content, bool answers)
{
	const char *html = !strcmp(json_string(content, "format", ""), "org.matrix.custom.html") ? json_string(content, "formatted_body", NULL) : NULL;
	bool emote = !strcmp(json_string(content, "msgtype", ""), "m.emote");

	if (html)
		return html_read(arena, html, text_fit(html, strlen(html), BODY_MOST), emote);
	struct styled *styled = styled_new(arena, emote);
	const char *body = body_of(content, answers);
	styled_add_linked(styled, 0, body, text_fit(body, strlen(body), BODY_MOST));
	return styled;
}

/* A file stands in a message of its own (client-server API, "m.room.message msgtypes"). */
static const struct attached *
file_of(struct arena *arena, struct json_object *content, const char *type)
{
	static const char *const types[] = { "m.image", "m.file", "m.audio", "m.video", NULL };
	const char *url = identifier(content, "url"), *name = json_string(content, "filename", json_string(content, "body", "file"));
	struct attached *file = arena_take(arena, sizeof *file);
	size_t i = 0;

	while (types[i] && strcmp(types[i], type))
		i++;
	if (!types[i] || !url || strncmp(url, "mxc://", 6))
		return NULL;
	*file = (struct attached){ url, text_cut(arena, text_clean(arena, name, strlen(name)), NAME_MOST),
		text_cut(arena, text_clean(arena, json_string(content, "info.mimetype", ""), strlen(json_string(content, "info.mimetype", ""))), NAME_MOST),
		json_integer(content, "info.size", -1) };
	return file;
}

static bool
is_edit(struct json_object *content)
{
	return !strcmp(json_string(json_key(content, "m.relates_to"), "rel_type", ""), "m.replace");
}

/* The new words stand beside the old ones; without them it is nothing. */
static void
read_edit(struct arena *arena, struct json_object *content, struct event *out)
{
	struct json_object *new = json_key(content, "m.new_content");
	struct message *message = &out->message;

	message->on = identifier(json_key(content, "m.relates_to"), "event_id");
	if (!message->on || !json_string(new, "body", NULL))
		return;
	out->kind = EVENT_TALK;
	message->kind = MESSAGE_EDITED;
	message->text = clean_body(arena, new, false);
	message->styled = styled_of(arena, new, false);
}

/* Its first line goes on behind what we keep: that would be another command. */
static bool
is_cut(struct json_object *content, const char *text)
{
	return strlen(json_string(content, "body", "")) > BODY_MOST && !strchr(text, '\n');
}

/* Threats M4: only plain text that somebody typed is ever a command; what bots say never is, nor what a gateway tells of
 * another chat: two of them in the same rooms would tell one another's words for ever. */
static void
read_message(struct arena *arena, struct json_object *content, struct event *out)
{
	const char *type = json_string(content, "msgtype", "");
	struct message *message = &out->message;

	if (!strcmp(type, "m.notice") || !json_string(content, "body", NULL) || json_key(content, EVENT_TOLD))
		return;
	if (is_edit(content)) {
		read_edit(arena, content, out);
		return;
	}
	out->kind = EVENT_TALK;
	message->kind = MESSAGE_SAID;
	read_relation(content, message);
	message->text = clean_body(arena, content, message->on != NULL);
	message->aside = strcmp(type, "m.text") != 0 || is_cut(content, message->text);
	message->styled = styled_of(arena, content, message->on != NULL);
	message->file = file_of(arena, content, type);
}

static void
read_reaction(struct arena *arena, struct json_object *content, struct event *out)
{
	struct json_object *relates = json_key(content, "m.relates_to");
	const char *on = identifier(relates, "event_id"), *key = json_string(relates, "key", NULL);

	if (strcmp(json_string(relates, "rel_type", ""), "m.annotation") || !on || !key)
		return;
	out->kind = EVENT_TALK;
	out->message.kind = MESSAGE_REACTED;
	out->message.on = on;
	out->message.text = text_cut(arena, text_clean(arena, key, strlen(key)), ID_MOST);
}

/* Rooms up to version 10 name it beside the content, later ones in it, and servers check that one. Where both stand they must be the same. */
static void
read_redaction(struct json_object *event, struct json_object *content, struct event *out)
{
	const char *inside = identifier(content, "redacts"), *beside = identifier(event, "redacts");

	if (inside && beside && strcmp(inside, beside))
		return;
	out->message.kind = MESSAGE_TAKEN_BACK;
	out->message.on = inside ? inside : beside;
	out->message.text = "";
	out->kind = out->message.on ? EVENT_TALK : EVENT_OTHER;
}

static void
read_member(struct arena *arena, struct json_object *event, struct json_object *content, struct event *out)
{
	const char *why = json_string(content, "reason", "");

	out->member = identifier(event, "state_key");
	out->membership = json_string(content, "membership", "");
	out->shown = json_string(content, "displayname", NULL);
	out->direct = json_true(content, "is_direct");
	out->was_in = !strcmp(json_string(event, "unsigned.prev_content.membership", ""), "join");
	if (out->was_in)
		out->was = json_string(event, "unsigned.prev_content.displayname", NULL);
	out->why = text_cut(arena, text_clean(arena, why, strlen(why)), WHY_MOST);
	out->kind = out->member ? EVENT_MEMBER : EVENT_OTHER;
}

static bool
is_state(struct json_object *event)
{
	return json_key(event, "state_key");
}

bool
event_read(struct arena *arena, struct json_object *event, struct event *out)
{
	struct json_object *content = json_key(event, "content");
	const char *type = json_string(event, "type", NULL);

	*out = (struct event){ .id = identifier(event, "event_id"), .sender = identifier(event, "sender"), .at = json_integer(event, "origin_server_ts", 0) };
	if (!type || !out->sender || !content)
		return false;
	out->message.id = out->id;
	out->message.said = out->at;
	if (is_state(event)) {
		if (!strcmp(type, "m.room.member"))
			read_member(arena, event, content, out);
		else if (!strcmp(type, "m.room.encryption"))
			out->kind = EVENT_ENCRYPTION;
		else if (!strcmp(type, "m.room.tombstone") && (out->replaced_by = identifier(content, "replacement_room")))
			out->kind = EVENT_TOMBSTONE;
		return true;
	}
	if (!out->id)
		return true;
	if (!strcmp(type, "m.room.message"))
		read_message(arena, content, out);
	else if (!strcmp(type, "m.reaction"))
		read_reaction(arena, content, out);
	else if (!strcmp(type, "m.room.redaction"))
		read_redaction(event, content, out);
	return true;
}
