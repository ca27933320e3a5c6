/* backoff: which server of a network is tried next, and after how long. */
#include "protocols/irc/backoff.h"

void
backoff_begin(struct backoff *backoff, size_t servers, int64_t first)
{
	*backoff = (struct backoff){ .servers = servers ? servers : 1, .first = first, .pause = first };
}

void
backoff_keep(struct backoff *backoff, size_t servers, int64_t first)
{
	if (backoff->servers != servers || backoff->first != first)
		backoff_begin(backoff, servers, first);
}

static int64_t
jitter(int64_t ms, uint32_t chance)
{
	return ms - ms / 4 + (int64_t)(chance % 1024) * (ms / 2) / 1024;
}

/* All have failed once. What a ban asks for is counted from the ban on, and not from whatever was before it. */
static int64_t
end_round(struct backoff *backoff, uint32_t chance)
{
	bool banned = backoff->bans == backoff->servers;
	int64_t most = banned ? BACKOFF_BANNED : BACKOFF_MOST;

	if (banned && !backoff->banned)
		backoff->pause = backoff->first;
	backoff->banned = banned;
	backoff->failed = backoff->bans = 0;
	int64_t pause = backoff->pause < most ? backoff->pause : most;
	backoff->pause = pause * 2;
	return jitter(pause, chance);
}

int64_t
backoff_next(struct backoff *backoff, bool banned, int64_t stayed, uint32_t chance)
{
	if (stayed >= BACKOFF_STAYED * backoff->first) {
		backoff->failed = backoff->bans = 0;
		backoff->pause = backoff->first;
		backoff->banned = false;
	}
	backoff->at = (backoff->at + 1) % backoff->servers;
	backoff->failed++;
	backoff->bans += banned;
	return backoff->failed < backoff->servers ? 0 : end_round(backoff, chance);
}
