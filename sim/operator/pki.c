/* Certificates that cost nothing: the functions of src/pki/pki.h that the operator calls for its
 * Secrets, with texts that only say what they are for.  Real keys would be random, and making and
 * checking them most of a simulation's time; what src/pki does has tests of its own.  Linked in
 * place of the real ones (its archive is searched only for what is still missing). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pki/pki.h"

/* "CERT common-name not-before not-after issuer-key", "KEY number" */
#define CERTIFICATE "CERT %64s %lld %lld %lld"
#define HOUR_MS     3600000

void pki_pair_fini(struct pki_pair *pair)
{
    free(pair->certificate_pem);
    free(pair->key_pem);
    *pair = (struct pki_pair){0};
}

static void make(const char *common_name, int64_t now_ms, int64_t lifetime_ms, struct pki_pair *out)
{
    out->certificate_pem =
        xasprintf("CERT %s %lld %lld %d", common_name, (long long)(now_ms - HOUR_MS),
                  (long long)(now_ms + lifetime_ms), 1);
    out->key_pem = xstrdup("KEY 1");
}

int pki_ca_new(const char *common_name, int64_t now_ms, int64_t lifetime_ms, struct pki_pair *out,
               struct error *error)
{
    char name[65];

    (void)error;
    snprintf(name, sizeof name, "%s", common_name);
    for (char *c = name; *c; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
    make(name, now_ms, lifetime_ms, out);
    return 0;
}

int pki_leaf_new(const struct pki_pair *ca, const struct pki_leaf *leaf, int64_t now_ms,
                 struct pki_pair *out, struct error *error)
{
    (void)ca, (void)error;
    make(leaf->common_name, now_ms, leaf->lifetime_ms, out);
    return 0;
}

int pki_inspect(const char *certificate_pem, struct pki_facts *facts, struct error *error)
{
    long long from, to, issuer;

    *facts = (struct pki_facts){0};
    if (sscanf(certificate_pem, CERTIFICATE, facts->common_name, &from, &to, &issuer) != 4) {
        return error_set(error, ERROR_INVALID, "it is no certificate");
    }
    facts->not_before_ms = from;
    facts->not_after_ms = to;
    facts->is_ca = strstr(facts->common_name, "CA") != NULL;
    return 0;
}

bool pki_names_match(const char *certificate_pem, const char *const *dns_names,
                     const char *const *ip_names)
{
    (void)certificate_pem, (void)dns_names, (void)ip_names;
    return true;
}

int pki_verify(const char *certificate_pem, const char *key_pem, const char *ca_pem,
               struct error *error)
{
    (void)certificate_pem, (void)key_pem, (void)ca_pem, (void)error;
    return 0;
}
