/* The YAML writer, and what the generated definition must have. That the API server takes it, and
 * that its rules refuse what they should, is seen on a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/etcdbackup.h"
#include "api/etcdcluster.h"
#include "api/yaml.h"
#include "base/json.h"

static void expect_yaml(const char *text, const char *expected)
{
    AUTO_BUFFER struct buffer out = {0};
    AUTO_JSON json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    yaml_write(json, &out);
    assert_string_equal(out.data, expected);
}

static void test_blocks(void **state)
{
    (void)state;
    expect_yaml("{\"b\":{\"a\":1},\"a\":[1,{\"x\":true,\"y\":[2]},\"s\"],\"c\":{},\"d\":[]}",
                "b:\n  a: 1\na:\n- 1\n- x: true\n  \"y\":\n  - 2\n- s\nc: {}\nd: []\n");
}

static void test_strings_that_yaml_would_read_as_something_else_are_quoted(void **state)
{
    (void)state;
    expect_yaml("{\"a\":\"true\",\"b\":\"3.6.16\",\"c\":\"\",\"d\":\"a: b\",\"e\":\"it's\"}",
                "a: \"true\"\nb: \"3.6.16\"\nc: \"\"\nd: \"a: b\"\ne: \"it's\"\n");
    expect_yaml("{\"a\":\"# no\",\"b\":\"*x\",\"c\":\"line\\nbreak\",\"d\":\"1h\",\"e\":\"on\"}",
                "a: \"# no\"\nb: \"*x\"\nc: \"line\\nbreak\"\nd: \"1h\"\ne: \"on\"\n");
    expect_yaml("{\"a\":\"A plain sentence, with (this).\",\"b\":\".spec.size\",\"c\":\"x \"}",
                "a: A plain sentence, with (this).\nb: .spec.size\nc: \"x \"\n");
}

static void test_the_definition_has_what_users_rely_on(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "  name: etcdclusters.etcd.etcd.io\n",
        "    shortNames:\n    - etcd\n",
        "        specReplicasPath: .spec.size\n",
        "      status: {}\n",
        "                default: 3\n",
        "x-kubernetes-list-map-keys:\n",
        "compareTo(quantity(string(oldSelf.spec.storage.size))) >= 0 || ",
        "self.metadata.name.size() <= 52",
    };
    AUTO_BUFFER struct buffer out = {0};

    api_crd_yaml(&etcdcluster_kind, &out);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(out.data, parts[i])) {
            fail_msg("not there: %s", parts[i]);
        }
    }
}

/* Every managed flag stands in the rule that refuses it. */
static void test_the_rule_knows_every_managed_flag(void **state)
{
    (void)state;
    AUTO_BUFFER struct buffer out = {0};

    api_crd_yaml(&etcdcluster_kind, &out);
    for (const char *const *flag = etcdcluster_managed_flags; *flag; flag++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "'%s'", *flag);
        assert_non_null(strstr(out.data, quoted));
    }
}

static void check_documented(const struct api_field *fields)
{
    for (; fields->name; fields++) {
        size_t length = fields->documentation ? strlen(fields->documentation) : 0;
        if (!length || fields->documentation[length - 1] != '.') {
            fail_msg("%s: its documentation is not a sentence", fields->name);
        }
        if (fields->fields) {
            check_documented(fields->fields);
        }
    }
}

static void test_every_field_is_documented(void **state)
{
    (void)state;
    check_documented(etcdcluster_kind.spec);
    check_documented(etcdcluster_kind.status);
    check_documented(etcdbackup_kind.spec);
    check_documented(etcdbackup_kind.status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_strings_that_yaml_would_read_as_something_else_are_quoted),
        cmocka_unit_test(test_the_definition_has_what_users_rely_on),
        cmocka_unit_test(test_the_rule_knows_every_managed_flag),
        cmocka_unit_test(test_every_field_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
