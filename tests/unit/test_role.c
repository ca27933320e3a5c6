/* Tests of role: nobody may do what no role allows; why not is said; rules that can never match are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"

/* The services of the sample. */
static const struct service {
	const char *instance, *kind;
	const char *verbs[8];
} services[] = {
	{ "ci",      "jenkins",      { "build", "list", "log", "retry", "stop" } },
	{ "lab",     "gitlab",       { "build", "list" } },
	{ "jira",    "jira",         { "comment", "show" } },
	{ "gateway", NULL,           { "deploy", "help", "lock", "ping", "whoami" } },
};

enum { SERVICES = sizeof services / sizeof *services, OURS = SERVICES - 1 };

static bool
world_instance(void *with, const char *instance)
{
	(void)with;
	for (size_t i = 0; i < OURS; i++)
		if (text_glob(instance, services[i].instance))
			return true;
	return false;
}

static bool
world_verb(void *with, const char *instance, const char *verb)
{
	(void)with;
	for (size_t i = 0; i < SERVICES; i++)
		for (size_t v = 0; services[i].verbs[v]; v++)
			if ((!instance || text_glob(instance, services[i].instance)) && text_glob(verb, services[i].verbs[v]))
				return true;
	return false;
}

static const char *
world_nearest(void *with, const char *instance, const char *verb)
{
	const char *names[40] = { NULL };
	size_t count = 0;

	(void)with;
	for (size_t i = 0; i < SERVICES; i++) {
		if (!verb)
			names[count++] = services[i].instance;
		for (size_t v = 0; verb && services[i].verbs[v]; v++)
			if (!instance || text_glob(instance, services[i].instance))
				names[count++] = services[i].verbs[v];
	}
	return text_nearest(verb ? verb : instance, names);
}

static bool
world_room(void *with, const char *room)
{
	(void)with;
	return !strcmp(room, "ops") || !strcmp(room, "shop");
}

static bool
world_link(void *with, const char *link)
{
	(void)with;
	return !strcmp(link, "corp") || !strcmp(link, "hq") || !strcmp(link, "console");
}

static const char *
world_service(void *with, const char *instance)
{
	(void)with;
	for (size_t i = 0; i < SERVICES; i++)
		if (!strcmp(services[i].instance, instance))
			return services[i].kind;
	return NULL;
}

static bool
world_caseless(void *with, const char *link)
{
	(void)with;
	return !strcmp(link, "corp");
}

static const struct rights_world whole_world = { world_instance, world_verb, world_nearest, world_room, world_link, NULL, world_service, world_caseless, NULL, false };
static const struct rights_world small_world = { world_instance, world_verb, world_nearest, world_room, world_link, NULL, NULL, NULL, NULL, false };

struct top { struct list strangers, admins; };

static const struct setting top_settings[] = {
	SETTING(top, admins,    TYPE_LIST, NULL, "x"),
	SETTING(top, strangers, TYPE_LIST, NULL, "x"),
	{ 0 }
};

static const struct shape top_shape = { "top", sizeof(struct top), top_settings, "x", true };

static const struct sections *
fill_all(struct conf *conf, const struct shape *shape)
{
	struct arena *arena = conf_arena(conf);
	struct sections *all = arena_take(arena, sizeof *all);
	size_t most = 0;

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name));)
		most++;
	void **each = arena_take(arena, (most + 1) * sizeof *each);
	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, shape->name));) {
		each[all->count] = arena_take(arena, shape->size);
		assert_true(conf_fill(conf, at, shape, each[all->count++]));
	}
	all->each = each;
	return all;
}

static const struct rights *
compile(struct conf *conf, const struct rights_world *world)
{
	struct top *top = arena_take(conf_arena(conf), sizeof *top);

	assert_true(conf_fill(conf, conf_root(conf), &top_shape, top));
	return rights_compile(conf, fill_all(conf, &person_shape), fill_all(conf, &role_shape), &top->strangers, &top->admins, "root", world);
}

static struct conf *
read(const char *text)
{
	return conf_read_text("/etc/sallyport/sallyport.conf", text, strlen(text));
}

