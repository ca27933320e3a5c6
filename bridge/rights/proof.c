/* proof: verifying the audit: which record is not as it was written, and which are as they were signed. */
#include "bridge/rights/proof.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"

enum { UNSIGNED_MOST = 2 * CHECKPOINT_EVERY };  /* without a gateway a few more than a hundred may be written */

/* Spans of records. */

static void
spans_add(struct audit_spans *spans, int64_t first, int64_t last)
{
	struct audit_span *end = spans->count ? &spans->each[spans->count - 1] : NULL;

	if (last < first)
		return;
	if (end && end->last + 1 == first)
		end->last = last;
	else if (spans->count < AUDIT_SPANS)
		spans->each[spans->count++] = (struct audit_span){ first, last };
	else
		spans->more = true;
}

static void
spans_move(struct audit_spans *from, struct audit_spans *to)
{
	for (size_t i = 0; i < from->count; i++)
		spans_add(to, from->each[i].first, from->each[i].last);
	*from = (struct audit_spans){ 0 };
}

/* What fits up to now, with the pieces before that hang together with it, goes to those that are signed, or to those that only fit. */
static void
close_run(struct audit_proof *proof, struct audit_spans *to)
{
	spans_move(&proof->waiting, to);
	spans_add(to, proof->since, proof->upto);
	proof->since = proof->next;
}

/* Findings. */

void
proof_bad(struct audit_proof *proof, int64_t seq, int64_t wall, const char *reason, ...)
{
	struct audit_verdict *verdict = &proof->verdict;
	va_list args;

	verdict->whole = false;
	if (verdict->bad) {
		verdict->others++;
		return;
	}
	verdict->bad = seq;
	verdict->bad_wall = wall;
	va_start(args, reason);
	vsnprintf(verdict->reason, sizeof verdict->reason, reason, args);
	va_end(args);
}

static void
take_anchors(struct audit_proof *proof, int64_t seq)
{
	for (; proof->anchor_at < proof->anchor_count && proof->anchors[proof->anchor_at].seq <= seq; proof->anchor_at++)
		if (proof->anchors[proof->anchor_at].seq == seq) {
			proof_mark(proof, &proof->anchors[proof->anchor_at]);
			proof->anchors_met++;
		}
}

void
proof_begin(struct audit_proof *proof, int64_t first, const unsigned char before[AUDIT_HASH])
{
	proof->next = proof->since = first;
	proof->upto = proof->sealed = first - 1;
	memcpy(proof->h, before, AUDIT_HASH);
	proof->known = true;
	proof->verdict = (struct audit_verdict){ .whole = true, .first = first, .last = first - 1 };
	take_anchors(proof, first - 1);
}

/* Records. */

static bool
hashes_to(const unsigned char before[AUDIT_HASH], const struct proof_item *item, unsigned char out[AUDIT_HASH])
{
	audit_hash(before, item->bytes, item->length, out);
	return item->h && !CRYPTO_memcmp(out, item->h, AUDIT_HASH);
}

/* Also where only the hash beside the one before was changed. */
static bool
fits(struct audit_proof *proof, const struct proof_item *item, unsigned char out[AUDIT_HASH])
{
	unsigned char other[AUDIT_HASH];

	if (hashes_to(proof->h, item, out))
		return true;
	if (!proof->spoiled || !hashes_to(proof->computed, item, other))
		return false;
	memcpy(out, other, AUDIT_HASH);
	return true;
}

static void
changed(struct audit_proof *proof, const struct proof_item *item)
{
	bool sure = proof->sealed == item->seq - 1 || item->seq == proof->verdict.first;

	if (item->record && item->record->seq != item->seq)
		proof_bad(proof, item->seq, 0, "is not there: in its place stands one that says it is record %" PRId64, item->record->seq);
	else
		proof_bad(proof, item->seq, item->wall, sure ? "was changed after it was written" : "was changed after it was written, or the one before it was, with its hash");
}

