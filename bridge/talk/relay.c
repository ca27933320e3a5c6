/* relay: what is said in one place of a room is told in its others. */
#include "bridge/talk/relay.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"
#include "bridge/talk/files.h"
#include "bridge/talk/message.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/outbox_rows.h"
#include "bridge/talk/room.h"
#include "bridge/talk/styled.h"
#include "bridge/talk/talk.h"

enum {
	QUOTE_MOST = 60,                /* bytes */
	NAME_MOST = 60,                 /* of a person's */
	FILE_LIFE = 24 * 3600 * 1000,   /* ms that a link to a file lives */
};

struct relaying {
	struct mirrored mirrored;
	const char *place, *id, *on;    /* of the message that is mirrored */
	const char *link, *hooks_url;   /* whose file it is; where others reach us, NULL: nowhere */
	bool asks;                      /* a command, whose answer follows: it is not kept back behind talk */
	size_t count;
	struct relaying_to {
		const char *place;
		struct mention mentions[MENTIONS_MOST];
		size_t mention_count;
		unsigned can;
		char txn[OUTBOX_TXN];
	} *each;
};

bool
relay_wants(const struct talk *talk, const struct message *message)
{
	const struct room *room = message->direct || message->stays || message->kind >= MESSAGE_REACTED ? NULL : room_of(talk->rooms, &message->place);

	return room && room->relay && room->place_count > 1;
}

/* -- On the loop ------------------------------------------------------------------------------------------------------ */

/* Their account on that link; NULL: none. */
static const char *
account_on(const struct person *person, const char *link)
{
	size_t length = strlen(link);

	for (size_t i = 0; person && i < person->accounts.count; i++) {
		const char *account = person->accounts.each[i];
		if (!strncmp(account, link, length) && account[length] == '/')
			return account;
	}
	return NULL;
}

static void
mention(struct arena *arena, struct relaying_to *to, const char *said, const struct person *person, const char *link)
{
	const char *account = account_on(person, link);

	if (account && to->mention_count < MENTIONS_MOST)
		to->mentions[to->mention_count++] = (struct mention){ arena_text(arena, said), arena_text(arena, account) };
}

/* Persons of ours whom the words name: the first of them does ("carol: look"), or the chat itself says so. */
static void
find_mentions(const struct talk *talk, struct arena *arena, const struct message *message, const char *link, struct relaying_to *to)
{
	size_t length = strcspn(message->text, ":, \n");

	if (length && length <= NAME_MOST && message->text[length] && strchr(":,", message->text[length])) {
		const char *name = arena_slice(arena, message->text, length);
		mention(arena, to, name, rights_person_named(talk->rights, name), link);
	}
	for (size_t i = 0; message->styled && i < message->styled->count; i++) {
		const char *account = message->styled->spans[i].account;
		if (account)
			mention(arena, to, account, rights_person(talk->rights, arena_printf(arena, "%s/%s", message->place.link, account)), link);
	}
}

static const struct styled *
words_of(struct arena *arena, const struct message *message)
{
	struct styled *words = styled_new(arena, false);

	if (message->styled)
		return styled_redacted(arena, message->styled);
	char *clean = redact_text(arena, message->text);
	styled_add_linked(words, 0, clean, strlen(clean));
	return words;
}

static const struct attached *
file_of(struct arena *arena, const struct attached *file)
{
	struct attached *copy = arena_take(arena, sizeof *copy);

	*copy = (struct attached){ arena_text(arena, file->id), arena_text(arena, file->name), arena_text(arena, file->type), file->size };
	return copy;
}

struct relaying *
relay_make(const struct talk *talk, struct arena *arena, const struct message *message, const char *chat, bool asks)
{
	struct relaying *relaying = arena_take(arena, sizeof *relaying);
	const struct room *room = room_of(talk->rooms, &message->place);

	relaying->mirrored = (struct mirrored){ .kind = message->kind, .who = arena_text(arena, message->from.shown),
		.account = arena_text(arena, message->from.account ? message->from.account : ""), .chat = arena_text(arena, chat) };
	if (message->kind != MESSAGE_TAKEN_BACK)
		relaying->mirrored.words = words_of(arena, message);
	if (message->file)
		relaying->mirrored.file = file_of(arena, message->file);
	relaying->link = arena_text(arena, message->place.link);
	relaying->hooks_url = arena_text(arena, talk->hooks_url);
	relaying->place = place_text(arena, &message->place);
	relaying->id = arena_text(arena, message->id);
	relaying->asks = asks;
	relaying->on = arena_text(arena, message->on);
	relaying->each = arena_take(arena, room->place_count * sizeof *relaying->each);
	for (size_t i = 0; i < room->place_count; i++) {
		unsigned can = outbox_can(talk->outbox, room->place[i].link);
		if (place_same(&room->place[i], &message->place) || !(can & CAN_TALK))
			continue;
		struct relaying_to *to = &relaying->each[relaying->count++];
		*to = (struct relaying_to){ .place = place_text(arena, &room->place[i]), .can = can };
		find_mentions(talk, arena, message, room->place[i].link, to);
		outbox_txn(to->txn, relaying->place, relaying->id, to->place);
	}
	return relaying;
}

