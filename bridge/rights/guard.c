/* guard: what a command that is allowed still needs: confirmation by who asked, approval by others. */
#include "bridge/rights/guard.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"

static const struct setting approval_settings[] = {
	SETTING(approval, name,     TYPE_TITLE,  NULL,          "What it is called."),
	SETTING(approval, where,    TYPE_WHERE,  NULL,          NULL),
	SETTING(approval, by,       TYPE_TEXT,   CONF_REQUIRED, "The role whose people approve; never who asked, in any of their accounts."),
	SETTING(approval, code,     TYPE_SPAN,   NULL,          "Who asks gives a one-time code too, no older than this."),
	SETTING(approval, count,    TYPE_NUMBER, "1",           "How many persons must approve."),
	{ "for", TYPE_LIST, offsetof(struct approval, commands), NULL, "The commands that need it, as rules are written: \"*.deploy env=prod\". "
		"None: only what passes a freeze by it.", NULL },
	SETTING(approval, reaction, TYPE_FLAG,   "no",          "A thumb on our message counts as well as the words."),
	SETTING(approval, within,   TYPE_SPAN,   "30m",         "How long it may take; then nothing runs."),
	{ 0 }
};

static const struct setting confirm_settings[] = {
	SETTING(confirm, where,  TYPE_WHERE, NULL,  NULL),
	{ "for", TYPE_LIST, offsetof(struct confirm, commands), CONF_REQUIRED, "The commands that who asked must confirm, as rules are written.", NULL },
	SETTING(confirm, within, TYPE_SPAN,  "60s", "How long they have to say yes."),
	{ 0 }
};

const struct shape approval_shape = { "approval", sizeof(struct approval), approval_settings, "Commands that run only once others have approved them.", false };
const struct shape confirm_shape = { "confirm", sizeof(struct confirm), confirm_settings, "Commands that who asked must confirm before they run.", true };

enum { WITHIN_MOST = 7 * 24 * 3600 * 1000, COUNT_MOST = 20 };

struct guards {
	size_t approval_count, confirm_count;
	struct approval *const *approvals;
	struct confirm *const *confirms;
};

/* Reading. */

static void
check_within(struct conf *conf, struct where where, const char *of, int64_t within)
{
	if (within < 1000 || within > WITHIN_MOST)
		conf_mistake(conf, where, NULL, "%s: within is 1s to 7d.", of);
}

/* Who alone has the role could ask, and nobody could approve. */
static void
check_holders(struct conf *conf, const struct rights *rights, const struct approval *approval, const char *of)
{
	const char *holder = NULL;
	int64_t count = 0;

	for (const struct person *person = NULL; (person = rights_next_person(rights, person));)
		if (rights_has_role(rights, person, approval->by)) {
			holder = person->name;
			count++;
		}
	if (count > approval->count)
		return;
	if (!count)
		conf_mistake(conf, approval->where, NULL, "%s: nobody has the role %s, so nobody could approve anything; give it to somebody.", of, approval->by);
	else if (count == 1)
		conf_mistake(conf, approval->where, NULL, "%1$s: only %2$s has the role %3$s, so nobody could approve what %2$s asks; give it to one more person.",
			of, holder, approval->by);
	else
		conf_mistake(conf, approval->where, NULL, "%s: only %lld people have the role %s, too few for what one of them asks; give it to one more person.", of,
			(long long)count, approval->by);
}

static void
compile_approval(struct conf *conf, struct approval *approval, const struct rights *rights, const struct rights_world *world)
{
	const char *of = approval->of ? approval->of : arena_printf(conf_arena(conf), "approval \"%s\"", approval->name);
	const struct rule_reader reader = { conf, world, of };

	approval->rules = rules_read(&reader, &approval->commands);
	check_within(conf, approval->where, of, approval->within);
	if ((*approval->by && approval->count < 1) || approval->count > COUNT_MOST)
		conf_mistake(conf, approval->where, NULL, "%s: count is 1 to %d.", of, COUNT_MOST);
	else if (*approval->by && !rights_is_role(rights, approval->by))
		conf_mistake(conf, approval->where, NULL, "%s: no role is called %s%s", of, approval->by, rights_nearest_role(rights, conf_arena(conf), approval->by));
	else if (*approval->by && !world->more_people)
		check_holders(conf, rights, approval, of);
}

static void
compile_confirm(struct conf *conf, struct confirm *confirm, const struct rights_world *world)
{
	const struct rule_reader reader = { conf, world, "confirm" };

	confirm->rules = rules_read(&reader, &confirm->commands);
	check_within(conf, confirm->where, "confirm", confirm->within);
}

const struct guards *
guards_compile(struct conf *conf, const struct sections *approvals, const struct sections *confirms, const struct rights *rights,
	const struct rights_world *world)
{
	struct arena *arena = conf_arena(conf);
	struct guards *guards = arena_take(arena, sizeof *guards);

	*guards = (struct guards){ approvals->count, confirms->count, arena_copy(arena, approvals->each, approvals->count * sizeof(void *)),
		arena_copy(arena, confirms->each, confirms->count * sizeof(void *)) };
	for (size_t i = 0; i < guards->approval_count; i++)
		compile_approval(conf, guards->approvals[i], rights, world);
	for (size_t i = 0; i < guards->confirm_count; i++)
		compile_confirm(conf, guards->confirms[i], world);
	return guards;
}

