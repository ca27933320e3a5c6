/* send: saying something in a room of Matrix. */
#include "protocols/matrix/send.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/outbox.h"
#include "protocols/matrix/draw.h"
#include "protocols/matrix/event.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"
#include "protocols/matrix/media.h"
#include "protocols/matrix/private.h"

enum {
	FILE_WIDTH = 4000, FILE_LINES = 20000, FILE_MOST = 8 << 20,     /* of what is said as a file; bytes */
	CAPTION_MOST = 300,
	TRIES = 4, TRY_AGAIN = 1500,    /* ms: of an answer that has no row */
};

/* One delivery on its way. */
struct sending {
	struct task *task;
	struct homeserver *at;
	const struct delivery *delivery;
	struct delivered *done;
	const struct matrix_room *room;
	const char *id;                 /* the room's */
};

/* -- What is sent ----------------------------------------------------------------------------------------------------- */

/* The user of an account (hq/@alice:corp.example), where it is one of this link's. */
static const char *
user_in(const struct sending *sending, const char *account)
{
	const char *name = sending->at->link->name;
	size_t length = strlen(name);

	return account && !strncmp(account, name, length) && account[length] == '/' && account[length + 1] == '@' ? account + length + 1 : NULL;
}

/* Whom the card addresses. */
static const char *
user_of(const struct sending *sending)
{
	return user_in(sending, sending->delivery->card->whom);
}

/* m.mentions is always there: without it clients look for names in the text. */
static void
put_mentions(struct task *task, struct json_object *content, struct json_object *users)
{
	struct json_object *mentions = json_new_object(task->arena);

	if (json_count(users, ""))
		json_put(mentions, "user_ids", users);
	json_put(content, "m.mentions", mentions);
}

static void
add_mentions(struct task *task, struct json_object *content, const char *user)
{
	struct json_object *users = json_new_array(task->arena);

	if (user)
		json_push(users, user);
	put_mentions(task, content, users);
}

/* Of talk: whom each of its lines names on purpose. */
static struct json_object *
users_of(const struct sending *sending)
{
	struct json_object *users = json_new_array(sending->task->arena);

	for (const struct mirrored *one = sending->delivery->talk; one; one = one->next)
		for (size_t i = 0; i < one->mention_count; i++) {
			const char *user = user_in(sending, one->mentions[i].account);
			if (user)
				json_push(users, user);
		}
	return users;
}

static void
add_words(struct json_object *content, const char *type, const struct drawing *drawing, const char *before)
{
	json_set(content, "msgtype", type);
	if (*before) {
		size_t size = strlen(before) + strlen(drawing->body) + 1;
		char *body = memory_take(size);
		strcat(strcpy(body, before), drawing->body);
		json_set(content, "body", body);
		free(body);
	} else
		json_set(content, "body", drawing->body);
	if (drawing->html) {
		json_set(content, "format", "org.matrix.custom.html");
		json_set(content, "formatted_body", drawing->html);
	}
}

static void
add_answer(struct task *task, struct json_object *relates, const char *event)
{
	struct json_object *answers = json_new_object(task->arena);

	json_set(answers, "event_id", event);
	json_put(relates, "m.in_reply_to", answers);
}

/* In the thread it is in; else as an answer to who asked. In private that is plain. */
static void
relate(const struct sending *sending, struct json_object *content)
{
	struct task *task = sending->task;
	const char *thread = sending->delivery->place.thread, *replies = sending->delivery->replies;
	struct json_object *relates = json_new_object(task->arena);
	bool private = sending->room && matrix_room_private(sending->room);

	if (thread) {
		json_set(relates, "rel_type", "m.thread");
		json_set(relates, "event_id", thread);
		json_set_flag(relates, "is_falling_back", !replies);
		add_answer(task, relates, replies ? replies : thread);
	} else if (replies && !private)
		add_answer(task, relates, replies);
	else
		return;
	json_put(content, "m.relates_to", relates);
}