/* -- On the store's thread -------------------------------------------------------------------------------------------- */

/* What it answers, as it was told or said itself; `*label` names it in the other places. */
static bool
find_answered(struct db *db, struct arena *arena, const struct relaying *relaying, struct mirrored *mirrored, const char **label, struct error *error)
{
	const char *body;

	if (!outbox_label_of(db, arena, relaying->place, relaying->on, label, error))
		return false;
	if (!*label)
		*label = message_label(arena, relaying->place, relaying->on);
	if (!outbox_body_of(db, arena, *label, &body, error))
		return false;
	const struct mirrored *answered = body ? mirrored_read(arena, body, NULL) : NULL;
	if (answered && answered->words) {
		mirrored->to = answered->who;
		mirrored->quote = text_cut(arena, text_clean(arena, styled_words(arena, answered->words), strlen(styled_words(arena, answered->words))), QUOTE_MOST);
	}
	return true;
}

/* Who is not in that chat reaches the file by a link of ours, for a while. */
static bool
offer_file(struct db *db, struct arena *arena, const struct relaying *relaying, struct mirrored *mirrored, struct error *error)
{
	const struct attached *file = mirrored->file;
	char code[FILES_CODE + 1];

	if (!file || !relaying->hooks_url || file->size > FILES_MOST)
		return true;
	mirrored->until = clock_wall() + FILE_LIFE;
	const struct file offered = { .link = relaying->link, .id = file->id, .name = file->name, .type = file->type, .size = file->size > 0 ? file->size : 0,
		.expires = mirrored->until };
	if (!files_offer(db, &offered, code, error))
		return false;
	mirrored->url = files_url(arena, relaying->hooks_url, code);
	return true;
}

static bool
write_said(struct db *db, struct arena *arena, const struct relaying *relaying, struct error *error)
{
	struct mirrored mirrored = relaying->mirrored;
	const char *answers = NULL;

	if (relaying->on && !find_answered(db, arena, relaying, &mirrored, &answers, error))
		return false;
	if (!offer_file(db, arena, relaying, &mirrored, error))
		return false;
	for (size_t i = 0; i < relaying->count; i++) {
		const struct relaying_to *to = &relaying->each[i];
		mirrored.mentions = to->mentions;
		mirrored.mention_count = to->mention_count;
		struct outbox_new row = { .place = to->place, .txn = to->txn, .label = message_label(arena, relaying->place, relaying->id), .answers = answers,
			.op = DELIVERY_TALK, .urgency = relaying->asks ? URGENCY_STATE : URGENCY_TALK, .body = mirrored_json(arena, &mirrored) };
		if (!outbox_row_write(db, &row, error))
			return false;
	}
	return true;
}

/* Where the chat edits, the mirrored message then says this; elsewhere that it was edited is said. */
static bool
write_edited(struct db *db, struct arena *arena, const struct relaying *relaying, const char *label, struct error *error)
{
	for (size_t i = 0; i < relaying->count; i++) {
		const struct relaying_to *to = &relaying->each[i];
		struct mirrored mirrored = relaying->mirrored;
		bool edits = to->can & CAN_EDIT;
		mirrored.kind = edits ? MESSAGE_SAID : MESSAGE_EDITED;
		struct outbox_new row = { .place = to->place, .txn = to->txn, .label = label, .edits = edits, .op = DELIVERY_TALK, .urgency = URGENCY_TALK,
			.body = mirrored_json(arena, &mirrored) };
		if (!outbox_row_write(db, &row, error))
			return false;
	}
	return true;
}

static bool
write_taken_back(struct db *db, struct arena *arena, const struct relaying *relaying, const char *label, struct error *error)
{
	for (size_t i = 0; i < relaying->count; i++) {
		const struct relaying_to *to = &relaying->each[i];
		struct outbox_new row = { .place = to->place, .txn = to->txn, .label = label, .urgency = URGENCY_TALK,
			.op = to->can & CAN_REDACT ? DELIVERY_TAKE_BACK : DELIVERY_TALK, .body = mirrored_json(arena, &relaying->mirrored) };
		if (!outbox_row_take_back(db, &row, DELIVERY_TALK, error))
			return false;
	}
	return true;
}

bool
relay_write(struct db *db, struct arena *arena, const struct relaying *relaying, struct error *error)
{
	const char *body;

	if (relaying->mirrored.kind == MESSAGE_SAID)
		return write_said(db, arena, relaying, error);
	/* Of what was never mirrored nothing is told, and nobody edits what others said. */
	const char *label = message_label(arena, relaying->place, relaying->on);
	if (!outbox_body_of(db, arena, label, &body, error))
		return false;
	const struct mirrored *before = body ? mirrored_read(arena, body, NULL) : NULL;
	if (!before || (relaying->mirrored.kind == MESSAGE_EDITED && strcmp(before->account, relaying->mirrored.account)))
		return true;
	return relaying->mirrored.kind == MESSAGE_EDITED ? write_edited(db, arena, relaying, label, error) : write_taken_back(db, arena, relaying, label, error);
}
