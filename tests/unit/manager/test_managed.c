/* Owners and keys of the kinds that get passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "manager/managed.h"

static const struct kube_resource others = {"example.com/v1", "Other", "others", true};
static const struct kube_resource other_sets = {"example.com/v1", "OtherSet", "othersets", true};

static void test_owners_and_keys(void **state)
{
    char owner[16];

    (void)state;
    assert_true(managed_owner(&kube_etcd_clusters, "c", owner, sizeof owner));
    assert_string_equal(owner, "c");
    AUTO_FREE char *cluster = managed_key("ns", owner);
    assert_string_equal(cluster, "ns/c");
    assert_true(managed_owner(&others, "c", owner, sizeof owner));
    assert_string_equal(owner, "others/c");
    AUTO_FREE char *other = managed_key("ns", owner);
    assert_string_equal(other, "others/ns/c");
    assert_false(managed_owner(&others, "too-long-a-name", owner, sizeof owner));
}

static void expect_kind(const char *key, const struct kube_resource *resource, const char *expected)
{
    static const struct managed_kind kinds[] = {
        {.resource = &kube_etcd_clusters}, {.resource = &others}, {.resource = &other_sets}};
    const char *rest = NULL;
    const struct managed_kind *kind = managed_find(kinds, 3, key, &rest);

    if (!resource) {
        assert_null(kind);
        return;
    }
    assert_non_null(kind);
    assert_ptr_equal(kind->resource, resource);
    assert_string_equal(rest, expected);
}

static void test_whose_key_it_is(void **state)
{
    (void)state;
    expect_kind("ns/c", &kube_etcd_clusters, "ns/c");
    expect_kind("others/c", &kube_etcd_clusters, "others/c"); /* A namespace of that name. */
    expect_kind("others/ns/c", &others, "ns/c");
    expect_kind("othersets/ns/c", &other_sets, "ns/c");
    expect_kind("strangers/ns/c", NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owners_and_keys),
        cmocka_unit_test(test_whose_key_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
