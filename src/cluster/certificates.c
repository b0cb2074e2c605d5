#include "cluster/certificates.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "pki/base64.h"
#include "pki/pki.h"

/* Key names inside the Secrets. The first three are those of kubernetes.io/tls and cert-manager. */
#define KEY_CERTIFICATE "tls.crt"
#define KEY_PRIVATE     "tls.key"
#define KEY_CA          "ca.crt"
#define KEY_DIAL_CERTIFICATE                                                                       \
    "client.crt" /* In the peer Secret: what a member dials others with.                           \
                  */
#define KEY_DIAL_PRIVATE "client.key"

const char *certificates_secret_name(const struct names *names, enum certificate_secret which)
{
    switch (which) {
    case SECRET_CLIENT_CA:
        return names->client_ca_secret;
    case SECRET_PEER_CA:
        return names->peer_ca_secret;
    case SECRET_SERVER:
        return names->server_secret;
    case SECRET_PEER:
        return names->peer_secret;
    case SECRET_CLIENT:
    case N_SECRETS:
        break;
    }
    return names->client_secret;
}

static enum certificate_secret ca_of(enum certificate_secret which)
{
    return which == SECRET_PEER || which == SECRET_PEER_CA ? SECRET_PEER_CA : SECRET_CLIENT_CA;
}

static bool is_ca(enum certificate_secret which)
{
    return which == ca_of(which);
}

const char *certificates_due(const struct certificates *certificates)
{
    for (int i = 0; i < N_SECRETS; i++) {
        if (certificates->due[i]) {
            return certificates->due[i];
        }
    }
    return NULL;
}

/* The names that the members' certificate covers, ended by NULL. */
struct subject_names {
    const char **dns, **ip;
};

static bool looks_like_ip(const char *name)
{
    return strchr(name, ':') || strspn(name, "0123456789.") == strlen(name);
}

static struct subject_names subject_names(struct arena *arena, const struct names *names,
                                          enum certificate_secret which,
                                          const struct etcdcluster_spec *spec)
{
    const struct api_string_list *extra = &spec->security.tls.client.extra_sans;
    size_t n_extra = which == SECRET_SERVER ? extra->length : 0;
    struct subject_names out = {arena_alloc(arena, (8 + n_extra) * sizeof(char *)),
                                arena_alloc(arena, (3 + n_extra) * sizeof(char *))};
    size_t dns = 0, ip = 0;

    out.dns[dns++] = arena_printf(arena, "*.%s.%s.svc", names->peer_service, names->namespace);
    if (which == SECRET_SERVER) {
        const char *service = names->client_service, *namespace = names->namespace;
        out.dns[dns++] = service;
        out.dns[dns++] = arena_printf(arena, "%s.%s", service, namespace);
        out.dns[dns++] = arena_printf(arena, "%s.%s.svc", service, namespace);
        out.dns[dns++] = arena_printf(arena, "%s.%s.svc.cluster.local", service, namespace);
        out.dns[dns++] =
            arena_printf(arena, "*.%s.%s.svc.cluster.local", names->peer_service, namespace);
    }
    out.dns[dns++] = "localhost";
    out.ip[ip++] = "127.0.0.1";
    out.ip[ip++] = "::1";
    for (size_t i = 0; i < n_extra; i++) {
        if (looks_like_ip(extra->items[i])) {
            out.ip[ip++] = extra->items[i];
        } else {
            out.dns[dns++] = extra->items[i];
        }
    }
    return out;
}

static void wipe_string(void *string)
{
    memory_wipe(string, strlen(string));
}

/* The decoded text under `key` of a Secret, in the arena and wiped with it; NULL if absent. */
static const char *secret_text(const json_t *secret, const char *key, struct arena *arena)
{
    const char *encoded = json_path_string(secret, "data", key, NULL);
    size_t size;

    if (!encoded) {
        return NULL;
    }
    AUTO_FREE char *decoded = (char *)base64_decode(encoded, &size);
    if (!decoded) {
        return NULL;
    }
    char *copy = arena_strndup(arena, decoded, size);
    memory_wipe(decoded, size);
    arena_defer(arena, wipe_string, copy);
    return copy;
}

/* Why a certificate, as found, must be issued again; NULL if it is good. */
static const char *judge_pair(const json_t *secret, const char *certificate_key,
                              const char *private_key, const char *ca_pem, int64_t now_ms,
                              struct arena *arena)
{
    const char *certificate = secret_text(secret, certificate_key, arena);
    const char *key = secret_text(secret, private_key, arena);
    struct pki_facts facts;
    struct error error;

    if (!certificate || !key) {
        return arena_printf(arena, "key %s or %s is missing", certificate_key, private_key);
    }
    if (pki_verify(certificate, key, ca_pem, &error) || pki_inspect(certificate, &facts, &error)) {
        return arena_strdup(arena, error.message);
    }
    int64_t lifetime = facts.not_after_ms - facts.not_before_ms;
    if (now_ms > facts.not_before_ms + lifetime / 3 * 2) {
        return "two thirds of its lifetime have passed";
    }
    return NULL;
}

