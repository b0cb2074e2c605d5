/* Who the client is: from a kubeconfig's files and from a program, renewed when it must be. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "cmocka_test.h"
#include "fake_server.h"
#include "kube/client.h"
#include "kube/credentials.h"
#include "kube/exec_plugin.h"

struct fixture {
    char directory[32], kubeconfig[64], program[64], answer[64], runs[64];
    struct fake_server *server;
    pthread_mutex_t lock;
    char authorization[128]; /* Of the last request. */
    char good[32];           /* If not empty, others are answered 401. */
};

static bool handle(void *context, struct fake_request *request)
{
    struct fixture *f = context;
    const char *line = strstr(request->headers, "\r\nAuthorization: ");

    pthread_mutex_lock(&f->lock);
    snprintf(f->authorization, sizeof f->authorization, "%.*s",
             line ? (int)strcspn(line + 17, "\r") : 0, line ? line + 17 : "");
    bool good = !*f->good || !strcmp(f->authorization, f->good);
    pthread_mutex_unlock(&f->lock);
    return fake_answer(request, good ? 200 : 401, "", "{}");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    strcpy(f->directory, "/tmp/kube-identity-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->kubeconfig, sizeof f->kubeconfig, "%s/config", f->directory);
    snprintf(f->program, sizeof f->program, "%s/login", f->directory);
    snprintf(f->answer, sizeof f->answer, "%s/answer", f->directory);
    snprintf(f->runs, sizeof f->runs, "%s/runs", f->directory);
    pthread_mutex_init(&f->lock, NULL);
    f->server = fake_server_start(handle, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fake_server_stop(f->server);
    unlink(f->kubeconfig);
    unlink(f->program);
    unlink(f->answer);
    unlink(f->runs);
    assert_int_equal(rmdir(f->directory), 0);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

/* A kubeconfig of one user at the test's server. */
static void write_kubeconfig(struct fixture *f, const char *user)
{
    AUTO_FREE char *text =
        xasprintf("clusters: [{name: c, cluster: {server: '%s'}}]\n"
                  "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
                  "users: [{name: u, user: {%s}}]\n",
                  fake_server_url(f->server), user);
    write_file(f->kubeconfig, text);
}

/* A program that counts its runs and prints the file `answer`. */
static void write_program(struct fixture *f, const char *extra)
{
    AUTO_FREE char *text =
        xasprintf("#!/bin/sh\necho \"$1 $KUBERNETES_EXEC_INFO\" >>%s\n%s\ncat %s\n", f->runs, extra,
                  f->answer);
    write_file(f->program, text);
    chmod(f->program, 0755);
    write_kubeconfig(f, "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, "
                        "args: [get], interactiveMode: IfAvailable, provideClusterInfo: true}");
}

static void write_answer(struct fixture *f, const char *token, const char *expires)
{
    AUTO_FREE char *text =
        xasprintf("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
                  "\"status\":{\"token\":\"%s\"%s%s%s}}",
                  token, expires ? ",\"expirationTimestamp\":\"" : "", expires ? expires : "",
                  expires ? "\"" : "");
    write_file(f->answer, text);
}

static size_t count_runs(const struct fixture *f)
{
    AUTO_FREE char *text = text_file_read(f->runs, 65536, NULL);
    size_t count = 0;

    for (const char *c = text; c && *c; c++) {
        count += *c == '\n';
    }
    return count;
}

static struct kube_client *new_client(const struct fixture *f)
{
    const struct kube_client_options options = {.kubeconfig = f->kubeconfig};
    struct kube_client *client;
    struct error error = {0};

    if (kube_client_new(&options, &client, &error)) {
        fail_msg("%s", error.message);
    }
    return client;
}

static void test_token(void **state)
{
    struct fixture *f = *state;
    struct error error = {0};

    write_kubeconfig(f, "token: t-one");
    struct kube_client *client = new_client(f);
    assert_int_equal(kube_client_ping(client, &error), 0);
    assert_string_equal(f->authorization, "Bearer t-one");
    strcpy(f->good, "Bearer t-two");
    assert_int_equal(kube_client_ping(client, &error), -ERROR_DENIED);
    assert_null(strstr(error.message, "t-one"));
    kube_client_free(client);
}

static void test_token_file(void **state)
{
    struct fixture *f = *state;
    struct error error = {0};

    write_kubeconfig(f, "tokenFile: answer"); /* Relative to the kubeconfig. */
    write_file(f->answer, "t-one\n");
    struct kube_client *client = new_client(f);
    assert_int_equal(kube_client_ping(client, &error), 0);
    assert_string_equal(f->authorization, "Bearer t-one");
    write_file(f->answer, "t-two\n");
    strcpy(f->good, "Bearer t-two");
    assert_int_equal(kube_client_ping(client, &error), 0);
    kube_client_free(client);
}

static void test_a_plugin_is_run_once_until_refused(void **state)
{
    struct fixture *f = *state;
    struct error error = {0};

    write_program(f, "");
    write_answer(f, "t-one", "2999-01-01T00:00:00Z");
    struct kube_client *client = new_client(f);
    assert_int_equal(count_runs(f), 0);
    assert_int_equal(kube_client_ping(client, &error), 0);
    assert_int_equal(kube_client_ping(client, &error), 0);
    assert_string_equal(f->authorization, "Bearer t-one");
    assert_int_equal(count_runs(f), 1);
    AUTO_FREE char *text = text_file_read(f->runs, 65536, NULL);
    assert_non_null(strstr(text, "get {\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":"
                                 "\"ExecCredential\",\"spec\":{\"cluster\":{\"server\":\"http://"));
    assert_non_null(strstr(text, "\"interactive\":false"));

    write_answer(f, "t-two", NULL);
    strcpy(f->good, "Bearer t-two");
    assert_int_equal(kube_client_ping(client, &error), 0);
    assert_int_equal(count_runs(f), 2);
    /* A refusal of the new one as well does not run it with every request. */
    strcpy(f->good, "Bearer t-three");
    assert_int_equal(kube_client_ping(client, &error), -ERROR_DENIED);
    assert_int_equal(kube_client_ping(client, &error), -ERROR_DENIED);
    assert_int_equal(count_runs(f), 2);
    kube_client_free(client);
}

static void test_an_expired_credential_is_renewed(void **state)
{
    struct fixture *f = *state;
    struct error error = {0};
    char soon[CLOCK_RFC3339_SIZE];

    write_program(f, "");
    /* Cut to seconds, the end lies one to two seconds ahead. */
    int64_t end_ms = clock_wall_ms() + 2000;
    write_answer(f, "t-one", clock_rfc3339(end_ms, soon, sizeof soon));
    struct kube_client *client = new_client(f);
    assert_int_equal(kube_client_ping(client, &error), 0);
    assert_int_equal(count_runs(f), 1);
    write_answer(f, "t-two", NULL);
    int64_t deadline = clock_boot_ms() + 20000;
    while (strcmp(f->authorization, "Bearer t-two") != 0 && clock_boot_ms() < deadline) {
        assert_int_equal(kube_client_ping(client, &error), 0);
        usleep(50000);
    }
    assert_string_equal(f->authorization, "Bearer t-two");
    assert_true(clock_wall_ms() >= end_ms - 1000);
    assert_int_equal(count_runs(f), 2);
    kube_client_free(client);
}

static void expect_failure(struct fixture *f, const char *message)
{
    struct kube_client *client = new_client(f);
    struct error error = {0};

    assert_int_equal(kube_client_ping(client, &error), -ERROR_DENIED);
    if (!strstr(error.message, message)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
    assert_null(strstr(error.message, "secret"));
    size_t runs = count_runs(f);
    assert_int_equal(kube_client_ping(client, &error), -ERROR_DENIED); /* From memory. */
    assert_non_null(strstr(error.message, message));
    assert_int_equal(count_runs(f), runs);
    kube_client_free(client);
}

static void test_plugins_that_fail(void **state)
{
    struct fixture *f = *state;

    write_program(f, "exit 3");
    write_answer(f, "secret", NULL);
    expect_failure(f, "/login failed with status 3");
    write_program(f, "kill -9 $$");
    expect_failure(f, "/login was ended by signal 9");
    write_program(f, "head -c 300000 /dev/zero | tr '\\0' x");
    expect_failure(f, "/login prints 262144 bytes and more");
    write_program(f, "");
    write_answer(f, "secret", "2001-01-01T00:00:00Z");
    expect_failure(f, "gives a credential that has expired");
    unlink(f->program);
    expect_failure(f, "/login: No such file or directory");
}

static void test_answers_of_plugins(void **state)
{
#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"v\","
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"secret", "no JSON"},
        {"{\"kind\":\"secret\"}", "no ExecCredential"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"w\"}",
         "apiVersion w, exec.apiVersion is v"},
        {HEAD "\"status\":{}}", "neither a token nor"},
        {HEAD "\"status\":{\"clientCertificateData\":\"secret\"}}", "one of clientCertificateData"},
        {HEAD "\"status\":{\"token\":\"secret\\r\\nX: y\"}}", "no token has"},
        {HEAD "\"status\":{\"token\":\"secret\",\"expirationTimestamp\":\"soon\"}}", "no date"},
    };
    struct exec_credential out;
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        assert_int_equal(exec_plugin_decode(text, strlen(text), "v", &out, &error), -ERROR_DENIED);
        assert_non_null(strstr(error.message, cases[i].message));
        assert_null(strstr(error.message, "secret"));
        exec_credential_fini(&out);
    }
    static const char good[] =
        HEAD "\"status\":{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}}";
    assert_int_equal(exec_plugin_decode(good, strlen(good), "v", &out, &error), 0);
    assert_string_equal(out.certificate_pem, "c");
    assert_string_equal(out.key_pem, "k");
    assert_int_equal(out.expires_ms, 0);
    exec_credential_fini(&out);
}

static void test_the_name_of_the_certificate(void **state)
{
    struct fixture *f = *state;
    struct kube_credentials *credentials;
    struct error error = {0};
    static const struct {
        const char *server, *url, *connect_to;
    } cases[] = {
        {"https://10.0.0.1:6443/a", "https://kubernetes:6443/a", "10.0.0.1"},
        {"https://[::1]:6443", "https://kubernetes:6443", "[::1]"},
        {"https://host", "https://kubernetes", "host"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_FREE char *text = xasprintf(
            "clusters: [{name: c, cluster: {server: '%s', tls-server-name: kubernetes}}]\n"
            "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
            "users: [{name: u}]\n",
            cases[i].server);
        write_file(f->kubeconfig, text);
        const struct kube_client_options options = {.kubeconfig = f->kubeconfig, .context = "x"};
        assert_int_equal(kube_credentials_new(&options, &credentials, &error), 0);
        assert_string_equal(kube_credentials_server(credentials)->url, cases[i].url);
        assert_string_equal(kube_credentials_server(credentials)->connect_to, cases[i].connect_to);
        kube_credentials_free(credentials);
    }
}

static void test_where_the_configuration_comes_from(void **state)
{
    struct fixture *f = *state;
    struct kube_credentials *credentials;
    struct error error = {0};
    const struct kube_client_options nothing = {0};
    const struct kube_client_options named = {.kubeconfig = f->kubeconfig};
    const struct kube_client_options context = {.context = "x"};

    write_kubeconfig(f, "token: t");
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    setenv("KUBECONFIG", f->kubeconfig, 1);
    assert_int_equal(kube_credentials_new(&nothing, &credentials, &error), 0);
    assert_string_equal(kube_credentials_server(credentials)->url, "https://[fd00::1]:443");
    assert_string_equal(kube_credentials_server(credentials)->ca_file,
                        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
    kube_credentials_free(credentials);
    assert_int_equal(kube_credentials_new(&named, &credentials, &error), 0);
    assert_string_equal(kube_credentials_server(credentials)->url, fake_server_url(f->server));
    kube_credentials_free(credentials);
    assert_int_equal(kube_credentials_new(&context, &credentials, &error), 0);
    assert_string_equal(kube_credentials_server(credentials)->url, fake_server_url(f->server));
    kube_credentials_free(credentials);
    unsetenv("KUBERNETES_SERVICE_HOST");
    assert_int_equal(kube_credentials_new(&nothing, &credentials, &error), 0);
    assert_string_equal(kube_credentials_server(credentials)->url, fake_server_url(f->server));
    kube_credentials_free(credentials);
    unsetenv("KUBECONFIG");
    setenv("HOME", "/nonexistent", 1);
    assert_int_equal(kube_credentials_new(&nothing, &credentials, &error), -ERROR_INVALID);
    assert_null(credentials);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_token),
        CASE(test_token_file),
        CASE(test_a_plugin_is_run_once_until_refused),
        CASE(test_an_expired_credential_is_renewed),
        CASE(test_plugins_that_fail),
        CASE(test_answers_of_plugins),
        CASE(test_the_name_of_the_certificate),
        CASE(test_where_the_configuration_comes_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