/* The persons and roles of the sample; line 1 is the first of them. */
static const char sample[] =
	"strangers = { \"help\", \"ping\" } admins = { \"bob\" }\n"
	"person \"alice\" { accounts = { \"corp/alice\", \"hq/@alice:corp.example\" } roles = { \"deployer\" } }\n"
	"person \"bob\"   { accounts = { \"corp/bob\", \"hq/@bob:corp.example\" } roles = { \"deployer\", \"sre\" } }\n"
	"person \"carol\" { accounts = { \"hq/@carol:corp.example\" } roles = { \"developer\", \"sre\" } }\n"
	"person \"dana\"  { accounts = { \"console/@owner\" } }\n"
	"role \"developer\" {\n"
	"	look = { \"*\" }\n"
	"	may  = { \"ci.build target!=prod\", \"ci.stop\", \"ci.retry\", \"jira.*\" }\n"
	"	in   = { \"ops\", \"shop\" }\n"
	"}\n"
	"role \"deployer\" { like = { \"developer\" } may = { \"*.deploy\", \"*.lock\", \"ci.build target=prod\" } in = { \"ops\" } }\n"
	"role \"sre\" { look = { \"lab\" } may = { \"gateway.*\", \"ci.build web=1 target=st?ging\" } }\n";

struct fixture {
	struct conf *conf;
	const struct rights *rights;
};

static int
begin(void **state)
{
	static struct fixture fixture;

	fixture.conf = read(sample);
	fixture.rights = compile(fixture.conf, &whole_world);
	assert_int_equal(conf_mistakes(fixture.conf), 0);
	*state = &fixture;
	return 0;
}

static int
end(void **state)
{
	conf_free(((struct fixture *)*state)->conf);
	return 0;
}

#define ALICE "corp/alice"
#define BOB   "hq/@bob:corp.example"
#define CAROL "hq/@carol:corp.example"
#define DANA  "console/root"

/* One question; arguments as "KEY=VALUE KEY=VALUE". */
struct question {
	const char *account, *room, *instance, *verb;
	bool changes;
	const char *args;
	bool allowed, condition;
	const char *rule, *why;
};

