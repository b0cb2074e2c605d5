#include "store/options.h"

#include <string.h>

#define VALUE(name, member)                                                                        \
    {                                                                                              \
        name, false, offsetof(struct store_destination, member)                                    \
    }
#define FLAG(name, member)                                                                         \
    {                                                                                              \
        name, true, offsetof(struct store_destination, member)                                     \
    }

const struct store_option store_options[] = {
    VALUE("store", url),
    VALUE("credentials-file", credentials_file),
    VALUE("endpoint", endpoint),
    VALUE("region", region),
    FLAG("path-style", path_style),
    VALUE("ca-file", ca_file),
    VALUE("role-arn", role_arn),
    VALUE("web-identity-token-file", web_identity_token_file),
    VALUE("sts-endpoint", sts_endpoint),
    VALUE("encryption", encryption),
    VALUE("encryption-key", encryption_key_id),
    {0},
};

const char store_options_help[] =
    "  --store URL              s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or\n"
    "                           file:///DIRECTORY.\n"
    "  --credentials-file FILE  S3: the format of AWS's tools, profile default.\n"
    "                           Without it: a role, or anonymous.\n"
    "                           Google: JSON of a service account or an external one.\n"
    "                           Without it: what the metadata server gives.\n"
    "  --role-arn ARN           S3: take this role by the token in the next file.\n"
    "  --web-identity-token-file FILE\n"
    "                           S3: both default to what EKS sets in a pod.\n"
    "  --sts-endpoint URL       S3: who gives the role, if not the region's STS.\n"
    "  --endpoint URL           of a store that is not the provider's own.\n"
    "  --region NAME            of an S3 bucket; us-east-1 if not given.\n"
    "  --path-style             S3: the bucket in the path, not in the host name.\n"
    "  --ca-file FILE           whom to trust instead of the system's CAs.\n"
    "  --encryption KIND        S3: AES256 or aws:kms, at the server.\n"
    "  --encryption-key ID      with aws:kms.\n";

void store_option_set(const struct store_option *option, const char *value,
                      struct store_destination *destination)
{
    char *member = (char *)destination + option->offset;

    if (option->is_flag) {
        *(bool *)member = true;
    } else {
        *(const char **)(void *)member = value;
    }
}
