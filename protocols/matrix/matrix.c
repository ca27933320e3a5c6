/* matrix: Matrix as a protocol: keeps a link to one homeserver. */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "bridge/talk/outbox.h"
#include "protocols/matrix/draw.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/look.h"
#include "protocols/matrix/matrix_settings.h"
#include "protocols/matrix/media.h"
#include "protocols/matrix/membership.h"
#include "protocols/matrix/send.h"
#include "protocols/matrix/sync.h"

enum { PAUSE_MOST = 5 * 60 * 1000 };    /* ms between two tries */

static bool
turn(struct task *task, struct homeserver *at)
{
	struct arena *before = task_turn(task);

	task->error.text[0] = '\0';
	bool fine = homeserver_login(task, at) && sync_prepare(task, at), answered = false;
	if (fine) {
		at->renewed = false;
		membership_join(task, at);
		fine = sync_turn(task, at, &answered);
	}
	if (fine && answered)
		membership_report(at);
	task_turn_end(task, before);
	return fine;
}

/* Some more or less, so that the gateways of a homeserver that was restarted do not come at once. */
static int64_t
spread(int64_t pause)
{
	uint32_t chance;

	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint32_t)clock_mono();
	return pause * 3 / 4 + (int64_t)(chance % 1000) * pause / 2000;
}

static void
be_away(struct task *task, struct homeserver *at, int64_t *pause)
{
	*pause = !*pause ? at->conf->retry : *pause * 2 < PAUSE_MOST ? *pause * 2 : PAUSE_MOST;
	int64_t wait = spread(*pause);
	struct arena *before = task_turn(task);
	link_away(at->link, "%s Next try in %s.", task->error.text, clock_span(task->arena, wait));
	homeserver_away(at);
	task_pause(task, wait);
	task_turn_end(task, before);
}

/* Whoever ended our session for good has reasons: we do not come back by ourselves. */
static void
stay_away(struct task *task, struct homeserver *at)
{
	homeserver_away(at);
	link_away(at->link, "%s I stay away until the configuration is read anew or I am restarted.", at->why.text);
	while (at->login == LOGIN_BARRED && task_park(task))
		;
}

static bool
keep(struct task *task, struct homeserver *at)
{
	int64_t pause = 0;

	while (!task->cancelled) {
		bool was_in = at->login == LOGIN_IN;
		if (turn(task, at)) {
			pause = 0;
			continue;
		}
		if (task->cancelled)
			break;
		if (at->login == LOGIN_BARRED && !was_in)
			return task_fail(task, "%s", at->why.text);
		if (at->login == LOGIN_BARRED)
			stay_away(task, at);
		else
			be_away(task, at, &pause);
	}
	return true;
}

/* What is on its way uses all this: it is let come to its end. */
static void
let_go(struct task *task, struct homeserver *at)
{
	at->leaving = true;
	gate_close(&at->gate);
	while (at->deliveries)
		task_park_firmly(task);
	at->link->own = NULL;
	homeserver_close(at);
}

static bool
run(struct task *task, struct link *link)
{
	struct homeserver *at = homeserver_open(link, task);

	link->own = at;
	bool fine = keep(task, at);
	let_go(task, at);
	return fine;
}

static void
renew(struct link *link)
{
	struct homeserver *at = link->own;

	if (!at)
		return;
	matrix_rooms_name(&at->rooms, link->channels);
	at->renewed = true;
	if (at->login == LOGIN_BARRED) {
		at->login = LOGIN_NONE;
		homeserver_forget(at);
	}
	task_wake(link->engine, at->task);
}

static bool
narrow(const struct link *link)
{
	const struct homeserver *at = link->own;

	return at && gate_is_narrow(&at->gate);
}

static bool
offers(const struct link *link)
{
	return ((const struct matrix *)link->conf)->seed;
}

static const char *
drawn(struct arena *arena, const struct card *card)
{
	struct drawing drawing = draw_card(arena, card, "!", 0, NULL);

	return drawing.html ? drawing.html : drawing.body;
}

const struct protocol protocol_matrix = {
	.name = "matrix",
	.about = "A Matrix homeserver, as an ordinary account: rooms that are not encrypted, messages that are edited, threads and reactions.",
	.shown = "Matrix",
	.can = CAN_EDIT | CAN_HTML | CAN_THREAD | CAN_REACT | CAN_REDACT | CAN_TALK | CAN_UPLOAD,
	.conf_size = sizeof(struct matrix),
	.settings = matrix_settings,
	.check = matrix_settings_check,
	.run = run,
	.renew = renew,
	.deliver = send_delivery,
	.fetch = media_fetch,
	.look = look_at,
	.gone = membership_gone,
	.narrow = narrow,
	.offers = offers,
	.place = matrix_settings_place,
	.drawn = drawn,
};