static const char *judge_leaf(const json_t *secret, enum certificate_secret which,
                              const char *ca_pem, const struct subject_names *subjects,
                              int64_t now_ms, struct arena *arena)
{
    const char *ca = secret_text(secret, KEY_CA, arena);
    const char *why = NULL;

    if (!ca || strcmp(ca, ca_pem) != 0) {
        return "its ca.crt is not the authority's certificate";
    }
    why = judge_pair(secret, KEY_CERTIFICATE, KEY_PRIVATE, ca_pem, now_ms, arena);
    if (!why && which == SECRET_PEER) {
        why = judge_pair(secret, KEY_DIAL_CERTIFICATE, KEY_DIAL_PRIVATE, ca_pem, now_ms, arena);
    }
    if (!why && which != SECRET_CLIENT &&
        !pki_names_match(secret_text(secret, KEY_CERTIFICATE, arena), subjects->dns,
                         subjects->ip)) {
        why = "it does not cover the names that it should";
    }
    return why;
}

static void judge(const json_t *const *secrets, enum certificate_secret which,
                  const struct names *names, const struct etcdcluster_spec *spec, int64_t now_ms,
                  struct arena *arena, struct certificates *out)
{
    const char *name = certificates_secret_name(names, which);
    const char *ca_pem = secret_text(secrets[ca_of(which)], KEY_CERTIFICATE, arena);
    const char *why = NULL;

    if (!secrets[which]) {
        why = "it does not exist";
    } else if (is_ca(which)) {
        if (!ca_pem || !secret_text(secrets[which], KEY_PRIVATE, arena)) {
            why = "its tls.crt or tls.key is missing";
        }
    } else if (!ca_pem) {
        why = "its authority is new";
    } else {
        struct subject_names subjects = subject_names(arena, names, which, spec);
        why = judge_leaf(secrets[which], which, ca_pem, &subjects, now_ms, arena);
    }
    if (why) {
        out->due[which] = arena_printf(arena, "Secret %s: %s", name, why);
    }
}

int certificates_read(const struct kube_api *kube, const struct names *names, const char *uid,
                      const struct etcdcluster_spec *spec, int64_t now_wall_ms, struct arena *arena,
                      struct certificates *out, struct error *error)
{
    /* The result is kept, the Secrets are not: they are large, and hold the authorities' keys. */
    AUTO_ARENA struct arena *scratch = arena_new();
    const json_t *secrets[N_SECRETS] = {0};

    memset(out, 0, sizeof *out);
    for (int i = 0; i < N_SECRETS; i++) {
        json_t *secret = NULL;
        out->wanted[i] = ca_of((enum certificate_secret)i) == SECRET_PEER_CA
                             ? spec->security.tls.peer.enabled
                             : spec->security.tls.client.enabled;
        if (!out->wanted[i]) {
            continue;
        }
        const char *name = certificates_secret_name(names, (enum certificate_secret)i);
        int result =
            kube->get(kube->context, &kube_secrets, names->namespace, name, &secret, error);
        if (result == -(int)ERROR_NOT_FOUND) {
            continue;
        }
        if (result) {
            return error_wrap(error, "reading the certificates");
        }
        secrets[i] = arena_json(scratch, secret);
        out->exists[i] =
            object_is_owned_by(secret, uid); /* Another's is not removed with the cluster. */
        if (!out->exists[i]) {
            out->foreign = name;
        }
    }
    for (int i = 0; i < N_SECRETS; i++) {
        if (out->wanted[i]) {
            judge(secrets, (enum certificate_secret)i, names, spec, now_wall_ms, scratch, out);
            out->due[i] = arena_strdup(arena, out->due[i]);
        }
    }
    out->ca_pem = secret_text(secrets[SECRET_CLIENT], KEY_CA, arena);
    out->certificate_pem = secret_text(secrets[SECRET_CLIENT], KEY_CERTIFICATE, arena);
    out->key_pem = secret_text(secrets[SECRET_CLIENT], KEY_PRIVATE, arena);
    out->known = true;
    return 0;
}

static void set_data(json_t *data, const char *key, const char *text)
{
    AUTO_FREE char *encoded = base64_encode(text, strlen(text));
    json_object_set_new(data, key, json_string(encoded));
    memory_wipe(encoded, strlen(encoded));
}

static json_t *secret_object(const struct names *names, enum certificate_secret which,
                             const json_t *owner_reference, json_t *data)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:o, s:[O]}, s:o}", "apiVersion", "v1", "kind",
                     "Secret", "type", "kubernetes.io/tls", "metadata", "name",
                     certificates_secret_name(names, which), "namespace", names->namespace,
                     "labels", names_labels(names), "ownerReferences", owner_reference, "data",
                     data);
}

