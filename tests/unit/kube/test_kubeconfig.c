/* What a kubeconfig says, how several are merged, and the words with which one is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cmocka_test.h"
#include "kube/kubeconfig.h"
#include "pki/base64.h"

#define CLUSTER      "clusters: [{name: c, cluster: {server: 'https://h:1'}}]\n"
#define CONTEXT      "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
#define USER(fields) "users: [{name: u, user: {" fields "}}]\n"
#define V1           "apiVersion: client.authentication.k8s.io/v1"

static int resolve(const char *text, const char *context, struct arena *arena,
                   struct kubeconfig *out, struct error *error)
{
    AUTO_JSON json_t *merged = json_object();
    int result = kubeconfig_merge(merged, text, strlen(text), "/home/a/.kube/config", error);

    return result ? result : kubeconfig_resolve(merged, context, arena, out, error);
}

static void refuse(const char *text, const char *message)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct kubeconfig out;
    struct error error = {0};

    assert_int_equal(resolve(text, NULL, arena, &out, &error), -ERROR_INVALID);
    if (!strstr(error.message, message)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
    assert_null(strstr(error.message, "secret"));
}

static void test_certificates(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct kubeconfig out;
    struct error error = {0};

    (void)state;
    assert_int_equal(
        resolve("apiVersion: v1\nkind: Config\npreferences: {}\n"
                "clusters:\n- name: c\n  cluster:\n    server: https://10.0.0.1:6443/\n"
                "    tls-server-name: kubernetes\n    insecure-skip-tls-verify: false\n"
                "    certificate-authority-data: Q0E=\n    certificate-authority: ignored\n"
                "users:\n- name: u\n  user:\n    client-certificate: certs/u.pem\n"
                "    client-key-data: |\n      S0\n      VZ\n" CONTEXT,
                NULL, arena, &out, &error),
        0);
    assert_string_equal(out.context, "x");
    assert_string_equal(out.server, "https://10.0.0.1:6443");
    assert_string_equal(out.tls_server_name, "kubernetes");
    assert_string_equal(out.ca_pem, "CA");
    assert_null(out.ca_file);
    assert_string_equal(out.certificate_file, "/home/a/.kube/certs/u.pem");
    assert_null(out.certificate_pem);
    assert_string_equal(out.key_pem, "KEY");
    assert_null(out.token);
    assert_null(out.exec);
}

static void test_tokens_and_contexts(void **state)
{
    static const char text[] =
        CLUSTER "users:\n- {name: u, user: {token: abc}}\n- {name: v, user: {tokenFile: /t, "
                "token: abc}}\n- {name: nobody}\n"
                "contexts:\n- {name: x, context: {cluster: c, user: u, namespace: n}}\n"
                "- {name: y, context: {cluster: c, user: v}}\n"
                "- {name: z, context: {cluster: c, user: nobody}}\ncurrent-context: x\n";
    AUTO_ARENA struct arena *arena = arena_new();
    struct kubeconfig out;
    struct error error = {0};

    (void)state;
    assert_int_equal(resolve(text, NULL, arena, &out, &error), 0);
    assert_string_equal(out.token, "abc");
    assert_int_equal(resolve(text, "y", arena, &out, &error), 0);
    assert_string_equal(out.token_file, "/t");
    assert_null(out.token);
    assert_int_equal(resolve(text, "z", arena, &out, &error), 0);
    assert_null(out.token);
    assert_int_equal(resolve(text, "q", arena, &out, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "there is no context \"q\""));
}

static void test_plugin(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct kubeconfig out;
    struct error error = {0};

    (void)state;
    assert_int_equal(
        resolve(
            "clusters:\n- name: c\n  cluster:\n    server: https://h:1\n"
            "    certificate-authority-data: Q0E=\n    extensions:\n"
            "    - {name: other, extension: {a: b}}\n"
            "    - {name: client.authentication.k8s.io/exec, extension: {audience: me}}\n" CONTEXT
                USER("exec: {" V1 ", command: bin/login, args: [get, '7'], "
                     "env: [{name: A, value: b}, {name: B}], interactiveMode: Never, "
                     "provideClusterInfo: true, installHint: install it}"),
            NULL, arena, &out, &error),
        0);
    assert_string_equal(out.exec->command, "/home/a/.kube/bin/login");
    assert_string_equal(out.exec->args[1], "7");
    assert_null(out.exec->args[2]);
    assert_string_equal(out.exec->env[0], "A=b");
    assert_string_equal(out.exec->env[1], "B=");
    assert_null(out.exec->env[2]);
    assert_string_equal(out.exec->install_hint, "install it");
    assert_string_equal(out.exec->cluster,
                        "{\"certificate-authority-data\":\"Q0E=\",\"config\":{\"audience\":\"me\"},"
                        "\"server\":\"https://h:1\"}");
    assert_int_equal(resolve(CLUSTER CONTEXT USER("exec: {apiVersion: "
                                                  "client.authentication.k8s.io/v1beta1, "
                                                  "command: login, args: null, env: null}"),
                             NULL, arena, &out, &error),
                     0);
    assert_string_equal(out.exec->command, "login");
    assert_null(out.exec->args[0]);
    assert_null(out.exec->cluster);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("a: [", "/home/a/.kube/config, line");
    refuse("[a]", "this is no kubeconfig");
    refuse(CLUSTER USER("token: secret"), "no current-context");
    refuse("clusters: 7\n", "clusters must be a list");
    refuse("clusters: [{cluster: {}}]\n", "number 1 of clusters has no name");
    refuse("clusters: [{name: c, cluster: 7}]\n", "cluster \"c\": cluster must have fields");
    refuse(
        CONTEXT USER("token: secret"),
        "/home/a/.kube/config: context \"x\": cluster is \"c\", which is not among the clusters");
    refuse(CLUSTER CONTEXT, "user is \"u\", which is not among the users");
    refuse(CLUSTER "contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n",
           "context \"x\": user is missing");
    refuse("clusters: [{name: c, cluster: {server: h}}]\n" CONTEXT USER(""),
           "cluster \"c\": server must be a URL");
    refuse("clusters: [{name: c, cluster: {server: 'https://h', insecure-skip-tls-verify: "
           "true}}]\n" CONTEXT USER(""),
           "insecure-skip-tls-verify is not supported");
    refuse("clusters: [{name: c, cluster: {server: 'https://h', insecure-skip-tls-verify: "
           "yes}}]\n" CONTEXT USER(""),
           "insecure-skip-tls-verify must be true or false");
    refuse("clusters: [{name: c, cluster: {server: 'https://h', proxy-url: 'http://p'}}]\n" CONTEXT
               USER(""),
           "proxy-url is not supported");
    refuse("clusters: [{name: c, cluster: {server: 'https://h', certificate-authority-data: "
           "'*'}}]\n" CONTEXT USER(""),
           "certificate-authority-data must be PEM text in base64");
    refuse(CLUSTER CONTEXT USER("username: secret"), "user \"u\": username is not supported: API");
    refuse(CLUSTER CONTEXT USER("password: secret"), "password is not supported: API");
    refuse(CLUSTER CONTEXT USER("auth-provider: {name: gcp}"), "auth-provider is not supported");
    refuse(CLUSTER CONTEXT USER("as: secret"), "as is not supported");
    refuse(CLUSTER CONTEXT USER("token: [secret]"), "token must be a single text");
    refuse(CLUSTER CONTEXT USER("client-key-data: c2VjcmV0"), "client-certificate is missing");
    refuse(CLUSTER CONTEXT USER("client-certificate: a"), "client-key is missing");
}

static void test_refused_plugins(void **state)
{
    (void)state;
    refuse(CLUSTER CONTEXT USER("exec: 7"), "exec must have fields");
    refuse(CLUSTER CONTEXT USER("exec: {command: a}"), "exec.apiVersion is \"\", but must be");
    refuse(CLUSTER CONTEXT USER("exec: {apiVersion: client.authentication.k8s.io/v1alpha1}"),
           "exec.apiVersion is \"client.authentication.k8s.io/v1alpha1\", but must be");
    refuse(CLUSTER CONTEXT USER("exec: {" V1 ", command: a}"),
           "exec.interactiveMode must be Never");
    refuse(CLUSTER CONTEXT USER("exec: {" V1 ", command: a, interactiveMode: Always}"),
           "exec.interactiveMode is Always, but there is nobody to ask");
    refuse(CLUSTER CONTEXT USER("exec: {" V1 ", interactiveMode: Never}"),
           "exec.command is missing");
    refuse(CLUSTER CONTEXT USER("exec: {" V1 ", command: a, interactiveMode: Never, args: b}"),
           "exec.args must be a list of texts");
    refuse(CLUSTER CONTEXT USER("exec: {" V1 ", command: a, interactiveMode: Never, "
                                "env: [{name: 'a=b', value: secret}]}"),
           "exec.env must be a list of names and values");
    refuse(
        CLUSTER CONTEXT USER("token: secret, exec: {" V1 ", command: a, interactiveMode: Never}"),
        "exec stands beside another credential");
}

/* --- Files ------------------------------------------------------------------------------- */

