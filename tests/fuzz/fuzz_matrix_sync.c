/* Fuzzes the answer to a sync: walked as sync.c does it, and each of its events read strictly and alone.
 * With -DREPLAY: a program that runs over the files it is given. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/json_walk.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "protocols/matrix/event.h"
#include "protocols/matrix/matrix_settings.h"
#include "protocols/matrix/names.h"

enum { ID_MOST = 255, BODY_MOST = 32 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_id(const char *id)
{
	size_t length = id ? strlen(id) : 1;

	assert(length && length <= ID_MOST && (!id || text_utf8(id, length)));
	for (; id && *id; id++)
		assert((unsigned char)*id > ' ' && *id != 0x7f);
}

static void
check_words(const char *words, size_t most)
{
	size_t length = strlen(words);

	assert(length <= most && text_utf8(words, length));
	for (; *words; words++)
		assert((unsigned char)*words >= ' ' || *words == '\n');
}

static void
check_talk(const struct event *event)
{
	const struct message *message = &event->message;

	assert(event->id && message->id == event->id);
	check_words(message->text, BODY_MOST);
	check_id(message->on);
	check_id(message->place.thread);
	assert(message->kind == MESSAGE_SAID || message->on);
	assert(message->kind > MESSAGE_EDITED || (message->styled && message->styled->count <= STYLED_SPANS_MOST));
	/* Only what is said is ever a command, and the name of a file never is. */
	assert(!message->file || message->aside);
	if (message->file)
		check_words(message->file->name, ID_MOST);
}

static void
check_event(struct names *names, const struct event *event)
{
	check_id(event->id);
	check_id(event->sender);
	check_id(event->member);
	check_id(event->replaced_by);
	assert(event->sender && (event->kind != EVENT_MEMBER || (event->member && event->membership && event->why)));
	if (event->kind == EVENT_MEMBER)
		names_set(names, event->member, event->shown);
	check_words(names_of(names, event->sender), ID_MOST);
	const char *server = matrix_user_server(event->sender);
	assert(!server || (*event->sender == '@' && *server && server > event->sender));
	if (event->kind == EVENT_TALK)
		check_talk(event);
}

static size_t
read_events(struct arena *arena, struct names *names, struct json_part list)
{
	struct json_walk walk = json_walk(list);
	struct json_part key, value;
	struct event event;
	size_t count = 0;

	while (!walk.object && json_walk_next(&walk, &key, &value)) {
		struct json_object *json = json_read(arena, value.at, value.length, NULL);
		if (!json || !event_read(arena, json, &event))
			continue;
		check_event(names, &event);
		count++;
	}
	return count;
}

static void
read_room(struct arena *arena, struct names *names, struct json_part room)
{
	struct json_part timeline = json_part_key(room, "timeline"), summary = json_part_key(room, "summary");

	json_part_text(arena, json_part_key(timeline, "prev_batch"));
	json_part_is(json_part_key(timeline, "limited"), "true");
	json_part_key(summary, "m.joined_member_count");
	read_events(arena, names, json_part_key(json_part_key(room, "state"), "events"));
	read_events(arena, names, json_part_key(json_part_key(room, "invite_state"), "events"));
	read_events(arena, names, json_part_key(timeline, "events"));
	read_events(arena, names, json_part_key(room, "chunk"));
}

static void
read_rooms(struct arena *arena, struct names *names, struct json_part rooms)
{
	struct json_walk walk = json_walk(rooms);
	struct json_part key, value;

	while (walk.object && json_walk_next(&walk, &key, &value)) {
		const char *id = json_part_text(arena, key);
		assert(!id || text_utf8(id, strlen(id)));
		read_room(arena, names, value);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "join", "leave", "invite" };
	struct arena *arena = arena_new();
	struct names names = { 0 };
	struct json_part all = json_part_of((const char *)data, size), rooms = json_part_key(all, "rooms");

	json_part_text(arena, json_part_key(all, "next_batch"));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		read_rooms(arena, &names, json_part_key(rooms, kinds[i]));
	/* A page of what was left out. */
	read_room(arena, &names, all);
	names_free(&names);
	arena_free(arena);
	return 0;
}

#ifdef REPLAY
/* Replays files: each must pass. */
int
main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

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
	return EXIT_SUCCESS;
}
#endif