/* What is needed. */

static void
need(struct needs *needs, const struct approval *approval)
{
	if (approval->code && (!needs->code || approval->code < needs->code))
		needs->code = approval->code;
	if (!needs->count || approval->within < needs->within)
		needs->within = approval->within;
	needs->reaction = approval->reaction && (!needs->count || needs->reaction);
	if (needs->count == NEEDS_MOST)
		needs->crowded = true;
	else
		needs->approvals[needs->count++] = approval;
}

void
guards_needs(const struct guards *guards, const struct ask *ask, struct needs *out)
{
	*out = (struct needs){ 0 };
	for (size_t i = 0; i < guards->confirm_count; i++) {
		const struct confirm *confirm = guards->confirms[i];
		if (rules_match(&confirm->rules, ask) && (!out->confirm || confirm->within < out->confirm))
			out->confirm = confirm->within;
	}
	for (size_t i = 0; i < guards->approval_count; i++)
		if (rules_match(&guards->approvals[i]->rules, ask))
			need(out, guards->approvals[i]);
}

void
needs_add(struct needs *needs, const struct approval *approval)
{
	for (size_t i = 0; i < needs->count; i++)
		if (needs->approvals[i] == approval)
			return;
	size_t before = needs->count;
	need(needs, approval);
	needs->frozen += needs->count - before;
}

bool
needs_any(const struct needs *needs)
{
	return needs->confirm || needs->count;
}

bool
guards_any(const struct guards *guards)
{
	return guards && (guards->approval_count || guards->confirm_count);
}

bool
guards_may_need_others(const struct guards *guards, const struct ask *ask)
{
	for (size_t i = 0; guards && i < guards->approval_count; i++)
		for (size_t r = 0; guards->approvals[i]->count && r < guards->approvals[i]->rules.count; r++)
			if (rule_fit(&guards->approvals[i]->rules.each[r], ask) != FIT_NONE)
				return true;
	return false;
}

char *
needs_text(struct arena *arena, const struct needs *needs)
{
	struct text text = text_in(arena, 500);
	size_t others = 0;

	if (needs->confirm)
		text_add(&text, "needs your yes");
	if (needs->code)
		text_printf(&text, "%syour one-time code", text.length ? ", then " : "needs ");
	for (size_t i = 0; i < needs->count; i++)
		if (needs->approvals[i]->count)
			text_printf(&text, needs->approvals[i]->count == 1 ? "%s%lld other %s" : "%s%lld others with the role %s",
				others++ ? " and " : text.length ? ", then " : "needs ", (long long)needs->approvals[i]->count, needs->approvals[i]->by);
	if (others)
		text_printf(&text, " within %s", clock_span(arena, needs->within));
	return text.bytes;
}

/* -- As text, which is kept and compared ---------------------------------------------------------------------------------- */

static const char FROZEN[] = "frozen;";

static const char *
terms(struct arena *arena, const struct approval *approval)
{
	return arena_printf(arena, "%s: %lld %s within %lld code %lld reaction %d;", approval->name, (long long)approval->count, approval->by,
		(long long)approval->within, (long long)approval->code, approval->reaction);
}

/* What is needed whatever the time. */
static char *
lasting_policy(struct arena *arena, const struct needs *needs)
{
	struct text text = text_in(arena, 8000);

	if (needs->confirm)
		text_printf(&text, "confirm %lld;", (long long)needs->confirm);
	for (size_t i = 0; i < needs->count - needs->frozen; i++)
		text_add(&text, terms(arena, needs->approvals[i]));
	return text.bytes;
}

char *
needs_policy(struct arena *arena, const struct needs *needs)
{
	struct text text = text_in(arena, 16000);

	text_add(&text, lasting_policy(arena, needs));
	for (size_t i = needs->count - needs->frozen; i < needs->count; i++)
		text_printf(&text, "%s%s", FROZEN, terms(arena, needs->approvals[i]));
	return text.bytes;
}

/* Whether it holds these terms, from the beginning of one of its entries. */
static bool
holds_terms(const char *policy, const char *wanted)
{
	for (const char *at = policy, *end; *at && (end = strchr(at, ';')); at = end + 1)
		if (!strncmp(at, wanted, strlen(wanted)))
			return true;
	return false;
}

enum policy
needs_still(struct arena *arena, const struct needs *now, const char *then)
{
	const char *lasting = lasting_policy(arena, now);
	size_t length = strlen(lasting);

	if (now->crowded || strncmp(then, lasting, length) || (then[length] && strncmp(then + length, FROZEN, strlen(FROZEN))))
		return POLICY_OTHER;
	for (size_t i = now->count - now->frozen; i < now->count; i++)
		if (!holds_terms(then, terms(arena, now->approvals[i])))
			return POLICY_FROZEN;
	return POLICY_SAME;
}
