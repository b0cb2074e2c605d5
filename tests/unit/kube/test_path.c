/* URLs of the API, and label selectors. */
#include "base/cleanup.h"
#include "cmocka_test.h"
#include "kube/path.h"
#include "kube/selector.h"

static void expect_path(const char *expected, const struct kube_resource *resource,
                        const char *namespace, const char *name, const char *subresource)
{
    AUTO_BUFFER struct buffer url = {0};
    kube_path_append(&url, resource, namespace, name, subresource);
    assert_string_equal(url.data, expected);
}

static void test_paths(void **state)
{
    (void)state;
    expect_path("/api/v1/namespaces/ns/pods/c-0", &kube_pods, "ns", "c-0", NULL);
    expect_path("/api/v1/pods", &kube_pods, NULL, NULL, NULL);
    expect_path("/api/v1/pods", &kube_pods, "", NULL, NULL);
    expect_path("/api/v1/nodes/n1", &kube_nodes, NULL, "n1", NULL);
    expect_path("/api/v1/nodes/n1", &kube_nodes, "ignored", "n1", NULL);
    expect_path("/apis/apps/v1/namespaces/ns/statefulsets/c", &kube_stateful_sets, "ns", "c", NULL);
    expect_path("/apis/etcd.etcd.io/v1alpha1/namespaces/ns/etcdclusters/c/status",
                &kube_etcd_clusters, "ns", "c", "status");
    expect_path("/apis/policy/v1/namespaces/ns/poddisruptionbudgets", &kube_pod_disruption_budgets,
                "ns", NULL, NULL);
    expect_path("/apis/coordination.k8s.io/v1/namespaces/ns/leases/l", &kube_leases, "ns", "l",
                NULL);
    expect_path("/apis/storage.k8s.io/v1/storageclasses", &kube_storage_classes, NULL, NULL, NULL);
    expect_path("/api/v1/namespaces/ns/events/c.1%20%3F%23", &kube_events, "ns", "c.1 ?#", NULL);
}

static void test_queries(void **state)
{
    AUTO_BUFFER struct buffer url = {0};

    (void)state;
    kube_path_append(&url, &kube_pods, "ns", NULL, NULL);
    kube_path_query(&url, "absent", NULL);
    kube_path_query(&url, "labelSelector", "a/b=c,d!=e&f");
    kube_path_query_number(&url, "limit", 50);
    kube_path_query(&url, "continue", "+\xc3\xa4==");
    assert_string_equal(url.data,
                        "/api/v1/namespaces/ns/pods?labelSelector=a%2Fb%3Dc%2Cd%21%3De%26f&limit=50"
                        "&continue=%2B%C3%A4%3D%3D");
}

static void test_names_that_would_address_something_else(void **state)
{
    (void)state;
    assert_true(kube_path_name_ok("c-0"));
    assert_true(kube_path_name_ok("system:node"));
    assert_true(kube_path_name_ok("..."));
    assert_false(kube_path_name_ok(NULL));
    assert_false(kube_path_name_ok(""));
    assert_false(kube_path_name_ok("."));
    assert_false(kube_path_name_ok(".."));
    assert_false(kube_path_name_ok("a/b"));
    assert_false(kube_path_name_ok("a%2Fb"));
}

static void test_selectors(void **state)
{
    json_t *labels = json_pack("{s:s, s:s}", "app", "etcd", "example.com/part", "x.y_1");

    (void)state;
    assert_true(kube_selector_matches(NULL, NULL));
    assert_true(kube_selector_matches("", labels));
    assert_true(kube_selector_matches("app=etcd", labels));
    assert_true(kube_selector_matches("app==etcd,example.com/part=x.y_1", labels));
    assert_true(kube_selector_matches("app,!absent,other!=etcd", labels));
    assert_false(kube_selector_matches("app=etc", labels));
    assert_false(kube_selector_matches("app=etcdx", labels));
    assert_false(kube_selector_matches("app!=etcd", labels));
    assert_false(kube_selector_matches("absent", labels));
    assert_false(kube_selector_matches("!app", labels));
    assert_false(kube_selector_matches("app=etcd", NULL));
    assert_false(kube_selector_matches("app=etcd,absent=x", labels));
    /* What is not understood must not put a foreign object into a store. */
    assert_false(kube_selector_matches("app in (etcd)", labels));
    assert_false(kube_selector_matches("app=etcd,", labels));
    assert_false(kube_selector_matches("=etcd", labels));
    json_decref(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_names_that_would_address_something_else),
        cmocka_unit_test(test_selectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
