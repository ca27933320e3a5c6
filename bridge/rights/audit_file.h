/* audit_file: records as lines of JSON in a file that can be checked without the store, and without us.
 *
 *     {"audit":1,"first":1,"last":500,"before":"00..","hash":"9f.."}         which records, and the hashes around them
 *     {"seq":1,"wall":1767225600000,"mono":12,"boot":1,"intent":0,"what":"started","person":null, ... ,"args_hash":null,"h":"4c.."}
 *
 * A text that is no UTF-8 stands as {"hex":".."}. What is hashed: audit.h. */
#ifndef SALLYPORT_RIGHTS_AUDIT_FILE_H
#define SALLYPORT_RIGHTS_AUDIT_FILE_H

#include <stdio.h>

#include "bridge/rights/audit.h"

#define AUDIT_HEX_SIZE (2 * AUDIT_HASH + 1)

/* Writes the records of `range`, verifying them on the way: where the store is not whole, the file is no good. */
bool audit_file_write(FILE *, struct db *, const struct audit_range *, struct audit_verdict *, struct error *);

/* Reads a whole file: the records in it, the SHA-256 of its bytes (`sum`). False where it is no such file at all. */
bool audit_file_verify(FILE *, struct audit_range *, char sum[AUDIT_HEX_SIZE], struct audit_verdict *, struct error *);

void audit_hex(const unsigned char bytes[AUDIT_HASH], char out[AUDIT_HEX_SIZE]);
bool audit_unhex(const char *, unsigned char out[AUDIT_HASH]);

#endif