static const struct question questions[] = {
	/* What a role allows. */
	{ ALICE, "ops", "ci", "build", true, "target=staging", true, false, "developer (sallyport.conf:8)", "" },
	{ ALICE, "ops", "ci", "build", true, "target=prod", true, false, "deployer (sallyport.conf:11)", "" },
	{ ALICE, "ops", "ci", "build", true, "", true, false, "developer (sallyport.conf:8)", "" },
	{ ALICE, "shop", "ci", "build", true, "target=staging", true, false, "developer (sallyport.conf:8)", "" },
	{ ALICE, "ops", NULL, "deploy", true, "env=prod", true, false, "deployer (sallyport.conf:11)", "" },
	{ ALICE, "ops", "lab", "deploy", true, "", true, false, "deployer (sallyport.conf:11)", "" },
	{ ALICE, "ops", "jira", "comment", true, "", true, false, "developer (sallyport.conf:8)", "" },
	{ CAROL, "ops", "ci", "log", false, "", true, false, "developer (sallyport.conf:7)", "" },
	{ CAROL, NULL, "lab", "list", false, "", true, false, "sre (sallyport.conf:12)", "" },
	{ BOB, NULL, NULL, "lock", true, "", true, false, "sre (sallyport.conf:12)", "" },
	{ BOB, NULL, "ci", "build", true, "web=1 target=staging", true, false, "sre (sallyport.conf:12)", "" },
	/* In another room, or in private, a role's own rooms count. */
	{ ALICE, "shop", "lab", "deploy", true, "", false, false, "", "no role may deploy on lab in shop (in other rooms: deployer); bob can change that" },
	{ ALICE, "shop", NULL, "deploy", true, "", false, false, "", "deploy in shop needs the role sre; you are alice by corp/alice with deployer" },
	{ ALICE, NULL, "ci", "stop", true, "", false, false, "", "no role may stop on ci in private (in other rooms: developer or deployer); bob can change that" },
	{ ALICE, "opsy", "ci", "stop", true, "", false, false, "", "no role may stop on ci in opsy (in other rooms: developer or deployer); bob can change that" },
	/* The role that is missing is named. */
	{ CAROL, "ops", NULL, "deploy", false, "", true, false, "every person", "" },
	{ CAROL, "ops", "lab", "deploy", true, "", false, false, "",
		"deploy in ops needs the role deployer; you are carol by hq/@carol:corp.example with developer and sre" },
	{ DANA, "ops", "ci", "retry", true, "", false, false, "", "retry in ops needs the role developer or deployer; you are dana by console/root with no role" },
	{ DANA, "ops", NULL, "lock", true, "", false, false, "", "lock in ops needs the role deployer or sre; you are dana by console/root with no role" },
	{ CAROL, "ops", "am", "silence", true, "", false, false, "", "no role may silence on am in ops; bob can change that" },
	/* Looking is not changing. */
	{ CAROL, "ops", "lab", "list", true, "", false, false, "", "no role may list on lab in ops; bob can change that" },
	{ ALICE, NULL, "lab", "list", false, "", false, false, "", "list in private needs the role sre; you are alice by corp/alice with deployer" },
	/* Arguments. */
	{ CAROL, "ops", "ci", "build", true, "target=prod", false, true, "",
		"build in ops is allowed to you only as ci.build target!=prod, by developer (sallyport.conf:8); with these arguments it needs the role deployer" },
	{ CAROL, "shop", "ci", "build", true, "target=prod", false, true, "",
		"build in shop is allowed to you only as ci.build target!=prod, by developer (sallyport.conf:8)" },
	{ DANA, "shop", "ci", "build", true, "target=prod", false, false, "",
		"no role may build on ci in shop with these arguments (with others: developer, deployer or sre); bob can change that" },
	{ CAROL, "ops", "ci", "build", true, "TARGET=prod", false, true, "",
		"build in ops is allowed to you only as ci.build target!=prod, by developer (sallyport.conf:8); with these arguments it needs the role deployer" },
	{ CAROL, "ops", "ci", "build", true, "target=staging Target=prod", false, true, "",
		"build in ops is allowed to you only as ci.build target!=prod, by developer (sallyport.conf:8)" },
	{ BOB, NULL, "ci", "build", true, "target=staging", false, true, "",
		"build in private is allowed to you only as ci.build web=1 target=st?ging, by sre (sallyport.conf:12)" },
	{ BOB, NULL, "ci", "build", true, "web=1", false, true, "",
		"build in private is allowed to you only as ci.build web=1 target=st?ging, by sre (sallyport.conf:12)" },
	{ BOB, NULL, "ci", "build", true, "web=1 target=staging target=prod", false, true, "",
		"build in private is allowed to you only as ci.build web=1 target=st?ging, by sre (sallyport.conf:12)" },
	/* Our own verbs. */
	{ NULL, "ops", NULL, "ping", false, "", true, false, "strangers", "" },
	{ NULL, "ops", NULL, "help", true, "", false, false, "", "I cannot prove who you are; bob can change that" },
	{ DANA, "ops", NULL, "whoami", false, "", true, false, "every person", "" },
	{ DANA, "ops", NULL, "whoami", true, "", false, false, "", "whoami in ops needs the role sre; you are dana by console/root with no role" },
	{ ALICE, NULL, NULL, "deploy", true, "", false, false, "", "deploy in private needs the role sre; you are alice by corp/alice with deployer" },
	{ DANA, "ops", "ci", "ping", false, "", false, false, "", "ping in ops needs the role developer or deployer; you are dana by console/root with no role" },
	/* Who is not proven, or nobody. */
	{ NULL, "ops", NULL, "whoami", false, "", false, false, "", "I cannot prove who you are; bob can change that" },
	{ NULL, "ops", "ci", "log", false, "", false, false, "", "I cannot prove who you are; bob can change that" },
	{ "corp/mallory", "ops", "ci", "log", false, "", false, false, "", "corp/mallory is an account of nobody I know; bob can change that" },
	{ "hq/@Alice:corp.example", "ops", "ci", "stop", true, "", false, false, "", "hq/@Alice:corp.example is an account of nobody I know; bob can change that" },
	{ "hq/alice", "ops", "ci", "stop", true, "", false, false, "", "hq/alice is an account of nobody I know; bob can change that" },
	{ "", "ops", "ci", "stop", true, "", false, false, "", " is an account of nobody I know; bob can change that" },
	{ "console/@owner", "ops", NULL, "whoami", false, "", false, false, "", "console/@owner is an account of nobody I know; bob can change that" },
};

static struct ask
asked(struct arena *arena, const struct question *question)
{
	struct ask ask = { question->account, question->room, question->instance, question->verb, question->changes, NULL, 0, false };
	struct named *args = arena_take(arena, 8 * sizeof *args);
	char *rest = arena_text(arena, question->args ? question->args : ""), *word;

	while ((word = strtok_r(rest, " ", &rest))) {
		char *equals = strchr(word, '=');
		*equals = '\0';
		args[ask.count++] = (struct named){ word, equals + 1 };
	}
	ask.args = args;
	return ask;
}

