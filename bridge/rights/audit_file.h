/* audit_file: records as lines of JSON in a file that can be checked without the store, and without us.
 *
 *     {"audit":2,"first":1,"last":500,"before":"00..","hash":"9f.."}         which records, and the hashes around them
 *     {"seq":1,"wall":1767225600000,"mono":12,"boot":1,"intent":0,"what":"started","person":null, ... ,"args_hash":null,"instance":null,"h":"4c.."}
 *     {"checkpoint":"sallyport-audit-v1 .."}                                   behind its record: checkpoint.h
 *
 * A text that is no UTF-8 stands as {"hex":".."}. What is hashed: audit.h. Form 1 had no checkpoints; records of earlier versions have no instance. */
#ifndef SALLYPORT_RIGHTS_AUDIT_FILE_H
#define SALLYPORT_RIGHTS_AUDIT_FILE_H

#include <stdio.h>

#include "bridge/rights/proof.h"

#define AUDIT_HEX_SIZE (2 * AUDIT_HASH + 1)

/* Writes the records of `range`, verifying them on the way: where the store is not whole, the file is no good. */
bool audit_file_write(FILE *, struct db *, const struct audit_range *, struct audit_verdict *, struct error *);

/* Reads a whole file: the records in it, the SHA-256 of its bytes (`sum`). The proof has its keys and anchors, if any. False where it is no such
 * file at all. */
bool audit_file_verify(FILE *, struct audit_proof *, struct audit_range *, char sum[AUDIT_HEX_SIZE], struct error *);
int64_t audit_file_last(FILE *);                                        /* the record that its first line says it ends with; 0: none. It is read from its beginning again. */
const char *audit_file_record(struct arena *, const struct audit_record *, const unsigned char *h);    /* its line; h NULL: without it */

void audit_hex(const unsigned char bytes[AUDIT_HASH], char out[AUDIT_HEX_SIZE]);
bool audit_unhex(const char *, unsigned char out[AUDIT_HASH]);

#endif
