/* Fuzzes the way from a line of chat to arguments: whom it addresses, aliases, words, binding.
 * The first line of the input is what an alias stands for, the rest is the line that is said. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/work/command.h"

static const struct command commands[] = {
	{ .verb = "build", .care = CARE_CHANGE, .usage = "JOB [KEY=VALUE ...]", .example = "build web", .params = { { "JOB", true, false } }, .more = true },
	{ .verb = "comment", .care = CARE_CHANGE, .usage = "TICKET TEXT", .example = "comment OPS-1 x", .params = { { "TICKET", true, false }, { "TEXT", true, true } } },
	{ .verb = "lock", .usage = "TARGET [until=TIME] [REASON]", .example = "lock prod",
		.params = { { "TARGET", true, false }, { "REASON", false, true }, { "UNTIL", false, false } } },
	{ .verb = "whoami", .usage = "", .example = "whoami" },
	{ 0 }
};

static void
check_binding(struct arena *arena, const struct command *command, const struct words *words)
{
	struct named args[64];
	struct error error = { "" };
	size_t count = 0;
	bool dry = false, fine = command_bind(arena, command, words, words->count ? 1 : 0, args, &count, &dry, &error);

	assert(fine || error.text[0]);
	assert(count <= words->count);
	for (size_t i = 0; i < count; i++) {
		assert(args[i].name[0] && args[i].value);
		for (size_t j = 0; j < i; j++)
			assert(strcmp(args[i].name, args[j].name));
	}
	for (size_t i = 0; fine && i < 6 && command->params[i].name; i++) {
		bool there = false;
		for (size_t j = 0; j < count; j++)
			there = there || !strcmp(args[j].name, command->params[i].name);
		assert(there || !command->params[i].required);
	}
}

/* A line whose words were read is a line of those words. */
static void
check_words(struct arena *arena, const struct words *words)
{
	assert(words->count <= 64);
	for (size_t i = 0; i < words->count; i++) {
		assert(words->at[i] >= words->line && *words->at[i] && *words->at[i] != ' ');
		assert(i == 0 || words->at[i] > words->at[i - 1]);
	}
	for (size_t i = 0; commands[i].verb; i++)
		check_binding(arena, &commands[i], words);
	if (words->count)
		(void)command_find(commands, words->each[0]);
}

static void
one_line(struct arena *arena, const char *is, const char *text)
{
	const char *line = command_addressed(text, "!", "sally", false);
	struct words words, again;
	struct error error = { "" };

	assert(!line || (*line && line >= text));
	line = command_addressed(text, "!", "sally", true);
	assert(!line || *line);
	if (!words_read(arena, text, &words, &error)) {
		assert(text_utf8(error.text, strlen(error.text)));
		return;
	}
	check_words(arena, &words);
	const struct alias alias = { .name = words.count ? words.each[0] : "x", .is = is };
	char *expanded = alias_expand(arena, &alias, &words);
	/* A line that fits is filled in to one that can be read, unless it grew past the words of a line. */
	if (expanded && words_read(arena, expanded, &again, &error))
		check_words(arena, &again);
	else if (expanded)
		assert(strstr(error.text, "more than 64 words") || strlen(expanded) > 15000);
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *all = arena_slice(arena, (const char *)data, size), *end = strchr(all, '\n');

	if (end)
		*end = '\0';
	one_line(arena, all, end ? end + 1 : all);
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