static void
test_every_question_has_its_answer_and_its_reason(void **state)
{
	const struct fixture *fixture = *state;
	struct arena *arena = conf_arena(fixture->conf);

	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct ask ask = asked(arena, &questions[i]);
		struct decision decision;
		memset(&decision, 'x', sizeof decision);
		rights_decide(fixture->rights, &ask, &decision);
		assert_string_equal(decision.why, questions[i].why);
		assert_string_equal(decision.rule, questions[i].rule);
		assert_int_equal(decision.allowed, questions[i].allowed);
		assert_int_equal(decision.condition, questions[i].condition);
		assert_ptr_equal(decision.person, rights_person(fixture->rights, questions[i].account));
	}
}

static void
test_could_is_whether_there_are_any_arguments(void **state)
{
	const struct fixture *fixture = *state;
	struct arena *arena = conf_arena(fixture->conf);

	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct ask ask = asked(arena, &questions[i]);
		assert_int_equal(rights_could(fixture->rights, &ask), questions[i].allowed || questions[i].condition);
	}
}

static void
test_missing_names_the_roles_that_would_do(void **state)
{
	const struct fixture *fixture = *state;
	struct arena *arena = conf_arena(fixture->conf);
	struct ask ask = { CAROL, "ops", "ci", "stop", true, NULL, 0, false };

	assert_string_equal(rights_missing(fixture->rights, &ask, arena), "developer or deployer");
	ask.verb = "nothing";
	assert_string_equal(rights_missing(fixture->rights, &ask, arena), "");
}

static void
test_every_account_of_a_person_is_that_person(void **state)
{
	const struct fixture *fixture = *state;

	assert_string_equal(rights_person(fixture->rights, "corp/alice")->name, "alice");
	assert_ptr_equal(rights_person(fixture->rights, "corp/alice"), rights_person(fixture->rights, "hq/@alice:corp.example"));
	assert_string_equal(rights_person(fixture->rights, "console/root")->name, "dana");
	assert_null(rights_person(fixture->rights, "corp/nobody"));
	assert_null(rights_person(fixture->rights, NULL));
	assert_string_equal(rights_admins(fixture->rights)->each[0], "bob");
}

/* What `sallyport check` would say to a text. */
static void
expect_mistakes(const char *text, const struct rights_world *world, size_t count, const char *const *wanted)
{
	struct conf *conf = read(text);

	compile(conf, world);
	for (size_t i = 0; i < conf_mistakes(conf) && i < count; i++)
		assert_string_equal(conf_mistake_at(conf, i), wanted[i]);
	assert_int_equal(conf_mistakes(conf), count);
	conf_free(conf);
}

#define MISTAKES(text, world, ...) do { \
	static const char *const wanted[] = { __VA_ARGS__ }; \
	expect_mistakes((text), (world), sizeof wanted / sizeof *wanted, wanted); \
} while (0)

static void
test_a_rule_that_can_never_match_is_a_mistake(void **state)
{
	(void)state;
	MISTAKES("role \"developer\" {\n may = { \"ci.biuld\",\n\"cii.build\", \"*.biuld\",\n\"gateway.pnig\", \"c*.lock\", \"gateway.build\" }\nlook = { \"labb\", \"l*\", \"x*\" } }", &whole_world,
		"sallyport.conf:2: role \"developer\": \"ci.biuld\" can never match: jenkins has no verb biuld; did you mean build?",
		"sallyport.conf:3: role \"developer\": \"cii.build\" can never match: no service is called cii; did you mean ci?",
		"sallyport.conf:3: role \"developer\": \"*.biuld\" can never match: no service has the verb biuld; did you mean build?",
		"sallyport.conf:4: role \"developer\": \"gateway.pnig\" can never match: gateway has no verb pnig; did you mean ping?",
		"sallyport.conf:4: role \"developer\": \"c*.lock\" can never match: c* has no verb lock.",
		"sallyport.conf:4: role \"developer\": \"gateway.build\" can never match: gateway has no verb build.",
		"sallyport.conf:5: role \"developer\": \"labb\" can never match: no service is called labb; did you mean lab?",
		"sallyport.conf:5: role \"developer\": \"x*\" can never match: no service is called x*.");
	MISTAKES("role \"x\" { may = { \"ci.biuld\" } }", &small_world,
		"sallyport.conf:1: role \"x\": \"ci.biuld\" can never match: ci has no verb biuld; did you mean build?");
}

