/* Certificate authority, leaf certificates and digests, over OpenSSL 3.
 *
 * All keys are ECDSA P-256.  PEM texts are malloc'ed and NUL-terminated; private keys are wiped by
 * pki_pair_fini().  Times are milliseconds since 1970 and given by the caller. */
#ifndef PKI_PKI_H
#define PKI_PKI_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

struct pki_pair {
    char *certificate_pem;
    char *key_pem; /* PKCS#8. */
};

void pki_pair_fini(struct pki_pair *pair);
#define AUTO_PKI_PAIR CLEANUP(pki_pair_fini)

/* A self-signed CA (CA:TRUE, pathlen 0, keyCertSign, cRLSign, subject key id) named `common_name`,
 * valid from one hour before `now_ms` (clocks differ) until now_ms + lifetime_ms. */
int pki_ca_new(const char *common_name, int64_t now_ms, int64_t lifetime_ms, struct pki_pair *out,
               struct error *error);

struct pki_leaf {
    const char *common_name;
    const char *organization;      /* May be NULL. */
    const char *const *dns_names;  /* Ended by NULL; may be NULL: then no SAN. */
    const char *const *ip_names;   /* Likewise, "127.0.0.1", "::1". */
    bool server_auth, client_auth; /* Extended key usages. */
    int64_t lifetime_ms;           /* Cut to the CA's own end. */
};

int pki_leaf_new(const struct pki_pair *ca, const struct pki_leaf *leaf, int64_t now_ms,
                 struct pki_pair *out, struct error *error);

struct pki_facts {
    int64_t not_before_ms, not_after_ms;
    bool is_ca;
    char common_name[65];
};

/* What the first certificate in the PEM says. ERROR_INVALID if it does not parse. */
int pki_inspect(const char *certificate_pem, struct pki_facts *facts, struct error *error);

/* True if the certificate's SANs hold exactly these names (order does not matter). */
bool pki_names_match(const char *certificate_pem, const char *const *dns_names,
                     const char *const *ip_names);

/* 0 if the key belongs to the certificate and one of the CAs in `ca_pem` signed it; ERROR_INVALID
 * says which of these fails. Validity dates are not looked at. */
int pki_verify(const char *certificate_pem, const char *key_pem, const char *ca_pem,
               struct error *error);

#define PKI_SHA256_HEX_SIZE 65
void pki_sha256_hex(const void *data, size_t size, char out[PKI_SHA256_HEX_SIZE]);
void pki_sha256_text(const unsigned char *sum, char out[PKI_SHA256_HEX_SIZE]); /* Of 32 bytes. */

/* The first eight bytes, big endian, of SHA-1 over the data: how etcd makes member and cluster ids
 * (server/etcdserver/api/membership/member.go). Not for security. */
uint64_t pki_sha1_prefix64(const void *data, size_t size);

#endif