/* All of it as a file; its first line says what it is. */
static struct json_object *
say_file(const struct sending *sending)
{
	struct task *task = sending->task;
	struct json_object *content = json_new_object(task->arena), *info = json_new_object(task->arena);
	struct lines lines = card_lines(task->arena, sending->delivery->card, FILE_WIDTH, FILE_LINES);
	struct text all = text_in(task->arena, FILE_MOST);

	for (size_t i = 0; i < lines.count; i++)
		text_printf(&all, "%s\n", lines.each[i]);
	const char *name = sending->delivery->card->file;
	const char *uri = media_put(task, sending->at, name, "text/plain; charset=utf-8", all.bytes, all.length, &sending->done->never);
	if (!uri)
		return NULL;
	json_set(content, "msgtype", "m.file");
	json_set(content, "body", lines.count ? text_cut(task->arena, lines.each[0], CAPTION_MOST) : name);
	json_set(content, "filename", name);
	json_set(content, "url", uri);
	json_set(info, "mimetype", "text/plain");
	json_set_integer(info, "size", (int64_t)all.length);
	json_put(content, "info", info);
	add_mentions(task, content, NULL);
	relate(sending, content);
	return content;
}

static struct json_object *
say(const struct sending *sending)
{
	struct task *task = sending->task;
	const struct card *card = sending->delivery->card;
	bool rings = card->ring && card->to;
	if (card->file)
		return say_file(sending);
	const char *user = user_of(sending);
	struct drawing drawing = draw_card(task->arena, card, sending->at->link->prefix, sending->at->link->lines, user);
	struct json_object *content = json_new_object(task->arena);

	add_words(content, rings ? "m.text" : "m.notice", &drawing, "");
	add_mentions(task, content, rings ? user : NULL);
	relate(sending, content);
	return content;
}

/* A short one for who asked: what it says in full was edited into the message above. */
static struct json_object *
ring(const struct sending *sending)
{
	struct task *task = sending->task;
	const char *user = user_of(sending);
	struct drawing drawing = draw_ring(task->arena, sending->delivery->card, sending->at->link->prefix, user);
	struct json_object *content = json_new_object(task->arena);

	add_words(content, "m.text", &drawing, "");
	add_mentions(task, content, user);
	relate(sending, content);
	return content;
}

/* Clients that know of no edits show the new words behind a star. */
static struct json_object *
edit(const struct sending *sending)
{
	struct task *task = sending->task;
	struct card *card = card_copy(task->arena, sending->delivery->card);
	card->to = NULL;                /* whoever asked is addressed where it may ring */
	struct drawing drawing = draw_card(task->arena, card, sending->at->link->prefix, sending->at->link->lines, NULL);
	struct json_object *content = json_new_object(task->arena), *new = json_new_object(task->arena), *relates = json_new_object(task->arena);

	add_words(new, "m.notice", &drawing, "");
	add_mentions(task, new, NULL);
	add_words(content, "m.notice", &drawing, "* ");
	add_mentions(task, content, NULL);
	json_put(content, "m.new_content", new);
	json_set(relates, "rel_type", "m.replace");
	json_set(relates, "event_id", sending->delivery->on);
	json_put(content, "m.relates_to", relates);
	return content;
}

static struct json_object *
react(const struct sending *sending)
{
	struct json_object *content = json_new_object(sending->task->arena), *relates = json_new_object(sending->task->arena);

	json_set(relates, "rel_type", "m.annotation");
	json_set(relates, "event_id", sending->delivery->on);
	json_set(relates, "key", sending->delivery->key);
	json_put(content, "m.relates_to", relates);
	return content;
}

/* What somebody said elsewhere: "bob (IRC): is db1 up?" */
static struct json_object *
talk(const struct sending *sending)
{
	struct task *task = sending->task;
	const struct mirrored *mirrored = sending->delivery->talk;
	struct drawing drawing = draw_talk(task->arena, mirrored);
	struct json_object *content = json_new_object(task->arena), *new = json_new_object(task->arena), *relates = json_new_object(task->arena);
	const char *on = sending->delivery->on;

	json_set_flag(content, EVENT_TOLD, true);
	add_words(content, "m.text", &drawing, on ? "* " : "");
	if (!on) {
		put_mentions(task, content, users_of(sending));
		relate(sending, content);
		return content;
	}
	add_mentions(task, content, NULL);
	add_words(new, "m.text", &drawing, "");
	add_mentions(task, new, NULL);
	json_put(content, "m.new_content", new);
	json_set(relates, "rel_type", "m.replace");
	json_set(relates, "event_id", on);
	json_put(content, "m.relates_to", relates);
	return content;
}