static void
test_what_is_no_rule_is_a_mistake(void **state)
{
	(void)state;
	MISTAKES("role \"x\" { may = { \"build\", \"\", \".build\", \"ci.\", \"ci.build target\", \"ci.build =x\", \"ci.build !=x\", \"ci.build x=\", \" ci.build  x!=a \" } }", &whole_world,
		"sallyport.conf:1: role \"x\": \"build\" is no rule; write SERVICE.VERB KEY=PATTERN, as in ci.build target=staging.",
		"sallyport.conf:1: role \"x\": \"\" is no rule; write SERVICE.VERB KEY=PATTERN, as in ci.build target=staging.",
		"sallyport.conf:1: role \"x\": \".build\" is no rule; write SERVICE.VERB KEY=PATTERN, as in ci.build target=staging.",
		"sallyport.conf:1: role \"x\": \"ci.\" is no rule; write SERVICE.VERB KEY=PATTERN, as in ci.build target=staging.",
		"sallyport.conf:1: role \"x\": \"ci.build target\": target is no condition; write KEY=PATTERN or KEY!=PATTERN.",
		"sallyport.conf:1: role \"x\": \"ci.build =x\": =x is no condition; write KEY=PATTERN or KEY!=PATTERN.",
		"sallyport.conf:1: role \"x\": \"ci.build !=x\": !=x is no condition; write KEY=PATTERN or KEY!=PATTERN.");
}

static void
test_unknown_names_are_mistakes(void **state)
{
	(void)state;
	MISTAKES("admins = { \"bbo\", \"bob\" } strangers = { \"pnig\", \"help\", \"*\" }\n"
		"person \"bob\" { accounts = { \"corp/bob\" } roles = { \"developr\", \"zzz\" } }\n"
		"role \"developer\" { like = { \"develper\" }\n in = { \"opss\", \"ops\" } }", &whole_world,
		"sallyport.conf:1: admins: no person is called bbo; did you mean bob?",
		"sallyport.conf:1: strangers: I have no verb pnig; did you mean ping?",
		"sallyport.conf:1: strangers: I have no verb *.",
		"sallyport.conf:2: person \"bob\": no role is called developr; did you mean developer?",
		"sallyport.conf:2: person \"bob\": no role is called zzz.",
		"sallyport.conf:3: role \"developer\": no role is called develper; did you mean developer?",
		"sallyport.conf:4: role \"developer\": no room is called opss.");
}

static void
test_accounts_that_prove_nobody_are_mistakes(void **state)
{
	(void)state;
	MISTAKES("person \"bob\" { accounts = { \"corp/bob\" } }\nperson \"carol\" { accounts = { \"corp/bob\",\n\"corp/BOB\", \"libera/carol\", \"carol\", \"/carol\", \"corp/\", \"hq/@BOB:x\", \"hq/@bob:x\" } }", &whole_world,
		"sallyport.conf:2: person \"carol\": account corp/bob is already an account of bob (line 1).",
		"sallyport.conf:3: person \"carol\": account corp/BOB is already an account of bob (line 1).",
		"sallyport.conf:3: person \"carol\": account libera/carol: no link is called libera.",
		"sallyport.conf:3: person \"carol\": account carol is not LINK/ACCOUNT, as in corp/alice.",
		"sallyport.conf:3: person \"carol\": account /carol is not LINK/ACCOUNT, as in corp/alice.",
		"sallyport.conf:3: person \"carol\": account corp/ is not LINK/ACCOUNT, as in corp/alice.");
	MISTAKES("person \"bob\" { accounts = { \"corp/bob\", \"corp/BOB\" } }\nperson \"eve\" { accounts = { \"corp/bob\" } }", &small_world,
		"sallyport.conf:2: person \"eve\": account corp/bob is already an account of bob (line 1).");
}

static void
test_a_circle_of_roles_is_a_mistake_and_gives_nothing_more(void **state)
{
	(void)state;
	MISTAKES("role \"a\" { like = { \"b\" } }\nrole \"b\" { like = { \"c\" } }\nrole \"c\" { like = { \"a\" } }\nrole \"d\" { like = { \"d\" } }\nrole \"e\" { like = { \"a\", \"b\" } }", &whole_world,
		"sallyport.conf:3: role \"c\": like a goes round in a circle back to a; take one of them out.",
		"sallyport.conf:4: role \"d\": like d goes round in a circle back to d; take one of them out.");
}

