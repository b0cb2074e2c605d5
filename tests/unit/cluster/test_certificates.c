/* The Secrets of a cluster: what is issued, when it is due again, and what is never replaced. */
#include "world_builder.h"

#include "fake_kube.h"
#include "pki/base64.h"
#include "pki/pki.h"

#define DAY_MS INT64_C(86400000)

struct fixture {
    struct fake_kube kube;
    struct world *world;
    struct certificates have;
};

static void read_all(struct fixture *f, struct arena *arena, int64_t now_ms)
{
    struct error error;
    if (certificates_read(&f->kube.api, f->world->names, CLUSTER_UID, &f->world->spec, now_ms,
                          arena, &f->have, &error)) {
        fail_msg("%s", error.message);
    }
}

static int issue(struct fixture *f, int64_t now_ms, struct error *error)
{
    AUTO_JSON json_t *owner = owner_reference(f->world->object);
    return certificates_issue(&f->kube.api, f->world->names, owner, &f->world->spec, &f->have,
                              now_ms, error);
}

static void setup(struct fixture *f, struct arena *arena, const char *spec)
{
    struct error error = {0};

    fake_kube_init(&f->kube, NOW_MS);
    f->world = world_new(arena, spec);
    read_all(f, arena, NOW_MS);
    for (int i = 0; i < N_SECRETS; i++) {
        assert_true(!f->have.wanted[i] || f->have.due[i]);
    }
    assert_int_equal(issue(f, NOW_MS, &error), 0);
    read_all(f, arena, NOW_MS);
    if (certificates_due(&f->have)) {
        fail_msg("%s", certificates_due(&f->have));
    }
}

static const char *text_of(struct fixture *f, struct arena *arena, const char *secret,
                           const char *key)
{
    size_t size;
    AUTO_FREE char *text = (char *)base64_decode(
        json_path_string(fake_kube_find(&f->kube, "Secret", secret), "data", key, NULL), &size);
    return arena_strndup(arena, text, size);
}

static const char *common_name(const char *pem, struct arena *arena)
{
    struct pki_facts facts;
    assert_int_equal(pki_inspect(pem, &facts, NULL), 0);
    return arena_strdup(arena, facts.common_name);
}

static void what_is_issued_in(struct arena *arena)
{
    static const char *const none[] = {NULL};
    struct fixture f;

    setup(&f, arena, "{}");
    const char *client = text_of(&f, arena, "c-client-tls", "tls.crt");
    assert_string_equal(common_name(client, arena), "root");
    const char *dial = text_of(&f, arena, "c-peer-tls", "client.crt");
    assert_string_equal(common_name(dial, arena), "etcd-peer");
    assert_true(pki_names_match(dial, none, none)); /* Or etcd asks DNS for the dialler. */
    assert_int_equal(pki_verify(dial, text_of(&f, arena, "c-peer-tls", "client.key"),
                                text_of(&f, arena, "c-peer-ca", "tls.crt"), NULL),
                     0);
    assert_int_not_equal(pki_verify(client, text_of(&f, arena, "c-client-tls", "tls.key"),
                                    text_of(&f, arena, "c-peer-ca", "tls.crt"), NULL),
                         0); /* Two planes. */
    static const char *const peer_dns[] = {"*.c-peer.ns.svc", "localhost", NULL};
    static const char *const ips[] = {"127.0.0.1", "::1", NULL};
    assert_true(pki_names_match(text_of(&f, arena, "c-peer-tls", "tls.crt"), peer_dns, ips));
    assert_string_equal(f.have.certificate_pem, client);
    fake_kube_fini(&f.kube);
}
TEST(what_is_issued)

static void due_by_time_in(struct arena *arena)
{
    struct fixture f;

    setup(&f, arena, "{}");
    read_all(&f, arena, NOW_MS + 240 * DAY_MS);
    assert_null(certificates_due(&f.have));
    read_all(&f, arena, NOW_MS + 246 * DAY_MS);
    assert_null(f.have.due[SECRET_CLIENT_CA]);
    assert_contains(f.have.due[SECRET_SERVER], "two thirds of its lifetime");
    assert_contains(f.have.due[SECRET_PEER], "two thirds");
    assert_contains(f.have.due[SECRET_CLIENT], "two thirds");
    const char *authority = text_of(&f, arena, "c-peer-ca", "tls.crt");
    assert_int_equal(issue(&f, NOW_MS + 246 * DAY_MS, NULL), 0);
    read_all(&f, arena, NOW_MS + 246 * DAY_MS);
    assert_null(certificates_due(&f.have));
    assert_string_equal(text_of(&f, arena, "c-peer-ca", "tls.crt"), authority);
    fake_kube_fini(&f.kube);
}
TEST(due_by_time)

