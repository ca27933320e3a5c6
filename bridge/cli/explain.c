/* explain: may they, by which rule, or why not. */
#include "bridge/cli/explain.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"
#include "bridge/setup.h"
#include "bridge/talk/room.h"
#include "bridge/work/why.h"

static const char *
roles_of(struct arena *arena, const struct person *person)
{
	struct text text = text_in(arena, 300);

	for (size_t i = 0; i < person->roles.count; i++)
		text_printf(&text, "%s%s", i ? ", " : "", person->roles.each[i]);
	return text.length ? text.bytes : "no role";
}

/* False where a word names nothing, which was said. */
static bool
read_words(const struct setup *setup, const char *const *words, size_t count, const struct person **person, struct why_asked *asked)
{
	if (count < 2 || count > 3) {
		fprintf(stderr, "It is sallyport explain PERSON COMMAND [ROOM], the command in quotes: sallyport explain carol \"build web\" ops\n");
		return false;
	}
	*person = rights_person_named(setup->rights, words[0]);
	if (!*person) {
		fprintf(stderr, "sallyport: %s is no person of %s.\n", words[0], setup->path);
		return false;
	}
	asked->account = rights_account(setup->rights, *person);
	asked->room = count == 3 ? room_named(&setup->rooms, words[2]) : NULL;
	if (count == 3 && !asked->room)
		fprintf(stderr, "sallyport: %s is no room of %s.\n", words[2], setup->path);
	return count == 2 || asked->room;
}

int
explain(const struct setup *setup, const char *const *words, size_t count)
{
	struct why_asked asked = { .rights = setup->rights, .guards = setup->guards, .freezes = setup->freezes, .instances = setup->instances, .wall = clock_wall() };
	const struct person *person;
	struct arena *arena = arena_new();
	struct error error;
	struct why why;
	int code = EX_USAGE;

	if (!read_words(setup, words, count, &person, &asked))
		goto end;
	const char *prefix = setup->gateway.prefix, *line = words[1];
	line += strncmp(line, prefix, strlen(prefix)) ? 0 : strlen(prefix);
	if (!why_find(arena, &asked, line, &why, &error)) {
		fprintf(stderr, "sallyport: %s.\n", error.text);
		goto end;
	}
	code = why.decision.allowed ? EX_OK : 1;
	if (why.decision.allowed)
		printf("yes: %s (%s): %s is allowed by %s%s%s\n", person->name, roles_of(arena, person), why.command,
			why.decision.rule, why.clear ? "; " : "", why.clear ? why.clear : "");
	else
		printf("no: %s (%s): %s%s%s\n", person->name, roles_of(arena, person), why.decision.why, why.clear ? "; with it: " : "",
			why.clear ? why.clear : "");
end:
	arena_free(arena);
	return code;
}