static struct json_object *
nothing(const struct sending *sending)
{
	return json_new_object(sending->task->arena);
}

static const struct op {
	const char *type;
	struct json_object *(*content)(const struct sending *);
} ops[] = {
	[DELIVERY_SAY] = { "m.room.message", say },
	[DELIVERY_EDIT] = { "m.room.message", edit },
	[DELIVERY_RING] = { "m.room.message", ring },
	[DELIVERY_REACT] = { "m.reaction", react },
	[DELIVERY_TALK] = { "m.room.message", talk },
	[DELIVERY_TAKE_BACK] = { NULL, nothing },
	[DELIVERY_NOTE] = { "m.room.message", say },
};

/* -- Where ------------------------------------------------------------------------------------------------------------ */

static bool
never(const struct sending *sending)
{
	sending->done->never = true;
	return false;
}

static bool
find_room(struct sending *sending)
{
	struct task *task = sending->task;
	const char *channel = sending->delivery->place.channel;
	struct matrix_rooms *rooms = &sending->at->rooms;

	if (*channel == '@')
		sending->room = private_room(task, sending->at, channel);
	else {
		sending->room = matrix_rooms_named(rooms, channel);
		if (!sending->room)
			sending->room = matrix_rooms_find(rooms, channel);
	}
	if (!sending->room)
		return *channel == '@' ? false : task_fail(task, "I am in no room %s.", channel);
	if (sending->room->encrypted) {
		task_fail(task, "%s is encrypted, and I will not write there in clear.", channel);
		return never(sending);
	}
	if (!sending->room->in)
		return task_fail(task, "I am not in %s: %s.", channel, *sending->room->why ? sending->room->why : "joining");
	sending->id = task_text(task, "%s", sending->room->id);
	return true;
}

/* -- Sending ---------------------------------------------------------------------------------------------------------- */

/* What the homeserver will say again however often it is asked (4xx) is not asked again. */
static bool
take_refusal(const struct sending *sending, const struct matrix_answer *answer)
{
	if (!strcmp(answer->code, "M_DUPLICATE_ANNOTATION"))
		return true;            /* our sign is there already */
	if (answer->status >= 400 && answer->status < 500 && answer->status != 401 && answer->status != 408 && answer->status != 429)
		return never(sending);
	return false;
}

/* No answer, or one of a proxy before it: the same id may be sent again. What has a row the outbox sends again. */
static bool
is_trouble(const struct matrix_answer *answer)
{
	return !answer->status || answer->status >= 500;
}

static bool
put(const struct sending *sending)
{
	struct task *task = sending->task;
	const struct delivery *delivery = sending->delivery;
	const struct op *op = &ops[delivery->op];
	char *txn = arena_take(task->arena, ULID_LENGTH + 1);
	struct matrix_answer answer;

	if (delivery->txn)
		txn = task_text(task, "%s", delivery->txn);
	else
		ulid_make(txn);
	struct json_object *content = op->content(sending);
	if (!content)
		return false;
	const struct matrix_call call = { .method = "PUT", .body = json_write(content),
		.path = op->type ? homeserver_path(task, "/_matrix/client/v3/rooms", sending->id, "send", op->type, txn, NULL)
			: homeserver_path(task, "/_matrix/client/v3/rooms", sending->id, "redact", delivery->on, txn, NULL) };
	if (!call.path)
		return never(sending);
	bool fine = homeserver_insist(task, sending->at, delivery->urgency, &call, &answer);
	for (unsigned tries = 1; !fine && !delivery->txn && is_trouble(&answer) && tries < TRIES && task_pause(task, TRY_AGAIN); tries++)
		fine = homeserver_insist(task, sending->at, delivery->urgency, &call, &answer);
	if (!fine)
		return take_refusal(sending, &answer);
	sending->done->id = json_string(answer.json, "event_id", NULL);
	return true;
}

bool
send_delivery(struct task *task, struct link *link, const struct delivery *delivery, struct delivered *done)
{
	struct homeserver *at = link->own;
	struct sending sending = { .task = task, .at = at, .delivery = delivery, .done = done };

	if (!at || at->leaving || at->login != LOGIN_IN)
		return task_fail(task, "%s is away.", link->name);
	at->deliveries++;
	bool fine = find_room(&sending) && put(&sending);
	homeserver_leave(task, at);
	return fine;
}