static void
test_a_configuration_with_mistakes_allows_no_more(void **state)
{
	static const struct { const char *instance, *verb; bool changes, could; } rows[] = {
		{ "ci", "build", true, false }, { "ci", "biuld", true, false }, { "cii", "list", false, false }, { "cii", "stop", true, false },
		{ "ci", "retry", true, false }, { "retry", "retry", true, false }, { "ci", "stop", true, true },
	};
	struct conf *conf = read("person \"eve\" { accounts = { \"corp/eve\" } roles = { \"a\" } }\n"
		"role \"a\" { may = { \"retry\", \"ci.biuld\", \"ci.build target\", \"cii.stop\", \"ci.stop\" } look = { \"cii\" } }");
	const struct rights *rights = compile(conf, &whole_world);

	(void)state;
	assert_int_equal(conf_mistakes(conf), 5);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ask ask = { "corp/eve", "ops", rows[i].instance, rows[i].verb, rows[i].changes, NULL, 0, false };
		assert_int_equal(rights_could(rights, &ask), rows[i].could);
	}
	conf_free(conf);
}

/* Without counting each rule once, every floor would double what is below it. */
static void
test_a_tower_of_roles_has_each_rule_once(void **state)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 100000);

	(void)state;
	text_add(&text, "person \"eve\" { accounts = { \"corp/eve\" } roles = { \"a60\" } }\n");
	for (int i = 0; i <= 60; i++)
		for (char side = 'a'; side <= 'b'; side++)
			text_printf(&text, i ? "role \"%c%d\" { like = { \"a%d\", \"b%d\" } }\n" : "role \"%c%d\" { may = { \"ci.stop\" } }\n", side, i, i - 1, i - 1);
	struct conf *conf = read(text.bytes);
	const struct rights *rights = compile(conf, &whole_world);
	struct ask ask = { "corp/eve", "ops", "ci", "stop", true, NULL, 0, false };
	assert_true(rights_could(rights, &ask));
	conf_free(conf);
	arena_free(arena);
}

static void
test_an_irc_account_is_found_however_the_configuration_writes_it(void **state)
{
	struct conf *conf = read("person \"eve\" { accounts = { \"corp/Eve\", \"hq/@Eve:x\" } }");
	const struct rights *rights = compile(conf, &whole_world);

	(void)state;
	assert_non_null(rights_person(rights, "corp/eve"));
	assert_null(rights_person(rights, "corp/Eve"));
	assert_non_null(rights_person(rights, "hq/@Eve:x"));
	assert_null(rights_person(rights, "hq/@eve:x"));
	conf_free(conf);
}

static void
test_people_are_found_by_name_and_one_after_the_other(void **state)
{
	struct conf *conf = read("person \"bob\" { accounts = { \"corp/bob\", \"hq/@bob:x\" } } person \"ann\" { accounts = { \"corp/ann\" } }");
	const struct rights *rights = compile(conf, &whole_world);
	const struct person *bob = rights_person_named(rights, "bob"), *ann = rights_person_named(rights, "ann");

	(void)state;
	assert_null(rights_person_named(rights, "zed"));
	assert_ptr_equal(rights_next_person(rights, NULL), bob);
	assert_ptr_equal(rights_next_person(rights, bob), ann);
	assert_null(rights_next_person(rights, ann));
	assert_null(rights_next_person(rights, &(struct person){ .name = "bob" }));
	assert_string_equal(rights_account(rights, ann), "corp/ann");
	assert_ptr_equal(rights_person(rights, rights_account(rights, bob)), bob);
	assert_null(rights_account(rights, &(struct person){ .name = "bob" }));
	conf_free(conf);
}

/* What is open is so to any account, but in private alone, where nobody else reads the answer. */
static void
test_what_is_open_is_so_in_private(void **state)
{
	struct conf *conf = read("person \"bob\" { accounts = { \"corp/bob\" } }");
	const struct rights *rights = compile(conf, &whole_world);
	struct ask ask = { .account = "corp/eve", .verb = "pair", .open = true };
	struct decision decision;

	(void)state;
	rights_decide(rights, &ask, &decision);
	assert_true(decision.allowed);
	assert_string_equal(decision.rule, "every account, in private");
	ask.room = "ops";
	assert_false(rights_could(rights, &ask));
	ask = (struct ask){ .verb = "pair", .open = true };     /* nobody proved who that is */
	assert_false(rights_could(rights, &ask));
	ask = (struct ask){ .account = "corp/eve", .verb = "pair" };
	assert_false(rights_could(rights, &ask));
	conf_free(conf);
}