/* Reads the CA's pair, or makes a new one and stores it. */
static int ensure_ca(const struct kube_api *kube, const struct names *names,
                     enum certificate_secret which, const json_t *owner_reference, bool exists,
                     int64_t now_ms, struct pki_pair *out, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *name = certificates_secret_name(names, which);

    if (exists) {
        AUTO_JSON json_t *secret = NULL;
        int result =
            kube->get(kube->context, &kube_secrets, names->namespace, name, &secret, error);
        if (result) {
            return error_wrap(error, "reading the authority");
        }
        const char *certificate = secret_text(secret, KEY_CERTIFICATE, arena);
        const char *key = secret_text(secret, KEY_PRIVATE, arena);
        if (!certificate || !key) {
            return error_set(error, ERROR_INVALID,
                             "Secret %s/%s has no tls.crt and tls.key: restore them",
                             names->namespace, name);
        }
        out->certificate_pem = xstrdup(certificate);
        out->key_pem = xstrdup(key);
        return 0;
    }
    const char *common_name = arena_printf(arena, "%.40s %s CA", names->cluster,
                                           which == SECRET_PEER_CA ? "peer" : "client");
    if (pki_ca_new(common_name, now_ms, CERTIFICATE_CA_LIFETIME_MS, out, error)) {
        return error_wrap(error, "making the authority of %s/%s", names->namespace, names->cluster);
    }
    json_t *data = json_object();
    set_data(data, KEY_CERTIFICATE, out->certificate_pem);
    set_data(data, KEY_PRIVATE, out->key_pem);
    set_data(data, KEY_CA, out->certificate_pem);
    AUTO_JSON json_t *object = secret_object(names, which, owner_reference, data);
    int result = kube->create(kube->context, &kube_secrets, object, NULL, error);
    return result == -(int)ERROR_EXISTS
               ? error_set(error, ERROR_CONFLICT, "Secret %s/%s appeared meanwhile",
                           names->namespace, name)
               : result;
}

static int sign(const struct pki_pair *ca, const struct pki_leaf *leaf, int64_t now_ms,
                json_t *data, const char *certificate_key, const char *private_key,
                struct error *error)
{
    AUTO_PKI_PAIR struct pki_pair pair = {0};
    int result = pki_leaf_new(ca, leaf, now_ms, &pair, error);
    if (!result) {
        set_data(data, certificate_key, pair.certificate_pem);
        set_data(data, private_key, pair.key_pem);
    }
    return result;
}

static int issue_leaf(const struct kube_api *kube, const struct names *names,
                      enum certificate_secret which, const json_t *owner_reference,
                      const struct pki_pair *ca, const struct etcdcluster_spec *spec,
                      int64_t now_ms, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_JSON json_t *data = json_object();
    struct subject_names subjects = subject_names(arena, names, which, spec);
    struct pki_leaf leaf = {
        .common_name = which == SECRET_CLIENT ? "root"
                       : which == SECRET_PEER ? CERTIFICATE_PEER_NAME
                                              : arena_printf(arena, "%.60s", names->cluster),
        .dns_names = which == SECRET_CLIENT ? NULL : subjects.dns,
        .ip_names = which == SECRET_CLIENT ? NULL : subjects.ip,
        .server_auth = which != SECRET_CLIENT,
        .client_auth = true, /* The members' too: etcd's own gateway dials with it. */
        .lifetime_ms = CERTIFICATE_LEAF_LIFETIME_MS,
    };
    struct pki_leaf dial = {.common_name = CERTIFICATE_PEER_NAME,
                            .client_auth = true,
                            .lifetime_ms = CERTIFICATE_LEAF_LIFETIME_MS};

    set_data(data, KEY_CA, ca->certificate_pem);
    if (sign(ca, &leaf, now_ms, data, KEY_CERTIFICATE, KEY_PRIVATE, error) ||
        (which == SECRET_PEER &&
         sign(ca, &dial, now_ms, data, KEY_DIAL_CERTIFICATE, KEY_DIAL_PRIVATE, error))) {
        return error_wrap(error, "signing for Secret %s", certificates_secret_name(names, which));
    }
    AUTO_JSON json_t *object = secret_object(names, which, owner_reference, json_incref(data));
    return kube->apply(kube->context, &kube_secrets, object, true, NULL, error);
}

int certificates_issue(const struct kube_api *kube, const struct names *names,
                       const json_t *owner_reference, const struct etcdcluster_spec *spec,
                       const struct certificates *have, int64_t now_wall_ms, struct error *error)
{
    static const enum certificate_secret authorities[] = {SECRET_CLIENT_CA, SECRET_PEER_CA};

    for (size_t a = 0; a < 2; a++) {
        AUTO_PKI_PAIR struct pki_pair ca = {0};
        bool due = false;
        for (int i = 0; i < N_SECRETS; i++) {
            due = due || (have->due[i] && ca_of((enum certificate_secret)i) == authorities[a]);
        }
        if (!due) {
            continue;
        }
        int result = ensure_ca(kube, names, authorities[a], owner_reference,
                               have->exists[authorities[a]], now_wall_ms, &ca, error);
        for (int i = 0; !result && i < N_SECRETS; i++) {
            enum certificate_secret which = (enum certificate_secret)i;
            if (have->due[i] && !is_ca(which) && ca_of(which) == authorities[a]) {
                result =
                    issue_leaf(kube, names, which, owner_reference, &ca, spec, now_wall_ms, error);
            }
        }
        if (result) {
            return result;
        }
    }
    return 0;
}
