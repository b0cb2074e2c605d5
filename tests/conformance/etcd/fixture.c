#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

#define DAY_MS INT64_C(86400000)

static const char *const server_names[] = {"*.c-peer.ns.svc", "c-client.ns.svc", "localhost", NULL};
static const char *const server_ips[] = {"127.0.0.1", NULL};

const char *real_etcd(void)
{
    const char *path = getenv("ETCD_BIN");

    return path && *path && !access(path, X_OK) ? path : NULL;
}

/* The kernel does not give it again soon. */
uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void write_file(const struct real_cluster *cluster, const char *name, const char *text)
{
    char *path AUTO_FREE = xasprintf("%s/%s", cluster->directory, name);
    int fd AUTO_CLOSE = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void write_pair(const struct real_cluster *cluster, const char *name,
                       const struct pki_pair *pair)
{
    char file[64];

    snprintf(file, sizeof file, "%s.crt", name);
    write_file(cluster, file, pair->certificate_pem);
    snprintf(file, sizeof file, "%s.key", name);
    write_file(cluster, file, pair->key_pem);
}

static void make_leaf(const struct pki_pair *ca, const struct pki_leaf *leaf, struct pki_pair *out)
{
    struct pki_leaf with_life = *leaf;
    struct error error = {0};

    with_life.lifetime_ms = DAY_MS;
    if (pki_leaf_new(ca, &with_life, clock_wall_ms(), out, &error)) {
        fail_msg("%s", error.message);
    }
}

static void make_certificates(struct real_cluster *cluster, const char *peer_server_cn,
                              const struct pki_leaf *peer_client)
{
    struct pki_leaf server = {.common_name = "c",
                              .dns_names = server_names,
                              .ip_names = server_ips,
                              .server_auth = true,
                              .client_auth = true};
    struct pki_leaf peer = server, root = {.common_name = "root", .client_auth = true};

    peer.common_name = peer_server_cn;
    assert_int_equal(pki_ca_new("client CA", clock_wall_ms(), DAY_MS, &cluster->client_ca, NULL),
                     0);
    assert_int_equal(pki_ca_new("peer CA", clock_wall_ms(), DAY_MS, &cluster->peer_ca, NULL), 0);
    make_leaf(&cluster->client_ca, &server, &cluster->server);
    make_leaf(&cluster->client_ca, &root, &cluster->root);
    make_leaf(&cluster->peer_ca, &peer, &cluster->peer_server);
    make_leaf(&cluster->peer_ca, peer_client, &cluster->peer_client);

    write_file(cluster, "client-ca.crt", cluster->client_ca.certificate_pem);
    write_file(cluster, "peer-ca.crt", cluster->peer_ca.certificate_pem);
    write_pair(cluster, "server", &cluster->server);
    write_pair(cluster, "peer-server", &cluster->peer_server);
    write_pair(cluster, "peer-client", &cluster->peer_client);
}

static void init(struct real_cluster *cluster, bool tls, size_t initial_length)
{
    *cluster = (struct real_cluster){.directory = "/tmp/etcd-conformance-XXXXXX",
                                     .initial_length = initial_length,
                                     .state = "new",
                                     .credentials = {.tls = tls, .key = "ns/c"}};
    assert_non_null(mkdtemp(cluster->directory));
    for (size_t i = 0; i < MEMBERS; i++) {
        struct real_member *member = &cluster->members[i];
        member->client_port = free_port();
        member->peer_port = free_port();
        member->metrics_port = free_port();
        snprintf(member->peer_url, sizeof member->peer_url, "%s://127.0.0.1:%u",
                 tls ? "https" : "http", member->peer_port);
        snprintf(member->server_name, sizeof member->server_name, "c-%zu.c-peer.ns.svc", i);
        cluster->endpoints[i] = (struct etcd_endpoint){.server_name = member->server_name,
                                                       .address = "127.0.0.1",
                                                       .port = member->client_port};
    }
}

void real_cluster_init(struct real_cluster *cluster, const char *peer_server_cn,
                       const struct pki_leaf *peer_client)
{
    init(cluster, true, MEMBERS);
    make_certificates(cluster, peer_server_cn, peer_client);
    cluster->credentials.ca_pem = cluster->client_ca.certificate_pem;
    cluster->credentials.certificate_pem = cluster->root.certificate_pem;
    cluster->credentials.key_pem = cluster->root.key_pem;
}

void real_cluster_init_plain(struct real_cluster *cluster, size_t initial_length)
{
    init(cluster, false, initial_length);
}

#define ARGUMENTS_MAX 64

struct arguments {
    char *list[ARGUMENTS_MAX];
    size_t length;
};

static void add(struct arguments *arguments, const char *flag, char *value)
{
    assert_true(arguments->length + 2 < ARGUMENTS_MAX);
    arguments->list[arguments->length++] = xasprintf("--%s=%s", flag, value);
    free(value);
}

static void add_file(struct arguments *arguments, const struct real_cluster *cluster,
                     const char *flag, const char *name)
{
    add(arguments, flag, xasprintf("%s/%s", cluster->directory, name));
}

static char *initial_cluster(const struct real_cluster *cluster)
{
    struct buffer text = {0};

    for (size_t i = 0; i < cluster->initial_length; i++) {
        buffer_printf(&text, "%sc-%zu=%s", i ? "," : "", i, cluster->members[i].peer_url);
    }
    return text.data;
}

static void add_identity(struct arguments *arguments, const struct real_cluster *cluster,
                         size_t index)
{
    const struct real_member *member = &cluster->members[index];
    const char *scheme = cluster->credentials.tls ? "https" : "http";

    add(arguments, "name", xasprintf("c-%zu", index));
    add(arguments, "data-dir", xasprintf("%s/c-%zu.data", cluster->directory, index));
    add(arguments, "listen-client-urls",
        xasprintf("%s://127.0.0.1:%u", scheme, member->client_port));
    add(arguments, "advertise-client-urls",
        xasprintf("%s://%s:%u", scheme, member->server_name, member->client_port));
    add(arguments, "listen-peer-urls", xstrdup(member->peer_url));
    add(arguments, "initial-advertise-peer-urls", xstrdup(member->peer_url));
    add(arguments, "listen-metrics-urls", xasprintf("http://127.0.0.1:%u", member->metrics_port));
    add(arguments, "initial-cluster", initial_cluster(cluster));
    add(arguments, "initial-cluster-token", xstrdup(TOKEN));
    add(arguments, "initial-cluster-state", xstrdup(cluster->state));
    if (cluster->quota) {
        add(arguments, "quota-backend-bytes", xstrdup(cluster->quota));
    }
}

/* The TLS flags of a member, the same on every version that is supported. */
static void add_tls(struct arguments *arguments, const struct real_cluster *cluster)
{
    add_file(arguments, cluster, "cert-file", "server.crt");
    add_file(arguments, cluster, "key-file", "server.key");
    add(arguments, "client-cert-auth", xstrdup("true"));
    add_file(arguments, cluster, "trusted-ca-file", "client-ca.crt");
    add_file(arguments, cluster, "peer-cert-file", "peer-server.crt");
    add_file(arguments, cluster, "peer-key-file", "peer-server.key");
    add_file(arguments, cluster, "peer-client-cert-file", "peer-client.crt");
    add_file(arguments, cluster, "peer-client-key-file", "peer-client.key");
    add(arguments, "peer-client-cert-auth", xstrdup("true"));
    add_file(arguments, cluster, "peer-trusted-ca-file", "peer-ca.crt");
    add(arguments, "peer-cert-allowed-cn", xstrdup(PEER_CN));
}

static char *log_path(const struct real_cluster *cluster, size_t index)
{
    return xasprintf("%s/c-%zu.log", cluster->directory, index);
}

static void run_member(char *const *arguments, const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

void real_member_start(struct real_cluster *cluster, size_t index)
{
    struct arguments arguments = {.list = {xstrdup(real_etcd())}, .length = 1};
    char *log AUTO_FREE = log_path(cluster, index);

    add_identity(&arguments, cluster, index);
    if (cluster->credentials.tls) {
        add_tls(&arguments, cluster);
    }
    assert_int_equal(cluster->members[index].pid, 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        run_member(arguments.list, log);
    }
    cluster->members[index].pid = pid;
    for (size_t i = 0; i < arguments.length; i++) {
        free(arguments.list[i]);
    }
}

void real_member_signal(struct real_cluster *cluster, size_t index, int signal)
{
    struct real_member *member = &cluster->members[index];

    assert_true(member->pid > 0);
    assert_int_equal(kill(member->pid, signal), 0);
    if (signal == SIGKILL || signal == SIGSTOP) {
        /* The signal is on its way when kill() returns, and threads go on for a moment. */
        while (waitpid(member->pid, NULL, WUNTRACED) < 0 && errno == EINTR) {
        }
    }
    if (signal == SIGKILL) {
        member->pid = 0;
    }
}

bool real_member_logged(const struct real_cluster *cluster, size_t index, const char *words)
{
    char *path AUTO_FREE = log_path(cluster, index);
    FILE *file AUTO_FILE = fopen(path, "re");
    char *line AUTO_FREE = NULL;
    size_t size = 0;
    bool found = false;

    while (file && !found && getline(&line, &size, file) > 0) {
        found = strstr(line, words) != NULL;
    }
    return found;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void remove_tree(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void real_cluster_fini(struct real_cluster *cluster)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (cluster->members[i].pid) {
            real_member_signal(cluster, i, SIGKILL);
        }
    }
    remove_tree(cluster->directory);
    pki_pair_fini(&cluster->client_ca);
    pki_pair_fini(&cluster->peer_ca);
    pki_pair_fini(&cluster->server);
    pki_pair_fini(&cluster->peer_server);
    pki_pair_fini(&cluster->peer_client);
    pki_pair_fini(&cluster->root);
}

bool real_cluster_serves(const struct real_cluster *cluster, const struct etcd_api *api, size_t n,
                         struct arena *arena, struct etcd_look *looks)
{
    api->look(api->context, &cluster->credentials, cluster->endpoints, n, 2000, arena, looks);
    for (size_t i = 0; i < n; i++) {
        if (looks[i].status_error.kind || looks[i].read_error.kind) {
            return false;
        }
    }
    return true;
}

bool wait_until(bool (*condition)(void *context), void *context, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_boot_ms() + timeout_ms;

    while (!condition(context)) {
        if (clock_boot_ms() > deadline_ms) {
            return false;
        }
        usleep(50 * 1000);
    }
    return true;
}