static void due_by_content_in(struct arena *arena)
{
    struct fixture f;

    setup(&f, arena, "{}");
    world_set_spec(f.world, arena,
                   "{\"security\": {\"tls\": {\"client\": {\"extraSANs\": "
                   "[\"etcd.example.org\", \"192.0.2.7\"]}}}}");
    read_all(&f, arena, NOW_MS);
    assert_contains(f.have.due[SECRET_SERVER], "does not cover the names");
    assert_null(f.have.due[SECRET_PEER]);
    assert_null(f.have.due[SECRET_CLIENT]);
    assert_int_equal(issue(&f, NOW_MS, NULL), 0);
    read_all(&f, arena, NOW_MS);
    assert_null(certificates_due(&f.have));

    json_t *data = json_object_get(fake_kube_find(&f.kube, "Secret", "c-peer-tls"), "data");
    json_object_del(data, "client.key");
    read_all(&f, arena, NOW_MS);
    assert_contains(f.have.due[SECRET_PEER], "client.crt or client.key is missing");
    fake_kube_drop(&f.kube, "Secret", "c-client-tls");
    read_all(&f, arena, NOW_MS);
    assert_contains(f.have.due[SECRET_CLIENT], "does not exist");
    assert_int_equal(issue(&f, NOW_MS, NULL), 0);
    read_all(&f, arena, NOW_MS);
    assert_null(certificates_due(&f.have));
    fake_kube_fini(&f.kube);
}
TEST(due_by_content)

static void a_new_authority_renews_its_leaves_in(struct arena *arena)
{
    struct fixture f;

    setup(&f, arena, "{}");
    fake_kube_drop(&f.kube, "Secret", "c-peer-ca");
    read_all(&f, arena, NOW_MS);
    assert_false(f.have.exists[SECRET_PEER_CA]);
    assert_contains(f.have.due[SECRET_PEER], "its authority is new");
    assert_null(f.have.due[SECRET_SERVER]);
    assert_int_equal(issue(&f, NOW_MS, NULL), 0);
    read_all(&f, arena, NOW_MS);
    assert_null(certificates_due(&f.have));
    fake_kube_fini(&f.kube);
}
TEST(a_new_authority_renews_its_leaves)

static void an_authority_is_never_replaced_in(struct arena *arena)
{
    struct fixture f;
    struct error error;

    setup(&f, arena, "{}");
    json_object_clear(json_object_get(fake_kube_find(&f.kube, "Secret", "c-peer-ca"), "data"));
    read_all(&f, arena, NOW_MS);
    assert_contains(f.have.due[SECRET_PEER_CA], "tls.crt or tls.key is missing");
    assert_int_equal(issue(&f, NOW_MS, &error), -ERROR_INVALID);
    assert_contains(error.message, "restore them");
    f.have.exists[SECRET_PEER_CA] = false; /* It appeared after we had looked. */
    assert_int_equal(issue(&f, NOW_MS, &error), -ERROR_CONFLICT);
    fake_kube_fini(&f.kube);
}
TEST(an_authority_is_never_replaced)

static void anothers_secret_in(struct arena *arena)
{
    struct fixture f;

    setup(&f, arena, "{}");
    json_object_del(json_object_get(fake_kube_find(&f.kube, "Secret", "c-server-tls"), "metadata"),
                    "ownerReferences");
    read_all(&f, arena, NOW_MS);
    assert_string_equal(f.have.foreign, "c-server-tls");
    assert_false(f.have.exists[SECRET_SERVER]); /* Or deletion would remove it. */
    fake_kube_fini(&f.kube);
}
TEST(anothers_secret)

static void a_plane_without_tls_has_none_in(struct arena *arena)
{
    struct fixture f;

    setup(&f, arena, "{\"security\": {\"tls\": {\"client\": {\"enabled\": false}}}}");
    assert_int_equal(fake_kube_count(&f.kube, "Secret"), 2);
    assert_non_null(fake_kube_find(&f.kube, "Secret", "c-peer-tls"));
    fake_kube_fini(&f.kube);
}
TEST(a_plane_without_tls_has_none)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_issued),
        cmocka_unit_test(due_by_time),
        cmocka_unit_test(due_by_content),
        cmocka_unit_test(a_new_authority_renews_its_leaves),
        cmocka_unit_test(an_authority_is_never_replaced),
        cmocka_unit_test(anothers_secret),
        cmocka_unit_test(a_plane_without_tls_has_none),
    };
    return cmocka_run_group_tests_name("certificates", tests, NULL, NULL);
}
