#include "base/cleanup.h"
#include "etcd/client_internal.h"
#include "rpc.pb-c.h"

static void fill_range(const struct etcd_range_request *in, Etcdserverpb__RangeRequest *out)
{
    etcdserverpb__range_request__init(out);
    out->key = etcd_binary(in->key);
    out->range_end = etcd_binary(in->range_end);
    out->limit = in->limit;
    out->revision = in->revision;
    out->serializable = in->serializable;
    out->keys_only = in->keys_only;
    out->count_only = in->count_only;
}

static void fill_put(struct etcd_bytes key, struct etcd_bytes value, Etcdserverpb__PutRequest *out)
{
    etcdserverpb__put_request__init(out);
    out->key = etcd_binary(key);
    out->value = etcd_binary(value);
}

static void fill_delete(struct etcd_bytes key, struct etcd_bytes range_end,
                        Etcdserverpb__DeleteRangeRequest *out)
{
    etcdserverpb__delete_range_request__init(out);
    out->key = etcd_binary(key);
    out->range_end = etcd_binary(range_end);
}

static int client_range(void *context, const struct etcd_target *target,
                        const struct etcd_range_request *in, struct arena *arena,
                        struct etcd_range *out, struct error *error)
{
    Etcdserverpb__RangeRequest request;
    const struct etcd_question question = {.method = "KV/Range",
                                           .limit = ETCD_DATA_LIMIT,
                                           .request = &request.base,
                                           .decode = etcd_range_decode,
                                           .arena = arena,
                                           .out = out};

    fill_range(in, &request);
    return etcd_ask(context, target, &question, error);
}

static int client_put(void *context, const struct etcd_target *target, struct etcd_bytes key,
                      struct etcd_bytes value, int64_t *revision, struct error *error)
{
    Etcdserverpb__PutRequest request;
    int64_t unwanted;
    const struct etcd_question question = {.method = "KV/Put",
                                           .change = true,
                                           .request = &request.base,
                                           .decode = etcd_put_decode,
                                           .out = revision ? revision : &unwanted};

    fill_put(key, value, &request);
    return etcd_ask(context, target, &question, error);
}

static int client_delete_range(void *context, const struct etcd_target *target,
                               struct etcd_bytes key, struct etcd_bytes range_end, int64_t *deleted,
                               struct error *error)
{
    Etcdserverpb__DeleteRangeRequest request;
    int64_t unwanted;
    const struct etcd_question question = {.method = "KV/DeleteRange",
                                           .change = true,
                                           .request = &request.base,
                                           .decode = etcd_deleted_decode,
                                           .out = deleted ? deleted : &unwanted};

    fill_delete(key, range_end, &request);
    return etcd_ask(context, target, &question, error);
}

static int client_compact(void *context, const struct etcd_target *target, int64_t revision,
                          bool physical, struct error *error)
{
    Etcdserverpb__CompactionRequest request = ETCDSERVERPB__COMPACTION_REQUEST__INIT;
    const struct etcd_question question = {.method = "KV/Compact",
                                           .change = true,
                                           .request = &request.base,
                                           .decode = etcd_header_decode};

    request.revision = revision;
    request.physical = physical;
    return etcd_ask(context, target, &question, error);
}

static Etcdserverpb__Compare *compare_of(const struct etcd_compare *in, struct arena *arena)
{
    Etcdserverpb__Compare *out = arena_alloc(arena, sizeof *out);

    etcdserverpb__compare__init(out);
    out->key = etcd_binary(in->key);
    out->result = (Etcdserverpb__Compare__CompareResult)in->result;
    out->target = (Etcdserverpb__Compare__CompareTarget)in->target;
    switch (in->target) {
    case ETCD_COMPARE_VERSION:
        out->target_union_case = ETCDSERVERPB__COMPARE__TARGET_UNION_VERSION;
        out->version = in->number;
        break;
    case ETCD_COMPARE_CREATE_REVISION:
        out->target_union_case = ETCDSERVERPB__COMPARE__TARGET_UNION_CREATE_REVISION;
        out->create_revision = in->number;
        break;
    case ETCD_COMPARE_MOD_REVISION:
        out->target_union_case = ETCDSERVERPB__COMPARE__TARGET_UNION_MOD_REVISION;
        out->mod_revision = in->number;
        break;
    case ETCD_COMPARE_VALUE:
        out->target_union_case = ETCDSERVERPB__COMPARE__TARGET_UNION_VALUE;
        out->value = etcd_binary(in->value);
        break;
    }
    return out;
}

static Etcdserverpb__RequestOp *op_of(const struct etcd_op *in, struct arena *arena)
{
    Etcdserverpb__RequestOp *out = arena_alloc(arena, sizeof *out);

    etcdserverpb__request_op__init(out);
    switch (in->type) {
    case ETCD_OP_RANGE:
        out->request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_RANGE;
        out->range = arena_alloc(arena, sizeof *out->range);
        fill_range(&in->range, out->range);
        break;
    case ETCD_OP_PUT:
        out->request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_PUT;
        out->put = arena_alloc(arena, sizeof *out->put);
        fill_put(in->key, in->value, out->put);
        break;
    case ETCD_OP_DELETE_RANGE:
        out->request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_DELETE_RANGE;
        out->delete_range = arena_alloc(arena, sizeof *out->delete_range);
        fill_delete(in->range.key, in->range.range_end, out->delete_range);
        break;
    }
    return out;
}

static Etcdserverpb__RequestOp **ops_of(const struct etcd_op *in, size_t n, struct arena *arena)
{
    Etcdserverpb__RequestOp **out = arena_alloc(arena, n * sizeof *out);

    for (size_t i = 0; i < n; i++) {
        out[i] = op_of(&in[i], arena);
    }
    return out;
}

static int client_txn(void *context, const struct etcd_target *target, const struct etcd_txn *txn,
                      struct arena *arena, struct etcd_txn_result *out, struct error *error)
{
    struct arena *scratch AUTO_ARENA = arena_new();
    Etcdserverpb__TxnRequest request = ETCDSERVERPB__TXN_REQUEST__INIT;
    const struct etcd_question question = {.method = "KV/Txn",
                                           .change = true,
                                           .limit = ETCD_DATA_LIMIT,
                                           .request = &request.base,
                                           .decode = etcd_txn_decode,
                                           .arena = arena,
                                           .out = out};

    request.n_compare = txn->n_compares;
    request.compare = arena_alloc(scratch, txn->n_compares * sizeof *request.compare);
    for (size_t i = 0; i < txn->n_compares; i++) {
        request.compare[i] = compare_of(&txn->compares[i], scratch);
    }
    request.n_success = txn->n_success;
    request.success = ops_of(txn->success, txn->n_success, scratch);
    request.n_failure = txn->n_failure;
    request.failure = ops_of(txn->failure, txn->n_failure, scratch);
    return etcd_ask(context, target, &question, error);
}

void etcd_kv_fill(struct etcd_api *api)
{
    api->range = client_range;
    api->put = client_put;
    api->delete_range = client_delete_range;
    api->txn = client_txn;
    api->compact = client_compact;
}