static void write_file(const char *directory, const char *name, const char *text, char *path,
                       size_t size)
{
    snprintf(path, size, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The first file wins, entry by entry and never field by field; a path is relative to its own. */
static void test_merging(void **state)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char directory[] = "/tmp/kubeconfig-XXXXXX", one[64], two[64], files[256], wanted[128];
    struct kubeconfig out;
    struct error error = {0};

    (void)state;
    assert_non_null(mkdtemp(directory));
    write_file(directory, "one", CLUSTER "current-context: x\nusers: null\n", one, sizeof one);
    write_file(directory, "two",
               "clusters: [{name: c, cluster: {server: 'https://other', tls-server-name: n}}]\n"
               "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: y\n" USER(
                   "tokenFile: t"),
               two, sizeof two);
    snprintf(files, sizeof files, "%s:%s/absent::%s", one, directory, two);
    assert_int_equal(kubeconfig_load(files, NULL, arena, &out, &error), 0);
    assert_string_equal(out.context, "x");
    assert_string_equal(out.server, "https://h:1");
    assert_null(out.tls_server_name);
    snprintf(wanted, sizeof wanted, "%s/t", directory);
    assert_string_equal(out.token_file, wanted);

    snprintf(files, sizeof files, "%s/absent", directory);
    assert_int_equal(kubeconfig_load(files, NULL, arena, &out, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, files));
    snprintf(files, sizeof files, "%s/absent:%s/gone", directory, directory);
    assert_int_equal(kubeconfig_load(files, NULL, arena, &out, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "there is nothing in"));
    unlink(one);
    unlink(two);
    rmdir(directory);
}

static void test_default_files(void **state)
{
    (void)state;
    setenv("KUBECONFIG", "/a:/b", 1);
    AUTO_FREE char *named = kubeconfig_default_files();
    assert_string_equal(named, "/a:/b");
    unsetenv("KUBECONFIG");
    setenv("HOME", "/nonexistent", 1);
    assert_null(kubeconfig_default_files());
    unsetenv("HOME");
    assert_null(kubeconfig_default_files());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),    cmocka_unit_test(test_tokens_and_contexts),
        cmocka_unit_test(test_plugin),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_plugins), cmocka_unit_test(test_merging),
        cmocka_unit_test(test_default_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
