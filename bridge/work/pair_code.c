/* pair_code: the codes by which accounts are paired, and who guesses. */
#include "bridge/work/pair_code.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/talk/message.h"

enum {
	OFFERS_MOST = 64, GUESSERS_MOST = 256,
	GUESSES_WITHIN = 3600 * 1000,   /* ms */
};

struct guesser {
	char *account;                  /* NULL: there is none here */
	unsigned wrong;
	int64_t since;                  /* mono ms */
};

struct pair_codes {
	struct offer offers[OFFERS_MOST];
	struct guesser guessers[GUESSERS_MOST];
};

struct pair_codes *
pair_codes_new(void)
{
	return memory_take(sizeof(struct pair_codes));
}

void
pair_code_end(struct offer *offer)
{
	free(offer->person);
	free(offer->account);
	free(offer->link);
	free(offer->channel);
	free(offer->claimed);
	*offer = (struct offer){ 0 };
}

void
pair_codes_free(struct pair_codes *codes)
{
	if (!codes)
		return;
	for (size_t i = 0; i < OFFERS_MOST; i++)
		pair_code_end(&codes->offers[i]);
	for (size_t i = 0; i < GUESSERS_MOST; i++)
		free(codes->guessers[i].account);
	free(codes);
}

static void
end_old(struct pair_codes *codes)
{
	for (size_t i = 0; i < OFFERS_MOST; i++)
		if (codes->offers[i].ends && codes->offers[i].ends <= clock_mono())
			pair_code_end(&codes->offers[i]);
}

static struct offer *
place_for(struct pair_codes *codes, const char *person)
{
	struct offer *unused = NULL;

	end_old(codes);
	for (size_t i = 0; i < OFFERS_MOST; i++) {
		struct offer *offer = &codes->offers[i];
		if (offer->ends && !strcmp(offer->person, person)) {
			pair_code_end(offer);
			return offer;
		}
		if (!unused && !offer->ends)
			unused = offer;
	}
	return unused;
}

bool
pair_code_make(struct pair_codes *codes, const char *person, const char *account, const struct place *place, char code[TYPED_SIZE])
{
	struct offer *offer = place_for(codes, person);

	if (!offer)
		return false;
	typed_make(code);
	*offer = (struct offer){ .person = memory_text(person), .account = memory_text(account), .link = memory_text(place->link),
		.channel = memory_text(place->channel), .ends = clock_mono() + PAIR_CODE_FOR };
	typed_hash(code, offer->hash);
	return true;
}

struct offer *
pair_code_find(struct pair_codes *codes, const char *code)
{
	unsigned char hash[TYPED_HASH];
	struct offer *found = NULL;

	typed_hash(code, hash);
	end_old(codes);
	for (size_t i = 0; i < OFFERS_MOST; i++)
		if (codes->offers[i].ends && !codes->offers[i].claimed && !CRYPTO_memcmp(hash, codes->offers[i].hash, sizeof hash))
			found = &codes->offers[i];
	return found;
}

struct offer *
pair_code_claimed(struct pair_codes *codes, const char *account)
{
	end_old(codes);
	for (size_t i = 0; i < OFFERS_MOST; i++)
		if (codes->offers[i].claimed && !strcmp(codes->offers[i].claimed, account))
			return &codes->offers[i];
	return NULL;
}

void
pair_code_claim(struct pair_codes *codes, struct offer *offer, const char *account)
{
	struct offer *other = pair_code_claimed(codes, account);

	if (other)
		pair_code_end(other);
	offer->claimed = memory_text(account);
}

/* -- Guessing --------------------------------------------------------------------------------------------------------------- */

static bool
counts(const struct guesser *guesser)
{
	return guesser->account && clock_mono() - guesser->since < GUESSES_WITHIN;
}

unsigned
pair_guesses_left(const struct pair_codes *codes, const char *account)
{
	for (size_t i = 0; i < GUESSERS_MOST; i++) {
		const struct guesser *guesser = &codes->guessers[i];
		if (counts(guesser) && !strcmp(guesser->account, account))
			return guesser->wrong < PAIR_GUESSES ? PAIR_GUESSES - guesser->wrong : 0;
	}
	return PAIR_GUESSES;
}

/* Where there is no room for one more, the one that began longest ago is forgotten: 40 bits are safe from hundreds who guess. */
void
pair_guessed_wrong(struct pair_codes *codes, const char *account)
{
	struct guesser *at = &codes->guessers[0];

	for (size_t i = 0; i < GUESSERS_MOST; i++) {
		struct guesser *guesser = &codes->guessers[i];
		if (counts(guesser) && !strcmp(guesser->account, account)) {
			guesser->wrong++;
			return;
		}
		if (!guesser->account || (at->account && guesser->since < at->since))
			at = guesser;
	}
	free(at->account);
	*at = (struct guesser){ memory_text(account), 1, clock_mono() };
}