static void
test_who_may_lock_may_unlock_and_nothing_of_a_service(void **state)
{
	struct conf *conf = read("person \"bob\" { accounts = { \"corp/bob\" } roles = { \"r\" } } role \"r\" { may = { \"gateway.lock\" } }");
	const struct rights *rights = compile(conf, &whole_world);
	const struct { const char *instance, *verb; bool may; } asked[] = {
		{ NULL, "lock", true }, { NULL, "unlock", true }, { NULL, "pause", false }, { "ci", "unlock", false }, { "ci", "lock", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		assert_int_equal(rights_could(rights, &(struct ask){ .account = "corp/bob", .instance = asked[i].instance, .verb = asked[i].verb, .changes = true }),
			asked[i].may);
	conf_free(conf);
}

/* Four are named; of five one is counted. */
static void
test_so_many_roles_are_named(void **state)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 2000);
	static const char *const names[] = { "r0, r1, r2 or r3", "r0, r1, r2, r3 or 1 more" };

	(void)state;
	for (int i = 0; i < 5; i++) {
		text_printf(&text, "role \"r%d\" { may = { \"ci.stop\" } }\n", i);
		if (i < 3)
			continue;
		struct conf *conf = read(text.bytes);
		const struct ask ask = { .account = "corp/eve", .room = "ops", .instance = "ci", .verb = "stop", .changes = true };
		assert_string_equal(rights_missing(compile(conf, &whole_world), &ask, arena), names[i - 3]);
		conf_free(conf);
	}
	arena_free(arena);
}

static void
test_without_rules_or_admins_nothing_is_allowed(void **state)
{
	struct conf *conf = read("person \"bob\" { accounts = { \"corp/bob\" } }");
	const struct rights *rights = compile(conf, &whole_world);
	struct ask ask = { "corp/eve", "ops", "ci", "build", true, NULL, 0, false };
	struct decision decision;

	(void)state;
	rights_decide(rights, &ask, &decision);
	assert_false(decision.allowed);
	assert_string_equal(decision.why, "corp/eve is an account of nobody I know");
	ask = (struct ask){ "corp/bob", NULL, NULL, "lock", true, NULL, 0, false };
	rights_decide(rights, &ask, &decision);
	assert_false(decision.allowed);
	assert_string_equal(decision.why, "no role may lock in private");
	conf_free(conf);
}

static void
test_a_role_inherits_each_rule_once_and_with_its_rooms(void **state)
{
	struct conf *conf = read("person \"eve\" { accounts = { \"corp/eve\" } roles = { \"d\", \"b\" } }\n"
		"role \"a\" { may = { \"ci.stop\" } in = { \"shop\" } }\nrole \"b\" { like = { \"a\" } may = { \"ci.retry\" } }\n"
		"role \"c\" { like = { \"a\" } }\nrole \"d\" { like = { \"b\", \"c\", \"a\" } in = { \"ops\" } }");
	const struct rights *rights = compile(conf, &whole_world);
	struct ask ask = { "corp/eve", "ops", "ci", "stop", true, NULL, 0, false };

	(void)state;
	assert_int_equal(conf_mistakes(conf), 0);
	assert_false(rights_could(rights, &ask));
	ask.room = "shop";
	assert_true(rights_could(rights, &ask));
	assert_string_equal(rights_missing(rights, &ask, conf_arena(conf)), "a, b, c or d");
	ask.verb = "retry";
	ask.room = NULL;
	assert_true(rights_could(rights, &ask));
	conf_free(conf);
}

