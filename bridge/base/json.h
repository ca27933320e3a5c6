/* json: one strict reader in front of json-c, and short ways to ask a document (threats W4).
 *
 * Refused, with a sentence: duplicate keys, single quotes, NaN and Infinity, numbers out of range, NUL (\u0000), bad
 * UTF-8, lone surrogates, comments, anything after the document, more than 32 levels, 50,000 nodes or 64 MiB. A document
 * that is only null says nothing, and is refused too. */
#ifndef SALLYPORT_BASE_JSON_H
#define SALLYPORT_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

/* The document goes with the arena. NULL where it was refused. */
struct json_object *json_read(struct arena *, const char *, size_t length, struct error *);

/* Paths are keys and indexes with dots between: "results.0.name". What is missing, null or of another type gives
 * NULL, the fallback or 0. Strings are borrowed from the document. */
struct json_object *json_at(struct json_object *, const char *path);
struct json_object *json_key(struct json_object *, const char *key);   /* one key as it is, dots and all */
const char *json_string(struct json_object *, const char *path, const char *fallback);
int64_t json_integer(struct json_object *, const char *path, int64_t fallback);
bool json_true(struct json_object *, const char *path);
size_t json_count(struct json_object *, const char *path);     /* of an array; 0 where it is none */

/* A new object or array that goes with the arena; what is put into it belongs to it. */
struct json_object *json_new_object(struct arena *);
struct json_object *json_new_array(struct arena *);
void json_set(struct json_object *, const char *key, const char *value);      /* NULL sets nothing */
void json_set_integer(struct json_object *, const char *key, int64_t value);
void json_set_flag(struct json_object *, const char *key, bool value);
void json_put(struct json_object *, const char *key, struct json_object *value);       /* an object or array of json_new_...() */
void json_push(struct json_object *array, const char *value);
const char *json_write(struct json_object *);                  /* one line; borrowed from the object */

#endif
