/* Whether etcd can open its database, judged without etcd.  A damaged database makes etcd panic at
 * each start, and so do many things that are no proof of anything lost; this is the proof.
 *
 * BAD means that etcd of every supported version ends on this file, whatever else is in order.  So
 * this does what bbolt does when etcd opens it, step for step and no more: a damage that bbolt does
 * not see is not seen here either, and what bbolt would survive is never called bad.  Checked
 * against bbolt 1.3.12, 1.4.3 and 1.5.0 (etcd 3.5, 3.6, 3.7); tests/conformance/etcd holds it to
 * the real ones.
 *
 * The file is a bbolt file (bbolt/format.h).  etcd keeps no list of free pages on disk: at each
 * start bbolt walks all trees to find what is not in use, and panics at what does not fit. Pages
 * that no tree reaches hold old bytes; they are not looked at. */
#ifndef MEMBER_DATABASE_H
#define MEMBER_DATABASE_H 1

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum database_state {
    DATABASE_OK,   /* Or nothing that proves the contrary, as when it cannot be read. */
    DATABASE_NONE, /* Missing or empty: etcd makes one, from its log and snapshot. */
    DATABASE_BAD,
};

struct database_facts {
    enum database_state state;
    char problem[160]; /* DATABASE_BAD: what is wrong, in words. */
};

/* What was judged last, so that whoever waits beside a large file does not read it over and over.
 * All zeros to begin with. */
struct database_memory {
    bool any, thorough;
    struct stat file;
    struct database_facts facts;
};

/* Looks at `data_dir`/member/snap/db. A few pages are read; with `thorough`, or when the file is
 * shorter than it says, every page in use. */
struct database_facts database_inspect(const char *data_dir, bool thorough,
                                       struct database_memory *memory);

/* The same for an open file. */
struct database_facts database_judge(int fd, bool thorough);

#endif