/* A record that says who signs from now on. */
static void
note_key(struct audit_proof *proof, const struct audit_record *record)
{
	const struct audit_entry *entry = &record->entry;

	if (!entry->what || strcmp(entry->what, AUDIT_REKEYED) != 0 || entry->args_hash_size != SIGNING_PUBLIC)
		return;
	proof->offered = record->seq;
	memcpy(proof->offered_key, entry->args_hash, SIGNING_PUBLIC);
}

/* Its hash hangs together with the one before: what it says itself decides. */
static void
add_fitting(struct audit_proof *proof, const struct proof_item *item)
{
	bool sound = item->record && item->record->seq == item->seq && !item->differs;

	proof->spoiled = false;
	if (sound) {
		proof->upto = item->seq;
		proof->verdict.records += !proof->verdict.bad;
		note_key(proof, item->record);
		return;
	}
	changed(proof, item);
	spans_add(&proof->waiting, proof->since, proof->upto);
	proof->since = item->seq + 1;
}

void
proof_add(struct audit_proof *proof, const struct proof_item *item)
{
	unsigned char computed[AUDIT_HASH];

	if (item->seq < proof->next) {
		proof_bad(proof, proof->next, 0, "is not what stands in its place, which says that it is record %" PRId64, item->seq);
		return;
	}
	if (item->seq > proof->next) {
		proof_bad(proof, proof->next, 0, "is not there");
		close_run(proof, &proof->verdict.fitting);
		proof->known = proof->spoiled = false;
	}
	proof->next = item->seq + 1;
	proof->verdict.last = item->seq;
	if (!proof->known) {
		/* Nobody can tell: what it was hashed together with is gone. */
		proof->since = proof->next;
	} else if (fits(proof, item, computed)) {
		add_fitting(proof, item);
	} else {
		changed(proof, item);
		close_run(proof, &proof->verdict.fitting);
		memcpy(proof->computed, computed, AUDIT_HASH);
		proof->spoiled = true;
	}
	proof->known = item->h || proof->spoiled;
	memcpy(proof->h, item->h ? item->h : proof->computed, AUDIT_HASH);
	take_anchors(proof, item->seq);
}

void
proof_unreadable(struct audit_proof *proof)
{
	proof_bad(proof, proof->next, 0, "cannot be read as it was written");
	proof->next++;
	close_run(proof, &proof->verdict.fitting);
	proof->known = proof->spoiled = false;
}

/* Checkpoints. */

static const struct signing_public *
key_named(const struct audit_proof *proof, const char *id)
{
	for (size_t i = 0; i < proof->key_count; i++)
		if (!strcmp(proof->keys[i].id, id))
			return &proof->keys[i];
	return NULL;
}

/* False with a finding, or where the key is nobody's whose word counts. */
static bool
counts(struct audit_proof *proof, const struct checkpoint *checkpoint)
{
	const struct signing_public *key = key_named(proof, checkpoint->key);

	if (!*proof->log)
		memcpy(proof->log, checkpoint->log, sizeof proof->log);
	if (strcmp(proof->log, checkpoint->log) != 0) {
		proof_bad(proof, checkpoint->seq, 0, "has a checkpoint that speaks of another store");
		return false;
	}
	if (!key) {
		proof->stranger = checkpoint->seq;
		memcpy(proof->stranger_key, checkpoint->key, sizeof proof->stranger_key);
		return false;
	}
	if (checkpoint_good(checkpoint, key))
		return true;
	proof_bad(proof, checkpoint->seq, 0, "has a checkpoint whose signature is not one of the key %s", checkpoint->key);
	return false;
}

static void
seal(struct audit_proof *proof, const struct checkpoint *checkpoint)
{
	struct audit_verdict *verdict = &proof->verdict;

	close_run(proof, &verdict->as_signed);
	proof->sealed = checkpoint->seq;
	verdict->sealed = checkpoint->seq;
	verdict->sealed_wall = checkpoint->wall;
	memcpy(verdict->key, checkpoint->key, sizeof verdict->key);
	if (proof->offered == checkpoint->seq && proof->key_count < SIGNING_KEYS) {
		struct signing_public offered = signing_public(proof->offered_key);
		if (!key_named(proof, offered.id))
			proof->keys[proof->key_count++] = offered;
	}
}