static char *
big(struct arena *arena, int persons, int roles, int rules)
{
	struct text text = text_in(arena, 4 * 1024 * 1024);

	for (int i = 0; i < persons; i++)
		text_printf(&text, "person \"p%d\" { accounts = { \"corp/p%d\", \"hq/@p%d:x\" } roles = { \"r%d\", \"r%d\" } }\n", i, i, i, i % roles, (i * 7 + 1) % roles);
	for (int i = 0; i < roles; i++) {
		text_printf(&text, "role \"r%d\" { may = {", i);
		for (int j = 0; j < rules; j++)
			text_printf(&text, " \"ci.build job=web%d-%d target!=prod\",", i, j);
		text_add(&text, " \"ci.stop\" } in = { \"ops\" } }\n");
	}
	assert_false(text.cut);
	return text.bytes;
}

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void
test_a_thousand_persons_with_five_thousand_rules_are_decided_quickly(void **state)
{
	struct arena *arena = arena_new();
	struct conf *conf = read(big(arena, 1000, 200, 25));
	const struct rights *rights = compile(conf, &whole_world);
	struct named args[] = { { "job", "web150-24" }, { "target", "staging" } };
	struct decision decision;
	int64_t began = now();

	(void)state;
	assert_int_equal(conf_mistakes(conf), 0);
	for (int i = 0; i < 1000; i += 10) {
		struct ask ask = { arena_printf(arena, "corp/p%d", i), "ops", "ci", "build", true, args, 2, false };
		rights_decide(rights, &ask, &decision);
		assert_int_equal(decision.allowed, i % 200 == 150 || (i * 7 + 1) % 200 == 150);
	}
	/* A refusal walks every rule to name the role that is missing: far below a millisecond each, and so even under valgrind: */
	assert_true(now() - began < 5 * 1000 * 1000);
	struct ask ask = { "corp/p1", "ops", "ci", "stop", true, NULL, 0, false };
	assert_string_equal(rights_missing(rights, &ask, arena), "r0, r1, r2, r3 or 196 more");
	conf_free(conf);
	arena_free(arena);
}

static void
test_a_long_reason_is_cut_on_a_character(void **state)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 10000);
	const char *name = "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc";

	(void)state;
	for (int offset = 0; offset < 2; offset++) {
		text = text_in(arena, 10000);
		text_printf(&text, "admins = { \"%s%s\", \"%s%s\" }", offset ? "x" : "", name, offset ? "x" : "", name);
		for (int i = 0; i < 20; i++)
			text_printf(&text, "role \"%d%s%s%s\" { may = { \"ci.stop\" } }\n", i, name, name, name);
		text_printf(&text, "person \"%s%s\" { accounts = { \"corp/eve\" } roles = { \"%d%s%s%s\" } }", offset ? "x" : "", name, 1, name, name, name);
		struct conf *conf = read(text.bytes);
		const struct rights *rights = compile(conf, &whole_world);
		struct ask ask = { "corp/eve", "ops", "ci", "retry", true, NULL, 0, false };
		struct decision decision;
		rights_decide(rights, &ask, &decision);
		assert_true(text_utf8(decision.why, strlen(decision.why)));
		ask.verb = "stop";
		rights_decide(rights, &ask, &decision);
		assert_true(decision.allowed);
		assert_true(text_utf8(decision.rule, strlen(decision.rule)));
		assert_true(strlen(decision.rule) > 90);
		conf_free(conf);
	}
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_question_has_its_answer_and_its_reason, begin, end),
		cmocka_unit_test_setup_teardown(test_could_is_whether_there_are_any_arguments, begin, end),
		cmocka_unit_test_setup_teardown(test_missing_names_the_roles_that_would_do, begin, end),
		cmocka_unit_test_setup_teardown(test_every_account_of_a_person_is_that_person, begin, end),
		cmocka_unit_test(test_a_rule_that_can_never_match_is_a_mistake),
		cmocka_unit_test(test_what_is_no_rule_is_a_mistake),
		cmocka_unit_test(test_unknown_names_are_mistakes),
		cmocka_unit_test(test_accounts_that_prove_nobody_are_mistakes),
		cmocka_unit_test(test_a_circle_of_roles_is_a_mistake_and_gives_nothing_more),
		cmocka_unit_test(test_a_configuration_with_mistakes_allows_no_more),
		cmocka_unit_test(test_a_tower_of_roles_has_each_rule_once),
		cmocka_unit_test(test_an_irc_account_is_found_however_the_configuration_writes_it),
		cmocka_unit_test(test_without_rules_or_admins_nothing_is_allowed),
		cmocka_unit_test(test_a_role_inherits_each_rule_once_and_with_its_rooms),
		cmocka_unit_test(test_a_thousand_persons_with_five_thousand_rules_are_decided_quickly),
		cmocka_unit_test(test_a_long_reason_is_cut_on_a_character),
		cmocka_unit_test(test_people_are_found_by_name_and_one_after_the_other),
		cmocka_unit_test(test_what_is_open_is_so_in_private),
		cmocka_unit_test(test_who_may_lock_may_unlock_and_nothing_of_a_service),
		cmocka_unit_test(test_so_many_roles_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
