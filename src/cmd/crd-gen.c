/* crd-gen: prints what is generated from the field tables.  Runs at build time only. */
#include <stdio.h>
#include <string.h>

#include "api/etcdbackup.h"
#include "api/etcdcluster.h"
#include "api/etcdrestore.h"
#include "base/buffer.h"

static const char usage[] = "Usage: crd-gen PLURAL | reference\n"
                            "\n"
                            "PLURAL     prints that kind's CustomResourceDefinition as YAML.\n"
                            "reference  prints the API reference of all kinds as Markdown.\n";

static const struct api_kind *const kinds[] = {&etcdcluster_kind, &etcdbackup_kind,
                                               &etcdrestore_kind};

#define N_KINDS (sizeof kinds / sizeof *kinds)

static void reference(struct buffer *out)
{
    buffer_printf(out, "# API reference\n\n"
                       "Generated from the field tables in src/api by crd-gen; do not edit.\n\n"
                       "A duration is Go's text (`250ms`, `10s`, `1h30m`), a quantity "
                       "Kubernetes' (`100m`, `8Gi`).\n\n");
    for (size_t i = 0; i < N_KINDS; i++) {
        api_reference(kinds[i], out);
    }
}

int main(int argc, char **argv)
{
    AUTO_BUFFER struct buffer out = {0};
    const char *what = argc == 2 ? argv[1] : "";

    for (size_t i = 0; i < N_KINDS; i++) {
        if (!strcmp(what, kinds[i]->plural)) {
            api_crd_yaml(kinds[i], &out);
        }
    }
    if (!strcmp(what, "reference")) {
        reference(&out);
    }
    if (!out.size) {
        fputs(usage, stderr);
        return 2;
    }
    return fwrite(out.data, 1, out.size, stdout) == out.size && !fflush(stdout) ? 0 : 1;
}