/* The hashes were made anew, all of them from some record on: which one, only a checkpoint of each could tell. */
static void
made_anew(struct audit_proof *proof, const struct checkpoint *checkpoint)
{
	int64_t from = proof->sealed + 1;

	if (from > checkpoint->seq)
		proof_bad(proof, checkpoint->seq, 0, "is not there, and another one was: the checkpoint of it speaks of another");
	else if (from == checkpoint->seq)
		proof_bad(proof, from, 0, "was changed together with its hash: a checkpoint speaks of another");
	else
		proof_bad(proof, from, 0, "or one behind it, up to record %" PRId64 ", was changed, and all hashes from there: a checkpoint speaks of others",
			checkpoint->seq);
	close_run(proof, &proof->verdict.fitting);
}

void
proof_mark(struct audit_proof *proof, const struct checkpoint *checkpoint)
{
	bool good = counts(proof, checkpoint);

	if (proof->key_count && !good)
		return;
	if (checkpoint->seq >= proof->next) {
		proof_bad(proof, proof->next, 0, "is not there, and a checkpoint speaks of record %" PRId64, checkpoint->seq);
		return;
	}
	if (checkpoint->seq < proof->next - 1 || !proof->known) {
		proof_bad(proof, checkpoint->seq, 0, "is not there, and a checkpoint speaks of it");
		return;
	}
	if (proof->spoiled && !CRYPTO_memcmp(checkpoint->h, proof->computed, AUDIT_HASH))
		memcpy(proof->h, proof->computed, AUDIT_HASH);          /* it was the hash that was changed, and this is what it was */
	if (CRYPTO_memcmp(checkpoint->h, proof->h, AUDIT_HASH) != 0)
		made_anew(proof, checkpoint);
	else if (good)
		seal(proof, checkpoint);
}

/* The end. */

static void
check_newest(struct audit_proof *proof, int64_t newest, const unsigned char newest_h[AUDIT_HASH])
{
	int64_t last = proof->next - 1;

	if (newest < 0)
		return;
	if (last < newest)
		proof_bad(proof, proof->next, 0, "is not there");
	else if (last > newest)
		proof_bad(proof, newest + 1, 0, "was added by somebody else");
	else if (proof->known && CRYPTO_memcmp(proof->h, newest_h, AUDIT_HASH) != 0)
		proof_bad(proof, last, 0, "was changed after it was written");
}

/* What speaks of records that are not there any more. */
static void
check_anchors(struct audit_proof *proof)
{
	for (; proof->anchor_at < proof->anchor_count; proof->anchor_at++) {
		const struct checkpoint *anchor = &proof->anchors[proof->anchor_at];
		if (counts(proof, anchor) || !proof->key_count) {
			proof_bad(proof, proof->next, 0, "is not there: a checkpoint that is kept elsewhere speaks of record %" PRId64, anchor->seq);
			proof->anchors_met++;
		}
	}
}

static void
check_signed(struct audit_proof *proof)
{
	int64_t last = proof->next - 1;

	if (!proof->key_count)
		return;
	if (proof->stranger > proof->sealed)
		proof_bad(proof, proof->stranger, 0, "is signed by another key (%s), and none that is known to you vouches for that", proof->stranger_key);
	else if (proof->sign_all && last - proof->sealed > UNSIGNED_MOST)
		proof_bad(proof, proof->sealed + 1, 0, "and all behind it, up to record %" PRId64 ", are not signed, though every hundredth record is", last);
}

void
proof_end(struct audit_proof *proof, int64_t newest, const unsigned char newest_h[AUDIT_HASH])
{
	check_newest(proof, newest, newest_h);
	check_anchors(proof);
	check_signed(proof);
	close_run(proof, &proof->verdict.fitting);
}
